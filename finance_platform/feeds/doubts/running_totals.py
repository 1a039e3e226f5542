"""Months that are totals since the beginning of the year: each has the amounts of all before it.

Belongs here: headers that say so, comparing the months of a row, and the words that hold the delivery. Does not belong
here: the sums of lines that are months (see `place_sums`), columns of totals beside months (see `unread_months`), rows
of totals (see `unclaimed_totals`).

Reports of cumulative balances have the same form as those of months. Read as months, a year of 1,200 is one of 7,800.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from statistics import median

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.header_words import plain_name

LEAST_MONTHS, MOST_MONTHS = 6, 12
_LEAST_ROWS, _MOST_ROWS = 5, 200
_SHARE = Decimal("0.9")
"""Of the rows, which never become smaller: an account may have a credit note."""
_MOST_OF_HALF = Decimal("2.75")
"""How many times the total of the first half of the months that of all is, at most; of equal months it is 2 times."""

_STATED = re.compile(
    r"\b(?:ytd|year to date|itd|inception to date|cumulative|cumulated|cumul|cumule|cumules|kumuliert|kum|kumulativ"
    r"|aufgelaufen|aufgelaufene|jvz|acumulado|acumulada|cumulato|cumulata|cumulatief)\b|jahresverkehrszahl"
)
"""Words of a header, as `plain_name` writes them, that say that amounts are totals since the beginning of the year."""

_STATED_BESIDE_ACCOUNT = re.compile(r"\b(?:ytd|year to date|itd|inception to date)\b")
"""The same of a header that names an account, such as Cumulative translation adjustment or Amortissement cumulé."""


@dataclass
class RunningTotals:
    """The first rows of a table with a column for each month.

    Attributes:
        rules: of the feed.
        cells: the headers of the months, in their order.
    """

    rules: ReadingRules
    cells: Sequence[str]
    _rows: list[list[Decimal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        unpivot = self.rules.unpivot
        is_of_months = unpivot is not None and unpivot.into in {"date", "period"} and len(self.cells) >= LEAST_MONTHS
        self.cells = list(self.cells[:MOST_MONTHS]) if is_of_months else []

    def watch(self, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
        """Yield batches as they are, and keep the amounts of the first rows."""
        for batch in batches:
            if self.cells and len(self._rows) < _MOST_ROWS:
                columns = [batch.columns[name].slice(0, _MOST_ROWS).to_pylist() for name in self.cells]
                marks = batch.marks.slice(0, _MOST_ROWS).to_pylist() if batch.marks is not None else [None] * len(batch)
                for mark, *texts in zip(marks, *columns, strict=False):
                    amounts = [self._amount(text or "") for text in texts]
                    if mark is None and all(amount is not None for amount in amounts) and any(amounts):
                        self._rows.append([amount or Decimal(0) for amount in amounts])
            yield batch

    def _amount(self, text: str) -> Decimal | None:
        """Return the amount of a cell, 0 of a blank one; None if it has no valid one."""
        rule = self.rules.fields.get("amount", FieldRule())
        if not text.strip():
            return Decimal(0)
        written = read_amount(text.strip(), rule.decimal, rule.thousands) if len(text) <= MAX_VALUE_CHARACTERS else None
        return written.value if written else None

    def doubts(self) -> dict[str, str]:
        """Return why the months may be running totals, with what to do about it; complete after the last batch."""
        return growth_doubts(self._rows, self.cells, "rows") if self.cells else {}


def growth_doubts(rows: Sequence[Sequence[Decimal]], months: Sequence[str], what: str) -> dict[str, str]:
    """Return why months may be running totals, with what to do about it.

    Args:
        rows: the amounts of each row, one for each month.
        months: their names, in their order.
        what: what the rows are.
    """
    growing = [row for row in rows if _grows(row)]
    if len(growing) < _LEAST_ROWS or len(growing) < _SHARE * len(rows):
        return {}
    # A plan may grow in each month, but hardly to half as many times its first month as there are months.
    if median(row[-1] / row[0] for row in growing) < Decimal(len(months)) / 2:
        return {}
    # Plans of a new product, and prices that rise each month, grow as far, but faster and faster.
    if median(row[-1] / row[len(row) // 2 - 1] for row in growing) > _MOST_OF_HALF:
        return {}
    return {
        f"the amounts of {len(growing):,} of {len(rows):,} {what} grow from {clean(months[0])!r} to "
        f"{clean(months[-1])!r}, mostly to {len(months) / 2:g} times the first one or more, as if each month had the "
        "total since the first": (
            "send the file with the amounts of each month alone, such as a report of periods and not of cumulative "
            "balances; if these are the amounts of the months, accept the file"
        )
    }


def states_totals(header: str) -> bool:
    """Return whether a header says that amounts are totals since the beginning of the year."""
    return bool(_STATED.search(plain_name(header)))


def stated_doubts(headers: Collection[str], rules: ReadingRules) -> dict[str, str]:
    """Return why the columns that are read as amounts are running totals by their names, with what to do about it.

    Args:
        headers: of the columns.
        rules: of the feed.
    """
    accounts = {fold(one.header): one.fields.get("account", "") for one in rules.measures}
    are_accounts = rules.unpivot is not None and rules.unpivot.into == "account"

    def is_stated(name: str) -> bool:
        account = name if are_accounts else accounts.get(fold(name), "")
        # A code does not say whether the header is the account's name.
        is_name = states_totals(account) or any(map(str.isdigit, account))
        return bool(_STATED_BESIDE_ACCOUNT.search(plain_name(name))) if is_name else states_totals(name)

    stated = next((name for name in headers if not is_derived(name) and is_stated(name)), None)
    if stated is None:
        return {}
    return {
        f"the header {clean(stated)!r} says that amounts are totals since the beginning of the year, and each is read "
        "as the amount of its month alone": (
            "name the column with the amounts of the months in the descriptor, or export one; a file that has balances "
            "to compare with the ledger needs a descriptor of kind: balances; if these are the amounts of the months, "
            "accept the file"
        )
    }


def _grows(row: Sequence[Decimal]) -> bool:
    """Return whether the amounts of a row never become smaller, whatever their sign, and are not all the same."""
    amounts = [abs(amount) for amount in row]
    has_one_sign = all(amount >= 0 for amount in row) or all(amount <= 0 for amount in row)
    return has_one_sign and bool(row[0]) and amounts[-1] > amounts[0] and all(a <= b for a, b in pairwise(amounts))
