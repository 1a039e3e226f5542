"""A refresh by Dagster's job, in this process, with the Spark jobs in their own.

Belongs here: running the job, and its results. Does not belong here: expectations.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.settings import load_settings
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.environment import clean_environment


@dataclass(frozen=True)
class EvaluatedCheck:
    """One check of a run."""

    name: str
    passed: bool
    is_warning: bool


@dataclass(frozen=True)
class RefreshedHome(Home):
    """A home after a run of the job.

    Attributes:
        path: the home.
        succeeded: whether every step did.
        checks: every check that the run evaluated.
        warnings: messages that the run logged as warnings.
        errors: messages that it logged as errors or above.
    """

    succeeded: bool
    checks: Sequence[EvaluatedCheck]
    warnings: Sequence[str]
    errors: Sequence[str]

    def failed_checks(self) -> list[str]:
        """Return the checks that failed and are not warnings."""
        return [check.name for check in self.checks if not check.passed and not check.is_warning]


def run_refresh_job(home: Path, spark_engine: str = "sail", **environment: str) -> RefreshedHome:
    """Run the job that the UI, the sensors and the command line run."""
    with clean_environment(home, **environment), open_instance(home / "dagster") as instance:
        settings = load_settings(home=home, spark_engine=spark_engine)
        job = build_definitions(settings).resolve_job_def("refresh")
        result = job.execute_in_process(instance=instance, run_config={"loggers": {"quiet": {}}}, raise_on_error=False)
        logged = [(int(record.level), record.user_message) for record in instance.all_logs(result.run_id)]
    return RefreshedHome(
        home,
        result.success,
        [_check(evaluation) for evaluation in result.get_asset_check_evaluations()],
        [message for level, message in logged if level == logging.WARNING],
        [message for level, message in logged if level >= logging.ERROR],
    )


def _check(evaluation: dg.AssetCheckEvaluation) -> EvaluatedCheck:
    name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
    return EvaluatedCheck(name, evaluation.passed, evaluation.severity == dg.AssetCheckSeverity.WARN)
