"""Reasons to hold a delivery that its commit alone shows.

Belongs here: its rejected rows, its accepted ones. Does not belong here: reasons that other deliveries give it (see
`hold_reasons`), doubts of its reader (see `feeds`).
"""

from __future__ import annotations

from decimal import Decimal

from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import LiveDelivery, covered_periods, replaces_periods
from finance_platform.money_text import grouped_money


def tolerance_breach(event: DeliveryDiscovered, commit: DeliveryCommit) -> str | None:
    """Return how the rejected rows or amounts exceed the feed's tolerance; None if they do not."""
    rejected = commit.outcome("rejected")
    share = Decimal(event.tolerated_share)
    if rejected.rows > share * commit.read.rows:
        cause = f"; {commit.findings.cause}" if commit.findings.cause else ""
        return f"{rejected.rows:,} of {commit.read.rows:,} rows rejected, tolerated {share:%}{cause}"
    if event.tolerated_amount is not None and rejected.absolute > Decimal(event.tolerated_amount):
        return _over_amount(grouped_money(rejected.absolute), event.tolerated_amount)
    for currency, amount in sorted(commit.rejected_foreign.items()):
        if event.tolerated_amount is not None and amount > Decimal(event.tolerated_amount):
            return _over_amount(f"{grouped_money(amount)} {currency}", event.tolerated_amount)
    return None


def _over_amount(rejected: str, tolerated: str) -> str:
    return f"{rejected} rejected, tolerated {grouped_money(Decimal(tolerated))}"


def nothing_accepted(delivery: LiveDelivery) -> str | None:
    """Return why no row of a delivery was accepted; None if one was, or if the delivery may be without rows.

    A file without a rejected row may be without rows if its name declares its periods and its feed the scenario: it
    then states that there is nothing in these periods.
    """
    commit = delivery.commit
    if commit.outcome("accepted").rows:
        return None
    if replaces_periods(delivery) and covered_periods(delivery) and not commit.outcome("rejected").rows:
        return None
    if not commit.read.rows:
        return "the file has no rows"
    counts = [f"{commit.outcome(name).rows:,} {name}" for name in OUTCOMES if commit.outcome(name).rows]
    return f"none of {commit.read.rows:,} rows was accepted: {', '.join(counts)}"
