"""One home on two profiles: running it on either, and the rows of its tables for a comparison.

Belongs here: the parts that tests on fakes and tests in a real account share. Does not belong here: expectations.
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
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome, run_refresh_job
from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.sample_home import create_part_of_the_sample, refresh_sample_once
from finance_platform_tests.environment import clean_environment

RUN_COLUMNS = {"load_timestamp", "loaded_at", "run_id", "attempt", "applied_at", "changes"}
"""Columns with the time, the run or the steps that created a table; they differ between two homes."""

Rows = dict[str, list[tuple[Any, ...]]]
"""Sorted rows by table."""


@dataclass(frozen=True)
class AwsHome:
    """A home whose zones and warehouse are on AWS or on fakes.

    Attributes:
        home: the local folder.
        variables: the settings by environment variable, as a deployment prints them.
    """

    home: Home
    variables: dict[str, str]

    def command(self, *arguments: str) -> CommandResult:
        """Run `finance-platform` on the home, in this process."""
        return self.home.command(*arguments, **self.variables)

    @property
    def settings(self) -> Settings:
        """The home's settings."""
        with clean_environment(self.home.path, **self.variables):
            return load_settings(home=self.home.path)


def local_sample(factory: pytest.TempPathFactory) -> Settings:
    """Return a local home with the sample after its first run; tests must not change it."""
    return _settings_of(refresh_sample_once(factory))


def local_part_of_the_sample(folder: Path) -> Settings:
    """Return a new local home with two months of the sample, a year apart, after its first run."""
    with dagster_jobs_in_this_process():
        return _settings_of(run_refresh_job(create_part_of_the_sample(folder, "2024-03", "2025-03")))


def _settings_of(home: RefreshedHome) -> Settings:
    assert home.succeeded
    with clean_environment(home.path):
        return load_settings(home=home.path)


def warehouse_rows(settings: Settings) -> Rows:
    """Return every row of every table of a warehouse, without `RUN_COLUMNS`."""
    warehouse, rows = open_warehouse(settings), {}
    for contract in WAREHOUSE:
        names = ", ".join(column.sql_name for column in contract.columns if column.name not in RUN_COLUMNS)
        rows[contract.table] = sorted(warehouse.query(f"SELECT {names} FROM {contract.table}").rows, key=repr)
    return rows


def processed_rows(settings: Settings) -> Rows:
    """Return every row of every table of a processed zone."""
    processed = processed_zone(settings)
    keys: dict[str, list[str]] = {contract.name: [] for contract in (*PROCESSED, *STAR)}
    for commit in read_commits(processed).values():
        for table, files in commit.files.items():
            keys.setdefault(table, []).extend(file.key for file in files)
    for (table, _), slice_commit in read_snapshot(processed, StarSettings.of(settings)).built.items():
        keys[table] += [file.key for file in slice_commit.files]
    return {
        table: sorted((row for key in table_keys for row in _read_rows(processed, key)), key=repr)
        for table, table_keys in keys.items()
    }


def _read_rows(processed: ObjectStore, key: str) -> Iterator[tuple[Any, ...]]:
    with processed.open(key) as stream:
        for row in pq.ParquetFile(stream).read().to_pylist():
            yield tuple(row.items())
