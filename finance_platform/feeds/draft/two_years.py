"""Fiscal years that are named by the two calendar years that they lie in: 2024/25, FY24-25, FY2024/2025 P01.

Belongs here: the patterns that read such a text, and the year of one in a file's name or a title. Does not belong here:
other forms of fiscal years (see `values`, `parts_of_years`).

There are too many spellings for a list of patterns, so the patterns are made from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from finance_platform.feeds.values.dates import parse_date

_TWO_YEARS = re.compile(
    "(?P<before>fy[ '-]?)?(?<![0-9])(?P<first>(?:20)?[0-9]{2})(?P<mark>[/_-])(?P<last>(?:20)?[0-9]{2})(?![0-9])", re.I
)
_PARTS = ("'P'PP", "'P'P", "'Period 'P", "PP", "P", "PPP", "MMM", "MMMM", "QQQ")
"""What may stand beside the years: a period, a month or a quarter."""

_NUMBERS = {"PP", "P", "PPP"}
_TOGETHER = re.compile(r"(?P<mark>[ ,.:/_-]*)(?P<part>.+)", re.DOTALL)
_ANY_START = 7
"""A first month of fiscal years by which such texts are read: whether one is valid does not depend on it, but in a home
whose fiscal years begin in January none is."""

_CENTURY, _MONTHS = 100, 12
_SAMPLES = 5


@dataclass(frozen=True)
class TwoYears:
    """Two calendar years in a text.

    Attributes:
        text: as it is written.
        year: the second one, by which the home names its fiscal year.
    """

    text: str
    year: int


@lru_cache(maxsize=4096)
def patterns_of(text: str) -> tuple[str, ...]:
    """Return the patterns that read a text as a period of a fiscal year of two calendar years, or as the year alone."""
    match = _TWO_YEARS.search(text)
    if match is None or not _follow(match["first"], match["last"]):
        return ()
    before, after = text[: match.start()], text[match.end() :]
    if before and after:
        return ()
    year = "G" * len(match["first"]) + match["mark"] + "F" * len(match["last"])
    year = f"'{match['before']}'{year}" if match["before"] else year
    if not before and not after:
        # 24/25 alone is any other number, or March 2025's neighbour.
        return (year,) if match["before"] or len(match["first"]) > len("24") else ()
    together = _TOGETHER.fullmatch(after or before[::-1])
    if together is None:
        return ()
    mark = together["mark"] if after else together["mark"][::-1]
    # 2011-12-01, 2011/12/01 and 03/24/25 are days: a number needs a word beside it, or another mark than the years.
    is_apart = len(match["first"]) > len("24") and match["mark"] == "/" != mark.strip()
    # 2024/25-001 is the number of an invoice.
    parts = [one for one in _PARTS if one not in _NUMBERS or match["before"] or (is_apart and one != "PPP")]
    made = (f"{year}{mark}{part}" if after else f"{part}{mark}{year}" for part in parts)
    return tuple(pattern for pattern in made if parse_date(text, (pattern,), _ANY_START))


def patterns_of_any(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of the first texts that have two years; none of others."""
    samples = [patterns for text in texts if (patterns := patterns_of(text))][:_SAMPLES]
    return tuple(dict.fromkeys(pattern for patterns in samples for pattern in patterns))


def years_in(texts: Sequence[str]) -> TwoYears | None:
    """Return the two years that titles or a file's name say; None if there are none, or several.

    2011-12 may be a month as well, so it is none.
    """
    found = {
        (match[0][len(match["before"] or "") :], _last(match))
        for text in texts
        for match in _TWO_YEARS.finditer(text)
        if _follow(match["first"], match["last"])
        and (match["before"] or len(match["first"]) > len("24"))
        and (match["before"] or len(match["last"]) > len("24") or int(match["last"]) > _MONTHS)
    }
    if len({year for _, year in found}) != 1:
        return None
    return TwoYears(*min(found))


def _follow(first: str, last: str) -> bool:
    """Return whether the second year is the one after the first; of two digits and four, the last two count."""
    return (int(last) - int(first) - 1) % _CENTURY == 0


def _last(match: re.Match[str]) -> int:
    return 2000 + int(match["last"]) % _CENTURY
