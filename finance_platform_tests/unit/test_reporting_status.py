"""What a status tells beside deliveries and slices: warnings, decisions, why slices are stale, closed periods."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from finance_platform.cli.status_output import print_background
from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import DecisionRecorded, DeliveryDiscovered, PeriodStatusChanged, Verdict
from finance_platform.deliveries.state import derive_state
from finance_platform.orchestration.runs import last_run
from finance_platform.reports.recent_changes import closed_periods, recent_movements, why_stale
from finance_platform.reports.reconciliation import Reconciliation
from finance_platform.reports.status import FORMAT, Background, Status, build_status
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import PublishedSlice, published
from finance_platform.warehouse.load import publish
from finance_platform_tests.unit.factories import commit_of, delivered, in_period
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

DOCUMENT = Path(__file__).parents[2] / "docs" / "status.md"
LINE = Reconciliation(*[Count()] * 8)
FACT = "fact_financials"
LATER = datetime(2025, 8, 1, 9, 30, tzinfo=UTC)


def judged(event: DeliveryDiscovered, **values: Any) -> Verdict:
    return Verdict(event.object_key, event.delivery_id, "2025-02-01T09:00:00+00:00", "run-1", **values)


def snapshot_of(*events: Any, wanted: dict[str, dict[str, Any]] | None = None) -> Snapshot:
    read = {e.delivery_id: commit_of(e, in_period("2025-01")) for e in events if isinstance(e, DeliveryDiscovered)}
    slices = [TargetSlice(FACT, period, f"{period}-new", inputs) for period, inputs in (wanted or {}).items()]
    return Snapshot(read, derive_state(events, read), NO_OVERLAPS, slices, {})


def status_of(snapshot: Snapshot, *listed: DeliveryDiscovered, **intake: Any) -> Status:
    nothing: dict[str, Any] = {"present": {}, "problems": (), "unmatched": (), "vanished": (), "feeds": {}}
    return build_status(snapshot, RawZoneScan(listed, 0, **(nothing | intake)), {}, LINE)


def slice_(version: str) -> PublishedSlice:
    return PublishedSlice(version, 1, Decimal(0), LOADED_AT.replace(tzinfo=None), 1)


# Deliveries


def test_what_is_warned_of_a_delivery_is_warned_of_its_file():
    event = delivered()
    status = status_of(snapshot_of(event, judged(event, warnings=("came late: b.csv sorts after it and wins",))))
    assert status.deliveries[0]["warnings"] == ["came late: b.csv sorts after it and wins"]
    assert [(row["file"], row["kind"]) for row in status.warnings] == [("ledger.csv", "delivery")]
    assert status.is_healthy


def test_vanished_and_unmatched_files_are_warnings_with_a_fix():
    status = status_of(snapshot_of(), delivered("old.csv"), vanished=["old.csv"], unmatched=["notes.md"])
    assert [(row["file"], row["kind"], bool(row["fix"])) for row in status.warnings] == [
        ("notes.md", "unmatched", True),
        ("old.csv", "vanished", True),
    ]


def test_a_withdrawn_delivery_says_who_why_and_when():
    event = delivered()
    decided = DecisionRecorded(
        "withdrawn", event.object_key, event.delivery_id, "ann", "wrong month", "2025-03-01T00:00:00+00:00"
    )
    (row,) = status_of(snapshot_of(event, judged(event), decided)).deliveries
    assert (row["state"], row["reason"]) == ("withdrawn", "withdrawn by ann: wrong month")
    assert row["decision"] == {
        "action": "withdrawn",
        "who": "ann",
        "why": "wrong month",
        "at": "2025-03-01T00:00:00+00:00",
    }


def test_a_file_that_waits_to_be_read_makes_a_home_stale_and_leaves_it_sound():
    assert not status_of(snapshot_of()).is_stale
    waiting = status_of(snapshot_of(), delivered())
    assert (waiting.is_stale, waiting.is_behind, waiting.is_healthy) == (True, False, True)


# Why slices are stale


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def test_a_stale_slice_says_which_input_changed(processed: LocalStore):
    event = delivered()
    write_slice(processed, SliceCommit(FACT, "2025-01", "old", 1, (), inputs={"lines": [], "code": "a"}))
    snapshot = snapshot_of(event, wanted={"2025-01": {"lines": [[event.delivery_id, "Actual"]], "code": "a"}})
    told = why_stale(processed, snapshot, {(FACT, "2025-01"): slice_("old")})
    assert told == {(FACT, "2025-01"): ["ledger.csv came"]}
    status = build_status(
        snapshot,
        RawZoneScan([], 0, {}, (), (), (), {}),
        {(FACT, "2025-01"): slice_("old")},
        LINE,
        Background(why_stale=told),
    )
    assert status.slices[0]["why"] == ["ledger.csv came"]


def test_a_current_slice_a_first_one_and_one_that_nothing_reaches_tell_apart(processed: LocalStore):
    inputs = {"lines": [["d1", "Actual"]]}
    write_slice(processed, SliceCommit(FACT, "2024-12", "old", 1, (), inputs={"code": "a"}))
    snapshot = snapshot_of(wanted={"2025-01": inputs, "2025-02": inputs})
    there = {(FACT, "2025-01"): slice_("2025-01-new"), (FACT, "2024-12"): slice_("old")}
    assert why_stale(processed, snapshot, there) == {
        (FACT, "2024-12"): ["nothing reaches it any more"],
        (FACT, "2025-02"): ["first build"],
    }


@pytest.mark.parametrize("document", [None, b'{"files": [], "sums": [], "of": "another release"}'])
def test_a_published_version_without_a_readable_commit_says_that_nobody_knows(
    processed: LocalStore, document: bytes | None
):
    if document:
        processed.write(f"slices/{FACT}/2025-01/old.json", document)
    told = why_stale(processed, snapshot_of(wanted={"2025-01": {}}), {(FACT, "2025-01"): slice_("old")})
    assert told == {(FACT, "2025-01"): ["what the published version was made from is not known any more"]}


# What moved, and what is closed


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    """January and February, then another February, which is closed by then."""
    folder = tmp_path_factory.mktemp("moved")
    lake, found = StarFiles(folder / "processed"), DuckDBWarehouse(folder / "warehouse.duckdb")
    first = [*lake.dimensions(), lake.facts("2025-01", "j1", january()), lake.facts("2025-02", "f1", february())]
    publish(found, first, run_id="run-1", loaded_at=LOADED_AT)
    moved = [lake.facts("2025-02", "f2", [february()[0]._replace(amount="1200.00"), february()[1]])]
    publish(found, moved, run_id="run-2", loaded_at=LATER, closed_periods={"2025-02"})
    return found


def test_the_latest_load_says_what_it_moved_with_money_as_text(warehouse: DuckDBWarehouse):
    (row,) = recent_movements(warehouse, published(warehouse))
    assert (row["period"], row["difference"], row["is_restatement"]) == ("2025-02", "100.00", True)
    assert row["loaded_at"] == "2025-08-01T09:30:00Z"
    json.dumps(row)
    assert recent_movements(warehouse, published(warehouse), datetime(2025, 8, 2, tzinfo=UTC)) == []


def test_a_closed_period_says_by_whom_and_whether_it_was_restated_since(warehouse: DuckDBWarehouse):
    def closing(period: str, at: str) -> PeriodStatusChanged:
        return PeriodStatusChanged("closed", period, "ann", "quarter end", at, {FACT: "f1"})

    closed = {
        "2025-01": closing("2025-01", "2025-07-02T00:00:00.000000+00:00"),
        "2025-02": closing("2025-02", "2025-07-02T00:00:00.000000+00:00"),
    }
    january_, february_ = closed_periods(warehouse, closed, published(warehouse))
    assert (january_["is_restated"], january_["restated_at"]) == (False, [])
    assert (february_["is_restated"], february_["restated_at"]) == (True, ["2025-08-01T09:30:00Z"])
    assert (february_["who"], february_["why"]) == ("ann", "quarter end")
    assert (february_["closed_version"], february_["published_version"]) == ("f1", "f2")
    again = {"2025-02": closing("2025-02", "2025-08-01T10:00:00.000000+00:00")}
    assert not closed_periods(warehouse, again, published(warehouse))[0]["is_restated"]


def test_without_a_warehouse_nothing_moved_and_nothing_is_restated(tmp_path: Path):
    nothing = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    assert recent_movements(nothing, {}) == []
    assert closed_periods(nothing, {}, {}) == []


def test_a_home_that_never_ran_has_no_last_run_and_no_dagster_folder_afterwards(tmp_path: Path):
    assert last_run(tmp_path / "dagster") is None
    assert not (tmp_path / "dagster").exists()


# The document


def test_every_key_of_the_document_is_described():
    event = delivered()
    status = status_of(snapshot_of(event, judged(event)))
    document = json.loads(json.dumps(status.as_json()))
    assert document["format"] == FORMAT == 1
    described = DOCUMENT.read_text(encoding="utf-8")
    keys = {*document, *document["deliveries"][0]}
    assert {key for key in keys if f"`{key}`" not in described} == set()


def test_people_read_each_reason_once_with_the_slices_that_it_makes_stale():
    slices = [
        {"table": FACT, "slice": period, "state": "not built", "why": ["a.csv came"]}
        for period in ("2025-01", "2025-02")
    ]
    background = Background(
        closed=[
            {
                "period": "2024-12",
                "who": "ann",
                "why": "[year] end",
                "at": "2025-01-05T10:00:00.000000+00:00",
                "is_restated": True,
                "restated_at": ["2025-02-01T00:00:00Z"],
            }
        ],
        last_run={"run_id": "r1", "job": "refresh", "status": "FAILURE", "started": "08:00", "ended": None},
    )
    text = io.StringIO()
    print_background(Console(file=text, width=250, no_color=True), Status([], slices, [], [], [], LINE, background))
    assert [" ".join(line.split()) for line in text.getvalue().splitlines()] == [
        "stale 2025-01, 2025-02: a.csv came",
        "Fix: run `finance-platform run`",
        "closed 2024-12 by ann, 2025-01-05T10:00Z: [year] end; restated 2025-02-01T00:00:00Z",
        "Last run: r1 FAILURE, 08:00 to now",
    ]
