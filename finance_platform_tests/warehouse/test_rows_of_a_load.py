"""What a load reads of the warehouse: the slices that it replaces, whatever else is published.

Belongs here: counts of statements, files and rows. Does not belong here: what the statements do (see `test_load`),
what the audit finds (see `test_audit`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from finance_platform.contracts.star import DIM_DATE, DIM_DEPARTMENT
from finance_platform.quality.invariants import AuditScope
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import NO_PARAMETERS, LoadConnection, Parameters, QueryResult, Warehouse
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    LOADED_AT,
    RENT,
    SALES,
    Fact,
    StarFiles,
    days,
    departments,
)
from finance_platform_tests.warehouse.test_audit import audit_of, snapshot_with

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()


@dataclass
class Reading:
    """The statements of a load, and the rows of FactFinancials and Movements within the bounds of each."""

    warehouse: Warehouse
    statements: int = 0
    rows: int = 0
    files: int = 0

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        with self.warehouse.transaction() as connection:
            yield cast("LoadConnection", ReadingConnection(connection, self))

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        return self.warehouse.query(sql, parameters)


@dataclass
class ReadingConnection:
    connection: LoadConnection
    reading: Reading

    def lock(self, table: str) -> None:
        self.connection.lock(table)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        self._count(sql, parameters)
        return self.connection.query(sql, parameters)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        self._count(sql, parameters)
        self.connection.execute(sql, parameters)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        self.reading.statements += 1
        self.reading.files += len(files)
        return self.connection.copy(stage_table, columns, files)

    def _count(self, sql: str, parameters: Parameters) -> None:
        self.reading.statements += 1
        bounds: list[Any] = [value for name, value in parameters.items() if name.startswith(("first", "last"))]
        for table, column in (("FactFinancials", "DateKey"), ("Movements", "LoadedAt")):
            if not re.search(rf"(FROM|JOIN) {table}\b", sql):
                continue
            where = f" WHERE {column} BETWEEN {_literal(min(bounds))} AND {_literal(max(bounds))}" if bounds else ""
            if table == "Movements" and "loaded_at" in parameters:
                where = f" WHERE {column} = {_literal(parameters['loaded_at'])}"
            self.reading.rows += self.connection.query(f"SELECT COUNT(*) FROM {table}{where}").rows[0][0]


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"CAST('{value}' AS TIMESTAMP)"


def loads(warehouse: Warehouse, star_files: StarFiles, months: int) -> tuple[Reading, Reading]:
    """Load some months, then two of them and the departments again; return what the first and the last load read."""
    periods = [f"{2020 + month // 12}-{month % 12 + 1:02d}" for month in range(months)]

    def month(period: str, version: str, amount: str) -> SliceToLoad:
        facts = [Fact(f"{period}-{day:02d}", SALES, RENT, ACTUAL, amount) for day in range(1, 11)]
        return star_files.facts(period, version, facts)

    dates = star_files.dimension(DIM_DATE, [day for year in (2020, 2021, 2022) for day in days(year)])
    others = [target for target in star_files.dimensions() if target.contract_name != DIM_DATE.name]
    base = {period: month(period, "v1", "10.00") for period in periods}
    first = Reading(warehouse)
    publish(
        cast("Warehouse", first), LoadRequest([dates, *others, *base.values()], run_id="run-1", loaded_at=LOADED_AT)
    )
    moved = month(periods[2], "v2", "12.00")
    publish(warehouse, LoadRequest([moved], run_id="run-2", loaded_at=LOADED_AT + timedelta(days=1)))
    new = {period: month(period, "v3", "11.00") for period in periods[:2]}
    again = [star_files.dimension(DIM_DEPARTMENT, departments(), "d2"), *new.values()]
    after = snapshot_with(*{**base, moved.slice: moved, **new}.values())
    reading = Reading(warehouse)
    publish(
        cast("Warehouse", reading),
        LoadRequest(
            again,
            run_id="run-3",
            loaded_at=LOADED_AT + timedelta(days=2),
            lines={period: {(SALES, ACTUAL): 10} for period in periods},
        ),
        audit=audit_of(after, scope=AuditScope.of([one.name for one in again], warehouse)),
    )
    return first, reading


def test_a_small_load_runs_as_many_statements_and_reads_as_many_rows_on_a_base_of_ten_times_the_size(
    engine: Engine, star_files: StarFiles, tmp_path: Path
) -> None:
    (first, small), (_, large) = (loads(engine.empty(tmp_path / str(months)), star_files, months) for months in (3, 30))

    # Nothing was published before, so no movement is looked for.
    assert (first.statements, first.rows) == (35, 30)
    assert (large.statements, large.files, large.rows) == (small.statements, small.files, small.rows)
    # docs/performance.md has the number.
    assert (small.statements, small.files) == (40, 3)
    # Twenty rows are staged and deleted, and twenty new ones read by five checks.
    assert small.rows == 20 + 20 + 5 * 20


def test_slices_with_the_rows_of_the_published_version_cost_no_statement_each(
    engine: Engine, star_files: StarFiles, tmp_path: Path
) -> None:
    def unchanged_load(months: int) -> Reading:
        warehouse = engine.empty(tmp_path / str(months))
        periods = [f"{2020 + month // 12}-{month % 12 + 1:02d}" for month in range(months)]
        facts = {one: star_files.facts(one, "v1", [Fact(f"{one}-01", SALES, RENT, ACTUAL, "10.00")]) for one in periods}
        dates = star_files.dimension(DIM_DATE, [day for year in (2020, 2021, 2022) for day in days(year)])
        others = [target for target in star_files.dimensions() if target.contract_name != DIM_DATE.name]
        publish(warehouse, LoadRequest([dates, *others, *facts.values()], run_id="run-1", loaded_at=LOADED_AT))
        again = [replace(one, version="v2", rows_of="v1") for one in facts.values()]
        reading = Reading(warehouse)
        publish(
            cast("Warehouse", reading),
            LoadRequest(
                again,
                run_id="run-2",
                loaded_at=LOADED_AT + timedelta(days=1),
                lines={period: {(SALES, ACTUAL): 1} for period in periods},
            ),
            audit=audit_of(snapshot_with(*again), scope=AuditScope.of([], warehouse)),
        )
        return reading

    few, many = unchanged_load(3), unchanged_load(30)

    assert (many.statements, many.files, many.rows) == (few.statements, 0, 0)
    # docs/performance.md has the number.
    assert few.statements == 7
