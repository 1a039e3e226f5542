"""The words of rows that another row of their file rejects or repeats: keys and vouchers.

Belongs here: rule and words, for Spark and for `feed check` alike, which compares the rows of one file without Spark.
Does not belong here: finding these rows (see `key_comparison`, `vouchers`), reasons of single rows (see
`feeds.ledger_lines`). Nothing here imports Spark.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from string import Formatter

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.money_text import exact_money

CONFLICTING_KEY = "the key {key} is on several lines with different values, first on {first}, last on {last}"
"""The words of rows of one key whose values differ; `first` and `last` are places."""

REPEATED_ROW = "the same row with the key {key} is on {first}"
"""The words of a row that repeats another one."""

_EXACT = Context(prec=100)
MAX_QUOTED = 60
"""Characters of a voucher's name that are quoted."""


def describe_place(sheet: str | None, row: int, column: str | None = None) -> str:
    """Return where a line is: `line 5`, with the sheet and the column where it has them."""
    return f"{_before_row(sheet)}{row}{_after_row(column)}"


def describe_places(sheets: pa.StringArray, rows: pa.Int64Array, columns: pa.StringArray) -> pa.StringArray:
    """Return where lines are, as `describe_place` does."""
    before, after = _map_distinct(sheets, _before_row), _map_distinct(columns, _after_row)
    return pc.binary_join_element_wise(before, rows.cast(pa.string()), after, "")


def in_words(template: str, **values: pa.StringArray) -> pa.StringArray:
    """Return the words of lines: a template above with the values of each."""
    parts = list[str | pa.StringArray]()
    for literal, name, *_ in Formatter().parse(template):
        parts += [literal, values[name]] if name else [literal]
    return pc.binary_join_element_wise(*parts, "")


def _before_row(sheet: str | None) -> str:
    return f"sheet {sheet!r} row " if sheet else "line "


def _after_row(column: str | None) -> str:
    return f", column {column!r}" if column else ""


def _map_distinct(texts: pa.StringArray, describe: Callable[[str | None], str]) -> pa.StringArray:
    """Return what is said about each text or null, of which there are few."""
    encoded = texts.dictionary_encode("encode")
    return pa.array(map(describe, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


def describe_half_voucher(name: str, place: str, rules: str) -> tuple[str, str]:
    """Return rule and words of a voucher of which a line is rejected.

    Args:
        name: the voucher.
        place: of its first rejected line.
        rules: which that line breaks.
    """
    return "half_voucher", f"the voucher {_quoted(name)} is rejected whole, because {place} of it is rejected: {rules}"


def describe_unbalanced_voucher(name: str, debit: Decimal, credit: Decimal) -> tuple[str, str]:
    """Return rule and words of a voucher whose debits and credits differ; the amounts are exact."""
    difference = _EXACT.subtract(debit, credit)
    texts = [exact_money(amount, grouping=",") for amount in (debit, credit, difference)]
    words = f"debit {texts[0]}, credit {texts[1]}, difference {texts[2]}"
    return "unbalanced_voucher", f"the voucher {_quoted(name)} does not balance: {words}"


def _quoted(name: str) -> str:
    return repr(name if len(name) <= MAX_QUOTED else name[:MAX_QUOTED] + "…")
