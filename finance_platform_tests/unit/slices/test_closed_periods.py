"""Closed periods whose rows a build would change: which stay as they are published, since no delivery caused it.

Belongs here: when two versions of a slice count the same lines. Does not belong here: homes in which all this happens
(see `end_to_end/test_closed_periods`), damaged records (see `damage/test_closed_periods`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.slices.closed_periods import freeze_closed_periods
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered, in_period

JANUARY = "2025-01"
NAME = (FACT_FINANCIALS.name, JANUARY)
AT = "2025-02-10T08:00:00.000000+00:00"
OLD, NEW = delivered(content="v1"), delivered(content="v2")

Counts = Mapping[tuple[str, str], str]
"""The content of the lines of each period and scenario."""


def slice_of(version: str, deliveries: Sequence[str], rows: int, **inputs: Any) -> SliceCommit:
    """Return a version of January; its rows are not read, since there are more or fewer than in another one."""
    lines = {"lines": [[delivery, "Actual"] for delivery in deliveries], "hidden": [], "hidden_scopes": []}
    return SliceCommit(*NAME, version, rows, (DataFile(f"{version}.parquet", 1),), inputs=lines | inputs)


def frozen(folder: Path, old: Counts, new: Counts, **inputs: Any) -> tuple[str, ...]:
    """Return the frozen periods after another delivery with these lines, in a build that gives other rows."""
    store = LocalStore(folder)
    commits = {
        event.delivery_id: commit_of(
            event, *(replace(in_period(*cell), content=content) for cell, content in counts.items())
        )
        for event, counts in ((OLD, old), (NEW, new))
    }
    write_slice(store, slice_of("published", [OLD.delivery_id], 1))
    built = slice_of("built", [NEW.delivery_id], 2, **inputs)
    events = [*((one, Verdict(one.object_key, one.delivery_id, AT, "run")) for one in (OLD, NEW))]
    closing = PeriodStatusChanged("closed", JANUARY, "ada", "done", AT)
    state = derive_state([*(event for pair in events for event in pair), closing], commits)
    target = [TargetSlice(*NAME, "built", built.inputs or {})]
    snapshot = Snapshot(commits, state, NO_OVERLAPS, target, {NAME: built})
    found = freeze_closed_periods(store, snapshot, {NAME: "published"})
    assert [one.version for one in found.snapshot.target] == ["published" if found.periods else "built"]
    return found.periods


LINES = {(JANUARY, "Actual"): "a"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {("2025-02", "Actual"): "b"},  # a longer export that repeats the period
        {(JANUARY, "Budget"): "b"},  # lines that the slice does not count
    ],
)
def test_other_rows_of_the_same_lines_wait(tmp_path: Path, more: Counts) -> None:
    assert frozen(tmp_path, LINES, {**LINES, **more}) == (JANUARY,)


def test_rows_of_other_lines_were_accepted_and_are_published(tmp_path: Path) -> None:
    assert frozen(tmp_path, LINES, {(JANUARY, "Actual"): "b"}) == ()


def test_the_same_lines_of_which_others_supersede_some_are_other_lines(tmp_path: Path) -> None:
    assert frozen(tmp_path, LINES, LINES, hidden=[[OLD.delivery_id, NEW.delivery_id]]) == ()
