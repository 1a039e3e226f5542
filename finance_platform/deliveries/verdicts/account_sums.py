"""Sums of deliveries by account in one scenario and period, as they are compared with those of other feeds.

Belongs here: reading and remembering them. Does not belong here: which deliveries are compared, and what equal sums
mean (see `repeated_sums`).

A file is compared with those of each other feed, so all that is derived of a delivery or of a feed in a period is
remembered: otherwise fifty feeds with a file each would read each file fifty times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded, cell_of, claimed_cells
from finance_platform.deliveries.state import LiveDelivery

_PLACE = ("department_key", "account_key")
_COLUMNS = (*_PLACE, "amount")
_MAX_READ_AT_ONCE = 50_000
"""Lines of a delivery whose cells are all read at once; a larger one has files of its own for its periods."""

_MAX_REMEMBERED = 400_000
"""Places, and accounts, that stay in memory: some 50 MB."""


@dataclass(frozen=True)
class AccountSums:
    """Sums of lines by account.

    Attributes:
        by_account: the sum of each account that has another one than 0.
        departments: the departments of the lines.
        lines: how many lines there are.
        places: how many departments and accounts these have.
        gross: the sum of their absolute amounts.
    """

    by_account: Mapping[int, Decimal]
    departments: frozenset[int]
    lines: int
    places: int
    gross: Decimal

    @cached_property
    def absolute(self) -> Mapping[int, Decimal]:
        """The sums without their signs."""
        return {account: abs(amount) for account, amount in self.by_account.items()}


def add_up(parts: Iterable[AccountSums]) -> AccountSums:
    """Return the sums of several cells together."""
    first, *others = parts
    if not others:
        return first
    amounts = dict(first.by_account)
    for account, amount in (item for one in others for item in one.by_account.items()):
        amounts[account] = amounts.get(account, Decimal(0)) + amount
    return AccountSums(
        by_account={account: amount for account, amount in amounts.items() if amount},
        departments=first.departments.union(*(one.departments for one in others)),
        lines=sum(one.lines for one in (first, *others)),
        places=sum(one.places for one in (first, *others)),
        gross=sum((one.gross for one in others), first.gross),
    )


class CellSums:
    """Reads the sums of deliveries; the lines of each delivery are read once."""

    def __init__(self, lines: LiveLines) -> None:
        """Read nothing yet.

        Args:
            lines: reads the lines of deliveries.
        """
        self._lines = lines
        self._places: OrderedDict[tuple[str, Cell], pa.Table] = OrderedDict()
        self._place_count = 0
        self._sums: OrderedDict[tuple[tuple[str, ...], Cell], AccountSums] = OrderedDict()
        self._account_count = 0

    def of(self, deliveries: Sequence[LiveDelivery], cell: Cell) -> AccountSums:
        """Return the sums of all lines of deliveries in a cell."""
        known = tuple(one.delivery_id for one in deliveries), cell
        if known not in self._sums:
            sums = _by_account(pa.concat_tables([self._places_of(one, cell) for one in deliveries]))
            self._sums[known] = sums
            self._account_count += len(sums.by_account)
            while self._account_count > _MAX_REMEMBERED and len(self._sums) > 1:
                self._account_count -= len(self._sums.popitem(last=False)[1].by_account)
        return self._sums[known]

    def _places_of(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return department, account, amount, gross and lines of the places of a delivery in a cell."""
        known = self._places.get((delivery.delivery_id, cell))
        return known if known is not None else self._read(delivery, cell)

    def _read(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the places of a delivery in a cell, and remember those of its other cells if it has few lines."""
        cells = [cell]
        if delivery.commit.outcome("accepted").rows <= _MAX_READ_AT_ONCE:
            cells = [*claimed_cells(delivery).difference(cells), cell]
        lines = self._lines.read(delivery, Superseded(), cells, _COLUMNS).select(["cell", *_COLUMNS])
        lines = lines.set_column(3, "amount", lines["amount"].cast(SUM_OF_MONEY_TYPE))
        lines = lines.append_column("gross", pc.abs(lines["amount"]))
        sums = lines.group_by(["cell", *_PLACE]).aggregate([("amount", "sum"), ("gross", "sum"), ([], "count_all")])
        sums = sums.rename_columns({"amount_sum": "amount", "gross_sum": "gross", "count_all": "lines"})
        texts = pc.dictionary_encode(sums["cell"].combine_chunks())
        of_cells = {cell_of(text): place for place, text in enumerate(texts.dictionary.to_pylist())}
        sums = sums.drop_columns(["cell"])
        for one in cells:
            place = of_cells.get(one, -1)
            places = sums if len(of_cells) == 1 == len(cells) else sums.filter(pc.equal(texts.indices, place))
            if earlier := self._places.pop((delivery.delivery_id, one), None):
                self._place_count -= len(earlier)
            self._places[delivery.delivery_id, one] = places
            self._place_count += len(places)
        found = self._places[delivery.delivery_id, cell]
        while self._place_count > _MAX_REMEMBERED and len(self._places) > 1:
            self._place_count -= len(self._places.popitem(last=False)[1])
        return found


def _by_account(places: pa.Table) -> AccountSums:
    """Return the sums of places, of which several deliveries may have the same."""
    accounts = places.group_by(["account_key"]).aggregate([("amount", "sum")])
    amounts = zip(accounts["account_key"].to_pylist(), accounts["amount_sum"].to_pylist(), strict=True)
    return AccountSums(
        by_account={account: amount for account, amount in amounts if amount},
        departments=frozenset(pc.unique(places["department_key"]).to_pylist()),
        lines=pc.sum(places["lines"]).as_py() or 0,
        places=places.group_by(list(_PLACE)).aggregate([]).num_rows,
        gross=Decimal(pc.sum(places["gross"]).as_py() or 0),
    )
