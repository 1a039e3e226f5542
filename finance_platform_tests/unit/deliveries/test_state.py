"""The state: which deliveries are live after changes of the raw zone.

Does not belong here: decisions of people (see `test_state_decisions`), when a delivery is held (see `test_acceptance`).
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform_tests.unit.factories import (
    commit_of,
    delivered,
    in_period,
    log_of,
    partly_rejected,
    refused,
    state_of,
    verdict_on,
)

JANUARY = in_period("2025-01")


def ids(state: DeliveryState) -> dict[str, list[str]]:
    """Return delivery ids by status."""
    return {
        "live": [delivery.delivery_id for delivery in state.live],
        "inactive": [delivery.event.delivery_id for delivery in state.inactive],
        "pending": [event.delivery_id for event in state.pending],
        "superseded": [commit.delivery_id for commit in state.superseded],
    }


def expected(**statuses: list[str]) -> dict[str, list[str]]:
    return {"live": [], "inactive": [], "pending": [], "superseded": []} | statuses


def valid(event: DeliveryDiscovered) -> tuple[DeliveryDiscovered, DeliveryCommit]:
    return event, commit_of(event, JANUARY)


V1, V2, V3 = (
    delivered(content=content, modified_at=f"2025-0{n}-01") for n, content in enumerate(("v1", "v2", "v3"), 1)
)


def test_without_events_the_state_is_empty() -> None:
    assert ids(state_of()) == expected()


def test_a_delivery_without_a_commit_is_pending() -> None:
    assert ids(state_of((V1, None))) == expected(pending=["ledger.csv@v1"])


def test_a_delivery_with_a_positive_verdict_is_live() -> None:
    assert ids(state_of(valid(V1))) == expected(live=["ledger.csv@v1"])


def test_new_content_under_the_same_key_replaces_the_old() -> None:
    assert ids(state_of(valid(V1), valid(V2))) == expected(live=["ledger.csv@v2"], superseded=["ledger.csv@v1"])


def test_the_old_content_stays_live_until_the_new_one_is_read() -> None:
    assert ids(state_of(valid(V1), (V2, None))) == expected(live=["ledger.csv@v1"], pending=["ledger.csv@v2"])


def test_only_the_newest_content_is_pending() -> None:
    assert ids(state_of((V1, None), (V2, None))) == expected(pending=["ledger.csv@v2"])


def test_a_refused_delivery_leaves_the_older_one_live() -> None:
    state = state_of(valid(V1), (V2, refused(V2)))
    assert ids(state) == expected(live=["ledger.csv@v1"], inactive=["ledger.csv@v2"])
    (inactive,) = state.inactive
    assert (inactive.is_refused, inactive.reason) == (True, "the file is empty")
    assert inactive.fix == "send it again; `finance-platform withdraw ledger.csv --why TEXT` drops it"


def test_a_held_delivery_leaves_the_older_one_live() -> None:
    state = state_of(valid(V1), (V2, partly_rejected(V2, 1, of=200)))
    assert ids(state) == expected(live=["ledger.csv@v1"], inactive=["ledger.csv@v2"])
    (inactive,) = state.inactive
    assert not inactive.is_refused
    assert inactive.reason.startswith("1 of 200 rows rejected")
    assert inactive.fix == "decide"


def test_a_held_delivery_without_an_older_one_leaves_nothing_live() -> None:
    assert ids(state_of((V1, partly_rejected(V1, 1, of=2)))) == expected(inactive=["ledger.csv@v1"])


def test_the_newest_valid_version_is_live_behind_refused_and_held_ones() -> None:
    state = state_of(valid(V1), (V2, refused(V2)), (V3, partly_rejected(V3, 1, of=2)))
    assert ids(state) == expected(live=["ledger.csv@v1"], inactive=["ledger.csv@v3"])


def test_a_refused_version_that_was_replaced_is_not_in_the_state() -> None:
    assert ids(state_of((V1, refused(V1)), valid(V2))) == expected(live=["ledger.csv@v2"])


def test_resent_content_is_live_again_and_replaces_the_version_in_between() -> None:
    state = state_of(valid(V1), valid(V2), valid(replace(V1, modified_at="2025-09-01", etag="again")))
    assert ids(state) == expected(live=["ledger.csv@v1"], superseded=["ledger.csv@v2"])


def test_resent_content_keeps_its_position() -> None:
    between = delivered("other.csv", modified_at="2025-01-15")
    back = replace(V1, modified_at="2025-09-01", etag="again")
    state = state_of(valid(V1), valid(between), valid(V2), valid(back))
    assert ids(state)["live"] == ["ledger.csv@v1", "other.csv@v1"]


def test_a_touched_object_keeps_its_position() -> None:
    other = delivered("other.csv", modified_at="2025-01-15")
    touched = replace(V1, modified_at="2025-09-01", etag="touched")
    assert ids(state_of(valid(V1), valid(other), valid(touched)))["live"] == ["ledger.csv@v1", "other.csv@v1"]


def test_a_delivery_that_is_read_again_under_new_rules_keeps_its_position() -> None:
    other = delivered("other.csv", modified_at="2025-01-15")
    reread = replace(V1, delivery_id="reread", modified_at="2025-09-01")
    state = state_of(valid(V1), valid(other), valid(reread))
    assert ids(state) == expected(live=["reread", "other.csv@v1"], superseded=["ledger.csv@v1"])


def test_deliveries_that_one_run_has_found_are_ordered_by_their_own_times_and_not_as_listed() -> None:
    late = delivered("a.csv", modified_at="2025-03-01")
    early = delivered("b.csv", modified_at="2025-01-01")
    assert ids(state_of(valid(late), valid(early)))["live"] == ["b.csv@v1", "a.csv@v1"]


def test_deliveries_with_equal_times_are_ordered_by_key() -> None:
    assert ids(state_of(valid(delivered("b.csv")), valid(delivered("a.csv"))))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_the_same_content_under_two_keys_has_two_positions() -> None:
    first, second = delivered("a.csv", modified_at="2025-05-01"), delivered("b.csv", modified_at="2025-01-01")
    assert ids(state_of(valid(first), valid(second)))["live"] == ["b.csv@v1", "a.csv@v1"]


def test_only_ledger_feeds_are_in_the_ledger() -> None:
    reference = delivered("departments.csv", kind="departments", feed="departments")
    state = state_of(valid(V1), valid(reference))
    assert [delivery.delivery_id for delivery in state.ledger] == ["ledger.csv@v1"]


# Changed verdicts


def test_a_wider_tolerance_makes_a_held_delivery_live() -> None:
    bad = partly_rejected(V1, 1, of=10)
    wider = replace(V1, tolerated_share="0.5")
    assert ids(state_of((V1, bad), (wider, bad))) == expected(live=["ledger.csv@v1"])


def test_a_narrower_tolerance_holds_the_delivery_and_leaves_it_live() -> None:
    bad = partly_rejected(V2, 1, of=10)
    wide = replace(V2, tolerated_share="0.5")
    state = state_of(valid(V1), (wide, bad), (V2, bad))
    assert ids(state) == expected(live=["ledger.csv@v2"], inactive=["ledger.csv@v2"], superseded=["ledger.csv@v1"])
    assert state.live[0].event == wide


def test_a_delivery_without_a_verdict_is_not_live() -> None:
    state = derive_state([V1], {V1.delivery_id: commit_of(V1, JANUARY)})
    assert ids(state) == expected()
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v1"]


def test_new_content_without_a_verdict_leaves_the_old_one_live() -> None:
    commits = {event.delivery_id: commit_of(event, JANUARY) for event in (V1, V2)}
    state = derive_state([V1, verdict_on(V1), V2], commits)
    assert ids(state) == expected(live=["ledger.csv@v1"])
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v2"]


def test_a_delivery_that_is_discovered_again_keeps_its_verdict_until_the_next_one() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    touched = replace(V1, etag="touched")
    state = derive_state([V1, verdict_on(V1), touched], commits)
    assert ids(state) == expected(live=["ledger.csv@v1"])
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["ledger.csv@v1"]
    held = derive_state([V1, verdict_on(V1, "too little"), touched], commits)
    assert ids(held) == expected(inactive=["ledger.csv@v1"])
    assert held.awaiting_verdict
    assert derive_state([V1, verdict_on(V1), touched, verdict_on(touched)], commits).awaiting_verdict == []


def test_only_the_newest_version_of_an_object_awaits_a_verdict() -> None:
    commits = {event.delivery_id: commit_of(event, JANUARY) for event in (V1, V2)}
    assert [delivery.delivery_id for delivery in derive_state([V1, V2], commits).awaiting_verdict] == ["ledger.csv@v2"]


def test_a_changed_load_mode_takes_effect_with_a_positive_verdict() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    other = replace(V1, load_mode="replace_period")
    waiting: list[Event] = [V1, verdict_on(V1), other]
    for log in (waiting, [*waiting, verdict_on(other, "removes January")]):
        (live,) = derive_state(log, commits).live
        assert live.event == V1
    (live,) = derive_state([V1, verdict_on(V1), other, verdict_on(other)], commits).live
    assert live.event == other


def test_the_last_verdict_counts() -> None:
    commits = {V1.delivery_id: commit_of(V1, JANUARY)}
    assert ids(derive_state([V1, verdict_on(V1, "no"), verdict_on(V1)], commits)) == expected(live=["ledger.csv@v1"])


def test_a_held_delivery_has_all_its_reasons() -> None:
    state = derive_state([V1, verdict_on(V1, "one", "another")], {V1.delivery_id: commit_of(V1, JANUARY)})
    assert [inactive.reason for inactive in state.inactive] == ["one; another"]


# Order


def test_the_order_in_the_name_precedes_the_time() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01", order="1"), delivered("b.csv", order="2")
    assert ids(state_of(valid(early), valid(late)))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_the_order_of_a_column_precedes_the_time() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01"), delivered("b.csv", modified_at="2025-01-01")
    pairs = (late, commit_of(late, JANUARY, order="1")), (early, commit_of(early, JANUARY, order="2"))
    assert ids(state_of(*pairs))["live"] == ["a.csv@v1", "b.csv@v1"]


def test_deliveries_that_await_a_verdict_are_in_the_defined_order() -> None:
    late, early = delivered("a.csv", modified_at="2025-03-01"), delivered("b.csv", modified_at="2025-01-01")
    state = derive_state([late, early], {event.delivery_id: commit_of(event, JANUARY) for event in (late, early)})
    assert [delivery.delivery_id for delivery in state.awaiting_verdict] == ["b.csv@v1", "a.csv@v1"]


# Invariants

events = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["v1", "v2", "v3"]),
        st.sampled_from(["valid", "held", "refused", "unread"]),
    ),
    max_size=8,
)


@given(events)
def test_a_raw_object_has_at_most_one_live_delivery(
    happened: list[tuple[str, str, str]],
) -> None:
    fates = {(key, content): fate for key, content, fate in happened}
    discovered = [delivered(key, content, modified_at=f"{n:03d}") for n, (key, content, _) in enumerate(happened)]
    commits: dict[str, DeliveryCommit] = {}
    for event in discovered:
        fate = fates[event.object_key, event.fingerprint]
        by_fate = {
            "valid": commit_of(event, JANUARY),
            "held": partly_rejected(event, 1, of=2),
            "refused": refused(event),
        }
        if fate != "unread":
            commits[event.delivery_id] = by_fate[fate]
    log = log_of(*((event, commits.get(event.delivery_id)) for event in discovered))
    by_status = ids(derive_state(log, commits))
    all_ids = [delivery_id for status in by_status.values() for delivery_id in status]
    assert len(all_ids) == len(set(all_ids))
    keys = [delivery_id.partition("@")[0] for delivery_id in by_status["live"]]
    assert len(keys) == len(set(keys))
    for key in {event.object_key for event in discovered}:
        last = [event for event in discovered if event.object_key == key][-1]
        fate = fates[key, last.fingerprint]
        status = {"valid": "live", "held": "inactive", "refused": "inactive", "unread": "pending"}[fate]
        assert last.delivery_id in by_status[status]
