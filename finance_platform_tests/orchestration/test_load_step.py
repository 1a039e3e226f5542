"""The load step in Dagster: what moved and why, and a load that its own checks refuse.

Belongs here: the load asset's events, after real runs of a small home. Does not belong here: the other steps (see
`test_refresh`), the transaction itself (see the tests of the warehouse).

Each fixture that is called after an event is a chapter: it changes the home, runs, and keeps what was then seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import duckdb
import pytest

from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.refresh.steps.full_audit import OLDEST, record_full_audit
from finance_platform.reports.movements import movement_summary
from finance_platform.reports.run_outcome import EvaluatedCheck, RunOutcome
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_slices
from finance_platform_tests.unit.factories import settings, write

pytestmark = pytest.mark.end_to_end

TRANSACTIONS = """\
transaction_id,transaction_date,department_code,account_number,amount
T1,2025-01-03,D100,4000,1000.00
T2,2025-02-03,D100,4000,1100.00
"""
FACT = dg.AssetKey(["warehouse", "fact_financials"])


@dataclass(frozen=True)
class Seen:
    """What there is after a run."""

    outcome: RunOutcome
    versions: dict[tuple[str, str], str]
    data_version: str
    metadata: dict[str, Any]
    moved: list[dict[str, Any]]
    amount: Decimal
    audited: str
    every_slice_passed: bool

    @property
    def blocking(self) -> list[EvaluatedCheck]:
        """The checks that failed and are no warning."""
        return self.outcome.failed_checks


def run(home: Settings) -> Seen:
    outcome = run_refresh(home, rebuild=False, periods=(), on_step=lambda _: None)
    warehouse = DuckDBWarehouse(home.warehouse_path)
    with open_instance(home.dagster_home) as instance:
        event = instance.get_latest_materialization_event(FACT)
        audit = _metadata_of(instance, "references_resolve")
        assert "audited" not in _metadata_of(instance, "amounts_are_usual")
    assert event is not None
    assert event.asset_materialization is not None
    return Seen(
        outcome=outcome,
        versions={name: one.version for name, one in published_slices(warehouse).items()},
        data_version=(event.asset_materialization.tags or {})["dagster/data_version"],
        metadata={name: value.value for name, value in event.asset_materialization.metadata.items()},
        moved=movement_summary(warehouse),
        amount=warehouse.query("SELECT SUM(Amount) FROM FactFinancials WHERE DateKey < 20250300").rows[0][0],
        audited=str(audit["audited"].value),
        every_slice_passed="every_slice_passed" in audit,
    )


def _metadata_of(instance: dg.DagsterInstance, check: str) -> Mapping[str, dg.MetadataValue[Any]]:
    """Return the metadata of the latest evaluation of a check of the fact table."""
    key = dg.AssetCheckKey(FACT, check)
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data.metadata


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two months of one department, and a budget of a third, which no other file reaches."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "raw/transactions.csv", TRANSACTIONS)
    write(folder / "raw/budget.csv", "period,department_code,account_number,budget_amount\n2025-03,D100,4000,500.00\n")
    write(folder / "raw/accounts.csv", "account_number,account_name,account_type\n4000,Sales,Revenue\n")
    return settings(home=folder)


@pytest.fixture(scope="module")
def first(home: Settings) -> Seen:
    """The first run."""
    return run(home)


@pytest.fixture(scope="module")
def changed(home: Settings, first: Seen) -> Seen:
    """January was sent again with another amount."""
    assert first.outcome.succeeded, first.outcome.error
    write(home.home_path / "raw/transactions.csv", TRANSACTIONS.replace("1000.00", "900.00"))
    return run(home)


@pytest.fixture(scope="module")
def refused(home: Settings, changed: Seen) -> Seen:
    """February was sent again, and somebody has been at the warehouse."""
    assert changed.outcome.succeeded, changed.outcome.error
    with duckdb.connect(str(home.warehouse_path)) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Variance = Variance + 0.01 WHERE DateKey > 20250300")
    text = TRANSACTIONS.replace("1000.00", "900.00").replace("1100.00", "1200.00")
    write(home.home_path / "raw/transactions.csv", text)
    return run(home)


@pytest.fixture(scope="module")
def healed(home: Settings, refused: Seen) -> Seen:
    """The row is what it was."""
    assert not refused.outcome.succeeded
    with duckdb.connect(str(home.warehouse_path)) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Variance = Amount - BudgetAmount")
    return run(home)


@pytest.fixture(scope="module")
def late(home: Settings, healed: Seen) -> Seen:
    """Two nights passed without an audit, somebody has been at March, and February was sent again."""
    assert healed.outcome.succeeded, healed.outcome.error
    with duckdb.connect(str(home.warehouse_path)) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Variance = Variance + 0.01 WHERE DateKey > 20250300")
    store, warehouse = LocalStore(str(home.home_path / "processed")), DuckDBWarehouse(home.warehouse_path)
    # As on Redshift, where a change by another user leaves no mark.
    record_full_audit(store, warehouse, at=datetime.now(UTC) - 2 * OLDEST)
    text = TRANSACTIONS.replace("1000.00", "900.00").replace("1100.00", "1300.00")
    write(home.home_path / "raw/transactions.csv", text)
    return run(home)


def periods(seen: Seen) -> dict[str, dict[str, Any]]:
    return {record.data["period"]: dict(record.data) for record in seen.metadata["periods"].records}


def test_a_first_run_shows_that_nothing_moved(first: Seen):
    assert first.moved == []
    assert "moved_in_30_days" not in first.metadata


def test_what_moved_shows_with_its_net_and_its_cause(changed: Seen):
    (row,) = changed.moved
    assert (row["period"], row["scenario"], row["measure"], row["difference"]) == (
        "2025-01",
        "Actual",
        "Amount",
        Decimal("-100.00"),
    )
    assert row["cause"] == "transactions.csv: another version"
    (shown,) = (record.data for record in changed.metadata["moved_in_30_days"].records)
    assert (shown["period"], shown["scenario"], shown["cells"], shown["what"]) == ("2025-01", "Actual", 1, "movement")
    assert shown["cause"] == "transactions.csv: another version"


def test_a_check_shows_which_slices_it_read_and_that_every_slice_passed(first: Seen, changed: Seen):
    assert (first.audited, first.every_slice_passed) == ("every slice", True)
    assert changed.audited == "1 period (2025-01): what this load replaced"
    assert changed.every_slice_passed


def test_a_load_into_a_file_that_somebody_has_changed_audits_every_slice(refused: Seen, healed: Seen):
    assert (refused.audited, refused.every_slice_passed) == ("every slice", False)
    assert (healed.audited, healed.every_slice_passed) == ("every slice", True)


def test_a_load_that_breaks_a_blocking_check_publishes_nothing(changed: Seen, refused: Seen):
    assert refused.versions == changed.versions
    assert refused.moved == changed.moved
    assert refused.amount == changed.amount
    assert refused.outcome.loaded == []


def test_a_refused_load_shows_red_with_its_evidence_and_is_no_break(refused: Seen):
    (check,) = refused.blocking
    assert check.name == "variance_is_amount_less_budget"
    assert check.summary == "1 row breaks it; the load was rolled back, what was published before stays"
    assert "DateKey 20250301" in check.evidence[0]
    assert not refused.outcome.is_broken
    assert refused.outcome.error.startswith("A blocking check failed, so nothing after it ran: variance_is_amount_less")


def test_after_a_refused_load_data_version_and_metadata_describe_the_published_data(changed: Seen, refused: Seen):
    assert refused.data_version == changed.data_version
    before, now = (periods(seen) for seen in (changed, refused))
    assert {period: row | {"state": ""} for period, row in now.items()} == {
        period: row | {"state": ""} for period, row in before.items()
    }
    assert {row["state"] for row in before.values()} == {"published"}
    assert {row["state"] for row in now.values()} == {"published", "published, stale"}
    assert refused.metadata["load_number"] == "nothing was loaded"


def test_a_refused_load_is_completed_by_the_next_run(changed: Seen, healed: Seen):
    assert healed.outcome.succeeded
    assert healed.amount == Decimal("2100.00")
    assert healed.data_version != changed.data_version
    assert [str(row["difference"]) for row in healed.moved] == ["-100.00", "100.00"]


def test_after_a_missed_night_a_load_is_published_and_every_slice_is_audited_then(late: Seen):
    assert late.amount == Decimal("2200.00")
    assert late.outcome.loaded != []
    (check,) = late.blocking
    assert check.name == "variance_is_amount_less_budget"
    assert check.summary == "1 row breaks it"
    assert (late.audited, late.every_slice_passed) == ("every slice", False)
