"""Files whose amounts are all zero.

Belongs here: the note. Does not belong here: formulas whose zeros are known to be none (see
`feeds.files.workbook_package`), columns of months without amounts (see `unread_months`).

A library that cannot calculate stores 0 for a formula, and a spreadsheet program may keep it when it converts or saves
the workbook (352); nothing in the file tells such a zero from a right one. A column that is filled in another year or
scenario is zero as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finance_platform.feeds.findings import Note

_LEAST_LINES = 2
"""One line of zero is a correction of another file as often as not."""

_FIX = (
    "if a spreadsheet program shows other figures, calculate and save the workbook there (Ctrl+Alt+F9, in LibreOffice "
    "Ctrl+Shift+F9) and send it again; if not, check which column columns.amount reads; if zeros are meant, nothing "
    "needs to be done"
)


def find_zero_amounts(accepted: int, gross: Iterable[Decimal]) -> dict[str, Note]:
    """Return a note if every amount of a file is zero.

    Args:
        accepted: how many lines are accepted.
        gross: the sums of their absolute amounts, rounded to cents, in any parts.
    """
    if accepted < _LEAST_LINES or any(gross):
        return {}
    return {f"every amount of its {accepted:,} lines is 0.00": Note(1, _FIX)}
