"""The state after decisions of people: accepted, withdrawn, reinstated; closed and reopened.

Does not belong here: whether a decision is allowed (see `test_decisions`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered, Event, PeriodStatusChanged
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform_tests.unit.factories import commit_of, decision_on, delivered, in_period, refused, verdict_on

V1, V2, V3 = (
    delivered(content=content, modified_at=f"2025-0{n}-01") for n, content in enumerate(("v1", "v2", "v3"), 1)
)
GOOD_1: list[Event] = [V1, verdict_on(V1)]
HELD_2: list[Event] = [V2, verdict_on(V2, "removes January")]


def state(
    *log: Event, broken: DeliveryDiscovered | None = None, unread: DeliveryDiscovered | None = None
) -> DeliveryState:
    commits: dict[str, DeliveryCommit] = {}
    for event in log:
        if isinstance(event, DeliveryDiscovered) and event is not unread:
            commits[event.delivery_id] = refused(event) if event is broken else commit_of(event, in_period("2025-01"))
    return derive_state(log, commits)


def ids(state: DeliveryState) -> dict[str, list[str]]:
    """Return contents by status, without empty ones."""
    by_status = {
        "live": [delivery.event.fingerprint for delivery in state.live],
        "inactive": [delivery.event.fingerprint for delivery in state.inactive],
        "withdrawn": [delivery.event.fingerprint for delivery in state.withdrawn],
        "superseded": [commit.fingerprint for commit in state.superseded],
        "pending": [event.fingerprint for event in state.pending],
    }
    return {name: contents for name, contents in by_status.items() if contents}


# Accepted


def test_a_held_version_leaves_the_old_one_live_until_it_is_accepted() -> None:
    assert ids(state(*GOOD_1, *HELD_2)) == {"live": ["v1"], "inactive": ["v2"]}
    assert ids(state(*GOOD_1, *HELD_2, decision_on("accepted", V2))) == {"live": ["v2"], "superseded": ["v1"]}


def test_an_acceptance_of_rejected_rows_also_covers_the_same_content_sent_again() -> None:
    breach = verdict_on(V2, "3 rows rejected", kinds=("tolerance",))
    log: list[Event] = [V2, breach, decision_on("accepted", V2)]
    assert ids(state(*log, V2, breach)) == {"live": ["v2"]}
    assert ids(state(*log, V3, verdict_on(V3), V2, breach)) == {"live": ["v2"], "superseded": ["v3"]}


def test_an_acceptance_of_a_removal_does_not_cover_the_same_content_sent_again() -> None:
    removal = verdict_on(V2, "removes January", kinds=("removal",))
    log: list[Event] = [V2, removal, decision_on("accepted", V2), V3, verdict_on(V3), V2, removal]
    assert ids(state(*log)) == {"live": ["v3"], "inactive": ["v2"]}
    assert ids(state(*log, decision_on("accepted", V2))) == {"live": ["v2"], "superseded": ["v3"]}


def test_an_acceptance_covers_one_content_and_not_the_object() -> None:
    log: list[Event] = [*HELD_2, decision_on("accepted", V2), V3, verdict_on(V3, "removes January")]
    assert ids(state(*log)) == {"live": ["v2"], "inactive": ["v3"]}


def test_a_final_verdict_cannot_be_accepted() -> None:
    lost = verdict_on(V2, "a row is lost", is_final=True)
    assert ids(state(*GOOD_1, V2, lost, decision_on("accepted", V2))) == {"live": ["v1"], "inactive": ["v2"]}


# Withdrawn


def test_a_withdrawal_takes_out_the_object_with_its_earlier_versions() -> None:
    log: list[Event] = [*GOOD_1, V2, verdict_on(V2), decision_on("withdrawn", V2)]
    assert ids(state(*log)) == {"withdrawn": ["v2"], "superseded": ["v1"]}


def test_a_withdrawal_of_a_held_version_leaves_the_earlier_one_live() -> None:
    log: list[Event] = [*GOOD_1, *HELD_2, decision_on("withdrawn", V2, keeps_earlier=True)]
    assert ids(state(*log)) == {"live": ["v1"], "withdrawn": ["v2"]}


def test_a_withdrawal_has_author_reason_and_the_command_that_undoes_it() -> None:
    (withdrawn,) = state(*GOOD_1, decision_on("withdrawn", V1, who="bob", why="wrong year")).withdrawn
    assert withdrawn.reason == "withdrawn by bob: wrong year"
    assert withdrawn.fix == "`finance-platform withdraw --undo ledger.csv --why TEXT` takes it in again"


def test_the_command_that_undoes_a_withdrawal_names_periods_that_are_closed_since() -> None:
    period = next(iter(state(*GOOD_1).live)).commit.periods[0].period
    log: list[Event] = [
        *GOOD_1,
        decision_on("withdrawn", V1),
        PeriodStatusChanged("closed", period, "ada", "x", "2030"),
    ]
    (withdrawn,) = state(*log).withdrawn
    assert withdrawn.fix.endswith(f"; it has lines in a closed period, {period}, which may have to be opened first")


def test_new_content_counts_after_a_withdrawal() -> None:
    log: list[Event] = [*GOOD_1, decision_on("withdrawn", V1), V2, verdict_on(V2)]
    assert ids(state(*log)) == {"live": ["v2"]}


def test_withdrawn_content_that_is_resent_leaves_the_newer_version_live() -> None:
    back = replace(V1, etag="back")
    log: list[Event] = [*GOOD_1, decision_on("withdrawn", V1), V2, verdict_on(V2), back, verdict_on(back)]
    assert ids(state(*log)) == {"live": ["v2"], "withdrawn": ["v1"]}


def test_a_lost_commit_of_what_counts_is_named_although_withdrawn_content_was_resent() -> None:
    back = replace(V1, etag="back")
    log: list[Event] = [*GOOD_1, decision_on("withdrawn", V1), V2, verdict_on(V2), back, verdict_on(back)]
    assert state(*log, unread=V2).missing == [V2]


def test_withdrawn_content_that_is_sent_again_stays_withdrawn() -> None:
    again = replace(V1, etag="again")
    assert ids(state(*GOOD_1, decision_on("withdrawn", V1), again, verdict_on(again))) == {"withdrawn": ["v1"]}


@pytest.mark.parametrize("newer", ["unread", "broken", "held"])
def test_a_withdrawal_is_listed_beside_a_newer_version_that_does_not_count(newer: str) -> None:
    log: list[Event] = [*GOOD_1, decision_on("withdrawn", V1), V2]
    if newer == "held":
        log.append(verdict_on(V2, "no"))
    actual = state(*log, unread=V2 if newer == "unread" else None, broken=V2 if newer == "broken" else None)
    assert ids(actual) == {"withdrawn": ["v1"], "pending" if newer == "unread" else "inactive": ["v2"]}


def test_a_reinstated_object_has_its_former_state() -> None:
    for log in (GOOD_1, HELD_2):
        event = log[0]
        assert isinstance(event, DeliveryDiscovered)
        after = [*log, decision_on("withdrawn", event), decision_on("reinstated", event)]
        assert ids(state(*after)) == ids(state(*log))


def test_a_reinstated_delivery_is_still_accepted() -> None:
    log: list[Event] = [
        *HELD_2,
        decision_on("accepted", V2),
        decision_on("withdrawn", V2),
        decision_on("reinstated", V2),
    ]
    assert ids(state(*log)) == {"live": ["v2"]}


GOOD_2: list[Event] = [*GOOD_1, V2, verdict_on(V2)]
AGAIN_2: list[Event] = [V2, verdict_on(V2)]
EDITED = replace(V2, load_mode="replace_period", etag="edited")


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([*GOOD_2, decision_on("withdrawn", V2)], [V2]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [V2, V2]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [EDITED]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [EDITED, verdict_on(EDITED, "counts twice")]),
        ([*GOOD_1, *HELD_2, decision_on("accepted", V2), decision_on("withdrawn", V2)], [V2]),
        ([*GOOD_1, *HELD_2, decision_on("withdrawn", V2, keeps_earlier=True)], [V2]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [V3, V2]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [V3, verdict_on(V3, "removes January"), V2]),
        ([*GOOD_2, decision_on("withdrawn", V2)], [V3, verdict_on(V3), V2]),
        ([V2, verdict_on(V2), V3, verdict_on(V3, late=(("2025-01",),)), *AGAIN_2, decision_on("withdrawn", V2)], [V2]),
    ],
    ids=[
        "again",
        "twice",
        "edited",
        "edited and held",
        "accepted",
        "held",
        "after one unread",
        "after one held",
        "after another",
        "with an earlier one of the same content",
    ],
)
def test_an_undone_withdrawal_gives_back_the_same_whether_the_content_was_found_again_before_or_after_it(
    log: list[Event], found: list[Event]
) -> None:
    undone = decision_on("reinstated", V2)
    assert counted(*log, *found, undone) == counted(*log, undone, *found)


def counted(*log: Event) -> list[tuple[str, str]]:
    return [(one.event.fingerprint, one.event.load_mode) for one in state(*log).live]


def test_an_undone_withdrawal_of_content_that_was_found_again_needs_no_earlier_version() -> None:
    """What nothing needed was removed while the file was withdrawn."""
    log: list[Event] = [*GOOD_2, decision_on("withdrawn", V2), V2, decision_on("reinstated", V2)]
    after = state(*log, unread=V1)
    assert (ids(after), after.missing) == ({"live": ["v2"]}, [])
    assert [one.event.fingerprint for one in after.awaiting_verdict] == ["v2"]


# Closed


def closing(action: str, period: str = "2025-01", why: str = "audited") -> PeriodStatusChanged:
    return PeriodStatusChanged(
        "closed" if action == "closed" else "reopened", period, "ada", why, "2025-02-01", {"facts": "v1"}
    )


def test_a_period_is_closed_until_it_is_reopened() -> None:
    assert state().closed == {}
    assert state(closing("closed")).closed == {"2025-01": closing("closed")}
    assert state(closing("closed"), closing("reopened")).closed == {}
    again = closing("closed", why="audited again")
    assert state(closing("closed"), closing("reopened"), again).closed == {"2025-01": again}


def test_each_period_is_closed_separately() -> None:
    derived = state(closing("closed"), closing("closed", "2025-02"), closing("reopened"))
    assert derived.closed.keys() == {"2025-02"}
