"""Checks on the processed zone: each passes on sound data and names the rows of data that is broken on purpose.

Belongs here: `quality.processed`. Does not belong here: deliveries (see `test_quality_deliveries`), how the build finds
differences (see the tests of transforms).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, MEMBERS, PROCESSED, TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_SCENARIO, STAR
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.quality.processed import check_accounts_have_sign, check_lines_equal_star, check_schema
from finance_platform.slices.commits import Difference, ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import in_period, live_in, state_of

NOTHING = DeliveryState((), (), (), ())


def snapshot(state: DeliveryState = NOTHING, *built: SliceCommit) -> Snapshot:
    return Snapshot({}, state, NO_OVERLAPS, (), {(commit.table, commit.slice): commit for commit in built})


# Files against contracts


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def write_parquet(store: LocalStore, key: str, schema: pa.Schema, rows: Sequence[Mapping[str, Any]] = ()) -> DataFile:
    path = Path(store.uri(key))
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
def test_a_file_with_other_columns_is_named_with_expected_and_found_columns(schema: pa.Schema, processed: LocalStore):
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
    """Return a built slice with this many sums by scenario and account compared with the ledger lines."""
    return SliceCommit(
        "fact_financials", period, f"v-{period}", 1, (), accounts_compared=accounts, differences=differences
    )


def test_a_star_with_the_lines_and_cents_of_its_deliveries_passes():
    outcome = check_lines_equal_star(snapshot(NOTHING, compared("2025-01", 3), compared("2025-02", 4)))
    assert (outcome.passed, outcome.summary) == (True, "7 sums by scenario, period and account compared")


def test_a_difference_between_star_and_lines_is_named_by_period_scenario_and_account():
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


def test_accepted_lines_that_are_neither_live_nor_superseded_are_named():
    accepted = state_of(live_in(in_period("2025-01", amount="10.00")))
    sums = (ScenarioSum(1, "Actual", 1, 1, Decimal("10.00"), Decimal(0), Decimal("10.00")),)
    whole = SliceCommit("fact_financials", "2025-01", "v", 1, (), sums)
    superseded = SliceCommit("fact_financials", "2025-01", "v", 0, (), (), 1, Decimal("10.00"))
    lost = SliceCommit("fact_financials", "2025-01", "v", 0, (), ())
    assert check_lines_equal_star(snapshot(accepted, whole)).passed
    assert check_lines_equal_star(snapshot(accepted, superseded)).passed
    outcome = check_lines_equal_star(snapshot(accepted, lost))
    assert not outcome.passed
    assert outcome.evidence == [
        {"period": "2025-01", "lines": "accepted 1 lines, 10.00", "star": "live and superseded 0 lines, 0.00"}
    ]


def test_dimensions_have_no_sums_to_compare():
    dimension = SliceCommit("dim_scenario", "all", "v1", 1, ())
    assert check_lines_equal_star(snapshot(NOTHING, dimension)).summary.startswith("0 sums")


# Accounts of debit-positive feeds


def chart(store: LocalStore, content: str = "v1", **types: str | None) -> Any:
    """Return a live reference delivery whose accounts, `a4000` for 4000, have these types."""
    rows = [{"account_key": int(name[1:]), "account_type": its_type} for name, its_type in types.items()]
    file = write_parquet(store, f"accounts/{content}.parquet", arrow_schema(ACCOUNTS.columns), rows)
    return live_in(
        key="accounts.csv", content=content, feed="accounts", kind="accounts", commit_files={"accounts": (file,)}
    )


def mentioning(store: LocalStore, *accounts: str, is_debit_positive: bool = True, key: str = "gl.csv") -> Any:
    """Return a live delivery whose lines mention these accounts and the department 9."""
    rows: list[dict[str, Any]] = [
        {"dimension": "account", "member_key": int(number), "code": number} for number in accounts
    ]
    rows.append({"dimension": "department", "member_key": 9, "code": "9"})
    file = write_parquet(store, f"members/{key}.parquet", arrow_schema(MEMBERS.columns), rows)
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


def test_accounts_of_unknown_type_under_a_debit_positive_feed_are_named_by_every_run(processed: LocalStore):
    described = chart(processed, a4000=None, a6000="Expense")
    built = snapshot(state_of(mentioning(processed, "7000", "6000", "4000"), described))
    outcome = check_accounts_have_sign(built, processed)
    assert (outcome.passed, outcome.check.is_blocking) == (False, True)
    assert outcome.evidence == [{"account": "4000"}, {"account": "7000"}]
    assert check_accounts_have_sign(built, processed) == outcome


def test_accounts_of_unknown_type_under_other_feeds_need_no_sign(processed: LocalStore):
    natural = mentioning(processed, "4000", is_debit_positive=False, key="natural.csv")
    described = chart(processed, a4000=None, a6000="Asset")
    state = state_of(natural, mentioning(processed, "6000"), described)
    assert check_accounts_have_sign(snapshot(state), processed).passed


def test_accounts_of_a_delivery_that_no_longer_counts_need_no_sign(processed: LocalStore):
    replaced, described = mentioning(processed, "4000", key="a.csv"), chart(processed, a4000=None, a6000="Asset")
    assert not check_accounts_have_sign(snapshot(state_of(replaced, described)), processed).passed
    built = snapshot(state_of(replaced, mentioning(processed, "6000", key="b.csv"), described))
    assert check_accounts_have_sign(built, processed).passed
