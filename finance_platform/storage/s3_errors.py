"""What S3 and its client say when something fails, as this platform's errors.

Belongs here: each failure's class, words and fix, in one place. Does not belong here: what is then done about it.

`FileNotFoundError` says that an object is not there. Whatever stops one object alone is an `OSError` as well, as on
disk, so that whoever reads many goes on with the others; whatever stops all of them (credentials, the bucket) is none.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as boto

from finance_platform.errors import StorageError, TransientStorageError, UnreadableObjectError

# What boto3 says of credentials, and the words for it, are the same whichever service is asked.
NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
)
LOGGED_OUT = (boto.SSOError, boto.TokenRetrievalError)
_BAD_CONFIGURATION = (boto.ConfigParseError, boto.ConfigNotFound, boto.InvalidConfigError)
_UNREACHED = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, boto.FlexibleChecksumError)

RENEW_CREDENTIALS = (
    "get new ones (with single sign-on: aws sso login), then run again; a role's are renewed by themselves"
)
GET_CREDENTIALS = "give the process a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_CHECK_ADDRESS = "check FINANCE_PLATFORM_AWS_REGION, FINANCE_PLATFORM_S3_ENDPOINT_URL and the zone's address"
_PERMISSIONS = {
    "ListObjectsV2": "s3:ListBucket on the bucket",
    "GetObject": "s3:GetObject on the zone's objects, and kms:Decrypt on the key that they are encrypted with",
    "PutObject": "s3:PutObject on the zone's objects, and kms:GenerateDataKey on the key that they are encrypted with",
    "DeleteObject": "s3:DeleteObject on the zone's objects",
    "DeleteObjects": "s3:DeleteObject on the zone's objects",
}


@dataclass(frozen=True)
class Attempt:
    """What was attempted when S3 failed.

    Attributes:
        verb: list, read, write or delete.
        bucket: the bucket.
        key: the key in the bucket; empty for all of it.
        is_of_one_object: whether the failure may be that of this object alone.
    """

    verb: str
    bucket: str
    key: str
    is_of_one_object: bool = False

    def __str__(self) -> str:
        return f"cannot {self.verb} s3://{self.bucket}/{self.key}"


@contextmanager
def explained_by_s3(attempt: Attempt) -> Iterator[None]:
    """Turn what the client raises into this platform's errors.

    Raises:
        FileNotFoundError: there is no such object.
        UnreadableObjectError: this object cannot be read, others can.
        TransientStorageError: S3 was busy or out of reach, beyond the client's own retries.
        StorageError: nothing can be done before someone mends something.
    """
    try:
        yield
    except boto.ClientError as error:
        raise error_of_answer(attempt, error.operation_name, error.response) from error
    except boto.BotoCoreError as error:
        raise _error_of_client(attempt, error) from error


@contextmanager
def explained_opening() -> Iterator[None]:
    """Turn what making a client raises into this platform's errors: it asks nobody, but looks at all that is set.

    Raises:
        StorageError: a profile, a region, an address or the credentials that are set cannot be used.
    """
    attempt = "cannot speak to S3"
    try:
        yield
    except boto.BotoCoreError as error:
        raise _error_of_client(attempt, error) from error
    except ValueError as error:  # of an address that is none
        raise StorageError(f"{attempt}: {error}", fix=_CHECK_ADDRESS) from error
    except OSError as error:  # of the program that a profile names for its credentials
        raise StorageError(f"{attempt}: no credentials could be had ({error})", fix=GET_CREDENTIALS) from error


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: boto.ClientError) -> str:
    """Return S3's code of an answer; none where the answer had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_of_answer(attempt: Attempt, operation: str, answer: dict[str, Any]) -> Exception:
    """Return the error that an answer of S3 stands for.

    Args:
        attempt: what was attempted.
        operation: the operation's name in S3's API.
        answer: with the code and the message under `Error`.
    """
    code = str(answer.get("Error", {}).get("Code", ""))
    explain = _BY_CODE.get(code)
    if explain:
        return explain(attempt, operation, answer)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= 500 or status in {409, 412, 429}:
        return _busy(attempt, operation, answer)
    if code.startswith("KMS."):
        fix = "check that the key exists, is enabled, and may be used by this role"
        return StorageError(f"{attempt}: {_said(answer)}", fix=fix)
    return StorageError(
        f"{attempt}: {_said(answer)}", fix="look the code up among S3's error responses, mend it, run again"
    )


def _said(answer: dict[str, Any]) -> str:
    error = answer.get("Error", {})
    return f"S3 says {error.get('Code', 'nothing')}: {error.get('Message', '')}".rstrip(": ")


def _missing(attempt: Attempt, _: str, __: dict[str, Any]) -> Exception:
    return FileNotFoundError(errno.ENOENT, "there is no such object", f"s3://{attempt.bucket}/{attempt.key}")


def _no_bucket(attempt: Attempt, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(
        f"{attempt}: there is no bucket {attempt.bucket}",
        fix="create the bucket, or correct the setting that names it: FINANCE_PLATFORM_RAW_URI, "
        "FINANCE_PLATFORM_PROCESSED_URI or FINANCE_PLATFORM_SCRIPTS_URI",
    )


def _denied(attempt: Attempt, operation: str, answer: dict[str, Any]) -> Exception:
    kind = UnreadableObjectError if attempt.is_of_one_object else StorageError
    needed = _PERMISSIONS.get(operation, f"s3:{operation}")
    return kind(f"{attempt}: no permission ({_said(answer)})", fix=f"allow this role {needed}")


def _expired(attempt: Attempt, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(f"{attempt}: the credentials have expired", fix=RENEW_CREDENTIALS)


def _bad_credentials(attempt: Attempt, _: str, answer: dict[str, Any]) -> Exception:
    return StorageError(f"{attempt}: the credentials are not valid ({_said(answer)})", fix=GET_CREDENTIALS)


def _wrong_region(attempt: Attempt, _: str, answer: dict[str, Any]) -> Exception:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = answer.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    where = f"in {region}" if region else "in another region"
    wanted = region or "the bucket's region"
    return StorageError(
        f"{attempt}: the bucket {attempt.bucket} is {where}, which is not the region that was asked",
        fix=f"set FINANCE_PLATFORM_AWS_REGION to {wanted}, and FINANCE_PLATFORM_S3_ENDPOINT_URL, if set, to match",
    )


def _wrong_clock(attempt: Attempt, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(f"{attempt}: this machine's clock is wrong by minutes", fix="set the clock, by NTP for good")


def _archived(attempt: Attempt, _: str, answer: dict[str, Any]) -> Exception:
    found = f"{attempt}: the object is archived ({_said(answer)})"
    return UnreadableObjectError(found, fix="restore it to a storage class that can be read at once, then run again")


def _changed(attempt: Attempt, _: str, __: dict[str, Any]) -> Exception:
    return TransientStorageError(f"{attempt}: it was overwritten meanwhile", fix="run again")


def _busy(attempt: Attempt, _: str, answer: dict[str, Any]) -> Exception:
    retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return TransientStorageError(
        f"{attempt}: {_said(answer)}, after {retries} retries", fix="run again in a few minutes"
    )


def _error_of_client(attempt: Attempt | str, error: Exception) -> Exception:
    if isinstance(error, NO_CREDENTIALS):
        return StorageError(f"{attempt}: no credentials could be had ({error})", fix=GET_CREDENTIALS)
    if isinstance(error, LOGGED_OUT):
        return StorageError(f"{attempt}: no credentials could be had ({error})", fix=RENEW_CREDENTIALS)
    if isinstance(error, _BAD_CONFIGURATION):
        fix = "mend the file of AWS profiles: ~/.aws/config, or what AWS_CONFIG_FILE names"
        return StorageError(f"{attempt}: the profiles of AWS cannot be read ({error})", fix=fix)
    if isinstance(error, boto.SSLError):
        fix = "check the endpoint's address; behind a proxy, set AWS_CA_BUNDLE to its certificate"
        return StorageError(f"{attempt}: the server's certificate is not trusted ({error})", fix=fix)
    if isinstance(error, _UNREACHED):
        fix = "run again; if it stays, check the network, the S3 endpoint and FINANCE_PLATFORM_S3_ENDPOINT_URL"
        return TransientStorageError(f"{attempt}: the connection failed ({error})", fix=fix)
    return StorageError(f"{attempt}: {error}", fix=_CHECK_ADDRESS)


_Explain = Callable[[Attempt, str, dict[str, Any]], Exception]
_BY_CODE: dict[str, _Explain] = {
    **dict.fromkeys(("NoSuchKey", "404", "NoSuchVersion"), _missing),
    "NoSuchBucket": _no_bucket,
    **dict.fromkeys(("AccessDenied", "403", "AllAccessDisabled", "AccountProblem"), _denied),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), _expired),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), _bad_credentials),
    **dict.fromkeys(
        ("PermanentRedirect", "TemporaryRedirect", "301", "307", "AuthorizationHeaderMalformed"), _wrong_region
    ),
    "RequestTimeTooSkewed": _wrong_clock,
    "InvalidObjectState": _archived,
    **dict.fromkeys(("PreconditionFailed", "412"), _changed),
    **dict.fromkeys(("SlowDown", "RequestTimeout", "KMS.ThrottlingException", "Throttling"), _busy),
}
