"""`slices.versions` with keys, scopes and account types: a slice changes only if its own lines are affected.

Does not belong here: versions that depend on commits alone (see `test_slice_versions`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import ACCOUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.decisions import reinstate, withdraw
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.members.account_types import account_types, accounts_mentioned
from finance_platform_tests.unit.zone import ADA, Line, Zone, lines, many

JANUARY, FEBRUARY, MARCH, APRIL = "2025-01", "2025-02", "2025-03", "2025-04"


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone whose ledger has ten keys in each of three periods."""
    zone = Zone(tmp_path / "processed")
    base = [Line(f"T{number:02d}{period}", period) for period in (JANUARY, FEBRUARY, MARCH) for number in range(10)]
    zone.deliver("base.csv", base, load_mode="upsert")
    zone.evaluate()
    return zone


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def evaluated_versions(zone: Zone) -> dict[str, str]:
    assert zone.evaluate_held() == {}
    return zone.versions()


# By key


def test_a_small_upsert_delivery_changes_only_the_periods_of_its_lines(zone: Zone) -> None:
    before = zone.versions()
    zone.deliver("small.csv", lines("NEW", period=FEBRUARY), load_mode="upsert", content="w")
    assert changed(before, evaluated_versions(zone)) == {FEBRUARY}


def test_a_moved_key_also_changes_the_period_that_it_leaves(zone: Zone) -> None:
    before = zone.versions()
    zone.deliver("small.csv", lines(f"T03{JANUARY}", period=APRIL), load_mode="upsert", content="w")
    assert changed(before, evaluated_versions(zone)) == {JANUARY, APRIL}


def test_a_corrected_key_changes_its_own_period_only(zone: Zone) -> None:
    before = zone.versions()
    zone.deliver("small.csv", lines(f"T03{MARCH}", period=MARCH), load_mode="upsert", content="w")
    assert changed(before, evaluated_versions(zone)) == {MARCH}


def test_a_withdrawal_restores_the_earlier_versions_and_a_reinstatement_the_later_ones(zone: Zone) -> None:
    before = zone.versions()
    zone.deliver("small.csv", lines(f"T03{JANUARY}", period=APRIL), load_mode="upsert", content="w")
    after = evaluated_versions(zone)
    withdraw(zone.store, "small.csv", ADA)
    assert zone.versions() == before
    reinstate(zone.store, "small.csv", ADA)
    assert zone.versions() == after


def test_a_held_delivery_changes_nothing(zone: Zone) -> None:
    before = zone.versions()
    moved = [Line(f"T{number:02d}{JANUARY}", APRIL) for number in range(10)]
    zone.deliver("small.csv", moved, load_mode="upsert", content="w")
    assert zone.evaluate_held().keys() == {"small.csv"}
    assert zone.versions() == before


def test_a_delivery_that_sorts_before_the_one_with_its_keys_is_superseded_and_changes_only_its_own_periods(
    zone: Zone,
) -> None:
    before = zone.versions()
    zone.deliver(
        "old.csv", lines(f"T03{JANUARY}", period=APRIL), load_mode="upsert", content="w", modified_at="2024-01-01"
    )
    assert changed(before, evaluated_versions(zone)) == {APRIL}


def test_a_base_that_is_read_again_is_superseded_by_the_same_delivery(zone: Zone) -> None:
    zone.deliver("small.csv", lines(f"T03{JANUARY}", period=JANUARY), load_mode="upsert", content="w")
    evaluated_versions(zone)
    base = [Line(f"T{number:02d}{period}", period) for period in (JANUARY, FEBRUARY, MARCH) for number in range(10)]
    zone.deliver("base.csv", base, content="v2", load_mode="upsert", modified_at="2025-05-01")
    evaluated_versions(zone)
    targets = [target for target in zone.snapshot().target if target.table == "fact_financials"]
    assert {target.slice: target.inputs["hidden"] for target in targets} == {
        JANUARY: [["base.csv@v2", "small.csv@w"]],
        FEBRUARY: [],
        MARCH: [],
    }


# By scope


SCOPED: dict[str, Any] = {"feed": "plan", "load_mode": "replace_period", "is_scoped": True}


def test_a_scope_that_is_replaced_changes_its_period_only(zone: Zone) -> None:
    base = [Line(period=period, scope=scope) for period in (JANUARY, FEBRUARY) for scope in ("sales", "works")] * 3
    zone.deliver("plan_1.csv", base, content="p1", **SCOPED)
    before = evaluated_versions(zone)
    zone.deliver("plan_2.csv", [Line(period=FEBRUARY, scope="sales")] * 3, content="p2", **SCOPED)
    assert changed(before, evaluated_versions(zone)) == {FEBRUARY}
    inputs = {target.slice: target.inputs for target in zone.snapshot().target if target.table == "fact_financials"}
    assert [list(scope) for scope in inputs[FEBRUARY]["hidden_scopes"]] == [["plan_1.csv@p1", "Actual", "sales"]]
    withdraw(zone.store, "plan_2.csv", ADA)
    assert zone.versions() == before


# Account types


def journal(zone: Zone, key: str, period: str, accounts: dict[str, str | None]) -> DeliveryDiscovered:
    """Deliver debit-positive lines that mention accounts with these types."""
    files = {"members": zone.members(key, accounts)}
    return zone.deliver(
        key, many(1, period), feed="journal", content=key, commit_is_debit_positive=True, commit_files=files
    )


def chart(zone: Zone, content: str, **types: str | None) -> DeliveryDiscovered:
    """Deliver a chart of accounts, with `a4000` for account 4000."""
    rows = [{"account_key": int(name[1:]), "account_type": account_type} for name, account_type in types.items()]
    file = zone.write(f"accounts/{content}.parquet", arrow_schema(ACCOUNTS.columns), rows)
    return zone.describe_accounts("chart.csv", file, len(rows), content)


def types_of(zone: Zone) -> dict[int, str]:
    evaluated_versions(zone)
    return account_types(zone.store, zone.state)


def test_only_slices_with_accounts_of_another_type_get_another_version(zone: Zone) -> None:
    journal(zone, "one.csv", JANUARY, {"4000": None})
    journal(zone, "two.csv", FEBRUARY, {"5000": None})
    chart(zone, "c1", a4000="Revenue", a5000="Expense")
    before = evaluated_versions(zone)
    chart(zone, "c2", a4000="Revenue", a5000="Expense", a6000="Asset")
    assert changed(before, evaluated_versions(zone)) == set()
    chart(zone, "c3", a4000="Revenue", a5000="Liability")
    assert changed(before, evaluated_versions(zone)) == {FEBRUARY}
    chart(zone, "c4", a4000="Revenue", a5000="Expense")
    assert evaluated_versions(zone) == before


def test_the_latest_chart_takes_precedence_and_only_lines_fill_its_blank_types(zone: Zone) -> None:
    chart_1 = chart(zone, "c1", a4000="Revenue", a5000="Asset")
    assert types_of(zone) == {4000: "Revenue", 5000: "Asset"}
    other = zone.write(
        "accounts/other.parquet",
        arrow_schema(ACCOUNTS.columns),
        [{"account_key": 4000, "account_type": None}, {"account_key": 6000, "account_type": None}],
    )
    zone.describe_accounts("other.csv", other, 2, "o")
    assert chart_1.delivery_id in zone.live
    assert types_of(zone) == {4000: "Unknown", 5000: "Asset", 6000: "Unknown"}
    journal(zone, "one.csv", JANUARY, {"4000": "Equity", "7000": None})
    journal(zone, "two.csv", JANUARY, {"4000": "Expense", "7000": "Liability", "5000": "Expense"})
    assert types_of(zone) == {4000: "Equity", 5000: "Asset", 6000: "Unknown", 7000: "Liability"}


def test_the_accounts_that_a_delivery_mentions_are_returned_by_key(zone: Zone) -> None:
    journal(zone, "one.csv", JANUARY, {"4000": "Revenue", "5000": "Asset"})
    evaluated_versions(zone)
    (delivery,) = [live for live in zone.state.live if live.event.object_key == "one.csv"]
    assert accounts_mentioned(zone.store, delivery) == {4000: "4000", 5000: "5000"}


def test_without_a_debit_positive_feed_no_file_of_accounts_is_read(zone: Zone) -> None:
    chart(zone, "c1", a4000="Revenue")
    evaluated_versions(zone)
    zone.store.opened.clear()
    zone.snapshot()
    assert zone.store.opened == []


def test_the_files_of_a_zone_have_several_row_groups(zone: Zone) -> None:
    footer = pq.ParquetFile(zone.path / "transactions/base.csv@v1.parquet").metadata
    assert footer.num_row_groups > 1
