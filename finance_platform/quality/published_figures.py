"""Checks on what is published that only warn: members that nothing describes, parents with lines, unusual amounts.

Belongs here: running the statements of `sql/quality` and evaluating their results. Does not belong here: SQL text,
which amounts are unusual (see `account_months`), checks that a load must pass (see `invariants`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.count_text import pluralize
from finance_platform.money_text import grouped_money
from finance_platform.quality.account_months import UnusualMonth, find_unusual_months
from finance_platform.quality.checks import (
    AMOUNTS_ARE_USUAL,
    EVIDENCE_ROWS,
    MEMBERS_DESCRIBED,
    PARENTS_WITHOUT_LINES,
    Outcome,
)
from finance_platform.quality.evidence import as_evidence, through_period
from finance_platform.quality.hierarchies import Placed, find_misplaced
from finance_platform.quality.look_alikes import find_look_alikes, has_letters_for_digits
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.natural_signs import WrongSigns
from finance_platform.quality.other_units import OtherUnit
from finance_platform.quality.running_years import FIX as FIX_OF_RUNNING_YEARS
from finance_platform.quality.running_years import RunningYear
from finance_platform.quality.year_end_entries import FIX as FIX_OF_YEAR_ENDS
from finance_platform.quality.year_end_entries import YearEndEntries
from finance_platform.warehouse.port import ColumnQueryable, Parameters, Queryable, QueryResult
from finance_platform.warehouse.statements import SqlFile, select_columns, statement

_NAMED_PERIODS = 6
"""Periods that a summary names one by one; the evidence has all of them."""


def check_published_figures(warehouse: Queryable, *, actuals_through: str | None) -> list[Outcome]:
    """Run the checks that only warn, on what is published; they need the whole history and no lock.

    Args:
        warehouse: the loaded warehouse.
        actuals_through: the last period that Actual covers, if the home sets one.
    """
    rows = warehouse.query(statement(SqlFile.SPECIAL_MEMBERS)).rows
    inferred = {table for table, count, _, _ in rows if count}
    with_parents = {table for table, _, count, _ in rows if count}
    untyped = {table for table, _, _, count in rows if count}
    through = through_period(actuals_through)
    return [
        *_check_members(warehouse, inferred, with_parents, untyped),
        *_check_parents(warehouse, with_parents),
        _check_amounts(warehouse, through),
    ]


def read_account_months(warehouse: Queryable, through: Parameters) -> AccountMonths:
    """Return Actual of every account and period.

    Args:
        warehouse: the loaded warehouse.
        through: see `evidence.through_period`.
    """
    sql = statement(SqlFile.ACTUAL_BY_ACCOUNT_AND_PERIOD)
    if isinstance(warehouse, ColumnQueryable):
        return AccountMonths.of_table(warehouse.query_columns(sql, through))
    return AccountMonths.of(AccountMonth(*row) for row in warehouse.query(sql, through).rows)


def _check_members(
    warehouse: Queryable, inferred: Collection[str], with_parents: Collection[str], untyped: Collection[str]
) -> list[Outcome]:
    outcomes = []
    statements = {
        DIM_DEPARTMENT.name: (SqlFile.INFERRED_DEPARTMENTS, SqlFile.DEPARTMENT_PARENTS, "DepartmentCode"),
        DIM_ACCOUNT.name: (SqlFile.INFERRED_ACCOUNTS, SqlFile.ACCOUNT_PARENTS, "AccountNumber"),
    }
    for name, check in MEMBERS_DESCRIBED.items():
        of_inferred, of_parents, code_name = statements[name]
        found = warehouse.query(statement(of_inferred)) if name in inferred else QueryResult([], [])
        summary = pluralize(len(found.rows), "inferred member")
        evidence = as_evidence(replace(found, rows=found.rows[:EVIDENCE_ROWS]))
        _add_look_alikes(warehouse, name, evidence, code_name)
        placed = warehouse.query(statement(of_parents)).rows if name in with_parents else []
        misplaced = find_misplaced([Placed(*row) for row in placed], code_name)
        if misplaced:
            first = misplaced[0]
            count = pluralize(len(misplaced), "parent is", "parents are")
            summary += (
                f"; {count} missing or in a circle, first that of {first[code_name]}, {first['Parent']}: "
                f"{first['Finding']}"
            )
        without_type = warehouse.query(statement(SqlFile.UNTYPED_ACCOUNTS)) if name in untyped else None
        if without_type and without_type.rows:
            summary += f"; {_describe_untyped(without_type.rows)}"
            finding = {"Finding": "has no type, so it is neither revenue nor expense"}
            misplaced += [row | finding for row in as_evidence(without_type)]
        outcomes.append(Outcome.from_evidence(check, [*misplaced, *evidence], summary))
    return outcomes


def _add_look_alikes(warehouse: Queryable, dimension: str, evidence: Sequence[dict[str, Any]], code_name: str) -> None:
    """Add to inferred members the described one that their code looks like; few have such a code."""
    codes = [row[code_name] for row in evidence if has_letters_for_digits(row[code_name])]
    if not codes:
        return
    contract, code = {
        one.name: (one, code) for one, code in ((DIM_DEPARTMENT, "department_code"), (DIM_ACCOUNT, "account_number"))
    }[dimension]
    members = warehouse.query(select_columns(contract, [code, "is_inferred"])).rows
    alike = find_look_alikes(codes, [code for code, is_inferred in members if not is_inferred])
    for row in evidence:
        if row[code_name] in alike:
            row["Finding"] = f"looks like {alike[row[code_name]]}"


def _describe_untyped(rows: Sequence[Sequence[Any]]) -> str:
    """Return how many accounts have no type, and the gross money of each scenario; these are never added."""
    accounts = pluralize(len({number for number, *_ in rows}), "account")
    gross: dict[str, Decimal] = {}
    for _, scenario, _, amount in rows:
        gross[scenario] = gross.get(scenario, Decimal(0)) + amount
    money = ", ".join(f"{name} {grouped_money(amount)}" for name, amount in sorted(gross.items()))
    return f"{accounts} without a type, gross: {money}"


def _check_parents(warehouse: Queryable, with_parents: Collection[str]) -> list[Outcome]:
    statements = {"dim_department": SqlFile.PARENT_DEPARTMENTS, "dim_account": SqlFile.PARENT_ACCOUNTS}
    outcomes = []
    for name, check in PARENTS_WITHOUT_LINES.items():
        evidence = as_evidence(warehouse.query(statement(statements[name]))) if name in with_parents else []
        outcomes.append(Outcome.from_evidence(check, evidence, _describe_parents(evidence)))
    return outcomes


def _describe_parents(rows: Sequence[dict[str, Any]]) -> str:
    """Return the number of parents and the largest row; rows of other periods, scenarios and types are not added."""
    if not rows:
        return "no parent has lines beside its children's"
    first = rows[0]
    parents = pluralize(len({row["Parent"] for row in rows}), "parent has", "parents have")
    return (
        f"{parents} lines beside {'its' if parents.startswith('1 ') else 'their'} children's; the most: "
        f"{first['Parent']} {first['ParentName']} in {first['Period']}, {first['Scenario']}, {first['AccountType']}: "
        f"{first['CountedTwice']} counted twice in a roll-up"
    )


def _check_amounts(warehouse: Queryable, through: Parameters) -> Outcome:
    new = [period for (period,) in warehouse.query(statement(SqlFile.NEW_PERIODS)).rows]
    unusual = find_unusual_months(read_account_months(warehouse, through), new)
    amounts = [_unusual_row(month) for month in unusual.months]
    summary = "no account has a year of Actual to be evaluated"
    if unusual.accounts:
        evaluated = f"{pluralize(unusual.accounts, 'account')} evaluated in {', '.join(unusual.periods)}"
        summary = f"{pluralize(len(amounts), 'unusual amount') if amounts else 'no unusual amounts'}; {evaluated}"
    if unusual.year_ends:
        summary = f"entries of a year-end close in {_name(unusual.year_ends)}; {summary}"
    if unusual.wrong_signs:
        summary = f"signs that contradict the types of accounts in {_name(unusual.wrong_signs)}; {summary}"
    if unusual.other_units:
        summary = f"amounts in another unit in {_name(unusual.other_units)}; {summary}"
    if unusual.running_years:
        summary = f"amounts that seem to be totals of the year in {_name(unusual.running_years)}; {summary}"
    named = [(one.sentence, one.period, FIX_OF_RUNNING_YEARS) for one in unusual.running_years]
    named += [(one.sentence, one.period, one.fix) for one in unusual.other_units]
    named += [(one.sentence, one.period, one.fix) for one in unusual.wrong_signs]
    named += [(one.sentence, one.period, FIX_OF_YEAR_ENDS) for one in unusual.year_ends]
    evidence = [*({"what": what, "period": period, "fix": fix} for what, period, fix in named), *amounts]
    return Outcome.from_evidence(AMOUNTS_ARE_USUAL, evidence, summary)


def _name(found: Iterable[YearEndEntries | WrongSigns | OtherUnit | RunningYear]) -> str:
    """Return the periods of findings; of many, as a first load may have, the first and the last one."""
    periods = list(dict.fromkeys(one.period for one in found))
    if len(periods) > _NAMED_PERIODS:
        return f"{len(periods)} periods from {min(periods)} to {max(periods)}"
    return ", ".join(periods)


def _unusual_row(unusual: UnusualMonth) -> dict[str, Any]:
    month, expected = unusual.month, unusual.expected
    return {
        "what": unusual.sentence,
        "period": month.period,
        "account": month.number,
        "account_name": month.name,
        "amount": grouped_money(month.amount),
        "usual_amount": grouped_money(expected.median),
        "usual_range": f"{grouped_money(expected.low)} to {grouped_money(expected.high)}",
    }
