"""Checks on the warehouse: invariants in SQL, and the lake against the warehouse to the cent.

Belongs here: running the statements of `sql/quality` and judging them. Does not belong here: SQL text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from finance_platform.contracts.star import STAR
from finance_platform.quality.account_months import AccountMonth, UnusualMonth, judge
from finance_platform.quality.checks import (
    AMOUNTS_ARE_USUAL,
    BASELINE_ONCE,
    CLOSED_PERIODS_STAND,
    GRAIN_UNIQUE,
    KEYS_COLLIDE_NOWHERE,
    LAKE_EQUALS_WAREHOUSE,
    MEMBERS_DESCRIBED,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    Check,
    Outcome,
    counted,
    limited,
)
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement

_NO_LAST_PERIOD = "9999-12"


def check_warehouse(
    warehouse: Queryable, snapshot: Snapshot, *, actuals_through: str | None = None, kept: Sequence[str] = ()
) -> list[Outcome]:
    """Run every check on the warehouse.

    Args:
        warehouse: what was loaded.
        snapshot: what the lake wants to be loaded.
        actuals_through: the last period that Actual covers, where the home says so.
        kept: closed periods that stay as they are published; theirs may be another baseline.
    """
    through = {"actuals_through": actuals_through or _NO_LAST_PERIOD}
    return [
        *_check_keys(warehouse),
        *_check_members(warehouse),
        _no_rows(warehouse, GRAIN_UNIQUE, SqlFile.FACT_GRAIN_IS_UNIQUE),
        _no_rows(warehouse, REFERENCES_RESOLVE, SqlFile.REFERENCES_RESOLVE),
        _no_rows(warehouse, VARIANCE_IDENTITY, SqlFile.VARIANCE_IDENTITY),
        _check_baseline(warehouse, through, kept),
        check_lake_equals_warehouse(warehouse, snapshot),
        _check_amounts(warehouse, through),
    ]


def check_closed_periods(kept: Sequence[str]) -> Outcome:
    """Return whether every closed period is published as the lake would build it; `kept` are those that are not."""
    evidence = [{"period": period} for period in kept]
    return Outcome(
        CLOSED_PERIODS_STAND, not kept, counted(len(kept), "closed period") + " held as published", limited(evidence)
    )


class Audit:
    """The checks as a load runs them, on what it is about to publish: write, audit, publish.

    Attributes:
        outcomes: what the last call found, of a transaction that was tried again the last attempt; None before any.
    """

    def __init__(self, snapshot: Snapshot, *, actuals_through: str | None = None, kept: Sequence[str] = ()) -> None:
        """Take what `check_warehouse` takes."""
        self._snapshot, self._actuals_through, self._kept = snapshot, actuals_through, kept
        self.outcomes: list[Outcome] | None = None

    def __call__(self, warehouse: Queryable) -> bool:
        """Run every check; return whether none that blocks has failed."""
        found = check_warehouse(warehouse, self._snapshot, actuals_through=self._actuals_through, kept=self._kept)
        is_refused = any(_blocks(outcome) for outcome in found)
        self.outcomes = [_told_as_refused(outcome) if is_refused else outcome for outcome in found]
        return not is_refused


def _blocks(outcome: Outcome) -> bool:
    return outcome.check.is_blocking and not outcome.passed


def _told_as_refused(outcome: Outcome) -> Outcome:
    if not _blocks(outcome):
        return outcome
    return replace(outcome, summary=f"{outcome.summary}; the load was rolled back, what was published before stays")


def check_lake_equals_warehouse(warehouse: Queryable, snapshot: Snapshot) -> Outcome:
    """Return whether rows, Amount and BudgetAmount agree by scenario and period, with zero tolerance."""
    expected = {
        (one.scenario_key, period): (one.row_count, one.amount, one.budget_amount)
        for (table, period), commit in snapshot.built.items()
        if table == "fact_financials"
        for one in commit.sums
    }
    rows = warehouse.query(statement(SqlFile.SUMS_BY_SCENARIO_AND_PERIOD)).rows
    found = {(key, period): (count, amount, budget) for key, period, count, amount, budget in rows}
    evidence: list[dict[str, Any]] = [
        {
            "period": period,
            "scenario_key": key,
            "lake": str(expected.get((key, period))),
            "warehouse": str(found.get((key, period))),
        }
        for key, period in sorted(expected.keys() | found.keys())
        if expected.get((key, period)) != found.get((key, period))
    ]
    summary = f"{len(expected)} sums compared" + (f", {len(evidence)} differ" if evidence else "")
    return Outcome(LAKE_EQUALS_WAREHOUSE, not evidence, summary, limited(evidence))


def _check_keys(warehouse: Queryable) -> list[Outcome]:
    names = {contract.table: contract.name for contract in STAR}
    result = warehouse.query(statement(SqlFile.KEYS_COLLIDE_NOWHERE))
    rows = _dictionaries(result)
    outcomes = []
    for name, check in KEYS_COLLIDE_NOWHERE.items():
        evidence = [row for row in rows if names[row["TableName"]] == name]
        outcomes.append(
            Outcome(check, not evidence, counted(len(evidence), "key collides", "keys collide"), limited(evidence))
        )
    return outcomes


def _check_members(warehouse: Queryable) -> list[Outcome]:
    outcomes = []
    statements = {"dim_department": SqlFile.INFERRED_DEPARTMENTS, "dim_account": SqlFile.INFERRED_ACCOUNTS}
    for name, check in MEMBERS_DESCRIBED.items():
        evidence = _dictionaries(warehouse.query(statement(statements[name])))
        outcomes.append(Outcome(check, not evidence, counted(len(evidence), "inferred member"), limited(evidence)))
    return outcomes


def _check_baseline(warehouse: Queryable, through: Parameters, kept: Sequence[str]) -> Outcome:
    rows = _dictionaries(warehouse.query(statement(SqlFile.BASELINE_BOOKED_ONCE), through))
    evidence = [row for row in rows if row["Period"] not in kept]
    return Outcome(
        BASELINE_ONCE, not evidence, counted(len(evidence), "row breaks it", "rows break it"), limited(evidence)
    )


def _check_amounts(warehouse: Queryable, through: Parameters) -> Outcome:
    rows = warehouse.query(statement(SqlFile.ACTUAL_BY_ACCOUNT_AND_PERIOD), through).rows
    judgement = judge(AccountMonth(*row) for row in rows)
    found = [_unusual(one) for one in judgement.unusual]
    if judgement.accounts:
        judged = f"{judgement.accounts} accounts judged in {', '.join(judgement.periods)}"
        summary = f"{len(found) or 'no'} unusual amounts; {judged}"
    else:
        summary = "no account has a year of Actual to be judged by"
    return Outcome(AMOUNTS_ARE_USUAL, not found, summary, limited(found))


def _unusual(found: UnusualMonth) -> dict[str, Any]:
    month, usual = found.month, found.usual
    return {
        "what": found.sentence,
        "period": month.period,
        "account": month.number,
        "account_name": month.name,
        "amount": str(month.amount),
        "usual_amount": str(usual.amount),
        "usual_range": f"{usual.low} to {usual.high}",
    }


def _no_rows(warehouse: Queryable, check: Check, file: SqlFile, parameters: Parameters = NO_PARAMETERS) -> Outcome:
    evidence = _dictionaries(warehouse.query(statement(file), parameters))
    return Outcome(check, not evidence, counted(len(evidence), "row breaks it", "rows break it"), limited(evidence))


def _dictionaries(result: QueryResult) -> list[dict[str, Any]]:
    return [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]


def _plain(value: object) -> object:
    return value if isinstance(value, int | str | bool) or value is None else str(value)
