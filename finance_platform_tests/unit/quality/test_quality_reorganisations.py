"""Departments that take over others: which predecessors are unknown.

Belongs here: `quality.reorganisations`. Does not belong here: which rows count (see `deliveries/test_reorganisations`).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_DEPARTMENT, WHOLE_TABLE
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.quality.checks import Outcome
from finance_platform.quality.reorganisations import check_reorganisations
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.deliveries.test_reorganisations import Files


def checked(folder: Path, predecessor: str, *departments: str) -> Outcome:
    """Check a file in which D200 takes over a department, beside the departments that are built."""
    files = Files(folder)
    files.deliver(("D200", "2025-04", predecessor, None, None))
    rows = [{"department_key": surrogate_key(code), "department_code": code} for code in departments]
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(DIM_DEPARTMENT.stored_columns)), folder / "dim.parquet")
    built = SliceCommit(DIM_DEPARTMENT.name, WHOLE_TABLE, "v1", len(rows), (DataFile("dim.parquet", 1),))
    name = DIM_DEPARTMENT.name, WHOLE_TABLE
    return check_reorganisations(Snapshot({}, files.state(), NO_OVERLAPS, (), {name: built}), LocalStore(folder))


def test_a_predecessor_that_exists_is_consistent(tmp_path: Path) -> None:
    outcome = checked(tmp_path, "D100", "D100", "D200")
    assert (outcome.passed, outcome.summary) == (True, "1 predecessor of departments")


@pytest.mark.parametrize(
    ("predecessor", "hint"),
    [("D10O", "did you mean D100?"), ("Sales", "correct the code, or describe the department in a row of its own")],
)
def test_a_predecessor_that_no_row_and_no_line_has_is_named_with_its_line_and_the_fix(
    tmp_path: Path, predecessor: str, hint: str
) -> None:
    outcome = checked(tmp_path, predecessor, "D100", "D200")
    (row,) = outcome.evidence
    assert not outcome.passed
    assert row["what"] == (
        f"departments.csv, line 2: {predecessor}, the predecessor of D200 from 2025-04 on, is in no other row and no "
        f"line; {hint}"
    )
    assert (row["file"], row["row"], row["period"]) == ("departments.csv", 2, "2025-04")
