"""`DeliveryState`: what it finds among its deliveries once.

Does not belong here: how a state follows from events (see `test_state_derivation`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace

from finance_platform_tests.unit.factories import in_period, live_in, state_of

JANUARY, PLAN = in_period("2025-01"), in_period("2025-01", "Budget")
STATE = state_of(
    live_in(JANUARY, PLAN, key="a.csv"),
    live_in(replace(JANUARY, reversals=1), key="b.csv"),
    live_in(key="accounts.csv", feed="accounts", kind="accounts"),
)


def test_a_state_has_the_last_delivery_with_lines_of_each_cell():
    files = {cell: delivery.event.object_key for cell, delivery in STATE.cells.items()}
    assert files == {("Actual", "Actual", "2025-01"): "b.csv", ("Budget", "Budget", "2025-01"): "a.csv"}
    assert [delivery.event.object_key for _, delivery in STATE.latest_cells()] == ["a.csv", "b.csv"]


def test_a_state_tells_ledgers_from_other_feeds_and_finds_the_file_that_reverses_lines():
    assert [[one.event.object_key for one in few] for few in (STATE.ledger, STATE.reference, STATE.reversing)] == [
        ["a.csv", "b.csv"],
        ["accounts.csv"],
        ["b.csv"],
    ]


def test_a_state_is_sent_to_another_process_without_what_it_has_found():
    assert STATE.by_id
    sent = copy(STATE)  # by what a message has of it
    assert vars(sent).keys() == {field.name for field in fields(STATE)}
    assert sent == STATE
