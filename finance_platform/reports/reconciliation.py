"""The reconciliation: everything that was ever delivered, and where each row and cent of it is now.

Belongs here: its terms, from commits and the warehouse. Does not belong here: printing (see `cli.rendering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import Count, DeliveryCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement


@dataclass(frozen=True)
class Reconciliation:
    """delivered = in the warehouse + rejected + duplicate + skipped + superseded + held + withdrawn.

    Rows are candidate lines of ledger feeds; money has the sign as delivered, rounded to cents when it is read.

    Attributes:
        delivered: rows and money of every delivery ever read, before any rule.
        in_warehouse: rows and money that the warehouse contains now.
        rejected: lines that violate a rule; `unpriced` of them have no amount.
        duplicate: lines that repeat another of the same delivery.
        skipped: rows that are not data.
        superseded: accepted lines that a later delivery replaced.
        held: accepted lines of deliveries that await a verdict or a decision.
        withdrawn: accepted lines of deliveries that a person withdrew.
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
        """Rows and money that no term explains: zero once everything live is loaded, unless something was lost."""
        explained = _total(
            [
                self.in_warehouse,
                self.rejected,
                self.duplicate,
                self.skipped,
                self.superseded,
                self.held,
                self.withdrawn,
            ]
        )
        return self.delivered.rows - explained.rows, self.delivered.amount - explained.amount


def reconcile(snapshot: Snapshot, warehouse: Queryable) -> Reconciliation:
    """Return the current reconciliation; lines that count and are not loaded yet are the difference."""
    ledger = [commit for commit in snapshot.commits.values() if commit.kind == "ledger" and commit.status == "read"]
    state = snapshot.state
    live = {delivery.delivery_id for delivery in state.ledger}
    held = {inactive.commit.delivery_id for inactive in state.inactive}
    # A delivery that counts as it was first discovered, and is held as it was discovered last, is live.
    held = (held | {delivery.delivery_id for delivery in state.awaiting_verdict}) - live
    withdrawn = {inactive.commit.delivery_id for inactive in state.withdrawn}
    replaced = [commit for commit in ledger if commit.delivery_id not in live | held | withdrawn]
    accepted = _total(commit.outcome("accepted") for commit in ledger if commit.delivery_id in live)
    periods = _contributing_lines(snapshot)
    contributing = _total(period.accepted for period in periods)
    return Reconciliation(
        delivered=_total(Count(c.read.rows, c.read.amount + c.rounding, unpriced=c.read.unpriced) for c in ledger),
        in_warehouse=_in_warehouse(warehouse, periods),
        rejected=_outcome(ledger, "rejected"),
        duplicate=_outcome(ledger, "duplicate"),
        skipped=_outcome(ledger, "skipped"),
        superseded=_total(
            [
                *(commit.outcome("accepted") for commit in replaced),
                _subtract(accepted, contributing),
                *(period.superseded for period in periods),
            ]
        ),
        held=_total(c.outcome("accepted") for c in ledger if c.delivery_id in held - withdrawn),
        withdrawn=_total(c.outcome("accepted") for c in ledger if c.delivery_id in withdrawn),
    )


@dataclass(frozen=True)
class _ContributingLines:
    """The lines of one period, of the deliveries that contribute to it.

    Attributes:
        period: YYYY-MM.
        version: of the built slice; empty if it is not built.
        accepted: the accepted lines of the deliveries' commits, superseded lines included.
        superseded: those that a later delivery supersedes line by line.
        as_delivered: the lines in the slice, with the sign as delivered.
        in_star: the lines in the slice, with the sign of the star.
    """

    period: str
    version: str
    accepted: Count
    superseded: Count
    as_delivered: Count
    in_star: Count


def _contributing_lines(snapshot: Snapshot) -> list[_ContributingLines]:
    """Return the contributing lines by period; the superseded lines of a period are only known once it is built."""
    periods = []
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        accepted = _total(item.accepted(period) for item in items)
        commit = snapshot.built.get((FACT_FINANCIALS.name, period))
        if commit:
            star = _total(Count(total.line_count, total.amount) for total in commit.sums)
            as_delivered = _total(Count(total.line_count, total.delivered_amount) for total in commit.sums)
            superseded = Count(commit.hidden_lines, commit.hidden_amount)
            periods.append(_ContributingLines(period, commit.version, accepted, superseded, as_delivered, star))
        else:
            periods.append(_ContributingLines(period, "", accepted, Count(), accepted, accepted))
    return periods


def _in_warehouse(warehouse: Queryable, periods: Sequence[_ContributingLines]) -> Count:
    """Return rows and money in the warehouse; with the sign as delivered for periods that are loaded as built."""
    try:
        ((rows, amount),) = warehouse.query(statement(SqlFile.LINES_IN_WAREHOUSE)).rows
    except NoWarehouseYetError:
        return Count()
    flipped = [period for period in periods if period.as_delivered != period.in_star]
    versions = published_versions(warehouse) if flipped else {}
    loaded = [period for period in flipped if versions.get((FACT_FINANCIALS.name, period.period)) == period.version]
    return _total([Count(rows, amount), *(_subtract(period.as_delivered, period.in_star) for period in loaded)])


def _subtract(whole: Count, part: Count) -> Count:
    return Count(whole.rows - part.rows, whole.amount - part.amount)


def _outcome(commits: Iterable[DeliveryCommit], name: str) -> Count:
    return _total(commit.outcome(name) for commit in commits)


def _total(counts: Iterable[Count]) -> Count:
    return sum(counts, Count())
