"""From raw rows to ledger lines: the rules of a ledger feed, on Arrow batches.

Belongs here: the order in which a row becomes a line, its scenario, codes and attributes. Does not belong here: amounts
(see `line_amounts`), days (see `line_days`), keys (see `line_keys`), money in skipped rows (see `skipped_money`), rules
that need more than one row, such as repeated keys (see `transforms`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import (
    SIGN,
    DistinctValues,
    FieldSource,
    RawBatch,
    bind_fields,
    blank_to_null,
    field_texts,
    map_distinct,
)
from finance_platform.feeds.doubts.changed_codes import reject_changed_codes
from finance_platform.feeds.doubts.lost_zeros import LostZeros
from finance_platform.feeds.doubts.thirteenth_periods import ThirteenthPeriods
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.lines.filled_cells import FilledCells
from finance_platform.feeds.lines.line_amounts import LineAmounts, exact_amounts
from finance_platform.feeds.lines.line_days import LineDays
from finance_platform.feeds.lines.line_keys import CODE_COLUMNS, LineKeys
from finance_platform.feeds.lines.lookups import Lookup
from finance_platform.feeds.lines.member_keys import MemberKeys
from finance_platform.feeds.lines.shapes import find_header
from finance_platform.feeds.lines.skipped_money import check_skipped_money
from finance_platform.feeds.lines.typed_codes import TypedCodes
from finance_platform.feeds.lines.typed_rows import check_choice, reject_long_codes
from finance_platform.feeds.lines.weights import Weights
from finance_platform.feeds.lines.years_like import YearsLike
from finance_platform.feeds.resolved import FieldRule, ReadingRules, ResolvedFeed
from finance_platform.feeds.values import amounts
from finance_platform.feeds.values.codes import (
    ACCOUNT_TYPES,
    SCENARIO_TYPES,
    closest_match,
    fold,
    scenario_name,
    scenario_type,
    short_name,
    type_by_prefix,
)
from finance_platform.feeds.values.currencies import OTHER_CURRENCY
from finance_platform.feeds.values.hidden_characters import clean_cells
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask

TEXTS_FOR_PEOPLE = {"department_name", "business_unit", "account_name", "account_category", "description"}
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
        year_header = find_header(year, header, "unpivot.year.column") if year else ""
        self.sources = bind_fields(feed.rules, header, object_key, sheet)
        self._keys = LineKeys(feed.rules, header)
        self._named_sources = _name_sources(feed.rules, self._key_header, {**self._keys.sources, **self.sources})
        self._notes = NoteCollector()
        self._codes = TypedCodes()
        self._member_keys = {name: MemberKeys(name) for name in ("scenario", "department", "account")}
        self._filled = FilledCells.of(feed.rules)
        self._amounts = LineAmounts(feed.rules, self.sources["amount"])
        # A number that names a line alone is worth more than its text: another one may have become the same text.
        self._names_of_lines = {*feed.rules.key, *feed.rules.balanced_by} | (
            {"transaction_id"} if "reverses" in self.sources else set()
        )
        self._lost_zeros = {name: LostZeros(name) for name in ("department", "account")}
        self._days = LineDays(feed.rules, self.sources, year_header, object_key, sheet)
        self._thirteenth = ThirteenthPeriods.of(feed.rules, self.sources)

    @property
    def covers(self) -> tuple[str, ...]:
        """The periods that the file's name declares."""
        return self._days.covers

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
        parsed = self._amounts.type_amounts(batch, violations, texts.pop(SIGN, None))
        columns = TypedColumns({"amount": parsed.values})
        columns |= self._scenario(texts, violations, columns.distinct)
        columns |= self._days.type_days(texts, columns["scenario_type"], violations, columns.distinct)
        if self._thirteenth:
            self._thirteenth.add(batch, columns)
        for name in ("department", "account"):
            columns |= self._code(texts, name, columns["amount"], violations, columns.distinct)
        columns |= self._attributes(texts, violations)
        columns["account_type"] = self._types(columns)
        columns["currency"] = self._amounts.foreign_currency(texts, parsed, violations)
        parsed = replace(parsed, currencies=columns["currency"])
        # The total of amounts whose unit is not known would mean nothing.
        is_countable = pc.fill_null(pc.not_equal(columns["currency"], OTHER_CURRENCY), True)
        columns["amount"] = pc.if_else(is_countable, columns["amount"], None)
        columns |= self._keys.voucher(batch, texts, columns, violations)
        if self._rules.balanced_by:
            columns["voucher_amount"] = exact_amounts(parsed)
        columns |= self._keys.key(texts, columns, violations)
        columns["scope_key"] = self._keys.scope(columns)
        columns["is_debit_positive"] = pa.repeat(pa.scalar(self._rules.is_debit_positive), len(batch))
        # Without a type the scenario is not declared, so nothing can be totalled under its name.
        columns["scenario"] = pc.if_else(pc.is_valid(columns["scenario_type"]), columns["scenario"], None)
        check_skipped_money(self._rules, self.sources["amount"].headers, columns, parsed, violations)
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
        notes = self._notes.notes() | self._codes.notes() | self._amounts.notes
        for codes in self._lost_zeros.values():
            notes |= codes.notes()
        notes |= self._days.notes | (self._like.notes() if self._like else {})
        return notes | (self._thirteenth.notes() if self._thirteenth else {})

    @property
    def advice(self) -> str:
        """What to do about rejected lines; empty if that is not known."""
        return self._filled.advice

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        return self._days.doubts | self._amounts.doubts

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
            "scenario_key": self._member_keys["scenario"].type_column(names, violations),
        }

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
        distinct[CODE_COLUMNS[name]] = codes
        reject_long_codes(violations, name, column)
        reject_changed_codes(violations, name, column, codes.values)
        return {CODE_COLUMNS[name]: column, f"{name}_key": self._member_keys[name].type_column(codes, violations)}

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


def _name_sources(
    rules: ReadingRules, key_header: str, sources: Mapping[str, FieldSource]
) -> Mapping[str, FieldSource]:
    """Return the sources that reasons name, with that of the key by which rows are looked up first."""
    if not rules.lookup:
        return sources
    on = rules.lookup.on
    return {on: FieldSource(FieldRule(sources=(on,)), (key_header,)), **sources}
