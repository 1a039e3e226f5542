"""`spark_jobs.control_totals`: a line that is lost, doubled or changed on the way to the star is a difference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import first_day
from finance_platform.slices.commits import Difference, SupersededLines
from finance_platform.spark_jobs.control_totals import (
    PERIOD_LINE_SUMS,
    PERIOD_STAR_SUMS,
    STAR_SUMS,
    PeriodControl,
    ScenarioFigures,
    compare,
    compare_accounts,
    control_sums,
    star_sums,
    superseded_sums,
)
from finance_platform.spark_jobs.tables import collect_table
from finance_platform.transforms.fact_financials import fact_cells, fact_financials
from finance_platform.transforms.live_lines import live_lines, superseded_lines, with_natural_sign
from finance_platform_tests.transforms.rows import Row, ledger_line, ledger_lines, sums_of_lines

ACTUAL, BUDGET = surrogate_key("Actual"), surrogate_key("Budget")
TYPES = {"4000": "Revenue", "6000": "Expense"}
PERIODS = ("2025-01", "2025-02")
WITHOUT_STAR = PERIOD_STAR_SUMS.empty_table()

ROWS: list[Row] = [
    ledger_line("2025-01-15", "100.00", line_key="T1"),
    ledger_line("2025-01-20", "0.10", line_key="T2"),
    ledger_line("2025-01-20", "7.00", line_key="T3", account_number="6000"),
    ledger_line("2025-01-20", "-50.00", account_number="4000", is_debit_positive=True, delivery_id="gl"),
    ledger_line("2025-01-21", "20.00", account_number="6000", is_debit_positive=True, delivery_id="gl"),
    ledger_line("2025-02-03", "3.00", line_key="T4"),
    ledger_line("2025-01-01", "200.00", scenario="Budget", delivery_id="plan"),
    ledger_line("2025-02-01", "150.00", scenario="Budget", delivery_id="plan"),
]


def accounts(spark: SparkSession, **others: str) -> DataFrame:
    """Return the types of the accounts; `others` overrides them, with `a4000` for account 4000."""
    types = {**TYPES, **{name[1:]: account_type for name, account_type in others.items()}}
    rows = [(surrogate_key(number), account_type) for number, account_type in types.items()]
    return spark.createDataFrame(rows, "account_key bigint, account_type string")


def star_of(spark: SparkSession, lines: DataFrame, types: DataFrame) -> DataFrame:
    """Return the facts of live lines."""
    coverage = spark.createDataFrame(
        [(period, first_day(period), None) for period in PERIODS],
        "period string, first_day date, actual_covers boolean",
    )
    signed = with_natural_sign(lines, types, None)
    return fact_financials(fact_cells(signed), coverage, BUDGET, ACTUAL)


def compared(control: DataFrame, star: DataFrame) -> dict[str, PeriodControl]:
    return compare(collect_table(control, PERIOD_LINE_SUMS), collect_table(star_sums(star), PERIOD_STAR_SUMS))


def compared_in_task(spark: SparkSession, period: str, rows: Iterable[Row] = ROWS) -> PeriodControl:
    """Return the comparison of a period whose lines a task sums."""
    star = star_sums(star_of(spark, ledger_lines(spark, ROWS), accounts(spark))).collect()
    columns = pa.Table.from_pylist([row.asDict() for row in star if row["period"] == period]).select(STAR_SUMS.names)
    return compare_accounts(sums_of_lines(rows, period, {surrogate_key("4000")}).accounts(), columns.cast(STAR_SUMS))


def differences(
    spark: SparkSession, star_rows: Iterable[Row], rows: Iterable[Row] = ROWS, **types: str
) -> list[tuple[str, str, str, str]]:
    """Return period, account, lines and star of the differences when the star is built from other lines or types."""
    control = control_sums(ledger_lines(spark, rows), None, accounts(spark), None)
    periods = compared(control, star_of(spark, ledger_lines(spark, star_rows), accounts(spark, **types)))
    numbers = {surrogate_key(number): number for number in TYPES}
    return [
        (period, numbers[difference.account_key], difference.lines, difference.star)
        for period, period_control in periods.items()
        for difference in period_control.differences
    ]


def test_a_star_of_all_its_lines_has_no_difference_and_its_figures_are_reported(spark: SparkSession) -> None:
    """Both signs, two scenarios, two periods; a budgeted cell without actuals has no line."""
    control = control_sums(ledger_lines(spark, ROWS), None, accounts(spark), None)
    periods = compared(control, star_of(spark, ledger_lines(spark, ROWS), accounts(spark)))
    assert periods == {period: compared_in_task(spark, period) for period in PERIODS}
    assert {
        name: PeriodControl.from_json(json.loads(json.dumps(one.to_json()))) for name, one in periods.items()
    } == periods
    january = periods["2025-01"]
    assert [period.differences for period in periods.values()] == [[], []]
    assert (january.star[ACTUAL].lines, january.star[ACTUAL].amount) == (5, Decimal("177.10"))
    assert (january.star[BUDGET].lines, january.star[BUDGET].amount) == (1, Decimal("200.00"))
    assert january.star[ACTUAL].budget_amount == january.star[BUDGET].amount
    assert january.delivered == {ACTUAL: Decimal("77.10"), BUDGET: Decimal("200.00")}
    assert [period.accounts_compared for period in periods.values()] == [3, 2]


def test_a_line_that_a_task_loses_or_doubles_is_a_difference(spark: SparkSession) -> None:
    """Its sums by account do not depend on its sums by cell."""
    lost, doubled = compared_in_task(spark, "2025-01", ROWS[1:]), compared_in_task(spark, "2025-01", [*ROWS, ROWS[2]])
    assert [(one.lines, one.star) for one in lost.differences] == [("2 lines, 50.10", "3 lines, 150.10")]
    assert [(one.lines, one.star) for one in doubled.differences] == [("3 lines, 34.00", "2 lines, 27.00")]
    assert not compared_in_task(spark, "2025-01").differences


def test_a_lost_line_is_a_difference(spark: SparkSession) -> None:
    """It has period and account, with lines and money on both sides."""
    assert differences(spark, ROWS[1:]) == [("2025-01", "4000", "3 lines, 150.10", "2 lines, 50.10")]


def test_a_doubled_line_is_a_difference(spark: SparkSession) -> None:
    """As by a join that fans out."""
    assert differences(spark, [*ROWS, ROWS[2]]) == [("2025-01", "6000", "2 lines, 27.00", "3 lines, 34.00")]


def test_a_lost_line_without_money_is_a_difference(spark: SparkSession) -> None:
    """The amounts alone would not show it."""
    rows = [*ROWS, ledger_line("2025-02-04", "0.00", line_key="T9")]
    assert differences(spark, ROWS, rows) == [("2025-02", "4000", "2 lines, 3.00", "1 lines, 3.00")]


def test_two_faults_that_cancel_out_in_a_scenario_are_two_differences(spark: SparkSession) -> None:
    """An amount on the wrong account does not change the scenario's sum."""
    moved = [*ROWS[:2], {**ROWS[2], "account_number": "4000", "account_key": surrogate_key("4000")}, *ROWS[3:]]
    assert {(period, account) for period, account, _, _ in differences(spark, moved)} == {
        ("2025-01", "4000"),
        ("2025-01", "6000"),
    }


def test_a_wrong_sign_is_a_difference(spark: SparkSession) -> None:
    """A revenue account that is treated as an expense is not flipped."""
    assert differences(spark, ROWS, a4000="Expense") == [("2025-01", "4000", "3 lines, 150.10", "3 lines, 50.10")]


def test_a_line_in_another_period_is_a_difference_in_both(spark: SparkSession) -> None:
    """Sums over all periods would be the same."""
    moved = [ledger_line("2025-02-15", "100.00", line_key="T1"), *ROWS[1:]]
    assert [period for period, *_ in differences(spark, moved)] == ["2025-01", "2025-02"]


def test_a_scenario_that_the_star_lacks_is_a_difference(spark: SparkSession) -> None:
    """Although the star has no row of it."""
    without_budget = differences(spark, [row for row in ROWS if row["scenario"] != "Budget"])
    assert [(period, lines, star) for period, _, lines, star in without_budget] == [
        ("2025-01", "1 lines, 200.00", "0 lines, 0.00"),
        ("2025-02", "1 lines, 150.00", "0 lines, 0.00"),
    ]


SUPERSEDED: list[tuple[str, Callable[[SparkSession], tuple[DataFrame | None, DataFrame | None]]]] = [
    (
        "by key",
        lambda spark: (
            spark.createDataFrame([("d1", "T1"), ("d1", "T4")], "delivery_id string, line_key string"),
            None,
        ),
    ),
    (
        "by scope",
        lambda spark: (
            None,
            spark.createDataFrame(
                [("gl", "Actual", "2025-01", "sales")],
                "delivery_id string, scenario string, period string, scope_key string",
            ),
        ),
    ),
]


@pytest.mark.parametrize("superseded", [make for _, make in SUPERSEDED], ids=[name for name, _ in SUPERSEDED])
def test_superseded_lines_are_subtracted_from_the_lines_that_count(
    spark: SparkSession, superseded: Callable[[SparkSession], tuple[DataFrame | None, DataFrame | None]]
) -> None:
    """A star of the live lines agrees, one of all lines does not."""
    rows = [{**row, "scope_key": "sales"} if row["delivery_id"] == "gl" else row for row in ROWS]
    counted, (keys, scopes) = ledger_lines(spark, rows), superseded(spark)
    control = control_sums(counted, superseded_lines(counted, keys, scopes), accounts(spark), None)
    right = compared(control, star_of(spark, live_lines(counted, keys, scopes), accounts(spark)))
    assert not any(period.differences for period in right.values())
    wrong = compared(control, star_of(spark, counted, accounts(spark)))
    assert any(period.differences for period in wrong.values())


def test_an_account_whose_lines_are_all_superseded_is_not_expected_in_the_star(spark: SparkSession) -> None:
    counted = ledger_lines(spark, ROWS[2:3])
    keys = spark.createDataFrame([("d1", "T3")], "delivery_id string, line_key string")
    control = control_sums(counted, superseded_lines(counted, keys, None), accounts(spark), None)
    january = compare(collect_table(control, PERIOD_LINE_SUMS), WITHOUT_STAR)["2025-01"]
    assert not january.differences
    assert (january.superseded_lines, january.superseded_amount) == (1, Decimal("7.00"))


def test_only_the_first_differences_are_listed() -> None:
    """A star that is wrong everywhere does not fill the commit."""
    lines = [
        {
            "period": "2025-01",
            "scenario_key": 1,
            "account_key": number,
            "lines": 1,
            "amount": Decimal("1.00"),
            "delivered": Decimal("1.00"),
            "absolute": Decimal("1.00"),
            "superseded_lines": 0,
            "superseded_amount": Decimal("0.00"),
        }
        for number in range(80)
    ]
    january = compare(pa.Table.from_pylist(lines), WITHOUT_STAR)["2025-01"]
    assert (january.accounts_compared, len(january.differences)) == (80, 50)
    assert january.differences[0] == Difference(1, 0, "1 lines, 1.00", "0 lines, 0.00")
    assert (january.star, january.delivered) == ({}, {1: Decimal("80.00")})


SUMS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 5)),
    st.tuples(st.integers(0, 2), st.integers(-300, 300), st.integers(-300, 300)),
    max_size=9,
)


@given(SUMS, SUMS, st.booleans())
def test_exactly_the_accounts_whose_lines_or_amounts_differ_are_differences(
    lines: dict[tuple[int, int], tuple[int, int, int]], star: dict[tuple[int, int], tuple[int, int, int]], is_same: bool
) -> None:
    def money(cents: int) -> Decimal:
        return Decimal(cents).scaleb(-2)

    place, star = ("scenario_key", "account_key"), lines if is_same else star
    of_lines = [
        dict(zip(place, key, strict=True))
        | {"lines": count, "amount": money(one), "delivered": money(other), "absolute": abs(money(other))}
        for key, (count, one, other) in lines.items()
    ]
    of_star = [
        dict(zip(place, key, strict=True))
        | {"rows": 1 + count, "lines": count, "amount": money(one), "budget_amount": money(other)}
        for key, (count, one, other) in star.items()
    ]
    schema = sums_of_lines([], "2025-01", set()).accounts().schema
    control = compare_accounts(pa.Table.from_pylist(of_lines, schema), pa.Table.from_pylist(of_star, STAR_SUMS))
    expected = {key: (count, money(one)) for key, (count, one, _) in lines.items() if count}
    built = {key: (count, money(one)) for key, (count, one, _) in star.items()}
    nothing = (0, money(0))
    pairs = {key: (expected.get(key, nothing), built.get(key, nothing)) for key in sorted(expected.keys() | built)}
    assert control.accounts_compared == len(pairs)
    assert control.differences == [
        Difference(*key, *(f"{count} lines, {amount}" for count, amount in pair))
        for key, pair in pairs.items()
        if pair[0] != pair[1]
    ]
    delivered = [cents for count, _, cents in lines.values() if count]
    assert sum(control.delivered.values()) == money(sum(delivered))
    assert sum(control.absolute.values()) == money(sum(map(abs, delivered)))
    assert sum(one.lines for one in control.star.values()) == sum(count for count, _ in built.values())


def test_without_lines_and_star_there_are_no_figures() -> None:
    assert compare(WITHOUT_STAR, WITHOUT_STAR) == {}
    assert ScenarioFigures() == (0, 0, Decimal("0.00"), Decimal("0.00"))


def test_gross_amounts_are_of_the_remaining_lines_and_superseded_ones_are_counted_by_delivery(
    spark: SparkSession,
) -> None:
    counted = ledger_lines(spark, ROWS)
    keys = spark.createDataFrame([("d1", "T1"), ("d1", "T4")], "delivery_id string, line_key string")
    replaced = superseded_lines(counted, keys, None)
    assert replaced is not None
    control = control_sums(counted, replaced, accounts(spark), None)
    january = compared(control, star_of(spark, live_lines(counted, keys, None), accounts(spark)))["2025-01"]
    assert january.absolute == {ACTUAL: Decimal("77.10"), BUDGET: Decimal("200.00")}
    assert superseded_sums(replaced, accounts(spark)) == {
        "2025-01": [SupersededLines("d1", "Actual", 1, Decimal("100.00"), Decimal("100.00"))],
        "2025-02": [SupersededLines("d1", "Actual", 1, Decimal("3.00"), Decimal("3.00"))],
    }
