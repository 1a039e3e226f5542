"""Decisions of people: their effect, their register events, and the errors of refused ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import Count, read_commits
from finance_platform.deliveries.decision_errors import require_judged_content
from finance_platform.deliveries.decisions import accept, reinstate, withdraw
from finance_platform.deliveries.events import DecidedAmount, DecisionRecorded, PeriodStatusChanged
from finance_platform.deliveries.period_decisions import close, reopen
from finance_platform.errors import DecisionError
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import delivered, partly_rejected
from finance_platform_tests.unit.zone import ADA, Zone, lines, many

BOB = Author("bob", "a late invoice", datetime(2025, 7, 2, 8, tzinfo=UTC))
PUBLISHED = {"2025-01": "v1", "2025-02": "v2"}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone in which live.csv is live and held.csv is held."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("live.csv", many(2), content="a")
    event = zone.deliver("held.csv", many(2), content="b")
    zone.commit(partly_rejected(event, 1, of=3))
    zone.evaluate()
    return zone


def refusal(decide: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(DecisionError) as caught:
        decide()
    return caught.value.found, caught.value.fix


def last(zone: Zone) -> Any:
    return zone.register.events()[-1]


def states(zone: Zone) -> dict[str, list[str]]:
    state = zone.state
    return {
        "live": [delivery.event.object_key for delivery in state.live],
        "held": [delivery.event.object_key for delivery in state.inactive],
        "withdrawn": [delivery.event.object_key for delivery in state.withdrawn],
    }


# Accept


def test_an_accepted_delivery_counts_and_the_register_has_author_reason_and_time(zone: Zone) -> None:
    event = accept(zone.store, "held.csv", BOB)
    assert last(zone) == event
    assert event == DecisionRecorded(
        "accepted",
        "held.csv",
        "held.csv@b",
        "bob",
        "a late invoice",
        "2025-07-02T08:00:00.000000+00:00",
        amounts=(DecidedAmount("Actual", "", "", 2, "20.00", "20.00"),),
    )
    assert states(zone) == {"live": ["live.csv", "held.csv"], "held": [], "withdrawn": []}


def test_a_delivery_that_counts_already_cannot_be_accepted(zone: Zone) -> None:
    found, fix = refusal(lambda: accept(zone.store, "live.csv", ADA))
    assert found == "no delivery of 'live.csv' is held: it counts"
    assert fix == "`finance-platform withdraw live.csv --why TEXT` takes it out"


def test_the_same_decision_twice_names_the_first_one_and_what_can_be_done(zone: Zone) -> None:
    accept(zone.store, "held.csv", BOB)
    found, fix = refusal(lambda: accept(zone.store, "held.csv", ADA))
    assert found == "no delivery of 'held.csv' is held: it counts; bob has accepted it on 2025-07-02 (“a late invoice”)"
    assert fix == (
        "if that is what you decide too, nothing is to be done; otherwise "
        "`finance-platform withdraw held.csv --why TEXT` takes it out"
    )


def test_a_version_that_no_run_has_read_is_named_in_place_of_the_held_one(zone: Zone) -> None:
    zone.append(delivered("held.csv", "c"))
    found, fix = refusal(lambda: accept(zone.store, "held.csv", ADA))
    assert found == "no delivery of 'held.csv' is held: a version of it is not read yet"
    assert fix == "run `finance-platform run` first"


def test_a_file_that_was_sent_again_with_another_content_is_judged_first(zone: Zone, tmp_path: Path) -> None:
    raw = LocalStore(tmp_path / "raw")
    event = delivered("sent.csv", hashlib.sha256(b"1").hexdigest())
    zone.append(event)
    require_judged_content(raw, zone.store, "sent.csv")  # it is gone
    raw.write("sent.csv", b"1")
    require_judged_content(raw, zone.store, "sent.csv")  # touched, with the same content
    raw.write("sent.csv", b"2")
    found, fix = refusal(lambda: require_judged_content(raw, zone.store, "sent.csv"))
    assert found.startswith("sent.csv was sent again with another content since it was judged, on 2025-02-01")
    assert fix.startswith("run `finance-platform run` first")


def test_the_error_for_a_mistyped_name_suggests_the_closest_one(zone: Zone) -> None:
    found, fix = refusal(lambda: accept(zone.store, "helt.csv", ADA))
    assert found == "no delivery of 'helt.csv' is held"
    assert fix.startswith("did you mean 'held.csv'?")


def test_the_error_reports_that_nothing_is_held(zone: Zone) -> None:
    accept(zone.store, "held.csv", ADA)
    fix = refusal(lambda: accept(zone.store, "new.csv", ADA))[1]
    assert fix == "no file is held; `finance-platform status` lists all"


def test_a_refused_file_cannot_be_accepted(zone: Zone) -> None:
    zone.deliver("bad.csv", [], commit_status="refused", commit_refusal="the file is empty", commit_fix="send it again")
    found, fix = refusal(lambda: accept(zone.store, "bad.csv", ADA))
    assert found == "bad.csv could not be read: the file is empty"
    assert fix == "send it again; `finance-platform withdraw bad.csv --why TEXT` drops it"


def test_a_delivery_with_unaccounted_rows_cannot_be_accepted(zone: Zone) -> None:
    zone.deliver("lost.csv", many(2), content="c")
    commit = read_commits(zone.store)["lost.csv@c"]
    zone.commit(replace(commit, read=commit.read + Count(1)))
    zone.evaluate()
    found, fix = refusal(lambda: accept(zone.store, "lost.csv", ADA))
    assert found == "lost.csv is not accounted for: 1 rows, 0.00, 0 cells that are not a valid amount"
    assert "fault of the platform" in fix


# Withdraw


def test_a_withdrawn_object_no_longer_counts_and_neither_do_its_earlier_versions(zone: Zone) -> None:
    zone.deliver("live.csv", many(2), content="a2")
    zone.evaluate()
    event: Any = withdraw(zone.store, "live.csv", BOB)
    assert last(zone) == event
    assert (event.action, event.delivery_id, event.keeps_earlier) == ("withdrawn", "live.csv@a2", False)
    assert (event.who, event.why) == ("bob", "a late invoice")
    assert states(zone) == {"live": [], "held": ["held.csv"], "withdrawn": ["live.csv"]}


def test_withdrawing_a_held_delivery_leaves_the_live_one(zone: Zone) -> None:
    zone.deliver("live.csv", [], content="a2")
    zone.evaluate()
    withdraw(zone.store, "live.csv", ADA)
    assert last(zone).keeps_earlier is True
    assert zone.live == ["live.csv@a"]


def test_an_accepted_delivery_is_withdrawn_like_any_live_one(zone: Zone) -> None:
    accept(zone.store, "held.csv", ADA)
    withdraw(zone.store, "held.csv", ADA)
    assert last(zone).keeps_earlier is False
    assert states(zone)["withdrawn"] == ["held.csv"]


def test_an_object_that_is_neither_live_nor_held_cannot_be_withdrawn(zone: Zone) -> None:
    withdraw(zone.store, "live.csv", ADA)
    found, fix = refusal(lambda: withdraw(zone.store, "live.csv", ADA))
    assert found.startswith("no delivery of 'live.csv' counts or is held: it is withdrawn; ada has withdrawn it on ")
    assert "`finance-platform withdraw --undo live.csv --why TEXT` takes it in again" in fix
    assert refusal(lambda: withdraw(zone.store, "other.csv", ADA))[0] == "no delivery of 'other.csv' counts or is held"


def test_a_mistyped_name_of_a_held_file_is_corrected_as_that_of_one_that_counts_is(zone: Zone) -> None:
    assert refusal(lambda: withdraw(zone.store, "hled.csv", ADA))[1].startswith("did you mean 'held.csv'?")


def test_the_error_for_a_mistyped_name_suggests_the_closest_live_object(zone: Zone) -> None:
    assert "did you mean 'live.csv'?" in refusal(lambda: withdraw(zone.store, "life.csv", ADA))[1]


def closed(zone: Zone) -> None:
    close(zone.store, "2025-01", ADA, target=PUBLISHED, published=PUBLISHED)


def test_an_object_with_lines_in_a_closed_period_is_withdrawn_unless_closed_periods_are_held(zone: Zone) -> None:
    closed(zone)
    found, fix = refusal(lambda: withdraw(zone.store, "live.csv", ADA, holds_closed_periods=True))
    assert (found, fix) == ("live.csv has lines in 2025-01, a closed period", "reopen it first")
    withdraw(zone.store, "live.csv", ADA)
    assert states(zone)["withdrawn"] == ["live.csv"]


def test_a_file_that_moved_a_key_out_of_a_closed_period_is_not_withdrawn(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert", feed="bank", content="c")
    zone.deliver("b.csv", lines("T1", period="2025-02"), load_mode="upsert", feed="bank", content="d")
    zone.evaluate()
    closed(zone)
    found, _ = refusal(lambda: withdraw(zone.store, "b.csv", ADA, holds_closed_periods=True))
    assert found == "b.csv supersedes lines of other files in 2025-01, a closed period"


def test_a_file_in_open_periods_is_withdrawn_while_others_are_closed(zone: Zone) -> None:
    zone.deliver("b.csv", many(1, "2025-02"), content="d")
    zone.evaluate()
    closed(zone)
    withdraw(zone.store, "b.csv", ADA, holds_closed_periods=True)
    assert states(zone)["withdrawn"] == ["b.csv"]


def test_a_held_delivery_is_dropped_even_in_a_closed_period(zone: Zone) -> None:
    closed(zone)
    withdraw(zone.store, "held.csv", ADA, holds_closed_periods=True)
    assert last(zone).keeps_earlier is True


# Reinstate


def test_a_withdrawal_is_undone(zone: Zone) -> None:
    before = states(zone)
    for name in ("live.csv", "held.csv"):
        withdraw(zone.store, name, ADA)
        event: Any = reinstate(zone.store, name, BOB)
        assert last(zone) == event
        assert (event.action, event.object_key, event.who, event.why) == ("reinstated", name, "bob", "a late invoice")
    assert states(zone) == before


def test_the_latest_withdrawal_of_an_object_is_undone_first(zone: Zone) -> None:
    zone.deliver("live.csv", [], content="a2")
    zone.evaluate()
    withdraw(zone.store, "live.csv", ADA)
    withdraw(zone.store, "live.csv", BOB)
    assert zone.live == []
    assert reinstate(zone.store, "live.csv", BOB).delivery_id == "live.csv@a"
    assert zone.live == ["live.csv@a"]
    assert reinstate(zone.store, "live.csv", BOB).delivery_id == "live.csv@a2"
    assert states(zone)["held"] == ["live.csv", "held.csv"]


def test_the_latest_withdrawal_is_undone_first_although_bytes_that_were_withdrawn_before_are_back(zone: Zone) -> None:
    withdraw(zone.store, "live.csv", ADA)
    zone.deliver("live.csv", lines("1", amount="12.00"), content="a2")
    zone.evaluate()
    zone.deliver("live.csv", lines("1"), content="a")
    zone.evaluate()
    before = states(zone)
    assert zone.live == ["live.csv@a2"]
    assert withdraw(zone.store, "live.csv", BOB).delivery_id == "live.csv@a2"
    assert reinstate(zone.store, "live.csv", BOB).delivery_id == "live.csv@a2"
    assert states(zone) == before


def test_an_object_with_lines_in_a_closed_period_is_reinstated_unless_closed_periods_are_held(zone: Zone) -> None:
    withdraw(zone.store, "live.csv", ADA)
    closed(zone)
    found, fix = refusal(lambda: reinstate(zone.store, "live.csv", ADA, holds_closed_periods=True))
    assert (found, fix) == ("live.csv has lines in 2025-01, a closed period", "reopen it first")
    reinstate(zone.store, "live.csv", ADA)
    assert zone.live == ["live.csv@a"]


def test_a_file_that_would_move_a_key_out_of_a_closed_period_is_not_reinstated(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert", feed="bank", content="c")
    zone.deliver("b.csv", lines("T1", period="2025-02"), load_mode="upsert", feed="bank", content="d")
    zone.evaluate()
    withdraw(zone.store, "b.csv", ADA)
    closed(zone)
    found, _ = refusal(lambda: reinstate(zone.store, "b.csv", ADA, holds_closed_periods=True))
    assert found == "b.csv supersedes lines of other files in 2025-01, a closed period"


def test_a_dropped_delivery_is_held_again_even_in_a_closed_period(zone: Zone) -> None:
    withdraw(zone.store, "held.csv", ADA)
    closed(zone)
    reinstate(zone.store, "held.csv", ADA, holds_closed_periods=True)
    assert states(zone)["held"] == ["held.csv"]


def test_an_object_that_is_not_withdrawn_cannot_be_reinstated(zone: Zone) -> None:
    withdraw(zone.store, "held.csv", ADA)
    found, fix = refusal(lambda: reinstate(zone.store, "live.csv", ADA))
    assert found == "no delivery of 'live.csv' is withdrawn: it counts"
    assert fix == "`finance-platform withdraw live.csv --why TEXT` takes it out"


# Close and reopen


def test_a_period_is_closed_with_its_published_version(zone: Zone) -> None:
    event = close(zone.store, "2025-01", BOB, target=PUBLISHED, published=PUBLISHED)
    assert last(zone) == event
    at = "2025-07-02T08:00:00.000000+00:00"
    assert event == PeriodStatusChanged("closed", "2025-01", "bob", "a late invoice", at, {"fact_financials": "v1"})
    assert zone.state.closed.keys() == {"2025-01"}


def test_a_closed_period_is_not_closed_again(zone: Zone) -> None:
    closed(zone)
    found, fix = refusal(lambda: close(zone.store, "2025-01", BOB, target=PUBLISHED, published=PUBLISHED))
    assert found == f"2025-01 was closed by ada on {ADA.at:%Y-%m-%d}: looked at it"
    assert fix.startswith("nothing is to be done; to sign it again, `finance-platform reopen 2025-01 --why TEXT` first")


@pytest.mark.parametrize(
    ("published", "fix"),
    [
        (PUBLISHED, "choose one of 2025-01 … 2025-02"),
        ({}, "choose one of none: run `finance-platform run` first"),
    ],
)
def test_a_period_without_a_published_version_is_not_closed(zone: Zone, published: dict[str, str], fix: str) -> None:
    refused = refusal(lambda: close(zone.store, "2024-12", BOB, target=published, published=published))
    assert refused == ("nothing is published of 2024-12", fix)


@pytest.mark.parametrize("target", [{"2025-01": "other"}, {}])
def test_a_period_with_unpublished_changes_is_not_closed(zone: Zone, target: dict[str, str]) -> None:
    refused = refusal(lambda: close(zone.store, "2025-01", BOB, target=target, published=PUBLISHED))
    assert refused == ("2025-01 has changes that are not published yet", "run `finance-platform run` first")


def test_a_closed_period_is_reopened(zone: Zone) -> None:
    closed(zone)
    event: Any = reopen(zone.store, "2025-01", BOB)
    assert last(zone) == event
    assert (event.action, event.period, event.who, event.why) == ("reopened", "2025-01", "bob", "a late invoice")
    assert zone.state.closed == {}


def test_an_open_period_is_not_reopened(zone: Zone) -> None:
    listed = "`finance-platform history` lists who closed and reopened what"
    fix = f"there is nothing to reopen: no period is closed; {listed}"
    assert refusal(lambda: reopen(zone.store, "2025-02", BOB)) == ("2025-02 is not closed", fix)
    closed(zone)
    fix = f"there is nothing to reopen: closed are 2025-01; {listed}"
    assert refusal(lambda: reopen(zone.store, "2025-02", BOB))[1] == fix


def test_a_refused_decision_is_not_recorded(zone: Zone) -> None:
    before = zone.register.events()
    refusal(lambda: accept(zone.store, "live.csv", ADA))
    refusal(lambda: reinstate(zone.store, "live.csv", ADA))
    refusal(lambda: reopen(zone.store, "2025-01", ADA))
    assert zone.register.events() == before
