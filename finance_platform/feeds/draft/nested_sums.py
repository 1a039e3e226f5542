"""Rows that are the sums of those below or above them, on one level or several, which no word or code marks.

Belongs here: the rule that leaves them out. Does not belong here: recognizing them (see `doubts.parent_rows`), results
and totals by their names (see `statement_sums`), levels of codes (see `code_levels`).

Nearly all rows of the table are sums, or parts of one. A table with days, vouchers or signs is a journal, in which a
debit is the sum of its credits.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from finance_platform.feeds.doubts.parent_rows import MODULUS, find_sums_above_or_below
from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.period_columns import read_scenario
from finance_platform.feeds.draft.total_rows import marks_of_amounts, values_by_place
from finance_platform.feeds.draft.values import is_amount
from finance_platform.feeds.values.header_words import rank

Row = tuple[int, list[str]]

_OF_JOURNALS = ("date", "voucher", "sign", "transaction_id", "debit", "credit", "scenario")
_MOST_TEXTS = 50


def find_nested_sums(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows that are sums of others, by line; none if nothing but their amounts distinguishes them.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor claimed for another reason.
    """
    if any(rank(field, name) is not None for field in _OF_JOURNALS for name in header):
        return {}
    marks = marks_of_amounts(header, rows)
    numbers = [
        sum(int(value * 100) * _factor(place) for place, value in values_by_place(cells, marks).items()) % MODULUS
        for _, cells in rows
    ]
    found = find_sums_above_or_below(numbers)
    if found is None:
        return {}
    sums = set(found.rows)
    labels = {position: _label(header, rows[position][1]) for position in sums}
    others = [cells for position, (_, cells) in enumerate(rows) if position not in sums]
    patterns: dict[int, str] = {}
    for place in {place for place, _ in labels.values()}:
        texts = list(dict.fromkeys(text for at, text in labels.values() if at == place))
        of_lines = {cells[place].strip() for cells in others if place < len(cells)}
        if place < 0 or of_lines & set(texts) or any(map(read_scenario, texts)) or len(texts) > _MOST_TEXTS:
            return {}
        patterns[place] = f"^({'|'.join(map(escape, texts))})$" if of_lines - {""} else "."
    return {
        rows[position][0]: OtherRow(header[place], patterns[place], has_money=True)
        for position, (place, _) in labels.items()
    }


def _label(header: Sequence[str], cells: Sequence[str]) -> tuple[int, str]:
    """Return the column and the text of the first cell that is neither blank nor an amount; -1 if there is none."""
    texts = ((place, cell.strip()) for place, cell in enumerate(cells[: len(header)]))
    return next(((place, text) for place, text in texts if text and not is_amount(text)), (-1, ""))


def _factor(place: int) -> int:
    """Return an odd number that depends on a column, so that equal sums are equal in each of them."""
    return zlib.crc32(str(place).encode()) * 0x9E3779B97F4A7C15 | 1
