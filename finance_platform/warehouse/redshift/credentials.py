"""As whom Redshift is entered: a secret's user and password, or temporary credentials of IAM.

Belongs here: asking AWS for them and for the endpoint's address, and what AWS answers when it does not give them.
Does not belong here: connections. boto3 is imported here alone, and only when somebody logs in.

The calls are made by boto3 rather than by the driver's `iam=True`: that one hides AWS's error code in a text, so that
a throttled call and a forbidden one look alike; it keeps the credentials in a table of the whole process; and it
leaves the retries to boto3's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from finance_platform.errors import WarehouseAccessError, WarehouseUnreachableError
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint

ATTEMPTS = 5
"""How often a call is sent at most, with full jitter between."""

_LIFETIME_SECONDS = 3600
_MARGIN = timedelta(minutes=5)
_PASSING = frozenset(
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
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_MISSING = frozenset({"ClusterNotFound", "ClusterNotFoundFault", "ResourceNotFoundException", "ResourceNotFound"})


@dataclass(frozen=True)
class Credentials:
    """Where to connect, and as whom; the password is never shown.

    Attributes:
        host: the address.
        port: the port.
        user: the database user.
        password: its password.
        expires_at: when the password ends, UTC; None for one that stays.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    expires_at: datetime | None = None

    def is_good_at(self, moment: datetime) -> bool:
        """Return whether it will still be good for a while."""
        return self.expires_at is None or moment < self.expires_at - _MARGIN


def resolve_credentials(endpoint: RedshiftEndpoint) -> Credentials:
    """Ask AWS where the warehouse is and as whom to enter it.

    Raises:
        WarehouseAccessError: AWS gives no credentials, or the secret holds none.
        WarehouseUnreachableError: AWS is throttling or away, or the cluster is paused.
    """
    with _aws_errors(endpoint):
        if endpoint.secret_id:
            return _from_secret(endpoint)
        if endpoint.workgroup:
            return _of_workgroup(endpoint)
        return _of_cluster(endpoint)


def _from_secret(endpoint: RedshiftEndpoint) -> Credentials:
    text = _client("secretsmanager", endpoint).get_secret_value(SecretId=endpoint.secret_id).get("SecretString", "")
    try:
        secret = json.loads(text)
        user, password = str(secret["username"]), str(secret["password"])
        port = int(secret.get("port") or endpoint.port)
    except (ValueError, TypeError, KeyError):
        # What the secret does hold must not be shown, not even as the error's cause.
        raise WarehouseAccessError(
            f"the secret {endpoint.secret_id} holds no user and password",
            fix='let it hold JSON with "username" and "password"; "host" and "port" are optional',
        ) from None
    if endpoint.host:
        return Credentials(endpoint.host, endpoint.port, user, password)
    if secret.get("host"):
        return Credentials(str(secret["host"]), port, user, password)
    return Credentials(*_address(endpoint), user, password)


def _of_workgroup(endpoint: RedshiftEndpoint) -> Credentials:
    given = _client("redshift-serverless", endpoint).get_credentials(
        workgroupName=endpoint.workgroup, dbName=endpoint.database, durationSeconds=_LIFETIME_SECONDS
    )
    return Credentials(*_address(endpoint), given["dbUser"], given["dbPassword"], given["expiration"].astimezone(UTC))


def _of_cluster(endpoint: RedshiftEndpoint) -> Credentials:
    client = _client("redshift", endpoint)
    asked: dict[str, Any] = {
        "ClusterIdentifier": endpoint.cluster,
        "DbName": endpoint.database,
        "DurationSeconds": _LIFETIME_SECONDS,
    }
    address = _address(endpoint)
    if endpoint.user:
        given = client.get_cluster_credentials(DbUser=endpoint.user, AutoCreate=False, **asked)
    else:
        given = client.get_cluster_credentials_with_iam(**asked)
    return Credentials(*address, given["DbUser"], given["DbPassword"], given["Expiration"].astimezone(UTC))


def _address(endpoint: RedshiftEndpoint) -> tuple[str, int]:
    if endpoint.host:
        return endpoint.host, endpoint.port
    if endpoint.workgroup:
        workgroup = _client("redshift-serverless", endpoint).get_workgroup(workgroupName=endpoint.workgroup)
        found, status = workgroup["workgroup"].get("endpoint") or {}, workgroup["workgroup"].get("status", "")
        address, port = found.get("address"), found.get("port")
    elif endpoint.cluster:
        clusters = _client("redshift", endpoint).describe_clusters(ClusterIdentifier=endpoint.cluster)
        cluster = clusters["Clusters"][0]
        found, status = cluster.get("Endpoint") or {}, cluster.get("ClusterStatus", "")
        address, port = found.get("Address"), found.get("Port")
    else:
        raise WarehouseAccessError(
            f"the secret {endpoint.secret_id} names no host",
            fix='give REDSHIFT_HOST, REDSHIFT_WORKGROUP or REDSHIFT_CLUSTER, or "host" in the secret',
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
    from botocore.exceptions import ConnectionError as NoConnectionError

    attempted = f"logging in to {endpoint.name}"
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        raise _refused(attempted, said.get("Code", ""), said.get("Message", "")) from error
    except (HTTPClientError, NoConnectionError) as error:
        raise WarehouseUnreachableError(
            f"{attempted}: AWS cannot be reached: {error}", fix="run again once this machine can reach AWS"
        ) from error
    except BotoCoreError as error:
        raise WarehouseAccessError(
            f"{attempted}: {error}", fix="give this machine credentials (role, profile, environment) and AWS_REGION"
        ) from error


def _refused(attempted: str, code: str, message: str) -> WarehouseAccessError | WarehouseUnreachableError:
    told = f"{attempted}: {code}: {message}"
    if code in _PASSING:
        return WarehouseUnreachableError(told, fix="AWS asks for patience: run again in a few minutes")
    if code in _EXPIRED:
        return WarehouseAccessError(told, fix="renew the credentials of AWS (`aws sso login`, or the role), run again")
    if code in _MISSING:
        return WarehouseAccessError(
            told, fix="mend REDSHIFT_WORKGROUP, REDSHIFT_CLUSTER, REDSHIFT_SECRET_ID or AWS_REGION: it is not there"
        )
    return WarehouseAccessError(
        told,
        fix="allow this identity secretsmanager:GetSecretValue on the secret, or redshift-serverless:GetCredentials "
        "and GetWorkgroup, or redshift:GetClusterCredentials and DescribeClusters",
    )
