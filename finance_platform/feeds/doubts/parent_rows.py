"""Rows that are the sums of the rows below or above them, as in plans and reports that print a group beside its parts.

Belongs here: recognizing them in a table, and the rule that leaves them out. Does not belong here: totals below their
lines with a name (see `unclaimed_totals`). Nothing here changes a line; it is a warning.

A row may equal the sum of some rows below it by chance. So nearly all rows of the table must be such a row, or below
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_ROWS = 5_000
"""Rows of a table up to which it is looked at; a report that a person reads is not longer."""

_LEAST_PARTS = 2
_PARTS_OF_ONE = 3
MODULUS = 1 << 64
_SHARE = 0.8
_MAX_DEEP = 50
"""Rows that are compared with the groups below them, and not only with the rows."""


@dataclass(frozen=True)
class Parents:
    """The rows of a table that are sums of rows below them.

    Attributes:
        rows: their positions.
        parts: how many rows are below them, or above.
        are_above: whether the parts are above.
    """

    rows: Sequence[int]
    parts: int
    are_above: bool = False


def find_sums_above_or_below(sums: Sequence[int]) -> Parents | None:
    """Return the rows that are sums of those below, or else of those above, as `find_parents` does."""
    if found := find_parents(sums):
        return found
    found = find_parents(sums[::-1])
    # The last row alone is a total below its lines.
    if found is None or len(found.rows) == 1:
        return None
    return Parents(sorted(len(sums) - 1 - row for row in found.rows), found.parts, are_above=True)


def find_parents(sums: Sequence[int]) -> Parents | None:
    """Return the rows that are sums of those below, if nearly all rows are such a row or below one.

    Args:
        sums: the amounts of each row as one number, modulo 2**64; equal amounts have equal numbers.
    """
    if not _PARTS_OF_ONE < len(sums) <= MAX_ROWS:
        return None
    ends = _ends(sums)
    if not ends:
        return None
    parents = _with_outer(sums, ends)
    filled = sum(1 for value in sums if value)
    covered: set[int] = set()
    for row, end in parents.items():
        covered.update(position for position in range(row, end) if sums[position])
    parts = len(covered) - len(parents)
    is_one = len(parents) == 1 and parts < _PARTS_OF_ONE
    if len(covered) < _SHARE * filled or is_one:
        return None
    return Parents(sorted(parents), parts)


def _ends(sums: Sequence[int]) -> dict[int, int]:
    """Return the end of each group, by its first row: the fewest rows below it that add up to it, two at least.

    Groups do not overlap; a row that is no sum belongs to none.
    """
    running = 0
    places: dict[int, list[int]] = {}
    for position, value in enumerate(sums):
        running = (running + value) % MODULUS
        places.setdefault(running, []).append(position)
    ends: dict[int, int] = {}
    before, row = 0, 0
    while row < len(sums):
        # The sum up to the row itself, and the same amount once more.
        wanted = (before + 2 * sums[row]) % MODULUS
        end = next((one + 1 for one in places.get(wanted, ()) if one >= row + _LEAST_PARTS), 0) if sums[row] else 0
        if end and sum(1 for value in sums[row + 1 : end] if value) >= _LEAST_PARTS:
            ends[row] = end
            before = (before + sum(sums[row:end])) % MODULUS
            row = end
            continue
        before = (before + sums[row]) % MODULUS
        row += 1
    return ends


def _with_outer(sums: Sequence[int], ends: dict[int, int]) -> dict[int, int]:
    """Return groups, with those whose parts are groups themselves: `Costs` above `Personnel` and its parts."""
    parents = dict(ends)
    inner = {position for row, end in ends.items() for position in range(row, end)}
    outside = [row for row in range(len(sums)) if row not in inner and sums[row]]
    for row in reversed(outside[:_MAX_DEEP]):
        total, part, parts = 0, row + 1, 0
        while part < len(sums):
            total, parts = (total + sums[part]) % MODULUS, parts + 1
            part = parents.get(part, part + 1)
            is_group = parts == 1 and row + 1 in parents  # a group of one group
            if total == sums[row] and (parts >= _LEAST_PARTS or is_group):
                parents[row] = part
                break
    return parents
