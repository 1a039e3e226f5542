"""Quarters in words, such as 1st Quarter 2025 or 1er trimestre 2025, and halves of years, such as H1 2025.

Belongs here: texts that `map` translates, because no pattern reads them. Does not belong here: forms that patterns
read, such as Q1 2025 (see `dates`).
"""

from __future__ import annotations

import re

from finance_platform.feeds.values.month_names import plain_month

_CENTURY, _LAST_HALF = 2000, 2
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "erstes": 1, "zweites": 2, "drittes": 3, "viertes": 4,
    "premier": 1, "deuxieme": 2, "troisieme": 3, "quatrieme": 4, "primer": 1, "segundo": 2, "tercer": 3, "cuarto": 4,
    "primo": 1, "secondo": 2, "terzo": 3, "quarto": 4, "eerste": 1, "tweede": 2, "derde": 3, "vierde": 4,
}  # fmt: skip
_NUMBER = rf"(?P<number>[1-4])(?:st|nd|rd|th|er|re|eme|e|o|a|\.|º)?|(?P<ordinal>{'|'.join(_ORDINALS)})"
_WORD = "(?:quarter|qtr|quartal|trimestre|trim|kwartaal)"
_YEAR = r"(?:[ ,./_-]*(?P<fiscal>fy)? ?'?(?P<{}>20[0-9]{{2}}|(?<=['y/-])[0-9]{{2}}))?"
_AFTER = _YEAR.format("year")
_FORMS = (
    re.compile(rf"(?:{_NUMBER}) ?{_WORD}\.?{_AFTER}"),
    re.compile(rf"{_WORD}\.? ?(?P<number>[1-4]){_AFTER}"),
    re.compile(r"t ?(?P<number>[1-4])[ ./_-]*(?P<fiscal>fy)?'?(?P<year>20[0-9]{2})"),
    re.compile(r"(?P<number>[1-4]) ?t[ ./_-]*(?P<fiscal>fy)?'?(?P<year>20[0-9]{2}|[0-9]{2})"),
    re.compile(rf"(?P<year>20[0-9]{{2}})[ ,./_-]*(?:(?:{_NUMBER}) ?{_WORD}\.?|t ?(?P<short>[1-4]))"),
)
"""Forms of a text as `plain_month` writes it; a lone T1 may be anything."""

_HALF = "(?:hj|h|halbjahr|half(?:[ -]?year)?|semestre|halfjaar)"
_YEAR_OF_HALF = r"(?:[ ,./_-]*'?(?P<year>20[0-9]{2}|(?<=['h/-])[0-9]{2}))?"
_HALVES = (
    re.compile(rf"(?:{_NUMBER})[ .]?{_HALF}\.?{_YEAR_OF_HALF}"),
    re.compile(rf"(?:{_HALF}|s(?=.+20[0-9]{{2}}))[-_ .]?(?P<number>[12]){_YEAR_OF_HALF}"),
    re.compile(rf"(?P<year>20[0-9]{{2}})[-_ ./]*(?:{_HALF}|s)[-_ .]?(?P<number>[12])"),
)
"""Halves as `_plain` writes them: H1 2025, HJ1/2025, 2025-H1, 1H25, First half 2025; S1 with a year alone."""


def plain_quarter(text: str) -> str:
    """Return a quarter in words as `Q1 2025`, `Q1 FY2025`, or `Q1` without a year; empty if a text names none."""
    plain = _plain(text)
    match = next((found for form in _FORMS if (found := form.fullmatch(plain))), None)
    if match is None:
        return ""
    groups = match.groupdict()
    number = groups["number"] or groups.get("short") or _ORDINALS[groups["ordinal"]]
    year = groups["year"] or ""
    full = f"20{year}" if year and len(year) < len("2025") else year
    return " ".join(filter(None, (f"Q{number}", f"{'FY' if groups.get('fiscal') else ''}{full}" if full else "")))


def read_half(text: str) -> tuple[int, int] | None:
    """Return the year, 0 without one, and the first month of half a calendar year; None if a text names none."""
    plain = _plain(text)
    match = next((found for form in _HALVES if (found := form.fullmatch(plain))), None)
    if match is None:
        return None
    groups = match.groupdict()
    number = int(groups["number"] or _ORDINALS[groups["ordinal"]])
    year = int(groups["year"] or 0)
    return (year + _CENTURY if 0 < year < _CENTURY else year, 1 + 6 * (number - 1)) if number <= _LAST_HALF else None


def _plain(text: str) -> str:
    return " ".join(plain_month(text).replace("\u2019", "'").split())
