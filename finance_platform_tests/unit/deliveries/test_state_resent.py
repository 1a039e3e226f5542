"""The state after earlier content is sent again: it needs a new verdict, and the live version stays until then."""

from __future__ import annotations

from dataclasses import replace

from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform_tests.unit.factories import commit_of, decision_on, delivered, in_period, verdict_on

OLD, NEW = delivered("ledger.csv", "old"), delivered("ledger.csv", "new", modified_at="2025-03-01")
RESENT = replace(OLD, modified_at="2025-04-01", etag="back")
COMMITS = {event.delivery_id: commit_of(event, in_period("2025-01")) for event in (OLD, NEW)}


def live(state: DeliveryState) -> list[str]:
    return [delivery.delivery_id for delivery in state.live]


def awaiting_verdict(state: DeliveryState) -> list[str]:
    return [delivery.delivery_id for delivery in state.awaiting_verdict]


def test_resent_content_leaves_the_live_version_until_its_verdict():
    state = derive_state([OLD, verdict_on(OLD), NEW, verdict_on(NEW), RESENT], COMMITS)
    assert (live(state), awaiting_verdict(state)) == (["ledger.csv@new"], ["ledger.csv@old"])


def test_resent_content_that_is_held_leaves_the_live_version():
    state = derive_state(
        [OLD, verdict_on(OLD), NEW, verdict_on(NEW), RESENT, verdict_on(RESENT, "removes too much")], COMMITS
    )
    assert live(state) == ["ledger.csv@new"]
    assert [inactive.reason for inactive in state.inactive] == ["removes too much"]


def test_content_that_is_resent_after_a_held_version_stays_live():
    state = derive_state([OLD, verdict_on(OLD), NEW, verdict_on(NEW, "removes too much"), RESENT], COMMITS)
    assert (live(state), awaiting_verdict(state)) == (["ledger.csv@old"], ["ledger.csv@old"])


def test_content_that_is_resent_after_a_withdrawal_needs_a_verdict():
    state = derive_state([OLD, verdict_on(OLD), NEW, verdict_on(NEW), decision_on("withdrawn", NEW), RESENT], COMMITS)
    assert (live(state), awaiting_verdict(state)) == ([], ["ledger.csv@old"])
