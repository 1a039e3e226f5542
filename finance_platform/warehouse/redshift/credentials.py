"""Address and credentials of Redshift: a secret's user and password, or temporary credentials of IAM.

Belongs here: the calls to AWS that return them, and AWS's errors as the platform's own.
Does not belong here: connections (see `session`). boto3 is imported only here, and only when credentials are resolved.

The calls use boto3 rather than the driver's `iam=True`: the driver hides AWS's error code in a text, so that a
throttled call and a forbidden one look alike; it caches the credentials for the whole process; and it leaves the
retries to boto3's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from finance_platform.errors import WarehouseAccessError, WarehouseUnreachableError
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint

ATTEMPTS = 5
"""Attempts per call at most, with full jitter between."""

_LIFETIME_SECONDS = 3600
_MARGIN = timedelta(minutes=5)
_TRANSIENT_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "InternalServiceError",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_MISSING_CODES = frozenset({"ClusterNotFound", "ClusterNotFoundFault", "ResourceNotFoundException", "ResourceNotFound"})


@dataclass(frozen=True)
class Credentials:
    """Address, user and password; the password is never shown.

    Attributes:
        host: the address.
        port: the port.
        user: the database user.
        password: its password.
        expires_at: when the password expires, UTC; None if it does not.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    expires_at: datetime | None = None

    def is_valid_at(self, moment: datetime) -> bool:
        """Return whether they are valid at this moment and some minutes longer."""
        return self.expires_at is None or moment < self.expires_at - _MARGIN


CredentialsResolver = Callable[[RedshiftEndpoint], Credentials]


def resolve_credentials(endpoint: RedshiftEndpoint) -> Credentials:
    """Return address and credentials from AWS.

    Raises:
        WarehouseAccessError: AWS returns no credentials, or the secret has none.
        WarehouseUnreachableError: AWS throttles or cannot be reached, or the cluster is paused.
    """
    with _aws_errors(endpoint):
        if endpoint.secret_id:
            return _from_secret(endpoint)
        if endpoint.workgroup:
            return _from_workgroup(endpoint)
        return _from_cluster(endpoint)


def _from_secret(endpoint: RedshiftEndpoint) -> Credentials:
    text = _client("secretsmanager", endpoint).get_secret_value(SecretId=endpoint.secret_id).get("SecretString", "")
    try:
        secret = json.loads(text)
        user, password = str(secret["username"]), str(secret["password"])
        port = int(secret.get("port") or endpoint.port)
    except (ValueError, TypeError, KeyError):
        # The content of the secret must not be shown, not even as the error's cause.
        raise WarehouseAccessError(
            f"the secret {endpoint.secret_id} holds no user and password",
            fix='store JSON with "username" and "password" in it; "host" and "port" are optional',
        ) from None
    if endpoint.host:
        return Credentials(endpoint.host, endpoint.port, user, password)
    if secret.get("host"):
        return Credentials(str(secret["host"]), port, user, password)
    return Credentials(*_address(endpoint), user, password)


def _from_workgroup(endpoint: RedshiftEndpoint) -> Credentials:
    response = _client("redshift-serverless", endpoint).get_credentials(
        workgroupName=endpoint.workgroup, dbName=endpoint.database, durationSeconds=_LIFETIME_SECONDS
    )
    expires_at = response["expiration"].astimezone(UTC)
    return Credentials(*_address(endpoint), response["dbUser"], response["dbPassword"], expires_at)


def _from_cluster(endpoint: RedshiftEndpoint) -> Credentials:
    client = _client("redshift", endpoint)
    arguments: dict[str, Any] = {
        "ClusterIdentifier": endpoint.cluster,
        "DbName": endpoint.database,
        "DurationSeconds": _LIFETIME_SECONDS,
    }
    address = _address(endpoint)
    if endpoint.user:
        response = client.get_cluster_credentials(DbUser=endpoint.user, AutoCreate=False, **arguments)
    else:
        response = client.get_cluster_credentials_with_iam(**arguments)
    return Credentials(*address, response["DbUser"], response["DbPassword"], response["Expiration"].astimezone(UTC))


def _address(endpoint: RedshiftEndpoint) -> tuple[str, int]:
    if endpoint.host:
        return endpoint.host, endpoint.port
    if endpoint.workgroup:
        response = _client("redshift-serverless", endpoint).get_workgroup(workgroupName=endpoint.workgroup)
        workgroup = response["workgroup"]
        location, status = workgroup.get("endpoint") or {}, workgroup.get("status", "")
        address, port = location.get("address"), location.get("port")
    elif endpoint.cluster:
        response = _client("redshift", endpoint).describe_clusters(ClusterIdentifier=endpoint.cluster)
        cluster = response["Clusters"][0]
        location, status = cluster.get("Endpoint") or {}, cluster.get("ClusterStatus", "")
        address, port = location.get("Address"), location.get("Port")
    else:
        raise WarehouseAccessError(
            f"the secret {endpoint.secret_id} names no host",
            fix='set REDSHIFT_HOST, REDSHIFT_WORKGROUP or REDSHIFT_CLUSTER, or "host" in the secret',
        )
    if not address or status.lower() in {"paused", "resuming", "rebooting"}:
        raise WarehouseUnreachableError(
            f"{endpoint.name} is {status.lower() or 'without an address'}", fix="resume it, then run again"
        )
    return str(address), int(port or endpoint.port)


def _client(service: str, endpoint: RedshiftEndpoint) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, connect_timeout=10, read_timeout=30)
    return boto3.client(service, region_name=endpoint.region or None, config=config)


@contextmanager
def _aws_errors(endpoint: RedshiftEndpoint) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError

    attempted = f"logging in to {endpoint.name}"
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        raise _service_error(attempted, details.get("Code", ""), details.get("Message", "")) from error
    except (HTTPClientError, AwsConnectionError) as error:
        raise WarehouseUnreachableError(
            f"{attempted}: AWS cannot be reached: {error}", fix="run again once this machine can reach AWS"
        ) from error
    except BotoCoreError as error:
        raise WarehouseAccessError(
            f"{attempted}: {error}", fix="give this machine credentials (role, profile, environment) and AWS_REGION"
        ) from error


def _service_error(attempted: str, code: str, message: str) -> WarehouseAccessError | WarehouseUnreachableError:
    from finance_platform.storage.s3_errors import EXPIRED_CODES

    found = f"{attempted}: {code}: {message}"
    if code in _TRANSIENT_CODES:
        return WarehouseUnreachableError(found, fix="AWS is throttling or unavailable: run again in a few minutes")
    if code in EXPIRED_CODES:
        return WarehouseAccessError(found, fix="renew the AWS credentials (`aws sso login`, or the role) and run again")
    if code in _MISSING_CODES:
        return WarehouseAccessError(
            found, fix="check REDSHIFT_WORKGROUP, REDSHIFT_CLUSTER, REDSHIFT_SECRET_ID and AWS_REGION"
        )
    return WarehouseAccessError(
        found,
        fix="allow this identity secretsmanager:GetSecretValue on the secret, or redshift-serverless:GetCredentials "
        "and GetWorkgroup, or redshift:GetClusterCredentials and DescribeClusters",
    )
