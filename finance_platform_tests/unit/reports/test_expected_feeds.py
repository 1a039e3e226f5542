"""Expected feeds: when the files of each are due, and which are late.

Belongs here: `reports.expected_feeds`. Does not belong here: alerts (see `orchestration`), the calendar (see
`test_expectations`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.expectations import last_due_days, next_due_day
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.reports.expected_feeds import ExpectedFeed, expected_feeds
from finance_platform_tests.unit.factories import (
    commit_of,
    decision_on,
    delivered,
    in_period,
    log_of,
    partly_rejected,
    refused,
    state_of,
)

PAYROLL = """\
feed: payroll
kind: ledger
path: payroll*.csv
owner: ada@payroll.example
columns: {date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
"""
MONTHLY = f"{PAYROLL}expect: {{every: month, by_working_day: 3}}\n"
NOTHING = DeliveryState((), (), (), ())
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def found(tmp_path: Path, descriptor: str, *arrivals: str, at: datetime = AT) -> ExpectedFeed:
    """Return what is expected of the feed of a home whose files came on these days."""
    (tmp_path / "payroll.yaml").write_text(descriptor)
    events = [delivered(f"payroll{day}.csv", feed="payroll", at=f"{day}T08:00:00.000000+00:00") for day in arrivals]
    (feed,) = expected_feeds(load_feed_set(tmp_path), events, NOTHING, at, ())
    return feed


def test_a_feed_that_never_came_is_overdue_since_it_was_last_due(tmp_path: Path):
    feed = found(tmp_path, MONTHLY)
    assert (feed.is_overdue, feed.due) == (True, date(2026, 11, 4))
    assert feed.sentence == "no file has ever come, was due on 2026-11-04"
    assert feed.fix == "ask ada@payroll.example for the file `payroll*.csv`"


@pytest.mark.parametrize(
    ("last", "is_overdue", "due"),
    [
        ("2026-11-04", False, date(2026, 12, 3)),
        ("2026-10-06", False, date(2026, 12, 3)),
        ("2026-10-05", True, date(2026, 11, 4)),
    ],
)
def test_a_monthly_file_is_on_time_from_the_day_after_it_was_due_before(
    tmp_path: Path, last: str, is_overdue: bool, due: date
):
    feed = found(tmp_path, MONTHLY, "2026-01-02", last)
    assert (feed.is_overdue, feed.due, feed.last) == (is_overdue, due, date.fromisoformat(last))


def test_a_file_that_comes_too_seldom_is_overdue_from_the_day_of_its_limit(tmp_path: Path):
    descriptor = f"{PAYROLL}freshness: {{fail_after_days: 30}}\n"
    assert not found(tmp_path, descriptor, "2026-10-28").is_overdue
    assert found(tmp_path, descriptor, "2026-10-27").is_overdue
    assert found(tmp_path, descriptor).due is None


def test_a_file_that_is_only_read_again_makes_its_feed_no_less_overdue(tmp_path: Path):
    (tmp_path / "payroll.yaml").write_text(MONTHLY)
    first, again = (
        delivered("payroll.csv", feed="payroll", delivery_id=reading, at=f"{day}T08:00:00.000000+00:00")
        for reading, day in (("as before", "2026-10-05"), ("as after the upgrade", "2026-11-26"))
    )
    state = state_of((first, commit_of(first, in_period("2026-10"))), (again, None))
    (feed,) = expected_feeds(load_feed_set(tmp_path), [first, again], state, AT, ())
    assert (feed.last, feed.is_overdue, feed.last_state) == (date(2026, 10, 5), True, "counts")


@pytest.mark.parametrize(
    ("held", "withdrawn", "last_state"), [(True, True, "held"), (False, True, "counts"), (False, False, "counts")]
)
def test_of_files_that_came_together_the_one_that_waits_for_a_person_is_shown(
    tmp_path: Path, held: bool, withdrawn: bool, last_state: str
):
    (tmp_path / "payroll.yaml").write_text(MONTHLY)
    found_together = [
        delivered(f"payroll{n}.csv", feed="payroll", at="2026-11-20T08:00:00.000000+00:00") for n in range(3)
    ]
    commits = [commit_of(event, in_period("2026-11")) for event in found_together]
    if held:
        commits[0] = partly_rejected(found_together[0], 1, 2)
    events = log_of(*zip(found_together, commits, strict=True))
    events += [decision_on("withdrawn", found_together[2])] if withdrawn else []
    state = derive_state(events, {commit.delivery_id: commit for commit in commits})
    (feed,) = expected_feeds(load_feed_set(tmp_path), events, state, AT, ())
    assert feed.last_state == last_state


@pytest.mark.parametrize(
    ("commit", "last_state"),
    [
        (lambda event: commit_of(event, in_period("2026-11")), "counts"),
        (lambda event: partly_rejected(event, 1, 2), "held"),
        (refused, "unreadable"),
        (lambda _: None, "not read yet"),
    ],
)
def test_a_file_that_came_in_time_is_told_apart_from_one_that_counts(
    tmp_path: Path, commit: Callable[[DeliveryDiscovered], DeliveryCommit | None], last_state: str
):
    (tmp_path / "payroll.yaml").write_text(MONTHLY)
    event = delivered("payroll.csv", feed="payroll", at="2026-11-20T08:00:00.000000+00:00")
    (feed,) = expected_feeds(load_feed_set(tmp_path), [event], state_of((event, commit(event))), AT, ())
    assert (feed.is_overdue, feed.last_state) == (False, last_state)
    assert feed.is_missing_in_figures == (last_state != "counts")


def test_a_withdrawn_file_came_and_does_not_count(tmp_path: Path):
    (tmp_path / "payroll.yaml").write_text(MONTHLY)
    event = delivered("payroll.csv", feed="payroll", at="2026-11-20T08:00:00.000000+00:00")
    commit = commit_of(event, in_period("2026-11"))
    events = [*log_of((event, commit)), decision_on("withdrawn", event)]
    state = derive_state(events, {commit.delivery_id: commit})
    (feed,) = expected_feeds(load_feed_set(tmp_path), events, state, AT, ())
    assert (feed.is_overdue, feed.last_state, feed.is_missing_in_figures) == (False, "withdrawn", True)


def test_a_feed_without_an_expectation_and_a_shipped_one_that_never_came_are_left_out(tmp_path: Path):
    (tmp_path / "payroll.yaml").write_text(PAYROLL)
    assert expected_feeds(load_feed_set(tmp_path), [], NOTHING, AT, ()) == []
    events = [delivered("transactions.csv", feed="transactions")]
    (feed,) = expected_feeds(load_feed_set(tmp_path), events, NOTHING, AT, ())
    assert feed.feed == "transactions"


@given(day=st.dates(date(2020, 1, 1), date(2035, 12, 31)), number=st.integers(1, 23))
def test_the_next_due_day_follows_the_last_one_and_is_not_before_today(day: date, number: int):
    (_, last), following = last_due_days(day, number), next_due_day(day, number)
    assert last < day <= following
    assert last_due_days(following, number)[1] == last
