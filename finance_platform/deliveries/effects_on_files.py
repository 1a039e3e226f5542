"""Effects on other files: what an acceptance changes in lines of files that it does not name.

Belongs here: lines of other files that count no longer or again, and those whose account gets another type. Does not
belong here: what moves in all (see `previews`), which lines count (see `live_lines`).

A sum of what moves does not say this: a new line and the line of another file that it replaces are one difference, and
a file of master data has no lines at all, although a type decides the sign and the profit of those of others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.contracts.star import CREDIT_TYPES, PROFIT_SIGNS
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of
from finance_platform.deliveries.members.account_types import AccountTypes
from finance_platform.deliveries.members.attribute_history import TypesInPeriods
from finance_platform.deliveries.overlaps import compute_overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.deliveries.verdicts.removals import changed_deliveries
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

_ZERO = Decimal("0.00")
_GROUP = ["cell", "account_key"]


@dataclass(frozen=True)
class EffectOnFile:
    """What a decision changes in the lines of one file, in one scenario.

    Attributes:
        object_key: the file.
        scenario: its name.
        is_closed: whether the periods are closed.
        periods: the periods, in order.
        change: what changes, as a clause.
        lines: how many lines.
        before: their net amount now, in the sign of the star; zero if they do not count.
        after: the same after the decision.
        profit_effect: what profit changes by.
        is_retyped: whether the lines count before and after, on accounts that get another type.
    """

    object_key: str
    scenario: str
    is_closed: bool
    periods: Sequence[str]
    change: str
    lines: int
    before: Decimal
    after: Decimal
    profit_effect: Decimal
    is_retyped: bool = False


@dataclass(frozen=True)
class TypedSum:
    """The lines of one file in a scenario, period and account, under the type of one of two states.

    Attributes:
        object_key: the file.
        cell: scenario, folded, and period.
        account_key: the account.
        lines: how many lines.
        amount: their sum, sign as delivered.
        is_debit_positive: whether they are debits less credits.
    """

    object_key: str
    cell: Cell
    account_key: int
    lines: int
    amount: Decimal
    is_debit_positive: bool

    def in_star(self, account_type: str) -> Decimal:
        """Return the amount in the sign of the star."""
        return -self.amount if self.is_debit_positive and account_type in CREDIT_TYPES else self.amount

    def profit(self, account_type: str) -> Decimal:
        """Return what it adds to profit."""
        return self.in_star(account_type) * PROFIT_SIGNS.get(account_type, 0)


@dataclass(frozen=True)
class States:
    """The deliveries before a decision and after it, and the types of accounts in both.

    Attributes:
        before: the deliveries now.
        after: those that there would be.
        types_before: the types now.
        types_after: those that there would be.
        retyped: accounts that may have another type.
    """

    before: DeliveryState
    after: DeliveryState
    types_before: TypesInPeriods
    types_after: TypesInPeriods
    retyped: frozenset[int]

    @staticmethod
    def of(processed: ObjectStore, before: DeliveryState, after: DeliveryState, keys: Collection[int]) -> States:
        """Read the types of some accounts, and of those that deliveries describe which only one state has.

        Args:
            processed: the processed zone.
            before: the deliveries now.
            after: those that there would be.
            keys: the accounts whose amounts move.
        """
        types = AccountTypes(processed)
        described: set[int] = set()
        for one in (*_only_in(before.live, after.live), *_only_in(after.live, before.live)):
            described |= types.described(one).keys() if one.event.kind == "accounts" else set()
            described |= {key for key, (_, account_type) in types.mentioned(one).items() if account_type}
        known = described | set(keys)
        of_both = [TypesInPeriods(processed, state, state.live, known) for state in (before, after)]
        return States(before, after, of_both[0], of_both[1], frozenset(described))

    def is_retyped(self, one: TypedSum) -> bool:
        """Return whether an account has another type in a period after the decision."""
        period, key = one.cell[1], one.account_key
        return self.types_before.type_in(period, key) != self.types_after.type_in(period, key)


def _only_in(live: Iterable[LiveDelivery], other: Iterable[LiveDelivery]) -> list[LiveDelivery]:
    known = {(one.delivery_id, one.portion) for one in other}
    return [one for one in live if (one.delivery_id, one.portion) not in known]


def find_retyped_lines(processed: ObjectStore, states: States, object_key: str) -> list[TypedSum]:
    """Return the lines of other files that count before and after a decision, on accounts that get another type."""
    types = AccountTypes(processed)
    ledger = [one for one in states.after.live if one.event.kind == "ledger"]
    concerned = [
        one
        for one in ledger
        if one.event.object_key != object_key and not states.retyped.isdisjoint(types.mentioned(one))
    ]
    if not concerned:
        return []
    of_feeds = {one.event.feed for one in concerned}
    compared = [one for one in ledger if one.event.feed in of_feeds]
    lines = LiveLines(processed, compute_overlaps(processed, compared))
    by_id = {one.delivery_id: one for one in compared}
    found: list[TypedSum] = []
    for one in concerned:
        cells = {(fold(count.scenario), count.period) for count in one.commit.periods}
        of_feed = {name: other for name, other in by_id.items() if other.event.feed == one.event.feed}
        superseded = lines.superseded(one, LiveSet(by_id, of_feed), cells)
        found += (row for row in _sums(lines, one, superseded, cells) if row.account_key in states.retyped)
    return [one for one in found if states.is_retyped(one)]


def find_replaced_lines(
    lines: LiveLines, before: LiveSet, after: LiveSet, cells: Collection[Cell], object_key: str
) -> list[TypedSum]:
    """Return the lines of other files that count again, with their number, or no longer, with it below zero."""
    sums: dict[tuple[str, Cell, int, bool], tuple[int, Decimal]] = {}
    for live, other, sign in ((before, after, -1), (after, before, 1)):
        for name, superseded in changed_deliveries(lines, live, other, cells).items():
            if live.of_feed[name].event.object_key == object_key:
                continue
            for row in _sums(lines, live.of_feed[name], superseded, cells):
                place = (row.object_key, row.cell, row.account_key, row.is_debit_positive)
                count, amount = sums.get(place, (0, _ZERO))
                sums[place] = count + sign * row.lines, amount + sign * row.amount
    return [
        TypedSum(key, cell, account, count, amount, is_debit_positive)
        for (key, cell, account, is_debit_positive), (count, amount) in sums.items()
        if count or amount
    ]


def _sums(
    lines: LiveLines, delivery: LiveDelivery, superseded: Superseded, cells: Collection[Cell]
) -> Iterator[TypedSum]:
    table = lines.read(delivery, superseded, cells, ["account_key", "amount"])
    wide: pa.Table = table.set_column(
        table.column_names.index("amount"), "amount", pc.cast(table["amount"], SUM_OF_MONEY_TYPE)
    )
    for row in wide.group_by(_GROUP).aggregate([("amount", "sum"), ([], "count_all")]).to_pylist():
        yield TypedSum(
            delivery.event.object_key,
            cell_of(row["cell"]),
            row["account_key"],
            row["count_all"],
            row["amount_sum"] or _ZERO,
            delivery.commit.is_debit_positive,
        )


@dataclass(frozen=True)
class _Change:
    """What changes for the lines of one file, scenario, period and account; see `EffectOnFile`."""

    lines: TypedSum
    text: str
    before: Decimal
    after: Decimal
    profit_effect: Decimal
    is_retyped: bool = False


def effects_on_files(states: States, replaced: Iterable[TypedSum], retyped: Iterable[TypedSum]) -> list[EffectOnFile]:
    """Return what changes in other files, by file, scenario and change.

    Args:
        states: the deliveries before and after.
        replaced: what `find_replaced_lines` has found.
        retyped: what `find_retyped_lines` has found.
    """
    deliveries = (*states.before.live, *states.after.live)
    names = {fold(count.scenario): count.scenario for one in deliveries for count in one.commit.periods}
    changes = [*(_replaced(states, one) for one in replaced), *(_retyped(states, one) for one in retyped)]
    groups: dict[tuple[str, str, bool, str], list[_Change]] = {}
    for change in changes:
        scenario, period = change.lines.cell
        place = (change.lines.object_key, names[scenario], period in states.before.closed, change.text)
        groups.setdefault(place, []).append(change)
    return [
        EffectOnFile(
            object_key,
            scenario,
            is_closed,
            sorted({one.lines.cell[1] for one in of_place}),
            text,
            sum(abs(one.lines.lines) for one in of_place),
            sum((one.before for one in of_place), _ZERO),
            sum((one.after for one in of_place), _ZERO),
            sum((one.profit_effect for one in of_place), _ZERO),
            is_retyped=of_place[0].is_retyped,
        )
        for (object_key, scenario, is_closed, text), of_place in sorted(groups.items())
    ]


def _replaced(states: States, lines: TypedSum) -> _Change:
    """Return the change of lines that count in one of both states."""
    is_again = lines.lines > 0 or (not lines.lines and lines.amount > 0)
    kind = (states.types_after if is_again else states.types_before).type_in(lines.cell[1], lines.account_key)
    amount, effect = lines.in_star(kind), lines.profit(kind)
    if is_again:
        return _Change(lines, "counts again", _ZERO, amount, effect)
    return _Change(lines, "counts no longer", -amount, _ZERO, effect)


def _retyped(states: States, lines: TypedSum) -> _Change:
    """Return the change of lines that count in both states, on an account that gets another type."""
    both = (states.types_before, states.types_after)
    before, after = (types.type_in(lines.cell[1], lines.account_key) for types in both)
    now, then = lines.in_star(before), lines.in_star(after)
    text = f"{before} becomes {after}{', with the other sign' if now != then else ''}"
    return _Change(lines, text, now, then, lines.profit(after) - lines.profit(before), is_retyped=True)
