"""The blocking checks on the warehouse, which a load must pass: invariants in SQL, and agreement to the cent.

Belongs here: what a load's audit reads, running the statements of `sql/quality` and evaluating their results. Does not
belong here: SQL text, checks that only warn (see `published_figures`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import (
    DIM_ACCOUNT,
    DIM_DATE,
    DIM_DEPARTMENT,
    DIM_SCENARIO,
    FACT_FINANCIALS,
    STAR,
    WHOLE_TABLE,
)
from finance_platform.count_text import pluralize
from finance_platform.quality.checks import (
    BASELINE_ONCE,
    GRAIN_UNIQUE,
    KEYS_COLLIDE_NOWHERE,
    LAKE_EQUALS_WAREHOUSE,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    Check,
    Outcome,
)
from finance_platform.quality.evidence import as_evidence, through_period
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.date_ranges import EVERY_DAY, DateRange, covering_ranges
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Parameters, Queryable
from finance_platform.warehouse.statements import SqlFile, select_columns, statement

_NEEDED: Mapping[Contract, tuple[str, ...]] = MappingProxyType(
    {DIM_DATE: ("year_month",), DIM_DEPARTMENT: (), DIM_ACCOUNT: (), DIM_SCENARIO: ("scenario_type", "is_baseline")}
)
"""By dimension, the attributes that decide whether facts pass a blocking check, beside that the member exists."""


@dataclass(frozen=True)
class AuditScope:
    """What a load replaces, and so what its audit reads; the slices that stay were audited when they were loaded.

    Attributes:
        periods: the periods that are replaced or removed.
        members: by replaced dimension, what the facts of other periods need of its members: see `_NEEDED`.
    """

    periods: frozenset[str]
    members: Mapping[Contract, Mapping[int, tuple[Any, ...]]]

    @classmethod
    def of(cls, names: Collection[SliceName], warehouse: Queryable) -> AuditScope:
        """Return the scope of a load.

        Args:
            names: the slices that it replaces or removes.
            warehouse: what is published before it.
        """
        replaced = [contract for contract in _NEEDED if (contract.name, WHOLE_TABLE) in names]
        periods = frozenset(slice_name for table, slice_name in names if table == FACT_FINANCIALS.name)
        return cls(periods, {contract: _members(warehouse, contract) for contract in replaced})

    def days(self, warehouse: Queryable) -> list[DateRange]:
        """Return the days whose facts are read: all of them if a member that other slices need is lost or changed."""
        for contract, before in self.members.items():
            after = _members(warehouse, contract)
            if any(after.get(key) != needed for key, needed in before.items()):
                return [EVERY_DAY]
        return covering_ranges(self.periods)


def _members(warehouse: Queryable, contract: Contract) -> dict[int, tuple[Any, ...]]:
    rows = warehouse.query(select_columns(contract, [contract.surrogate_key, *_NEEDED[contract]])).rows
    return {int(row[0]): tuple(row[1:]) for row in rows}


def check_invariants(
    warehouse: Queryable,
    snapshot: Snapshot,
    *,
    actuals_through: str | None,
    frozen_periods: Sequence[str],
    scope: AuditScope | None,
) -> list[Outcome]:
    """Run the blocking checks, which a load must pass.

    Args:
        warehouse: the loaded warehouse.
        snapshot: the processed zone, whose built slices should be loaded.
        actuals_through: the last period that Actual covers, if the home sets one.
        frozen_periods: closed periods that stay as they are published; they may have another baseline.
        scope: what to read; None for everything.
    """
    through = through_period(actuals_through)
    days = [EVERY_DAY] if scope is None else scope.days(warehouse)
    return [
        *_check_keys(warehouse, has_replaced=scope is None or bool(scope.members)),
        _check_grain(warehouse, days),
        _check_references(warehouse, days),
        _check_no_rows(warehouse, VARIANCE_IDENTITY, SqlFile.VARIANCE_IDENTITY, days),
        _check_baseline(warehouse, through, frozen_periods, days),
        check_lake_equals_warehouse(warehouse, snapshot, days),
    ]


class Audit:
    """The blocking checks on a load's uncommitted result: write, audit, publish.

    Attributes:
        outcomes: the outcomes of the last call (of a repeated transaction, its last attempt); None before any.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        actuals_through: str | None,
        frozen_periods: Sequence[str],
        scope: AuditScope | None,
    ) -> None:
        """Take the arguments of `check_invariants`."""
        self._snapshot, self._actuals_through, self._frozen_periods = snapshot, actuals_through, frozen_periods
        self._scope = scope
        self.outcomes: list[Outcome] | None = None

    def __call__(self, warehouse: Queryable) -> bool:
        """Run the checks; return whether all pass."""
        outcomes = self._check(warehouse, self._scope)
        is_rejected = not all(outcome.passed for outcome in outcomes)
        self.outcomes = [outcome if outcome.passed else _mark_rolled_back(outcome) for outcome in outcomes]
        return not is_rejected

    def repeat(self, warehouse: Queryable) -> None:
        """Run the checks on every slice of what is published, which they cannot reject any more."""
        self.outcomes = self._check(warehouse, None)

    def _check(self, warehouse: Queryable, scope: AuditScope | None) -> list[Outcome]:
        return check_invariants(
            warehouse,
            self._snapshot,
            actuals_through=self._actuals_through,
            frozen_periods=self._frozen_periods,
            scope=scope,
        )


def _mark_rolled_back(outcome: Outcome) -> Outcome:
    return replace(outcome, summary=f"{outcome.summary}; the load was rolled back, what was published before stays")


def check_lake_equals_warehouse(warehouse: Queryable, snapshot: Snapshot, days: Sequence[DateRange]) -> Outcome:
    """Check that rows, Amount and BudgetAmount agree by scenario and period, with zero tolerance.

    Args:
        warehouse: the loaded warehouse.
        snapshot: the processed zone, whose built slices should be loaded.
        days: the facts to add up; of other periods, the load ledger is compared with the commits of the slices.
    """
    expected = {
        (total.scenario_key, period): (total.row_count, total.amount, total.budget_amount)
        for (table, period), commit in snapshot.built.items()
        if table == FACT_FINANCIALS.name and _is_covered(period, days)
        for total in commit.sums
    }
    loaded = {
        (key, period): (count, amount, budget)
        for key, period, count, amount, budget in _rows(warehouse, SqlFile.SUMS_BY_SCENARIO_AND_PERIOD, days)
    }
    evidence: list[dict[str, Any]] = [
        {
            "period": period,
            "scenario_key": key,
            "processed": str(expected.get((key, period))),
            "warehouse": str(loaded.get((key, period))),
        }
        for key, period in sorted(expected.keys() | loaded.keys())
        if expected.get((key, period)) != loaded.get((key, period))
    ]
    others = [] if EVERY_DAY in days else _ledger_differences(warehouse, snapshot, days)
    evidence += others
    summary = f"{pluralize(len(expected), 'sum')} compared" + (f", {len(evidence)} differ" if evidence else "")
    return Outcome.from_evidence(LAKE_EQUALS_WAREHOUSE, evidence, summary)


def _ledger_differences(warehouse: Queryable, snapshot: Snapshot, days: Sequence[DateRange]) -> list[dict[str, Any]]:
    """Return the slices beyond `days` whose version, rows or amount in the load ledger differ from their commits."""
    expected = {
        period: (commit.version, commit.row_count, sum((one.amount for one in commit.sums), Decimal("0.00")))
        for (table, period), commit in snapshot.built.items()
        if table == FACT_FINANCIALS.name and not _is_covered(period, days)
    }
    recorded = {
        period: (published.version, published.row_count, published.amount)
        for (table, period), published in published_slices(warehouse).items()
        if table == FACT_FINANCIALS.name and not _is_covered(period, days)
    }
    return [
        {
            "period": period,
            "scenario_key": None,
            "processed": str(expected.get(period)),
            "warehouse": str(recorded.get(period)),
        }
        for period in sorted(expected.keys() | recorded.keys())
        if expected.get(period) != recorded.get(period)
    ]


def _is_covered(period: str, days: Sequence[DateRange]) -> bool:
    return any(one.covers(period) for one in days)


def _check_keys(warehouse: Queryable, *, has_replaced: bool) -> list[Outcome]:
    names = {contract.table: contract.name for contract in STAR}
    rows = as_evidence(warehouse.query(statement(SqlFile.KEYS_COLLIDE_NOWHERE))) if has_replaced else []
    outcomes = []
    for name, check in KEYS_COLLIDE_NOWHERE.items():
        evidence = [row for row in rows if names[row["TableName"]] == name]
        summary = pluralize(len(evidence), "key collides", "keys collide")
        outcomes.append(Outcome.from_evidence(check, evidence, summary))
    return outcomes


def _check_grain(warehouse: Queryable, days: Sequence[DateRange]) -> Outcome:
    """Check that no two facts have the same key; the keys are compared only where their numbers do not prove that."""
    counts = ((one, warehouse.query(statement(SqlFile.FACT_KEY_NUMBERS), one.parameters).rows) for one in days)
    doubtful = [one for one, rows in counts if any(fact_count != number_count for fact_count, number_count in rows)]
    return _check_no_rows(warehouse, GRAIN_UNIQUE, SqlFile.FACT_GRAIN_IS_UNIQUE, doubtful)


def _check_references(warehouse: Queryable, days: Sequence[DateRange]) -> Outcome:
    """Check that each key has its member; a key of several ranges of days is one row of evidence."""
    counts: dict[tuple[str, int], int] = {}
    for column, key, count in _rows(warehouse, SqlFile.REFERENCES_RESOLVE, days):
        counts[column, key] = counts.get((column, key), 0) + count
    evidence = [
        {"ColumnName": column, "MissingKey": key, "RowCount": count} for (column, key), count in sorted(counts.items())
    ]
    return _row_outcome(REFERENCES_RESOLVE, evidence)


def _check_baseline(
    warehouse: Queryable, through: Parameters, frozen_periods: Sequence[str], days: Sequence[DateRange]
) -> Outcome:
    rows = [
        row
        for one in days
        for row in as_evidence(warehouse.query(statement(SqlFile.BASELINE_BOOKED_ONCE), {**through, **one.parameters}))
    ]
    return _row_outcome(BASELINE_ONCE, [row for row in rows if row["Period"] not in frozen_periods])


def _check_no_rows(warehouse: Queryable, check: Check, file: SqlFile, days: Sequence[DateRange]) -> Outcome:
    results = [warehouse.query(statement(file), one.parameters) for one in days]
    return _row_outcome(check, [row for result in results for row in as_evidence(result)])


def _rows(warehouse: Queryable, file: SqlFile, days: Sequence[DateRange]) -> list[tuple[Any, ...]]:
    return [row for one in days for row in warehouse.query(statement(file), one.parameters).rows]


def _row_outcome(check: Check, evidence: Sequence[dict[str, Any]]) -> Outcome:
    return Outcome.from_evidence(check, evidence, pluralize(len(evidence), "row breaks it", "rows break it"))
