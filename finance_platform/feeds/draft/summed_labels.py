"""Labels that have the sums of the lines below them, in the column of these: a pivot table in compact form.

Belongs here: finding them, and the pattern that they match and lines do not. Does not belong here: labels without
amounts (see `label_rows`), which field they give (see `ledger`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from finance_platform.feeds.draft.values import guess_amounts, is_amount
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.header_words import rank

Row = tuple[int, list[str]]

_CODES = ("department", "department_name", "account", "account_name")
_LEAST_LABELS = 2


def find_summed_labels(header: Sequence[str], rows: Sequence[Row]) -> tuple[frozenset[int], str]:
    """Return the lines of the labels in the first column, and the pattern of their texts; nothing if it has none.

    Every row is a label, whose amounts are the sums of the lines up to the next label, or such a line; one text at
    least is below several labels. No other column has a code.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor totals, nor other rows that are no data.
    """
    nothing = frozenset[int](), ""
    texts = [cells[0].strip() if cells else "" for _, cells in rows]
    if not all(texts) or any(rank(field, name) is not None for field in _CODES for name in header[1:]):
        return nothing
    amounts = _amounts(len(header), rows)
    labels = _labels(amounts) if amounts else []
    if len(labels) < _LEAST_LABELS:
        return nothing
    below = [set(texts[first + 1 : end]) for first, end in pairwise([*labels, len(texts)])]
    names = {texts[position] for position in labels}
    pattern = _pattern(names, set.union(*below))
    if not pattern or not set.union(*(one & other for one, other in pairwise(below))):
        return nothing
    return frozenset(rows[position][0] for position in labels), pattern


def _amounts(width: int, rows: Sequence[Row]) -> list[list[Decimal]]:
    """Return the amounts of each row, 0 for a blank cell; nothing if a cell has a text, or a row no amount."""
    columns: list[list[Decimal]] = []
    for place in range(1, width):
        cells = [cells[place].strip() if place < len(cells) else "" for _, cells in rows]
        filled = [text for text in cells if text]
        guess = guess_amounts(filled) if all(map(is_amount, filled)) else None
        if filled and guess is None:
            return []
        if guess is not None:
            read = [read_amount(text, guess.decimal, guess.thousands) if text else None for text in cells]
            columns.append([one.value if one else Decimal(0) for one in read])
    amounts = [list(row) for row in zip(*columns, strict=True)]
    return amounts if all(map(any, amounts)) else []


def _labels(amounts: Sequence[Sequence[Decimal]]) -> list[int]:
    """Return the positions of rows each of which is the sum of those up to the next; nothing if one is not."""
    labels, position = [], 0
    while position < len(amounts):
        labels.append(position)
        left = list(amounts[position])
        position += 1
        while any(left) and position < len(amounts):
            left = [rest - value for rest, value in zip(left, amounts[position], strict=True)]
            position += 1
        if any(left):
            return []
    return labels


def _pattern(labels: set[str], lines: set[str]) -> str:
    """Return what labels match and no line does, by their first character or their digits; empty if nothing is."""
    digits = {len(text) - len(text.lstrip("0123456789")) for text in labels}
    candidates = ["^[0-9]", "^[^0-9]", *(f"^[0-9]{{{count}}}([^0-9]|$)" for count in digits if count)]
    for pattern in candidates:
        if all(re.search(pattern, text) for text in labels) and not any(re.search(pattern, text) for text in lines):
            return pattern
    return ""
