"""Lines that `feed check` collects: in a file that is gone afterwards, without those that other rows take out."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.schemas import STAGED_ROWS, arrow_schema
from finance_platform.refresh.file_check.live_comparison import CheckedLines

SCHEMA = arrow_schema(STAGED_ROWS["ledger"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def line(row: int, sheet: str | None = None, outcome: str = "accepted", column: str | None = None) -> dict[str, Any]:
    place = {"source_row": row, "source_sheet": sheet, "source_column": column, "outcome": outcome}
    return {
        **place,
        "scenario": "Actual",
        "period": "2025-01",
        "amount": Decimal("1.50"),
        "posting_date": date(2025, 1, 2),
    }


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    (made,) = pa.Table.from_pylist(list(rows), SCHEMA).to_batches()
    return made


def rows_of(lines: CheckedLines) -> list[tuple[Any, ...]]:
    with lines.stored() as path:
        table = pq.read_table(path)
        return list(
            zip(*(table[name].to_pylist() for name in ("source_sheet", "source_row", "source_column")), strict=True)
        )


def test_accepted_lines_are_stored_in_their_order(folder: Path) -> None:
    lines = CheckedLines()
    lines.add(batch(line(2), line(3, outcome="rejected"), line(4)))
    lines.add(batch(line(5, outcome="skipped")))
    lines.add(batch(line(6)))
    assert rows_of(lines) == [(None, 2, None), (None, 4, None), (None, 6, None)]
    assert list(folder.iterdir())
    lines.close()
    assert list(folder.iterdir()) == []


def test_a_line_that_is_taken_out_is_not_one_of_another_sheet_or_column(folder: Path) -> None:
    lines = CheckedLines()
    lines.add(batch(line(2, "A"), line(3, "A"), line(2, "B"), line(3, "B", column="Jan"), line(3, "B", column="Feb")))
    lines.add(batch(line(4, "B")))
    lines.remove(pa.table(batch(line(2, "B"), line(3, "B", column="Jan"))))
    lines.remove(pa.table(batch(line(9, "A"))))
    assert rows_of(lines) == [("A", 2, None), ("A", 3, None), ("B", 3, "Feb"), ("B", 4, None)]
    lines.close()
    assert list(folder.iterdir()) == []


def test_a_file_without_lines_is_an_empty_file(folder: Path) -> None:
    lines = CheckedLines()
    assert rows_of(lines) == []
    lines.close()
    assert list(folder.iterdir()) == []
