"""Movements: changes of what is published to the cent, without first publications of a period.

Belongs here: the rows of Movements after `load.publish`, with real Parquet; first by example, then as properties.
Does not belong here: reports (see `test_movements_report`), faults and audits (see `test_audit`).
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.reports.movements import movement_summary
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, LoadResult, SliceToLoad
from finance_platform.warehouse.movements import COMPARED_ATTRIBUTES, join_within_limit
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    CASH,
    FORECAST,
    HEADS,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    TRUCKS,
    WORKS,
    Fact,
    StarFiles,
    accounts,
    days,
    departments,
    february,
    january,
    removed,
    scenarios,
)

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()
"""`test_result_parity` compares Movements after a restatement."""
FACT = "fact_financials"
FEBRUARY = (FACT, "2025-02")

Cell = tuple[str, int, str, int, int]
"""Measure, scenario, period, department, account."""


class Row(NamedTuple):
    """One row of Movements, without the columns that are equal in every row of a load."""

    kind: str
    measure: str
    period: str
    scenario: int
    department: int
    account: int
    attribute: str | None
    old_value: str | None
    new_value: str | None
    old: Decimal
    new: Decimal
    difference: Decimal
    is_restatement: bool
    old_version: str | None
    new_version: str | None
    cause: str | None

    @property
    def cell(self) -> Cell:
        """The cell that moved."""
        return self.measure, self.scenario, self.period, self.department, self.account

    @property
    def amounts(self) -> tuple[str, str]:
        """Old and new."""
        return str(self.old), str(self.new)


def rows_of(warehouse: Warehouse, load_number: int | None = None) -> list[Row]:
    rows = warehouse.query(
        "SELECT Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, Attribute, OldValue, NewValue, "
        "OldAmount, NewAmount, Difference, IsRestatement, OldVersion, NewVersion, Cause FROM Movements "
        "WHERE LoadNumber = :number OR :number = 0 ORDER BY LoadNumber, Kind, Measure, Period, 4, 5, 6, Attribute",
        {"number": load_number or 0},
    ).rows
    return [Row(*row) for row in rows]


def load_into(warehouse: Warehouse, *slices: SliceToLoad, **options: Any) -> LoadResult:
    return publish(warehouse, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, **options))


def changed(facts: Iterable[Fact], account: int, amount: str, scenario: int = ACTUAL) -> list[Fact]:
    """The same facts with another amount on one account."""
    return [
        fact._replace(amount=amount) if (fact.account, fact.scenario) == (account, scenario) else fact for fact in facts
    ]


def renamed(rows: Sequence[dict[str, Any]], key: int, **values: str) -> list[dict[str, Any]]:
    """The members, one with other attributes."""
    return [{**row, **values} if key in row.values() else row for row in rows]


# By example: movements


def test_a_first_load_moves_nothing(loaded: Warehouse) -> None:
    assert rows_of(loaded) == []


def test_a_cell_whose_amount_differs_is_a_movement_with_its_amounts_versions_and_cause(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    slices = [star_files.facts("2025-02", "f2", changed(february(), RENT, "200.25"))]

    result = load_into(loaded, *slices, causes={FEBRUARY: ["rent.csv: another version", "late.csv came"]})

    (row,) = rows_of(loaded)
    assert row == Row(
        "movement",
        "Amount",
        "2025-02",
        ACTUAL,
        SALES,
        RENT,
        None,
        None,
        None,
        Decimal("250.50"),
        Decimal("200.25"),
        Decimal("-50.25"),
        False,
        "f1",
        "f2",
        "rent.csv: another version; late.csv came",
    )
    shared = loaded.query("SELECT LoadNumber, RunId, LoadedAt FROM Movements").rows
    assert shared == [(result.load_number, "run-2", LOADED_AT.replace(tzinfo=None))]


def test_a_new_or_removed_cell_of_a_published_period_moves_from_or_to_zero(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    facts = [february()[0], Fact("2025-02-03", WORKS, TRUCKS, ACTUAL, "7.00")]

    load_into(loaded, star_files.facts("2025-02", "f2", facts))

    assert {(row.department, row.account): row.amounts for row in rows_of(loaded)} == {
        (SALES, RENT): ("250.50", "0.00"),
        (WORKS, TRUCKS): ("0.00", "7.00"),
    }


def test_the_days_of_a_cell_are_compared_as_one_sum(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        february()[1],
        Fact("2025-02-01", SALES, REVENUE, ACTUAL, "1000.00", transaction_count=1),
        Fact("2025-02-27", SALES, REVENUE, ACTUAL, "100.00", transaction_count=0),
    ]

    load_into(loaded, star_files.facts("2025-02", "f2", facts))

    assert rows_of(loaded) == []


def test_lines_that_cancel_out_in_a_published_cell_are_a_movement_of_zero_with_their_number(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    facts = [fact._replace(transaction_count=fact.transaction_count + 2) for fact in february()[:1]]

    load = load_into(loaded, star_files.facts("2025-02", "f2", [*facts, *february()[1:]]), closed_periods=["2025-02"])

    (row,) = rows_of(loaded, load.load_number)
    assert (row.kind, row.attribute, row.old_value, row.new_value) == ("movement", "Lines", "1", "3")
    assert (row.old, row.difference, row.is_restatement) == (row.new, Decimal("0.00"), True)


def test_another_budget_moves_the_baseline_and_the_budget_amounts_of_the_other_scenarios(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    facts = [
        fact._replace(budget="210.00", amount="210.00" if fact.scenario == BUDGET else fact.amount)
        if fact.account == RENT
        else fact
        for fact in january()
    ]

    load_into(loaded, star_files.facts("2025-01", "j2", facts))

    assert [(row.measure, row.scenario, row.account, str(row.difference)) for row in rows_of(loaded)] == [
        ("Amount", BUDGET, RENT, "10.00"),
        ("BudgetAmount", ACTUAL, RENT, "10.00"),
        ("BudgetAmount", BUDGET, RENT, "10.00"),
        ("BudgetAmount", FORECAST, RENT, "10.00"),
    ]


def test_the_first_amounts_of_a_scenario_or_budget_in_a_published_period_are_publications(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    facts = [
        *february()[1:],
        Fact("2025-02-10", SALES, REVENUE, ACTUAL, "1100.00", "900.00"),
        Fact("2025-02-01", SALES, REVENUE, BUDGET, "900.00", "900.00"),
    ]

    load_into(loaded, star_files.facts("2025-02", "f2", facts), closed_periods=["2025-02"])

    assert [(row.kind, *row.cell[:2], *row.amounts, row.is_restatement) for row in rows_of(loaded)] == [
        ("publication", "Amount", BUDGET, "0.00", "900.00", True),
        ("publication", "BudgetAmount", ACTUAL, "0.00", "900.00", True),
        ("publication", "BudgetAmount", BUDGET, "0.00", "900.00", True),
    ]


def test_a_budget_that_left_a_published_period_and_comes_back_is_a_movement(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    without = [fact._replace(budget="0.00") for fact in january() if fact.scenario != BUDGET]
    load_into(loaded, star_files.facts("2025-01", "j2", without))

    load = load_into(loaded, star_files.facts("2025-01", "j3", january()))

    rows = rows_of(loaded, load.load_number)
    assert {row.scenario for row in rows} >= {BUDGET}
    assert {row.kind for row in rows} == {"movement"}


def test_the_first_actuals_of_a_period_that_had_only_a_plan_are_publications(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    plan = Fact("2025-03-01", SALES, RENT, BUDGET, "200.00", "200.00")
    load_into(loaded, star_files.facts("2025-03", "m1", [plan]))
    actual = Fact("2025-03-05", SALES, RENT, ACTUAL, "260.00")
    load_into(loaded, star_files.facts("2025-03", "m2", [plan, actual]), causes={(FACT, "2025-03"): ["march.csv came"]})

    (row,) = rows_of(loaded)
    assert (row.kind, *row.cell, *row.amounts, row.cause) == (
        "publication",
        "Amount",
        ACTUAL,
        "2025-03",
        SALES,
        RENT,
        "0.00",
        "260.00",
        "march.csv came",
    )

    changed_again = load_into(loaded, star_files.facts("2025-03", "m3", [plan, actual._replace(amount="261.00")]))
    assert [row.kind for row in rows_of(loaded, changed_again.load_number)] == ["movement"]


def test_the_first_amounts_of_a_period_that_was_closed_without_lines_are_publications(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    """What was signed is what is published less these: here, nothing."""
    load_into(loaded, star_files.facts("2025-03", "m1", []))
    actual = Fact("2025-03-05", SALES, RENT, ACTUAL, "260.00")
    load_into(loaded, star_files.facts("2025-03", "m2", [actual]), closed_periods=["2025-03"])

    (row,) = rows_of(loaded)
    assert (row.kind, row.period, *row.amounts, row.is_restatement) == (
        "publication",
        "2025-03",
        "0.00",
        "260.00",
        True,
    )


def test_lines_without_money_that_enter_or_leave_a_published_period_are_movements_of_zero(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    netted = Fact("2025-02-03", WORKS, TRUCKS, ACTUAL, "0.00", transaction_count=2)

    entered = load_into(loaded, star_files.facts("2025-02", "f2", [*february(), netted]))
    left = load_into(loaded, star_files.facts("2025-02", "f1", february()), closed_periods=["2025-02"])

    described = [
        (row.kind, row.cell, row.attribute, row.old_value, row.new_value, *row.amounts, row.is_restatement)
        for load in (entered, left)
        for row in rows_of(loaded, load.load_number)
    ]
    cell = ("Amount", ACTUAL, "2025-02", WORKS, TRUCKS)
    assert described == [
        ("movement", cell, "Lines", "none", "some", "0.00", "0.00", False),
        ("movement", cell, "Lines", "some", "none", "0.00", "0.00", True),
    ]


def test_a_removed_period_moves_to_zero_and_back_when_it_is_published_again(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    out = load_into(loaded, removed("2025-02"))
    back = load_into(loaded, star_files.facts("2025-02", "f1", february()))

    removed_rows, returned_rows = rows_of(loaded, out.load_number), rows_of(loaded, back.load_number)
    assert {row.account: row.amounts for row in removed_rows} == {
        REVENUE: ("1100.00", "0.00"),
        RENT: ("250.50", "0.00"),
    }
    assert {row.account: row.amounts for row in returned_rows} == {
        REVENUE: ("0.00", "1100.00"),
        RENT: ("0.00", "250.50"),
    }
    assert {(row.old_version, row.new_version) for row in removed_rows} == {("f1", None)}
    assert {(row.old_version, row.new_version) for row in returned_rows} == {(None, "f1")}


def test_a_removed_scenario_and_budget_move_when_they_are_published_again(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    without = [fact._replace(budget="0.00") for fact in january() if fact.scenario == ACTUAL]
    load_into(loaded, star_files.facts("2025-01", "j2", without))

    back = load_into(loaded, star_files.facts("2025-01", "j1", january()))

    sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for row in rows_of(loaded, back.load_number):
        sums[row.measure, row.scenario] += row.difference
    assert {key: str(amount) for key, amount in sums.items()} == {
        ("Amount", BUDGET): "1200.00",
        ("Amount", FORECAST): "240.00",
        ("BudgetAmount", ACTUAL): "1200.00",
        ("BudgetAmount", BUDGET): "1200.00",
        ("BudgetAmount", FORECAST): "200.00",
    }


def test_only_a_movement_in_a_closed_period_is_a_restatement(loaded: Warehouse, star_files: StarFiles) -> None:
    slices = [
        star_files.facts("2025-01", "j2", changed(january(), CASH, "1.00")),
        star_files.facts("2025-02", "f2", changed(february(), RENT, "1.00")),
    ]

    load_into(loaded, *slices, closed_periods={"2025-01", "2024-12"})

    assert {row.period: row.is_restatement for row in rows_of(loaded)} == {"2025-01": True, "2025-02": False}


def test_the_same_version_loaded_again_moves_nothing(loaded: Warehouse, star_files: StarFiles) -> None:
    same = [star_files.facts("2025-01", "j1", january()), *star_files.dimensions()]

    result = load_into(loaded, *same, force={slice_.name for slice_ in same})

    assert len(result.loaded) == 5
    assert rows_of(loaded) == []


def test_movements_are_summed_by_period_scenario_measure_and_quantity(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = changed(changed(january(), RENT, "200.00"), CASH, "5000.01")

    load_into(loaded, star_files.facts("2025-01", "j2", facts), removed("2025-02"))
    sums = movement_summary(loaded)

    assert [(row["period"], row["scenario"], row["measure"], row["quantity"], row["cells"]) for row in sums] == [
        ("2025-01", "Actual", "Amount", "balance", 1),
        ("2025-01", "Actual", "Amount", "flow", 1),
        ("2025-02", "Actual", "Amount", "flow", 2),
    ]
    assert [(str(row["old_amount"]), str(row["new_amount"]), str(row["difference"])) for row in sums] == [
        ("5000.00", "5000.01", "0.01"),
        ("250.50", "200.00", "-50.50"),
        ("1350.50", "0.00", "-1350.50"),
    ]


def test_more_closed_periods_than_fit_into_one_statement_are_all_closed(loaded: Warehouse) -> None:
    closed = [f"{year}-{month:02}" for year in range(2010, 2025) for month in range(1, 13)]

    load_into(loaded, removed("2025-01"), closed_periods=[*closed, "2025-01"])

    assert {row.is_restatement for row in rows_of(loaded)} == {True}


# By example: reclassifications


def test_an_account_of_another_type_is_reclassified_in_every_cell_with_money_even_if_no_period_is_loaded(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    renaming = star_files.dimension(DIM_ACCOUNT, renamed(accounts(), RENT, account_type="Asset"), "d2")

    load_into(loaded, renaming, closed_periods=["2025-01"], causes={renaming.name: ["accounts.csv: another version"]})

    rows = rows_of(loaded)
    assert [(*row.cell, *row.amounts, row.is_restatement) for row in rows] == [
        ("Amount", ACTUAL, "2025-01", SALES, RENT, "250.50", "250.50", True),
        ("Amount", BUDGET, "2025-01", SALES, RENT, "200.00", "200.00", True),
        ("Amount", FORECAST, "2025-01", SALES, RENT, "240.00", "240.00", True),
        ("Amount", ACTUAL, "2025-02", SALES, RENT, "250.50", "250.50", False),
        ("BudgetAmount", ACTUAL, "2025-01", SALES, RENT, "200.00", "200.00", True),
        ("BudgetAmount", BUDGET, "2025-01", SALES, RENT, "200.00", "200.00", True),
        ("BudgetAmount", FORECAST, "2025-01", SALES, RENT, "200.00", "200.00", True),
    ]
    assert {row[:1] + row[6:9] + row[13:] for row in rows} == {
        ("reclassification", "AccountType", "Expense", "Asset", "d1", "d2", "accounts.csv: another version")
    }


MEMBERS: dict[Contract, tuple[list[dict[str, Any]], Callable[[dict[str, Any]], bool], Callable[[Row], bool]]] = {
    DIM_DATE: (list(days(2025)), lambda row: row["year_month"] == "2025-01", lambda row: row.period == "2025-01"),
    DIM_DEPARTMENT: (departments(), lambda row: row["department_key"] == WORKS, lambda row: row.department == WORKS),
    DIM_ACCOUNT: (accounts(), lambda row: row["account_key"] == CASH, lambda row: row.account == CASH),
    DIM_SCENARIO: (scenarios(), lambda row: row["scenario_key"] == FORECAST, lambda row: row.scenario == FORECAST),
}
"""By dimension, its rows, those that a test changes, and the movements of their cells."""


def another(value: object) -> object:
    """Another value of the same type; a parent that there was not is a text."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else "Other"


@pytest.mark.parametrize("contract", MEMBERS, ids=lambda contract: contract.name)
def test_each_compared_attribute_that_changes_is_reported_in_every_cell_with_lines(
    loaded: Warehouse, star_files: StarFiles, contract: Contract
) -> None:
    """All attributes of a dimension change in one load; each is reported as if it alone had changed."""
    members, is_changed, is_concerned = MEMBERS[contract]
    columns = [attribute.column for attribute in COMPARED_ATTRIBUTES[contract]]
    changed_members = [
        {**row, **{column: another(row.get(column)) for column in columns}} if is_changed(row) else row
        for row in members
    ]

    load_into(loaded, star_files.dimension(contract, changed_members, "d2"), closed_periods=["2025-01"])

    rows = rows_of(loaded)
    assert {row.attribute for row in rows} == {attribute.name for attribute in COMPARED_ATTRIBUTES[contract]}
    for attribute in COMPARED_ATTRIBUTES[contract]:
        old = next(row.get(attribute.column) for row in members if is_changed(row))
        values = tuple(
            None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in (old, another(old))
        )
        of_attribute = [row for row in rows if row.attribute == attribute.name]
        assert {(row.old_value, row.new_value) for row in of_attribute} == {values}
        kind = "rename" if attribute.is_name else "reclassification"
        assert {(row.kind, row.is_restatement and row.period == "2025-01") for row in of_attribute} == {
            (kind, not attribute.is_name)
        }, attribute.name
        assert {row.cell for row in of_attribute} == {row.cell for row in rows}, attribute.name
    assert all(map(is_concerned, rows))
    assert all(row.old == row.new for row in rows)
    assert {(row.old_version, row.new_version) for row in rows} == {("d1", "d2")}


def test_a_line_that_leaves_a_view_is_reported_with_its_amount_even_if_it_has_none(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    netted = Fact("2025-02-03", WORKS, RENT, ACTUAL, "0.00", transaction_count=2)
    load_into(loaded, star_files.facts("2025-02", "f2", [*february(), netted]))
    in_view = "SELECT COUNT(*) FROM ActualVsBudget WHERE AccountNumber = '6000'"
    before = loaded.query(in_view).rows[0][0]

    result = load_into(loaded, star_files.dimension(DIM_ACCOUNT, renamed(accounts(), RENT, measure="balance"), "d2"))

    rows = [row for row in rows_of(loaded, result.load_number) if (row.measure, row.scenario) == ("Amount", ACTUAL)]
    assert (before, loaded.query(in_view).rows[0][0]) == (3, 0)
    assert [(row.period, row.department, row.old_value, row.new_value, str(row.old)) for row in rows] == [
        ("2025-01", SALES, "flow", "balance", "250.50"),
        ("2025-02", SALES, "flow", "balance", "250.50"),
        ("2025-02", WORKS, "flow", "balance", "0.00"),
    ]


def test_several_attributes_of_a_cell_are_several_rows_and_one_cell_of_a_sum(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    retyped = renamed(accounts(), TRUCKS, account_type="Expense", category="Transport")

    load_into(loaded, star_files.dimension(DIM_ACCOUNT, retyped, "d2"))

    assert [row.attribute for row in rows_of(loaded) if (row.measure, row.scenario) == ("Amount", ACTUAL)] == [
        "AccountType",
        "Category",
    ]
    sums = movement_summary(loaded)
    moved = {(row["scenario"], row["measure"]): (row["cells"], str(row["old_amount"])) for row in sums}
    assert moved[("Actual", "Amount")] == (1, "80.00")


def test_units_are_not_added_to_money(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = changed(changed(january(), HEADS, "13.00"), CASH, "5000.01")

    load_into(loaded, star_files.facts("2025-01", "j2", facts))

    sums = {(row["quantity"], str(row["difference"])) for row in movement_summary(loaded)}
    assert sums == {("balance", "0.01"), ("statistical", "1.00")}


def test_a_cell_may_be_reclassified_and_moved_by_one_load(loaded: Warehouse, star_files: StarFiles) -> None:
    load_into(
        loaded,
        star_files.dimension(DIM_ACCOUNT, renamed(accounts(), RENT, category="Rooms"), "d2"),
        star_files.facts("2025-02", "f2", changed(february(), RENT, "300.00")),
    )

    in_february = [row for row in rows_of(loaded) if row.period == "2025-02"]
    assert [(row.kind, row.attribute, *row.amounts, row.new_version) for row in in_february] == [
        ("movement", None, "250.50", "300.00", "f2"),
        ("reclassification", "Category", "250.50", "300.00", "d2"),
    ]


def test_money_of_a_first_publication_is_not_reclassified(loaded: Warehouse, star_files: StarFiles) -> None:
    march = [Fact("2025-03-05", SALES, RENT, ACTUAL, "260.00")]

    load_into(
        loaded,
        star_files.dimension(DIM_ACCOUNT, renamed(accounts(), RENT, category="Rooms"), "d2"),
        star_files.facts("2025-03", "m1", march),
    )

    assert {row.period for row in rows_of(loaded)} == {"2025-01", "2025-02"}


def test_a_member_that_was_not_published_before_is_not_reclassified(loaded: Warehouse, star_files: StarFiles) -> None:
    load_into(loaded, star_files.dimension(DIM_ACCOUNT, accounts()[:-1], "d2"))

    load_into(loaded, star_files.dimension(DIM_ACCOUNT, renamed(accounts(), HEADS, account_type="Asset"), "d3"))

    assert rows_of(loaded) == []


# Causes are cut to the length of the column


def test_no_causes_are_null() -> None:
    assert join_within_limit([]) is None


def test_causes_beyond_the_limit_are_counted() -> None:
    causes = ["one", "two", "a much longer one"]
    assert join_within_limit(causes, limit=23) == "one; … and 2 more"
    assert join_within_limit(causes, limit=24) == "one; two; … and 1 more"
    assert join_within_limit(causes, limit=27) == "one; two; a much longer one"
    assert join_within_limit(["much too long"], limit=12) == "… and 1 more"


@given(st.lists(st.text(max_size=300), max_size=60))
def test_joined_causes_never_exceed_the_column(causes: list[str]) -> None:
    assert len((join_within_limit(causes) or "").encode()) <= 4096


def test_long_causes_in_many_scripts_are_loaded(loaded: Warehouse) -> None:
    load_into(loaded, removed("2025-02"), causes={FEBRUARY: [f"übersicht_{n}.csv came" for n in range(500)]})

    assert all((row.cause or "").endswith(" more") for row in rows_of(loaded))


# Properties

EXAMPLES = 25 if current_profile().is_exhaustive else 3
"""A load or two for each state: half a second."""
PERIODS = ("2025-01", "2025-02")
AMOUNTS = st.sampled_from(["-10.00", "0.00", "0.01", "10.00", "99999999999999.99"])
FACTS = st.builds(
    lambda day, department, account, scenario, amount, budget: (day, department, account, scenario, amount, budget),
    st.sampled_from([1, 15]),
    st.sampled_from([SALES, WORKS]),
    st.sampled_from([REVENUE, RENT]),
    st.sampled_from([ACTUAL, BUDGET]),
    AMOUNTS,
    AMOUNTS,
)
SLICE = st.none() | st.lists(FACTS, max_size=6, unique_by=lambda fact: fact[:4])
STATE = st.fixed_dictionaries(dict.fromkeys(PERIODS, SLICE))
ATTRIBUTE = st.sampled_from(["A", "B"])
ATTRIBUTES = st.fixed_dictionaries(
    {
        ("BusinessUnit", SALES): ATTRIBUTE,
        ("BusinessUnit", WORKS): ATTRIBUTE,
        ("AccountType", RENT): ATTRIBUTE,
        ("Category", RENT): ATTRIBUTE,
        ("Category", REVENUE): ATTRIBUTE,
    }
)
COLUMNS = {"BusinessUnit": "business_unit", "AccountType": "account_type", "Category": "category"}


def slices_of(star_files: StarFiles, state: Mapping[str, Any], version: str) -> list[SliceToLoad]:
    return [
        removed(period)
        if facts is None
        else star_files.facts(period, version, [Fact(f"{period}-{day:02}", *rest) for day, *rest in facts])
        for period, facts in state.items()
    ]


def dimensions_of(star_files: StarFiles, attributes: Mapping[tuple[str, int], str], version: str) -> list[SliceToLoad]:
    members = {DIM_DEPARTMENT: departments(), DIM_ACCOUNT: accounts()}
    for (attribute, key), value in attributes.items():
        contract = DIM_DEPARTMENT if attribute == "BusinessUnit" else DIM_ACCOUNT
        members[contract] = renamed(members[contract], key, **{COLUMNS[attribute]: value})
    return [star_files.dimension(contract, rows, version) for contract, rows in members.items()]


def cells_of(state: Mapping[str, Any]) -> dict[Cell, Decimal]:
    cells: dict[Cell, Decimal] = defaultdict(Decimal)
    for period, facts in state.items():
        for _, department, account, scenario, amount, budget in facts or ():
            cells["Amount", scenario, period, department, account] += Decimal(amount)
            cells["BudgetAmount", scenario, period, department, account] += Decimal(budget)
    return cells


def lines_of(state: Mapping[str, Any]) -> dict[Cell, int]:
    """The number of lines of each cell; they are reported as Amount."""
    lines: dict[Cell, int] = defaultdict(int)
    for period, facts in state.items():
        for _, department, account, scenario, *_ in facts or ():
            lines["Amount", scenario, period, department, account] += 1
    return lines


def is_published(state: Mapping[str, Any], cell: Cell) -> bool:
    """Whether a measure of a scenario in a period is published, so that a difference is a movement."""
    measure, scenario, period, *_ = cell
    rows = [fact for fact in state[period] or () if fact[3] == scenario]
    return bool(rows) if measure == "Amount" else any(Decimal(fact[5]) for fact in rows)


@settings(max_examples=EXAMPLES)
@given(st.lists(STATE, min_size=2, max_size=4), st.sets(st.sampled_from(PERIODS)))
def test_movements_sum_to_the_difference_between_new_and_old_star(
    states: list[dict[str, Any]], closed: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse, star_files = (
            DuckDBWarehouse(Path(folder) / "warehouse.duckdb"),
            StarFiles(Path(folder) / "processed"),
        )
        moved_before: set[tuple[str, int, str]] = set()
        published_periods: set[str] = set()
        old: dict[str, Any] = dict.fromkeys(PERIODS)
        publish(warehouse, LoadRequest(star_files.dimensions(), run_id="run", loaded_at=LOADED_AT))
        for number, state in enumerate(states):
            result = load_into(warehouse, *slices_of(star_files, state, f"v{number}"), closed_periods=closed)
            rows = rows_of(warehouse, result.load_number) if result.load_number else []
            before, after = cells_of(old), cells_of(state)
            lines_before, lines_after = lines_of(old), lines_of(state)
            expected = {
                cell: after[cell] - before[cell]
                for cell in {*before, *after}
                if cell[2] in published_periods
                and (after[cell] != before[cell] or lines_after[cell] != lines_before[cell])
            }
            assert {row.cell: row.difference for row in rows} == expected
            assert {row.cell: (row.old, row.new) for row in rows} == {c: (before[c], after[c]) for c in expected}
            assert {row.cell: row.kind for row in rows} == {
                c: "movement" if is_published(old, c) or c[:3] in moved_before else "publication" for c in expected
            }
            assert all(row.is_restatement == (row.period in closed) for row in rows)
            moved_before |= {cell[:3] for cell in expected}
            published_periods |= {period for period, facts in state.items() if facts is not None}
            old = state


@settings(max_examples=EXAMPLES)
@given(STATE, STATE, ATTRIBUTES, ATTRIBUTES)
def test_the_money_under_an_attribute_value_changes_only_by_movements_and_reclassifications(
    old: dict[str, Any],
    new: dict[str, Any],
    before: dict[tuple[str, int], str],
    after: dict[tuple[str, int], str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse, star_files = (
            DuckDBWarehouse(Path(folder) / "warehouse.duckdb"),
            StarFiles(Path(folder) / "processed"),
        )
        load_into(warehouse, *dimensions_of(star_files, before, "d1"), *slices_of(star_files, old, "v1"))
        result = load_into(warehouse, *dimensions_of(star_files, after, "d2"), *slices_of(star_files, new, "v2"))
        rows = rows_of(warehouse, result.load_number)

    for attribute in COLUMNS:
        expected = sums_by_value(new, after, attribute, old)
        for row in rows:
            key = row.department if attribute == "BusinessUnit" else row.account
            is_changed = (attribute, key) in before and before[attribute, key] != after[attribute, key]
            if row.kind == "movement" and not is_changed and (attribute, key) in before:
                expected[before[attribute, key], *row.cell[:3]] -= row.difference
            elif row.attribute == attribute:
                assert (row.old_value, row.new_value) == (before[attribute, key], after[attribute, key])
                expected[after[attribute, key], *row.cell[:3]] -= row.new
                expected[before[attribute, key], *row.cell[:3]] += row.old
        assert {place: amount for place, amount in expected.items() if amount} == {
            place: amount for place, amount in sums_by_value(old, before, attribute, old).items() if amount
        }


def sums_by_value(
    state: Mapping[str, Any], attributes: Mapping[tuple[str, int], str], attribute: str, published: Mapping[str, Any]
) -> dict[tuple[str, str, int, str], Decimal]:
    """Money by an attribute's value, measure, scenario and period, of what was published before."""
    sums: dict[tuple[str, str, int, str], Decimal] = defaultdict(Decimal)
    for cell, amount in cells_of(state).items():
        key = cell[3] if attribute == "BusinessUnit" else cell[4]
        if (attribute, key) in attributes and is_published(published, cell):
            sums[attributes[attribute, key], *cell[:3]] += amount
    return sums
