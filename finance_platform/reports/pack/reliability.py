"""The state of a home as a pack shows it: what is held, rejected, unexplained, and what the latest load changed.

Belongs here: choosing and adding up what other reports say. Does not belong here: where each row is (see
`reports.reconciliation`), the changes themselves (see `reports.movements`).
"""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from finance_platform.deliveries.state import DeliveryState
from finance_platform.reports.movements import last_movements, restatement_summary
from finance_platform.reports.pack.model import Movement, RejectedRule, RejectedTotal, Reliability, WaitingFile
from finance_platform.reports.reconciliation import current_deliveries, reconcile
from finance_platform.reports.statement import Reconciliation
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Queryable

_REJECTED = "rejected"
_CENT = Decimal("0.01")


def read_reliability(processed: ObjectStore, snapshot: Snapshot, warehouse: Queryable, currency: str) -> Reliability:
    """Return what a reader must know before they rely on the figures.

    Args:
        processed: the processed zone.
        snapshot: its state.
        warehouse: the warehouse.
        currency: the home's currency.
    """
    reconciliation = reconcile(processed, snapshot, warehouse, currency=currency)
    return Reliability(
        waiting=tuple(WaitingFile(one.event.object_key, one.reason, one.fix) for one in snapshot.state.inactive),
        rejected=_rejected(reconciliation),
        rejected_rows=reconciliation.rows(_REJECTED),
        rules=_rules(snapshot.state),
        unexplained=tuple(f"{line.scenario}, {line.unit}" for line in reconciliation.unexplained),
        restated=sum(row["cells"] for row in restatement_summary(warehouse)),
    )


def read_last_movements(warehouse: Queryable) -> list[Movement]:
    """Return what the latest load changed in periods that were published before, oldest period first."""
    return [_movement(row) for row in last_movements(warehouse, published_slices(warehouse).values())]


def _movement(row: dict[str, Any]) -> Movement:
    return Movement(
        load_number=row["load_number"],
        period=row["period"],
        kind=row["kind"],
        scenario=row["scenario"],
        measure=row["measure"],
        cells=row["cells"],
        difference=row["difference"],
        moved=row["moved"],
        is_restatement=row["is_restatement"],
        cause=row["cause"] or "",
    )


def _rejected(reconciliation: Reconciliation) -> tuple[RejectedTotal, ...]:
    totals = ((line, line.term(_REJECTED)) for line in reconciliation.by_scenario)
    return tuple(
        RejectedTotal(line.scenario, line.unit, count.rows, count.absolute.quantize(_CENT, ROUND_HALF_UP))
        for line, count in totals
        if count.rows
    )


def _rules(state: DeliveryState) -> tuple[RejectedRule, ...]:
    """Return the rules that rejected rows of current deliveries break; a skipped or repeated row is no fault."""
    counts: Counter[str] = Counter()
    for delivery in current_deliveries(state):
        counts.update(delivery.commit.rules)
    return tuple(RejectedRule(rule, rows) for rule, rows in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
