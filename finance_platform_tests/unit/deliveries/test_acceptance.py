"""Acceptance: which deliveries are held, with their reasons, and which only have warnings.

Does not belong here: rejected rows and amounts (see `test_acceptance_tolerance`), removed lines (see
`test_acceptance_removals`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finance_platform.deliveries.commits import Count, read_commits
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.feeds.findings import ControlTotal, ControlTotals, ReaderFindings
from finance_platform.slices.versions import contributing_deliveries
from finance_platform_tests.unit.factories import decision_on, partly_rejected, with_hashes_of_another_kind
from finance_platform_tests.unit.zone import Line, Zone, counts_of, lines, many

# One delivery


def test_a_valid_delivery_counts_after_its_verdict(zone: Zone) -> None:
    zone.deliver("a.csv", many(2))
    assert zone.live == []
    verdict = zone.evaluate()["a.csv"]
    assert (verdict.is_held, verdict.fix, verdict.warnings) == (False, "", ())
    assert zone.live == ["a.csv@v1"]


def test_a_verdict_has_delivery_time_and_run(zone: Zone) -> None:
    zone.deliver("a.csv", many(2))
    zone.evaluate()
    (verdict,) = [event for event in zone.register.events() if isinstance(event, Verdict)]
    values = (verdict.object_key, verdict.delivery_id, verdict.at, verdict.run_id)
    assert values == ("a.csv", "a.csv@v1", "2025-06-01T12:01:00.000000+00:00", "run-1")


def test_a_delivery_beyond_its_tolerance_is_held_and_can_be_accepted(zone: Zone) -> None:
    event = zone.deliver("a.csv", many(2))
    zone.commit(partly_rejected(event, 1, of=3))
    verdict = zone.evaluate()["a.csv"]
    assert verdict.reasons == ("1 of 3 rows rejected, tolerated 0%",)
    assert (verdict.is_final, verdict.fix.startswith("correct the file and send it again")) == (False, True)
    assert "finance-platform accept a.csv --why TEXT" in verdict.fix
    zone.append(decision_on("accepted", event))
    assert zone.live == ["a.csv@v1"]


def test_a_delivery_with_a_larger_rejected_amount_than_tolerated_is_held(zone: Zone) -> None:
    event = zone.deliver("a.csv", many(2), tolerated_share="1", tolerated_amount="4.99")
    zone.commit(partly_rejected(event, 1, of=3, amount="5.00"))
    assert zone.evaluate_held() == {"a.csv": ("5.00 rejected, tolerated 4.99",)}


@pytest.mark.parametrize("lost", [Count(1), Count(0, Count().amount + 1), Count(0, unpriced=1)])
def test_a_delivery_with_unaccounted_rows_is_held_for_good(zone: Zone, lost: Count) -> None:
    event = zone.deliver("a.csv", many(2), tolerated_share="1")
    commit = read_commits(zone.store)["a.csv@v1"]
    zone.commit(replace(commit, read=commit.read + lost))
    verdict = zone.evaluate()["a.csv"]
    assert (verdict.is_held, verdict.is_final) == (True, True)
    assert verdict.reasons[0].startswith("not accounted for: ")
    assert "fault of the platform" in verdict.fix
    zone.append(decision_on("accepted", event))
    assert zone.live == []


# The same content


def test_the_same_content_under_another_key_of_the_feed_is_held(zone: Zone) -> None:
    zone.deliver("a.csv", many(1))
    zone.deliver("b.csv", many(1))
    assert zone.evaluate_held() == {"b.csv": ("the same content as a.csv, which counts already",)}
    assert zone.live == ["a.csv@v1"]


@pytest.mark.parametrize(
    "other", [many(1, scenario="Budget Q1"), many(1, "2025-02", "Budget"), [Line(scenario="Budget", amount="11.00")]]
)
def test_the_same_content_is_not_held_if_the_name_of_the_file_gives_other_lines(zone: Zone, other: list[Line]) -> None:
    zone.deliver("budget.csv", many(1, scenario="Budget"))
    zone.deliver("budget_q1.csv", other)
    assert zone.evaluate_held() == {}


def test_the_same_content_is_held_if_another_release_has_hashed_its_lines_in_another_way(zone: Zone) -> None:
    zone.deliver("a.csv", many(1))
    zone.evaluate()
    event = zone.deliver("b.csv", many(1))
    zone.commit(with_hashes_of_another_kind(read_commits(zone.store)[event.delivery_id]))
    assert zone.evaluate_held() == {"b.csv": ("the same content as a.csv, which counts already",)}


@pytest.mark.parametrize("scenario", ["Budget", "BUDGET"])
def test_the_same_content_is_held_if_its_commits_have_no_content_hashes(zone: Zone, scenario: str) -> None:
    for key, name in (("a.csv", "Budget"), ("b.csv", scenario)):
        event = zone.deliver(key, many(1, scenario=name))
        commit = read_commits(zone.store)[event.delivery_id]
        zone.commit(replace(commit, periods=[replace(count, content="") for count in commit.periods]))
    assert zone.evaluate_held().keys() == {"b.csv"}


def test_the_same_content_in_another_feed_is_not_held(zone: Zone) -> None:
    zone.deliver("a.csv", many(1))
    zone.deliver("b.csv", many(1), feed="other")
    assert zone.evaluate_held() == {}


def test_the_same_content_as_a_withdrawn_delivery_counts(zone: Zone) -> None:
    event = zone.deliver("a.csv", many(1))
    zone.evaluate()
    zone.append(decision_on("withdrawn", event))
    zone.deliver("b.csv", many(1))
    assert zone.evaluate_held() == {}
    assert zone.live == ["b.csv@v1"]


def test_the_same_content_as_a_replaced_version_is_not_held(zone: Zone) -> None:
    zone.deliver("a.csv", many(1))
    zone.evaluate()
    zone.deliver("a.csv", many(1), content="v2")
    zone.evaluate()
    zone.deliver("b.csv", many(1), content="v1")
    assert zone.evaluate_held() == {}


def test_an_accepted_copy_does_not_hold_the_touched_original(zone: Zone) -> None:
    original = zone.deliver("a.csv", many(1))
    copy = zone.deliver("b.csv", many(1))
    zone.evaluate()
    zone.append(decision_on("accepted", copy), replace(original, etag="touched"))
    assert zone.evaluate_held() == {}
    assert zone.live == ["a.csv@v1", "b.csv@v1"]


# Late


def late_upsert(zone: Zone, **values: Any) -> None:
    """Deliver b.csv before a.csv, which sorts before it and has a key of it."""
    zone.deliver("b.csv", lines("T1"), load_mode="upsert", order="2")
    zone.evaluate()
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert", order="1", content="w", **values)


def test_a_late_delivery_counts_with_a_warning(zone: Zone) -> None:
    late_upsert(zone)
    verdict = zone.evaluate()["a.csv"]
    assert (verdict.is_held, verdict.warnings) == (False, ("came late: b.csv sorts after it and wins",))


def test_a_late_delivery_is_held_if_its_feed_requires_it(zone: Zone) -> None:
    late_upsert(zone, is_held_when_late=True)
    assert zone.evaluate_held() == {"a.csv": ("came late: b.csv sorts after it and wins",)}


def test_a_delivery_without_overlap_is_not_late(zone: Zone) -> None:
    zone.deliver("b.csv", lines("T9"), load_mode="upsert", order="2")
    zone.evaluate()
    zone.deliver("a.csv", lines("T1"), load_mode="upsert", order="1", is_held_when_late=True, content="w")
    verdict = zone.evaluate()["a.csv"]
    assert (verdict.is_held, verdict.warnings) == (False, ())


@pytest.mark.parametrize(("mode", "is_late"), [("replace_period", True), ("append", False)])
def test_a_delivery_is_late_if_a_later_file_replaces_its_period(zone: Zone, mode: str, *, is_late: bool) -> None:
    for key, order in (("c.csv", "3"), ("b.csv", "2")):
        zone.deliver(key, many(2), load_mode=mode, order=order, content=key)
        zone.evaluate()
    zone.deliver("a.csv", many(2), load_mode=mode, order="1", content="w")
    expected = ("came late: b.csv, c.csv sort after it and win",) if is_late else ()
    assert zone.evaluate()["a.csv"].warnings == expected


def test_lateness_is_evaluated_by_scope(zone: Zone) -> None:
    scoped: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
    zone.deliver("b.csv", [Line(scope="sales")], order="2", **scoped)
    zone.evaluate()
    zone.deliver("a.csv", [Line(scope="works")], order="1", content="w", **scoped)
    zone.deliver("c.csv", [Line(scope="sales")], order="0", content="x", **scoped)
    verdicts = zone.evaluate()
    assert verdicts["a.csv"].warnings == ()
    assert verdicts["c.csv"].warnings == ("came late: b.csv sorts after it and wins",)


def test_deliveries_of_one_evaluation_are_not_late(zone: Zone) -> None:
    zone.deliver("b.csv", many(2), load_mode="replace_period", order="2", is_held_when_late=True)
    zone.deliver("a.csv", many(2), load_mode="replace_period", order="1", is_held_when_late=True, content="w")
    assert not any(verdict.is_held or verdict.warnings for verdict in zone.evaluate().values())


def test_a_touched_delivery_keeps_its_warnings_and_is_not_held(zone: Zone) -> None:
    first = zone.deliver("a.csv", many(2), load_mode="replace_period", is_held_when_late=True)
    zone.evaluate()
    zone.deliver("b.csv", many(2), load_mode="replace_period", content="w")
    zone.evaluate()
    zone.append(replace(first, etag="touched"))
    assert (zone.evaluate_held(), zone.state.awaiting_verdict) == ({}, [])
    late_upsert(zone)
    warnings = zone.evaluate()["a.csv"].warnings
    (event,) = [live.event for live in zone.state.live if live.event.object_key == "a.csv"]
    zone.append(replace(event, etag="touched"))
    assert zone.evaluate()["a.csv"].warnings == warnings


# Closed periods


def close_january(zone: Zone) -> None:
    zone.deliver("a.csv", many(4))
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))


def test_a_delivery_in_a_closed_period_is_held_if_closed_periods_are_held(zone: Zone) -> None:
    close_january(zone)
    zone.deliver("b.csv", many(1), content="w")
    assert zone.evaluate_held(holds_closed_periods=True) == {
        "b.csv": ("would restate 2025-01, which is closed: Actual 10.00",)
    }


def test_what_debits_less_credits_would_restate_says_so_because_more_revenue_is_less_there(zone: Zone) -> None:
    close_january(zone)
    zone.deliver("b.csv", many(1), content="w", commit_is_debit_positive=True)
    (reason,) = zone.evaluate_held(holds_closed_periods=True)["b.csv"]
    assert "would restate 2025-01, which is closed: Actual 10.00 (debit less credit)" in reason


def test_a_delivery_in_a_closed_period_counts_by_default(zone: Zone) -> None:
    close_january(zone)
    zone.deliver("b.csv", many(1), content="w")
    assert zone.evaluate_held() == {}


def test_a_delivery_in_an_open_period_is_not_held(zone: Zone) -> None:
    close_january(zone)
    zone.deliver("b.csv", many(1, "2025-02"), content="w")
    assert zone.evaluate_held(holds_closed_periods=True) == {}


def test_a_key_that_moves_out_of_a_closed_period_restates_it(zone: Zone) -> None:
    zone.deliver("a.csv", [*lines("T1", "T2", "T3"), *lines("U1", period="2025-02")], load_mode="upsert")
    zone.evaluate()
    zone.append(
        *(PeriodStatusChanged("closed", period, "ada", "audited", "2025-06-01") for period in ("2025-01", "2025-02"))
    )
    zone.deliver("b.csv", lines("T1", period="2025-03"), load_mode="upsert", content="w")
    assert zone.evaluate_held(holds_closed_periods=True) == {
        "b.csv": ("would restate 2025-01, which is closed: Actual -10.00",)
    }


@pytest.mark.parametrize("order", [("a.csv", "c.csv"), ("c.csv", "a.csv")])
@pytest.mark.parametrize("is_correction_held", [False, True])
def test_a_file_that_takes_keys_is_compared_with_the_version_that_another_file_of_the_run_replaces(
    zone: Zone, order: tuple[str, str], *, is_correction_held: bool
) -> None:
    """The correction of a.csv comes with c.csv, which has a key of a.csv in another period."""
    sent = [*lines("T1", "T2", "T3"), *lines("U1", period="2025-02")]
    zone.deliver("a.csv", sent, load_mode="upsert")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    files = {
        "a.csv": lines("T2") if is_correction_held else [*sent, *lines("U2", period="2025-02")],
        "c.csv": lines("T1", period="2025-03"),
    }
    for key in order:
        zone.deliver(key, files[key], load_mode="upsert", content="w")
    held = zone.evaluate_held(holds_closed_periods=True)
    assert held["c.csv"] == ("would restate 2025-01, which is closed: Actual -10.00",)
    assert ("a.csv" in held) == is_correction_held


@pytest.mark.parametrize("key", ["a.csv", "b.csv"])
def test_an_export_that_repeats_a_closed_period_and_adds_an_open_one_is_not_held(zone: Zone, key: str) -> None:
    zone.deliver("a.csv", lines("T1", "T2"), load_mode="upsert")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    whole = [*lines("T1", "T2"), *lines("U1", period="2025-02")]
    zone.deliver(key, whole, load_mode="upsert", content="w")
    assert zone.evaluate_held(holds_closed_periods=True) == {}


@pytest.mark.parametrize("key", ["a.csv", "b.csv"])
def test_an_export_that_repeats_a_closed_period_with_another_amount_waits_there(zone: Zone, key: str) -> None:
    zone.deliver("a.csv", lines("T1", "T2"), load_mode="upsert")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    changed = [replace(line, amount="99.00") if line.key == "T2" else line for line in lines("T1", "T2")]
    zone.deliver(key, [*changed, *lines("U1", period="2025-02")], load_mode="upsert", content="w")
    verdict = zone.evaluate(holds_closed_periods=True)[key]
    assert verdict.reasons == ("would restate 2025-01, which is closed: Actual 89.00; only its lines of 2025-01 wait",)
    assert (verdict.late, verdict.is_held) == ((("2025-01",),), False)


def replace_scopes(zone: Zone, key: str, *scopes: str, content: str, **values: Any) -> None:
    sent = [Line(scope=scope, scenario="Budget") for scope in scopes]
    zone.deliver(key, sent, content, load_mode="replace_period", is_scoped=True, **values)


def test_a_file_that_replaces_another_part_of_a_closed_period_restates_it(zone: Zone) -> None:
    """Each time the second file replaces one line of the first."""
    replace_scopes(zone, "a.csv", "s1", "s2", content="a")
    replace_scopes(zone, "b.csv", "s1", content="b")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    counts = read_commits(zone.store)["b.csv@b"].periods
    replace_scopes(zone, "b.csv", "s2", content="w", commit_periods=counts)
    assert zone.evaluate_held(holds_closed_periods=True).keys() == {"b.csv"}


def test_a_plan_that_is_read_again_with_a_scope_restates_no_closed_period(zone: Zone) -> None:
    sent = [Line(scenario="Budget")] * 2
    event = zone.deliver("budget.csv", sent, load_mode="replace_period")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    counts = read_commits(zone.store)[event.delivery_id].periods
    replace_scopes(zone, "budget.csv", "s1", "s2", content="v1", delivery_id="again", commit_periods=counts)
    assert zone.evaluate_held(holds_closed_periods=True) == {}
    assert zone.live == ["again"]


def test_a_changed_load_mode_that_removes_live_lines_is_held(zone: Zone) -> None:
    first, second = zone.deliver("a.csv", many(9)), zone.deliver("b.csv", many(1), content="w")
    zone.evaluate()
    zone.append(*(replace(event, load_mode="replace_period") for event in (first, second)))
    assert zone.evaluate_held().keys() == {"b.csv"}
    assert sorted(zone.live) == ["a.csv@v1", "b.csv@w"]
    assert {live.event.load_mode for live in zone.state.live if live.event.object_key == "b.csv"} == {"append"}


def test_a_load_mode_that_no_longer_replaces_lines_restates_the_closed_period_in_which_it_did(zone: Zone) -> None:
    """The first file waits there, so its earlier version would count again if the second one no longer replaced it."""
    sent, whole = [Line(), Line(period="2025-02")], {"load_mode": "replace_period", "is_scoped": False}
    for read_as, values in (("whole", whole), ("scope", {**whole, "is_scoped": True})):
        for key in ("a.csv", "b.csv"):
            again = [replace(line, scope=key) for line in sent]
            counts = [replace(count, content=f"{key} {count.period}") for count in counts_of(again)]
            zone.deliver(key, again, key, delivery_id=f"{key}@{read_as}", commit_periods=tuple(counts), **values)
        verdicts = zone.evaluate(holds_closed_periods=True)
        zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    assert all("would restate 2025-01" in verdict.reasons[-1] for verdict in verdicts.values())
    january = contributing_deliveries(zone.state, zone.overlaps())["2025-01"]
    assert [item.delivery.delivery_id for item in january] == ["b.csv@whole"]


@pytest.mark.parametrize("moved", ["a.csv", "b.csv"])
@pytest.mark.parametrize(
    "values",
    [
        {"load_mode": "replace_period"},
        {"load_mode": "replace_period", "is_scoped": True},
        {"load_mode": "upsert"},
    ],
)
def test_lines_that_count_again_because_a_file_moved_to_another_feed_restate_a_closed_period(
    zone: Zone, values: dict[str, Any], moved: str
) -> None:
    def send(key: str, **of_feed: Any) -> None:
        sent = [Line("T1", scope="sales")]
        counts = [replace(count, content=f"{key} {count.period}") for count in counts_of(sent)]
        zone.deliver(key, sent, key, commit_periods=tuple(counts), **values, **of_feed)

    for key in ("a.csv", "b.csv"):
        send(key)
        zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    send(moved, feed="other", delivery_id="moved")
    held = zone.evaluate_held(holds_closed_periods=True)
    assert set(held) == {moved}
    assert held[moved][-1] == "would restate 2025-01, which is closed: Actual 10.00"


def test_a_delivery_in_a_reopened_period_is_not_held(zone: Zone) -> None:
    close_january(zone)
    zone.append(PeriodStatusChanged("reopened", "2025-01", "ada", "a late invoice", "2025-06-02"))
    zone.deliver("b.csv", many(1), content="w")
    assert zone.evaluate_held(holds_closed_periods=True) == {}


# Once


def test_a_delivery_is_evaluated_once(zone: Zone) -> None:
    zone.deliver("a.csv", many(1))
    assert zone.evaluate().keys() == {"a.csv"}
    assert zone.evaluate() == {}
    zone.deliver("b.csv", many(1, "2025-02"), content="w")
    assert zone.evaluate().keys() == {"b.csv"}
    assert sum(isinstance(event, Verdict) for event in zone.register.events()) == 2


def test_a_delivery_that_is_discovered_again_is_evaluated_again(zone: Zone) -> None:
    event = zone.deliver("a.csv", many(2))
    zone.commit(partly_rejected(event, 1, of=3))
    assert zone.evaluate_held()
    zone.append(replace(event, tolerated_share="0.5"))
    assert zone.evaluate_held() == {}
    assert zone.live == ["a.csv@v1"]
    zone.append(event)
    assert zone.evaluate_held().keys() == {"a.csv"}
    assert zone.live == ["a.csv@v1"], "the earlier verdict stays in force"


def test_a_changed_tolerance_of_live_files_holds_none_as_late_or_for_removals(zone: Zone) -> None:
    late: dict[str, Any] = {"load_mode": "replace_period", "is_held_when_late": True}
    events = [zone.deliver(f"{n}.csv", many(9 - n), content=f"v{n}", **late) for n in range(3)]
    zone.evaluate()
    before = zone.live
    zone.append(*(replace(event, tolerated_share="0.5") for event in events))
    assert zone.evaluate_held() == {}
    assert zone.live == before


def test_a_withdrawn_delivery_that_is_sent_again_is_evaluated_and_stays_out(zone: Zone) -> None:
    event = zone.deliver("a.csv", many(2))
    zone.commit(partly_rejected(event, 1, of=3))
    zone.evaluate()
    zone.append(decision_on("withdrawn", event, keeps_earlier=True), replace(event, etag="touched"))
    assert zone.evaluate_held().keys() == {"a.csv"}
    zone.append(decision_on("reinstated", event))
    assert zone.live == []


def test_refused_deliveries_are_not_evaluated(zone: Zone) -> None:
    zone.deliver("a.csv", [], commit_status="refused")
    assert zone.evaluate() == {}


def test_a_printed_total_that_does_not_tie_holds_with_both_figures_until_it_is_accepted(zone: Zone) -> None:
    """What is in the file may be right and its total wrong, so a person may take it."""
    total = ControlTotal("grand_total", "", 9, "", "12.00", "10.00", ties=False)
    zone.deliver("gl.csv", lines("T1"), commit_findings=ReaderFindings(control_totals=ControlTotals(1, 0, (total,))))
    verdict = zone.evaluate()["gl.csv"]
    assert verdict.reasons == ("grand_total on line 9: the file prints 12.00, its lines add up to 10.00",)
    assert verdict.kinds == ("control_total",)
    assert "send it again, complete" in verdict.fix
    assert "finance-platform accept gl.csv" in verdict.fix


def test_a_printed_total_that_ties_holds_nothing(zone: Zone) -> None:
    total = ControlTotal("grand_total", "", 9, "", "10.00", "10.00", ties=True)
    zone.deliver("gl.csv", lines("T1"), commit_findings=ReaderFindings(control_totals=ControlTotals(1, 1, (total,))))
    assert zone.evaluate_held() == {}
    (live,) = zone.state.live
    assert live.commit.findings.control_totals.listed == (total,)
