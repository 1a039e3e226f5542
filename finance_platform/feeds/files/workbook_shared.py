"""What the formats of workbooks share: places of cells, and refusals of damaged, encrypted and faulty workbooks.

Belongs here: types, numbers of columns, and words. Does not belong here: what finds them (see `workbook_parts`,
`xlsx_sheet`, `ods_content`, `xls_records`, `workbook_process`).
"""

from __future__ import annotations

from functools import lru_cache

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.limits import MAX_FAULTY_CELLS

SAVE_AGAIN = "open it in the spreadsheet program, save it again as .xlsx and send that file"

FaultyCells = dict[int, dict[int, str]]
"""Text of the cells without a value, by row from 1 and column from 0."""

MergedCells = list[tuple[tuple[int, int], tuple[int, int]]]
"""Row and column of the first and of the last cell of each merged one, both from 0."""


@lru_cache(1024)
def column_number(letters: bytes) -> int:
    """Return the number of a column, from 0, by its letters: 0 of A, and 26 of AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def damaged(reason: str) -> UnreadableDeliveryError:
    """Return the refusal of a damaged workbook."""
    return UnreadableDeliveryError(f"the workbook is damaged: {reason}", fix=SAVE_AGAIN)


def needs_password() -> UnreadableDeliveryError:
    """Return the refusal of an encrypted workbook."""
    return UnreadableDeliveryError(
        "the workbook is protected by a password", fix="save it without a password and send it again"
    )


def check_faulty_count(count: int, row: int) -> None:
    """Refuse a sheet with too many cells that have no value."""
    if count > MAX_FAULTY_CELLS:
        raise UnreadableDeliveryError(
            f"row {row}: more than {MAX_FAULTY_CELLS:,} cells of the sheet are errors, or formulas without a value",
            fix="open the workbook in the spreadsheet program, recalculate it, correct the errors and save it again",
        )
