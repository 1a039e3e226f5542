"""The days and periods of ledger lines, the periods that a file's name declares, and doubts about them.

Belongs here: the rules of a line's date and period. Does not belong here: reading one text (see `day_columns`), what is
doubtful about days (see `doubts`), days of other tables (see `reference_rows`).

A change that gives other days needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import DistinctValues, FieldSource, RawBatch, map_distinct
from finance_platform.feeds.doubts.day_doubts import DayDoubts
from finance_platform.feeds.doubts.named_years import NamedYear
from finance_platform.feeds.doubts.period_doubts import PeriodDoubts
from finance_platform.feeds.doubts.undivided_amounts import UndividedAmounts
from finance_platform.feeds.file_names import periods_from_name
from finance_platform.feeds.findings import Note
from finance_platform.feeds.lines.day_columns import (
    DEFAULT_DATE_FORMATS,
    DEFAULT_PERIOD_FORMATS,
    day_values,
    describe_invalid_day,
    patterns_of,
    tried_patterns,
)
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.shape_rules import HEADER
from finance_platform.feeds.values import dates
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask


class LineDays:
    """Types the days and periods of one table's lines.

    Attributes:
        covers: periods that the file's name declares.
    """

    def __init__(
        self,
        rules: ReadingRules,
        sources: Mapping[str, FieldSource],
        year_header: str,
        object_key: str,
        sheet: str | None,
    ) -> None:
        """Parse the periods that the file's name declares.

        Args:
            rules: the feed's.
            sources: where the feed's fields come from.
            year_header: the column of the year that headers of periods lack; empty if they have it.
            object_key: the file.
            sheet: of a workbook.

        Raises:
            FileNameError: the name does not give the periods that the descriptor demands.
        """
        self._rules, self._sources, self._year_header = rules, sources, year_header
        self._day_doubts = _doubt_days(rules, sources, sheet)
        self._period_doubts = PeriodDoubts()
        self._named_year = NamedYear(object_key, sheet)
        self._undivided = _find_undivided(rules, sources)
        # Only a field with a fiscal calendar sets the first month of a year.
        first_month, pattern = rules.fiscal_year_start_month, rules.covers
        self.covers = tuple(periods_from_name(pattern, object_key, first_month)) if pattern else ()

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        of_days = {text: note for days in self._day_doubts.values() for text, note in days.notes().items()}
        return of_days | self._undivided.notes()

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        of_days = {text: fix for days in self._day_doubts.values() for text, fix in days.doubts().items()}
        return of_days | self._period_doubts.doubts() | self._named_year.doubts()

    def type_days(
        self,
        texts: dict[str, pa.Array],
        scenario_types: pa.Array,
        violations: RuleViolations,
        distinct: dict[str, DistinctValues],
    ) -> dict[str, pa.Array]:
        """Return the columns of days and periods; reject rows whose day is not valid or outside what it may be."""
        of_date = self._days("date", texts["date"], DEFAULT_DATE_FORMATS, violations)
        days, months = of_date.column(), of_date.map(dates.period_of, pa.string())
        first_days = months.map(dates.first_day, pa.date32()).column
        periods, posting = months.column(), days
        if "period" not in texts:
            distinct["period"] = months
        else:
            of_period = self._days("period", texts["period"], DEFAULT_PERIOD_FORMATS, violations)
            of_dates, firsts = periods, of_period.map(dates.period_of, pa.string()).column()
            # A blank cell is no other period than that of the date; one that is not valid may be.
            periods = pc.if_else(pc.is_null(texts["period"]), of_dates, firsts)
            if self._sources.get("date", FieldSource(FieldRule())).headers:
                of_actual = pc.if_else(pc.equal(scenario_types, "Actual"), days, None)
                self._period_doubts.add(of_actual, of_dates, periods, violations.batch)
            posting = _clamp_days(days, periods)
            first_days = DistinctValues.of(periods).map(dates.first_day, pa.date32()).column
        self._named_year.add(scenario_types, periods)
        is_actual = pc.equal(scenario_types, "Actual")
        if not pc.all(is_actual, skip_nulls=False).as_py():
            self._undivided.add_plan(scenario_types, periods)
            posting = pc.if_else(is_actual, posting, first_days())
        self._check_covers(periods, violations)
        return {"document_date": days, "posting_date": posting, "period": periods}

    def _check_covers(self, periods: pa.Array, violations: RuleViolations) -> None:
        if not self.covers:
            return
        declared = self.covers[0] if len(self.covers) == 1 else f"{self.covers[0]} to {self.covers[-1]}"
        is_outside = pc.fill_null(pc.invert(map_distinct(periods, self._is_covered, pa.bool_())), False)
        violations.add(
            "outside_covered_periods",
            to_mask(is_outside),
            lambda i: f"period: {periods[i].as_py()} is outside {declared}, which the file's name declares",
            of="period" if "period" in self._sources else "date",
        )

    def _is_covered(self, period: str) -> bool:
        """Return whether the file's name declares a period, or all periods over which the amount is spread."""
        spread = self._rules.spread
        return {period, *(spread.periods_of(period) if spread else ())} <= set(self.covers)

    def _days(
        self, name: str, written: pa.Array, default: tuple[str, ...], violations: RuleViolations
    ) -> DistinctValues:
        texts = DistinctValues.of(written)
        values = day_values(name, texts, self._rules, default, violations.batch)
        days = values.column()
        if name in self._day_doubts:
            self._day_doubts[name].add(texts, violations.batch)
        if name == self._undivided.name:
            self._undivided.add(texts, violations.batch)
        if name == "date":
            violations.add_blank(name, written)
        violations.add_invalid(
            f"invalid_{name}",
            written,
            days,
            lambda i: self._describe_date(name, written[i].as_py(), violations.batch, i),
            of=name,
        )
        earliest, latest = (date.fromisoformat(day) for day in (self._rules.earliest_date, self._rules.latest_date))
        is_outside = values.map(lambda day: not earliest <= day <= latest, pa.bool_())
        if pc.any(is_outside.values).as_py():
            violations.add(
                f"{name}_out_of_range",
                to_mask(is_outside.column()),
                lambda i: f"{name}: {days[i].as_py()} is outside the accepted range {earliest} to {latest}",
                of=name,
            )
        return values

    def _describe_date(self, name: str, text: str, batch: RawBatch, position: int) -> str:
        """Return why a text is not a valid date: its form is another one, or the column of its year is blank."""
        rule = self._rules.fields.get(name, FieldRule())
        if (
            self._year_header
            and HEADER in rule.sources
            and not (batch.columns[self._year_header][position].as_py() or "").strip()
        ):
            return (
                f"{name}: the year beside {quoted(text)} is blank, in the column {self._year_header!r} of unpivot.year"
            )
        default = DEFAULT_DATE_FORMATS if name == "date" else DEFAULT_PERIOD_FORMATS
        return describe_invalid_day(name, text, self._rules, default, is_1904=batch.is_1904)


def _doubt_days(rules: ReadingRules, sources: Mapping[str, FieldSource], sheet: str | None) -> dict[str, DayDoubts]:
    """Return what finds days that may be months, for each field that has days."""
    return {
        name: DayDoubts(name, *tried_patterns(name, rules, default, sheet))
        for name, default in (("date", DEFAULT_DATE_FORMATS), ("period", DEFAULT_PERIOD_FORMATS))
        if name in sources
    }


def _find_undivided(rules: ReadingRules, sources: Mapping[str, FieldSource]) -> UndividedAmounts:
    """Return what finds amounts of several months, by the field that gives a line its month."""
    month, default = ("period", DEFAULT_PERIOD_FORMATS) if "period" in sources else ("date", DEFAULT_DATE_FORMATS)
    unpivot = rules.unpivot
    is_of_header = unpivot is not None and unpivot.into == month
    value_map = unpivot.header_map if unpivot and is_of_header else rules.fields.get(month, FieldRule()).value_map
    return UndividedAmounts(month, patterns_of(month, rules, default), rules.spread, value_map)


def _clamp_days(days: pa.Array, periods: pa.Array) -> pa.Array:
    pairs = zip(days.to_pylist(), periods.to_pylist(), strict=True)
    clamped = [dates.clamp_to_period(day, period) if day and period else None for day, period in pairs]
    return pa.array(clamped, pa.date32())
