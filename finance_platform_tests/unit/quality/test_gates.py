"""The rule of each gate of a close: what contradicts it, and what does not.

Belongs here: `quality.gates` and the rule of the first close. Does not belong here: reading what they need (see
`end_to_end/test_close`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.deliveries.period_decisions import opening_periods
from finance_platform.feeds.feed_set import Problem
from finance_platform.quality import gates
from finance_platform.quality.gates import RejectedPlace, ThinFeed
from finance_platform.slices.completeness import missing_departments
from finance_platform_tests.unit.zone import Zone, lines

MATERIAL = Decimal("100.00")
CLOSED = PeriodStatusChanged("closed", "2024-12", "ada", "audited", "2025-01-03")


def hold(zone: Zone, key: str, period: str, **values: str) -> None:
    """Deliver a file with a line in a period, and hold it."""
    event = zone.deliver(key, lines("T1", period=period), **values)
    zone.register.append([Verdict(key, event.delivery_id, event.at, "run", ("too much",), "send it again")])


def held_files(zone: Zone, period: str) -> list[str]:
    return [finding.text.split(" ")[0] for finding in gates.find_held(zone.state, (), period)]


def rejected(*places: tuple[str, str, str], unpriced: int = 0, unit: str = "USD") -> list[str]:
    """Return the findings about rejected rows: file, scenario and gross amount of each."""
    counts = {
        RejectedPlace(file, scenario, unit, has_period=True): Count(1, Decimal(gross), Decimal(gross), unpriced)
        for file, scenario, gross in places
    }
    return [finding.text for finding in gates.find_rejected(counts, MATERIAL, "USD")]


def test_rejected_rows_without_a_date_are_named_as_such_with_the_command_that_lists_them():
    place = RejectedPlace("a.csv", "Actual", "USD", has_period=False)
    (finding,) = gates.find_rejected({place: Count(2, MATERIAL * 2, MATERIAL * 2, 0)}, MATERIAL, "USD")
    assert finding.text.startswith("a.csv: 2 rejected rows of Actual without a valid date, so maybe of this period, ")
    assert "`finance-platform rejected --file a.csv --period none` lists the rows" in finding.fix


def test_a_held_file_contradicts_the_periods_that_it_has_lines_in_and_no_others(tmp_path: Path):
    zone = Zone(tmp_path)
    hold(zone, "january.csv", "2025-01")
    assert held_files(zone, "2025-01") == ["january.csv"]
    assert held_files(zone, "2025-02") == []


def test_a_held_correction_contradicts_the_periods_that_it_would_take_lines_out_of(tmp_path: Path):
    zone = Zone(tmp_path)
    first = zone.deliver("ledger.csv", lines("T1", period="2025-01"))
    zone.register.append([Verdict("ledger.csv", first.delivery_id, first.at, "run")])
    hold(zone, "ledger.csv", "2025-02", content="v2")
    assert held_files(zone, "2025-01") == held_files(zone, "2025-02") == ["ledger.csv"]
    assert held_files(zone, "2025-03") == []


def test_held_comments_contradict_nothing_and_held_master_data_every_period(tmp_path: Path):
    zone = Zone(tmp_path)
    for key, kind in (("comments.csv", "comments"), ("accounts.csv", "accounts")):
        event = zone.deliver(key, [], kind=kind, feed=kind)
        zone.register.append([Verdict(key, event.delivery_id, event.at, "run", ("a conflict",), "send it again")])
    assert held_files(zone, "2025-01") == ["accounts.csv"]


def test_a_file_or_descriptor_that_cannot_be_used_contradicts_every_period(tmp_path: Path):
    problem = Problem("feeds/x.yaml", "line 2: colums is not a known key", "use columns", "")
    (finding,) = gates.find_held(Zone(tmp_path).state, [problem], "2025-01")
    assert finding == ("feeds/x.yaml: line 2: colums is not a known key", "use columns")


@pytest.mark.parametrize(
    ("published", "unread", "texts"),
    [
        ({"2025-01": "v1"}, (), []),
        ({"2025-01": "v0"}, (), ["2025-01 has changes that are not published yet"]),
        ({"2025-01": "v1"}, ("b.csv", "a.csv"), ["a.csv is not read yet", "b.csv is not read yet"]),
    ],
)
def test_a_change_or_a_file_that_no_run_has_processed_is_stale(
    published: dict[str, str], unread: tuple[str, ...], texts: list[str]
):
    findings = gates.find_stale(["2025-01"], {"2025-01": "v1"}, published, unread)
    assert [finding.text for finding in findings] == texts


def test_files_that_are_only_read_again_are_one_finding():
    findings = gates.find_stale([], {}, {}, ["a.csv"], read_again=2, why_again="this release reads files otherwise")
    assert [finding.text for finding in findings] == [
        "a.csv is not read yet",
        "2 files are to be read again, since this release reads files otherwise",
    ]


def test_rejected_money_up_to_materiality_contradicts_nothing():
    assert rejected(("a.csv", "Actual", "100.00")) == []
    assert rejected(("a.csv", "Actual", "100.01")) == ["a.csv: 1 rejected row of Actual, 100.01 gross"]


def test_rejected_money_of_a_scenario_is_added_over_files_and_never_to_another_scenarios():
    assert len(rejected(("a.csv", "Actual", "60.00"), ("b.csv", "Actual", "60.00"))) == 2
    assert rejected(("a.csv", "Actual", "60.00"), ("b.csv", "Budget", "60.00")) == []


def test_rejected_money_that_is_not_known_in_the_homes_currency_is_never_within_materiality():
    assert rejected(("a.csv", "Actual", "1.00"), unit="EUR") == ["a.csv: 1 rejected row of Actual, EUR 1.00 gross"]
    assert rejected(("a.csv", "Actual", "0.00"), unpriced=1) == [
        "a.csv: 1 rejected row of Actual, 0.00 gross, 1 row of them without a valid amount"
    ]


def test_a_department_without_half_of_its_usual_lines_is_missing_and_a_feed_too():
    usual = {f"2024-{month:02}": {1: 10, 2: 4} for month in range(1, 4)}
    assert missing_departments({**usual, "2024-04": {1: 5, 2: 2}}, "2024-04", ()) == {}
    assert missing_departments({**usual, "2024-04": {1: 5, 2: 1}}, "2024-04", ()) == {2: 4}
    assert missing_departments(usual, "2024-04", ()) == {1: 10, 2: 4}
    (finding,) = gates.find_incomplete((), [ThinFeed("payroll", 0, 40)])
    assert finding == (
        "feed payroll has 0 lines of Actual, usually 40",
        "deliver the missing file of feed payroll",
    )


def test_the_first_close_of_a_home_closes_the_earlier_periods_and_later_ones_need_them_closed():
    published = ("2024-11", "2024-12", "2025-01", "2025-02")
    assert opening_periods([], (), published, "2025-01") == (["2024-11", "2024-12"], [])
    assert opening_periods([CLOSED], ("2024-12",), published, "2025-01") == ([], ["2024-11"])
    assert opening_periods([CLOSED], ("2024-11", "2024-12"), published, "2025-01") == ([], [])


def test_a_gate_shows_its_first_findings_and_how_many_more_there_are():
    findings = gates.find_open_before([f"2024-{month:02}" for month in range(1, 13)])
    result = gates.GateResult(gates.PREVIOUS, tuple(findings))
    assert not result.is_green
    assert result.lines[-1] == "and 2 more"


def test_of_many_open_periods_the_earliest_is_to_be_closed_first():
    (only,) = gates.find_open_before(["2024-01"])
    assert only.fix == "`finance-platform close 2024-01 --why TEXT` first"
    result = gates.GateResult(gates.PREVIOUS, tuple(gates.find_open_before(["2024-01", "2024-02", "2024-03"])))
    assert result.lines == ["2024-01 is open", "2024-02 is open", "2024-03 is open"]
    assert result.fixes == ["`finance-platform close 2024-01 --why TEXT` first, then the later ones"]


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        (gates.DOCUMENT_NUMBERS, "in feeds that declare document_numbers"),
        (gates.BALANCED, "in feeds that declare balanced"),
        (gates.TRIAL_BALANCE, "in feeds that declare balanced, and in a trial balance"),
        (gates.CARRY_FORWARD, "a trial balance, if there is one"),
        (gates.TIE_OUT, "the trial balance, if there is one"),
    ],
)
def test_a_green_gate_does_not_say_more_than_what_was_compared(gate: gates.Gate, says: str):
    """Of a ledger without vouchers and trial balances, the gate is green because there is nothing to compare."""
    assert says in gate.statement
