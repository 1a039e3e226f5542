"""The whole job on a home, in this process, and what came of it.

Belongs here: running the refresh job, asking the lake and the warehouse. Does not belong here: expectations.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.settings import load_settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.environment import clean_environment

CENT = Decimal("0.01")


@dataclass(frozen=True)
class CheckFound:
    """One check of a run."""

    name: str
    passed: bool
    is_warning: bool


@dataclass(frozen=True)
class RefreshedHome:
    """A home after a run of the job.

    Attributes:
        path: the home.
        succeeded: whether every step did.
        checks: every check that the run evaluated.
        warnings: what the run logged as a warning.
        errors: what it logged as an error or worse.
    """

    path: Path
    succeeded: bool
    checks: Sequence[CheckFound]
    warnings: Sequence[str]
    errors: Sequence[str]

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
        """What the register and the commits say."""
        return derive_state(Register(self.processed).events(), read_commits(self.processed))

    def commits(self) -> dict[str, DeliveryCommit]:
        """Return the commits of the live deliveries by raw object."""
        return {delivery.commit.object_key: delivery.commit for delivery in self.state.live}

    def rows(self, commit: DeliveryCommit, table: str) -> list[dict[str, Any]]:
        """Return a delivery's rows of a table, by line."""
        files = [self.path / "processed" / file.key for file in commit.files.get(table, ())]
        rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
        return sorted(rows, key=lambda row: row.get("source_row", 0))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what the warehouse answers."""
        return self.warehouse.query(sql).rows

    def files(self) -> dict[str, tuple[int, int]]:
        """Return size and time of every file of the processed zone and of the warehouse."""
        found = [path for path in (self.path / "processed").rglob("*") if path.is_file()]
        found.append(self.path / "warehouse.duckdb")
        return {str(path.relative_to(self.path)): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}

    def failed_checks(self) -> list[str]:
        """Return the checks that failed and are no mere warnings."""
        return [check.name for check in self.checks if not check.passed and not check.is_warning]


def refresh(home: Path, spark_engine: str = "sail", **environment: str) -> RefreshedHome:
    """Run the job that the UI, the sensors and the command line run."""
    with clean_environment(home, **environment), open_instance(home / "dagster") as instance:
        settings = load_settings(home=home, spark_engine=spark_engine)
        job = build_definitions(settings).resolve_job_def("refresh")
        result = job.execute_in_process(instance=instance, run_config={"loggers": {"quiet": {}}}, raise_on_error=False)
        logged = [(int(record.level), record.user_message) for record in instance.all_logs(result.run_id)]
    return RefreshedHome(
        home,
        result.success,
        [_check(evaluation) for evaluation in result.get_asset_check_evaluations()],
        [message for level, message in logged if level == logging.WARNING],
        [message for level, message in logged if level >= logging.ERROR],
    )


def _check(evaluation: dg.AssetCheckEvaluation) -> CheckFound:
    name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
    return CheckFound(name, evaluation.passed, evaluation.severity == dg.AssetCheckSeverity.WARN)
