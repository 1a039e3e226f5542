"""Checks on the warehouse: invariants in SQL, and agreement with the processed zone to the cent.

Belongs here: running the statements of `sql/quality` and evaluating their results. Does not belong here: SQL text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

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
from finance_platform.feeds.values.codes import fold
from finance_platform.money_text import grouped_money
from finance_platform.quality.account_months import AccountMonth, UnusualMonth, find_unusual_months
from finance_platform.quality.checks import (
    AMOUNTS_ARE_USUAL,
    BASELINE_ONCE,
    CLOSED_PERIODS_STAND,
    COMMENTS_NAME_MEMBERS,
    GRAIN_UNIQUE,
    KEYS_COLLIDE_NOWHERE,
    LAKE_EQUALS_WAREHOUSE,
    MEMBERS_DESCRIBED,
    PARENTS_WITHOUT_LINES,
    REFERENCES_RESOLVE,
    STATEMENT_LINES_NAME_ACCOUNTS,
    VARIANCE_IDENTITY,
    Check,
    Outcome,
)
from finance_platform.quality.hierarchies import Placed, find_misplaced
from finance_platform.quality.look_alikes import find_look_alikes, has_letters_for_digits
from finance_platform.quality.running_years import FIX as FIX_OF_RUNNING_YEARS
from finance_platform.quality.year_end_entries import FIX as FIX_OF_YEAR_ENDS
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.date_ranges import EVERY_DAY, DateRange, covering_ranges
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Parameters, Queryable, QueryResult
from finance_platform.warehouse.report_tables import ANY_ENDING
from finance_platform.warehouse.statements import SqlFile, select_columns, statement

if TYPE_CHECKING:
    from finance_platform.deliveries.report_inputs import Comment, StatementLineRow
    from finance_platform.slices.waiting_changes import WaitingChange

_NO_LAST_PERIOD = "9999-12"
_CENTS = -2
"""The exponent of money; counts have none."""

_ORDER = (
    *KEYS_COLLIDE_NOWHERE.values(),
    *MEMBERS_DESCRIBED.values(),
    *PARENTS_WITHOUT_LINES.values(),
    GRAIN_UNIQUE,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    BASELINE_ONCE,
    LAKE_EQUALS_WAREHOUSE,
    AMOUNTS_ARE_USUAL,
)
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


def check_warehouse(
    warehouse: Queryable, snapshot: Snapshot, *, actuals_through: str | None, frozen_periods: Sequence[str]
) -> list[Outcome]:
    """Run every check on the whole warehouse but that of closed periods.

    Args:
        warehouse: the loaded warehouse.
        snapshot: the processed zone, whose built slices should be loaded.
        actuals_through: the last period that Actual covers, if the home sets one.
        frozen_periods: closed periods that stay as they are published; they may have another baseline.
    """
    return in_order(
        [
            *check_invariants(
                warehouse, snapshot, actuals_through=actuals_through, frozen_periods=frozen_periods, scope=None
            ),
            *check_published_figures(warehouse, actuals_through=actuals_through),
        ]
    )


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
        snapshot: see `check_warehouse`.
        actuals_through: see `check_warehouse`.
        frozen_periods: see `check_warehouse`.
        scope: what to read; None for everything.
    """
    through = {"actuals_through": actuals_through or _NO_LAST_PERIOD}
    days = [EVERY_DAY] if scope is None else scope.days(warehouse)
    return [
        *_check_keys(warehouse, has_replaced=scope is None or bool(scope.members)),
        _check_no_rows(warehouse, GRAIN_UNIQUE, SqlFile.FACT_GRAIN_IS_UNIQUE, days),
        _check_references(warehouse, days),
        _check_no_rows(warehouse, VARIANCE_IDENTITY, SqlFile.VARIANCE_IDENTITY, days),
        _check_baseline(warehouse, through, frozen_periods, days),
        check_lake_equals_warehouse(warehouse, snapshot, days),
    ]


def check_published_figures(warehouse: Queryable, *, actuals_through: str | None) -> list[Outcome]:
    """Run the checks that only warn, on what is published; they need the whole history and no lock.

    Args:
        warehouse: the loaded warehouse.
        actuals_through: see `check_warehouse`.
    """
    rows = warehouse.query(statement(SqlFile.SPECIAL_MEMBERS)).rows
    inferred = {table for table, count, _, _ in rows if count}
    with_parents = {table for table, _, count, _ in rows if count}
    untyped = {table for table, _, _, count in rows if count}
    through = {"actuals_through": actuals_through or _NO_LAST_PERIOD}
    return [
        *_check_members(warehouse, inferred, with_parents, untyped),
        *_check_parents(warehouse, with_parents),
        _check_amounts(warehouse, through),
    ]


def in_order(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return outcomes in the order in which people read them."""
    return sorted(outcomes, key=lambda outcome: _ORDER.index(outcome.check))


def check_closed_periods(waiting: Sequence[WaitingChange]) -> Outcome:
    """Check that every closed period is published as the processed zone would build it.

    Args:
        waiting: the changes of closed periods that wait for a decision.
    """
    evidence = [
        {
            "period": ", ".join(change.periods),
            "table": change.table,
            "members": ", ".join(change.members) or None,
            "cause": change.cause,
            "gross": change.gross or None,
        }
        for change in waiting
    ]
    periods = {period for change in waiting for period in change.periods}
    summary = f"{pluralize(len(periods), 'closed period')} held as published"
    return Outcome.from_evidence(CLOSED_PERIODS_STAND, evidence, summary)


def check_comments(comments: Sequence[Comment], warehouse: Queryable) -> Outcome:
    """Check that every comment that counts is about a department and an account of the warehouse.

    Args:
        comments: those of the live deliveries.
        warehouse: what is published.
    """
    departments, accounts = (
        _keys(warehouse, contract) if comments else set() for contract in (DIM_DEPARTMENT, DIM_ACCOUNT)
    )
    evidence = []
    for comment in comments:
        unknown = [
            *(["department"] if comment.department_key not in departments else []),
            *(["account"] if comment.account_key not in accounts else []),
        ]
        if unknown:
            place = {"file": comment.source_file, "row": comment.source_row}
            codes = {"department": comment.department_code, "account": comment.account_number}
            evidence.append({**place, **codes, "unknown": " and ".join(unknown)})
    summary = pluralize(len(comments), "comment")
    return Outcome.from_evidence(COMMENTS_NAME_MEMBERS, evidence, f"{summary}, {len(evidence):,} of unknown members")


def check_statement_lines(lines: Sequence[StatementLineRow], warehouse: Queryable) -> Outcome:
    """Check that every row of a file of statement lines is about an account or a category of the warehouse.

    Args:
        lines: those of the live deliveries.
        warehouse: what is published.
    """
    columns = ["account_number", "category"]
    rows = warehouse.query(select_columns(DIM_ACCOUNT, columns)).rows if lines else []
    numbers, categories = {fold(number) for number, _ in rows}, {fold(category) for _, category in rows}

    def has_account(line: StatementLineRow) -> bool:
        if not line.account:
            return fold(line.category) in categories
        if line.account.endswith(ANY_ENDING):
            beginning = fold(line.account.removesuffix(ANY_ENDING))
            return any(number.startswith(beginning) for number in numbers)
        return fold(line.account) in numbers

    evidence = [
        {
            "file": line.source_file,
            "row": line.source_row,
            "account": line.account or None,
            "category": line.category or None,
            "statement_line": line.line,
        }
        for line in lines
        if not has_account(line)
    ]
    summary = f"{pluralize(len(lines), 'row')} of statement lines, {len(evidence):,} about no account"
    return Outcome.from_evidence(STATEMENT_LINES_NAME_ACCOUNTS, evidence, summary)


def _keys(warehouse: Queryable, contract: Contract) -> set[int]:
    rows = warehouse.query(select_columns(contract, [contract.surrogate_key])).rows
    return {int(key) for (key,) in rows}


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
    rows = _dictionaries(warehouse.query(statement(SqlFile.KEYS_COLLIDE_NOWHERE))) if has_replaced else []
    outcomes = []
    for name, check in KEYS_COLLIDE_NOWHERE.items():
        evidence = [row for row in rows if names[row["TableName"]] == name]
        summary = pluralize(len(evidence), "key collides", "keys collide")
        outcomes.append(Outcome.from_evidence(check, evidence, summary))
    return outcomes


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
        evidence = _dictionaries(warehouse.query(statement(of_inferred))) if name in inferred else []
        summary = pluralize(len(evidence), "inferred member")
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
            misplaced += [row | finding for row in _dictionaries(without_type)]
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
        evidence = _dictionaries(warehouse.query(statement(statements[name]))) if name in with_parents else []
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
        for row in _dictionaries(
            warehouse.query(statement(SqlFile.BASELINE_BOOKED_ONCE), {**through, **one.parameters})
        )
    ]
    return _row_outcome(BASELINE_ONCE, [row for row in rows if row["Period"] not in frozen_periods])


def _check_amounts(warehouse: Queryable, through: Parameters) -> Outcome:
    rows = warehouse.query(statement(SqlFile.ACTUAL_BY_ACCOUNT_AND_PERIOD), through).rows
    unusual = find_unusual_months(AccountMonth(*row) for row in rows)
    amounts = [_unusual_row(month) for month in unusual.months]
    summary = "no account has a year of Actual to be evaluated"
    if unusual.accounts:
        evaluated = f"{pluralize(unusual.accounts, 'account')} evaluated in {', '.join(unusual.periods)}"
        summary = f"{pluralize(len(amounts), 'unusual amount') if amounts else 'no unusual amounts'}; {evaluated}"
    if unusual.year_ends:
        summary = f"entries of a year-end close in {', '.join(one.period for one in unusual.year_ends)}; {summary}"
    if unusual.wrong_signs:
        wrong = ", ".join(dict.fromkeys(one.period for one in unusual.wrong_signs))
        summary = f"signs that contradict the types of accounts in {wrong}; {summary}"
    if unusual.other_units:
        other = ", ".join(dict.fromkeys(one.period for one in unusual.other_units))
        summary = f"amounts in another unit in {other}; {summary}"
    if unusual.running_years:
        running = ", ".join(one.period for one in unusual.running_years)
        summary = f"amounts that seem to be totals of the year in {running}; {summary}"
    named = [(one.sentence, one.period, FIX_OF_RUNNING_YEARS) for one in unusual.running_years]
    named += [(one.sentence, one.period, one.fix) for one in unusual.other_units]
    named += [(one.sentence, one.period, one.fix) for one in unusual.wrong_signs]
    named += [(one.sentence, one.period, FIX_OF_YEAR_ENDS) for one in unusual.year_ends]
    evidence = [*({"what": what, "period": period, "fix": fix} for what, period, fix in named), *amounts]
    return Outcome.from_evidence(AMOUNTS_ARE_USUAL, evidence, summary)


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


def _check_no_rows(warehouse: Queryable, check: Check, file: SqlFile, days: Sequence[DateRange]) -> Outcome:
    results = [warehouse.query(statement(file), one.parameters) for one in days]
    return _row_outcome(check, [row for result in results for row in _dictionaries(result)])


def _rows(warehouse: Queryable, file: SqlFile, days: Sequence[DateRange]) -> list[tuple[Any, ...]]:
    return [row for one in days for row in warehouse.query(statement(file), one.parameters).rows]


def _row_outcome(check: Check, evidence: Sequence[dict[str, Any]]) -> Outcome:
    return Outcome.from_evidence(check, evidence, pluralize(len(evidence), "row breaks it", "rows break it"))


def _dictionaries(result: QueryResult) -> list[dict[str, Any]]:
    return [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]


def _plain(value: object) -> object:
    """Return a value of evidence, which is for people: money with grouped digits."""
    if isinstance(value, Decimal) and value.as_tuple().exponent == _CENTS:
        return grouped_money(value)
    return value if isinstance(value, int | str | bool) or value is None else str(value)
