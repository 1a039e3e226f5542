"""Files with a line for each month and account: running totals and totals of groups that hold them, and what does not.

Each fix is typed as the reason has it, and the file read again.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written, net
from finance_platform_tests.unit.feeds.test_shapes import staged

MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
ACCOUNTS = {"4000": 1000, "5000": 400, "6000": 250, "6100": 37, "6200": 11}
COLUMNS = {"date": {"from": "Month", "formats": ["yyyy-MM"]}, "department": "Unit", "account": "Account"}
Rows = Iterable[Sequence[object]]


def check(folder: Path, header: str, rows: Rows, amount: str = "Amount", **changes: Any) -> FileCheck:
    with (folder / "x.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    columns = {**COLUMNS, "amount": amount, **changes.pop("columns", {})}
    descriptor = {"feed": "x", "kind": "ledger", "path": "x.csv", "columns": columns, **changes}
    text = yaml.safe_dump({"constants": {"scenario": "Actual"}, **descriptor})
    return check_written(folder, text)


def monthly(months: Sequence[str], units: Sequence[str] = ("D1", "D2")) -> list[tuple[str, str, str, int]]:
    return [
        (month, unit, account, amount + 3 * int(month[5:]) + position)
        for month in months
        for position, unit in enumerate(units)
        for account, amount in ACCOUNTS.items()
    ]


def running(months: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Return lines each of which has the total since the January of its year."""
    lines = monthly(months)
    return [
        (
            month,
            unit,
            account,
            sum(one[3] for one in lines if one[1:3] == (unit, account) and month[:4] + "-01" <= one[0] <= month),
        )
        for month, unit, account, _ in lines
    ]


@pytest.mark.parametrize("months", [MONTHS[12:], MONTHS, MONTHS[12:18]])
def test_lines_of_months_that_are_totals_since_january_hold_the_file(tmp_path: Path, months: list[str]):
    (reason,) = check(tmp_path, "Month,Unit,Account,Amount", running(months)).holds
    first, last = months[0], months[min(11, len(months) - 1)]
    assert reason.startswith(
        f"the amounts of 10 of 10 departments and accounts grow from {first!r} to {last!r}, mostly"
    )


def test_the_lines_of_an_account_may_be_several_and_in_any_order(tmp_path: Path):
    halves = [(*line[:3], line[3] / 2) for line in running(MONTHS[:12]) for _ in range(2)]
    assert check(tmp_path, "Month,Unit,Account,Amount", sorted(halves, key=lambda line: str(line[2:]))).holds


def test_rows_that_are_rejected_have_no_month(tmp_path: Path):
    rows = [*running(MONTHS[:12]), ("2024-13", "D1", "4000", 1), ("2026-01", "D1", "4000", "x")]
    held = check(tmp_path, "Month,Unit,Account,Amount", rows, tolerance={"rejected_rows": "0.5"}).holds
    assert [reason for reason in held if "grow from '2024-01' to '2024-12'" in reason]


@pytest.mark.parametrize(
    "rows",
    [
        monthly(MONTHS),  # amounts of months
        running(MONTHS[:5]),  # few months
        [
            (month, unit, "6000", MONTHS.index(month) * 10 + 100) for month in MONTHS for unit in "ABCDEF"
        ],  # a plan that grows
        [
            (month, "Sales", f"40{product}", round(1000 * 1.25 ** MONTHS.index(month)))
            for month in MONTHS[:12]
            for product in range(10, 18)
        ],  # new products
        [
            (month, unit, account, round(amount * (1 + MONTHS.index(month) ** 2 / 15)))
            for month, unit, account, amount in monthly(MONTHS[:12])
        ],
        [line for line in running(MONTHS[:12]) if line[1:3] in {("D1", "4000"), ("D2", "5000")}],  # few accounts
        [line for line in running(MONTHS[:12]) if line[0] not in {"2024-05", "2024-09"}],  # no series of months
        [(month, unit, account, 50) for month, unit, account, _ in monthly(MONTHS)],
        [],
    ],
)
def test_lines_of_months_of_their_own_hold_nothing(tmp_path: Path, rows: Rows):
    held = check(tmp_path, "Month,Unit,Account,Amount", rows).holds
    assert not [reason for reason in held if "grow from" in reason]


def test_a_ledger_with_many_lines_in_a_month_is_not_compared(tmp_path: Path):
    lines = [(*line[:3], line[3] / 5) for line in running(MONTHS[:12]) for _ in range(5)]
    assert not check(tmp_path, "Month,Unit,Account,Amount", lines).holds


@pytest.mark.parametrize("header", ["YTD Amount", "AmountYTD", "Betrag kumuliert", "Year-to-date", "Montant cumulé"])
def test_a_header_that_says_year_to_date_holds_the_file(tmp_path: Path, header: str):
    held = check(tmp_path, f"Month,Unit,Account,{header}", monthly(["2025-02"]), amount=header)
    (reason,) = held.holds
    assert reason == (
        f"the header {header!r} says that amounts are totals since the beginning of the year, and each is read as the "
        "amount of its month alone"
    )
    both = [(*line, line[3] * 2) for line in monthly(["2025-02"])]
    assert not check(tmp_path, f"Month,Unit,Account,Amount,{header}", both).holds


MEASURES = """
feed: report
kind: ledger
path: report_*.csv
columns:
  department: Dept
  date: {{from: When, formats: [yyyy-MM-dd]}}
measures: {{{header}: {{account: "{account}"}}, Rent: {{account: "6100"}}}}
constants: {{scenario: Actual}}
"""


@pytest.mark.parametrize(
    ("header", "account", "is_held"),
    [
        ("Sales YTD", "4000", True),
        ("Sales year to date", "Sales", True),
        ("Sales cumulative", "Sales", True),
        ("Sales", "4000", False),
        ("Cumulative translation adjustment", "Cumulative translation adjustment", False),
        ("Amortissement cumulé", "A-2800", False),
    ],
)
def test_measures_of_the_year_to_date_hold_the_file_and_names_of_accounts_do_not(
    tmp_path: Path, header: str, account: str, is_held: bool
):
    text = f"Dept,When,{header},Rent\nD1,2025-01-31,5,7\nD2,2025-02-28,6,8\n"
    rows = staged(tmp_path, text, MEASURES.format(header=header, account=account), "report_a.csv")
    assert bool(json.loads(rows[-1]["findings"])["doubts"]) == is_held


def test_accounts_in_columns_may_have_names_that_say_cumulative(tmp_path: Path):
    accounts = "unpivot: {columns: [Depreciación acumulada, Rent], into: account}"
    descriptor = "\n".join(line for line in MEASURES.splitlines() if "measures" not in line).format()
    text = "Dept,When,Depreciación acumulada,Rent\nD1,2025-01-31,5,7\n"
    rows = staged(tmp_path, text, f"{descriptor}\n{accounts}\n", "report_a.csv")
    assert not json.loads(rows[-1]["findings"])["doubts"]


def with_group(lines: Sequence[tuple[str, str, str, int]], group: str) -> list[tuple[str, str, str, int]]:
    """Return lines with a unit that has the sums of all others."""
    places = dict.fromkeys((month, account) for month, _, account, _ in lines)
    of_group = [
        (month, group, account, sum(line[3] for line in lines if (line[0], line[2]) == (month, account)))
        for month, account in places
    ]
    return [*lines, *of_group]


def test_a_department_that_is_the_total_of_the_others_holds_the_file(tmp_path: Path):
    lines = monthly(MONTHS[:2], ["D1", "D2", "D3"])
    rows = with_group(lines, "D0")
    held = check(tmp_path, "Month,Unit,Account,Amount", rows)
    total = sum(line[3] for line in lines)
    (reason,) = held.holds
    assert reason == (
        "department: the amounts of 'D0' are the sums of those of the others in the same months and accounts, so they "
        f"count twice; its 10 amounts add up to {total:,}.00"
    )
    rule = yaml.safe_load(held.holds[reason].removeprefix("add ").split(" to the descriptor")[0])
    read = check(tmp_path, "Month,Unit,Account,Amount", rows, **rule)
    assert not read.holds
    assert net(read) == total


def test_a_total_has_the_amounts_of_accounts_that_one_department_alone_has(tmp_path: Path):
    lines = [line for line in monthly(MONTHS[:3]) if line[1] == "D1" or line[2] >= "6000"]
    (reason,) = check(tmp_path, "Month,Unit,Account,Amount", with_group(lines, "D0")).holds
    assert reason.startswith("department: the amounts of 'D0' are the sums of those of the others")
    assert "its 15 amounts" in reason


def test_a_company_that_is_the_group_holds_the_file_whatever_its_departments(tmp_path: Path):
    """The group has the eliminations too, and lacks one of them."""
    lines = [(*line[:3], *of_one) for line in monthly(MONTHS[:2]) for of_one in (("A", line[3]), ("B", line[3] // 2))]
    lines += [(month, "D1", "4000", "Elim", -50) for month in MONTHS[:2]]
    group: dict[tuple[str, str, str], int] = {}
    for month, unit, account, _, amount in lines:
        group[month, unit, account] = group.get((month, unit, account), 0) + amount
    group["2024-01", "D1", "4000"] += 50
    rows = [*lines, *((*place, "Group", amount) for place, amount in group.items())]
    header = "Month,Unit,Account,Legal Entity,Amount"
    held = check(tmp_path, header, rows)
    (reason,) = held.holds
    assert reason.startswith(
        "the column 'Legal Entity' is not read, and the amounts of 'Group' are the sums of those of the others in the "
        "same months, departments and accounts, so they count twice: 20 of 62 lines; their 20 amounts add up to "
    )
    rule = yaml.safe_load(held.holds[reason].removeprefix("add ").split(" to the descriptor")[0])
    read = check(tmp_path, header, rows, **rule)
    assert not read.holds
    assert net(read) == sum(line[4] for line in lines)
    assert not check(tmp_path, header, rows, ignore_columns=["Legal Entity"]).holds
    as_unit = check(tmp_path, header, rows, columns={"business_unit": {"from": "Legal Entity"}})
    assert [reason for reason in as_unit.holds if reason.startswith("business_unit: the amounts of 'Group'")]


@pytest.mark.parametrize(
    "rows",
    [
        monthly(MONTHS[:3], ["D1", "D2", "D3"]),
        with_group(monthly(MONTHS[:3], ["D1"]), "D0"),  # two departments with the same amounts
        with_group([line for line in monthly(MONTHS[:1], ["D1", "D2"]) if line[2] < "6000"], "D0"),  # few sums
        [*with_group(monthly(MONTHS[:1], ["D1", "D2"]), "D0"), *monthly(MONTHS[1:4], ["D1", "D2"])],  # of one month
        [(*line[:3], 12 if line[1] == "D3" else 6) for line in monthly(MONTHS[:3], ["D1", "D2", "D3"])],  # one amount
        [
            (month, unit, account, amount * share)
            for month, _, account, amount in monthly(MONTHS[:6], ["D1"])
            for unit, share in (("HQ", 5), ("D1", 3), ("D2", 2))
        ],  # costs that are spread by a key, or a unit that is as large as the others together
    ],
)
def test_departments_that_are_no_totals_hold_nothing(tmp_path: Path, rows: Rows):
    assert not check(tmp_path, "Month,Unit,Account,Amount", rows).holds
