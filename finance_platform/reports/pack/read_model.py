"""Reading a pack's figures from the warehouse's views.

Belongs here: the queries, and the choice of period, scenario and reference that a person left open. Does not belong
here: the definition of a figure (see `sql/views`), the state of the files (see `reliability`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.views import PRIOR_YEAR
from finance_platform.errors import ReportError
from finance_platform.feeds.values.codes import fold
from finance_platform.reports.history import UNVERIFIED, amounts_in_words
from finance_platform.reports.pack.accounts import ACCOUNT_ROWS, STATEMENT_ROWS, PackAccounts, statement_of
from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.model import (
    ACTUAL,
    NOTHING_SELECTED,
    Cell,
    Choice,
    Comment,
    FeedLines,
    LineFigure,
    LoadStamp,
    Movement,
    Pack,
    PackDecision,
    PackDepartment,
    PackPeriod,
    PackScenario,
    PackSelection,
    Reliability,
    Threshold,
    references,
    year_after,
)
from finance_platform.reports.restatements import read_restatements
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import ColumnQueryable, Queryable
from finance_platform.warehouse.statements import SqlFile, statement

YEARS_BACK = 3
"""Fiscal years before the choice's that a pack has; all but the first can be selected, each with its prior year."""

_SHOWN_CHOICES = 12


def read_pack(
    warehouse: Queryable,
    selection: PackSelection = NOTHING_SELECTED,
    *,
    entity: str,
    currency: str,
    reliability: Reliability | None,
    movements: Sequence[Movement],
    beside: Executor | None = None,
) -> Pack:
    """Return the pack of what is published.

    Args:
        warehouse: the warehouse; of a reader with row-level security, only what they may see.
        selection: what the pack is to be about.
        entity: the name of the company.
        currency: ISO 4217.
        reliability: the state of the home, which is left out of the pack of one business unit.
        movements: what the latest load changed, likewise.
        beside: where the longest query runs beside the others, if the warehouse answers two at once.

    Raises:
        NoWarehouseYetError: nothing was ever loaded.
        ReportError: there is no such period, reference or business unit.
    """
    calendar = [PackPeriod(*row) for row in warehouse.query(statement(SqlFile.PACK_PERIODS)).rows]
    scenarios = _scenarios(warehouse.query(statement(SqlFile.PACK_SCENARIOS)).rows)
    departments = _departments(warehouse, selection.unit)
    choice = _choose(calendar, scenarios, departments, selection)
    periods = _periods_of_pack(calendar, choice.period)
    bounds = {
        "unit": choice.unit,
        "first_period": periods[0].name if periods else "",
        "last_period": periods[-1].name if periods else "",
    }
    profit_and_loss = beside.submit(_profit_and_loss, warehouse, choice) if beside else None
    cells = _cells(warehouse, bounds)
    rows = _of_accounts(warehouse, SqlFile.PACK_STATEMENT, STATEMENT_ROWS, cells)
    outlook = dict(warehouse.query(statement(SqlFile.PACK_OUTLOOK)).rows)
    # What the home compares with and expects is shown, although a business unit may have no line of it.
    shown_scenarios = cells.used_scenarios | set(outlook.values())
    chosen_scenarios = {choice.scenario, choice.reference}
    pack = Pack(
        entity=entity,
        currency=currency,
        choice=choice,
        stamp=_stamp(warehouse),
        periods=periods,
        scenarios=tuple(one for one in scenarios if one.key in shown_scenarios or one.name in chosen_scenarios),
        departments=departments,
        accounts=PackAccounts.of_rows(_of_accounts(warehouse, SqlFile.PACK_ACCOUNTS, ACCOUNT_ROWS, cells), rows),
        statement=statement_of(rows),
        cells=cells,
        outlook=outlook,
        profit_and_loss=profit_and_loss.result() if profit_and_loss else _profit_and_loss(warehouse, choice),
        thresholds=_thresholds(warehouse),
        comments=tuple(
            Comment(*row[:3], *(text or "" for text in row[3:]))
            for row in warehouse.query(statement(SqlFile.PACK_COMMENTS), bounds).rows
        ),
    )
    if choice.unit:  # the rest is about the whole home
        return pack
    return replace(
        pack,
        reliability=reliability,
        movements=tuple(movements),
        feeds=_feeds(warehouse, choice.period),
        restatements=tuple(read_restatements(warehouse)),
        decisions=tuple(_decisions(warehouse, currency)),
    )


def _cells(warehouse: Queryable, bounds: Mapping[str, object]) -> Amounts:
    if isinstance(warehouse, ColumnQueryable):
        return Amounts.of_table(warehouse.query_columns(statement(SqlFile.PACK_CELLS), bounds))
    return Amounts.of([Cell(*row) for row in warehouse.query(statement(SqlFile.PACK_CELLS), bounds).rows])


def _of_accounts(warehouse: Queryable, file: SqlFile, schema: pa.Schema, amounts: Amounts) -> pa.Table:
    """Return the rows of a query that are about accounts with an amount; some hundred thousand in a large home."""
    if isinstance(warehouse, ColumnQueryable):
        table = warehouse.query_columns(statement(file)).rename_columns(schema.names).cast(schema)
    else:
        rows = warehouse.query(statement(file)).rows
        table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    return table.filter(pc.is_in(table["key"], pa.array(amounts.accounts)))


def _choose(
    calendar: Sequence[PackPeriod],
    scenarios: Sequence[PackScenario],
    departments: Sequence[PackDepartment],
    selection: PackSelection,
) -> Choice:
    scenario = _reported(scenarios)
    name = scenario.name if scenario else ""
    chosen = _period(calendar, scenario, selection.period)
    offered = references(scenarios, name)
    if selection.reference:
        reference = _named(offered, selection.reference)
    else:
        reference = _best(offered, scenarios, name, _year_to_date(calendar, chosen))
    # As the warehouse writes it.
    unit = departments[0].unit if selection.unit else ""
    return Choice(period=chosen, scenario=name, reference=reference, unit=unit)


def _reported(scenarios: Sequence[PackScenario]) -> PackScenario | None:
    """Return Actual, else the baseline, else the plan that covers the latest period."""
    covering = [one for one in scenarios if one.covered]
    return max(
        covering,
        key=lambda one: (one.type == ACTUAL, one.is_baseline, max(one.covered), len(one.covered)),
        default=None,
    )


def _period(calendar: Sequence[PackPeriod], scenario: PackScenario | None, wanted: str) -> str:
    covered = scenario.covered if scenario else frozenset()
    if wanted:
        names = [period.name for period in calendar]
        if wanted not in names:
            raise ReportError(
                f"there is no period {wanted!r}; the warehouse has {_listed(names[::-1])}",
                fix="give one of these periods to --period, as YYYY-MM"
                if names
                else "`finance-platform run` publishes the lines of files in raw/",
            )
        return wanted
    complete = [period.name for period in calendar if period.is_complete and period.name in covered]
    return max(complete, default=max(covered, default=""))


def _year_to_date(calendar: Sequence[PackPeriod], chosen: str) -> set[str]:
    year = next((period.fiscal_year for period in calendar if period.name == chosen), None)
    return {period.name for period in calendar if period.fiscal_year == year and period.name <= chosen}


def _best(offered: Sequence[str], scenarios: Sequence[PackScenario], scenario: str, periods: set[str]) -> str:
    """Return the first reference that covers one of the periods, or of those a year before; blank without one."""
    covered = {one.name: one.covered for one in scenarios}
    covered[PRIOR_YEAR] = frozenset(year_after(period) for period in covered.get(scenario, ()))
    return next((name for name in offered if covered[name] & periods), "")


def _named(offered: Sequence[str], wanted: str) -> str:
    found = next((name for name in offered if fold(name) == fold(wanted)), None)
    if found is None:
        raise ReportError(
            f"there is no reference {wanted!r}; the reported scenario can be compared with {_listed(offered)}",
            fix="give one of these names to --reference"
            if offered
            else "leave out --reference; a budget, a forecast or the year before gives one",
        )
    return found


def _departments(warehouse: Queryable, unit: str) -> tuple[PackDepartment, ...]:
    """Return the departments of a business unit, or all; a parent in another unit is not named."""
    rows = warehouse.query(statement(SqlFile.PACK_DEPARTMENTS), {"unit": ""}).rows
    if unit:
        units = {row[3] for row in rows}
        found = next((name for name in units if fold(name) == fold(unit)), None)
        if found is None:
            raise ReportError(
                f"there is no business unit {unit!r}; the warehouse has {_listed(sorted(units))}",
                fix="give one of these names to --unit; a departments file gives departments their business units",
            )
        rows = [row for row in rows if row[3] == found]
    codes = {fold(row[1]): row[1] for row in rows}
    return tuple(
        PackDepartment(key, code, name, of_unit, codes.get(fold(parent or ""), ""), is_inferred)
        for key, code, name, of_unit, parent, is_inferred in rows
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_CHOICES])
    rest = len(names) - _SHOWN_CHOICES
    return f"{shown} and {rest:,} more" if rest > 0 else shown or "none"


def _periods_of_pack(calendar: Sequence[PackPeriod], chosen: str) -> tuple[PackPeriod, ...]:
    """Return the periods of the choice's fiscal year and of the years before that the pages compare."""
    year = next((period.fiscal_year for period in calendar if period.name == chosen), None)
    if year is None:
        return ()
    return tuple(period for period in calendar if year - YEARS_BACK <= period.fiscal_year <= year)


def _scenarios(rows: Sequence[tuple[Any, ...]]) -> tuple[PackScenario, ...]:
    covered: dict[tuple[int, str, str, bool], set[str]] = {}
    for key, name, kind, is_baseline, period in rows:
        periods = covered.setdefault((key, name, kind, is_baseline), set())
        if period is not None:
            periods.add(period)
    return tuple(PackScenario(*scenario, covered=frozenset(periods)) for scenario, periods in covered.items())


def _profit_and_loss(warehouse: Queryable, choice: Choice) -> tuple[LineFigure, ...]:
    rows = warehouse.query(statement(SqlFile.PACK_PROFIT_AND_LOSS), _bound(choice)).rows
    return tuple(LineFigure(*row) for row in rows)


def _bound(choice: Choice) -> Mapping[str, object]:
    return {
        "period": choice.period,
        "scenario": choice.scenario,
        "reference": choice.reference or PRIOR_YEAR,
        "unit": choice.unit,
    }


def _thresholds(warehouse: Queryable) -> dict[int | None, Threshold]:
    rows = warehouse.query(statement(SqlFile.PACK_MATERIALITY)).rows
    return {account: Threshold(Decimal(amount), Decimal(percent)) for account, amount, percent in rows}


def _feeds(warehouse: Queryable, period: str) -> tuple[FeedLines, ...]:
    return tuple(FeedLines(*row) for row in warehouse.query(statement(SqlFile.PACK_FEEDS), {"period": period}).rows)


def _decisions(warehouse: Queryable, currency: str) -> Iterator[PackDecision]:
    """Yield the decisions, the newest first; amounts of scenarios, types and units are never added up."""
    rows = warehouse.query(statement(SqlFile.PACK_DECISIONS)).rows
    for _, group in groupby(rows, key=lambda row: row[0]):
        of_decision = list(group)
        number, at, action, is_proposal, subject, who, identified_by, prepared_by, why, waived = of_decision[0][:10]
        opening_of, late_periods, booked_in = of_decision[0][10:13]
        yield PackDecision(
            number,
            at,
            action,
            is_proposal,
            subject or "",
            f"{who} (unverified)" if identified_by == UNVERIFIED else who,
            prepared_by or "",
            why,
            waived or "",
            opening_of or "",
            late_periods or "",
            booked_in or "",
            amounts_in_words((row[13:] for row in of_decision), currency),
        )


def _stamp(warehouse: Queryable) -> LoadStamp:
    slices = published_slices(warehouse)
    versions = "\n".join(f"{table} {name} {one.version}" for (table, name), one in sorted(slices.items()))
    last = max(slices.values(), key=lambda one: one.load_number, default=None)
    return LoadStamp(
        number=last.load_number if last else 0,
        loaded_at=last.loaded_at if last else None,
        version=hashlib.sha256(versions.encode()).hexdigest()[:12],
    )
