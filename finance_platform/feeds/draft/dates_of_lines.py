"""The date of a draft's lines: a column, a year beside a month, the headers of periods, or the file's name.

Belongs here: choosing among them, and columns that give the whole date. Does not belong here: patterns (see `values`,
and `parts_of_years` for those of a year beside its part), texts that lack their year (see `dates_without_year`), names
of files and sheets (see `dates_of_names`), headers of periods (see `period_columns`, and `years_of_headers`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, describe_blanks
from finance_platform.feeds.draft.dates_of_names import draft_date_of_name, draft_months_of_sheets
from finance_platform.feeds.draft.dates_without_year import draft_days_without_year, draft_periods_without_year
from finance_platform.feeds.draft.day_or_month import column_in_period, settle_day
from finance_platform.feeds.draft.parts_of_years import (
    FISCAL,
    OF_YEAR_END,
    describe_fiscal,
    first_day_of_half,
    map_year_end,
    patterns_beside,
    with_calendar,
)
from finance_platform.feeds.draft.scenarios import PLANS
from finance_platform.feeds.draft.values import YEAR_FORMATS, DateGuess, guess_dates, read_day
from finance_platform.feeds.draft.weeks import OF_WEEKS, THURSDAY, week_beside_year_pattern, week_pattern
from finance_platform.feeds.draft.wide_periods import OF_QUARTERS
from finance_platform.feeds.draft.years_of_headers import describe_january, draft_years_of_headers
from finance_platform.feeds.values.dates import EXCEL_SERIAL, names_part_of_year, names_two_years, parse_date
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.month_names import read_month
from finance_platform.feeds.values.quarter_words import plain_quarter

_SERIAL = re.compile(r"(?:3[7-9]|[45][0-9])[0-9]{3}(?:\.[0-9]{1,20})?")
"""A day from 2001 to 2064 as a spreadsheet counts them; a column of numbers is a date by its name only."""
_QUARTERS_OF_YEARS = ("QQQ yyyy", "QQQ 'FY'FFFF")
"""Patterns of quarters in words, as `plain_quarter` writes them."""

_MAX_MAPPED = 24
"""Different texts of a column of years that a person is asked for one by one."""


def _describe_opening(period: str) -> str:
    """Return what a person decides about rows of period 0, which has what was brought forward."""
    rule = f'{{column: "{period}", matches: "^0+$", may_hold_money: true}}'
    return (
        f"decide: rows of period 0 have balances that were brought forward, and will be rejected: leave them out by "
        f"skip: [{rule}]"
    )


class Dates:
    """The date of a draft's lines.

    Attributes:
        used: the headers of its columns.
    """

    def __init__(
        self,
        draft: FieldsDraft,
        columns: Sequence[Column],
        file: str,
        titles: Sequence[str],
        sheets: Sequence[str] = (),
        first_month: int = 1,
    ) -> None:
        self._draft, self._columns, self._file, self._titles, self._sheets = draft, columns, file, titles, sheets
        self._first_month = first_month
        self.used: set[str] = set()

    def run(self) -> None:
        """Draft the date, and the period where it is beside a date."""
        unpivot = self._draft.unpivot
        if (unpivot and unpivot["into"] == "date") or any("date" in fields for fields in self._draft.measures.values()):
            self.used |= draft_years_of_headers(self._draft, self._columns, self._file, self._titles, self._first_month)
            return
        dated = [column for column in self._columns if column.dates]
        column = best_column(["date"], dated)
        named, column = column, column and column_in_period(column, self._columns, self._first_month)
        if named is not None and column is not None and column.dates is not None:
            other = f"its days are in the period of each row, and those of {named.name!r} are not"
            self._take("date", column, self._settle_day(column, column.dates), "" if column is named else other)
            period = best_column(["period"], [one for one in dated if one is not column])
            if period is not None and period.dates is not None:
                self._take("period", period, period.dates)
            return
        column = best_column(["period"], dated)
        if column is not None and column.dates is not None:
            self._take("date", column, column.dates)
        elif not (
            self._serial_days()
            or self._use(draft_days_without_year(self._draft, self._columns, self._file, self._titles))
            or self._months_in_words()
            or self._quarters_in_words()
            or self._use(
                draft_periods_without_year(self._draft, self._columns, self._file, self._titles, self._first_month)
            )
            or (not dated and self._weeks())
            or self._year_column()
            or self._halves()
            or self._unnamed(dated)
            or draft_months_of_sheets(self._draft, self._file, self._titles, self._sheets)
        ):
            draft_date_of_name(self._draft, self._columns, self._file, self._titles)

    def _use(self, headers: Collection[str]) -> bool:
        """Note the columns that were used; return whether there are any."""
        self.used.update(headers)
        return bool(headers)

    def _is_plan(self) -> bool:
        """Return whether the file's name, a title or a header says that the file has a plan."""
        texts = [self._file, *self._titles, *(column.name for column in self._columns)]
        return any(word in PLANS for text in texts for word in plain_name(text).split())

    def _settle_day(self, column: Column, guess: DateGuess) -> DateGuess:
        titles = [PurePosixPath(self._file).stem, *self._titles]
        return settle_day(column, guess, self._columns, titles, is_plan=self._is_plan())

    def _take(self, name: str, column: Column, guess: DateGuess, comment: str = "") -> None:
        self.used.add(column.name)
        parts = [comment] if comment else []
        if guess.other:
            parts.append(f"decide: {guess.doubt or column.sample!r} is also a date of the form {guess.other}")
        if guess.has_zones:
            parts.append("decide: the day counts as it is written, whatever its time zone; another zone is rejected")
        if guess.either:
            parts.append(
                f"decide: {guess.either!r} is another day in each of these forms, so keep the one that is meant"
            )
        formats, values = with_calendar(guess.formats, column.name)
        mapped = map_year_end(dict.fromkeys(column.texts), formats)
        if guess.unread and guess.unread not in mapped:
            parts.append(f"{guess.unread!r} is not a date of this form, so its row will be rejected")
        if column.blanks and name == "date" and column.is_label_of_block:
            values |= {"fill_down": "true"}
            parts.append(
                "decide: blank cells seem to stand for the text above them; without fill_down, they are rejected"
            )
        elif column.blanks and name == "date":
            parts.append(f"rows with a blank cell ({describe_blanks(column)}) will be rejected")
        parts += [FISCAL] if "calendar" in values else []
        parts += [describe_january(column.sample)] if self._lacks_fiscal_years(formats) else []
        if any(map(names_part_of_year, formats)):
            parts.append(f"decide: {OF_QUARTERS}; calendar: fiscal means fiscal quarters")
        if mapped:
            parts.append(OF_YEAR_END)
            values |= {"map": mapped}
        self._draft.fields[name] = FieldDraft({"from": column.name, "formats": formats, **values}, "; ".join(parts))

    def _unnamed(self, dated: Sequence[Column]) -> bool:
        """Take a column that is a date by its values alone; return whether there is one."""
        if not dated or dated[0].dates is None:
            return False
        guess = self._settle_day(dated[0], dated[0].dates)
        self._take("date", dated[0], guess, "by its values; its name says nothing")
        return True

    def _year_column(self) -> bool:
        """Take a column of years, with the month or the quarter beside it; return whether there is one."""
        column = best_column(["year"], self._columns)
        if column is None:
            return False
        guess = guess_dates(column.texts, YEAR_FORMATS)
        if guess is None:
            return self._mapped_year(column)
        part = self._part_of_year(column, guess.formats)
        if part is not None:
            return True
        if self._lacks_fiscal_years(guess.formats):
            return self._mapped_year(column)
        text = (
            "decide: an amount of a year is dated on its first day; spread: {over: fiscal_year, how: even} gives each "
            "month its part; calendar: fiscal means fiscal years"
        )
        self._take("date", column, guess, text)
        return True

    def _lacks_fiscal_years(self, formats: Sequence[str]) -> bool:
        """Return whether fiscal years of the home are no two calendar years, as those of the file are."""
        return self._first_month == 1 and any(map(names_two_years, formats))

    def _weeks(self) -> bool:
        """Take a column of weeks, such as 2025-W03, or of a year and its weeks; return whether there is one."""
        if best_column(["period", "quarter"], [one for one in self._columns if not week_pattern(one.texts)]):
            return False
        for column in self._columns:
            if pattern := week_pattern(column.texts):
                self._take_week(f"{{{column.name}}}{THURSDAY}", pattern, column)
                return True
        year = best_column(["year"], self._columns)
        for column in self._columns if year is not None and not year.blanks else ():
            if year and not column.blanks and (pattern := week_beside_year_pattern(year.cells, column.cells)):
                self._take_week(f"{{{year.name}}}-{{{column.name}}}{THURSDAY}", pattern, year, column)
                return True
        return False

    def _take_week(self, source: str, pattern: str, *columns: Column) -> None:
        self.used |= {column.name for column in columns}
        self._draft.fields["date"] = FieldDraft({"from": source, "formats": [pattern]}, OF_WEEKS)

    def _part_of_year(self, year: Column, years: Sequence[str]) -> Column | None:
        """Take the column of months or quarters beside a year; return it, or None if there is none."""
        others = [column for column in self._columns if column is not year]
        for word in ("period", "quarter"):
            part = best_column([word], others)
            if part is None:
                continue
            for pattern, template in patterns_beside(years, word):
                pairs = [pair for pair in zip(year.cells, part.cells, strict=True) if all(pair)]
                opening = {second for _, second in pairs if not second.strip("0")}
                pairs = [pair for pair in pairs if pair[1] not in opening]
                texts = [template.format(year=first, part=second) for first, second in pairs]
                mapped = map_year_end(dict.fromkeys(texts), [pattern])
                if texts and all(read_day(mapped.get(text, text), (pattern,)) for text in texts):
                    self.used |= {year.name, part.name}
                    source = template.format(year=f"{{{year.name}}}", part=f"{{{part.name}}}")
                    formats, values = with_calendar([pattern], year.name, part.name)
                    comment = FISCAL if values else describe_fiscal(pattern)
                    if self._lacks_fiscal_years([pattern]):
                        comment = f"{comment}; {describe_january(year.sample)}"
                    if mapped:
                        values |= {"map": mapped}
                        comment = "; ".join(filter(None, (comment, OF_YEAR_END)))
                    if opening:
                        comment = "; ".join(filter(None, (comment, _describe_opening(part.name))))
                    self._draft.fields["date"] = FieldDraft({"from": source, "formats": formats, **values}, comment)
                    return part
        return None

    def _mapped_year(self, column: Column) -> bool:
        """Ask for the day of each text of a column of years that no pattern reads, such as FY14-15."""
        texts = list(dict.fromkeys(column.texts))
        if not 0 < len(texts) <= _MAX_MAPPED:
            return False
        self.used.add(column.name)
        values = {"from": column.name, "map": dict.fromkeys(texts, UNDECIDED)}
        comment = "decide: the day on which the amounts of each year are dated, such as 2014-07-01"
        self._draft.fields["date"] = FieldDraft(values, comment)
        return True

    def _halves(self) -> bool:
        """Take a column of half years, such as H1 2025, which no pattern reads; return whether there is one."""
        for column in self._columns:
            days = {text: first_day_of_half(text) for text in dict.fromkeys(column.texts)}
            if days and all(days.values()) and len(days) <= _MAX_MAPPED:
                self.used.add(column.name)
                values = {"from": column.name, "map": days}
                comment = (
                    "decide: an amount of half a year is dated on its first day; spread: {over: half_year, how: even} "
                    "gives each month its part; correct the days if these are halves of a fiscal year"
                )
                self._draft.fields["date"] = FieldDraft(values, comment)
                return True
        return False

    def _serial_days(self) -> bool:
        """Take a column that is a date by its name and has days as a spreadsheet counts them."""
        column = best_column(["date"], self._columns)
        if column is None or not column.texts or not all(map(_SERIAL.fullmatch, column.texts)):
            return False
        self._take("date", column, DateGuess((EXCEL_SERIAL,)), "days as a spreadsheet counts them")
        return True

    def _months_in_words(self) -> bool:
        """Take a column of months that no pattern reads, such as Mrz 25; return whether there is one."""
        column = best_column(["period", "date"], self._columns)
        texts = list(dict.fromkeys(column.texts)) if column else []
        months = {text: month for text in texts if (month := read_month(text)) and month.year}
        if column is None or not 0 < len(months) == len(texts) <= _MAX_MAPPED:
            return False
        self.used.add(column.name)
        mapped = {text: f"{month.year}-{month.month:02d}" for text, month in months.items()}
        comment = "decide: months as the file writes them; one that is not listed is rejected"
        values = {"from": column.name, "formats": ["yyyy-MM"], "map": mapped}
        self._draft.fields["date"] = FieldDraft(values, comment)
        return True

    def _quarters_in_words(self) -> bool:
        """Take a column of quarters that no pattern reads, such as 1st Quarter 2025; return whether there is one."""
        column = best_column(["quarter", "period", "date"], self._columns)
        mapped = {text: plain_quarter(text) for text in column.texts} if column else {}
        if column is None or not mapped or len(mapped) > _MAX_MAPPED:
            return False
        pattern = next((one for one in _QUARTERS_OF_YEARS if all(parse_date(t, (one,)) for t in mapped.values())), "")
        if not pattern:
            return False
        self.used.add(column.name)
        formats, values = with_calendar([pattern], column.name)
        comment = f"decide: quarters as the file writes them; one that is not listed is rejected; {OF_QUARTERS}"
        values |= {"map": mapped}
        self._draft.fields["date"] = FieldDraft({"from": column.name, "formats": formats, **values}, comment)
        return True
