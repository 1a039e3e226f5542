"""The order of deliveries: what was first seen later wins, whatever the times of the files and of the machines."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, verdict_on

JANUARY = in_period("2025-01")


def state_of(*events: DeliveryDiscovered) -> DeliveryState:
    """Return the state after the events, each of which counts at once."""
    log: list[Event] = []
    for event in events:
        log += [event, verdict_on(event)]
    return derive_state(log, {event.delivery_id: commit_of(event, JANUARY) for event in events})


def live(*events: DeliveryDiscovered) -> list[str]:
    return [delivery.delivery_id for delivery in state_of(*events).live]


def test_a_correction_with_an_older_time_is_the_later_delivery():
    first = delivered("z.csv", modified_at="2025-03-03", run_id="run-1")
    correction = delivered("a.csv", modified_at="2025-03-01", run_id="run-2")
    assert live(first, correction) == ["z.csv@v1", "a.csv@v1"]


def test_the_clock_of_the_machine_that_sees_a_file_does_not_matter():
    first = delivered("z.csv", at="2025-03-03", run_id="run-1")
    later = delivered("a.csv", at="2025-03-01", run_id="run-2")
    assert live(first, later) == ["z.csv@v1", "a.csv@v1"]


def test_files_that_one_run_has_found_are_in_the_order_of_their_times_and_names():
    names = {"c.csv": "2025-03-01", "d.csv": "2025-01-01", "b.csv": "2025-03-01"}
    events = [delivered(key, modified_at=time, at="2025-04-01") for key, time in names.items()]
    assert live(*events) == ["d.csv@v1", "b.csv@v1", "c.csv@v1"]


def test_content_that_is_sent_again_keeps_the_place_at_which_it_was_first_seen():
    first = delivered("a.csv", "v1", run_id="run-1")
    other = delivered("b.csv", run_id="run-2")
    changed = delivered("a.csv", "v2", run_id="run-3")
    again = delivered("a.csv", "v1", modified_at="2025-09-01", run_id="run-4")
    assert live(first, other, changed) == ["b.csv@v1", "a.csv@v2"]
    assert live(first, other, changed, again) == ["a.csv@v1", "b.csv@v1"]


def test_new_content_under_an_old_name_is_the_later_delivery():
    first = delivered("a.csv", "v1", modified_at="2025-03-01", run_id="run-1")
    other = delivered("b.csv", modified_at="2025-03-02", run_id="run-1")
    changed = delivered("a.csv", "v2", modified_at="2025-01-01", run_id="run-2")
    assert live(first, other, changed) == ["b.csv@v1", "a.csv@v2"]


def test_a_declared_order_precedes_the_time_of_the_first_sight():
    second = delivered("b.csv", order="2", run_id="run-1")
    first = delivered("a.csv", order="1", run_id="run-2")
    assert live(second, first) == ["a.csv@v1", "b.csv@v1"]


times = st.sampled_from(["2025-01-01", "2025-02-01", "2025-03-01"])


@given(st.lists(st.lists(times, min_size=1, max_size=3), max_size=4))
def test_no_later_run_finds_a_file_that_sorts_before_those_of_an_earlier_one(runs: Sequence[Sequence[str]]):
    events = [
        delivered(f"{nth}-{number}.csv", modified_at=time, run_id=f"run-{number}")
        for number, files in enumerate(runs)
        for nth, time in enumerate(files)
    ]
    found_by = {event.delivery_id: event.run_id for event in events}
    order = [found_by[delivery_id] for delivery_id in live(*events)]
    assert order == sorted(order)
