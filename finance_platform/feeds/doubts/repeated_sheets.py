"""Sheets of one workbook that repeat each other: a copy that a person kept, or the sums of all others.

Belongs here: comparing the sheets that a feed reads, and the words that hold the delivery. Does not belong here: lines
that another file has (see `deliveries.verdicts.repeated_lines`), which sheets are read (see `files.workbook`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.doubts.summed_texts import find_total
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers
from finance_platform.feeds.violations import ACCEPTED, to_mask
from finance_platform.money_text import sum_of_amounts

_LEAST_SHEETS = 2
_LEAST_LINES = 3
"""Different lines of a sheet; fewer may well be equal by chance."""
_SHARE = 10
"""At most one line in so many may differ: a copy is often kept before a correction."""
_PARTS = (
    *("scenario", "posting_date", "department_key", "account_key", "currency", "transaction_id"),
    *("scope_key", "business_unit", "department_name", "description"),  # one of them may be the sheet's name
)
_PLACE = ("scenario", "period", "account_key")
"""What sheets of departments or companies, and one that adds them up, have in common."""
_GLOB = re.compile("[*?[]")
_FIX = (
    "delete the copy from the workbook, or name the other sheets in sheet: in the descriptor; if the lines of both are "
    "to be added, accept the file"
)
_FIX_OF_SUMS = (
    "if the sheet adds up the others, hide it in the workbook, or delete it, and name the others in sheet: in the "
    "descriptor; if all lines are to be added, accept the file"
)

_Lines = tuple[Numbers, npt.NDArray[np.int64]]
"""The different lines of a sheet, and how often it has each."""


@dataclass
class _Sheet:
    parts: list[Numbers] = field(default_factory=list)
    places: list[Numbers] = field(default_factory=list)
    amounts: list[npt.NDArray[np.int64]] = field(default_factory=list)

    @property
    def money(self) -> str:
        """How many amounts there are, and what they add up to."""
        cents_of_lines = np.concatenate(self.amounts)
        return sum_of_amounts(len(cents_of_lines), Decimal(int(cents_of_lines.sum())).scaleb(-2))


@dataclass
class RepeatedSheets:
    """The accepted lines of the sheets of one file that have an amount."""

    _sheets: dict[str, _Sheet] = field(default_factory=dict)
    _size: int = 0

    def add(
        self, table: Table, rules: ReadingRules, columns: Mapping[str, pa.Array], names: Sequence[pa.Array]
    ) -> None:
        """Add lines; nothing if the feed reads one sheet, or lines have a key that must not repeat.

        Args:
            table: the sheet.
            rules: of the feed.
            columns: the typed lines.
            names: columns that say whose amounts these are, which no field reads.
        """
        is_one = len(rules.sheets) < _LEAST_SHEETS and not any(map(_GLOB.search, rules.sheets))
        if table.sheet is None or is_one or rules.key:
            return
        amounts = cents(columns["amount"])
        counts = (amounts != 0) & to_mask(pc.equal(columns["outcome"], ACCEPTED))
        self._size += int(counts.sum())
        sheet = self._sheets.setdefault(table.sheet, _Sheet())
        if self._size > MAX_LINES or not counts.any():
            return
        numbers = place_numbers([*(columns[name] for name in _PARTS), *names, pa.array(amounts)])
        sheet.parts.append(numbers[counts])
        sheet.places.append(place_numbers([columns[name] for name in _PLACE])[counts])
        sheet.amounts.append(amounts[counts])

    def doubts(self) -> dict[str, str]:
        """Return a reason to hold the delivery for each sheet whose lines another one has; of equal ones, the later.

        A sheet with the sums of all others is a reason, too.
        """
        if self._size > MAX_LINES or len(self._sheets) < _LEAST_SHEETS:
            return {}
        lines = {
            name: np.unique(np.concatenate(sheet.parts), return_counts=True)
            for name, sheet in self._sheets.items()
            if sheet.parts
        }
        if len(lines) < _LEAST_SHEETS:
            return {}
        doubts = self._sums()
        possible, repeated = set(_of_others(lines)), set[str]()
        for first, second in combinations(lines, 2):
            if not possible & {first, second} or repeated & {first, second}:
                continue
            same, different = _common(lines[first], lines[second])
            for name, other in ((second, first), (first, second)):
                total = int(lines[name][1].sum())
                if not repeated & {name, other} and different >= _LEAST_LINES and (total - same) * _SHARE <= total:
                    repeated.add(name)
                    doubts[
                        f"{same:,} of {total:,} lines of sheet {name!r} are lines of sheet {other!r} too, with their "
                        f"day, department, account and amount, and all are added; its {self._sheets[name].money}"
                    ] = _FIX
        return doubts

    def _sums(self) -> dict[str, str]:
        """Return why a sheet may have the sums of all others, of two at least."""
        sheets = {name: sheet for name, sheet in self._sheets.items() if sheet.parts}
        sizes = [sum(map(len, sheet.amounts)) for sheet in sheets.values()]
        places = np.concatenate([part for sheet in sheets.values() for part in sheet.places])
        amounts = np.concatenate([part for sheet in sheets.values() for part in sheet.amounts])
        total = find_total(np.repeat(np.arange(len(sheets)), sizes), places, amounts)
        if total is None:
            return {}
        name, sheet = list(sheets.items())[total]
        text = (
            f"the amounts of sheet {name!r} are the sums of those of the other sheets in the same months and accounts, "
            f"so they count twice; its {sheet.money}"
        )
        return {text: _FIX_OF_SUMS}


def _of_others(lines: Mapping[str, _Lines]) -> Iterator[str]:
    """Yield the sheets of whose lines enough are in any other one; of most workbooks none, so no two are compared."""
    numbers, sheets = np.unique(np.concatenate([of_sheet for of_sheet, _ in lines.values()]), return_counts=True)
    for name, (of_sheet, counts) in lines.items():
        is_shared = sheets[np.searchsorted(numbers, of_sheet)] > 1
        if (int(counts.sum()) - int(counts[is_shared].sum())) * _SHARE <= int(counts.sum()):
            yield name


def _common(lines: _Lines, others: _Lines) -> tuple[int, int]:
    """Return how many lines two sheets have in common, and how many different ones."""
    _, here, there = np.intersect1d(lines[0], others[0], assume_unique=True, return_indices=True)
    return int(np.minimum(lines[1][here], others[1][there]).sum()), len(here)
