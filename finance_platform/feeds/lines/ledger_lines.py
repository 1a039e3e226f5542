"""From raw rows to ledger lines: the rules of a ledger feed, on Arrow batches.

Belongs here: what makes a row a ledger line, and the reason of each rejected row.
Does not belong here: rules that need more than one row, such as repeated keys (see `transforms`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import EXACT_MONEY_TYPE, MONEY_TYPE
from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import (
    LEFT_OVER,
    SIGN,
    DistinctValues,
    FieldSource,
    RawBatch,
    bind_fields,
    blank_to_null,
    debit_and_credit_texts,
    field_texts,
    map_distinct,
)
from finance_platform.feeds.doubts.changed_codes import reject_changed_codes
from finance_platform.feeds.doubts.day_doubts import DayDoubts
from finance_platform.feeds.doubts.lost_zeros import LostZeros
from finance_platform.feeds.doubts.named_years import NamedYear
from finance_platform.feeds.doubts.odd_decimals import OddDecimals
from finance_platform.feeds.doubts.period_doubts import PeriodDoubts
from finance_platform.feeds.doubts.undivided_amounts import UndividedAmounts
from finance_platform.feeds.file_names import periods_from_name
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.lines.amount_signs import apply_signs, negate
from finance_platform.feeds.lines.day_columns import (
    DEFAULT_DATE_FORMATS,
    DEFAULT_PERIOD_FORMATS,
    day_values,
    patterns_of,
    tried_patterns,
)
from finance_platform.feeds.lines.filled_cells import FilledCells
from finance_platform.feeds.lines.lookups import Lookup
from finance_platform.feeds.lines.shapes import find_header
from finance_platform.feeds.lines.sheet_amounts import parse_cells
from finance_platform.feeds.lines.typed_codes import TypedCodes
from finance_platform.feeds.lines.typed_rows import check_choice, reject_long_codes
from finance_platform.feeds.lines.weights import Weights
from finance_platform.feeds.lines.years_like import YearsLike
from finance_platform.feeds.resolved import FieldRule, ReadingRules, ResolvedFeed
from finance_platform.feeds.row_marks import marked_rows
from finance_platform.feeds.shape_rules import HEADER, is_derived
from finance_platform.feeds.values import amounts, dates
from finance_platform.feeds.values.codes import (
    ACCOUNT_TYPES,
    SCENARIO_TYPES,
    clean,
    closest_match,
    fold,
    joined_key,
    scenario_name,
    scenario_type,
    short_name,
    surrogate_key,
    type_by_prefix,
)
from finance_platform.feeds.values.currencies import OTHER_CURRENCY, currency_code, describe_currency, is_currency
from finance_platform.feeds.values.hidden_characters import clean_cells
from finance_platform.feeds.violations import SPREADSHEET_ERRORS, Mask, RuleViolations, quoted, to_mask

_CODE_COLUMNS = {"department": "department_code", "account": "account_number", "scenario": "scenario"}
TEXTS_FOR_PEOPLE = {"department_name", "business_unit", "account_name", "account_category", "description"}
_LAST_DECIMAL = Decimal(1).scaleb(-18)
_COMPARE_AMOUNT = (
    "compare this amount with the source system; if it was read wrong, correct columns.amount.decimal and .thousands "
    "in the descriptor"
)
_ATTRIBUTES = ("department_name", "business_unit", "account_name", "account_category")


class TypedColumns(dict[str, pa.Array]):
    """The typed columns of a batch, by name.

    Attributes:
        distinct: columns whose distinct values are known, as those; of rows that are not accepted, other values.
    """

    def __init__(self, columns: Mapping[str, pa.Array]) -> None:
        super().__init__(columns)
        self.distinct: dict[str, DistinctValues] = {}


class LedgerLines:
    """Turns the raw batches of one table into typed rows, each accepted, rejected or skipped.

    Attributes:
        sources: where the feed's fields come from.
        covers: periods that the file's name declares.
    """

    def __init__(
        self,
        feed: ResolvedFeed,
        header: list[str],
        object_key: str = "",
        sheet: str | None = None,
        lookup: Lookup | None = None,
        weights: Weights | None = None,
    ) -> None:
        """Bind the feed's fields to a table's header, and parse the periods that the file's name declares.

        Args:
            feed: the feed.
            header: of the table.
            object_key: the file.
            sheet: of a workbook.
            lookup: the rows that lines look up.
            weights: the amounts that the years of lines are spread like; None if they are not known.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not give the fields or the periods that the descriptor demands.
        """
        self._rules, self._lookup = feed.rules, lookup
        self._like = YearsLike(feed.rules.spread, weights) if feed.rules.spread and feed.rules.spread.like else None
        self._key_header = find_header(feed.rules.lookup.on, header, "lookup.on") if feed.rules.lookup else ""
        year = feed.rules.unpivot.year_column if feed.rules.unpivot else None
        self._year_header = find_header(year, header, "unpivot.year.column") if year else ""
        self.sources = bind_fields(feed.rules, header, object_key, sheet)
        self._voucher_sources = _bind_voucher(feed.rules, header)
        self._named_sources = _name_sources(feed.rules, self._key_header, {**self._voucher_sources, **self.sources})
        self._notes = NoteCollector()
        self._ambiguous = NoteCollector()
        self._codes = TypedCodes()
        self._filled = FilledCells.of(feed.rules)
        self._has_proven_marks = False
        self._odd_decimals = OddDecimals(feed.rules.currency)
        # A number that names a line alone is worth more than its text: another one may have become the same text.
        self._names_of_lines = {*feed.rules.key, *feed.rules.balanced_by} | (
            {"transaction_id"} if "reverses" in self.sources else set()
        )
        self._lost_zeros = {name: LostZeros(name) for name in ("department", "account")}
        self._day_doubts = _doubt_days(feed.rules, self.sources, sheet)
        self._period_doubts = PeriodDoubts()
        self._named_year = NamedYear(object_key, sheet)
        self._undivided = _find_undivided(feed.rules, self.sources)
        # Only a field with a fiscal calendar sets the first month of a year.
        first_month, pattern = feed.rules.fiscal_year_start_month, feed.rules.covers
        self.covers = tuple(periods_from_name(pattern, object_key, first_month)) if pattern else ()

    def type_batch(self, batch: RawBatch) -> tuple[dict[str, pa.Array], amounts.ParsedAmounts]:
        """Return the typed columns of every row, and the amounts as parsed before any rule."""
        columns, parsed, violations = self.type_cells(batch)
        return columns | violations.columns(), parsed

    def type_cells(self, batch: RawBatch) -> tuple[TypedColumns, amounts.ParsedAmounts, RuleViolations]:
        """Return the columns without outcomes and reasons, the amounts, and the broken rules that give those.

        Batches come in their order. What the rules give does not depend on later batches, so another thread may ask.
        """
        violations = RuleViolations.of_batch(batch, self._notes, self._named_sources)
        texts = {
            name: violations.add_cells(
                name,
                self._filled.fill(name, source, field_texts(source, batch, is_name=name in TEXTS_FOR_PEOPLE), batch),
                is_name=name in TEXTS_FOR_PEOPLE,
            )
            for name, source in self.sources.items()
            if name != "amount"
        }
        texts |= self._look_up(batch, violations)
        parsed = self._amounts(batch, violations, texts.pop(SIGN, None))
        columns = TypedColumns({"amount": parsed.values})
        columns |= self._scenario(texts, violations, columns.distinct)
        columns |= self._dates(texts, columns["scenario_type"], violations, columns.distinct)
        self._check_covers(columns["period"], violations)
        for name in ("department", "account"):
            columns |= self._code(texts, name, columns["amount"], violations, columns.distinct)
        columns |= self._attributes(texts, violations)
        columns["account_type"] = self._types(columns)
        columns["currency"] = _with_marks(self._foreign_currency(texts, violations), parsed.foreign)
        parsed = replace(parsed, currencies=columns["currency"])
        # The total of amounts whose unit is not known would mean nothing.
        is_countable = pc.fill_null(pc.not_equal(columns["currency"], OTHER_CURRENCY), True)
        columns["amount"] = pc.if_else(is_countable, columns["amount"], None)
        columns |= self._voucher(batch, texts, columns, violations)
        if self._rules.balanced_by:
            columns["voucher_amount"] = _exact_amounts(parsed)
        columns |= self._key(texts, columns, violations)
        columns["scope_key"] = self._scope(columns)
        columns["is_debit_positive"] = pa.repeat(pa.scalar(self._rules.is_debit_positive), len(batch))
        # Without a type the scenario is not declared, so nothing can be totalled under its name.
        columns["scenario"] = pc.if_else(pc.is_valid(columns["scenario_type"]), columns["scenario"], None)
        self._check_marks(columns, parsed, violations)
        if self._like:
            self._like.check(columns, violations)
        return columns, parsed, violations

    @property
    def weight_years(self) -> set[str]:
        """The fiscal years whose amounts lines are spread like, each named by its first period."""
        return self._like.years if self._like else set()

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        doubtful = {} if self._has_proven_marks else self._ambiguous.notes()
        notes = self._notes.notes() | self._codes.notes() | doubtful
        for codes in self._lost_zeros.values():
            notes |= codes.notes()
        for days in self._day_doubts.values():
            notes |= days.notes()
        return notes | self._undivided.notes() | (self._like.notes() if self._like else {})

    @property
    def advice(self) -> str:
        """What to do about rejected lines; empty if that is not known."""
        return self._filled.advice

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        of_days = {text: fix for days in self._day_doubts.values() for text, fix in days.doubts().items()}
        return of_days | self._period_doubts.doubts() | self._named_year.doubts() | self._odd_decimals.doubts()

    def _check_marks(
        self, columns: dict[str, pa.Array], parsed: amounts.ParsedAmounts, violations: RuleViolations
    ) -> None:
        """Take the money out of control totals, and reject skipped rows whose money no rule claims."""
        batch, marks = violations.batch, violations.batch.marks
        if marks is None:
            return
        is_total = pa.array(marked_rows(batch, self._rules.control_totals))
        for name in ("amount", "currency"):
            columns[name] = pc.if_else(is_total, None, columns[name])
        columns_of_money = parsed.sides or (parsed,)
        has_money: Mask = np.zeros(len(batch), dtype=np.bool_)
        for cells in columns_of_money:  # a debit and an equal credit are money too
            has_money |= to_mask(pc.not_equal(cells.values, pa.scalar(0, MONEY_TYPE)))
            has_money[[position for position, written in cells.exact.items() if written]] = True
        unread: Mask = np.zeros(len(batch), dtype=np.bool_)
        for cells, header in zip(columns_of_money, self.sources["amount"].headers, strict=False):
            unread |= _may_be_money(cells, batch, header)
        bare = [rule for rule in self._rules.skip if not rule.may_hold_money]
        left_over = _has_figure_left_over(batch)

        def describe(position: int) -> str:
            if not (has_money[position] or unread[position]):
                return (
                    f"amount: the rule {marks[position].as_py()} of skip matches the row, and one of its cells may be "
                    f"money: {batch.problems[position].as_py()}; correct the row, or claim its money by "
                    "may_hold_money: true"
                )
            has = "has the amount" if has_money[position] else "has no valid amount but"
            return (
                f"amount: the rule {marks[position].as_py()} of skip matches the row, which {has} "
                f"{quoted(self._written_amount(batch, position))}; claim its money by a control_total or "
                "may_hold_money: true, or correct the rule"
            )

        rows = (has_money | unread | left_over) & marked_rows(batch, bare)
        violations.reject_skipped("skipped_money", rows, describe, of="amount")

    def _written_amount(self, batch: RawBatch, position: int) -> str:
        cells = (batch.columns[header][position].as_py() for header in self.sources["amount"].headers)
        return " ".join(cell.strip() for cell in cells if cell)

    def _look_up(self, batch: RawBatch, violations: RuleViolations) -> dict[str, pa.Array]:
        """Return the fields that lines take from the rows of another feed; reject lines whose key is missing there."""
        rule = self._rules.lookup
        if rule is None:
            return {}
        written = violations.add_cells(rule.on, clean_cells(blank_to_null(batch.columns[self._key_header])))
        violations.add_blank(rule.on, written)
        keys = map_distinct(written, fold, pa.string())
        lookup = self._lookup or Lookup(
            pa.array([], pa.string()), {name: pa.array([], pa.string()) for name in rule.take}
        )
        is_found, fields = lookup.find(keys)
        violations.taken, violations.not_found = rule.take, ~to_mask(is_found)
        violations.add(
            "missing_lookup",
            to_mask(pc.and_(pc.is_valid(keys), pc.invert(is_found))),
            lambda i: (
                f"{rule.on}: {quoted(written[i].as_py())} is not in the feed {rule.feed}, which gives "
                f"{', '.join(rule.take)}; deliver a file of that feed that has it, and the line is read again"
            ),
            of=rule.on,
        )
        return fields

    def _amounts(self, batch: RawBatch, violations: RuleViolations, signs: pa.Array | None) -> amounts.ParsedAmounts:
        source = self.sources["amount"]
        if source.rule.debit is not None:
            cells = debit_and_credit_texts(source, batch)
            debit, credit = (violations.add_cells("amount", side) for side in cells)
            sides = [self._parse(source, texts, violations) for texts in (debit, credit)]
            return _debit_less_credit(debit, credit, sides, source, violations)
        texts = violations.add_cells("amount", field_texts(source, batch))
        is_credit_positive = self._rules.is_credit_positive
        has_sides = self._rules.is_debit_positive and signs is None and not is_credit_positive
        parsed = self._parse(source, texts, violations, has_sides=has_sides)
        violations.add_blank("amount", texts)
        violations.add_invalid(
            "invalid_amount",
            texts,
            parsed.values,
            lambda i: f"amount: {quoted(texts[i].as_py())} is not a valid amount{_hint(texts[i].as_py(), self._rules)}",
            of="amount",
        )
        if signs is None or source.rule.sign_column is None:
            return negate(parsed) if is_credit_positive else parsed
        return apply_signs(parsed, texts, signs, source.rule.sign_column, violations)

    def _parse(
        self, source: FieldSource, texts: pa.StringArray, violations: RuleViolations, *, has_sides: bool = False
    ) -> amounts.ParsedAmounts:
        """Parse the texts of amounts; reject those in a foreign currency, and note those that could mean two things."""
        rule, currency = source.rule, self._rules.currency
        parsed = parse_cells(texts, source, currency, violations.batch, has_sides=has_sides)
        is_foreign: Mask = np.zeros(len(texts), dtype=np.bool_)
        is_foreign[list(parsed.foreign)] = True
        violations.add(
            "foreign_currency",
            is_foreign,
            lambda i: (
                f"amount: {quoted(texts[i].as_py())} is in {describe_currency(parsed.foreign[i])}, "
                f"not in the home's currency, {currency}; {_convert(currency)}"
            ),
            of="amount",
        )
        self._has_proven_marks = self._has_proven_marks or parsed.proves_marks
        self._odd_decimals.add(rule, texts, parsed, violations.skipped, violations.batch)
        if parsed.ambiguous:
            is_ambiguous: Mask = np.zeros(len(texts), dtype=np.bool_)
            is_ambiguous[list(parsed.ambiguous)] = True
            is_ambiguous &= ~violations.skipped
            marks = f"decimal {rule.decimal!r}" + (f", thousands {rule.thousands!r}" if rule.thousands else "")
            text = f"amount: one mark before three digits could mean two things and was read as declared ({marks})"
            self._ambiguous.add(text, _COMPARE_AMOUNT, is_ambiguous, violations.batch, texts)
        return parsed

    def _scenario(
        self, texts: dict[str, pa.Array], violations: RuleViolations, distinct: dict[str, DistinctValues]
    ) -> dict[str, pa.Array]:
        declared = self._rules.scenarios
        written = texts["scenario"]
        scenarios = DistinctValues.of(written)
        of_types = scenarios.map(lambda text: scenario_type(text, declared), pa.string())
        types = of_types.column()

        def describe_undeclared(position: int) -> str:
            text = str(written[position].as_py())
            suggestion = closest_match(text, (*declared, *SCENARIO_TYPES))
            hint = f"; did you mean {suggestion!r}?" if suggestion else ""
            return f"scenario: {quoted(text)} is not declared{hint}"

        violations.add_blank("scenario", written)
        violations.add_invalid("undeclared_scenario", written, types, describe_undeclared, of="scenario")
        if self._rules.is_plans_only:
            is_actual = to_mask(pc.equal(types, "Actual"))
            reason = "scenario: Actual in a feed that has plans only"
            violations.add("actual_in_plan", is_actual, lambda _: reason, of="scenario")
        names = scenarios.map(lambda text: scenario_name(text, declared), pa.string())
        column = names.column()
        distinct |= {"scenario": names, "scenario_type": of_types}
        reject_long_codes(violations, "scenario", column)
        return {
            "scenario": column,
            "scenario_type": types,
            "scenario_key": names.map(surrogate_key, pa.int64()).column(),
        }

    def _dates(
        self,
        texts: dict[str, pa.Array],
        scenario_types: pa.Array,
        violations: RuleViolations,
        distinct: dict[str, DistinctValues],
    ) -> dict[str, pa.Array]:
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
            if self.sources.get("date", FieldSource(FieldRule())).headers:
                of_actual = pc.if_else(pc.equal(scenario_types, "Actual"), days, None)
                self._period_doubts.add(of_actual, of_dates, periods, violations.batch)
            posting = _clamp_days(days, periods)
            first_days = DistinctValues.of(periods).map(dates.first_day, pa.date32()).column
        self._named_year.add(scenario_types, periods)
        is_actual = pc.equal(scenario_types, "Actual")
        if not pc.all(is_actual, skip_nulls=False).as_py():
            self._undivided.add_plan(scenario_types, periods)
            posting = pc.if_else(is_actual, posting, first_days())
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
            of="period" if "period" in self.sources else "date",
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
            lambda i: f"{name}: {self._describe_date(name, written[i].as_py(), violations.batch, i)}",
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
            return f"the year beside {quoted(text)} is blank, in the column {self._year_header!r} of unpivot.year"
        default = DEFAULT_DATE_FORMATS if name == "date" else DEFAULT_PERIOD_FORMATS
        return f"{quoted(text)} is not a valid date of the form {' or '.join(rule.formats or default)}"

    def _code(
        self,
        texts: dict[str, pa.Array],
        name: str,
        money: pa.Array,
        violations: RuleViolations,
        distinct: dict[str, DistinctValues],
    ) -> dict[str, pa.Array]:
        written = texts[name]
        rule = self._rules.fields.get(name, FieldRule())
        codes = self._codes.type_column(name, rule, written, violations.batch, money)
        self._lost_zeros[name].add(codes.values)
        violations.add_blank(name, written)
        column = codes.column()
        distinct[_CODE_COLUMNS[name]] = codes
        reject_long_codes(violations, name, column)
        reject_changed_codes(violations, name, column, codes.values)
        return {_CODE_COLUMNS[name]: column, f"{name}_key": codes.map(surrogate_key, pa.int64()).column()}

    def _attributes(self, texts: dict[str, pa.Array], violations: RuleViolations) -> dict[str, pa.Array]:
        nothing = pa.nulls(len(violations.batch), pa.string())
        columns = {
            name: map_distinct(texts[name], short_name, pa.string()) if name in texts else nothing
            for name in _ATTRIBUTES
        }
        columns["account_type"] = (
            check_choice(violations, "account_type", texts["account_type"], ACCOUNT_TYPES)
            if "account_type" in texts
            else nothing
        )
        for name in ("transaction_id", "reverses"):
            if name in texts and (name == "reverses" or name in self._names_of_lines):
                reject_changed_codes(violations, name, texts[name])
        columns["description"] = texts.get("description", nothing)
        columns["transaction_id"] = texts.get("transaction_id", nothing)
        columns["reverses_transaction_id"] = texts.get("reverses", nothing)
        return columns

    def _types(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Return the accounts' types; by prefix where no column gives one."""
        prefixes = self._rules.types_by_prefix
        if not prefixes:
            return columns["account_type"]
        by_prefix = map_distinct(columns["account_number"], lambda code: type_by_prefix(code, prefixes), pa.string())
        return pc.coalesce(columns["account_type"], by_prefix)

    def _foreign_currency(self, texts: dict[str, pa.Array], violations: RuleViolations) -> pa.Array:
        """Reject amounts of another currency than the home's; return that currency, null for the home's own."""
        if "currency" not in texts:
            return pa.nulls(len(violations.batch), pa.string())
        written, expected = texts["currency"], self._rules.currency
        is_foreign = map_distinct(written, lambda text: not is_currency(text, expected), pa.bool_())
        violations.add(
            "foreign_currency",
            to_mask(is_foreign),
            lambda i: (
                f"currency: {quoted(written[i].as_py())} is not the home's currency, {expected}; {_convert(expected)}; "
                f"or, if the amounts are in {expected} all the same, name the column in ignore_columns in place of "
                "columns.currency"
            ),
            of="currency",
        )
        return map_distinct(pc.if_else(is_foreign, written, None), currency_code, pa.string())

    def _voucher(
        self, batch: RawBatch, texts: dict[str, pa.Array], columns: dict[str, pa.Array], violations: RuleViolations
    ) -> dict[str, pa.Array]:
        """Return the voucher of each row; no column if the feed's vouchers need not balance."""
        if not self._rules.balanced_by:
            return {}
        parts = []
        for name in self._rules.balanced_by:
            if name in texts:
                part = _canonical(name, texts, columns)
            else:
                cells = violations.add_cells(name, field_texts(self._voucher_sources[name], batch))
                part = map_distinct(cells, clean, pa.string())
            violations.add_blank(name, part, "is blank, but names the voucher")
            parts.append(part)
        return {"voucher": _joined(parts)}

    def _key(
        self, texts: dict[str, pa.Array], columns: dict[str, pa.Array], violations: RuleViolations
    ) -> dict[str, pa.Array]:
        if not self._rules.key:
            return {"line_key": pa.nulls(len(violations.batch), pa.string())}
        parts = [_canonical(name, texts, columns) for name in self._rules.key]
        for name, part in zip(self._rules.key, parts, strict=True):
            if name not in {"date", "department", "account", "scenario", "period"}:
                violations.add_blank(name, part, "is blank, but part of the key")
        return {"line_key": _joined(parts)}

    def _scope(self, columns: dict[str, pa.Array]) -> pa.Array:
        """Return the scope that a line's delivery replaces within its period; null if the feed has no scope."""
        if not self._rules.scope:
            return pa.nulls(len(columns["period"]), pa.string())
        names = [_CODE_COLUMNS.get(name, name) for name in self._rules.scope]
        parts = [map_distinct(columns[name], fold, pa.string()) for name in names]
        # A blank business unit is a scope of its own.
        rows = zip(*(part.fill_null("").to_pylist() for part in parts), strict=True)
        key_of = cache(joined_key)  # many lines have one scope
        return pa.array([key_of(row) for row in rows], pa.string())


def _may_be_money(parsed: amounts.ParsedAmounts, batch: RawBatch, header: str) -> Mask:
    """Return the rows whose cell is no valid amount but may be money: it has a figure, or is a spreadsheet's error.

    A cell that repeats its column's header, as on each page of a report, is none.
    """
    if parsed.texts is None:
        return np.zeros(len(batch), dtype=np.bool_)
    is_unread = pc.and_(pc.is_valid(parsed.texts), pc.is_null(parsed.values))
    is_figure = pc.or_(
        pc.match_substring_regex(parsed.texts, r"\pN"), pc.is_in(parsed.texts, pa.array(SPREADSHEET_ERRORS))
    )
    rows = to_mask(pc.and_(is_unread, is_figure))
    for position in np.flatnonzero(rows).tolist():
        name = (
            batch.source_columns[position].as_py()
            if is_derived(header) and batch.source_columns is not None
            else header
        )
        rows[position] = fold(parsed.texts[position].as_py()) != fold(name or "")
    return rows


def _has_figure_left_over(batch: RawBatch) -> Mask:
    """Return the rows that have a figure in a cell beyond the header."""
    if batch.problems.null_count == len(batch):
        return np.zeros(len(batch), dtype=np.bool_)
    cells = [(text or "").partition(LEFT_OVER)[2] for text in batch.problems.to_pylist()]
    return to_mask(pc.match_substring_regex(pa.array(cells, pa.string()), r"\pN"))


def _hint(text: str, rules: ReadingRules) -> str:
    """Return why an amount with a debit or credit mark is not read, if that is the reason."""
    if not amounts.names_side(text):
        return ""
    if not rules.is_debit_positive or rules.is_credit_positive:
        return "; DR and CR beside an amount are read under sign: debit_positive"
    rule = rules.fields["amount"]
    given = "its column gives the sign" if rule.debit or rule.sign_column else "it may have no other sign"
    return f"; DR or CR is beside it, and {given}"


def _convert(currency: str) -> str:
    """Return the fix of a line in a foreign currency."""
    return f"send the amount in {currency}, or the line to a home of its own currency"


def _exact_amounts(parsed: amounts.ParsedAmounts) -> pa.Array:
    """Return the amounts before they were rounded to cents."""
    exact = pc.cast(parsed.values, EXACT_MONEY_TYPE)
    if not parsed.exact:
        return exact
    is_rounded: Mask = np.zeros(len(exact), dtype=np.bool_)
    is_rounded[list(parsed.exact)] = True
    written = [
        parsed.exact[position].quantize(_LAST_DECIMAL, context=amounts.EXACT) for position in sorted(parsed.exact)
    ]
    return pc.replace_with_mask(exact, pa.array(is_rounded), pa.array(written, EXACT_MONEY_TYPE))


def _joined(parts: Sequence[pa.StringArray]) -> pa.StringArray:
    """Return one text for several columns, different for different rows; null where a part is."""
    if len(parts) == 1:
        return parts[0]
    rows = zip(*(part.to_pylist() for part in parts), strict=True)
    return pa.array([joined_key(row) if None not in row else None for row in rows], pa.string())


def _name_sources(
    rules: ReadingRules, key_header: str, sources: Mapping[str, FieldSource]
) -> Mapping[str, FieldSource]:
    """Return the sources that reasons name, with that of the key by which rows are looked up first."""
    if not rules.lookup:
        return sources
    on = rules.lookup.on
    return {on: FieldSource(FieldRule(sources=(on,)), (key_header,)), **sources}


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
    return UndividedAmounts(month, patterns_of(month, rules, default), rules.spread)


def _bind_voucher(rules: ReadingRules, header: Sequence[str]) -> dict[str, FieldSource]:
    """Return the sources of those parts of a voucher's name that are headers and not fields of the feed."""
    headers = {fold(name): name for name in reversed(header)}
    sources = {}
    for name in rules.balanced_by:
        if name in rules.fields or name in rules.constants:
            continue
        if fold(name) not in headers:
            suggestion = closest_match(name, headers.values())
            hint = f"; is it {suggestion!r}?" if suggestion else ""
            raise UnreadableDeliveryError(
                f"the header lacks the column {name!r}, which names the vouchers{hint}",
                fix="correct the file's header, or balanced.by in the descriptor",
            )
        sources[name] = FieldSource(FieldRule(sources=(name,)), (headers[fold(name)],))
    return sources


def _canonical(name: str, texts: dict[str, pa.Array], columns: dict[str, pa.Array]) -> pa.Array:
    """Return a field as part of a key: each day, period or code has one text, however it is written."""
    if name in _CODE_COLUMNS:
        return map_distinct(columns[_CODE_COLUMNS[name]], fold, pa.string())
    if name == "date":
        return pc.cast(columns["document_date"], pa.string())
    return columns["period"] if name == "period" else texts[name]


def _debit_less_credit(
    debit: pa.Array,
    credit: pa.Array,
    sides: list[amounts.ParsedAmounts],
    source: FieldSource,
    violations: RuleViolations,
) -> amounts.ParsedAmounts:
    """Return debit less credit, or their sum where credits have their minus.

    One blank side counts as zero, two blank sides as a blank amount.
    """
    invalid: Mask = np.zeros(len(debit), dtype=np.bool_)
    for texts, side in zip((debit, credit), sides, strict=True):
        invalid |= to_mask(pc.and_(pc.is_valid(texts), pc.is_null(side.values)))
    blank = to_mask(pc.and_(pc.is_null(debit), pc.is_null(credit)))
    zero = pa.scalar(0, MONEY_TYPE)
    join = pc.add if source.rule.is_signed else pc.subtract
    difference = join(*(pc.fill_null(side.values, zero) for side in sides))
    invalid |= to_mask(pc.greater_equal(pc.abs(difference), pa.scalar(amounts.LIMIT, difference.type)))
    both = f"both {source.headers[0]} and {source.headers[1]} are blank"
    violations.add("blank_amount", blank, lambda _: both, of="amount")
    violations.add(
        "invalid_amount",
        invalid,
        lambda i: f"amount: {quoted(debit[i].as_py())} or {quoted(credit[i].as_py())} is not a valid amount",
        of="amount",
    )
    values = pc.if_else(pa.array(invalid | blank), pa.scalar(None, difference.type), difference)
    return _without_invalid_rows(pc.cast(values, MONEY_TYPE), sides, invalid, is_signed=bool(source.rule.is_signed))


def _without_invalid_rows(
    values: pa.Array, sides: list[amounts.ParsedAmounts], invalid: Mask, *, is_signed: bool
) -> amounts.ParsedAmounts:
    # A row with one invalid side has no amount at all, so the money of its valid side is not counted either.
    exact: dict[int, Decimal] = {}
    for position in sorted(sides[0].exact.keys() | sides[1].exact.keys()):
        if invalid[position]:
            continue
        debit, credit = (side.exact.get(position, side.values[position].as_py() or Decimal(0)) for side in sides)
        exact[position] = (amounts.EXACT.add if is_signed else amounts.EXACT.subtract)(debit, credit)
    return amounts.ParsedAmounts(values, exact, _foreign_of_sides(sides), sides=tuple(sides))


def _with_marks(currencies: pa.Array, marks: Mapping[int, str]) -> pa.Array:
    """Return the foreign currency of each row, null for the home's own.

    Args:
        currencies: the foreign currency that the row's own field states, null where it states none.
        marks: the foreign codes and signs beside the amounts, by position.
    """
    if not marks:
        return currencies
    known = currencies.to_pylist()
    for position, mark in marks.items():
        code, stated = currency_code(mark), known[position]
        if stated in {None, OTHER_CURRENCY}:
            known[position] = code
        elif not is_currency(mark, stated):
            known[position] = code if is_currency(stated, code) else OTHER_CURRENCY
    return pa.array(known, pa.string())


def _foreign_of_sides(sides: list[amounts.ParsedAmounts]) -> dict[int, str]:
    """Return the foreign currency of debit less credit by position; `OTHER_CURRENCY` where the sides have two."""
    foreign: dict[int, str] = {}
    for side, opposite in (sides, sides[::-1]):
        for position, mark in side.foreign.items():
            other = opposite.foreign.get(position, "")
            is_one = not opposite.values[position].as_py() or currency_code(other) == currency_code(mark)
            foreign.setdefault(position, mark if is_one else OTHER_CURRENCY)
    return foreign


def _clamp_days(days: pa.Array, periods: pa.Array) -> pa.Array:
    pairs = zip(days.to_pylist(), periods.to_pylist(), strict=True)
    clamped = [dates.clamp_to_period(day, period) if day and period else None for day, period in pairs]
    return pa.array(clamped, pa.date32())
