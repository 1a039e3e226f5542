"""Tests of `dim_scenario`: the scenarios, and which of them the others are compared with."""

from __future__ import annotations

from pyspark.sql import SparkSession

from finance_platform.contracts.star import DIM_SCENARIO
from finance_platform.feeds.codes import surrogate_key
from finance_platform.transforms.dim_scenario import dim_scenario
from finance_platform_tests.transforms.rows import Row, assert_is, rows_of

SCENARIOS = (("Actual", "Actual"), ("Budget", "Budget"), ("Budget Q1", "Budget"), ("Best case", "Forecast"))


def scenarios(spark: SparkSession, baseline: str) -> dict[str, Row]:
    """Return the dimension by name."""
    rows = [(surrogate_key(name), name, its_type) for name, its_type in SCENARIOS]
    frame = spark.createDataFrame(rows, "scenario_key bigint, scenario_name string, scenario_type string")
    result = dim_scenario(frame, surrogate_key(baseline))
    assert_is(result, DIM_SCENARIO)
    found = {row["scenario_name"]: row for row in rows_of(result)}
    assert len(found) == result.count()
    return found


def test_every_scenario_has_one_row_with_its_type(spark: SparkSession) -> None:
    """Also one whose name does not tell its type."""
    found = scenarios(spark, "Budget")
    assert {name: row["scenario_type"] for name, row in found.items()} == dict(SCENARIOS)
    assert found["Best case"]["scenario_key"] == surrogate_key("best  CASE")


def test_only_the_baseline_itself_is_the_baseline(spark: SparkSession) -> None:
    """Budget Q1 is a budget, and not the one that is compared with."""
    found = scenarios(spark, "Budget")
    assert [name for name, row in found.items() if row["is_baseline"]] == ["Budget"]


def test_the_baseline_is_found_however_the_setting_spells_it(spark: SparkSession) -> None:
    """A setting in lower case means the same scenario."""
    assert [name for name, row in scenarios(spark, "budget q1").items() if row["is_baseline"]] == ["Budget Q1"]


def test_a_baseline_that_no_file_has_leaves_all_others_unmarked(spark: SparkSession) -> None:
    """No false baseline is chosen instead."""
    assert not any(row["is_baseline"] for row in scenarios(spark, "Budget 2031").values())
