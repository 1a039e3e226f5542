"""Errors of S3 and its client as errors of this platform.

Belongs here: the class, message and fix of each failure. Does not belong here: what a caller does about it.

A missing object is a `FileNotFoundError`. Whatever fails for one object alone is an `OSError`, as on disk, so that a
caller can continue with other objects; whatever fails for all of them (credentials, the bucket) is not.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as boto

from finance_platform.errors import StorageError, TransientStorageError, UnreadableObjectError

# boto3 raises the same errors for missing credentials whatever the service, and their fixes are the same.
NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
)
LOGGED_OUT = (boto.SSOError, boto.TokenRetrievalError)
_BAD_CONFIGURATION = (boto.ConfigParseError, boto.ConfigNotFound, boto.InvalidConfigError)
_UNREACHABLE = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, boto.FlexibleChecksumError)

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
class S3Operation:
    """An operation that S3 may fail.

    Attributes:
        verb: list, read, write or delete.
        bucket: the bucket.
        key: the key in the bucket; empty for the whole bucket.
        is_of_one_object: whether its failure may concern this object alone.
    """

    verb: str
    bucket: str
    key: str
    is_of_one_object: bool = False

    def __str__(self) -> str:
        return f"cannot {self.verb} s3://{self.bucket}/{self.key}"


@contextmanager
def translate_s3_errors(attempted: S3Operation) -> Iterator[None]:
    """Translate errors of a request into errors of this platform.

    Raises:
        FileNotFoundError: the object does not exist.
        UnreadableObjectError: this object cannot be read; others can.
        TransientStorageError: S3 was busy or unreachable, beyond the client's own retries.
        StorageError: someone has to fix something first.
    """
    try:
        yield
    except boto.ClientError as error:
        raise error_from_response(attempted, error.operation_name, error.response) from error
    except boto.BotoCoreError as error:
        raise _error_from_client(attempted, error) from error


@contextmanager
def translate_client_errors() -> Iterator[None]:
    """Translate errors of creating a client, which sends no request but reads all settings.

    Raises:
        StorageError: a profile, a region, an address or the credentials are not valid.
    """
    attempted = "cannot connect to S3"
    try:
        yield
    except boto.BotoCoreError as error:
        raise _error_from_client(attempted, error) from error
    except ValueError as error:  # an invalid address
        # One without a scheme is no address to `hide_credentials`.
        reason = re.sub(r"\S+@", "***@", str(error))
        raise StorageError(f"{attempted}: {reason}", fix=_CHECK_ADDRESS) from error
    except OSError as error:  # a credential process of a profile that cannot be started
        raise _no_credentials(attempted, error, GET_CREDENTIALS) from error


def http_status(error: boto.ClientError) -> int:
    """Return the HTTP status of an error response."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def error_code(error: boto.ClientError) -> str:
    """Return the error code of a service of AWS; empty if the response had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_from_response(attempted: S3Operation, operation: str, response: dict[str, Any]) -> Exception:
    """Return the error for an error response of S3.

    Args:
        attempted: the operation that failed.
        operation: its name in S3's API.
        response: with the code and the message under `Error`.
    """
    code = str(response.get("Error", {}).get("Code", ""))
    translate = _BY_CODE.get(code)
    if translate:
        return translate(attempted, operation, response)
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= 500 or status in {409, 412, 429}:
        return _busy(attempted, operation, response)
    if code.startswith("KMS."):
        fix = "check that the key exists, is enabled, and may be used by this role"
        return StorageError(f"{attempted}: {_message(response)}", fix=fix)
    return StorageError(
        f"{attempted}: {_message(response)}",
        fix="look the code up among S3's error responses, fix the cause, run again",
    )


def _message(response: dict[str, Any]) -> str:
    error = response.get("Error", {})
    return f"S3 returned {error.get('Code', 'no code')}: {error.get('Message', '')}".rstrip(": ")


def _missing(attempted: S3Operation, _: str, __: dict[str, Any]) -> Exception:
    return FileNotFoundError(errno.ENOENT, "there is no such object", f"s3://{attempted.bucket}/{attempted.key}")


def _no_bucket(attempted: S3Operation, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(
        f"{attempted}: there is no bucket {attempted.bucket}",
        fix="create the bucket, or correct the setting that names it: FINANCE_PLATFORM_RAW_URI, "
        "FINANCE_PLATFORM_PROCESSED_URI or FINANCE_PLATFORM_SCRIPTS_URI",
    )


def _denied(attempted: S3Operation, operation: str, response: dict[str, Any]) -> Exception:
    kind = UnreadableObjectError if attempted.is_of_one_object else StorageError
    permission = _PERMISSIONS.get(operation, f"s3:{operation}")
    return kind(f"{attempted}: no permission ({_message(response)})", fix=f"allow this role {permission}")


def _expired(attempted: S3Operation, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(f"{attempted}: the credentials have expired", fix=RENEW_CREDENTIALS)


def _bad_credentials(attempted: S3Operation, _: str, response: dict[str, Any]) -> Exception:
    return StorageError(f"{attempted}: the credentials are not valid ({_message(response)})", fix=GET_CREDENTIALS)


def _wrong_region(attempted: S3Operation, _: str, response: dict[str, Any]) -> Exception:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    return StorageError(
        f"{attempted}: the bucket {attempted.bucket} is in {region or 'another region'}, not in the client's region",
        fix=f"set FINANCE_PLATFORM_AWS_REGION to {region or 'the region of the bucket'}, and "
        "FINANCE_PLATFORM_S3_ENDPOINT_URL, if set, to match",
    )


def _wrong_clock(attempted: S3Operation, _: str, __: dict[str, Any]) -> Exception:
    return StorageError(f"{attempted}: this machine's clock is wrong by minutes", fix="synchronise the clock by NTP")


def _archived(attempted: S3Operation, _: str, response: dict[str, Any]) -> Exception:
    return UnreadableObjectError(
        f"{attempted}: the object is archived ({_message(response)})",
        fix="restore it to a storage class with immediate access, then run again",
    )


def _changed(attempted: S3Operation, _: str, __: dict[str, Any]) -> Exception:
    return TransientStorageError(f"{attempted}: the object was overwritten meanwhile", fix="run again")


def _busy(attempted: S3Operation, _: str, response: dict[str, Any]) -> Exception:
    retries = response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return TransientStorageError(
        f"{attempted}: {_message(response)}, after {retries} retries", fix="run again in a few minutes"
    )


def _no_credentials(attempted: S3Operation | str, error: Exception, fix: str) -> StorageError:
    return StorageError(f"{attempted}: no credentials were found ({error})", fix=fix)


def _error_from_client(attempted: S3Operation | str, error: Exception) -> Exception:
    if isinstance(error, NO_CREDENTIALS):
        return _no_credentials(attempted, error, GET_CREDENTIALS)
    if isinstance(error, LOGGED_OUT):
        return _no_credentials(attempted, error, RENEW_CREDENTIALS)
    if isinstance(error, _BAD_CONFIGURATION):
        fix = "correct the file of AWS profiles: ~/.aws/config, or the one that AWS_CONFIG_FILE names"
        return StorageError(f"{attempted}: the AWS profiles cannot be read ({error})", fix=fix)
    if isinstance(error, boto.SSLError):
        fix = "check the endpoint's address; behind a proxy, set AWS_CA_BUNDLE to its certificate"
        return StorageError(f"{attempted}: the server's certificate is not trusted ({error})", fix=fix)
    if isinstance(error, _UNREACHABLE):
        fix = "run again; if it fails again, check the network, the S3 endpoint and FINANCE_PLATFORM_S3_ENDPOINT_URL"
        return TransientStorageError(f"{attempted}: the connection failed ({error})", fix=fix)
    return StorageError(f"{attempted}: {error}", fix=_CHECK_ADDRESS)


_Translate = Callable[[S3Operation, str, dict[str, Any]], Exception]
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""Codes with which any service of AWS refuses credentials that were valid once."""

BUSY_CODES = frozenset(
    {"InternalError", "KMS.ThrottlingException", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"}
)
"""Codes with which S3 refuses what it would accept a moment later; those of DeleteObjects come without a status."""

_BY_CODE: dict[str, _Translate] = {
    **dict.fromkeys(("NoSuchKey", "404", "NoSuchVersion"), _missing),
    "NoSuchBucket": _no_bucket,
    **dict.fromkeys(("AccessDenied", "403", "AllAccessDisabled", "AccountProblem"), _denied),
    **dict.fromkeys(EXPIRED_CODES, _expired),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), _bad_credentials),
    **dict.fromkeys(
        ("PermanentRedirect", "TemporaryRedirect", "301", "307", "AuthorizationHeaderMalformed"), _wrong_region
    ),
    "RequestTimeTooSkewed": _wrong_clock,
    "InvalidObjectState": _archived,
    **dict.fromkeys(("PreconditionFailed", "412"), _changed),
    **dict.fromkeys(BUSY_CODES, _busy),
}
