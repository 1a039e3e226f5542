"""Which booking a rejected row is: its department, its account and its text, as delivered.

Belongs here: finding these among the cells of a row by the descriptor of its feed. Does not belong here: the rows (see
`rejected_rows`). A file of its own, because only a table for people needs descriptors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.header import find_column
from finance_platform.feeds.resolved import PLACEHOLDER, ReadingRules, template_headers

BOOKING_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "department": ("department", "code"),
    "account": ("account", "number"),
    "text": ("description", "name"),
}
"""Column of a table and the fields that it may come from: of ledger lines, and of reference rows."""


def booking_of(raw_row: str, rules: ReadingRules | None) -> dict[str, str]:
    """Return the values of `BOOKING_COLUMNS`, blank where the file has no cell for one.

    Args:
        raw_row: the cells as delivered, a JSON object by header.
        rules: how the feed is read now; None if the home has no such feed any more.
    """
    cells = _cells(raw_row)
    if rules is None or not cells:
        return dict.fromkeys(BOOKING_COLUMNS, "")
    return {column: _value(cells, rules, fields) for column, fields in BOOKING_COLUMNS.items()}


def _cells(raw_row: str) -> Mapping[str, Any]:
    """Return the cells; none of a row without text."""
    cells: Mapping[str, Any] = json.loads(raw_row or "{}")
    return cells


def _value(cells: Mapping[str, Any], rules: ReadingRules, fields: tuple[str, ...]) -> str:
    for field in fields:
        rule = rules.fields.get(field)
        for source in rule.sources if rule else ():
            if (text := _text_of(cells, source)) is not None:
                return text
        if field in rules.constants:
            return rules.constants[field]
    return ""


def _text_of(cells: Mapping[str, Any], source: str) -> str | None:
    """Return the text of a source, a header or a template of headers; None if the row lacks one of them."""
    try:
        columns = {name: find_column(name, list(cells)) for name in template_headers(source)}
    except UnreadableDeliveryError:  # the descriptor has changed since, and two columns have the name
        return None
    if None in columns.values():
        return None
    texts = {name: str(cells[column]).strip() for name, column in columns.items() if column is not None}
    return PLACEHOLDER.sub(lambda place: texts[place[1]], source) if PLACEHOLDER.search(source) else texts[source]
