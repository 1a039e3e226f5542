"""Cells: one period, scenario, department and account of the published data, and its value.

Belongs here: finding a cell by the codes that a person writes, querying the warehouse for it, naming members.
Does not belong here: the lines behind it (see `published_lines`, `cell_to_lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.errors import TraceError
from finance_platform.feeds.values.codes import closest_match, surrogate_key
from finance_platform.feeds.values.dates import is_valid_period
from finance_platform.trace.published_lines import LineStore, PublishedPeriod, read_period
from finance_platform.warehouse.ledger import PublishedSlice, published_slices
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

Measure = Literal["amount", "budget"]

_ACTUAL = "Actual"
_ATTEMPTS = 5


@dataclass(frozen=True)
class CellName:
    """A cell as a person names it.

    Attributes:
        period: YYYY-MM.
        department: code, in any case and spacing.
        account: number, in any case and spacing, leading zeros kept.
        scenario: name; None for Actual, or for the only scenario that has the cell.
        measure: amount, or budget: the baseline beside it.
    """

    period: str
    department: str
    account: str
    scenario: str | None = None
    measure: Measure = "amount"


@dataclass(frozen=True)
class Cell:
    """A published cell.

    Attributes:
        period: YYYY-MM.
        scenario: name.
        scenario_key: surrogate key.
        department: the member.
        account: the member.
        measure: amount or budget.
        value: SUM of the measure; 0.00 if the cell has no rows.
        line_count: SUM(TransactionCount).
        has_rows: whether the fact table has rows of the cell.
        slice: the period's row in the load ledger.
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
class EarlierTypes:
    """The types by period of accounts whose attributes changed.

    Attributes:
        spans: by account key, first period, last period and type of each span.
    """

    spans: Mapping[int, Sequence[tuple[str, str, str]]]

    def type_in(self, period: str, key: int, current: str) -> str:
        """Return the type of an account in a period; `current` is that of an account without a change."""
        types = (kind for first, last, kind in self.spans.get(key, ()) if first <= period <= last)
        return next(types, current)


@dataclass(frozen=True)
class PublishedStar:
    """The published periods and members that the lines of a file may have reached.

    Attributes:
        periods: the inputs of each published period.
        accounts: the published accounts by key, for signs and spelling.
        departments: the published departments by key.
        earlier_types: the types that accounts had in the periods.
    """

    periods: Mapping[str, PublishedPeriod]
    accounts: Mapping[int, Member]
    departments: Mapping[int, Member]
    earlier_types: EarlierTypes


def find_cell(warehouse: Queryable, name: CellName) -> Cell:
    """Return a published cell.

    Raises:
        TraceError: a code, the period or the scenario is not published; the fix names the closest match.
        NoWarehouseYetError: nothing was ever loaded.
    """
    if not is_valid_period(name.period):
        raise TraceError(f"{name.period!r} is not a valid period", fix="write it as YYYY-MM, such as 2025-06")
    department = _find_member("department", name.department, read_departments(warehouse).values())
    account = _find_member("account", name.account, read_accounts(warehouse).values())
    account_type = read_earlier_types(warehouse).type_in(name.period, account.key, account.account_type)
    account = replace(account, account_type=account_type)
    scenarios = [Member(key, code) for key, code in warehouse.query(statement(SqlFile.SCENARIO_NAMES)).rows]
    named_scenario = _find_member("scenario", name.scenario, scenarios) if name.scenario is not None else None
    for _ in range(_ATTEMPTS):
        slice_ = _published_slice(warehouse, name.period)
        rows = {row[0]: row for row in _cell_rows(warehouse, name.period, department, account)}
        # A load that ended in between has published another version than the one whose lines would be shown.
        if _published_slice(warehouse, name.period) == slice_:
            break
    scenario = named_scenario or _default_scenario(rows)
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


def read_publication(warehouse: Queryable, store: LineStore, object_key: str) -> PublishedStar:
    """Return the published periods in which any delivery of a file has lines.

    Raises:
        MissingRecordError: the inputs of a published version are not recorded.
    """
    periods_of_file = {
        count.period for commit in store.commits.values() if commit.object_key == object_key for count in commit.periods
    }
    slices = published_slices(warehouse)
    if not slices:
        return PublishedStar({}, {}, {}, EarlierTypes({}))
    periods = {
        name: read_period(store.processed, name, slice_.version)
        for (table, name), slice_ in slices.items()
        if table == FACT_FINANCIALS.name and name in periods_of_file
    }
    return PublishedStar(periods, read_accounts(warehouse), read_departments(warehouse), read_earlier_types(warehouse))


def read_departments(warehouse: Queryable) -> dict[int, Member]:
    """Return the published departments by key."""
    return {key: Member(key, code) for key, code in warehouse.query(statement(SqlFile.DEPARTMENT_CODES)).rows}


def read_accounts(warehouse: Queryable) -> dict[int, Member]:
    """Return the published accounts by key."""
    rows = warehouse.query(statement(SqlFile.ACCOUNT_NUMBERS)).rows
    return {key: Member(key, number, account_type) for key, number, account_type in rows}


def read_earlier_types(warehouse: Queryable) -> EarlierTypes:
    """Return the published types by period of accounts whose attributes changed."""
    spans: dict[int, list[tuple[str, str, str]]] = {}
    for key, first, last, account_type in warehouse.query(statement(SqlFile.EARLIER_ACCOUNT_TYPES)).rows:
        spans.setdefault(key, []).append((first, last, account_type))
    return EarlierTypes(spans)


def _find_member(dimension: str, code: str, members: Iterable[Member]) -> Member:
    by_key = {member.key: member for member in members}
    member = by_key.get(surrogate_key(code))
    if member:
        return member
    codes = [member.code for member in by_key.values()]
    closest = closest_match(code, codes)
    choices = ", ".join(codes[:10]) + (" …" if len(codes) > 10 else "")
    raise TraceError(
        f"no {dimension} {code!r} is published",
        fix=f"did you mean {closest!r}?" if closest else f"choose one of {choices}",
    )


def _published_slice(warehouse: Queryable, period: str) -> PublishedSlice:
    slices = published_slices(warehouse)
    periods = {name: slice_ for (table, name), slice_ in slices.items() if table == FACT_FINANCIALS.name}
    if period not in periods:
        span = f"{min(periods)} to {max(periods)}" if periods else "none"
        raise TraceError(f"{period} is not published", fix=f"choose one of the published periods: {span}")
    return periods[period]


def _cell_rows(warehouse: Queryable, period: str, department: Member, account: Member) -> list[tuple[Any, ...]]:
    month = int(period.replace("-", "")) * 100
    bound = {"first_date_key": month + 1, "last_date_key": month + 31}
    bound |= {"department_key": department.key, "account_key": account.key}
    return warehouse.query(statement(SqlFile.CELL), bound).rows


def _default_scenario(rows: Mapping[int, tuple[Any, ...]]) -> Member:
    """Return Actual if it has the cell or no scenario has; else the only scenario that has it."""
    scenarios = {key: Member(key, row[1]) for key, row in rows.items()}
    actual = Member(surrogate_key(_ACTUAL), _ACTUAL)
    if actual.key in scenarios or not scenarios:
        return actual
    if len(scenarios) == 1:
        return next(iter(scenarios.values()))
    names = ", ".join(member.code for member in scenarios.values())
    raise TraceError(
        f"{_ACTUAL} does not have this cell; these scenarios do: {names}", fix="choose one with --scenario"
    )
