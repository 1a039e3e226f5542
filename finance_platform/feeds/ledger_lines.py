"""From raw rows to ledger lines: the rules of a ledger feed, on Arrow batches.

Belongs here: what makes a row a ledger line, and the reasons when it is none.
Does not belong here: rules that need more than one row, such as repeated keys (see `transforms`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds import amounts, dates
from finance_platform.feeds.cells import FieldSource, RawBatch, bind_fields, blank_to_null, field_texts, map_distinct
from finance_platform.feeds.codes import (
    ACCOUNT_TYPES,
    MAX_CODE_BYTES,
    SCENARIO_TYPES,
    clean,
    closest_match,
    fold,
    joined_key,
    scenario_name,
    scenario_type,
    short_name,
    surrogate_key,
)
from finance_platform.feeds.file_names import covered_periods
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.violations import Mask, RuleViolations, blank_rows, mask_of, shown

DEFAULT_DATE_FORMATS = ("yyyy-MM-dd",)
DEFAULT_PERIOD_FORMATS = ("yyyy-MM", "yyyyMM")
_CODE_COLUMNS = {"department": "department_code", "account": "account_number", "scenario": "scenario"}
_ATTRIBUTES = ("department_name", "business_unit", "account_name", "account_category")


class LedgerLines:
    """Turns the raw batches of one file into typed rows, each accepted, rejected or skipped."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "") -> None:
        """Bind the feed's fields to a file's header, and the periods that its name declares.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not declare periods as the descriptor says.
        """
        self._rules = feed.rules
        self._sources = bind_fields(feed.rules, header)
        self.covers = tuple(covered_periods(feed.rules.covers, object_key)) if feed.rules.covers else ()

    def type_batch(self, batch: RawBatch) -> tuple[dict[str, pa.Array], amounts.ParsedAmounts]:
        """Return the typed columns of every row, and the amounts as they were before any rule."""
        findings = RuleViolations(batch, blank_rows(batch))
        findings.add("malformed_row", mask_of(pc.is_valid(batch.problems)), lambda i: str(batch.problems[i].as_py()))
        texts = {name: field_texts(source, batch) for name, source in self._sources.items() if name != "amount"}
        parsed = self._amounts(batch, findings)
        columns: dict[str, pa.Array] = {"amount": parsed.values}
        columns |= self._scenario(texts, findings)
        columns |= self._dates(texts, columns["scenario_type"], findings)
        self._check_covers(columns["period"], findings)
        columns |= self._code(texts, "department", "department_code", findings)
        columns |= self._code(texts, "account", "account_number", findings)
        columns |= self._attributes(texts, findings)
        self._check_currency(texts, findings)
        columns |= self._key(texts, columns, findings)
        columns["scope_key"] = self._scope(columns)
        columns["is_debit_positive"] = pa.repeat(pa.scalar(self._rules.is_debit_positive), len(batch))
        return columns | findings.columns(), parsed

    def _amounts(self, batch: RawBatch, findings: RuleViolations) -> amounts.ParsedAmounts:
        source = self._sources["amount"]
        rule = source.rule
        if rule.debit is None:
            texts = field_texts(source, batch)
            parsed = amounts.parse_amounts(texts, rule.decimal, rule.thousands)
            blank = pc.is_null(texts)
            _reject_amounts(findings, texts, parsed.values, blank)
            return parsed
        debit, credit = (blank_to_null(batch.columns[header]) for header in source.headers)
        return _debit_less_credit(debit, credit, source, findings)

    def _scenario(self, texts: dict[str, pa.Array], findings: RuleViolations) -> dict[str, pa.Array]:
        declared = self._rules.scenarios
        written = texts["scenario"]
        kinds = map_distinct(written, lambda text: scenario_type(text, declared), pa.string())
        findings.add("blank_scenario", mask_of(pc.is_null(written)), lambda _: "scenario is blank")

        def undeclared(position: int) -> str:
            text = str(written[position].as_py())
            near = closest_match(text, (*declared, *SCENARIO_TYPES))
            return f"scenario: {shown(text)} is not declared" + (f"; did you mean {near!r}?" if near else "")

        findings.add("undeclared_scenario", mask_of(pc.and_(pc.is_valid(written), pc.is_null(kinds))), undeclared)
        names = map_distinct(written, lambda text: scenario_name(text, declared), pa.string())
        reject_long_codes(findings, "scenario", names)
        return {
            "scenario": names,
            "scenario_type": kinds,
            "scenario_key": map_distinct(names, surrogate_key, pa.int64()),
        }

    def _dates(
        self, texts: dict[str, pa.Array], scenario_types: pa.Array, findings: RuleViolations
    ) -> dict[str, pa.Array]:
        days = self._days("date", texts["date"], DEFAULT_DATE_FORMATS, findings)
        periods = _periods(days)
        posting = days
        if "period" in texts:
            firsts = self._days("period", texts["period"], DEFAULT_PERIOD_FORMATS, findings)
            periods = _periods(firsts)
            posting = _nearest_days(days, periods)
        first_days = map_distinct(periods, dates.first_day, pa.date32())
        posting = pc.if_else(pc.equal(scenario_types, "Actual"), posting, first_days)
        return {"document_date": days, "posting_date": posting, "period": periods}

    def _check_covers(self, periods: pa.Array, findings: RuleViolations) -> None:
        if not self.covers:
            return
        declared = self.covers[0] if len(self.covers) == 1 else f"{self.covers[0]} to {self.covers[-1]}"
        is_outside = pc.and_(pc.is_valid(periods), pc.invert(pc.is_in(periods, pa.array(self.covers, pa.string()))))
        findings.add(
            "outside_covered_periods",
            mask_of(is_outside),
            lambda i: f"period: {periods[i].as_py()} is not in {declared}, which the file's name says it covers",
        )

    def _days(self, name: str, written: pa.Array, default: tuple[str, ...], findings: RuleViolations) -> pa.Array:
        patterns = self._rules.fields[name].formats if name in self._rules.fields else ()
        patterns = patterns or default
        days = map_distinct(written, lambda text: dates.parse_date(clean(text), patterns), pa.date32())
        findings.add(f"blank_{name}", mask_of(pc.is_null(written)), lambda _: f"{name} is blank")
        findings.add(
            f"invalid_{name}",
            mask_of(pc.and_(pc.is_valid(written), pc.is_null(days))),
            lambda i: f"{name}: {shown(written[i].as_py())} is no date of the form {' or '.join(patterns)}",
        )
        earliest, latest = (date.fromisoformat(day) for day in (self._rules.earliest_date, self._rules.latest_date))
        outside = pc.or_(pc.less(days, pa.scalar(earliest)), pc.greater(days, pa.scalar(latest)))
        findings.add(
            f"{name}_out_of_range",
            mask_of(outside),
            lambda i: f"{name}: {days[i].as_py()} is outside the accepted range {earliest} to {latest}",
        )
        return days

    def _code(
        self, texts: dict[str, pa.Array], name: str, column: str, findings: RuleViolations
    ) -> dict[str, pa.Array]:
        written = texts[name]
        codes = map_distinct(written, clean, pa.string())
        findings.add(f"blank_{name}", mask_of(pc.is_null(written)), lambda _: f"{name} is blank")
        reject_long_codes(findings, name, codes)
        return {column: codes, column.split("_")[0] + "_key": map_distinct(codes, surrogate_key, pa.int64())}

    def _attributes(self, texts: dict[str, pa.Array], findings: RuleViolations) -> dict[str, pa.Array]:
        nothing = pa.nulls(len(findings.batch), pa.string())
        columns = {
            name: map_distinct(texts[name], short_name, pa.string()) if name in texts else nothing
            for name in _ATTRIBUTES
        }
        columns["account_type"] = (
            checked_choice(findings, "account_type", texts["account_type"], ACCOUNT_TYPES)
            if "account_type" in texts
            else nothing
        )
        columns["description"] = texts.get("description", nothing)
        columns["transaction_id"] = texts.get("transaction_id", nothing)
        return columns

    def _check_currency(self, texts: dict[str, pa.Array], findings: RuleViolations) -> None:
        if "currency" not in texts:
            return
        written, wanted = texts["currency"], self._rules.currency
        is_other = map_distinct(written, lambda text: fold(text) != fold(wanted), pa.bool_())
        findings.add(
            "foreign_currency",
            mask_of(is_other),
            lambda i: f"currency: {shown(written[i].as_py())}, but this home keeps its books in {wanted}",
        )

    def _key(
        self, texts: dict[str, pa.Array], columns: dict[str, pa.Array], findings: RuleViolations
    ) -> dict[str, pa.Array]:
        if not self._rules.key:
            return {"line_key": pa.nulls(len(findings.batch), pa.string())}
        parts = [_canonical(name, texts, columns) for name in self._rules.key]
        for name, part in zip(self._rules.key, parts, strict=True):
            if name not in {"date", "department", "account", "scenario", "period"}:
                findings.add(f"blank_{name}", mask_of(pc.is_null(part)), _always(f"{name} is blank, but is the key"))
        if len(parts) == 1:
            return {"line_key": parts[0]}
        rows = zip(*(part.to_pylist() for part in parts), strict=True)
        keys = [joined_key(row) if None not in row else None for row in rows]
        return {"line_key": pa.array(keys, pa.string())}

    def _scope(self, columns: dict[str, pa.Array]) -> pa.Array:
        """Return what a line's delivery replaces within its period; null where the feed has no scope."""
        if not self._rules.scope:
            return pa.nulls(len(columns["period"]), pa.string())
        parts = [map_distinct(columns[_scope_column(name)], fold, pa.string()) for name in self._rules.scope]
        # A blank business unit is a scope of its own.
        rows = zip(*(part.fill_null("").to_pylist() for part in parts), strict=True)
        return pa.array([joined_key(row) for row in rows], pa.string())


def _scope_column(name: str) -> str:
    return _CODE_COLUMNS.get(name, name)


def _always(reason: str) -> Callable[[int], str]:
    return lambda _: reason


def _canonical(name: str, texts: dict[str, pa.Array], columns: dict[str, pa.Array]) -> pa.Array:
    """Return a field as it counts in a key: the same day, period or code is one text, however it is written."""
    if name in _CODE_COLUMNS:
        return map_distinct(columns[_CODE_COLUMNS[name]], fold, pa.string())
    if name == "date":
        return pc.cast(columns["document_date"], pa.string())
    return columns["period"] if name == "period" else texts[name]


def reject_long_codes(findings: RuleViolations, name: str, codes: pa.Array) -> None:
    """Find codes that the warehouse's column cannot hold; cutting them could make two codes one."""
    too_long = pc.greater(pc.binary_length(codes), MAX_CODE_BYTES)
    findings.add(
        f"{name}_too_long",
        mask_of(too_long),
        lambda i: f"{name}: {shown(codes[i].as_py())} is longer than {MAX_CODE_BYTES} bytes",
    )


def checked_choice(findings: RuleViolations, name: str, written: pa.Array, allowed: tuple[str, ...]) -> pa.Array:
    """Return the allowed spelling of each text; what is not allowed is found, blank stays null."""
    by_folded = {fold(value): value for value in allowed}
    values = map_distinct(written, lambda text: by_folded.get(fold(text)), pa.string())
    findings.add(
        f"unknown_{name}",
        mask_of(pc.and_(pc.is_valid(written), pc.is_null(values))),
        lambda i: f"{name}: {shown(written[i].as_py())} is not one of {', '.join(allowed)}; map it in the descriptor",
    )
    return values


def _reject_amounts(findings: RuleViolations, texts: pa.Array, values: pa.Array, blank: pa.Array) -> None:
    findings.add("blank_amount", mask_of(blank), lambda _: "amount is blank")
    findings.add(
        "invalid_amount",
        mask_of(pc.and_(pc.invert(blank), pc.is_null(values))),
        lambda i: f"amount: {shown(texts[i].as_py())} is no amount",
    )


def _debit_less_credit(
    debit: pa.Array, credit: pa.Array, source: FieldSource, findings: RuleViolations
) -> amounts.ParsedAmounts:
    """Return Dr - Cr; a blank side counts as nothing, two blank sides as a blank amount."""
    rule = source.rule
    sides = [amounts.parse_amounts(side, rule.decimal, rule.thousands) for side in (debit, credit)]
    bad: Mask = np.zeros(len(debit), dtype=np.bool_)
    for texts, side in zip((debit, credit), sides, strict=True):
        bad |= mask_of(pc.and_(pc.is_valid(texts), pc.is_null(side.values)))
    blank = mask_of(pc.and_(pc.is_null(debit), pc.is_null(credit)))
    zero = pa.scalar(0, amounts.MONEY_TYPE)
    difference = pc.subtract(*(pc.fill_null(side.values, zero) for side in sides))
    bad |= mask_of(pc.greater_equal(pc.abs(difference), pa.scalar(amounts.LIMIT, difference.type)))
    findings.add("blank_amount", blank, lambda _: f"both {source.headers[0]} and {source.headers[1]} are blank")
    findings.add(
        "invalid_amount",
        bad,
        lambda i: f"amount: {shown(debit[i].as_py())} or {shown(credit[i].as_py())} is no amount",
    )
    counted = pc.if_else(pa.array(bad | blank), pa.scalar(None, difference.type), difference)
    return _without_bad_rows(pc.cast(counted, amounts.MONEY_TYPE), sides, bad)


def _without_bad_rows(values: pa.Array, sides: list[amounts.ParsedAmounts], bad: Mask) -> amounts.ParsedAmounts:
    # A row with one bad side has no amount at all, so the good side's money is not counted either.
    lost = [pc.sum(pc.filter(side.values, pa.array(bad))).as_py() or 0 for side in sides]
    debit, credit = (amounts.EXACT.subtract(side.exact_total, money) for side, money in zip(sides, lost, strict=True))
    rounding = amounts.EXACT.subtract(sides[0].rounding, sides[1].rounding)
    return amounts.ParsedAmounts(values, amounts.EXACT.subtract(debit, credit), rounding)


def _periods(days: pa.Array) -> pa.Array:
    return map_distinct(days, dates.period_of, pa.string())


def _nearest_days(days: pa.Array, periods: pa.Array) -> pa.Array:
    pairs = zip(days.to_pylist(), periods.to_pylist(), strict=True)
    nearest_days = [dates.nearest_day(day, period) if day and period else None for day, period in pairs]
    return pa.array(nearest_days, pa.date32())
