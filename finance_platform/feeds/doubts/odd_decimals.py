"""Amounts with three decimals among amounts with two: 1,234 may be 1234, and 0,500 a half.

Belongs here: comparing the decimals of the amounts of a table, and the words that hold the delivery. Does not belong
here: reading an amount (see `values.amounts`), the warning if an amount does not show what its mark means (see
`ledger_lines`).

One file may have amounts of two systems, or of two clerks. Those with cents contradict the declared marks and are
rejected; whole ones are read as something else, a thousand times as large or small.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.amounts import ParsedAmounts
from finance_platform.feeds.values.currencies import has_thousandths
from finance_platform.feeds.violations import Mask, to_mask

_TEXTS_OF_BATCH, _MOST_BATCHES = 500, 20
"""Amounts whose decimals are counted, of each batch and in how many: most files show them in their first rows."""

_LEAST_ALIKE = 2
"""Amounts with three decimals in a table without any other decimals; a single one may be calculated."""

_HALF = "(?:^|[^0-9])0[.,][0-9]{3}(?:$|[^0-9])"
_LAST_ZERO = "0[^0-9]*$"
"""Who writes the zero at the end of 1.500 does not write 3.25 for 3.250."""

_NUMBER = "^-?[0-9]+(?:[.][0-9]+)?$"
"""A cell of a sheet that may be a number, which shows nothing about the marks of texts."""

_FIX = (
    "compare these amounts with the source; if they are others, send the file with one mark for thousands and one for "
    "decimals; if they are right, accept the file"
)


@dataclass
class _Odd:
    """Amounts that seem to be written with other marks: how many, the first one with its place and its value."""

    count: int = 0
    text: str = ""
    place: str = ""
    value: Decimal | None = None

    def add(self, positions: Sequence[int], texts: pa.StringArray, values: pa.Array, batch: RawBatch) -> None:
        """Add the amounts at some positions of a batch."""
        if positions and not self.count:
            first = positions[0]
            self.text, self.value, self.place = texts[first].as_py(), values[first].as_py(), batch.place(first)
        self.count += len(positions)

    def __str__(self) -> str:
        """Return them in words."""
        first = f"first {self.text!r} on {self.place}, which is read as {self.value},"
        return f"1 amount, {first} has" if self.count == 1 else f"{self.count:,} amounts, {first} have"


class OddDecimals:
    """The decimals of the amounts of one table, as its texts have them."""

    def __init__(self, currency: str) -> None:
        """Begin a table.

        Args:
            currency: the home's, whose amounts have three decimals in a few countries.
        """
        self._are_three_usual = has_thousandths(currency)
        self._three, self._half = _Odd(), _Odd()
        self._short = self._batches = 0
        self._has_more, self._end_in_zero = False, True
        self._decimal = "."

    def add(
        self, rule: FieldRule, texts: pa.StringArray, parsed: ParsedAmounts, skipped: Mask, batch: RawBatch
    ) -> None:
        """Add a column of amounts of a batch.

        Args:
            rule: the field's, with its marks.
            texts: the column, null where blank.
            parsed: the same, parsed.
            skipped: which rows are not data.
            batch: the rows.
        """
        if rule.scale:
            return  # the decimals of thousands are units
        self._decimal = rule.decimal
        if parsed.ambiguous:
            ambiguous = np.asarray(parsed.ambiguous)
            ambiguous = ambiguous[~skipped[ambiguous]]
            written = pc.take(texts, pa.array(ambiguous, pa.int64()))
            is_half = to_mask(pc.match_substring_regex(written, _HALF))
            is_three = to_mask(pc.match_substring(written, rule.decimal)) & ~is_half
            is_half &= to_mask(pc.not_equal(pc.take(parsed.values, pa.array(ambiguous, pa.int64())), 0))
            self._half.add(ambiguous[is_half].tolist(), texts, parsed.values, batch)
            self._three.add(ambiguous[is_three].tolist(), texts, parsed.values, batch)
            self._end_in_zero &= bool(np.all(to_mask(pc.match_substring_regex(written, _LAST_ZERO))[is_three]))
        if not self._has_more and parsed.exact:
            longer = pa.array(sorted(parsed.exact.keys() - set(parsed.ambiguous)), pa.int64())
            self._has_more = bool(np.any(~_may_be_number(pc.take(texts, longer), batch)))
        if self._batches < _MOST_BATCHES:
            self._batches += 1
            self._short += _count_short(rule, texts, skipped, batch)

    def doubts(self, *, has_proven_marks: bool) -> dict[str, str]:
        """Return why amounts may be others than they are read as, with what to do about it.

        Args:
            has_proven_marks: whether an amount shows which of its marks groups and which begins a fraction.
        """
        doubts = {}
        is_more_usual = self._short > (0 if self._end_in_zero else self._three.count)
        is_odd = is_more_usual and not (self._has_more or self._are_three_usual)
        if self._three.count and is_odd:
            doubts[f"{self._three} three decimals, and others have two at most: its mark may group thousands"] = _FIX
        if self._three.count >= _LEAST_ALIKE and not (has_proven_marks or self._has_more or self._are_three_usual):
            reason = f"each amount with a mark has three digits behind it: {self._three} three decimals"
            doubts[f"{reason}, and its mark may group thousands"] = self._fix_of_marks()
        if self._half.count:
            doubts[f"{self._half} a zero before the mark of thousands, which may begin a fraction"] = _FIX
        return doubts

    def _fix_of_marks(self) -> str:
        thousands, decimal = (".", ",") if self._decimal == "." else (",", ".")
        return (
            f"set columns.amount.decimal: {decimal!r} and columns.amount.thousands: {thousands!r} in the descriptor, "
            f"if {self._three.text!r} is a whole amount; if these amounts have three decimals, accept the file"
        )


def _count_short(rule: FieldRule, texts: pa.StringArray, skipped: Mask, batch: RawBatch) -> int:
    """Return how many of the first texts have one or two decimals."""
    first = texts.slice(0, _TEXTS_OF_BATCH)
    is_short = to_mask(pc.match_substring_regex(first, rf"[0-9]{re.escape(rule.decimal)}[0-9]{{1,2}}[^0-9]*$"))
    return int(np.sum(is_short & ~skipped[: len(first)] & ~_may_be_number(first, batch)))


def _may_be_number(texts: pa.StringArray, batch: RawBatch) -> Mask:
    if batch.sheet is None:
        return np.zeros(len(texts), dtype=np.bool_)
    return to_mask(pc.match_substring_regex(texts, _NUMBER))
