"""The amounts of a table by scenario, period, department and account: what reports and plans have a line for.

Belongs here: adding lines up, and the doubts that only their sums show: months that are running totals, a department
that is the total of the others. Does not belong here: months that are columns (see `running_totals`), totals between
lines (see `unclaimed_totals`, `parent_rows`).

A ledger has many lines in one place and no totals among them: after its first batch, nothing more is added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.running_totals import LEAST_MONTHS, MOST_MONTHS, growth_doubts
from finance_platform.feeds.doubts.summed_texts import LEAST_TEXTS, find_total
from finance_platform.feeds.doubts.unread_column import leave_out
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.line_numbers import Numbers, cents
from finance_platform.feeds.violations import ACCEPTED
from finance_platform.money_text import sum_of_amounts

Integers = npt.NDArray[np.int64]

_MAX_LINES = 250_000
_LINES_OF_A_LEDGER = 4
"""Lines of a place and period, on average, of which a table of a ledger has more."""

_TOTALS = {"department": "department_code", "business_unit": "business_unit"}
"""Fields one of whose texts may be the total of the others. Not the account: a unit that charges its costs on has an
account of revenue that is the sum of all others."""

_PLACE = ("scenario", "period", "account_number", *_TOTALS.values())
_MAX_PERIODS = 60
_MONTHS = 12


@dataclass
class PlaceSums:
    """The accepted lines of one table.

    Attributes:
        rules: of the feed.
        sources: where the fields of its lines come from.
        has_running_totals: whether it is known whether its months are running totals.
    """

    rules: ReadingRules
    sources: Mapping[str, FieldSource]
    has_running_totals: bool = False
    _columns: dict[str, list[Integers]] = field(default_factory=dict)
    _numbers: dict[str, dict[str, int]] = field(default_factory=dict)
    _compared: int = 0
    _is_ledger: bool = False

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Add the typed columns of a batch."""
        if self._is_ledger:
            return
        is_accepted = pc.equal(columns["outcome"], ACCEPTED)
        has_others = not pc.all(is_accepted).as_py()
        for name in (*_PLACE, "amount"):
            values = pc.filter(columns[name], is_accepted) if has_others else columns[name]
            numbers = cents(values) if name == "amount" else self._encode(name, values)
            self._columns.setdefault(name, []).append(numbers)
        size = sum(map(len, self._columns["amount"]))
        # Each time there are twice as many lines, so that they are not compared again for every batch.
        if size > self._compared * 2:
            self._compared = size
            self._is_ledger = size > _LINES_OF_A_LEDGER * max(1, len(np.unique(self._places(*_PLACE))))
        if self._is_ledger or size > _MAX_LINES:
            self._is_ledger = True
            self._columns.clear()

    def doubts(self) -> dict[str, str]:
        """Return why a person must decide whether the table may count; complete after the last batch."""
        if self._is_ledger or not self._columns:
            return {}
        doubts = {} if self.has_running_totals else self._growth()
        for name, column in _TOTALS.items():
            headers = self.sources[name].headers if name in self.sources else ()
            if len(headers) == 1 and not is_derived(headers[0]):
                doubts |= self._total(name, column, headers[0])
        return doubts

    def _growth(self) -> dict[str, str]:
        """Return why the months of most places may be running totals."""
        periods, amounts = self._column("period"), self._column("amount")
        names = list(self._numbers["period"])
        # Rows that are not accepted may have other periods.
        order = sorted(np.unique(periods).tolist(), key=names.__getitem__)
        if not LEAST_MONTHS <= len(order) <= _MAX_PERIODS:
            return {}  # of most files, which have one month
        series, of_lines = np.unique(self._places("scenario", "department_code", "account_number"), return_inverse=True)
        if len(series) * len(names) > _MAX_LINES:
            return {}
        table = np.zeros((len(series), len(names)), np.int64)
        np.add.at(table, (of_lines, periods), amounts)
        table = table[:, order]
        months = [names[position] for position in order]
        for first, last in _years(table, months):
            part = table[:, first:last]
            rows = part[(part != 0).any(axis=1)].tolist()
            doubts = growth_doubts(rows, months[first:last], "departments and accounts")
            if doubts:
                return doubts
        return {}

    def _total(self, name: str, column: str, header: str) -> dict[str, str]:
        """Return why a text of a field may be the total of the others."""
        if len(self._numbers[column]) < LEAST_TEXTS:
            return {}
        texts, amounts = self._column(column), self._column("amount")
        # A business unit may be the total of units that have departments of their own.
        others = [other for other in _PLACE if other not in _TOTALS.values()]
        has_text = texts != self._numbers[column].get("", -1)
        total = find_total(texts[has_text], self._places(*others)[has_text], amounts[has_text])
        if total is None:
            return {}
        text, is_total = list(self._numbers[column])[total], texts == total
        money = sum_of_amounts(int(is_total.sum()), Decimal(int(amounts[is_total].sum())).scaleb(-2))
        return {
            f"{name}: the amounts of {text!r} are the sums of those of the others in the same months and accounts, so "
            f"they count twice; its {money}": (
                f"{leave_out(self.rules, header, [text])} the descriptor; if all lines are to be added, accept the file"
            )
        }

    def _encode(self, name: str, texts: pa.Array) -> Integers:
        """Return a number for each text of a column, the same in every batch."""
        is_encoded = isinstance(texts, pa.DictionaryArray) and not texts.indices.null_count
        encoded = texts if is_encoded else texts.cast(pa.string()).dictionary_encode(null_encoding="encode")
        known = self._numbers.setdefault(name, {})
        numbers = [known.setdefault(value or "", len(known)) for value in encoded.dictionary.to_pylist()]
        return np.array(numbers, np.int64)[encoded.indices.to_numpy()] if numbers else np.zeros(0, np.int64)

    def _column(self, name: str) -> Integers:
        return np.concatenate(self._columns[name])

    def _places(self, *names: str) -> Numbers:
        """Return the number of each line's place, by some columns."""
        numbers = np.zeros(len(self._column("amount")), np.int64)
        for name in names:
            numbers = numbers * max(1, len(self._numbers[name])) + self._column(name)
        return numbers.view(np.uint64)


def _years(table: Integers, months: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and last month of each span in which totals may run: most amounts become smaller at its end."""
    first = 0
    for position in range(1, len(months) + 1):
        is_end = position == len(months) or not _follows(months[position - 1], months[position])
        if not is_end:
            before, after = np.abs(table[:, position - 1]), np.abs(table[:, position])
            is_end = (after < before).sum() * 2 > (after != before).sum()
        if is_end or position - first == MOST_MONTHS:
            if position - first >= LEAST_MONTHS:
                yield first, position
            first = position


def _follows(month: str, other: str) -> bool:
    """Return whether a period is the one after another."""
    return int(other[:4]) * _MONTHS + int(other[5:7]) == int(month[:4]) * _MONTHS + int(month[5:7]) + 1
