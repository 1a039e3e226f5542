"""Tests of `repeated_keys`: what becomes of rows of one delivery that share a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.transforms.repeated_keys import repeated_keys, with_outcomes
from finance_platform_tests.transforms.rows import Row, few_examples, ledger_line, rows_of, staged_ledger

COMPARED = ("document_date", "department_code", "account_number", "amount", "description", "account_name")


def keyed(key: str | None, row: int, **others: Any) -> Row:
    """Return a ledger line with a key."""
    return ledger_line(line_key=key, transaction_id=key, source_row=row, **others)


def judged(spark: SparkSession, rows: Iterable[Row], compared: Sequence[str] = COMPARED) -> list[Row]:
    """Return the rows with the outcomes that their keys leave them, by delivery and line."""
    staged = staged_ledger(spark, rows)
    found = rows_of(with_outcomes(staged, repeated_keys(staged, compared)))
    return sorted(found, key=lambda row: (row["delivery_id"], row["source_row"]))


def outcomes(spark: SparkSession, rows: Iterable[Row]) -> dict[int, str]:
    """Return line to outcome, of rows of one delivery."""
    return {row["source_row"]: row["outcome"] for row in judged(spark, rows)}


def test_of_identical_rows_the_first_is_kept_and_the_others_are_duplicates(spark: SparkSession) -> None:
    """The first in the file, whatever order Spark sees them in."""
    rows = [keyed("T1", 7), keyed("T1", 3), keyed("T1", 5), keyed("T2", 4)]
    assert outcomes(spark, rows) == {3: "accepted", 4: "accepted", 5: "duplicate", 7: "duplicate"}


def test_a_duplicate_says_which_line_it_repeats(spark: SparkSession) -> None:
    """So that somebody can look at both."""
    _, duplicate = judged(spark, [keyed("T1", 12), keyed("T1", 99)])
    assert (duplicate["rules"], duplicate["reasons"]) == ("repeated_row", "the same row with the key T1 is on line 12")


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "100.01"},
        {"amount": "-100.00"},
        {"day": "2025-01-16"},
        {"department_code": "D101"},
        {"account_number": "04000"},
        {"description": "something else"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_rows_that_differ_under_one_key_are_all_rejected(spark: SparkSession, other: dict[str, str]) -> None:
    """Nobody can say which of them is right."""
    assert outcomes(spark, [keyed("T1", 2), keyed("T1", 3, **other)]) == {2: "rejected", 3: "rejected"}


def test_a_conflict_names_the_first_and_the_last_line(spark: SparkSession) -> None:
    """All rows of the conflict tell the same."""
    found = judged(spark, [keyed("T1", 8), keyed("T1", 2, amount="5.00"), keyed("T1", 4)])
    reason = "the key T1 stands on several lines with different values, the first 2, the last 8"
    assert [(row["rules"], row["reasons"]) for row in found] == [("conflicting_key", reason)] * 3


def test_two_identical_rows_and_a_third_that_differs_are_all_rejected(spark: SparkSession) -> None:
    """That two agree proves nothing."""
    rows = [keyed("T1", 2), keyed("T1", 3), keyed("T1", 4, amount="1.00")]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected", 4: "rejected"}


def test_a_blank_is_not_the_same_as_a_value(spark: SparkSession) -> None:
    """Of two rows one has a description."""
    rows = [keyed("T1", 2, description=None), keyed("T1", 3, description="x")]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected"}


def test_rows_that_are_blank_in_the_same_places_are_identical(spark: SparkSession) -> None:
    """A blank equals a blank."""
    rows = [keyed("T1", 2, description=None), keyed("T1", 3, description=None)]
    assert outcomes(spark, rows) == {2: "accepted", 3: "duplicate"}


@pytest.mark.parametrize("mark", ["\u0000", "\u0001", "|", ":", "1:", '"'], ids=repr)
def test_no_text_makes_two_different_rows_look_the_same(spark: SparkSession, mark: str) -> None:
    """Cells are compared one by one, whatever characters a sender puts into them."""
    rows = [
        keyed("T1", 2, description=f"a{mark}b", account_name="c"),
        keyed("T1", 3, description="a", account_name=f"b{mark}c"),
    ]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected"}
    rows = [keyed("T1", 2, description=None), keyed("T1", 3, description=mark)]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected"}


def test_the_same_key_in_two_deliveries_is_left_to_the_load_mode(spark: SparkSession) -> None:
    """A line that is sent again in a later file corrects the earlier one; that is no conflict."""
    rows = [keyed("T1", 2, delivery_id="d1"), keyed("T1", 2, delivery_id="d2", amount="1.00")]
    assert [row["outcome"] for row in judged(spark, rows)] == ["accepted", "accepted"]


def test_each_delivery_keeps_a_row_of_its_own(spark: SparkSession) -> None:
    """Two files that repeat the same line each have one left, wherever it stands."""
    rows = [keyed("T1", row, delivery_id=delivery) for row, delivery in ((2, "d1"), (3, "d1"), (4, "d2"), (5, "d2"))]
    found = [(row["delivery_id"], row["outcome"], row["reasons"]) for row in judged(spark, rows)]
    assert found == [
        ("d1", "accepted", None),
        ("d1", "duplicate", "the same row with the key T1 is on line 2"),
        ("d2", "accepted", None),
        ("d2", "duplicate", "the same row with the key T1 is on line 4"),
    ]


def test_rows_without_a_key_are_never_repeated(spark: SparkSession) -> None:
    """A feed without a key never collapses rows."""
    rows = [keyed(None, row) for row in (2, 3, 4)]
    assert set(outcomes(spark, rows).values()) == {"accepted"}


def test_keys_are_compared_as_written(spark: SparkSession) -> None:
    """007 and 7 are two documents."""
    assert set(outcomes(spark, [keyed("007", 2), keyed("7", 3, amount="1.00")]).values()) == {"accepted"}


@pytest.mark.parametrize("outcome", ["rejected", "skipped", "measured"])
def test_a_row_that_was_rejected_already_takes_no_other_with_it(spark: SparkSession, outcome: str) -> None:
    """It keeps its own reasons, and the good row with the same key stays."""
    bad = keyed("T1", 3, amount="9.00", outcome=outcome, rules="invalid_date", reasons="why", raw_row="{}")
    good, found = judged(spark, [keyed("T1", 2), bad])
    assert good["outcome"] == "accepted"
    assert {name: found[name] for name in ("outcome", "rules", "reasons", "raw_row")} == {
        "outcome": outcome,
        "rules": "invalid_date",
        "reasons": "why",
        "raw_row": "{}",
    }


def test_a_rejected_row_shows_its_values(spark: SparkSession) -> None:
    """As JSON, with every kind of character intact."""
    text = 'Müller "&" Søn\\ \t/ 漢字 😀'
    found, _ = judged(spark, [keyed("T1", 2, amount="1234.50", description=text), keyed("T1", 3)])
    shown = json.loads(found["raw_row"])
    assert (shown["amount"], shown["description"], shown["document_date"]) == ("1234.50", text, "2025-01-15")


def test_an_accepted_row_comes_through_unchanged(spark: SparkSession) -> None:
    """The verdict on keys touches nothing else."""
    rows = [keyed("T1", 2, description="first"), keyed("T2", 3, amount="7.00")]
    staged = staged_ledger(spark, rows)
    found = rows_of(with_outcomes(staged, repeated_keys(staged, COMPARED)))
    assert sorted(found, key=lambda row: row["source_row"]) == rows_of(staged)


deliveries = st.lists(
    st.tuples(
        st.sampled_from(["d1", "d2"]),
        st.sampled_from([None, "T1", "T2"]),
        st.sampled_from(["1.00", "2.00"]),
        st.sampled_from(["accepted", "accepted", "rejected"]),
    ),
    max_size=10,
)


@few_examples
@given(deliveries, st.randoms(use_true_random=False))
def test_a_key_is_kept_once_or_rejected_whole_and_no_cent_is_lost(spark: SparkSession, sent: Any, random: Any) -> None:
    """For any rows in any order: the outcome that a reader with a pencil would give."""
    rows = [
        keyed(key, row, delivery_id=delivery, amount=amount, outcome=outcome)
        for row, (delivery, key, amount, outcome) in enumerate(sent, start=2)
    ]
    expected = {}
    for row in rows:
        rivals = [
            other
            for other in rows
            if other["outcome"] == "accepted"
            and other["line_key"] is not None
            and (other["delivery_id"], other["line_key"]) == (row["delivery_id"], row["line_key"])
        ]
        verdict = row["outcome"]
        if row in rivals and len({other["amount"] for other in rivals}) > 1:
            verdict = "rejected"
        elif row in rivals and row is not rivals[0]:
            verdict = "duplicate"
        expected[row["source_row"]] = verdict
    found = judged(spark, random.sample(rows, len(rows)))
    assert {row["source_row"]: row["outcome"] for row in found} == expected
    assert len(found) == len(rows)
    assert sum(row["amount"] for row in found) == sum((Decimal(row["amount"]) for row in rows), Decimal(0))
