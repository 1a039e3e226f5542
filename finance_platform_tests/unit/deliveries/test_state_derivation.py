"""A derivation that goes on with further events and other commits returns what a new one derives of everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finance_platform.deliveries import raw_objects, state_derivation
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.current_state import may_wait
from finance_platform.deliveries.events import DeliveryDiscovered, Event, PeriodStatusChanged
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import StateDerivation, derive_state
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import commit_of, decision_on, delivered, in_period, refused, verdict_on

PERIODS = ("2025-01", "2025-02", "2025-03")
EVENTS = ("discover", "accept", "withdraw", "reinstate", "drop late lines", "close", "reopen")
VERDICTS = ("count", "hold", "wait", "split", "book", "rejudge")
_NUMBERS, _ONLY_VERSIONS = 8, 6
COMMITS = ("read", "read", "refuse", "lose", "lose booked lines", "read with another header")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*EVENTS, *VERDICTS, *VERDICTS, *COMMITS, "correct an event", "forget the last event"]),
        st.integers(0, _NUMBERS - 1),
        st.sampled_from(PERIODS),
    ),
    max_size=14,
)


@dataclass
class _Log:
    """Events and commits while people, runs and faults change them."""

    events: list[Event] = field(default_factory=list)
    commits: dict[str, DeliveryCommit] = field(default_factory=dict)

    def take(self, step: str, number: int, period: str) -> None:
        """Take a step; `number` says which file and content it is about."""
        event = _delivery(number)
        late, booking = ((period,),), (period, f"{event.delivery_id}/{period}")
        closing: dict[str, Any] = {"restates": (period,), "kinds": ("restates",)}
        made: Mapping[str, Callable[[], Event]] = {
            "discover": lambda: replace(event, run_id=f"run-{len(self.events)}", modified_at=f"2025-0{number + 1}-01"),
            "count": lambda: verdict_on(event),
            "hold": lambda: verdict_on(event, "too many", **closing),
            "wait": lambda: verdict_on(event, "no type", kinds=("untyped",)),
            "split": lambda: verdict_on(event, "late", late=late, **closing),
            "book": lambda: verdict_on(event, booked_in="2025-04", bookings=(booking,)),
            "rejudge": lambda: verdict_on(event, rejudges=(period,)),
            "accept": lambda: decision_on("accepted", event),
            "withdraw": lambda: decision_on("withdrawn", event, keeps_earlier=period == PERIODS[0]),
            "reinstate": lambda: decision_on("reinstated", event),
            "drop late lines": lambda: decision_on("withdrawn", event, late_periods=(period,)),
            "close": lambda: _closing("closed", period),
            "reopen": lambda: _closing("reopened", period),
        }
        if step in made:
            self.events.append(made[step]())
            if step == "book":
                lines = commit_of(event, in_period("2025-04"), delivery_id=booking[1], booked_from=period)
                self.commits[booking[1]] = lines
        elif step.startswith("read"):
            header = ("Date", "Amount", *(["More"] if "another" in step else []))
            self.commits[event.delivery_id] = commit_of(
                event, *map(in_period, PERIODS), header=header, header_kinds=("",) * len(header)
            )
        elif step == "refuse":
            self.commits[event.delivery_id] = refused(event)
        elif step.startswith("lose"):
            booked = sorted(name for name, commit in self.commits.items() if commit.booked_from) or [""]
            name = booked[number % len(booked)] if "booked" in step else event.delivery_id
            self.commits.pop(name, None)
        elif self.events and step == "forget the last event":
            self.events.pop()
        elif self.events:
            place = number % len(self.events)
            self.events[place] = replace(self.events[place], at=f"2025-07-{len(self.events):02d}")

    def inputs(self) -> tuple[Sequence[Event], Mapping[str, DeliveryCommit]]:
        """Return what a derivation gets, which nothing changes afterwards."""
        return tuple(self.events), dict(self.commits)


def _delivery(number: int) -> DeliveryDiscovered:
    # Two versions of each of three objects, one of each of two others.
    file = number // 2 if number < _ONLY_VERSIONS else number
    is_chart, content = file in {2, 7}, f"v{number % 2}"
    own = {"feed": "chart", "kind": "accounts"} if is_chart else {}
    return delivered(f"{file}.csv", content, order="" if number % 2 else "2025", **own)


def _closing(action: Any, period: str) -> PeriodStatusChanged:
    return PeriodStatusChanged(action, period, "ada", "done", "2025-06-01")


_OF_ONE_VERSION = (
    ("accept", "discover"),
    ("book",),
    ("drop late lines", "split"),
    ("hold", "discover"),
    ("refuse",),
    ("split",),
    ("wait", "discover"),
    ("withdraw",),
)


def _with_examples(test: Callable[..., None]) -> Callable[..., None]:
    """Try what may become of an object of one version, which is derived in one step as long as it only counts."""
    for steps in _OF_ONE_VERSION:
        test = example([(step, _ONLY_VERSIONS, PERIODS[0]) for step in reversed(steps)], 1)(test)
    return test


@_with_examples
@given(STEPS, st.integers(1, 3))
@settings(max_examples=5 * current_profile().examples)
def test_a_derivation_that_goes_on_returns_what_a_new_one_derives(
    steps: list[tuple[str, int, str]], at_once: int
) -> None:
    log, derivation = _Log(), StateDerivation()
    for number in range(_NUMBERS):  # every file has been read and counts, so that steps have something to change
        for usual in ("discover", "read", "count"):
            log.take(usual, number, PERIODS[0])
    earlier: list[tuple[DeliveryState, DeliveryState]] = []
    for place, step in enumerate(steps):
        log.take(*step)
        if place % at_once == 0:
            derived = derivation.derive(*log.inputs())
            with pytest.MonkeyPatch.context() as patch:
                # Of objects that are derived in one step too.
                patch.setattr(raw_objects.RawObject, "only_version", None)
                patch.setattr(raw_objects.PlainObject, "takes", lambda *_: False)
                expected = derive_state(*log.inputs())
            assert derived == expected
            earlier.append((derived, expected))
    assert all(derived == expected for derived, expected in earlier)  # going on changes no state that was returned


@given(STEPS)
@settings(max_examples=5 * current_profile().examples)
def test_no_delivery_waits_where_no_verdict_ever_held_lines(steps: list[tuple[str, int, str]]) -> None:
    log = _Log()
    for step in [("discover", 0, PERIODS[0]), ("read", 0, PERIODS[0]), *steps]:
        log.take(*step)
        assert may_wait(log.events) or not derive_state(*log.inputs()).waiting


@pytest.mark.parametrize(
    "values",
    [
        {"delivery_id": "another"},
        {"reasons": ("too many",)},
        {"late": (("2025-01",),)},
        {"booked": ("2025-01",)},
        {"bookings": (("2025-01", "booking"),)},
        {"rejudges": ("2025-01",)},
        {"restates": ("2025-01",), "warnings": ("late",)},
    ],
)
def test_a_verdict_that_says_more_than_that_an_object_counts_is_entered_in_every_step(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = delivered()
    commits = {event.delivery_id: commit_of(event, in_period("2025-01"), in_period("2025-02"))}
    other = replace(verdict_on(event), **values)
    logs: list[tuple[Event, ...]] = [(event, other), (event, verdict_on(event), other), (event, other, other)]
    derived = [derive_state(log, commits) for log in logs]
    monkeypatch.setattr(raw_objects.RawObject, "only_version", None)
    monkeypatch.setattr(raw_objects.PlainObject, "takes", lambda *_: False)
    assert derived == [derive_state(log, commits) for log in logs]


_FIRST, _SECOND, _AGAIN = (
    delivered(content="v1", run_id="run-1", modified_at="2025-03-01"),
    delivered(content="v2", run_id="run-2", modified_at="2025-01-01"),
    delivered(content="v1", run_id="run-3", modified_at="2025-05-01", delivery_id="under other rules"),
)
_FIRST_COPIED, _SECOND_COPIED = (
    replace(one, etag="of the copy", run_id="run-4", modified_at="2025-06-01") for one in (_FIRST, _SECOND)
)


@pytest.mark.parametrize(
    ("events", "without"),
    [
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND), ()),
        ((_FIRST, _SECOND, verdict_on(_SECOND)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_FIRST)), ()),
        ((_FIRST, verdict_on(_FIRST), _AGAIN, verdict_on(_AGAIN)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND), _AGAIN, verdict_on(_AGAIN)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND), _FIRST, verdict_on(_FIRST)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND), decision_on("withdrawn", _SECOND)), ()),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND)), (_FIRST,)),
        ((_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND)), (_SECOND,)),
        ((_FIRST, verdict_on(_FIRST), _FIRST_COPIED), ()),
        ((_FIRST, verdict_on(_FIRST), _FIRST_COPIED, verdict_on(_FIRST_COPIED)), ()),
        ((_FIRST, verdict_on(_FIRST), _FIRST_COPIED, verdict_on(_FIRST_COPIED)), (_FIRST,)),
        ((_FIRST, verdict_on(_FIRST), _FIRST_COPIED, verdict_on(_FIRST_COPIED, "too many")), ()),
        ((_FIRST, _FIRST_COPIED, verdict_on(_FIRST_COPIED)), ()),
        (
            (_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND), _SECOND_COPIED, verdict_on(_SECOND_COPIED)),
            (),
        ),
        (
            (_FIRST, verdict_on(_FIRST), _FIRST_COPIED, verdict_on(_FIRST_COPIED), _SECOND, verdict_on(_SECOND)),
            (),
        ),
        (
            (_FIRST, verdict_on(_FIRST), _SECOND, verdict_on(_SECOND), _FIRST_COPIED, verdict_on(_FIRST_COPIED)),
            (),
        ),
    ],
)
def test_an_object_of_several_versions_is_in_one_step_what_it_is_in_every_step(
    events: tuple[Event, ...], without: tuple[DeliveryDiscovered, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = [event for event in (_FIRST, _SECOND, _AGAIN) if event not in without]
    commits = {event.delivery_id: commit_of(event, in_period("2025-01")) for event in read}
    other = delivered("other.csv", run_id="run-1", modified_at="2025-04-01")
    log = (other, verdict_on(other), *events)
    commits[other.delivery_id] = commit_of(other, in_period("2025-01"))
    refusing = {**commits, _FIRST.delivery_id: refused(_FIRST)}
    derived = [derive_state(log, commits), derive_state(log, refusing)]
    monkeypatch.setattr(raw_objects.RawObject, "only_version", None)
    monkeypatch.setattr(raw_objects.PlainObject, "takes", lambda *_: False)
    assert derived == [derive_state(log, commits), derive_state(log, refusing)]


def test_the_files_of_a_copied_home_are_derived_in_one_step_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy gives every file another etag, so each is discovered and judged again, and is the same delivery."""
    log = [(one, verdict_on(one)) for one in (_FIRST, _FIRST_COPIED, _SECOND, _SECOND_COPIED)]
    commits = {one.delivery_id: commit_of(one, in_period("2025-01")) for one in (_FIRST, _SECOND)}
    monkeypatch.setattr(raw_objects.PlainObject, "in_full", lambda _: pytest.fail("it is derived in every step"))
    state = derive_state([event for pair in log for event in pair], commits)
    assert [(one.event, one.position[1]) for one in state.live] == [(_SECOND_COPIED, (3, _SECOND.modified_at))]
    assert [one.delivery_id for one in state.superseded] == [_FIRST.delivery_id]


def test_lost_lines_that_are_booked_elsewhere_are_missing() -> None:
    event = delivered()
    events = (event, verdict_on(event, booked_in="2025-04", bookings=(("2025-01", "booking"),)))
    lines = commit_of(event, in_period("2025-04"), delivery_id="booking", booked_from="2025-01")
    read = {event.delivery_id: commit_of(event, in_period("2025-01"))}
    derivation = StateDerivation()
    assert len(derivation.derive(events, {**read, "booking": lines}).live) == 2
    assert [one.delivery_id for one in derivation.derive(events, read).missing] == ["booking"]


def test_a_delivery_of_two_files_is_followed_in_both() -> None:
    first, second = delivered("a.csv"), delivered("b.csv", delivery_id="a.csv@v1")
    events, commit = (first, verdict_on(first), second, verdict_on(second)), commit_of(first, in_period("2025-01"))
    derivation = StateDerivation()
    derivation.derive(events, {commit.delivery_id: commit})
    assert derivation.derive(events, {}) == derive_state(events, {})


def _count_parts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    derived: list[object] = []
    real = state_derivation._derive_part

    def counting(raw_object: Any, *others: Any) -> Any:
        derived.append(raw_object)
        return real(raw_object, *others)

    monkeypatch.setattr(state_derivation, "_derive_part", counting)
    return derived


def test_one_more_delivery_derives_one_object_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = [delivered(f"{number}.csv") for number in range(300)]
    events: tuple[Event, ...] = tuple(one for event in deliveries for one in (event, verdict_on(event)))
    commits = {event.delivery_id: commit_of(event, in_period("2025-01")) for event in deliveries}
    derivation = StateDerivation()
    derivation.derive(events, commits)
    derived, more = _count_parts(monkeypatch), delivered("more.csv")
    derivation.derive((*events, more), commits)
    commits = {**commits, more.delivery_id: commit_of(more, in_period("2025-01"))}
    derivation.derive((*events, more), commits)
    derivation.derive((*events, more, verdict_on(more)), commits)
    assert len(derived) == 3


def test_a_closed_period_derives_every_object_again(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = [delivered(f"{number}.csv") for number in range(3)]
    derivation = StateDerivation()
    derivation.derive(tuple(deliveries), {})
    derived = _count_parts(monkeypatch)
    derivation.derive((*deliveries, _closing("closed", "2025-01")), {})
    assert len(derived) == 3
