"""The law: whatever happens in whatever order, the star is what a build from scratch gives, and what the model says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pyspark.sql import SparkSession

from finance_platform_tests.model_based.machine import Deliveries

EXAMPLES = int(os.environ.get("LAW_EXAMPLES", "0"))
"""How many homes to try, at random; unset, the same few every time.

A try takes about half a minute, and what fails is told as it was found, with every step: to make it smaller takes long.
"""

FEW = settings(
    max_examples=3,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=EXAMPLES or 1, stateful_step_count=25, derandomize=False, print_blob=True)


def test_incremental_equals_from_scratch_equals_the_model(spark: SparkSession) -> None:
    machine = type("DeliveriesOnSail", (Deliveries,), {"spark": spark})
    run_state_machine_as_test(machine, settings=MANY if EXAMPLES else FEW)
