"""Amounts of a sheet, of which some cells are numbers and others texts.

Belongs here: which texts are those of numbers, whose decimal mark is a point whatever the descriptor declares, and what
shows how texts are written. Does not belong here: the notation of amounts (see `amounts`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.amounts import (
    LIMIT,
    ParsedAmounts,
    is_too_large,
    names_credit,
    parse_amounts,
    read_amount,
    stated_side,
)
from finance_platform.money_text import grouped_money

LARGEST_AMOUNT = f"an amount is at most {grouped_money(LIMIT - Decimal('0.01'))}"
SIDES_OF_PAIR = ("debit", "credit")
"""What the two columns of an amount have, in their order."""

_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
_NUMBER_OR_GROUPS = r"^-?[0-9]{1,3}\.[0-9]{3}$"


def parse_cells(
    texts: pa.StringArray,
    source: FieldSource,
    currency: str,
    batch: RawBatch,
    *,
    has_sides: bool = False,
    side: str = "",
) -> ParsedAmounts:
    """Parse a column of amounts of a batch.

    A cell of a sheet that is a number means one thing, and shows nothing about the marks of cells that are texts: 12.5
    is no reason to read the text `1.100` as 1.1 without a note.

    Args:
        texts: the column, trimmed, null where blank.
        source: the field's, with the marks of texts and the headers.
        currency: ISO code of the home's currency.
        batch: its rows.
        has_sides: whether an amount may say its side, as in 5 CR and 5 C; a credit is negative.
        side: debit or credit, if the column has one of them, which an amount may then say; else empty.
    """
    rule = source.rule
    decimal, thousands = rule.decimal, rule.thousands
    if batch.sheet is None:
        parsed = parse_amounts(texts, decimal, thousands, currency, scale=rule.scale, has_sides=has_sides, side=side)
        return replace(parsed, texts=texts)
    is_number = _find_numbers(texts, _three_decimals(source.headers, batch))
    declared = texts if decimal == "." else pc.if_else(is_number, pc.replace_substring(texts, ".", decimal), texts)
    parsed = parse_amounts(declared, decimal, thousands, currency, scale=rule.scale, has_sides=has_sides, side=side)
    return replace(
        parsed,
        ambiguous=[position for position in parsed.ambiguous if not is_number[position].as_py()],
        proves_marks=parsed.proves_marks
        and _prove_marks(pc.if_else(is_number, None, texts), rule, has_sides=has_sides),
        texts=declared,
    )


def describe_invalid(
    parsed: ParsedAmounts, position: int, rule: FieldRule, *, has_sides: bool = False, side: str = ""
) -> str:
    """Return the cause, as a clause, if a text is only too large, or has digits of another script or another side."""
    text = parsed.texts[position].as_py() if parsed.texts is not None and not parsed.values[position].is_valid else None
    if text and _has_other_digits(text[:MAX_VALUE_CHARACTERS]):
        return "; its digits are of a script that is not read: write 0 to 9 at the source"
    stated = stated_side(text) if text and side else ""
    if stated and names_credit(stated) != (side == "credit"):
        return f"; {stated} is beside it, and its column has the {side}s"
    if not text or not is_too_large(text, rule.decimal, rule.thousands, scale=rule.scale, has_sides=has_sides):
        return ""
    return f"; it is too large: {LARGEST_AMOUNT}"


def _has_other_digits(text: str) -> bool:
    """Return whether a text has decimal digits that are not 0 to 9, full-width ones included."""
    return any(one.isdecimal() and not unicodedata.normalize("NFKC", one).isascii() for one in text)


def _three_decimals(headers: Sequence[str], batch: RawBatch) -> set[str]:
    """Return the texts of numbers such as 1.234 in these columns: in another, the same text may be one of a text."""
    # A row of which several columns are lines has no longer the columns of the sheet.
    names = headers if batch.source_columns is None else batch.three_decimals
    return set().union(*(batch.three_decimals.get(name, ()) for name in names))


def _find_numbers(texts: pa.StringArray, three_decimals: Collection[str]) -> pa.BooleanArray:
    """Return which texts are those of numbers; 1.234 only if it is known to be, because as a text it may be 1234."""
    is_number = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    may_be_text = pc.fill_null(pc.match_substring_regex(texts, _NUMBER_OR_GROUPS), False)
    if not pc.any(may_be_text).as_py():
        return is_number
    is_known = pc.is_in(texts, pa.array(sorted(three_decimals), pa.string()))
    return pc.and_(is_number, pc.or_(pc.invert(may_be_text), is_known))


def _prove_marks(texts: pa.StringArray, rule: FieldRule, *, has_sides: bool) -> bool:
    """Return whether a text shows which mark groups and which begins a fraction."""
    for text in pc.unique(pc.drop_null(texts)).to_pylist():
        written = read_amount(text, rule.decimal, rule.thousands, scale=rule.scale, has_sides=has_sides)
        if written is not None and written.proves_marks:
            return True
    return False
