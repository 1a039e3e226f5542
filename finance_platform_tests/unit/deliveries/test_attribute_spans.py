"""Spans of attributes: which description of an account counts in which period.

Belongs here: files with and without dates, closes between them, and the laws that hold in any order. Does not belong
here: views and movements (see `end_to_end/test_effective_dates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.processed import ACCOUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import ACCOUNT_HISTORY
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, Event, PeriodStatusChanged, Verdict
from finance_platform.deliveries.members.attribute_history import attribute_history
from finance_platform.deliveries.members.attribute_spans import attribute_spans
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import periods_between
from finance_platform.quality.attributes import check_earlier_attributes
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered

AT = "2025-06-01T08:00:00.000000+00:00"
PERIODS = periods_between("2024-12", "2025-08")
Row = tuple[str, str, str | None]
"""Account, category, and the period from which the row holds."""


@dataclass
class Chart:
    """Files of accounts as they arrived, and the periods that were closed between them."""

    path: Path
    events: list[Event] = field(default_factory=list)
    commits: dict[str, DeliveryCommit] = field(default_factory=dict)

    def deliver(self, *rows: Row, key: str = "accounts.csv", continues: str = "") -> str:
        """Deliver a file, which counts at once; or read one again, of which the same rows count as before."""
        content = f"v{len(self.commits)}"
        event = delivered(key, content, feed="accounts", kind="accounts", run_id=content)
        table = pa.Table.from_pylist([_row(event.delivery_id, *row) for row in rows], arrow_schema(ACCOUNTS.columns))
        pq.write_table(table, self.path / f"{content}.parquet")
        file = DataFile(f"{content}.parquet", 1)
        firsts: dict[str, str] = {}
        for number, _, since in rows:
            firsts[number] = min(firsts.get(number, since or ""), since or "")
        self.commits[event.delivery_id] = commit_of(
            event,
            files={"accounts": (file,)},
            dated_from=max(firsts.values()),
            has_dates=any(since for *_, since in rows),
        )
        self.events += [event, Verdict(key, event.delivery_id, AT, "run-1", continues=continues)]
        return event.delivery_id

    def close(self, *periods: str) -> None:
        self.events += [PeriodStatusChanged("closed", period, "ada", "done", AT) for period in periods]

    def reopen(self, period: str) -> None:
        self.events.append(PeriodStatusChanged("reopened", period, "ada", "late", AT))

    def withdraw(self, delivery_id: str, key: str = "accounts.csv") -> None:
        self.events.append(DecisionRecorded("withdrawn", key, delivery_id, "ada", "wrong", AT))

    @property
    def state(self) -> DeliveryState:
        return derive_state(self.events, self.commits)

    def categories(self, number: str = "6000") -> dict[str, str]:
        """Return the category in each period; of an account without a change, that of its only description."""
        spans = attribute_spans(LocalStore(self.path), self.state, "accounts").get(surrogate_key(number), ())
        return {
            period: str([span for span in spans if span.since <= period][-1].attributes["category"])
            for period in (PERIODS if spans else ())
        }


def _row(delivery_id: str, number: str, category: str, valid_from: str | None) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "account_key": surrogate_key(number),
        "account_number": number,
        "account_name": number,
        "account_type": "Expense",
        "category": category,
        "valid_from": valid_from,
    }


@pytest.fixture
def chart(tmp_path: Path) -> Chart:
    return Chart(tmp_path)


def changes(categories: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each category with the first period that has it."""
    found: list[tuple[str, str]] = []
    for period, category in categories.items():
        if not found or found[-1][1] != category:
            found.append((period, category))
    return found


def test_without_a_close_and_without_dates_the_last_file_describes_every_period(chart: Chart) -> None:
    chart.deliver(("6000", "People", None))
    chart.deliver(("6000", "Payroll", None))
    assert chart.categories() == {}
    assert [one.delivery.delivery_id for one in chart.state.descriptions] == ["accounts.csv@v1"]


def test_a_file_without_dates_describes_the_periods_after_the_last_closed_one(chart: Chart) -> None:
    chart.deliver(("6000", "People", None))
    chart.close("2024-12", "2025-01")
    chart.deliver(("6000", "Payroll", None))
    chart.deliver(("6000", "Staff", None))
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-02", "Staff")]


def test_a_date_decides_before_and_after_a_close_and_what_was_before_it_stays(chart: Chart) -> None:
    chart.deliver(("6000", "People", None))
    chart.deliver(("6000", "Payroll", "2025-03"))
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-03", "Payroll")]
    chart.close("2024-12", "2025-01")
    chart.deliver(("6000", "Staff", "2025-01"))
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-01", "Staff")]


def test_a_file_with_the_whole_history_needs_no_earlier_one(chart: Chart) -> None:
    chart.deliver(("6000", "Wrong", None))
    chart.deliver(("6000", "Payroll", "2025-03"), ("6000", "People", None))
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-03", "Payroll")]


def test_a_file_with_the_whole_history_that_is_sent_again_after_a_close_says_the_same(chart: Chart) -> None:
    """A row without a date would otherwise begin after the dated ones that it precedes, and undo them."""
    history = [("6000", "People", None), ("6000", "Payroll", "2025-01")]
    chart.deliver(*history)
    before = chart.categories()
    chart.close("2024-12", "2025-01")
    chart.deliver(*history, ("7000", "Rent", None))
    assert chart.categories() == before
    chart.close("2025-02")
    chart.deliver(("6000", "Staff", None), ("6000", "Payroll", "2025-02"), ("6000", "Wages", "2025-06"))
    assert changes(chart.categories()) == [
        *(("2024-12", "People"), ("2025-01", "Payroll")),
        ("2025-06", "Wages"),
    ]


@pytest.mark.parametrize("closed", [(), ("2024-12",), ("2024-12", "2025-01"), ("2024-12", "2025-01", "2025-02")])
def test_a_date_counts_alike_in_open_periods_whatever_was_closed_when_its_file_came(
    chart: Chart, closed: Sequence[str]
) -> None:
    chart.deliver(("6000", "Early", None))
    chart.close(*closed)
    chart.deliver(("6000", "People", None), ("6000", "Payroll", "2025-02"))
    assert {chart.categories()[period] for period in PERIODS if period >= "2025-02"} == {"Payroll"}


def test_the_first_description_of_an_account_holds_before_its_date_too_but_not_in_closed_periods(chart: Chart) -> None:
    chart.deliver(("6000", "Payroll", "2025-03"))
    assert chart.categories() == {}
    chart.close("2024-12")
    chart.deliver(("7000", "Rent", "2025-03"), key="accounts_2.csv")
    assert changes(chart.categories("7000")) == [("2024-12", "Unknown"), ("2025-01", "Rent")]


def test_a_reopened_period_keeps_what_the_account_was_when_it_was_closed(chart: Chart) -> None:
    chart.deliver(("6000", "People", None))
    chart.close("2024-12", "2025-01")
    chart.deliver(("6000", "Payroll", None))
    before = chart.categories()
    chart.reopen("2025-01")
    assert chart.categories() == before


@pytest.mark.parametrize("reopened", [(), ("2025-01",), ("2025-01", "2024-12")])
def test_a_file_that_a_release_reads_again_describes_the_periods_that_it_described(
    chart: Chart, reopened: tuple[str, ...]
) -> None:
    """It began to count while these were closed; whether they are by now, a release decides nothing about them."""
    chart.deliver(("6000", "People", None))
    chart.close("2024-12", "2025-01")
    last = chart.deliver(("6000", "Payroll", None))
    for period in reopened:
        chart.reopen(period)
    before = chart.categories()
    for _ in range(2):
        last = chart.deliver(("6000", "Payroll", None), continues=last)
        assert chart.categories() == before
    chart.close("2025-02")
    chart.deliver(("6000", "Staff", None))
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-02", "Payroll"), ("2025-03", "Staff")]


def test_an_account_that_leaves_the_file_or_is_withdrawn_stays_described_in_closed_periods(chart: Chart) -> None:
    chart.deliver(("6000", "People", None), ("7000", "Rent", None))
    chart.close("2024-12")
    second = chart.deliver(("6000", "People", None))
    assert changes(chart.categories("7000")) == [("2024-12", "Rent"), ("2025-01", "Unknown")]
    chart.withdraw(second)
    assert changes(chart.categories()) == [("2024-12", "People"), ("2025-01", "Unknown")]


def test_an_earlier_file_whose_record_is_lost_is_named_if_it_describes_closed_periods(chart: Chart) -> None:
    unused = chart.deliver(("6000", "Early", None))
    first = chart.deliver(("6000", "People", None))
    chart.close("2024-12")
    chart.deliver(("6000", "Payroll", None))
    assert chart.state.lost_descriptions == []
    del chart.commits[first], chart.commits[unused]
    assert [event.delivery_id for event in chart.state.lost_descriptions] == [first]
    snapshot = Snapshot(chart.commits, chart.state, NO_OVERLAPS, [], {})
    accounts, departments = check_earlier_attributes(snapshot)
    assert (accounts.passed, departments.passed) == (False, True)
    assert first in str(accounts.evidence)


def test_spans_with_the_same_classification_have_one_key_and_that_of_the_first_is_the_account_s(chart: Chart) -> None:
    chart.deliver(("6000", "People", None), ("6000", "Staff", "2025-02"), ("6000", "People", "2025-04"))
    rows = attribute_history(LocalStore(chart.path), chart.state)[ACCOUNT_HISTORY]
    key = surrogate_key("6000")
    assert [(row["valid_from"], row["valid_to"], row["is_current"]) for row in rows] == [
        ("0001-01", "2025-01", False),
        ("2025-02", "2025-03", False),
        ("2025-04", "9999-12", True),
    ]
    assert [row["account_class_key"] == key for row in rows] == [True, False, True]


CATEGORIES = st.sampled_from(["People", "Payroll", "Staff"])
DATES = st.none() | st.sampled_from(PERIODS)
ROWS_OF_FILE = st.lists(st.tuples(CATEGORIES, DATES), min_size=1, max_size=3, unique_by=lambda row: row[1])
STEPS = st.lists(st.just("close") | st.tuples(st.sampled_from(["accounts.csv", "more.csv"]), ROWS_OF_FILE), max_size=7)


@given(steps=STEPS)
def test_whatever_arrives_only_the_periods_that_it_says_change(
    steps: Sequence[str | tuple[str, list[tuple[str, str | None]]]],
) -> None:
    with TemporaryDirectory() as folder:
        chart, closed = Chart(Path(folder)), 0
        chart.deliver(("6000", "First", None), key="a.csv")
        known = dict.fromkeys(PERIODS, "First")
        for step in steps:
            said: dict[str, str] = {}
            if isinstance(step, str):
                chart.close(PERIODS[closed])
                closed += 1
            else:
                key, rows = step
                chart.deliver(*(("6000", category, since) for category, since in rows), key=key)
                said = {since: category for category, since in rows if since}
                of_file = PERIODS[closed] if closed else ""
                undated = [category for category, since in rows if not since]
                if undated and of_file < min(said, default="9999-12"):
                    said[of_file] = undated[0]
            begun = {period: [since for since in said if since <= period] for period in PERIODS}
            expected = {period: said[max(begun[period])] if begun[period] else known[period] for period in PERIODS}
            found = chart.categories()
            if found:
                assert found == expected
            else:
                assert len(set(expected.values())) == 1
            known = expected
