"""Checks on the built star: it says what the ledger lines say.

Belongs here: functions of the snapshot and the small tables that it names. Does not belong here: Spark, the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import Count
from finance_platform.quality.checks import ACCOUNTS_HAVE_SIGN, LINES_EQUAL_STAR, Outcome, counted, limited
from finance_platform.slices.account_types import UNKNOWN, account_types, accounts_mentioned
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries
from finance_platform.storage.port import ObjectStore


def check_lines_equal_star(snapshot: Snapshot) -> Outcome:
    """Return whether each scenario, period and account has as many lines and cents in the star as its ledger lines.

    The job that builds a slice compares both, and commits what it found with the slice; see `glue.control`. What it
    found is compared here with what the deliveries' own commits say.
    """
    facts = {name: commit for (table, name), commit in snapshot.built.items() if table == FACT_FINANCIALS.name}
    evidence = [
        {
            "period": commit.slice,
            "scenario_key": one.scenario_key,
            "account_key": one.account_key,
            "lines": one.lines,
            "star": one.star,
        }
        for commit in facts.values()
        for one in commit.differences
    ]
    evidence += _lost_since_they_were_accepted(snapshot, facts)
    compared = sum(commit.accounts_compared for commit in facts.values())
    summary = f"{compared} sums by scenario, period and account compared"
    summary += f", {len(evidence)} differ" if evidence else ""
    return Outcome(LINES_EQUAL_STAR, not evidence, summary, limited(evidence))


def _lost_since_they_were_accepted(snapshot: Snapshot, facts: Mapping[str, SliceCommit]) -> list[dict[str, Any]]:
    """Compare what the deliveries' commits accepted with what the build found: accepted = live + hidden."""
    evidence = []
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        commit = facts.get(period)
        if commit is None:
            continue
        accepted = sum((item.accepted(period) for item in items), Count())
        lines = sum(one.line_count for one in commit.sums) + commit.hidden_lines
        amount = sum((one.delivered_amount for one in commit.sums), commit.hidden_amount)
        if (accepted.rows, accepted.amount) != (lines, amount):
            evidence.append(
                {
                    "period": period,
                    "lines": f"accepted {accepted.rows} lines, {accepted.amount}",
                    "star": f"live and hidden {lines} lines, {amount}",
                }
            )
    return evidence


def check_accounts_have_sign(snapshot: Snapshot, processed: ObjectStore) -> Outcome:
    """Return whether every account of a debit-positive feed has a type, and so a direction.

    It is read off what is there, not told by the job that builds: a run with nothing to build must fail as well.
    """
    evidence = [{"account": number} for number in _accounts_without_sign(snapshot, processed)]
    summary = f"{counted(len(evidence), 'account')} without a type under a debit-positive feed"
    return Outcome(ACCOUNTS_HAVE_SIGN, not evidence, summary, limited(evidence))


def _accounts_without_sign(snapshot: Snapshot, processed: ObjectStore) -> list[str]:
    flipped = {
        item.delivery.delivery_id: item.delivery
        for items in contributing_deliveries(snapshot.state, snapshot.overlaps).values()
        for item in items
        if item.delivery.commit.is_debit_positive
    }
    if not flipped:
        return []
    types = account_types(processed, snapshot.state)
    mentioned: dict[int, str] = {}
    for delivery in flipped.values():
        mentioned |= accounts_mentioned(processed, delivery)
    return sorted(code for key, code in mentioned.items() if types[key] == UNKNOWN)
