"""Changes of a feed's header: what is reported after which deliveries, and what is not.

Belongs here: `deliveries.header_changes`, `feeds.column_kinds`.
Does not belong here: a header that lacks a needed column (see `test_likely_cause`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.header_changes import FIX_HEADER, HeaderChange, HeaderHistory, compare_headers
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state_derivation import StateDerivation, derive_state
from finance_platform.feeds.column_kinds import column_kinds, kind_of_texts
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.quality.checks import HEADERS_UNCHANGED
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import (
    LEDGER,
    commit_of,
    decision_on,
    delivered,
    feed,
    in_period,
    raw_batch,
    refused,
    verdict_on,
    with_columns,
    with_lines,
    write,
)

Sent = tuple[DeliveryDiscovered, DeliveryCommit]

OLD = {"Date": "date", "Dept": "text", "Net": "number"}


def sent(run: str, header: Mapping[str, str], key: str = "", **values: Any) -> Sent:
    """Return a delivery of a run, with its header, of which fields use the columns of `OLD` and no others."""
    event = delivered(key or f"{run}.csv", run_id=run, **values)
    extra = tuple(name for name in header if name not in OLD)
    commit = commit_of(
        event,
        in_period("2025-01"),
        header=tuple(header),
        header_kinds=tuple(header.values()),
        extra_columns=extra,
    )
    return event, commit


def find_header_changes(events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> list[HeaderChange]:
    """Return the changes of a whole register."""
    history = HeaderHistory()
    history.add(events)
    return history.changes(commits)


def changes(*pairs: Sent) -> list[HeaderChange]:
    """Return the changes if every delivery counts."""
    events: list[Event] = [event for delivery, _ in pairs for event in (delivery, verdict_on(delivery))]
    return find_header_changes(events, {commit.delivery_id: commit for _, commit in pairs})


def test_added_and_missing_columns_are_reported_with_the_file_before() -> None:
    (change,) = changes(sent("r1", OLD), sent("r2", {"Date": "date", "Net": "number", "Note": "text", "Tax": "number"}))
    assert (change.file, change.earlier_file, change.feed) == ("r2.csv", "r1.csv", "ledger")
    assert (change.added, change.gone, change.renamed) == (("Note", "Tax"), ("Dept",), ())
    assert change.words == "the header differs from that of r1.csv: added: 'Note', 'Tax'; gone: 'Dept'"


@pytest.mark.parametrize(
    "header",
    [
        {"Net": "number", "Date": "date", "Dept": "text"},
        {"date": "date", " DEPT ": "text", "Net": "number"},
        {"Date": "text", "Dept": "blank", "Net": "text"},
    ],
    ids=["order", "case and spaces", "contents"],
)
def test_what_is_no_change_of_the_header_is_not_reported(header: Mapping[str, str]) -> None:
    assert changes(sent("r1", OLD), sent("r2", header)) == []


def test_the_first_files_of_a_feed_have_nothing_to_be_compared_with() -> None:
    assert changes(sent("r1", OLD, "a.csv"), sent("r1", {"Other": "text"}, "b.csv")) == []


def test_a_new_column_that_a_field_uses_is_no_news_and_does_not_hide_another_one() -> None:
    without = {name: kind for name, kind in OLD.items() if name != "Date"}
    assert changes(sent("r1", without), sent("r2", OLD)) == []
    (change,) = changes(sent("r1", without), sent("r2", {**OLD, "Note": "text"}))
    assert (change.added, change.gone) == (("Note",), ())
    (change,) = changes(sent("r1", {**without, "Day": "date"}), sent("r2", OLD))
    assert (change.added, change.gone) == (("Date",), ("Day",)), "a column may have another name now"


def test_the_report_ends_with_the_next_file_that_has_the_same_header() -> None:
    new = {**OLD, "Note": "text"}
    assert changes(sent("r1", OLD), sent("r2", new))
    assert changes(sent("r1", OLD), sent("r2", new), sent("r3", new)) == []


def test_several_changed_files_of_a_run_are_one_report() -> None:
    new = {**OLD, "Note": "text"}
    (change,) = changes(sent("r1", OLD), *(sent("r2", new, f"{name}.csv") for name in "abc"), sent("r2", OLD, "d.csv"))
    assert (change.file, change.more_files) == ("c.csv", 2)
    assert "(and in 2 more new files)" in change.words


def test_feeds_are_compared_apart() -> None:
    headers = [("r1", "a", OLD), ("r1", "b", {"X": "text"}), ("r2", "a", OLD), ("r2", "b", {"Y": "text"})]
    pairs = [sent(run, header, f"{run}{name}.csv", feed=name) for run, name, header in headers]
    assert [change.feed for change in changes(*pairs)] == ["b"]


def test_an_old_content_that_is_read_again_under_other_rules_is_no_news() -> None:
    first, second = sent("r1", {"Old": "text"}, "a.csv"), sent("r2", OLD, "b.csv")
    again = [
        sent("r3", {"Old": "text"}, "a.csv", delivery_id="again a"),
        sent("r3", OLD, "b.csv", delivery_id="again b"),
    ]
    assert changes(first, second)
    assert changes(first, second, *again) == changes(first, second)


def test_a_file_is_compared_with_the_last_that_counted() -> None:
    good, bad, corrected = sent("r1", OLD), sent("r2", {"Date": "date"}), sent("r3", OLD)
    events: list[Event] = [good[0], verdict_on(good[0]), bad[0], verdict_on(bad[0], "held")]
    events += [corrected[0], verdict_on(corrected[0])]
    commits = {commit.delivery_id: commit for _, commit in (good, bad, corrected)}
    assert find_header_changes(events, commits) == []
    assert [change.gone for change in find_header_changes(events[:4], commits)] == [("Dept", "Net")]
    withdrawn: list[Event] = [*events[:2], decision_on("withdrawn", good[0]), *events[2:4]]
    assert find_header_changes(withdrawn, commits) == []


def test_a_column_that_a_held_file_brought_is_still_new_in_the_next_one() -> None:
    wider = {**OLD, "VAT": "number"}
    good, held, last = sent("r1", OLD), sent("r2", wider), sent("r3", wider)
    events: list[Event] = [good[0], verdict_on(good[0]), held[0], verdict_on(held[0], "held")]
    events += [last[0], verdict_on(last[0])]
    (change,) = find_header_changes(events, {commit.delivery_id: commit for _, commit in (good, held, last)})
    assert (change.file, change.earlier_file, change.added) == ("r3.csv", "r1.csv", ("VAT",))


def test_as_long_as_every_file_is_held_the_last_one_is_compared() -> None:
    first, second, third = sent("r1", {"Other": "text"}), sent("r2", OLD), sent("r3", {**OLD, "VAT": "number"})
    events: list[Event] = []
    for event, _ in (first, second, third):
        events += [event, verdict_on(event, "held")]
    commits = {commit.delivery_id: commit for _, commit in (first, second, third)}
    (change,) = find_header_changes(events, commits)
    assert (change.file, change.earlier_file, change.added) == ("r3.csv", "r2.csv", ("VAT",))


def test_a_refused_file_is_none_that_others_are_compared_with() -> None:
    event = delivered("r1.csv", run_id="r1")
    wrong = replace(refused(event), header=("Wrong",), header_kinds=("text",))
    good = sent("r2", OLD)
    events: list[Event] = [event, good[0], verdict_on(good[0])]
    assert find_header_changes(events, {one.delivery_id: one for one in (wrong, good[1])}) == []


def test_the_header_of_a_refused_file_is_compared_if_it_is_known() -> None:
    good, event = sent("r1", OLD), delivered("r2.csv", run_id="r2")
    unknown = refused(event)
    assert changes(good, (event, unknown)) == []
    known = replace(unknown, header=("Date", "Dept", "Net Amount"), header_kinds=("date", "text", "number"))
    (change,) = changes(good, (event, known))
    assert change.renamed == (("Net", "Net Amount"),)
    assert change.as_json()["renamed"] == [{"from": "Net", "to": "Net Amount"}]


@pytest.mark.parametrize(
    ("gone", "added", "renamed"),
    [
        ({"Net Amt": "number"}, {"Net Amount": "number", "Net Ant": "text"}, {"Net Amt": "Net Amount"}),
        ({"Amount": "number"}, {"Betrag": "number", "Notiz": "text"}, {"Amount": "Betrag"}),
        ({"Amount": "number"}, {"Betrag": "number", "Steuer": "number"}, {}),
        ({"Amount": "number"}, {"Amounts": "text"}, {}),
        ({"Cost Center": "text", "Cost Centre Name": "text"}, {"Cost Centre": "text"}, {"Cost Center": "Cost Centre"}),
        ({"Memo": "blank"}, {"Memos": "text"}, {"Memo": "Memos"}),
        ({"Memo": "text"}, {"Vendor": "text"}, {}),
    ],
)
def test_a_column_is_perhaps_renamed_if_its_cells_are_alike_and_its_name_or_nothing_else_is(
    gone: Mapping[str, str], added: Mapping[str, str], renamed: Mapping[str, str]
) -> None:
    change = compare_headers("ledger", ("b.csv", added), ("a.csv", gone))
    assert change is not None
    assert dict(change.renamed) == renamed
    assert all(repr(name) in change.words for name in itertools.chain(gone, added))


HEADERS = st.dictionaries(
    st.text(min_size=1, max_size=12), st.sampled_from(["date", "number", "text", "blank"]), max_size=8
)


@given(HEADERS, HEADERS)
def test_every_column_of_two_headers_is_in_both_or_added_or_gone(now: dict[str, str], before: dict[str, str]) -> None:
    change = compare_headers("ledger", ("b.csv", now), ("a.csv", before))
    back = compare_headers("ledger", ("a.csv", before), ("b.csv", now))
    assert (change is None) == (back is None)
    if change and back:
        assert (change.added, change.gone) == (back.gone, back.added)
        assert {old for old, _ in change.renamed} <= set(change.gone)
        assert {new for _, new in change.renamed} <= set(change.added)
        assert change.words


def test_a_very_wide_change_is_named_in_a_line() -> None:
    now, before = ({f"{letter}{number}" * 20: "text" for number in range(1_000)} for letter in "ab")
    change = compare_headers("ledger", ("b.csv", now), ("a.csv", before))
    assert change is not None
    assert " and 9" in change.words
    assert len(change.words) < 3_000


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2025-01-15", "", None], "date"),
        (["31.12.2025"], "date"),
        (["202501"], "date"),
        (["1,000.50", "(7)", " 5- "], "number"),
        (["6100"], "number"),
        (["1.00", "x", "3.00"], "number"),
        (["2025-01-15", "never", "2025-01-16"], "date"),
        (["D100", "6100"], "text"),
        (["x" * 5_000], "text"),
        (["", " ", None], "blank"),
        ([], "blank"),
    ],
)
def test_a_column_is_what_most_of_its_cells_can_be_read_as(texts: Sequence[str | None], kind: str) -> None:
    rules = feed(with_columns({"date": "{from: Date, formats: [dd.MM.yyyy]}"})).rules
    assert kind_of_texts(rules, texts) == kind


def test_columns_without_a_name_have_no_kind_and_names_are_cleaned() -> None:
    header = [" Net  Amount ", "(column 2)", "n" * 5_000, "Net Amount (column 4)"]
    batch = raw_batch(header, [["1.00", "x", "y", "2.00"]])
    assert column_kinds(feed(LEDGER).rules, header, batch) == {"Net Amount": "number", "n" * 200 + "…": "text"}
    assert set(column_kinds(feed(LEDGER).rules, header, None).values()) == {"blank"}


WIDE = with_lines(
    LEDGER,
    columns="\n  department: {from: Dept}\n  account: {from: Account}",
    unpivot='{columns: "[A-Z][a-z]{2} [0-9]{4}", into: date}',
)


def test_months_that_come_and_go_are_no_change_but_other_columns_are(tmp_path: Path) -> None:
    def header(content: str) -> dict[str, str]:
        data = write(tmp_path / "wide.csv", content).read_bytes()
        file = FileToRead("d1", "wide.csv", "ledger", hashlib.sha256(data).hexdigest())
        *_, summary = read_file("ledger", feed(WIDE), LocalStore(tmp_path), file)
        (row,) = summary.to_pylist()[-1:]
        assert row["outcome"] == "measured", row["reasons"]
        kinds: dict[str, str] = json.loads(row["header"])
        return kinds

    first = header("Dept,Account,Jan 2025,Feb 2025\nD1,5000,1.00,2.00\n")
    assert first == {"Dept": "text", "Account": "number"}
    assert header("Dept,Account,Mar 2025\nD1,5000,1.00\n") == first
    assert header("Dept,Account,Mar 2025,Q1\nD1,5000,1.00,1.00\n") == {**first, "Q1": "number"}


def test_the_check_fails_with_the_change_and_its_fix() -> None:
    pairs = [sent("r1", OLD), sent("r2", {**OLD, "Note": "text"})]
    events: list[Event] = [event for delivery, _ in pairs for event in (delivery, verdict_on(delivery))]
    outcomes = check_deliveries(derive_state(events, {commit.delivery_id: commit for _, commit in pairs}), NO_OVERLAPS)
    (outcome,) = [one for one in outcomes if one.check is HEADERS_UNCHANGED]
    assert (outcome.passed, outcome.summary) == (False, "1 changed header")
    words = "the header differs from that of r1.csv: added: 'Note'"
    assert outcome.evidence == [{"feed": "ledger", "file": "r2.csv", "what": words, "fix": FIX_HEADER}]


def test_a_history_of_headers_that_goes_on_has_the_changes_of_all_its_events():
    short = {"Date": "date", "Net": "number"}
    pairs = [sent("r1", OLD), sent("r2", short), sent("r3", {**short, "Note": "text"})]
    events: list[Event] = [event for delivery, _ in pairs for event in (delivery, verdict_on(delivery))]
    commits = {commit.delivery_id: commit for _, commit in pairs}
    history, derivation = HeaderHistory(), StateDerivation()
    for end in (2, 4, 6):
        history.add(events[end - 2 : end])
        expected = find_header_changes(events[:end], commits)
        assert history.changes(commits) == expected
        assert derivation.derive(events[:end], commits).header_changes == expected
    assert [change.added for change in expected] == [("Note",)]
    # After a register that was written again, nothing of the earlier one is left.
    assert derivation.derive(events[2:4], commits).header_changes == []


def test_a_state_that_goes_on_enters_further_events_alone_into_the_history_of_headers(monkeypatch: pytest.MonkeyPatch):
    entered: list[int] = []
    add = HeaderHistory.add

    def counted(history: HeaderHistory, events: Iterable[Event]) -> None:
        events = list(events)
        entered.append(len(events))
        add(history, events)

    monkeypatch.setattr(HeaderHistory, "add", counted)
    delivery, commit = sent("r1", OLD)
    events: list[Event] = [delivery, verdict_on(delivery)]
    derivation = StateDerivation()
    derivation.derive(events[:1], {})
    derivation.derive(events, {commit.delivery_id: commit})
    assert entered == [1, 1]
