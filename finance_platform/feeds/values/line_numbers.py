"""Lines as numbers of 64 bits: equal lines have equal numbers, and a counter-entry that of its line's opposite.

Belongs here: computing them, and matching lines with their counter-entries. Does not belong here: what it means that a
line has one (see `unread_meanings`, `unread_versions`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.uint64]

MAX_LINES = 1 << 21
"""Lines of a table that are remembered, at 8 bytes each; of more, nothing is said."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def cents(amounts: pa.Array) -> npt.NDArray[np.int64]:
    """Return amounts in cents, zero for null: the lower half of the 16 bytes of each DECIMAL(18,2)."""
    whole = np.frombuffer(amounts.buffers()[1], dtype="<i8")
    of_lines = whole[2 * amounts.offset : 2 * (amounts.offset + len(amounts)) : 2]
    return np.where(pc.is_valid(amounts).to_numpy(zero_copy_only=False), of_lines, 0)


def place_numbers(parts: Sequence[pa.Array]) -> Numbers:
    """Return a number for each line's place, of its parts in their order.

    Args:
        parts: texts, days or whole numbers, of the same length.
    """
    numbers = np.zeros(len(parts[0]), np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            numbers = numbers * _FACTOR + _numbers(part)
        return numbers * _FACTOR


def _numbers(values: pa.Array) -> Numbers:
    encoded = values.dictionary_encode(null_encoding="encode")
    if not len(values):
        return np.zeros(0, np.uint64)
    distinct = [zlib.crc32(str(value).encode()) for value in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(distinct, np.uint64)[encoded.indices.to_numpy()], np.uint64)


@dataclass
class CounterEntries:
    """The lines of a table, among which counter-entries are looked for."""

    _parts: list[Numbers] = field(default_factory=list)
    _size: int = 0

    def add(self, places: Numbers, amounts: npt.NDArray[np.int64]) -> None:
        """Add the lines of a batch: their places and their amounts in cents."""
        self._size += len(places)
        if self._size <= MAX_LINES:
            self._parts.append(places + amounts.view(np.uint64))

    def answered(self, places: Numbers, amounts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of some lines have a counter-entry that no other one of them has; none of too many lines."""
        is_answered = np.zeros(len(places), np.bool_)
        if self._size > MAX_LINES or not self._parts:
            return is_answered
        numbers, counts = np.unique(np.concatenate(self._parts), return_counts=True)
        wanted = places - amounts.view(np.uint64)
        found = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        for position in np.flatnonzero(numbers[found] == wanted).tolist():
            if counts[found[position]]:
                counts[found[position]] -= 1
                is_answered[position] = True
        return is_answered
