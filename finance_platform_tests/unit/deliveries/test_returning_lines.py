"""Lines that would count again because the load mode of their feed was changed: which files are held for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.register import DeliveryDiscovered
from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

WHOLE: dict[str, Any] = {"load_mode": "replace_period"}
SCOPED: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
UPSERT: dict[str, Any] = {"load_mode": "upsert"}
APPEND: dict[str, Any] = {"load_mode": "append"}

FIRST = [Line("1", amount="10.00", scope="s"), Line("2", amount="5.00", scope="s")]
SECOND = [Line("1", amount="10.00", scope="s"), Line("2", amount="6.00", scope="s")]


def under(
    zone: Zone, values: Mapping[str, Any], first: Sequence[Line] = FIRST, second: Sequence[Line] = SECOND
) -> tuple[DeliveryDiscovered, DeliveryDiscovered]:
    """Deliver two files of a feed under one load mode; both count after that."""
    events = zone.deliver("a.csv", first, **values), zone.deliver("b.csv", second, "w", **values)
    assert not zone.evaluate_held(), "the second file has as many lines as the first"
    return events


def change(zone: Zone, events: Sequence[DeliveryDiscovered], values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Discover the files again, as after a change of `load`; return the reasons of those that are held."""
    zone.append(*(replace(event, **{"is_scoped": False, **values}) for event in events))
    return zone.evaluate_held()


RETURNS = (
    "under `load: {mode: append}`, lines count again that another file of the feed has replaced: Actual 2025-01, lines "
    "2, gross 15.00"
)


def test_lines_that_another_file_has_replaced_do_not_return_by_themselves(tmp_path: Path):
    """Of 16.00 there would be 31.00."""
    zone = Zone(tmp_path / "processed")
    assert change(zone, under(zone, WHOLE), APPEND) == {"a.csv": (RETURNS,), "b.csv": (RETURNS,)}
    assert {one.event.load_mode for one in zone.state.live} == {"replace_period"}


def test_lines_that_a_later_file_has_replaced_by_key_do_not_return_by_themselves(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    under(zone, UPSERT)
    for key, sent, content in (("a.csv", FIRST, "v1"), ("b.csv", SECOND, "w")):
        without_keys = [replace(line, key=None) for line in sent]
        zone.deliver(key, without_keys, content, delivery_id=f"{key}@append", **APPEND)
    assert zone.evaluate_held() == {"a.csv": (RETURNS,), "b.csv": (RETURNS,)}


def test_the_file_that_replaced_another_one_counts_once_that_one_is_withdrawn(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    first, second = under(zone, WHOLE)
    zone.append(*(replace(event, **APPEND) for event in (first, second)))
    assert {verdict.fix.partition(",")[0] for verdict in zone.evaluate().values()} == {
        "withdraw each file of which no line may count again"
    }
    zone.append(decision_on("withdrawn", first), decision_on("accepted", second))
    assert zone.evaluate_held() == {}
    assert [(one.event.object_key, one.event.load_mode) for one in zone.state.live] == [("b.csv", "append")]


@pytest.mark.parametrize(
    ("earlier", "later"), [(WHOLE, APPEND), (UPSERT, APPEND), (APPEND, WHOLE), (SCOPED, APPEND), (WHOLE, WHOLE)]
)
def test_another_load_mode_of_files_that_replace_nothing_holds_none(
    tmp_path: Path, earlier: Mapping[str, Any], later: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    other = [Line("3", period="2025-02", scope="t")]
    assert change(zone, under(zone, earlier, second=other), later) == {}


def test_lines_that_stop_to_count_are_no_lines_that_return(tmp_path: Path):
    """Each file counted under append; the later one replaces the other, and has as many lines."""
    zone = Zone(tmp_path / "processed")
    assert change(zone, under(zone, APPEND), WHOLE) == {}
    assert {one.event.load_mode for one in zone.state.live} == {"replace_period"}


def test_a_file_that_is_read_under_other_keys_waits_for_those_that_it_replaces(tmp_path: Path):
    """The keys of a.csv stay as they were, since most of them would go; those of b.csv would match none of them."""
    zone = Zone(tmp_path / "processed")
    first = [Line(str(number), amount=f"{number}.00") for number in range(1, 6)]
    second = [Line("1", amount="1.50")]
    zone.deliver("a.csv", first, **UPSERT)
    zone.deliver("b.csv", second, "w", **UPSERT)
    assert not zone.evaluate_held()
    for key, sent, content in (("a.csv", first, "v1"), ("b.csv", second, "w")):
        with_account = [replace(line, key=f"{line.key} 4000") for line in sent]
        zone.deliver(key, with_account, content, delivery_id=f"{key}@account", **UPSERT)
    held = zone.evaluate_held()
    assert set(held) == {"a.csv", "b.csv"}
    (text,) = held["b.csv"]
    assert text == (
        "under `load: {mode: upsert}`, lines count again that another file of the feed has replaced: Actual 2025-01, "
        "lines 1, gross 1.00"
    )


def test_a_file_that_is_read_again_under_the_same_keys_waits_for_none(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", FIRST, **UPSERT)
    zone.deliver("b.csv", SECOND, "w", **UPSERT)
    assert not zone.evaluate_held()
    for key, sent, content in (("a.csv", FIRST, "v1"), ("b.csv", SECOND, "w")):
        in_another_department = [replace(line, account="5000") for line in sent]
        zone.deliver(key, in_another_department, content, delivery_id=f"{key}@account", **UPSERT)
    assert zone.evaluate_held() == {}
