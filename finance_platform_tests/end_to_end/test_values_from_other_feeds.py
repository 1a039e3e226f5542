"""Lines that take a date from the rows of another feed, and a plan whose years are spread like last year's Actual.

Belongs here: one home in which both come, are corrected, and are built from scratch. Does not belong here: which row is
found, and how an amount is spread (see `unit/feeds/test_lookups`, `unit/feeds/test_years_like`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform_tests.end_to_end import test_lookups as journal_lines
from finance_platform_tests.end_to_end.test_lookups import JOURNALS, ROWS_OF_LINES
from finance_platform_tests.model_based.home import LawHome
from finance_platform_tests.unit.factories import descriptor

pytestmark = pytest.mark.end_to_end

LINES = journal_lines.LINES.replace("Actual", "Forecast")
LEDGER = """
feed: ledger
kind: ledger
path: actual_*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount, transaction_id: No}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
"""
PLAN = """
feed: plan
kind: ledger
path: plan.csv
columns: {date: {from: Year, formats: [yyyy]}, department: Dept, account: Account, amount: Amount}
spread: {over: fiscal_year, how: {like: Actual, year: -1}}
constants: {scenario: Budget}
hold_if_removes: never
"""
SENT = datetime(2026, 1, 5, tzinfo=UTC)

Months = dict[str, Decimal]


@dataclass(frozen=True)
class After:
    """The home after a refresh.

    Attributes:
        lines: the money of the lines by month.
        plan: the money of the plan by month.
        readings: how often the plan was discovered.
        events: how many deliveries were discovered.
        changes: what another refresh would do.
    """

    lines: Months
    plan: Months
    readings: int
    events: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """The home after each of its events, in order.

    Attributes:
        rules: the rules that rows broke while keys and weights were missing, by file.
        first: after the first keys and the first Actual.
        checks: checks of the two files then.
        moved: after a key's date was corrected, and Actual came that is of other years.
        corrected: after last year's Actual was corrected.
        same: after a refresh without anything new.
        is_nothing_new: before and after that refresh.
        tables: the star, before and after it was built from scratch.
    """

    rules: Mapping[str, Mapping[str, int]]
    first: After
    checks: Mapping[str, FileCheck]
    moved: After
    corrected: After
    same: After
    is_nothing_new: tuple[bool, bool]
    tables: tuple[object, object]


def refreshed(home: LawHome) -> After:
    home.refresh()
    amounts: dict[str, Months] = {}
    for cell, figures in home.star().facts.items():
        of_scenario = amounts.setdefault(cell.scenario, {})
        month = f"{cell.day:%Y-%m}"
        of_scenario[month] = of_scenario.get(month, Decimal(0)) + figures.amount
    events = home.events()
    return After(
        amounts.get("forecast", {}),
        {month: amount for month, amount in amounts.get("budget", {}).items() if amount},
        sum(event.object_key == "plan.csv" for event in events),
        len(events),
        home.changes(),
    )


def send(home: LawHome, name: str, *rows: str) -> None:
    home.put(name, ("No,Date,Dept,Account,Amount\n" + "\n".join(rows) + "\n").encode(), SENT)


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = LawHome(tmp_path_factory.mktemp("values"), spark)
    for name, text in (("journals", JOURNALS), ("journal_lines", LINES), ("ledger", LEDGER), ("plan", PLAN)):
        home.describe(name, text)
    home.put("lines.csv", ROWS_OF_LINES, SENT)
    home.put("plan.csv", b"Year,Dept,Account,Amount\n2026,D1,6000,100.00\n2026,D2,6000,9.00\n", SENT)
    home.refresh()
    rules = {one.commit.object_key: one.commit.rules for one in home.state().inactive}

    home.put("headers_1.csv", b"Journal,Posted,Text\nJ1,15.01.2025,Rent\nJ2,03.02.2025,Fuel\n", SENT)
    send(home, "actual_1.csv", "1,2025-01-31,D1,6000,20", "2,2025-04-30,D1,6000,10", "3,2025-01-31,D3,7000,1")
    first = refreshed(home)
    checks = {
        name: check_file(home.raw, name, descriptor(text), home.settings, home.processed)
        for name, text in (("lines.csv", LINES), ("plan.csv", PLAN))
    }

    home.put("headers_2.csv", b"Journal,Posted,Text\nJ2,07.03.2025,Fuel\n", SENT)
    send(home, "actual_2.csv", "4,2026-01-31,D1,6000,999", "5,2024-12-31,D1,6000,5")
    moved = refreshed(home)
    send(home, "actual_3.csv", "2,2026-05-30,D1,6000,10", "6,2025-03-30,D1,6000,60")
    corrected = refreshed(home)
    tables, before = home.tables(), home.is_nothing_new()
    same = refreshed(home)
    after = home.is_nothing_new()
    home.start_from_scratch()
    home.refresh()
    return Story(rules, first, checks, moved, corrected, same, (before, after), (tables, home.tables()))


def test_lines_wait_for_their_keys_and_a_plan_for_its_weights(story: Story) -> None:
    assert story.rules == {"lines.csv": {"missing_lookup": 3}, "plan.csv": {"missing_weights": 2}}


def test_lines_have_the_date_of_their_key_and_shares_follow_last_year(story: Story) -> None:
    assert story.first.lines == {"2025-01": Decimal("11.00"), "2025-02": Decimal("5.50")}
    # D2 has no Actual, so its year is spread like the account.
    assert story.first.plan == {"2026-01": Decimal("72.66"), "2026-04": Decimal("36.34")}
    assert story.first.changes == ()


def test_a_check_of_the_files_gives_the_figures_that_are_published(story: Story) -> None:
    sums = {
        name: {period: count.amount for (_, period), count in check.sums.items()}
        for name, check in story.checks.items()
    }
    assert sums == {"lines.csv": story.first.lines, "plan.csv": story.first.plan}
    assert not story.checks["plan.csv"].conditions


def test_lines_follow_a_corrected_key(story: Story) -> None:
    assert story.moved.lines == {"2025-01": Decimal("11.00"), "2025-03": Decimal("5.50")}


def test_a_plan_follows_its_weights_and_no_other_lines(story: Story) -> None:
    assert (story.moved.readings, story.moved.plan) == (story.first.readings, story.first.plan)
    # Line 2 has moved out of last year, which the file that has it now does not touch otherwise.
    assert story.corrected.readings == story.first.readings + 1
    assert story.corrected.plan["2026-03"] == Decimal("75.00") + Decimal("6.75")


def test_nothing_is_read_again_without_anything_new_and_a_rebuilt_home_is_the_same(story: Story) -> None:
    assert story.same == story.corrected
    assert story.is_nothing_new == (False, True)  # the verdicts of that run may have set other weights free
    assert story.tables[0] == story.tables[1]
