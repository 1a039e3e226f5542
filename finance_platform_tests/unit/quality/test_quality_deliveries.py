"""Checks on raw objects and deliveries: each passes, and each fails with the rows that break it.

Belongs here: `quality.deliveries`. Does not belong here: when a delivery is held or refused (see `test_state`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from finance_platform.deliveries.commits import Count, PeriodCount
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.feed_set import Problem
from finance_platform.quality.checks import (
    ARRIVED_IN_ORDER,
    EVERY_ROW_ACCOUNTED,
    EVIDENCE_ROWS,
    HEADERS_UNCHANGED,
    NO_FILE_REFUSED,
    NO_GAPS,
    NOTHING_HELD,
    WITHIN_TOLERANCE,
    Check,
    Outcome,
)
from finance_platform.quality.deliveries import check_deliveries, check_raw, check_unread
from finance_platform_tests.unit.factories import (
    commit_of,
    decision_on,
    delivered,
    in_period,
    live_in,
    money,
    partly_rejected,
    refused,
    state_of,
    verdict_on,
)


def scan(
    *events: DeliveryDiscovered,
    present: Mapping[str, Mapping[str, str]] | None = None,
    problems: Sequence[Problem] = (),
    vanished: Sequence[str] = (),
    unmatched: Sequence[str] = (),
) -> RawZoneScan:
    return RawZoneScan(list(events), 0, present or {}, problems, unmatched, vanished, {})


def outcome_of(check: Check, state: DeliveryState) -> Outcome:
    (outcome,) = [outcome for outcome in check_deliveries(state, NO_OVERLAPS) if outcome.check is check]
    return outcome


def by_name(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    return {outcome.check.name: outcome for outcome in outcomes}


def test_raw_objects_that_exist_and_can_be_opened_pass_both_checks():
    outcomes = check_raw("ledger", scan(delivered()))
    assert [(outcome.check.name, outcome.passed) for outcome in outcomes] == [
        ("files_can_be_opened", True),
        ("no_file_vanished", True),
    ]
    assert {outcome.check.asset for outcome in outcomes} == {("raw", "ledger")}


def test_a_file_that_cannot_be_opened_fails_only_the_check_of_its_own_feed():
    problem = Problem("ledger.csv", "the file cannot be opened: Permission denied", "check its permissions", "ledger")
    scanned = scan(problems=[problem])
    assert by_name(check_raw("ledger", scanned))["files_can_be_opened"].evidence == [
        {
            "file": "ledger.csv",
            "problem": "the file cannot be opened: Permission denied",
            "fix": "check its permissions",
        }
    ]
    assert by_name(check_raw("budget", scanned))["files_can_be_opened"].passed


def test_a_vanished_file_is_a_warning_of_its_own_feed_only():
    scanned = scan(delivered("ledger.csv"), delivered("plan.csv", feed="plan"), vanished=["ledger.csv"])
    gone = by_name(check_raw("ledger", scanned))["no_file_vanished"]
    assert (gone.passed, gone.check.is_warning, gone.evidence) == (False, True, [{"file": "ledger.csv"}])
    assert by_name(check_raw("plan", scanned))["no_file_vanished"].passed


def test_a_vanished_file_is_reported_by_the_feed_that_read_it_last():
    scanned = scan(delivered(feed="old"), delivered(feed="new"), vanished=["ledger.csv"])
    assert by_name(check_raw("old", scanned))["no_file_vanished"].passed
    assert not by_name(check_raw("new", scanned))["no_file_vanished"].passed


BROKEN = Problem("feeds/gl.yaml", "line 2: colums is not a known key", "use one of columns")


def test_a_zone_whose_files_all_have_a_feed_passes_both_checks_of_unread_files():
    outcomes = check_unread(scan(delivered()), "/home/feeds")
    assert [(outcome.check.name, outcome.passed, outcome.summary) for outcome in outcomes] == [
        ("descriptors_are_valid", True, "no unusable descriptors or files"),
        ("every_file_has_a_feed", True, "no files without a feed"),
    ]


def test_a_broken_descriptor_is_an_error_with_file_problem_and_fix():
    outcome = by_name(check_unread(scan(problems=[BROKEN]), "/home/feeds"))["descriptors_are_valid"]
    assert not outcome.passed
    assert (outcome.check.is_warning, outcome.check.is_blocking, outcome.check.is_alerted) == (False, False, True)
    assert outcome.evidence == [{"file": BROKEN.where, "problem": BROKEN.message, "fix": BROKEN.fix}]


def test_a_problem_with_the_file_of_a_feed_is_reported_by_that_feed_only():
    scanned = scan(problems=[Problem("gl.csv", "the file cannot be opened", "check its permissions", "gl")])
    assert all(outcome.passed for outcome in check_unread(scanned, "/home/feeds"))


def test_a_file_that_no_feed_reads_is_a_warning_that_names_the_folder_of_the_descriptors():
    outcome = by_name(check_unread(scan(unmatched=["notes.txt"]), "/home/feeds"))["every_file_has_a_feed"]
    assert (outcome.passed, outcome.check.is_warning, outcome.check.is_alerted) == (False, True, True)
    (row,) = outcome.evidence
    assert row == {"file": "notes.txt", "fix": "add a descriptor to /home/feeds; or take the file out of the raw zone"}


def test_thousands_of_unread_files_are_counted_and_the_first_ones_kept():
    outcomes = by_name(check_unread(scan(unmatched=[f"{number:04}.txt" for number in range(2000)]), "feeds"))
    outcome = outcomes["every_file_has_a_feed"]
    assert (outcome.summary, len(outcome.evidence)) == ("2,000 files without a feed", EVIDENCE_ROWS)


def test_sound_deliveries_pass_every_check():
    state = state_of(live_in(in_period("2025-01"), in_period("2025-02")))
    assert [(outcome.check, outcome.passed) for outcome in check_deliveries(state, NO_OVERLAPS)] == [
        (EVERY_ROW_ACCOUNTED, True),
        (WITHIN_TOLERANCE, True),
        (NOTHING_HELD, True),
        (NO_FILE_REFUSED, True),
        (ARRIVED_IN_ORDER, True),
        (HEADERS_UNCHANGED, True),
        (NO_GAPS, True),
    ]


@pytest.mark.parametrize(
    ("read", "evidence"),
    [
        (money(2, "10.00"), {"rows": 1, "amount": "0.00", "unpriced": 0}),
        (money(1, "10.01"), {"rows": 0, "amount": "0.01", "unpriced": 0}),
        (money(1, "10.00", unpriced=1), {"rows": 0, "amount": "0.00", "unpriced": 1}),
    ],
    ids=["a row", "a cent", "an unpriced cell"],
)
def test_rows_and_money_without_an_outcome_are_named_with_their_file(read: Count, evidence: dict[str, Any]):
    event = delivered()
    lost = outcome_of(EVERY_ROW_ACCOUNTED, state_of((event, commit_of(event, in_period("2025-01"), read=read))))
    assert (lost.passed, lost.check.is_warning) == (False, False)
    assert lost.evidence == [{"file": "ledger.csv", **evidence}]
    assert lost.summary == "1 delivery with rows or money unaccounted for"


def test_a_delivery_held_for_lost_rows_passes_the_check_of_tolerance():
    event = delivered()
    state = state_of((event, commit_of(event, in_period("2025-01"), read=money(2, "10.00"))))
    assert outcome_of(WITHIN_TOLERANCE, state).passed


def test_a_delivery_beyond_its_tolerance_is_named_with_reason_and_fix():
    event = delivered(tolerated_share="0.01")
    state = state_of((event, partly_rejected(event, 2, of=10)))
    held = outcome_of(WITHIN_TOLERANCE, state)
    assert not held.passed
    assert held.summary == "1 delivery held for rejected rows"
    # Its page must not claim that nothing is held.
    assert outcome_of(NOTHING_HELD, state).summary == "no deliveries held for other reasons than rejected rows"
    (row,) = held.evidence
    assert row["file"] == "ledger.csv"
    assert row["reason"].startswith("2 of 10 rows rejected")
    assert row["fix"] == "decide"
    assert outcome_of(NOTHING_HELD, state).passed


def test_a_delivery_within_its_tolerance_passes():
    event = delivered(tolerated_share="0.2")
    assert outcome_of(WITHIN_TOLERANCE, state_of((event, partly_rejected(event, 2, of=10)))).passed


def test_a_delivery_held_for_its_effect_on_others_awaits_a_decision_and_is_within_tolerance():
    event = delivered()
    commits = {event.delivery_id: commit_of(event, in_period("2025-01"))}
    state = derive_state([event, verdict_on(event, "would remove January")], commits)
    held = outcome_of(NOTHING_HELD, state)
    assert (held.passed, held.check.is_warning) == (False, False)
    assert held.summary == "1 delivery held for another reason than rejected rows"
    assert held.evidence == [{"file": "ledger.csv", "reason": "would remove January", "fix": "decide"}]
    assert outcome_of(WITHIN_TOLERANCE, state).passed


def test_an_accepted_or_withdrawn_delivery_awaits_no_decision():
    event = delivered()
    commits = {event.delivery_id: commit_of(event, in_period("2025-01"))}
    held: list[Event] = [event, verdict_on(event, "would remove January")]
    assert outcome_of(NOTHING_HELD, derive_state([*held, decision_on("accepted", event)], commits)).passed
    dropped = decision_on("withdrawn", event, keeps_earlier=True)
    assert outcome_of(NOTHING_HELD, derive_state([*held, dropped], commits)).passed


def test_a_live_delivery_that_came_late_is_a_warning():
    event = delivered()
    commits = {event.delivery_id: commit_of(event, in_period("2025-01"))}
    state = derive_state([event, verdict_on(event, warnings=("came late: b.csv sorts after it and wins",))], commits)
    late = outcome_of(ARRIVED_IN_ORDER, state)
    assert (late.passed, late.check.is_warning, late.summary) == (False, True, "1 delivery came late")
    assert late.evidence == [{"file": "ledger.csv", "what": "came late: b.csv sorts after it and wins"}]


def test_a_refused_file_fails_only_its_own_check():
    event = delivered()
    outcomes = check_deliveries(state_of((event, refused(event))), NO_OVERLAPS)
    assert [outcome.check for outcome in outcomes if not outcome.passed] == [NO_FILE_REFUSED]
    assert outcome_of(NO_FILE_REFUSED, state_of((event, refused(event)))).evidence == [
        {
            "file": "ledger.csv",
            "reason": "the file is empty",
            "fix": "send it again; `finance-platform withdraw ledger.csv --why TEXT` drops it",
        }
    ]


def test_a_refused_file_passes_once_a_good_version_replaced_it():
    first, second = delivered(content="v1"), delivered(content="v2")
    state = state_of((first, refused(first)), (second, commit_of(second, in_period("2025-01"))))
    assert outcome_of(NO_FILE_REFUSED, state).passed


def actuals(**lines: int) -> DeliveryState:
    """Return a state with this many lines of Actual in each period, `m2025_01` for 2025-01."""
    counts = [replace(in_period(name[1:].replace("_", "-")), rows=rows) for name, rows in lines.items()]
    return state_of(live_in(*counts))


def test_periods_that_actual_skips_are_gaps():
    gaps = outcome_of(NO_GAPS, actuals(m2024_11=5, m2025_02=5))
    assert (gaps.passed, gaps.check.is_warning) == (False, True)
    assert gaps.evidence == [
        {"period": "2024-12", "lines": 0, "what": "gap"},
        {"period": "2025-01", "lines": 0, "what": "gap"},
    ]


@pytest.mark.parametrize(
    ("stray", "side", "between"), [("2026-03", "after", 12), ("2024-02", "before", 9), ("2042-03", "after", 204)]
)
def test_a_line_of_a_mistyped_year_is_named_with_its_file_and_not_each_period_before_it(
    stray: str, side: str, between: int
):
    months = {"m2024_12": 40, "m2025_01": 40, "m2025_02": 40, f"m{stray.replace('-', '_')}": 1}
    gaps = outcome_of(NO_GAPS, actuals(**months))
    (row,) = gaps.evidence
    assert gaps.summary == "1 period far from the others"
    assert (row["period"], row["lines"]) == (stray, 1)
    assert row["what"] == (
        f"1 line of Actual, {side} all others, with {between} periods without any between them: a year may be mistyped"
    )
    assert row["file"]
    assert "correct the dates" in row["fix"]


@pytest.mark.parametrize("months", [{"m2025_06": 1}, {"m2026_03": 10}], ids=["near", "many lines"])
def test_lines_that_are_near_or_many_are_no_mistyped_year(months: dict[str, int]):
    gaps = outcome_of(NO_GAPS, actuals(m2024_12=40, m2025_01=40, m2025_02=40, **months))
    assert {row["what"] for row in gaps.evidence} == {"gap", "thin last period"}


def test_a_budget_does_not_fill_a_gap_of_actual():
    planned = live_in(in_period("2025-02", "Budget"), key="budget.csv", feed="budget")
    state = state_of(live_in(in_period("2025-01"), in_period("2025-03")), planned)
    assert [row["period"] for row in outcome_of(NO_GAPS, state).evidence] == ["2025-02"]


def test_a_last_period_with_less_than_half_the_usual_lines_is_thin():
    thin = outcome_of(NO_GAPS, actuals(m2025_01=10, m2025_02=12, m2025_03=4))
    assert thin.evidence == [{"period": "2025-03", "lines": 4, "what": "thin last period"}]


def test_a_last_period_with_half_the_usual_lines_is_not_thin():
    assert outcome_of(NO_GAPS, actuals(m2025_01=10, m2025_02=10, m2025_03=5)).passed


def test_of_two_periods_neither_is_thin():
    assert outcome_of(NO_GAPS, actuals(m2025_01=10, m2025_02=1)).passed


def test_lines_of_several_files_add_up_in_a_period():
    march = live_in(*[in_period("2025-03")] * 6, key="ledger_2.csv")
    whole = live_in(
        *(PeriodCount("Actual", "Actual", p, 10, money(0).amount, money(0).absolute) for p in ("2025-01", "2025-02"))
    )
    assert outcome_of(NO_GAPS, state_of(whole, march)).passed


def test_a_check_keeps_the_first_rows_and_counts_all():
    events = [delivered(f"{number:03}.csv") for number in range(EVIDENCE_ROWS + 5)]
    outcome = outcome_of(NO_FILE_REFUSED, state_of(*((event, refused(event)) for event in events)))
    assert len(outcome.evidence) == EVIDENCE_ROWS
    assert outcome.summary == f"{EVIDENCE_ROWS + 5} files refused"
