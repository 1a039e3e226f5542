"""Lines of Actual that count, by period, and the check of gaps, which is about them.

Does not belong here: gaps among deliveries that replace nothing (see `unit/quality/test_quality_deliveries`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finance_platform.quality.checks import NO_GAPS
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.slices.counted_lines import count_actual_lines
from finance_platform_tests.unit.zone import Line, Zone, lines, many

WIDE: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}


def counted(zone: Zone) -> dict[str, int]:
    assert zone.evaluate_held() == {}
    snapshot = zone.snapshot()
    return count_actual_lines(snapshot.state, snapshot.overlaps)


def gaps(zone: Zone) -> list[dict[str, Any]]:
    snapshot = zone.snapshot()
    (outcome,) = (one for one in check_deliveries(snapshot.state, snapshot.overlaps) if one.check is NO_GAPS)
    return list(outcome.evidence)


def test_a_period_whose_lines_have_all_moved_to_another_one_is_a_gap(tmp_path: Path):
    """A correction gives the lines of February the date of March: no line of February counts any more."""
    zone = Zone(tmp_path)
    zone.deliver("1.csv", [*lines("A", "B"), *lines("C", "D", period="2025-02"), *lines("E", period="2025-03")], **WIDE)
    zone.deliver("2.csv", lines("C", "D", period="2025-03"), **WIDE)
    assert counted(zone) == {"2025-01": 2, "2025-03": 3}
    assert gaps(zone) == [{"period": "2025-02", "lines": 0, "what": "gap"}]


def test_corrections_that_take_a_part_each_leave_nothing_together(tmp_path: Path):
    zone = Zone(tmp_path)
    zone.deliver("1.csv", [*lines("A"), *lines("C", "D", period="2025-02"), *lines("E", period="2025-03")], **WIDE)
    zone.deliver("2.csv", lines("C", period="2025-03"), **WIDE)
    zone.deliver("3.csv", lines("D", period="2025-03"), **WIDE)
    assert counted(zone) == {"2025-01": 1, "2025-03": 3}


def test_corrections_of_one_line_take_it_once(tmp_path: Path):
    zone = Zone(tmp_path)
    zone.deliver("1.csv", lines("A", "B", "C"), **WIDE)
    zone.deliver("2.csv", lines("A", amount="11.00"), "v2", **WIDE)
    zone.deliver("3.csv", lines("A", amount="12.00"), "v3", **WIDE)
    assert counted(zone) == {"2025-01": 3}


def test_a_line_of_a_budget_that_is_replaced_takes_none_of_actual(tmp_path: Path):
    zone = Zone(tmp_path)
    zone.deliver("1.csv", [*lines("A", "B"), *lines("P", scenario="Budget")], **WIDE)
    zone.deliver("2.csv", lines("P", scenario="Budget"), **WIDE)
    assert counted(zone) == {"2025-01": 2}


def test_a_month_that_was_sent_several_times_has_the_lines_of_the_last_one(tmp_path: Path):
    """Ten lines of each earlier month count, in the last of three versions; nine of the last month are as usual."""
    zone = Zone(tmp_path)
    whole: dict[str, Any] = {"load_mode": "replace_period", "tolerated_removal": None}
    for month in ("2025-01", "2025-02", "2025-03"):
        for version in ("1", "2", "3"):
            own = [Line(None, month, amount=f"{version}{number}.00") for number in range(1, 11)]
            zone.deliver(f"{month}-{version}.csv", own, f"{month}-{version}", **whole)
    zone.deliver("2025-04.csv", many(9, "2025-04"), "2025-04", **whole)
    assert counted(zone) == {**dict.fromkeys(("2025-01", "2025-02", "2025-03"), 10), "2025-04": 9}
    assert gaps(zone) == []


def test_lines_of_a_scope_that_is_replaced_do_not_count(tmp_path: Path):
    zone = Zone(tmp_path)
    scoped: dict[str, Any] = {"load_mode": "replace_period", "tolerated_removal": None, "is_scoped": True}
    zone.deliver("1.csv", [*lines("A", scope="x"), *lines("B", "C", scope="y")], **scoped)
    zone.deliver("2.csv", lines("D", scope="y"), **scoped)
    assert counted(zone) == {"2025-01": 2}
