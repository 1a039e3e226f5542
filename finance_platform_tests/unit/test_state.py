"""The state: which deliveries count, after whatever has happened to the raw zone.

Does not belong here: what people decided (see `test_state_decided`), when a delivery is held (see `test_judging`).
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.register import DeliveryDiscovered, Event
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform_tests.unit.factories import (
    commit_of,
    delivered,
    in_period,
    judged,
    log_of,
    partly_rejected,
    refused,
    state_of,
)

JANUARY = in_period("2025-01")


def ids(state: DeliveryState) -> dict[str, list[str]]:
    """Delivery ids by what the state says of them."""
    return {
        "live": [delivery.delivery_id for delivery in state.live],
        "stopped": [delivery.event.delivery_id for delivery in state.inactive],
        "pending": [event.delivery_id for event in state.pending],
        "superseded": [commit.delivery_id for commit in state.superseded],
    }


def expected(**found: list[str]) -> dict[str, list[str]]:
    return {"live": [], "stopped": [], "pending": [], "superseded": []} | found


def good(event: DeliveryDiscovered) -> tuple[DeliveryDiscovered, DeliveryCommit]:
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
    (stopped,) = state.inactive
    assert (stopped.is_refused, stopped.reason, stopped.fix) == (True, "the file is empty", "send it again")


def test_a_held_delivery_leaves_the_older_one_live_and_says_why() -> None:
    state = state_of(good(V1), (V2, partly_rejected(V2, 1, of=200)))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v2"])
    (stopped,) = state.inactive
    assert not stopped.is_refused
    assert stopped.reason.startswith("1 of 200 rows rejected")
    assert stopped.fix == "decide"


def test_a_held_delivery_without_an_older_one_leaves_nothing_live() -> None:
    assert ids(state_of((V1, partly_rejected(V1, 1, of=2)))) == expected(stopped=["ledger.csv@v1"])


def test_the_newest_good_delivery_is_found_behind_several_bad_ones() -> None:
    state = state_of(good(V1), (V2, refused(V2)), (V3, partly_rejected(V3, 1, of=2)))
    assert ids(state) == expected(live=["ledger.csv@v1"], stopped=["ledger.csv@v3"])


def test_a_bad_delivery_that_was_replaced_is_forgotten() -> None:
    assert ids(state_of((V1, refused(V1)), good(V2))) == expected(live=["ledger.csv@v2"])


def test_content_sent_back_is_live_again_and_replaces_what_came_between() -> None:
    state = state_of(good(V1), good(V2), good(replace(V1, modified_at="2025-09-01", etag="again")))
    assert ids(state) == expected(live=["ledger.csv@v1"], superseded=["ledger.csv@v2"])


def test_content_sent_back_takes_its_old_position() -> None:
    between = delivered("other.csv", modified_at="2025-01-15")
    back = replace(V1, modified_at="2025-09-01", etag="again")
    state = state_of(good(V1), good(between), good(V2), good(back))
    assert ids(state)["live"] == ["ledger.csv@v1", "other.csv@v1"]


def test_a_touched_object_keeps_its_position() -> None:
    other = delivered("other.csv", modified_at="2025-01-15")
    touched = replace(V1, modified_at="2025-09-01", etag="touched")
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


# Verdicts that change


def test_a_wider_tolerance_makes_a_held_delivery_live() -> None:
    bad = partly_rejected(V1, 1, of=10)
    wider = replace(V1, tolerated_share="0.5")
    assert ids(state_of((V1, bad), (wider, bad))) == expected(live=["ledger.csv@v1"])


def test_a_narrower_tolerance_asks_and_takes_nothing_out_that_counts() -> None:
    bad = partly_rejected(V2, 1, of=10)
    wide = replace(V2, tolerated_share="0.5")
    state = state_of(good(V1), (wide, bad), (V2, bad))
    assert ids(state) == expected(live=["ledger.csv@v2"], stopped=["ledger.csv@v2"], superseded=["ledger.csv@v1"])
    assert state.live[0].event == wide


def test_a_delivery_that_nobody_has_judged_yet_does_not_count() -> None:
    state = derive_state([V1], {V1.delivery_id: commit_of(V1, JANUARY)})
    assert ids(state) == expected()
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v1"]


def test_new_content_that_nobody_has_judged_yet_leaves_the_old_one_live() -> None:
    commits = {event.delivery_id: commit_of(event, JANUARY) for event in (V1, V2)}
    state = derive_state([V1, judged(V1), V2], commits)
    assert ids(state) == expected(live=["ledger.csv@v1"])
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v2"]


def test_a_delivery_that_is_delivered_again_keeps_its_verdict_until_it_is_judged_anew() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    touched = replace(V1, etag="touched")
    state = derive_state([V1, judged(V1), touched], commits)
    assert ids(state) == expected(live=["ledger.csv@v1"])
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v1"]
    held = derive_state([V1, judged(V1, "too little"), touched], commits)
    assert ids(held) == expected(stopped=["ledger.csv@v1"])
    assert held.awaiting_verdict
    assert derive_state([V1, judged(V1), touched, judged(touched)], commits).awaiting_verdict == []


def test_only_the_newest_version_of_an_object_waits_to_be_judged() -> None:
    commits = {event.delivery_id: commit_of(event, JANUARY) for event in (V1, V2)}
    assert [delivery.delivery_id for delivery in derive_state([V1, V2], commits).awaiting_verdict] == ["ledger.csv@v2"]


def test_another_load_mode_waits_for_its_verdict_and_the_former_one_stays_where_it_is_held() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    other = replace(V1, load_mode="replace_period")
    waiting: list[Event] = [V1, judged(V1), other]
    for log in (waiting, [*waiting, judged(other, "removes January")]):
        (live,) = derive_state(log, commits).live
        assert live.event == V1
    (live,) = derive_state([V1, judged(V1), other, judged(other)], commits).live
    assert live.event == other


def test_the_last_verdict_counts() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    assert ids(derive_state([V1, judged(V1, "no"), judged(V1)], commits)) == expected(live=["ledger.csv@v1"])


def test_a_held_delivery_tells_all_its_reasons() -> None:
    state = derive_state([V1, judged(V1, "one", "another")], {V1.delivery_id: commit_of(V1, JANUARY)})
    assert [stopped.reason for stopped in state.inactive] == ["one; another"]


# Order


def test_the_order_that_a_name_says_comes_before_the_time() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01", order="1"), delivered("b.csv", order="2")
    assert ids(state_of(good(early), good(late)))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_the_order_that_a_column_says_comes_before_the_time() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01"), delivered("b.csv", modified_at="2025-01-01")
    pairs = (late, commit_of(late, JANUARY, order="1")), (early, commit_of(early, JANUARY, order="2"))
    assert ids(state_of(*pairs))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_deliveries_waiting_to_be_judged_are_in_the_defined_order() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01"), delivered("b.csv", modified_at="2025-01-01")
    state = derive_state([late, early], {event.delivery_id: commit_of(event, JANUARY) for event in (late, early)})
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["b.csv@v1", "a.csv@v1"]


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
    found_events = [delivered(key, content, modified_at=f"{n:03d}") for n, (key, content, _) in enumerate(happened)]
    commits: dict[str, DeliveryCommit] = {}
    for event in found_events:
        fate = fates[event.object_key, event.fingerprint]
        made = {"good": commit_of(event, JANUARY), "held": partly_rejected(event, 1, of=2), "refused": refused(event)}
        if fate != "unread":
            commits[event.delivery_id] = made[fate]
    log = log_of(*((event, commits.get(event.delivery_id)) for event in found_events))
    found = ids(derive_state(log, commits))
    named = [one for several in found.values() for one in several]
    assert len(named) == len(set(named))
    keys = [one.partition("@")[0] for one in found["live"]]
    assert len(keys) == len(set(keys))
    for key in {event.object_key for event in found_events}:
        last = [event for event in found_events if event.object_key == key][-1]
        fate = fates[key, last.fingerprint]
        place = {"good": "live", "held": "stopped", "refused": "stopped", "unread": "pending"}[fate]
        assert last.delivery_id in found[place]
