"""Which decision allowed a step from signed to published figures.

Does not belong here: the steps themselves (see `end_to_end/test_restatement`).
"""

from __future__ import annotations

from typing import Any

import pytest

from finance_platform.deliveries.events import DecisionRecorded, Event, PeriodStatusChanged
from finance_platform.refresh.restatement import SignedClose, decided
from finance_platform.trace.roll_forward import Source

AT = "2025-06-01T00:00:00+00:00"
CLOSING = PeriodStatusChanged("closed", "2025-01", "ada", "done", AT)
REOPENING = PeriodStatusChanged("reopened", "2025-01", "ben", "an invoice", AT)


def decision(**values: Any) -> DecisionRecorded:
    return DecisionRecorded("accepted", "late.csv", "late.csv@v1", "cem", "small", AT, **values)


@pytest.mark.parametrize(
    ("later", "who"),
    [
        ([], "ben"),
        ([decision()], "cem"),
        ([decision(late_periods=("2025-01", "2025-02"))], "cem"),
        ([decision(late_periods=("2025-02",))], "ben"),
        ([decision(late_periods=("2025-02",), booked_in="2025-03", bookings=(("2025-02", "b"),))], "ben"),
        ([decision(booked_in="2025-03", bookings=(("2025-01", "b"),))], "ben"),
    ],
)
def test_a_step_is_allowed_by_the_last_decision_that_moves_lines_of_its_period(later: list[Event], who: str) -> None:
    events: list[Event] = [CLOSING, REOPENING, *later]
    found = decided(Source("late", "late.csv"), SignedClose(1, CLOSING, 1, is_latest=True), events)
    assert found is not None
    assert found.who == who
