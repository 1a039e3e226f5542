"""What a workbook can hold, as spreadsheets limit it.

Belongs here: the limits. Does not belong here: what is written beyond them (see `workbook_writer`,
`pack.workbook.size`). A file of its own, because a run that writes no workbook asks for them, and the library of
workbooks takes 20 ms to import.
"""

from __future__ import annotations

from decimal import Decimal

MAX_SHEET_ROWS = 1_048_576

MAX_CHARACTERS = 32_767
"""Of a cell, in UTF-16."""

MAX_NAME = 31
"""Characters of a sheet's name."""

EXACT_DIGITS = 15
"""Of a number; a spreadsheet rounds the others away."""

FIRST_INEXACT = Decimal("1e13")
"""With two decimals, an amount from here on has more digits than a spreadsheet keeps."""

FIRST_YEAR = 1900
"""Of the dates that a spreadsheet has."""
