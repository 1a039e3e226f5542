"""The workbook of rejected rows, for a person who works through them.

Belongs here: its sheets. Does not belong here: reading the rows (see `rejected_rows`), how a value is written into a
cell (see `workbook_writer`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from finance_platform.reports.rejected_rows import FILE_COLUMNS, REASON_COLUMNS, RejectedTotals, details_in_columns
from finance_platform.reports.workbook_writer import open_workbook

ROWS_SHEET = "Rejected rows"
_WIDTHS = {"file": 28, "columns": 16, "values": 22, "reasons": 60, "raw row": 80, "first seen": 19, "rule": 24}
_HEADERS: Mapping[str, str] = {
    "feed": "feed",
    "source_file": "file",
    "state": "state",
    "source_sheet": "sheet",
    "source_row": "line",
    "source_column": "cell's column",
    "outcome": "outcome",
    "scenario": "scenario",
    "period": "period",
    "amount": "amount",
    "currency": "currency",
    "rules": "rules",
    "columns": "columns",
    "values": "values",
    "reasons": "reasons",
    "first_seen": "first seen",
    "raw_row": "raw row",
}
"""The columns of the rows: field and header."""

_COLUMNS, _VALUES, _FIRST_SEEN = map(list(_HEADERS).index, ("columns", "values", "first_seen"))

_NOTES = (
    "Times are UTC. First seen: when this content of the file was discovered first.",
    "By file has each row once. By reason has a row that breaks several rules once for each of them.",
    "Amounts of different scenarios or units must not be added. Rows without a valid amount are unpriced.",
    "Characters that cannot be shown are written as escape sequences, such as \\x1b.",
)


def write_rejected_workbook(path: Path, rows: Iterable[Mapping[str, Any]], totals: RejectedTotals) -> int:
    """Write the rows, then the totals per reason and per file.

    Args:
        path: the file, which is replaced.
        rows: the rows, read once.
        totals: their totals, complete once the rows have been read.

    Returns:
        The number of amounts that are texts, because a spreadsheet would round them.

    Raises:
        OSError: the file cannot be written.
    """
    with open_workbook(path, grouped_counts=True) as book:
        book.write_table(ROWS_SHEET, list(_HEADERS.values()), map(_cells, rows), _WIDTHS)
        book.write_table("By reason", REASON_COLUMNS, totals.reason_rows(), _WIDTHS)
        book.write_table("By file", FILE_COLUMNS, totals.file_rows(), _WIDTHS)
        book.write_notes(_NOTES)
        return book.inexact


def _cells(row: Mapping[str, Any]) -> list[Any]:
    cells = [row.get(name) for name in _HEADERS]
    cells[_COLUMNS], cells[_VALUES] = details_in_columns(row["details"])
    cells[_FIRST_SEEN] = _time_of(row["first_seen"])
    return cells


@lru_cache(1024)
def _time_of(text: str | None) -> datetime | None:
    """Return a time; the rows of a file have one."""
    return datetime.fromisoformat(text) if text else None
