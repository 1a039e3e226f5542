"""The controller's line: everything that was ever delivered, and where each row and cent of it is now.

Belongs here: the line's terms, from commits and the warehouse. Does not belong here: how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.lake.deliveries import Count, DeliveryCommit
from finance_platform.lake.plan import period_inputs
from finance_platform.lake.snapshot import Snapshot
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement


@dataclass(frozen=True)
class ControllersLine:
    """delivered = in the warehouse + rejected + duplicate + skipped + superseded + held.

    Rows are candidate lines of ledger feeds; money has the sign as delivered, rounded to cents at parse.

    Attributes:
        delivered: what the reader measured before any rule, over every delivery ever read.
        in_warehouse: what the warehouse holds now.
        rejected: lines that broke a rule; `unpriced` of them have no amount.
        duplicate: lines that repeat another of the same delivery.
        skipped: rows that are not data.
        superseded: accepted lines that a later delivery replaced.
        held: accepted lines of deliveries that wait for a decision.
    """

    delivered: Count
    in_warehouse: Count
    rejected: Count
    duplicate: Count
    skipped: Count
    superseded: Count
    held: Count

    @property
    def difference(self) -> tuple[int, Decimal]:
        """Rows and money that no term explains; both zero, or the platform has lost something."""
        parts = (self.in_warehouse, self.rejected, self.duplicate, self.skipped, self.superseded, self.held)
        return (
            self.delivered.rows - sum(part.rows for part in parts),
            self.delivered.amount - sum((part.amount for part in parts), Decimal(0)),
        )


def controllers_line(snapshot: Snapshot, warehouse: Queryable) -> ControllersLine:
    """Return the line as things stand."""
    ledger = [commit for commit in snapshot.commits.values() if commit.kind == "ledger" and commit.status == "read"]
    held = {stopped.commit.delivery_id for stopped in snapshot.state.stopped}
    live = {delivery.delivery_id for delivery in snapshot.state.ledger}
    replaced = [commit for commit in ledger if commit.delivery_id not in live | held]
    accepted = _total(commit.outcome("accepted") for commit in ledger if commit.delivery_id in live)
    in_lake = _counted(snapshot)
    return ControllersLine(
        delivered=_total(Count(c.read.rows, c.read.amount + c.rounding, unpriced=c.read.unpriced) for c in ledger),
        in_warehouse=in_lake if _has_flipped_signs(snapshot) else _in_warehouse(warehouse),
        rejected=_outcome(ledger, "rejected"),
        duplicate=_outcome(ledger, "duplicate"),
        skipped=_outcome(ledger, "skipped"),
        superseded=_total(
            [
                *(c.outcome("accepted") for c in replaced),
                Count(accepted.rows - in_lake.rows, accepted.amount - in_lake.amount),
            ]
        ),
        held=_total(c.outcome("accepted") for c in ledger if c.delivery_id in held),
    )


def _counted(snapshot: Snapshot) -> Count:
    """Return the live lines that no later one replaces."""
    if _has_flipped_signs(snapshot):
        winning = [
            Count(count.rows, count.amount)
            for period, items in period_inputs(snapshot.state).items()
            for item in items
            for count in item.delivery.commit.periods
            if count.period == period and count.scenario in item.scenarios
        ]
        return _total(winning)
    sums = [one for (table, _), c in snapshot.built.items() if table == "fact_financials" for one in c.sums]
    return _total(Count(one.line_count, one.amount) for one in sums)


def _has_flipped_signs(snapshot: Snapshot) -> bool:
    # The warehouse holds the canonical sign, the line speaks of the sign as delivered.
    return any(delivery.commit.is_debit_positive for delivery in snapshot.state.ledger)


def _in_warehouse(warehouse: Queryable) -> Count:
    try:
        ((rows, amount),) = warehouse.query(statement(SqlFile.LINES_IN_WAREHOUSE)).rows
    except NoWarehouseYetError:
        return Count()
    return Count(rows, amount)


def _outcome(commits: Iterable[DeliveryCommit], name: str) -> Count:
    return _total(commit.outcome(name) for commit in commits)


def _total(counts: Iterable[Count]) -> Count:
    return sum(counts, Count())
