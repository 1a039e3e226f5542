"""Error handling: expected errors show a fix instead of a stack trace, and transient ones are retried first.

Belongs here: mapping our errors to Dagster's failures and retries. Does not belong here: error messages (see `errors`).
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from finance_platform.errors import FinancePlatformError, TransientError, UnusableResultError
from finance_platform.quality.checks import Outcome
from finance_platform.safe_text import PrintableFilter, hide_credentials
from finance_platform.storage.machine_errors import translate_machine_error

PAUSES_SECONDS = (5, 20)
"""The pauses between the attempts of a step after transient errors; a load has retries of its own inside."""

TIMED_OUT = "timed_out"
"""The metadata of a failure that is a time-out."""

_LOG_FILTER = PrintableFilter()

POOL = "home"
"""The pool of the steps that write: with one slot, two runs never load at the same time."""


@contextmanager
def credentials_hidden() -> Iterator[None]:
    """Replace an error that Dagster would record with credentials in it; leave every other error as it is.

    Dagster records an error with its causes, and a library's may quote an address from the environment.

    Raises:
        FinancePlatformError: the expected error without its causes; of another one the traceback.
    """
    try:
        yield
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        if hide_credentials(text) == text:
            raise
        if isinstance(error, FinancePlatformError):
            raise error from None
        raise FinancePlatformError(text) from None


@contextmanager
def dagster_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an expected error into a failure with its finding and fix; leave every other error as it is.

    Inside the block, the step's log has no text that cannot be printed, and no error has credentials in it.

    Args:
        context: the step's, with the number of its retries.

    Raises:
        Failure: the step failed, and another attempt cannot help or has not helped.
        RetryRequested: the error is transient, and the step has attempts left.
    """
    context.log.addFilter(_LOG_FILTER)
    with credentials_hidden():
        try:
            yield
        except (FinancePlatformError, OSError, MemoryError) as cause:
            error = translate_machine_error(cause)
            if error is None:
                raise
            # Retries are decided here, not by Dagster. A stack trace would only show where the error was noticed.
            failure = dg.Failure(
                description=str(error),
                metadata={
                    "title": error.title,
                    "found": error.found,
                    "fix": error.fix,
                    **({TIMED_OUT: True} if error.is_timeout else {}),
                },
                allow_retries=False,
            )
            if not isinstance(error, TransientError) or context.retry_number >= len(PAUSES_SECONDS):
                raise failure from None
            seconds = PAUSES_SECONDS[context.retry_number]
            context.log.warning(f"{error.title}: {error.found}. Retry in {seconds} s")
            raise dg.RetryRequested(max_retries=len(PAUSES_SECONDS), seconds_to_wait=seconds) from failure


def fail_on_blocking_checks(outcomes: Iterable[Outcome]) -> None:
    """Fail the step if a blocking check has failed; to be called after its results are shown.

    Dagster would fail it as well, but with a stack trace instead of the finding and the fix.

    Raises:
        UnusableResultError: a blocking check failed.
    """
    failed = [outcome for outcome in outcomes if outcome.check.is_blocking and not outcome.passed]
    if failed:
        found = "; ".join(
            f"{outcome.check.name} on {'/'.join(outcome.check.asset)}: {outcome.summary}" for outcome in failed
        )
        raise UnusableResultError(found, fix=" ".join(dict.fromkeys(outcome.check.description for outcome in failed)))
