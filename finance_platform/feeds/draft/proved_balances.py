"""The closing balance of each account, proved by its row: the opening balance and the movements add up to it.

Belongs here: which columns of a row add up to which. Does not belong here: balances that their names alone say (see
`trial_balance`), balances after each line of an account (see `other_rows`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Any

from finance_platform.feeds.draft.columns import Column
from finance_platform.feeds.draft.values import AmountGuess, guess_amounts
from finance_platform.feeds.header import without_position
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.header_words import WORDS, plain_name

OPENING = {
    "opening", "open", "beginning", "beg", "ob", "eb", "anfangssaldo", "eroffnungssaldo", "saldovortrag", "vortrag",
    "beginsaldo", "initial", "ouverture", "apertura", "inicial", "iniziale",
}  # fmt: skip
"""Words of a balance before the movements."""

_OPENING_OF_MONTH = {"saldo", "anterior"}
"""Such a balance in Spanish and Portuguese; with another word, it may be that of the year before."""

_SIDES = tuple({word for word in WORDS[side] if " " not in word} for side in ("debit", "credit"))
_MOST_COLUMNS = 12
_MOST_MOVEMENTS = 2
"""Those of earlier periods of the year, and those of the period."""

_LEAST_ROWS = 2
"""Rows with a movement, of which one alone might agree by chance."""


@dataclass(frozen=True)
class Balance:
    """An amount of each row: a column, or a pair of debit and credit.

    Attributes:
        columns: the column, or the two.
        values: debit less credit, one for each row.
        rest: the words of the header that name no side.
    """

    columns: tuple[Column, ...]
    values: tuple[Decimal, ...]
    rest: frozenset[str]

    @property
    def is_opening(self) -> bool:
        """Whether its name says that it is the balance before the movements."""
        return bool(self.rest & OPENING) or self.rest == _OPENING_OF_MONTH

    @property
    def source(self) -> Any:
        """What the field of a draft has in `from`."""
        names = [one.name for one in self.columns]
        return names[0] if len(names) == 1 else dict(zip(("debit", "credit"), names, strict=True))


@dataclass(frozen=True)
class ProvedBalances:
    """What the rows of a file prove.

    Attributes:
        closing: the balance at the end.
        opening: the one before the movements.
        movements: what lies between them.
        is_complete: whether the file has no other amounts, so that the opening balance is that of the same period.
    """

    closing: Balance
    opening: Balance
    movements: Sequence[Balance]
    is_complete: bool


def prove_balances(money: Sequence[Column]) -> ProvedBalances | None:
    """Return the balances that an opening balance and movements add up to in every row; None if none or several do.

    Args:
        money: the columns with amounts.
    """
    guess = guess_amounts([text for one in money for text in one.texts])
    if guess is None or len(money) > _MOST_COLUMNS:
        return None
    balances = list(_balances(money, guess))
    proofs = [
        ProvedBalances(closing, opening, movements, len(balances) == len((closing, opening, *movements)))
        for opening in balances
        if opening.is_opening and any(opening.values)
        for closing in balances
        if not closing.is_opening
        for movements in _movements(balances, opening, closing)
    ]
    closings = {proof.closing.columns[0].name for proof in proofs}
    return proofs[0] if len(closings) == 1 else None


def _movements(balances: Sequence[Balance], opening: Balance, closing: Balance) -> Iterator[tuple[Balance, ...]]:
    others = [one for one in balances if one not in (opening, closing) and not one.is_opening and any(one.values)]
    for count in range(1, _MOST_MOVEMENTS + 1):
        for movements in combinations(others, count):
            rows = list(zip(closing.values, opening.values, *(one.values for one in movements), strict=True))
            changed = sum(end != start for end, start, *_ in rows)
            if changed >= _LEAST_ROWS and all(end == sum(parts) for end, *parts in rows):
                yield movements


def _balances(money: Sequence[Column], guess: AmountGuess) -> Iterator[Balance]:
    """Yield the amounts of the rows, of debits and credits with the same other words one."""
    sides: dict[frozenset[str], list[tuple[int, Column]]] = defaultdict(list)
    for column in money:
        words = set(plain_name(f"{column.group} {without_position(column.name)}").split())
        side = next((number for number, named in enumerate(_SIDES) if words & named), None)
        if side is None:
            values = _values(column, guess)
            if values:
                yield Balance((column,), tuple(values), frozenset(words))
        else:
            sides[frozenset(words - _SIDES[side])].append((side, column))
    for rest, found in sides.items():
        pair = [column for _, column in sorted(found, key=lambda one: one[0])]
        if [side for side, _ in sorted(found, key=lambda one: one[0])] == [0, 1]:
            debits, credits_ = (_values(column, guess) for column in pair)
            if debits and credits_:
                sign = 1 if all(value <= 0 for value in credits_) else -1
                net = tuple(debit + sign * credit for debit, credit in zip(debits, credits_, strict=True))
                yield Balance(tuple(pair), net, rest)


def _values(column: Column, guess: AmountGuess) -> list[Decimal]:
    """Return the amount of each row, of a blank cell zero; none if a text is not an amount."""
    read = [
        read_amount(text, guess.decimal, guess.thousands, has_sides=guess.has_sides) if text else None
        for text in column.cells
    ]
    if any(text and one is None for text, one in zip(column.cells, read, strict=True)):
        return []
    return [one.value if one else Decimal(0) for one in read]
