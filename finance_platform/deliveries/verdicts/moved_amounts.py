"""Moved amounts: what a delivery would change in cells of the ledger, by scenario, before it counts.

Belongs here: the difference between two sets of live deliveries, by department and account, sign as delivered. Does not
belong here: which cells matter (see `hold_reasons`), lines that go (see `removals`), money of the star (see
`slices.waiting_changes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, cell_of
from finance_platform.deliveries.verdicts.removals import changed_deliveries
from finance_platform.feeds.values.codes import fold

_PLACE = ("cell", "department_key", "account_key")


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


@dataclass(frozen=True)
class MovedCell:
    """What would move in one scenario, period, department and account.

    Attributes:
        scenario: its name, as a delivery spells it.
        period: YYYY-MM.
        account_key: the account.
        is_debit_positive: whether the lines are debits less credits, whose sign in the star depends on the account.
        amount: the difference, sign as delivered.
    """

    scenario: str
    period: str
    account_key: int
    is_debit_positive: bool
    amount: Decimal


def by_scenario(cells: Iterable[MovedCell]) -> list[MovedAmount]:
    """Return what would move in some cells, by scenario."""
    moved: dict[str, MovedAmount] = {}
    for cell in cells:
        one = moved.get(cell.scenario, MovedAmount(cell.scenario, Decimal(0), Decimal(0)))
        moved[cell.scenario] = MovedAmount(cell.scenario, one.amount + cell.amount, one.gross + abs(cell.amount))
    return [moved[name] for name in sorted(moved)]


def find_moved_cells(lines: LiveLines, before: LiveSet, after: LiveSet, cells: Collection[Cell]) -> list[MovedCell]:
    """Return the cells whose amount differs between two sets of live deliveries; only what differs is read.

    Lines that come or go and cancel each other out in a department and account move no amount.

    Args:
        lines: reads the lines.
        before: the live deliveries.
        after: the live deliveries with the one that is judged.
        cells: the scenarios and periods that matter.
    """
    sums: dict[tuple[str, int, int, bool], Decimal] = {}
    for live, other, sign in ((before, after, -1), (after, before, 1)):
        for name, superseded in changed_deliveries(lines, live, other, cells).items():
            delivery = live.of_feed[name]
            table = lines.read(delivery, superseded, cells, ["department_key", "account_key", "amount"])
            table = table.set_column(
                table.column_names.index("amount"), "amount", pc.cast(table["amount"], SUM_OF_MONEY_TYPE)
            )
            for row in table.group_by(list(_PLACE)).aggregate([("amount", "sum")]).to_pylist():
                place = (row["cell"], row["department_key"], row["account_key"], delivery.commit.is_debit_positive)
                sums[place] = sums.get(place, Decimal(0)) + sign * (row["amount_sum"] or Decimal(0))
    scenarios = {
        fold(count.scenario): count.scenario
        for live in (after, before)
        for delivery in live.of_feed.values()
        for count in delivery.commit.periods
    }
    return [
        MovedCell(scenarios[cell_of(cell)[0]], cell_of(cell)[1], account, is_debit_positive, amount)
        for (cell, _, account, is_debit_positive), amount in sorted(sums.items())
        if amount
    ]
