"""Which sheets of a workbook a feed reads, and what is said about those that it does not.

Belongs here: names of sheets. Does not belong here: their rows (see `workbook`), sheets with the same lines (see
`doubts.repeated_sheets`).
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.workbook_process import SheetInfo
from finance_platform.feeds.findings import Note
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.month_names import read_month

HIDDEN_SHEETS = "hidden sheets were not read"
"""How the note about them begins."""

_MAX_LISTED = 20
_NUMBER = re.compile("[0-9]+")
_DEFAULT_NAMES = frozenset({"sheet", "table", "tabelle", "feuil", "feuille", "hoja", "foglio", "blad", "planilha"})
"""What spreadsheet programs call a new sheet."""

_COPY = re.compile(r"(.+?)(?: ?\([0-9]{1,2}\)|_[0-9]{1,2})")
"""How spreadsheet programs call the copy of a sheet: `Budget (2)`, and `Budget_2` in LibreOffice."""

_MAX_DIGITS = 9


def doubt_unread(sheets: Sequence[SheetInfo], numbers: Sequence[int]) -> dict[str, str]:
    """Return that sheets are not read that are called like those that are, such as the next month; empty if none is."""
    read = [sheets[number].name for number in numbers]
    counts = Counter(filter(None, map(_series, read)))
    series = {name for name, count in counts.items() if count > 1}  # one sheet may well be chosen among many
    left_out = [
        sheet.name
        for number, sheet in enumerate(sheets)
        if number not in numbers and sheet.is_visible and sheet.has_cells and _series(sheet.name) in series
    ]
    if not left_out:
        return {}
    names, shown = ", ".join(map(repr, left_out[:_MAX_LISTED])), ", ".join(map(repr, read[:_MAX_LISTED]))
    is_one = len(left_out) == 1
    text = (
        f"the {'sheet' if is_one else 'sheets'} {names} {'is' if is_one else 'are'} called like those that are read "
        f"({shown}), and {'is' if is_one else 'are'} not read"
    )
    return {text: "name every sheet of the feed in sheet: in the descriptor; rename a sheet that is not one of them"}


def note_unread(sheets: Sequence[SheetInfo], numbers: Sequence[int]) -> dict[str, Note]:
    """Return notes about hidden sheets, and about visible copies of sheets that are read, which are not read."""
    read = {fold(sheets[number].name): sheets[number].name for number in numbers}
    notes = {}
    if hidden := [sheet.name for sheet in sheets if not sheet.is_visible and fold(sheet.name) not in read]:
        names = ", ".join(map(repr, hidden[:_MAX_LISTED]))
        fix = "name it in sheet: in the descriptor if its rows belong to the feed"
        notes[f"{HIDDEN_SHEETS}: {names}"] = Note(1, fix)
    for sheet in sheets:
        match = _COPY.fullmatch(sheet.name) if fold(sheet.name) not in read else None
        if match and sheet.is_visible and sheet.has_cells and (original := read.get(fold(match[1]))):
            text = f"the sheet {sheet.name!r} is called like a copy of {original!r}, which is read, and is not read"
            fix = "if its figures are those that count, exchange the names of both sheets; else delete it at the source"
            notes[text] = Note(1, fix)
    return notes


def _series(name: str) -> str:
    """Return what names of sheets of one series have in common, such as months or years; empty for other names."""
    if read_month(name):
        return "month"
    plain = _NUMBER.sub("#", fold(name))
    return plain if "#" in plain and plain.rstrip("# ()") not in _DEFAULT_NAMES else ""


def choose_sheets(
    sheets: Sequence[SheetInfo], wanted: Sequence[str], is_blank: Callable[[int], bool] = lambda _: False
) -> list[int]:
    """Return the numbers of the sheets to read, from 0, in the workbook's order.

    Args:
        sheets: those of the workbook.
        wanted: names, numbers or globs; without one, the only visible sheet that is not blank.
        is_blank: returns whether a sheet has no cell with a text, by its number; asked until two sheets have one.

    Raises:
        UnreadableDeliveryError: a wanted sheet is missing, or none is wanted and several are visible.
    """
    if wanted:
        return sorted({number for item in wanted for number in _find_sheets(sheets, item)})
    visible = [number for number, sheet in enumerate(sheets) if sheet.is_visible and sheet.has_cells]
    if len(visible) == 1:
        return visible
    if len(filled := list(islice((number for number in visible if not is_blank(number)), 2))) == 1:
        return filled
    count = f"{len(visible)} visible sheets" if visible else "no visible sheet"
    examples = [sheets[number].name for number in visible] or [sheet.name for sheet in sheets] or ["Budget"]
    raise UnreadableDeliveryError(
        f"the workbook has {count}, and the descriptor does not say which to read: {_list_sheets(sheets)}",
        fix=f"name those that belong to the feed in the descriptor, such as sheet: [{examples[0]!r}]",
    )


def _find_sheets(sheets: Sequence[SheetInfo], wanted: str) -> list[int]:
    """Return the sheets of a name, else of a number, else of a glob, which matches no hidden sheet."""
    numbers = [number for number, sheet in enumerate(sheets) if fold(sheet.name) == fold(wanted)]
    if not numbers and wanted.isascii() and wanted.isdigit() and len(wanted) < _MAX_DIGITS:
        numbers = [int(wanted) - 1] if 0 < int(wanted) <= len(sheets) else []
    if not numbers:
        matches = re.compile(fnmatch.translate(fold(wanted))).match
        numbers = [number for number, sheet in enumerate(sheets) if sheet.is_visible and matches(fold(sheet.name))]
    numbers = [number for number in numbers if sheets[number].has_cells]
    if not numbers:
        raise UnreadableDeliveryError(
            f"the workbook has no sheet {wanted!r}; it has {_list_sheets(sheets)}",
            fix="rename the sheet, or correct sheet: in the descriptor",
        )
    return numbers


def _list_sheets(sheets: Sequence[SheetInfo]) -> str:
    texts = [f"{sheet.name!r}{'' if sheet.is_visible else ' (hidden)'}" for sheet in sheets[:_MAX_LISTED]]
    return ", ".join(texts) + (f" and {len(sheets) - _MAX_LISTED} others" if len(sheets) > _MAX_LISTED else "")
