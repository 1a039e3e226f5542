"""How a step fails: expected errors end in words and not in a stack trace, transient ones are tried again first.

Belongs here: from our errors to Dagster's failures and retries. Does not belong here: what the errors say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from finance_platform.errors import FinancePlatformError, TransientError, UnusableResultError
from finance_platform.quality.checks import Outcome

PAUSES_SECONDS = (5, 20)
"""How long a step waits before it is tried again after a transient error; a load has retries of its own inside."""

POOL = "home"
"""The pool of the steps that write: with one slot, two runs never load at the same time, whoever started them."""


@contextmanager
def dagster_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an expected error into a failure that says what was found and the fix; leave every other error as it is.

    Args:
        context: of the step, which knows how often it was tried.

    Raises:
        Failure: the step failed; trying the same again cannot help, or has not.
        RetryRequested: the error was transient, and the step has attempts left.
    """
    try:
        yield
    except FinancePlatformError as error:
        # Retries are decided here and not by Dagster; and the trace would only show where we noticed.
        failure = dg.Failure(
            description=str(error),
            metadata={"title": error.title, "found": error.found, "fix": error.fix},
            allow_retries=False,
        )
        if not isinstance(error, TransientError) or context.retry_number >= len(PAUSES_SECONDS):
            raise failure from None
        seconds = PAUSES_SECONDS[context.retry_number]
        context.log.warning(f"{error.title}: {error.found}. Tried again in {seconds} s")
        raise dg.RetryRequested(max_retries=len(PAUSES_SECONDS), seconds_to_wait=seconds) from failure


def fail_on_blocking_checks(outcomes: Iterable[Outcome]) -> None:
    """Fail the step where a blocking check has failed, once its results are shown.

    Dagster would fail it as well, but with a trace of its own in place of what was found and the fix.

    Raises:
        UnusableResultError: a blocking check failed.
    """
    failed = [outcome for outcome in outcomes if outcome.check.is_blocking and not outcome.passed]
    if failed:
        found = "; ".join(
            f"{outcome.check.name} on {'/'.join(outcome.check.asset)}: {outcome.summary}" for outcome in failed
        )
        raise UnusableResultError(found, fix=" ".join(dict.fromkeys(outcome.check.meaning for outcome in failed)))
