"""Tests of `live_lines`: which ledger lines count after load modes, and with which sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.feeds.codes import surrogate_key
from finance_platform.transforms.live_lines import live_lines, with_natural_sign
from finance_platform_tests.transforms.rows import Row, assert_is, few_examples, ledger_line, ledger_lines, rows_of

Counted = Iterable[tuple[str, str, str]]


def live(spark: SparkSession, rows: Iterable[Row], counted: Counted, upserts: Mapping[str, int]) -> list[str]:
    """Return the descriptions of the lines that count; lines are described to know them again."""
    result = live_lines(
        ledger_lines(spark, rows),
        spark.createDataFrame(list(counted), "delivery_id string, period string, scenario string"),
        spark.createDataFrame(list(upserts.items()), "delivery_id string, rank bigint"),
    )
    assert_is(result, TRANSACTIONS)
    return sorted(row["description"] for row in rows_of(result))


def sent(delivery: str, key: str | None, day: str, what: str, scenario: str = "Actual") -> Row:
    """Return a line of a delivery."""
    return ledger_line(day, delivery_id=delivery, line_key=key, description=what, scenario=scenario)


def test_a_later_delivery_of_a_key_hides_the_earlier_one(spark: SparkSession) -> None:
    """The correction counts, the corrected line does not."""
    rows = [sent("d1", "T1", "2025-01-15", "wrong"), sent("d2", "T1", "2025-01-15", "right")]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    assert live(spark, rows, counted, {"d1": 0, "d2": 1}) == ["right"]


def test_the_order_of_deliveries_decides_not_their_names(spark: SparkSession) -> None:
    """A file called z that came first gives way to a file called a."""
    rows = [sent("z", "T1", "2025-01-15", "first"), sent("a", "T1", "2025-01-15", "last")]
    counted = [("z", "2025-01", "Actual"), ("a", "2025-01", "Actual")]
    assert live(spark, rows, counted, {"z": 10, "a": 200}) == ["last"]


def test_a_line_that_moves_to_another_period_leaves_the_one_where_it_was(spark: SparkSession) -> None:
    """Also when only the old period is built anew: there, nothing is left of it."""
    rows = [sent("d1", "T1", "2025-01-31", "in January"), sent("d2", "T1", "2025-02-01", "in February")]
    both = [("d1", "2025-01", "Actual"), ("d2", "2025-02", "Actual")]
    assert live(spark, rows, both, {"d1": 0, "d2": 1}) == ["in February"]
    assert live(spark, rows, both[:1], {"d1": 0, "d2": 1}) == []
    assert live(spark, rows, both[1:], {"d1": 0, "d2": 1}) == ["in February"]


def test_keys_of_two_feeds_do_not_meet(spark: SparkSession) -> None:
    """Each feed numbers its lines on its own."""
    rows = [
        sent("d1", "T1", "2025-01-15", "of the ledger"),
        sent("d2", "T1", "2025-01-15", "of the bank") | {"feed": "bank"},
    ]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    assert live(spark, rows, counted, {"d1": 0, "d2": 1}) == ["of the bank", "of the ledger"]


def test_appended_lines_all_count_even_with_equal_keys(spark: SparkSession) -> None:
    """Only an upsert lets keys hide each other."""
    rows = [sent("d1", "T1", "2025-01-15", "one"), sent("d2", "T1", "2025-01-15", "two")]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    assert live(spark, rows, counted, {}) == ["one", "two"]


def test_a_replaced_period_counts_from_its_winner_only_and_the_others_stay(spark: SparkSession) -> None:
    """The later file covers February only, so January is still the earlier file's."""
    rows = [
        sent("d1", None, "2025-01-01", "January, first file", "Budget"),
        sent("d1", None, "2025-02-01", "February, first file", "Budget"),
        sent("d2", None, "2025-02-01", "February, second file", "Budget"),
    ]
    counted = [("d1", "2025-01", "Budget"), ("d2", "2025-02", "Budget")]
    assert live(spark, rows, counted, {}) == ["February, second file", "January, first file"]


def test_a_scenario_is_replaced_on_its_own(spark: SparkSession) -> None:
    """The later file has a forecast for January and no budget: the budget of the earlier file stays."""
    rows = [
        sent("d1", None, "2025-01-01", "budget", "Budget"),
        sent("d1", None, "2025-01-01", "old forecast", "Forecast"),
        sent("d2", None, "2025-01-01", "new forecast", "Forecast"),
    ]
    counted = [("d1", "2025-01", "Budget"), ("d2", "2025-01", "Forecast")]
    assert live(spark, rows, counted, {}) == ["budget", "new forecast"]


def test_identical_lines_of_a_winner_all_count(spark: SparkSession) -> None:
    """Choosing between deliveries never collapses lines within one."""
    rows = [sent("d1", None, "2025-01-15", "taxi"), sent("d1", None, "2025-01-15", "taxi")]
    assert live(spark, rows, [("d1", "2025-01", "Actual")], {}) == ["taxi", "taxi"]


def test_lines_of_deliveries_that_do_not_count_are_left_out(spark: SparkSession) -> None:
    """Nothing counted, nothing live."""
    assert live(spark, [sent("d1", "T1", "2025-01-15", "held")], [], {}) == []


@dataclass(frozen=True)
class Delivery:
    """A delivery of the law below: its feed's load mode, and (key, period, scenario) of each line."""

    mode: str
    lines: list[tuple[str, str, str]]


MONTHS = ("2025-01", "2025-02", "2025-03")
line_parts = st.tuples(
    st.sampled_from(["T1", "T2", "T3"]), st.sampled_from(MONTHS), st.sampled_from(["Actual", "Budget"])
)
random_deliveries = st.lists(
    st.builds(
        Delivery,
        st.sampled_from(["append", "upsert", "replace_period"]),
        st.lists(line_parts, max_size=5, unique_by=lambda line: line[0]),
    ),
    max_size=6,
)


def by_hand(deliveries: list[Delivery], wanted: Iterable[str]) -> list[str]:
    """Play the deliveries one after another, as an accountant with a card index would."""
    cards: dict[tuple[int, int], tuple[str, str, str, str]] = {}
    for number, delivery in enumerate(deliveries):
        covered = {(scenario, period) for _, period, scenario in delivery.lines}
        for name, (mode, key, period, scenario) in list(cards.items()):
            hidden = mode == "upsert" and key in {line[0] for line in delivery.lines}
            replaced = mode == "replace_period" and (scenario, period) in covered
            if mode == delivery.mode and (hidden or replaced):
                del cards[name]
        for position, line in enumerate(delivery.lines):
            cards[number, position] = (delivery.mode, *line)
    return sorted(f"{name}" for name, (_, _, period, _) in cards.items() if period in set(wanted))


@few_examples
@given(random_deliveries, st.sets(st.sampled_from(MONTHS), min_size=1))
def test_what_is_live_is_what_playing_the_deliveries_in_order_leaves(
    spark: SparkSession, deliveries: list[Delivery], wanted: set[str]
) -> None:
    """For any deliveries under any load modes, built whole or some periods of it; one feed for each mode."""
    rows: list[Row] = []
    winners: dict[tuple[str, ...], set[str]] = {}
    for number, delivery in enumerate(deliveries):
        name = f"d{number}"
        for position, (key, period, scenario) in enumerate(delivery.lines):
            what = f"{(number, position)}"
            rows.append(sent(name, key, f"{period}-15", what, scenario) | {"feed": delivery.mode})
            if delivery.mode == "replace_period":
                winners[delivery.mode, scenario, period] = {name}
            else:
                winners.setdefault((delivery.mode, scenario, period), set()).add(name)
    counted = [(d, period, scenario) for (_, scenario, period), ids in winners.items() for d in ids if period in wanted]
    upserts = {f"d{n}": n for n, delivery in enumerate(deliveries) if delivery.mode == "upsert"}
    assert live(spark, rows, counted, upserts) == by_hand(deliveries, wanted)


def signed(spark: SparkSession, rows: Iterable[Row], types: Mapping[str, str]) -> list[Any]:
    """Return account and amount of each line after signs, given the accounts' types."""
    accounts = [(surrogate_key(number), its_type) for number, its_type in types.items()]
    dim_account = spark.createDataFrame(accounts, "account_key bigint, account_type string")
    result = with_natural_sign(ledger_lines(spark, rows), dim_account)
    assert_is(result, TRANSACTIONS)
    return sorted((row["account_number"], row["amount"]) for row in rows_of(result))


TYPES = {
    "Revenue": "-100.00",
    "Liability": "-100.00",
    "Equity": "-100.00",
    "Expense": "100.00",
    "Asset": "100.00",
    "Statistical": "100.00",
    "Unknown": "100.00",
}


@pytest.mark.parametrize(("account_type", "expected"), TYPES.items(), ids=TYPES.keys())
def test_debit_less_credit_becomes_the_sign_in_which_people_speak(
    spark: SparkSession, account_type: str, expected: str
) -> None:
    """Credit-natured accounts are flipped: revenue earned is then positive, as is money spent."""
    rows = [ledger_line(amount="100.00", account_number="X", is_debit_positive=True)]
    assert signed(spark, rows, {"X": account_type}) == [("X", Decimal(expected))]


@pytest.mark.parametrize("account_type", TYPES)
def test_a_feed_with_natural_signs_is_left_as_it_is(spark: SparkSession, account_type: str) -> None:
    """A credit note on a revenue account stays negative."""
    rows = [ledger_line(amount="-7.25", account_number="X")]
    assert signed(spark, rows, {"X": account_type}) == [("X", Decimal("-7.25"))]


def test_signs_are_a_matter_of_each_line_not_of_the_account(spark: SparkSession) -> None:
    """Two feeds with different signs book to one account."""
    rows = [
        ledger_line(amount="-50.00", account_number="4000", is_debit_positive=True),
        ledger_line(amount="30.00", account_number="4000"),
        ledger_line(amount="0.00", account_number="4000", is_debit_positive=True),
    ]
    assert [amount for _, amount in signed(spark, rows, {"4000": "Revenue"})] == [
        Decimal("0.00"),
        Decimal("30.00"),
        Decimal("50.00"),
    ]


def test_a_line_whose_account_nobody_knows_is_not_lost(spark: SparkSession) -> None:
    """Its money counts, with the sign as delivered."""
    rows = [ledger_line(amount="9.99", account_number="NEW", is_debit_positive=True)]
    assert signed(spark, rows, {"4000": "Revenue"}) == [("NEW", Decimal("9.99"))]


def test_the_largest_amount_survives_the_flip(spark: SparkSession) -> None:
    """Sixteen digits and two decimals."""
    largest = "9999999999999999.99"
    rows = [ledger_line(amount=largest, account_number="4000", is_debit_positive=True)]
    assert signed(spark, rows, {"4000": "Revenue"}) == [("4000", Decimal(f"-{largest}"))]
