"""`dim_scenario`: every scenario that has a live ledger line.

Grain of the output: one scenario.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.star import DIM_SCENARIO


def dim_scenario(scenarios: DataFrame, baseline_key: int) -> DataFrame:
    """Return the dimension.

    Args:
        scenarios: scenario_key, scenario_name, scenario_type; one row each.
        baseline_key: surrogate key of the baseline.
    """
    is_baseline = F.col("scenario_key") == F.lit(baseline_key)
    return scenarios.withColumn("is_baseline", is_baseline).select(*DIM_SCENARIO.column_names)
