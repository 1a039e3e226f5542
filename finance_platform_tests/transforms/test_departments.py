"""Tests of `departments`: which rows of a reference file are departments."""

from __future__ import annotations

from pyspark.sql import SparkSession

from finance_platform.contracts.processed import DEPARTMENTS
from finance_platform.contracts.schemas import STAGED
from finance_platform.transforms.departments import departments
from finance_platform_tests.transforms.rows import assert_is, frame, rows_of, staged_department


def test_an_accepted_department_keeps_what_its_file_says(spark: SparkSession) -> None:
    """Code with its zeros, name, business unit, the department above, and the line that it stands on."""
    row = staged_department(
        "0450", 11, department_name="Field Services", business_unit="Operations", parent_department_code="0400"
    )
    result = departments(frame(spark, STAGED["departments"], [row]))
    assert_is(result, DEPARTMENTS)
    assert rows_of(result) == [{name: row.get(name) for name in DEPARTMENTS.column_names}]


def test_what_a_department_file_leaves_blank_stays_blank(spark: SparkSession) -> None:
    """Nothing is invented here; the dimension knows what to show instead."""
    (found,) = rows_of(departments(frame(spark, STAGED["departments"], [staged_department("D1")])))
    assert (found["department_name"], found["business_unit"], found["parent_department_code"]) == (None, None, None)


def test_department_rows_that_were_not_accepted_are_no_departments(spark: SparkSession) -> None:
    """A department whose code stands on two differing rows is described by neither."""
    rows = [
        staged_department("D1", row, outcome=outcome)
        for row, outcome in enumerate(("rejected", "duplicate", "skipped", "measured", "refused"))
    ]
    assert rows_of(departments(frame(spark, STAGED["departments"], rows))) == []
