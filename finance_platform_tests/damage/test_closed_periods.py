"""Closed periods while the warehouse or the record of their published version is damaged.

Belongs here: that a closed period moves only by a decision. Does not belong here: the rule itself (see
`end_to_end/test_closed_periods`).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import PeriodStatusChanged
from finance_platform.deliveries.state import DeliveryState
from finance_platform.slices.closed_periods import freeze_closed_periods
from finance_platform.slices.commits import SliceCommit, slice_key, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform_tests.unit.zone import Zone

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
