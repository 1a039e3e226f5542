"""Rows of a statement without headings that add up others: `Gross profit` below revenue and costs, `Total expenses`.

Belongs here: finding them by their names and by the amounts above them. Does not belong here: totals below a heading of
their name (see `statement_rows`), totals that lack other cells of a line (see `total_rows`).

A name alone is not enough: `Profit sharing` is an account, and so is `Net income` in a balance sheet. Nor is a sum: the
amounts of a plan are often round, and `Other income` is the sum of two of them by chance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.total_rows import marks_of_amounts, values_by_place
from finance_platform.feeds.values.header_words import plain_name

Row = tuple[int, list[str]]

_TOTAL = re.compile(r"(?i)(?:total|summe|gesamt|somme|totale|totaal|suma)\b")
_RESULTS = {
    "profit", "loss", "margin", "ebit", "ebitda", "ebt", "result", "earnings", "surplus", "deficit", "income",
    "contribution", "ergebnis", "betriebsergebnis", "rohergebnis", "rohertrag", "jahresergebnis", "jahresuberschuss",
    "jahresfehlbetrag", "gewinn", "verlust", "deckungsbeitrag", "marge", "resultat", "benefice", "resultado",
    "beneficio", "margen", "utile", "risultato", "margine", "brutowinst", "nettowinst", "bedrijfsresultaat",
    "resultaat", "winst",
}  # fmt: skip
_BESIDE_RESULTS = {
    "gross", "net", "operating", "ordinary", "total", "before", "after", "of", "for", "from", "the", "and",
    "or", "tax", "taxes", "interest", "period", "year", "month", "operations", "activities", "business", "vor", "nach",
    "steuern", "zinsen", "der", "und", "gewohnlichen", "geschaftstatigkeit", "i", "ii", "iii", "1", "2", "3", "brut",
    "brute", "nette", "d", "l", "exploitation", "avant", "apres", "impot", "impots", "courant", "exercice", "bruto",
    "neto", "operativo", "antes", "despues", "de", "impuestos", "netto", "lordo", "ante", "imposte", "voor", "na",
    "belasting",
}  # fmt: skip
"""Words, as `plain_name` writes them, of rows that have what is left of revenue; and those that may be beside them."""

_ALSO_ACCOUNTS = {"income", "earnings"}
_OF_REST = {"net", "operating", "before", "after", "from"}
"""Words that name accounts as well, such as Interest income and Income tax; and what says that they are a result."""

_MOST_ROWS = 300
_LEAST_LINES = 2

_Amounts = dict[int, Decimal]


def find_statement_sums(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows of a statement that add up its lines, by line; none of a table without a result.

    A total is the sum of lines directly above it, and a result that, or what is left of some after those below them. A
    row without such a name that is the sum of all lines since the sum above it is one too, before another sum.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor claimed as totals.
    """
    marks = marks_of_amounts(header, rows)
    table = [(line, cells, values_by_place(cells, marks)) for line, cells in rows]
    table = [row for row in table if row[2]]
    if not _LEAST_LINES < len(table) <= _MOST_ROWS:
        return {}
    found: dict[int, tuple[int, str]] = {}
    lines: list[_Amounts] = []
    block = 0
    has_result = False
    for position, (line, cells, values) in enumerate(table):
        place, text = next((one for one in _labels(cells) if _is_named(one[1])), (-1, ""))
        has_inner = len(lines) > block + _LEAST_LINES and _is_sum(lines[-1], lines[block:-1], is_of_all=True)
        others = lines[:-1] if has_inner else lines
        is_total = _TOTAL.match(text) is not None and _is_sum(values, others)
        is_result = _is_result(text) and (_is_sum(values, others) or _is_rest(values, others))
        if not (is_total or is_result):
            lines.append(values)
            continue
        if has_inner and (inner := dict(_labels(table[position - 1][1])).get(place)):
            found[table[position - 1][0]] = place, inner
            lines.pop()
        found[line] = place, text
        has_result |= is_result
        block = len(lines)
    if not has_result:
        return {}
    if any(place >= len(header) for place, _ in found.values()):
        return {}
    names = "|".join(dict.fromkeys(escape(text.casefold()) for _, text in found.values()))
    return {line: OtherRow(header[place], f"(?i)^({names})$", has_money=True) for line, (place, _) in found.items()}


def _labels(cells: Sequence[str]) -> list[tuple[int, str]]:
    """Return column and text of each cell that is not blank."""
    return [(place, cell.strip()) for place, cell in enumerate(cells) if cell.strip()]


def _is_named(text: str) -> bool:
    return _TOTAL.match(text) is not None or _is_result(text)


def _is_result(text: str) -> bool:
    """Return whether a text names what is left of revenue, and nothing else: no Profit sharing, no Interest income."""
    words = set(plain_name(text).split())
    is_result = bool(words & (_RESULTS - _ALSO_ACCOUNTS)) or bool(words & _ALSO_ACCOUNTS and words & _OF_REST)
    return is_result and words <= _RESULTS | _BESIDE_RESULTS


def _is_sum(values: _Amounts, lines: Sequence[_Amounts], *, is_of_all: bool = False) -> bool:
    """Return whether amounts are the sum of two lines or more directly above, or of all."""
    counts = [len(lines)] if is_of_all else range(_LEAST_LINES, len(lines) + 1)
    if len(lines) < _LEAST_LINES or not any(values.values()):
        return False
    sums = {place: _sums_from_last(place, lines) for place in values}
    return any(all(value == sums[place][count] for place, value in values.items()) for count in counts)


def _is_rest(values: _Amounts, lines: Sequence[_Amounts]) -> bool:
    """Return whether amounts are those of some lines less those of all lines between these and the row."""
    if not any(values.values()):
        return False
    sums = {place: _sums_from_last(place, lines) for place in values}
    return any(
        all(value == sums[place][whole] - 2 * sums[place][part] for place, value in values.items())
        for whole in range(_LEAST_LINES, len(lines) + 1)
        for part in range(1, whole)
    )


def _sums_from_last(place: int, lines: Sequence[_Amounts]) -> list[Decimal]:
    """Return the sum of none of some lines, of the last one, of the last two, and so on."""
    return list(accumulate((one.get(place, Decimal(0)) for one in reversed(lines)), initial=Decimal(0)))
