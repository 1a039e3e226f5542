"""Late lines: which lines of a delivery wait for a decision about a closed period, and what counts meanwhile.

Does not belong here: whether a closed period would change (see `test_acceptance`), the published star (see
`end_to_end/test_late_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.deliveries.commits import Count, ScenarioCount, read_commits
from finance_platform.deliveries.decisions import (
    accept,
    book,
    reinstate,
    reinstate_late_lines,
    withdraw,
    withdraw_late_lines,
)
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.deliveries.members.account_counts import parts_on_accounts
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.previews import preview_acceptance, preview_booking
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.verdicts.reversals import find_broken_reversals
from finance_platform.errors import DecisionError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.refresh.verification.verify_records import find_changed_deliveries
from finance_platform_tests.unit.zone import ADA, NOON, Line, Zone, lines

JANUARY, FEBRUARY, MARCH = "2025-01", "2025-02", "2025-03"


def close(zone: Zone, *periods: str) -> None:
    for period in periods:
        zone.append(PeriodStatusChanged("closed", period, "ada", "done", f"{period}-28T00:00:00+00:00"))


def evaluate(zone: Zone) -> dict[str, tuple[str, ...]]:
    """Evaluate deliveries; return the reasons of each that waits, as a whole or for some of its lines."""
    verdicts = zone.evaluate(holds_closed_periods=True)
    return {key: verdict.reasons for key, verdict in verdicts.items() if verdict.reasons}


def counted(state: DeliveryState) -> dict[str, list[str]]:
    """Return the periods in which lines of each delivery count."""
    return {one.delivery_id: sorted({count.period for count in one.commit.periods}) for one in state.live}


def waiting(state: DeliveryState) -> dict[str, tuple[str, ...]]:
    return {one.event.object_key: one.late_periods for one in state.inactive}


def counted_and_corrected(zone: Zone, sent: Sequence[Line], again: Sequence[Line], **values: Any) -> None:
    """Deliver a file, close January, and deliver the file again."""
    zone.deliver("a.csv", sent, **values)
    zone.evaluate()
    close(zone, JANUARY)
    zone.deliver("a.csv", again, "v2", **values)


def test_lines_of_open_periods_count_while_those_of_a_closed_one_wait(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY, amount="7.00")])
    assert evaluate(zone) == {
        "a.csv": ("would restate 2025-01, which is closed: Actual 10.00; only its lines of 2025-01 wait",)
    }
    assert counted(zone.state) == {"a.csv@v1": [FEBRUARY]}
    assert waiting(zone.state) == {"a.csv": (JANUARY,)}
    (late,) = zone.state.inactive
    assert (late.commit.read.rows, late.commit.read.amount) == (1, Decimal(10))
    assert "finance-platform accept a.csv --why TEXT" in late.fix


def test_the_earlier_version_of_a_file_counts_where_the_new_one_waits(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}


def test_lines_that_a_correction_removes_from_a_closed_period_stay(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("2", FEBRUARY, amount="1.00")])
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}
    assert waiting(zone.state) == {"a.csv": (JANUARY,)}


def test_a_delivery_that_changes_closed_periods_alone_is_held_as_a_whole(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("2", FEBRUARY)])
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY]}
    assert waiting(zone.state) == {"a.csv": ()}


@pytest.mark.parametrize(
    ("sent", "again"),
    [
        pytest.param([Line("1"), Line("2", FEBRUARY)], [Line("1", FEBRUARY), Line("2", FEBRUARY)], id="out of it"),
        pytest.param([Line("1", FEBRUARY), Line("2", FEBRUARY)], [Line("1"), Line("2", FEBRUARY)], id="into it"),
        pytest.param([Line(), Line(amount="2.00", period=FEBRUARY)], [Line(period=FEBRUARY)], id="without a key"),
    ],
)
def test_a_line_that_moves_between_a_closed_and_an_open_period_waits_on_both_sides(
    zone: Zone, sent: list[Line], again: list[Line]
) -> None:
    march = Line("9", MARCH)
    counted_and_corrected(zone, sent, [*again, march])
    reason = evaluate(zone)["a.csv"][-1]
    assert (
        "only its lines of 2025-01 and 2025-02, which share lines that move, vouchers, reversals or a year wait"
        in reason
    )
    assert counted(zone.state) == {"a.csv@v1": sorted({line.period for line in sent}), "a.csv@v2": [MARCH]}
    assert waiting(zone.state) == {"a.csv": (JANUARY, FEBRUARY)}


def test_a_line_that_moves_away_from_a_period_that_waits_for_another_line_waits_too(zone: Zone) -> None:
    sent = [Line("1"), Line("2", FEBRUARY), Line("3", FEBRUARY)]
    again = [Line("1", FEBRUARY), Line("2", MARCH), Line("3", FEBRUARY), Line("4", "2025-04")]
    counted_and_corrected(zone, sent, again)
    evaluate(zone)
    assert waiting(zone.state) == {"a.csv": (JANUARY, FEBRUARY, MARCH)}


def test_amounts_of_a_plan_that_are_alike_in_two_periods_do_not_move(zone: Zone) -> None:
    sent = [Line(scenario="Budget"), Line(scenario="Budget", period=FEBRUARY, amount="5.00")]
    again = [Line(scenario="Budget", amount="5.00"), Line(scenario="Budget", period=FEBRUARY)]
    counted_and_corrected(zone, sent, again, load_mode="replace_period")
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}


def test_a_voucher_with_a_line_in_a_closed_period_waits_whole(zone: Zone) -> None:
    close(zone, JANUARY)
    sent = [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)]
    event = zone.deliver("a.csv", sent)
    commit = read_commits(zone.store)[event.delivery_id]
    zone.commit(replace(commit, voucher_periods=((JANUARY, FEBRUARY),)))
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [MARCH]}
    with pytest.raises(DecisionError, match="move between 2025-01 and 2025-02") as refused:
        accept(zone.store, "a.csv", ADA, [FEBRUARY])
    assert "--period 2025-01 --period 2025-02" in refused.value.fix
    accept(zone.store, "a.csv", ADA, [JANUARY, FEBRUARY])
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY, MARCH]}


def test_a_year_that_is_spread_otherwise_waits_whole_and_other_years_count(zone: Zone) -> None:
    """A part of its periods would not add up to the amount of the year, which is 30.00 before and after."""
    years: dict[str, Any] = {
        "load_mode": "replace_period",
        "commit_unweighted_id": "a.csv",
        "commit_findings": ReaderFindings(weight_years=("2024-01", "2025-01")),
    }

    def budget(january: str, february: str, next_year: str) -> list[Line]:
        amounts = {JANUARY: january, FEBRUARY: february, MARCH: "10.00", "2026-01": next_year}
        return [Line(scenario="Budget", period=period, amount=amount) for period, amount in amounts.items()]

    counted_and_corrected(zone, budget("10.00", "10.00", "4.00"), budget("15.00", "5.00", "3.00"), **years)
    assert evaluate(zone)["a.csv"][0].endswith(
        "only its lines of 2025-01 and 2025-02, which share lines that move, vouchers, reversals or a year wait"
    )
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY], "a.csv@v2": [MARCH, "2026-01"]}
    accept(zone.store, "a.csv", ADA)
    assert counted(zone.state) == {"a.csv@v2": [JANUARY, FEBRUARY, MARCH, "2026-01"]}


def test_a_key_that_another_file_has_in_a_closed_period_is_replaced_only_by_a_decision(zone: Zone) -> None:
    zone.deliver("a.csv", lines("1", "2"), load_mode="upsert")
    zone.evaluate()
    close(zone, JANUARY)
    zone.deliver("b.csv", [Line("1", amount="9.00"), Line("3", FEBRUARY)], load_mode="upsert")
    versions = zone.versions()
    evaluate(zone)
    assert zone.versions()[JANUARY] == versions[JANUARY]
    waiting_version = zone.versions()
    accept(zone.store, "b.csv", ADA)
    assert zone.versions()[JANUARY] != waiting_version[JANUARY]
    assert counted(zone.state)["b.csv@v1"] == [JANUARY, FEBRUARY]


def test_a_period_is_built_again_if_the_late_lines_that_supersede_its_keys_are_decided(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("b.csv", [Line("1"), Line("2", FEBRUARY)], load_mode="upsert", order="2")
    evaluate(zone)
    zone.deliver("a.csv", [Line("1", MARCH), Line("2", MARCH)], load_mode="upsert", order="1")
    evaluate(zone)
    before = zone.versions()
    accept(zone.store, "b.csv", ADA)
    after = zone.versions()
    assert before[MARCH] != after[MARCH]  # line 1 of a.csv no longer counts
    assert before[FEBRUARY] == after[FEBRUARY]


def test_accepted_late_lines_count(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    decision = accept(zone.store, "a.csv", ADA)
    assert [(amount.rows, amount.net) for amount in decision.amounts] == [(1, "9.00")]
    assert counted(zone.state) == {"a.csv@v2": [JANUARY, FEBRUARY]}
    assert not zone.state.inactive


def test_the_preview_of_late_lines_shows_what_they_would_move_alone(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    rows = preview_acceptance(zone.store, "a.csv")
    assert [(row.period, row.amount, row.is_closed) for row in rows] == [(JANUARY, Decimal(-1), True)]


def test_late_lines_are_decided_period_by_period(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    evaluate(zone)
    assert [row.period for row in preview_acceptance(zone.store, "a.csv", [FEBRUARY])] == [FEBRUARY]
    accept(zone.store, "a.csv", ADA, [FEBRUARY])
    assert counted(zone.state) == {"a.csv@v1": [FEBRUARY, MARCH]}
    assert waiting(zone.state) == {"a.csv": (JANUARY,)}
    with pytest.raises(DecisionError, match="in 2025-02 wait for a decision"):
        accept(zone.store, "a.csv", ADA, [FEBRUARY])
    withdraw_late_lines(zone.store, "a.csv", ADA)
    assert (counted(zone.state), waiting(zone.state)) == ({"a.csv@v1": [FEBRUARY, MARCH]}, {})


def test_withdrawn_late_lines_wait_again_when_the_withdrawal_is_undone(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}
    (gone,) = zone.state.withdrawn
    assert "withdraw --late-lines --undo a.csv" in gone.fix
    assert gone.commit.read.rows == 1
    reinstate_late_lines(zone.store, "a.csv", ADA)
    assert waiting(zone.state) == {"a.csv": (JANUARY,)}


def test_the_withdrawal_of_a_file_with_late_lines_restores_its_earlier_version(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    before = zone.versions()
    evaluate(zone)
    assert zone.versions() != before
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY]}
    assert (zone.versions(), zone.state.inactive) == (before, [])
    reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}


def test_a_withdrawal_is_refused_only_if_it_changes_a_closed_period(zone: Zone) -> None:
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    zone.evaluate()
    close(zone, JANUARY, FEBRUARY)
    again = [Line("1", amount="9.00"), Line("2", FEBRUARY), Line("3", MARCH, amount="8.00")]
    zone.deliver("a.csv", again, "v2")
    evaluate(zone)
    close(zone, MARCH)
    with pytest.raises(DecisionError, match=r"without a\.csv, 2025-03, closed, would have other lines"):
        withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    zone.append(PeriodStatusChanged("reopened", MARCH, "ada", "", "2025-06-02T00:00:00+00:00"))
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY, MARCH]}


@pytest.mark.parametrize("load_mode", ["append", "replace_period"])
def test_a_withdrawal_is_refused_if_a_booking_of_another_version_is_in_a_closed_period(
    zone: Zone, load_mode: str
) -> None:
    """The content that comes back has lines of March alone and counts in all periods, as it did before."""
    first = [Line("3", MARCH)]
    counted_and_corrected(zone, first, [*first, Line("1")], load_mode=load_mode)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    close(zone, FEBRUARY)
    zone.deliver("a.csv", first, load_mode=load_mode)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    published = {"a.csv": {FEBRUARY: Decimal(10), MARCH: Decimal(0)}}
    assert amounts(zone) == published
    with pytest.raises(DecisionError, match=r"without a\.csv, 2025-02, closed, would have other lines") as refused:
        withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert refused.value.fix == "reopen it first"
    assert amounts(zone) == published
    reopen(zone, FEBRUARY)
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert amounts(zone) == {}
    close(zone, FEBRUARY)
    with pytest.raises(DecisionError, match=r"with a\.csv, 2025-02, closed, would have other lines"):
        reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    reopen(zone, FEBRUARY)
    reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert amounts(zone) == published


def test_a_correction_that_repeats_the_closed_period_ends_the_wait(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    zone.deliver("a.csv", [Line("1"), Line("3", FEBRUARY)], "v3")
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v3": [JANUARY, FEBRUARY]}


def test_a_later_correction_is_judged_against_what_is_published(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    zone.deliver("a.csv", [Line("1", amount="8.00"), Line("4", FEBRUARY)], "v3")
    assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed: Actual -2.00")
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v3": [FEBRUARY]}
    accept(zone.store, "a.csv", ADA)
    assert counted(zone.state) == {"a.csv@v3": [JANUARY, FEBRUARY]}


def test_an_earlier_content_that_comes_back_leaves_no_gap_until_it_is_judged(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY]}


def test_a_file_that_is_only_touched_waits_as_before(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA)
    state = zone.state
    event = next(one.event for one in state.live if one.delivery_id == "a.csv@v2")
    zone.append(replace(event, etag="touched"))
    evaluate(zone)
    assert (counted(zone.state), waiting(zone.state)) == (counted(state), {})


# In the next open period


def amounts(zone: Zone) -> dict[str, dict[str, Decimal]]:
    """Return the money of each live file by period."""
    sums: dict[str, dict[str, Decimal]] = {}
    for one in zone.state.live:
        for count in one.commit.periods:
            of_file = sums.setdefault(one.commit.object_key, {})
            of_file[count.period] = of_file.get(count.period, Decimal(0)) + count.amount
    return sums


def test_late_lines_that_are_booked_later_leave_the_closed_period_as_it_is(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    before = zone.versions()
    evaluate(zone)
    assert [(row.period, row.amount, row.is_closed) for row in preview_booking(zone.store, "a.csv")] == [
        (FEBRUARY, Decimal(-1), False)
    ]
    decision = book(zone.store, "a.csv", ADA)
    assert (getattr(decision, "booked_in", ""), decision.late_periods) == (FEBRUARY, (JANUARY,))
    assert zone.versions()[JANUARY] == before[JANUARY]
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(9)}}  # 10 + 9 - 10
    assert not zone.state.inactive
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert zone.versions() == before


def test_a_content_that_comes_back_after_its_correction_was_booked_counts_once_in_the_closed_period(zone: Zone) -> None:
    """The same content is the newest version, and the one that counts in the closed period."""
    first = [Line("1"), Line("2", FEBRUARY)]
    counted_and_corrected(zone, first, [Line("1", amount="9.00"), Line("3", FEBRUARY, amount="30.00")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(29)}}
    zone.deliver("a.csv", first)
    assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed: Actual 1.00")
    # February is as it was sent and has the booking; January waits.
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(9)}}
    assert len({one.delivery_id for one in zone.state.live}) == len(zone.state.live)
    assert [(row.period, row.amount) for row in preview_booking(zone.store, "a.csv")] == [(FEBRUARY, Decimal(1))]
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(10)}}
    assert not zone.state.inactive


def test_a_content_that_comes_back_and_changes_a_closed_period_alone_can_be_booked(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1")], [Line("1", amount="9.00")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    zone.deliver("a.csv", [Line("1")])
    assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed: Actual 1.00")
    assert [(row.period, row.amount) for row in preview_booking(zone.store, "a.csv")] == [(FEBRUARY, Decimal(1))]
    accepted = [(row.period, row.amount, row.is_closed) for row in preview_acceptance(zone.store, "a.csv")]
    assert accepted == [(FEBRUARY, Decimal(1), False)]
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(0)}}
    assert {one.delivery_id for one in zone.state.live if not one.booked_from} == {"a.csv@v1"}


def test_each_booking_counts_when_two_contents_of_a_file_take_turns(zone: Zone) -> None:
    """The second booking of a content has the lines of its first one, and both count."""
    contents = {"v1": "10.00", "v2": "9.00"}
    counted_and_corrected(zone, [Line("1")], [Line("1", amount=contents["v2"])])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    for content in ("v1", "v2", "v1", "v2"):
        zone.deliver("a.csv", [Line("1", amount=contents[content])], content)
        assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed")
        book(zone.store, "a.csv", ADA)
        money = Decimal(contents[content]) - Decimal(10)
        assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: money}}
        assert len({one.delivery_id for one in zone.state.live}) == len(zone.state.live)


def test_a_withdrawn_content_that_comes_back_repeats_the_booking_of_another_one_and_not_its_own(zone: Zone) -> None:
    """While it was withdrawn, a content with the same line of January was booked: the difference counts once."""
    again = [Line("1", amount="9.00"), Line("2", FEBRUARY)]
    counted_and_corrected(zone, [Line("1")], again)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    withdraw(zone.store, "a.csv", ADA)
    zone.deliver("a.csv", [Line("1", amount="9.00"), Line("2", FEBRUARY, amount="8.00")], "v3")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(7)}}
    zone.deliver("a.csv", again, "v2")
    evaluate(zone)
    reinstate(zone.store, "a.csv", ADA)
    assert not evaluate(zone)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(9)}}


def test_a_content_that_comes_back_waits_again_although_it_was_accepted_before_another_one(zone: Zone) -> None:
    """What was accepted is its difference to what counted then, not to its correction, which was accepted since."""
    contents = {
        name: [Line("1", amount=amount), Line("2", FEBRUARY, amount=amount)]
        for name, amount in [("v2", "9"), ("v3", "8")]
    }
    counted_and_corrected(zone, lines("1"), contents["v2"])
    evaluate(zone)
    accept(zone.store, "a.csv", ADA)
    for content, counts in (("v3", "9"), ("v2", "8"), ("v3", "9")):
        zone.deliver("a.csv", contents[content], content)
        assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed")
        assert amounts(zone)["a.csv"][JANUARY] == Decimal(counts)
        assert waiting(zone.state) == {"a.csv": (JANUARY,)}
        accept(zone.store, "a.csv", ADA)


def test_a_file_that_is_only_scanned_again_repeats_what_was_decided_about_its_latest_reading(zone: Zone) -> None:
    """A release has read it again, and its late lines were accepted since: they were not at the earlier reading."""
    again = [Line("1", amount="9.00"), Line("2", FEBRUARY)]
    reading: dict[str, Any] = {"delivery_id": "a.csv@r2", "rules": "r", "reads_again": "a.csv@v2"}
    counted_and_corrected(zone, lines("1"), again, rules="r")
    evaluate(zone)
    for etag in ("of the release", "of a copy"):
        zone.deliver("a.csv", again, "v2", etag=etag, **reading)
        evaluate(zone)
        assert waiting(zone.state) == {"a.csv": (JANUARY,)}
    accept(zone.store, "a.csv", ADA)
    expected = {JANUARY: Decimal(9), FEBRUARY: Decimal(10)}
    assert amounts(zone) == {"a.csv": expected}
    zone.deliver(
        "a.csv", again, "v2", delivery_id="a.csv@r2", rules="r", reads_again="a.csv@v2", etag="of a third copy"
    )
    evaluate(zone)
    assert amounts(zone) == {"a.csv": expected}


def test_a_content_that_comes_back_is_decided_about_once_a_run_has_judged_it(zone: Zone) -> None:
    """The run that found it was killed: what waited of it before depends on what counted then."""
    first, again = [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("2", FEBRUARY, amount="9.00")]
    counted_and_corrected(zone, first, again)
    evaluate(zone)
    zone.deliver("a.csv", first)
    assert not evaluate(zone)
    zone.deliver("a.csv", again, "v2")
    assert not zone.state.inactive
    for decide in (accept, book):
        with pytest.raises(DecisionError, match="a version of it is not read yet"):
            decide(zone.store, "a.csv", ADA)
    evaluate(zone)
    accept(zone.store, "a.csv", ADA)
    assert not evaluate(zone)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(9), FEBRUARY: Decimal(9)}}
    zone.deliver("a.csv", again, "v2", etag="of a copy")
    assert not evaluate(zone)
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(9), FEBRUARY: Decimal(9)}}


def test_a_file_that_would_count_under_another_order_stays_as_it_is_in_a_closed_period_until_it_is_accepted(
    zone: Zone,
) -> None:
    """It is the same delivery, so that no earlier version has its lines of January while they wait."""
    sent = {
        name: [Line("1", amount=amount), Line("2", FEBRUARY, amount=amount)]
        for name, amount in (("a", "8"), ("b", "9"))
    }
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    for order, (name, of_file) in enumerate(sent.items()):
        zone.deliver(f"{name}.csv", of_file, order=str(order), **upsert)
    zone.evaluate()
    close(zone, JANUARY)
    before = zone.versions()
    zone.deliver("a.csv", sent["a"], order="2", **upsert)
    assert evaluate(zone)["a.csv"][0].startswith("would restate 2025-01, which is closed")
    assert zone.versions() == before
    with pytest.raises(
        DecisionError, match=r"a\.csv counts already, and only `load` or `order` of its feed has changed"
    ):
        book(zone.store, "a.csv", ADA)
    zone.deliver("a.csv", sent["a"], order="2", late_lines="next_open_period", **upsert)
    evaluate(zone)
    assert zone.versions() == before
    accept(zone.store, "a.csv", ADA)
    assert zone.versions() != before
    assert not zone.state.inactive


def test_a_delivery_that_is_held_as_a_whole_can_be_booked_later(zone: Zone) -> None:
    close(zone, JANUARY)
    event = zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {FEBRUARY: Decimal(10)}}
    zone.append(replace(event, etag="touched"))
    assert evaluate(zone) == {}
    assert amounts(zone) == {"a.csv": {FEBRUARY: Decimal(10)}}


def deliver_with_money(zone: Zone, sent: Sequence[Line], content: str, **values: Any) -> None:
    """Deliver a file whose commit has its money by scenario, as those of the reader have."""
    amount = sum((Decimal(line.amount) for line in sent), Decimal(0))
    accepted = ScenarioCount("Actual", "", "accepted", Count(len(sent), amount, amount))
    zone.deliver("a.csv", sent, content, commit_scenarios=[accepted], **values)


def test_a_withdrawal_names_the_money_that_is_booked_in_the_next_open_period(zone: Zone) -> None:
    deliver_with_money(zone, [Line("1"), Line("2", FEBRUARY)], "v1")
    zone.evaluate()
    close(zone, JANUARY)
    deliver_with_money(zone, [Line("1", amount="9.00"), Line("3", FEBRUARY)], "v2")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    gone = withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert sum(one.rows for one in gone.amounts) == 3  # 10 of February; 9 less 10 of January
    assert sum(Decimal(one.net) for one in gone.amounts) == Decimal(9)
    back = reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert back.amounts == gone.amounts
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(10), FEBRUARY: Decimal(9)}}


def test_a_withdrawal_names_the_money_that_is_booked_of_each_version(zone: Zone) -> None:
    first = [Line("3", MARCH)]
    deliver_with_money(zone, first, "v1", order="2")
    zone.evaluate()
    close(zone, JANUARY)
    deliver_with_money(zone, [*first, Line("1", amount="7.00")], "v2", order="1")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    close(zone, FEBRUARY)
    deliver_with_money(zone, first, "v1", order="2")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    reopen(zone, FEBRUARY)
    gone = withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert sum(one.rows for one in gone.amounts) == 3
    assert sum(Decimal(one.net) for one in gone.amounts) == Decimal(10)
    assert amounts(zone) == {}
    assert reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True).amounts == gone.amounts


def test_the_withdrawal_of_a_file_of_which_all_lines_are_booked_later_names_them(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    gone = withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert [(one.rows, one.net) for one in gone.amounts] == [(1, "10.00")]


def test_a_booking_of_an_earlier_version_stays_and_is_not_part_of_a_withdrawal(zone: Zone) -> None:
    close(zone, JANUARY)
    deliver_with_money(zone, [Line("1"), Line("2", FEBRUARY)], "v1")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    deliver_with_money(zone, [Line("1"), Line("2", FEBRUARY, amount="12.00")], "v2")
    assert evaluate(zone) == {}
    gone = withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert [(one.rows, one.net) for one in gone.amounts] == [(1, "12.00")]
    assert amounts(zone) == {"a.csv": {FEBRUARY: Decimal(20)}}


def test_withdrawals_of_two_versions_with_bookings_are_undone_in_turn(zone: Zone) -> None:
    """What is booked of the second version is its difference from the first one, whose booking must count with it."""
    close(zone, JANUARY)
    expected = []
    for content, amount in (("v1", "10.00"), ("v2", "11.00")):
        deliver_with_money(zone, [Line("1", amount=amount), Line("2", FEBRUARY)], content)
        evaluate(zone)
        book(zone.store, "a.csv", ADA)
        expected.append(amounts(zone))
    assert [of_file["a.csv"][FEBRUARY] for of_file in expected] == [Decimal(20), Decimal(21)]
    for minute in (2, 1):  # by clocks of two machines; the order is that of the register
        withdraw(zone.store, "a.csv", replace(ADA, at=NOON + timedelta(minutes=minute)), holds_closed_periods=True)
    assert not zone.live
    for undone in expected:
        reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
        assert amounts(zone) == undone


def test_a_line_that_moves_into_an_open_period_is_reversed_there_and_counts_in_its_own(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1")], [Line("1", MARCH), Line("2", "2025-04")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    expected = {JANUARY: 10, FEBRUARY: -10, MARCH: 10, "2025-04": 10}
    assert amounts(zone) == {"a.csv": {period: Decimal(amount) for period, amount in expected.items()}}


def test_a_file_with_keys_of_lines_that_are_booked_later_waits_until_they_are_withdrawn(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", lines("1"), load_mode="upsert")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    zone.deliver("b.csv", [Line("1", MARCH)], "w", load_mode="upsert")
    assert "has keys of a.csv, whose late lines are booked in a later period" in evaluate(zone)["b.csv"]
    with pytest.raises(DecisionError, match="cannot be published yet"):
        accept(zone.store, "b.csv", ADA)
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    zone.evaluate(holds_closed_periods=True)
    assert amounts(zone) == {"b.csv": {MARCH: Decimal(10)}}


@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize(
    "others", [[], [Line("2", MARCH)], [Line("2", "2025-04")]], ids=["alone", "beside another", "before another"]
)
def test_a_file_that_was_held_before_its_keys_were_booked_later_waits_too(
    zone: Zone, others: list[Line], order: str
) -> None:
    held: dict[str, Any] = {"load_mode": "upsert", "commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
    sent = {"a": [Line("1"), *others], "b": [Line("1", MARCH), Line("3", MARCH)]}
    for name in order:
        zone.deliver(f"{name}.csv", sent[name], name, **held)
    close(zone, JANUARY)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    with pytest.raises(DecisionError, match=r"has keys of a\.csv, whose late lines are booked later"):
        accept(zone.store, "b.csv", ADA)


def test_late_lines_of_a_period_are_accepted_beside_those_of_another_one_that_cannot_be(zone: Zone) -> None:
    held: dict[str, Any] = {"load_mode": "upsert", "commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", lines("1"), **held)
    zone.deliver("b.csv", [Line("1"), Line("2", FEBRUARY), Line("3", "2025-04")], "w", load_mode="upsert")
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    assert counted(zone.state)["b.csv@w"] == ["2025-04"]
    with pytest.raises(DecisionError, match=r"has keys of a\.csv, whose late lines are booked later"):
        accept(zone.store, "b.csv", ADA)
    with pytest.raises(DecisionError, match=r"has keys of a\.csv, whose late lines are booked later"):
        accept(zone.store, "b.csv", ADA, [JANUARY])
    accept(zone.store, "b.csv", ADA, [FEBRUARY])
    assert counted(zone.state)["b.csv@w"] == [FEBRUARY, "2025-04"]
    assert waiting(zone.state) == {"b.csv": (JANUARY,)}


def test_a_file_that_replaces_a_period_of_lines_that_are_booked_later_cannot_count_beside_them(zone: Zone) -> None:
    """It has the lines that are booked: only its others would be booked, and these be published in January too."""
    replacing: dict[str, Any] = {"load_mode": "replace_period", "tolerated_removal": None}
    booked = [Line("1", amount="9.00")]
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)], **replacing)
    zone.evaluate()
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [*booked, Line("2", FEBRUARY)], "v2", **replacing)
    evaluate(zone)
    zone.deliver("b.csv", [*booked, Line("2", FEBRUARY, amount="7.00")], "w", **replacing)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    published = amounts(zone)
    for decide in (accept, book):
        with pytest.raises(DecisionError, match=r"replaces periods of a\.csv, whose late lines are booked later"):
            decide(zone.store, "b.csv", ADA)
    zone.deliver("b.csv", [*booked, Line("3", MARCH)], "w2", **replacing)
    assert "replaces periods of a.csv, whose late lines are booked in a later period" in evaluate(zone)["b.csv"]
    assert amounts(zone) == published
    zone.deliver("b.csv", [Line("3", MARCH)], "w3", **replacing)
    assert not evaluate(zone)


@pytest.mark.parametrize(
    ("load_mode", "period"), [("upsert", MARCH), ("replace_period", JANUARY)], ids=["its key", "its period"]
)
def test_a_line_that_stays_in_a_closed_period_because_its_loss_is_booked_later_is_not_replaced_by_another_file(
    zone: Zone, load_mode: str, period: str
) -> None:
    """The later version of its file lacks it, and the booking has it with the opposite sign."""
    values: dict[str, Any] = {"load_mode": load_mode, "tolerated_removal": None}
    counted_and_corrected(zone, [Line("1"), Line("9", FEBRUARY)], [Line("9", FEBRUARY)], **values)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    before = zone.versions()
    zone.deliver("b.csv", [Line("1", period, amount="5.00")], "w", **values)
    assert "of a.csv, whose late lines are booked in a later period" in evaluate(zone)["b.csv"][0]
    assert zone.versions() == before
    with pytest.raises(DecisionError, match="cannot be published yet"):
        accept(zone.store, "b.csv", ADA)


@pytest.mark.parametrize(
    ("load_mode", "again", "other"),
    [
        ("upsert", [Line("9", FEBRUARY)], Line("1", MARCH, amount="5.00")),
        ("replace_period", [Line("1", amount="12.00"), Line("9", FEBRUARY)], Line("1", amount="12.00")),
    ],
    ids=["its key", "its period"],
)
def test_a_file_of_the_run_that_books_lines_for_the_first_time_replaces_none_of_a_closed_period(
    zone: Zone, load_mode: str, again: Sequence[Line], other: Line
) -> None:
    """What is booked in this run is in no state that the run has read."""
    values: dict[str, Any] = {"load_mode": load_mode, "tolerated_removal": None, "late_lines": "next_open_period"}
    counted_and_corrected(zone, [Line("1"), Line("9", FEBRUARY)], again, **values)
    before = zone.versions()
    zone.deliver("b.csv", [other], "w", **values)
    assert "of a.csv, whose late lines are booked in a later period" in evaluate(zone)["b.csv"][0]
    assert zone.versions()[JANUARY] == before[JANUARY]


def test_a_line_stays_in_a_closed_period_if_a_correction_of_its_file_and_another_file_with_its_key_come_together(
    zone: Zone,
) -> None:
    values: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    counted_and_corrected(zone, [Line("1"), Line("9", FEBRUARY)], [Line("9", FEBRUARY)], **values)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    before = zone.versions()
    zone.deliver("a.csv", [Line("9", FEBRUARY, amount="3.00")], "v3", **values)
    zone.deliver("b.csv", [Line("1", MARCH, amount="5.00")], "w", **values)
    assert "has keys of a.csv" in evaluate(zone)["b.csv"][0]
    assert zone.versions()[JANUARY] == before[JANUARY]


def test_a_line_like_one_whose_key_another_file_has_taken_does_not_count_in_a_closed_period(zone: Zone) -> None:
    """Only a part of the other file counts, so that counts do not say that the line like it counted no longer."""
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("a.csv", [Line("4"), Line("5", MARCH)], "u", **upsert)
    zone.deliver("b.csv", [Line("6", amount="2.00"), Line("4", FEBRUARY, amount="4.00")], "v", **upsert)
    zone.evaluate()
    close(zone, JANUARY)
    zone.deliver("b.csv", [Line("6", FEBRUARY, amount="1.00"), Line("2", MARCH)], "v2", **upsert)
    evaluate(zone)
    before = zone.versions()
    zone.deliver("c.csv", [Line("4")], "w", **upsert)
    assert evaluate(zone)["c.csv"][0].startswith("would restate 2025-01, which is closed: Actual 10.00")
    assert zone.versions() == before


def test_a_file_that_was_held_before_a_loss_of_its_key_was_booked_later_cannot_be_accepted(zone: Zone) -> None:
    doubtful: dict[str, Any] = {"load_mode": "upsert", "commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
    zone.deliver("b.csv", [Line("1", MARCH)], "w", **doubtful)
    counted_and_corrected(zone, lines("1"), [Line("9", FEBRUARY)], load_mode="upsert", tolerated_removal=None)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    with pytest.raises(DecisionError, match=r"has keys of a\.csv, whose late lines are booked later"):
        accept(zone.store, "b.csv", ADA)


def test_a_correction_of_a_version_with_keys_of_another_file_is_not_booked_later(zone: Zone) -> None:
    """The version stays in the closed period, where its line would count once the other file lacks the key."""
    upsert: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("a.csv", lines("1", "2"), **upsert)
    zone.deliver("b.csv", [Line("1", amount="4.00")], "w", **upsert)
    zone.evaluate()
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("2", amount="9.00")], "v2", **upsert)
    evaluate(zone)
    with pytest.raises(DecisionError, match="has keys of them"):
        book(zone.store, "a.csv", ADA)


def test_a_key_that_leaves_a_closed_period_is_not_booked_later_but_waits(zone: Zone) -> None:
    zone.deliver("a.csv", lines("1"), load_mode="upsert", tolerated_removal=None)
    zone.evaluate()
    close(zone, JANUARY)
    zone.deliver("b.csv", [Line("1", MARCH)], "w", load_mode="upsert", tolerated_removal=None)
    evaluate(zone)
    before = amounts(zone)
    with pytest.raises(DecisionError, match="has keys of them"):
        book(zone.store, "b.csv", ADA)
    assert amounts(zone) == before
    accept(zone.store, "b.csv", ADA)


def test_what_changes_no_closed_period_cannot_be_booked_later(zone: Zone) -> None:
    zone.deliver("a.csv", [Line("1")], commit_findings=ReaderFindings(doubts=("is it UTF-8?",)))
    evaluate(zone)
    with pytest.raises(DecisionError, match="changes no closed period"):
        book(zone.store, "a.csv", ADA)


def test_the_lines_of_an_account_are_those_of_the_periods_that_count(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    (booking,) = [one.commit for one in zone.state.live if one.booked_from]
    account = {surrogate_key("4000")}
    (part,) = parts_on_accounts(zone.store, [booking], account).values()
    assert [(count.period, count.rows, count.amount) for count in part.periods] == [(FEBRUARY, 1, Decimal(10))]
    without = Portion(without=frozenset({FEBRUARY})).of(booking)
    (rest,) = parts_on_accounts(zone.store, [without], account).values()
    assert (rest.periods, rest.scenarios) == ([], [])


def test_every_changed_file_of_a_booking_is_named(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    booked = [one.commit for one in zone.state.live if one.booked_from]
    keys = [file.key for one in booked for files in one.files.values() for file in files]
    assert (len(keys), list(find_changed_deliveries(zone.store, booked, lambda _: None))) == (3, [])
    for key in keys:
        path = zone.path / key
        path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    assert [key for key, _ in find_changed_deliveries(zone.store, booked, lambda _: None)] == keys


def test_a_lost_file_of_a_booking_is_not_said_to_be_read_again(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    booked = [one.commit for one in zone.state.live if one.booked_from]
    lost = booked[0].files["transactions"][0].key
    zone.store.delete(lost)
    ((key, why),) = find_changed_deliveries(zone.store, booked, lambda _: None)
    assert key == lost
    assert why.startswith("is missing (a.csv); restore it from a backup: a decision wrote it, with lines of 2025-01")


# By the feed


@pytest.mark.parametrize(
    ("late_lines", "expected"),
    [
        ("", {FEBRUARY: 10}),
        ("hold", {FEBRUARY: 10}),
        ("next_open_period", {FEBRUARY: 20}),
        ("publish", {JANUARY: 10, FEBRUARY: 10}),
    ],
)
def test_a_feed_says_what_becomes_of_its_late_lines(zone: Zone, late_lines: str, expected: dict[str, int]) -> None:
    close(zone, JANUARY)
    event = zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)], late_lines=late_lines)
    verdict = zone.evaluate(holds_closed_periods=late_lines != "hold")["a.csv"]
    assert amounts(zone) == {"a.csv": {period: Decimal(amount) for period, amount in expected.items()}}
    assert bool(zone.state.inactive) == (late_lines in {"", "hold"})
    if late_lines == "next_open_period":
        text = "would restate 2025-01, closed, so what it would change there is booked in 2025-02"
        assert verdict.warnings == (text,)
        assert zone.state.booked[0].reason == "booked in 2025-02, as `late_lines` of its feed says"
    zone.append(replace(event, etag="touched"))
    zone.evaluate(holds_closed_periods=late_lines != "hold")
    assert amounts(zone) == {"a.csv": {period: Decimal(amount) for period, amount in expected.items()}}


def test_late_lines_of_a_plan_wait_although_their_feed_books_them_later(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1", scenario="Budget")], late_lines="next_open_period")
    assert evaluate(zone).keys() == {"a.csv"}
    assert amounts(zone) == {}


def test_another_policy_of_the_feed_decides_about_lines_that_wait(zone: Zone) -> None:
    close(zone, JANUARY)
    split = zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    whole = zone.deliver("b.csv", [Line("3", amount="5.00")], "w")
    evaluate(zone)
    zone.append(*(replace(event, late_lines="next_open_period") for event in (split, whole)))
    assert evaluate(zone) == {}
    assert amounts(zone) == {"a.csv": {FEBRUARY: Decimal(20)}, "b.csv": {FEBRUARY: Decimal(5)}}


# After a period is opened again


def reopen(zone: Zone, *periods: str) -> None:
    for period in periods:
        zone.append(PeriodStatusChanged("reopened", period, "ada", "an invoice", f"{period}-28T01:00:00+00:00"))


def test_late_lines_count_after_their_period_is_opened_again(zone: Zone) -> None:
    counted_and_corrected(zone, [Line("1"), Line("2", FEBRUARY)], [Line("1", amount="9.00"), Line("3", FEBRUARY)])
    evaluate(zone)
    reopen(zone, JANUARY)
    (held,) = zone.state.inactive
    assert held.reopened == (JANUARY,)
    assert held.reason.startswith("2025-01 was opened again, so the next run judges it again; it was held because it")
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v2": [JANUARY, FEBRUARY]}
    assert (waiting(zone.state), zone.state.waiting, evaluate(zone)) == ({}, [], {})


def test_a_file_that_is_held_as_a_whole_counts_after_its_period_is_opened_again(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1")])
    evaluate(zone)
    reopen(zone, JANUARY)
    assert "2025-01 was opened again" in zone.state.inactive[0].reason
    assert evaluate(zone) == {}
    assert (counted(zone.state), zone.state.inactive) == ({"a.csv@v1": [JANUARY]}, [])


def test_only_lines_of_the_period_that_is_opened_again_count(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    evaluate(zone)
    reopen(zone, FEBRUARY)
    expected = ("would restate 2025-01, which is closed: Actual 10.00; only its lines of 2025-01 wait",)
    assert evaluate(zone) == {"a.csv": expected}
    assert (counted(zone.state), waiting(zone.state)) == ({"a.csv@v1": [FEBRUARY, MARCH]}, {"a.csv": (JANUARY,)})
    assert zone.state.inactive[0].reason == expected[0]


def test_a_period_that_is_closed_again_before_the_next_run_holds_its_lines_as_before(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    evaluate(zone)
    before = zone.state.inactive
    reopen(zone, JANUARY)
    close(zone, JANUARY)
    assert (zone.evaluate(holds_closed_periods=True), zone.state.inactive) == ({}, before)


def test_lines_that_move_between_an_open_and_a_closed_period_wait_for_the_closed_one(zone: Zone) -> None:
    sent, again = [Line("1"), Line("2", FEBRUARY)], [Line("1", FEBRUARY), Line("2", FEBRUARY), Line("9", MARCH)]
    zone.deliver("a.csv", sent, tolerated_removal=None)
    zone.evaluate()
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", again, "v2", tolerated_removal=None)
    evaluate(zone)
    reopen(zone, FEBRUARY)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY], "a.csv@v2": [MARCH]}
    assert waiting(zone.state) == {"a.csv": (JANUARY, FEBRUARY)}
    reopen(zone, JANUARY)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v2": [FEBRUARY, MARCH]}


def test_what_a_person_dropped_stays_dropped_when_periods_are_opened_again(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    evaluate(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA, [JANUARY])
    reopen(zone, JANUARY, FEBRUARY)
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v1": [FEBRUARY, MARCH]}
    assert [one.late_periods for one in zone.state.withdrawn] == [(JANUARY,)]
    reinstate_late_lines(zone.store, "a.csv", ADA)
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY, MARCH]}


def test_lines_that_are_taken_back_wait_with_their_own_reason(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    evaluate(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA, [JANUARY])
    reopen(zone, FEBRUARY)
    evaluate(zone)
    reinstate_late_lines(zone.store, "a.csv", ADA)
    evaluate(zone)
    (held,) = zone.state.inactive
    assert held.reason == "would restate 2025-01, which is closed: Actual 10.00; only its lines of 2025-01 wait"


def test_lines_that_are_booked_later_stay_there_when_periods_are_opened_again(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", "2025-04")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA, [JANUARY])
    reopen(zone, JANUARY, FEBRUARY)
    assert evaluate(zone) == {}
    assert amounts(zone) == {"a.csv": {MARCH: Decimal(10), FEBRUARY: Decimal(10), "2025-04": Decimal(10)}}


def test_a_period_whose_late_lines_are_decided_does_not_judge_the_others_again_when_it_is_opened(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    evaluate(zone)
    accept(zone.store, "a.csv", ADA, [JANUARY])
    reopen(zone, JANUARY)
    (held,) = zone.state.inactive
    assert (held.late_periods, held.reopened, zone.state.waiting) == ((FEBRUARY,), (), [])
    assert held.reason.endswith("; its lines of 2025-01 are decided since, and Actual 10.00 of 2025-02 still wait")
    reopen(zone, FEBRUARY)
    assert evaluate(zone) == {}
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY, MARCH]}


def test_what_still_waits_is_named_without_what_is_decided(zone: Zone) -> None:
    """Half of the amount that the reason names may be published already."""
    sent = [Line("1"), Line("2", FEBRUARY, amount="20.00"), Line("5", FEBRUARY, "Budget"), Line("3", "2025-04")]
    again = [
        Line("1", amount="12.00"),
        Line("2", FEBRUARY, amount="15.00"),
        Line("4", FEBRUARY, amount="8.00", account="6"),
    ]
    zone.deliver("a.csv", sent)
    zone.evaluate()
    close(zone, JANUARY, FEBRUARY)
    zone.deliver(
        "a.csv", [*again, Line("5", FEBRUARY, "Budget", amount="9.00"), Line("3", "2025-04", amount="9.00")], "v2"
    )
    evaluate(zone)
    (held,) = zone.state.inactive
    assert "Actual net 5.00, gross 15.00, Budget -1.00" in held.reason
    accept(zone.store, "a.csv", ADA, [JANUARY])
    (held,) = zone.state.inactive
    assert held.reason.endswith(
        "; its lines of 2025-01 are decided since, and Actual net 3.00, gross 13.00, Budget -1.00 of 2025-02 still wait"
    )


def test_a_verdict_of_an_earlier_release_says_what_is_decided_and_no_amount_that_it_does_not_have(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    event = zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)])
    late = (JANUARY,), (FEBRUARY,)
    reason = "would restate 2025-01, 2025-02, which are closed: Actual 20.00"
    values: dict[str, Any] = {"reasons": (reason,), "restates": (JANUARY, FEBRUARY), "late": late}
    zone.append(
        Verdict("a.csv", event.delivery_id, "2025-06-01T00:00:00+00:00", "run-1", kinds=("restatement",), **values)
    )
    accept(zone.store, "a.csv", ADA, [JANUARY])
    (held,) = zone.state.inactive
    assert held.reason == f"{reason}; its lines of 2025-01 are decided since"


def booked_in_a_period_that_is_closed_since(zone: Zone) -> None:
    """Book a line of January in March, close March and open January again."""
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("4", "2025-04")], tolerated_removal=None)
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    close(zone, MARCH)
    reopen(zone, JANUARY)


@pytest.mark.parametrize("corrected", [[Line("1", amount="12.00")], []])
def test_a_correction_that_would_end_a_booking_in_a_closed_period_waits(zone: Zone, corrected: list[Line]) -> None:
    booked_in_a_period_that_is_closed_since(zone)
    sent = [*corrected, Line("4", "2025-04"), Line("5", "2025-05")]
    zone.deliver("a.csv", sent, "v2", tolerated_removal=None)
    (reason,) = evaluate(zone)["a.csv"]
    assert reason.startswith(
        "would restate 2025-03, which is closed: Actual -10.00; only its lines of 2025-01 and 2025-03"
    )
    assert amounts(zone) == {"a.csv": {MARCH: Decimal(10), "2025-04": Decimal(10), "2025-05": Decimal(10)}}
    accept(zone.store, "a.csv", ADA)
    in_january = {JANUARY: Decimal(12)} if corrected else {}
    assert amounts(zone) == {"a.csv": {**in_january, "2025-04": Decimal(10), "2025-05": Decimal(10)}}


def test_a_correction_that_would_end_a_booking_counts_after_its_period_is_opened_again(zone: Zone) -> None:
    booked_in_a_period_that_is_closed_since(zone)
    zone.deliver("a.csv", [Line("1", amount="12.00"), Line("4", "2025-04"), Line("5", "2025-05")], "v2")
    evaluate(zone)
    reopen(zone, MARCH)
    assert evaluate(zone) == {}
    assert amounts(zone) == {"a.csv": {JANUARY: Decimal(12), "2025-04": Decimal(10), "2025-05": Decimal(10)}}


@pytest.mark.parametrize("late_lines", ["", "next_open_period"])
@pytest.mark.parametrize("corrected", [[Line("1", amount="12.00")], []])
def test_a_correction_that_would_end_a_booking_is_not_booked_later_with_what_it_changes_in_the_closed_period_itself(
    zone: Zone, corrected: list[Line], late_lines: str
) -> None:
    close(zone, JANUARY)
    values: dict[str, Any] = {"tolerated_removal": None, "late_lines": late_lines}
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY), Line("3", MARCH)], **values)
    evaluate(zone)
    if not late_lines:
        book(zone.store, "a.csv", ADA)
    close(zone, FEBRUARY)
    reopen(zone, JANUARY)
    published = {"a.csv": {FEBRUARY: Decimal(20), MARCH: Decimal(10)}}
    assert amounts(zone) == published
    sent = [*corrected, Line("2", FEBRUARY, amount="8.00"), Line("3", MARCH, amount="7.00")]
    zone.deliver("a.csv", sent, "v2", **values)
    (reason,) = evaluate(zone)["a.csv"]
    assert "only its lines of 2025-01 and 2025-02" in reason
    waiting_in = {"a.csv": {FEBRUARY: Decimal(20), MARCH: Decimal(7)}}
    assert amounts(zone) == waiting_in
    for decide in (preview_booking, lambda store, key: book(store, key, ADA)):
        with pytest.raises(DecisionError, match="what is booked of it in 2025-02, closed, would go"):
            decide(zone.store, "a.csv")
    assert amounts(zone) == waiting_in
    accept(zone.store, "a.csv", ADA)
    in_january = {JANUARY: Decimal(12)} if corrected else {}
    assert amounts(zone) == {"a.csv": {**in_january, FEBRUARY: Decimal(8), MARCH: Decimal(7)}}


def test_a_withdrawal_is_not_undone_if_its_booking_is_in_a_period_that_is_closed_since(zone: Zone) -> None:
    close(zone, JANUARY, FEBRUARY)
    zone.deliver("a.csv", [Line("1"), Line("4", "2025-04")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    close(zone, MARCH)
    with pytest.raises(DecisionError, match="2025-03, closed"):
        reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    reopen(zone, MARCH)
    reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert amounts(zone) == {"a.csv": {MARCH: Decimal(10), "2025-04": Decimal(10)}}


def test_late_lines_wait_on_if_they_take_too_much_out_of_the_opened_period(zone: Zone) -> None:
    sent = [*lines("1", "2", "3", "4"), Line("5", FEBRUARY)]
    counted_and_corrected(zone, sent, [Line("1"), Line("5", FEBRUARY, amount="9.00")])
    evaluate(zone)
    reopen(zone, JANUARY)
    (reason,) = evaluate(zone)["a.csv"]
    assert "would lose 3 of 4 lines" in reason
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}
    (held,) = zone.state.inactive
    assert (held.reason, held.late_periods, zone.evaluate(holds_closed_periods=True)) == (reason, (JANUARY,), {})
    accept(zone.store, "a.csv", ADA)
    assert counted(zone.state) == {"a.csv@v2": [JANUARY, FEBRUARY]}


def test_a_touched_file_whose_period_was_opened_counts_in_the_same_run(zone: Zone) -> None:
    close(zone, JANUARY)
    event = zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    evaluate(zone)
    reopen(zone, JANUARY)
    zone.append(replace(event, etag="touched"))
    evaluate(zone)
    assert (counted(zone.state), waiting(zone.state)) == ({"a.csv@v1": [JANUARY, FEBRUARY]}, {})


def test_late_lines_of_a_version_before_a_held_one_are_judged_again_too(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [Line("1"), Line("2", FEBRUARY)])
    evaluate(zone)
    zone.deliver("a.csv", [Line("2", FEBRUARY)], "v2", commit_findings=ReaderFindings(doubts=("is it UTF-8?",)))
    evaluate(zone)
    reopen(zone, JANUARY)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY]}
    assert [one.reason for one in zone.state.inactive] == ["is it UTF-8?"]


# Reversals


def named(number: str, amount: str = "10.00", period: str = JANUARY) -> Line:
    return Line(number, period, amount=amount, number=number)


def reversing(number: str, of: str, period: str) -> Line:
    return Line(number, period, amount="-10.00", number=number, reverses=of)


def test_a_reversal_in_an_open_period_waits_with_the_late_line_that_it_names(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [named("1"), reversing("2", "1", FEBRUARY), named("3", period=MARCH)])
    assert evaluate(zone)["a.csv"][-1].endswith(
        "only its lines of 2025-01 and 2025-02, which share lines that move, vouchers, reversals or a year wait"
    )
    assert counted(zone.state) == {"a.csv@v1": [MARCH]}
    with pytest.raises(DecisionError, match="2025-01 and 2025-02, or share vouchers or reversals"):
        accept(zone.store, "a.csv", ADA, [FEBRUARY])
    accept(zone.store, "a.csv", ADA)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY, MARCH]}


def test_late_lines_and_their_reversals_are_dropped_together(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [named("1"), reversing("2", "1", FEBRUARY), named("3", period=MARCH)])
    evaluate(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA)
    assert (counted(zone.state), waiting(zone.state)) == ({"a.csv@v1": [MARCH]}, {})
    reinstate_late_lines(zone.store, "a.csv", ADA)
    assert waiting(zone.state) == {"a.csv": (JANUARY, FEBRUARY)}
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert counted(zone.state) == {}


def test_a_late_line_that_is_booked_later_counts_beside_its_reversal(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [named("1"), reversing("2", "1", MARCH), named("3", period="2025-04")])
    evaluate(zone)
    book(zone.store, "a.csv", ADA)
    assert amounts(zone) == {"a.csv": {FEBRUARY: Decimal(10), MARCH: Decimal(-10), "2025-04": Decimal(10)}}
    assert not find_broken_reversals(zone.store, zone.state, zone.overlaps())


def test_the_reversal_of_a_published_line_counts_while_other_lines_of_its_period_wait(zone: Zone) -> None:
    sent = [named("1"), named("2")]
    again = [named("1"), named("2", "9.00"), reversing("4", "1", FEBRUARY)]
    counted_and_corrected(zone, sent, again)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}


def test_a_reversal_that_counts_already_does_not_wait_with_a_correction_of_its_line(zone: Zone) -> None:
    sent = [named("1"), reversing("2", "1", FEBRUARY)]
    again = [named("1", "12.00"), reversing("2", "1", FEBRUARY), named("3", period=FEBRUARY)]
    counted_and_corrected(zone, sent, again)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY], "a.csv@v2": [FEBRUARY]}


def test_a_reversal_and_its_line_that_both_vanish_stay_together(zone: Zone) -> None:
    sent = [named("1"), named("3"), reversing("2", "1", FEBRUARY), named("4", period=FEBRUARY)]
    again = [named("3"), named("4", period=FEBRUARY), named("5", period=MARCH)]
    counted_and_corrected(zone, sent, again)
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [JANUARY, FEBRUARY], "a.csv@v2": [MARCH]}


def test_a_late_reversal_in_a_closed_period_waits_with_a_new_line_of_an_open_one(zone: Zone) -> None:
    close(zone, JANUARY)
    zone.deliver("a.csv", [reversing("2", "1", JANUARY), named("1", period=FEBRUARY), named("3", period=MARCH)])
    evaluate(zone)
    assert counted(zone.state) == {"a.csv@v1": [MARCH]}
