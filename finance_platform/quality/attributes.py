"""Checks on the attributes of members: ledger lines that contradict each other, earlier attributes that are lost.

Belongs here: the outcomes, with the money at stake. Does not belong here: when two values conflict (see
`deliveries.attribute_conflicts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.live_files import live_with_files
from finance_platform.deliveries.members.account_counts import parts_on_accounts
from finance_platform.deliveries.verdicts.attribute_conflicts import (
    ACCOUNT_TYPE,
    AttributeConflict,
    GrossOf,
    find_attribute_conflicts,
    find_master_data_conflicts,
    gross_by_scenario,
)
from finance_platform.money_text import grouped_money
from finance_platform.quality.checks import ATTRIBUTES_AGREE, EARLIER_ATTRIBUTES_KNOWN, TYPES_AGREE, Check, Outcome
from finance_platform.quality.ended_members import EndedMember, find_lines_after_the_end
from finance_platform.safe_text import quote_name
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore


def check_attributes(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Check that live lines, and live reference files, give each member one type, name, category and business unit."""
    conflicts = find_attribute_conflicts(processed, snapshot.state.live, snapshot.overlaps)
    described = live_with_files(snapshot.state, ACCOUNTS.name, DEPARTMENTS.name)
    conflicts += find_master_data_conflicts(processed, described, _gross_of(snapshot, processed))
    types = [conflict for conflict in conflicts if conflict.attribute == ACCOUNT_TYPE]
    others = [conflict for conflict in conflicts if conflict.attribute != ACCOUNT_TYPE]
    outcomes = [_outcome(TYPES_AGREE, types)]
    for name, check in ATTRIBUTES_AGREE.items():
        ended = find_lines_after_the_end(snapshot, processed, name)
        outcomes.append(_with_ended(_outcome(check, [one for one in others if f"dim_{one.dimension}" == name]), ended))
    return outcomes


def check_earlier_attributes(snapshot: Snapshot) -> list[Outcome]:
    """Check that every earlier file of master data that describes a closed period has its record."""
    outcomes = []
    for name, check in EARLIER_ATTRIBUTES_KNOWN.items():
        kind = f"{name.removeprefix('dim_')}s"
        lost = [event for event in snapshot.state.lost_descriptions if event.kind == kind]
        evidence = [
            {
                "what": f"{quote_name(event.object_key)}: deliveries/{event.delivery_id}.json of an earlier version is "
                "missing or damaged",
                "file": event.object_key,
                "delivery": event.delivery_id,
            }
            for event in lost
        ]
        summary = f"the records of {pluralize(len(lost), 'earlier version')} are lost" if lost else "all are known"
        outcomes.append(Outcome.from_evidence(check, evidence, summary))
    return outcomes


def _gross_of(snapshot: Snapshot, processed: ObjectStore) -> GrossOf:
    """Return what finds the money of an account; the counts by account are read only if there is a conflict."""

    def gross(account: int) -> dict[str, tuple[int, Decimal]]:
        commits = [delivery.commit for delivery in snapshot.state.ledger]
        money: dict[str, tuple[int, Decimal]] = {}
        for part in parts_on_accounts(processed, commits, {account}).values():
            for count in part.periods:
                rows, amount = money.get(count.scenario, (0, Decimal("0.00")))
                money[count.scenario] = rows + count.rows, amount + count.absolute
        return money

    return gross


def _outcome(check: Check, conflicts: Sequence[AttributeConflict]) -> Outcome:
    evidence = [_evidence_row(conflict) for conflict in conflicts]
    if not evidence:
        return Outcome.from_evidence(check, evidence, "no contradictions")
    parts = []
    for attribute in dict.fromkeys(conflict.attribute for conflict in conflicts):
        of_attribute = [conflict for conflict in conflicts if conflict.attribute == attribute]
        members = pluralize(len({conflict.code for conflict in of_attribute}), of_attribute[0].dimension)
        gross = gross_by_scenario(conflict for conflict in of_attribute if conflict.given.scenario)
        money = ", ".join(f"{name} {grouped_money(amount)}" for name, amount in sorted(gross.items()))
        parts.append(f"{attribute} of {members}, gross at stake: {money or 'none'}")
    return Outcome.from_evidence(check, evidence, "; ".join(parts))


def _with_ended(outcome: Outcome, ended: Sequence[EndedMember]) -> Outcome:
    """Return an outcome that also names the members that have lines after their end."""
    if not ended:
        return outcome
    lines, gross = sum(one.lines for one in ended), sum((one.gross for one in ended), Decimal(0))
    number = len({one.code for one in ended})
    members = pluralize(number, f"{ended[0].dimension} has", f"{ended[0].dimension}s have")
    most = ended[0].code
    summary = f"{members} Actual after valid_to, lines {lines:,}, gross {grouped_money(gross)}, most of {most}"
    evidence = [*outcome.evidence, *(one.evidence for one in ended)]
    return Outcome.from_evidence(
        outcome.check, evidence, summary if outcome.passed else f"{outcome.summary}; {summary}"
    )


def _evidence_row(conflict: AttributeConflict) -> dict[str, Any]:
    given, counted = conflict.given, conflict.counted
    member = f"{conflict.dimension} {conflict.code}{f' in {given.period}' if given.period else ''}"
    return {
        "what": (
            f"{member}: {quote_name(given.object_key)}, line {given.line}, gives the {conflict.attribute} "
            f"{given.value!r}; {counted.value!r} counts, by {quote_name(counted.object_key)}, line {counted.line}"
        ),
        "file": given.object_key,
        "row": given.line,
        "period": given.period,
        "scenario": given.scenario,
        conflict.dimension: conflict.code,
        "lines": given.row_count,
        "gross_at_stake": str(given.gross),
    }
