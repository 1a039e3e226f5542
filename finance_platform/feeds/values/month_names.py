"""Months in headers, in the languages of common ledgers: their names, abbreviations and numbers, alone or with a year.

Belongs here: recognizing a month, for advice, drafts and columns that are not read; the names that patterns of dates
read. Does not belong here: dates of lines, which only the patterns of a descriptor read (see `dates`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_MONTHS_OF_YEAR = 12
_MOST_BETWEEN = 3
"""Months from one column to the next in a series: those of quarters have three."""

MONTH_NAMES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
        "september sep sept", "october oct", "november nov", "december dec",
    ),
    "de": (
        "januar jan jänner jaenner jän", "februar feb feber febr", "märz maerz mär maer mrz", "april apr", "mai",
        "juni jun", "juli jul", "august aug", "september sep sept", "oktober okt", "november nov", "dezember dez",
    ),
    "fr": (
        "janvier janv jan", "février févr fév", "mars mar", "avril avr", "mai", "juin", "juillet juil", "août aoû",
        "septembre sept sep", "octobre oct", "novembre nov", "décembre déc",
    ),
    "es": (
        "enero ene", "febrero feb", "marzo mar", "abril abr", "mayo may", "junio jun", "julio jul", "agosto ago",
        "septiembre setiembre sept sep set", "octubre oct", "noviembre nov", "diciembre dic",
    ),
    "it": (
        "gennaio gen", "febbraio feb febb", "marzo mar", "aprile apr", "maggio mag", "giugno giu", "luglio lug",
        "agosto ago", "settembre set sett", "ottobre ott", "novembre nov", "dicembre dic",
    ),
    "nl": (
        "januari jan", "februari feb", "maart mrt", "april apr", "mei", "juni jun", "juli jul", "augustus aug",
        "september sep sept", "oktober okt", "november nov", "december dec",
    ),
}  # fmt: skip
"""Language to the names of each month, the whole one first."""

_BESIDE = {
    "actual", "actuals", "act", "ist", "budget", "bud", "plan", "soll", "forecast", "fcst", "fc", "outlook", "fy",
    "amount", "amt", "value", "betrag", "wert", "montant", "importe", "importo", "bedrag", "month", "monat", "mois",
    "mes", "mese", "maand", "eur", "usd", "gbp", "chf", "teur", "keur", "tusd", "kusd", "tchf", "kchf", "k", "tsd",
    "in", "net", "netto",
}  # fmt: skip
"""Words beside a month that do not make a header something else."""

_TOTALS = {
    "total", "totals", "grand", "sum", "summe", "gesamt", "gesamtsumme", "gesamtjahr", "jahr", "jahressumme",
    "jahresbudget", "jahreswert", "jahresplan", "year", "full", "annual", "fy", "somme", "annee", "annuel", "ano",
    "anual", "suma", "totale", "anno", "annuale", "somma", "totaal", "jaar", "ytd", "of", "the", "q", "qtr",
    "quarter", "quartal", "trimestre", "kwartaal", "h", "hj", "half", "halbjahr", "semestre",
}  # fmt: skip
"""Words of columns that add up others; with words of `_BESIDE` and numbers."""

_WORD = re.compile(r"[a-z]+|[0-9]+")
_ALLOWED = re.compile(r"[a-z0-9\s./_'’‘`´,()\[\]:–-]+")
_NUMBERS = (
    re.compile(r"(?P<year>(?:19|20)[0-9]{2})[-./_ ]?(?P<month>0[1-9]|1[0-2])"),
    re.compile(r"(?P<year>(?:19|20)[0-9]{2})[-./_ ](?P<month>[1-9])"),
    re.compile(r"(?P<month>0?[1-9]|1[0-2])[-./_ ](?P<year>(?:19|20)[0-9]{2})"),
    re.compile(r"(?P<year>(?:19|20)[0-9]{2})-(?P<month>0[1-9]|1[0-2])-01"),
    re.compile(r"(?P<month>0[1-9]|1[0-2])[-./_ '’](?P<short>[0-9]{2})"),
    re.compile(r"(?P<month>[1-9])/(?P<short>[0-9]{2})"),
)
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_FOUR, _TWO, _SHORT = 4, 2, 5
_LATE = 28
"""Days from which a day may be the last one of its month."""


@dataclass(frozen=True)
class NamedMonth:
    """A month that a header names.

    Attributes:
        month: 1 to 12.
        year: its calendar year; None if the header names none, or not clearly.
        is_bare: whether the header has no number at all.
    """

    month: int
    year: int | None
    is_bare: bool = False


def plain_month(text: str) -> str:
    """Return a text as names of months are compared: small letters without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).strip()


_MONTHS: Mapping[str, int] = {
    name: number
    for months in MONTH_NAMES.values()
    for number, names in enumerate(months, start=1)
    for name in plain_month(names).split()
}


def month_number(name: str) -> int:
    """Return the month, 1 to 12, of a name that `LONG_NAMES` or `SHORT_NAMES` matches."""
    return _MONTHS[plain_month(name).rstrip(".")]


def _alternatives(names: Iterable[str], dot: str) -> str:
    """Return a regular expression of names with and without accents, for a match that ignores the case of ASCII."""
    spelled = {one for name in names for one in (name, plain_month(name))}
    letters = ("".join(one if one.isascii() else f"[{one}{one.upper()}]" for one in name) for name in spelled)
    return "|".join(name + dot for name in sorted(letters, key=lambda one: (-len(one), one)))


_SPLIT = [(language, months.split()) for language, each in MONTH_NAMES.items() for months in each]
LONG_NAMES = _alternatives((names[0] for _, names in _SPLIT), "")
"""What `MMMM` reads: the whole names in every language."""

_ENGLISH = "|".join(names[-1][:3] for language, names in _SPLIT if language == "en")
_OTHERS = [
    one for language, names in _SPLIT if language != "en" for one in names if one in names[1:] or len(one) <= _SHORT
]
SHORT_NAMES = f"{_alternatives(_OTHERS, '[.]?')}|{_ENGLISH}"
"""What `MMM` reads: abbreviations, those of other languages also with a dot, and their short whole names."""


@lru_cache(maxsize=4096)
def read_month(text: str) -> NamedMonth | None:
    """Return the month that a text names, alone or beside a year and words such as Plan; None if it names none."""
    plain = plain_month(text)
    words = _WORD.findall(plain)
    names = [word for word in words if word in _MONTHS]
    if not names:
        digits = " ".join(part for part in re.split(r"\s+", plain) if part not in _BESIDE)
        return _read_numbers(digits)
    others = [word for word in words if word not in names and not word.isdigit()]
    if len(names) > 1 or not set(others) <= _BESIDE or not _ALLOWED.fullmatch(plain):
        return None
    place = words.index(names[0])
    before, after = ([word for word in part if word.isdigit()] for part in (words[:place], words[place:]))
    return _with_year(_MONTHS[names[0]], before, after, is_fiscal="fy" in others)


def named_months(text: str) -> set[int]:
    """Return the months that a title with one year names, such as January - March 2025 or 2025-03; else none."""
    numbers = re.findall("(?<![0-9])20[0-9]{2}[-_ .](0[1-9]|1[0-2])(?![-_ .]?[0-9])", text)
    if len(numbers) == 1:
        return {int(numbers[0])}
    words = _WORD.findall(plain_month(text))
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    years = {word for word in words if _YEAR.fullmatch(word)}
    if len(years) != 1 or not months or len(months) > _TWO or months[0] > months[-1]:
        return set()
    return set(range(months[0], months[-1] + 1))


def is_total_name(text: str) -> bool:
    """Return whether a header says that its column adds up months: `Summe 2026`, `Q1 Plan`, or a year alone."""
    words = _WORD.findall(plain_month(text))
    named = {word for word in words if not word.isdigit()}
    is_year = len(words) == 1 and _YEAR.fullmatch(words[0]) is not None
    return is_year or (bool(named & _TOTALS) and named <= _TOTALS | _BESIDE)


def missing_months(months: Sequence[int]) -> list[int]:
    """Return the months that a series lacks between two of its own.

    Args:
        months: months as numbers that grow by one each month.

    Returns:
        None are missing of a regular series, such as the last months of quarters.
    """
    distinct = sorted(set(months))
    steps = {later - earlier for earlier, later in pairwise(distinct)}
    if len(steps) <= 1:
        return []
    return [month for month in range(distinct[0], distinct[-1]) if month not in set(distinct)]


def turn_of_year(months: Sequence[int]) -> int | None:
    """Return the place at which the year ends in a series of months or quarters that goes on over it.

    Args:
        months: months of one year, in the order of the file, as numbers that grow by one each month.

    Returns:
        The place of the first month after the turn; None if the series is in order, or no series.
    """
    steps = [later - earlier for earlier, later in pairwise(months)]
    turns = [place for place, step in enumerate(steps, start=1) if step < 0]
    goes_on = all(1 <= step % _MONTHS_OF_YEAR <= _MOST_BETWEEN for step in steps)
    return turns[0] if len(turns) == 1 and goes_on and months[-1] < months[0] else None


def _read_numbers(text: str) -> NamedMonth | None:
    for pattern in _NUMBERS:
        match = pattern.fullmatch(text)
        if match:
            parts = match.groupdict()
            year = int(parts.get("year") or 2000 + int(parts.get("short") or 0))
            return NamedMonth(int(parts["month"]), year)
    return None


def _with_year(month: int, before: Sequence[str], after: Sequence[str], *, is_fiscal: bool) -> NamedMonth:
    """Return a month with the year among the numbers beside it.

    Two digits before the month, as in `26-Jan`, may be a day; a fiscal year may be another than the calendar's.
    """
    numbers = [*before, *after]
    years = [number for number in numbers if len(number) == _FOUR and number[:2] in {"19", "20"}]
    days = [int(number) for number in numbers if number not in years]
    if not years and len(after) == 1 and len(after[0]) == _TWO:
        years, days = [f"20{after[0]}"], [int(number) for number in before]
    is_clear = (
        len(years) == 1 and not is_fiscal and (not days or (len(days) == 1 and (days[0] == 1 or days[0] >= _LATE)))
    )
    return NamedMonth(month, int(years[0]) if is_clear else None, is_bare=not numbers)
