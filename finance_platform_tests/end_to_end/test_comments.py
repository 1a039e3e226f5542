"""Comments and statement lines from a file to the warehouse: what people correct, withdraw and set over time.

Belongs here: the two feeds across refreshes, and that they are in no figure. Does not belong here: one row (see
`unit/feeds/test_report_rows`), which account a row means (see `warehouse/test_report_tables`).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher

pytestmark = pytest.mark.end_to_end

HEADER = "period,department_code,account_number,owner,comment,kind\n"
COMMENTS = HEADER + "2024-01,D100,4000,Ann,One customer paid early,timing\n2024-02,0450,6000,Bo,,\n"
LINES = """\
account_number,category,section,line
60*,,Opex,Staff costs
,Recurring,Revenue,Subscriptions
"""


@dataclass(frozen=True)
class Commented:
    """The small home with comments and statement lines, for copies; its figures without and with them."""

    path: Path
    without: tuple[object, object]
    with_them: tuple[object, object]


def figures(home: Home, refreshed: Refreshed) -> tuple[object, object]:
    assert not refreshed.needs_attention
    return home.tables(), refreshed.status.as_json()["reconciliation"]


@pytest.fixture(scope="module")
def commented(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> Commented:
    """The small home, refreshed before and after comments and statement lines."""
    home = copy_home(small_home_once_run, tmp_path_factory.mktemp("commented") / "home")
    without = figures(home, refresh(home))
    home.write("raw/comments.csv", COMMENTS)
    home.write("raw/statement_lines.csv", LINES)
    return Commented(home.path, without, figures(home, refresh(home)))


@pytest.fixture
def home(commented: Commented, tmp_path: Path) -> Home:
    """A small home of the test's own with comments and statement lines."""
    return copy_home(commented.path, tmp_path / "home")


def commentary(home: Home) -> list[tuple[object, ...]]:
    return home.select(
        "SELECT Period, DepartmentCode, AccountNumber, Owner, Comment, Nature FROM Commentary"
        " INNER JOIN DimDepartment USING (DepartmentKey) INNER JOIN DimAccount USING (AccountKey) ORDER BY 1, 2, 3"
    )


def mapping(home: Home) -> list[tuple[object, ...]]:
    return home.select(
        "SELECT AccountNumber, StatementMapping.Category, Section, Line, LineOrder FROM StatementMapping"
        " LEFT JOIN DimAccount ON DimAccount.AccountKey = StatementMapping.AccountKey ORDER BY Line"
    )


FIRST = [
    ("2024-01", "D100", "4000", "Ann", "One customer paid early", "timing"),
    ("2024-02", "0450", "6000", "Bo", None, None),
]


def test_comments_and_lines_are_in_the_warehouse_and_in_no_figure(home: Home, commented: Commented):
    assert commentary(home) == FIRST
    assert mapping(home) == [
        ("6000", None, "Operating Expense", "Staff costs", 2),
        (None, "Recurring", "Revenue", "Subscriptions", 3),
    ]
    assert home.select("SELECT * FROM Materiality") == [(None, Decimal("25000.00"), Decimal("3.00"))]
    assert commented.with_them == commented.without


def test_a_correction_changes_the_comments_alone_and_a_rebuilt_home_has_the_same(home: Home, refresh: Refresher):
    loads = home.select("SELECT COUNT(*) FROM LoadLedger")
    home.write("raw/comments.csv", HEADER + "2024-01,d100,4000,Ann,Paid twice,permanent\n")
    home.write("raw/comments_hr.csv", HEADER + "2024-02,0450,6000,Cy,Two more people,permanent\n")
    refreshed = refresh(home)
    assert (refreshed.needs_attention, refreshed.built, refreshed.loaded) == (False, [], [])
    assert sorted(refreshed.read) == ["comments.csv", "comments_hr.csv"]
    expected = [
        ("2024-01", "D100", "4000", "Ann", "Paid twice", "permanent"),
        ("2024-02", "0450", "6000", "Cy", "Two more people", "permanent"),
    ]
    assert commentary(home) == expected
    assert home.select("SELECT COUNT(*) FROM LoadLedger") == loads
    assert not refresh(home).has_work
    home.warehouse.path.unlink()
    shutil.rmtree(home.path / "processed")
    refresh(home)
    assert commentary(home) == expected


def test_of_two_files_the_later_one_counts_and_a_withdrawn_one_does_not(home: Home, refresh: Refresher):
    home.write("raw/comments_v2.csv", HEADER + "2024-01-31,D100,4000,Di,Another reason,permanent\n")
    refresh(home)
    assert commentary(home)[0] == ("2024-01", "D100", "4000", "Di", "Another reason", "permanent")
    assert home.command("withdraw", "comments_v2.csv", "--why", "a draft").returncode == 0
    refresh(home)
    assert commentary(home) == FIRST


def test_a_comment_with_a_mistake_is_rejected_alone_and_a_statement_with_one_is_held(home: Home, refresh: Refresher):
    before = mapping(home)
    rows = "2024-13,D100,4000,Ann,x,timing\n2024-02,D100,4000,,=1+1,maybe\n2024-02,450,6001,,Lost zeros,\n"
    home.write("raw/comments.csv", COMMENTS + rows)
    home.write("raw/statement_lines.csv", LINES + "4000,,Profit,Sales\n")
    refreshed = refresh(home)
    assert list(refreshed.held()) == ["statement_lines.csv"]
    assert (commentary(home), mapping(home)) == (FIRST, before)
    rejected = home.command("rejected", "--format", "csv").stdout
    for reason in (
        "'2024-13' is not a valid date",
        "'maybe' is not one of timing, permanent",
        "'Profit' is not one of",
    ):
        assert reason in rejected


def test_a_comment_on_a_closed_period_and_a_threshold_are_there_after_the_next_run(home: Home, refresh: Refresher):
    assert home.command("close", "2024-01", "--why", "done").returncode == 0
    home.write("raw/comments.csv", COMMENTS.replace("early", "late"))
    refreshed = refresh(
        home,
        FINANCE_PLATFORM_CLOSED_PERIODS="hold",
        FINANCE_PLATFORM_MATERIALITY_AMOUNT="100",
        FINANCE_PLATFORM_MATERIALITY_BY_ACCOUNT="Revenue=5/1.5",
    )
    assert (refreshed.held(), refreshed.loaded) == ({}, [])
    assert "One customer paid late" in str(commentary(home))
    rows = home.select(
        "SELECT AccountNumber, MinimumAmount, MinimumPercent FROM Materiality"
        " LEFT JOIN DimAccount ON DimAccount.AccountKey = Materiality.AccountKey ORDER BY 2"
    )
    assert rows == [("4000", Decimal("5.00"), Decimal("1.50")), (None, Decimal("100.00"), Decimal("3.00"))]
