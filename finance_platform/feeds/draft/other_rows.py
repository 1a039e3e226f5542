"""Rows of a sample that are neither lines nor totals: a header that is repeated, one in another language, page numbers.

Belongs here: finding them, and the rule of `skip` that claims them. Does not belong here: totals (see `total_rows`),
labels above groups of lines, which give blank cells their text (see `dates_of_lines`, `ledger`).

Among lines, they would hide what the columns are: a text in a column of amounts, a blank cell in one of codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.values import is_amount, is_date
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.hidden_characters import clean_cell

Row = tuple[int, list[str]]

_PAGE = re.compile(r"(?i)(page|seite|blatt|pagina|página|side|sida|strona)[ .:#]*[0-9]+")
_LEAST_NAMES = 2


@dataclass(frozen=True)
class OtherRow:
    """A row that is not data.

    Attributes:
        column: the column by which a rule recognizes it.
        pattern: the regular expression that its cell there matches.
        has_money: whether it has the amounts of lines once more.
    """

    column: str
    pattern: str
    has_money: bool = False


def find_other_rows(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows that are not data, by line.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor totals.
    """
    names = [fold(name) for name in header]
    raw = dict(rows)
    texts = {line: [clean(clean_cell(cell)[0]) for cell in cells] for line, cells in rows}
    found: dict[int, OtherRow] = {}
    for position, (line, cells) in enumerate(texts.items()):
        filled = [column for column, text in enumerate(cells[: len(header)]) if text]
        if len(filled) == 1 and (match := _PAGE.match(cells[filled[0]])):
            found[line] = OtherRow(header[filled[0]], f"(?i)^{escape(match[1].lower())}[ .:#]*[0-9]+")
        elif len(filled) >= _LEAST_NAMES and all(fold(cells[column]) == names[column] for column in filled):
            # A file that another one was joined to has the mark of its encoding before its header.
            begin = "^" if clean(raw[line][filled[0]]) == cells[filled[0]] else ""
            found[line] = OtherRow(header[filled[0]], f"{begin}{escape(cells[filled[0]])}$")
        elif position == 0 and _is_below_header(cells, list(texts.values())[1:]):
            column = next((one for one in filled if _is_apart(one, cells, list(texts.values())[1:])), None)
            if column is not None:
                found[line] = OtherRow(header[column], f"^{escape(cells[column])}$")
    return found


def _is_below_header(cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has no value although all others have one: names in another language, or units."""
    return len(others) >= _LEAST_NAMES and not _has_value(cells) and all(map(_has_value, others))


def _has_value(cells: Sequence[str]) -> bool:
    return any(is_amount(cell) or is_date(cell) for cell in cells)


def _is_apart(column: int, cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether a cell's text is in no other row of its column."""
    return all(fold(cells[column]) != fold(other[column]) for other in others if column < len(other))
