"""Cells: one period, scenario, department and account of what is published, and its value.

Belongs here: finding a cell by the codes that a person writes, asking the warehouse for it, naming members.
Does not belong here: the lines behind it (see `published_lines`, `trace`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from finance_platform.errors import TraceError
from finance_platform.feeds.codes import closest_match, surrogate_key
from finance_platform.trace.published_lines import FACT, LineStore, PublishedPeriod, read_period
from finance_platform.warehouse.ledger import PublishedSlice, published
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

Measure = Literal["amount", "budget"]

_ACTUAL = "Actual"
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_TRIES = 5


@dataclass(frozen=True)
class CellName:
    """A cell as a person asks for it.

    Attributes:
        period: YYYY-MM.
        department: code, in any case and spacing.
        account: number, in any case and spacing, leading zeros kept.
        scenario: name; None for Actual, or for the only one that has the cell.
        measure: amount, or budget: the baseline beside it.
    """

    period: str
    department: str
    account: str
    scenario: str | None = None
    measure: Measure = "amount"


@dataclass(frozen=True)
class Cell:
    """A cell as it is published.

    Attributes:
        period: YYYY-MM.
        scenario: name.
        scenario_key: surrogate key.
        department: the member.
        account: the member.
        measure: amount or budget.
        value: SUM of the measure; 0.00 where the cell has no rows.
        line_count: SUM(TransactionCount).
        has_rows: whether the fact table has the cell at all.
        slice: what the load ledger says of the period.
    """

    period: str
    scenario: str
    scenario_key: int
    department: Member
    account: Member
    measure: Measure
    value: Decimal
    line_count: int
    has_rows: bool
    slice: PublishedSlice


@dataclass(frozen=True)
class Member:
    """A member of a dimension: key, code as it is shown, and for accounts the type."""

    key: int
    code: str
    account_type: str = ""


@dataclass(frozen=True)
class Publication:
    """What the warehouse holds, as far as lines go.

    Attributes:
        periods: what each published period was made from.
        accounts: the published accounts by key, for signs and spelling.
        departments: the published departments by key.
    """

    periods: Mapping[str, PublishedPeriod]
    accounts: Mapping[int, Member]
    departments: Mapping[int, Member]


def find_cell(warehouse: Queryable, name: CellName) -> Cell:
    """Return a cell of what is published.

    Raises:
        TraceError: a code, the period or the scenario is not there; says the closest_match that is.
        NoWarehouseYetError: nothing was ever loaded.
    """
    if not _PERIOD.fullmatch(name.period):
        raise TraceError(f"{name.period!r} is no period", fix="write it as YYYY-MM, such as 2025-06")
    department = _member("department", name.department, departments(warehouse).values())
    account = _member("account", name.account, accounts(warehouse).values())
    scenarios = {key: Member(key, code) for key, code in warehouse.query(statement(SqlFile.SCENARIO_NAMES)).rows}
    asked = _member("scenario", name.scenario, scenarios.values()) if name.scenario is not None else None
    for _ in range(_TRIES):
        slice_ = _slice(warehouse, name.period)
        rows = {row[0]: row for row in _rows(warehouse, name.period, department, account)}
        # A load that ended in between has published another version than the one whose lines would be shown.
        if _slice(warehouse, name.period) == slice_:
            break
    scenario = asked or _usual_scenario(rows)
    _, _, lines, amount, budget = rows.get(scenario.key, (0, "", 0, Decimal("0.00"), Decimal("0.00")))
    return Cell(
        name.period,
        scenario.code,
        scenario.key,
        department,
        account,
        name.measure,
        amount if name.measure == "amount" else budget,
        lines,
        scenario.key in rows,
        slice_,
    )


def read_publication(warehouse: Queryable, store: LineStore, object_key: str) -> Publication:
    """Return what is published of the periods that any delivery of a file has lines in.

    Raises:
        MissingRecordError: the lake no longer knows what was published.
    """
    reached = {
        count.period for commit in store.commits.values() if commit.object_key == object_key for count in commit.periods
    }
    slices = published(warehouse)
    if not slices:
        return Publication({}, {}, {})
    periods = {
        name: read_period(store.processed, name, found.version)
        for (table, name), found in slices.items()
        if table == FACT and name in reached
    }
    return Publication(periods, accounts(warehouse), departments(warehouse))


def departments(warehouse: Queryable) -> dict[int, Member]:
    """Return the departments that are published, by key."""
    return {key: Member(key, code) for key, code in warehouse.query(statement(SqlFile.DEPARTMENT_CODES)).rows}


def accounts(warehouse: Queryable) -> dict[int, Member]:
    """Return the accounts that are published, by key."""
    return {key: Member(key, *said) for key, *said in warehouse.query(statement(SqlFile.ACCOUNT_NUMBERS)).rows}


def _member(what: str, written: str, members: Iterable[Member]) -> Member:
    by_key = {member.key: member for member in members}
    found = by_key.get(surrogate_key(written))
    if found:
        return found
    codes = [member.code for member in by_key.values()]
    near = closest_match(written, codes)
    few = ", ".join(codes[:10]) + (" …" if len(codes) > 10 else "")
    raise TraceError(
        f"no {what} {written!r} is published", fix=f"did you mean {near!r}?" if near else f"choose one of {few}"
    )


def _slice(warehouse: Queryable, period: str) -> PublishedSlice:
    periods = {name: found for (table, name), found in published(warehouse).items() if table == FACT}
    if period not in periods:
        span = f"{min(periods)} to {max(periods)}" if periods else "none"
        raise TraceError(f"nothing is published of {period}", fix=f"periods that are published: {span}")
    return periods[period]


def _rows(warehouse: Queryable, period: str, department: Member, account: Member) -> list[tuple[Any, ...]]:
    month = int(period.replace("-", "")) * 100
    bound = {"first_date_key": month + 1, "last_date_key": month + 31}
    bound |= {"department_key": department.key, "account_key": account.key}
    return warehouse.query(statement(SqlFile.CELL), bound).rows


def _usual_scenario(rows: Mapping[int, tuple[Any, ...]]) -> Member:
    """Return Actual where it has the cell, or nobody has; else the only scenario that has it."""
    found = {key: Member(key, row[1]) for key, row in rows.items()}
    actual = Member(surrogate_key(_ACTUAL), _ACTUAL)
    if actual.key in found or not found:
        return actual
    if len(found) == 1:
        return next(iter(found.values()))
    names = ", ".join(member.code for member in found.values())
    raise TraceError(f"{_ACTUAL} has no such cell, others do: {names}", fix="choose one with --scenario")
