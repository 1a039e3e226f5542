"""The state: which deliveries count, after whatever has happened to the raw zone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.lake.deliveries import Count, DeliveryCommit
from finance_platform.lake.register import Delivered
from finance_platform.lake.state import LakeState, derive_state, reason_to_stop
from finance_platform_tests.unit.factories import (
    commit_of,
    delivered,
    in_period,
    money,
    partly_rejected,
    refused,
    state_of,
)

JANUARY = in_period("2025-01")


def ids(state: LakeState) -> dict[str, list[str]]:
    """Delivery ids by what the state says of them."""
    return {
        "live": [delivery.delivery_id for delivery in state.live],
        "stopped": [delivery.event.delivery_id for delivery in state.stopped],
        "pending": [event.delivery_id for event in state.pending],
        "superseded": [commit.delivery_id for commit in state.superseded],
    }


def expected(**found: list[str]) -> dict[str, list[str]]:
    return {"live": [], "stopped": [], "pending": [], "superseded": []} | found


def good(event: Delivered) -> tuple[Delivered, DeliveryCommit]:
    return event, commit_of(event, JANUARY)


V1, V2, V3 = (
    delivered(content=content, modified_at=f"2025-0{n}-01") for n, content in enumerate(("v1", "v2", "v3"), 1)
)


def test_nothing_delivered_is_an_empty_state() -> None:
    assert ids(state_of()) == expected()


def test_a_delivery_that_is_not_read_yet_is_pending() -> None:
    assert ids(state_of((V1, None))) == expected(pending=["ledger.csv@v1"])


def test_a_delivery_that_was_read_is_live() -> None:
    assert ids(state_of(good(V1))) == expected(live=["ledger.csv@v1"])


def test_new_content_under_the_same_key_replaces_the_old() -> None:
    assert ids(state_of(good(V1), good(V2))) == expected(live=["ledger.csv@v2"], superseded=["ledger.csv@v1"])


def test_the_old_content_stays_live_until_the_new_one_is_read() -> None:
    assert ids(state_of(good(V1), (V2, None))) == expected(live=["ledger.csv@v1"], pending=["ledger.csv@v2"])


def test_only_the_newest_content_is_still_to_be_read() -> None:
    assert ids(state_of((V1, None), (V2, None))) == expected(pending=["ledger.csv@v2"])


def test_a_refused_delivery_leaves_the_older_one_live_and_says_why() -> None:
    state = state_of(good(V1), (V2, refused(V2)))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v2"])
    (stopped,) = state.stopped
    assert (stopped.is_refused, stopped.reason, stopped.fix) == (True, "the file is empty", "send it again")


def test_a_held_delivery_leaves_the_older_one_live_and_says_why() -> None:
    state = state_of(good(V1), (V2, partly_rejected(V2, 1, of=200)))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v2"])
    (stopped,) = state.stopped
    assert not stopped.is_refused
    assert stopped.reason.startswith("1 of 200 rows rejected")
    assert "tolerance" in stopped.fix


def test_a_held_delivery_without_an_older_one_leaves_nothing_live() -> None:
    assert ids(state_of((V1, partly_rejected(V1, 1, of=2)))) == expected(stopped=["ledger.csv@v1"])


def test_the_newest_good_delivery_is_found_behind_several_bad_ones() -> None:
    state = state_of(good(V1), (V2, refused(V2)), (V3, partly_rejected(V3, 1, of=2)))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v3"])


def test_a_bad_delivery_that_was_replaced_is_forgotten() -> None:
    assert ids(state_of((V1, refused(V1)), good(V2))) == expected(live=["ledger.csv@v2"])


def test_content_sent_back_is_live_again_and_replaces_what_came_between() -> None:
    state = state_of(good(V1), good(V2), good(replace(V1, modified_at="2025-09-01", stamp="again")))
    assert ids(state) == expected(live=["ledger.csv@v1"], superseded=["ledger.csv@v2"])


def test_content_sent_back_takes_its_old_position() -> None:
    between = delivered("other.csv", modified_at="2025-01-15")
    back = replace(V1, modified_at="2025-09-01", stamp="again")
    state = state_of(good(V1), good(between), good(V2), good(back))
    assert ids(state)["live"] == ["ledger.csv@v1", "other.csv@v1"]


def test_a_touched_object_keeps_its_position() -> None:
    other = delivered("other.csv", modified_at="2025-01-15")
    touched = replace(V1, modified_at="2025-09-01", stamp="touched")
    assert ids(state_of(good(V1), good(other), good(touched)))["live"] == ["ledger.csv@v1", "other.csv@v1"]


def test_a_delivery_that_is_read_again_under_new_rules_keeps_its_position() -> None:
    other = delivered("other.csv", modified_at="2025-01-15")
    reread = replace(V1, delivery_id="reread", modified_at="2025-09-01")
    state = state_of(good(V1), good(other), good(reread))
    assert ids(state) == expected(live=["reread", "other.csv@v1"], superseded=["ledger.csv@v1"])


def test_deliveries_are_in_the_order_of_their_own_times_whatever_order_they_were_found_in() -> None:
    late = delivered("a.csv", modified_at="2025-03-01")
    early = delivered("b.csv", modified_at="2025-01-01")
    assert ids(state_of(good(late), good(early)))["live"] == ["b.csv@v1", "a.csv@v1"]


def test_deliveries_of_the_same_moment_are_in_the_order_of_their_keys() -> None:
    assert ids(state_of(good(delivered("b.csv")), good(delivered("a.csv"))))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_the_same_content_under_two_keys_is_two_deliveries_with_their_own_positions() -> None:
    first, second = delivered("a.csv", modified_at="2025-05-01"), delivered("b.csv", modified_at="2025-01-01")
    assert ids(state_of(good(first), good(second)))["live"] == ["b.csv@v1", "a.csv@v1"]


def test_only_ledger_feeds_are_in_the_ledger() -> None:
    reference = delivered("departments.csv", kind="departments", feed="departments")
    state = state_of(good(V1), good(reference))
    assert [delivery.delivery_id for delivery in state.ledger] == ["ledger.csv@v1"]


# Tolerance


def limits(share: str = "0", amount: str | None = None) -> Delivered:
    return delivered(tolerated_share=share, tolerated_amount=amount)


@pytest.mark.parametrize(("rejected", "is_held"), [(0, False), (2, False), (3, True)])
def test_a_delivery_is_held_when_more_rows_are_rejected_than_tolerated(rejected: int, *, is_held: bool) -> None:
    event = limits("0.01")
    assert (reason_to_stop(event, partly_rejected(event, rejected, of=200)) is not None) == is_held


def test_without_a_tolerance_one_rejected_row_holds_the_delivery() -> None:
    reason = reason_to_stop(limits(), partly_rejected(limits(), 1, of=1000))
    assert reason is not None
    assert reason[0] == "1 of 1000 rows rejected, tolerated 0%"


@pytest.mark.parametrize(
    ("amount", "is_held"), [("100.00", False), ("100.01", True), ("-100.01", True), ("0.00", False)]
)
def test_a_delivery_is_held_when_more_money_is_rejected_than_tolerated(amount: str, *, is_held: bool) -> None:
    event = limits("1", "100.00")
    assert (reason_to_stop(event, partly_rejected(event, 1, of=2, amount=amount)) is not None) == is_held


def test_rejected_credits_and_debits_do_not_cancel_out() -> None:
    event = limits("1", "100.00")
    commit = commit_of(event, outcomes={"rejected": money(2, "0.00", "1000.00")}, read=Count(2))
    assert reason_to_stop(event, commit) == (
        "1000.00 rejected, tolerated 100.00",
        "correct the file and send it again, or widen tolerance: in the descriptor",
    )


def test_without_a_limit_of_money_only_the_rows_count() -> None:
    event = limits("0.5")
    assert reason_to_stop(event, partly_rejected(event, 1, of=2, amount="999999999.00")) is None


def test_a_limit_of_zero_money_holds_any_rejected_cent() -> None:
    event = limits("1", "0")
    assert reason_to_stop(event, partly_rejected(event, 1, of=2, amount="0.01")) is not None


def test_a_file_without_rows_is_not_held() -> None:
    assert reason_to_stop(limits(), commit_of(limits())) is None


def test_duplicate_and_skipped_rows_are_tolerated() -> None:
    commit = commit_of(limits(), read=Count(2), outcomes={"duplicate": money(1), "skipped": money(1)})
    assert reason_to_stop(limits(), commit) is None


@pytest.mark.parametrize(
    "lost", [Count(1), Count(0, Decimal("0.01")), Count(0, unpriced=1)], ids=["row", "cent", "cell"]
)
def test_a_delivery_with_anything_unaccounted_is_held_whatever_is_tolerated(lost: Count) -> None:
    event = limits("1")
    whole = commit_of(event, JANUARY)
    reason = reason_to_stop(event, replace(whole, read=whole.read + lost))
    assert reason is not None
    assert reason[0].startswith("not accounted for: ")


def test_a_wider_tolerance_makes_a_held_delivery_live() -> None:
    bad = partly_rejected(V1, 1, of=10)
    wider = replace(V1, tolerated_share="0.5")
    assert ids(state_of((V1, bad), (wider, bad))) == expected(live=["ledger.csv@v1"])


def test_a_narrower_tolerance_holds_a_delivery_that_was_live() -> None:
    bad = partly_rejected(V1, 1, of=10)
    wide = replace(V1, tolerated_share="0.5")
    assert ids(state_of((wide, bad), (V1, bad))) == expected(stopped=["ledger.csv@v1"])


def test_a_narrower_tolerance_shows_the_older_content_again() -> None:
    bad = partly_rejected(V2, 1, of=10)
    wide = replace(V2, tolerated_share="0.5")
    state = state_of(good(V1), (wide, bad), (V2, bad))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v2"])


# Laws

events = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["v1", "v2", "v3"]),
        st.sampled_from(["good", "held", "refused", "unread"]),
    ),
    max_size=8,
)


@given(events)
def test_a_raw_object_has_at_most_one_live_delivery_and_none_both_counts_and_waits(
    happened: list[tuple[str, str, str]],
) -> None:
    fates = {(key, content): fate for key, content, fate in happened}
    log = [delivered(key, content, modified_at=f"{n:03d}") for n, (key, content, _) in enumerate(happened)]
    commits: dict[str, DeliveryCommit] = {}
    for event in log:
        fate = fates[event.object_key, event.fingerprint]
        made = {"good": commit_of(event, JANUARY), "held": partly_rejected(event, 1, of=2), "refused": refused(event)}
        if fate != "unread":
            commits[event.delivery_id] = made[fate]
    found = ids(derive_state(log, commits))
    named = [one for several in found.values() for one in several]
    assert len(named) == len(set(named))
    keys = [one.partition("@")[0] for one in found["live"]]
    assert len(keys) == len(set(keys))
    for key in {event.object_key for event in log}:
        last = [event for event in log if event.object_key == key][-1]
        fate = fates[key, last.fingerprint]
        place = {"good": "live", "held": "stopped", "refused": "stopped", "unread": "pending"}[fate]
        assert last.delivery_id in found[place]
