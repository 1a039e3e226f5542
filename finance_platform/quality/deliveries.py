"""Checks on deliveries: intake, the equation, tolerance, refusals, gaps.

Belongs here: pure functions of intake and state. Does not belong here: reading the lake.
"""

from __future__ import annotations

from typing import Any

from finance_platform.deliveries.acceptance import tolerance_breach
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.feeds.dates import periods_between
from finance_platform.feeds.feed_set import Problem
from finance_platform.quality.anomalies import last_is_thin
from finance_platform.quality.checks import (
    ARRIVED_IN_ORDER,
    DESCRIPTORS_VALID,
    EVERY_FILE_HAS_FEED,
    EVERY_ROW_ACCOUNTED,
    NO_FILE_REFUSED,
    NO_GAPS,
    NOTHING_HELD,
    WITHIN_TOLERANCE,
    Check,
    Outcome,
    counted,
    limited,
    raw_checks,
)

_HELD = ("delivery held", "deliveries held")


def check_raw(feed: str, intake: RawZoneScan) -> list[Outcome]:
    """Return whether a feed's objects can be opened and are still there."""
    opened, vanished = raw_checks(feed)
    reader = {event.object_key: event.feed for event in intake.events}
    problems = [problem for problem in intake.problems if problem.feed == feed]
    gone = [key for key in intake.vanished if reader[key] == feed]
    return [
        _outcome(
            opened, [_problem(problem) for problem in problems], "file cannot be opened", "files cannot be opened"
        ),
        _outcome(vanished, [{"file": key} for key in gone], "file vanished", "files vanished"),
    ]


def check_unread(intake: RawZoneScan, feeds_folder: str) -> list[Outcome]:
    """Return whether every descriptor can be used and every file is read by a feed.

    Args:
        intake: what the last look at the raw zone gave.
        feeds_folder: where the home's descriptors are, for the fix.
    """
    problems = [_problem(problem) for problem in intake.problems if not problem.feed]
    fix = f"add a descriptor to {feeds_folder}, or take the file out of the raw zone"
    unread = [{"file": key, "fix": fix} for key in intake.unmatched]
    return [
        _outcome(DESCRIPTORS_VALID, problems, "unusable descriptor or file", "unusable descriptors or files"),
        _outcome(EVERY_FILE_HAS_FEED, unread, "file without a feed", "files without a feed"),
    ]


def check_deliveries(state: DeliveryState) -> list[Outcome]:
    """Return whether every current delivery counts, came in order, and whether Actual has gaps."""
    held = [stopped for stopped in state.stopped if not stopped.is_refused]
    lost = [_lost(stopped.commit) for stopped in held if any(stopped.commit.unaccounted)]
    beyond = [stopped for stopped in held if tolerance_breach(stopped.event, stopped.commit)]
    other = [stopped for stopped in held if stopped not in beyond and not any(stopped.commit.unaccounted)]
    late = [
        {"file": delivery.event.object_key, "what": warning}
        for delivery in state.live
        if delivery.judged
        for warning in delivery.judged.warnings
    ]
    return [
        _outcome(
            EVERY_ROW_ACCOUNTED,
            lost,
            "delivery with rows or money unaccounted for",
            "deliveries with rows or money unaccounted for",
        ),
        _outcome(WITHIN_TOLERANCE, [_stopped(one) for one in beyond], *_HELD),
        _outcome(NOTHING_HELD, [_stopped(one) for one in other], *_HELD),
        _outcome(
            NO_FILE_REFUSED, [_stopped(s) for s in state.stopped if s.is_refused], "file refused", "files refused"
        ),
        _outcome(ARRIVED_IN_ORDER, late, "delivery came late", "deliveries came late"),
        _check_gaps(state),
    ]


def _lost(commit: DeliveryCommit) -> dict[str, Any]:
    rows, amount, unpriced = commit.unaccounted
    return {"file": commit.object_key, "rows": rows, "amount": str(amount), "unpriced": unpriced}


def _check_gaps(state: DeliveryState) -> Outcome:
    lines: dict[str, int] = {}
    for delivery in state.ledger:
        for count in delivery.commit.periods:
            if count.scenario_type == "Actual":
                lines[count.period] = lines.get(count.period, 0) + count.rows
    periods = sorted(lines)
    evidence: list[dict[str, Any]] = [{"period": gap, "lines": 0, "what": "gap"} for gap in _gaps(periods)]
    if last_is_thin([lines[period] for period in periods]):
        evidence.append({"period": periods[-1], "lines": lines[periods[-1]], "what": "thin last period"})
    return _outcome(NO_GAPS, evidence, "gap or thin period", "gaps or thin periods")


def _gaps(periods: list[str]) -> list[str]:
    if not periods:
        return []
    return sorted(set(periods_between(periods[0], periods[-1])) - set(periods))


def _outcome(check: Check, evidence: list[dict[str, Any]], one: str, many: str) -> Outcome:
    summary = counted(len(evidence), one, many) if evidence else f"no {many}"
    return Outcome(check, not evidence, summary, limited(evidence))


def _problem(problem: Problem) -> dict[str, Any]:
    return {"file": problem.where, "problem": problem.message, "fix": problem.fix}


def _stopped(stopped: InactiveDelivery) -> dict[str, Any]:
    return {"file": stopped.event.object_key, "reason": stopped.reason, "fix": stopped.fix}
