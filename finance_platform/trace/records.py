"""Records: which record of a file a line is part of, and what of it became no ledger line.

Belongs here: finding a record by the line that an editor shows. Does not belong here: its text (see `raw_lines`), where
its lines went (see `reached`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.errors import TraceError
from finance_platform.trace.published_lines import LINE_TABLES, LineStore, read_rows

_REJECTED = ("source_row", "outcome", "rules", "reasons", "amount", "raw_row")


@dataclass(frozen=True)
class OtherRow:
    """A candidate line that became no ledger line."""

    row: int
    outcome: str
    rules: str
    reasons: str
    amount: Decimal | None
    raw_row: str


def record_of(store: LineStore, commit: DeliveryCommit, line: int) -> int:
    """Return the line on which the record begins that a line is part of: the last one that begins on it or before.

    Raises:
        TraceError: no row begins there or before.
    """
    starts = [
        pc.max(table["source_row"].filter(pc.less_equal(table["source_row"], line))).as_py()
        for files in _row_files(commit)
        for table in read_rows(store.processed, files, ["source_row"], {}, {"source_row": (0, line)})
    ]
    found = max((start for start in starts if start is not None), default=None)
    if found is None:
        raise TraceError(
            f"no row of {commit.object_key} begins on line {line} or before",
            fix="lines are counted from 1 as an editor does; the header is no row",
        )
    return int(found)


def _row_files(commit: DeliveryCommit) -> Iterator[Sequence[DataFile]]:
    for table in (*LINE_TABLES, "departments", "accounts", "rejected_rows"):
        yield commit.files.get(table, ())


def other_rows(store: LineStore, commit: DeliveryCommit, record: int) -> Iterator[OtherRow]:
    """Yield what a record offered that became no ledger line."""
    files = commit.files.get("rejected_rows", ())
    for table in read_rows(store.processed, files, _REJECTED, {"source_row": record}):
        for row in table.to_pylist():
            yield OtherRow(*(row[name] for name in _REJECTED))
