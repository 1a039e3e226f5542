"""Moved amounts: what a delivery would change in cells of the ledger, by scenario, before it counts.

Belongs here: the difference between two sets of live deliveries, by department and account, sign as delivered. Does not
belong here: which cells matter (see `hold_reasons`), lines that go (see `removals`), money of the star (see
`slices.waiting_changes`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, cell_of
from finance_platform.deliveries.removals import changed_deliveries
from finance_platform.feeds.codes import fold

_PLACE = ("cell", "department_key", "account_key")
_WIDE = pa.decimal128(38, 2)


@dataclass(frozen=True)
class MovedAmount:
    """What would move in one scenario.

    Attributes:
        scenario: its name, as a delivery spells it.
        amount: the net difference, sign as delivered.
        gross: the sum of the absolute differences by period, department and account.
    """

    scenario: str
    amount: Decimal
    gross: Decimal


def find_moved_amounts(lines: LiveLines, before: LiveSet, after: LiveSet, cells: Collection[Cell]) -> list[MovedAmount]:
    """Return what differs between two sets of live deliveries in some cells, by scenario; only what differs is read.

    Lines that come or go and cancel each other out in a department and account move no amount.

    Args:
        lines: reads the lines.
        before: the live deliveries.
        after: the live deliveries with the one that is judged.
        cells: the scenarios and periods that matter.
    """
    sums: dict[tuple[str, ...], Decimal] = {}
    for live, other, sign in ((before, after, -1), (after, before, 1)):
        for name, superseded in changed_deliveries(lines, live, other, cells).items():
            table = lines.read(live.of_feed[name], superseded, cells, ["department_key", "account_key", "amount"])
            table = table.set_column(table.column_names.index("amount"), "amount", pc.cast(table["amount"], _WIDE))
            for row in table.group_by(list(_PLACE)).aggregate([("amount", "sum")]).to_pylist():
                place = tuple(row[part] for part in _PLACE)
                sums[place] = sums.get(place, Decimal(0)) + sign * (row["amount_sum"] or Decimal(0))
    scenarios = {
        fold(count.scenario): count.scenario
        for live in (after, before)
        for delivery in live.of_feed.values()
        for count in delivery.commit.periods
    }
    moved: dict[str, MovedAmount] = {}
    for place, difference in sums.items():
        name = scenarios[cell_of(place[0])[0]]
        one = moved.get(name, MovedAmount(name, Decimal(0), Decimal(0)))
        moved[name] = MovedAmount(name, one.amount + difference, one.gross + abs(difference))
    return [moved[name] for name in sorted(moved) if moved[name].gross]
