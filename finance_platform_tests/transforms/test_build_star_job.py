"""`spark_jobs.build_star_job`: two codes with one surrogate key are refused; periods are built in parts.

Belongs here: the order and size of the steps. Does not belong here: the rows of a table (see `test_fact_financials`).
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.errors import JobError
from finance_platform.spark_jobs import build_star_job
from finance_platform.spark_jobs.build_star_job import in_parts, refuse_collisions
from finance_platform.spark_jobs.requests import CountedLines
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home

SCHEMA = "member_key bigint, code string"
FIGURES = ("slice", "row_count", "sums", "hidden_lines", "hidden_amount", "superseded", "accounts_compared")
LATER = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T1,2024-01-05,D100,4000,1010.00,January again
T4,2024-03-01,0450,6000,1250.25,Salaries
"""


def test_two_codes_with_one_surrogate_key_stop_the_build_and_are_named(spark: SparkSession) -> None:
    members = spark.createDataFrame([(1, "D100"), (2, "D200"), (1, "E300")], SCHEMA)
    with pytest.raises(JobError, match="'D100' and 'E300' have one surrogate key"):
        refuse_collisions(members)


def test_spellings_of_one_code_do_not_collide(spark: SparkSession) -> None:
    refuse_collisions(spark.createDataFrame([(1, "D100"), (1, "d100"), (1, " D100 "), (2, "D200")], SCHEMA))


@given(
    st.dictionaries(st.integers(1, 99).map(lambda number: f"2025-{number:02}"), st.integers(0, 9)), st.integers(1, 20)
)
def test_every_period_is_in_one_part_and_no_part_has_too_many_lines(lines: dict[str, int], most: int) -> None:
    counted = [CountedLines(period, "Actual", [0], count) for period, count in lines.items()]
    parts = list(in_parts(lines, counted, most))
    assert [period for part in parts for period in part] == sorted(lines)
    assert all(len(part) == 1 or sum(lines[period] for period in part) <= most for part in parts)
    assert all(sum(lines[period] for period in [*part, after[0]]) > most for part, after in pairwise(parts))


def test_periods_that_are_built_one_by_one_have_the_same_figures(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = []
    for name, most in (("whole", 1_000), ("parts", 1)):
        monkeypatch.setattr(build_star_job, "PART_LINES", most)
        home = create_small_home(tmp_path / name)
        # A later file replaces a line of the first one, and moves another one to a period after it.
        home.write("raw/transactions_later.csv", LATER)
        Refresher(spark)(home)
        homes.append(home)
    whole, parts = homes
    assert _figures(whole) == _figures(parts)
    assert len(list((parts.path / "processed/fact_financials").glob("*/part-*"))) == 3


def _figures(home: Home) -> tuple[list[tuple[object, ...]], list[dict[str, object]]]:
    """Return the published rows, and what each slice of the fact table says about its own."""
    rows = home.select(
        "SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, TransactionCount "
        "FROM FactFinancials ORDER BY 1, 2, 3, 4"
    )
    slices = [json.loads(path.read_text()) for path in (home.path / "processed/slices/fact_financials").rglob("*.json")]
    figures = [{name: one[name] for name in FIGURES} for one in slices]
    return rows, sorted(figures, key=lambda one: str(one["slice"]))
