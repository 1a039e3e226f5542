"""Rows of a printed statement that add up others: `Total Expenses` below the heading `Expenses`, `Gross Profit`.

Belongs here: finding them by the headings above them. Does not belong here: totals that lack other cells of a line (see
`total_rows`), rows without amounts (see `other_rows`).

Such a row has an amount in every column that a line has, so nothing but its text and its heading says that it is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.values import is_amount
from finance_platform.feeds.values.codes import fold

Row = tuple[int, list[str]]

_TOTAL = re.compile(
    r"(total|summe|gesamt|somme|totale|totaal|suma)\b[ :-]*(?:(?:for|of|für|de|des|del|di|van)\s+)?(.+)", re.I
)
_RESULTS = (
    "gross profit", "gross margin", "net operating income", "net other income", "net ordinary income", "net income",
    "net profit", "net loss", "net earnings", "operating income", "operating profit", "profit for the period", "ebit",
    "ebitda", "rohertrag", "rohergebnis", "betriebsergebnis", "jahresüberschuss", "jahresergebnis", "marge brute",
    "résultat d'exploitation", "résultat net", "resultado bruto", "resultado neto", "beneficio neto", "utile netto",
    "risultato operativo", "brutowinst", "bedrijfsresultaat", "nettowinst",
)  # fmt: skip
"""Texts of rows that have the difference of revenue and costs."""


def find_statement_rows(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows of a statement that add up its lines, by line; none of a table without headings and their totals.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor claimed as totals.
    """
    headings: set[tuple[int, str]] = set()
    totals: dict[int, OtherRow] = {}
    results: dict[int, tuple[str, str]] = {}
    for line, cells in rows:
        texts = {place: cell.strip() for place, cell in enumerate(cells[: len(header)]) if cell.strip()}
        if len(texts) == 1:
            headings |= {(place, fold(text)) for place, text in texts.items()}
        if not any(map(is_amount, texts.values())):
            continue
        for place, text in texts.items():
            match = _TOTAL.fullmatch(text)
            if match and (place, fold(match[2])) in headings:
                totals[line] = OtherRow(header[place], f"(?i)^{match[1].lower()}\\b", has_money=True)
            elif fold(text) in _RESULTS:
                results[line] = (header[place], fold(text))
    if not totals:
        return {}
    names = "|".join(dict.fromkeys(name for _, name in results.values()))
    pattern = f"(?i)^({names})$"
    return totals | {line: OtherRow(column, pattern, has_money=True) for line, (column, _) in results.items()}
