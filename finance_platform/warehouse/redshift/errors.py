"""Redshift's and its driver's errors as the platform's own.

Belongs here: which failures a retry of the whole transaction may fix, which it cannot, and the fix.
Does not belong here: failures of a COPY that Redshift explains in a table (see `copy`), of the calls that return
credentials (see `credentials`).
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from finance_platform.errors import (
    HELP_FOR_QUERIES,
    FinancePlatformError,
    LoadError,
    PermanentError,
    QueryError,
    TransientWarehouseError,
    WarehouseAccessError,
    WarehouseUnreachableError,
)
from finance_platform.warehouse.dialect import shorten
from finance_platform.warehouse.schema_version import fix_of_missing_table

_MISSING_STATES = frozenset({"42P01", "3F000"})  # a table, a schema
_TIMEOUT_STATE = "57014"
_FORBIDDEN_STATE = "42501"
_BUSY_STATES = frozenset({"40001", "40P01", "53300", "55P03"})
_UNAVAILABLE_STATES = frozenset({"57P01", "57P02", "57P03"})
_BUSY_MESSAGE = re.compile(
    r"code:\s*1023\b|serializable isolation violation|concurrent transaction|could not open relation with oid"
    # 1018: a table that another transaction created or replaced after this one began.
    r"|\b1018\b.*\brelation does not exist"
    # COPY, on S3 and on the key of its objects.
    r"|\bslowdown\b|reduce your request rate|status 50[03]\b|\bThrottlingException\b|rate at which you may call KMS",
    re.I,
)
_VIEW_TYPE_MESSAGE = re.compile(r"cannot change data type of view column", re.I)
_S3_EXPIRED_MESSAGE = re.compile(r"\bExpiredToken\b|security token .* is expired", re.I)
_S3_DENIED_MESSAGE = re.compile(r"\bAccessDenied\b|not authorized to assume IAM Role|\bKMS\b", re.I)
_UNAVAILABLE_MESSAGE = re.compile(
    r"\b(is |being )?(paused|resuming|resized|rebooting|shutting down|starting up)\b", re.I
)
_CONNECTION_ERRORS = (OSError, struct.error, IndexError)
"""The driver passes its socket's errors on, and fails on a message that ends before its length."""

_FIX_CAUSE = "nothing was published; fix the cause and run again"
_RETRY_LATER = "nothing was published; run again once it can be reached"


class SqlStateError(Exception):
    """The server's error, as the cause of a mapped one.

    Attributes:
        state: SQLSTATE.
        message: the server's message, and its detail if any.
    """

    def __init__(self, state: str, message: str) -> None:
        super().__init__(state, message)
        self.state = state
        self.message = message


@contextmanager
def driver_errors(attempted: str, error_type: type[PermanentError] = LoadError) -> Iterator[None]:
    """Raise an error of the platform for any error of the driver.

    Args:
        attempted: a statement, or a description of the attempt.
        error_type: the class of a failure that a retry cannot fix.

    Raises:
        WarehouseUnreachableError: the connection was lost or refused.
        TransientWarehouseError: another transaction conflicts.
        WarehouseAccessError: the server rejects the credentials.
        PermanentError: of the class `error_type`, for all others; its cause is a SqlStateError if the server returned
            one.
    """
    from redshift_connector.error import Error as DriverError

    try:
        yield
    except DriverError as error:
        response = error.args[0] if error.args else ""
        if isinstance(response, Mapping):
            state = response.get("C", "")
            message = ": ".join(part for part in (response.get("M", ""), response.get("D", "")) if part)
            raise _server_error(state, message, attempted, error_type) from SqlStateError(state, message)
        raise _client_error(error, attempted, error_type) from error
    except _CONNECTION_ERRORS as error:
        raise _connection_error(attempted, error) from error


def is_missing_table(error: BaseException) -> bool:
    """Return whether a mapped error says that a table or its schema does not exist."""
    return isinstance(error.__cause__, SqlStateError) and error.__cause__.state in _MISSING_STATES


def is_forbidden(error: BaseException) -> bool:
    """Return whether a mapped error says that the user lacks a right."""
    return isinstance(error.__cause__, SqlStateError) and error.__cause__.state == _FORBIDDEN_STATE


def is_other_view_type(error: BaseException) -> bool:
    """Return whether a mapped error says that a view is not replaced, because a column would have another type."""
    return isinstance(error.__cause__, SqlStateError) and _VIEW_TYPE_MESSAGE.search(error.__cause__.message) is not None


def is_timeout(error: BaseException) -> bool:
    """Return whether a mapped error says that a statement took longer than its session allows."""
    return isinstance(error.__cause__, SqlStateError) and error.__cause__.state == _TIMEOUT_STATE


def _server_error(state: str, message: str, attempted: str, error_type: type[PermanentError]) -> FinancePlatformError:
    found = f"{shorten(attempted, 200)}: {_one_line(message)}"
    if state in _BUSY_STATES or _BUSY_MESSAGE.search(message):
        return TransientWarehouseError(found, fix="nothing was published; run again when the other load has ended")
    if state in _UNAVAILABLE_STATES or state.startswith("08") or _UNAVAILABLE_MESSAGE.search(message):
        return WarehouseUnreachableError(found, fix=_RETRY_LATER)
    if state.startswith("28"):
        return WarehouseAccessError(
            found,
            fix="give the right user and password (REDSHIFT_SECRET_ID), or temporary credentials that have not "
            "expired; the user must exist in the database",
        )
    if state == "3D000":
        return WarehouseAccessError(found, fix="create the database, or name the right one with REDSHIFT_DATABASE")
    if state == _FORBIDDEN_STATE:
        return error_type(found, fix="grant the platform's user that right, or run as a user that has it")
    if state == _TIMEOUT_STATE:
        timed_out = error_type(found, fix="increase REDSHIFT_STATEMENT_TIMEOUT_SECONDS, or select less")
        timed_out.is_timeout = True
        return timed_out
    return error_type(found, fix=_fix_for_s3(message) or fix_of_missing_table(message) or _fix(error_type))


def _client_error(error: Exception, attempted: str, error_type: type[PermanentError]) -> FinancePlatformError:
    """The error for one of the driver itself: the connection, or the arguments."""
    cause = error.args[1] if len(error.args) > 1 else None
    text = str(error.args[0]) if error.args else str(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return WarehouseAccessError(
            f"{attempted}: its certificate is not valid for that name: {cause.verify_message}",
            fix="name the warehouse by the host name of its endpoint (REDSHIFT_HOST), not by an address or an alias",
        )
    if "refuses SSL" in text:
        return WarehouseAccessError(f"{attempted}: it does not support TLS", fix="turn TLS on in the warehouse")
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
        return WarehouseAccessError(f"{attempted}: no such host", fix="check REDSHIFT_HOST, or the DNS")
    if isinstance(cause, OSError) or "socket closed" in text or "connection is closed" in text or "time out" in text:
        return _connection_error(attempted, cause if isinstance(cause, OSError) else error)
    return error_type(f"{shorten(attempted, 200)}: {_one_line(text)}", fix=_fix(error_type))


def _connection_error(attempted: str, error: BaseException) -> WarehouseUnreachableError:
    if isinstance(error, ConnectionRefusedError):
        reason = "the connection was refused: it is paused, resuming or restarting"
    elif isinstance(error, TimeoutError):
        reason = "it did not respond in time: it is paused, or this machine cannot reach it (security group, subnet)"
    else:
        reason = "the connection was lost"
    return WarehouseUnreachableError(f"{shorten(attempted, 200)}: {reason}", fix=_RETRY_LATER)


def _fix_for_s3(message: str) -> str:
    if _S3_EXPIRED_MESSAGE.search(message):
        return "run again: the role's credentials expired during the COPY"
    if _S3_DENIED_MESSAGE.search(message):
        return (
            "allow the warehouse to assume the role REDSHIFT_COPY_ROLE_ARN, and the role to read the processed zone "
            "and to use the key that encrypts its objects"
        )
    return ""


def _fix(error_type: type[PermanentError]) -> str:
    return f"fix the query; {HELP_FOR_QUERIES}" if error_type is QueryError else _FIX_CAUSE


def _one_line(message: str) -> str:
    return " ".join(message.replace("-" * 20, " ").split())
