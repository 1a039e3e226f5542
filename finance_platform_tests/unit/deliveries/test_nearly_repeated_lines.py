"""Copies with other bytes that no hash shows: corrected under another name, or of a system with other codes.

Does not belong here: files that have all lines of another one (see `test_repeated_lines`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

JANUARY = [
    Line(amount=f"{10 * number}.00", day=number + 1, number=f"J{number}", account=f"{4 + number % 3}000")
    for number in range(1, 21)
]
CORRECTED = [*JANUARY[:18], replace(JANUARY[18], amount="191.00"), replace(JANUARY[19], account="5000")]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", JANUARY)
    zone.deliver("other.csv", [replace(line, amount="1.00") for line in JANUARY])
    zone.evaluate()
    return zone


@pytest.mark.parametrize(
    ("sent", "rows", "gross", "beside"),
    [
        (CORRECTED, 18, "1,710.00", ", beside 2 others"),
        (CORRECTED[::-1], 18, "1,710.00", ", beside 2 others"),
        ([*JANUARY[:19], replace(JANUARY[19], number="J99")], 19, "1,900.00", ", beside 1 other"),
        (JANUARY[:19], 19, "1,900.00", ""),
        ([*JANUARY[:19], *CORRECTED[18:]], 19, "1,900.00", ", beside 2 others"),
    ],
)
def test_a_file_with_nearly_all_lines_of_another_one_is_held(
    zone: Zone, sent: list[Line], rows: int, gross: str, beside: str
) -> None:
    zone.deliver("jan_corrected.csv", sent, "v2")
    verdict = zone.evaluate()["jan_corrected.csv"]
    assert verdict.reasons == (
        f"has nearly all lines of jan.csv, which counts already{beside}: Actual 2025-01, lines {rows}, gross {gross}",
    )
    assert "if this file replaces the other one, withdraw that one and then accept this one" in verdict.fix


@pytest.mark.parametrize(
    "sent",
    [
        [*JANUARY[:17], *(replace(line, amount="3.00") for line in JANUARY[17:])],  # three of twenty differ
        JANUARY[:17],  # part of a larger file
        [replace(line, number=f"K{line.number}") for line in JANUARY],
        [replace(line, scenario="Forecast") for line in CORRECTED],
        [replace(line, period="2025-02") for line in CORRECTED],
    ],
)
def test_a_file_with_other_lines_is_no_corrected_copy(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("more.csv", sent, "v2")
    assert zone.evaluate_held() == {}


def test_files_with_about_as_many_lines_are_found_whatever_was_asked_before(zone: Zone) -> None:
    zone.deliver("jan_corrected.csv", CORRECTED, "v2")
    state = zone.state
    (candidate,) = state.awaiting_verdict
    live = LiveDeliveries(state.live, NO_OVERLAPS)
    similar = live.with_about_as_many_lines(candidate, ("actual", "2025-01"), 2, 8)
    assert sorted(one.event.object_key for one in similar) == ["jan.csv", "other.csv"]


def test_few_different_lines_may_be_equal_by_chance(zone: Zone) -> None:
    standing = [Line(period="2025-03", amount="10.00", day=day % 9 + 1) for day in range(40)]
    zone.deliver("mar.csv", standing)
    zone.evaluate()
    zone.deliver("mar_b.csv", [*standing[:39], Line(period="2025-03", amount="11.00")], "v2")
    assert zone.evaluate_held() == {}


def test_files_of_other_departments_or_accounts_are_not_opened(zone: Zone) -> None:
    zone.store.opened.clear()
    zone.deliver("branch.csv", CORRECTED, "v2", commit_members_hash="of another branch")
    assert zone.evaluate_held() == {}
    assert not [key for key in zone.store.opened if key.startswith("transactions/")]


@pytest.mark.parametrize(
    ("first", "last", "is_held"),
    [("2025-01-01", "2025-01-09", True), ("2025-01-02", "2025-01-01", True), ("2025-01-02", "2025-01-31", False)],
)
def test_a_file_of_other_days_is_not_opened(zone: Zone, first: str, last: str, is_held: bool) -> None:
    zone.store.opened.clear()
    zone.deliver("week.csv", CORRECTED, "v2", commit_first_day=first, commit_last_day=last)
    assert bool(zone.evaluate_held()) == is_held
    assert bool([key for key in zone.store.opened if key.startswith("transactions/")]) == is_held


def test_of_many_files_that_are_alike_none_is_opened(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    for voucher in range(10):
        lines = [replace(line, number=f"{voucher}-{line.number}", amount=f"{voucher}.07") for line in JANUARY]
        zone.deliver(f"{voucher}.csv", lines, f"bytes of {voucher}")
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("10.csv", CORRECTED, "more")
    assert zone.evaluate_held() == {}
    assert not [key for key in zone.store.opened if key.startswith("transactions/")]


@pytest.mark.parametrize("mode", ["upsert", "replace_period"])
def test_a_corrected_file_that_replaces_lines_is_no_copy(tmp_path: Path, mode: str) -> None:
    zone = Zone(tmp_path / "processed")
    for name, sent in (("jan.csv", JANUARY), ("jan_corrected.csv", CORRECTED)):
        zone.deliver(name, [replace(line, key=line.number) for line in sent], f"bytes of {name}", load_mode=mode)
        assert zone.evaluate_held() == {}


def test_a_new_version_of_a_file_that_counts_beside_its_like_is_not_held(zone: Zone) -> None:
    event = zone.deliver("copy.csv", CORRECTED, "v2")
    zone.evaluate()
    zone.append(decision_on("accepted", event))
    zone.deliver("copy.csv", [*CORRECTED[:19], replace(CORRECTED[19], amount="9.00")], "v3")
    assert zone.evaluate_held() == {}


# Other codes

RECODED_BY_ACCOUNT = [replace(line, number=None) for line in JANUARY]
RECODED = [replace(line, department=f"K{line.department}", account=f"8{line.account}", number=None) for line in JANUARY]


@pytest.mark.parametrize(("feed", "of_feed"), [("ledger", ""), ("erp", " of the feed ledger")])
def test_a_ledger_of_another_system_with_other_codes_is_held(zone: Zone, feed: str, of_feed: str) -> None:
    zone.deliver("erp.csv", RECODED[::-1], "v2", feed=feed)
    (reason,) = zone.evaluate()["erp.csv"].reasons
    assert reason == (
        f"has the same days and amounts as jan.csv{of_feed}, which counts already, under other departments or "
        "accounts: Actual 2025-01, lines 20, gross 2,100.00"
    )


@pytest.mark.parametrize(
    "sent",
    [
        [*RECODED[:19], replace(RECODED[19], day=30)],
        [*RECODED[:18], replace(RECODED[18], amount="191.00"), replace(RECODED[19], amount="199.00")],
        [replace(line, amount=f"-{line.amount}") for line in RECODED],  # the other side
    ],
)
def test_other_days_or_amounts_are_another_ledger(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("erp.csv", sent, "v2", feed="erp")
    assert zone.evaluate_held() == {}


@pytest.mark.parametrize(
    "accounts",
    [
        ["1000"],  # of the cash
        ["1000", "1200"],
        ["1000", "1200", "1400", "1600"],  # of the customers: each has sales of each account
    ],
)
@pytest.mark.parametrize("sold", [["4000"], ["4000", "4100"], ["4000", "4100", "4200"]])
def test_the_other_side_of_the_postings_is_no_other_ledger(
    tmp_path: Path, sold: list[str], accounts: list[str]
) -> None:
    zone = Zone(tmp_path / "processed")
    sides = [
        [replace(line, account=codes[number % len(codes)], number=None) for number, line in enumerate(JANUARY)]
        for codes in (sold, accounts)
    ]
    for feed, sent in zip(("sales", "cash"), sides, strict=True):
        zone.deliver(f"{feed}.csv", sent, feed, feed=feed)
        assert zone.evaluate_held() == {}


def test_charts_that_merge_accounts_are_of_one_ledger(zone: Zone) -> None:
    charts = {"4000": "81", "5000": "82", "6000": "83"}
    split = [replace(line, account=charts[line.account] + str(line.day % 2)) for line in RECODED_BY_ACCOUNT]
    zone.deliver("erp.csv", split, "v2", feed="erp")
    assert list(zone.evaluate_held()) == ["erp.csv"]


def test_plans_of_two_departments_may_be_equal_and_so_may_few_amounts(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    plans = [[replace(line, scenario="Budget") for line in lines] for lines in (JANUARY, RECODED)]
    few = [[replace(line, amount="5.00", day=line.day % 9 + 1) for line in lines] for lines in (JANUARY, RECODED)]
    for number, sent in enumerate([*plans, *few]):
        zone.deliver(f"{number}.csv", sent, f"v{number}")
        assert zone.evaluate_held() == {}


OF_DEPARTMENTS = [replace(line, department=f"0{400 + line.day % 3}", number=None) for line in JANUARY]
WITHOUT_ZEROS = [replace(line, department=line.department[1:], account=f"{line.account}.0") for line in OF_DEPARTMENTS]


@pytest.mark.parametrize(("feed", "of_feed"), [("ledger", ""), ("erp", " of the feed ledger")])
@pytest.mark.parametrize("count", [3, 20])
def test_the_same_lines_under_codes_without_their_zeros_are_held(
    tmp_path: Path, count: int, feed: str, of_feed: str
) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", OF_DEPARTMENTS[:count])
    zone.evaluate()
    zone.deliver("saved_again.csv", WITHOUT_ZEROS[:count][::-1], "v2", feed=feed, commit_members_hash="without zeros")
    verdict = zone.evaluate()["saved_again.csv"]
    gross = {3: "60.00", 20: "2,100.00"}[count]
    (reason,) = verdict.reasons
    assert reason == (
        f"has the same lines as jan.csv{of_feed}, which counts already, under departments or accounts that differ in "
        f"their zeros: Actual 2025-01, lines {count}, gross {gross}"
    )
    assert "set `columns.<field>.pad` in the descriptor" in verdict.fix


@pytest.mark.parametrize(
    "sent",
    [
        WITHOUT_ZEROS[:2],  # a day may well have the same two amounts in two departments
        [replace(line, department=f"9{line.department}") for line in OF_DEPARTMENTS[:9]],
        [*WITHOUT_ZEROS[:19], replace(WITHOUT_ZEROS[19], amount="201.00")],
        [replace(line, department=line.department[1:].replace("402", "499")) for line in OF_DEPARTMENTS[:9]],
    ],
)
def test_codes_that_differ_in_more_than_zeros_are_other_lines(tmp_path: Path, sent: list[Line]) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", OF_DEPARTMENTS[: len(sent)])
    zone.evaluate()
    zone.deliver("other.csv", sent, "v2", commit_members_hash="others")
    assert zone.evaluate_held() == {}


def test_few_lines_of_the_same_departments_and_accounts_are_not_read(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", [Line()] * 5)
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("other.csv", [Line(day=16)] * 5, "v2")
    assert zone.evaluate_held() == {}
    assert [key for key in zone.store.opened if "parquet" in key] == []


@pytest.mark.parametrize(("count", "held"), [(9, []), (10, ["saved_again.csv"])])
def test_a_plan_repeats_another_one_without_zeros_if_many_amounts_agree(
    tmp_path: Path, count: int, held: list[str]
) -> None:
    zone = Zone(tmp_path / "processed")
    plans = (
        [replace(one, scenario="Budget", day=1) for one in sent[:count]] for sent in (OF_DEPARTMENTS, WITHOUT_ZEROS)
    )
    for name, sent in zip(("jan.csv", "saved_again.csv"), plans, strict=True):
        zone.deliver(name, sent, name)
        verdicts = zone.evaluate_held()
    assert list(verdicts) == held


@pytest.mark.parametrize(("is_scoped", "held"), [(True, ["saved_again.csv"]), (False, [])])
def test_a_plan_without_zeros_replaces_no_department_of_the_one_before(
    tmp_path: Path, held: list[str], *, is_scoped: bool
) -> None:
    """Budget files replace the departments that they have: 402 counted beside 0402, with a warning alone."""
    zone = Zone(tmp_path / "processed")
    for name, sent in (("jan.csv", OF_DEPARTMENTS), ("saved_again.csv", WITHOUT_ZEROS)):
        lines = [replace(one, scenario="Budget", day=1, scope=one.department) for one in sent]
        zone.deliver(name, lines, name, load_mode="replace_period", is_scoped=is_scoped, tolerated_removal=None)
        verdicts = zone.evaluate_held()
    assert list(verdicts) == held


def test_a_ledger_that_gets_new_codes_replaces_itself(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    for number, sent in enumerate([JANUARY, RECODED]):
        zone.deliver(f"{number}.csv", sent, f"v{number}", load_mode="replace_period")
        zone.evaluate()
    assert zone.evaluate_held() == {}
