"""`transforms.dim_scenario`: the scenarios, and which of them is the baseline."""

from __future__ import annotations

from pyspark.sql import SparkSession

from finance_platform.contracts.star import DIM_SCENARIO
from finance_platform.feeds.codes import surrogate_key
from finance_platform.transforms.dim_scenario import dim_scenario
from finance_platform.transforms.dimension_tables import scenario_rows
from finance_platform_tests.transforms.rows import Row, assert_matches, assert_same_rows

SCENARIOS = (("Actual", "Actual"), ("Budget", "Budget"), ("Budget Q1", "Budget"), ("Best case", "Forecast"))


def scenarios(spark: SparkSession, baseline: str) -> dict[str, Row]:
    """Return the dimension by name."""
    rows = [(surrogate_key(name), name, scenario_type) for name, scenario_type in SCENARIOS]
    frame = spark.createDataFrame(rows, "scenario_key bigint, scenario_name string, scenario_type string")
    result = dim_scenario(frame, surrogate_key(baseline))
    result_rows = assert_matches(result, DIM_SCENARIO)
    assert_same_rows(result_rows, scenario_rows(rows, surrogate_key(baseline)), DIM_SCENARIO)
    by_name = {row["scenario_name"]: row for row in result_rows}
    assert len(by_name) == len(result_rows)
    return by_name


def test_every_scenario_has_one_row_with_scenario_type(spark: SparkSession) -> None:
    """Also a scenario whose name does not contain its type."""
    dimension = scenarios(spark, "Budget")
    assert {name: row["scenario_type"] for name, row in dimension.items()} == dict(SCENARIOS)
    assert dimension["Best case"]["scenario_key"] == surrogate_key("best  CASE")


def test_only_the_baseline_itself_is_the_baseline(spark: SparkSession) -> None:
    """Budget Q1 is another budget."""
    assert [name for name, row in scenarios(spark, "Budget").items() if row["is_baseline"]] == ["Budget"]


def test_the_baseline_is_found_in_any_spelling_of_the_setting(spark: SparkSession) -> None:
    """A setting in lower case means the same scenario."""
    assert [name for name, row in scenarios(spark, "budget q1").items() if row["is_baseline"]] == ["Budget Q1"]


def test_without_lines_of_the_baseline_no_scenario_is_marked(spark: SparkSession) -> None:
    """No other scenario is chosen instead."""
    assert not any(row["is_baseline"] for row in scenarios(spark, "Budget 2031").values())
