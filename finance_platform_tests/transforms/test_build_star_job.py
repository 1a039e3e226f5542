"""`spark_jobs.build_star_job`: two codes with one surrogate key are refused."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from finance_platform.errors import JobError
from finance_platform.spark_jobs.build_star_job import refuse_collisions

SCHEMA = "member_key bigint, code string"


def test_two_codes_with_one_surrogate_key_stop_the_build_and_are_named(spark: SparkSession) -> None:
    members = spark.createDataFrame([(1, "D100"), (2, "D200"), (1, "E300")], SCHEMA)
    with pytest.raises(JobError, match="'D100' and 'E300' have one surrogate key"):
        refuse_collisions(members)


def test_spellings_of_one_code_do_not_collide(spark: SparkSession) -> None:
    refuse_collisions(spark.createDataFrame([(1, "D100"), (1, "d100"), (1, " D100 "), (2, "D200")], SCHEMA))
