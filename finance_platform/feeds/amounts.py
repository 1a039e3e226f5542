"""Amounts: parses text into money, exactly, rounded half-up once.

Belongs here: the notation of amounts, and their sum before any rule is applied.
Does not belong here: which column holds an amount, rejecting rows (see `ledger_lines`), codes and signs of currencies
(see `currencies`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.currencies import CURRENCY_SIGNS, denoted_currencies, is_currency
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS

MONEY_TYPE = pa.decimal128(18, 2)
_CENT = Decimal("0.01")
LIMIT = Decimal(10) ** 16
"""The absolute value of money is less than this."""

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
"""Sums of amounts as written are exact in this context; Python's default keeps 28 digits."""

_MAX_DECIMALS = 60
_MINUS_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-"})
_POINTS = {".", ","}

# Letters and signs of currencies; an abbreviation's point belongs to it, as in Fr. 5, unless a digit follows.
_CURRENCY_MARK = re.compile(rf"(?:[^\W\d_]|[{CURRENCY_SIGNS}])+(?:\.(?![0-9]))?")

_POINT_AFTER_LETTER = re.compile(r"[^\W\d_]\.[0-9]")

_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
"""A number with one mark, which is 1.234 in one country and 1234 in another."""


@dataclass(frozen=True)
class ParsedAmounts:
    """A column of amounts.

    Attributes:
        values: DECIMAL(18,2), null where the text is blank or not a valid amount.
        exact_total: sum of the parsed amounts as written, before rounding.
        rounding: sum of the values less `exact_total`.
        exact: the amounts as written of the rows that rounding changed, by position.
        foreign: the currency code or sign of each amount that is not in the home's currency, by position.
        ambiguous: positions of amounts such as 1.234, whose one mark could group thousands or begin a fraction.
        proves_marks: whether another amount of the column shows which mark groups and which begins a fraction.
    """

    values: pa.Array
    exact_total: Decimal
    rounding: Decimal
    exact: Mapping[int, Decimal] = field(default_factory=dict)
    foreign: Mapping[int, str] = field(default_factory=dict)
    ambiguous: Sequence[int] = ()
    proves_marks: bool = False


@dataclass(frozen=True)
class WrittenAmount:
    """One amount as written.

    Attributes:
        value: exact.
        marks: currency codes and signs beside the number.
        is_ambiguous: whether its one mark could group thousands or begin a fraction.
        proves_marks: whether it shows which mark groups and which begins a fraction.
    """

    value: Decimal
    marks: tuple[str, ...] = ()
    is_ambiguous: bool = False
    proves_marks: bool = False


def parse_amounts(
    texts: pa.StringArray, decimal: str = ".", thousands: str | None = None, currency: str = "USD"
) -> ParsedAmounts:
    """Parse a column of trimmed texts, null where blank.

    Plain numbers with at most two decimals are cast by Arrow; every other text goes through `read_amount`.

    Args:
        texts: the column.
        decimal: the decimal mark.
        thousands: the mark that groups thousands, if any.
        currency: ISO code of the home's currency.
    """
    plain = pc.match_substring_regex(texts, _plain_pattern(decimal))
    plain = pc.fill_null(plain, False)
    pointed = texts if decimal == "." else pc.replace_substring(texts, decimal, ".")
    fast = pc.cast(pc.if_else(plain, pointed, None), MONEY_TYPE)
    total = _sum(fast)
    rounding = Decimal(0)
    is_other = pc.and_(pc.invert(plain), pc.is_valid(texts))
    if not pc.any(is_other).as_py():
        return ParsedAmounts(fast, total, rounding, proves_marks=_has_fractions(texts, plain, decimal))
    slow: list[Decimal | None] = []
    rounded: dict[int, Decimal] = {}
    foreign: dict[int, str] = {}
    ambiguous: list[int] = []
    proves_marks = False
    positions = pc.indices_nonzero(is_other)
    for position, text in zip(positions.to_pylist(), pc.take(texts, positions).to_pylist(), strict=True):
        written = read_amount(text, decimal, thousands)
        if written is None:
            slow.append(None)
            continue
        cents = written.value.quantize(_CENT, context=EXACT)
        slow.append(cents)
        total = EXACT.add(total, written.value)
        rounding = EXACT.add(rounding, EXACT.subtract(cents, written.value))
        if cents != written.value:
            rounded[position] = written.value
        foreign_mark = _foreign_mark(written.marks, currency)
        if foreign_mark:
            foreign[position] = foreign_mark
        if written.is_ambiguous:
            ambiguous.append(position)
        proves_marks = proves_marks or written.proves_marks
    values = pc.replace_with_mask(fast, is_other, pa.array(slow, MONEY_TYPE))
    proves_marks = proves_marks or _has_fractions(texts, plain, decimal)
    return ParsedAmounts(values, total, rounding, rounded, foreign, ambiguous, proves_marks)


def _foreign_mark(marks: Sequence[str], currency: str) -> str | None:
    """Return the mark that tells best which foreign currency an amount is in; None for the home's currency."""
    foreign = [mark for mark in marks if not is_currency(mark, currency)]
    return min(foreign, key=lambda mark: len(denoted_currencies(mark) or ()), default=None)


def parse_amount(text: str, decimal: str = ".", thousands: str | None = None) -> Decimal | None:
    """Return the amount that `text` denotes in whatever currency, exactly, or None if it is not a valid amount."""
    written = read_amount(text, decimal, thousands)
    return None if written is None else written.value


def read_amount(text: str, decimal: str = ".", thousands: str | None = None) -> WrittenAmount | None:
    """Return the amount that `text` denotes, exactly, with its currency; None if it is not a valid amount.

    Valid: a sign before or after, parentheses for negatives, currency codes and signs on either side, spaces as
    grouping, full-width digits, a lone dash for zero. Not valid: 1.2E+05, because the source has lost digits; numbers
    with a currency between their digits, with two different currencies, or with a footnote mark, such as 12€50,
    USD 5 EUR and 100².
    """
    number_and_marks = _split_currency(text) if len(text) <= MAX_VALUE_CHARACTERS else None
    if number_and_marks is None:
        return None
    plain, marks = number_and_marks
    if plain == "-":
        return WrittenAmount(Decimal(0), marks)
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
    if in_parentheses or signs == ["-"]:
        value = EXACT.minus(value)
    number = match["whole"] + (decimal + match["fraction"] if match["fraction"] else "")
    has_marks = decimal in number or (thousands in _POINTS and str(thousands) in number)
    is_ambiguous = has_marks and _AMBIGUOUS.fullmatch(number) is not None
    return WrittenAmount(value, marks, is_ambiguous, has_marks and not is_ambiguous)


def _split_currency(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the number and the currency marks beside it; None if something else is beside or inside it."""
    if not text.isascii():
        if any(unicodedata.category(character) == "No" for character in text):
            return None
        text = unicodedata.normalize("NFKC", text).translate(_MINUS_SIGNS)
    marks = tuple(_CURRENCY_MARK.findall(text))
    if not marks:
        return text.strip(), ()
    pieces = _CURRENCY_MARK.split(text)
    if sum(1 for piece in pieces if piece.strip(" +-()")) > 1 or not _agree(marks):
        return None
    if _POINT_AFTER_LETTER.search(text):
        return None  # Fr.5 is five francs, and EUR.50 is half a euro
    return "".join(pieces).strip(), marks


def _agree(marks: tuple[str, ...]) -> bool:
    """Return whether every mark is a currency code or sign, and they may denote one currency."""
    denoted = [denoted_currencies(mark) for mark in marks]
    if any(currencies is None for currencies in denoted):
        return False
    return len(marks) == 1 or bool(frozenset.intersection(*(codes for codes in denoted if codes is not None)))


def _has_fractions(texts: pa.StringArray, plain: pa.BooleanArray, decimal: str) -> bool:
    return bool(pc.any(pc.and_(plain, pc.match_substring(texts, decimal))).as_py())


@lru_cache(maxsize=32)
def _plain_pattern(decimal: str) -> str:
    return f"^-?[0-9]{{1,15}}({re.escape(decimal)}[0-9]{{1,2}})?$"


@lru_cache(maxsize=32)
def _written_pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    # A space always groups; a grouping mark must precede three digits, so that 1,23 under thousands "," is
    # rejected rather than read as 123. One number has one kind of grouping mark.
    groups = "".join(f"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" for mark in sorted({" ", thousands or " "}))
    fraction = f"(?:{re.escape(decimal)}(?P<fraction>[0-9]{{0,{_MAX_DECIMALS}}}))?"
    # `*+` never gives spaces back, so a text of spaces that is not a valid amount takes linear time.
    return re.compile(rf"(?P<before>[-+]?)\s*+(?P<whole>[0-9]*{groups}){fraction}\s*+(?P<after>[-+]?)")


def _sum(values: pa.Array) -> Decimal:
    total = pc.sum(values).as_py()
    return Decimal(0) if total is None else Decimal(total)
