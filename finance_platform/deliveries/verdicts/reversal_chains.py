"""Reversals that are reversed themselves: how much of what reverses a line is taken back again.

Belongs here: the sums along reversals of reversals, each added up once. Does not belong here: the rules (see
`reversals`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from decimal import Decimal
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)
_ZERO = Decimal("0.00")


def taken_back(links: Iterable[tuple[Name, Name, Decimal]]) -> dict[Name, Decimal]:
    """Return the sum of the lines that reverse reversals of a name, of those that reverse them again, and so on.

    A document that reverses two others is left out: which one of both counts again, no line says. So each name reverses
    at most one other, and the sums are those of trees, and of circles of names that reverse each other.

    Args:
        links: own name, the name that it reverses, and the amount, of each line that reverses another one.
    """
    reversed_amounts: dict[Name, Decimal] = {}
    reverses: dict[Name, Name] = {}
    ambiguous = set()
    for own, name, amount in links:
        reversed_amounts[name] = reversed_amounts.get(name, _ZERO) + amount
        if reverses.setdefault(own, name) != name:
            ambiguous.add(own)
    for own in ambiguous:
        del reverses[own]
    sums: dict[Name, Decimal] = {}
    left = Counter(reverses.values())
    ends = [own for own in reverses if not left[own]]
    while ends:
        own = ends.pop()
        name = reverses.pop(own)
        sums[name] = sums.get(name, _ZERO) + reversed_amounts.get(own, _ZERO) + sums.get(own, _ZERO)
        left[name] -= 1
        if not left[name] and name in reverses:
            ends.append(name)
    while reverses:  # only circles are left
        circle = [next(iter(reverses))]
        while (following := reverses.pop(circle[-1])) != circle[0]:
            circle.append(following)
        whole = sum((reversed_amounts[name] + sums.get(name, _ZERO) for name in circle), _ZERO)
        sums |= {name: whole - reversed_amounts[name] for name in circle}
    return sums
