"""The columns of a file as its commit keeps them: their names, and what their first cells can be read as.

Belongs here: the kinds of columns. Does not belong here: which column a field uses (see `cells`), how a header differs
from an earlier one (see `deliveries.header_changes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.header import without_position
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.reasons import shorten
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import parse_date

DATE, NUMBER, TEXT, BLANK = "date", "number", "text", "blank"

_SAMPLED_ROWS = 20
_SAMPLED_CELLS = 2_000
"""Of a wide header fewer rows are looked at, so that many small files cost little."""

_DATE_FORMATS = ("yyyy-MM-dd", "yyyy-MM", "yyyyMM")


def column_kinds(rules: ReadingRules, header: Sequence[str], batch: RawBatch | None) -> dict[str, str]:
    """Return the kind of each column by its name, in the order of the header; columns without a name are left out.

    Args:
        rules: the feed's rules, whose date patterns and marks of amounts are used.
        header: the names.
        batch: the first rows; None if there are none.
    """
    rows = max(1, min(_SAMPLED_ROWS, _SAMPLED_CELLS // max(1, len(header))))
    samples = {} if batch is None else {name: batch.columns[name][:rows].to_pylist() for name in header}
    names = {name: shorten(clean(without_position(name))) for name in header}
    return {shown: kind_of_texts(rules, samples.get(name, ())) for name, shown in names.items() if shown}


def kind_of_texts(rules: ReadingRules, texts: Iterable[str | None]) -> str:
    """Return what most texts can be read as under a feed's rules: dates, numbers, or only text; blank ones aside.

    Most and not all: a column of amounts with a bad cell is one of amounts.
    """
    written = [text.strip() for text in texts if text and text.strip()]
    if not written:
        return BLANK
    short = [text for text in written if len(text) <= MAX_VALUE_CHARACTERS]
    formats = [pattern for rule in rules.fields.values() for pattern in rule.formats]
    patterns = tuple(dict.fromkeys([*formats, *_DATE_FORMATS]))
    if _are_most(short, lambda text: parse_date(clean(text), patterns) is not None, len(written)):
        return DATE
    amount = rules.fields.get("amount", FieldRule())
    is_number = _are_most(
        short, lambda text: read_amount(text, amount.decimal, amount.thousands) is not None, len(written)
    )
    return NUMBER if is_number else TEXT


def _are_most(texts: Sequence[str], is_kind: Callable[[str], bool], count: int) -> bool:
    """Return whether more than half of so many texts are of a kind; no more of them are tried than say so."""
    lacking, left = count // 2 + 1, len(texts)
    for text in texts:
        if lacking > left:
            return False
        left -= 1
        lacking -= is_kind(text)
        if not lacking:
            return True
    return False
