"""A column of periods that nothing reads, beside dates: lines of another period than the month of their date.

Belongs here: finding these lines and those of period 0, and the words that warn. Does not belong here: periods beside
dates that name a year alone (see `unread_periods`), periods that are read (see `period_doubts`).

A ledger books a late invoice in the period that is still open, and its year-end in periods 13 to 16; period 0 has the
balances that the year began with. Nothing here changes a line: it is a warning, because a column that is called like a
period may say when a service was rendered.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.unread_column import UnreadColumn, ignore, leave_out, quoted_name
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import needs_fiscal_calendar, parse_date
from finance_platform.feeds.values.header_words import WORDS, plain_name
from finance_platform.feeds.values.month_names import MONTH_NAMES
from finance_platform.money_text import sum_of_amounts

OTHER_PERIODS = {
    *WORDS["period"], "month name", "period no", "period number", "gl period", "accounting month", "posting month",
    "month number", "month no", "journal period", "ledger period", "periode comptable", "periodo contable",
    "periodo contabile", "mois comptable", "boekingsperiode", "boekmaand", "fiskalperiode", "geschaftsperiode",
}  # fmt: skip
"""Headers of columns of periods, one for each month and some for the year-end."""

_MONTHS = 12
_LAST_PERIOD = 16
_YEAR = r"(?:(?P<y>(?:19|20)[0-9]{2})|(?P<yy>[0-9]{2}))"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?:p|per|period|periode|m|month|monat)?[ .]?0{0,2}(?P<n>[0-9]{1,2})(?:\.0)?",
        r"(?P<y>(?:19|20)[0-9]{2})(?:[-/. ][pm]?0?|[pm]?0?(?=[0-9]{2}$))(?P<n>[0-9]{1,2})",
        rf"fy ?{_YEAR}(?:[-/. ]p?0?|p0?)(?P<n>[0-9]{{1,2}})",
        rf"(?:p|per|period|periode|m|month)[ .]?0?(?P<n>[0-9]{{1,2}})[-/. ]{{1,3}}(?:fy ?)?{_YEAR}",
        rf"0?(?P<n>[0-9]{{1,2}})[-/.]{_YEAR}",
        r"(?P<y>(?:19|20)[0-9]{2})-(?P<n>[0-9]{2})-[0-9]{2}",
    )
)
_WITH_YEAR = re.compile(r"(?:19|20)[0-9]{2}|fy|[0-9][-/.][0-9]|[0-9] [0-9]", re.IGNORECASE)
_NAME_AND_YEAR = re.compile(r"(?:19|20)?[0-9]{2}")
_NAMES = {
    plain_name(name): number
    for months in MONTH_NAMES.values()
    for number, names in enumerate(months, start=1)
    for name in names.split()
}
_FORMATS = (
    *("yyyy-MM", "yyyyMM", "yyyy/MM", "yyyy-M", "yyyy/M", "MM.yyyy", "MM/yyyy", "M/yyyy", "yyyy-MM-dd"),
    *("MM/yy", "MM-yy", "MM.yy", "M/yy", "yyyy'M'MM", "MMM-yy", "MMM yyyy", "MMMM yyyy"),
)
_FISCAL_FORMATS = (
    *("FFFF-PP", "FFFFPP", "FFFF/PP", "FFFF-P", "FFFF/P", "PP.FFFF", "PP/FFFF", "PPP.FFFF", "FFFFPPP"),
    *("PP/FF", "PP-FF", "PP.FF", "'FY'FF-'P'PP", "'FY'FF 'P'PP", "'P'PP 'FY'FF", "'P'PP-FFFF", "'P'PP FFFF"),
    *("FFFF-'P'PP", "FFFF'P'PP", "FFFF'M'PP", "MMM-FF", "MMM FFFF", "MMMM FFFF"),
)
_OF_NUMBERS = {False: ("yyyy-M", "yyyy-MMM", "yyyy-MMMM"), True: ("FFFF-P", "FFFF-PPP")}

_SHARE = Decimal("0.75")
"""Of the lines have a period as many months after that of their date, or the column is of something else."""

_KNOWN_SHARE = Decimal("0.95")
"""Of the lines have a text that is a period."""

_MAX_TEXTS = 400
"""Texts of a column up to which it is one of periods; those of ten years with their year-ends are not more."""


@dataclass
class OtherPeriods(UnreadColumn):
    """The periods of lines beside the months of their dates.

    Attributes:
        years: the headers of columns of years that nothing reads.
    """

    years: Sequence[str] = ()
    _lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    _sums: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        if len(self.found) > _MAX_TEXTS:
            return
        amounts = columns["amount"].cast(SUM_OF_MONEY_TYPE)
        table = pa.table([texts, columns["period"], amounts], ["text", "month", "sum"])
        for row in table.group_by(["text", "month"]).aggregate([("sum", "sum"), ([], "count_all")]).to_pylist():
            text = clean(row["text"] or "")[:MAX_VALUE_CHARACTERS]
            if text and row["month"] and row["sum_sum"] is not None:
                pair = text, row["month"]
                self.lines += row["count_all"]
                self.found[text] += row["count_all"]
                self._lines[pair] += row["count_all"]
                self._sums[pair] = EXACT.add(self._sums[pair], row["sum_sum"])

    def doubts(self) -> dict[str, str]:
        """Return no reason to hold the delivery: the months of the dates may be those that are wanted."""
        return {}

    def describe(self) -> tuple[str, str]:
        """Return nothing; see `notes`."""
        return "", ""

    def notes(self) -> dict[str, Note]:
        """Return what to know of lines of period 0 and of lines of other periods, after the table's last row."""
        periods = {text: _period(text) for text in self.found}
        known = {text: period[0] for text, period in periods.items() if period is not None}
        years = {text: period[1] for text, period in periods.items() if period is not None}
        if len(self.found) > _MAX_TEXTS or sum(self.found[text] for text in known) < self.lines * _KNOWN_SHARE:
            return {}
        has_years = all(years.values())

        def distance(text: str, month: str) -> int:
            """Return how many months a period is after that of a date; of periods without a year, within a year."""
            # The periods of the year-end are in the year's last month.
            within = min(known[text], _MONTHS) - int(month[5:])
            return within + _MONTHS * (years[text] - int(month[:4])) if has_years else within % _MONTHS

        away: Counter[int] = Counter()
        for (text, month), count in self._lines.items():
            if 1 <= known.get(text, 0) <= _MONTHS:
                away[distance(text, month)] += count
        months, count = max(away.items(), key=lambda item: item[1], default=(0, 0))
        if not count or count < sum(away.values()) * _SHARE:
            return {}
        pairs = [pair for pair in self._lines if pair[0] in known]
        opening = [pair for pair in pairs if known[pair[0]] == 0]
        others = [pair for pair in pairs if known[pair[0]] and distance(*pair) != months]
        return self._opening_note(opening) | self._others_note(others, known, months % _MONTHS)

    def _opening_note(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Note]:
        if not pairs:
            return {}
        texts = sorted({text for text, _ in pairs})
        reason = f"says {' or '.join(map(repr, texts))} of {self._money_of(pairs)}: period 0 has opening balances"
        fix = f"if they are, {leave_out(self.rules, self.name, texts)} the descriptor; if they are movements"
        return self._note(f"{reason}, which are read as movements", fix)

    def _others_note(self, pairs: Sequence[tuple[str, str]], known: Mapping[str, int], months: int) -> dict[str, Note]:
        if not pairs:
            return {}
        text, month = max(pairs, key=lambda pair: self._lines[pair])
        reason = (
            f"has another period than the month of the date in {self._money_of(pairs)}, such as {text!r} for a day of "
            f"{month}; the months of the dates count"
        )
        first_month = (-months) % _MONTHS + 1
        return self._note(reason, f"{self._read(known, first_month)}; if the months of the dates are right")

    def _note(self, reason: str, fix: str) -> dict[str, Note]:
        return {f"the column {clean(self.name)!r} is not read, and {reason}": Note(1, f"{fix}, {ignore(self.name)}")}

    def _money_of(self, pairs: Collection[tuple[str, str]]) -> str:
        count = sum(self._lines[pair] for pair in pairs)
        total = Decimal(0)
        for pair in pairs:
            total = EXACT.add(total, self._sums[pair])
        return f"{count:,} of {self.lines:,} lines, whose {sum_of_amounts(count, total)}"

    def _read(self, known: Mapping[str, int], first_month: int) -> str:
        """Return how to read the periods; those without a year need the column of one."""
        fiscal = first_month > 1 or any(number > _MONTHS for number in known.values())
        texts = [text for text, number in known.items() if number]
        years, usual = self._years(known, first_month)
        source, shown = quoted_name(self.name), texts
        formats: Iterable[str] = _FISCAL_FORMATS if fiscal else (*_FORMATS, *_FISCAL_FORMATS)
        if not all(map(_WITH_YEAR.search, texts)):
            if not self.years:
                return (
                    f"send the file with the year in each period, such as {usual}, and read it by columns.period in "
                    "the descriptor"
                )
            source = json.dumps(f"{{{clean(self.years[0])}}}-{{{clean(self.name)}}}", ensure_ascii=False)
            shown = [f"{year}-{text}" for year in years for text in texts]
            texts = [text for _ in years for text in texts]
            formats = (*_OF_NUMBERS[fiscal], *_OF_NUMBERS[True])
        read = {one: sum(parse_date(text, (one,)) is not None for text in shown) for one in formats}
        pattern = max(read, key=lambda one: read[one])
        if not read[pattern]:
            return f"read it by columns.period: {{from: {source}}} with formats in the descriptor"
        keys = f"from: {source}, formats: [{json.dumps(pattern)}]"
        if needs_fiscal_calendar(pattern):
            keys += ", calendar: fiscal"
        ends = {
            text: re.sub(r"1[3-6](?=(?:[-/.](?:19|20)[0-9]{2})?$)", "12", text)
            for text, of_column in zip(shown, texts, strict=True)
            if known[of_column] > _MONTHS
        }
        if ends:
            keys += f", map: {json.dumps(ends, ensure_ascii=False)}"
        first = f"; the fiscal year then begins in month {first_month}: FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH"
        return f"read it by columns.period: {{{keys}}} in the descriptor{first if first_month > 1 else ''}"

    def _years(self, known: Mapping[str, int], first_month: int) -> tuple[list[int], str]:
        """Return the years of the dates beside periods that are months, and the usual period as 2025-01.

        Fiscal years are named by the calendar year in which they end.
        """
        months: Counter[str] = Counter()
        for (text, month), count in self._lines.items():
            months[month] += count if 1 <= known.get(text, 0) <= _MONTHS else 0
        years = {month: _fiscal_year(month, first_month) for month in +months}
        month = max(years, key=lambda one: months[one])
        return sorted(set(years.values())), f"{years[month]}-{(int(month[5:]) - first_month) % _MONTHS + 1:02d}"


def _fiscal_year(month: str, first_month: int) -> int:
    return int(month[:4]) + (1 < first_month <= int(month[5:]))


def of_header(free: Mapping[str, str], sources: Mapping[str, FieldSource], rules: ReadingRules) -> list[OtherPeriods]:
    """Return the columns of periods that nothing reads beside dates.

    Args:
        free: the headers that nothing reads, and their plain names.
        sources: where the fields of lines come from.
        rules: of the feed.
    """
    date = sources.get("date")
    if date is None or not date.headers or "period" in sources or rules.spread or rules.unpivot:
        return []
    years = [name for name, plain in free.items() if plain in WORDS["year"]]
    return [OtherPeriods(name, rules, years=years) for name, plain in free.items() if plain in OTHER_PERIODS]


def _period(text: str) -> tuple[int, int] | None:
    """Return the number of a period, 0 to 16, and its year, 0 without one; None if the text is not one."""
    folded = text.casefold()
    name = plain_name(re.sub(r"[0-9]", "", folded)).strip()
    if name in _NAMES:
        years = _NAME_AND_YEAR.findall(folded)
        return _NAMES[name], _whole_year(years[0]) if len(years) == 1 else 0
    match = next((match for match in (form.fullmatch(folded) for form in _FORMS) if match), None)
    if match is None or int(match["n"]) > _LAST_PERIOD:
        return None
    parts = match.groupdict()
    year = parts.get("y") or parts.get("yy")
    return int(match["n"]), _whole_year(year) if year else 0


def _whole_year(year: str) -> int:
    """Return a year of four digits, or of two in this century."""
    return int(year) if len(year) > len("25") else 2000 + int(year)
