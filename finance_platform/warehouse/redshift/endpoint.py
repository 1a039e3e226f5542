"""Where a Redshift warehouse is, and how it is spoken to.

Belongs here: what the settings say of it, none of which is secret, and what must hold before anything is sent there.
Does not belong here: credentials (see `redshift_credentials`), connections (see `redshift_session`).
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
        host: its address; asked for by workgroup or cluster where empty.
        port: its port, where `host` is given.
        workgroup: Redshift Serverless: the workgroup.
        cluster: a provisioned cluster: its identifier.
        user: database user of a provisioned cluster with temporary credentials; empty for the caller's own IAM name.
        secret_id: the secret that holds user and password; temporary credentials where empty.
        tls: whether the line is encrypted and the server's name checked.
        statement_timeout_seconds: how long one statement may take.
        query_group: the query group, for workload management; none where empty.
        region: the region; as boto3 finds it where empty.
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
        """What people call it, for messages."""
        if self.workgroup:
            return f"Redshift Serverless workgroup {self.workgroup}, database {self.database}"
        if self.cluster:
            return f"Redshift cluster {self.cluster}, database {self.database}"
        place = f"at {self.host}" if self.host else f"of the secret {self.secret_id}"
        return f"Redshift {place}, database {self.database}"


def require_tls(endpoint: RedshiftEndpoint, host: str) -> None:
    """Refuse to send a password and the books over a line that others can read.

    Raises:
        SettingsError: TLS is off, and `host` is not this machine.
    """
    if not endpoint.tls and not _is_this_machine(host):
        raise SettingsError(
            f"FINANCE_PLATFORM_REDSHIFT_TLS is off, and the warehouse is at {host}",
            fix="leave TLS on: it may be off only for a warehouse on this machine, such as a tunnel's end",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
