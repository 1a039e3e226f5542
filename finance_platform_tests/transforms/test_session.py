"""The Spark session of a local job. It is short because what the session computes is tested by the jobs."""

from __future__ import annotations

from pyspark.errors.utils import is_debugging_enabled
from pyspark.sql import SparkSession


def test_spark_does_not_look_for_the_line_of_each_call(spark: SparkSession):
    assert spark.range(1).count() == 1
    assert not is_debugging_enabled(), "a quarter of a small refresh's time"
