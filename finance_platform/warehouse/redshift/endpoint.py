"""The address of a Redshift warehouse and the options of its sessions.

Belongs here: its settings, none of them secret, and the condition under which a connection may be unencrypted.
Does not belong here: credentials (see `credentials`), connections (see `session`).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from finance_platform.errors import SettingsError


@dataclass(frozen=True)
class RedshiftEndpoint:
    """A warehouse on Redshift Serverless or a provisioned cluster.

    Attributes:
        database: the database.
        schema: the schema of the star.
        copy_role_arn: the role with which COPY reads the processed zone.
        host: its address; looked up by workgroup or cluster if empty.
        port: its port, if `host` is given.
        workgroup: Redshift Serverless: the workgroup.
        cluster: a provisioned cluster: its identifier.
        user: database user of a provisioned cluster with temporary credentials; empty for the caller's own IAM name.
        secret_id: the secret with user and password; temporary credentials if empty.
        tls: whether the connection is encrypted and the server's name checked.
        statement_timeout_seconds: the maximum duration of one statement.
        query_group: the query group, for workload management; none if empty.
        region: the region; boto3's default if empty.
    """

    database: str
    schema: str
    copy_role_arn: str = ""
    host: str = ""
    port: int = 5439
    workgroup: str = ""
    cluster: str = ""
    user: str = ""
    secret_id: str = ""
    tls: bool = True
    statement_timeout_seconds: int = 1800
    query_group: str = ""
    region: str = ""

    @property
    def name(self) -> str:
        """Its name in messages."""
        if self.workgroup:
            return f"Redshift Serverless workgroup {self.workgroup}, database {self.database}"
        if self.cluster:
            return f"Redshift cluster {self.cluster}, database {self.database}"
        address = f"at {self.host}" if self.host else f"of the secret {self.secret_id}"
        return f"Redshift {address}, database {self.database}"


def require_tls(endpoint: RedshiftEndpoint, host: str) -> None:
    """Refuse to send a password and financial data over an unencrypted network connection.

    Raises:
        SettingsError: TLS is off, and `host` is not this machine.
    """
    if not endpoint.tls and not _is_local(host):
        raise SettingsError(
            f"FINANCE_PLATFORM_REDSHIFT_TLS is off, and the warehouse is at {host}",
            fix="turn TLS on: it may be off only for a warehouse on this machine, such as the end of a tunnel",
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
