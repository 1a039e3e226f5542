"""What Glue says when something fails, as this platform's errors.

Belongs here: each failure's class, words and fix, in one place. Does not belong here: waiting, trying again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto

from finance_platform.errors import FinancePlatformError, JobError, LockedError, TransientJobError
from finance_platform.storage.s3_errors import GET_CREDENTIALS, LOGGED_OUT, NO_CREDENTIALS, RENEW_CREDENTIALS

SUCCEEDED = "SUCCEEDED"
NOT_THE_JOBS_FAULT = re.compile(
    r"internal service|service error|resource unavailable|resources? (are|is) not available|insufficient capacity"
    r"|maximum concurrent|concurrent (runs|compute)|throttl|rate exceeded|slow ?down|service unavailable"
    r"|executorlost|lost (an? )?(executor|worker|node|task)|(executor|worker|node|host)\b.{0,40}\b(lost|terminated)"
    r"|failed to (launch|start) (node|worker|cluster)|node failure|heartbeat",
    re.IGNORECASE,
)
"""What Glue writes where it, or a machine of its own, is to blame: another run of the same may succeed."""

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
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_BAD_CREDENTIALS = {
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "UnrecognizedClientException",
}
_ACTIONS = {
    "StartJobRun": "start",
    "GetJobRun": "ask for the state of",
    "GetJobRuns": "look for runs of",
    "BatchStopJobRun": "stop",
}
_END_STATES: dict[str, tuple[type[JobError] | type[TransientJobError], str, str]] = {
    "EXPIRED": (TransientJobError, "it waited too long for its turn and never began", "run again"),
    "STOPPED": (JobError, "somebody stopped it", "run again when it may run"),
    "TIMEOUT": (
        JobError,
        "it took longer than it may",
        "raise the jobs' timeout or their workers, both parameters of the stack",
    ),
}


def is_busy(error: boto.ClientError) -> bool:
    """Return whether Glue would take the run once others have ended."""
    return error.response.get("Error", {}).get("Code") in _BUSY


@contextmanager
def explained_by_glue(job_name: str, region: str) -> Iterator[None]:
    """Turn what Glue's client raises into this platform's errors.

    Raises:
        LockedError: another run of the job goes on.
        TransientJobError: Glue was busy or out of reach, beyond the client's own retries.
        JobError: nothing can be done before someone mends something.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _error_of_answer(job_name, region, error) from error
    except boto.BotoCoreError as error:
        raise _error_of_client(job_name, error) from error


def _error_of_answer(job_name: str, region: str, error: boto.ClientError) -> FinancePlatformError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    tried = f"cannot {_ACTIONS.get(error.operation_name, error.operation_name)} the Glue job {job_name}"
    said = f"Glue says {code}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
    if code == "EntityNotFoundException":
        return JobError(
            f"{tried}: there is none of that name in {region}",
            fix="run `finance-platform deploy`, or correct FINANCE_PLATFORM_GLUE_JOB_PREFIX or "
            "FINANCE_PLATFORM_AWS_REGION",
        )
    if code == "ConcurrentRunsExceededException":
        return LockedError(f"{tried}: a run of it goes on", fix="wait until it has ended, or stop it in the console")
    if code == "ResourceNumberLimitExceededException":
        return TransientJobError(f"{tried}: {said}", fix="wait for other jobs of the account, or have its quota raised")
    if code in _TRANSIENT or status >= 500 or status == 429:
        return TransientJobError(f"{tried}: {said}", fix="run again in a few minutes")
    if code in _DENIED:
        return JobError(f"{tried}: no permission ({said})", fix=f"allow this role glue:{error.operation_name} on it")
    if code in _EXPIRED:
        return JobError(f"{tried}: the credentials have expired", fix=RENEW_CREDENTIALS)
    if code in _BAD_CREDENTIALS:
        return JobError(f"{tried}: the credentials are not valid ({said})", fix=GET_CREDENTIALS)
    return JobError(f"{tried}: {said}", fix="look the code up among Glue's exceptions, mend it, run again")


def _error_of_client(job_name: str, error: boto.BotoCoreError) -> FinancePlatformError:
    tried = f"cannot speak to Glue about the job {job_name}"
    if isinstance(error, NO_CREDENTIALS):
        return JobError(f"{tried}: no credentials could be had ({error})", fix=GET_CREDENTIALS)
    if isinstance(error, LOGGED_OUT):
        return JobError(f"{tried}: no credentials could be had ({error})", fix=RENEW_CREDENTIALS)
    if isinstance(error, boto.NoRegionError):
        return JobError(f"{tried}: no region is set", fix="set FINANCE_PLATFORM_AWS_REGION")
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        fix = "run again; if it stays, check the network and, in a VPC, its endpoint for Glue"
        return TransientJobError(f"{tried}: the connection failed ({error})", fix=fix)
    return JobError(f"{tried}: {error}", fix="check FINANCE_PLATFORM_AWS_REGION")


def error_of_run(run: Mapping[str, Any], page: str) -> JobError | TransientJobError:
    """Return the error that a run's end stands for.

    Args:
        run: as GetJobRun describes it; it ended otherwise than well.
        page: the run's page in the Glue console.
    """
    state, message = str(run["JobRunState"]), str(run.get("ErrorMessage") or "")
    kind: type[JobError] | type[TransientJobError]
    kind, meaning, fix = _END_STATES.get(state, (JobError, "", "read the run's log"))
    if kind is JobError and state in {"FAILED", "ERROR"} and NOT_THE_JOBS_FAULT.search(message):
        kind, fix = TransientJobError, "run again"
    group = f"; its log is in CloudWatch, group {run['LogGroupName']}" if run.get("LogGroupName") else ""
    why = "; ".join(part for part in (meaning, message) if part) or "Glue gives no reason"
    return kind(f"run {run['Id']} of the Glue job {run['JobName']} is {state}: {why}", fix=f"{fix}: {page}{group}")
