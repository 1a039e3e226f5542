"""Overlapping deliveries whose order rests on modification times are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.overlaps import compute_overlaps
from finance_platform.quality.checks import ARRIVED_IN_ORDER, Outcome
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.quality.delivery_order import UncertainOrder, find_uncertain_orders
from finance_platform_tests.unit.zone import Zone, lines


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


def uncertain(zone: Zone) -> list[UncertainOrder]:
    zone.evaluate()
    return find_uncertain_orders(zone.state, compute_overlaps(zone.store, zone.state.live))


def pairs(zone: Zone) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.delivery.event.object_key, one.replaced, one.periods) for one in uncertain(zone)]


def outcome(zone: Zone) -> Outcome:
    (result,) = [
        result
        for result in check_deliveries(zone.state, compute_overlaps(zone.store, zone.state.live))
        if result.check is ARRIVED_IN_ORDER
    ]
    return result


@pytest.mark.parametrize(
    "values",
    [{"load_mode": "upsert"}, {"load_mode": "replace_period"}, {"load_mode": "replace_period", "is_scoped": True}],
    ids=["by key", "by period", "by scope"],
)
def test_of_files_that_one_run_has_found_the_one_that_counts_is_named_with_those_that_it_replaces(
    zone: Zone, values: dict[str, Any]
) -> None:
    zone.deliver("b.csv", lines("T1", "T2", scope="s"), "v1", modified_at="2025-05-02", **values)
    zone.deliver("a.csv", lines("T1", "T3", scope="s"), "v2", modified_at="2025-05-03", **values)
    assert pairs(zone) == [("a.csv", ("b.csv",), ("2025-01",))]
    result = outcome(zone)
    assert (result.passed, result.check.is_warning) == (False, True)
    assert result.summary == "1 delivery replaces others by modification times alone"
    (row,) = result.evidence
    assert row["file"] == "a.csv"
    assert row["what"].startswith(
        "its lines in 2025-01 replace those of b.csv only because its modification time is later"
    )
    assert "order" in row["fix"]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"run_id": "run-2"}, id="a later run has found it"),
        pytest.param({"order": "2"}, id="the descriptor orders them"),
        pytest.param({"feed": "another"}, id="another feed"),
    ],
)
def test_an_order_that_is_known_is_not_named(zone: Zone, second: dict[str, Any]) -> None:
    zone.deliver("b.csv", lines("T1"), "v1", load_mode="upsert", order="1" if "order" in second else "")
    zone.deliver("a.csv", lines("T1"), "v2", load_mode="upsert", **second)
    assert pairs(zone) == []
    assert outcome(zone).passed


def test_files_without_common_lines_are_not_named(zone: Zone) -> None:
    zone.deliver("b.csv", lines("T1"), "v1", load_mode="upsert")
    zone.deliver("a.csv", lines("T2"), "v2", load_mode="upsert")
    zone.deliver("c.csv", lines("T1"), "v3", load_mode="append")
    assert pairs(zone) == []


def test_equal_times_leave_the_order_to_the_names(zone: Zone) -> None:
    for key in ("a.csv", "b.csv"):
        zone.deliver(key, lines("T1"), key, load_mode="upsert", modified_at="2025-05-02")
    (order,) = uncertain(zone)
    assert order.has_equal_times
    assert "only the names decide the order" in order.warning


def test_many_replaced_files_are_one_finding(zone: Zone) -> None:
    for number in range(6):
        period = "2025-01" if number % 2 else "2025-02"
        sent = [*lines("T1", period="2025-02"), *lines(f"T{number}", period=period)]
        zone.deliver(f"{number}.csv", sent, f"v{number}", load_mode="replace_period")
    last = uncertain(zone)[-1]
    assert (last.delivery.event.object_key, last.periods) == ("5.csv", ("2025-01", "2025-02"))
    assert "replace those of 0.csv, 1.csv, 2.csv and 2 more only because" in last.warning
    assert "2025-01 to 2025-02" in last.warning
