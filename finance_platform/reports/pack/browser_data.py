"""A pack as the browser receives it: one document of names and whole cents.

Belongs here: the document's shape and its size. Does not belong here: sums (the page's scripts add up what is here),
markup (see `page`).

A filter changes which of these rows are added up, never how. So the document says which account is on which line, which
scenario covers which month and which month takes its amounts from which scenario; a script decides none of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from finance_platform.cent_columns import exact_sum, run_starts
from finance_platform.contracts.views import PRIOR_YEAR
from finance_platform.feeds.values.codes import fold, fold_name
from finance_platform.reports.pack.accounts import PackAccounts
from finance_platform.reports.pack.amounts import Amounts, divided
from finance_platform.reports.pack.model import (
    ACTUAL,
    Comment,
    Pack,
    PackDepartment,
    PackPeriod,
    PackScenario,
    StatementRow,
    Threshold,
    is_capex,
    references,
)
from finance_platform.reports.variance import line_of_category
from finance_platform.safe_text import printable_line, quote_name, spreadsheet_cell

ALL_UNITS, IS_PRIOR_YEAR, NO_REFERENCE = -1, -1, -2
"""Positions that stand for no business unit in particular, the prior year, and nothing to compare with."""

MAX_AMOUNTS = 250_000
"""Amounts that a page holds, some 2 MB; see `browser_data`."""

DEFAULT_THRESHOLD = Threshold(Decimal(25_000), Decimal(3))
"""Materiality in a home that has set none."""

_CENTS = 100
_LEAST_YEARS = 2
_MAX_EXACT = 2**53
_UNITS = ((Decimal(1_000_000_000), 1_000_000, "millions"), (Decimal(1_000_000), 1_000, "thousands"))
_CODES = {"Actual": "AC", "Budget": "BU", "Forecast": "FC"}
_SUBTOTALS = {
    "Revenue, net": "revenue",
    "Gross profit": "gross",
    "Operating profit": "profit",
    "Profit after unclassified": "result",
}
_UNCLASSIFIED = "Unclassified"


@dataclass(frozen=True)
class _Line:
    """A line that amounts are added up on: one of the statement, or one outside of profit."""

    name: str
    sign: int


@dataclass(frozen=True)
class _Positions:
    """The places of scenarios, departments and accounts by key, and of periods by name."""

    scenarios: Mapping[int, int]
    departments: Mapping[int, int]
    accounts: Mapping[int, int]
    periods: Mapping[str, int]

    @classmethod
    def of(cls, pack: Pack) -> _Positions:
        return cls(
            scenarios={one.key: index for index, one in enumerate(pack.scenarios)},
            departments={one.key: index for index, one in enumerate(pack.departments)},
            accounts={key: index for index, key in enumerate(PackAccounts.of(pack.accounts).keys)},
            periods={one.name: index for index, one in enumerate(pack.periods)},
        )


def browser_data(pack: Pack, max_amounts: int = MAX_AMOUNTS) -> dict[str, Any]:
    """Return the document; its texts are printable, and its amounts whole numbers.

    Args:
        pack: the figures.
        max_amounts: with more amounts, the earliest fiscal years are left out, down to the choice's and the one before;
            with more still, departments are added up to their business units.
    """
    accounts = PackAccounts.of(pack.accounts)
    pack = _in_fewer_years(replace(pack, accounts=accounts, cells=Amounts.of(pack.cells)), max_amounts)
    is_detailed = len(pack.cells) <= max_amounts
    if not is_detailed:
        pack = _by_unit(pack)
    lines, line_of, of_capex = _lines(pack.statement, accounts)
    positions = _Positions.of(pack)
    units = sorted({one.unit for one in _departments_with_cells(pack)})
    amounts = Amounts.of(pack.cells)
    cents = _cents(amounts)
    unit, unit_name = _unit(pack)
    return {
        "entity": printable_line(pack.entity),
        "currency": pack.currency,
        "cents": cents,
        "unit": unit,
        "traceOptions": "" if pack.attributes == "as-was" else f" --attributes {pack.attributes}",
        "unitName": f"{pack.currency} {unit_name}".strip(),
        "isDetailed": is_detailed,
        "isOneUnit": bool(pack.choice.unit),
        "subject": next((index for index, one in enumerate(pack.scenarios) if one.name == pack.choice.scenario), 0),
        "subjectIsActual": pack.choice.scenario == ACTUAL,
        "selection": {
            "period": positions.periods.get(pack.choice.period, 0),
            "reference": _reference(pack, pack.choice.reference),
            "unit": 0 if pack.choice.unit else ALL_UNITS,
        },
        "selectable": _selectable(pack),
        "references": [
            *(_reference(pack, name) for name in references(pack.scenarios, pack.choice.scenario)),
            NO_REFERENCE,
        ],
        "periods": [_period(one) for one in pack.periods],
        "scenarios": [_scenario(one, pack) for one in pack.scenarios],
        "units": [printable_line(name) for name in units],
        "unitShells": [quote_name(name) for name in units],
        "departments": _departments(pack, units),
        "accounts": list(_accounts(accounts, line_of, pack.thresholds, cents)),
        "lines": [{"name": printable_line(line.name), "sign": line.sign} for line in lines],
        "statement": _statement(pack.statement),
        "rows": _roles(pack),
        "capex": sorted(of_capex),
        "outlook": [positions.scenarios.get(pack.outlook.get(one.name, 0), -1) for one in pack.periods],
        "materiality": {
            **_threshold(pack.thresholds.get(None, DEFAULT_THRESHOLD), cents),
            "isDefault": None not in pack.thresholds,
        },
        "comments": _comments(pack.comments, positions) if is_detailed else [],
        "series": list(_series(amounts, positions, cents)),
    }


def guarded_texts(texts: Iterable[str]) -> dict[str, str]:
    """Return the texts that a spreadsheet would evaluate, each with the text that it shows instead."""
    return dict(sorted((text, safe) for text in set(texts) if (safe := spreadsheet_cell(text)) != text))


def texts_of(document: object) -> Iterator[str]:
    """Yield every text of a document, in any order."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def _in_fewer_years(pack: Pack, max_amounts: int) -> Pack:
    """Return the pack without its earliest fiscal years, as long as it has too many amounts and more than two years."""
    years = sorted({one.fiscal_year for one in pack.periods})
    if len(pack.cells) <= max_amounts or len(years) <= _LEAST_YEARS:
        return pack
    periods = tuple(one for one in pack.periods if one.fiscal_year > years[0])
    first, amounts = min(one.name for one in periods), Amounts.of(pack.cells)
    later = {name for name in amounts.names if name >= first}
    kept = replace(pack, periods=periods, cells=amounts.where(amounts.are_in(later)))
    return _in_fewer_years(kept, max_amounts)


def _by_unit(pack: Pack) -> Pack:
    """Return the pack with one department for each business unit."""
    units = {one.key: one.unit for one in pack.departments}
    keys = {unit: number for number, unit in enumerate(sorted(set(units.values())))}
    return replace(
        pack,
        departments=tuple(PackDepartment(key, unit, unit, unit, "", is_inferred=False) for unit, key in keys.items()),
        cells=Amounts.of(pack.cells).by({department: keys[unit] for department, unit in units.items()}),
    )


def _departments_with_cells(pack: Pack) -> list[PackDepartment]:
    used = Amounts.of(pack.cells).used_departments
    return [one for one in pack.departments if one.key in used]


def _departments(pack: Pack, units: Sequence[str]) -> list[dict[str, Any]]:
    """Return the departments; one without an amount has no business unit among the filters, and is never shown."""
    codes = {fold(one.code): index for index, one in enumerate(pack.departments)}
    positions = {unit: index for index, unit in enumerate(units)}
    return [
        {
            "code": printable_line(one.code),
            "name": printable_line(one.name),
            "unit": positions.get(one.unit, -2),
            "parent": codes.get(fold(one.parent), -1) if one.parent else -1,
            "shell": quote_name(one.code),
        }
        for one in pack.departments
    ]


def _period(period: PackPeriod) -> dict[str, Any]:
    return {
        "name": period.name,
        "year": period.fiscal_year,
        "month": period.fiscal_period,
        "complete": period.is_complete,
        "closed": period.is_closed,
        "actual": period.has_actual,
    }


def _statement(rows: Sequence[StatementRow]) -> list[dict[str, Any]]:
    """Return the rows of the statement; a subtotal names the lines that it adds up by their places among all lines."""
    lines = {row.order: index for index, row in enumerate(row for row in rows if not row.is_subtotal)}
    return [
        {
            "label": printable_line(row.label),
            "shell": quote_name(row.label),
            "isSubtotal": row.is_subtotal,
            "sign": row.sign,
            "parts": [[lines[order], factor] for order, factor in row.parts],
        }
        for row in rows
    ]


def _comments(comments: Iterable[Comment], positions: _Positions) -> list[dict[str, Any]]:
    """Return the comments on what the document has."""
    return [
        {
            "period": positions.periods[one.period],
            "department": positions.departments[one.department],
            "account": positions.accounts[one.account],
            "owner": printable_line(one.owner),
            "text": printable_line(one.text),
            "nature": printable_line(one.nature),
        }
        for one in comments
        if one.period in positions.periods
        and one.department in positions.departments
        and one.account in positions.accounts
    ]


def _accounts(
    accounts: PackAccounts, line_of: Sequence[int], thresholds: Mapping[int | None, Threshold], cents: int
) -> Iterator[dict[str, Any]]:
    """Yield the accounts, each with its line."""
    for place, (key, number, name, factor) in enumerate(accounts.rows("key", "number", "name", "factor")):
        account: dict[str, Any] = {"number": printable_line(number), "name": printable_line(name)}
        account |= {"line": line_of[place], "shell": quote_name(number)}
        if factor < 0:
            account["factor"] = -1
        if own := thresholds.get(key):
            account["materiality"] = _threshold(own, cents)
        yield account


def _threshold(threshold: Threshold, cents: int) -> dict[str, Any]:
    return {"amount": int(threshold.amount * _CENTS) // cents, "percent": float(threshold.percent)}


def _scenario(scenario: PackScenario, pack: Pack) -> dict[str, Any]:
    """Return a scenario; it has the code of its type if it is the baseline or the only one of its type."""
    is_only = sum(one.type == scenario.type for one in pack.scenarios) == 1
    name = printable_line(scenario.name)
    return {
        "name": name,
        "type": scenario.type,
        "code": _CODES.get(scenario.type, name) if is_only or scenario.is_baseline else name,
        "covers": "".join("1" if period.name in scenario.covered else "0" for period in pack.periods),
    }


def _lines(statement: Sequence[StatementRow], accounts: PackAccounts) -> tuple[list[_Line], list[int], set[int]]:
    """Return the lines, the line of each account, and the lines of capital expenditure.

    The lines of the statement are first, then the categories of accounts outside of profit.
    """
    rows = [row for row in statement if not row.is_subtotal]
    lines = [_Line(row.label, row.sign) for row in rows]
    positions: dict[object, int] = {row.order: index for index, row in enumerate(rows)}
    line_of, of_capex = [], set()
    for line, account_type, category in accounts.rows("line", "type", "category"):
        place: object = (account_type, fold_name(category)) if line is None else line
        is_capital = is_capex(account_type, category)
        if line is None and place not in positions:
            positions[place] = len(lines)
            lines.append(_Line(line_of_category(account_type, category), -1 if is_capital else 0))
        line_of.append(positions[place])
        if is_capital:
            of_capex.add(positions[place])
    return lines, line_of, of_capex


def _roles(pack: Pack) -> dict[str, int | None]:
    """Return which rows of the statement are revenue, gross profit and so on."""
    roles: dict[str, int | None] = dict.fromkeys([*_SUBTOTALS.values(), "unclassified"])
    for index, row in enumerate(pack.statement):
        if row.is_subtotal and row.label in _SUBTOTALS:
            roles[_SUBTOTALS[row.label]] = index
        elif not row.is_subtotal and row.label == _UNCLASSIFIED:
            roles["unclassified"] = index
    return roles


def _reference(pack: Pack, name: str) -> int:
    if name == PRIOR_YEAR:
        return IS_PRIOR_YEAR
    return next((index for index, one in enumerate(pack.scenarios) if one.name == name), NO_REFERENCE)


def _selectable(pack: Pack) -> list[int]:
    """Return the periods that can be selected: those of which the pack has the year before, and the choice's year."""
    years = sorted({one.fiscal_year for one in pack.periods})
    first = years[min(1, len(years) - 1)] if years else 0
    covered = next((one.covered for one in pack.scenarios if one.name == pack.choice.scenario), frozenset[str]())
    return [
        index
        for index, one in enumerate(pack.periods)
        if one.fiscal_year >= first
        and (
            one.name in covered or one.name == pack.choice.period or (one.has_actual and pack.choice.scenario == ACTUAL)
        )
    ]


def _unit(pack: Pack) -> tuple[int, str]:
    """Return in which unit of money the pages show figures: by the largest year of one account and scenario."""
    years = {one.name: one.fiscal_year for one in pack.periods}
    largest = Amounts.of(pack.cells).largest_sum(years)
    return next(((unit, name) for least, unit, name in _UNITS if largest >= least), (1, ""))


def _cents(amounts: Amounts) -> int:
    """Return how many cents one number stands for: 1, or more where sums of cents would not be exact in a browser."""
    gross = exact_sum(abs(amounts.cents))
    scale = 1
    while gross >= _MAX_EXACT * scale:
        scale *= _CENTS
    return scale


def _series(amounts: Amounts, positions: _Positions, cents: int) -> Iterator[list[Any]]:
    """Yield the amounts by scenario, department and account: first period, then one number for each further one."""
    columns = (amounts.scenarios, amounts.departments, amounts.accounts)
    starts = run_starts(columns)
    if not len(starts):
        return
    periods = np.array([positions.periods[name] for name in amounts.names], np.int64)[amounts.periods]
    firsts = np.minimum.reduceat(periods, starts)
    lengths = np.maximum.reduceat(periods, starts) - firsts + 1
    ends = np.cumsum(lengths)
    values = np.zeros(ends[-1], amounts.cents.dtype)
    # Where each run's first period would be, less its place: there, each amount's period gives its own.
    shifts = np.repeat(ends - lengths - firsts, np.diff(starts, append=len(amounts)))
    values[shifts + periods] = divided(amounts.cents, cents)
    numbers = values.tolist()
    keys = (column[starts].tolist() for column in columns)
    for scenario, department, account, first, length, end in zip(
        *keys, firsts.tolist(), lengths.tolist(), ends.tolist(), strict=True
    ):
        yield [
            positions.scenarios[scenario],
            positions.departments[department],
            positions.accounts[account],
            first,
            numbers[end - length : end],
        ]
