"""Codes of a column: cleaned, filled with zeros, shortened; what was shortened is reported.

Belongs here: applying a field's rules to a column of codes. Does not belong here: one code (see `codes`), rejecting
rows (see `ledger_lines`, `reference_rows`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import DistinctValues, RawBatch
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import REMEMBERED_CODES, clean, pad_code, shorten_code
from finance_platform.money_text import grouped_money

_FIX = "map them in the descriptor to codes of your own if the shortened ones are not good enough for people"

_CLEAN = r"\A[!-~]+( [!-~]+)*\z"
"""Texts that `clean` returns as they are: nearly all codes of all files."""


@dataclass
class _Shortened:
    place: str
    sample: str
    limit: int
    count: int = 0
    longest: int = 0
    money: Decimal = Decimal(0)


@dataclass
class TypedCodes:
    """The codes of one table, and what was shortened of them."""

    _shortened: dict[str, _Shortened] = field(default_factory=dict)

    def type_column(
        self, name: str, rule: FieldRule, texts: pa.StringArray, batch: RawBatch, amounts: pa.Array | None = None
    ) -> DistinctValues:
        """Return a field's codes.

        Args:
            name: the field.
            rule: its rule.
            texts: its texts, null where blank.
            batch: the rows.
            amounts: their money, if the feed has any.
        """
        codes = DistinctValues.of(texts)
        if rule.pad or not pc.all(pc.match_substring_regex(codes.values, _CLEAN)).as_py():
            codes = codes.map(lambda text: _cleaned(text, rule.pad), pa.string())
        if not rule.shorten:
            return codes
        shortened = codes.map(lambda code: shorten_code(code, rule.shorten), pa.string())
        if not codes.values.equals(shortened.values):
            column = codes.column()
            positions = np.flatnonzero(pc.fill_null(pc.not_equal(column, shortened.column()), False))
            self._add(name, rule.shorten, positions.tolist(), column, batch, amounts)
        return shortened

    def _add(
        self,
        name: str,
        limit: int,
        positions: list[int],
        codes: pa.StringArray,
        batch: RawBatch,
        amounts: pa.Array | None,
    ) -> None:
        first = positions[0]
        known = self._shortened.setdefault(name, _Shortened(batch.place(first), codes[first].as_py(), limit))
        known.count += len(positions)
        known.longest = max(known.longest, pc.max(pc.binary_length(codes.take(pa.array(positions)))).as_py())
        if amounts is not None:
            money = pc.sum(pc.abs(amounts.take(pa.array(positions))).cast(SUM_OF_MONEY_TYPE)).as_py()
            known.money = EXACT.add(known.money, money or Decimal(0))

    def notes(self) -> dict[str, Note]:
        """Return a note for each field with shortened codes: their length and money, and the first place."""
        return {
            f"{name}: codes of more than {found.limit} bytes were shortened, the longest of {found.longest:,} bytes"
            f"{f', with {grouped_money(found.money)} in all' if found.money else ''}, first on {found.place} "
            f"({found.sample[:60]!r})": Note(found.count, _FIX)
            for name, found in self._shortened.items()
        }


@lru_cache(maxsize=REMEMBERED_CODES)
def _cleaned(text: str, digits: int) -> str:
    return pad_code(clean(text), digits)
