"""What goes wrong on the way to Redshift and in it, in the platform's own errors: mapped once, here.

Belongs here: which failure may pass when the whole transaction is tried again, which cannot, and what to do about it.
Does not belong here: failures of a COPY that Redshift explains in a table (see `redshift_copy`), of the calls that
give credentials (see `redshift_credentials`).
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from finance_platform.errors import (
    FinancePlatformError,
    LoadError,
    PermanentError,
    QueryError,
    TransientWarehouseError,
    WarehouseAccessError,
    WarehouseUnreachableError,
)
from finance_platform.warehouse.dialect import shortened

UNDEFINED_TABLE, UNDEFINED_SCHEMA = "42P01", "3F000"

_BUSY_STATES = frozenset({"40001", "40P01", "53300", "55P03"})
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03"})
_BUSY_WORDS = re.compile(
    r"code:\s*1023\b|serializable isolation violation|concurrent transaction|could not open relation with oid"
    # What COPY tells of S3.
    r"|\bslowdown\b|reduce your request rate|status 50[03]\b",
    re.I,
)
_S3_EXPIRED = re.compile(r"\bExpiredToken\b|security token .* is expired", re.I)
_S3_REFUSED = re.compile(r"\bAccessDenied\b|not authorized to assume IAM Role|\bKMS\b", re.I)
_AWAY_WORDS = re.compile(r"\b(is |being )?(paused|resuming|resized|rebooting|shutting down|starting up)\b", re.I)
_CUT = (OSError, struct.error, IndexError)
"""The driver passes on what its socket says, and trips over a message that ends before its length."""

_DO_NOTHING_HALF = "nothing was published; mend the cause and run again"
_TRY_LATER = "nothing was published; run again once it can be reached"


class SqlStateError(Exception):
    """What the server said, for whoever looks closer than at a message.

    Attributes:
        state: SQLSTATE.
        message: the server's message, and its detail if any.
    """

    def __init__(self, state: str, message: str) -> None:
        super().__init__(state, message)
        self.state = state
        self.message = message


@contextmanager
def driver_errors(attempted: str, otherwise: type[PermanentError] = LoadError) -> Iterator[None]:
    """Turn whatever the driver raises inside into an error of the platform.

    Args:
        attempted: what is being done: a statement, or words.
        otherwise: the class of a failure that trying again cannot help.

    Raises:
        WarehouseUnreachableError: the line was cut, or nobody answers.
        TransientWarehouseError: another transaction was in the way.
        WarehouseAccessError: the server does not let us in.
        PermanentError: of the class `otherwise`, for anything else; its cause is a SqlStateError where the server
            spoke.
    """
    from redshift_connector.error import Error as DriverError

    try:
        yield
    except DriverError as error:
        said = error.args[0] if error.args else ""
        if isinstance(said, Mapping):
            state = said.get("C", "")
            message = ": ".join(part for part in (said.get("M", ""), said.get("D", "")) if part)
            raise refused(state, message, attempted, otherwise) from SqlStateError(state, message)
        raise _unspoken(error, attempted, otherwise) from error
    except _CUT as error:
        raise _cut(attempted, error) from error


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE behind a mapped error, or nothing where the server had not spoken."""
    return error.__cause__.state if isinstance(error.__cause__, SqlStateError) else ""


def refused(state: str, message: str, attempted: str, otherwise: type[PermanentError]) -> FinancePlatformError:
    """Return the error for what the server said."""
    told = f"{shortened(attempted, 200)}: {_one_line(message)}"
    if state in _BUSY_STATES or _BUSY_WORDS.search(message):
        return TransientWarehouseError(told, fix="nothing was published; run again when the other load has ended")
    if state in _AWAY_STATES or state.startswith("08") or _AWAY_WORDS.search(message):
        return WarehouseUnreachableError(told, fix=_TRY_LATER)
    if state.startswith("28"):
        return WarehouseAccessError(
            told,
            fix="give the right user and password (REDSHIFT_SECRET_ID), or temporary credentials that have not "
            "expired; the user must exist in the database",
        )
    if state == "3D000":
        return WarehouseAccessError(told, fix="create the database, or name the right one with REDSHIFT_DATABASE")
    if state == "42501":
        return otherwise(told, fix="grant the platform's user that right, or run as a user that has it")
    if state == "57014":
        return otherwise(told, fix="allow it more time with REDSHIFT_STATEMENT_TIMEOUT_SECONDS, or ask for less")
    return otherwise(told, fix=_fix_for_s3(message) or _fix(otherwise))


def _unspoken(error: Exception, attempted: str, otherwise: type[PermanentError]) -> FinancePlatformError:
    """The error for what the driver itself says: the way there, or what it was asked."""
    behind = error.args[1] if len(error.args) > 1 else None
    text = str(error.args[0]) if error.args else str(error)
    if isinstance(behind, ssl.SSLCertVerificationError):
        return WarehouseAccessError(
            f"{attempted}: its certificate is not good for that name: {behind.verify_message}",
            fix="name the warehouse by the host name of its endpoint (REDSHIFT_HOST), not by an address or an alias",
        )
    if "refuses SSL" in text:
        return WarehouseAccessError(f"{attempted}: it does not speak TLS", fix="turn TLS on in the warehouse")
    if isinstance(behind, socket.gaierror) and behind.errno == socket.EAI_NONAME:
        return WarehouseAccessError(f"{attempted}: there is no such host", fix="mend REDSHIFT_HOST, or the DNS there")
    if isinstance(behind, OSError) or "socket closed" in text or "connection is closed" in text or "time out" in text:
        return _cut(attempted, behind if isinstance(behind, OSError) else error)
    return otherwise(f"{shortened(attempted, 200)}: {_one_line(text)}", fix=_fix(otherwise))


def _cut(attempted: str, error: BaseException) -> WarehouseUnreachableError:
    if isinstance(error, ConnectionRefusedError):
        why = "nobody answers there: it is paused, resuming or restarting"
    elif isinstance(error, TimeoutError):
        why = "it did not answer in time: it is paused, or this machine may not reach it (security group, subnet)"
    else:
        why = "the connection was cut"
    return WarehouseUnreachableError(f"{shortened(attempted, 200)}: {why}", fix=_TRY_LATER)


def _fix_for_s3(message: str) -> str:
    if _S3_EXPIRED.search(message):
        return "run again: the role's credentials ended while files were being copied"
    if _S3_REFUSED.search(message):
        return (
            "let the role REDSHIFT_COPY_ROLE_ARN be assumed by the warehouse, read the processed zone and use the key "
            "that its objects are encrypted with"
        )
    return ""


def _fix(otherwise: type[PermanentError]) -> str:
    return "mend the query; `sql/dml/sample_queries.sql` has examples" if otherwise is QueryError else _DO_NOTHING_HALF


def _one_line(message: str) -> str:
    return " ".join(message.replace("-" * 20, " ").split())
