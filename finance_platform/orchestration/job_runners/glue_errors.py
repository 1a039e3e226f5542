"""Errors of Glue and its client as errors of this platform.

Belongs here: the class, message and fix of each failure. Does not belong here: waiting and retrying.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto

from finance_platform.errors import FinancePlatformError, JobError, JobTimeoutError, LockedError, TransientJobError
from finance_platform.storage.s3_errors import (
    EXPIRED_CODES,
    GET_CREDENTIALS,
    LOGGED_OUT,
    NO_CREDENTIALS,
    RENEW_CREDENTIALS,
    error_code,
)

SUCCEEDED = "SUCCEEDED"

_SERVICE_FAILURE = re.compile(
    r"internal service|service error|resource unavailable|resources? (are|is) not available|insufficient capacity"
    r"|maximum concurrent|concurrent (runs|compute)|throttl|rate exceeded|slow ?down|service unavailable"
    r"|executorlost|lost (an? )?(executor|worker|node)|(executor|worker|node|host)\b.{0,40}\b(lost|terminated)"
    r"|failed to (launch|start) (node|worker|cluster)|node failure|heartbeat",
    re.IGNORECASE,
)
"""Messages of runs that failed because of Glue or one of its machines: another run of the same job may succeed."""

_OUT_OF_MEMORY = re.compile(r"out of memory|outofmemory|java heap space|exit (code|status):? 137|memory limit", re.I)
"""Messages of runs whose data did not fit into a worker: the same run would fail again."""

_BUSY = {"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"}
_TRANSIENT = {
    "InternalServiceException",
    "InternalFailure",
    "OperationTimeoutException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_BAD_CREDENTIALS = {
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "UnrecognizedClientException",
}
_VERBS = {
    "StartJobRun": "start",
    "GetJobRun": "get the state of",
    "GetJobRuns": "list the runs of",
    "BatchStopJobRun": "stop",
}
_END_STATES: dict[str, tuple[type[JobError] | type[TransientJobError], str, str]] = {
    "EXPIRED": (TransientJobError, "it waited too long for resources and never started", "run again"),
    "STOPPED": (JobError, "it was stopped by someone", "run again when it may run"),
    "TIMEOUT": (
        JobTimeoutError,
        "it exceeded the job's timeout",
        "raise the jobs' timeout or their number of workers, both parameters of the stack",
    ),
}


def is_busy(error: boto.ClientError) -> bool:
    """Return whether Glue would accept the run once others have ended."""
    return error.response.get("Error", {}).get("Code") in _BUSY


@contextmanager
def translate_glue_errors(job_name: str, region: str) -> Iterator[None]:
    """Translate errors of Glue's client into errors of this platform.

    Raises:
        LockedError: another run of the job is active.
        TransientJobError: Glue was busy or unreachable, beyond the client's own retries.
        JobError: someone has to fix something first.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _error_from_response(job_name, region, error) from error
    except boto.BotoCoreError as error:
        raise _error_from_client(job_name, error) from error


def _error_from_response(job_name: str, region: str, error: boto.ClientError) -> FinancePlatformError:
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    attempt = f"cannot {_VERBS.get(error.operation_name, error.operation_name)} the Glue job {job_name}"
    message = f"Glue returned {code}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
    if code == "EntityNotFoundException":
        return JobError(
            f"{attempt}: there is no job of that name in {region}",
            fix="run `finance-platform deploy`, or correct FINANCE_PLATFORM_GLUE_JOB_PREFIX or "
            "FINANCE_PLATFORM_AWS_REGION",
        )
    if code == "ConcurrentRunsExceededException":
        return LockedError(
            f"{attempt}: another run of it is active", fix="wait until it has ended, or stop it in the console"
        )
    if code == "ResourceNumberLimitExceededException":
        return TransientJobError(
            f"{attempt}: {message}", fix="wait for other jobs of the account, or have its quota raised"
        )
    if code in _TRANSIENT or status >= 500 or status == 429:
        return TransientJobError(f"{attempt}: {message}", fix="run again in a few minutes")
    if code in _DENIED:
        return JobError(
            f"{attempt}: no permission ({message})", fix=f"allow this role glue:{error.operation_name} on it"
        )
    if code in EXPIRED_CODES:
        return JobError(f"{attempt}: the credentials have expired", fix=RENEW_CREDENTIALS)
    if code in _BAD_CREDENTIALS:
        return JobError(f"{attempt}: the credentials are not valid ({message})", fix=GET_CREDENTIALS)
    return JobError(f"{attempt}: {message}", fix="look the code up among Glue's exceptions, fix the cause, run again")


def _error_from_client(job_name: str, error: boto.BotoCoreError) -> FinancePlatformError:
    attempt = f"cannot send a request to Glue for the job {job_name}"
    if isinstance(error, NO_CREDENTIALS):
        return JobError(f"{attempt}: no credentials were found ({error})", fix=GET_CREDENTIALS)
    if isinstance(error, LOGGED_OUT):
        return JobError(f"{attempt}: no credentials were found ({error})", fix=RENEW_CREDENTIALS)
    if isinstance(error, boto.NoRegionError):
        return JobError(f"{attempt}: no region is set", fix="set FINANCE_PLATFORM_AWS_REGION")
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        fix = "run again; if it fails again, check the network and, in a VPC, its endpoint for Glue"
        return TransientJobError(f"{attempt}: the connection failed ({error})", fix=fix)
    return JobError(f"{attempt}: {error}", fix="check FINANCE_PLATFORM_AWS_REGION")


def error_from_run(run: Mapping[str, Any], console_url: str, job_error: str = "") -> JobError | TransientJobError:
    """Return the error for a run that ended in any state but `SUCCEEDED`.

    Args:
        run: the run as GetJobRun describes it.
        console_url: the run's page in the Glue console.
        job_error: the error with which the job closed its messages, for a run without a message of Glue's.
    """
    state, message = str(run["JobRunState"]), str(run.get("ErrorMessage") or "").strip() or job_error
    kind: type[JobError] | type[TransientJobError]
    kind, meaning, fix = _END_STATES.get(state, (JobError, "", "read the run's log"))
    if state in {"FAILED", "ERROR"}:
        if _OUT_OF_MEMORY.search(message):
            fix = "deploy with larger workers (--parameter GlueWorkerType=…), then run again"
        elif _SERVICE_FAILURE.search(message):
            kind, fix = TransientJobError, "run again"
    group = f"; its log is in CloudWatch, group {run['LogGroupName']}" if run.get("LogGroupName") else ""
    reason = "; ".join(part for part in (meaning, message) if part) or "Glue gives no reason"
    return kind(
        f"run {run['Id']} of the Glue job {run['JobName']} is {state}: {reason}", fix=f"{fix}: {console_url}{group}"
    )
