"""Columns beside those of months that are not read although they may be months, gaps, and months with a wrong year.

Belongs here: finding them in a table, adding up their cells, and the words that hold the delivery. Does not belong
here: columns that are read (see `shapes`), names of months (see `month_names`), departments beside measures (see
`crossed_columns`), the same in a draft (see `draft.unread_columns`).

A month that is not read is money that is lost in silence: the equation of a delivery begins with the cells that are
read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch, value_mapper
from finance_platform.feeds.doubts.crossed_columns import crossed_columns
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules, named_headers
from finance_platform.feeds.shape_rules import UnpivotRule
from finance_platform.feeds.values.amounts import EXACT, read_amount
from finance_platform.feeds.values.codes import clean, fold, fold_name
from finance_platform.feeds.values.dates import format_date, parse_date
from finance_platform.feeds.values.month_names import (
    NamedMonth,
    is_total_name,
    missing_months,
    read_month,
    turn_of_year,
)
from finance_platform.money_text import sum_of_amounts

_DATES = ("date", "period")
_ADJUSTMENTS = re.compile(r"(?i)(?:p|per|period|periode)[ ._-]*(?:0?1[3-6])")
"""A period after the twelfth, in which ledgers have the adjustments of a year's end."""
_YEAR = 12
_ANY_YEAR = 2000
"""The year of headers that have none: only their months are compared."""


@dataclass
class UnreadColumn:
    """A column that is not read and may be a month.

    Attributes:
        name: its header.
        month: the month that it names, or that is missing where it is, counted from year 0; None if that is not known.
        is_named: whether its header names a month.
        beside: the header of a measure that has a part of its own; empty if it is beside columns of months.
        cells: how many of its cells have a text.
        amounts: how many of them are amounts.
        total: the exact sum of these.
    """

    name: str
    month: int | None
    is_named: bool
    beside: str = ""
    cells: int = 0
    amounts: int = 0
    total: Decimal = Decimal(0)

    def add(self, texts: pa.StringArray, rule: FieldRule) -> None:
        """Add cells."""
        for row in pc.value_counts(texts).to_pylist():
            text, count = (row["values"] or "").strip(), row["counts"]
            if not text:
                continue
            self.cells += count
            written = (
                read_amount(text, rule.decimal, rule.thousands, scale=rule.scale)
                if len(text) <= MAX_VALUE_CHARACTERS
                else None
            )
            if written is not None:
                self.amounts += count
                self.total = EXACT.add(self.total, EXACT.multiply(written.value, count))

    @property
    def may_be_lost(self) -> bool:
        """Whether the column is a month by its name, or has numbers where a month could be."""
        return self.is_named or self.amounts * 2 > self.cells

    @property
    def description(self) -> str:
        """What is not read, as a clause."""
        others = repr(clean(self.beside)) if self.beside else "columns of months"
        place = f"looks like {_month_text(self.month)}" if self.is_named else f"has amounts beside {others}"
        found = f"its {sum_of_amounts(self.amounts, self.total)}"
        return f"the column {clean(self.name)!r} {place} and is not read; {found}"


def _month_text(month: int | None) -> str:
    if month is None:
        return "a month"
    year, number = divmod(month, _YEAR)
    day = date(year, number + 1, 1)
    return f"the month {str(format_date(day, 'yyyy MMMM'))[5:] if year == _ANY_YEAR else f'{day:%Y-%m}'}"


@dataclass
class UnreadMonths:
    """What the columns of months of one table leave out.

    Attributes:
        rules: the feed's rules.
        columns: the columns that are not read and may be months.
        missing: the months that have no column, between two that have one.
        sheet: the sheet; None for text.
        advice: what to do about columns that are read and whose headers are not valid dates; empty if there are none.
        turn: the columns between which a new year begins although all columns have one year, and the first column;
            empty if there are none.
        needs_amounts: whether a column matters only if it has amounts, since the months of the file are elsewhere.
    """

    rules: ReadingRules
    columns: list[UnreadColumn] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    sheet: str | None = None
    advice: str = ""
    turn: tuple[str, ...] = ()
    needs_amounts: bool = False

    @staticmethod
    def of_table(
        rules: ReadingRules, header: Sequence[str], cells: Sequence[str], sheet: str | None = None
    ) -> UnreadMonths:
        """Find the columns in a header.

        Args:
            rules: the feed's rules.
            header: the names of the table's columns.
            cells: those of which each gives a line.
            sheet: the sheet; None for text.
        """
        months = _Months(rules)
        used = {fold_name(name) for name in (*named_headers(rules), *cells)}
        free = [name for name in header if fold_name(name) not in used]
        crossed = crossed_columns(rules.measures, free)
        if not cells or not months.are_read:
            columns = _beside_measures(rules, months, free, cells)
            columns += _beside_siblings(columns, crossed)
            return UnreadMonths(rules, columns, sheet=sheet, needs_amounts=True)
        known = [month for name in cells if (month := months.of_cell(name)) is not None]
        gaps = months.missing(known)
        ignored = {months.guess(name, known, gaps) for name in rules.ignored_columns}
        rejected = {months.guess(name, known, gaps) for name in cells if months.of_cell(name) is None}
        missing = [month for month in gaps if month not in ignored | rejected]
        columns = [
            UnreadColumn(name, months.guess(name, known, missing), True) for name in free if months.is_month(name)
        ]
        others = [
            name
            for name in _beside(header, cells, free, are_short=len(set(known)) % _YEAR == _YEAR - 1)
            if not months.is_month(name) and not is_total_name(clean(name))
        ]
        unexplained = [month for month in missing if month not in {column.month for column in columns}]
        is_clear = len(others) == len(unexplained) == 1
        columns += [UnreadColumn(name, unexplained[0] if is_clear else None, False) for name in others]
        columns += _beside_siblings(columns, crossed)
        turn = months.turn([name for name in header if name in set(cells)])
        return UnreadMonths(rules, columns, missing, sheet, months.advise(cells, known, missing), turn)

    def watch(self, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
        """Yield batches as they are, and add up the cells of the columns; rows that are no data are left out."""
        rule = self.rules.fields.get("amount", FieldRule())
        for batch in batches:
            for column in self.columns:
                texts = batch.columns[column.name]
                column.add(texts if batch.marks is None else texts.filter(pc.is_null(batch.marks)), rule)
            yield batch

    def doubts(self) -> dict[str, str]:
        """Return the reasons to hold the delivery, and what to do about each; complete after the last batch."""
        columns = [column for column in self.columns if column.may_be_lost]
        if self.needs_amounts:
            columns = [column for column in columns if column.amounts * 2 > column.cells]
        place = "" if self.sheet is None else f"sheet {self.sheet!r}: "
        months = _Months(self.rules)
        fix = months.fix(columns) if columns else ""
        fixes = {f"{place}{column.description}": fix for column in columns}
        if self.turn:
            fixes[f"{place}{months.describe_turn(self.turn)}"] = months.fix_turn(self.turn)
        missing = [month for month in self.missing if month not in {column.month for column in columns}]
        if missing:
            names = [months.name(month) for month in missing]
            text = f"{place}there is no column for {', '.join(names)}, which is between months that the file has"
            fixes[text] = (
                "send the file with the missing months, or, if it lacks them on purpose, add "
                f"{_yaml(names)} to ignore_columns in the descriptor"
            )
        return fixes


class _Months:
    """The months of headers under a feed's rules."""

    def __init__(self, rules: ReadingRules) -> None:
        self._rules, self._unpivot = rules, rules.unpivot
        self._field = self._unpivot.into if self._unpivot else ""
        rule = rules.fields.get(self._field, FieldRule())
        # The year beside the header is any one here, so it may be one of the calendar.
        self._formats = tuple(
            f"yyyy{one.removeprefix('FFFF')}" if one.startswith("FFFF ") else one for one in rule.formats
        )
        self._is_fiscal = rule.is_fiscal
        self._first_month = rules.fiscal_year_start_month if rule.is_fiscal else 1
        self._map = value_mapper(self._unpivot.header_map) if self._unpivot else clean

    @property
    def are_read(self) -> bool:
        """Whether the header of a cell, or its measure, gives the date of its line."""
        return self._field in _DATES or any(
            name in _DATES for measure in self._rules.measures for name in measure.fields
        )

    @property
    def _has_years(self) -> bool:
        return self._unpivot is None or not self._unpivot.has_year

    def _index(self, named: NamedMonth) -> int:
        """Return a month as a number that grows by one each month."""
        return (named.year if named.year and self._has_years else _ANY_YEAR) * _YEAR + named.month - 1

    def of_cell(self, name: str) -> int | None:
        """Return the month of a column that is read; None if it is not a month."""
        if self._unpivot is None:
            fields = next((one.fields for one in self._rules.measures if fold(one.header) == fold(name)), {})
            text = next((fields[part] for part in _DATES if part in fields), "")
            day = parse_date(text, ("yyyy-MM-dd", "yyyy-MM", "yyyyMM"))
        else:
            day = self._parse(name)
        return None if day is None else day.year * _YEAR + day.month - 1

    def _parse(self, name: str) -> date | None:
        text = self._map(clean(name))
        if self._has_years:
            return parse_date(text, self._formats, self._first_month)
        day = parse_date(f"{_ANY_YEAR} {text}", self._formats, self._first_month)
        return day and day.replace(year=_ANY_YEAR)

    def is_month(self, name: str) -> bool:
        """Return whether a header names a month in any language, or what the formats of the feed read."""
        text = clean(name)
        return bool(read_month(text) or self._parse(name) or _ADJUSTMENTS.fullmatch(text))

    def guess(self, name: str, known: Sequence[int], missing: Sequence[int]) -> int | None:
        """Return the month of an unread header; of one without a year, that which is missing or is in the only year."""
        named = read_month(clean(name))
        if named is None:
            day = self._parse(name)
            return None if day is None else day.year * _YEAR + day.month - 1
        if named.year or not self._has_years:
            return self._index(named)
        months = [month for month in missing if month % _YEAR == named.month - 1]
        years = {month // _YEAR for month in known}
        if len(months) == 1:
            return months[0]
        return years.pop() * _YEAR + named.month - 1 if len(years) == 1 else None

    def missing(self, known: Sequence[int]) -> list[int]:
        """Return the months that are missing between two that are read; without years, December precedes January."""
        if self._has_years:
            return missing_months(known)
        distinct = sorted({month % _YEAR for month in known})
        if not distinct:
            return []
        pairs = pairwise([distinct[-1], *distinct])
        steps = [((later - earlier) % _YEAR, later) for earlier, later in pairs]
        first = max(steps)[1]
        around = missing_months([(month - first) % _YEAR for month in distinct])
        return [_ANY_YEAR * _YEAR + (month + first) % _YEAR for month in around]

    def turn(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Return the columns between which a new year begins although all have one year, and the first; or nothing.

        Args:
            cells: the columns that are read, in the order of the file.
        """
        if self._has_years:
            return ()
        dated = [(name, (month - self._first_month + 1) % _YEAR) for name in cells if (month := self.of_cell(name))]
        place = turn_of_year([month for _, month in dated])
        return () if place is None else (dated[place - 1][0], dated[place][0], dated[0][0])

    def describe_turn(self, turn: Sequence[str]) -> str:
        """Return what is wrong with months that have one year."""
        before, after, first = (repr(clean(name)) for name in turn)
        return (
            f"the columns of months go on from {before} to {after}, and unpivot.year gives all of them one year, so "
            f"those from {after} on would be dated before the first one, {first}"
        )

    def fix_turn(self, turn: Sequence[str]) -> str:
        """Return how to give such months their years."""
        year = (self._unpivot.year if self._unpivot else None) or "the year"
        examples = _yaml({clean(turn[2]): f"{clean(turn[2])} 2025", clean(turn[1]): f"{clean(turn[1])} 2026"})
        own = (
            f"give each header its own year: remove unpivot.year, and add {examples}, and so on, to "
            f"columns.{self._field}.map, with a year in its formats"
        )
        if self._is_fiscal:
            return (
                f"the home's fiscal years begin with month {self._first_month}; if the file's begin with another, {own}"
            )
        return (
            f"if {year} is a fiscal year of the home, named by the calendar year in which it ends, add "
            f"`calendar: fiscal` to columns.{self._field}; if not, {own}"
        )

    def name(self, month: int) -> str:
        """Return how a month is written in `ignore_columns` and in messages."""
        day = date(month // _YEAR, month % _YEAR + 1, 1)
        return f"{day:%Y-%m}" if self._has_years else str(format_date(day, "yyyy MMM"))[5:]

    def fix(self, columns: Sequence[UnreadColumn]) -> str:
        """Return what to write into the descriptor, word for word, so that columns are read or ignored."""
        names = [clean(column.name) for column in columns]
        # A month that is missing where a column is not data is one that the file lacks on purpose.
        lacking = [self.name(column.month) for column in columns if column.month is not None and not column.is_named]
        subject = "it is" if len(names) == 1 else "they are"
        ignore = f"or, if {subject} not data, add {_yaml([*names, *lacking])} to ignore_columns"
        if self._unpivot is None:
            fields = sorted({name for measure in self._rules.measures for name in measure.fields})
            fields += [] if self.are_read or all(column.beside for column in columns) else ["period"]
            return f"add {_yaml(names)} to measures in the descriptor, each with {', '.join(fields)}; {ignore}"
        return f"{self._reading(columns, names, self._unpivot)} in the descriptor; {ignore}"

    def advise(self, cells: Sequence[str], known: Sequence[int], missing: Sequence[int]) -> str:
        """Return what to do about headers of read columns that name a month in a form that no format reads."""
        if self._unpivot is None:
            return ""
        unread = [name for name in cells if self._parse(name) is None and read_month(clean(name))]
        texts = {clean(name): self._text(self.guess(name, known, missing)) for name in unread}
        mapped = {name: text for name, text in texts.items() if text is not None}
        if not mapped:
            return ""
        return (
            f"add {_yaml(mapped)} to columns.{self._field}.map in the descriptor, because the form {self._form} does "
            "not read these headers"
        )

    def _reading(self, columns: Sequence[UnreadColumn], names: Sequence[str], unpivot: UnpivotRule) -> str:
        add = f"add {_yaml(names)} to unpivot.columns"
        if unpivot.pattern:
            add = f"set unpivot.columns: {_yaml('|'.join([unpivot.pattern, *map(_escaped, names)]))}"
        texts = {clean(column.name): self._text(column.month) for column in columns if self._parse(column.name) is None}
        known = {name: text for name, text in texts.items() if text is not None}
        unknown = [name for name in texts if name not in known]
        place = f"columns.{self._field}.map"
        parts = [add, f"add {_yaml(known)} to {place}" if known else ""]
        if unknown:
            parts.append(f"give the months of {', '.join(map(_yaml, unknown))} in the form {self._form}, in {place}")
        return " and ".join(filter(None, parts))

    @property
    def _form(self) -> str:
        form = self._formats[0] if self._formats else "yyyy-MM"
        return form if self._has_years else form.removeprefix("yyyy ")

    def _text(self, month: int | None) -> str | None:
        """Return a text that the formats read as a month."""
        if month is None:
            return None
        day = date(month // _YEAR, month % _YEAR + 1, 1)
        text = next((text for pattern in self._formats if (text := format_date(day, pattern))), None)
        return text if text is None or self._has_years else text.removeprefix(f"{day.year} ")


def _beside_measures(
    rules: ReadingRules, months: _Months, free: Sequence[str], cells: Sequence[str]
) -> list[UnreadColumn]:
    """Return the free columns of months beside measures that give no date, at least two, since May is a name too.

    A measure that is the total of a year may well be beside its months.
    """
    if not rules.measures or any(is_total_name(clean(name)) for name in cells):
        return []
    names = [name for name in free if read_month(clean(name))]
    return [UnreadColumn(name, months.guess(name, [], []), True) for name in names] if len(names) > 1 else []


def _beside_siblings(columns: Sequence[UnreadColumn], crossed: Mapping[str, str]) -> list[UnreadColumn]:
    """Return the columns that share a part with measures, and are not among those that were found."""
    known = {column.name for column in columns}
    return [UnreadColumn(name, None, False, beside) for name, beside in crossed.items() if name not in known]


def _beside(header: Sequence[str], cells: Sequence[str], free: Sequence[str], *, are_short: bool) -> list[str]:
    """Return the free columns between two cells; of a year that is short of one month, also those next to them."""
    folded = {fold_name(name) for name in cells}
    places = [place for place, name in enumerate(header) if fold_name(name) in folded]
    first, last = (min(places) - 1, max(places) + 1) if are_short else (min(places), max(places))
    return [name for name in header[max(first, 0) : last + 1] if name in set(free)]


def _escaped(text: str) -> str:
    """Return the regular expression of a text."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _yaml(value: str | Sequence[str] | Mapping[str, str]) -> str:
    """Return a value as JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)
