"""Days of a table that may be other days: two forms of the descriptor read them, or a spreadsheet has swapped them.

Belongs here: collecting the texts of a field over the batches of a table, and the words that hold the delivery or warn.
Does not belong here: which day a text gives (see `dates`, `day_columns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from finance_platform.feeds.cells import DistinctValues, RawBatch
from finance_platform.feeds.findings import Note
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import date_parts, parse_date, period_of

_LAST_MONTH = 12
_MANY = 3
"""Different texts of each kind that are no chance, where the months do not say what happened."""

_MAX_TEXTS = 10_000
"""Different texts of a table that are compared; a column with more has times in it."""

_DAY_AND_MONTH = {"day", "month"}


@dataclass(frozen=True)
class _Text:
    """A text of the field, with the day that counts, and its first place."""

    text: str
    day: date
    place: str


@dataclass
class DayDoubts:
    """The different texts of one field of days.

    Attributes:
        name: the field.
        patterns: those of the descriptor.
        tried: these, and those of cells of sheets.
    """

    name: str
    patterns: Sequence[str]
    tried: Sequence[str]
    _known: set[str | None] = field(default_factory=lambda: {None})
    _either: dict[tuple[str, str], _Text] = field(default_factory=dict)
    _only: dict[str, _Text] = field(default_factory=dict)
    _texts: list[_Text] = field(default_factory=list)
    _cells: list[_Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = {pattern: date_parts(pattern) for pattern in self.tried}
        # A month's name says which part is the month, and a spreadsheet never swaps a year that comes first.
        self._swappable = {
            pattern for pattern, order in parts.items() if set(order) >= _DAY_AND_MONTH and order[0] in _DAY_AND_MONTH
        }
        self._orders = {pattern: order for pattern, order in parts.items() if pattern in self.patterns}
        self._is_needed = bool(self._swappable) and len(self.tried) > 1

    def add(self, texts: DistinctValues, batch: RawBatch) -> None:
        """Add the texts of a batch."""
        if not self._is_needed:
            return
        positions: list[int] = []
        for place, text in enumerate(texts.values.to_pylist()):
            if text in self._known or len(self._known) > _MAX_TEXTS:
                continue
            self._known.add(text)
            positions = positions or texts.first_positions()
            self._add(text, positions[place], batch)

    def _add(self, text: str, position: int, batch: RawBatch) -> None:
        days = {pattern: day for pattern in self.tried if (day := parse_date(clean(text), (pattern,)))}
        if not days:
            return
        first, day = next(iter(days.items()))
        found = _Text(text, day, batch.place(position))
        others = [pattern for pattern, other in days.items() if other != day and pattern in self._orders]
        for pattern in others:
            self._either.setdefault((first, pattern), found)
        if not others:
            self._only.setdefault(first, found)
        if "day" in date_parts(first):
            (self._texts if first in self._swappable else self._cells).append(found)

    def doubts(self) -> dict[str, str]:
        """Return why a person must decide whether the table may count, with what to do about it."""
        doubts = {}
        for (pattern, other), found in self._either.items():
            if proof := self._only.get(other):
                doubts[
                    f"{self.name}: {found.text!r} on {found.place} was read as {found.day}, by the form {pattern}; by "
                    f"{other}, which {proof.text!r} on {proof.place} has, it is another day"
                ] = (
                    f"keep one of both forms in columns.{self.name}.formats of the descriptor, and send files of the "
                    "other one under another path, with a descriptor of their own; if every day is right, accept the "
                    "file"
                )
        return doubts | self._swapped()

    def notes(self) -> dict[str, Note]:
        """Return a note for each two forms of which nothing in the table says which one is meant."""
        unproven = {
            (pattern, other): found
            for (pattern, other), found in self._either.items()
            if pattern not in self._only and other not in self._only
        }
        return {
            f"{self.name}: every such day is valid by the forms {pattern} and {other}, and was read by the first, "
            f"first on {found.place} ({found.text[:60]!r})": Note(
                1, f"keep the form that is meant in columns.{self.name}.formats of the descriptor"
            )
            for (pattern, other), found in unproven.items()
        }

    def _swapped(self) -> dict[str, str]:
        """Return why days may be swapped: a spreadsheet makes dates of those that its own country can read."""
        cells = [cell for cell in self._cells if cell.day.day != cell.day.month]
        if not (cells and self._texts) or any(one.day.day <= _LAST_MONTH for one in self._texts):
            return {}
        if any(cell.day.day > _LAST_MONTH for cell in self._cells):
            return {}
        months = {period_of(one.day) for one in self._texts}
        as_read = {period_of(cell.day) for cell in cells} <= months
        as_swapped = {f"{cell.day.year:04d}-{cell.day.day:02d}" for cell in cells} <= months
        is_many = min(len(self._texts), len(cells)) >= _MANY
        if (as_read and not as_swapped) or not (is_many or (as_swapped and not as_read)):
            return {}
        cell, text = cells[0], self._texts[0]
        swapped = f"{cell.day.year:04d}-{cell.day.day:02d}-{cell.day.month:02d}"
        return {
            f"{self.name}: a spreadsheet may have swapped day and month: days up to the {_LAST_MONTH}th are its dates, "
            f"such as {cell.day} on {cell.place}, which may be {swapped}; all later ones stayed texts, such as "
            f"{text.text!r} on {text.place}": (
                "send the file as its source wrote it, without opening it in a spreadsheet, or open it by an import "
                "that reads this column as text; if every day is right, accept the file"
            )
        }
