"""Builds of the star from a few Parquet files of ledger lines, without deliveries, a warehouse or a raw zone.

Belongs here: files of lines, the request that names them, running it. Does not belong here: expectations.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs.build_star_job import build_slices
from finance_platform.spark_jobs.requests import BuildRequest, CountedLines, SourceFile, SupersededKeys
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.in_process_jobs import InProcessArguments
from finance_platform_tests.transforms.rows import Row


@dataclass
class SmallBuild:
    """Files of lines in a store, and whose lines count.

    Attributes:
        store: the processed zone.
        deliveries: those that are live, in the defined order.
        periods: the periods to build.
        files: the files so far.
        superseded_keys: whose lines a later delivery supersedes by key.
    """

    store: ObjectStore
    deliveries: Sequence[str]
    periods: Sequence[str]
    files: list[SourceFile] = field(default_factory=list)
    superseded_keys: Sequence[SupersededKeys] = ()

    def add(
        self,
        key: str,
        rows: Iterable[Row],
        counting: Sequence[str],
        *,
        is_shared: bool = False,
        lacks: Collection[str] = (),
    ) -> DataFile:
        """Write a file with the lines of some deliveries, without columns that it lacks."""
        names = set(TRANSACTIONS.column_names)
        lines = [{name: value for name, value in row.items() if name in names} for row in rows]
        table = pa.Table.from_pylist(lines, arrow_schema(TRANSACTIONS.columns)).drop_columns(list(lacks))
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        self.store.write(key, buffer.getvalue())
        file = DataFile(key, buffer.tell(), is_shared)
        self.files.append(SourceFile(key.split("/")[0], file, [self.deliveries.index(one) for one in counting]))
        return file

    def run(self, spark: SparkSession, attempt: str, scenarios: Mapping[str, Sequence[str]]) -> list[SliceCommit]:
        """Build the periods and return their commits.

        Args:
            spark: the session.
            attempt: a name that no other build has.
            scenarios: the deliveries with lines of each scenario.
        """
        targets = [TargetSlice(FACT_FINANCIALS.name, one, attempt, {"actual_covers": True}) for one in self.periods]
        request = BuildRequest(
            deliveries=self.deliveries,
            files=self.files,
            slices=targets,
            counted=[
                CountedLines(period, scenario, [self.deliveries.index(name) for name in names], 100)
                for period in self.periods
                for scenario, names in scenarios.items()
            ],
            superseded_keys=self.superseded_keys,
            superseded_scopes=[],
            scenarios=[(name, name) for name in scenarios],
            baseline_scenario="Budget",
        )
        arguments = InProcessArguments(self.store.root, self.store.root, attempt, "sail", store=self.store)
        build_slices(spark, arguments, request)
        commits = [read_slice(self.store, FACT_FINANCIALS.name, period, attempt) for period in self.periods]
        return [commit for commit in commits if commit is not None]

    def rows(self, commits: Iterable[SliceCommit]) -> list[Row]:
        """Return the rows of built slices."""
        files = [pq.read_table(io.BytesIO(self.store.read(file.key))) for one in commits for file in one.files]
        rows: list[Row] = pa.concat_tables(files).to_pylist()
        return rows
