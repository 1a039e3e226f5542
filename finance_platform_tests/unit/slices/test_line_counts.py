"""The ledger lines of published slices by period: counted once for each version.

Belongs here: `slices.line_counts`. Does not belong here: the status that follows (see `test_completeness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.line_counts import REMEMBERED, count_lines
from finance_platform.storage.local import LocalStore

SALES, WORKS = 11, 12
ACTUAL, BUDGET = 31, 32


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


def slice_of(processed: LocalStore, period: str, version: str, *files: Sequence[tuple[int, int, int]]) -> SliceCommit:
    """A slice with a file for each sequence of department, scenario and number of lines."""
    written = []
    for number, rows in enumerate(files):
        key = f"fact_financials/{period}-{version}-{number}.parquet"
        columns = dict(
            zip(("department_key", "scenario_key", "transaction_count"), zip(*rows, strict=True), strict=True)
        )
        path = Path(processed.root) / key
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()}), path)
        written.append(DataFile(key, path.stat().st_size))
    return SliceCommit("fact_financials", period, version, sum(map(len, files)), tuple(written))


def test_lines_are_summed_by_department_and_scenario_over_the_files_of_a_slice(processed: LocalStore):
    first = [(SALES, ACTUAL, 2), (SALES, ACTUAL, 3), (WORKS, BUDGET, 1)]
    commit = slice_of(processed, "2025-01", "j1", first, [(SALES, ACTUAL, 4), (WORKS, ACTUAL, 0)])
    assert count_lines(processed, [commit]) == {
        "2025-01": {(SALES, ACTUAL): 9, (WORKS, BUDGET): 1, (WORKS, ACTUAL): 0},
    }


def test_a_version_is_read_once_and_only_what_changed_is_read_again(processed: LocalStore):
    january = slice_of(processed, "2025-01", "j1", [(SALES, ACTUAL, 2)])
    february = slice_of(processed, "2025-02", "f1", [(SALES, ACTUAL, 5)])
    before = count_lines(processed, [january, february])
    (Path(processed.root) / january.files[0].key).unlink()

    changed = slice_of(processed, "2025-02", "f2", [(SALES, ACTUAL, 6)])
    with_other_names = replace(january, version="j2")
    assert count_lines(processed, [with_other_names, changed]) == {**before, "2025-02": {(SALES, ACTUAL): 6}}


@pytest.mark.parametrize("data", [None, b"", b"{", b'{"j1": [[1]]}', b'["j1"]', b'{"j1": [[11, 31, 2]]}'])
def test_what_is_remembered_can_be_lost(processed: LocalStore, data: bytes | None):
    january = slice_of(processed, "2025-01", "j1", [(SALES, ACTUAL, 2)])
    before = count_lines(processed, [january])
    if data is None:
        processed.delete(REMEMBERED)
    else:
        processed.write(REMEMBERED, data)
    assert count_lines(processed, [january]) == before


def test_an_empty_slice_has_no_period(processed: LocalStore):
    assert count_lines(processed, [SliceCommit("fact_financials", "2025-01", "e1", 0, ())]) == {}


def test_a_missing_file_is_damage(processed: LocalStore):
    january = slice_of(processed, "2025-01", "j1", [(SALES, ACTUAL, 2)])
    (Path(processed.root) / january.files[0].key).unlink()
    with pytest.raises(DamagedObjectError):
        count_lines(processed, [january])
