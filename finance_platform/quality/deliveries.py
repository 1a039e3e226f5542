"""Checks on raw objects and deliveries: the scan, the row equation, tolerance, refusals, gaps.

Belongs here: pure functions of scan and state. Does not belong here: reading a zone.
"""

from __future__ import annotations

from typing import Any

from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.header_changes import FIX_HEADER
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.deliveries.verdicts.commit_reasons import tolerance_breach
from finance_platform.feeds.feed_set import Problem, advise_unmatched
from finance_platform.feeds.values.dates import periods_between
from finance_platform.quality.anomalies import has_thin_last_period
from finance_platform.quality.checks import (
    ARRIVED_IN_ORDER,
    DESCRIPTORS_VALID,
    EVERY_FILE_HAS_FEED,
    EVERY_ROW_ACCOUNTED,
    HEADERS_UNCHANGED,
    NO_FILE_REFUSED,
    NO_GAPS,
    NOTHING_HELD,
    WITHIN_TOLERANCE,
    Check,
    Outcome,
    raw_checks,
)
from finance_platform.quality.delivery_order import FIX_ORDER, find_uncertain_orders
from finance_platform.quality.stray_periods import StrayPeriods, find_stray_periods
from finance_platform.safe_text import quote_name
from finance_platform.slices.counted_lines import count_actual_lines

FIX_SMALLER = (
    "compare the file with its source: it may have been cut off, or exported with a filter; if it is whole, nothing "
    "needs to be done, and the warning ends when the period is closed"
)
"""What to do about a file that has much less than what it replaced."""

_FIX_STRAY = (
    "`finance-platform trace --file FILE` shows which periods the file has lines in; correct the dates at the source "
    "and send the file again; if they are right, nothing needs to be done"
)
_NAMED_FILES = 3
_BEYOND_TOLERANCE = ("delivery held for rejected rows", "deliveries held for rejected rows")
_UNDECIDED = (
    "delivery held for another reason than rejected rows",
    "deliveries held for other reasons than rejected rows",
)
_UNACCOUNTED = "with rows or money unaccounted for"


def check_raw(feed: str, scan: RawZoneScan) -> list[Outcome]:
    """Check that a feed's objects can be opened and still exist."""
    opened, vanished = raw_checks(feed)
    last_feed = {event.object_key: event.feed for event in scan.events} if scan.vanished else {}
    problems = [_problem_row(problem) for problem in scan.problems if problem.feed == feed]
    gone = [{"file": key} for key in scan.vanished if last_feed[key] == feed]
    return [
        _outcome(opened, problems, "file cannot be opened", "files cannot be opened"),
        _outcome(vanished, gone, "file vanished", "files vanished"),
    ]


def check_unread(scan: RawZoneScan, feeds_folder: str) -> list[Outcome]:
    """Check that every descriptor is valid and a feed reads every file.

    Args:
        scan: the last scan of the raw zone.
        feeds_folder: the folder of the home's descriptors, for the fix.
    """
    problems = [_problem_row(problem) for problem in scan.problems if not problem.feed]
    unread = [
        {"file": key, "fix": advise_unmatched(key, feeds_folder, scan.near_feeds.get(key, ""))}
        for key in scan.unmatched
    ]
    return [
        _outcome(DESCRIPTORS_VALID, problems, "unusable descriptor or file", "unusable descriptors or files"),
        _outcome(EVERY_FILE_HAS_FEED, unread, "file without a feed", "files without a feed"),
    ]


def check_deliveries(state: DeliveryState, overlaps: Overlaps) -> list[Outcome]:
    """Check that every current delivery counts, that their order is known, and that Actual has no gaps.

    Args:
        state: the deliveries.
        overlaps: the lines that live deliveries claim from each other.
    """
    refused = [stopped for stopped in state.inactive if stopped.is_refused]
    held = [stopped for stopped in state.inactive if not stopped.is_refused]
    incomplete = [stopped for stopped in held if any(stopped.commit.unaccounted)]
    beyond_tolerance = [stopped for stopped in held if tolerance_breach(stopped.event, stopped.commit)]
    undecided = [stopped for stopped in held if stopped not in beyond_tolerance and stopped not in incomplete]
    late = [
        {"file": delivery.event.object_key, "what": warning}
        for delivery in state.noted
        if delivery.verdict
        for warning in delivery.verdict.warnings
    ]
    uncertain = [
        {"file": order.delivery.event.object_key, "what": order.warning, "fix": FIX_ORDER}
        for order in find_uncertain_orders(state, overlaps)
    ]
    return [
        _outcome(
            EVERY_ROW_ACCOUNTED,
            [_unaccounted_row(stopped.commit) for stopped in incomplete],
            f"delivery {_UNACCOUNTED}",
            f"deliveries {_UNACCOUNTED}",
        ),
        _outcome(WITHIN_TOLERANCE, [_stopped_row(stopped) for stopped in beyond_tolerance], *_BEYOND_TOLERANCE),
        _outcome(NOTHING_HELD, [_stopped_row(stopped) for stopped in undecided], *_UNDECIDED),
        _outcome(NO_FILE_REFUSED, [_stopped_row(stopped) for stopped in refused], "file refused", "files refused"),
        _check_order(late, uncertain),
        _outcome(HEADERS_UNCHANGED, _changed_headers(state), "changed header", "changed headers"),
        _check_gaps(state, overlaps),
    ]


def _changed_headers(state: DeliveryState) -> list[dict[str, Any]]:
    return [
        {"feed": change.feed, "file": change.file, "what": change.words, "fix": FIX_HEADER}
        for change in state.header_changes
    ]


def _check_order(late: list[dict[str, Any]], uncertain: list[dict[str, Any]]) -> Outcome:
    in_order = _outcome(ARRIVED_IN_ORDER, late, "delivery came late", "deliveries came late")
    if not uncertain:
        return in_order
    by_time = "by modification times alone"
    summary = pluralize(len(uncertain), f"delivery replaces others {by_time}", f"deliveries replace others {by_time}")
    summary = f"{in_order.summary}; {summary}" if late else summary
    return Outcome.from_evidence(ARRIVED_IN_ORDER, [*late, *uncertain], summary)


def _check_gaps(state: DeliveryState, overlaps: Overlaps) -> Outcome:
    lines = count_actual_lines(state, overlaps)
    strays = find_stray_periods(lines)
    # What is between them and the others is not missing.
    apart = {period for stray in strays for period in (*stray.periods, *stray.empty)}
    evidence: list[dict[str, Any]] = [
        {"period": gap, "lines": 0, "what": "gap"} for gap in _gaps(sorted(lines)) if gap not in apart
    ]
    periods = [period for period in sorted(lines) if period not in apart]
    if has_thin_last_period([lines[period] for period in periods]):
        evidence.append({"period": periods[-1], "lines": lines[periods[-1]], "what": "thin last period"})
    evidence += [
        {"period": period, "file": delivery.event.object_key, "what": text, "fix": FIX_SMALLER}
        for delivery in state.noted
        if delivery.verdict
        for period, text in delivery.verdict.smaller
        if period not in state.closed
    ]
    outcome = _outcome(NO_GAPS, evidence, "gap, thin or smaller period", "gaps, thin or smaller periods")
    if not strays:
        return outcome
    far = pluralize(
        sum(len(one.periods) for one in strays), "period far from the others", "periods far from the others"
    )
    found = [_stray_row(stray, state) for stray in strays]
    return Outcome.from_evidence(NO_GAPS, [*found, *evidence], f"{far}; {outcome.summary}" if evidence else far)


def _stray_row(stray: StrayPeriods, state: DeliveryState) -> dict[str, Any]:
    files = sorted(
        {
            delivery.event.object_key
            for delivery in state.ledger
            for count in delivery.commit.periods
            if count.period in stray.periods and count.scenario_type == "Actual"
        }
    )
    names = ", ".join(map(quote_name, files[:_NAMED_FILES])) + (" …" if len(files) > _NAMED_FILES else "")
    side = "after" if stray.is_later else "before"
    return {
        "period": stray.periods[0] if len(stray.periods) == 1 else f"{stray.periods[0]} to {stray.periods[-1]}",
        "lines": stray.lines,
        "file": names,
        "what": f"{pluralize(stray.lines, 'line')} of Actual, {side} all others, with "
        f"{pluralize(len(stray.empty), 'period')} without any between them: a year may be mistyped",
        "fix": _FIX_STRAY,
    }


def _gaps(periods: list[str]) -> list[str]:
    if not periods:
        return []
    return sorted(set(periods_between(periods[0], periods[-1])) - set(periods))


def _outcome(check: Check, evidence: list[dict[str, Any]], singular: str, plural: str) -> Outcome:
    summary = pluralize(len(evidence), singular, plural) if evidence else f"no {plural}"
    return Outcome.from_evidence(check, evidence, summary)


def _unaccounted_row(commit: DeliveryCommit) -> dict[str, Any]:
    rows, amount, unpriced = commit.unaccounted
    return {"file": commit.object_key, "rows": rows, "amount": str(amount), "unpriced": unpriced}


def _problem_row(problem: Problem) -> dict[str, Any]:
    return {"file": problem.where, "problem": problem.message, "fix": problem.fix}


def _stopped_row(stopped: InactiveDelivery) -> dict[str, Any]:
    return {"file": stopped.event.object_key, "reason": stopped.reason, "fix": stopped.fix}
