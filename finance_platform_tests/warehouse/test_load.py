"""The load transaction: exactly once, all or nothing, and only rows that match the declared totals.

Belongs here: `load.publish` on every warehouse, with real Parquet.
Does not belong here: one adapter (see `test_duckdb`, and `test_redshift` among the tests of AWS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import DIM_DEPARTMENT, STAR
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, LoadResult, SliceSum, SliceToLoad
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
    Queryable,
    QueryResult,
    Warehouse,
)
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine, contents
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    LOADED_AT,
    RENT,
    SALES,
    Fact,
    StarFiles,
    departments,
    february,
    january,
    removed,
)

ENGINES = EVERY_ENGINE
ONE_CASE_ON_REDSHIFT = True
ON_REDSHIFT_BY_DAY = (
    "test_a_first_load_publishes_every_row_and_records_it_in_the_ledger",
    "test_a_slice_whose_rows_differ_from_its_totals_rolls_everything_back",
    "test_a_file_with_rows_of_another_period_is_rejected",
    "test_a_missing_file_publishes_nothing",
    "test_nothing_is_published_if_there_is_no_warehouse",
)
FACT = "fact_financials"
StateOf = Callable[[Warehouse], object]


def load_into(warehouse: Any, *slices: SliceToLoad, run_id: str = "run-2") -> LoadResult:
    return publish(warehouse, LoadRequest(slices, run_id=run_id, loaded_at=LOADED_AT))


def amount_by_period(warehouse: Warehouse) -> dict[str, Decimal]:
    rows = warehouse.query(
        "SELECT YearMonth, SUM(Amount) FROM FactFinancials JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey "
        "GROUP BY YearMonth"
    ).rows
    return dict(rows)


def test_a_first_load_publishes_every_row_and_records_it_in_the_ledger(
    warehouse: Warehouse, star_files: StarFiles
) -> None:
    january_slice = star_files.facts("2025-01", "j1", january(), files=3)

    result = load_into(warehouse, january_slice, *star_files.dimensions(), run_id="run-1")

    assert result.load_number == 1
    tables = ["dim_date", "dim_department", "dim_account", "dim_scenario", FACT]
    assert [target.contract_name for target in result.loaded] == tables
    assert warehouse.query("SELECT COUNT(*) FROM FactFinancials").rows == [(10,)]
    assert warehouse.query("SELECT COUNT(*) FROM DimDate").rows == [(365,)]
    published = published_slices(warehouse)
    assert {name: (slice_.version, slice_.row_count) for name, slice_ in published.items()} == {
        ("dim_date", "all"): ("d1", 365),
        ("dim_department", "all"): ("d1", 2),
        ("dim_account", "all"): ("d1", 5),
        ("dim_scenario", "all"): ("d1", 3),
        (FACT, "2025-01"): ("j1", 10),
    }
    assert published[FACT, "2025-01"].amount == sum(Decimal(fact.amount) for fact in january())
    assert published[FACT, "2025-01"].loaded_at == LOADED_AT.replace(tzinfo=None)


def test_every_row_carries_the_time_of_its_load_in_utc(warehouse: Warehouse, star_files: StarFiles) -> None:
    tokyo = datetime.fromisoformat("2025-07-01T21:00:00+09:00")
    publish(warehouse, LoadRequest([star_files.facts("2025-01", "j1", january())], run_id="run-1", loaded_at=tokyo))

    stamps = warehouse.query("SELECT DISTINCT LoadTimestamp FROM FactFinancials").rows

    assert stamps == [(datetime.fromisoformat("2025-07-01T12:00:00"),)]


def test_a_load_time_without_a_zone_is_rejected() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        LoadRequest([], run_id="run-1", loaded_at=datetime.fromisoformat("2025-07-01"))


def test_a_second_load_of_the_same_versions_does_nothing(
    loaded: Warehouse, star_files: StarFiles, state_of: StateOf
) -> None:
    before = state_of(loaded)

    same = [
        star_files.facts("2025-01", "j1", january()),
        star_files.facts("2025-02", "f1", february()),
        *star_files.dimensions(),
    ]
    result = load_into(loaded, *same)

    assert (result.load_number, result.loaded) == (None, ())
    assert state_of(loaded) == before


def test_a_forced_slice_is_loaded_again_in_the_same_version(loaded: Warehouse, star_files: StarFiles) -> None:
    unchanged = [star_files.facts("2025-01", "j1", january()), star_files.facts("2025-02", "f1", february())]

    result = publish(loaded, LoadRequest(unchanged, run_id="run-2", loaded_at=LOADED_AT, force={(FACT, "2025-01")}))

    assert [slice_.name for slice_ in result.loaded] == [(FACT, "2025-01")]
    assert published_slices(loaded)[FACT, "2025-01"].load_number == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(12,)]


def test_a_replaced_slice_does_not_change_the_other_slices(loaded: Warehouse, star_files: StarFiles) -> None:
    others = loaded.query("SELECT * FROM FactFinancials WHERE DateKey < 20250201 ORDER BY 1, 2, 3, 4").rows

    result = load_into(loaded, star_files.facts("2025-02", "f2", [Fact("2025-02-28", SALES, RENT, ACTUAL, "7.00")]))

    assert [target.name for target in result.loaded] == [(FACT, "2025-02")]
    assert loaded.query("SELECT DateKey, Amount FROM FactFinancials WHERE DateKey >= 20250201").rows == [
        (20250228, Decimal("7.00"))
    ]
    assert loaded.query("SELECT * FROM FactFinancials WHERE DateKey < 20250201 ORDER BY 1, 2, 3, 4").rows == others
    assert published_slices(loaded)[FACT, "2025-02"].load_number == 2
    assert published_slices(loaded)[FACT, "2025-01"].load_number == 1


def test_a_slice_with_the_rows_of_the_published_version_is_recorded_and_its_rows_stay(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    before = loaded.query("SELECT * FROM FactFinancials ORDER BY 1, 2, 3, 4").rows
    same = [
        replace(star_files.facts("2025-01", "j2", january()), rows_of="j1", files=("nothing reads it",)),
        replace(star_files.dimension(DIM_DEPARTMENT, departments(), "d2"), rows_of="d1"),
    ]

    result = publish(loaded, LoadRequest(same, run_id="run-2", loaded_at=LOADED_AT + timedelta(days=1)))

    assert (result.load_number, result.loaded) == (2, ())
    assert set(result.unchanged) == {(FACT, "2025-01"), ("dim_department", "all")}
    assert loaded.query("SELECT * FROM Movements").rows == []
    assert loaded.query("SELECT * FROM FactFinancials ORDER BY 1, 2, 3, 4").rows == before
    published = published_slices(loaded)[FACT, "2025-01"]
    assert (published.version, published.row_count, published.load_number) == ("j2", 10, 2)
    assert published.amount == sum(Decimal(fact.amount) for fact in january())


def test_a_slice_with_the_rows_of_a_version_that_is_not_published_any_more_is_refused(
    loaded: Warehouse, star_files: StarFiles, state_of: StateOf
) -> None:
    before = state_of(loaded)
    with pytest.raises(LoadError, match="loaded by somebody else in the meantime"):
        load_into(loaded, replace(star_files.facts("2025-01", "j3", january()), rows_of="j2"))
    assert state_of(loaded) == before


def test_a_forced_slice_with_the_rows_of_the_published_version_is_loaded(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    same = replace(star_files.facts("2025-01", "j2", january()), rows_of="j1")
    result = publish(loaded, LoadRequest([same], run_id="run-2", loaded_at=LOADED_AT, force={(FACT, "2025-01")}))
    assert ([one.name for one in result.loaded], result.unchanged) == ([(FACT, "2025-01")], ())


def test_a_removed_slice_is_in_neither_the_table_nor_the_published_slices(loaded: Warehouse) -> None:
    result = load_into(loaded, removed("2025-01"))

    assert [target.name for target in result.loaded] == [(FACT, "2025-01")]
    assert list(amount_by_period(loaded)) == ["2025-02"]
    assert (FACT, "2025-01") not in published_slices(loaded)
    assert loaded.query("SELECT Slice, RowCount FROM LoadLedger WHERE IsRemoved").rows == [("2025-01", 0)]


def test_removing_an_unpublished_slice_does_nothing(loaded: Warehouse) -> None:
    result = load_into(loaded, removed("2031-12"))

    assert result.loaded == ()


def test_a_removed_slice_can_be_published_again_in_its_former_version(loaded: Warehouse, star_files: StarFiles) -> None:
    load_into(loaded, removed("2025-02"))

    result = load_into(loaded, star_files.facts("2025-02", "f1", february()))

    assert result.load_number == 3
    assert amount_by_period(loaded)["2025-02"] == Decimal("1350.50")


def test_a_slice_without_rows_is_published_as_empty(loaded: Warehouse) -> None:
    load_into(loaded, SliceToLoad(FACT, "2025-02", "f2"))

    assert list(amount_by_period(loaded)) == ["2025-01"]
    assert published_slices(loaded)[FACT, "2025-02"].row_count == 0


def test_a_dimension_is_replaced_whole(loaded: Warehouse, star_files: StarFiles) -> None:
    only_one = [{**departments()[0], "department_name": "Selling"}]

    load_into(loaded, star_files.dimension(DIM_DEPARTMENT, only_one, "d2"))

    assert loaded.query("SELECT DepartmentName FROM DimDepartment").rows == [("Selling",)]
    assert loaded.query("SELECT COUNT(*) FROM DimAccount").rows == [(5,)]


def test_more_slices_than_fit_into_one_ledger_statement_are_all_written(
    warehouse: Warehouse, star_files: StarFiles
) -> None:
    file = star_files.facts("2025-01", "x", january())
    empty = [SliceToLoad(FACT, f"{year}-{month:02}", "e") for year in range(2000, 2020) for month in range(1, 13)]

    load_into(warehouse, file, *empty)

    assert len(published_slices(warehouse)) == 241
    assert warehouse.query("SELECT COUNT(*) FROM LoadLedger").rows == [(241,)]


def _wrong_count(slice_: SliceToLoad) -> SliceToLoad:
    first, *others = slice_.sums
    return replace(
        slice_, row_count=slice_.row_count + 1, sums=(replace(first, row_count=first.row_count + 1), *others)
    )


def _wrong_amount(slice_: SliceToLoad) -> SliceToLoad:
    first, *others = slice_.sums
    return replace(slice_, sums=(replace(first, amount=first.amount + Decimal("0.01")), *others))


def _wrong_budget(slice_: SliceToLoad) -> SliceToLoad:
    first, *others = slice_.sums
    return replace(slice_, sums=(replace(first, budget_amount=first.budget_amount - Decimal("0.01")), *others))


def _money_in_another_scenario(slice_: SliceToLoad) -> SliceToLoad:
    first, *others = slice_.sums
    return replace(slice_, sums=(replace(first, scenario_key=99), *others))


@pytest.mark.parametrize("break_slice", [_wrong_count, _wrong_amount, _wrong_budget, _money_in_another_scenario])
def test_a_slice_whose_rows_differ_from_its_totals_rolls_everything_back(
    loaded: Warehouse, star_files: StarFiles, state_of: StateOf, break_slice: Any
) -> None:
    before = state_of(loaded)
    good = star_files.facts("2025-02", "f2", february())
    bad = break_slice(star_files.facts("2025-01", "j2", january()))

    with pytest.raises(LoadError, match=r"FactFinancials 2025-01 scenario \d+: expected .* found ") as caught:
        load_into(loaded, good, bad)

    assert "2025-02" not in str(caught.value)
    assert state_of(loaded) == before


def test_a_dimension_with_another_number_of_rows_rolls_everything_back(
    loaded: Warehouse, star_files: StarFiles, state_of: StateOf
) -> None:
    before = state_of(loaded)
    wrong = replace(star_files.dimensions("d2")[1], row_count=3)

    with pytest.raises(LoadError, match=r"DimDepartment all: expected 3 rows.* found 2 rows"):
        load_into(loaded, star_files.facts("2025-02", "f2", february()), wrong)

    assert state_of(loaded) == before


def test_a_file_with_rows_of_another_period_is_rejected(loaded: Warehouse, star_files: StarFiles) -> None:
    march = star_files.facts("2025-03", "m1", february())

    with pytest.raises(
        LoadError, match=r"2025-02 scenario 31: expected no rows.*2025-03 scenario 31: .* found no rows"
    ):
        load_into(loaded, march)


def test_a_missing_file_publishes_nothing(loaded: Warehouse, star_files: StarFiles, state_of: StateOf) -> None:
    before = state_of(loaded)
    lost = star_files.facts("2025-02", "f2", february())
    star_files.remove(lost.files[0])

    with pytest.raises(LoadError, match="COPY StageFactFinancials"):
        load_into(loaded, lost)

    assert state_of(loaded) == before


class NeverOpened:
    """A warehouse whose use fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


INVALID_SLICES = {
    "no such table": SliceToLoad("dim_cost_centre", "all", "v"),
    "slices are periods": SliceToLoad(FACT, "2025-13", "v"),
    "only slice is all": SliceToLoad("dim_date", "2025-01", "v"),
    "neither files nor rows": SliceToLoad(FACT, "2025-01", None, ("a.parquet",)),
    "a version is a hash": SliceToLoad(FACT, "2025-01", ""),
    "no rows of another version": SliceToLoad(FACT, "2025-01", None, rows_of="j1"),
    "the scenario sums total 1 rows but the slice declares 2": SliceToLoad(
        FACT, "2025-01", "v", ("a.parquet",), 2, (SliceSum(ACTUAL, 1, Decimal(1), Decimal(0)),)
    ),
}


@pytest.mark.parametrize("fault", INVALID_SLICES)
def test_a_slice_that_contradicts_itself_is_rejected_before_anything_is_opened(fault: str) -> None:
    with pytest.raises(LoadError, match=fault):
        load_into(NeverOpened(), INVALID_SLICES[fault])


def test_a_load_that_names_a_slice_twice_is_rejected(warehouse: Warehouse) -> None:
    with pytest.raises(LoadError, match="fact_financials 2025-01 more than once"):
        load_into(warehouse, removed("2025-01"), removed("2025-01"))


class FaultError(Exception):
    """Any fault between two statements."""


class Counting:
    """A warehouse that counts the calls to a load's connection, and may fail before one of them."""

    def __init__(self, warehouse: Warehouse, fail_at: int | None = None, error: Exception | None = None) -> None:
        self.warehouse, self.fail_at, self.error = warehouse, fail_at, error or FaultError()
        self.calls: list[str] = []
        self.transactions = 0

    def prepare(self) -> Sequence[str]:
        return self.warehouse.prepare()

    def pending_statements(self) -> tuple[str, ...]:
        return self.warehouse.pending_statements()

    def changed_views(self) -> Sequence[tuple[str, str]]:
        return self.warehouse.changed_views()

    def reading(self) -> AbstractContextManager[Queryable]:
        return self.warehouse.reading()

    def content_version(self) -> str:
        return self.warehouse.content_version()

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        return self.warehouse.query(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        self.transactions += 1
        with self.warehouse.transaction() as connection:
            yield CountingConnection(connection, self)
            self.count("the end of the transaction")

    def count(self, call: str) -> None:
        if len(self.calls) == self.fail_at:
            self.fail_at = None
            raise self.error
        self.calls.append(call)


class CountingConnection:
    def __init__(self, connection: LoadConnection, counting: Counting) -> None:
        self.connection, self.counting = connection, counting

    def lock(self, table: str) -> None:
        self.counting.count(f"LOCK {table}")
        self.connection.lock(table)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        self.counting.count(sql)
        return self.connection.query(sql, parameters)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        self.counting.count(sql)
        self.connection.execute(sql, parameters)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        self.counting.count(f"COPY {stage_table}")
        return self.connection.copy(stage_table, columns, files)


def changes(star_files: StarFiles) -> list[SliceToLoad]:
    return [*star_files.dimensions("d2"), star_files.facts("2025-02", "f2", january_in_february()), removed("2025-01")]


def january_in_february() -> list[Fact]:
    return [fact._replace(day="2025-02-01") for fact in january()[1:2]]


def test_the_statements_of_a_load_run_in_the_order_that_makes_it_safe(loaded: Warehouse, star_files: StarFiles) -> None:
    counting = Counting(loaded)
    only_department = [s for s in changes(star_files) if s.contract_name in ("dim_department", FACT)]

    load_into(counting, *only_department)

    first_words = [" ".join(call.replace(",", "").split()[:3]) for call in counting.calls]
    assert first_words == [
        "LOCK LoadLedger",
        "WITH LastLoad AS",
        "SELECT COALESCE(MAX(LoadNumber) 0)",
        *["CREATE TEMPORARY TABLE"] * len(STAR),
        "COPY StageDimDepartment",
        "COPY StageFactFinancials",
        "SELECT COUNT(*) FROM",
        "WITH StagedDay AS",
        *["CREATE TEMPORARY TABLE"] * 5,
        "INSERT INTO StageSlice",
        "CREATE TEMPORARY TABLE",
        "INSERT INTO StageReclassification",
        "SELECT COUNT(*) AS",
        "INSERT INTO StagePublishedCell",
        "INSERT INTO StageCell",
        "SELECT COUNT(*) AS",
        "INSERT INTO Movements",
        "DELETE FROM DimDepartment",
        "INSERT INTO DimDepartment",
        "DELETE FROM FactFinancials",
        "INSERT INTO FactFinancials",
        "INSERT INTO LoadLedger",
        "SELECT DimDate.YearMonth AS",
        "SELECT Period IsComplete",
        "DELETE FROM PeriodStatus",
        "INSERT INTO PeriodStatus",
        "SELECT Period ScenarioKey",
        "DELETE FROM ScenarioPeriod",
        "INSERT INTO ScenarioPeriod",
        "the end of",
    ]


def test_a_transaction_on_a_busy_warehouse_is_retried_as_a_whole(loaded: Warehouse, star_files: StarFiles) -> None:
    counting = Counting(loaded, fail_at=9, error=TransientWarehouseError("serializable isolation violation"))

    result = load_into(counting, *changes(star_files))

    assert counting.transactions == 2
    assert counting.calls.count("LOCK LoadLedger") == 2
    assert result.load_number == 2


def test_a_load_fails_after_a_few_attempts_on_a_busy_warehouse(loaded: Warehouse, star_files: StarFiles) -> None:
    class Busy(Counting):
        def count(self, call: str) -> None:
            raise TransientWarehouseError(f"still busy at {call}")

    busy = Busy(loaded)
    with pytest.raises(TransientWarehouseError, match="still busy"):
        load_into(busy, *changes(star_files))

    assert busy.transactions == 3


def test_a_slice_that_was_published_in_between_is_skipped_under_the_lock(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    target = star_files.facts("2025-02", "f2", january_in_february())
    load_into(loaded, target)

    result = load_into(loaded, target, removed("2025-01"))

    assert [slice_.name for slice_ in result.loaded] == [(FACT, "2025-01")]


@pytest.mark.usefixtures("creates_warehouses")
def test_nothing_is_published_if_there_is_no_warehouse(warehouse: Warehouse) -> None:
    assert published_slices(warehouse) == {}
    with pytest.raises(NoWarehouseYetError):
        warehouse.query("SELECT COUNT(*) FROM DimDate")


def test_loading_month_by_month_gives_the_same_tables_as_loading_all_at_once(
    engine: Engine, tmp_path: Path, star_files: StarFiles
) -> None:
    dimensions, first, second = (
        star_files.dimensions(),
        *(
            star_files.facts("2025-01", "j1", january()),
            star_files.facts("2025-02", "f1", february()),
        ),
    )
    stepwise, at_once = engine.empty(tmp_path / "a"), engine.empty(tmp_path / "b")

    load_into(stepwise, star_files.facts("2025-01", "j0", february_in_january()))
    load_into(stepwise, *dimensions)
    load_into(stepwise, second, removed("2025-01"))
    load_into(stepwise, first)
    load_into(at_once, *dimensions, first, second)

    left, right = contents(stepwise), contents(at_once)
    for load_table in ("LoadLedger", "Movements"):
        del left[load_table], right[load_table]
    assert left == right


def february_in_january() -> list[Fact]:
    return [fact._replace(day="2025-01-10") for fact in february()]
