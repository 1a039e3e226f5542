"""Stories in which a closed period changed, or money counted twice, without a decision: each as short as it can be.

Belongs here: what random stories have found (see `model_based/test_stories`), with the figures that are right. Does not
belong here: single rules of late lines (see `test_late_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.decisions import (
    accept,
    book,
    reinstate,
    reinstate_late_lines,
    withdraw,
    withdraw_late_lines,
)
from finance_platform.deliveries.events import DecisionRecorded, PeriodStatusChanged, select_discovered
from finance_platform.deliveries.lines import read_lines
from finance_platform.deliveries.previews import preview_acceptance
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.verdicts.bookings import Booking, write_booking
from finance_platform.errors import DecisionError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.trace.published_lines import LineStore
from finance_platform.trace.source_file import find_versions
from finance_platform_tests.model_based.counted import counted_lines, sums
from finance_platform_tests.unit.zone import ADA, NOON, Line, Zone

JANUARY, FEBRUARY, MARCH = "2025-01", "2025-02", "2025-03"


class Feed:
    """The files of one feed, of which each is judged as soon as it is sent."""

    def __init__(self, path: Path) -> None:
        self.zone = Zone(path / "processed")
        self._sent: dict[str, Sequence[Line]] = {}

    def send(self, name: str, content: str, *sent: Line, **values: Any) -> str:
        """Send a file, and judge it; return why it waits, empty if it counts."""
        self.find(name, content, *sent, **values)
        return self.judge().get(f"{name}.csv", "")

    def find(self, name: str, content: str, *sent: Line, **values: Any) -> str:
        """Send a file and let a run find and read it that is killed then; return its delivery."""
        event = self.zone.deliver(f"{name}.csv", sent, content, **{"tolerated_removal": None, **values})
        self._sent[event.delivery_id] = sent
        return event.delivery_id

    def judge(self) -> dict[str, str]:
        """Judge what was found; return why files wait."""
        verdicts = self.zone.evaluate(holds_closed_periods=True)
        return {key: "; ".join(verdict.reasons) for key, verdict in verdicts.items() if verdict.reasons}

    def close(self, *periods: str) -> None:
        for period in periods:
            self.zone.append(PeriodStatusChanged("closed", period, "ada", "done", f"{period}-28T00:00:00+00:00"))

    def reopen(self, period: str) -> None:
        self.zone.append(PeriodStatusChanged("reopened", period, "ada", "late", "2025-06-01T00:00:00+00:00"))

    def book_as_before(self, delivery_id: str, closed: str, period: str, booking: str = "booked") -> None:
        """Accept a delivery, with its lines of a closed period booked in another one, as an earlier release did."""
        commit = read_commits(self.zone.store)[delivery_id]
        columns = [column.name for column in TRANSACTIONS.stored_columns]
        (table,) = read_lines(self.zone.store, commit, columns, {closed})
        changed = {"delivery_id": booking, "period": period, "posting_date": date.fromisoformat(f"{period}-01")}
        rows = [row | changed for row in table.to_pylist()]
        write_booking(self.zone.store, Booking(booking, commit, closed, period, rows))
        decision = DecisionRecorded("accepted", commit.object_key, delivery_id, *ADA.signed)
        self.zone.append(replace(decision, booked_in=period, bookings=((closed, booking),)))

    @property
    def published(self) -> dict[str, Decimal]:
        """The money that counts, by period."""
        return sums(counted_lines(self.zone.store, self.zone.state.live, self._sent), lambda line: line.period)


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


def deciding(hour: int) -> Author:
    """Return a person who decides at another time than before."""
    return Author("ada", "looked at it", NOON + timedelta(hours=hour))


def money(**amounts: int) -> dict[str, Decimal]:
    periods = {"january": JANUARY, "february": FEBRUARY, "march": MARCH}
    return {periods[name]: Decimal(amount) for name, amount in amounts.items()}


def test_a_key_that_a_correction_lacks_in_an_open_period_may_hide_a_line_of_a_closed_one(feed: Feed) -> None:
    """The line of January that another file has under this key would count again, whatever waits."""
    upsert: dict[str, Any] = {"load_mode": "upsert"}
    feed.send("b", "v1", Line("1"), Line("2", amount="5.00"), **upsert)
    feed.send("c", "w1", Line("1", MARCH), **upsert)
    feed.close(JANUARY)
    feed.send("b", "v2", Line("1", MARCH, amount="11.00"), Line("2", amount="6.00"), **upsert)
    assert feed.published == money(january=5, march=11)
    assert feed.send("c", "w2", Line("4", MARCH, amount="1.00"), **upsert).startswith("would restate 2025-01")
    assert feed.published == money(january=5, march=11)
    accept(feed.zone.store, "c.csv", ADA)
    assert feed.published == money(january=15, march=12)


def test_a_line_of_another_file_that_counts_again_is_not_booked_as_one_of_the_file_that_is_like_it(feed: Feed) -> None:
    feed.send("b", "v1", Line(), load_mode="replace_period")
    feed.send("c", "w1", Line(), load_mode="replace_period")
    feed.close(JANUARY)
    assert "lines count again" in feed.send("c", "w2", Line(), Line(period=MARCH), load_mode="append")
    with pytest.raises(DecisionError, match=r"c\.csv replaces lines of other files"):
        book(feed.zone.store, "c.csv", ADA)
    feed.send("b", "v1", Line(), load_mode="append")
    accept(feed.zone.store, "b.csv", ADA)
    assert feed.published == money(january=20)
    accept(feed.zone.store, "c.csv", ADA)
    assert feed.published == money(january=20, march=10)


def book_both_months(feed: Feed, **values: Any) -> list[Line]:
    """Book corrections of two closed months; return the first one as it was, and the second as it was booked."""
    feed.send("a", "v1", Line(), Line(period=FEBRUARY), **values)
    feed.close(JANUARY, FEBRUARY)
    feed.send("a", "v2", Line(amount="11.00"), Line(period=FEBRUARY, amount="15.00"), **values)
    if values["late_lines"] == "hold":
        book(feed.zone.store, "a.csv", ADA)
    assert feed.published == money(january=10, february=10, march=6)
    return [Line(scope="D1"), Line(period=FEBRUARY, scope="D1", amount="15.00")]


@pytest.mark.parametrize("late_lines", ["hold", "next_open_period"])
def test_a_booking_does_not_end_because_lines_that_it_has_come_again_under_another_scope(
    feed: Feed, late_lines: str
) -> None:
    values: dict[str, Any] = {"load_mode": "replace_period", "late_lines": late_lines}
    again = book_both_months(feed, **values)
    feed.send("a", "v3", *again, is_scoped=True, **values)
    if late_lines == "hold":
        assert feed.published == money(january=10, february=10, march=6)
        book(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(january=10, february=10, march=5)


@pytest.mark.parametrize("late_lines", ["hold", "next_open_period"])
def test_a_booking_does_not_end_because_lines_that_it_has_come_again_without_hashes(
    feed: Feed, late_lines: str
) -> None:
    """Only what the closed periods lack would be booked, and the file has what is booked of February already."""
    values: dict[str, Any] = {"load_mode": "replace_period", "late_lines": late_lines}
    delivery = feed.find("a", "v3", *book_both_months(feed, **values), is_scoped=True, **values)
    commit = read_commits(feed.zone.store)[delivery]  # as releases wrote it that knew no hashes of lines
    feed.zone.commit(replace(commit, periods=[replace(one, content="") for one in commit.periods]))
    assert feed.judge()["a.csv"].startswith("would restate 2025-01, 2025-02")
    with pytest.raises(DecisionError, match="would change 2025-02, closed, beside what is booked of it"):
        book(feed.zone.store, "a.csv", ADA)
    assert feed.published == money(january=10, february=10, march=6)
    accept(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(january=10, february=15)


def test_lines_that_a_person_accepted_do_not_wait_again_with_those_that_are_taken_back(feed: Feed) -> None:
    """Beside a file that counts in some periods alone, counts do not say that January stays as it is."""
    later = deciding(1)
    both = Line("1", FEBRUARY), Line("2"), Line("3", MARCH)
    feed.send("c", "v1", *both, load_mode="upsert")
    feed.send("b", "v1", *both, load_mode="upsert")
    accept(feed.zone.store, "b.csv", ADA)
    feed.close(JANUARY, FEBRUARY)
    again = Line("1", FEBRUARY), Line("2", amount="2.00"), Line("3", MARCH, amount="9.00")
    feed.send("c", "v2", *again, load_mode="upsert")
    withdraw_late_lines(feed.zone.store, "c.csv", ADA)
    reinstate_late_lines(feed.zone.store, "c.csv", later)
    accept(feed.zone.store, "c.csv", later, [JANUARY])
    assert feed.judge() == {}  # the line of February is that of the other file
    assert feed.published == money(january=2, february=10, march=9)
    assert list(feed.zone.state.inactive) == []


def test_lines_of_a_period_that_is_opened_again_wait_alone_if_they_would_change_an_accepted_one(feed: Feed) -> None:
    """The line of February would replace one of January, where the file counts by a decision."""
    feed.send("c", "v1", Line("1"), Line("5", MARCH), load_mode="upsert", order="2")
    feed.close(JANUARY, FEBRUARY)
    corrected = Line("1", amount="2.00"), Line("9", FEBRUARY), Line("5", MARCH, amount="6.00")
    feed.send("c", "v2", *corrected, load_mode="upsert", order="2")
    accept(feed.zone.store, "c.csv", ADA, [JANUARY])
    feed.send("b", "w", Line("9", amount="4.00"), load_mode="upsert", order="1")
    accept(feed.zone.store, "b.csv", ADA)
    feed.reopen(FEBRUARY)
    assert feed.judge()["c.csv"].startswith("would restate 2025-01, which is closed: Actual -4.00")
    assert feed.published == money(january=6, march=6)
    accept(feed.zone.store, "c.csv", ADA)
    assert feed.published == money(january=2, february=10, march=6)


def test_a_withdrawal_that_is_undone_is_judged_again_if_other_lines_count_by_now(feed: Feed) -> None:
    """What is booked of it is the difference to the lines of January that counted then."""
    feed.send("a", "v1", Line("0"), Line("1", FEBRUARY, amount="7.00"), load_mode="upsert")
    feed.close(JANUARY)
    feed.send("a", "v2", Line("0"), Line("2", amount="5.00"), Line("1", FEBRUARY, amount="8.00"), load_mode="upsert")
    feed.send("a", "v3", Line("1", FEBRUARY, amount="9.00"), load_mode="upsert")
    book(feed.zone.store, "a.csv", ADA)
    assert feed.published == money(january=10, february=-1)
    withdraw(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    feed.reopen(JANUARY)
    feed.judge()
    assert feed.published == money(january=15, february=8)
    reinstate(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert feed.published == money(january=15, february=8)
    assert [one.delivery_id for one in feed.zone.state.awaiting_verdict] == ["a.csv@v3"]
    assert feed.judge() == {}
    assert feed.published == money(february=9)


@pytest.mark.parametrize("is_removed", [False, True], ids=["kept", "removed"])
def test_the_version_before_does_not_count_while_an_undone_withdrawal_is_judged_again(
    feed: Feed, *, is_removed: bool
) -> None:
    """The correction had replaced it before the withdrawal, so that `vacuum` may have removed it."""
    feed.send("a", "v1", Line("1"), load_mode="upsert")
    feed.send("a", "v2", Line("1", amount="12.00"), load_mode="upsert")
    if is_removed:
        feed.zone.store.delete("deliveries/a.csv@v1.json")
    withdraw(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    feed.send("b", "w1", Line("2", MARCH), load_mode="upsert")
    feed.close(JANUARY)
    feed.send("b", "w2", Line("2", MARCH), Line("1", amount="20.00"), load_mode="upsert")
    book(feed.zone.store, "b.csv", ADA)
    feed.reopen(JANUARY)
    before = money(february=20, march=10)
    assert feed.published == before
    reinstate(feed.zone.store, "a.csv", deciding(1), holds_closed_periods=True)
    assert [one.delivery_id for one in feed.zone.state.awaiting_verdict] == ["a.csv@v2"]
    assert (feed.published, feed.zone.state.missing) == (before, [])
    feed.judge()
    assert feed.zone.state.missing == []


@pytest.mark.parametrize("is_removed", [False, True], ids=["kept", "removed"])
def test_the_version_before_does_not_count_where_lines_of_withdrawn_content_that_was_found_again_wait(
    feed: Feed, *, is_removed: bool
) -> None:
    feed.send("a", "v1", Line("1"), Line("2", FEBRUARY, amount="7.00"))
    correction = Line("1", amount="12.00"), Line("2", FEBRUARY, amount="8.00")
    feed.send("a", "v2", *correction)
    if is_removed:
        feed.zone.store.delete("deliveries/a.csv@v1.json")
    withdraw(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    feed.close(JANUARY)
    assert "only its lines of 2025-01 wait" in feed.send("a", "v2", *correction)
    reinstate(feed.zone.store, "a.csv", deciding(1), holds_closed_periods=True)
    assert (feed.published, feed.zone.state.missing) == (money(february=8), [])
    assert [one.late_periods for one in feed.zone.state.inactive] == [(JANUARY,)]
    accept(feed.zone.store, "a.csv", deciding(2))
    assert feed.published == money(january=12, february=8)


@pytest.mark.parametrize("is_read", [True, False], ids=["read and not judged", "not read"])
def test_a_file_that_was_found_before_a_withdrawal_and_not_judged_counts_with_the_next_run(
    feed: Feed, *, is_read: bool
) -> None:
    """The person saw the version before; a run that was killed had found the newer one."""
    feed.send("a", "v1", Line("1"))
    found = feed.find("a", "v2", Line("1", amount="9.00"))
    commit = read_commits(feed.zone.store)[found]
    if not is_read:
        feed.zone.store.delete(f"deliveries/{found}.json")
    withdraw(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert feed.published == {}
    feed.zone.commit(commit)
    assert feed.judge() == {}
    assert feed.published == money(january=9)
    withdraw(feed.zone.store, "a.csv", deciding(1), holds_closed_periods=True)
    feed.judge()
    assert feed.published == {}


def test_a_withdrawal_of_an_earlier_release_leaves_nothing_to_the_next_run(feed: Feed) -> None:
    """Else a period that was closed since would get the lines."""
    feed.send("a", "v1", Line("1"))
    feed.find("a", "v2", Line("1", amount="9.00"))
    feed.zone.append(DecisionRecorded("withdrawn", "a.csv", "a.csv@v1", "ada", "wrong", "2025-06-01T12:00:00+00:00"))
    feed.judge()
    assert feed.published == {}


def test_a_booking_of_an_earlier_release_with_a_line_of_another_file_does_not_let_that_file_count_twice(
    feed: Feed,
) -> None:
    feed.send("b", "v1", Line(), load_mode="replace_period")
    feed.send("c", "w1", Line(), load_mode="replace_period")
    feed.close(JANUARY)
    feed.send("c", "w2", Line(), Line(period=MARCH), load_mode="append")
    feed.book_as_before("c.csv@w2", JANUARY, FEBRUARY)
    booked = money(january=10, february=10, march=10)
    feed.send("b", "v1", Line(), load_mode="append")
    would_count_twice = r"lines of 2025-01 would count twice or not at all beside those of c\.csv that are booked"
    for decide in (preview_acceptance, lambda store, key: accept(store, key, ADA)):
        with pytest.raises(DecisionError, match=would_count_twice):
            decide(feed.zone.store, "b.csv")
    assert feed.published == booked
    withdraw(feed.zone.store, "c.csv", ADA, holds_closed_periods=True)
    feed.judge()
    accept(feed.zone.store, "b.csv", ADA)
    assert feed.published == money(january=20)


def test_withdrawals_of_two_versions_are_undone_in_turn_although_the_file_was_found_again(feed: Feed) -> None:
    feed.send("a", "v1", Line(), Line(period=MARCH))
    feed.close(JANUARY)
    for nth, content in enumerate(("v2", "v3"), start=1):
        corrected = Line(amount=f"{10 + nth}.00"), Line(period=MARCH, amount=f"{10 + nth}.00")
        feed.send("a", content, *corrected)
        book(feed.zone.store, "a.csv", deciding(nth))
    booked = feed.published
    for nth in (3, 4):
        withdraw(feed.zone.store, "a.csv", deciding(nth), holds_closed_periods=True)
    assert feed.published == money(january=10, march=10)
    feed.send("a", "v3", *corrected)
    assert [one.commit.delivery_id for one in feed.zone.state.withdrawn] == ["a.csv@v3", "a.csv@v2"]
    for nth in (5, 6):
        reinstate(feed.zone.store, "a.csv", deciding(nth), holds_closed_periods=True)
    # The one that was found again is judged again, beside what is booked of the other one.
    assert feed.published == money(january=10, february=1, march=12)
    book(feed.zone.store, "a.csv", deciding(7))
    assert feed.published == booked


BY_SCOPE, BY_KEY = {"load_mode": "replace_period", "is_scoped": True}, {"load_mode": "upsert"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("all", BY_SCOPE), ("D1", BY_SCOPE)),
        (("1", BY_KEY), ("1 D1", BY_KEY)),
        (("", {"load_mode": "replace_period"}), ("D1", BY_SCOPE)),
        (("", {"load_mode": "replace_period"}), ("1", BY_KEY)),
        (("1", BY_KEY), ("", {"load_mode": "replace_period"})),
    ],
    ids=["scope", "key", "from periods to scopes", "from periods to keys", "from keys to periods"],
)
def test_a_copy_that_is_held_after_a_change_of_load_does_not_count_again(
    feed: Feed, before: tuple[str, dict[str, Any]], after: tuple[str, dict[str, Any]]
) -> None:
    """Its lines were replaced by a later file, and so will be those of the file that has the same ones."""
    for rules, (name, values) in enumerate((before, after)):
        line = Line(name or None, scope=name or None)
        files = {"c": [line], "a": [line], "b": [line, Line(f"n{name}", scope=name or None, amount="5.00")]}
        for file, of_file in files.items():
            content = "w" if file == "b" else "v"
            feed.find(file, content, *of_file, delivery_id=f"{file}@{rules}", **values)
            if rules == 0:
                feed.judge()
            if (file, rules) == ("a", 0):
                accept(feed.zone.store, "a.csv", ADA)
        assert rules or feed.published == money(january=15)
    feed.judge()
    assert feed.published == money(january=15)


def test_a_content_that_comes_back_and_is_held_does_not_wait_for_a_period_of_then(feed: Feed) -> None:
    """Each run would judge it again, and say that the period was opened again."""
    sent = Line("1"), Line("2", FEBRUARY)
    feed.close(JANUARY)
    feed.send("a", "v1", *sent)
    feed.send("a", "v2", Line("2", FEBRUARY))
    feed.reopen(JANUARY)
    feed.send("b", "v1", *sent)
    assert feed.send("a", "v1", *sent) == "the same content as b.csv, which counts already"
    assert [one.reason for one in feed.zone.state.inactive] == ["the same content as b.csv, which counts already"]
    assert not feed.zone.state.waiting


@pytest.mark.parametrize("is_after_others", [False, True])
@pytest.mark.parametrize("is_read", [True, False], ids=["read and not judged", "not read"])
def test_the_same_bytes_that_a_killed_run_has_read_again_are_withdrawn_with_the_file(
    feed: Feed, *, is_read: bool, is_after_others: bool
) -> None:
    """The next run would let them count, and the next release would take them out again."""
    feed.send("b", "v1", Line("1"), Line("2", MARCH))
    feed.close(JANUARY)
    again = {"fingerprint": "v2", "reads_again": "b.csv@v2"}
    sent = Line("2", MARCH, amount="7.00"), Line("3", FEBRUARY, amount="5.00")
    feed.send("b", "v2", *sent)
    book(feed.zone.store, "b.csv", ADA)
    booked = feed.published
    assert booked == money(january=10, february=-5, march=7)
    if is_after_others:
        feed.find("b", "v3", Line("1"))
    found = feed.find("b", "v2 again", *sent, **again)
    commit = read_commits(feed.zone.store)[found]
    if not is_read:
        feed.zone.store.delete(f"deliveries/{found}.json")
    withdraw(feed.zone.store, "b.csv", deciding(1), holds_closed_periods=True)
    feed.judge()
    assert feed.published == money(january=10, march=10)
    assert [*feed.zone.state.pending, *feed.zone.state.awaiting_verdict] == []
    assert not feed.zone.unread
    discovered = select_discovered(Register(feed.zone.store).events())
    versions = find_versions(
        LineStore(feed.zone.store, read_commits(feed.zone.store), discovered, feed.zone.state), (), "b.csv"
    )
    assert {one.delivery_id: one.state for one in versions}[found] == "withdrawn with its file"
    reinstate(feed.zone.store, "b.csv", deciding(2), holds_closed_periods=True)
    assert list(feed.zone.unread) == [found]
    feed.zone.commit(commit)
    assert feed.published == booked
    feed.judge()
    assert feed.published == booked
    assert not feed.zone.unread
    assert [one.delivery_id for one in feed.zone.state.live if not one.booked_from] == ["b.csv@v1", found]


def test_a_withdrawal_is_not_undone_beside_a_booking_that_has_ended_since(feed: Feed) -> None:
    """The file came back while its lines were booked, so it has no booking of its own, and they would count nowhere."""
    feed.send("a", "v1", Line("1"), Line("2", MARCH))
    feed.close(JANUARY)
    booked = Line("1", amount="12.00"), Line("2", MARCH, amount="7.00")
    feed.send("a", "v2", *booked)
    book(feed.zone.store, "a.csv", ADA)
    feed.send("a", "v3", Line("1", amount="11.00"), Line("2", MARCH))
    assert feed.send("a", "v2", *booked) == ""
    assert feed.published == money(january=10, february=2, march=7)
    withdraw(feed.zone.store, "a.csv", deciding(1), holds_closed_periods=True)
    accept(feed.zone.store, "a.csv", deciding(2))
    assert feed.published == money(january=11, march=10)
    reinstate(feed.zone.store, "a.csv", deciding(3), holds_closed_periods=True)
    assert feed.published == money(january=11, march=10)
    assert feed.judge()["a.csv"].startswith("would restate 2025-01, which is closed: Actual 1.00")
    assert feed.published == money(january=11, march=7)


def test_a_version_that_would_count_again_before_another_file_is_not_brought_back_in_a_closed_period(
    feed: Feed,
) -> None:
    """The version before has the same line of February, but the line of the other file, which came later, counts."""
    sent = [Line("1", FEBRUARY, amount="3.00"), Line("2", MARCH)]
    feed.send("b", "v1", *sent, load_mode="upsert")
    feed.send("a", "w", Line("1", FEBRUARY, amount="9.00"), load_mode="upsert")
    feed.close(JANUARY)
    feed.send("b", "v2", *sent, Line("3", amount="5.00"), load_mode="upsert")
    withdraw_late_lines(feed.zone.store, "b.csv", ADA)
    assert feed.published == money(february=3, march=10)
    feed.close(FEBRUARY)
    with pytest.raises(DecisionError, match=r"without b\.csv, 2025-02, closed, would have other lines"):
        withdraw(feed.zone.store, "b.csv", ADA, holds_closed_periods=True)
    feed.reopen(FEBRUARY)
    withdraw(feed.zone.store, "b.csv", ADA, holds_closed_periods=True)
    assert feed.published == money(february=9, march=10)
    feed.close(FEBRUARY)
    with pytest.raises(DecisionError, match=r"with b\.csv, 2025-02, closed, would have other lines"):
        reinstate(feed.zone.store, "b.csv", ADA, holds_closed_periods=True)


def test_a_withdrawal_is_undone_although_another_file_has_the_same_lines_of_a_closed_period(feed: Feed) -> None:
    """Before and after it the version before counts in other periods, and the other file replaces it in both."""
    by_scope = {"load_mode": "replace_period", "is_scoped": True}
    january, february = Line("1", scope="D1"), Line("2", FEBRUARY, scope="D1")
    feed.send("b", "v1", january, february, **by_scope)
    feed.send("a", "w", january, february, **by_scope)
    feed.close(JANUARY)
    feed.send("b", "v2", replace(january, amount="12.00"), february, Line("3", MARCH, scope="D1"), **by_scope)
    feed.close(FEBRUARY)
    before = feed.zone.state.live
    withdraw(feed.zone.store, "b.csv", deciding(1), holds_closed_periods=True)
    assert [one.delivery_id for one in feed.zone.state.live] == ["b.csv@v1", "a.csv@w"]
    reinstate(feed.zone.store, "b.csv", deciding(2), holds_closed_periods=True)
    assert feed.zone.state.live == before
    assert feed.published == money(january=10, february=10, march=10)


def test_a_file_of_which_the_acceptance_would_make_a_booking_wrong_waits_for_the_other_file(feed: Feed) -> None:
    """Without its lines in the first feed, those count of which the other file has booked that they do not."""
    feed.send("a", "v1", Line("1"), load_mode="upsert")
    feed.send("b", "w1", Line("2", amount="9.00"), load_mode="replace_period")
    accept(feed.zone.store, "b.csv", ADA)
    feed.close(JANUARY)
    feed.send("a", "v1", Line("1"), load_mode="replace_period", rules="of another load", delivery_id="a.csv@2")
    book(feed.zone.store, "a.csv", ADA)
    assert feed.published == money(january=19, february=-10)
    waits = feed.send("b", "w2", Line("2", amount="8.00"), load_mode="replace_period", feed="journal")
    assert waits.endswith(
        "lines of 2025-01 would count twice or not at all beside those of a.csv that are booked in a later period"
    )
    (held,) = feed.zone.state.inactive
    assert "finance-platform accept" not in held.fix
    with pytest.raises(DecisionError, match=r"b\.csv cannot be published yet"):
        accept(feed.zone.store, "b.csv", ADA)
    withdraw(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert feed.judge()["b.csv"].startswith("would restate 2025-01, which is closed")
    accept(feed.zone.store, "b.csv", ADA)
    assert feed.published == money(january=18)


def test_a_withdrawal_is_undone_beside_a_booking_of_a_file_with_one_of_its_keys(feed: Feed) -> None:
    """The line with that key is in an open period, and the correction, which came later, replaces it."""
    march = Line("2", MARCH)
    feed.send("a", "v1", Line("1"), march, load_mode="upsert")
    feed.send("b", "w", replace(march, amount="7.00"), Line("3", MARCH, amount="5.00"), load_mode="upsert")
    feed.close(JANUARY)
    withdraw(feed.zone.store, "b.csv", deciding(1), holds_closed_periods=True)
    feed.send("a", "v2", Line("1", amount="12.00"), march, load_mode="upsert")
    book(feed.zone.store, "a.csv", deciding(2))
    assert feed.published == money(january=10, february=2, march=10)
    reinstate(feed.zone.store, "b.csv", deciding(3), holds_closed_periods=True)
    assert feed.published == money(january=10, february=2, march=15)
    withdraw(feed.zone.store, "b.csv", deciding(4), holds_closed_periods=True)
    assert feed.published == money(january=10, february=2, march=10)


def test_nothing_is_lost_because_a_key_has_further_fields(feed: Feed) -> None:
    """Each line has another key then; a file that has fewer lines, too, is held as before."""
    values: dict[str, Any] = {"load_mode": "upsert", "tolerated_removal": "0.1", "keyed_by": "transaction_id"}
    feed.send("a", "v1", *(Line(str(nth)) for nth in range(5)), **values)
    values |= {"keyed_by": "transaction_id department"}
    same = [Line(f"{nth} D1") for nth in range(5)]
    assert feed.send("a", "v1", *same, delivery_id="a@1", **values) == ""
    assert "would lose 2 of 5 lines" in feed.send("a", "v2", *same[:3], **values)
    values |= {"keyed_by": "transaction_id account"}
    assert "would lose 1 of 5 lines" in feed.send("a", "v3", *(Line(f"{nth} 4000") for nth in range(4)), **values)
    assert feed.published == money(january=50)


def test_a_line_that_no_file_replaces_while_files_are_judged_is_not_lost(feed: Feed) -> None:
    """Under another scope, the first file is judged beside the second one as it was read before: four lines count."""
    values: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True, "tolerated_removal": "0.1"}
    files = {"a": [Line(amount="10.00"), Line(amount="11.00")], "b": [Line(amount="12.00"), Line(amount="13.00")]}
    for scope, fields in (("D1", "department"), ("D1 4000", "department account")):
        for name, sent in files.items():
            of_scope = [replace(line, scope=scope) for line in sent]
            feed.find(name, name, *of_scope, delivery_id=f"{name} {scope}", keyed_by=fields, **values)
        assert feed.judge() == {}
        assert feed.published == money(january=25)
    assert {one.delivery_id for one in feed.zone.state.live} == {"a D1 4000", "b D1 4000"}


def test_late_lines_of_a_version_that_was_found_again_are_judged_when_their_period_opens(feed: Feed) -> None:
    """A killed run had found it again, and then a newer version came, which is held."""
    feed.send("b", "v1", Line(), Line(period=MARCH))
    feed.close(JANUARY)
    corrected = Line(amount="12.00"), Line(period=MARCH, amount="7.00")
    assert "only its lines of 2025-01 wait" in feed.send("b", "v2", *corrected)
    feed.find("b", "v2", *corrected, etag="of a copy")
    held = {"commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
    assert "is it UTF-8?" in feed.send("b", "v3", Line(amount="13.00"), Line(period=MARCH), **held)
    feed.reopen(JANUARY)
    feed.judge()
    assert feed.published == money(january=12, march=7)
    assert [one.event.delivery_id for one in feed.zone.state.inactive] == ["b.csv@v3"]


def test_a_content_that_comes_back_is_booked_although_its_late_lines_were_judged_when_their_period_opened(
    feed: Feed,
) -> None:
    """The line of February would be lost: neither there, nor booked in March."""
    sent = Line("1", amount="5.00"), Line("2", MARCH)
    feed.send("b", "v1", Line("2", MARCH, amount="9.00"))
    feed.close(JANUARY)
    feed.send("b", "v2", *sent)
    feed.reopen(JANUARY)
    feed.judge()
    feed.send("b", "v3", Line("1", FEBRUARY, amount="7.00"))
    feed.close(FEBRUARY)
    assert feed.send("b", "v2", *sent, late_lines="next_open_period") == ""
    assert feed.published == money(january=5, february=7, march=3)


def test_lines_of_a_closed_month_that_another_file_repeats_under_their_keys_do_not_wait(feed: Feed) -> None:
    """An export of the year to date has the lines of closed months again; of one that differs, the month waits."""
    upsert: dict[str, Any] = {"load_mode": "upsert"}
    january = [Line("1"), Line("2", amount="3.00")]
    feed.send("2025-01", "v1", *january, **upsert)
    feed.close(JANUARY)
    assert feed.send("2025-02", "v2", *january, Line("3", FEBRUARY), **upsert) == ""
    assert feed.published == money(january=13, february=10)
    feed.close(FEBRUARY)
    year_to_date = [january[0], Line("2", amount="4.00"), Line("3", FEBRUARY), Line("4", MARCH)]
    assert feed.send("2025-03", "v3", *year_to_date, **upsert) == (
        "would restate 2025-01, which is closed: Actual 1.00; only its lines of 2025-01 wait"
    )
    assert feed.published == money(january=13, february=10, march=10)
    accept(feed.zone.store, "2025-03.csv", ADA)
    assert feed.published == money(january=14, february=10, march=10)


def test_late_lines_are_judged_after_a_newer_version_that_repeats_what_is_booked(feed: Feed) -> None:
    """Else the booking of the version before them would end, and the newer one would say that it has its lines."""
    first = Line("1"), Line("2", FEBRUARY, amount="5.00")
    feed.send("b", "v1", *first)
    feed.close(FEBRUARY)
    feed.send("b", "v2", Line("1", amount="8.00"))
    feed.find("b", "v1", *first)
    book(feed.zone.store, "b.csv", ADA, [FEBRUARY])
    feed.judge()
    feed.reopen(FEBRUARY)
    feed.send("b", "v3", Line("1", amount="9.00"))
    assert feed.published == money(january=9, february=5, march=-5)
    assert list(feed.zone.state.waiting) == []


def test_a_file_that_only_repeats_lines_of_a_closed_month_can_be_withdrawn_and_taken_back(feed: Feed) -> None:
    upsert: dict[str, Any] = {"load_mode": "upsert"}
    january = [Line("1"), Line("2", amount="3.00")]
    feed.send("2025-01", "v1", *january, **upsert)
    feed.close(JANUARY)
    feed.send("2025-02", "v2", *january, Line("3", FEBRUARY), **upsert)
    withdraw(feed.zone.store, "2025-02.csv", ADA, holds_closed_periods=True)
    feed.judge()
    assert feed.published == money(january=13)
    with pytest.raises(DecisionError, match=r"2025-01\.csv has lines in 2025-01, a closed period"):
        withdraw(feed.zone.store, "2025-01.csv", ADA, holds_closed_periods=True)
    reinstate(feed.zone.store, "2025-02.csv", ADA, holds_closed_periods=True)
    feed.judge()
    assert feed.published == money(january=13, february=10)


def _file_that_was_withdrawn_before_its_key_was_booked(feed: Feed, *, is_corrected: bool) -> None:
    """Let `a` have a line of March with the key of a line of February that was booked of `c` since."""
    upsert: dict[str, Any] = {"load_mode": "upsert"}
    feed.send("a", "v1", Line("1"), **upsert)
    feed.close(JANUARY, FEBRUARY)
    sent = Line("1", amount="12.00"), Line("2", MARCH)
    assert "only its lines of 2025-01 wait" in feed.send("a", "v2", *sent, **upsert)
    if is_corrected:
        held = {"commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
        feed.send("a", "v3", Line("1", amount="11.00"), Line("2", MARCH), **upsert, **held)
        withdraw(feed.zone.store, "a.csv", deciding(1), holds_closed_periods=True)
    withdraw(feed.zone.store, "a.csv", deciding(2), holds_closed_periods=True)
    feed.send("c", "v1", Line("2", FEBRUARY, amount="5.00"), Line("3", MARCH, amount="1.00"), **upsert)
    book(feed.zone.store, "c.csv", ADA)
    assert feed.published == money(january=10, march=6)


def test_a_file_that_counted_in_part_is_judged_again_if_its_key_in_an_open_period_was_booked_since(feed: Feed) -> None:
    """Else its line of March would count beside the booked one, which has the same key and replaces it."""
    _file_that_was_withdrawn_before_its_key_was_booked(feed, is_corrected=False)
    reinstate(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert feed.published == money(january=10, march=6)
    assert feed.judge()["a.csv"].startswith("has keys of c.csv, whose late lines are booked in a later period")
    assert feed.published == money(january=10, march=6)


def test_a_version_is_not_taken_back_beside_a_booking_that_has_its_key_of_an_open_period(feed: Feed) -> None:
    _file_that_was_withdrawn_before_its_key_was_booked(feed, is_corrected=True)
    with pytest.raises(DecisionError, match=r"lines of 2025-03 would count twice .* beside those of c\.csv") as refused:
        reinstate(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert refused.value.fix.startswith("withdraw c.csv first")
    assert feed.published == money(january=10, march=6)
    withdraw(feed.zone.store, "c.csv", ADA, holds_closed_periods=True)
    reinstate(feed.zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert feed.published == money(january=10, march=10)


def test_late_lines_that_a_person_withdrew_are_not_booked_once_the_feed_books_late_lines(feed: Feed) -> None:
    feed.send("a", "v1", Line("2", MARCH))
    feed.close(JANUARY)
    sent = Line("1", amount="5.00"), Line("2", MARCH), Line("3", MARCH, amount="1.00")
    assert "only its lines of 2025-01 wait" in feed.send("a", "v2", *sent)
    withdraw_late_lines(feed.zone.store, "a.csv", ADA)
    assert "waits" not in feed.send("a", "v2", *sent, late_lines="next_open_period")
    assert feed.published == money(march=11)
    assert [one.late for one in feed.zone.state.withdrawn] == [((JANUARY,),)]
    reinstate_late_lines(feed.zone.store, "a.csv", ADA)
    feed.judge()
    assert feed.published == money(february=5, march=11)


def test_a_line_of_two_files_is_booked_once_if_one_of_them_was_withdrawn_in_part(feed: Feed) -> None:
    """Both replace the lines of a period, so the line counts once there."""
    replacing: dict[str, Any] = {"load_mode": "replace_period"}
    for name in "ac":
        feed.send(name, "v1", Line("2", MARCH), **replacing)
    feed.close(JANUARY)
    sent = Line("1", amount="5.00"), Line("2", MARCH, amount="9.00")
    feed.send("a", "v2", *sent, **replacing)
    withdraw_late_lines(feed.zone.store, "a.csv", ADA)
    feed.send("c", "w2", *sent, **replacing)
    for name, content in (("a", "v2"), ("c", "w2")):
        feed.find(name, content, *sent, **replacing, late_lines="next_open_period")
    feed.judge()
    assert feed.published == money(february=5, march=9)
    assert [one.event.object_key for one in feed.zone.state.withdrawn] == ["a.csv"]


def test_a_withdrawn_file_is_taken_back_beside_bookings_of_a_version_that_came_since(feed: Feed) -> None:
    """The lines of January are booked, so the first version, which was withdrawn with them, does not count there."""
    upsert: dict[str, Any] = {"load_mode": "upsert", "late_lines": "next_open_period"}
    january = Line("1"), Line("2", amount="4.00")
    feed.send("c", "v1", *january, Line("3", MARCH), **upsert)
    feed.close(JANUARY)
    feed.send("c", "v5", *january, Line("3", MARCH, amount="9.00"), **upsert)
    feed.send("c", "v1", *january, Line("3", MARCH), **upsert)
    feed.reopen(JANUARY)
    withdraw(feed.zone.store, "c.csv", ADA, holds_closed_periods=True)
    feed.judge()
    feed.close(JANUARY)
    feed.send("c", "v3", *january, Line("3", MARCH, amount="3.00"), **upsert)
    feed.reopen(JANUARY)
    feed.send("c", "v1", *january, Line("3", MARCH), **upsert)
    assert feed.published == money(february=14, march=3)
    reinstate(feed.zone.store, "c.csv", ADA, holds_closed_periods=True)
    assert feed.published == money(february=14, march=10)
    assert feed.judge() == {}
    assert feed.published == money(february=14, march=10)


def test_what_a_feed_has_too_much_does_not_excuse_what_another_one_lacks(feed: Feed) -> None:
    replaces, appends = ({"load_mode": load_mode} for load_mode in ("replace_period", "append"))
    other: dict[str, Any] = {"feed": "journal"}
    feed.send("b", "v1", Line(), **replaces)
    feed.send("c", "w1", Line(), **replaces)
    feed.send("e", "v1", Line(amount="-10.00"), **replaces, **other)
    feed.send("f", "w1", Line(amount="-10.00"), **replaces, **other)
    feed.close(JANUARY)
    feed.send("c", "w2", Line(), Line(period=MARCH), **appends)
    feed.book_as_before("c.csv@w2", JANUARY, FEBRUARY)
    feed.send("f", "w2", Line(amount="-10.00"), Line(period=MARCH), **appends, **other)
    feed.book_as_before("f.csv@w2", JANUARY, FEBRUARY, booking="of the journal")
    feed.send("e", "v1", Line(amount="-10.00"), **appends, **other)
    feed.zone.append(DecisionRecorded("accepted", "e.csv", "e.csv@v1", *ADA.signed))  # as an earlier release did
    feed.send("b", "v1", Line(), **appends)
    with pytest.raises(DecisionError, match=r"lines of 2025-01 would count twice .* beside those of c\.csv that"):
        accept(feed.zone.store, "b.csv", ADA)


@pytest.mark.parametrize("of_feed", ["ledger", "journal"])
def test_a_withdrawal_is_not_undone_beside_the_same_lines_although_a_booked_file_has_moved(
    feed: Feed, of_feed: str
) -> None:
    """The booking of a moved file is right in both feeds together: it excuses no other one."""
    upsert: dict[str, Any] = {"load_mode": "upsert"}
    feed.send("a", "v1", Line("1"), **upsert)
    feed.send("c", "v1", Line("3", MARCH), **upsert)
    feed.close(JANUARY)
    feed.send("a", "v2", Line("1", amount="12.00"), **upsert)
    book(feed.zone.store, "a.csv", ADA)
    feed.send("a", "v2", Line("1", amount="12.00"), delivery_id=f"a@v2 {of_feed}", feed=of_feed, **upsert)
    assert feed.published == money(january=10, february=2, march=10)
    feed.send("c", "v2", Line("2", amount="5.00"), Line("3", MARCH, amount="8.00"), **upsert)
    feed.send("c", "v3", Line("2", amount="5.00"), Line("3", MARCH, amount="9.00"), **upsert)
    book(feed.zone.store, "c.csv", ADA)
    assert feed.published == money(january=10, february=7, march=9)
    withdraw(feed.zone.store, "c.csv", deciding(1), holds_closed_periods=True)
    accept(feed.zone.store, "c.csv", deciding(2))
    accepted = money(january=15, february=2, march=8)
    assert feed.published == accepted
    reinstate(feed.zone.store, "c.csv", deciding(3), holds_closed_periods=True)
    assert feed.published == accepted
    feed.judge()
    assert feed.published == money(january=15, february=2, march=9)


@pytest.mark.parametrize("load_mode", ["append", "upsert", "replace_period"])
def test_a_copy_of_a_file_whose_late_lines_wait_does_not_count_in_open_periods(feed: Feed, load_mode: str) -> None:
    feed.send("a", "v1", Line("1"), Line("3", MARCH), load_mode=load_mode)
    feed.close(JANUARY)
    corrected = Line("1", amount="11.00"), Line("3", MARCH, amount="12.00")
    assert "only its lines of 2025-01 wait" in feed.send("a", "v2", *corrected, load_mode=load_mode)
    assert feed.send("b", "v2", *corrected, load_mode=load_mode).startswith("the same content as a.csv")
    assert feed.published == money(january=10, march=12)


@pytest.mark.parametrize("before", ["upsert", "replace_period"])
def test_a_copy_does_not_count_beside_a_file_that_waits_to_be_read_under_append(feed: Feed, before: str) -> None:
    """Under `append` the copy replaces nothing, whatever the load under which the other file counts."""
    sent = Line("1"), Line("2", MARCH), Line("3", MARCH, amount="3.00")
    feed.send("a", "v1", *sent, load_mode=before)
    held = {"commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
    feed.send("a", "v1", *sent, delivery_id="a.csv@append", **held)
    assert "has the same lines as a.csv" in feed.send("b", "w1", *sent[::-1])
    assert feed.published == money(january=10, march=13)


def test_late_lines_of_an_opened_period_are_judged_although_their_file_was_found_again_and_is_held(feed: Feed) -> None:
    """Else the status says that the next run judges them, and the period cannot be closed before."""
    tolerance = {"tolerated_removal": "0.5"}
    feed.send("a", "v1", Line("1", FEBRUARY), Line("3", MARCH))
    feed.close(FEBRUARY)
    sent = Line("3", MARCH, amount="5.00")
    assert "only its lines of 2025-02 wait" in feed.send("a", "v2", sent, **tolerance)
    feed.find("a", "v2", sent, late_lines="next_open_period", **tolerance)
    feed.reopen(FEBRUARY)
    assert "would lose 1 of 1 lines" in feed.judge()["a.csv"]
    assert [one.late for one in feed.zone.state.inactive if one.reopened] == []
    assert feed.published == money(february=10, march=5)
    accept(feed.zone.store, "a.csv", ADA)
    assert feed.published == money(march=5)
    assert list(feed.zone.state.inactive) == []


REPLACING: dict[str, Any] = {"load_mode": "replace_period"}


def book_another_file(feed: Feed) -> None:
    """Close February, and book a late line in March: files that replace these periods wait for that file."""
    feed.send("b", "w1", Line("6", MARCH, amount="4.00"), **REPLACING)
    feed.close(FEBRUARY)
    feed.send("b", "w2", Line("5", FEBRUARY, amount="6.00"), Line("6", MARCH, amount="4.00"), **REPLACING)
    book(feed.zone.store, "b.csv", ADA)


def test_late_lines_are_judged_beside_their_file_that_waits_as_its_descriptor_is_now(feed: Feed) -> None:
    feed.send("a", "v1", Line("1", FEBRUARY), Line("3", MARCH))
    book_another_file(feed)
    sent = Line("1", FEBRUARY, amount="12.00"), Line("3", MARCH, amount="11.00")
    assert "only its lines of 2025-02 wait" in feed.send("a", "v2", *sent)
    assert "replaces periods of b.csv" in feed.send("a", "v2", *sent, **REPLACING)
    feed.reopen(FEBRUARY)
    feed.judge()
    assert feed.published == money(february=12, march=21)
    assert [(one.late, one.reopened) for one in feed.zone.state.inactive] == [((), ())]
    assert feed.judge() == {}
    withdraw(feed.zone.store, "b.csv", ADA)
    feed.judge()
    assert feed.published == money(february=12, march=11)
    assert list(feed.zone.state.inactive) == []


def test_late_lines_are_accepted_alone_beside_their_file_that_cannot_be(feed: Feed) -> None:
    feed.send("a", "v1", Line("1", FEBRUARY), Line("3", MARCH))
    book_another_file(feed)
    sent = Line("1", FEBRUARY, amount="12.00"), Line("3", MARCH, amount="11.00")
    assert "only its lines of 2025-02 wait" in feed.send("a", "v2", *sent)
    assert "replaces periods of b.csv" in feed.send("a", "v2", *sent, **REPLACING)
    with pytest.raises(DecisionError, match="cannot be published yet") as refused:
        accept(feed.zone.store, "a.csv", ADA)
    assert (
        "`finance-platform accept a.csv --period 2025-02 --why TEXT` accepts its late lines alone" in refused.value.fix
    )
    assert sum(row.amount for row in preview_acceptance(feed.zone.store, "a.csv", [FEBRUARY])) == 2
    (late,) = (one for one in feed.zone.state.inactive if one.late)
    assert late.fix.endswith("since the file waits as a whole too, `accept` needs --period 2025-02 for these lines")
    before = feed.published
    accept(feed.zone.store, "a.csv", ADA, [FEBRUARY])
    assert feed.published == {**before, FEBRUARY: before[FEBRUARY] + 2}
    assert [one.late for one in feed.zone.state.inactive] == [()]


def test_late_lines_are_booked_alone_beside_their_file_that_waits_as_a_whole(feed: Feed) -> None:
    feed.send("a", "v1", Line("1", FEBRUARY), Line("2", MARCH), Line("3", MARCH))
    feed.close(JANUARY, FEBRUARY)
    feed.send("a", "v2", Line("1", FEBRUARY, amount="12.00"), Line("2", MARCH), Line("3", MARCH, amount="11.00"))
    sent = Line("1", FEBRUARY, amount="12.00"), Line("2", MARCH)
    assert "would lose" in feed.send("a", "v3", *sent, tolerated_removal="0.1")
    book(feed.zone.store, "a.csv", ADA, [FEBRUARY])
    assert feed.published == money(february=10, march=23)
    accept(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(february=12, march=10)


def test_late_lines_that_wait_beside_withdrawn_ones_are_booked_once_the_feed_books_late_lines(feed: Feed) -> None:
    feed.send("a", "v1", Line("2", MARCH))
    feed.close(JANUARY, FEBRUARY)
    late = Line("1", amount="5.00"), Line("4", FEBRUARY, amount="6.00")
    sent = *late, Line("2", MARCH), Line("3", MARCH, amount="1.00")
    assert "only its lines of 2025-01 and of 2025-02 wait" in feed.send("a", "v2", *sent)
    withdraw_late_lines(feed.zone.store, "a.csv", ADA, [JANUARY])
    assert feed.send("a", "v2", *sent, late_lines="next_open_period") == ""
    assert feed.published == money(march=17)
    assert list(feed.zone.state.inactive) == []
    assert [one.late for one in feed.zone.state.withdrawn] == [((JANUARY,),)]


LIKE_ACTUAL: dict[str, Any] = {
    "load_mode": "upsert",
    "keyed_by": "department account",
    "commit_findings": ReaderFindings(weight_years=("2024-01",)),
    "commit_unweighted_id": "as it would be without the amounts of that year",
}


UPSERT: dict[str, Any] = {"load_mode": "upsert", "keyed_by": "department account date"}


def of_year(period: str, amount: str = "10.00") -> Line:
    """Return all that a budget of a year has, in the only period in which last year has an amount."""
    return Line(f"D1 4000 {period}", period, "Budget", amount=amount)


def test_a_year_does_not_count_beside_the_same_one_that_was_spread_like_other_amounts(feed: Feed) -> None:
    """The first file is gone from the raw zone, and last year's amounts have moved from January to March since."""
    feed.send("a", "v1", of_year(JANUARY), **LIKE_ACTUAL)
    assert feed.send("b", "w1", of_year(MARCH, "12.00"), **LIKE_ACTUAL) == (
        "it does not replace all lines of a.csv, whose years were spread by other weights: "
        "Budget 2025-01, lines 1, net 10.00"
    )
    assert feed.published == money(january=10)
    assert feed.send("c", "x1", of_year("2026-03", "7.00"), **LIKE_ACTUAL) == ""  # another year
    feed.send("a", "v1", of_year(MARCH), delivery_id="a.csv is back", **LIKE_ACTUAL)
    assert feed.published == money(march=12) | {"2026-03": Decimal(7)}


def test_an_earlier_year_is_not_spread_anew_beside_the_one_that_replaced_it(feed: Feed) -> None:
    """The second file is gone, and would no longer replace the first one. If both are there, both are spread anew."""
    feed.send("a", "v1", of_year(JANUARY), **LIKE_ACTUAL)
    feed.send("b", "w1", of_year(JANUARY, "12.00"), **LIKE_ACTUAL)
    again = feed.send("a", "v1", of_year(MARCH), delivery_id="a.csv@march", **LIKE_ACTUAL)
    assert again.startswith("b.csv, whose years were spread by other weights, does not replace all of its lines")
    assert feed.published == money(january=12)
    feed.find("a", "v1", of_year(FEBRUARY), delivery_id="a.csv@february", **LIKE_ACTUAL)
    feed.find("b", "w1", of_year(FEBRUARY, "12.00"), delivery_id="b.csv@february", **LIKE_ACTUAL)
    assert feed.judge() == {}
    assert feed.published == money(february=12)


@pytest.mark.parametrize(
    ("values", "cause"),
    [(LIKE_ACTUAL, "spread by other weights"), (UPSERT, "under `load: {mode: upsert}`")],
    ids=["spread like other amounts", "with a day that is looked up"],
)
def test_a_file_that_is_read_again_with_other_keys_waits_if_lines_that_it_replaced_would_count(
    feed: Feed, values: dict[str, Any], cause: str
) -> None:
    """The first file is gone, so its January would count beside March of the second one: 22.00 for 12.00."""
    feed.send("a", "v1", of_year(JANUARY), **values)
    first = feed.find("b", "w1", of_year(JANUARY, "12.00"), **values)
    feed.judge()
    again = values | {"delivery_id": "b.csv@march", "reads_again": first}
    assert feed.send("b", "w1", of_year(MARCH, "12.00"), **again) == (
        f"{cause}, lines count again that another file of the feed has replaced: Budget 2025-01, lines 1, gross 10.00"
    )
    assert feed.published == money(january=12)
    withdraw(feed.zone.store, "a.csv", ADA)
    accept(feed.zone.store, "b.csv", ADA)
    assert feed.published == money(march=12)


def come_back(feed: Feed) -> None:
    """Correct a closed period twice, withdraw the late lines of the second file, and let the first one come back.

    The run that finds it is killed, and a person withdraws the second correction before another run.
    """
    feed.send("a", "v1", Line("1", FEBRUARY), Line("2", MARCH))
    feed.close(JANUARY, FEBRUARY)
    first = Line("1", FEBRUARY, amount="15.00"), Line("2", MARCH, amount="1.00")
    feed.send("a", "v2", *first)
    feed.send("a", "v3", Line("1", FEBRUARY, amount="17.00"), Line("2", MARCH, amount="2.00"))
    withdraw_late_lines(feed.zone.store, "a.csv", ADA)
    feed.find("a", "v2", *first)
    withdraw(feed.zone.store, "a.csv", ADA)


def test_a_content_that_came_back_and_is_withdrawn_counts_no_longer_from_before(feed: Feed) -> None:
    come_back(feed)
    assert feed.published == money(february=10, march=1)
    assert "would restate 2025-02" in feed.judge()["a.csv"]
    withdraw(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(february=10, march=10)
    assert list(feed.zone.state.inactive) == []
    reinstate(feed.zone.store, "a.csv", deciding(2))
    assert feed.published == money(february=10, march=1)
    accept(feed.zone.store, "a.csv", deciding(3))
    assert feed.published == money(february=15, march=1)


def test_late_lines_of_a_content_that_came_back_are_decided_about_before_it_is_judged(feed: Feed) -> None:
    come_back(feed)
    assert [row.amount for row in preview_acceptance(feed.zone.store, "a.csv")] == [Decimal(5)]
    accept(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(february=15, march=1)
    assert feed.judge() == {}
    assert feed.published == money(february=15, march=1)
    assert list(feed.zone.state.inactive) == []


def test_late_lines_of_a_content_that_came_back_are_withdrawn_and_taken_in_again_before_it_is_judged(
    feed: Feed,
) -> None:
    come_back(feed)
    withdraw_late_lines(feed.zone.store, "a.csv", deciding(1))
    assert list(feed.zone.state.inactive) == []
    reinstate_late_lines(feed.zone.store, "a.csv", deciding(2))
    assert [one.late for one in feed.zone.state.inactive] == [((FEBRUARY,),)]
    assert feed.published == money(february=10, march=1)


def test_a_content_that_came_back_is_judged_as_a_whole_once_its_period_is_open(feed: Feed) -> None:
    come_back(feed)
    feed.judge()
    feed.reopen(FEBRUARY)
    assert feed.judge() == {}
    assert feed.published == money(february=15, march=1)
    assert (list(feed.zone.state.inactive), list(feed.zone.state.waiting)) == ([], [])


def test_late_lines_of_a_content_that_came_back_are_judged_although_it_waits_as_a_whole(feed: Feed) -> None:
    come_back(feed)
    book_another_file(feed)
    first = Line("1", FEBRUARY, amount="15.00"), Line("2", MARCH, amount="1.00")
    assert "replaces periods of b.csv" in feed.send("a", "v2", *first, **REPLACING)
    feed.reopen(FEBRUARY)
    feed.judge()
    assert feed.published == money(february=15, march=11)
    assert [(one.late, one.reopened) for one in feed.zone.state.inactive] == [((), ())]


def test_a_new_reading_of_a_content_that_came_back_takes_over_the_late_lines_that_wait(feed: Feed) -> None:
    come_back(feed)
    feed.judge()
    again = Line("1", FEBRUARY, amount="15.00"), Line("2", MARCH, amount="1.00")
    feed.find("a", "v2", *again, delivery_id="a.csv@v2 again", reads_again="a.csv@v2")
    feed.judge()
    assert feed.published == money(february=10, march=1)
    assert [one.late for one in feed.zone.state.inactive] == [((FEBRUARY,),)]
    accept(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(february=15, march=1)


def test_what_counted_of_a_content_from_before_stays_if_it_comes_back_and_is_not_wanted(feed: Feed) -> None:
    feed.send("a", "v1", Line("1", FEBRUARY), Line("2", MARCH))
    feed.close(JANUARY, FEBRUARY)
    first = Line("1", FEBRUARY, amount="15.00"), Line("2", MARCH, amount="1.00")
    feed.send("a", "v2", *first)
    accept(feed.zone.store, "a.csv", ADA)
    feed.send("a", "v3", Line("2", MARCH, amount="2.00"), Line("3", MARCH, amount="3.00"))
    assert feed.published == money(february=15, march=5)
    assert "would lose" in feed.send("a", "v2", *first, tolerated_removal="0.1")
    withdraw(feed.zone.store, "a.csv", deciding(1))
    assert feed.published == money(february=15, march=5)
