"""Checks on the built star: it says what the ledger lines say.

Belongs here: pure functions of the snapshot. Does not belong here: Spark, the warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from finance_platform.lake.plan import period_inputs, upsert_groups
from finance_platform.lake.snapshot import Snapshot
from finance_platform.quality.catalogue import ACCOUNTS_HAVE_SIGN, LINES_EQUAL_STAR, Outcome, limited

_Control = tuple[int, Decimal]


def check_lines_equal_star(snapshot: Snapshot) -> Outcome:
    """Return whether each period and scenario has as many lines and cents in the star as its deliveries accepted.

    Compared are the periods whose deliveries count whole and with their sign as delivered: where keys hide earlier
    lines, or signs are flipped, the commits alone do not say what is expected.
    """
    rivals = set(upsert_groups(snapshot.state))
    evidence = []
    compared = 0
    for period, items in period_inputs(snapshot.state).items():
        if any(item.delivery.event.feed in rivals or item.delivery.commit.is_debit_positive for item in items):
            continue
        compared += 1
        expected: dict[str, _Control] = {}
        for item in items:
            for count in item.delivery.commit.periods:
                if count.period == period and count.scenario in item.scenarios:
                    rows, amount = expected.get(count.scenario, (0, Decimal(0)))
                    expected[count.scenario] = (rows + count.rows, amount + count.amount)
        commit = snapshot.built.get(("fact_financials", period))
        found = {one.scenario: (one.line_count, one.amount) for one in commit.sums} if commit else {}
        evidence += [
            {"period": period, "scenario": name, "lines": str(expected.get(name)), "star": str(found.get(name))}
            for name in sorted(expected | found)
            if expected.get(name, (0, 0)) != found.get(name, (0, 0))
        ]
    summary = f"{compared} periods compared" + (f", {len(evidence)} differences" if evidence else "")
    return Outcome(LINES_EQUAL_STAR, not evidence, summary, limited(evidence))


def check_accounts_have_sign(accounts_without_sign: Sequence[str]) -> Outcome:
    """Return whether every account of a debit-positive feed has a type, and so a direction."""
    evidence = [{"account": number} for number in accounts_without_sign]
    summary = f"{len(evidence)} accounts without a type under a debit-positive feed"
    return Outcome(ACCOUNTS_HAVE_SIGN, not evidence, summary, limited(evidence))
