"""Codes that may have lost their zeros in a spreadsheet: `10` or `10.0` beside `0010` in one file.

Belongs here: finding them over the batches of a table. Does not belong here: what a code is (see `codes`).
"""

from __future__ import annotations

import re

import pyarrow as pa

from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_COMPARED_CODES

_NUMBER = re.compile(r"([1-9][0-9]{0,60})(?:\.0+)?")
_ZEROS = re.compile(r"0+([1-9][0-9]{0,60})")
_EXAMPLES = 3


class LostZeros:
    """The codes of one field that are numbers, with and without zeros before them."""

    def __init__(self, field: str) -> None:
        """Begin a table.

        Args:
            field: the field, for the message.
        """
        self._field = field
        self._plain: dict[str, str] = {}
        self._padded: dict[str, str] = {}
        # Every batch of a file has nearly the same codes as the one before.
        self._known: set[str | None] = {None}

    def add(self, codes: pa.StringArray) -> None:
        """Add the distinct codes of a batch; null for blank ones."""
        for code in codes.to_pylist():
            if code in self._known or len(self._plain) + len(self._padded) >= MAX_COMPARED_CODES:
                continue
            if len(self._known) <= MAX_COMPARED_CODES:
                self._known.add(code)
            if match := _NUMBER.fullmatch(code):
                self._plain.setdefault(match[1], code)
            elif match := _ZEROS.fullmatch(code):
                self._padded.setdefault(match[1], code)

    def notes(self) -> dict[str, Note]:
        """Return a note with examples if some codes differ in their zeros only."""
        both = sorted(self._plain.keys() & self._padded.keys())
        if not both:
            return {}
        examples = ", ".join(f"{self._plain[number]!r} beside {self._padded[number]!r}" for number in both[:_EXAMPLES])
        text = f"{self._field}: codes that differ in their zeros only, as if a spreadsheet had made numbers of them"
        fix = (
            f"if they are the same, format the column as text at the source and send the file again, or map them: "
            f"columns.{self._field}.map: {{{self._plain[both[0]]}: {self._padded[both[0]]!r}}}"
        )
        return {f"{text}: {examples}": Note(len(both), fix)}
