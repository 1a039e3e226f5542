"""Checks on the processed zone: files match their contracts, and the star agrees with its ledger lines.

Belongs here: functions of Parquet footers, the snapshot and the small tables that it names.
Does not belong here: Spark, the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.schemas import contract_columns, parquet_columns
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.members.account_types import UNKNOWN, account_types, accounts_mentioned
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.quality.checks import ACCOUNTS_HAVE_SIGN, LINES_EQUAL_STAR, SCHEMA_CHECKS, Outcome
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries
from finance_platform.storage.bulk_read import open_many
from finance_platform.storage.port import ObjectStore


def check_schema(contract: Contract, processed: ObjectStore, keys: Iterable[str]) -> Outcome:
    """Check that every Parquet file has exactly the contract's columns, in order, with its types."""
    (check,) = [check for check in SCHEMA_CHECKS if check.asset == ("processed", contract.name)]
    expected = contract_columns(contract.stored_columns)
    files = list(keys)
    evidence = [
        {"file": key, "expected": str(expected), "found": str(columns)}
        for key, columns in zip(files, open_many(processed, files, parquet_columns), strict=True)
        if columns != expected
    ]
    summary = f"{pluralize(len(files), 'file')} read"
    if evidence:
        summary += f", {pluralize(len(evidence), 'differs', 'differ')}"
    return Outcome.from_evidence(check, evidence, summary)


def check_star(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Run the blocking checks on the built slices; nothing may be published that fails one."""
    return [check_lines_equal_star(snapshot), check_accounts_have_sign(snapshot, processed)]


def check_lines_equal_star(snapshot: Snapshot) -> Outcome:
    """Check that the star has the lines and cents of its ledger lines, by scenario, period and account.

    The job that builds a slice compares both and commits the differences with the slice (see
    `spark_jobs.control_totals`). Its totals are compared here with the commits of the deliveries.
    """
    facts = {name: commit for (table, name), commit in snapshot.built.items() if table == FACT_FINANCIALS.name}
    evidence = [
        {
            "period": commit.slice,
            "scenario_key": difference.scenario_key,
            "account_key": difference.account_key,
            "lines": difference.lines,
            "star": difference.star,
        }
        for commit in facts.values()
        for difference in commit.differences
    ]
    evidence += _lost_after_acceptance(snapshot, facts)
    compared = sum(commit.accounts_compared for commit in facts.values())
    summary = f"{compared} sums by scenario, period and account compared"
    summary += f", {len(evidence)} differ" if evidence else ""
    return Outcome.from_evidence(LINES_EQUAL_STAR, evidence, summary)


def _lost_after_acceptance(snapshot: Snapshot, facts: Mapping[str, SliceCommit]) -> list[dict[str, Any]]:
    """Compare the accepted lines of the deliveries with the build: accepted = live + superseded."""
    evidence = []
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        commit = facts.get(period)
        if commit is None:
            continue
        accepted = [count for item in items for count in item.accepted]
        accepted_lines = sum(count.rows for count in accepted)
        accepted_amount = reduce(EXACT.add, (count.amount for count in accepted), Decimal("0.00"))
        lines = sum(total.line_count for total in commit.sums) + commit.hidden_lines
        amount = sum((total.delivered_amount for total in commit.sums), commit.hidden_amount)
        if (accepted_lines, accepted_amount) != (lines, amount):
            evidence.append(
                {
                    "period": period,
                    "lines": f"accepted {accepted_lines} lines, {accepted_amount}",
                    "star": f"live and superseded {lines} lines, {amount}",
                }
            )
    return evidence


def check_accounts_have_sign(snapshot: Snapshot, processed: ObjectStore) -> Outcome:
    """Check that every account of a debit-positive feed has a type, and therefore a sign.

    It reads the processed zone, not the result of the build: a run without anything to build must fail as well.
    """
    evidence = [{"account": number} for number in _accounts_without_sign(snapshot, processed)]
    summary = f"{pluralize(len(evidence), 'account')} without a type under a debit-positive feed"
    return Outcome.from_evidence(ACCOUNTS_HAVE_SIGN, evidence, summary)


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
