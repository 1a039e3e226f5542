"""Parents with lines beside their children's: the queries, and the outcomes of the checks.

Belongs here: `sql/quality/parent_accounts.sql` and `parent_departments.sql`. Does not belong here: other checks (see
`test_quality_queries`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.quality.checks import PARENTS_WITHOUT_LINES, Outcome
from finance_platform.quality.warehouse import check_warehouse
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import SqlFile, insert, statement
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    CASH,
    HEADS,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    TRUCKS,
    WORKS,
    Fact,
    accounts,
    days,
    departments,
    scenarios,
)

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()
"""`test_report_views` reads the trees there, of accounts in a circle too."""
DAY = "2025-01-01"


def load(
    warehouse: Warehouse,
    facts: Sequence[Fact],
    *,
    accounts_above: Mapping[int, str] | None = None,
    departments_above: Mapping[int, str] | None = None,
    types: Mapping[int, str] | None = None,
    numbers: Mapping[int, str] | None = None,
) -> None:
    """Store facts, with the number or code above a member by its key, and other types or numbers of accounts.

    The queries read what is published, however it came there; a load takes ten times as long as its rows.
    """
    above, units = accounts_above or {}, departments_above or {}
    of_accounts = [
        {
            **row,
            "parent_account_number": above.get(row["account_key"]),
            "account_type": (types or {}).get(row["account_key"], row["account_type"]),
            "account_number": (numbers or {}).get(row["account_key"], row["account_number"]),
        }
        for row in accounts()
    ]
    of_departments = [{**row, "parent_department_code": units.get(row["department_key"])} for row in departments()]
    of_facts = [fact.row() for fact in facts]
    keys = {row["date_key"] for row in of_facts}
    tables: Mapping[Contract, Iterable[Mapping[str, Any]]] = {
        DIM_DATE: [day for day in days(2025) if day["date_key"] in keys],
        DIM_DEPARTMENT: of_departments,
        DIM_ACCOUNT: of_accounts,
        DIM_SCENARIO: scenarios(),
        FACT_FINANCIALS: of_facts,
    }
    with warehouse.transaction() as connection:
        for contract, rows in tables.items():
            set_by_load = {column.name: LOADED_AT for column in contract.columns if column.set_by_load}
            missing = {column.name: None for column in contract.columns}
            insert(connection, contract, [missing | set_by_load | dict(row) for row in rows])


def parents(warehouse: Warehouse, file: SqlFile = SqlFile.PARENT_ACCOUNTS) -> list[tuple[str, str, str, str, Decimal]]:
    """Return parent, scenario, period, account type and the money counted twice."""
    rows = warehouse.query(statement(file)).rows
    return [(row[0], row[2], row[3], row[4], row[9]) for row in rows]


def budget(account: int, amount: str, department: int = SALES, **values: Any) -> Fact:
    return Fact(DAY, department, account, BUDGET, amount, amount, **values)


BELOW_RENT = {TRUCKS: "6000", REVENUE: "6000"}


def test_a_parent_planned_beside_its_children_is_reported_with_the_money(warehouse: Warehouse):
    facts = [budget(RENT, "300.00"), budget(TRUCKS, "100.00"), budget(REVENUE, "200.00")]
    load(warehouse, facts, accounts_above=BELOW_RENT)

    assert parents(warehouse) == [("6000", "Budget", "2025-01", "Expense", Decimal("300.00"))]


@pytest.mark.parametrize(
    ("parent", "child", "counted_twice"),
    [("300.00", "100.00", "100.00"), ("100.00", "300.00", "100.00"), ("-300.00", "250.00", "250.00")],
)
def test_the_smaller_gross_amount_is_counted_twice(warehouse: Warehouse, parent: str, child: str, counted_twice: str):
    load(warehouse, [budget(RENT, parent), budget(TRUCKS, child)], accounts_above=BELOW_RENT)

    assert [row[-1] for row in parents(warehouse)] == [Decimal(counted_twice)]


@pytest.mark.parametrize(
    "child",
    [
        Fact(DAY, SALES, TRUCKS, ACTUAL, "100.00", "0.00"),
        Fact("2025-01-01", SALES, TRUCKS, BUDGET, "0.00"),
        Fact("2025-01-01", SALES, TRUCKS, BUDGET, "0.00", "100.00", transaction_count=0),
        Fact("2025-01-01", SALES, CASH, BUDGET, "100.00", "100.00"),
    ],
    ids=["another scenario", "no money", "no line", "another branch"],
)
def test_a_child_without_money_in_the_same_scenario_is_no_finding(warehouse: Warehouse, child: Fact):
    load(warehouse, [budget(RENT, "300.00"), child], accounts_above=BELOW_RENT)

    assert parents(warehouse) == []


def test_another_period_is_no_finding(warehouse: Warehouse):
    later = Fact("2025-02-01", SALES, TRUCKS, BUDGET, "9.00", "9.00")
    load(warehouse, [budget(RENT, "300.00"), later], accounts_above=BELOW_RENT)

    assert parents(warehouse) == []


def test_members_far_below_count_although_the_one_between_has_no_lines(warehouse: Warehouse):
    load(
        warehouse,
        [budget(RENT, "300.00"), budget(REVENUE, "120.00")],
        accounts_above={TRUCKS: "6000", REVENUE: "1500"},
    )

    assert parents(warehouse) == [("6000", "Budget", "2025-01", "Expense", Decimal("120.00"))]


def test_a_member_between_is_a_child_and_a_parent(warehouse: Warehouse):
    facts = [budget(RENT, "300.00"), budget(TRUCKS, "100.00"), budget(REVENUE, "60.00")]
    load(warehouse, facts, accounts_above={TRUCKS: "6000", REVENUE: "1500"})

    assert [(row[0], row[-1]) for row in parents(warehouse)] == [
        ("6000", Decimal("160.00")),
        ("1500", Decimal("60.00")),
    ]


@pytest.mark.parametrize("above", [{RENT: "6000"}, {RENT: "9999"}, {RENT: ""}], ids=["itself", "unknown", "blank"])
def test_a_parent_that_is_no_other_member_is_no_finding(warehouse: Warehouse, above: dict[int, str]):
    load(warehouse, [budget(RENT, "300.00")], accounts_above=above)

    assert parents(warehouse) == []


def test_members_above_each_other_in_a_circle_end(warehouse: Warehouse):
    facts = [budget(RENT, "300.00"), budget(TRUCKS, "100.00")]
    load(warehouse, facts, accounts_above={TRUCKS: "6000", RENT: "1500"})

    assert [(row[0], row[-1]) for row in parents(warehouse)] == [
        ("1500", Decimal("100.00")),
        ("6000", Decimal("100.00")),
    ]


@pytest.mark.parametrize(("types", "reported"), [({}, []), ({RENT: "Statistical"}, [("Statistical", Decimal("7.00"))])])
def test_statistical_lines_are_compared_with_statistical_lines_only(
    warehouse: Warehouse, types: dict[int, str], reported: list[tuple[str, Decimal]]
):
    facts = [budget(RENT, "300.00"), budget(HEADS, "7.00")]
    load(warehouse, facts, accounts_above={HEADS: "6000"}, types=types)

    assert [(row[3], row[-1]) for row in parents(warehouse)] == reported


def test_a_department_is_compared_with_those_below_it_by_account_type(warehouse: Warehouse):
    facts = [
        budget(RENT, "300.00", SALES),
        budget(REVENUE, "900.00", SALES),
        budget(RENT, "120.00", WORKS),
        budget(TRUCKS, "5.00", WORKS),
    ]
    load(warehouse, facts, departments_above={WORKS: "0010"})

    assert parents(warehouse, SqlFile.PARENT_DEPARTMENTS) == [
        ("0010", "Budget", "2025-01", "Expense", Decimal("120.00"))
    ]


def test_a_parent_is_found_in_another_case(warehouse: Warehouse):
    facts = [budget(RENT, "300.00"), budget(TRUCKS, "100.00")]
    load(warehouse, facts, accounts_above={TRUCKS: "r-1"}, numbers={RENT: "R-1"})

    assert [row[0] for row in parents(warehouse)] == ["R-1"]


def outcome(warehouse: Warehouse, name: str) -> Outcome:
    nothing = Snapshot({}, DeliveryState((), (), (), ()), NO_OVERLAPS, (), {})
    (one,) = [
        one
        for one in check_warehouse(warehouse, nothing, actuals_through=None, frozen_periods=())
        if one.check == PARENTS_WITHOUT_LINES[name]
    ]
    return one


def test_the_check_names_the_parent_and_the_largest_amount(warehouse: Warehouse):
    facts = [
        budget(RENT, "1300.00"),
        budget(TRUCKS, "1200.00"),
        Fact(DAY, SALES, RENT, ACTUAL, "5.00"),
        Fact(DAY, SALES, TRUCKS, ACTUAL, "5.00"),
    ]
    load(warehouse, facts, accounts_above=BELOW_RENT)

    failed = outcome(warehouse, "dim_account")
    assert not failed.passed
    assert failed.summary == (
        "1 parent has lines beside its children's; the most: 6000 Rent in 2025-01, Budget, Expense: "
        "1,200.00 counted twice in a roll-up"
    )
    assert failed.evidence[0] == {
        "Parent": "6000",
        "ParentName": "Rent",
        "Scenario": "Budget",
        "Period": "2025-01",
        "AccountType": "Expense",
        "ParentLines": 1,
        "ParentAmount": "1,300.00",
        "ChildrenLines": 1,
        "ChildrenAmount": "1,200.00",
        "CountedTwice": "1,200.00",
    }
    passed = outcome(warehouse, "dim_department")
    assert (passed.passed, passed.summary) == (True, "no parent has lines beside its children's")
