"""Closed periods while the warehouse or the record of their published version is damaged.

Belongs here: that a closed period moves only by a decision. Does not belong here: the rule itself (see
`end_to_end/test_closed_periods`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.deliveries.commits import DataFile, read_commits
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.slices.closed_periods import freeze_closed_periods
from finance_platform.slices.commits import SliceCommit, slice_key, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform_tests.unit.zone import Line, Zone

NAME = ("fact_financials", "2025-01")
SIGNED, BUILT = "signed", "built"


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with two versions of a period: one that was signed, and one with other rows that the code gives now."""
    zone = Zone(tmp_path)
    for version, amount in ((SIGNED, 150), (BUILT, 350)):
        write_slice(zone.store, slice_of(version, (rows(zone, version, amount),)))
    return zone


def rows(zone: Zone, version: str, amount: int) -> DataFile:
    schema = pa.schema([pa.field("amount", pa.int64())])
    return zone.write(f"fact_financials/{version}.parquet", schema, [{"amount": amount}])


def slice_of(version: str, files: tuple[DataFile, ...] = ()) -> SliceCommit:
    return SliceCommit(*NAME, version, 1, files, inputs={"lines": []})


def snapshot(zone: Zone) -> Snapshot:
    closing = PeriodStatusChanged("closed", NAME[1], "ada", "signed", "2025-02-01", {NAME[0]: SIGNED})
    state = DeliveryState([], [], [], [], closed={NAME[1]: closing})
    built = slice_of(BUILT, (rows(zone, BUILT, 350),))
    return Snapshot({}, state, NO_OVERLAPS, [TargetSlice(*NAME, BUILT, {})], {NAME: built})


@pytest.mark.parametrize("published", [{NAME: SIGNED}, {}], ids=["published", "the warehouse was lost"])
def test_the_signed_version_stays(zone: Zone, published: dict[tuple[str, str], str]):
    frozen = freeze_closed_periods(zone.store, snapshot(zone), published)
    assert (frozen.periods, frozen.unknown) == (("2025-01",), ())
    assert [target.version for target in frozen.snapshot.target] == [SIGNED]


def test_rows_of_the_signed_version_that_cannot_be_read_change_nothing(zone: Zone):
    zone.store.write("fact_financials/signed.parquet", b"PAR1 garbage PAR1")
    frozen = freeze_closed_periods(zone.store, snapshot(zone), {NAME: SIGNED})
    assert [target.version for target in frozen.snapshot.target] == [SIGNED]


def test_a_damaged_record_of_the_signed_version_needs_a_person(zone: Zone):
    zone.store.write(slice_key(*NAME, SIGNED), b"{}")
    frozen = freeze_closed_periods(zone.store, snapshot(zone), {NAME: SIGNED})
    assert (frozen.periods, frozen.unknown) == ((), (NAME,))


def read_versions(zone: Zone, reading: str, amount: str = "10.00") -> Mapping[str, Any]:
    """Return the inputs of a slice of two files, of which the second one supersedes a key of the first one."""
    first, later = (
        zone.deliver(key, [Line("1", amount=value)], key, delivery_id=f"{key}@{reading}").delivery_id
        for key, value in (("a.csv", "10.00"), ("b.csv", amount))
    )
    return {"lines": [[first, "actual"], [later, "actual"]], "hidden": [[first, later]], "hidden_scopes": []}


@pytest.mark.parametrize(("amount", "frozen"), [("10.00", ("2025-01",)), ("11.00", ())])
def test_a_release_that_reads_superseded_lines_again_changes_no_closed_period(
    zone: Zone, amount: str, frozen: tuple[str, ...]
):
    """The types of accounts have changed meanwhile; only other lines are the work of a delivery, which was judged."""
    signed, read_again = read_versions(zone, "old"), read_versions(zone, "new", amount)
    write_slice(zone.store, replace(slice_of(SIGNED, (rows(zone, SIGNED, 150),)), inputs=signed))
    now = snapshot(zone)
    built = replace(now.built[NAME], inputs=read_again)
    now = replace(now, commits=read_commits(zone.store), built={NAME: built})
    assert freeze_closed_periods(zone.store, now, {NAME: SIGNED}).periods == frozen
