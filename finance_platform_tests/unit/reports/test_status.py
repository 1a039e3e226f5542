"""The status document: deliveries, slices, warnings, and whether the home is healthy.

Belongs here: `reports.status`. Does not belong here: the reconciliation (see `test_reconciliation`), reasons for stale
slices (see `test_recent_changes`), printing (see `test_rendering`, `test_status_output`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.commits import Count, DeliveryCommit, ScenarioCount
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.feed_set import Problem
from finance_platform.feeds.findings import Note, ReaderFindings
from finance_platform.orchestration.runs import last_run
from finance_platform.quality.deliveries import check_unread
from finance_platform.reports.statement import TERMS, Line, Reconciliation
from finance_platform.reports.status import FORMAT, Status, StatusDetails, build_status
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform_tests.unit.factories import (
    commit_of,
    decision_on,
    delivered,
    in_period,
    live_in,
    log_of,
    money,
    partly_rejected,
    refused,
    verdict_on,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "status.md"
Pair = tuple[DeliveryDiscovered, DeliveryCommit | None]
EXPLAINED = Reconciliation([], "USD")
"""A reconciliation without a difference."""


def status_of(
    *pairs: Pair,
    listed: Sequence[DeliveryDiscovered] = (),
    target: Mapping[tuple[str, str], str] | None = None,
    built: Sequence[tuple[str, str]] = (),
    published: Mapping[tuple[str, str], str] | None = None,
    reconciliation: Reconciliation = EXPLAINED,
    later_events: Sequence[Event] = (),
    **scan: Any,
) -> Status:
    """Return the status of a home with these deliveries; `listed` ones are in the scan and not in the register."""
    events = [event for event, _ in pairs]
    commits = {commit.delivery_id: commit for _, commit in pairs if commit}
    snapshot = Snapshot(
        commits,
        derive_state([*log_of(*pairs), *later_events], commits),
        NO_OVERLAPS,
        [TargetSlice(table, name, version, {}) for (table, name), version in (target or {}).items()],
        {(table, name): SliceCommit(table, name, "", 0, ()) for table, name in built},
    )
    empty: dict[str, Any] = {"present": {}, "problems": (), "unmatched": (), "vanished": (), "feeds": {}}
    at = datetime(2025, 7, 1, 12, 0)  # noqa: DTZ001 (the ledger keeps UTC without a zone)
    ledger = {name: PublishedSlice(version, 7, Decimal(0), at, 1) for name, version in (published or {}).items()}
    return build_status(snapshot, RawZoneScan([*events, *listed], 0, **(empty | scan)), ledger, reconciliation)


def states(status: Status) -> list[tuple[str, str]]:
    return [(row["file"], row["state"]) for row in status.deliveries]


# Deliveries


def test_a_live_delivery_has_its_rows_and_money_by_outcome():
    event = delivered(tolerated_share="1")
    commit = replace(partly_rejected(event, 1, of=3, amount="5.00"), rules={"invalid_date": 1, "blank_amount": 1})
    (row,) = status_of((event, commit)).deliveries
    assert row == {
        "file": "ledger.csv",
        "feed": "ledger",
        "state": "live",
        "rows": 3,
        "accepted": 2,
        "rejected": 1,
        "duplicate": 0,
        "skipped": 0,
        "amount": "25.00",
        "rejected_amount": "5.00",
        "rejected_foreign": {},
        "rules": {"blank_amount": 1, "invalid_date": 1},
        "delivery": "ledger.csv@v1",
        "discovered_at": "2025-02-01T08:00:00.000000+00:00",
        "reason": "",
        "fix": "",
        "warnings": [],
        "booked_from": "",
        "control_totals": {"checked": 0, "tied": 0, "listed": (), "missing": ()},
        "decision": None,
    }


def test_the_amount_of_a_delivery_is_the_one_delivered_before_rounding():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.996"), rounding=Decimal("0.004"))
    assert status_of((event, commit)).deliveries[0]["amount"] == "9.996"


@pytest.mark.parametrize(
    ("units", "amount"), [(["USD", "statistical"], None), (["USD"], "9.99"), (["statistical"], "9.99"), ([], "9.99")]
)
def test_money_and_statistical_units_of_a_file_are_not_added(units: list[str], amount: str | None):
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.99"))
    lines = [Line("Actual", unit, {"delivered": Count(1)}, file="ledger.csv") for unit in units]
    other = Line("Actual", "statistical", {"delivered": Count(1)}, file="b.csv")
    (row,) = status_of((event, commit), reconciliation=Reconciliation([*lines, other], "USD")).deliveries
    assert row["amount"] == amount
    assert (row["rejected_amount"] is None) == (amount is None)


def test_a_withdrawn_delivery_names_the_person_and_how_to_undo_it():
    event, commit = live_in(in_period("2025-01"))
    status = status_of((event, commit), later_events=[decision_on("withdrawn", event)])
    (row,) = status.deliveries
    assert (row["state"], row["reason"]) == ("withdrawn", "withdrawn by ada: because")
    assert "withdraw --undo ledger.csv" in row["fix"]
    assert status.is_healthy


def test_a_held_delivery_has_a_reason_and_a_fix():
    event = delivered()
    status = status_of((event, partly_rejected(event, 1, of=3)))
    (row,) = status.deliveries
    assert (row["state"], row["rows"], row["accepted"]) == ("held", 3, 2)
    assert row["reason"].startswith("1 of 3 rows rejected")
    assert row["fix"]
    assert not status.is_healthy


def test_a_held_delivery_whose_file_is_gone_says_so():
    event = delivered()
    status = status_of((event, partly_rejected(event, 1, of=3)), absent=[event.object_key])
    (row,) = status.deliveries
    assert row["reason"].endswith("; the file is gone from raw")


def test_a_refused_file_has_a_reason_and_a_fix():
    event = delivered()
    status = status_of((event, refused(event)))
    (row,) = status.deliveries
    drops = f"`finance-platform withdraw {event.object_key} --why TEXT` drops it"
    assert (row["state"], row["reason"], row["fix"]) == ("refused", "the file is empty", f"send it again; {drops}")
    assert not status.is_healthy


def test_a_listed_file_that_is_not_registered_is_pending():
    status = status_of(listed=[delivered("new.csv")])
    (row,) = status.deliveries
    assert (row["file"], row["state"], row["rows"], row["delivery"]) == ("new.csv", "pending", 0, "")
    assert row["reason"] == "not read yet"
    assert status.is_healthy


def test_a_pending_file_that_has_not_changed_says_why_it_is_read_again():
    older = live_in(in_period("2025-01"))
    event = older[0]
    for other, why in (
        (replace(event, delivery_id="other"), "the rules of the feed have changed"),
        (replace(event, delivery_id="other", reads_again=event.delivery_id), "this release reads files otherwise"),
        (
            replace(event, delivery_id="other", reads_again=event.delivery_id, rules="r1"),
            "this release reads files otherwise, or what they look up or are spread like has changed",
        ),
    ):
        status = status_of(older, listed=[other])
        assert [row["reason"] for row in status.pending] == [
            f"not read yet: the next run reads the same content again, since {why}"
        ]
        assert status.read_again == {why: 1}
    assert status_of(older, listed=[delivered(content="v2")]).read_again == {}


def test_content_that_is_back_after_another_one_is_not_said_to_have_other_rules():
    first, second = live_in(in_period("2025-01"), content="v1"), delivered(content="v2")
    back = replace(first[0], delivery_id="other")
    status = status_of(first, (second, partly_rejected(second, 1, of=3)), listed=[back])
    why = "this content is back after another one, and this release or the rules of the feed read it otherwise"
    assert status.read_again == {why: 1}


def test_a_pending_file_that_could_not_be_read_has_the_reason_and_its_fix():
    event = delivered("new.csv")
    unread = {event.delivery_id: ("new.csv", "Input/output error", "repair it")}
    snapshot = Snapshot({}, derive_state([event], {}), NO_OVERLAPS, [], {})
    scan = RawZoneScan([event], 0, {}, (), (), (), {})
    status = build_status(snapshot, scan, {}, EXPLAINED, StatusDetails(unread=unread))
    (row,) = status.deliveries
    assert (row["state"], row["reason"]) == ("pending", "could not be read: Input/output error")
    assert row["fix"] == "repair it"
    assert not status.is_healthy
    assert build_status(snapshot, scan, {}, EXPLAINED).is_healthy


def test_a_registered_file_that_was_not_read_is_pending():
    assert states(status_of((delivered("new.csv"), None))) == [("new.csv", "pending")]


def test_a_new_version_is_pending_beside_the_live_older_one():
    older = live_in(in_period("2025-01"), content="v1")
    status = status_of(older, listed=[delivered(content="v2")])
    assert states(status) == [("ledger.csv", "live"), ("ledger.csv", "pending")]
    assert states(status_of(older, (delivered(content="v2"), None))) == states(status)


def test_a_corrected_version_is_pending_beside_the_held_one():
    event = delivered(content="v1")
    status = status_of((event, partly_rejected(event, 1, of=3)), listed=[delivered(content="v2")])
    assert states(status) == [("ledger.csv", "held"), ("ledger.csv", "pending")]


def test_a_held_version_is_listed_beside_the_live_older_one():
    newer = delivered(content="v2")
    status = status_of(live_in(in_period("2025-01"), content="v1"), (newer, partly_rejected(newer, 1, of=3)))
    assert states(status) == [("ledger.csv", "held"), ("ledger.csv", "live")]


def test_a_file_that_vanished_before_it_was_read_is_not_pending():
    status = status_of((delivered("gone.csv"), None), vanished=["gone.csv"])
    assert (status.deliveries, status.vanished) == ([], ["gone.csv"])


def test_deliveries_are_sorted_by_file():
    pairs = [live_in(in_period("2025-01"), key=key) for key in ("b.csv", "c.csv", "a.csv")]
    assert [file for file, _ in states(status_of(*pairs))] == ["a.csv", "b.csv", "c.csv"]


# Warnings and decisions


def test_warnings_of_a_delivery_are_warnings_of_its_file():
    event, commit = live_in(in_period("2025-01"))
    late = verdict_on(event, warnings=("came late: b.csv sorts after it and wins",))
    status = status_of((event, commit), later_events=[late])
    assert status.deliveries[0]["warnings"] == ["came late: b.csv sorts after it and wins"]
    assert [(row["file"], row["kind"], bool(row["fix"])) for row in status.warnings] == [
        ("ledger.csv", "delivery", True)
    ]
    assert status.is_healthy


def test_what_a_run_has_booked_is_a_warning_that_asks_for_no_other_file():
    event, commit = live_in(in_period("2025-02"))
    text = "would restate 2025-01, closed, so what it would change there is booked in 2025-02"
    status = status_of((event, commit), later_events=[verdict_on(event, warnings=(text,))])
    assert [(row["warning"], row["fix"]) for row in status.warnings] == [
        (text, "nothing is to be done; `finance-platform movements` has what was booked")
    ]


def test_a_note_of_the_reader_is_a_warning_with_its_fix_also_if_it_counts_several_cells():
    notes = {"one": Note(1, "do this"), "many": Note(1200, "do that")}
    event, commit = live_in(in_period("2025-01"))
    status = status_of((event, replace(commit, findings=ReaderFindings(notes))))
    assert [(row["warning"], row["fix"]) for row in status.warnings] == [
        ("one", "do this"),
        ("many; 1,200 cells in all", "do that"),
    ]


def test_a_file_that_vanished_before_it_could_be_read_again_counts_as_it_was_read_before():
    """Its lines have the accounts of a mapping that has changed since, and only the file could give others."""
    again = delivered("gone.csv", "v1 and another mapping", reads_again="gone.csv@v1")
    (warning,) = status_of((again, None), vanished=["gone.csv"]).warnings
    assert warning["warning"].endswith(
        "its lines still count, as they were read before the platform's code, or what "
        "they look up or are spread like, changed"
    )
    assert warning["fix"].startswith("put the file back, so that the next run reads it again")
    (plain,) = status_of(listed=[delivered("old one.csv")], vanished=["old one.csv"]).warnings
    assert plain["warning"].endswith("its lines still count")
    assert plain["fix"] == (
        "put the file back, or `finance-platform withdraw 'old one.csv' --why TEXT` takes its lines out"
    )


def test_vanished_and_unmatched_files_are_warnings_with_a_fix():
    status = status_of(listed=[delivered("old.csv")], vanished=["old.csv"], unmatched=["notes.md"])
    assert [(row["file"], row["kind"], bool(row["fix"])) for row in status.warnings] == [
        ("notes.md", "unmatched", True),
        ("old.csv", "vanished", True),
    ]


@pytest.mark.parametrize(
    ("file", "fix"),
    [
        ("book.xlsb", "save it as CSV"),
        ("old/BOOK.NUMBERS", "save it as CSV"),
        ("ledger", "save it as CSV"),
        ("ledger.csv.zip", "unpack it"),
        ("ledger.csv.crdownload", "wait until it is complete"),
        ("ledger.csv.gz", "add a descriptor"),
        ("BOOK.XLSX", "add a descriptor"),
        ("ledger.TSV", "add a descriptor"),
    ],
)
def test_an_unmatched_file_has_the_fix_of_its_ending(file: str, fix: str):
    (row,) = status_of(unmatched=[file]).warnings
    assert row["fix"].startswith(fix)


def test_the_status_and_the_check_give_an_unmatched_file_the_same_fix():
    unmatched = ["book.xlsx", "ledger.csv.gz", "ledger.txt"]
    outcomes = check_unread(RawZoneScan([], 0, {}, [], unmatched, [], {}), "the home's feeds folder")
    fixes = [row["fix"] for outcome in outcomes for row in outcome.evidence]
    assert fixes == [row["fix"] for row in status_of(unmatched=unmatched).warnings]


def test_a_withdrawn_delivery_has_the_decision_with_person_reason_and_time():
    event, commit = live_in(in_period("2025-01"))
    decision = DecisionRecorded(
        "withdrawn", event.object_key, event.delivery_id, "ann", "wrong month", "2025-03-01T00:00:00+00:00"
    )
    (row,) = status_of((event, commit), later_events=[decision]).deliveries
    assert (row["state"], row["reason"]) == ("withdrawn", "withdrawn by ann: wrong month")
    assert row["decision"] == {
        "action": "withdrawn",
        "who": "ann",
        "why": "wrong month",
        "at": "2025-03-01T00:00:00+00:00",
    }


# Slices


def test_a_slice_is_published_built_not_built_or_no_longer_wanted():
    fact = "fact_financials"
    status = status_of(
        target={("dim_date", "all"): "d1", (fact, "2025-01"): "j2", (fact, "2025-02"): "f2", (fact, "2025-03"): "m1"},
        built=[("dim_date", "all"), (fact, "2025-02")],
        published={("dim_date", "all"): "d1", (fact, "2025-02"): "f1", (fact, "2025-03"): "m0", (fact, "2024-12"): "x"},
    )
    assert [(row["slice"], row["state"], row["wanted"], row["published"]) for row in status.slices] == [
        ("all", "published", "d1", "d1"),
        ("2024-12", "no longer wanted", "", "x"),
        ("2025-01", "not built", "j2", ""),
        ("2025-02", "built, not loaded", "f2", "f1"),
        ("2025-03", "not built", "m1", "m0"),
    ]


def test_a_published_slice_has_its_row_count_and_load_time():
    (row,) = status_of(target={("dim_date", "all"): "d1"}, published={("dim_date", "all"): "d1"}).slices
    assert (row["table"], row["rows"], row["loaded_at"]) == ("dim_date", 7, "2025-07-01T12:00:00Z")


def test_a_slice_that_was_never_published_has_no_rows_and_no_load_time():
    (row,) = status_of(target={("dim_date", "all"): "d1"}).slices
    assert (row["rows"], row["loaded_at"]) == (0, "")


# The home


def test_a_home_without_findings_is_healthy():
    assert status_of(live_in(in_period("2025-01"))).is_healthy


def test_every_section_of_the_document_s_description_has_a_text_and_a_heading_of_its_own():
    _, *parts = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    headings = [part.partition("\n")[0] for part in parts]
    assert sorted(set(headings)) == sorted(headings)
    assert all(part.partition("\n")[2].strip() for part in parts)


def test_warnings_leave_a_home_healthy():
    assert status_of(live_in(in_period("2025-01")), vanished=["ledger.csv"], unmatched=["notes.csv"]).is_healthy


def test_an_unusable_file_makes_a_home_unhealthy():
    status = status_of(problems=[Problem("feeds/a.yaml", "line 3: no such key", "correct that line")])
    assert not status.is_healthy
    assert status.problems == [{"file": "feeds/a.yaml", "problem": "line 3: no such key", "fix": "correct that line"}]


@pytest.mark.parametrize("missing", [money(1, "0.00"), money(0, "0.01")], ids=["a row", "a cent"])
def test_an_unexplained_difference_makes_a_home_unhealthy(missing: Count):
    lost = Reconciliation([Line("Actual", "USD", {"delivered": missing})], "USD")
    behind = {("fact_financials", "2025-01"): "v2"}
    assert not status_of(reconciliation=lost).is_healthy
    assert not status_of(reconciliation=lost, target=behind).is_healthy
    waiting = Reconciliation([Line("Actual", "USD", {"delivered": missing, "not_loaded_yet": missing})], "USD")
    assert status_of(reconciliation=waiting, target=behind).is_healthy


def test_the_document_is_json_with_money_as_text_of_two_decimals():
    terms = {
        "delivered": money(3, "25", unpriced=1),
        "rejected": money(1, "5.5", unpriced=1),
        "in_warehouse": money(2, "19.50"),
    }
    reconciliation = Reconciliation([Line("Actual", "USD", terms, "ledger", "ledger.csv", has_sides=True)], "USD")
    pending = live_in(in_period("2025-01")), (delivered(content="v2"), None)
    document = json.loads(
        json.dumps(status_of(*pending, unmatched=["notes.csv"], reconciliation=reconciliation).as_json())
    )
    assert document["unmatched_files"] == ["notes.csv"]
    assert [row["state"] for row in document["deliveries"]] == ["live", "pending"]
    assert document["deliveries"][0]["amount"] == "10.00"
    assert document["controllers_line"]["delivered"] == {"rows": 3, "unpriced": 1}
    assert document["controllers_line"]["rejected"] == {"rows": 1, "unpriced": 1}
    assert set(document["controllers_line"]) == {"delivered", *TERMS}
    (line,) = document["reconciliation"]["by_file"]
    assert line["terms"]["rejected"] == {
        "rows": 1,
        "unpriced": 1,
        "net": "5.50",
        "gross": "5.50",
        "debit": "5.50",
        "credit": "0.00",
    }
    assert (line["file"], line["scenario"], line["difference"]["rows"]) == ("ledger.csv", "Actual", 0)
    assert [len(document["reconciliation"][name]) for name in ("by_scenario", "by_feed")] == [1, 1]
    assert "all_versions" not in document


def test_a_file_with_several_scenarios_has_no_total_of_its_money():
    event = delivered()
    counts = [ScenarioCount(name, "", "delivered", money(1, "10.00")) for name in ("Actual", "Budget")]
    status = status_of((event, commit_of(event, in_period("2025-01"), scenarios=tuple(counts))))
    assert (status.deliveries[0]["amount"], status.deliveries[0]["rejected_amount"]) == (None, None)


def test_rejected_foreign_money_is_shown_by_currency():
    event = delivered()
    counts = [ScenarioCount("Actual", "EUR", "rejected", Count(2, Decimal(0), Decimal("10.00")))]
    status = status_of((event, commit_of(event, in_period("2025-01"), scenarios=tuple(counts))))
    assert status.deliveries[0]["rejected_foreign"] == {"EUR": "10.00"}


def test_a_file_that_was_not_read_yet_makes_a_home_stale_and_leaves_it_healthy():
    assert not status_of().is_stale
    waiting = status_of(listed=[delivered()])
    assert (waiting.is_stale, waiting.is_behind, waiting.is_healthy) == (True, False, True)


def test_every_key_of_the_document_is_described():
    document = json.loads(json.dumps(status_of(live_in(in_period("2025-01"))).as_json()))
    assert document["format"] == FORMAT == 2
    description = DOCUMENT.read_text(encoding="utf-8")
    keys = {*document, *document["deliveries"][0]}
    assert {key for key in keys if f"`{key}`" not in description} == set()


def test_a_home_without_runs_has_no_last_run_and_no_dagster_folder_afterwards(tmp_path: Path):
    assert last_run(tmp_path / "dagster") is None
    assert not (tmp_path / "dagster").exists()
