"""Amounts: parses text into money, exactly, rounded half-up once.

Belongs here: the notation of amounts, and their sum before any rule is applied.
Does not belong here: which column holds an amount, rejecting rows (see `ledger_lines`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MONEY_TYPE = pa.decimal128(18, 2)
_CENT = Decimal("0.01")
LIMIT = Decimal(10) ** 16
"""The absolute value of money is less than this."""

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
"""Sums of amounts as written are exact in this context; Python's default keeps 28 digits."""

_MAX_DECIMALS = 60
_MINUS_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-"})


@dataclass(frozen=True)
class ParsedAmounts:
    """A column of amounts.

    Attributes:
        values: DECIMAL(18,2), null where the text is blank or not a valid amount.
        exact_total: sum of the parsed amounts as written, before rounding.
        rounding: sum of the values less `exact_total`.
    """

    values: pa.Array
    exact_total: Decimal
    rounding: Decimal


def parse_amounts(texts: pa.StringArray, decimal: str = ".", thousands: str | None = None) -> ParsedAmounts:
    """Parse a column of trimmed texts, null where blank.

    Plain numbers with at most two decimals are cast by Arrow; every other text goes through `parse_amount`.
    """
    plain = pc.match_substring_regex(texts, _plain_pattern(decimal))
    plain = pc.fill_null(plain, False)
    pointed = texts if decimal == "." else pc.replace_substring(texts, decimal, ".")
    fast = pc.cast(pc.if_else(plain, pointed, None), MONEY_TYPE)
    total = _sum(fast)
    rounding = Decimal(0)
    is_other = pc.and_(pc.invert(plain), pc.is_valid(texts))
    if not pc.any(is_other).as_py():
        return ParsedAmounts(fast, total, rounding)
    slow: list[Decimal | None] = []
    for text in pc.take(texts, pc.indices_nonzero(is_other)).to_pylist():
        exact = parse_amount(text, decimal, thousands)
        cents = None if exact is None else exact.quantize(_CENT, context=EXACT)
        slow.append(cents)
        if exact is not None and cents is not None:
            total = EXACT.add(total, exact)
            rounding = EXACT.add(rounding, EXACT.subtract(cents, exact))
    values = pc.replace_with_mask(fast, is_other, pa.array(slow, MONEY_TYPE))
    return ParsedAmounts(values, total, rounding)


def parse_amount(text: str, decimal: str = ".", thousands: str | None = None) -> Decimal | None:
    """Return the amount that `text` denotes, exactly, or None if it is not a valid amount.

    Valid: a sign before or after, parentheses for negatives, a currency sign, spaces as grouping, full-width digits,
    a lone dash for zero. Not valid: 1.2E+05, because the source has lost digits; numbers with a currency sign between
    their digits or with a footnote mark, such as 12€50 and 100².
    """
    if not text.isascii() and any(unicodedata.category(mark) == "No" for mark in text):
        return None
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS_SIGNS)
    pieces = "".join("¤" if unicodedata.category(mark) == "Sc" else mark for mark in plain).split("¤")
    if sum(1 for piece in pieces if piece.strip(" +-()")) > 1:
        return None
    plain = "".join(pieces).strip()
    if plain == "-":
        return Decimal(0)
    in_parentheses = plain.startswith("(") and plain.endswith(")")
    if in_parentheses:
        plain = plain[1:-1].strip()
    match = _written_pattern(decimal, thousands).fullmatch(plain)
    if not match or not match["whole"] + (match["fraction"] or ""):
        return None
    signs = [sign for sign in (match["before"], match["after"]) if sign]
    if len(signs) > 1 or (in_parentheses and signs):
        return None
    digits = re.sub(r"[^0-9]", "", match["whole"]) or "0"
    value = Decimal(f"{digits}.{match['fraction'] or '0'}")
    if value >= LIMIT or value.quantize(_CENT, context=EXACT) >= LIMIT:
        return None
    return EXACT.minus(value) if in_parentheses or signs == ["-"] else value


@lru_cache(maxsize=32)
def _plain_pattern(decimal: str) -> str:
    return f"^-?[0-9]{{1,15}}({re.escape(decimal)}[0-9]{{1,2}})?$"


@lru_cache(maxsize=32)
def _written_pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    # A space always groups; a grouping mark must precede three digits, so that 1,23 under thousands "," is
    # rejected rather than read as 123. One number has one kind of grouping mark.
    groups = "".join(f"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" for mark in sorted({" ", thousands or " "}))
    fraction = f"(?:{re.escape(decimal)}(?P<fraction>[0-9]{{0,{_MAX_DECIMALS}}}))?"
    return re.compile(rf"(?P<before>[-+]?)\s*(?P<whole>[0-9]*{groups}){fraction}\s*(?P<after>[-+]?)")


def _sum(values: pa.Array) -> Decimal:
    total = pc.sum(values).as_py()
    return Decimal(0) if total is None else Decimal(total)
