"""Restated cells: a closed period waits if others of its lines are superseded, though as many as before.

Does not belong here: other changes of closed periods (see `test_acceptance`), a law (see `test_late_lines_law`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform_tests.unit.zone import Line, Zone

JANUARY, FEBRUARY = "2025-01", "2025-02"


def line(key: str, period: str, amount: str = "1.00") -> Line:
    return Line(key, period, amount=amount)


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """Return a zone with a closed January, of whose three lines another file has one in February."""
    zone = Zone(tmp_path / "processed")
    deliver(zone, "a.csv", line("K1", JANUARY), line("K2", JANUARY, "2.00"), line("K3", JANUARY, "4.00"))
    deliver(zone, "b.csv", line("K1", FEBRUARY))
    assert reasons(zone) == {}
    zone.append(PeriodStatusChanged("closed", JANUARY, "ada", "done", "2025-01-28T00:00:00+00:00"))
    return zone


def deliver(zone: Zone, name: str, *sent: Line, content: str = "v1") -> None:
    zone.deliver(name, sent, content=content, load_mode="upsert")


def reasons(zone: Zone) -> dict[str, tuple[str, ...]]:
    verdicts = zone.evaluate(holds_closed_periods=True)
    return {key: verdict.reasons for key, verdict in verdicts.items() if verdict.reasons}


def test_a_new_version_that_supersedes_another_line_in_place_of_the_one_before_waits(zone: Zone) -> None:
    deliver(zone, "b.csv", line("K2", FEBRUARY, "2.00"), content="v2")
    assert "would restate 2025-01, which is closed: Actual -1.00" in reasons(zone)["b.csv"]


def test_a_file_that_supersedes_another_line_beside_a_file_that_supersedes_as_many_waits(zone: Zone) -> None:
    deliver(zone, "c.csv", line("K3", FEBRUARY, "4.00"))
    assert reasons(zone) == {"c.csv": ("would restate 2025-01, which is closed: Actual -4.00",)}


def test_a_new_version_that_supersedes_the_same_lines_waits_for_nothing(zone: Zone) -> None:
    deliver(zone, "b.csv", line("K1", FEBRUARY, "7.00"), line("K9", FEBRUARY), content="v2")
    assert reasons(zone) == {}


def test_another_file_that_supersedes_the_same_line_waits_for_nothing(zone: Zone) -> None:
    deliver(zone, "c.csv", line("K1", FEBRUARY, "3.00"))
    assert reasons(zone) == {}
