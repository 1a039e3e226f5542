"""A fake of Redshift on 127.0.0.1: PostgreSQL behind Redshift's wire, with users, databases and faults.

Belongs here: composing the parts, and the interface for tests.
Does not belong here: the parts (see `postgres_server`, `redshift_wire`, `redshift_rewrites`, `redshift_copy`).
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path

from finance_platform_tests.aws.postgres_server import LOADER, TEMPLATE, PostgresServer, postgres_server
from finance_platform_tests.aws.redshift_copy import CopyCommand
from finance_platform_tests.aws.redshift_faults import Faults
from finance_platform_tests.aws.redshift_rewrites import RedshiftRewriter
from finance_platform_tests.aws.redshift_wire import Session, Wire

ADMIN = "postgres"
_TEMPORARY = "IAM:"
_TEMPORARY_LENGTH = 32


class FakeRedshift:
    """A running server.

    Attributes:
        user: the loader.
        password: the loader's.
        issued: user and password of temporary credentials; they log in as the loader.
        people: passwords of other users, who have roles of PostgreSQL.
    """

    def __init__(self, postgres: PostgresServer, s3_address: str, tls: ssl.SSLContext | None = None) -> None:
        self._postgres = postgres
        self._numbers = itertools.count(1)
        self.password = secrets.token_urlsafe(16)
        self.user = LOADER
        self.issued: set[tuple[str, str]] = set()
        self.people: dict[str, str] = {}
        copy_command = CopyCommand(s3_address, postgres.files, lambda database, sql: postgres.psql(sql, database))

        def rewriter(session: Session) -> RedshiftRewriter:
            return RedshiftRewriter(session, copy_command.rewrite)

        self._wire = Wire(postgres.socket_path, self._authenticate, rewriter, ADMIN, tls)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._wire.port

    @property
    def faults(self) -> Faults:
        """The faults to inject, and the statements so far."""
        return self._wire.faults

    def database(self, template: str = TEMPLATE, *, name: str = "") -> str:
        """Create a database, empty or a copy of another without connections, and return its name."""
        name = name or f"finance_{next(self._numbers)}"
        self._postgres.psql(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {LOADER}")
        return name

    def drop(self, database: str) -> None:
        """Drop a database, even if there are connections to it."""
        self._postgres.psql(f"DROP DATABASE {database} WITH (FORCE)")

    def psql(self, script: str, database: str) -> str:
        """Run a script as the superuser, without using the wire."""
        return self._postgres.psql(script, database)

    def pause(self) -> None:
        """Close all connections and refuse new ones."""
        self._wire.pause()

    def resume(self) -> None:
        """Accept connections again."""
        self._wire.resume()

    def stop(self) -> None:
        """Stop the wire."""
        self._wire.stop()

    def _authenticate(self, user: str, password: str) -> str | None:
        if user == self.user and password == self.password:
            return user
        if password and self.people.get(user) == password:
            return user
        if (user, password) in self.issued:
            return self.user
        # moto's credentials for a cluster: only moto knows the password, but it has this length.
        if user == _TEMPORARY + self.user and len(password) == _TEMPORARY_LENGTH:
            return self.user
        return None


@contextlib.contextmanager
def fake_redshift(
    s3_address: str, tls: ssl.SSLContext | None = None, *, data: Path | None = None, kept_in: Path | None = None
) -> Iterator[FakeRedshift]:
    """Run the fake until the end of the block.

    Args:
        s3_address: the URL of S3.
        tls: the server's certificate; without one it refuses TLS.
        data: see `postgres_server`.
        kept_in: see `postgres_server`.
    """
    with postgres_server(data, kept_in=kept_in) as postgres:
        server = FakeRedshift(postgres, s3_address, tls)
        try:
            yield server
        finally:
            server.stop()
