"""Tests on content that is sent back: it is judged against what counts by then, and that goes on until it is."""

from __future__ import annotations

from dataclasses import replace

from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform_tests.unit.factories import commit_of, decided, delivered, in_period, judged

OLD, NEW = delivered("ledger.csv", "old"), delivered("ledger.csv", "new", modified_at="2025-03-01")
BACK = replace(OLD, modified_at="2025-04-01", etag="back")
COMMITS = {event.delivery_id: commit_of(event, in_period("2025-01")) for event in (OLD, NEW)}


def live(state: DeliveryState) -> list[str]:
    return [delivery.delivery_id for delivery in state.live]


def awaiting_verdict(state: DeliveryState) -> list[str]:
    return [delivery.delivery_id for delivery in state.awaiting_verdict]


def test_what_counts_goes_on_counting_until_the_content_that_came_back_is_judged():
    state = derive_state([OLD, judged(OLD), NEW, judged(NEW), BACK], COMMITS)
    assert (live(state), awaiting_verdict(state)) == (["ledger.csv@new"], ["ledger.csv@old"])


def test_content_that_came_back_and_is_held_leaves_what_came_between_in_force():
    state = derive_state([OLD, judged(OLD), NEW, judged(NEW), BACK, judged(BACK, "removes too much")], COMMITS)
    assert live(state) == ["ledger.csv@new"]
    assert [stopped.reason for stopped in state.inactive] == ["removes too much"]


def test_content_that_came_back_after_a_held_one_never_ceased_to_count():
    state = derive_state([OLD, judged(OLD), NEW, judged(NEW, "removes too much"), BACK], COMMITS)
    assert (live(state), awaiting_verdict(state)) == (["ledger.csv@old"], ["ledger.csv@old"])


def test_content_that_came_back_after_a_withdrawal_is_judged_before_it_counts():
    state = derive_state([OLD, judged(OLD), NEW, judged(NEW), decided("withdrawn", NEW), BACK], COMMITS)
    assert (live(state), awaiting_verdict(state)) == ([], ["ledger.csv@old"])
