"""The outcome of a run: its checks, and the deliveries read and slices built and loaded.

Belongs here: the outcome as data. Does not belong here: printing (see `cli.run_output`), deriving it from Dagster's
events (see `orchestration.refresh_run`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluatedCheck:
    """One evaluated check.

    Attributes:
        asset: the asset, as Dagster names it.
        name: a statement that is true when the check passes.
        passed: whether it is true.
        is_warning: whether a failure leaves the exit code alone.
        summary: one sentence with figures.
        evidence: the first offending rows, each as text.
    """

    asset: str
    name: str
    passed: bool
    is_warning: bool
    summary: str
    evidence: Sequence[str] = ()


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of one run of the refresh job.

    Attributes:
        run_id: Dagster's run id.
        succeeded: whether every step succeeded.
        is_broken: whether a step failed for another reason than a blocking check.
        error: the failure, with the fix; empty if every step succeeded.
        checks: every check that was evaluated.
        deliveries_read: how many deliveries this run read.
        built: names of the slices that this run built, `table slice`.
        loaded: names of the slices that this run loaded.
        repaired: what was damaged in the home and was derived again, a sentence each.
    """

    run_id: str
    succeeded: bool
    is_broken: bool
    error: str
    checks: Sequence[EvaluatedCheck]
    deliveries_read: int
    built: Sequence[str]
    loaded: Sequence[str]
    repaired: Sequence[str] = ()

    @property
    def failed_checks(self) -> list[EvaluatedCheck]:
        """The failed checks that are not warnings."""
        return [check for check in self.checks if not check.passed and not check.is_warning]
