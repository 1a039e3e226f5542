"""What a feed's descriptor promises: document numbers without gaps, lines of every month."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.expectations import due_day
from finance_platform.quality.feed_completeness import (
    Document,
    MissingLines,
    find_gaps,
    has_number,
    report_gaps,
    report_missing_lines,
)
from finance_platform.reports.feed_figures import period_rows
from finance_platform_tests.unit.zone import Zone, lines


def gap_texts(*texts: str, first: int | None = None) -> list[tuple[str, str, int]]:
    gaps = find_gaps((Document(text, "2025-01", "a.csv") for text in texts), first)
    return [(gap.first, gap.last, gap.size) for gap in gaps]


@pytest.mark.parametrize(
    ("texts", "gaps"),
    [
        (("INV-1", "INV-2", "INV-3"), []),
        (("INV-1", "INV-3"), [("INV-2", "INV-2", 1)]),
        (("INV-0008", "inv - 12"), [("inv - 9", "inv - 11", 3)]),
        (("INV-1", "CN-7", "INV-2", "CN-8"), []),
        (("2025/1/A", "2025/3/A"), [("2025/2/A", "2025/2/A", 1)]),
        (("7", "007", "9"), [("8", "8", 1)]),
        (("٣", "x", ""), []),
        (("INV-001/2025", "INV-002/2025", "inv-004 / 2025"), [("inv-003 / 2025", "inv-003 / 2025", 1)]),
        (("1/25", "3/25", "4/25", "1/26", "2/26", "3/26"), [("2/25", "2/25", 1)]),
        (("INV-1/2025", "INV-2/2025", "INV-3/2025", "CN-1/2025"), []),
        # Too few, too far from each other, or no years: each is a series, or the last digits are the number.
        (("INV-001/2025", "INV-003/2025"), []),
        (("D100-2025", "D200-2025", "D300-2025"), []),
        (("A1-1", "A2-1", "A4-1"), []),
        (("A1-2024", "A1-2026", "A2-2025", "A4-2025"), [("A1-2025", "A1-2025", 1)]),
    ],
)
def test_a_number_that_a_series_skips_is_a_gap(texts: tuple[str, ...], gaps: list[tuple[str, str, int]]):
    assert gap_texts(*texts) == gaps


def test_numbers_before_the_year_belong_to_the_periods_of_their_neighbours():
    documents = [Document(f"{number}/2026", f"2025-{month:02d}", "a.csv") for number, month in ((1, 7), (3, 8), (4, 9))]
    (gap,) = find_gaps(documents)
    assert (gap.first, gap.periods) == ("2/2026", ("2025-07", "2025-08"))


def test_a_series_that_begins_too_late_lacks_its_first_numbers():
    assert gap_texts("INV-4", "INV-5", first=1) == [("INV-1", "INV-3", 3)]
    assert gap_texts("INV-1", "INV-2", first=1) == []


@given(st.sets(st.integers(0, 60), min_size=1), st.randoms())
def test_gaps_and_delivered_numbers_are_all_numbers_of_the_series(numbers: set[int], random: Random):
    texts = [f"INV-{number}" for number in numbers]
    random.shuffle(texts)
    missing = [number for first, last, _ in gap_texts(*texts) for number in range(int(first[4:]), int(last[4:]) + 1)]
    assert sorted([*numbers, *missing]) == list(range(min(numbers), max(numbers) + 1))


def test_a_gap_contradicts_every_period_that_its_documents_may_belong_to():
    documents = [
        Document("1", "2025-01", "jan.csv"),
        Document("3", "2025-02", "feb.csv"),
        Document("4", "2025-03", "x"),
    ]
    gaps = list(find_gaps(documents))
    assert [period for period in ("2024-12", "2025-01", "2025-02", "2025-03") if report_gaps("bank", gaps, period)] == [
        "2025-01",
        "2025-02",
    ]
    (finding,) = report_gaps("bank", gaps, "2025-02")
    assert finding.text == "feed bank: document 2 is missing between 1 in jan.csv and 3 in feb.csv"


def test_the_first_numbers_that_a_series_lacks_are_named_before_its_first_document():
    gaps = find_gaps([Document("INV-3", "2025-01", "jan.csv")], 1)
    (finding,) = report_gaps("bank", list(gaps), "2025-01")
    assert finding.text == "feed bank: 2 documents, INV-1 to INV-2, are missing before INV-3 in jan.csv"


def test_numbers_that_begin_anew_are_compared_within_their_month():
    documents = [Document("1", "2025-01", "a", "2025-01"), Document("9", "2025-02", "a", "2025-02")]
    assert list(find_gaps(documents)) == []
    assert [gap.size for gap in find_gaps(documents, 1)] == [8]


def test_a_hash_is_no_document_number_and_a_long_text_takes_one_pass():
    assert has_number("INV-000000000000000000000000042")
    assert not has_number("9" * 5_000)
    assert not has_number("x" * 1_000_000)


def test_the_lines_of_a_month_are_due_on_a_working_day_of_the_next_one():
    assert due_day("2025-01", 3) == date(2025, 2, 5)
    assert due_day("2025-12", 1, {date(2026, 1, 1)}) == date(2026, 1, 2)
    missing = [MissingLines("bank", "", date(2025, 2, 5), "bank/*.csv", "team:treasury")]
    (finding,) = report_missing_lines(missing, "2025-01", date(2025, 2, 5))
    assert finding.text == "feed bank has no line of 2025-01, is due on 2025-02-05"
    assert finding.fix.startswith("ask team:treasury for the file bank/*.csv")


def test_an_expected_feed_without_a_file_has_a_row_of_no_lines_for_each_open_period(tmp_path: Path):
    zone = Zone(tmp_path)
    event = zone.deliver("a.csv", [*lines("T1"), *lines("T2", period="2025-02")])
    zone.evaluate()
    rows = period_rows(zone.state.live, ["bank", event.feed], ["2025-01"])
    counts = {(row["feed"], row["period"]): row["line_count"] for row in rows}
    assert counts == {("bank", "2025-02"): 0, (event.feed, "2025-01"): 1, (event.feed, "2025-02"): 1}
