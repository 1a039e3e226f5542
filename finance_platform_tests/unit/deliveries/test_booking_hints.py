"""The fix of a file that waits names --in-next-open-period only where `accept` would not refuse it.

Does not belong here: what is booked (see `test_late_lines`).
"""

from __future__ import annotations

from typing import Any, Literal

import pytest

from finance_platform.deliveries.decisions import accept, book, withdraw
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.errors import DecisionError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform_tests.unit.zone import ADA, Line, Zone

HINT = "--in-next-open-period"
JANUARY, FEBRUARY = "2025-01", "2025-02"


def fix_of(zone: Zone, name: str) -> str:
    zone.evaluate(holds_closed_periods=True)
    (fix,) = (one.fix for one in zone.state.inactive if one.event.object_key == name)
    return fix


def close(zone: Zone) -> None:
    zone.evaluate()
    change_status(zone, "closed", JANUARY)


def change_status(zone: Zone, action: Literal["closed", "reopened"], period: str) -> None:
    zone.append(PeriodStatusChanged(action, period, "ada", "done", "2025-02-28T00:00:00+00:00"))


@pytest.mark.parametrize("others", [[], [Line("2", FEBRUARY)]], ids=["the whole file", "late lines"])
def test_a_late_line_of_actual_may_be_booked_later(zone: Zone, others: list[Line]) -> None:
    close(zone)
    zone.deliver("a.csv", [Line("1"), *others])
    assert HINT in fix_of(zone, "a.csv")
    book(zone.store, "a.csv", ADA)


@pytest.mark.parametrize("others", [[], [Line("2", FEBRUARY, "Budget")]], ids=["the whole file", "late lines"])
def test_a_late_line_of_a_plan_may_not(zone: Zone, others: list[Line]) -> None:
    close(zone)
    zone.deliver("a.csv", [Line("1", scenario="Budget"), *others])
    assert HINT not in fix_of(zone, "a.csv")
    with pytest.raises(DecisionError, match="only lines of Actual can be booked later"):
        book(zone.store, "a.csv", ADA)


def test_a_line_with_the_key_of_another_file_may_not(zone: Zone) -> None:
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("b.csv", [Line("1", FEBRUARY)], "w", **upsert)
    close(zone)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)], **upsert)
    assert HINT not in fix_of(zone, "a.csv")
    with pytest.raises(DecisionError, match="has keys of them"):
        book(zone.store, "a.csv", ADA)


def test_a_correction_that_ends_a_booking_in_a_closed_period_may_not(zone: Zone) -> None:
    close(zone)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    zone.evaluate(holds_closed_periods=True)
    book(zone.store, "a.csv", ADA)
    change_status(zone, "closed", FEBRUARY)
    change_status(zone, "reopened", JANUARY)
    zone.deliver("a.csv", [Line("1", amount="12.00"), Line("2", FEBRUARY, amount="8.00"), Line("3", "2025-03")], "v2")
    assert HINT not in fix_of(zone, "a.csv")
    with pytest.raises(DecisionError, match="what is booked of it in 2025-02, closed, would go"):
        book(zone.store, "a.csv", ADA)


def test_the_change_of_an_order_may_not(zone: Zone) -> None:
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    for order, name in enumerate("ab"):
        zone.deliver(f"{name}.csv", [Line("1", amount=f"{order + 1}.00")], order=str(order), **upsert)
    close(zone)
    zone.deliver("a.csv", [Line("1", amount="1.00")], order="2", **upsert)
    assert HINT not in fix_of(zone, "a.csv")
    with pytest.raises(DecisionError, match=r"a\.csv counts already"):
        book(zone.store, "a.csv", ADA)


def test_a_file_with_which_equal_lines_of_another_file_count_again_may_not(zone: Zone) -> None:
    """January would have the same line, but of the other file."""
    zone.deliver("a.csv", [Line("1")], "w", load_mode="replace_period")
    zone.deliver("b.csv", [Line("1"), Line("2", FEBRUARY)], load_mode="replace_period")
    close(zone)
    change_status(zone, "closed", FEBRUARY)
    zone.deliver("b.csv", [Line("2", FEBRUARY, amount="12.00")], "v2", load_mode="replace_period")
    fix = fix_of(zone, "b.csv")
    assert HINT not in fix
    with pytest.raises(DecisionError, match=r"b\.csv replaces lines of other files"):
        book(zone.store, "b.csv", ADA)
    assert "finance-platform accept b.csv" in fix
    accept(zone.store, "b.csv", ADA)


def test_a_line_may_not_if_a_file_with_its_key_is_judged_after_it_in_the_same_run(zone: Zone) -> None:
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    close(zone)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)], **upsert)
    zone.deliver("b.csv", [Line("2", FEBRUARY, amount="11.00")], "w", **upsert)
    fix = fix_of(zone, "a.csv")
    assert HINT not in fix
    with pytest.raises(DecisionError, match="has keys of them"):
        book(zone.store, "a.csv", ADA)
    assert "finance-platform accept a.csv" in fix
    accept(zone.store, "a.csv", ADA)


def test_a_correction_may_not_if_another_file_judged_after_it_has_the_line_that_it_lacks(zone: Zone) -> None:
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)], **upsert)
    close(zone)
    zone.deliver("a.csv", [Line("2", FEBRUARY)], "v2", **upsert)
    zone.deliver("b.csv", [Line("1")], "w", **upsert)
    fix = fix_of(zone, "a.csv")
    assert HINT not in fix
    with pytest.raises(DecisionError, match=r"a\.csv changes no closed period"):
        book(zone.store, "a.csv", ADA)
    accept(zone.store, "a.csv", ADA)


def test_a_file_waits_for_one_that_is_booked_after_it_in_the_same_run(zone: Zone) -> None:
    """It would have the key of what is booked, so that no person can accept it."""
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("b.csv", [Line("1")], **upsert)
    close(zone)
    doubtful = ReaderFindings(doubts=("is it UTF-8?",))
    zone.deliver("a.csv", [Line("1", "2025-03")], "w", commit_findings=doubtful, **upsert)
    zone.deliver("b.csv", [Line("1", amount="12.00")], "v2", late_lines="next_open_period", **upsert)
    fix = fix_of(zone, "a.csv")
    with pytest.raises(DecisionError, match="whose late lines are booked"):
        accept(zone.store, "a.csv", ADA)
    assert "accept" not in fix
    withdraw(zone.store, "b.csv", ADA)
    assert "finance-platform accept a.csv" in fix_of(zone, "a.csv")
    accept(zone.store, "a.csv", ADA)


def test_late_lines_wait_for_a_file_that_is_booked_after_them_in_the_same_run(zone: Zone) -> None:
    replacing: dict[str, Any] = {"load_mode": "replace_period", "late_lines": "next_open_period"}
    zone.deliver("a.csv", [Line(period=FEBRUARY)], **replacing)
    zone.deliver("b.csv", [Line()], "w", **replacing)
    close(zone)
    zone.deliver("a.csv", [Line(amount="12.00"), Line(period=FEBRUARY, amount="11.00")], "v2", **replacing)
    zone.deliver("b.csv", [Line(amount="15.00")], "w2", **replacing)
    fix = fix_of(zone, "a.csv")
    (late,) = (one for one in zone.state.inactive if one.late)
    assert "whose late lines are booked in a later period" in late.reason
    assert "accept" not in fix
    assert "`finance-platform withdraw --late-lines a.csv --why TEXT` drops these lines" in fix
    with pytest.raises(DecisionError, match=r"a\.csv cannot be published yet"):
        accept(zone.store, "a.csv", ADA)
    withdraw(zone.store, "b.csv", ADA)
    zone.evaluate(holds_closed_periods=True)
    assert "a.csv" not in {one.event.object_key for one in zone.state.inactive if one.is_waiting}
