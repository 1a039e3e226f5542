"""The controller's line: everything that was ever delivered, and where each row and cent of it is now.

Belongs here: the line's terms, from commits and the warehouse. Does not belong here: how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.deliveries.commits import Count, DeliveryCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement


@dataclass(frozen=True)
class Reconciliation:
    """delivered = in the warehouse + rejected + duplicate + skipped + superseded + held + withdrawn.

    Rows are candidate lines of ledger feeds; money has the sign as delivered, rounded to cents at parse.

    Attributes:
        delivered: what the reader measured before any rule, over every delivery ever read.
        in_warehouse: what the warehouse holds now.
        rejected: lines that broke a rule; `unpriced` of them have no amount.
        duplicate: lines that repeat another of the same delivery.
        skipped: rows that are not data.
        superseded: accepted lines that a later delivery replaced.
        held: accepted lines of deliveries that wait for a verdict or a decision.
        withdrawn: accepted lines of deliveries that a person took out.
    """

    delivered: Count
    in_warehouse: Count
    rejected: Count
    duplicate: Count
    skipped: Count
    superseded: Count
    held: Count
    withdrawn: Count

    @property
    def difference(self) -> tuple[int, Decimal]:
        """Rows and money that no term explains: zero, once everything live is loaded, or something was lost."""
        parts = (
            self.in_warehouse,
            self.rejected,
            self.duplicate,
            self.skipped,
            self.superseded,
            self.held,
            self.withdrawn,
        )
        return (
            self.delivered.rows - sum(part.rows for part in parts),
            self.delivered.amount - sum((part.amount for part in parts), Decimal(0)),
        )


def reconcile(snapshot: Snapshot, warehouse: Queryable) -> Reconciliation:
    """Return the line as things stand; what should be in the warehouse and is not shows as the difference."""
    ledger = [commit for commit in snapshot.commits.values() if commit.kind == "ledger" and commit.status == "read"]
    state = snapshot.state
    live = {delivery.delivery_id for delivery in state.ledger}
    held = {stopped.commit.delivery_id for stopped in state.stopped}
    # One that is held under other terms than those under which it counts is live.
    held = (held | {delivery.delivery_id for delivery in state.awaiting_verdict}) - live
    withdrawn = {stopped.commit.delivery_id for stopped in state.withdrawn}
    replaced = [commit for commit in ledger if commit.delivery_id not in live | held | withdrawn]
    accepted = _total(commit.outcome("accepted") for commit in ledger if commit.delivery_id in live)
    periods = _counted(snapshot)
    counted = _total(period.accepted for period in periods)
    return Reconciliation(
        delivered=_total(Count(c.read.rows, c.read.amount + c.rounding, unpriced=c.read.unpriced) for c in ledger),
        in_warehouse=_in_warehouse(warehouse, periods),
        rejected=_outcome(ledger, "rejected"),
        duplicate=_outcome(ledger, "duplicate"),
        skipped=_outcome(ledger, "skipped"),
        superseded=_total(
            [
                *(c.outcome("accepted") for c in replaced),
                _less(accepted, counted),
                *(period.hidden for period in periods),
            ]
        ),
        held=_total(c.outcome("accepted") for c in ledger if c.delivery_id in held - withdrawn),
        withdrawn=_total(c.outcome("accepted") for c in ledger if c.delivery_id in withdrawn),
    )


@dataclass(frozen=True)
class _Counted:
    """The lines of a period that count.

    Attributes:
        period: YYYY-MM.
        version: of the slice that is built; empty where none is.
        accepted: what the commits of the deliveries that count there say, hidden lines included.
        hidden: those of them that a later delivery hides.
        as_delivered: with the sign as delivered.
        in_star: with the sign of the star, where accounts under debit-positive feeds are flipped.
    """

    period: str
    version: str
    accepted: Count
    hidden: Count
    as_delivered: Count
    in_star: Count


def _counted(snapshot: Snapshot) -> list[_Counted]:
    """Return what counts, period by period; of a period that is not built yet nobody knows what is hidden."""
    found = []
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        accepted = _total(item.accepted(period) for item in items)
        commit = snapshot.built.get(("fact_financials", period))
        if commit:
            star = _total(Count(one.line_count, one.amount) for one in commit.sums)
            as_delivered = _total(Count(one.line_count, one.delivered_amount) for one in commit.sums)
            hidden = Count(commit.hidden_lines, commit.hidden_amount)
            found.append(_Counted(period, commit.version, accepted, hidden, as_delivered, star))
        else:
            found.append(_Counted(period, "", accepted, Count(), accepted, accepted))
    return found


def _in_warehouse(warehouse: Queryable, periods: Sequence[_Counted]) -> Count:
    """Return what the warehouse holds; with the sign as delivered where it holds a period as it is built."""
    try:
        ((rows, amount),) = warehouse.query(statement(SqlFile.LINES_IN_WAREHOUSE)).rows
    except NoWarehouseYetError:
        return Count()
    flipped = [period for period in periods if period.as_delivered != period.in_star]
    versions = published_versions(warehouse) if flipped else {}
    loaded = [period for period in flipped if versions.get(("fact_financials", period.period)) == period.version]
    return _total([Count(rows, amount), *(_less(period.as_delivered, period.in_star) for period in loaded)])


def _less(whole: Count, part: Count) -> Count:
    return Count(whole.rows - part.rows, whole.amount - part.amount)


def _outcome(commits: Iterable[DeliveryCommit], name: str) -> Count:
    return _total(commit.outcome(name) for commit in commits)


def _total(counts: Iterable[Count]) -> Count:
    return sum(counts, Count())
