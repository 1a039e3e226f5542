"""Lines that another file of the feed has already: which deliveries are held for them, and which are not.

Does not belong here: files with the same bytes (see `test_acceptance`), whole homes (see `end_to_end`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.decisions import reinstate, withdraw, withdraw_late_lines
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.verdicts.repeated_lines import find_files_counted_twice
from finance_platform_tests.unit.factories import decision_on, money, with_hashes_of_another_kind
from finance_platform_tests.unit.zone import ADA, Line, Zone

JANUARY = [Line(amount="10.00", day=2), Line(amount="-5.00", day=31)]
FEBRUARY = [Line(period="2025-02", amount="7.00"), Line(period="2025-02", amount="7.00")]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", JANUARY)
    zone.evaluate()
    return zone


@pytest.mark.parametrize("sent", [JANUARY, JANUARY[::-1]])
def test_a_file_with_other_bytes_and_the_same_lines_in_any_order_is_held(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("copy.csv", sent, "other bytes")
    verdict = zone.evaluate()["copy.csv"]
    assert verdict.reasons == (
        "has the same lines as jan.csv, which counts already: Actual 2025-01, lines 2, gross 15.00",
    )
    assert "withdraw that one and then accept this one" in verdict.fix
    assert "`finance-platform accept copy.csv --why TEXT` counts these lines twice" in verdict.fix
    assert zone.live == ["jan.csv@v1"]


def test_a_copy_that_is_held_for_rejected_rows_too_says_that_its_acceptance_counts_lines_twice(zone: Zone) -> None:
    event = zone.deliver("copy.csv", JANUARY, "other bytes")
    commit, bad = read_commits(zone.store)[event.delivery_id], money(1, "1.00")
    zone.commit(replace(commit, read=commit.read + bad, outcomes={**commit.outcomes, "rejected": bad}))
    verdict = zone.evaluate()["copy.csv"]
    assert len(verdict.reasons) == 2
    assert verdict.fix.startswith("correct the file and send it again")
    assert verdict.fix.endswith("; accepted beside the other file, it counts the repeated lines twice")


def test_lines_that_another_release_has_hashed_in_another_way_are_compared_themselves(zone: Zone) -> None:
    for key, sent in (("copy.csv", JANUARY), ("other.csv", [replace(JANUARY[0], day=3), JANUARY[1]])):
        event = zone.deliver(key, sent, f"bytes of {key}")
        zone.commit(with_hashes_of_another_kind(read_commits(zone.store)[event.delivery_id]))
    verdicts = zone.evaluate()
    assert verdicts["copy.csv"].reasons == (
        "has the same lines as jan.csv, which counts already: Actual 2025-01, lines 2, gross 15.00",
    )
    assert not verdicts["other.csv"].reasons


def test_a_copy_takes_the_place_of_a_withdrawn_file_once_a_person_accepts_it(zone: Zone) -> None:
    copy = zone.deliver("copy.csv", JANUARY, "v2")
    zone.evaluate()
    withdrawn = next(one.event for one in zone.state.live)
    zone.append(decision_on("withdrawn", withdrawn))
    zone.evaluate()
    assert zone.live == []
    zone.append(decision_on("accepted", copy))
    assert zone.live == ["copy.csv@v2"]


def test_a_withdrawal_that_is_undone_beside_an_accepted_copy_counts_lines_twice(zone: Zone) -> None:
    copy = zone.deliver("copy.csv", [*JANUARY, *FEBRUARY], "v2")
    zone.evaluate()
    withdraw(zone.store, "jan.csv", ADA)
    zone.append(decision_on("accepted", copy))
    assert find_files_counted_twice(zone.store, "copy.csv") == []
    reinstate(zone.store, "jan.csv", ADA)
    assert find_files_counted_twice(zone.store, "jan.csv") == ["copy.csv"]
    assert find_files_counted_twice(zone.store, "copy.csv") == ["jan.csv"]


def test_lines_of_two_files_that_waited_for_one_closed_period_count_once_when_it_is_opened(zone: Zone) -> None:
    late = [Line(amount="3.00", day=30), Line(amount="4.00", day=30)]
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    zone.deliver("feb.csv", [*late, *FEBRUARY], "v2")
    zone.deliver("mar.csv", [*late, Line(period="2025-03")], "v3")
    waiting = zone.evaluate(holds_closed_periods=True)
    assert [verdict.late for verdict in waiting.values()] == [(("2025-01",),)] * 2
    zone.append(PeriodStatusChanged("reopened", "2025-01", "ada", "late lines", "2025-06-02"))
    verdicts = zone.evaluate(holds_closed_periods=True)
    assert verdicts["feb.csv"].reasons == ()
    assert "has the same lines as feb.csv" in verdicts["mar.csv"].reasons[0]
    assert "withdraw --late-lines mar.csv" in verdicts["mar.csv"].fix
    portions = {one.event.object_key: one.portion for one in zone.state.live}
    assert "2025-01" in portions["feb.csv"]
    assert "2025-01" not in portions["mar.csv"]
    assert "2025-03" in portions["mar.csv"]


@pytest.mark.parametrize("policy", ["", "hold", "next_open_period"])
def test_an_export_of_the_year_to_date_counts_beside_its_closed_months(zone: Zone, policy: str) -> None:
    """January waits, since it is closed and repeated, and February is new: only that one counts."""
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    zone.deliver("ytd.csv", [*JANUARY, *FEBRUARY], "v2", late_lines=policy)
    verdict = zone.evaluate(holds_closed_periods=True)["ytd.csv"]
    assert verdict.late == (("2025-01",),)
    assert verdict.bookings == ()
    assert verdict.reasons[0].startswith("has the same lines as jan.csv, which counts already: Actual 2025-01")
    assert verdict.reasons[-1].endswith("; only its lines of 2025-01 wait")
    assert verdict.fix.startswith("`finance-platform withdraw --late-lines ytd.csv --why TEXT` drops these lines; ")
    counted = {one.event.object_key: one.portion for one in zone.state.effective}
    assert ("2025-01" in counted["ytd.csv"], "2025-02" in counted["ytd.csv"]) == (False, True)

    zone.append(PeriodStatusChanged("reopened", "2025-01", "ada", "late lines", "2025-06-02"))
    again = zone.evaluate(holds_closed_periods=True)["ytd.csv"]
    assert again.late == (("2025-01",),)
    assert [reason.partition(",")[0] for reason in again.reasons] == ["has the same lines as jan.csv"]


def test_an_export_with_lines_of_an_open_month_again_is_held_as_a_whole(zone: Zone) -> None:
    """What of February is new is in no line: a person decides about the file."""
    zone.deliver("feb.csv", FEBRUARY, "v2")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    march = [Line(period="2025-03", amount="1.00")]
    zone.deliver("ytd.csv", [*JANUARY, *FEBRUARY, *march], "v3")
    verdict = zone.evaluate(holds_closed_periods=True)["ytd.csv"]
    assert (verdict.is_held, verdict.late) == (True, ())
    assert zone.live == ["jan.csv@v1", "feb.csv@v2"]


def test_late_lines_that_were_dropped_are_no_lines_that_count(zone: Zone) -> None:
    late = [Line(amount="3.00", day=30), Line(amount="4.00", day=30)]
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    zone.deliver("feb.csv", [*late, *FEBRUARY], "v2")
    zone.evaluate(holds_closed_periods=True)
    withdraw_late_lines(zone.store, "feb.csv", ADA)
    zone.append(PeriodStatusChanged("reopened", "2025-01", "ada", "late lines", "2025-06-02"))
    zone.deliver("mar.csv", late, "v3")
    assert zone.evaluate_held(holds_closed_periods=True) == {}


def test_a_copy_stays_held_when_the_other_file_is_sent_again_with_a_correction(zone: Zone) -> None:
    zone.deliver("copy.csv", JANUARY, "v2")
    zone.evaluate()
    zone.deliver("jan.csv", [JANUARY[0], replace(JANUARY[1], amount="-6.00")], "v3")
    zone.evaluate()
    assert zone.live == ["jan.csv@v3"]


def test_a_file_that_begins_with_the_months_of_an_earlier_one_is_held(zone: Zone) -> None:
    zone.deliver("feb.csv", [*JANUARY, *FEBRUARY])
    zone.deliver("mar.csv", [*JANUARY, *FEBRUARY, Line(period="2025-03")], "v3")
    held = zone.evaluate_held()
    assert held.keys() == {"feb.csv", "mar.csv"}
    assert "Actual 2025-01, lines 2" in held["feb.csv"][0]
    assert "Actual 2025-01, lines 2" in held["mar.csv"][0]


def test_months_that_several_files_have_are_named_by_file(zone: Zone) -> None:
    zone.deliver("feb.csv", FEBRUARY)
    zone.deliver("both.csv", [*JANUARY, *FEBRUARY], "v3")
    assert zone.evaluate_held()["both.csv"] == (
        "has the same lines as jan.csv, which counts already: Actual 2025-01, lines 2, gross 15.00",
        "has the same lines as feb.csv, which counts already: Actual 2025-02, lines 2, gross 14.00",
    )


@pytest.mark.parametrize(
    "sent",
    [
        [replace(JANUARY[0], number="4711"), JANUARY[1]],
        [replace(JANUARY[0], day=3), JANUARY[1]],
        [replace(JANUARY[0], department="D2"), JANUARY[1]],
        [*JANUARY, Line(amount="0.01")],
        JANUARY[:1],
        [replace(line, scenario="Budget") for line in JANUARY],
    ],
    ids=["number", "day", "department", "one line more", "one line less", "scenario"],
)
def test_lines_that_differ_in_anything_are_no_copy(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("other.csv", sent, "v2")
    assert zone.evaluate_held() == {}


def month_to_date(last: int, first: int = 1) -> list[Line]:
    """Return a line of each day of January."""
    return [Line(amount=f"{day}.00", day=day) for day in range(first, last + 1)]


def test_an_export_of_the_month_to_date_that_has_an_earlier_one_in_it_is_held(zone: Zone) -> None:
    """Of the 10th and of the 20th: the ten lines of the first would count twice."""
    zone.deliver("0110.csv", month_to_date(10))
    zone.deliver("0120.csv", [*month_to_date(20)[::-1], *FEBRUARY], "v2")
    zone.deliver("0131.csv", month_to_date(31), "v3")
    held = zone.evaluate_held()
    assert held == {
        "0120.csv": (
            "has all lines of 0110.csv, which counts already, beside others: Actual 2025-01, lines 10, gross 55.00",
        ),
        "0131.csv": (
            "has all lines of 0110.csv, which counts already, beside others: Actual 2025-01, lines 10, gross 55.00",
        ),
    }
    assert zone.live == ["jan.csv@v1", "0110.csv@v1"]


@pytest.mark.parametrize(
    "earlier",
    [
        month_to_date(2),  # two lines may be a chance
        [Line(amount="1.00", day=1)] * 4,
        [*month_to_date(9), Line(amount="10.01", day=10)],
        [*month_to_date(9), replace(month_to_date(10)[-1], number="7")],
        [*month_to_date(9), month_to_date(9)[-1]],  # one line twice
        month_to_date(12, first=4),  # its last days are not there
    ],
    ids=["two lines", "one amount", "amount", "number", "twice", "days"],
)
def test_a_larger_file_that_lacks_a_line_of_a_smaller_one_is_no_export_of_it(zone: Zone, earlier: list[Line]) -> None:
    zone.deliver("small.csv", earlier)
    zone.deliver("large.csv", [*month_to_date(11), *[Line(amount="1.00", day=1)] * 4], "v2")
    assert zone.evaluate_held() == {}


def test_a_file_that_counts_beside_a_smaller_one_may_be_corrected(zone: Zone) -> None:
    zone.deliver("0110.csv", month_to_date(10))
    copy = zone.deliver("0120.csv", month_to_date(20), "v2")
    zone.evaluate()
    zone.append(decision_on("accepted", copy))
    assert find_files_counted_twice(zone.store, "0120.csv") == ["0110.csv"]
    assert find_files_counted_twice(zone.store, "0110.csv") == ["0120.csv"]
    zone.deliver("0120.csv", month_to_date(21), "v3")
    assert zone.evaluate_held() == {}


@pytest.mark.parametrize("policy", ["", "hold", "next_open_period"])
def test_a_closed_month_that_is_exported_again_with_a_late_line_waits_alone(zone: Zone, policy: str) -> None:
    """Without the comparison, its lines and the late one would be booked in the next open month."""
    zone.deliver("0131.csv", month_to_date(31))
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    late = Line(amount="99.00", day=31)
    zone.deliver("ytd.csv", [*month_to_date(31), late, *FEBRUARY], "v2", late_lines=policy)
    verdict = zone.evaluate(holds_closed_periods=True)["ytd.csv"]
    assert (verdict.late, verdict.bookings) == ((("2025-01",),), ())
    assert verdict.reasons[0].startswith(
        "has all lines of 0131.csv, which counts already, beside others: Actual 2025-01"
    )
    counted = {one.event.object_key: one.portion for one in zone.state.effective}
    assert ("2025-01" in counted["ytd.csv"], "2025-02" in counted["ytd.csv"]) == (False, True)


def test_smaller_files_of_other_days_are_not_opened(zone: Zone) -> None:
    for day in range(1, 6):
        sent = [Line(amount=f"{number}.00", day=day) for number in range(1, 4 + day)]
        event = zone.deliver(f"{day}.csv", sent, f"v{day}")
        commit = read_commits(zone.store)[event.delivery_id]
        zone.commit(replace(commit, first_day=f"2025-01-{day:02d}", last_day=f"2025-01-{day:02d}"))
    zone.store.opened.clear()
    assert zone.evaluate_held() == {}
    assert not [key for key in zone.store.opened if key.startswith("transactions/")]


def test_a_single_line_may_be_equal_to_that_of_another_file(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(period="2025-03")])
    zone.deliver("b.csv", [Line(period="2025-03")], "v2")
    assert zone.evaluate_held() == {}


def test_lines_of_zero_count_once_or_twice_alike(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(period="2025-03", amount="0.00")] * 2)
    zone.deliver("b.csv", [Line(period="2025-03", amount="0.00")] * 2, "v2")
    assert zone.evaluate_held() == {}


def test_a_line_beside_lines_of_zero_is_a_single_one(zone: Zone) -> None:
    sent = [Line(period="2025-03"), Line(period="2025-03", amount="0.00")]
    zone.deliver("a.csv", sent)
    zone.deliver("b.csv", sent, "v2")
    assert zone.evaluate_held() == {}


@pytest.mark.parametrize("mode", ["replace_period", "upsert"])
def test_lines_that_replace_each_other_do_not_count_twice(tmp_path: Path, mode: str) -> None:
    zone = Zone(tmp_path / "processed")
    for key in ("a.csv", "b.csv"):
        zone.deliver(key, [replace(line, key=str(line.day)) for line in JANUARY], key, load_mode=mode)
    assert zone.evaluate_held() == {}


def test_the_same_lines_of_another_feed_or_of_a_withdrawn_file_are_no_copy(zone: Zone) -> None:
    zone.deliver("other.csv", JANUARY, "v2", feed="other")
    assert zone.evaluate_held() == {}
    event = zone.deliver("jan.csv", JANUARY, "v3")
    zone.evaluate()
    zone.append(decision_on("withdrawn", event))
    zone.deliver("again.csv", JANUARY, "v4")
    assert zone.evaluate_held() == {}


def test_an_accepted_copy_stays_accepted_if_one_of_both_is_read_again(zone: Zone) -> None:
    copy = zone.deliver("copy.csv", JANUARY, "v2")
    zone.evaluate()
    zone.append(decision_on("accepted", copy))
    zone.deliver("jan.csv", JANUARY, "saved again")
    zone.deliver("copy.csv", [*JANUARY, *FEBRUARY], "v3")
    assert zone.evaluate_held() == {}


def test_lines_whose_hash_is_not_known_are_compared_with_files_of_the_same_money(zone: Zone) -> None:
    event = zone.deliver("copy.csv", JANUARY, "v2")
    commit = read_commits(zone.store)[event.delivery_id]
    zone.commit(replace(commit, periods=[replace(count, content="") for count in commit.periods]))
    assert zone.evaluate_held().keys() == {"copy.csv"}


def test_only_files_whose_hashes_agree_are_opened(zone: Zone) -> None:
    zone.store.opened.clear()
    zone.deliver("other.csv", [replace(JANUARY[0], account="5000"), JANUARY[1]], "v2")
    zone.evaluate()
    assert not [key for key in zone.store.opened if key.startswith("transactions/")]


def test_files_of_one_line_are_not_opened(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(period="2025-03")])
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("b.csv", [Line(period="2025-03")], "v2")
    zone.evaluate()
    assert not [key for key in zone.store.opened if key.startswith("transactions/")]


def test_each_of_many_files_with_the_same_money_is_opened_once(zone: Zone) -> None:
    for number in range(5):
        sent = [replace(line, number=f"{number}") for line in FEBRUARY]
        event = zone.deliver(f"{number}.csv", sent, f"v{number}")
        commit = read_commits(zone.store)[event.delivery_id]
        # As the job writes it: of the money, without the numbers.
        zone.commit(replace(commit, periods=[replace(count, content="1") for count in commit.periods]))
    zone.store.opened.clear()
    assert zone.evaluate_held() == {}
    opened = [key for key in zone.store.opened if key.startswith("transactions/")]
    assert len(opened) == len(set(opened)) == 5


# Files of two feeds

THREE = [Line(amount="10.00", day=2), Line(amount="-5.00", day=31), Line(amount="10.00", day=2)]


@pytest.mark.parametrize("load_mode", ["append", "upsert", "replace_period"])
def test_a_file_with_the_lines_of_one_of_another_feed_is_held(tmp_path: Path, load_mode: str) -> None:
    """The number and the text of a line are of one feed alone."""
    zone = Zone(tmp_path / "processed")
    zone.deliver(
        "ledger.csv", [replace(line, key=f"T{number}") for number, line in enumerate(THREE)], load_mode="upsert"
    )
    zone.deliver("erp/gl.csv", THREE, "other bytes", feed="erp", load_mode=load_mode)
    verdicts = zone.evaluate()
    (reason,) = verdicts["erp/gl.csv"].reasons
    assert reason == (
        "has the same lines as ledger.csv of the feed ledger, which counts already: Actual 2025-01, lines 3, gross "
        "25.00"
    )
    assert "withdraw that one and then accept this one" in verdicts["erp/gl.csv"].fix
    assert "no load mode replaces lines of another feed" in verdicts["erp/gl.csv"].fix
    assert "mode: replace_period" not in verdicts["erp/gl.csv"].fix
    assert zone.live == ["ledger.csv@v1"]


@pytest.mark.parametrize(
    "sent",
    [
        THREE[:2],  # too few, and others than the whole month
        [*THREE[:2], Line(amount="10.00", day=3)],
        [*THREE[:2], Line(amount="-10.00", day=2)],
        [replace(line, scenario="Budget") for line in THREE],
        [*THREE, Line(amount="0.01")],
    ],
)
def test_a_file_of_another_feed_with_other_lines_is_not_held(tmp_path: Path, sent: list[Line]) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("ledger.csv", THREE)
    zone.deliver("erp/gl.csv", sent, "other bytes", feed="erp")
    assert zone.evaluate_held() == {}


def test_a_file_that_moves_to_another_feed_has_its_own_lines(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("ledger.csv", THREE)
    zone.evaluate()
    zone.deliver("ledger.csv", THREE, feed="erp")
    assert zone.evaluate_held() == {}


def test_a_file_that_counts_beside_one_of_another_feed_is_not_held_when_it_is_corrected(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("ledger.csv", THREE)
    copy = zone.deliver("erp/gl.csv", THREE, feed="erp")
    zone.evaluate()
    zone.append(decision_on("accepted", copy))
    assert find_files_counted_twice(zone.store, "erp/gl.csv") == ["ledger.csv"]
    zone.deliver("erp/gl.csv", [*THREE, Line(period="2025-02")], "v2", feed="erp")
    assert zone.evaluate_held() == {}


NUMBERED = [Line(f"000{number}", amount=f"{number}.00", day=number, number=f"000{number}") for number in (7, 8, 9)]


def deliver_numbered(zone: Zone, key: str, sent: list[Line], mode: str) -> None:
    """Deliver lines; as in a real home, the hash of the commit does not have their numbers."""
    event = zone.deliver(key, sent, f"bytes of {key}", load_mode=mode, feed="erp")
    commit = read_commits(zone.store)[event.delivery_id]
    zone.commit(replace(commit, periods=[replace(one, content="") for one in commit.periods]))


def without_zeros(lines: list[Line], ending: str = "") -> list[Line]:
    """Return lines as a spreadsheet saves them, whose numbers are keys."""
    plain = [f"{(line.number or '').lstrip('0')}{ending}" for line in lines]
    return [replace(line, key=number, number=number) for line, number in zip(lines, plain, strict=True)]


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("ending", ["", ".0"])
def test_a_copy_whose_numbers_have_lost_their_zeros_is_held(zone: Zone, mode: str, ending: str) -> None:
    deliver_numbered(zone, "erp.csv", NUMBERED, mode)
    deliver_numbered(zone, "erp.xlsx", without_zeros(NUMBERED, ending), mode)
    (reason,) = zone.evaluate_held()["erp.xlsx"]
    keys = " under keys that differ in their zeros" if mode == "upsert" else ""
    assert reason == (
        f"has the same lines as erp.csv{keys}, which counts already: Actual 2025-01, lines 3, gross 24.00"
    )


@pytest.mark.parametrize(
    "sent",
    [
        NUMBERED,
        [*without_zeros(NUMBERED[:2]), replace(NUMBERED[2], key="19", number="19")],
        [replace(line, key=f"1{line.number}", number=f"1{line.number}") for line in NUMBERED],
    ],
    ids=["the same keys", "one other number", "other numbers"],
)
def test_lines_with_the_same_keys_or_other_numbers_are_no_copy(zone: Zone, sent: list[Line]) -> None:
    deliver_numbered(zone, "erp.csv", NUMBERED, "upsert")
    deliver_numbered(zone, "other.csv", sent, "upsert")
    assert zone.evaluate_held() == {}
    assert find_files_counted_twice(zone.store, "other.csv") == []
