"""Rows of a sample that are neither lines nor totals: a header that is repeated, one in another language, page numbers.

Belongs here: finding them, and the rule of `skip` that claims them. Does not belong here: totals (see `total_rows`),
labels above groups of lines, which give blank cells their text (see `dates_of_lines`, `ledger`).

Among lines, they would hide what the columns are: a text in a column of amounts, a blank cell in one of codes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.values import clean_text, is_amount, is_date
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.header_words import rank

Row = tuple[int, list[str]]

_PAGE = re.compile(r"(?i)(page|seite|blatt|pagina|página|side|sida|strona)[ .:#]*[0-9]+")
_CARRIED = re.compile(
    r"(?i)((?:opening|closing|beginning|ending|initial) balance|balance (?:brought|carried) (?:forward|down)"
    r"|(?:brought|carried) forward|[bc][/.]?f|übertrag|saldovortrag|vortrag|anfangsbestand|endbestand|report à nouveau"
    r"|à reporter|solde (?:initial|final|d'ouverture|de clôture)|saldo (?:inicial|final|anterior|iniziale|finale)"
    r"|beginsaldo|eindsaldo)(?:[ :].*)?"
)
"""Texts of rows with a balance, or a sum that goes on over a page: no money of the period."""
_BALANCE = re.compile(
    r"(?i)((?:end|schluss|anfangs|eröffnungs|konto)?saldo|solde|(?:account |history )?balance)"
    r"(?:[ :]+(?:per|am|zum|au|as of|as at|at|on|al)\b.*|[ :]*[0-9].*|:)?"
)
"""Texts of such rows that say nothing else, and would say too little of a column beside months."""

_LEAST_NAMES = 2


@dataclass(frozen=True)
class OtherRow:
    """A row that is not data.

    Attributes:
        column: the column by which a rule recognizes it.
        pattern: the regular expression that its cell there matches.
        has_money: whether it has the amounts of lines once more.
        is_carried: whether it has a balance, or a sum that goes on over a page.
        lacks: of such a row, a column in which every line has a text and it has none: a line may begin with the same
            words, such as the correction of an opening balance.
    """

    column: str
    pattern: str
    has_money: bool = False
    is_carried: bool = False
    lacks: str = ""


def find_other_rows(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows that are not data, by line.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor totals.
    """
    names = [fold(name) for name in header]
    raw = dict(rows)
    texts = {line: list(map(clean_text, cells)) for line, cells in rows}
    found: dict[int, OtherRow] = {}
    always = _always_filled(texts.values())
    for position, (line, cells) in enumerate(texts.items()):
        filled = [column for column, text in enumerate(cells[: len(header)]) if text]
        carried = next(((column, match) for column in filled if (match := _carried(cells[column]))), None)
        if carried and (lacking := always - {*filled}):
            place, balance = carried
            pattern, lacks = f"(?i)^{escape(balance[1].lower())}", header[min(lacking)]
            found[line] = OtherRow(header[place], pattern, has_money=True, is_carried=True, lacks=lacks)
            continue
        if len(filled) == 1 and (match := _PAGE.match(cells[filled[0]])):
            found[line] = OtherRow(header[filled[0]], f"(?i)^{escape(match[1].lower())}[ .:#]*[0-9]+")
        elif len(filled) >= _LEAST_NAMES and all(fold(cells[column]) == names[column] for column in filled):
            # A file that another one was joined to has the mark of its encoding before its header.
            begin = "^" if clean(raw[line][filled[0]]) == cells[filled[0]] else ""
            found[line] = OtherRow(header[filled[0]], f"{begin}{escape(cells[filled[0]])}$")
        elif position == 0 and is_row_of_amounts(cells):
            found[line] = OtherRow(header[filled[0]], f"(?i)^{escape(cells[filled[0]].lower())}$")
        elif position == 0 and _is_below_header(cells, list(texts.values())[1:]):
            column = next((one for one in filled if _is_apart(one, cells, list(texts.values())[1:])), None)
            if column is not None:
                found[line] = OtherRow(header[column], f"^{escape(cells[column])}$")
    return found


def _always_filled(rows: Iterable[Sequence[str]]) -> set[int]:
    """Return the columns in which every row has a text, but for those with fewer texts than most and carried ones."""
    filled = [{place for place, text in enumerate(cells) if text} for cells in rows if not any(map(_carried, cells))]
    # Labels of accounts with few lines each may be more than these.
    usual = Counter(len(one) for one in filled if len(one) > 1).most_common(1)
    lines = [one for one in filled if usual and len(one) >= usual[0][0]]
    return set.intersection(*lines) if lines else set()


def _carried(text: str) -> re.Match[str] | None:
    return _CARRIED.fullmatch(text) or _BALANCE.fullmatch(text)


def has_balance_text(cells: Sequence[str]) -> bool:
    """Return whether a row says that it has a balance, or a sum that goes on over a page."""
    return any(map(_carried, map(clean_text, cells)))


def is_balance_text(text: str) -> bool:
    """Return whether a text names a balance, or a sum that goes on over a page, and no amount of a period."""
    return _CARRIED.fullmatch(text) is not None


def is_row_of_amounts(cells: Sequence[str]) -> bool:
    """Return whether a row says of several columns that they have amounts, as NetSuite does below its months."""
    texts = [fold(cell) for cell in cells if cell.strip()]
    return len(texts) >= _LEAST_NAMES and len(set(texts)) == 1 and rank("amount", texts[0]) is not None


def _is_below_header(cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has no value although all others have one: names in another language, or units.

    A single text is a unit below the header of values, and a heading above texts.
    """
    filled = [place for place, text in enumerate(cells) if text]
    below = [other[filled[0]] for other in others if len(filled) == 1 and filled[0] < len(other) and other[filled[0]]]
    is_heading = any(not (is_amount(text) or is_date(text)) for text in below)
    return len(others) >= _LEAST_NAMES and not (is_heading or _has_value(cells)) and all(map(_has_value, others))


def _has_value(cells: Sequence[str]) -> bool:
    return any(is_amount(cell) or is_date(cell) for cell in cells)


def _is_apart(column: int, cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether a cell's text is in no other row of its column."""
    return all(fold(cells[column]) != fold(other[column]) for other in others if column < len(other))
