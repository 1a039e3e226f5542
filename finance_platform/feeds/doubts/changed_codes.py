"""Codes that a spreadsheet has turned into numbers or days: `1.23457E+11`, `2025-03-01` for 3-1, `########`.

Belongs here: recognizing them, and rejecting their rows. Does not belong here: errors of a spreadsheet in any cell (see
`violations`), codes that have only lost their zeros, which people can restore (see `lost_zeros`).

Two codes may be one such text, so their lines would be those of one account, or one line would replace the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import map_distinct
from finance_platform.feeds.values.hidden_characters import has_bytes
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask

CHANGED_CODE = "changed_code"

_MARKS = (b"E+", b"##")
"""One of them is in each changed code of a text file; to look for it among all bytes of a column takes a tenth of the
time of looking at each text."""

_EXPONENT = re.compile(r"[1-9](?:[.,][0-9]+)?E\+[0-9]{2,3}")
"""As Excel, LibreOffice and Google Sheets write a number that is too long for its cell; people write 1E5."""

_TOO_NARROW = re.compile(r"#{3,}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+)?")
_NAMES_OF_ROWS = {"transaction_id", "reverses", "key"}
"""Fields that name a line or a row, and may be a day; a department or an account is none."""

_AS_TEXT = "format the column as text at the source, and export it again; or map the code in the descriptor"


def reject_changed_codes(
    violations: RuleViolations, name: str, texts: pa.StringArray, values: pa.StringArray | None = None
) -> None:
    """Reject rows whose code a spreadsheet has changed so much that the code cannot be restored.

    Args:
        violations: of the batch.
        name: the field.
        texts: its codes, as they are after the descriptor's `map`.
        values: the codes that occur, if they are known.
    """
    is_sheet, may_be_day = violations.batch.sheet is not None, name in _NAMES_OF_ROWS
    long_numbers = violations.batch.long_numbers
    occurring = texts if values is None else values
    if not is_sheet and not has_bytes(occurring, _MARKS):
        return

    def what_happened(code: str) -> str | None:
        return _what_happened(code, long_numbers, is_day=is_sheet and not may_be_day)

    changes = map_distinct(texts, what_happened, pa.string())
    violations.add(
        CHANGED_CODE,
        to_mask(pc.is_valid(changes)),
        lambda i: f"{name}: {quoted(texts[i].as_py())} {changes[i].as_py()}",
        of=name,
    )


def _what_happened(code: str, long_numbers: Collection[str], *, is_day: bool) -> str | None:
    """Return what a spreadsheet did to a code, and the fix; None if it did nothing.

    Args:
        code: the code.
        long_numbers: the texts of cells that are such numbers; a cell that is a text keeps all its digits.
        is_day: whether a day is the text of a cell with a date.
    """
    if _EXPONENT.fullmatch(code):
        return f"is a code that a spreadsheet has turned into a number, without its last digits; {_AS_TEXT}"
    if _TOO_NARROW.fullmatch(code):
        return "is what a spreadsheet shows in a column that is too narrow; widen it, and export it again"
    if is_day and _DAY.fullmatch(code):
        return f"is a cell with a date, so a spreadsheet may have changed the code; {_AS_TEXT}"
    if code in long_numbers:
        return f"is a number of more than 15 digits, of which a spreadsheet keeps 15; {_AS_TEXT}"
    return None
