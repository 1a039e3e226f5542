"""Names of months in the languages of common ledgers, for headers that patterns of dates do not read.

Belongs here: recognizing a month, for advice and drafts. Does not belong here: dates of lines, which only the patterns
of a descriptor read (see `dates`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from finance_platform.feeds.dates import parse_date

_MONTHS = (
    ("january", "jan", "januar", "janvier", "janv", "enero", "ene", "gennaio", "gen", "januari"),
    ("february", "feb", "februar", "février", "févr", "fevrier", "febrero", "febbraio", "februari"),
    ("march", "mar", "märz", "mrz", "mars", "marzo", "maart", "mrt"),
    ("april", "apr", "avril", "avr", "abril", "abr", "aprile"),
    ("may", "mai", "mayo", "maggio", "mag", "mei"),
    ("june", "jun", "juni", "juin", "junio", "giugno", "giu"),
    ("july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug"),
    ("august", "aug", "août", "aout", "agosto", "ago", "augustus"),
    ("september", "sep", "sept", "septembre", "septiembre", "settembre", "set"),
    ("october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott"),
    ("november", "nov", "novembre", "noviembre"),
    ("december", "dec", "dezember", "dez", "décembre", "déc", "decembre", "diciembre", "dic", "dicembre"),
)


@lru_cache(maxsize=1024)
def month_of(text: str) -> int | None:
    """Return the month, 1 to 12, that a text names, alone or beside a year; None if it names none."""
    words = [word.strip(".") for word in re.split(r"[\s/_'’-]+|(?<=[^\W\d])(?=\d)", text.lower()) if word]
    names = [word for word in words if not word.isdigit() and not (word.startswith("fy") and word[2:].isdigit())]
    if len(names) == 1 and len(words) <= 2:
        for number, known in enumerate(_MONTHS, start=1):
            if names[0] in known:
                return number
    day = parse_date(text.strip(), ("yyyy-MM", "yyyyMM", "MM/yyyy", "MM.yyyy", "yyyy-MM-dd"))
    return day.month if day and day.day == 1 else None
