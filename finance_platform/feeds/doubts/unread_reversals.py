"""A column that nothing reads and that marks lines as reversals, which have the sign of the lines that they reverse.

Belongs here: finding such lines among the others. Does not belong here: a column that names the line that is reversed
(see `deliveries.verdicts.reversals`), lines that do not count (see `unread_meanings`).

DATEV's Generalumkehr and other systems post a reversal on the same side with a mark, so that turnover is not inflated.
Read without the mark, a cancelled invoice counts twice in place of not at all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa

from finance_platform.feeds.doubts.unread_column import MAX_LISTED, UnreadColumn, quoted_name
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers

_AMBIGUOUS = {"reversal", "reversal flag", "reversal indicator"}
"""Headers that mark accruals too, which the system will reverse in the next month. A month has them once."""

REVERSALS = {
    *("storno", "stornobuchung", "stornokennzeichen", "storno kz", "storno kennzeichen", "generalumkehr"),
    *("generalumkehr gu", "general umkehr", "is reversal", "reversal entry", *_AMBIGUOUS),
    *("negative posting", "negativbuchung", "xnegp", "extourne", "contrepassation", "anulacion", "stornering"),
}
"""Headers of marks of the lines that reverse others. Not those of lines that were reversed, such as `Reversed`."""

_MARKS = frozenset(
    {"x", "1", "y", "yes", "true", "t", "j", "ja", "oui", "o", "si", "s", "r", "g", "storno", "reversal"}
)
_MOST_OTHERS = 3
"""Texts of lines without a mark, of which a column of marks has no more."""


@dataclass
class UnreadReversals(UnreadColumn):
    """The marked lines of a table, which have no counter-entry, and each of which has an equal line without a mark."""

    _marked: list[Numbers] = field(default_factory=list)
    _opposite: list[Numbers] = field(default_factory=list)
    _others: list[Numbers] = field(default_factory=list)
    _texts: set[str] = field(default_factory=set)
    _amount: int = 0

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        self.lines += len(texts)
        if self.lines > MAX_LINES or not len(texts):
            return
        encoded = texts.dictionary_encode(null_encoding="encode")
        names = [clean(value or "")[:MAX_VALUE_CHARACTERS] for value in encoded.dictionary.to_pylist()]
        self._texts.update(list(dict.fromkeys(name for name in names if name and fold(name) not in _MARKS))[:100])
        indices, amounts = encoded.indices.to_numpy(), cents(columns["amount"])
        is_marked = np.array([fold(name) in _MARKS for name in names], np.bool_)[indices] & (amounts != 0)
        names_of_place = ["scenario", "department_key", "account_key"]
        names_of_place += ["period"] if plain_name(self.name) in _AMBIGUOUS else []
        places = place_numbers([columns[name] for name in names_of_place])
        lines: Numbers = places + amounts.view(np.uint64)
        opposite: Numbers = places - amounts.view(np.uint64)
        self._marked.append(lines[is_marked])
        self._opposite.append(opposite[is_marked])
        self._others.append(lines[~is_marked])
        self._amount += int(amounts[is_marked].sum())
        for index in indices[is_marked].tolist():
            self.found[names[index]] += 1

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery: every marked line has the sign of the line that it reverses."""
        self.total = Decimal(self._amount).scaleb(-2)
        if not self.found or self.lines > MAX_LINES or not self._are_same_sided():
            self.found = Counter()
        return super().doubts()

    def _are_same_sided(self) -> bool:
        if len(self._texts) > _MOST_OTHERS:
            return False
        marked, opposite, others = (np.concatenate(part) for part in (self._marked, self._opposite, self._others))
        has_counter_entry = np.isin(opposite, np.concatenate([others, marked]))
        return bool(np.isin(marked, others).all()) and not has_counter_entry.any()

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        amount = self.rules.fields.get("amount")
        fix = "send a file in which reversals have the opposite sign"
        if amount is not None and not (amount.sign_column or amount.debit):
            marks = json.dumps(list(self.found)[:MAX_LISTED], ensure_ascii=False)
            others = json.dumps(sorted(self._texts) or ["none"], ensure_ascii=False)
            default = json.dumps((sorted(self._texts) or ["none"])[0], ensure_ascii=False)
            column = f"{{from: {quoted_name(self.name)}, negative: {marks}, positive: {others}, default: {default}}}"
            fix = f"add sign_column: {column} to columns.amount in the descriptor; if amounts have signs, {fix}"
        reason = (
            f"says {self.texts} of {self.count}, each of which has the amount and the sign of another line of its "
            f"department and account, in place of the opposite sign; {self.money}"
        )
        return reason, f"{fix}; if these lines are to be added"
