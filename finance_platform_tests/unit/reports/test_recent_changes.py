"""Recent changes in the status: reasons for stale slices, recent movements, closed periods.

Belongs here: `reports.recent_changes`. Does not belong here: the status document (see `test_status`), the sentences of
differences (see `test_version_diff`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.events import DeliveryDiscovered, PeriodStatusChanged
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.reports.recent_changes import closed_periods, recent_movements, stale_reasons
from finance_platform.reports.statement import Reconciliation
from finance_platform.reports.status import StatusDetails, build_status
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import PublishedSlice, published_slices
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform_tests.unit.factories import commit_of, delivered, in_period
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

FACT = "fact_financials"
LATER = datetime(2025, 8, 1, 9, 30, tzinfo=UTC)


def snapshot_of(*events: DeliveryDiscovered, target: dict[str, dict[str, Any]]) -> Snapshot:
    """Return a snapshot with these deliveries; `target` has the inputs of each period."""
    commits = {event.delivery_id: commit_of(event, in_period("2025-01")) for event in events}
    slices = [TargetSlice(FACT, period, f"{period}-new", inputs) for period, inputs in target.items()]
    return Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, slices, {})


def slice_(version: str) -> PublishedSlice:
    return PublishedSlice(version, 1, Decimal(0), LOADED_AT.replace(tzinfo=None), 1)


# Stale slices


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def test_the_reason_for_a_stale_slice_is_the_changed_input(processed: LocalStore):
    event = delivered()
    write_slice(processed, SliceCommit(FACT, "2025-01", "old", 1, (), inputs={"lines": [], "code": "a"}))
    snapshot = snapshot_of(event, target={"2025-01": {"lines": [[event.delivery_id, "Actual"]], "code": "a"}})
    reasons = stale_reasons(processed, snapshot, {(FACT, "2025-01"): slice_("old")})
    assert reasons == {(FACT, "2025-01"): ["ledger.csv came"]}
    status = build_status(
        snapshot,
        RawZoneScan([], 0, {}, (), (), (), {}),
        {(FACT, "2025-01"): slice_("old")},
        Reconciliation([], "USD"),
        StatusDetails(stale_reasons=reasons),
    )
    assert status.slices[0]["why"] == ["ledger.csv came"]


def test_a_current_slice_has_no_reason_and_a_new_or_unneeded_one_has(processed: LocalStore):
    inputs = {"lines": [["d1", "Actual"]]}
    write_slice(processed, SliceCommit(FACT, "2024-12", "old", 1, (), inputs={"code": "a"}))
    snapshot = snapshot_of(target={"2025-01": inputs, "2025-02": inputs})
    published = {(FACT, "2025-01"): slice_("2025-01-new"), (FACT, "2024-12"): slice_("old")}
    assert stale_reasons(processed, snapshot, published) == {
        (FACT, "2024-12"): ["nothing reaches it any more"],
        (FACT, "2025-02"): ["first build"],
    }


@pytest.mark.parametrize("document", [None, b'{"files": [], "sums": [], "of": "another release"}'])
def test_a_published_version_without_recorded_inputs_has_a_reason(processed: LocalStore, document: bytes | None):
    if document:
        processed.write(f"slices/{FACT}/2025-01/old.json", document)
    reasons = stale_reasons(processed, snapshot_of(target={"2025-01": {}}), {(FACT, "2025-01"): slice_("old")})
    assert reasons == {(FACT, "2025-01"): ["the inputs of the published version are no longer recorded"]}


# Movements and closed periods


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    """Load January and February, then close February and load it again."""
    folder = tmp_path_factory.mktemp("moved")
    star, duckdb = StarFiles(folder / "processed"), DuckDBWarehouse(folder / "warehouse.duckdb")
    first = [*star.dimensions(), star.facts("2025-01", "j1", january()), star.facts("2025-02", "f1", february())]
    publish(duckdb, LoadRequest(first, run_id="run-1", loaded_at=LOADED_AT))
    moved = [star.facts("2025-02", "f2", [february()[0]._replace(amount="1200.00"), february()[1]])]
    publish(duckdb, LoadRequest(moved, run_id="run-2", loaded_at=LATER, closed_periods={"2025-02"}))
    return duckdb


def test_recent_movements_are_those_of_the_latest_load_with_money_as_text(warehouse: DuckDBWarehouse):
    (row,) = recent_movements(warehouse, published_slices(warehouse))
    assert (row["period"], row["difference"], row["is_restatement"]) == ("2025-02", "100.00", True)
    assert row["loaded_at"] == "2025-08-01T09:30:00Z"
    json.dumps(row)
    assert recent_movements(warehouse, published_slices(warehouse), datetime(2025, 8, 2, tzinfo=UTC)) == []


def test_movements_of_the_latest_load_are_those_of_the_last_one_although_its_clock_was_set_back(tmp_path: Path):
    star, duckdb = StarFiles(tmp_path / "processed"), DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    publish(
        duckdb,
        LoadRequest([*star.dimensions(), star.facts("2025-01", "j1", january())], run_id="run-1", loaded_at=LATER),
    )
    publish(duckdb, LoadRequest([star.facts("2025-02", "f1", february())], run_id="run-2", loaded_at=LATER))
    for number, amount in enumerate(("1200.00", "1250.00"), 2):
        moved = [star.facts("2025-02", f"f{number}", [february()[0]._replace(amount=amount), february()[1]])]
        publish(duckdb, LoadRequest(moved, run_id=f"run-{number + 1}", loaded_at=LOADED_AT))
        (row,) = recent_movements(duckdb, published_slices(duckdb))
        assert (row["period"], row["load_number"], row["new_amount"]) == ("2025-02", number + 1, amount)


def test_a_closed_period_has_its_closing_and_the_restatements_since(warehouse: DuckDBWarehouse):
    def closing(period: str, at: str) -> PeriodStatusChanged:
        return PeriodStatusChanged("closed", period, "ann", "quarter end", at, {FACT: "f1"})

    closed = {
        "2025-01": closing("2025-01", "2025-07-02T00:00:00.000000+00:00"),
        "2025-02": closing("2025-02", "2025-07-02T00:00:00.000000+00:00"),
    }
    january_, february_ = closed_periods(warehouse, closed, published_slices(warehouse))
    assert (january_["is_restated"], january_["restated_at"]) == (False, [])
    assert (february_["is_restated"], february_["restated_at"]) == (True, ["2025-08-01T09:30:00Z"])
    assert (february_["who"], february_["why"]) == ("ann", "quarter end")
    assert (february_["closed_version"], february_["published_version"]) == ("f1", "f2")
    closed_again = {"2025-02": closing("2025-02", "2025-08-01T10:00:00.000000+00:00")}
    assert not closed_periods(warehouse, closed_again, published_slices(warehouse))[0]["is_restated"]


def test_without_a_warehouse_there_are_no_movements_and_closed_periods(tmp_path: Path):
    missing = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    assert recent_movements(missing, {}) == []
    assert closed_periods(missing, {}, {}) == []
