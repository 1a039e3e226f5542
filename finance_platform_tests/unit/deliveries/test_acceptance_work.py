"""The work of verdicts: linear in the number of deliveries, counted in calls, since seconds depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from finance_platform_tests.unit.zone import Zone, lines

FEW, MANY = 20, 80
GROWTH = 1.5
"""How much the calls per delivery may grow from few deliveries to four times as many; a loop over all of them in each
verdict would nearly quadruple them."""

FEEDS: dict[str, dict[str, Any]] = {
    "append": {"load_mode": "append"},
    "upsert": {"load_mode": "upsert"},
    "scope": {"load_mode": "replace_period", "is_scoped": True},
    "debit positive": {"load_mode": "append", "commit_is_debit_positive": True},
}


def calls_of(action: Callable[[], object]) -> int:
    """Return how many functions an action calls, those of C included."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def calls_per_delivery(folder: Path, deliveries: int, **feed: Any) -> float:
    """Return the calls with which each of many small deliveries of one period is evaluated."""
    zone = Zone(folder)
    for number in range(deliveries):
        sent = lines(f"key {number:04d}", scope=f"D{number:04d}")
        zone.deliver(f"file_{number:04d}.csv", sent, f"content {number}", **feed)
    return calls_of(zone.evaluate) / deliveries


def calls_per_version(folder: Path, deliveries: int, **feed: Any) -> float:
    """Return the calls with which each of many small deliveries is evaluated again, as another release reads it."""
    zone = Zone(folder, is_shared=True)
    for release in ("10", "11"):
        zone.days = 0
        for number in range(deliveries):
            sent = lines(f"key {number:04d}", scope=f"D{number:04d}")
            zone.deliver(f"file_{number:04d}.csv", sent, f"content {number} {release}", **feed)
        calls = calls_of(zone.evaluate)
    assert len(zone.state.live) == deliveries
    return calls / deliveries


def test_the_lines_of_others_are_not_asked_for_when_a_file_is_read_again_with_equal_lines(tmp_path: Path) -> None:
    """To look at each other delivery of its period takes few calls, so less growth is allowed than elsewhere."""
    few, many = (calls_per_version(tmp_path / str(count), count, **FEEDS["upsert"]) for count in (FEW, MANY))
    assert many < 1.1 * few


@pytest.mark.parametrize("name", FEEDS)
def test_the_work_of_a_verdict_does_not_grow_with_the_number_of_deliveries(tmp_path: Path, name: str):
    few, many = (calls_per_delivery(tmp_path / str(count), count, **FEEDS[name]) for count in (FEW, MANY))
    assert many < GROWTH * few
