"""The queries of the checks: each returns no row on a valid warehouse, and the offending rows on an invalid one.

Belongs here: `sql/quality`. Does not belong here: the outcome of a check (see the tests of quality).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.warehouse.date_ranges import EVERY_DAY, DateRange
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    FORECAST,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    Fact,
    StarFiles,
    accounts,
    departments,
    january,
)

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY = ("test_an_invalid_warehouse_gives_the_rows_that_break_the_invariant",)

INVARIANTS = (
    SqlFile.FACT_GRAIN_IS_UNIQUE,
    SqlFile.REFERENCES_RESOLVE,
    SqlFile.VARIANCE_IDENTITY,
    SqlFile.KEYS_COLLIDE_NOWHERE,
    SqlFile.BASELINE_BOOKED_ONCE,
)


def _february(*facts: Fact) -> Callable[[StarFiles], SliceToLoad]:
    return lambda star_files: star_files.facts("2025-02", "broken", facts)


def _department_twice(star_files: StarFiles) -> SliceToLoad:
    return star_files.dimension(
        DIM_DEPARTMENT, [*departments(), {**departments()[0], "department_code": "0030"}], "broken"
    )


def _account_number_in_two_cases(star_files: StarFiles) -> SliceToLoad:
    rows = [{**accounts()[0], "account_number": "a-1"}, {**accounts()[1], "account_number": "A-1"}, *accounts()[2:]]
    return star_files.dimension(DIM_ACCOUNT, rows, "broken")


RENT_PAID = Fact("2025-02-10", SALES, RENT, ACTUAL, "10.00")

BROKEN: list[tuple[SqlFile, Callable[[StarFiles], SliceToLoad], list[tuple[Any, ...]]]] = [
    (SqlFile.FACT_GRAIN_IS_UNIQUE, _february(RENT_PAID, RENT_PAID), [(20250210, SALES, RENT, ACTUAL, 2)]),
    (SqlFile.REFERENCES_RESOLVE, _february(RENT_PAID._replace(account=77)), [("AccountKey", 77, 1)]),
    (SqlFile.REFERENCES_RESOLVE, _february(RENT_PAID._replace(department=77)), [("DepartmentKey", 77, 1)]),
    (SqlFile.REFERENCES_RESOLVE, _february(RENT_PAID._replace(scenario=77)), [("ScenarioKey", 77, 1)]),
    (
        SqlFile.REFERENCES_RESOLVE,
        lambda star_files: star_files.facts("2031-02", "broken", [RENT_PAID._replace(day="2031-02-03")]),
        [("DateKey", 20310203, 1)],
    ),
    (
        SqlFile.VARIANCE_IDENTITY,
        _february(RENT_PAID._replace(budget="4.00", variance="5.99")),
        [(20250210, SALES, RENT, ACTUAL, Decimal("10.00"), Decimal("4.00"), Decimal("5.99"))],
    ),
    (SqlFile.KEYS_COLLIDE_NOWHERE, _department_twice, [("DimDepartment", "DepartmentKey", str(SALES), 2)]),
    (SqlFile.KEYS_COLLIDE_NOWHERE, _account_number_in_two_cases, [("DimAccount", "AccountNumber", "A-1", 2)]),
    (
        SqlFile.BASELINE_BOOKED_ONCE,
        _february(
            RENT_PAID._replace(budget="8.00"),
            RENT_PAID._replace(day="2025-02-11", budget="8.00"),
            Fact("2025-02-01", SALES, RENT, BUDGET, "8.00", "8.00"),
        ),
        [("2025-02", SALES, RENT, Decimal("16.00"), Decimal("8.00"))],
    ),
    (
        SqlFile.BASELINE_BOOKED_ONCE,
        _february(RENT_PAID, Fact("2025-02-01", SALES, REVENUE, BUDGET, "8.00", "8.00")),
        [("2025-02", SALES, REVENUE, Decimal("0.00"), Decimal("8.00"))],
    ),
]


def _broken_by(loaded: Warehouse, invariant: SqlFile, through: str = "9999-12") -> list[tuple[Any, ...]]:
    through_parameter = {"actuals_through": through} if invariant is SqlFile.BASELINE_BOOKED_ONCE else {}
    days = {} if invariant is SqlFile.KEYS_COLLIDE_NOWHERE else EVERY_DAY.parameters
    return loaded.query(statement(invariant), {**through_parameter, **days}).rows


@pytest.mark.parametrize("invariant", INVARIANTS, ids=str)
def test_a_valid_warehouse_breaks_no_invariant(loaded: Warehouse, invariant: SqlFile) -> None:
    assert _broken_by(loaded, invariant) == []


@pytest.mark.parametrize(("invariant", "break_star", "rows"), BROKEN)
def test_an_invalid_warehouse_gives_the_rows_that_break_the_invariant(
    loaded: Warehouse,
    star_files: StarFiles,
    invariant: SqlFile,
    break_star: Callable[[StarFiles], SliceToLoad],
    rows: list[tuple[Any, ...]],
) -> None:
    publish(loaded, LoadRequest([break_star(star_files)], run_id="run-2", loaded_at=LOADED_AT))

    assert _broken_by(loaded, invariant) == rows


def test_every_invariant_is_shown_to_fail() -> None:
    assert {invariant for invariant, _, _ in BROKEN} == set(INVARIANTS)


def test_facts_have_as_many_numbers_as_keys(loaded: Warehouse, star_files: StarFiles) -> None:
    keys = [surrogate_key(str(code)) for code in range(20)]
    facts = [Fact("2025-02-10", department, account, ACTUAL, "1.00") for department in keys for account in keys]
    repeated = star_files.facts(
        "2025-02", "numbers", [*facts, facts[0], Fact("2025-02-11", keys[0], keys[0], ACTUAL, "1.00")]
    )
    publish(loaded, LoadRequest([repeated], run_id="run-2", loaded_at=LOADED_AT))

    numbers = loaded.query(statement(SqlFile.FACT_KEY_NUMBERS), DateRange(20250201, 20250228).parameters)
    assert numbers.columns == ["RowCount", "NumberCount"]
    assert numbers.rows == [(402, 401)]


def test_months_of_a_budget_that_actual_does_not_reach_break_nothing(loaded: Warehouse, star_files: StarFiles) -> None:
    ahead = star_files.facts("2025-12", "b1", [Fact("2025-12-01", SALES, RENT, BUDGET, "8.00", "8.00")])
    publish(loaded, LoadRequest([ahead], run_id="run-2", loaded_at=LOADED_AT))

    assert _broken_by(loaded, SqlFile.BASELINE_BOOKED_ONCE) == []


def test_actuals_after_the_last_covered_period_need_no_budget(loaded: Warehouse, star_files: StarFiles) -> None:
    unbooked = _february(RENT_PAID, Fact("2025-02-01", SALES, REVENUE, BUDGET, "8.00", "8.00"))(star_files)
    publish(loaded, LoadRequest([unbooked], run_id="run-2", loaded_at=LOADED_AT))

    assert _broken_by(loaded, SqlFile.BASELINE_BOOKED_ONCE)
    assert _broken_by(loaded, SqlFile.BASELINE_BOOKED_ONCE, through="2025-01") == []


def test_sums_by_scenario_and_period_are_those_of_the_lake(loaded: Warehouse, star_files: StarFiles) -> None:
    result = loaded.query(statement(SqlFile.SUMS_BY_SCENARIO_AND_PERIOD), EVERY_DAY.parameters)

    assert result.columns == ["ScenarioKey", "Period", "RowCount", "Amount", "BudgetAmount"]
    expected = {
        part.scenario_key: (part.row_count, part.amount, part.budget_amount)
        for part in star_files.facts("2025-01", "j1", january()).sums
    }
    assert {row[0]: row[2:] for row in result.rows if row[1] == "2025-01"} == expected
    assert [row[:3] for row in result.rows] == [
        (ACTUAL, "2025-01", 6),
        (ACTUAL, "2025-02", 2),
        (BUDGET, "2025-01", 3),
        (FORECAST, "2025-01", 1),
    ]


def test_sums_count_rows_whose_date_the_dimension_does_not_have(loaded: Warehouse, star_files: StarFiles) -> None:
    publish(
        loaded,
        LoadRequest(
            [star_files.facts("2031-02", "x", [RENT_PAID._replace(day="2031-02-03")])],
            run_id="run-2",
            loaded_at=LOADED_AT,
        ),
    )

    rows = loaded.query(statement(SqlFile.SUMS_BY_SCENARIO_AND_PERIOD), EVERY_DAY.parameters).rows

    assert (ACTUAL, "2031-02", 1, Decimal("10.00"), Decimal("0.00")) in rows


def test_an_inferred_member_that_lines_mention_is_named_and_a_described_one_is_not(loaded: Warehouse) -> None:
    assert [row[:2] for row in loaded.query(statement(SqlFile.INFERRED_DEPARTMENTS)).rows] == [("0020", 4)]
    assert loaded.query(statement(SqlFile.INFERRED_ACCOUNTS)).rows == []


def test_accounts_with_lines_are_counted_and_so_are_those_without_a_type(loaded: Warehouse) -> None:
    ((accounts, untyped),) = loaded.query(statement(SqlFile.ACCOUNTS_WITHOUT_TYPES)).rows
    assert accounts > untyped == 0


@pytest.mark.parametrize(
    ("contract", "rows", "code", "query"),
    [
        (DIM_DEPARTMENT, departments(), "department_code", SqlFile.DEPARTMENT_PARENTS),
        (DIM_ACCOUNT, accounts(), "account_number", SqlFile.ACCOUNT_PARENTS),
    ],
)
def test_the_check_of_members_names_parents_that_do_not_exist_and_circles(
    loaded: Warehouse, star_files: StarFiles, contract: Contract, rows: list[dict[str, Any]], code: str, query: SqlFile
) -> None:
    first, second = (row[code] for row in rows[:2])
    above = {first: second.lower(), second: first}
    changed = [{**row, f"parent_{code}": above.get(row[code], "X99"), "is_inferred": False} for row in rows]
    publish(loaded, LoadRequest([star_files.dimension(contract, changed, "c1")], run_id="run-2", loaded_at=LOADED_AT))

    assert [row[:3] for row in loaded.query(statement(query)).rows] == sorted(
        (row[code], above.get(row[code], "X99"), {first: second, second: first}.get(row[code])) for row in rows
    )
    (outcome,) = (
        one
        for one in check_published_figures(loaded, actuals_through=None)
        if one.check.name == "members_are_described" and one.check.asset == ("warehouse", contract.name)
    )
    findings = [row["Finding"] for row in outcome.evidence]
    assert findings.count("no file and no line has the parent") == len(rows) - 2
    assert [one for one in findings if one.startswith("is above itself")] == [
        f"is above itself: {min(first, second)}, below {max(first, second)}, below {min(first, second)}"
    ]
