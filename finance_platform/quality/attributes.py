"""Checks on the attributes of members: ledger lines that contradict each other.

Belongs here: the outcomes, with the money at stake. Does not belong here: when two values conflict (see
`deliveries.attribute_conflicts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finance_platform.deliveries.attribute_conflicts import (
    ACCOUNT_TYPE,
    AttributeConflict,
    find_attribute_conflicts,
    gross_by_scenario,
)
from finance_platform.quality.checks import ATTRIBUTES_AGREE, TYPES_AGREE, Check, Outcome, pluralize
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore


def check_attributes(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Check that the live lines give each member one type, name, category and business unit."""
    conflicts = find_attribute_conflicts(processed, snapshot.state.live, snapshot.overlaps)
    types = [conflict for conflict in conflicts if conflict.attribute == ACCOUNT_TYPE]
    others = [conflict for conflict in conflicts if conflict.attribute != ACCOUNT_TYPE]
    outcomes = [_outcome(TYPES_AGREE, types)]
    for name, check in ATTRIBUTES_AGREE.items():
        outcomes.append(_outcome(check, [one for one in others if f"dim_{one.dimension}" == name]))
    return outcomes


def _outcome(check: Check, conflicts: Sequence[AttributeConflict]) -> Outcome:
    evidence = [_evidence_row(conflict) for conflict in conflicts]
    if not evidence:
        return Outcome.from_evidence(check, evidence, "no contradictions")
    parts = []
    for attribute in dict.fromkeys(conflict.attribute for conflict in conflicts):
        of_attribute = [conflict for conflict in conflicts if conflict.attribute == attribute]
        members = pluralize(len({conflict.code for conflict in of_attribute}), of_attribute[0].dimension)
        money = ", ".join(f"{name} {gross:,.2f}" for name, gross in sorted(gross_by_scenario(of_attribute).items()))
        parts.append(f"{attribute} of {members}, gross at stake: {money}")
    return Outcome.from_evidence(check, evidence, "; ".join(parts))


def _evidence_row(conflict: AttributeConflict) -> dict[str, Any]:
    given, counted = conflict.given, conflict.counted
    return {
        "what": (
            f"{conflict.dimension} {conflict.code} in {given.period}: {given.object_key}, line {given.line}, gives the "
            f"{conflict.attribute} {given.value!r}; {counted.value!r} counts, by {counted.object_key}, "
            f"line {counted.line}"
        ),
        "file": given.object_key,
        "line": given.line,
        "period": given.period,
        "scenario": given.scenario,
        conflict.dimension: conflict.code,
        "lines": given.row_count,
        "gross_at_stake": str(given.gross),
    }
