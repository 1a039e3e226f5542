"""`transforms.repeated_keys`: the outcomes of rows of one delivery that share a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.feeds.reasons import Reason, reasons_from_json, reasons_in_words, reasons_to_json
from finance_platform.transforms.repeated_keys import repeated_keys, with_outcomes
from finance_platform_tests.transforms.rows import Row, few_examples, ledger_line, rows_of, staged_ledger

COMPARED = ("document_date", "department_code", "account_number", "amount", "description", "account_name")


def keyed(key: str | None, row: int, **others: Any) -> Row:
    """Return a ledger line with a key."""
    return ledger_line(line_key=key, transaction_id=key, source_row=row, **others)


def resolved(spark: SparkSession, rows: Iterable[Row], compared: Sequence[str] = COMPARED) -> list[Row]:
    """Return the rows with their final outcomes, by delivery and line."""
    staged = staged_ledger(spark, rows)
    result = rows_of(with_outcomes(staged, repeated_keys(staged, compared)))
    for row in result:
        row["reasons"] = reasons_in_words(row["reasons"]) or None
    return sorted(result, key=lambda row: (row["delivery_id"], row["source_row"]))


def outcomes(spark: SparkSession, rows: Iterable[Row]) -> dict[int, str]:
    """Return the outcome by line, of rows of one delivery."""
    return {row["source_row"]: row["outcome"] for row in resolved(spark, rows)}


def test_the_first_of_identical_rows_is_kept_and_the_others_are_duplicates(spark: SparkSession) -> None:
    """The first in the file, whatever the order in which Spark reads them."""
    rows = [keyed("T1", 7), keyed("T1", 3), keyed("T1", 5), keyed("T2", 4)]
    assert outcomes(spark, rows) == {3: "accepted", 4: "accepted", 5: "duplicate", 7: "duplicate"}


def test_a_duplicate_names_the_line_that_it_repeats(spark: SparkSession) -> None:
    _, duplicate = resolved(spark, [keyed("T1", 12), keyed("T1", 99)])
    assert (duplicate["rules"], duplicate["reasons"]) == ("repeated_row", "the same row with the key T1 is on line 12")


def test_the_reason_of_a_repeat_has_the_form_of_the_reader_s_reasons(spark: SparkSession) -> None:
    keys = ["T1", 'a "quoted"\\ key\n=é\u2028', "k" * 400]
    staged = staged_ledger(
        spark, (keyed(key, row) for number, key in enumerate(keys) for row in (2 * number, 2 * number + 1))
    )
    repeats = sorted(rows_of(repeated_keys(staged, COMPARED)), key=lambda row: row["source_row"])
    assert [reasons_from_json(row["key_reasons"]) for row in repeats] == [
        [Reason("repeated_row", "", key[:200], f"the same row with the key {key} is on line {2 * number}")]
        for number, key in enumerate(keys)
    ]


OTHERS: list[dict[str, str]] = [
    {"amount": "100.01"},
    {"amount": "-100.00"},
    {"day": "2025-01-16"},
    {"department_code": "D101"},
    {"account_number": "04000"},
    {"description": "something else"},
]
MARKS = ["\u0000", "\u0001", "|", ":", "1:", '"']


@pytest.fixture(scope="module")
def differing(spark: SparkSession) -> dict[int, str]:
    """The outcomes of pairs of rows that differ, each under a key of its own, by twice the number of the pair."""
    pairs: list[tuple[Row, Row]] = [({}, other) for other in OTHERS]
    for mark in MARKS:
        pairs.append(
            ({"description": f"a{mark}b", "account_name": "c"}, {"description": "a", "account_name": f"b{mark}c"})
        )
        pairs.append(({"description": None}, {"description": mark}))
    rows = [
        keyed(f"T{number}", 2 * number + nth, **values)
        for number, pair in enumerate(pairs)
        for nth, values in enumerate(pair)
    ]
    return outcomes(spark, rows)


def of_pair(differing: dict[int, str], number: int) -> list[str]:
    return [differing[2 * number], differing[2 * number + 1]]


@pytest.mark.parametrize("number", range(len(OTHERS)), ids=lambda number: next(iter(OTHERS[number])))
def test_rows_that_differ_under_one_key_are_all_rejected(differing: dict[int, str], number: int) -> None:
    """It is not known which of them is right."""
    assert of_pair(differing, number) == ["rejected", "rejected"]


def test_a_conflict_names_the_first_and_the_last_line(spark: SparkSession) -> None:
    """All rows of the conflict have the same reason."""
    conflict = resolved(spark, [keyed("T1", 8), keyed("T1", 2, amount="5.00"), keyed("T1", 4)])
    reason = "the key T1 is on several lines with different values, first on line 2, last on line 8"
    assert [(row["rules"], row["reasons"]) for row in conflict] == [("conflicting_key", reason)] * 3


def test_two_identical_rows_and_a_third_that_differs_are_all_rejected(spark: SparkSession) -> None:
    """That two agree proves nothing."""
    rows = [keyed("T1", 2), keyed("T1", 3), keyed("T1", 4, amount="1.00")]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected", 4: "rejected"}


def test_a_blank_differs_from_a_value(spark: SparkSession) -> None:
    """One of two rows has a description."""
    rows = [keyed("T1", 2, description=None), keyed("T1", 3, description="x")]
    assert outcomes(spark, rows) == {2: "rejected", 3: "rejected"}


def test_rows_that_are_blank_in_the_same_places_are_identical(spark: SparkSession) -> None:
    """A blank equals a blank."""
    rows = [keyed("T1", 2, description=None), keyed("T1", 3, description=None)]
    assert outcomes(spark, rows) == {2: "accepted", 3: "duplicate"}


@pytest.mark.parametrize("mark", MARKS, ids=repr)
def test_no_character_makes_two_different_rows_equal(differing: dict[int, str], mark: str) -> None:
    """Cells are compared one by one, whatever their characters."""
    number = len(OTHERS) + 2 * MARKS.index(mark)
    assert of_pair(differing, number) == ["rejected", "rejected"]
    assert of_pair(differing, number + 1) == ["rejected", "rejected"]


def test_the_same_key_in_two_deliveries_is_left_to_the_load_mode(spark: SparkSession) -> None:
    """A line that is sent again in a later file corrects the earlier one; that is not a conflict."""
    rows = [keyed("T1", 2, delivery_id="d1"), keyed("T1", 2, delivery_id="d2", amount="1.00")]
    assert [row["outcome"] for row in resolved(spark, rows)] == ["accepted", "accepted"]


def test_each_delivery_keeps_one_row_of_a_repeated_key(spark: SparkSession) -> None:
    """Two files with the same repeated line keep one line each."""
    rows = [keyed("T1", row, delivery_id=delivery) for row, delivery in ((2, "d1"), (3, "d1"), (4, "d2"), (5, "d2"))]
    assert [(row["delivery_id"], row["outcome"], row["reasons"]) for row in resolved(spark, rows)] == [
        ("d1", "accepted", None),
        ("d1", "duplicate", "the same row with the key T1 is on line 2"),
        ("d2", "accepted", None),
        ("d2", "duplicate", "the same row with the key T1 is on line 4"),
    ]


def test_rows_without_a_key_are_never_repeated(spark: SparkSession) -> None:
    rows = [keyed(None, row) for row in (2, 3, 4)]
    assert set(outcomes(spark, rows).values()) == {"accepted"}


def test_keys_are_compared_as_written(spark: SparkSession) -> None:
    """007 and 7 are two documents."""
    assert set(outcomes(spark, [keyed("007", 2), keyed("7", 3, amount="1.00")]).values()) == {"accepted"}


@pytest.mark.parametrize("outcome", ["rejected", "skipped", "measured"])
def test_a_row_that_was_not_accepted_does_not_affect_others_with_its_key(spark: SparkSession, outcome: str) -> None:
    """It keeps its own reasons, and the good row with the same key stays."""
    reasons = reasons_to_json([Reason("invalid_date", "Date", "never", "why")])
    bad = keyed("T1", 3, amount="9.00", outcome=outcome, rules="invalid_date", reasons=reasons, raw_row="{}")
    good, rejected = resolved(spark, [keyed("T1", 2), bad])
    assert good["outcome"] == "accepted"
    assert {name: rejected[name] for name in ("outcome", "rules", "reasons", "raw_row")} == {
        "outcome": outcome,
        "rules": "invalid_date",
        "reasons": "why",
        "raw_row": "{}",
    }


def test_a_row_with_a_conflicting_key_keeps_its_values_as_json(spark: SparkSession) -> None:
    """With every kind of character intact."""
    text = 'Müller "&" Søn\\ \t/ 漢字 😀'
    row, _ = resolved(spark, [keyed("T1", 2, amount="1234.50", description=text), keyed("T1", 3)])
    values = json.loads(row["raw_row"])
    assert (values["amount"], values["description"], values["document_date"]) == ("1234.50", text, "2025-01-15")


def test_an_accepted_row_does_not_change(spark: SparkSession) -> None:
    rows = [keyed("T1", 2, description="first"), keyed("T2", 3, amount="7.00")]
    staged = staged_ledger(spark, rows)
    result = rows_of(with_outcomes(staged, repeated_keys(staged, COMPARED)))
    assert sorted(result, key=lambda row: row["source_row"]) == rows_of(staged)


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
def test_a_key_is_kept_once_or_rejected_on_every_line_and_no_cent_is_lost(
    spark: SparkSession, sent: Any, random: Any
) -> None:
    """For any rows in any order."""
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
        outcome = row["outcome"]
        if row in rivals and len({other["amount"] for other in rivals}) > 1:
            outcome = "rejected"
        elif row in rivals and row is not rivals[0]:
            outcome = "duplicate"
        expected[row["source_row"]] = outcome
    result = resolved(spark, random.sample(rows, len(rows)))
    assert {row["source_row"]: row["outcome"] for row in result} == expected
    assert len(result) == len(rows)
    assert sum(row["amount"] for row in result) == sum((Decimal(row["amount"]) for row in rows), Decimal(0))


def test_lines_of_one_row_and_of_other_sheets_are_told_apart_by_column_and_sheet(spark: SparkSession) -> None:
    """The lines of a row have its line number; so has a row of another sheet."""
    rows = [
        keyed("T1", 5, source_sheet="Jan", source_column="Net"),
        keyed("T1", 5, source_sheet="Jan", source_column="Tax"),
        keyed("T1", 5, source_sheet="May", source_column="Net"),
        keyed("T2", 5, source_sheet="Jan", source_column="Fee"),
        keyed("T3", 5),
    ]
    found = {(row["source_sheet"], row["source_column"]): row["outcome"] for row in resolved(spark, rows)}
    assert len(found) == len(rows) == len(resolved(spark, rows))
    assert found == {
        ("Jan", "Net"): "accepted",
        ("Jan", "Tax"): "duplicate",
        ("May", "Net"): "duplicate",
        ("Jan", "Fee"): "accepted",
        (None, None): "accepted",
    }


def test_a_conflict_names_sheet_and_column(spark: SparkSession) -> None:
    rows = [
        keyed("T1", 5, source_column="Net"),
        keyed("T1", 5, source_column="Tax", amount="7.00"),
        keyed("T1", 9, source_sheet="May", amount="7.00"),
    ]
    assert "first on line 5, column 'Net', last on sheet 'May' row 9" in resolved(spark, rows)[0]["reasons"]
