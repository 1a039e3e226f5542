"""The load transaction: exactly once, all or nothing, and never something else than the lake has.

Belongs here: `load.publish` against every warehouse, with real Parquet.
Does not belong here: an adapter's own promises (see `test_duckdb`, and `test_redshift` among the tests of AWS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import DIM_DEPARTMENT, STAR
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.warehouse.ledger import published
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadResult, SliceSum, SliceToLoad
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
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
FACT = "fact_financials"
Seen = Callable[[Warehouse], object]


def load_into(warehouse: Any, *slices: SliceToLoad, run_id: str = "run-2") -> LoadResult:
    return publish(warehouse, slices, run_id=run_id, loaded_at=LOADED_AT)


def amount_by_period(warehouse: Warehouse) -> dict[str, Decimal]:
    rows = warehouse.query(
        "SELECT YearMonth, SUM(Amount) FROM FactFinancials JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey "
        "GROUP BY YearMonth"
    ).rows
    return dict(rows)


def test_a_first_load_publishes_every_row_and_says_so_in_the_ledger(warehouse: Warehouse, lake: StarFiles) -> None:
    january_slice = lake.facts("2025-01", "j1", january(), files=3)

    result = load_into(warehouse, january_slice, *lake.dimensions(), run_id="run-1")

    assert result.load_number == 1
    assert result.already_published == ()
    assert list(result.tables) == ["dim_date", "dim_department", "dim_account", "dim_scenario", FACT]
    facts = result.tables[FACT]
    assert (facts.slices, facts.removed, facts.row_count) == (("2025-01",), (), 10)
    assert facts.amount == sum(Decimal(fact.amount) for fact in january())
    assert warehouse.query("SELECT COUNT(*) FROM FactFinancials").rows == [(10,)]
    assert warehouse.query("SELECT COUNT(*) FROM DimDate").rows == [(365,)]
    present = published(warehouse)
    assert {name: (slice_.version, slice_.row_count) for name, slice_ in present.items()} == {
        ("dim_date", "all"): ("d1", 365),
        ("dim_department", "all"): ("d1", 2),
        ("dim_account", "all"): ("d1", 5),
        ("dim_scenario", "all"): ("d1", 3),
        (FACT, "2025-01"): ("j1", 10),
    }
    assert present[FACT, "2025-01"].amount == facts.amount
    assert present[FACT, "2025-01"].loaded_at == LOADED_AT.replace(tzinfo=None)


def test_every_row_carries_the_time_of_its_load_in_utc(warehouse: Warehouse, lake: StarFiles) -> None:
    tokyo = datetime.fromisoformat("2025-07-01T21:00:00+09:00")
    publish(warehouse, [lake.facts("2025-01", "j1", january())], run_id="run-1", loaded_at=tokyo)

    stamps = warehouse.query("SELECT DISTINCT LoadTimestamp FROM FactFinancials").rows

    assert stamps == [(datetime.fromisoformat("2025-07-01T12:00:00"),)]


def test_a_time_of_load_without_a_zone_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        publish(warehouse, [], run_id="run-1", loaded_at=datetime.fromisoformat("2025-07-01"))


def test_a_second_load_of_the_same_versions_does_nothing_and_says_so(
    loaded: Warehouse, lake: StarFiles, seen: Seen
) -> None:
    before = seen(loaded)

    again = [lake.facts("2025-01", "j1", january()), lake.facts("2025-02", "f1", february()), *lake.dimensions()]
    result = load_into(loaded, *again)

    assert (result.load_number, result.loaded, result.tables) == (None, (), {})
    assert set(result.already_published) == {slice_.name for slice_ in again}
    assert seen(loaded) == before


def test_a_rebuilt_slice_is_loaded_again_in_the_version_that_it_has(loaded: Warehouse, lake: StarFiles) -> None:
    unchanged = [lake.facts("2025-01", "j1", january()), lake.facts("2025-02", "f1", february())]

    result = publish(loaded, unchanged, run_id="run-2", loaded_at=LOADED_AT, again={(FACT, "2025-01")})

    assert [slice_.name for slice_ in result.loaded] == [(FACT, "2025-01")]
    assert published(loaded)[FACT, "2025-01"].load_number == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(12,)]


def test_a_replaced_slice_leaves_the_other_slices_alone(loaded: Warehouse, lake: StarFiles) -> None:
    others = loaded.query("SELECT * FROM FactFinancials WHERE DateKey < 20250201 ORDER BY 1, 2, 3, 4").rows

    result = load_into(loaded, lake.facts("2025-02", "f2", [Fact("2025-02-28", SALES, RENT, ACTUAL, "7.00")]))

    assert result.tables[FACT].slices == ("2025-02",)
    assert loaded.query("SELECT DateKey, Amount FROM FactFinancials WHERE DateKey >= 20250201").rows == [
        (20250228, Decimal("7.00"))
    ]
    assert loaded.query("SELECT * FROM FactFinancials WHERE DateKey < 20250201 ORDER BY 1, 2, 3, 4").rows == others
    assert published(loaded)[FACT, "2025-02"].load_number == 2
    assert published(loaded)[FACT, "2025-01"].load_number == 1


def test_a_removed_slice_is_gone_from_the_table_and_from_what_is_published(loaded: Warehouse) -> None:
    result = load_into(loaded, removed("2025-01"))

    assert result.tables[FACT].removed == ("2025-01",)
    assert list(amount_by_period(loaded)) == ["2025-02"]
    assert (FACT, "2025-01") not in published(loaded)
    assert loaded.query("SELECT Slice, RowCount FROM LoadLedger WHERE IsRemoved").rows == [("2025-01", 0)]


def test_removing_what_is_not_published_is_nothing_to_do(loaded: Warehouse) -> None:
    result = load_into(loaded, removed("2031-12"))

    assert result.loaded == ()
    assert result.already_published == ((FACT, "2031-12"),)


def test_a_removed_slice_can_come_back_in_the_version_that_it_had(loaded: Warehouse, lake: StarFiles) -> None:
    load_into(loaded, removed("2025-02"))

    result = load_into(loaded, lake.facts("2025-02", "f1", february()))

    assert result.load_number == 3
    assert amount_by_period(loaded)["2025-02"] == Decimal("1350.50")


def test_a_slice_without_rows_is_published_as_empty(loaded: Warehouse) -> None:
    load_into(loaded, SliceToLoad(FACT, "2025-02", "f2"))

    assert list(amount_by_period(loaded)) == ["2025-01"]
    assert published(loaded)[FACT, "2025-02"].row_count == 0


def test_a_dimension_is_replaced_whole(loaded: Warehouse, lake: StarFiles) -> None:
    only_one = [{**departments()[0], "department_name": "Selling"}]

    load_into(loaded, lake.dimension(DIM_DEPARTMENT, only_one, "d2"))

    assert loaded.query("SELECT DepartmentName FROM DimDepartment").rows == [("Selling",)]
    assert loaded.query("SELECT COUNT(*) FROM DimAccount").rows == [(5,)]


def test_more_slices_than_go_into_one_ledger_statement_are_all_written(warehouse: Warehouse, lake: StarFiles) -> None:
    file = lake.facts("2025-01", "x", january())
    empty = [SliceToLoad(FACT, f"{year}-{month:02}", "e") for year in range(2000, 2020) for month in range(1, 13)]

    load_into(warehouse, file, *empty)

    assert len(published(warehouse)) == 241
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


@pytest.mark.parametrize("spoil", [_wrong_count, _wrong_amount, _wrong_budget, _money_in_another_scenario])
def test_a_slice_whose_rows_are_not_what_it_says_rolls_everything_back(
    loaded: Warehouse, lake: StarFiles, seen: Seen, spoil: Any
) -> None:
    before = seen(loaded)
    good = lake.facts("2025-02", "f2", february())
    bad = spoil(lake.facts("2025-01", "j2", january()))

    with pytest.raises(LoadError, match=r"FactFinancials 2025-01 scenario \d+: expected .* found ") as caught:
        load_into(loaded, good, bad)

    assert "2025-02" not in str(caught.value)
    assert seen(loaded) == before


def test_a_dimension_with_another_number_of_rows_rolls_everything_back(
    loaded: Warehouse, lake: StarFiles, seen: Seen
) -> None:
    before = seen(loaded)
    wrong = replace(lake.dimensions("d2")[1], row_count=3)

    with pytest.raises(LoadError, match=r"DimDepartment all: expected 3 rows.* found 2 rows"):
        load_into(loaded, lake.facts("2025-02", "f2", february()), wrong)

    assert seen(loaded) == before


def test_a_file_with_rows_of_another_period_is_refused(loaded: Warehouse, lake: StarFiles) -> None:
    march = lake.facts("2025-03", "m1", february())

    with pytest.raises(
        LoadError, match=r"2025-02 scenario 31: expected no rows.*2025-03 scenario 31: .* found no rows"
    ):
        load_into(loaded, march)


def test_a_missing_file_publishes_nothing(loaded: Warehouse, lake: StarFiles, seen: Seen) -> None:
    before = seen(loaded)
    lost = lake.facts("2025-02", "f2", february())
    lake.lose(lost.files[0])

    with pytest.raises(LoadError, match="COPY StageFactFinancials"):
        load_into(loaded, lost)

    assert seen(loaded) == before


class NeverOpened:
    """A warehouse that nobody should have asked for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


PLAN_FAULTS = {
    "no such table": SliceToLoad("dim_cost_centre", "all", "v"),
    "slices are periods": SliceToLoad(FACT, "2025-13", "v"),
    "only slice is all": SliceToLoad("dim_date", "2025-01", "v"),
    "neither files nor rows": SliceToLoad(FACT, "2025-01", None, ("a.parquet",)),
    "a version is a hash": SliceToLoad(FACT, "2025-01", ""),
    "its sums speak of 1 rows, it of 2": SliceToLoad(
        FACT, "2025-01", "v", ("a.parquet",), 2, (SliceSum(ACTUAL, 1, Decimal(1), Decimal(0)),)
    ),
}


@pytest.mark.parametrize("fault", PLAN_FAULTS)
def test_a_plan_that_contradicts_itself_is_refused_before_anything_is_opened(fault: str) -> None:
    with pytest.raises(LoadError, match=fault):
        load_into(NeverOpened(), PLAN_FAULTS[fault])


def test_a_plan_that_names_a_slice_twice_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(LoadError, match="fact_financials 2025-01 more than once"):
        load_into(warehouse, removed("2025-01"), removed("2025-01"))


class FaultError(Exception):
    """Stands for anything that may go wrong between two statements."""


class Counting:
    """A warehouse that counts what a load asks of its connection, and may fail before one of the calls."""

    def __init__(self, warehouse: Warehouse, fail_at: int | None = None, error: Exception | None = None) -> None:
        self.warehouse, self.fail_at, self.error = warehouse, fail_at, error or FaultError()
        self.calls: list[str] = []
        self.transactions = 0

    def prepare(self) -> None:
        self.warehouse.prepare()

    def planned(self) -> tuple[str, ...]:
        return self.warehouse.planned()

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


def changes(lake: StarFiles) -> list[SliceToLoad]:
    return [*lake.dimensions("d2"), lake.facts("2025-02", "f2", january_in_february()), removed("2025-01")]


def january_in_february() -> list[Fact]:
    return [fact._replace(day="2025-02-01") for fact in january()[1:2]]


def test_the_statements_of_a_load_come_in_the_order_that_makes_it_safe(loaded: Warehouse, lake: StarFiles) -> None:
    counting = Counting(loaded)
    only_department = [s for s in changes(lake) if s.contract_name in ("dim_department", FACT)]

    load_into(counting, *only_department)

    said = [" ".join(call.replace(",", "").split()[:3]) for call in counting.calls]
    assert said == [
        "LOCK LoadLedger",
        "WITH LastLoad AS",
        "SELECT COALESCE(MAX(LoadNumber) 0)",
        *["CREATE TEMPORARY TABLE"] * len(STAR),
        "COPY StageDimDepartment",
        "COPY StageFactFinancials",
        "SELECT COUNT(*) FROM",
        "WITH StagedDay AS",
        *["CREATE TEMPORARY TABLE"] * 3,
        "INSERT INTO StageSlice",
        "INSERT INTO StageReclassification",
        "INSERT INTO StageCell",
        "INSERT INTO Movements",
        "INSERT INTO Movements",
        "DELETE FROM DimDepartment",
        "INSERT INTO DimDepartment",
        "DELETE FROM FactFinancials",
        "INSERT INTO FactFinancials",
        "INSERT INTO LoadLedger",
        "SELECT Movements.Period Movements.Kind",
        "the end of",
    ]


def test_a_busy_warehouse_gets_the_whole_transaction_again(loaded: Warehouse, lake: StarFiles) -> None:
    counting = Counting(loaded, fail_at=9, error=TransientWarehouseError("serializable isolation violation"))

    result = load_into(counting, *changes(lake))

    assert counting.transactions == 2
    assert counting.calls.count("LOCK LoadLedger") == 2
    assert result.load_number == 2


def test_a_warehouse_that_stays_busy_is_given_up_after_a_few_attempts(loaded: Warehouse, lake: StarFiles) -> None:
    class Busy(Counting):
        def count(self, call: str) -> None:
            raise TransientWarehouseError(f"still busy at {call}")

    busy = Busy(loaded)
    with pytest.raises(TransientWarehouseError, match="still busy"):
        load_into(busy, *changes(lake))

    assert busy.transactions == 3


def test_what_was_published_meanwhile_is_dropped_from_the_plan_under_the_lock(
    loaded: Warehouse, lake: StarFiles
) -> None:
    wanted = lake.facts("2025-02", "f2", january_in_february())
    load_into(loaded, wanted)

    result = load_into(loaded, wanted, removed("2025-01"))

    assert [slice_.name for slice_ in result.loaded] == [(FACT, "2025-01")]
    assert result.already_published == ((FACT, "2025-02"),)


def test_nothing_is_published_where_there_is_no_warehouse(warehouse: Warehouse) -> None:
    assert published(warehouse) == {}
    with pytest.raises(NoWarehouseYetError):
        warehouse.query("SELECT COUNT(*) FROM DimDate")


def test_loading_month_by_month_gives_the_same_tables_as_loading_all_at_once(
    engine: Engine, tmp_path: Path, lake: StarFiles
) -> None:
    dimensions, first, second = (
        lake.dimensions(),
        *(
            lake.facts("2025-01", "j1", january()),
            lake.facts("2025-02", "f1", february()),
        ),
    )
    stepwise, at_once = engine.empty(tmp_path / "a"), engine.empty(tmp_path / "b")

    load_into(stepwise, lake.facts("2025-01", "j0", february_in_january()))
    load_into(stepwise, *dimensions)
    load_into(stepwise, second, removed("2025-01"))
    load_into(stepwise, first)
    load_into(at_once, *dimensions, first, second)

    left, right = contents(stepwise), contents(at_once)
    for of_loads in ("LoadLedger", "Movements"):
        del left[of_loads], right[of_loads]
    assert left == right


def february_in_january() -> list[Fact]:
    return [fact._replace(day="2025-01-10") for fact in february()]
