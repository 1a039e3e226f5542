"""`transforms.fact_financials`: amounts of scenarios beside the baseline, at a grain at which sums are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import first_day
from finance_platform.slices.versions import actual_covers
from finance_platform.transforms.fact_financials import fact_cells, fact_financials
from finance_platform.transforms.fact_tables import fact_rows
from finance_platform_tests.transforms.rows import Row, few_examples, ledger_line, ledger_lines, sums_of_lines

ZERO = Decimal("0.00")
SCENARIOS = ("Actual", "Budget", "Budget Q1", "Forecast")


def facts(
    spark: SparkSession,
    lines: Sequence[Row],
    *,
    baseline: str = "Budget",
    actuals_through: str | None = None,
    periods: Iterable[str] | None = None,
    is_coverage_known: bool = True,
) -> list[Row]:
    """Return the fact rows of all periods with lines, or of some, as Spark and as a task builds them."""
    requested = set(periods or (line["period"] for line in lines))
    with_actuals = sorted({line["period"] for line in lines if line["scenario_type"] == "Actual"})
    covers = {p: actual_covers(p, with_actuals, actuals_through) if is_coverage_known else None for p in requested}
    coverage = [(p, first_day(p), covers[p]) for p in sorted(requested)]
    result = fact_financials(
        fact_cells(ledger_lines(spark, [line for line in lines if line["period"] in requested])),
        spark.createDataFrame(coverage, "period string, first_day date, actual_covers boolean"),
        surrogate_key(baseline),
        surrogate_key("Actual"),
    )
    stored = [(field.name, str(field.type)) for field in arrow_schema(FACT_FINANCIALS.stored_columns)]
    table = result.toArrow()
    assert [(f.name, str(f.type)) for f in table.schema][:-1] == stored
    rows: list[Row] = table.to_pylist()
    for period in requested:
        of_task = facts_of_task(lines, period, covers[period], surrogate_key(baseline))
        of_spark = [{name: row[name] for name, _ in stored} for row in rows if row["period"] == period]
        order = ("scenario_key", "date_key", "department_key", "account_key")
        assert of_task == sorted(of_spark, key=lambda row: [row[name] for name in order])
    return rows


def facts_of_task(lines: Iterable[Row], period: str, covers: bool | None, baseline_key: int) -> list[Row]:
    """Return the fact rows of a period as a task builds them, in the order of its file."""
    sums = sums_of_lines(lines, period)
    if sums.is_empty:
        return []
    actual_key = surrogate_key("Actual")
    rows = fact_rows(sums.cells(), sums.scenarios, first_day(period), covers, baseline_key, actual_key)
    assert rows.schema.equals(arrow_schema(FACT_FINANCIALS.stored_columns))
    result: list[Row] = rows.to_pylist()
    return result


def shown(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Return day, scenario, Amount, BudgetAmount, Variance and TransactionCount of each row, sorted."""
    names = {surrogate_key(name): name for name in SCENARIOS}
    return sorted(
        (
            row["date_key"],
            names[row["scenario_key"]],
            *(str(row[measure]) for measure in ("amount", "budget_amount", "variance")),
            row["transaction_count"],
        )
        for row in rows
    )


def test_lines_of_one_day_department_account_and_scenario_are_one_row(spark: SparkSession) -> None:
    """With their sum and number."""
    lines = [ledger_line("2025-01-15", amount) for amount in ("10.00", "-2.50", "0.01")]
    lines.append(ledger_line("2025-01-16", "1.00"))
    assert shown(facts(spark, lines)) == [
        (20250115, "Actual", "7.51", "0.00", "7.51", 3),
        (20250116, "Actual", "1.00", "0.00", "1.00", 1),
    ]


def test_another_department_or_account_is_another_row(spark: SparkSession) -> None:
    """The grain is not coarser."""
    lines = [
        ledger_line(),
        ledger_line(department_code="D2"),
        ledger_line(account_number="5000"),
        ledger_line(account_number="5000", department_code="D2"),
    ]
    rows = facts(spark, lines)
    assert len({(row["department_key"], row["account_key"]) for row in rows}) == len(rows) == 4


def test_the_budget_is_booked_on_the_first_of_the_month_beside_the_actuals(spark: SparkSession) -> None:
    """The actuals keep their days; the sums of the month can be compared."""
    lines = [
        ledger_line("2025-01-15", "70.00"),
        ledger_line("2025-01-31", "50.00"),
        ledger_line("2025-01-15", "100.00", scenario="Budget"),
    ]
    assert shown(facts(spark, lines)) == [
        (20250101, "Actual", "0.00", "100.00", "-100.00", 0),
        (20250101, "Budget", "100.00", "100.00", "0.00", 1),
        (20250115, "Actual", "70.00", "0.00", "70.00", 1),
        (20250131, "Actual", "50.00", "0.00", "50.00", 1),
    ]


def test_actuals_of_the_first_of_the_month_and_the_budget_share_a_row(spark: SparkSession) -> None:
    """Two rows there would break the grain."""
    lines = [ledger_line("2025-01-01", "70.00"), ledger_line("2025-01-01", "100.00", scenario="Budget")]
    assert shown(facts(spark, lines)) == [
        (20250101, "Actual", "70.00", "100.00", "-30.00", 1),
        (20250101, "Budget", "100.00", "100.00", "0.00", 1),
    ]


def test_a_budgeted_account_without_actuals_has_a_row_of_zero_actuals(spark: SparkSession) -> None:
    """In a month that has other actuals, an unspent budget is a variance."""
    lines = [
        ledger_line("2025-01-20", "5.00", account_number="6000"),
        ledger_line(amount="100.00", account_number="7000", scenario="Budget"),
    ]
    rows = [row for row in facts(spark, lines) if row["account_key"] == surrogate_key("7000")]
    assert shown(rows) == [
        (20250101, "Actual", "0.00", "100.00", "-100.00", 0),
        (20250101, "Budget", "100.00", "100.00", "0.00", 1),
    ]


def test_an_actual_without_a_budget_is_all_variance(spark: SparkSession) -> None:
    """BudgetAmount is zero, not null, so that sums work."""
    assert shown(facts(spark, [ledger_line(amount="5.00")])) == [(20250115, "Actual", "5.00", "0.00", "5.00", 1)]


def test_months_with_only_a_budget_have_no_rows_of_actuals(spark: SparkSession) -> None:
    """December is in the future, so it does not count as a month without sales."""
    lines = [ledger_line("2025-01-20"), ledger_line("2025-12-01", "100.00", scenario="Budget")]
    rows = [row for row in facts(spark, lines) if row["period"] == "2025-12"]
    assert shown(rows) == [(20251201, "Budget", "100.00", "100.00", "0.00", 1)]


def test_a_gap_in_the_actuals_counts_as_zero_up_to_actuals_through(spark: SparkSession) -> None:
    """ACTUALS_THROUGH 2025-03: February without actuals is compared, April is not."""
    lines = [ledger_line("2025-01-20"), ledger_line("2025-03-20")]
    lines += [ledger_line(f"2025-{month:02d}-01", "100.00", scenario="Budget") for month in range(1, 5)]
    rows = facts(spark, lines, actuals_through="2025-03")
    actual = [row for row in shown(rows) if row[1] == "Actual"]
    assert [row for row in actual if row[0] // 100 == 202502] == [(20250201, "Actual", "0.00", "100.00", "-100.00", 0)]
    assert {row[0] // 100 for row in actual} == {202501, 202502, 202503}
    without = [row for row in shown(facts(spark, lines)) if row[1] == "Actual"]
    assert {row[0] // 100 for row in without} == {202501, 202503}


def test_actuals_after_the_last_covered_month_keep_their_money_and_get_no_budget(spark: SparkSession) -> None:
    """With a few early bookings of April, all of April's budget would look unspent."""
    lines = [
        ledger_line("2025-03-20"),
        ledger_line("2025-04-02", "7.00"),
        ledger_line("2025-04-01", "100.00", scenario="Budget"),
    ]
    april = [row for row in facts(spark, lines, actuals_through="2025-03") if row["period"] == "2025-04"]
    assert shown(april) == [
        (20250401, "Budget", "100.00", "100.00", "0.00", 1),
        (20250402, "Actual", "7.00", "0.00", "7.00", 1),
    ]


def test_actuals_cover_nothing_before_their_first_month(spark: SparkSession) -> None:
    """A budget before the first actuals is not compared."""
    lines = [ledger_line("2025-02-20"), ledger_line("2024-12-01", "100.00", scenario="Budget")]
    rows = facts(spark, lines, actuals_through="2025-03")
    assert shown(row for row in rows if row["period"] == "2024-12") == [
        (20241201, "Budget", "100.00", "100.00", "0.00", 1)
    ]


def test_each_plan_is_compared_in_the_months_of_its_own_lines(spark: SparkSession) -> None:
    """The forecast gets the baseline of its own months, once."""
    lines = [
        ledger_line("2025-01-01", "100.00", scenario="Budget"),
        ledger_line("2025-02-01", "200.00", scenario="Budget"),
        ledger_line("2025-02-01", "210.00", scenario="Forecast"),
    ]
    assert shown(row for row in facts(spark, lines) if row["scenario_key"] == surrogate_key("Forecast")) == [
        (20250201, "Forecast", "210.00", "200.00", "10.00", 1)
    ]


def test_several_budget_lines_of_a_month_are_one_budget(spark: SparkSession) -> None:
    """They are summed before the join, so that the number of days with actuals does not multiply them."""
    lines = [ledger_line("2025-01-01", amount, scenario="Budget") for amount in ("60.00", "40.00")]
    lines += [ledger_line(f"2025-01-{day:02d}", "1.00") for day in range(1, 11)]
    actual = [row for row in facts(spark, lines) if row["scenario_key"] == surrogate_key("Actual")]
    assert sum(row["budget_amount"] for row in actual) == Decimal("100.00")
    assert sum(row["variance"] for row in actual) == Decimal("-90.00")


def test_a_month_without_a_budget_has_no_budget_rows(spark: SparkSession) -> None:
    """Another month's budget does not reach it."""
    lines = [ledger_line("2025-01-20"), ledger_line("2025-02-01", "100.00", scenario="Budget")]
    january = [row for row in facts(spark, lines) if row["period"] == "2025-01"]
    assert shown(january) == [(20250120, "Actual", "100.00", "0.00", "100.00", 1)]


def test_a_line_whose_period_is_not_the_month_of_its_date_counts_on_the_nearest_day_of_its_period(
    spark: SparkSession,
) -> None:
    """A document of 3 January that belongs to December is booked on 31 December."""
    line = ledger_line("2025-01-03", "5.00", period="2024-12", posting_date=date(2024, 12, 31))
    rows = facts(spark, [line, ledger_line("2024-12-05", "9.00", scenario="Budget")])
    assert {row["period"] for row in rows} == {"2024-12"}
    assert shown(rows)[-1] == (20241231, "Actual", "5.00", "0.00", "5.00", 1)


def test_a_month_that_is_built_alone_has_the_same_rows_as_with_all_others(spark: SparkSession) -> None:
    """A slice is a function of its own inputs."""
    lines = [ledger_line(f"2025-0{month}-1{day}", f"{month}{day}.00") for month in (1, 2, 3) for day in (1, 2)]
    lines += [ledger_line(f"2025-0{month}-01", "50.00", scenario="Budget") for month in (1, 2, 3)]
    together = [row for row in facts(spark, lines) if row["period"] == "2025-02"]
    assert shown(facts(spark, lines, periods=["2025-02"])) == shown(together)


def test_any_scenario_can_be_the_baseline(spark: SparkSession) -> None:
    """With the baseline Forecast, the budget is one of the plans."""
    lines = [
        ledger_line("2025-01-20", "90.00"),
        ledger_line("2025-01-01", "100.00", scenario="Budget"),
        ledger_line("2025-01-01", "95.00", scenario="Forecast"),
    ]
    assert shown(facts(spark, lines, baseline="Forecast")) == [
        (20250101, "Actual", "0.00", "95.00", "-95.00", 0),
        (20250101, "Budget", "100.00", "95.00", "5.00", 1),
        (20250101, "Forecast", "95.00", "95.00", "0.00", 1),
        (20250120, "Actual", "90.00", "0.00", "90.00", 1),
    ]


def test_actuals_as_the_baseline_are_not_counted_twice(spark: SparkSession) -> None:
    """On the baseline's own rows BudgetAmount is Amount, whatever the baseline is."""
    lines = [ledger_line("2025-01-20", "90.00"), ledger_line("2025-01-01", "100.00", scenario="Budget")]
    assert shown(facts(spark, lines, baseline="Actual")) == [
        (20250101, "Budget", "100.00", "90.00", "10.00", 1),
        (20250120, "Actual", "90.00", "90.00", "0.00", 1),
    ]


def test_an_amount_that_is_too_large_for_the_column_stops_the_build(spark: SparkSession) -> None:
    """A sum of more than sixteen digits is an error; it is neither truncated nor null."""
    lines = [ledger_line(amount="9999999999999999.99"), ledger_line(amount="0.01")]
    with pytest.raises(PySparkException, match=r"(?i)overflow|out of range|precision|too large"):
        facts(spark, lines)


def test_a_large_sum_is_exact_to_the_cent(spark: SparkSession) -> None:
    """A float would lose the cents."""
    lines = [ledger_line(amount=amount) for amount in ("9999999999999999.98", "0.01", "-0.02", "0.01")]
    (row,) = facts(spark, lines)
    assert row["amount"] == Decimal("9999999999999999.98")


MONTHS = ("2025-01", "2025-02", "2025-03", "2025-04")
cents = st.one_of(st.sampled_from([0, 1, -1]), st.integers(-10_000, 10_000))


def line_of(scenario: str, month: str, day: int, member: tuple[str, str], amount: int) -> Row:
    """Return a line; the amount is in cents."""
    money = str(Decimal(amount).scaleb(-2))
    department, account = member
    return ledger_line(
        f"{month}-{day:02d}", money, scenario=scenario, department_code=department, account_number=account
    )


random_line = st.builds(
    line_of,
    st.sampled_from(SCENARIOS),
    st.sampled_from(MONTHS),
    st.sampled_from([1, 2, 28]),
    st.tuples(st.sampled_from(["D1", "D2"]), st.sampled_from(["4000", "5000"])),
    cents,
)
random_lines = st.lists(random_line, min_size=1, max_size=14)
baselines = st.sampled_from(["Budget", "Budget Q1", "Forecast", "Actual"])
covered_through = st.sampled_from([None, *MONTHS])


def total(rows: Iterable[Row], name: str, group: Callable[[Row], Any]) -> dict[Any, Decimal]:
    """Return the sum of a column by group, without groups whose sum is zero."""
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[group(row)] += row[name]
    return {key: amount for key, amount in sums.items() if amount}


def covered_periods(lines: Sequence[Row], scenario: str, through: str | None) -> set[str]:
    """Return the periods in which a scenario is compared with the baseline, by the rule in the documentation."""
    own = {line["period"] for line in lines if line["scenario"] == scenario}
    if scenario != "Actual" or through is None or not own:
        return own
    return {month for month in MONTHS if min(own) <= month <= through}


@few_examples
@given(random_lines, baselines, covered_through)
def test_the_star_has_the_amounts_of_the_lines_of_every_scenario(
    spark: SparkSession, lines: list[Row], baseline: str, through: str | None
) -> None:
    """For any lines: grain unique, Variance identity, SUM(Amount) and the number of lines are the ledger's."""
    rows = facts(spark, lines, baseline=baseline, actuals_through=through)
    grain = [tuple(row[name] for name in FACT_FINANCIALS.natural_key) for row in rows]
    assert len(grain) == len(set(grain))
    for row in rows:
        assert row["variance"] == row["amount"] - row["budget_amount"]
        assert row["date_key"] == int(f"{row['transaction_date']:%Y%m%d}")
        assert row["period"] == f"{row['transaction_date']:%Y-%m}"

    def cell(row: Row) -> tuple[Any, ...]:
        return row["scenario_key"], row["period"], row["account_key"], row["department_key"]

    assert total(rows, "amount", cell) == total(lines, "amount", cell)
    assert sum(row["transaction_count"] for row in rows) == len(lines)


@few_examples
@given(random_lines, baselines, covered_through)
def test_each_covered_month_has_the_whole_baseline_once_and_other_months_none_of_it(
    spark: SparkSession, lines: list[Row], baseline: str, through: str | None
) -> None:
    """For any lines, baseline and coverage: SUM(BudgetAmount) of every scenario, period, department and account."""
    rows = facts(spark, lines, baseline=baseline, actuals_through=through)
    budget = [line for line in lines if line["scenario"] == baseline]
    for scenario in SCENARIOS:
        own = [row for row in rows if row["scenario_key"] == surrogate_key(scenario)]
        covered = {line["period"] for line in budget}
        if scenario != baseline:
            covered &= covered_periods(lines, scenario, through)

        def cell(row: Row) -> tuple[Any, ...]:
            return row["period"], row["department_key"], row["account_key"]

        expected = total((line for line in budget if line["period"] in covered), "amount", cell)
        assert total(own, "budget_amount", cell) == expected
        added = [row for row in own if row["transaction_count"] == 0]
        assert all(row["amount"] == ZERO and row["transaction_date"].day == 1 for row in added)
        assert {row["period"] for row in added} <= covered
        if scenario == baseline:
            assert added == []
            assert all(row["budget_amount"] == row["amount"] for row in own)
        elif covered:
            budgeted = {cell(line) for line in budget if line["period"] in covered}
            assert budgeted <= {cell(row) for row in own}, "a budgeted cell without actuals has a row"


@few_examples
@given(random_lines)
def test_with_superseded_lines_actual_covers_the_months_in_which_it_has_live_lines(
    spark: SparkSession, lines: list[Row]
) -> None:
    """The build finds the coverage that is not known before it."""
    assert shown(facts(spark, lines, is_coverage_known=False)) == shown(facts(spark, lines))
