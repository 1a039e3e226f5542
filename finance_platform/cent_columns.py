"""Amounts as columns of whole cents, for code that handles a hundred thousand of them at once.

Belongs here: the columns, from amounts and back, and exact sums of them. Does not belong here: what is summed (see
`reports.pack.amounts`, `quality.month_columns`). A single amount is a `Decimal` everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[Any]
"""Whole numbers of 64 bits; of Python, if one of them has more bits."""

Mask = npt.NDArray[np.bool_]

_DIGITS = 2
_SIGN, _HALF = 63, 32
_LOWER_HALF = (1 << _HALF) - 1


def whole_numbers(values: Sequence[int]) -> Numbers:
    """Return whole numbers as a column."""
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def exact_sum(numbers: Numbers) -> int:
    """Return a sum, which may have more bits than its numbers."""
    return (int((numbers >> _HALF).sum()) << _HALF) + int((numbers & _LOWER_HALF).sum())


def sums_of_runs(numbers: Numbers, starts: npt.NDArray[np.int64]) -> Numbers:
    """Return the sum of each run of numbers, exact as `exact_sum` is.

    Args:
        numbers: the numbers.
        starts: where each run starts; the first one at the first number, and none of them empty.
    """
    if not len(starts):
        return numbers
    upper, lower = np.add.reduceat(numbers >> _HALF, starts), np.add.reduceat(numbers & _LOWER_HALF, starts)
    return whole_numbers([(one << _HALF) + other for one, other in zip(upper.tolist(), lower.tolist(), strict=True)])


def run_starts(columns: Sequence[Numbers]) -> npt.NDArray[np.int64]:
    """Return where rows begin that differ from the row before them in one of the columns; the first row is one."""
    differs: Mask = np.zeros(max(len(columns[0]) - 1, 0), np.bool_)
    for column in columns:
        differs |= column[1:] != column[:-1]
    return np.concatenate([np.arange(min(len(columns[0]), 1)), np.flatnonzero(differs) + 1])


def cents_of(amount: Decimal) -> int:
    """Return an amount in cents.

    Raises:
        ValueError: it has fractions of a cent, which no table holds.
    """
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or exponent < -_DIGITS:
        raise ValueError(f"{amount} has fractions of a cent")
    cents = int("".join(map(str, (*digits, *[0] * (exponent + _DIGITS)))))
    return -cents if sign else cents


def amount_of(cents: int) -> Decimal:
    """Return cents as an amount."""
    return Decimal(cents).scaleb(-_DIGITS)


def cents_in(amounts: pa.Array) -> Numbers:
    """Return a column of amounts in cents.

    Raises:
        ValueError: see `cents_of`.
    """
    if not pa.types.is_decimal128(amounts.type) or amounts.type.scale != _DIGITS:
        return whole_numbers([cents_of(one) for one in amounts.to_pylist()])
    words = np.frombuffer(amounts.buffers()[1], np.int64)[2 * amounts.offset : 2 * (amounts.offset + len(amounts))]
    lower, upper = words[::2], words[1::2]
    if (upper != lower >> _SIGN).any():
        return whole_numbers([cents_of(one) for one in amounts.to_pylist()])
    return lower.copy()
