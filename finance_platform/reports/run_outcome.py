"""The outcome of a run: its checks, and what was read, built and loaded.

Belongs here: the outcome as data. Does not belong here: how it is printed (see `cli.run_output`), how Dagster reports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckLine:
    """One evaluated check.

    Attributes:
        asset: what was checked.
        name: the statement that holds when it passes.
        passed: whether it holds.
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
    """What one run of the refresh job did.

    Attributes:
        run_id: Dagster's run id; the UI knows it.
        succeeded: whether every step ran.
        is_broken: whether a step failed by anything but a blocking check.
        error: why not, with the fix; empty when all ran.
        checks: every check that was evaluated.
        deliveries_read: files that were read now.
        built: names of the slices built now, `table slice`.
        loaded: names of the slices loaded now.
    """

    run_id: str
    succeeded: bool
    is_broken: bool
    error: str
    checks: Sequence[CheckLine]
    deliveries_read: int
    built: Sequence[str]
    loaded: Sequence[str]

    @property
    def failed_checks(self) -> list[CheckLine]:
        """The checks that failed and are no mere warning."""
        return [check for check in self.checks if not check.passed and not check.is_warning]
