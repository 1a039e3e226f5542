"""Texts to look for in many tables, such as the keys of a file in each period of another one.

Belongs here: choosing how they are found. Does not belong here: finding them by their hashes (see `text_hashes`, which
needs NumPy; a process without it imports this module alone).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.unused_imports import is_left_out

if TYPE_CHECKING:
    from finance_platform.text_hashes import SortedTexts

_FEWER = 3
"""To sort the hashes of all texts takes as long as Arrow takes to look for a third as many."""


class KnownTexts:
    """Texts that are looked for: Arrow would make its set of all of them again for each table."""

    def __init__(self, texts: pa.StringArray) -> None:
        """Take the texts; a null among them is looked for, too."""
        self.texts = texts

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)

    def are_among(self, others: pa.StringArray | pa.DictionaryArray) -> pa.BooleanArray:
        """Return which of some texts, as a checkpoint has them or as a file does, are among these."""
        if _FEWER * len(others) >= len(self.texts) or is_left_out("numpy"):
            return pc.is_in(others, value_set=self.texts)
        found = self._sorted.are_among(others.cast(pa.string()))
        return pc.or_(found, pc.is_null(others)) if self.texts.null_count else found

    @cached_property
    def _sorted(self) -> SortedTexts:
        # Imported here: see above.
        from finance_platform.text_hashes import SortedTexts

        return SortedTexts(self.texts.drop_null())
