"""The state after people decided: accepted, withdrawn, taken in again; closed and reopened.

Does not belong here: whether a decision is allowed (see `test_decisions`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.register import DeliveryDiscovered, Event, PeriodStatusChanged
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform_tests.unit.factories import commit_of, decided, delivered, in_period, judged, refused

V1, V2, V3 = (
    delivered(content=content, modified_at=f"2025-0{n}-01") for n, content in enumerate(("v1", "v2", "v3"), 1)
)
GOOD_1: list[Event] = [V1, judged(V1)]
HELD_2: list[Event] = [V2, judged(V2, "removes January")]


def state(
    *log: Event, broken: DeliveryDiscovered | None = None, unread: DeliveryDiscovered | None = None
) -> DeliveryState:
    commits: dict[str, DeliveryCommit] = {}
    for event in log:
        if isinstance(event, DeliveryDiscovered) and event is not unread:
            commits[event.delivery_id] = refused(event) if event is broken else commit_of(event, in_period("2025-01"))
    return derive_state(log, commits)


def ids(found: DeliveryState) -> dict[str, list[str]]:
    """Contents by what the state says of them, what is empty left out."""
    places = {
        "live": [one.event.fingerprint for one in found.live],
        "stopped": [one.event.fingerprint for one in found.inactive],
        "withdrawn": [one.event.fingerprint for one in found.withdrawn],
        "superseded": [one.fingerprint for one in found.superseded],
        "pending": [one.fingerprint for one in found.pending],
    }
    return {name: contents for name, contents in places.items() if contents}


# Accepted


def test_a_held_version_keeps_the_old_one_until_it_is_accepted() -> None:
    assert ids(state(*GOOD_1, *HELD_2)) == {"live": ["v1"], "stopped": ["v2"]}
    assert ids(state(*GOOD_1, *HELD_2, decided("accepted", V2))) == {"live": ["v2"], "superseded": ["v1"]}


def test_an_acceptance_of_rejected_rows_survives_that_the_content_is_sent_again() -> None:
    beyond = judged(V2, "3 rows rejected", kinds=("tolerance",))
    log: list[Event] = [V2, beyond, decided("accepted", V2)]
    assert ids(state(*log, V2, beyond)) == {"live": ["v2"]}
    assert ids(state(*log, V3, judged(V3), V2, beyond)) == {"live": ["v2"], "superseded": ["v3"]}


def test_an_acceptance_does_not_cover_what_content_does_when_it_is_sent_back() -> None:
    removes = judged(V2, "removes January", kinds=("removal",))
    log: list[Event] = [V2, removes, decided("accepted", V2), V3, judged(V3), V2, removes]
    assert ids(state(*log)) == {"live": ["v3"], "stopped": ["v2"]}
    assert ids(state(*log, decided("accepted", V2))) == {"live": ["v2"], "superseded": ["v3"]}


def test_an_acceptance_is_of_one_content_and_not_of_the_object() -> None:
    log: list[Event] = [*HELD_2, decided("accepted", V2), V3, judged(V3, "removes January")]
    assert ids(state(*log)) == {"live": ["v2"], "stopped": ["v3"]}


def test_what_is_final_cannot_be_accepted() -> None:
    lost = judged(V2, "a row is lost", is_final=True)
    assert ids(state(*GOOD_1, V2, lost, decided("accepted", V2))) == {"live": ["v1"], "stopped": ["v2"]}


# Withdrawn


def test_a_withdrawal_takes_out_the_object_with_all_that_it_said_before() -> None:
    log: list[Event] = [*GOOD_1, V2, judged(V2), decided("withdrawn", V2)]
    assert ids(state(*log)) == {"withdrawn": ["v2"], "superseded": ["v1"]}


def test_a_withdrawal_of_a_held_version_keeps_the_earlier_one() -> None:
    log: list[Event] = [*GOOD_1, *HELD_2, decided("withdrawn", V2, keeps_earlier=True)]
    assert ids(state(*log)) == {"live": ["v1"], "withdrawn": ["v2"]}


def test_a_withdrawal_says_who_why_and_how_to_undo_it() -> None:
    (withdrawn,) = state(*GOOD_1, decided("withdrawn", V1, who="bob", why="wrong year")).withdrawn
    assert withdrawn.reason == "withdrawn by bob: wrong year"
    assert withdrawn.fix == "`finance-platform withdraw --undo ledger.csv --why TEXT` takes it in again"


def test_other_content_counts_after_a_withdrawal() -> None:
    log: list[Event] = [*GOOD_1, decided("withdrawn", V1), V2, judged(V2)]
    assert ids(state(*log)) == {"live": ["v2"]}


def test_withdrawn_content_that_is_sent_back_takes_nothing_out_of_what_came_since() -> None:
    back = replace(V1, etag="back")
    log: list[Event] = [*GOOD_1, decided("withdrawn", V1), V2, judged(V2), back, judged(back)]
    assert ids(state(*log)) == {"live": ["v2"], "withdrawn": ["v1"]}


def test_withdrawn_content_that_is_sent_again_stays_withdrawn() -> None:
    again = replace(V1, etag="again")
    assert ids(state(*GOOD_1, decided("withdrawn", V1), again, judged(again))) == {"withdrawn": ["v1"]}


@pytest.mark.parametrize("what", ["unread", "broken", "held"])
def test_a_withdrawal_is_listed_behind_a_newer_version_that_does_not_count(what: str) -> None:
    log: list[Event] = [*GOOD_1, decided("withdrawn", V1), V2]
    if what == "held":
        log.append(judged(V2, "no"))
    found = state(*log, unread=V2 if what == "unread" else None, broken=V2 if what == "broken" else None)
    assert ids(found) == {"withdrawn": ["v1"], "pending" if what == "unread" else "stopped": ["v2"]}


def test_an_undone_withdrawal_leaves_things_as_they_were() -> None:
    for log in (GOOD_1, HELD_2):
        event = log[0]
        assert isinstance(event, DeliveryDiscovered)
        after = [*log, decided("withdrawn", event), decided("reinstated", event)]
        assert ids(state(*after)) == ids(state(*log))


def test_an_accepted_delivery_that_was_withdrawn_and_taken_in_again_is_still_accepted() -> None:
    log: list[Event] = [*HELD_2, decided("accepted", V2), decided("withdrawn", V2), decided("reinstated", V2)]
    assert ids(state(*log)) == {"live": ["v2"]}


# Closed


def closing(action: str, period: str = "2025-01", why: str = "audited") -> PeriodStatusChanged:
    return PeriodStatusChanged(
        "closed" if action == "closed" else "reopened", period, "ada", why, "2025-02-01", {"facts": "v1"}
    )


def test_a_period_is_closed_from_its_closing_to_its_reopening() -> None:
    assert state().closed == {}
    assert state(closing("closed")).closed == {"2025-01": closing("closed")}
    assert state(closing("closed"), closing("reopened")).closed == {}
    again = closing("closed", why="audited again")
    assert state(closing("closed"), closing("reopened"), again).closed == {"2025-01": again}


def test_periods_are_closed_one_by_one() -> None:
    found = state(closing("closed"), closing("closed", "2025-02"), closing("reopened"))
    assert found.closed.keys() == {"2025-02"}
