"""A run of this process: what it leaves of the output of its steps."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg
import pytest

from finance_platform.orchestration.code_location import execute_in_location
from finance_platform.orchestration.dagster_instance import open_instance


@pytest.mark.parametrize("copies_output", [True, False], ids=["copied", "not copied"])
def test_the_output_of_steps_is_copied_only_for_runs_whose_steps_write_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], *, copies_output: bool
) -> None:
    @dg.op
    def say() -> None:
        sys.stdout.write("said\n")
        sys.stdout.flush()

    @dg.job(executor_def=dg.in_process_executor)
    def speak() -> None:
        say()

    with open_instance(tmp_path) as instance:
        result = execute_in_location(
            speak, instance, run_config={"loggers": {"console": {}}}, tags={}, copies_output=copies_output
        )
    assert result.success
    outputs = [path.read_text() for path in tmp_path.glob("storage/*/compute_logs/*.out")]
    assert outputs == (["said\n"] if copies_output else [])
    assert len([*tmp_path.glob("storage/*/compute_logs/*.complete")]) == 1
    if not copies_output:
        assert capfd.readouterr().out == "said\n"
