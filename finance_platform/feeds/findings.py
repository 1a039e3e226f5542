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


@dataclass(frozen=True, slots=True)
class Note:
    """Cells that were read in a way that a person should know.

    Attributes:
        count: how many.
        fix: what to do about them; empty in documents of an earlier release.
    """

    count: int
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ReaderFindings:
    """The findings about one file.

    Attributes:
        notes: the notes by message.
        doubts: reasons why a person must decide whether the file may count.
        cause: what all rows have in common if none was accepted.
        advice: how to correct the doubts or the cause.
    """

    notes: Mapping[str, Note] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    cause: str = ""
    advice: str = ""

    @property
    def warnings(self) -> list[str]:
        """The notes as sentences."""
        return list(self.fixes)

    @property
    def fixes(self) -> dict[str, str]:
        """What to do about each warning."""
        return {
            text if note.count == 1 else f"{text}; {note.count:,} cells in all": note.fix
            for text, note in self.notes.items()
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ReaderFindings:
        """Return the findings from the values of `asdict`."""
        notes = {
            text: Note(**note) if isinstance(note, Mapping) else Note(note)  # a count alone in an earlier release
            for text, note in values.get("notes", {}).items()
        }
        return ReaderFindings(**{**values, "notes": notes, "doubts": tuple(values.get("doubts", ()))})


@dataclass
class _Place:
    first: str
    sample: str | None
    fix: str
    count: int = 0


@dataclass
class NoteCollector:
    """The notes about one file, with the first place of each."""

    _notes: dict[str, _Place] = field(default_factory=dict)

    def add(
        self, text: str, fix: str, rows: npt.NDArray[np.bool_], batch: RawBatch, texts: pa.StringArray | None
    ) -> None:
        """Add the cells of a batch that are True in `rows`; `texts` is None for text that no message may quote."""
        positions = np.flatnonzero(rows)
        if not len(positions):
            return
        first = int(positions[0])
        sample = None if texts is None else texts[first].as_py()
        note = self._notes.setdefault(text, _Place(batch.place(first), sample, fix))
        note.count += len(positions)

    def notes(self) -> dict[str, Note]:
        """Return the notes by message."""
        return {
            f"{text}, first on {place.first}{f' ({place.sample[:60]!r})' if place.sample else ''}": Note(
                place.count, place.fix
            )
            for text, place in self._notes.items()
        }
