"""Checks on deliveries: intake, the equation, tolerance, refusals, gaps.

Belongs here: pure functions of intake and state. Does not belong here: reading the lake.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from finance_platform.feeds.catalog import Problem
from finance_platform.lake.intake import Intake
from finance_platform.lake.state import LakeState, StoppedDelivery
from finance_platform.quality.catalogue import (
    EVERY_ROW_ACCOUNTED,
    NO_FILE_REFUSED,
    NO_GAPS,
    WITHIN_TOLERANCE,
    Check,
    Outcome,
    limited,
    raw_checks,
)

_THIN_SHARE = 0.5


def check_raw(feed: str, intake: Intake) -> list[Outcome]:
    """Return whether a feed's objects can be opened and are still there."""
    opened, vanished = raw_checks(feed)
    reader = {event.object_key: event.feed for event in intake.events}
    problems = [problem for problem in intake.problems if problem.feed == feed]
    gone = [key for key in intake.vanished if reader[key] == feed]
    return [
        _outcome(opened, [_problem(problem) for problem in problems], "files cannot be opened"),
        _outcome(vanished, [{"file": key} for key in gone], "files vanished"),
    ]


def check_deliveries(state: LakeState) -> list[Outcome]:
    """Return whether every current delivery counts, and whether Actual has gaps."""
    current = [delivery.commit for delivery in state.live] + [stopped.commit for stopped in state.stopped]
    lost = [
        {"file": commit.object_key, "rows": rows, "amount": str(amount), "unpriced": unpriced}
        for commit in current
        if commit.status == "read"
        for rows, amount, unpriced in [commit.unaccounted]
        if rows or amount or unpriced
    ]
    lost_files = {row["file"] for row in lost}
    refused = [_stopped(s) for s in state.stopped if s.is_refused]
    held = [_stopped(s) for s in state.stopped if not s.is_refused and s.event.object_key not in lost_files]
    return [
        _outcome(EVERY_ROW_ACCOUNTED, lost, "deliveries with rows or money unaccounted for"),
        _outcome(WITHIN_TOLERANCE, held, "deliveries held"),
        _outcome(NO_FILE_REFUSED, refused, "files refused"),
        _check_gaps(state),
    ]


def _check_gaps(state: LakeState) -> Outcome:
    lines: dict[str, int] = {}
    for delivery in state.ledger:
        for count in delivery.commit.periods:
            if count.scenario_type == "Actual":
                lines[count.period] = lines.get(count.period, 0) + count.rows
    periods = sorted(lines)
    evidence: list[dict[str, Any]] = [{"period": gap, "lines": 0, "what": "gap"} for gap in _gaps(periods)]
    if len(periods) > 2 and lines[periods[-1]] < _THIN_SHARE * median(lines[period] for period in periods[:-1]):
        evidence.append({"period": periods[-1], "lines": lines[periods[-1]], "what": "thin last period"})
    return _outcome(NO_GAPS, evidence, "gaps or thin periods")


def _gaps(periods: list[str]) -> list[str]:
    if not periods:
        return []
    first, last = (int(p[:4]) * 12 + int(p[5:]) - 1 for p in (periods[0], periods[-1]))
    every = [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last + 1)]
    return sorted(set(every) - set(periods))


def _outcome(check: Check, evidence: list[dict[str, Any]], what: str) -> Outcome:
    summary = f"{len(evidence)} {what}" if evidence else f"no {what}"
    return Outcome(check, not evidence, summary, limited(evidence))


def _problem(problem: Problem) -> dict[str, Any]:
    return {"file": problem.where, "problem": problem.message, "fix": problem.fix}


def _stopped(stopped: StoppedDelivery) -> dict[str, Any]:
    return {"file": stopped.event.object_key, "reason": stopped.reason, "fix": stopped.fix}
