"""Reports whose amounts are the sums of a ledger of another feed: which deliveries are held, and which are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from finance_platform_tests.unit.zone import Line, Zone

ACCOUNTS = {"4000": 90, "5000": 40, "6000": 12, "6100": 8, "6200": 3}
LEDGER = [
    Line(amount=f"{amount + day}.00", account=account, department=department, day=day)
    for account, amount in ACCOUNTS.items()
    for department in ("D1", "D2")
    for day in (3, 17, 28)
]


def report(lines: Sequence[Line] = LEDGER, departments: bool = True) -> list[Line]:
    """Return a line for each department and account, or for each account, with their sums."""
    sums: dict[tuple[str, str], float] = {}
    for line in lines:
        place = (line.department if departments else "ALL", line.account)
        sums[place] = sums.get(place, 0) + float(line.amount)
    return [
        Line(amount=f"{amount:.2f}", department=place[0], account=place[1], day=1) for place, amount in sums.items()
    ]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", LEDGER[:16])
    zone.deliver("jan_late.csv", LEDGER[16:], "v1b")
    zone.evaluate()
    return zone


@pytest.mark.parametrize("departments", [True, False])
def test_a_report_of_another_feed_with_the_sums_of_a_ledger_is_held(zone: Zone, departments: bool) -> None:
    sent = [*report(departments=departments), Line(period="2025-02", scenario="Forecast")]
    zone.deliver("outlook.csv", sent, "v2", feed="outlook")
    verdict = zone.evaluate()["outlook.csv"]
    (reason,) = verdict.reasons
    assert reason == (
        "has the same sums by account as the lines of jan.csv of the feed ledger, which counts already: Actual "
        f"2025-01, lines {len(sent) - 1}, gross 1,398.00"
    )
    assert "leave the amounts of Actual out" in verdict.fix
    assert "mode: replace_period" not in verdict.fix
    assert zone.live == ["jan.csv@v1", "jan_late.csv@v1b"]


def test_a_ledger_that_comes_after_its_report_is_held(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("outlook.csv", report(), feed="outlook")
    zone.deliver("jan.csv", LEDGER, "v2")
    assert "has the same sums by account as the lines of outlook.csv" in zone.evaluate()["jan.csv"].reasons[0]


@pytest.mark.parametrize(("count", "is_held"), [(3, False), (4, True)])
def test_the_sums_of_four_accounts_are_no_chance(tmp_path: Path, count: int, is_held: bool) -> None:
    lines = [line for line in LEDGER if line.account in list(ACCOUNTS)[:count]]
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", lines)
    zone.deliver("outlook.csv", report(lines), "v2", feed="outlook")
    assert bool(zone.evaluate()["outlook.csv"].reasons) is is_held


def test_one_account_in_ten_may_have_another_sum(tmp_path: Path) -> None:
    more = [Line(amount=f"{number}.10", account=f"70{number}", department="D1") for number in range(10, 16)]
    zone = Zone(tmp_path / "processed")
    zone.deliver("jan.csv", [*LEDGER, *more])
    lines = report([*LEDGER, *more])
    zone.deliver("outlook.csv", [*lines[:-1], replace(lines[-1], amount="1.00")], "v2", feed="outlook")
    zone.deliver("flash.csv", [*lines[:-2], *(replace(line, amount="1.00") for line in lines[-2:])], "v3", feed="flash")
    assert {name: bool(verdict.reasons) for name, verdict in zone.evaluate().items()} == {
        "jan.csv": False,
        "outlook.csv": True,
        "flash.csv": False,
    }


@pytest.mark.parametrize(
    "sent",
    [
        [replace(line, department=f"X{line.department}") for line in report()],  # another company with equal costs
        [replace(line, amount=f"-{line.amount}") for line in report()],  # a reversal
        [replace(line, scenario="Budget") for line in report()],
        [replace(line, period="2025-02") for line in report()],
        [line for line in report() if line.account in {"4000", "5000", "6000"}],  # too few
        [replace(line, amount=f"{float(line.amount) + 1:.2f}") for line in report()],
        [*LEDGER, *report()][:1],
    ],
)
def test_other_sums_hold_nothing(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("outlook.csv", sent, "v2", feed="outlook")
    assert zone.evaluate_held() == {}


def test_a_ledger_is_not_read_for_another_ledger(zone: Zone) -> None:
    zone.store.opened.clear()
    zone.deliver("branch.csv", [replace(line, amount="1.00") for line in LEDGER for _ in range(2)], "v2", feed="branch")
    assert zone.evaluate_held() == {}
    assert not [key for key in zone.store.opened if key.startswith("transactions/") and "branch" in key]


def test_files_of_many_feeds_are_each_read_once_for_their_sums(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    for number in range(6):
        lines = [
            replace(line, amount=f"{float(line.amount) + number:.2f}", period=period)
            for line in report()
            for period in ("2025-01", "2025-02")
        ]
        zone.deliver(f"branch_{number}.csv", lines, f"v{number}", feed=f"branch_{number}")
    zone.store.opened.clear()
    assert zone.evaluate_held() == {}
    opened = [key for key in zone.store.opened if key.startswith("transactions/")]
    assert len(opened) == len(set(opened)) == 6


@pytest.mark.parametrize(("files", "is_compared"), [(20, True), (21, False)])
def test_a_feed_with_a_file_for_each_voucher_is_not_compared(tmp_path: Path, files: int, is_compared: bool) -> None:
    zone = Zone(tmp_path / "processed")
    for number in range(files):
        zone.deliver(f"voucher_{number:02d}.csv", LEDGER[number : number + 1] or LEDGER[-1:], f"v{number}")
    counted = [*LEDGER[:files]]
    zone.evaluate()
    zone.deliver("outlook.csv", report(counted), "w", feed="outlook")
    assert bool(zone.evaluate()["outlook.csv"].reasons) is is_compared


MONTHS = ("2025-01", "2025-02", "2025-03")


def plan(*shares: int, scenario: str = "Budget", **other: int) -> list[Line]:
    """Return a line for each account and month of a quarter, with so many parts of six of its amount in each."""
    return [
        Line(amount=f"{amount * share}.00", account=account, period=period, scenario=scenario, day=1)
        for account, amount in (ACCOUNTS | other).items()
        for period, share in zip(MONTHS, shares, strict=True)
        if share
    ]


@pytest.mark.parametrize("sent", [plan(2, 2, 2), plan(1, 3, 2)], ids=["spread evenly", "one month alike"])
def test_a_plan_that_another_feed_has_by_other_months_is_held(tmp_path: Path, sent: list[Line]) -> None:
    """The quarters of one plan, beside its months: each amount would be budgeted twice."""
    zone = Zone(tmp_path / "processed")
    zone.deliver(
        "months.csv", [*plan(1, 1, 4), Line(period="2025-04", scenario="Budget", amount="7.00")], feed="months"
    )
    zone.evaluate()
    zone.deliver("quarters.csv", sent, "v2", feed="quarters")
    verdict = zone.evaluate()["quarters.csv"]
    assert "lines of months.csv of the feed months, which counts already: Budget 2025-01, lines 5" in verdict.reasons[0]
    assert "2025-03" in verdict.reasons[0]
    assert "2025-04" not in verdict.reasons[0]
    assert zone.live == ["months.csv@v1"]


@pytest.mark.parametrize(
    "sent",
    [
        plan(2, 2, 1),
        plan(2, 2, 2, scenario="Budget Q"),
        [line for line in plan(2, 2, 2) if line.account in {"4000", "5000", "6000"}],
        [replace(line, department="D2") for line in plan(2, 2, 2)],
        [replace(line, account=f"9{line.account}") for line in plan(2, 2, 2)],
    ],
    ids=["other sums", "another plan", "too few accounts", "another department", "other accounts"],
)
def test_another_part_of_a_plan_counts_beside_that_of_another_feed(tmp_path: Path, sent: list[Line]) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("months.csv", plan(1, 1, 4), feed="months")
    zone.evaluate()
    zone.deliver("part.csv", sent, "v2", feed="part")
    assert zone.evaluate_held() == {}


def test_months_of_actual_are_compared_one_by_one(tmp_path: Path) -> None:
    """What two sources book in other months of a quarter is other money."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("months.csv", plan(1, 2, 3, scenario="Actual"), feed="months")
    zone.evaluate()
    zone.deliver("other.csv", plan(2, 1, 3, scenario="Actual"), "v2", feed="other")
    (reason,) = zone.evaluate()["other.csv"].reasons
    assert "Actual 2025-03, lines 5" in reason
    assert "2025-01" not in reason


YEAR = [f"2025-{month:02d}" for month in range(1, 13)]


def by_month(starts: Sequence[str], months: int) -> list[Line]:
    """Return a line for each account in each of some months, with the amounts of so many ones."""
    return [
        Line(amount=f"{amount * months}.00", account=account, period=period, scenario="Budget", day=1)
        for account, amount in ACCOUNTS.items()
        for period in starts
    ]


@pytest.mark.parametrize("is_first", [True, False], ids=["months first", "whole first"])
@pytest.mark.parametrize(
    ("starts", "months"),
    [(["2025-01"], 12), (["2025-01", "2025-07"], 6), (YEAR[::3], 3), (["2025-04"], 3)],
    ids=["year", "halves", "quarters", "one quarter"],
)
def test_a_plan_that_counts_in_first_months_is_held_beside_its_months(
    tmp_path: Path, starts: list[str], months: int, is_first: bool
) -> None:
    """Nothing divides it, so that each amount would be budgeted twice: once in a month, once over all of them."""
    zone = Zone(tmp_path / "processed")
    files = {"months": by_month(YEAR, 1), "whole": by_month(starts, months)}
    first, second = files if is_first else reversed(files)
    zone.deliver(f"{first}.csv", files[first], feed=first)
    zone.evaluate()
    zone.deliver(f"{second}.csv", files[second], "v2", feed=second)
    (reason,) = zone.evaluate()[f"{second}.csv"].reasons
    assert f"the same sums by account as the lines of {first}.csv of the feed {first}" in reason
    assert f"Budget {starts[0]}, lines 5" in reason


@pytest.mark.parametrize(
    ("starts", "months"),
    [(["2025-01"], 11), (["2025-03"], 12), (["2025-01"], 24)],
    ids=["other sums", "months that are missing", "another year, too"],
)
def test_other_amounts_of_a_year_count_beside_its_months(tmp_path: Path, starts: list[str], months: int) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("months.csv", by_month(YEAR, 1), feed="months")
    zone.evaluate()
    zone.deliver("whole.csv", by_month(starts, months), "v2", feed="whole")
    assert zone.evaluate_held() == {}


def test_actual_amounts_of_a_month_are_no_year_of_another_feed(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("months.csv", [replace(line, scenario="Actual") for line in by_month(YEAR, 1)], feed="months")
    zone.evaluate()
    whole = [replace(line, scenario="Actual") for line in by_month(["2025-01"], 12)]
    zone.deliver("whole.csv", whole, "v2", feed="whole")
    assert zone.evaluate_held() == {}
