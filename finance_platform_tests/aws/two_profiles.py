"""One home on two profiles: running it on either, and every row of every table that came of it.

Belongs here: what the stand-ins' tests and those of a real account share. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone
from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR, WAREHOUSE
from finance_platform.deliveries.commits import read_commits
from finance_platform.settings import Settings, StarSettings, load_settings
from finance_platform.slices.snapshot import take_snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.end_to_end.small_home import Ended, Home
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.session_artifacts import session_artifact

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "raw"
OF_A_RUN = {"load_timestamp", "loaded_at", "run_id", "attempt", "applied_at", "changes"}
"""Columns that say when, by which run, and in which steps tables were made; two homes differ in them."""


@dataclass(frozen=True)
class AwsHome:
    """A home whose zones and warehouse are on AWS, or on what stands in for it.

    Attributes:
        home: the folder of what is not.
        variables: its settings, as a deployment prints them.
    """

    home: Home
    variables: dict[str, str]

    def command(self, *arguments: str) -> Ended:
        """Run `finance-platform` on it, in this process."""
        return self.home.command(*arguments, **self.variables)

    @property
    def settings(self) -> Settings:
        """Its settings, parsed."""
        with clean_environment(self.home.path, **self.variables):
            return load_settings(home=self.home.path)


def local_sample(factory: pytest.TempPathFactory) -> Settings:
    """Return a home with the sample after its first run on a laptop; nobody may change it."""

    def run(folder: Path) -> None:
        home = Home(folder)
        for path in sorted(SAMPLE.iterdir()):
            home.write(f"raw/{path.name}", path.read_bytes())
        assert home.command("run").returncode == 0

    folder = session_artifact(factory, "sample_once_run", run)
    with clean_environment(folder):
        return load_settings(home=folder)


def in_warehouse(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of a warehouse, but for what says when and by which run."""
    warehouse, found = open_warehouse(settings), {}
    for contract in WAREHOUSE:
        names = ", ".join(column.sql_name for column in contract.columns if column.name not in OF_A_RUN)
        found[contract.table] = sorted(warehouse.query(f"SELECT {names} FROM {contract.table}").rows, key=repr)
    return found


def in_lake(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of a processed zone."""
    lake = processed_zone(settings)
    keys: dict[str, list[str]] = {contract.name: [] for contract in (*PROCESSED, *STAR)}
    for commit in read_commits(lake).values():
        for table, files in commit.files.items():
            keys.setdefault(table, []).extend(file.key for file in files)
    for (table, _), slice_commit in take_snapshot(lake, StarSettings.of(settings), record=False).built.items():
        keys[table] += [file.key for file in slice_commit.files]
    return {table: sorted((row for key in of for row in rows_of(lake, key)), key=repr) for table, of in keys.items()}


def rows_of(lake: ObjectStore, key: str) -> Iterator[tuple[Any, ...]]:
    with lake.open(key) as stream:
        for row in pq.ParquetFile(stream).read().to_pylist():
            yield tuple(row.items())
