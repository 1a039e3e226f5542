"""What the format of a cell displays that its number lacks: a currency, a side, a sign, a unit, the digits of a code.

Belongs here: codes of formats. Does not belong here: the cells that have them (see `xlsx_formats`, `xls_records`,
`ods_formats`), the doubts in a ledger (see `displayed_units`).

Formats of xlsx and xls are codes such as `#,##0.00;[Red]-#,##0.00`, with a section for positive and for negative
numbers; those of ods are made into such codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.currencies import denoted_currencies, is_currency
from finance_platform.feeds.values.unit_words import MILLIONS, THOUSANDS

CREDIT, DEBIT = "Cr", "Dr"
BUILT_IN = {
    "1": "0",
    "2": "0.00",
    "9": "0%",
    "10": "0.00%",
    "11": "0.00E+00",
    "16": "d-mmm",
    "48": "##0.0E+0",
}
"""The built-in formats that are looked at, by number: others show what each reader's country does."""

_SIDES = dict.fromkeys(("cr", "cr.", "credit", "h", "haben"), CREDIT) | dict.fromkeys(
    ("dr", "dr.", "debit", "s", "soll"), DEBIT
)
_LETTER = re.compile(r'[0#?)]\s*(?:\\ )?(?:"\s*([CD])\s*"|\\([CD]))\s*$')
"""The letter of a side behind digits: others of these letters, and small ones, are of days or name something else."""

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
_MAX_NUMBER = 10**15
"""A sheet keeps 15 digits of a number, so a larger one is no code."""

_GROUPING = " '’\u00a0\u202f"
"""Characters between groups of digits, which are no part of a code: 4'000."""

_MINUS = ("-", "−", "–")
_MAX_CODE = 1_000
_MAX_SECTION = 60
"""Characters of a format of codes."""

ALL_DECIMALS = "#" * 15
"""The places of all decimals that a number has."""


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
    DECIMALS = "decimals"
    """A fixed number of decimals, which only a code is compared with: 4000.1 as 4000.10, or as 4000."""
    LITERAL = "literal"
    """Characters around or between the digits, which only a code is compared with: 4000 as 4000-US."""
    STALE = "stale"
    """Of the cell and not of its format: a formula whose value the workbook asks to calculate again."""


OF_CODES = {Kind.DECIMALS, Kind.LITERAL}
"""What nearly every format displays, and what matters for codes alone."""

_BESIDE_CODES = {Kind.ZEROS, Kind.MINUS_ADDED}
"""What a format of codes may display, too: `0"-US"` seems to display a minus."""


class Mark(NamedTuple):
    """One thing that a format displays.

    Attributes:
        kind: what.
        text: the currency or side as the format has it, `thousands` or `millions` of a unit, the exponent of ten by
            which the display divides, the digits that a code is filled to, or of decimals and literal characters the
            part of the format that displays positive numbers; empty of other kinds.
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
        if self.kind is Kind.DECIMALS:
            is_fraction = 0 < value < _MAX_NUMBER and not value.is_integer()
            return is_fraction and displayed_code(self.text, value) != f"{value:.15g}"
        if self.kind is Kind.LITERAL:
            return 0 <= value < _MAX_NUMBER
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
    marks += [*_signs(sections), *_units(sections[0])]
    return (*marks, *_of_codes(sections[0], has_other_marks=any(mark.kind not in _BESIDE_CODES for mark in marks)))


def foreign_marks(marks: Iterable[Mark], currency: str) -> tuple[Mark, ...]:
    """Return marks without those of the home's currency."""
    return tuple(mark for mark in marks if mark.kind is not Kind.CURRENCY or not is_currency(mark.text, currency))


def only_of_codes(marks: Iterable[Mark], *, are_wanted: bool) -> tuple[Mark, ...]:
    """Return the marks that matter for codes alone, or the others."""
    return tuple(mark for mark in marks if (mark.kind in OF_CODES) is are_wanted)


def displayed_code(section: str, value: float) -> str:
    """Return what a section with a mark of decimals or of literal characters displays for a positive number."""
    pieces = _pieces(section)
    whole, _, fraction = "".join(text for text, is_place in pieces if is_place).partition(".")
    exact = Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-len(fraction)), context=EXACT)
    digits, _, decimals = f"{exact:f}".partition(".")
    least = len(fraction.rstrip("#"))
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    digits = ("" if digits == "0" else digits).zfill(whole.count("0"))
    # Each place has one digit, from the right, and the first one all that are left.
    surplus = max(0, len(digits) - len(whole))
    in_places = [digits[: surplus + 1], *digits[surplus + 1 :]] if digits else []
    in_places = [""] * (len(whole) - len(in_places)) + in_places
    shown, number = [], 0
    for text, is_place in pieces:
        if not is_place:
            shown.append(text)
        elif text == ".":
            shown.append(f".{decimals}" if decimals else "")
            number = len(in_places)
        elif number < len(in_places):
            shown.append(in_places[number])
            number += 1
    return "".join(shown).strip()


def displayed_text(code: str) -> str:
    """Return the currency, or the side, that the format of a positive number displays; empty if neither.

    `_€` and `*€` are spaces, not signs: formats of accountants without a currency have them.
    """
    section = _sections(code)[0]
    if letter := _LETTER.search(section):
        return CREDIT if "C" in letter.groups() else DEBIT
    return _displayed_words(_words(section))


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


def _pieces(section: str) -> list[tuple[str, bool]]:
    """Return the parts of a section in their order, and whether each has a place of a digit; nothing if some has more.

    Other parts are marks of groups, of hundredths, of fractions, and of dates.
    """
    pieces = []
    for token in _TOKEN.finditer(section):
        quoted, currency, escaped, letter, other = token.groups()
        if letter is not None or (other is not None and other in ",%/"):
            return []
        literal = next((text for text in (quoted, currency, escaped) if text is not None), None)
        if literal is None and other is not None and other in "#0?.":
            pieces.append((other, True))
        elif literal or other:
            pieces.append((str(literal or other), False))
    pattern = "".join(text for text, is_place in pieces if is_place)
    return pieces if pattern.count(".") <= 1 and pattern.strip(".") else []


def _of_codes(section: str, *, has_other_marks: bool) -> list[Mark]:
    """Return whether a code that is a number may be displayed otherwise than it is read."""
    pieces = [] if has_other_marks or len(section) > _MAX_SECTION else _pieces(section)
    if not pieces:
        return []
    literal = "".join(text for text, is_place in pieces if not is_place)
    if not literal.strip(_GROUPING):
        return [] if ALL_DECIMALS in section else [Mark(Kind.DECIMALS, section)]
    places = [number for number, (_, is_place) in enumerate(pieces) if is_place]
    is_between = any(text.strip() for text, is_place in pieces[places[0] : places[-1]] if not is_place)
    return [Mark(Kind.LITERAL, section)] if is_between or any(map(str.isalnum, literal)) else []


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
