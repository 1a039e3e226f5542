"""Columns that nothing reads and whose texts are versions of the same amounts: all of them are added up.

Belongs here: versions of a plan, and parallel ledgers. Does not belong here: Actual among a plan (see
`unread_meanings`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.doubts.unread_column import UnreadColumn, leave_out, quoted_name
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.header_words import WORDS
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers
from finance_platform.feeds.violations import to_mask

VERSIONS = {*WORDS["scenario"], "version name", "version code", "budget name", "forecast version", "planversion"}
"""Headers of columns whose texts are versions, where lines have none in another way."""

LEDGERS = {
    *("ledger", "ledger group", "ledger name", "rldnr", "accounting book", "book", "posting layer", "gaap"),
    *("accounting principle", "accounting standard", "rechnungslegung", "hauptbuch ledger"),
}
"""Headers of columns whose texts are ledgers, each of which may have every line."""

_LEAST = 2
_MAX_TEXTS = 24


@dataclass
class _Repeating(UnreadColumn):
    """A column in which the lines of one text are in the same places as those of another."""

    _numbers: dict[str, list[Numbers]] = field(default_factory=dict)
    _amounts: dict[str, Decimal] = field(default_factory=dict)
    _size: int = 0

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        self._size += len(texts)
        if self._size > MAX_LINES or len(self._numbers) > _MAX_TEXTS:
            return
        numbers, amounts = self.number(columns), cents(columns["amount"])
        encoded = texts.dictionary_encode(null_encoding="encode")
        indices = encoded.indices.to_numpy()
        for index, value in enumerate(encoded.dictionary.to_pylist()):
            text = clean(value or "")[:MAX_VALUE_CHARACTERS]
            is_text = (indices == index) & (amounts != 0)
            if text and is_text.any() and len(self._numbers) <= _MAX_TEXTS:
                self.lines += int(is_text.sum())
                self._numbers.setdefault(text, []).append(numbers[is_text])
                total = Decimal(int(amounts[is_text].sum())).scaleb(-2)
                self._amounts[text] = self._amounts.get(text, Decimal(0)) + total

    def number(self, columns: Mapping[str, pa.Array]) -> Numbers:
        """Return the number of each line's place."""
        raise NotImplementedError

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery: most places of a text are those of one before it."""
        if self._size > MAX_LINES or len(self._numbers) > _MAX_TEXTS:
            return {}
        places = {text: np.unique(np.concatenate(parts)) for text, parts in self._numbers.items()}
        first, *others = sorted(places, key=lambda text: -len(places[text])) or [""]
        for text in others:
            repeated = int(np.isin(places[text], places[first]).sum())
            if repeated >= _LEAST and repeated * 2 > len(places[text]):
                self.found = Counter({text: sum(map(len, self._numbers[text]))})
                self.total, self._first = self._amounts[text], first
                break
        return super().doubts()

    _first: str = ""

    @property
    def rule(self) -> str:
        """The fix that leaves the lines of a text out."""
        return leave_out(self.rules, self.name, self.found)


class Versions(_Repeating):
    """Versions of a plan, or of another scenario, of the same months, departments and accounts."""

    def number(self, columns: Mapping[str, pa.Array]) -> Numbers:
        """Return the number of each line's scenario, period, department and account.

        Of actual lines, day and amount are in it: a ledger has many lines in one place.
        """
        places = place_numbers([columns[name] for name in ("scenario", "period", "department_key", "account_key")])
        is_actual = to_mask(pc.equal(columns["scenario_type"], "Actual"))
        return np.where(is_actual, _number_lines(columns), places) if is_actual.any() else places

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        reason = f"says {self.texts} of {self.count}, which are added to those of {self._first!r} in the same months"
        fix = (
            f"read the version by columns: {{scenario: {quoted_name(self.name)}}} in the descriptor, in place of "
            "constants, with a map for names that begin neither with Actual, Budget nor Forecast; or, if one version "
            f"counts, {self.rule} the descriptor for the other one; if all lines are to be added"
        )
        return f"{reason}, departments and accounts; {self.money}", fix


class Ledgers(_Repeating):
    """Ledgers that have the same lines."""

    def number(self, columns: Mapping[str, pa.Array]) -> Numbers:
        """Return the number of each line's scenario, day, department, account and amount."""
        return _number_lines(columns)

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        reason = f"says {self.texts} of {self.count}, most of which {self._first!r} has too, so they count twice"
        return f"{reason}; {self.money}", f"{self.rule} the descriptor; if all lines are to be added"


def _number_lines(columns: Mapping[str, pa.Array]) -> Numbers:
    """Return the number of each line's scenario, day, department, account and amount."""
    names = ("scenario", "posting_date", "department_key", "account_key")
    return place_numbers([*(columns[name] for name in names), pa.array(cents(columns["amount"]))])
