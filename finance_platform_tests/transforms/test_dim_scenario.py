"""`transforms.dim_scenario`: the scenarios, and which of them is the baseline."""

from __future__ import annotations

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_SCENARIO
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.transforms.dim_scenario import dim_scenario
from finance_platform_tests.transforms.rows import Row

SCENARIOS = (("Actual", "Actual"), ("Budget", "Budget"), ("Budget Q1", "Budget"), ("Best case", "Forecast"))


def scenarios(baseline: str) -> dict[str, Row]:
    """Return the dimension by name."""
    rows = [(surrogate_key(name), name, scenario_type) for name, scenario_type in SCENARIOS]
    result = dim_scenario(rows, surrogate_key(baseline))
    assert result.schema == arrow_schema(DIM_SCENARIO.columns)
    by_name = {row["scenario_name"]: row for row in result.to_pylist()}
    assert len(by_name) == len(result)
    return by_name


def test_every_scenario_has_one_row_with_scenario_type() -> None:
    """Also a scenario whose name does not contain its type."""
    dimension = scenarios("Budget")
    assert {name: row["scenario_type"] for name, row in dimension.items()} == dict(SCENARIOS)
    assert dimension["Best case"]["scenario_key"] == surrogate_key("best  CASE")


def test_only_the_baseline_itself_is_the_baseline() -> None:
    """Budget Q1 is another budget."""
    assert [name for name, row in scenarios("Budget").items() if row["is_baseline"]] == ["Budget"]


def test_the_baseline_is_found_in_any_spelling_of_the_setting() -> None:
    """A setting in lower case means the same scenario."""
    assert [name for name, row in scenarios("budget q1").items() if row["is_baseline"]] == ["Budget Q1"]


def test_without_lines_of_the_baseline_no_scenario_is_marked() -> None:
    """No other scenario is chosen instead."""
    assert not any(row["is_baseline"] for row in scenarios("Budget 2031").values())
