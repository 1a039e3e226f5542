"""Findings of the reader about a file as a whole, which go into the delivery's commit.

Belongs here: notes, doubts, the likely cause of a failure, and collecting notes over batches.
Does not belong here: reasons of single rows (see `violations`), finding a likely cause (see `likely_cause`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from finance_platform.feeds.cells import RawBatch


@dataclass(frozen=True)
class ReaderFindings:
    """The findings about one file.

    Attributes:
        notes: messages about cells that were read in a way that a person should know, with the number of cells.
        doubts: reasons why a person must decide whether the file may count.
        cause: what all rows have in common if none was accepted.
        advice: how to correct the doubts or the cause.
    """

    notes: Mapping[str, int] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    cause: str = ""
    advice: str = ""

    @property
    def warnings(self) -> list[str]:
        """The notes as sentences."""
        return [text if count == 1 else f"{text}; {count:,} cells in all" for text, count in self.notes.items()]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ReaderFindings:
        """Return the findings from the values of `asdict`."""
        return ReaderFindings(**{**values, "doubts": tuple(values.get("doubts", ()))})


@dataclass
class _Note:
    first_row: int
    sample: str | None
    count: int = 0


@dataclass
class NoteCollector:
    """The notes about one file, with the first place of each."""

    _notes: dict[str, _Note] = field(default_factory=dict)

    def add(self, text: str, rows: npt.NDArray[np.bool_], batch: RawBatch, texts: pa.StringArray | None) -> None:
        """Add the cells of a batch that are True in `rows`; `texts` is None for text that no message may quote."""
        positions = np.flatnonzero(rows)
        if not len(positions):
            return
        first = int(positions[0])
        sample = None if texts is None else texts[first].as_py()
        note = self._notes.setdefault(text, _Note(batch.source_rows[first].as_py(), sample))
        note.count += len(positions)

    def counts(self) -> dict[str, int]:
        """Return the number of cells by message."""
        return {
            f"{text}, first on line {note.first_row}{f' ({note.sample[:60]!r})' if note.sample else ''}": note.count
            for text, note in self._notes.items()
        }
