"""Names of one scenario that differ in case only: two versions of a plan hold the file, two ways to write it do not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, net

Lines = list[tuple[str, int, str, int]]

PLAN: Lines = [("Budget", month, account, 100 + month) for month in range(1, 4) for account in ("4000", "6110")]
SECOND: Lines = [("BUDGET", month, account, amount + 10) for _, month, account, amount in PLAN]


DESCRIPTOR = {
    "feed": "x",
    "kind": "ledger",
    "path": "x.csv",
    "columns": {
        "date": {"from": "Month", "formats": ["yyyy-MM"]},
        "department": "Unit",
        "account": "Account",
        "amount": "Amount",
        "scenario": "Version",
    },
}


def check(folder: Path, lines: Lines, **changes: Any) -> FileCheck:
    descriptor = {**DESCRIPTOR, **changes}
    rows = "".join(f"{name},2025-{month:02d},D1,{account},{amount}.00\n" for name, month, account, amount in lines)
    return check_text(folder, f"Version,Month,Unit,Account,Amount\n{rows}", yaml.safe_dump(descriptor))


def test_two_names_of_one_plan_in_the_same_places_hold_the_file(tmp_path: Path) -> None:
    ((reason, fix),) = check(tmp_path, [*PLAN, *SECOND]).holds.items()
    assert reason == (
        "scenario: 'Budget' and 'BUDGET' differ in case only and are one scenario, and both have a line in the same "
        "months, departments and accounts, so both are added up; of 'BUDGET', the 6 amounts add up to 672.00"
    )
    rule = '{column: "Version", matches: "^BUDGET$", may_hold_money: true}'
    assert f"add skip: [{rule}] to the descriptor for the other one" in fix
    left = check(tmp_path, [*PLAN, *SECOND], skip=[yaml.safe_load(rule)])
    assert not left.holds
    assert net(left) == Decimal("612.00")


@pytest.mark.parametrize(
    "lines",
    [
        [*PLAN[:3], *SECOND[3:]],  # the name is written in two ways
        [*PLAN[:4], *SECOND[:4]],  # few places
        [*PLAN, *PLAN, *SECOND],  # several lines of a place, such as one for each supplier
        [*PLAN, *((name.replace("BUDGET", "Budget Q1"), *rest) for name, *rest in SECOND)],
        [(name.replace("BUDGET", "ACTUAL").replace("Budget", "Actual"), *rest) for name, *rest in [*PLAN, *SECOND]],
        [*PLAN, *((name, month, "9" + account, amount) for name, month, account, amount in SECOND)],
    ],
)
def test_a_plan_whose_name_is_written_in_two_ways_is_not_held(tmp_path: Path, lines: Lines) -> None:
    assert not check(tmp_path, lines).holds


def test_two_regions_that_write_the_name_of_the_plan_otherwise_are_not_held(tmp_path: Path) -> None:
    """A column that nothing reads says that both have a line for each month and account."""
    rows = {
        region: "".join(
            f"{name},2025-{month:02d},D1,{account},{amount}.00,{region}\n" for name, month, account, amount in plan
        )
        for region, plan in (("North", PLAN), ("South", SECOND))
    }
    descriptor = yaml.safe_dump(DESCRIPTOR)
    header = "Version,Month,Unit,Account,Amount,Region\n"
    assert not check_text(tmp_path, header + rows["North"] + rows["South"], descriptor).holds
    again = rows["North"].replace("Budget", "BUDGET")
    assert len(check_text(tmp_path, header + rows["North"] + again, descriptor).holds) == 1
