"""Amounts: parses text into money, exactly, rounded half-up once.

Belongs here: the notation of amounts, and their sum before any rule is applied.
Does not belong here: the forms that Arrow reads a column at a time (see `common_amounts`), which column holds an
amount, rejecting rows (see `ledger_lines`), codes and signs of currencies (see `currencies`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
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

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.common_amounts import APOSTROPHES, CREDITS, MARKS, SIDES, Notation, parse_common
from finance_platform.feeds.values.currencies import CURRENCY_SIGNS, denoted_currencies, is_currency

__all__ = [
    "EXACT",
    "LIMIT",
    "ParsedAmounts",
    "WrittenAmount",
    "is_too_large",
    "names_credit",
    "parse_amounts",
    "read_amount",
    "stated_side",
]

_CENT = Decimal("0.01")
LIMIT = Decimal(10) ** 16
"""The absolute value of money is less than this."""

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
"""Sums of amounts as written are exact in this context; Python's default keeps 28 digits."""

_MAX_DECIMALS = 60
_FIRST_TEXTS = 500
_MARKS_OF_OTHERS = str.maketrans({"−": "-", "–": "-", "—": "-"} | dict.fromkeys(APOSTROPHES, "'"))
_SIDES = {"CR", "DR"}
_DIGITS = frozenset("0123456789")

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
        exact: the amounts as written of the rows that rounding changed, by position.
        foreign: the currency code or sign of each amount that is not in the home's currency, by position.
        ambiguous: positions of amounts such as 1.234, whose one mark could group thousands or begin a fraction.
        proves_marks: whether another amount of the column shows which mark groups and which begins a fraction.
        texts: the texts that were parsed; None for debit less credit.
        sides: debit and credit, of which this is the difference; empty for amounts in one column.
        currencies: the foreign currency of each row by its amount and its field, null for the home's own; None while
            only the amounts are known.
    """

    values: pa.Array
    exact: Mapping[int, Decimal] = field(default_factory=dict)
    foreign: Mapping[int, str] = field(default_factory=dict)
    ambiguous: Sequence[int] = ()
    proves_marks: bool = False
    texts: pa.StringArray | None = None
    sides: Sequence[ParsedAmounts] = ()
    currencies: pa.StringArray | None = None


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
    texts: pa.StringArray,
    decimal: str = ".",
    thousands: str | None = None,
    currency: str = "USD",
    *,
    scale: int = 0,
    has_sides: bool = False,
    side: str = "",
) -> ParsedAmounts:
    """Parse a column of trimmed texts, null where blank.

    Plain numbers with at most two decimals are cast by Arrow, and other common forms read by it; every other text goes
    through `read_amount`.

    Args:
        texts: the column.
        decimal: the decimal mark.
        thousands: the mark that groups thousands, if any.
        currency: ISO code of the home's currency.
        scale: amounts are multiplied by ten to this power, exactly, before they are rounded.
        has_sides: whether an amount may say its side, as in 5 CR and 5 C; a credit is negative.
        side: debit or credit, if all amounts are on this side, which they may say; else empty.
    """
    notation = Notation(decimal, thousands, scale, currency, has_sides, side)
    is_plain, values = _parse_plain(texts, notation)
    proves_marks = _has_fractions(texts, is_plain, decimal)
    is_other = pc.and_(pc.invert(is_plain), pc.is_valid(texts))
    if not pc.any(is_other).as_py():
        return ParsedAmounts(values, proves_marks=proves_marks)
    # Imported where texts are parsed: most commands parse none, and Arrow needs none of it.
    import numpy as np

    positions = pc.indices_nonzero(is_other)
    others = pc.take(texts, positions)
    common = parse_common(others, notation)
    rest = _parse_rest(others, pc.is_null(common.values), notation)
    values = pc.replace_with_mask(values, is_other, pc.coalesce(common.values, rest.values))
    at = np.asarray(positions)
    ambiguous = sorted([*at[np.flatnonzero(common.is_ambiguous)].tolist(), *at[list(rest.ambiguous)].tolist()])
    return ParsedAmounts(
        values,
        {int(at[place]): exact for place, exact in rest.exact.items()},
        {int(at[place]): mark for place, mark in rest.foreign.items()},
        ambiguous,
        proves_marks or common.proves_marks or rest.proves_marks,
    )


def _parse_plain(texts: pa.StringArray, notation: Notation) -> tuple[pa.BooleanArray, pa.Array]:
    """Return which texts are plain numbers with at most two decimals, and their values."""
    if notation.scale:
        return pa.repeat(pa.scalar(False), len(texts)), pa.nulls(len(texts), MONEY_TYPE)
    is_plain = pc.fill_null(pc.match_substring_regex(texts, _plain_pattern(notation.decimal)), False)
    pointed = texts if notation.decimal == "." else pc.replace_substring(texts, notation.decimal, ".")
    return is_plain, pc.cast(pc.if_else(is_plain, pointed, None), MONEY_TYPE)


def _parse_rest(texts: pa.StringArray, is_rest: pa.BooleanArray, notation: Notation) -> ParsedAmounts:
    """Parse the texts in forms that are not common; each distinct one once."""
    import numpy as np

    places = np.flatnonzero(is_rest)
    encoded = pc.take(texts, pa.array(places)).dictionary_encode()
    distinct = [_read(text, notation) for text in encoded.dictionary.to_pylist()]
    cents = [None if written is None else written.value.quantize(_CENT, context=EXACT) for written in distinct]
    values = pc.take(pa.array(cents, MONEY_TYPE), encoded.indices)
    rounded: dict[int, Decimal] = {}
    foreign: dict[int, str] = {}
    ambiguous: list[int] = []
    is_special = [written is not None and _is_special(written, notation.currency) for written in distinct]
    for position in np.flatnonzero(pc.take(pa.array(is_special, pa.bool_()), encoded.indices)).tolist():
        index, place = encoded.indices[position].as_py(), int(places[position])
        written, value = distinct[index], cents[index]
        if written is None or value is None:  # never, because special texts are amounts
            continue
        if value != written.value:
            rounded[place] = written.value
        foreign_mark = _foreign_mark(written.marks, notation.currency)
        if foreign_mark:
            foreign[place] = foreign_mark
        if written.is_ambiguous:
            ambiguous.append(place)
    all_values = pc.replace_with_mask(pa.nulls(len(texts), MONEY_TYPE), is_rest, values)
    proves_marks = any(written is not None and written.proves_marks for written in distinct)
    return ParsedAmounts(all_values, rounded, foreign, ambiguous, proves_marks)


def _is_special(written: WrittenAmount, currency: str) -> bool:
    """Return whether an amount is rounded, foreign or ambiguous."""
    is_rounded = written.value.quantize(_CENT, context=EXACT) != written.value
    return is_rounded or written.is_ambiguous or _foreign_mark(written.marks, currency) is not None


def _foreign_mark(marks: Sequence[str], currency: str) -> str | None:
    """Return the mark that tells best which foreign currency an amount is in; None for the home's currency."""
    foreign = [mark for mark in marks if not is_currency(mark, currency)]
    return min(foreign, key=lambda mark: len(denoted_currencies(mark) or ()), default=None)


def read_amount(
    text: str,
    decimal: str = ".",
    thousands: str | None = None,
    *,
    scale: int = 0,
    has_sides: bool = False,
    side: str = "",
) -> WrittenAmount | None:
    """Return the amount that `text` denotes, exactly, with its currency; None if it is not a valid amount.

    Valid: a sign before or after, parentheses for negatives, currency codes and signs on either side, spaces as
    grouping, groups of two digits before the last three (12,34,567), full-width digits, a lone dash for zero. Not
    valid: 1.2E+05, because the source has lost digits; 5.-, which is 5 in one country and -5 in another; numbers with a
    currency between their digits, with two different currencies, or with a footnote mark, such as 12€50, USD 5 EUR
    and 100².

    Args:
        text: trimmed.
        decimal: the decimal mark.
        thousands: the mark that groups thousands, if any.
        scale: the amount is multiplied by ten to this power.
        has_sides: whether the amount may say its side, and then has no other sign: DR or CR on either side of it, in
            capitals or not, or behind it one of D and S, and of C and H, in capitals. A credit is negative.
        side: debit or credit, if the amount is on this side; then it may say so, which changes nothing. An amount that
            says the other one is not valid.
    """
    return _read(text, Notation(decimal, thousands, scale, has_sides=has_sides, side=side))


def is_too_large(
    text: str, decimal: str = ".", thousands: str | None = None, *, scale: int = 0, has_sides: bool = False
) -> bool:
    """Return whether a text that is not a valid amount would be one if it were smaller; see `read_amount`."""
    return read_amount(text, decimal, thousands, scale=scale - MAX_VALUE_CHARACTERS, has_sides=has_sides) is not None


def stated_side(text: str) -> str:
    """Return the side that an amount states, such as CR or C; blank if it states none. See `read_amount`."""
    is_number = len(text) <= MAX_VALUE_CHARACTERS and any(map(str.isdecimal, text))
    return _split_side(text)[1] if is_number else ""


def names_credit(side: str) -> bool:
    """Return whether the side that an amount states is that of credits: CR, C or H."""
    return side == "CR" or side in CREDITS


def _read(text: str, notation: Notation) -> WrittenAmount | None:
    if len(text) > MAX_VALUE_CHARACTERS:
        return None
    text, side = _split_side(text) if notation.has_sides or notation.side else (text, "")
    if notation.side and side:
        if names_credit(side) != (notation.side == "credit"):
            return None
        side = ""
    number_and_marks = _split_currency(text)
    if number_and_marks is None:
        return None
    plain, marks = number_and_marks
    if plain == "-":
        return WrittenAmount(Decimal(0), marks)
    in_parentheses = plain.startswith("(") and plain.endswith(")")
    if in_parentheses:
        plain = plain[1:-1].strip()
    match = _written_pattern(notation.decimal, notation.mark).fullmatch(plain)
    if not match or not match["whole"] + (match["fraction"] or ""):
        return None
    is_negative = _is_negative(match, side, in_parentheses=in_parentheses)
    value = _scaled_value(match, notation.scale)
    if is_negative is None or value is None:
        return None
    number = match["whole"] + (notation.decimal + match["fraction"] if match["fraction"] else "")
    has_marks = notation.decimal in number or (notation.mark in MARKS and str(notation.mark) in number)
    is_ambiguous = has_marks and (
        _AMBIGUOUS.fullmatch(number) is not None or _is_half(number, notation.mark, notation.decimal)
    )
    return WrittenAmount(
        EXACT.minus(value) if is_negative else value, marks, is_ambiguous, has_marks and not is_ambiguous
    )


def _is_half(number: str, mark: str | None, decimal: str) -> bool:
    """Return whether a number such as 0,500 has a mark that groups nothing, as if it began a fraction."""
    return mark in MARKS and mark != decimal and number.startswith(f"0{mark}") and len(number) == len("0,500")


def _is_negative(match: re.Match[str], side: str, *, in_parentheses: bool) -> bool | None:
    """Return whether an amount is negative by its only sign; None if it has several, or one with two meanings."""
    signs = [sign for sign in (match["before"], match["after"], side) if sign]
    if len(signs) > 1 or (in_parentheses and signs):
        return None
    if match["after"] and match["fraction"] == "":  # 5.- is a whole amount in Switzerland, and a negative one elsewhere
        return None
    return in_parentheses or (bool(signs) and (signs[0] == "-" or names_credit(signs[0])))


def _scaled_value(match: re.Match[str], scale: int) -> Decimal | None:
    """Return the absolute value; None if money cannot have it."""
    digits = re.sub(r"[^0-9]", "", match["whole"]) or "0"
    value = Decimal(f"{digits}.{match['fraction'] or '0'}").scaleb(scale, EXACT)
    return None if value >= LIMIT or value.quantize(_CENT, context=EXACT) >= LIMIT else value


def _split_side(text: str) -> tuple[str, str]:
    """Return an amount without the side beside it, and the side: DR, CR or a letter; blank if none is."""
    first, after = text[:2].upper(), text[2:]
    after = after[1:] if after.startswith(". ") else after
    if first in _SIDES and after.strip() and not (after[0].isalpha() or after[0] == "."):
        return after.strip(), first  # in CR.5, the point could end an abbreviation or begin a fraction
    whole = text.removesuffix(".")
    before, last = whole[:-2], whole[-2:].upper()
    if last in _SIDES and before.strip() and not before[-1].isalpha():
        return before.strip(), last
    # Before a number, a letter may be of a currency, as in C$ 5; behind its sign, too.
    before, last = whole[:-1], whole[-1:]
    if last in SIDES and before.strip() and (before[-1].isspace() or before[-1] in _DIGITS):
        return before.strip(), last
    return text, ""


def _split_currency(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the number and the currency marks beside it; None if something else is beside or inside it."""
    if not text.isascii():
        if any(unicodedata.category(character) == "No" for character in text):
            return None
        text = unicodedata.normalize("NFKC", text.translate(_MARKS_OF_OTHERS)).translate(_MARKS_OF_OTHERS)
    text = text.replace("`", "'")
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
    # In most columns one of the first amounts has one.
    return any(
        pc.any(pc.and_(plain[rows], pc.match_substring(texts[rows], decimal))).as_py()
        for rows in (slice(0, _FIRST_TEXTS), slice(_FIRST_TEXTS, None))
    )


@lru_cache(maxsize=32)
def _plain_pattern(decimal: str) -> str:
    return f"^-?[0-9]{{1,15}}({re.escape(decimal)}[0-9]{{1,2}})?$"


@lru_cache(maxsize=32)
def _written_pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    # A space always groups; a grouping mark must precede three digits, so that 1,23 under thousands "," is
    # rejected rather than read as 123. One number has one kind of grouping mark.
    groups = "".join(f"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" for mark in sorted({" ", thousands or " "}))
    if thousands == ",":
        groups += "|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
    fraction = f"(?:{re.escape(decimal)}(?P<fraction>[0-9]{{0,{_MAX_DECIMALS}}}))?"
    # `*+` never gives spaces back, so a text of spaces that is not a valid amount takes linear time.
    return re.compile(rf"(?P<before>[-+]?)\s*+(?P<whole>[0-9]*{groups}){fraction}\s*+(?P<after>[-+]?)")
