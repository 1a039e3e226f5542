"""What the format of a cell displays that its number lacks: a currency, a side, another sign, a unit, a percentage.

Belongs here: codes of formats. Does not belong here: the cells that have them (see `xlsx_formats`, `xls_records`,
`ods_formats`), the doubts in a ledger (see `displayed_units`).

Formats of xlsx and xls are codes such as `#,##0.00;[Red]-#,##0.00`, with a section for positive and for negative
numbers; those of ods are made into such codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from finance_platform.feeds.values.currencies import denoted_currencies, is_currency
from finance_platform.feeds.values.unit_words import MILLIONS, THOUSANDS

CREDIT, DEBIT = "Cr", "Dr"
BUILT_IN = {"9": "0%", "10": "0.00%", "11": "0.00E+00", "16": "d-mmm", "48": "##0.0E+0"}
"""The built-in formats that are looked at, by number: others show what each reader's country does."""

_SIDES = dict.fromkeys(("cr", "cr.", "credit", "h", "haben"), CREDIT) | dict.fromkeys(
    ("dr", "dr.", "debit", "s", "soll"), DEBIT
)
_UNITS = {"k": 3, "tsd": 3, "tsd.": 3, "thsd": 3, "mio": 6, "mio.": 6, "mln": 6, "mn": 6}
_TOKEN = re.compile(r'"([^"]*)"|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[[^\]]*\]|\\(.)|[_*].|([^\s#0?.,%/()+;-])|(.)', re.DOTALL)
_SECTION = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])*')
_CONDITION = re.compile(r"\[[<>=]")
_COLOR = re.compile(r"(?i)\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?[0-9]+)\]")
_DIGITS = re.compile(r"[#0?](?:[#0?.,]*[#0?])?")
_SCALING = re.compile(r"[#0?](,+)(?:\.[#0?]*)?(?![#0?,])")
_LEADING_ZEROS = re.compile(r"0{2,}")
_EXPONENT = re.compile(r"[0#?]E[+-]")
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|[_*].')
_DAY_AND_MONTH = re.compile(r"(?i)(?=[^d]*d)(?=[^m]*m)[dm\s./,-]+")
_TENS = 10
_MINUS = ("-", "−", "–")
_MAX_CODE = 1_000


class Kind(Enum):
    """What a format may display."""

    CURRENCY = "currency"
    SIDE = "side"
    MINUS_ADDED = "minus added"
    MINUS_HIDDEN = "minus hidden"
    UNIT = "unit"
    SCALED = "scaled"
    PERCENTAGE = "percentage"
    ZEROS = "zeros"
    NOTHING = "nothing"
    STRUCK = "struck"
    SCIENTIFIC = "scientific"
    YEARLESS = "yearless"
    """A day and a month, without the year that the day is of."""
    STALE = "stale"
    """Of the cell and not of its format: a formula whose value the workbook asks to calculate again."""


class Mark(NamedTuple):
    """One thing that a format displays.

    Attributes:
        kind: what.
        text: the currency or side as the format has it, `thousands` or `millions` of a unit, the exponent of ten by
            which the display divides, or the digits that a code is filled to; empty of other kinds.
    """

    kind: Kind
    text: str = ""

    def concerns(self, value: float) -> bool:
        """Return whether the display of a number differs from the number by this."""
        if self.kind is Kind.MINUS_ADDED:
            return value > 0
        if self.kind is Kind.MINUS_HIDDEN:
            return value < 0
        if self.kind is Kind.ZEROS:
            return value >= 0 and value.is_integer() and len(f"{value:.0f}") < int(self.text)
        if self.kind is Kind.SCIENTIFIC:  # 1E5 is 100000, and 12345 is what it is in any format
            return value > 0 and value % _TENS == 0
        return True


def marks_of_format(code: str) -> tuple[Mark, ...]:
    """Return what a format displays beside numbers, or instead of them."""
    if len(code) > _MAX_CODE:
        return ()
    text = displayed_text(code)
    marks = [Mark(Kind.SIDE if text in {CREDIT, DEBIT} else Kind.CURRENCY, text)] if text else []
    sections = _sections(code)
    if _DAY_AND_MONTH.fullmatch(_LITERAL.sub(" ", sections[0])):
        return (Mark(Kind.YEARLESS),)
    if len(sections) > 1 and not any(section.strip() for section in sections[:2]):
        return (Mark(Kind.NOTHING),)
    if _CONDITION.search(code) or not _DIGITS.search(_shown(sections[0])):
        return tuple(marks)
    if _EXPONENT.search(_LITERAL.sub("", sections[0])):
        marks.append(Mark(Kind.SCIENTIFIC))
    return (*marks, *_signs(sections), *_units(sections[0]))


def foreign_marks(marks: Iterable[Mark], currency: str) -> tuple[Mark, ...]:
    """Return marks without those of the home's currency."""
    return tuple(mark for mark in marks if mark.kind is not Kind.CURRENCY or not is_currency(mark.text, currency))


def displayed_text(code: str) -> str:
    """Return the currency, or the side, that the format of a positive number displays; empty if neither.

    `_€` and `*€` are spaces, not signs: formats of accountants without a currency have them.
    """
    return _displayed_words(_words(_sections(code)[0]))


def _displayed_words(text: str) -> str:
    for word in text.split():
        if side := _SIDES.get(word.casefold()):
            return side
        if denoted_currencies(word):
            return word
    return ""


def _sections(code: str) -> list[str]:
    sections, start = [], 0
    while match := _SECTION.match(code, start):
        sections.append(match[0])
        if match.end() >= len(code) or code[match.end()] != ";":
            break
        start = match.end() + 1
    return sections or [""]


def _words(section: str) -> str:
    """Return the literal texts of a section, with spaces in place of digits and marks."""
    parts = (
        next((part for part in token.groups()[:4] if part is not None), "" if token[5] is None else " ")
        for token in _TOKEN.finditer(section)
    )
    return "".join(parts)


def _shown(section: str) -> str:
    """Return what a section shows around its digits; a literal digit is a letter, so that it counts as none."""
    parts = []
    for token in _TOKEN.finditer(section):
        literal = next((part for part in token.groups()[:4] if part is not None), None)
        parts.append(re.sub(r"[#0?]", "x", literal) if literal is not None else token[5] or "")
    return "".join(parts)


def _signs(sections: Sequence[str]) -> list[Mark]:
    """Return whether positive numbers are shown as negative ones, and negative ones without a sign."""
    marks = []
    if _shows_minus(sections[0]):
        marks.append(Mark(Kind.MINUS_ADDED))
    if len(sections) < 2 or not _DIGITS.search(_shown(sections[1])):
        return marks
    negative = sections[1]
    # A color, or another text, says what the sign would.
    is_told = _COLOR.search(negative) or _words(negative).split() != _words(sections[0]).split()
    if not is_told and not _shows_minus(negative) and _displayed_words(_words(negative)) not in {CREDIT, DEBIT}:
        marks.append(Mark(Kind.MINUS_HIDDEN))
    return marks


def _shows_minus(section: str) -> bool:
    shown = _shown(section)
    digits = _DIGITS.search(shown)
    if digits is None:
        return False
    before, after = shown[: digits.start()].strip(), shown[digits.end() :].strip()
    in_parentheses = "(" in before and ")" in after
    has_minus_after = after.startswith(_MINUS) and not _DIGITS.match(after[1:])  # 000-000 is a code
    return in_parentheses or before.startswith(_MINUS) or before.endswith(_MINUS) or has_minus_after


def _units(section: str) -> list[Mark]:
    shown = _shown(section)
    if "%" in re.sub(r'"[^"]*"|\\.', "", section):
        return [Mark(Kind.PERCENTAGE)]
    if scaling := _SCALING.search(shown):
        return [Mark(Kind.SCALED, str(3 * len(scaling[1])))]
    digits = _DIGITS.search(shown)
    if digits and _LEADING_ZEROS.fullmatch(digits[0]):
        return [Mark(Kind.ZEROS, str(len(digits[0])))]
    words = _words(section).strip()
    exponents = {_UNITS[word.casefold()] for word in words.split() if word.casefold() in _UNITS}
    if 3 in exponents or THOUSANDS.search(words):
        return [Mark(Kind.UNIT, "thousands")]
    return [Mark(Kind.UNIT, "millions")] if exponents or MILLIONS.search(words) else []
