"""Labels on rows of their own, above the lines that they are about: the name of each account in a list of transactions.

Belongs here: finding them, and the rule of `skip` that claims them and gives their text to the lines. Does not belong
here: headings of a statement, whose lines have a name of their own (see `statement_rows`), labels on the first line of
a block (see `columns`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finance_platform.feeds.draft.values import is_amount, is_date

Row = tuple[int, list[str]]

_LEAST_LINES = 2
_MOST_CONDITIONS = 3


@dataclass(frozen=True)
class LabelRows:
    """The labels of a table.

    Attributes:
        place: the column that has them, and in which lines are blank or have dates.
        lines: the rows.
        is_beside_dates: whether lines have dates there.
        others: the names of columns in which every line has a text and no label has one.
    """

    place: int
    lines: frozenset[int]
    others: tuple[str, ...]
    is_beside_dates: bool = False


def find_label_rows(header: Sequence[str], rows: Sequence[Row], totals: Collection[int]) -> LabelRows | None:
    """Return the labels of a table; None if it has none.

    Every row is a line, which is blank or has a date in one column, or a label, which has another text there and
    nowhere else; the first row is a label, and one is above two lines at least.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor other rows that are no data, totals included.
        totals: the lines of the totals.
    """
    data = [(line, cells) for line, cells in rows if line not in totals]
    texts = [[cell.strip() for cell in cells[: len(header)]] for _, cells in data]
    if not data or sum(map(bool, texts[0])) != 1:
        return None
    place = next(position for position, text in enumerate(texts[0]) if text)
    labels, longest, length, dates = set(), 0, 0, 0
    for (line, _), cells in zip(data, texts, strict=True):
        text = cells[place] if place < len(cells) else ""
        if not text or is_date(text):
            dates += bool(text)
            length += 1
            longest = max(longest, length)
        elif sum(map(bool, cells)) == 1 and not is_amount(text):
            labels.add(line)
            length = 0
        else:
            return None
    lines = [cells for (line, _), cells in zip(data, texts, strict=True) if line not in labels]
    others = tuple(
        name
        for position, name in enumerate(header)
        if position != place and all(position < len(cells) and cells[position] for cells in lines)
    )
    if dates not in {0, len(lines)}:
        return None
    is_found = longest >= _LEAST_LINES and others and any(is_amount(cell) for cells in lines for cell in cells)
    return LabelRows(place, frozenset(labels), others[:_MOST_CONDITIONS], bool(dates)) if is_found else None
