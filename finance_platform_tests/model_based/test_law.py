"""The law: whatever happens in whatever order, the star is what a build from scratch gives, and what the model says."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pyspark.sql import SparkSession

from finance_platform_tests.model_based.machine import Deliveries
from finance_platform_tests.night_parts import in_parts, part_count
from finance_platform_tests.profiles import at_night, current_profile

PROFILE = current_profile()
"""A home takes about a quarter of a minute. A failure prints every step as it was found; to shrink it takes long."""

PARTS = part_count(20)
"""Each has homes of its own: they are random."""

SETTINGS = settings(
    max_examples=PROFILE.law_homes // PARTS,
    stateful_step_count=PROFILE.law_refreshes,
    deadline=None,
    derandomize=PROFILE.name != "nightly",
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@in_parts(PARTS)
@at_night("`test_trace` does and checks the same with its home, and traces every cell too")
def test_incremental_equals_from_scratch_equals_the_model(part: int, spark: SparkSession) -> None:
    machine = type(f"DeliveriesOnSail{part}", (Deliveries,), {"spark": spark})
    run_state_machine_as_test(machine, settings=SETTINGS)
