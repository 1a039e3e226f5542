"""Hashes of texts, by column, and texts that are found by them.

Belongs here: the hash of a text, and finding texts by it. Does not belong here: which keys repeat (see
`feeds.lines.line_files`), what lines are (see `spark_jobs.line_sums`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


def hash_texts(texts: pa.StringArray) -> Hashes:
    """Return a hash of each text, equal for equal texts; of a null, some number.

    Words of eight bytes are mixed, a column of them at a time: a second for 20 million keys of 16 bytes.
    """
    starts = range(0, len(texts), _HASHED_AT_ONCE)
    return np.concatenate([np.zeros(0, np.uint64), *(_hash_few(texts[at : at + _HASHED_AT_ONCE]) for at in starts)])


def _hash_few(texts: pa.StringArray) -> Hashes:
    count = len(texts)
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + count + 1].astype(np.int64)
    first, end = (int(offsets[0]), int(offsets[-1])) if count else (0, 0)
    padded = np.zeros(end - first + 8, np.uint8)
    if end > first:
        padded[: end - first] = np.frombuffer(data, np.uint8)[first:end]
    words: Hashes = np.ndarray((len(padded) - 7,), np.uint64, padded, strides=(1,))
    starts, lengths = offsets[:-1] - first, np.diff(offsets)
    hashes: Hashes = lengths.astype(np.uint64) * FACTOR
    # As long as all texts go on, they need not be picked.
    rows: slice | npt.NDArray[np.int64] = slice(None)
    place = 0
    while len(left := lengths[rows] - place):
        least, most = left.min(), left.max()
        if least <= 0:
            rows = np.flatnonzero(lengths > place)
            continue
        read = words[starts[rows] + place]
        if least < _WORD_BYTES:
            # Texts of one length need no mask of their own each.
            read &= _KEPT_BITS[least] if least == most else _KEPT_BITS[np.minimum(left, _WORD_BYTES)]
        hashes[rows] = mix(hashes[rows] ^ read)
        place += _WORD_BYTES
    return hashes


_HASHED_AT_ONCE = 1 << 14
"""A step's column of words has 128 KiB then, which stays in the cache and in memory that the process has; columns of a
whole batch take 2.5 times as long."""

_WORD_BYTES = 8
FACTOR = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_KEPT_BITS: Hashes = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
"""The bits of a word that belong to a text of which this many bytes are left."""


def mix(words: Hashes) -> Hashes:
    """Return a hash of each number."""
    for _ in range(2):
        words = (words ^ (words >> _HALF)) * FACTOR
    return words ^ (words >> _HALF)


class SortedTexts:
    """Texts by their hashes; see `known_texts`."""

    def __init__(self, texts: pa.StringArray) -> None:
        """Take texts, none of which is null."""
        hashes = hash_texts(texts)
        self._texts, self._places = texts, np.argsort(hashes)
        self._hashes: Hashes = hashes[self._places]

    def are_among(self, others: pa.StringArray) -> pa.BooleanArray:
        """Return which of some texts are among these; a null is not."""
        if not len(self._texts):
            return pa.repeat(pa.scalar(False), len(others))
        wanted = hash_texts(others)
        # Numbers that ascend are found in a fifth of the time.
        order, at = np.argsort(wanted), np.empty(len(wanted), np.int64)
        at[order] = np.minimum(np.searchsorted(self._hashes, wanted[order]), len(self._hashes) - 1)
        candidates = np.flatnonzero(self._hashes[at] == wanted)
        asked, found = (
            texts.take(pa.array(places))
            for texts, places in ((others, candidates), (self._texts, self._places[at[candidates]]))
        )
        are_equal = pc.fill_null(pc.equal(asked, found), False)
        if pc.any(pc.invert(are_equal)).as_py():  # two texts may have one hash
            are_equal = pc.is_in(asked, value_set=self._texts)
        are_among: Mask = np.zeros(len(others), np.bool_)
        are_among[candidates] = np.asarray(are_equal)
        return pa.array(are_among)
