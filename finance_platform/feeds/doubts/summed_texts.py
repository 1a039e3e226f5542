"""A text of a column whose amounts are the sums of those of all others: the group beside its companies.

Belongs here: finding it among amounts, and the column of companies that nothing reads. Does not belong here: rows that
are sums of the rows around them (see `parent_rows`, `unclaimed_totals`), texts that repeat each other's lines (see
`unread_versions`).

In a long file such a total is no row above or below its parts: each month and account has one. Read as lines, every
amount counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from finance_platform.feeds.doubts.unread_column import UnreadColumn, leave_out
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers

Amounts = npt.NDArray[np.int64]

COMPANIES = {
    *("entity", "entity code", "entity name", "legal entity", "company", "company code", "company name", "comp code"),
    *("subsidiary", "subsidiary name", "reporting unit", "consolidation unit", "cons unit", "business unit", "bu"),
    *("segment", "region", "country", "branch", "site", "bukrs", "buchungskreis", "gesellschaft", "firma", "mandant"),
    *("unternehmen", "werk", "societe", "entite", "filiale", "sociedad", "empresa", "entidad", "societa", "azienda"),
    *("entita", "entiteit", "vennootschap", "bedrijf"),
}
"""Headers of columns whose texts are companies, or other parts of a group."""

LEAST_TEXTS = 3
_MAX_TEXTS = 500
_LEAST_SUMS = 4
_DIFFERENT_SUMS = 3
_DIFFERENT_SHARES = 3
_SHARE_DECIMALS = 3
_SHARE = 0.8
"""Of the places of the total, and of those of its parts: a total may have been rounded, or lack an elimination."""


def find_total(texts: npt.NDArray[np.int64], places: Numbers, amounts: Amounts) -> int | None:
    """Return the text whose amounts are the sums of those of all others, two at least, in nearly all places.

    Args:
        texts: the number of each line's text, from zero.
        places: what else names the place of each line, such as its period and account.
        amounts: in cents.
    """
    count = int(texts.max(initial=-1)) + 1
    if not LEAST_TEXTS <= count <= _MAX_TEXTS:
        return None
    distinct, numbers = np.unique(places, return_inverse=True)
    cells, of_cells = np.unique(numbers * count + texts, return_inverse=True)
    sums = np.zeros(len(cells), np.int64)
    np.add.at(sums, of_cells, amounts)
    cells, sums = cells[sums != 0], sums[sums != 0]
    at, text = cells // count, cells % count
    totals, parts = np.zeros(len(distinct), np.int64), np.bincount(at, minlength=len(distinct))
    np.add.at(totals, at, sums)
    is_sum = (2 * sums == totals[at]) & (parts[at] >= 2)
    for candidate in np.argsort(-np.bincount(text[is_sum], minlength=count))[:2].tolist():
        mine = text == candidate
        matching = is_sum & mine
        # With one part, the place says nothing: two departments may have the same amounts.
        of_several = matching & (parts[at] > 2)
        of_others = len(np.unique(at[~mine]))
        if (
            of_several.sum() >= _LEAST_SUMS
            and len(np.unique(sums[of_several])) >= _DIFFERENT_SUMS
            and _count_shares(at, sums, mine, at[of_several]) >= _DIFFERENT_SHARES
            and matching.sum() >= _SHARE * max(int(mine.sum()), of_others)
        ):
            return int(candidate)
    return None


def _count_shares(at: Amounts, sums: Amounts, is_total: npt.NDArray[np.bool_], places: Amounts) -> int:
    """Return how many different shares the largest part of a total has in some places.

    Costs that are spread by a fixed key have the same shares everywhere, and one department may bear half of them.
    """
    largest, totals = np.zeros(int(at.max()) + 1, np.int64), np.zeros(int(at.max()) + 1, np.int64)
    np.maximum.at(largest, at[~is_total], np.abs(sums[~is_total]))
    totals[at[is_total]] = np.abs(sums[is_total])
    return len(np.unique(np.round(largest[places] / totals[places], _SHARE_DECIMALS)))


@dataclass
class Companies(UnreadColumn):
    """A column of companies, one of which may be the group."""

    _texts: dict[str, int] = field(default_factory=dict)
    _parts: list[tuple[npt.NDArray[np.int64], Numbers, Amounts]] = field(default_factory=list)

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        self.lines += len(texts)
        if self.lines > MAX_LINES or len(self._texts) > _MAX_TEXTS or not len(texts):
            self._parts.clear()
            return
        encoded = texts.dictionary_encode(null_encoding="encode")
        names = [clean(value or "")[:MAX_VALUE_CHARACTERS] for value in encoded.dictionary.to_pylist()]
        numbers = np.array([self._texts.setdefault(name, len(self._texts)) for name in names], np.int64)
        places = place_numbers([columns[name] for name in ("scenario", "period", "department_key", "account_key")])
        self._parts.append((numbers[encoded.indices.to_numpy()], places, cents(columns["amount"])))

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery: one text is the total of the others."""
        if self._parts and self.lines <= MAX_LINES:
            texts, places, amounts = (np.concatenate(part) for part in zip(*self._parts, strict=True))
            total = find_total(texts, places, amounts)
            if total is not None:
                is_total = texts == total
                self.found = Counter({list(self._texts)[total]: int(is_total.sum())})
                self.total = Decimal(int(amounts[is_total].sum())).scaleb(-2)
        return super().doubts()

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        reason = (
            f"the amounts of {self.texts} are the sums of those of the others in the same months, departments and "
            f"accounts, so they count twice: {self.count}; {self.money}"
        )
        return reason, f"{leave_out(self.rules, self.name, self.found)} the descriptor; if all lines are to be added"
