"""Checks on the warehouse: all of them in their order, and those that are about no slice.

Belongs here: what waits for a decision, and what people say about the figures. Does not belong here: the checks on
slices (see `invariants`, `published_figures`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.count_text import pluralize
from finance_platform.feeds.values.codes import fold
from finance_platform.quality.checks import (
    CLOSED_PERIODS_STAND,
    COMMENTS_NAME_MEMBERS,
    STATEMENT_LINES_NAME_ACCOUNTS,
    WAREHOUSE_CHECKS,
    Outcome,
)
from finance_platform.quality.invariants import check_invariants
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.report_tables import ANY_ENDING
from finance_platform.warehouse.statements import select_columns

if TYPE_CHECKING:
    from finance_platform.deliveries.report_inputs import Comment, StatementLineRow
    from finance_platform.slices.waiting_changes import WaitingChange


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


def in_order(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return outcomes in the order in which people read them."""
    return sorted(outcomes, key=lambda outcome: WAREHOUSE_CHECKS.index(outcome.check))


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
