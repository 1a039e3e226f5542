"""Amounts in common forms: parsed by Arrow, a column at a time.

Belongs here: the forms that nearly all amounts of nearly all files have, as regular expressions of RE2, and their
values.
Does not belong here: every other form, and what a form means; `amounts` reads one text at a time, and both must agree.

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.feeds.values.currencies import marks_of

MARKS = frozenset({".", ","})
"""The marks that group in one country and begin a fraction in another."""

APOSTROPHES = "'’‘ʼʹ´`′"
CREDITS = "CH"
"""Letters behind an amount that is a credit: C in most languages, H (Haben, Haber) in German and Spanish."""

SIDES = f"DS{CREDITS}"
"""The letters of either side; D is a debit in every language that has it, and S (Soll) in German."""

_DECIMALS = 2
_MAX_DIGITS = 15
"""Of a whole number; whatever its fraction, it is less than what money may be."""

_WIDE_PRECISION = 38

_SPACES = "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_MINUS_SIGNS = "[−–—]"


@dataclass(frozen=True)
class Notation:
    """How amounts of a column are written.

    Attributes:
        decimal: the decimal mark.
        thousands: the mark that groups thousands, if any; an apostrophe stands for every apostrophe.
        scale: amounts are multiplied by ten to this power.
        currency: ISO code of the home's currency.
        has_sides: whether DR, CR or a letter beside an amount says which side it is on; a credit is negative.
        side: debit or credit, if the column has one side alone, which an amount may then state; else empty.
    """

    decimal: str = "."
    thousands: str | None = None
    scale: int = 0
    currency: str = "USD"
    has_sides: bool = False
    side: str = ""

    @property
    def mark(self) -> str | None:
        """The mark that groups thousands, the same for every apostrophe."""
        return "'" if self.thousands and self.thousands in APOSTROPHES else self.thousands


@dataclass(frozen=True)
class CommonAmounts:
    """The amounts of a column that are in common forms.

    Attributes:
        values: DECIMAL(18,2); null where the text is blank or in another form.
        is_ambiguous: true where the one mark of a number could group thousands or begin a fraction.
        proves_marks: whether another amount shows which mark groups and which begins a fraction.
    """

    values: pa.Array
    is_ambiguous: pa.BooleanArray
    proves_marks: bool


@dataclass(frozen=True)
class _Patterns:
    form: str
    negative: str
    ambiguous: str
    marked: str
    decimals: int


def parse_common(texts: pa.StringArray, notation: Notation) -> CommonAmounts:
    """Parse the texts that are in common forms.

    Args:
        texts: trimmed; null where blank.
        notation: how they are written.
    """
    patterns = _patterns(notation)
    written = _plain_marks(texts, has_apostrophes=notation.mark == "'")
    is_common = pc.fill_null(pc.match_substring_regex(written, patterns.form), False)
    common = pc.if_else(is_common, written, None)
    number = _only_digits(common, notation.decimal)
    if notation.decimal != ".":
        number = pc.replace_substring(number, notation.decimal, ".")
    number = pc.if_else(pc.equal(number, ""), "0", number)  # of a lone dash
    shifted = pc.cast(number, pa.decimal128(_WIDE_PRECISION, patterns.decimals))
    # The digits are those of cents, as many decimals as the scale moves the point.
    values = pc.cast(shifted.view(pa.decimal128(_WIDE_PRECISION, _DECIMALS)), MONEY_TYPE)
    is_negative = pc.match_substring_regex(common, patterns.negative)
    values = pc.if_else(is_negative, pc.negate(values), values)
    is_ambiguous = pc.fill_null(pc.match_substring_regex(common, patterns.ambiguous), False)
    return CommonAmounts(values, is_ambiguous, _has_proof(common, is_ambiguous, patterns.marked))


def _has_proof(common: pa.StringArray, is_ambiguous: pa.BooleanArray, marked: str) -> bool:
    """Return whether a number has a mark and is not ambiguous; in most columns one of the first does."""
    for rows in (slice(0, _FIRST_TEXTS), slice(_FIRST_TEXTS, None)):
        is_marked = pc.fill_null(pc.match_substring_regex(common[rows], marked), False)
        if pc.any(pc.and_not(is_marked, is_ambiguous[rows])).as_py():
            return True
    return False


_FIRST_TEXTS = 500


def _only_digits(texts: pa.StringArray, decimal: str) -> pa.StringArray:
    """Return texts without all characters but ASCII digits and the decimal mark.

    To select bytes takes a tenth of the time of a regular expression.
    """
    # Imported where texts are parsed: most commands parse none, and Arrow needs none of it.
    import numpy as np

    if not decimal.isascii():
        return pc.replace_substring_regex(texts, f"[^0-9{re.escape(decimal)}]", "")
    _, offsets_buffer, data_buffer = texts.buffers()
    if data_buffer is None:
        return texts
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[: offsets[-1]]
    is_kept = ((data >= _ZERO) & (data <= _NINE)) | (data == ord(decimal))
    kept_before = np.concatenate([[0], np.cumsum(is_kept, dtype=np.int32)]).astype(np.int32)
    kept = pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(kept_before[offsets].tobytes()), pa.py_buffer(data[is_kept].tobytes())
    )
    return pc.if_else(pc.is_valid(texts), kept, None)


_ZERO, _NINE = b"09"


def _plain_marks(texts: pa.StringArray, *, has_apostrophes: bool) -> pa.StringArray:
    """Return texts with one kind of space, of minus sign and of apostrophe."""
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        texts = pc.replace_substring_regex(texts, _SPACES, " ")
        texts = pc.replace_substring_regex(texts, _MINUS_SIGNS, "-")
    return pc.replace_substring_regex(texts, f"[{APOSTROPHES}]", "'") if has_apostrophes else texts


@lru_cache(maxsize=64)
def _patterns(notation: Notation) -> _Patterns:
    mark = notation.mark
    number = _number(notation)
    currency = "(?i:" + "|".join(re.escape(sign) for sign in marks_of(notation.currency)) + ")"
    before, after = f"(?:{currency} *)?", f"(?: *{currency})?"
    forms = [
        f"[-+]? *{before}{number}",
        f"{currency} *[-+] *{number}",
        f"[-+]? *{number} *{currency}",
        f"{before}{number} *[-+]",
        f"{number} *{currency} *[-+]",
        f"{number} *[-+] *{currency}",
        rf"\( *{before}{number} *\)",
        rf"\( *{number}{after} *\)",
        rf"{currency} *\( *{number} *\)",
        rf"\( *{number} *\) *{currency}",
        f"{before}-",
        f"-{after}",
    ]
    negative = r"[-(]"
    if notation.has_sides:
        side = f"(?:(?i:CR|DR)|[{SIDES}])"
        forms += [
            f"{before}{number} *{side}",
            f"{number} *{currency} +{side}",
            f"(?i:CR|DR) *{number}{after}",
            f"(?i:CR|DR) +{currency} *{number}",
        ]
        negative += f"|^(?i:CR)[^A-Za-z]|[^A-Za-z](?:(?i:CR)|[{CREDITS}])$"
    points = "".join(re.escape(sign) for sign in {notation.decimal, mark or notation.decimal} if sign in MARKS)
    # The number begins and ends where neither digit nor mark is beside it, nor a group after a space.
    grouped = f"[1-9][0-9]{{0,2}}[{points}][0-9]{{3}}"
    if mark in MARKS and mark != notation.decimal:
        grouped = f"(?:{grouped}|0{re.escape(str(mark))}[0-9]{{3}})"  # 0,500 has nothing to group
    return _Patterns(
        form=f"^(?:{'|'.join(forms)})$",
        negative=negative,
        ambiguous=f"(?:^|[^0-9.,' ]|[^0-9] +){grouped}(?:$|[^0-9.,' ]| +[^0-9 ])",
        marked=f"[0-9][{points}][0-9]",
        decimals=max(0, _DECIMALS + notation.scale),
    )


def _number(notation: Notation) -> str:
    """Return the pattern of a number whose value after scaling is exact in cents, and is money."""
    digits = _MAX_DIGITS - max(0, notation.scale)
    decimals = _DECIMALS + notation.scale
    if decimals < 0:
        return "[^\\x{0}-\\x{10ffff}]"  # every value may have to be rounded, so none is common
    wholes = [f"[0-9]{{1,{digits}}}"]
    groups, lakhs = (digits - 3) // 3, (digits - 5) // 2
    wholes += [f"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}}){{1,{groups}}}" for mark in {" ", notation.mark or " "}]
    if notation.mark == "," and lakhs:
        wholes.append(f"[0-9]{{1,2}}(?:,[0-9]{{2}}){{1,{lakhs}}},[0-9]{{3}}")
    fraction = f"(?:{re.escape(notation.decimal)}[0-9]{{1,{decimals}}})?" if decimals else ""
    return f"(?:{'|'.join(wholes)}){fraction}"
