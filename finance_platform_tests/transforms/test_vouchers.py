"""`transforms.vouchers`: vouchers of one delivery that do not balance or have a rejected line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.feeds.reasons import reasons_from_json
from finance_platform.transforms.repeated_keys import repeated_keys, with_outcomes
from finance_platform.transforms.vouchers import rejected_vouchers, voucher_periods, with_rejected_vouchers
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.transforms.rows import Row, few_examples, ledger_line, rows_of, staged_ledger

Results = Mapping[str, Sequence[Row]]
NAMES = ("V'1", 'V"1\\', "V" * 200)
SHOWN = ("document_date", "department_code", "account_number", "amount")


def of_voucher(voucher: str | None, amount: str, row: int, outcome: str = "accepted", **others: Any) -> Row:
    """Return a line of a voucher."""
    rules = {"rules": "invalid_date", "reasons": "no date", "raw_row": "{}"} if outcome == "rejected" else {}
    exact: Row = {"voucher": voucher, "voucher_amount": Decimal(amount)}
    line = ledger_line(amount=str(round(Decimal(amount), 2)))
    return line | {"source_row": row, "outcome": outcome} | exact | rules | others


def resolved(spark: SparkSession, rows: Iterable[Row]) -> list[Row]:
    """Return the rows with their final outcomes, by delivery and line."""
    staged = staged_ledger(spark, rows)
    with_keys = with_outcomes(staged, repeated_keys(staged, SHOWN))
    result = rows_of(with_rejected_vouchers(with_keys, rejected_vouchers(with_keys), SHOWN))
    return sorted(result, key=lambda row: (row["delivery_id"], row["source_row"]))


def words(row: Row) -> str:
    """Return the only reason of a row, for people."""
    (reason,) = reasons_from_json(row["reasons"])
    assert reason.rule == row["rules"]
    return reason.words


REJECTED = "rejected"
CASES: dict[str, Sequence[Row]] = {
    "balanced": [
        of_voucher("V1", "10.00", 2),
        of_voucher("V2", "5.00", 3),
        of_voucher("V1", "-10.00", 4),
        of_voucher("V2", "-5.00", 5),
    ],
    "unbalanced": [of_voucher("V1", "1210.00", 2), of_voucher("V1", "-1200.005", 3), of_voucher("V2", "0.00", 4)],
    # Rounded to cents, 3 times 33.33 would lack a cent.
    "exact": [
        of_voucher("V1", "33.333333333333333333", 2),
        of_voucher("V1", "33.333333333333333333", 3),
        of_voucher("V1", "33.333333333333333334", 4),
        of_voucher("V1", "-100", 5),
    ],
    "half": [
        of_voucher("V1", "10.00", 2),
        of_voucher("V1", "-4.00", 5, REJECTED),
        of_voucher("V1", "-6.00", 3),
        of_voucher("V1", "0.00", 9, REJECTED),
    ],
    "no amount": [
        of_voucher("V1", "0.00", 2),
        of_voucher("V1", "0", 3, REJECTED) | {"amount": None, "voucher_amount": None},
    ],
    # The first of identical rows counts, so the voucher balances.
    "repeated": [
        of_voucher("V1", "10.00", 2, line_key="A"),
        of_voucher("V1", "10.00", 3, line_key="A"),
        of_voucher("V1", "-10.00", 4, line_key="B"),
    ],
    "contradiction": [
        of_voucher("V1", "10.00", 2, line_key="A"),
        of_voucher("V1", "-10.00", 3, line_key="B"),
        of_voucher("V2", "7.00", 4, line_key="A"),
        of_voucher("V2", "-7.00", 5, line_key="C"),
    ],
    "skipped": [of_voucher("V1", "3.00", 2, "skipped"), of_voucher(None, "5.00", 3), of_voucher("V1", "0.00", 4)],
    "two": [
        of_voucher("V1", "10.00", 2),
        of_voucher("V1", "-10.00", 3),
        of_voucher("V1", "1.00", 2, delivery_id="two/other"),
    ],
    **{f"name {name}": [of_voucher(name, "1.00", 2)] for name in NAMES},
}
"""The lines of each case are a delivery of their own, so that one query answers all."""


@pytest.fixture(scope="module")
def results(spark: SparkSession) -> Results:
    """The rows of each case with their final outcomes, by line."""
    rows = [{**row, "delivery_id": _delivery(case, row)} for case, rows in CASES.items() for row in rows]
    found: dict[str, list[Row]] = {case: [] for case in CASES}
    for row in resolved(spark, rows):
        found[row["delivery_id"].partition("/")[0]].append(row)
    return found


def _delivery(case: str, row: Row) -> str:
    return str(row["delivery_id"]) if "/" in row["delivery_id"] else case


def outcomes(rows: Iterable[Row]) -> list[str]:
    """Return the outcomes in the order of lines."""
    return [row["outcome"] for row in rows]


def test_a_voucher_that_balances_is_accepted_wherever_its_lines_are(results: Results) -> None:
    assert outcomes(results["balanced"]) == ["accepted"] * 4


def test_the_periods_that_have_lines_of_one_voucher_are_found(spark: SparkSession) -> None:
    rows = [
        of_voucher("V1", "10.00", 2, period="2025-01"),
        of_voucher("V1", "-10.00", 3, period="2025-02"),
        of_voucher("V2", "5.00", 4, period="2025-03"),
        of_voucher("V2", "-5.00", 5, period="2025-03"),
        of_voucher("V3", "5.00", 6, period="2025-03"),
        of_voucher("V3", "5.00", 7, "rejected", period="2025-04"),
        of_voucher(None, "1.00", 8, period="2025-05"),
    ]
    pairs = {(row["first"], row["other"]) for row in voucher_periods(staged_ledger(spark, rows)).collect()}
    assert pairs == {("2025-01", "2025-02")}


def test_a_voucher_that_does_not_balance_is_rejected_whole_with_both_sides(results: Results) -> None:
    first, second, other = results["unbalanced"]
    assert [first["outcome"], second["outcome"], other["outcome"]] == ["rejected", "rejected", "accepted"]
    assert first["rules"] == "unbalanced_voucher"
    assert words(first) == "the voucher 'V1' does not balance: debit 1,210.00, credit 1,200.005, difference 9.995"
    assert json.loads(first["raw_row"])["amount"] == "1210.00"
    assert (first["amount"], other["reasons"]) == (Decimal("1210.00"), None)


def test_a_voucher_balances_before_its_lines_are_rounded(results: Results) -> None:
    assert outcomes(results["exact"]) == ["accepted"] * 4


def test_one_rejected_line_rejects_its_voucher_and_is_named_first(results: Results) -> None:
    good, other, bad, last = results["half"]
    assert {row["outcome"] for row in (good, other, bad, last)} == {"rejected"}
    assert (good["rules"], bad["rules"]) == ("half_voucher", "invalid_date")
    assert words(good) == "the voucher 'V1' is rejected whole, because line 5 of it is rejected: invalid_date"
    assert bad["reasons"] == "no date"


def test_a_rejected_line_without_a_valid_amount_rejects_its_voucher(results: Results) -> None:
    assert outcomes(results["no amount"]) == ["rejected", "rejected"]


def test_a_repeated_line_is_no_part_of_its_voucher(results: Results) -> None:
    assert outcomes(results["repeated"]) == ["accepted", "duplicate", "accepted"]


def test_lines_that_contradict_each_other_under_a_key_reject_their_vouchers(results: Results) -> None:
    assert outcomes(results["contradiction"]) == ["rejected"] * 4


def test_skipped_rows_and_lines_without_a_voucher_are_left_alone(results: Results) -> None:
    assert outcomes(results["skipped"]) == ["skipped", "accepted", "accepted"]


def test_vouchers_of_two_deliveries_with_one_name_are_two_vouchers(results: Results) -> None:
    assert outcomes(results["two"]) == ["accepted", "accepted", "rejected"]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["V1", "V2", "V3"]),
        st.sampled_from(["-1.005", "-1", "1", "1.005", "2"]),
        st.sampled_from(["accepted", "accepted", "accepted", "rejected"]),
    ),
    max_size=8,
)
DELIVERIES = 6
"""So many at once: the engine takes as long for one. The first example has no lines at all, the second any lines."""


@settings(few_examples, max_examples=current_profile().examples_of_slow(8))
@given(st.lists(LINES, min_size=DELIVERIES, max_size=DELIVERIES))
def test_what_is_accepted_of_any_vouchers_balances_and_no_voucher_is_split(
    spark: SparkSession, deliveries: list[list[tuple[str, str, str]]]
) -> None:
    rows = [
        of_voucher(voucher, amount, row, outcome, delivery_id=f"d{number}")
        for number, lines in enumerate(deliveries)
        for row, (voucher, amount, outcome) in enumerate(lines, start=2)
    ]
    result = resolved(spark, rows)
    assert len(result) == len(rows)
    for number, lines in enumerate(deliveries):
        for voucher in {"V1", "V2", "V3"}:
            of_one = [row for row in result if (row["delivery_id"], row["voucher"]) == (f"d{number}", voucher)]
            has_all = all(outcome == "accepted" for name, _, outcome in lines if name == voucher)
            is_zero = not sum(Decimal(amount) for name, amount, _ in lines if name == voucher)
            assert {row["outcome"] for row in of_one} <= {"accepted" if has_all and is_zero else "rejected"}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_voucher_is_data(results: Results, name: str) -> None:
    (row,) = results[f"name {name}"]
    assert row["outcome"] == "rejected"
    assert words(row).endswith("does not balance: debit 1.00, credit 0.00, difference 1.00")
