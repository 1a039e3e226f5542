"""Reasons: why a row was not accepted, as the processed zone keeps them.

Belongs here: the form of a reason, and its JSON. Does not belong here: which rules there are (see `ledger_lines`,
`reference_rows`), finding the rows that break them (see `violations`).

`transforms.key_comparison` and `transforms.vouchers` write the same JSON.
"""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from finance_platform.feeds.limits import MAX_REASON_CHARACTERS

JOIN = " | "
"""Between the headers, or the cells, of a field that is made of several."""

json_text: Callable[[str], str] = json.encoder.encode_basestring
"""Returns a text as `json.dumps` writes it without escapes for letters."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that a row broke.

    Attributes:
        rule: its name.
        column: the header of the field's column; empty if the rule is about the row, or the file has no such column.
        value: the cell as delivered, or the text that stands in for it; cut if it is long.
        words: expected and found, a clause for people.
    """

    rule: str
    column: str
    value: str
    words: str


def shorten(text: str) -> str:
    """Return a header or a cell as a reason keeps it."""
    return text if len(text) <= MAX_REASON_CHARACTERS else text[:MAX_REASON_CHARACTERS] + "…"


def reasons_to_json(reasons: Iterable[Reason]) -> str:
    """Return the reasons of one row as a JSON list of objects."""
    # What `json.dumps` makes of them takes twice as long, and a file may have as many reasons as rows.
    objects = [
        f'{{"rule":{json_text(one.rule)},"column":{json_text(one.column)},'
        f'"value":{json_text(one.value)},"words":{json_text(one.words)}}}'
        for one in reasons
    ]
    return f"[{','.join(objects)}]"


def reasons_from_json(text: str | None) -> list[Reason]:
    """Return the reasons of one row from what `reasons_to_json` returned."""
    return [Reason(**reason) for reason in json.loads(text or "[]")]


def reasons_in_words(text: str | None) -> str:
    """Return the reasons of one row for people: one clause per rule."""
    return "; ".join(reason.words for reason in reasons_from_json(text))
