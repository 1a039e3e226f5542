"""Findings of the reader about a file as a whole, which go into the delivery's commit.

Belongs here: notes, doubts, the likely cause of a failure, and collecting notes over batches.
Does not belong here: reasons of single rows (see `violations`), finding a likely cause (see `likely_cause`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.values.dates import periods_of_year

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


NO_VALUE = "#NO VALUE!"
"""The text of a cell whose formula was never calculated."""

_FIX = (
    "compare the file with its source and send it again, complete; if the total is one of other rows, correct "
    "control_total in the descriptor"
)


@dataclass(frozen=True, slots=True)
class Note:
    """Cells that were read in a way that a person should know.

    Attributes:
        count: how many.
        fix: what to do about them.
    """

    count: int
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """One total that a file prints, beside the sum of the lines that it is about.

    Attributes:
        rule: name of the descriptor's rule.
        sheet: the sheet of a workbook; empty for a text file.
        row: its line, or row of the sheet.
        column: header of its cell, debit or credit; empty for the one column of amounts.
        printed: the printed amount, exact, with its currency if that is a foreign one; the cell's text if it is not a
            valid amount.
        found: exact sum of the lines in that currency.
        ties: whether they agree to half of the last printed digit.
        others: the sums of its lines in other currencies, which are not added.
    """

    rule: str
    sheet: str
    row: int
    column: str
    printed: str
    found: str
    ties: bool
    others: Sequence[str] = ()

    @property
    def description(self) -> str:
        """Both figures and their place, as a clause."""
        place = f"sheet {self.sheet!r} row {self.row}" if self.sheet else f"line {self.row}"
        column = f", column {self.column!r}" if self.column else ""
        printed = f"the file prints {self.printed}" if self.printed else "the file prints no amount"
        others = f" (in other currencies, not added: {', '.join(self.others)})" if self.others else ""
        return f"{self.rule} on {place}{column}: {printed}, its lines add up to {self.found}{others}"


@dataclass(frozen=True, slots=True)
class ControlTotals:
    """The totals that a file prints.

    Attributes:
        checked: how many were compared.
        tied: how many of them agree with their lines.
        listed: the first of them, those that do not agree before the others.
        missing: rules that need a total in each table, with the tables that have none.
    """

    checked: int = 0
    tied: int = 0
    listed: Sequence[ControlTotal] = ()
    missing: Sequence[str] = ()

    def __add__(self, other: ControlTotals) -> ControlTotals:
        listed = sorted((*self.listed, *other.listed), key=lambda total: total.ties)
        missing = (*self.missing, *other.missing)
        return ControlTotals(
            self.checked + other.checked, self.tied + other.tied, tuple(listed[:MAX_LISTED_TOTALS]), missing
        )

    @property
    def breaches(self) -> list[str]:
        """Why a delivery must be held, each a clause."""
        differing = [total.description for total in self.listed if not total.ties]
        more = self.checked - self.tied - len(differing)
        return [*differing, *([f"{more:,} more control totals do not tie"] if more else []), *self.missing]

    @property
    def fix(self) -> str:
        """What to do about totals that do not tie; of formulas of a sheet, a library may have stored zeros."""
        differing = [total for total in self.listed if not total.ties]
        if any(total.sheet and (total.printed == "0.00" or NO_VALUE in total.printed) for total in differing):
            return f"if a spreadsheet program shows other totals, calculate and save the workbook there; if not, {_FIX}"
        return _FIX

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ControlTotals:
        """Return the totals from the values of `asdict`."""
        listed = tuple(
            ControlTotal(**{**total, "others": tuple(total.get("others", ()))}) for total in values["listed"]
        )
        return ControlTotals(values["checked"], values["tied"], listed, tuple(values["missing"]))


MAX_LISTED_TOTALS = 20
"""Of a file, with both figures."""

NO_CONTROL_TOTALS = ControlTotals()


@dataclass(frozen=True, slots=True)
class ReaderFindings:
    """The findings about one file.

    Attributes:
        notes: the notes by message.
        doubts: reasons why a person must decide whether the file may count.
        cause: what all rows have in common if none was accepted.
        advice: how to correct the doubts or the cause.
        control_totals: the totals that the file prints.
        weight_years: the fiscal years whose amounts its years are spread like, each named by its first period. Of years
            that are spread by weights of the descriptor, these years; of parts of years, each with its number of
            periods, as in 2025-04/3.
    """

    notes: Mapping[str, Note] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    cause: str = ""
    advice: str = ""
    control_totals: ControlTotals = NO_CONTROL_TOTALS
    weight_years: Sequence[str] = ()

    @property
    def periods_of_years(self) -> int:
        """How many periods each of its years that are spread has, or each part of a year."""
        return int(self.weight_years[0][8:] or 12)

    def spread_year(self, period: str) -> str:
        """Return the first period of the year, or the part of one, over which an amount of a period is spread."""
        return periods_of_year(period, int(self.weight_years[0][5:7]), self.periods_of_years)[0]

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
        totals = values["control_totals"]
        return ReaderFindings(
            **{
                **values,
                "notes": {text: Note(**note) for text, note in values["notes"].items()},
                "doubts": tuple(values["doubts"]),
                "weight_years": tuple(values["weight_years"]),
                "control_totals": ControlTotals.from_json(totals) if any(totals.values()) else NO_CONTROL_TOTALS,
            }
        )


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
        import numpy as np

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
