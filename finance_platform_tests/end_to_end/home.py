"""A home on disk: its files, the commands run on it, and its results.

Belongs here: writing files, running commands, reading the zones and the warehouse. Does not belong here: data (see
`small_home`, `adventureworks_home`), refreshes without a command (see `in_process_refresh`, `dagster_refresh`).

A command takes the same path from its arguments to its exit code in this process and in its own. Its own process costs
two seconds of imports, so only tests of starting, ending and killing a process use one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform.contracts.star import STAR
from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.refresh.steps.full_audit import AUDITED
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.kept_readers import reader_of
from finance_platform.warehouse.duckdb.session import run_query
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.installed_wheel import installed_environment
from finance_platform_tests.open_readers import readers_stay_open

Tables = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Home:
    """A home folder."""

    path: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file below the home, as a sender or a person does."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def copied_to(self, path: Path) -> Home:
        """Return a copy, with the times of its files, by which changes are found."""
        shutil.copytree(self.path, path, copy_function=shutil.copy2)
        return Home(path)

    # Commands

    def command(self, *arguments: str, standard_input: str | None = None, **environment: str) -> CommandResult:
        """Run `finance-platform` with `--home` in this process."""
        command = self._with_home(arguments)
        with clean_environment(self.path, **environment), readers_stay_open():
            result = CliRunner().invoke(main, command, input=standard_input, prog_name="finance-platform")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, program: str = "", **environment: str) -> CommandResult:
        """Run `finance-platform` with `--home` in its own process; with `program`, that one of an installed wheel."""
        command = [program] if program else [sys.executable, "-m", "finance_platform.cli"]
        with clean_environment(self.path, **environment):
            result = subprocess.run(
                [*command, *self._with_home(arguments)],
                capture_output=True,
                text=True,
                check=False,
                env=installed_environment() if program else dict(os.environ),
                timeout=180,
            )
        return CommandResult(result.returncode, result.stdout, result.stderr)

    def _with_home(self, arguments: tuple[str, ...]) -> list[str]:
        name, *rest = arguments
        return [name, "--home", str(self.path), *rest]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return a query's rows as the command `query` prints them."""
        result = self.command("query", sql, "--format", "json")
        assert result.returncode == 0, result.stderr
        return list(json.loads(result.stdout))

    # Results

    @property
    def processed(self) -> LocalStore:
        """The processed zone."""
        return LocalStore(self.path / "processed")

    @property
    def warehouse(self) -> DuckDBWarehouse:
        """The warehouse."""
        return DuckDBWarehouse(self.path / "warehouse.duckdb")

    @property
    def state(self) -> DeliveryState:
        """The state that follows from the register and the commits."""
        return derive_state(Register(self.processed).events(), read_commits(self.processed))

    def commits(self) -> dict[str, DeliveryCommit]:
        """Return the commits of the live deliveries by raw object."""
        return {delivery.commit.object_key: delivery.commit for delivery in self.state.live}

    def rows(self, commit: DeliveryCommit, table: str) -> list[dict[str, Any]]:
        """Return a delivery's rows of a table, by line."""
        files = [self.path / "processed" / file.key for file in commit.files.get(table, ())]
        rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
        own = [row for row in rows if row.get("delivery_id", commit.delivery_id) == commit.delivery_id]
        return sorted(own, key=lambda row: row.get("source_row", 0))

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return a query's rows as the warehouse returns them."""
        return self.warehouse.query(sql).rows

    def tables(self) -> Tables:
        """Return every row of every table of the star, without the columns that the load sets."""
        tables = {}
        with reader_of(self.warehouse.path) as connection:
            for contract in STAR:
                names = ", ".join(column.sql_name for column in contract.stored_columns)
                sql = f"SELECT {names} FROM {contract.table} ORDER BY {names}"
                tables[contract.table] = run_query(connection, sql).rows
        return tables

    def files(self) -> dict[str, tuple[int, int]]:
        """Return size and time of every file of the warehouse and the processed zone, but for the run's records."""
        records = {self.path / "processed" / key for key in (COMPLETE, AUDITED)}
        paths = [path for path in (self.path / "processed").rglob("*") if path.is_file() and path not in records]
        paths.append(self.path / "warehouse.duckdb")
        return {str(path.relative_to(self.path)): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def copy_home(path: Path, target: Path) -> Home:
    """Copy a home; its files keep their times, so that they do not look changed."""
    shutil.copytree(path, target, copy_function=shutil.copy2)
    return Home(target)
