"""New files beside those that count as they were read under another `load`: which of them are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from finance_platform.deliveries.register import DeliveryDiscovered
from finance_platform.feeds.findings import ReaderFindings
from finance_platform_tests.unit.deliveries.test_returning_lines import APPEND, FIRST, SCOPED, SECOND, UPSERT, WHOLE
from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

LAST = [Line("1", amount="11.00", scope="s", number="N1"), Line("4", amount="7.00", scope="s", number="N4")]
BESIDE = (
    "it replaces no line of b.csv, which counts as it was read before `load` was changed: Actual 2025-01, lines 2, "
    "net 16.00"
)


def numbered(lines: Sequence[Line]) -> list[Line]:
    return [replace(line, number=f"N{line.key}") for line in lines]


def under_another_load(zone: Zone) -> DeliveryDiscovered:
    """A file that counts as it was read under replace_period; its reading under a scope waits for a person."""
    zone.deliver("b.csv", SECOND, "w", **WHOLE)
    assert not zone.evaluate_held()
    doubt = ReaderFindings(doubts=("a doubt",))
    again = zone.deliver("b.csv", SECOND, "w", delivery_id="b.csv@scope", commit_findings=doubt, **SCOPED)
    assert zone.evaluate_held() == {"b.csv": ("a doubt",)}
    return again


def test_a_new_file_does_not_count_beside_a_file_that_is_held_under_another_load(tmp_path: Path):
    """It would replace the 16.00 of b.csv, and 18.00 would count beside them."""
    zone = Zone(tmp_path / "processed")
    under_another_load(zone)
    zone.deliver("c.csv", LAST, "x", **SCOPED)
    verdict = zone.evaluate()["c.csv"]
    assert verdict.reasons == (BESIDE,)
    assert verdict.fix.startswith("decide about these files first")
    assert {one.event.object_key for one in zone.state.live} == {"b.csv"}


@pytest.mark.parametrize("decided", ["accepted", "withdrawn"])
def test_a_new_file_counts_once_the_other_one_is_decided(tmp_path: Path, decided: Literal["accepted", "withdrawn"]):
    """Whether it comes before the decision or after it."""
    zone = Zone(tmp_path / "processed")
    again = under_another_load(zone)
    zone.deliver("c.csv", LAST, "x", **SCOPED)
    assert zone.evaluate_held() == {"c.csv": (BESIDE,)}
    zone.append(decision_on(decided, again))
    zone.deliver("d.csv", [Line("8", amount="1.00", scope="d")], "y", **SCOPED)
    assert zone.evaluate_held() == {}
    assert {one.event.object_key for one in zone.state.live} >= {"c.csv", "d.csv"}


@pytest.mark.parametrize(("before", "after"), [(WHOLE, SCOPED), (SCOPED, WHOLE), (APPEND, WHOLE), (APPEND, SCOPED)])
def test_so_it_is_beside_files_that_are_gone(tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any]):
    """Nothing reads them again, so they keep the load under which they were read."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", SECOND, "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", LAST, "x", **after)
    assert zone.evaluate_held() == {"c.csv": (BESIDE,)}


@pytest.mark.parametrize("before", [WHOLE, APPEND])
def test_lines_with_keys_are_held_beside_a_file_that_has_one_of_their_numbers(
    tmp_path: Path, before: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", [Line("4", number="N4")], "x", **UPSERT)
    zone.deliver("d.csv", [Line("2", number="n2 ", day=3)], "y", **UPSERT)
    assert zone.evaluate_held() == {"d.csv": (BESIDE,)}


def test_lines_without_numbers_are_compared_by_day_department_and_account(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", SECOND, "w", **APPEND)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", [Line("4", day=3), Line("5", department="D2"), Line("6", account="1")], "x", **UPSERT)
    zone.deliver("d.csv", [Line("7")], "y", **UPSERT)
    assert zone.evaluate_held() == {"d.csv": (BESIDE,)}


@pytest.mark.parametrize(("before", "after"), [(APPEND, WHOLE), (WHOLE, SCOPED), (APPEND, UPSERT)])
def test_a_new_file_of_the_run_that_reads_the_others_again_counts(
    tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    event = zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.append(replace(event, **{"is_scoped": False, **after}))
    zone.deliver("c.csv", [*LAST, Line("2", amount="6.00", scope="s", number="N2")], "x", **after)
    assert zone.evaluate_held() == {}


def test_a_new_file_counts_although_the_others_are_judged_after_it(tmp_path: Path):
    """Where names give the order, the new one may be the first, and another one of its period is read again."""
    zone = Zone(tmp_path / "processed")
    event = zone.deliver("b.csv", SECOND, "w", order="b", **APPEND)
    assert not zone.evaluate_held()
    zone.append(replace(event, is_scoped=False, **WHOLE))
    zone.deliver("a.csv", LAST, "x", order="a", **WHOLE)
    assert zone.evaluate_held() == {}
    assert not zone.state.inactive


@pytest.mark.parametrize(
    ("before", "after", "last"),
    [
        (WHOLE, APPEND, [Line("9", amount="3.00")]),
        (APPEND, WHOLE, [Line("9", period="2025-02")]),
        (APPEND, WHOLE, [Line("9", scenario="Budget")]),
        (WHOLE, WHOLE, LAST),
        (UPSERT, UPSERT, numbered(FIRST)),
    ],
)
def test_other_periods_and_files_of_one_load_are_no_reason(
    tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any], last: list[Line]
):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", last, "x", **after)
    assert zone.evaluate_held() == {}
