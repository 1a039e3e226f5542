"""Checks on files, on the star in the lake and on the warehouse, each on a sound one and on one broken on purpose.

Belongs here: `quality.checks`, `schemas`, `star`, `warehouse`. Does not belong here: deliveries (see
`test_quality_deliveries`), the checks' SQL row by row (see the warehouse's invariants).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, MEMBERS, PROCESSED, TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO, STAR
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.overlaps import NO_OVERLAPS
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
    raw_checks,
)
from finance_platform.quality.deliveries import check_deliveries, check_raw, check_unread
from finance_platform.quality.schemas import check_schema
from finance_platform.quality.star import check_accounts_have_sign, check_lines_equal_star
from finance_platform.quality.warehouse import check_closed_periods, check_lake_equals_warehouse, check_warehouse
from finance_platform.slices.commits import Difference, ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import SliceToLoad
from finance_platform_tests.unit.factories import in_period, live_in, state_of
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

NOTHING = DeliveryState((), (), (), ())
NAMES = {ACTUAL: "Actual", BUDGET: "Budget", FORECAST: "Forecast"}


def snapshot(state: DeliveryState = NOTHING, *built: SliceCommit) -> Snapshot:
    return Snapshot({}, state, NO_OVERLAPS, (), {(commit.table, commit.slice): commit for commit in built})


# What is declared


def declared() -> list[Check]:
    """Every check that the catalogue's module holds, wherever it holds it, and those of one feed."""
    found: list[Check] = list(raw_checks("ledger"))
    for value in vars(checks).values():
        values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        found += [one for one in values if isinstance(one, Check)]
    return list(dict.fromkeys(found))


def test_every_declared_check_is_evaluated_and_every_evaluated_one_declared(
    sound: DuckDBWarehouse, processed: LocalStore
):
    state, looked = state_of(), RawZoneScan((), 0, {}, (), (), (), {})
    outcomes = [
        *check_raw("ledger", looked),
        *check_unread(looked, "feeds"),
        *check_deliveries(state),
        *(check_schema(contract, processed, ()) for contract in (*PROCESSED, *STAR)),
        check_lines_equal_star(snapshot(state)),
        check_accounts_have_sign(snapshot(state), processed),
        *check_warehouse(sound, snapshot(state)),
        check_closed_periods(()),
    ]
    evaluated = [outcome.check for outcome in outcomes]
    assert set(evaluated) == set(declared())
    assert len(evaluated) == len(set(evaluated))


def test_a_checks_name_is_unique_on_its_asset_and_is_a_statement():
    names = [(check.asset, check.name) for check in declared()]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and name == name.lower() for _, name in names)


TO_DO = re.compile(
    r"`finance-platform|(^|[.;:,] )(or |and )?(add|correct|describe|give|keep|look|make|mend|put|send)\b", re.I
)


def test_every_check_says_what_a_failure_means_and_what_to_do():
    for check in declared():
        assert check.meaning.endswith("."), check.name
        meaning, _, remedy = check.meaning.partition(". ")
        assert meaning, check.name
        assert TO_DO.search(remedy), check.name


def test_a_warning_blocks_nothing():
    assert not [check.name for check in declared() if check.is_blocking and check.is_warning]


def test_people_are_told_of_every_failure_but_of_warnings_that_can_wait():
    waiting = {check.name for check in declared() if not check.alerts}
    assert waiting == {"deliveries_arrive_in_order", "actuals_have_no_gaps", "members_are_described"}
    assert {check.name for check in declared() if check.is_warning} - waiting == {
        "amounts_are_usual",
        "every_file_has_a_feed",
        "no_file_vanished",
    }


# Files against contracts


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def write_parquet(lake: LocalStore, key: str, schema: pa.Schema, rows: Sequence[Mapping[str, Any]] = ()) -> DataFile:
    path = Path(lake.uri(key))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return DataFile(key, path.stat().st_size)


@pytest.mark.parametrize("contract", [*PROCESSED, *STAR], ids=lambda contract: contract.name)
def test_a_file_with_the_contracts_columns_in_their_order_and_types_matches(contract: Contract, processed: LocalStore):
    write_parquet(processed, "right.parquet", arrow_schema(contract.stored_columns))
    outcome = check_schema(contract, processed, ["right.parquet"])
    assert (outcome.passed, outcome.summary) == (True, "1 file read")
    assert outcome.check.asset == ("processed", contract.name)


def _columns(change: Callable[[list[pa.Field]], list[pa.Field]]) -> pa.Schema:
    return pa.schema(change(list(arrow_schema(DIM_SCENARIO.stored_columns))))


@pytest.mark.parametrize(
    "schema",
    [
        _columns(lambda columns: columns[::-1]),
        _columns(lambda columns: [pa.field("scenario_key", pa.int32()), *columns[1:]]),
        _columns(lambda columns: columns[:-1]),
        _columns(lambda columns: [*columns, pa.field("extra", pa.string())]),
        _columns(lambda columns: [columns[0].with_name("ScenarioKey"), *columns[1:]]),
    ],
    ids=["wrong order", "wrong type", "missing column", "column too many", "other spelling"],
)
def test_a_file_with_other_columns_is_named_with_what_was_expected_and_found(schema: pa.Schema, processed: LocalStore):
    write_parquet(processed, "right.parquet", arrow_schema(DIM_SCENARIO.stored_columns))
    write_parquet(processed, "wrong.parquet", schema)
    outcome = check_schema(DIM_SCENARIO, processed, ["right.parquet", "wrong.parquet"])
    assert (outcome.passed, outcome.check.is_blocking) == (False, True)
    assert outcome.summary == "2 files read, 1 differs"
    (row,) = outcome.evidence
    assert row["file"] == "wrong.parquet"
    assert row["expected"] == str([(column.name, str(column.type)) for column in _columns(list)])
    assert row["found"] == str([(column.name, str(column.type)) for column in schema])


def test_money_of_another_scale_is_another_type(processed: LocalStore):
    columns = [
        pa.field("amount", pa.decimal128(28, 2)) if column.name == "amount" else column
        for column in arrow_schema(TRANSACTIONS.stored_columns)
    ]
    write_parquet(processed, "wide.parquet", pa.schema(columns))
    assert not check_schema(TRANSACTIONS, processed, ["wide.parquet"]).passed


# Ledger lines against the star


def compared(period: str, accounts: int, *differences: Difference) -> SliceCommit:
    """A built slice of which so many sums by scenario and account were compared with the ledger lines."""
    return SliceCommit(
        "fact_financials", period, f"v-{period}", 1, (), accounts_compared=accounts, differences=differences
    )


def test_a_star_with_the_lines_and_cents_of_its_deliveries_passes():
    outcome = check_lines_equal_star(snapshot(NOTHING, compared("2025-01", 3), compared("2025-02", 4)))
    assert (outcome.passed, outcome.summary) == (True, "7 sums by scenario, period and account compared")


def test_a_star_that_differs_from_its_lines_is_named_by_period_scenario_and_account():
    differs = compared("2025-02", 4, Difference(1, 4000, "2 lines, 20.00", "1 lines, 10.00"))
    outcome = check_lines_equal_star(snapshot(NOTHING, compared("2025-01", 3), differs))
    assert (outcome.passed, outcome.check.is_blocking) == (False, True)
    assert outcome.summary == "7 sums by scenario, period and account compared, 1 differ"
    assert outcome.evidence == [
        {
            "period": "2025-02",
            "scenario_key": 1,
            "account_key": 4000,
            "lines": "2 lines, 20.00",
            "star": "1 lines, 10.00",
        }
    ]


def test_lines_that_were_accepted_and_are_neither_live_nor_hidden_are_named():
    accepted = state_of(live_in(in_period("2025-01", amount="10.00")))
    sums = (ScenarioSum(1, "Actual", 1, 1, Decimal("10.00"), Decimal(0), Decimal("10.00")),)
    whole = SliceCommit("fact_financials", "2025-01", "v", 1, (), sums)
    hidden = SliceCommit("fact_financials", "2025-01", "v", 0, (), (), 1, Decimal("10.00"))
    lost = SliceCommit("fact_financials", "2025-01", "v", 0, (), ())
    assert check_lines_equal_star(snapshot(accepted, whole)).passed
    assert check_lines_equal_star(snapshot(accepted, hidden)).passed
    outcome = check_lines_equal_star(snapshot(accepted, lost))
    assert not outcome.passed
    assert outcome.evidence == [
        {"period": "2025-01", "lines": "accepted 1 lines, 10.00", "star": "live and hidden 0 lines, 0.00"}
    ]


def test_a_dimension_has_no_sums_to_compare():
    dimension = SliceCommit("dim_scenario", "all", "v1", 1, ())
    assert check_lines_equal_star(snapshot(NOTHING, dimension)).summary.startswith("0 sums")


# Accounts of debit-positive feeds


def chart(lake: LocalStore, content: str = "v1", **types: str | None) -> Any:
    """A live reference delivery whose accounts, `a4000` for 4000, have these types."""
    rows = [{"account_key": int(name[1:]), "account_type": its_type} for name, its_type in types.items()]
    file = write_parquet(lake, f"accounts/{content}.parquet", arrow_schema(ACCOUNTS.columns), rows)
    return live_in(
        key="accounts.csv", content=content, feed="accounts", kind="accounts", commit_files={"accounts": (file,)}
    )


def mentioning(lake: LocalStore, *accounts: str, is_debit_positive: bool = True, key: str = "gl.csv") -> Any:
    """A live delivery whose lines mention accounts, and the department 9."""
    rows: list[dict[str, Any]] = [
        {"dimension": "account", "member_key": int(number), "code": number} for number in accounts
    ]
    rows.append({"dimension": "department", "member_key": 9, "code": "9"})
    file = write_parquet(lake, f"members/{key}.parquet", arrow_schema(MEMBERS.columns), rows)
    return live_in(
        in_period("2025-01"),
        key=key,
        load_mode="replace_period",
        commit_is_debit_positive=is_debit_positive,
        commit_files={"members": (file,)},
    )


def test_accounts_with_a_type_have_a_sign(processed: LocalStore):
    described = chart(processed, a4000="Revenue", a6000="Expense")
    state = state_of(mentioning(processed, "4000", "6000"), described)
    assert check_accounts_have_sign(snapshot(state), processed).passed


def test_accounts_of_unknown_type_under_a_debit_positive_feed_are_named_whenever_one_looks(processed: LocalStore):
    described = chart(processed, a4000=None, a6000="Expense")
    found = snapshot(state_of(mentioning(processed, "7000", "6000", "4000"), described))
    outcome = check_accounts_have_sign(found, processed)
    assert (outcome.passed, outcome.check.is_blocking) == (False, True)
    assert outcome.evidence == [{"account": "4000"}, {"account": "7000"}]
    assert check_accounts_have_sign(found, processed) == outcome


def test_accounts_of_unknown_type_under_other_feeds_need_no_sign(processed: LocalStore):
    natural = mentioning(processed, "4000", is_debit_positive=False, key="natural.csv")
    described = chart(processed, a4000=None, a6000="Asset")
    state = state_of(natural, mentioning(processed, "6000"), described)
    assert check_accounts_have_sign(snapshot(state), processed).passed


def test_accounts_of_a_delivery_that_counts_nowhere_any_more_need_no_sign(processed: LocalStore):
    replaced, described = mentioning(processed, "4000", key="a.csv"), chart(processed, a4000=None, a6000="Asset")
    assert not check_accounts_have_sign(snapshot(state_of(replaced, described)), processed).passed
    found = snapshot(state_of(replaced, mentioning(processed, "6000", key="b.csv"), described))
    assert check_accounts_have_sign(found, processed).passed


# The warehouse


def fact_sums(wanted: SliceToLoad) -> SliceCommit:
    """What the lake says of a slice that was loaded."""
    sums = tuple(
        ScenarioSum(one.scenario_key, NAMES[one.scenario_key], one.row_count, 0, one.amount, one.budget_amount)
        for one in wanted.sums
    )
    return SliceCommit("fact_financials", wanted.slice, str(wanted.version), wanted.row_count, (), sums)


@pytest.fixture(scope="module")
def _sound_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot]:
    folder = tmp_path_factory.mktemp("sound")
    lake = StarFiles(folder / "processed")
    described = [{**row, "is_inferred": False} for row in departments()]
    # A number with a letter, to be repeated in the other case.
    numbered = [
        {**row, "account_number": "c-1" if row["account_key"] == REVENUE else row["account_number"]}
        for row in accounts()
    ]
    dimensions = [one for one in lake.dimensions() if one.contract_name not in {"dim_department", "dim_account"}]
    facts = [lake.facts("2025-01", "j1", january()), lake.facts("2025-02", "f1", february())]
    publish(
        DuckDBWarehouse(folder / "warehouse.duckdb"),
        [*dimensions, lake.dimension(DIM_DEPARTMENT, described), lake.dimension(DIM_ACCOUNT, numbered), *facts],
        run_id="run-1",
        loaded_at=LOADED_AT,
    )
    return folder / "warehouse.duckdb", snapshot(NOTHING, *(fact_sums(wanted) for wanted in facts))


@pytest.fixture
def path(tmp_path: Path, _sound_once: tuple[Path, Snapshot]) -> Path:
    return Path(shutil.copy(_sound_once[0], tmp_path / "warehouse.duckdb"))


@pytest.fixture
def sound(path: Path) -> DuckDBWarehouse:
    """A warehouse with nothing wrong."""
    return DuckDBWarehouse(path)


@pytest.fixture
def lake_says(_sound_once: tuple[Path, Snapshot]) -> Snapshot:
    """What the lake says of the sound warehouse."""
    return _sound_once[1]


def broken(path: Path, *statements: str) -> DuckDBWarehouse:
    """The warehouse after somebody was at it."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("USE finance")
        for statement in statements:
            connection.execute(statement)
    return DuckDBWarehouse(path)


def failed(outcomes: Iterable[Outcome]) -> dict[Check, Sequence[Mapping[str, Any]]]:
    return {outcome.check: outcome.evidence for outcome in outcomes if not outcome.passed}


def test_a_warehouse_as_it_was_loaded_passes_every_check(sound: DuckDBWarehouse, lake_says: Snapshot):
    assert failed(check_warehouse(sound, lake_says)) == {}


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
    check: Check, breaking: str, evidence: list[dict[str, Any]], path: Path, lake_says: Snapshot
):
    assert failed(check_warehouse(broken(path, breaking), lake_says))[check] == evidence


def test_every_check_of_the_warehouse_is_broken_by_some_case():
    tried = {check for check, _, _ in BREAKS} | {checks.LAKE_EQUALS_WAREHOUSE, checks.CLOSED_PERIODS_STAND}
    # Of unusual amounts see the warehouse's tests, of every other below.
    assert tried | {checks.AMOUNTS_ARE_USUAL} == set(checks.WAREHOUSE_CHECKS)


@pytest.mark.parametrize(
    ("breaking", "period", "key", "lake", "warehouse"),
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
def test_the_warehouse_equals_the_lake_by_scenario_and_period_to_the_cent(
    breaking: str, period: str, key: int, lake: str, warehouse: str, path: Path, lake_says: Snapshot
):
    outcome = check_lake_equals_warehouse(broken(path, breaking), lake_says)
    assert not outcome.passed
    assert outcome.summary == "4 sums compared, 1 differ"
    assert outcome.evidence == [{"period": period, "scenario_key": key, "lake": lake, "warehouse": warehouse}]


def test_a_period_that_the_lake_wants_and_the_warehouse_lacks_differs(path: Path, lake_says: Snapshot):
    outcome = check_lake_equals_warehouse(
        broken(path, "DELETE FROM FactFinancials WHERE DateKey > 20250200"), lake_says
    )
    assert [(row["period"], row["warehouse"]) for row in outcome.evidence] == [("2025-02", "None")]


def test_dimensions_have_no_sums_to_compare(sound: DuckDBWarehouse, lake_says: Snapshot):
    with_dimension = replace(lake_says, built={**lake_says.built, ("dim_date", "all"): compared("all", 0)})
    assert check_lake_equals_warehouse(sound, with_dimension).passed


def test_closed_periods_that_are_kept_as_they_are_published_are_named():
    outcome = check_closed_periods(["2025-01", "2025-02"])
    assert (outcome.passed, outcome.check.is_blocking, outcome.check.is_warning) == (False, False, False)
    assert outcome.summary == "2 closed periods held as published"
    assert outcome.evidence == [{"period": "2025-01"}, {"period": "2025-02"}]
    assert check_closed_periods(()).passed


def test_a_check_of_the_warehouse_shows_a_few_dozen_rows_and_counts_them_all(path: Path, lake_says: Snapshot):
    twice = broken(path, "INSERT INTO DimDate SELECT * FROM DimDate")
    (outcome,) = [o for o in check_warehouse(twice, lake_says) if o.check is KEYS_COLLIDE_NOWHERE["dim_date"]]
    assert (len(outcome.evidence), outcome.summary) == (EVIDENCE_ROWS, "730 keys collide")
