"""The rules of reversals: whether they cancel the line that they name, and which of them do not.

Belongs here: the lines, the rules between them, what is found. Does not belong here: finding the lines that count
(see `reversals`), sums of reversals that are reversed themselves (see `reversal_chains`), what a person reads about a
broken rule (see `quality.reversals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from finance_platform.deliveries.state import InactiveDelivery

Rule = Literal["own", "missing", "elsewhere", "sign", "excess"]

_ZERO = Decimal("0.00")


class Place(NamedTuple):
    """Department and account of lines."""

    department_key: int
    account_key: int


@dataclass(frozen=True)
class ReversalLine:
    """A line that reverses another one, or is reversed.

    Attributes:
        file: object key in the raw zone.
        sheet: of a workbook; else empty.
        row: the line number that an editor shows, or the row of the sheet.
        scenario: as delivered.
        period: YYYY-MM.
        department: code as delivered.
        account: number as delivered.
        amount: sign as delivered.
        transaction_id: its identifier in the source; may be empty.
        names: the identifier of the line that it reverses; empty if it reverses none.
        place: department and account.
    """

    file: str
    sheet: str
    row: int
    scenario: str
    period: str
    department: str
    account: str
    amount: Decimal
    transaction_id: str
    names: str
    place: Place


@dataclass(frozen=True)
class BrokenReversal:
    """Reversals that do not cancel the line that they name.

    Attributes:
        rule: own, they name themselves; missing, no line that counts has the name; elsewhere, only lines of other
            departments or accounts have it; sign, they do not have the opposite sign; excess, they are more than it.
        reversals: the lines that name it, in one department and account, in the order of deliveries.
        named: the lines with the name: those of the same department and account, or under `elsewhere` the others.
        waiting: under `missing`, the deliveries that do not count and have the name.
        taken_back: the sum of the lines that reverse these reversals.
    """

    rule: Rule
    reversals: Sequence[ReversalLine]
    named: Sequence[ReversalLine] = ()
    waiting: Sequence[InactiveDelivery] = field(default=())
    taken_back: Decimal = _ZERO

    @property
    def amount(self) -> Decimal:
        """The sum of the reversals, sign as delivered."""
        return total(self.reversals)

    @property
    def excess(self) -> Decimal:
        """By how much the reversals that are not reversed themselves are more than the line; not negative."""
        return max(_ZERO, abs(self.amount + self.taken_back) - abs(total(self.named)))


@dataclass(frozen=True)
class OtherReversals:
    """Further reversals of a file that break one rule, as a sum.

    Attributes:
        rule: the rule.
        file: object key in the raw zone.
        waiting: under `missing`, the deliveries that do not count and have the lines.
        scenario: as delivered.
        count: how many reversals.
        gross: the sum of their amounts without signs.
    """

    rule: Rule
    file: str
    waiting: Sequence[InactiveDelivery]
    scenario: str
    count: int
    gross: Decimal


@dataclass(frozen=True)
class BrokenReversals:
    """All reversals that do not cancel the line that they name.

    Attributes:
        first: the first ones of each file that need the same fix, one by one.
        others: all others, added up.
    """

    first: Sequence[BrokenReversal] = ()
    others: Sequence[OtherReversals] = ()

    def __bool__(self) -> bool:
        return bool(self.first)


def total(lines: Iterable[ReversalLine]) -> Decimal:
    """Return the sum of lines, sign as delivered."""
    return sum((line.amount for line in lines), _ZERO)


def compare_reversals(
    place: Place,
    reversals: Sequence[ReversalLine],
    named: Sequence[ReversalLine],
    waiting: Sequence[InactiveDelivery],
    taken_back: Decimal,
) -> BrokenReversal | None:
    """Return how reversals break a rule; None if they do not.

    Args:
        place: the department and account of the reversals.
        reversals: the lines that name one identifier there.
        named: the lines with the identifier, of any department and account.
        waiting: the deliveries that do not count and have it.
        taken_back: the sum of the lines that reverse these reversals.
    """
    if not named:
        return BrokenReversal("missing", reversals, waiting=waiting)
    here = [line for line in named if line.place == place]
    if not here:
        return BrokenReversal("elsewhere", reversals, named)
    reversed_amount, amount = total(reversals), total(here)
    if reversed_amount * amount > 0 or (reversed_amount and not amount):
        return BrokenReversal("sign", reversals, here)
    broken = BrokenReversal("excess", reversals, here, taken_back=taken_back)
    # Reversals that are taken back by more than their amount are named themselves.
    return broken if broken.excess and (reversed_amount + taken_back) * reversed_amount > 0 else None
