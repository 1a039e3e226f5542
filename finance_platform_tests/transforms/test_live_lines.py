"""`transforms.live_lines`: the ledger lines that count after load modes, and their sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.transforms.live_lines import counted_lines, live_lines, superseded_lines, with_natural_sign
from finance_platform_tests.transforms.rows import Row, assert_matches, few_examples, ledger_line, ledger_lines, rows_of

Counted = Iterable[tuple[str, str, str]]
SupersededKeys = Iterable[tuple[str, str]]
SupersededScopes = Iterable[tuple[str, str, str, str]]


def live(
    spark: SparkSession,
    rows: Iterable[Row],
    counted: Counted,
    keys: SupersededKeys = (),
    scopes: SupersededScopes = (),
) -> list[str]:
    """Return the descriptions of the lines that count.

    Args:
        spark: the session.
        rows: the lines, each with a description of its own.
        counted: delivery, period and scenario.
        keys: delivery and key.
        scopes: delivery, scenario, period and scope.
    """
    schema = "delivery_id string, period string, scenario string"
    counted_rows = counted_lines(ledger_lines(spark, rows), spark.createDataFrame(list(counted), schema))
    keys, scopes = list(keys), list(scopes)
    by_key = spark.createDataFrame(keys, "delivery_id string, line_key string") if keys else None
    scope_schema = "delivery_id string, scenario string, period string, scope_key string"
    by_scope = spark.createDataFrame(scopes, scope_schema) if scopes else None
    result = live_lines(counted_rows, by_key, by_scope)
    live_descriptions = sorted(row["description"] for row in assert_matches(result, TRANSACTIONS))
    superseded = superseded_lines(counted_rows, by_key, by_scope)
    # The control totals rely on the two functions being complements.
    assert sorted([*live_descriptions, *(_descriptions(superseded) if superseded else [])]) == _descriptions(
        counted_rows
    )
    return live_descriptions


def _descriptions(lines: DataFrame) -> list[str]:
    return sorted(row["description"] for row in rows_of(lines))


def sent(delivery: str, key: str | None, day: str, description: str, scenario: str = "Actual") -> Row:
    """Return a line of a delivery."""
    return ledger_line(day, delivery_id=delivery, line_key=key, description=description, scenario=scenario)


def test_a_key_that_a_later_delivery_has_is_superseded_and_the_later_line_counts(spark: SparkSession) -> None:
    """The correction counts, the corrected line does not."""
    rows = [sent("d1", "T1", "2025-01-15", "wrong"), sent("d2", "T1", "2025-01-15", "right")]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    assert live(spark, rows, counted, [("d1", "T1")]) == ["right"]


def test_only_the_superseded_keys_of_a_delivery_are_left_out(spark: SparkSession) -> None:
    """Its other lines stay, including those without a key."""
    rows = [sent("d1", key, "2025-01-15", f"{key}") for key in ("T1", "T2", None)]
    assert live(spark, rows, [("d1", "2025-01", "Actual")], [("d1", "T1")]) == ["None", "T2"]


def test_a_key_is_superseded_in_every_period_and_scenario_of_its_delivery(spark: SparkSession) -> None:
    """The later line may be in another period."""
    rows = [sent("d1", "T1", "2025-01-31", "in January"), sent("d1", "T2", "2025-01-31", "stays")]
    assert live(spark, rows, [("d1", "2025-01", "Actual")], [("d1", "T1")]) == ["stays"]


def test_the_same_key_of_another_delivery_still_counts(spark: SparkSession) -> None:
    """Each feed has its own numbers, and appended lines all count."""
    rows = [
        sent("d1", "T1", "2025-01-15", "of the ledger"),
        sent("d2", "T1", "2025-01-15", "of the bank") | {"feed": "bank"},
    ]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    assert live(spark, rows, counted) == ["of the bank", "of the ledger"]
    assert live(spark, rows, counted, [("d2", "T1")]) == ["of the ledger"]


def test_a_scope_that_a_later_delivery_replaces_is_superseded_and_the_others_stay(spark: SparkSession) -> None:
    """The later file has Sales for January: Works, February and the budget stay with the earlier one."""
    rows = [
        sent("d1", None, "2025-01-15", "January, Sales") | {"scope_key": "sales"},
        sent("d1", None, "2025-01-15", "January, Works") | {"scope_key": "works"},
        sent("d1", None, "2025-02-15", "February, Sales") | {"scope_key": "sales"},
        sent("d1", None, "2025-01-01", "budget, Sales", "Budget") | {"scope_key": "sales"},
        sent("d2", None, "2025-01-15", "January, Sales, again") | {"scope_key": "sales"},
    ]
    counted = [("d1", "2025-01", "Actual"), ("d1", "2025-02", "Actual"), ("d1", "2025-01", "Budget")]
    counted.append(("d2", "2025-01", "Actual"))
    assert live(spark, rows, counted, (), [("d1", "Actual", "2025-01", "sales")]) == [
        "February, Sales",
        "January, Sales, again",
        "January, Works",
        "budget, Sales",
    ]


def test_keys_and_scopes_of_different_feeds_are_superseded_independently(spark: SparkSession) -> None:
    """The lines of one delivery are superseded either by key or by scope."""
    rows = [
        sent("d1", "T1", "2025-01-15", "by key"),
        sent("d1", "T2", "2025-01-15", "left by key"),
        sent("d2", None, "2025-01-15", "by scope") | {"scope_key": "sales"},
        sent("d2", None, "2025-01-15", "left by scope") | {"scope_key": "works"},
    ]
    counted = [("d1", "2025-01", "Actual"), ("d2", "2025-01", "Actual")]
    scopes = [("d2", "Actual", "2025-01", "sales")]
    assert live(spark, rows, counted, [("d1", "T1")], scopes) == ["left by key", "left by scope"]


def test_a_replaced_period_counts_from_its_winner_only_and_the_others_stay(spark: SparkSession) -> None:
    """The later file covers February only, so January is still the earlier file's."""
    rows = [
        sent("d1", None, "2025-01-01", "January, first file", "Budget"),
        sent("d1", None, "2025-02-01", "February, first file", "Budget"),
        sent("d2", None, "2025-02-01", "February, second file", "Budget"),
    ]
    counted = [("d1", "2025-01", "Budget"), ("d2", "2025-02", "Budget")]
    assert live(spark, rows, counted) == ["February, second file", "January, first file"]


def test_a_scenario_is_replaced_independently_of_the_others(spark: SparkSession) -> None:
    """The later file has a forecast for January and no budget: the budget of the earlier file stays."""
    rows = [
        sent("d1", None, "2025-01-01", "budget", "Budget"),
        sent("d1", None, "2025-01-01", "old forecast", "Forecast"),
        sent("d2", None, "2025-01-01", "new forecast", "Forecast"),
    ]
    counted = [("d1", "2025-01", "Budget"), ("d2", "2025-01", "Forecast")]
    assert live(spark, rows, counted) == ["budget", "new forecast"]


def test_identical_lines_of_a_winner_all_count(spark: SparkSession) -> None:
    """Choosing between deliveries never collapses lines within one."""
    rows = [sent("d1", None, "2025-01-15", "taxi"), sent("d1", None, "2025-01-15", "taxi")]
    assert live(spark, rows, [("d1", "2025-01", "Actual")]) == ["taxi", "taxi"]


def test_lines_of_deliveries_that_do_not_count_are_left_out(spark: SparkSession) -> None:
    assert live(spark, [sent("d1", "T1", "2025-01-15", "held")], []) == []


@dataclass(frozen=True)
class Delivery:
    """A random delivery: its feed's load mode, and key, period, scenario and scope of each line."""

    mode: str
    lines: list[tuple[str, str, str, str]]


MONTHS = ("2025-01", "2025-02", "2025-03")
line_parts = st.tuples(
    st.sampled_from(["T1", "T2", "T3"]),
    st.sampled_from(MONTHS),
    st.sampled_from(["Actual", "Budget"]),
    st.sampled_from(["sales", "works"]),
)
random_deliveries = st.lists(
    st.builds(
        Delivery,
        st.sampled_from(["append", "upsert", "replace_period", "replace_scope"]),
        st.lists(line_parts, max_size=5, unique_by=lambda line: line[0]),
    ),
    max_size=6,
)


def applied_in_order(deliveries: list[Delivery], periods: Iterable[str]) -> list[str]:
    """Apply the deliveries one after another, as an accountant with a card index would; return the live lines."""
    cards: dict[tuple[int, int], tuple[str, str, str, str, str]] = {}
    for number, delivery in enumerate(deliveries):
        covered = {line[1:3] for line in delivery.lines}
        for name, (mode, key, period, scenario, scope) in list(cards.items()):
            superseded = mode == "upsert" and key in {line[0] for line in delivery.lines}
            replaced = mode == "replace_period" and (period, scenario) in covered
            replaced |= mode == "replace_scope" and (period, scenario, scope) in {line[1:] for line in delivery.lines}
            if mode == delivery.mode and (superseded or replaced):
                del cards[name]
        for position, line in enumerate(delivery.lines):
            cards[number, position] = (delivery.mode, *line)
    return sorted(f"{name}" for name, (_, _, period, _, _) in cards.items() if period in set(periods))


def counted_in(deliveries: list[Delivery], periods: set[str]) -> Counted:
    """Return delivery, period and scenario that count: the last delivery under replace_period, otherwise all."""
    winners: dict[tuple[str, ...], set[str]] = {}
    for number, delivery in enumerate(deliveries):
        for _, period, scenario, _ in delivery.lines:
            place = (delivery.mode, scenario, period)
            before = set() if delivery.mode == "replace_period" else winners.get(place, set())
            winners[place] = {*before, f"d{number}"}
    return [(d, period, scenario) for (_, scenario, period), ids in winners.items() for d in ids if period in periods]


@few_examples
@given(random_deliveries, st.sets(st.sampled_from(MONTHS), min_size=1))
def test_the_live_lines_are_those_that_remain_when_the_deliveries_are_applied_in_order(
    spark: SparkSession, deliveries: list[Delivery], periods: set[str]
) -> None:
    """For any deliveries under any load modes, with all periods or some; one feed for each mode."""
    rows = [
        sent(f"d{number}", key, f"{period}-15", f"{(number, position)}", scenario)
        | {"feed": delivery.mode, "scope_key": scope}
        for number, delivery in enumerate(deliveries)
        for position, (key, period, scenario, scope) in enumerate(delivery.lines)
    ]
    numbered = list(enumerate(deliveries))
    later = [(n, a, b) for n, a in numbered for m, b in numbered if n < m and a.mode == b.mode]
    keys = {(f"d{n}", line[0]) for n, a, b in later if a.mode == "upsert" for line in b.lines}
    scopes = {
        (f"d{n}", scenario, period, scope)
        for n, a, b in later
        if a.mode == "replace_scope"
        for _, period, scenario, scope in b.lines
    }
    assert live(spark, rows, counted_in(deliveries, periods), keys, scopes) == applied_in_order(deliveries, periods)


def signed(spark: SparkSession, rows: Iterable[Row], types: Mapping[str, str]) -> list[Any]:
    """Return account and amount of each line with its canonical sign."""
    accounts = [(surrogate_key(number), account_type) for number, account_type in types.items()]
    dim_account = spark.createDataFrame(accounts, "account_key bigint, account_type string")
    result = with_natural_sign(ledger_lines(spark, rows), dim_account, None)
    rows = assert_matches(result, TRANSACTIONS)
    return sorted((row["account_number"], row["amount"]) for row in rows)


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
def test_credit_natured_accounts_of_debit_positive_feeds_are_flipped(
    spark: SparkSession, account_type: str, expected: str
) -> None:
    """Earned revenue is then positive, and so is money spent."""
    rows = [ledger_line(amount="100.00", account_number="X", is_debit_positive=True)]
    assert signed(spark, rows, {"X": account_type}) == [("X", Decimal(expected))]


@pytest.mark.parametrize("account_type", TYPES)
def test_amounts_of_a_feed_with_natural_signs_do_not_change(spark: SparkSession, account_type: str) -> None:
    """A credit note on a revenue account stays negative."""
    rows = [ledger_line(amount="-7.25", account_number="X")]
    assert signed(spark, rows, {"X": account_type}) == [("X", Decimal("-7.25"))]


def test_the_feed_of_each_line_decides_whether_it_is_flipped(spark: SparkSession) -> None:
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


def test_a_line_with_an_unknown_account_counts_with_the_sign_as_delivered(spark: SparkSession) -> None:
    """It is not lost."""
    rows = [ledger_line(amount="9.99", account_number="NEW", is_debit_positive=True)]
    assert signed(spark, rows, {"4000": "Revenue"}) == [("NEW", Decimal("9.99"))]


def test_the_largest_amount_survives_the_flip(spark: SparkSession) -> None:
    """Sixteen digits and two decimals."""
    largest = "9999999999999999.99"
    rows = [ledger_line(amount=largest, account_number="4000", is_debit_positive=True)]
    assert signed(spark, rows, {"4000": "Revenue"}) == [("4000", Decimal(f"-{largest}"))]
