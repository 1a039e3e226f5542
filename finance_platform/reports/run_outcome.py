"""The outcome of a run: its checks, and the deliveries read and slices built and loaded.

Belongs here: the outcome as data. Does not belong here: printing (see `cli.run_output`), deriving it from Dagster's
events (see `orchestration.refresh_run`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finance_platform.quality.checks import Outcome
from finance_platform.safe_text import printable

if TYPE_CHECKING:
    from finance_platform.reports.status import Status
    from finance_platform.reports.variance import VarianceRow

EVIDENCE_ROWS_REPORTED = 5
"""How many offending rows of a check a run reports; the pages of the UI have more."""


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

    @staticmethod
    def of(outcome: Outcome) -> EvaluatedCheck:
        """Return an outcome as a run reports it."""
        rows = [
            ", ".join(f"{name} {text}" for name, value in row.items() if value is not None and (text := str(value)))
            for row in outcome.evidence[:EVIDENCE_ROWS_REPORTED]
        ]
        return EvaluatedCheck(
            asset="/".join(outcome.check.asset),
            name=outcome.check.name,
            passed=outcome.passed,
            is_warning=outcome.check.is_warning,
            summary=printable(outcome.summary),
            evidence=tuple(map(printable, rows)),
        )


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of one run of the refresh job.

    Attributes:
        run_id: Dagster's run id; empty if no run was needed.
        succeeded: whether every step succeeded.
        is_broken: whether a step failed for another reason than a blocking check.
        error: the failure, with the fix; empty if every step succeeded.
        checks: every check that was evaluated.
        deliveries_read: how many deliveries this run read.
        built: names of the slices that this run built, `table slice`.
        loaded: names of the slices that this run loaded.
        repaired: what was damaged in the home and was derived again, a sentence each.
        also_loaded: what people say about the figures that this run loaded, such as comments.
        unchanged: names of the slices that this run published in another version with the same rows.
        read_again: how many of the deliveries are unchanged files that were read again, and why; empty if none is.
        unchanged_since: the last complete run, if no run was needed since; empty after a run.
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
    also_loaded: Sequence[str] = ()
    unchanged: Sequence[str] = ()
    read_again: str = ""
    unchanged_since: str = ""

    @property
    def failed_checks(self) -> list[EvaluatedCheck]:
        """The failed checks that are not warnings."""
        return [check for check in self.checks if not check.passed and not check.is_warning]


@dataclass(frozen=True)
class RunReport:
    """What a run reports at its end.

    Attributes:
        outcome: what it did.
        status: the state of the home afterwards.
        variance: Actual against Budget.
        restated: what has changed in closed periods, a sentence each.
    """

    outcome: RunOutcome
    status: Status
    variance: Sequence[VarianceRow]
    restated: Sequence[str] = ()
