"""Files that are read again by another release: what people decided stays decided as long as the lines are the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.processed import ACCOUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count, DeliveryCommit, read_commits
from finance_platform.deliveries.decisions import accept, book, reinstate_late_lines, withdraw, withdraw_late_lines
from finance_platform.deliveries.events import DeliveryDiscovered, PeriodStatusChanged
from finance_platform.deliveries.verdicts import earlier_readings
from finance_platform.feeds.findings import ReaderFindings
from finance_platform_tests.unit.factories import commit_of
from finance_platform_tests.unit.zone import ADA, Line, Zone, counts_of

DOUBTS = ReaderFindings(doubts=("column 'Currency' is not read",))
JANUARY = PeriodStatusChanged("closed", "2025-01", "ada", "signed", "2025-06-01T12:00:00.000000+00:00")
LATE = [Line("1"), Line("2", "2025-02")]
CORRECTED = [Line("1", amount="15.00"), Line("2", "2025-02", amount="25.00")]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "processed", is_by_period=True)


def read_again(zone: Zone, first: DeliveryDiscovered, sent: list[Line], **values: Any) -> DeliveryDiscovered:
    """Register what the next release makes of the bytes of a delivery."""
    key, times = first.object_key, len(first.delivery_id.split("+"))
    usual = {"delivery_id": f"{key}@{first.fingerprint}{'+' * times}", "reads_again": first.delivery_id}
    return zone.deliver(key, sent, first.fingerprint, **{"modified_at": first.modified_at, **usual, **values})


def accepted_with_doubts(zone: Zone, sent: list[Line]) -> DeliveryDiscovered:
    first = zone.deliver("a.csv", sent, commit_findings=DOUBTS)
    assert zone.evaluate_held() == {"a.csv": DOUBTS.doubts}
    accept(zone.store, "a.csv", ADA)
    return first


def corrected_after_close(zone: Zone) -> DeliveryDiscovered:
    """Return a correction of a file, whose lines of January wait since the month is closed."""
    zone.deliver("a.csv", LATE, load_mode="upsert")
    zone.evaluate()
    zone.append(JANUARY)
    second = zone.deliver("a.csv", CORRECTED, "v2", load_mode="upsert")
    assert zone.evaluate(holds_closed_periods=True)["a.csv"].late == (("2025-01",),)
    return second


def reasons_of_held(zone: Zone) -> list[str]:
    return [one.reason for one in zone.state.inactive]


def amounts(zone: Zone) -> list[Decimal]:
    return sorted(count.amount for one in zone.state.live for count in one.commit.periods)


def test_an_accepted_file_that_has_the_same_lines_and_doubts_counts_without_another_decision(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    second = read_again(zone, first, LATE, commit_findings=DOUBTS)
    verdict = zone.evaluate()["a.csv"]
    assert (verdict.reasons, verdict.continues) == ((), first.delivery_id)
    assert (zone.live, zone.state.inactive) == ([second.delivery_id], [])
    third = read_again(zone, second, LATE, commit_findings=DOUBTS)
    zone.evaluate()
    assert zone.live == [third.delivery_id]


def test_an_accepted_file_counts_if_a_doubt_is_gone(zone: Zone) -> None:
    second = read_again(zone, accepted_with_doubts(zone, LATE), LATE)
    assert zone.evaluate_held() == {}
    assert zone.live == [second.delivery_id]


def test_an_accepted_file_with_another_sum_is_held_and_says_how_it_differs(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    read_again(zone, first, [Line("1", amount="12.00"), LATE[1]], commit_findings=DOUBTS)
    assert zone.evaluate_held() == {
        "a.csv": (
            *DOUBTS.doubts,
            (
                "ada has accepted it on 2025-06-01 (“looked at it”), as the file was read then; the present reading "
                "has 1 line, 12.00 of Actual 2025-01, in place of 1 line, 10.00"
            ),
        )
    }
    assert zone.live == [first.delivery_id]


def test_an_accepted_file_with_other_lines_of_the_same_sum_is_held(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    read_again(zone, first, [Line("1", department="D2"), LATE[1]], commit_findings=DOUBTS)
    *_, decided = zone.evaluate_held()["a.csv"]
    assert decided.endswith("the present reading has other lines of Actual 2025-01 with the same sum")


def test_an_accepted_file_with_a_new_doubt_is_held_and_names_it(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    findings = ReaderFindings(doubts=(*DOUBTS.doubts, "the months are those of 2024"))
    read_again(zone, first, LATE, commit_findings=findings)
    *_, decided = zone.evaluate_held()["a.csv"]
    assert decided.endswith("the present reading has the new doubt “the months are those of 2024”")


def test_a_file_without_a_decision_is_held_for_a_new_doubt_alone(zone: Zone) -> None:
    first = zone.deliver("a.csv", LATE)
    zone.evaluate()
    read_again(zone, first, LATE, commit_findings=DOUBTS)
    assert zone.evaluate_held() == {"a.csv": DOUBTS.doubts}


def test_rejected_rows_that_a_person_accepted_stay_accepted_also_if_the_file_is_touched(zone: Zone) -> None:
    first = zone.deliver("a.csv", LATE)
    zone.commit(with_rejected(zone, first, 1))
    assert zone.evaluate_held() == {"a.csv": ("1 of 3 rows rejected, tolerated 0%",)}
    accept(zone.store, "a.csv", ADA)
    second = read_again(zone, first, LATE)
    zone.commit(with_rejected(zone, second, 1))
    assert zone.evaluate_held() == {}
    zone.append(replace(second, etag="touched"))
    zone.evaluate()
    assert (zone.live, reasons_of_held(zone)) == ([second.delivery_id], [])


def test_an_accepted_file_of_which_other_rows_are_rejected_is_held(zone: Zone) -> None:
    first = zone.deliver("a.csv", LATE)
    zone.commit(with_rejected(zone, first, 1))
    zone.evaluate()
    accept(zone.store, "a.csv", ADA)
    second = read_again(zone, first, LATE)
    zone.commit(with_rejected(zone, second, 2))
    _, decided = zone.evaluate_held()["a.csv"]
    assert decided.endswith("has the new doubt “2 of 4 rows rejected, tolerated 0%”; has 2 rejected rows in place of 1")


def with_rejected(zone: Zone, event: DeliveryDiscovered, rows: int) -> DeliveryCommit:
    commit = read_commits(zone.store)[event.delivery_id]
    bad = Count(rows, unpriced=rows)
    return replace(commit, read=commit.read + bad, outcomes={**commit.outcomes, "rejected": bad})


def test_a_tolerance_that_was_narrowed_holds_a_file_that_is_read_again(zone: Zone) -> None:
    first = zone.deliver("a.csv", LATE, tolerated_share="1")
    zone.commit(with_rejected(zone, first, 1))
    zone.evaluate()
    second = read_again(zone, first, LATE, tolerated_share="0")
    zone.commit(with_rejected(zone, second, 1))
    assert zone.evaluate_held() == {"a.csv": ("1 of 3 rows rejected, tolerated 0%",)}


def test_files_with_the_same_content_that_both_count_are_no_duplicates_when_they_are_read_again(zone: Zone) -> None:
    files = [zone.deliver("a.csv", LATE)]
    zone.evaluate()
    files.append(zone.deliver("b.csv", LATE))
    assert list(zone.evaluate_held()) == ["b.csv"]
    accept(zone.store, "b.csv", ADA)
    again = [read_again(zone, one, LATE) for one in files]
    assert zone.evaluate_held() == {}
    assert zone.live == [one.delivery_id for one in again]


def test_late_lines_that_wait_are_there_once_and_wait_for_the_same_decision(zone: Zone) -> None:
    second = corrected_after_close(zone)
    before = amounts(zone), reasons_of_held(zone)
    third = read_again(zone, second, CORRECTED, load_mode="upsert")
    assert zone.evaluate(holds_closed_periods=True)["a.csv"].late == (("2025-01",),)
    assert (amounts(zone), reasons_of_held(zone)) == before
    accept(zone.store, "a.csv", ADA)
    assert (zone.live, zone.state.inactive) == ([third.delivery_id], [])


def test_late_lines_that_a_person_dropped_stay_dropped_and_can_be_taken_back(zone: Zone) -> None:
    second = corrected_after_close(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA)
    before = amounts(zone)
    third = read_again(zone, second, CORRECTED, load_mode="upsert")
    zone.evaluate(holds_closed_periods=True)
    assert (amounts(zone), reasons_of_held(zone)) == (before, [])
    assert [one.late for one in zone.state.withdrawn] == [(("2025-01",),)]
    reinstate_late_lines(zone.store, "a.csv", ADA)
    accept(zone.store, "a.csv", ADA)
    assert zone.live == [third.delivery_id]


def test_dropped_lines_that_are_others_now_wait_and_say_what_was_dropped(zone: Zone) -> None:
    second = corrected_after_close(zone)
    withdraw_late_lines(zone.store, "a.csv", ADA)
    other = [Line("1", amount="16.00"), CORRECTED[1]]
    read_again(zone, second, other, load_mode="upsert")
    zone.evaluate(holds_closed_periods=True)
    (reason,) = reasons_of_held(zone)
    assert "would restate 2025-01, which is closed" in reason
    assert "ada has withdrawn the lines of 2025-01 on 2025-06-01" in reason
    assert "has 1 line, 16.00 of Actual 2025-01, in place of 1 line, 15.00" in reason


def test_lines_that_are_booked_in_the_next_open_period_are_booked_once(zone: Zone) -> None:
    zone.deliver("a.csv", LATE)
    zone.evaluate()
    zone.append(JANUARY)
    second = zone.deliver("a.csv", CORRECTED, "v2")
    zone.evaluate(holds_closed_periods=True)
    book(zone.store, "a.csv", ADA)
    before = amounts(zone), len(zone.state.booked)
    third = read_again(zone, second, CORRECTED)
    zone.evaluate(holds_closed_periods=True)
    assert (amounts(zone), len(zone.state.booked)) == before
    assert reasons_of_held(zone) == []
    withdraw(zone.store, "a.csv", ADA)
    assert third.delivery_id not in zone.live


def test_a_withdrawn_file_does_not_leave_its_earlier_reading_but_the_version_before(zone: Zone) -> None:
    second = corrected_after_close(zone)
    read_again(zone, second, CORRECTED, load_mode="upsert")
    zone.evaluate(holds_closed_periods=True)
    withdraw(zone.store, "a.csv", ADA)
    assert zone.live == ["a.csv@v1"]


def test_another_effect_of_the_feed_is_judged(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    read_again(zone, first, LATE, load_mode="upsert", commit_findings=DOUBTS)
    _, decided = zone.evaluate_held()["a.csv"]
    assert "the present reading `load`, `order` or `late_lines` of its feed is another one" in decided


@pytest.mark.parametrize(("name", "is_held"), [("Sales", False), ("Rent", True)])
def test_accepted_master_data_counts_as_long_as_its_rows_are_the_same(zone: Zone, name: str, *, is_held: bool) -> None:
    events: list[DeliveryDiscovered] = []
    for content, text in (("first", "Sales"), ("second", name)):
        row = {"delivery_id": content, "account_key": 1, "account_number": "4000", "account_name": text}
        file = zone.write(f"accounts/{content}.parquet", arrow_schema(ACCOUNTS.stored_columns), [row])
        count = Count(1, unpriced=1)
        values: dict[str, Any] = {"files": {"accounts": (file,)}, "read": count, "outcomes": {"accepted": count}}
        again = {"reads_again": events[0].delivery_id, "fingerprint": "v1"} if events else {}
        event = zone.deliver("accounts.csv", [], content, feed="chart", kind="accounts", **again)
        zone.commit(commit_of(event, findings=DOUBTS, **values))
        events.append(event)
        held = zone.evaluate_held()
        if len(events) == 1:
            accept(zone.store, "accounts.csv", ADA)
    assert bool(held) == is_held
    assert zone.live == [events[0 if is_held else 1].delivery_id]


def test_a_file_with_other_bytes_or_rules_is_judged_as_any_file(zone: Zone) -> None:
    accepted_with_doubts(zone, LATE)
    zone.deliver("a.csv", LATE, "v2", commit_findings=DOUBTS)
    assert zone.evaluate_held() == {"a.csv": DOUBTS.doubts}


def test_a_reading_that_comes_back_before_another_one_was_read_is_not_continued_by_itself(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    other = replace(first, delivery_id="a.csv@other", reads_again=first.delivery_id)
    zone.append(other, replace(first, reads_again=other.delivery_id))
    assert [(one.reasons, one.continues) for one in zone.evaluate().values()] == [((), "")]
    assert zone.live == [first.delivery_id]


def test_a_withdrawal_while_a_file_is_read_again_is_in_force(zone: Zone) -> None:
    first = accepted_with_doubts(zone, LATE)
    read_again(zone, first, LATE, commit_findings=DOUBTS)
    withdraw(zone.store, "a.csv", ADA)
    zone.evaluate()
    assert zone.live == []


@pytest.mark.parametrize("most", [2, 1])
def test_counts_of_an_earlier_release_without_hashes_are_compared_by_their_rows(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(earlier_readings, "_MOST_COMPARED", most)
    first = accepted_with_doubts(zone, LATE)
    second = read_again(zone, first, LATE, commit_findings=DOUBTS)
    periods = tuple(replace(one, content="") for one in counts_of(LATE))
    zone.commit(replace(read_commits(zone.store)[first.delivery_id], periods=periods))
    held = zone.evaluate_held()
    if most == len(LATE):
        assert held == {}
        assert zone.live == [second.delivery_id]
    else:
        assert "the present reading has more than 1 lines" in held["a.csv"][-1]
