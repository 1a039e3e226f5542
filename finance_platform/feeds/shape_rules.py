"""The rules by which a row gives several lines, as they travel to Glue: plain dataclasses, JSON both ways.

Belongs here: the resolved forms of `unpivot`, `measures`, `spread` and `lookup`, and the headers under which the
cells of a line are found.
Does not belong here: what a descriptor may say (see `descriptor.shape`), reshaping rows (see `shapes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from finance_platform.feeds.values.dates import periods_of_year

CELL = "\0cell"
"""Under this header a reshaped batch has the cell that gave the line. No file has it: headers are cleaned of NUL."""

HEADER = "\0header"
"""Under this header a reshaped batch has what the cell's own header says, with the year."""

_MONTHS = 12
_SET_BY_MEASURE = "\0measure "

HASHED_IF_SET = {"hashed_if_set": True}
"""Metadata of a rule that was added later: its default is not hashed, so feeds without it keep their identity."""

NOT_HASHED = {"not_hashed": True}
"""Metadata of a rule that gives other lines only for files that could not be read without it."""


def measure_header(name: str) -> str:
    """Return the header under which a reshaped batch has a field that `measures` set."""
    return _SET_BY_MEASURE + name


def is_derived(header: str) -> bool:
    """Return whether a header is one of a reshaped batch and not of a file."""
    return header.startswith("\0")


@dataclass(frozen=True)
class UnpivotRule:
    """Columns of which each gives a line.

    Attributes:
        columns: their headers; all must be there.
        pattern: regular expression (RE2) of whole headers, instead of `columns`.
        into: the field that the header goes into.
        header_map: header to text, matched with case and white space folded.
        year: the year that is put before the header's text.
        year_pattern: regular expression of the part of the object key that is the year.
        year_column: header of the column that has the year.
        keeps_blank: whether a blank cell is a line, which is rejected, if another cell of its row is not blank.
    """

    columns: tuple[str, ...] = ()
    pattern: str | None = None
    into: str = "date"
    header_map: Mapping[str, str] = field(default_factory=dict)
    year: str | None = None
    year_pattern: str | None = None
    year_column: str | None = None
    keeps_blank: bool = False

    @property
    def has_year(self) -> bool:
        """Whether a year is put before the header's text."""
        return bool(self.year or self.year_pattern or self.year_column)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> UnpivotRule:
        """Rebuild a rule from the values of `asdict`."""
        return UnpivotRule(**{**values, "columns": tuple(values["columns"])})


@dataclass(frozen=True)
class MeasureRule:
    """A column with amounts beside others; `fields` are what its lines have in common."""

    header: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class SpreadRule:
    """How the amount of a year, or of a half or a quarter of it, becomes one for each period.

    Attributes:
        weights: of each period, twelve of a year, six or three of a part of it, whole numbers; a period of weight 0 has
            no line. Empty if the weights are those of `like`, of which there are twelve.
        first_month: the first month of the year, 1 to 12.
        like: the scenario whose amounts are the weights.
        year: the fiscal year of these amounts, counted from the line's own; -1 is the one before.
    """

    weights: tuple[int, ...]
    first_month: int
    like: str | None = field(default=None, metadata=HASHED_IF_SET)
    year: int = field(default=0, metadata=HASHED_IF_SET)

    def periods_of(self, period: str) -> list[str]:
        """Return the periods over which an amount of a period is spread."""
        return periods_of_year(period, self.first_month, len(self.weights) or _MONTHS)

    def years_of(self, periods: Iterable[str]) -> list[str]:
        """Return the years that are spread by the weights, or the parts of years, as findings name them.

        Args:
            periods: those of the lines.
        """
        part = "" if len(self.weights) == _MONTHS else f"/{len(self.weights)}"
        return sorted({f"{self.periods_of(period)[0]}{part}" for period in periods})

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> SpreadRule:
        """Rebuild a rule from the values of `asdict`."""
        return SpreadRule(**{**values, "weights": tuple(values["weights"])})


@dataclass(frozen=True)
class LookupRule:
    """Fields that lines take from the rows of another feed.

    Attributes:
        feed: its name.
        on: header of the column that has the row's key there.
        take: the fields.
    """

    feed: str
    on: str
    take: tuple[str, ...]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> LookupRule:
        """Rebuild a rule from the values of `asdict`."""
        return LookupRule(**{**values, "take": tuple(values["take"])})
