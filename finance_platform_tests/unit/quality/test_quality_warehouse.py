"""Checks on the warehouse: each passes on a sound one and names the rows of one that is broken on purpose.

Belongs here: `quality.warehouse`, `quality.invariants`, `quality.published_figures`. Does not belong here: the checks'
SQL row by row (see the warehouse's invariants).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.report_inputs import Comment, StatementLineRow
from finance_platform.deliveries.state import DeliveryState
from finance_platform.quality import checks
from finance_platform.quality.checks import (
    BASELINE_ONCE,
    EVIDENCE_ROWS,
    GRAIN_UNIQUE,
    KEYS_COLLIDE_NOWHERE,
    MEMBERS_DESCRIBED,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    Check,
    Outcome,
)
from finance_platform.quality.invariants import check_invariants, check_lake_equals_warehouse
from finance_platform.quality.warehouse import (
    check_closed_periods,
    check_comments,
    check_statement_lines,
    check_warehouse,
    in_order,
)
from finance_platform.slices.commits import ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.waiting_changes import WaitingChange
from finance_platform.warehouse.date_ranges import EVERY_DAY, DateRange
from finance_platform.warehouse.duckdb.load_connection import DuckDBLoadConnection
from finance_platform.warehouse.duckdb.session import SCHEMA, begin_session
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    FORECAST,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    WORKS,
    StarFiles,
    accounts,
    departments,
    february,
    january,
)

WarehouseAfter = Callable[..., Queryable]
NOTHING = DeliveryState((), (), (), ())
NAMES = {ACTUAL: "Actual", BUDGET: "Budget", FORECAST: "Forecast"}


def snapshot(state: DeliveryState = NOTHING, *built: SliceCommit) -> Snapshot:
    return Snapshot({}, state, NO_OVERLAPS, (), {(commit.table, commit.slice): commit for commit in built})


def built_slice(loaded: SliceToLoad) -> SliceCommit:
    """Return the commit of a loaded slice."""
    sums = tuple(
        ScenarioSum(
            total.scenario_key, NAMES[total.scenario_key], total.row_count, 0, total.amount, total.budget_amount
        )
        for total in loaded.sums
    )
    return SliceCommit("fact_financials", loaded.slice, str(loaded.version), loaded.row_count, (), sums)


@pytest.fixture(scope="module")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, Snapshot]]:
    """Load a warehouse that passes every check, and open it for changes."""
    folder = tmp_path_factory.mktemp("sound")
    star = StarFiles(folder / "processed")
    described = [{**row, "is_inferred": False} for row in departments()]
    # An account number with a letter, so that it can be repeated in the other case.
    numbered = [
        {**row, "account_number": "c-1" if row["account_key"] == REVENUE else row["account_number"]}
        for row in accounts()
    ]
    others = [slice_ for slice_ in star.dimensions() if slice_.contract_name not in {"dim_department", "dim_account"}]
    facts = [star.facts("2025-01", "j1", january()), star.facts("2025-02", "f1", february())]
    publish(
        DuckDBWarehouse(folder / "warehouse.duckdb"),
        LoadRequest(
            [*others, star.dimension(DIM_DEPARTMENT, described), star.dimension(DIM_ACCOUNT, numbered), *facts],
            run_id="run-1",
            loaded_at=LOADED_AT,
        ),
    )
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        begin_session(connection, SCHEMA)
        yield connection, snapshot(NOTHING, *(built_slice(loaded) for loaded in facts))


@pytest.fixture
def warehouse_after(_sound: tuple[duckdb.DuckDBPyConnection, Snapshot]) -> Iterator[WarehouseAfter]:
    """A function that returns the sound warehouse after statements, in a transaction that is rolled back."""
    connection = _sound[0]

    def run(*statements: str) -> Queryable:
        for sql in statements:
            connection.execute(sql)
        return DuckDBLoadConnection(connection)

    connection.begin()
    yield run
    connection.rollback()


@pytest.fixture
def processed(_sound: tuple[duckdb.DuckDBPyConnection, Snapshot]) -> Snapshot:
    """The processed zone that agrees with the sound warehouse."""
    return _sound[1]


def failed(outcomes: Iterable[Outcome]) -> dict[Check, Sequence[Mapping[str, Any]]]:
    return {outcome.check: outcome.evidence for outcome in outcomes if not outcome.passed}


def test_a_loaded_warehouse_passes_every_check(warehouse_after: WarehouseAfter, processed: Snapshot):
    assert failed(check_warehouse(warehouse_after(), processed, actuals_through=None, frozen_periods=())) == {}


JANUARY_RENT = f"DateKey = 20250101 AND AccountKey = {RENT} AND ScenarioKey = {ACTUAL}"

BREAKS: list[tuple[Check, str, list[dict[str, Any]]]] = [
    (
        KEYS_COLLIDE_NOWHERE["dim_date"],
        "INSERT INTO DimDate SELECT * FROM DimDate WHERE DateKey = 20250101",
        [
            {"TableName": "DimDate", "ColumnName": "DateKey", "KeyValue": "20250101", "RowCount": 2},
            {"TableName": "DimDate", "ColumnName": "FullDate", "KeyValue": "2025-01-01", "RowCount": 2},
        ],
    ),
    (
        KEYS_COLLIDE_NOWHERE["dim_department"],
        f"UPDATE DimDepartment SET DepartmentKey = {SALES}",
        [{"TableName": "DimDepartment", "ColumnName": "DepartmentKey", "KeyValue": str(SALES), "RowCount": 2}],
    ),
    (
        KEYS_COLLIDE_NOWHERE["dim_account"],
        f"UPDATE DimAccount SET AccountNumber = 'C-1' WHERE AccountKey = {RENT}",
        [{"TableName": "DimAccount", "ColumnName": "AccountNumber", "KeyValue": "C-1", "RowCount": 2}],
    ),
    (
        KEYS_COLLIDE_NOWHERE["dim_scenario"],
        f"UPDATE DimScenario SET ScenarioName = 'ACTUAL' WHERE ScenarioKey = {FORECAST}",
        [{"TableName": "DimScenario", "ColumnName": "ScenarioName", "KeyValue": "ACTUAL", "RowCount": 2}],
    ),
    (
        MEMBERS_DESCRIBED["dim_department"],
        f"UPDATE DimDepartment SET IsInferred = TRUE WHERE DepartmentKey = {WORKS}",
        [{"DepartmentCode": "0020", "Lines": 4}],
    ),
    (
        MEMBERS_DESCRIBED["dim_account"],
        f"UPDATE DimAccount SET IsInferred = TRUE WHERE AccountKey = {RENT}",
        [{"AccountNumber": "6000", "Lines": 4}],
    ),
    (
        MEMBERS_DESCRIBED["dim_account"],
        f"UPDATE DimAccount SET AccountType = 'Unknown' WHERE AccountKey = {RENT}",
        [
            {
                "AccountNumber": "6000",
                "Scenario": scenario,
                "Lines": lines,
                "Gross": gross,
                "Finding": "has no type, so it is neither revenue nor expense",
            }
            for scenario, lines, gross in (
                ("Actual", 2, "501.00"),
                ("Forecast", 1, "240.00"),
                ("Budget", 1, "200.00"),
            )
        ],
    ),
    (
        GRAIN_UNIQUE,
        f"INSERT INTO FactFinancials SELECT * FROM FactFinancials WHERE {JANUARY_RENT}",
        [
            {
                "DateKey": 20250101,
                "DepartmentKey": SALES,
                "AccountKey": RENT,
                "ScenarioKey": ACTUAL,
                "RowCount": 2,
            }
        ],
    ),
    (
        REFERENCES_RESOLVE,
        f"DELETE FROM DimAccount WHERE AccountKey = {RENT}",
        [{"ColumnName": "AccountKey", "MissingKey": RENT, "RowCount": 4}],
    ),
    (
        VARIANCE_IDENTITY,
        f"UPDATE FactFinancials SET Variance = Variance + 0.01 WHERE {JANUARY_RENT}",
        [
            {
                "DateKey": 20250101,
                "DepartmentKey": SALES,
                "AccountKey": RENT,
                "ScenarioKey": ACTUAL,
                "Amount": "250.50",
                "BudgetAmount": "200.00",
                "Variance": "50.51",
            }
        ],
    ),
    (
        BASELINE_ONCE,
        f"UPDATE FactFinancials SET BudgetAmount = 400, Variance = Amount - 400 WHERE {JANUARY_RENT}",
        [
            {
                "Period": "2025-01",
                "DepartmentKey": SALES,
                "AccountKey": RENT,
                "BookedBudget": "400.00",
                "PlannedBudget": "200.00",
            }
        ],
    ),
]


@pytest.mark.parametrize(
    ("check", "breaking", "evidence"), BREAKS, ids=[f"{check.asset[1]} {check.name}" for check, _, _ in BREAKS]
)
def test_a_broken_warehouse_fails_the_check_that_names_the_rows(
    check: Check, breaking: str, evidence: list[dict[str, Any]], warehouse_after: WarehouseAfter, processed: Snapshot
):
    assert (
        failed(check_warehouse(warehouse_after(breaking), processed, actuals_through=None, frozen_periods=()))[check]
        == evidence
    )


def test_facts_whose_keys_give_the_same_number_are_duplicates_only_if_their_keys_are_equal(
    warehouse_after: WarehouseAfter, processed: Snapshot
):
    keys = (8_001, 8_002)  # a quarter of either is the same whole number
    changed = warehouse_after(
        *(
            "INSERT INTO FactFinancials SELECT * REPLACE (CAST(20300101 AS INTEGER) AS DateKey, "
            f"CAST({key} AS BIGINT) AS AccountKey) FROM FactFinancials WHERE {JANUARY_RENT}"
            for key in keys
        )
    )
    days = DateRange(20300101, 20300101).parameters
    assert changed.query(statement(SqlFile.FACT_KEY_NUMBERS), days).rows == [(2, 1)]
    assert GRAIN_UNIQUE not in failed(check_warehouse(changed, processed, actuals_through=None, frozen_periods=()))


@pytest.mark.parametrize("key", [2**63 - 1, -(2**63)])
def test_keys_of_any_size_are_compared(key: int, warehouse_after: WarehouseAfter, processed: Snapshot):
    day = 2**31 - 1 if key > 0 else -(2**31)
    changed = warehouse_after(
        f"UPDATE FactFinancials SET DateKey = {day}, DepartmentKey = {key}, AccountKey = {key}, ScenarioKey = {key} "
        "WHERE DateKey <> 20250101",
    )
    (evidence,) = [
        outcome.evidence
        for outcome in check_invariants(changed, processed, actuals_through=None, frozen_periods=(), scope=None)
        if outcome.check == GRAIN_UNIQUE
    ]
    assert [(row["DateKey"], row["AccountKey"]) for row in evidence] == [(day, key)]


def test_money_on_accounts_without_a_type_is_added_up_by_scenario(warehouse_after: WarehouseAfter, processed: Snapshot):
    changed = warehouse_after("UPDATE DimAccount SET AccountType = 'Unknown'")
    (outcome,) = (
        one
        for one in check_warehouse(changed, processed, actuals_through=None, frozen_periods=())
        if one.check == MEMBERS_DESCRIBED["dim_account"]
    )
    assert outcome.summary == (
        "0 inferred members; 3 accounts without a type, gross: Actual 2,681.00, Budget 1,200.00, Forecast 240.00"
    )


@pytest.mark.parametrize("change", ["Measure = 'balance'", "IsMonetary = FALSE"])
def test_a_statistical_account_and_a_balance_need_no_type(
    change: str, warehouse_after: WarehouseAfter, processed: Snapshot
):
    changed = warehouse_after(f"UPDATE DimAccount SET AccountType = 'Unknown', {change} WHERE AccountKey = {RENT}")
    assert MEMBERS_DESCRIBED["dim_account"] not in failed(
        check_warehouse(changed, processed, actuals_through=None, frozen_periods=())
    )


@pytest.mark.parametrize(
    ("written", "finding"),
    [("6OOO", "looks like 6000"), ("6o0O", "looks like 6000"), ("7000", None), ("6ABC", None), ("7OOO", None)],
)
def test_a_code_with_letters_for_digits_names_the_account_that_it_looks_like(
    written: str, finding: str | None, warehouse_after: WarehouseAfter, processed: Snapshot
):
    changed = warehouse_after(
        "UPDATE DimAccount SET AccountNumber = '6000' WHERE AccountNumber = 'c-1'",
        f"UPDATE DimAccount SET AccountNumber = '{written}', IsInferred = TRUE WHERE AccountKey = {RENT}",
    )
    (row,) = failed(check_warehouse(changed, processed, actuals_through=None, frozen_periods=()))[
        MEMBERS_DESCRIBED["dim_account"]
    ]
    assert (row["AccountNumber"], row.get("Finding")) == (written, finding)


def test_every_check_of_the_warehouse_has_a_failing_case():
    tested = {check for check, _, _ in BREAKS} | {
        checks.LAKE_EQUALS_WAREHOUSE,
        checks.CLOSED_PERIODS_STAND,
        checks.COMMENTS_NAME_MEMBERS,
        checks.STATEMENT_LINES_NAME_ACCOUNTS,
    }
    # Unusual amounts and parents are tested in `warehouse/test_unusual_amounts` and `test_parents`, the others below.
    tested |= {checks.AMOUNTS_ARE_USUAL, *checks.PARENTS_WITHOUT_LINES.values()}
    assert tested == set(checks.WAREHOUSE_CHECKS)


def test_outcomes_come_in_the_order_in_which_the_checks_are_declared():
    outcomes = [checks.Outcome(check, passed=True, summary="") for check in reversed(checks.WAREHOUSE_CHECKS)]
    assert [one.check for one in in_order(outcomes)] == list(checks.WAREHOUSE_CHECKS)


def test_a_comment_of_a_department_or_account_that_nothing_mentions_is_named_with_its_line(
    warehouse_after: WarehouseAfter,
):
    warehouse = warehouse_after()

    def comment(row: int, department: int, account: int) -> Comment:
        return Comment("2025-01", department, "0010", account, "6000", "Ann", "x", None, "comments.csv", row)

    assert check_comments([], warehouse).passed
    assert check_comments([comment(2, SALES, RENT)], warehouse).passed
    outcome = check_comments([comment(2, SALES, RENT), comment(3, SALES, 1), comment(4, 1, 1)], warehouse)
    place = {"file": "comments.csv", "department": "0010", "account": "6000"}
    assert (outcome.passed, outcome.summary) == (False, "3 comments, 2 of unknown members")
    assert list(outcome.evidence) == [
        {**place, "row": 3, "unknown": "account"},
        {**place, "row": 4, "unknown": "department and account"},
    ]


def test_a_statement_line_of_an_account_that_nothing_mentions_is_named_with_its_line(warehouse_after: WarehouseAfter):
    warehouse = warehouse_after()
    ((number, category),) = warehouse.query(
        f"SELECT AccountNumber, Category FROM DimAccount WHERE AccountKey = {RENT}"
    ).rows

    def mapped(row: int, account: str, of_category: str = "") -> StatementLineRow:
        return StatementLineRow(account, of_category, "Revenue", "Sales", 1, "statement_lines.csv", row)

    known = [mapped(2, number), mapped(3, f"{number[:1]}*"), mapped(4, "", category.upper())]
    assert check_statement_lines([], warehouse).passed
    assert check_statement_lines(known, warehouse).passed
    outcome = check_statement_lines([*known, mapped(5, "nix"), mapped(6, "nix*"), mapped(7, "", "nix")], warehouse)
    assert (outcome.passed, outcome.summary) == (False, "6 rows of statement lines, 3 about no account")
    assert [(row["row"], row["account"], row["category"]) for row in outcome.evidence] == [
        (5, "nix", None),
        (6, "nix*", None),
        (7, None, "nix"),
    ]


@pytest.mark.parametrize(
    ("breaking", "period", "key", "in_processed_zone", "in_warehouse"),
    [
        (
            "UPDATE FactFinancials SET Amount = Amount + 0.01 WHERE DateKey = 20250115",
            "2025-01",
            ACTUAL,
            "(6, Decimal('6342.50'), Decimal('1200.00'))",
            "(6, Decimal('6342.51'), Decimal('1200.00'))",
        ),
        (
            f"DELETE FROM FactFinancials WHERE ScenarioKey = {FORECAST}",
            "2025-01",
            FORECAST,
            "(1, Decimal('240.00'), Decimal('200.00'))",
            "None",
        ),
        (
            f"UPDATE FactFinancials SET BudgetAmount = BudgetAmount - 0.01 WHERE {JANUARY_RENT}",
            "2025-01",
            ACTUAL,
            "(6, Decimal('6342.50'), Decimal('1200.00'))",
            "(6, Decimal('6342.50'), Decimal('1199.99'))",
        ),
        (
            "INSERT INTO FactFinancials SELECT * REPLACE (20250301 AS DateKey) FROM FactFinancials WHERE Amount = 1000",
            "2025-03",
            ACTUAL,
            "None",
            "(1, Decimal('1000.00'), Decimal('0.00'))",
        ),
    ],
    ids=["a cent more", "a scenario less", "a cent of budget less", "a period more"],
)
def test_the_warehouse_equals_the_processed_zone_by_scenario_and_period_to_the_cent(
    breaking: str,
    period: str,
    key: int,
    in_processed_zone: str,
    in_warehouse: str,
    warehouse_after: WarehouseAfter,
    processed: Snapshot,
):
    outcome = check_lake_equals_warehouse(warehouse_after(breaking), processed, [EVERY_DAY])
    assert not outcome.passed
    assert outcome.summary == "4 sums compared, 1 differ"
    assert outcome.evidence == [
        {"period": period, "scenario_key": key, "processed": in_processed_zone, "warehouse": in_warehouse}
    ]


def test_a_period_that_is_built_and_not_loaded_differs(warehouse_after: WarehouseAfter, processed: Snapshot):
    outcome = check_lake_equals_warehouse(
        warehouse_after("DELETE FROM FactFinancials WHERE DateKey > 20250200"), processed, [EVERY_DAY]
    )
    assert [(row["period"], row["warehouse"]) for row in outcome.evidence] == [("2025-02", "None")]


def test_dimensions_have_no_sums_to_compare(warehouse_after: WarehouseAfter, processed: Snapshot):
    with_dimension = replace(
        processed, built={**processed.built, ("dim_date", "all"): SliceCommit("dim_date", "all", "v1", 0, ())}
    )
    assert check_lake_equals_warehouse(warehouse_after(), with_dimension, [EVERY_DAY]).passed


def test_closed_periods_that_stay_as_they_are_published_are_named():
    waiting = [
        WaitingChange("fact_financials", ("2025-01",), ("baseline changed from Budget to Plan",)),
        WaitingChange(
            "dim_account", ("2025-01", "2025-02"), ("accounts.csv: another version",), {"Actual": Decimal(5)}, ("6000",)
        ),
    ]
    outcome = check_closed_periods(waiting)
    assert (outcome.passed, outcome.check.is_blocking, outcome.check.is_warning) == (False, False, False)
    assert outcome.summary == "2 closed periods held as published"
    assert [list(row.values()) for row in outcome.evidence] == [
        ["2025-01", "fact_financials", None, "baseline changed from Budget to Plan", None],
        ["2025-01, 2025-02", "dim_account", "6000", "accounts.csv: another version", "Actual 5.00"],
    ]
    assert check_closed_periods(()).passed


def test_a_check_keeps_the_first_rows_and_counts_all(warehouse_after: WarehouseAfter, processed: Snapshot):
    repeated = warehouse_after("INSERT INTO DimDate SELECT * FROM DimDate")
    (outcome,) = [
        o
        for o in check_warehouse(repeated, processed, actuals_through=None, frozen_periods=())
        if o.check is KEYS_COLLIDE_NOWHERE["dim_date"]
    ]
    assert (len(outcome.evidence), outcome.summary) == (EVIDENCE_ROWS, "730 keys collide")
