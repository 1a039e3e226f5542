"""Redshift on 127.0.0.1: PostgreSQL behind Redshift's wire, with users, databases and faults.

Belongs here: putting the parts together, and what tests ask of the whole.
Does not belong here: the parts (see `postgres_server`, `redshift_wire`, `redshift_rewrites`, `redshift_copying`).
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import ssl
from collections.abc import Iterator

from finance_platform_tests.aws.postgres_server import LOADER, TEMPLATE, PostgresServer, postgres_server
from finance_platform_tests.aws.redshift_copying import Copying
from finance_platform_tests.aws.redshift_faults import Faults
from finance_platform_tests.aws.redshift_rewrites import RedshiftEditor
from finance_platform_tests.aws.redshift_wire import Session, Wire

ADMIN = "postgres"
_TEMPORARY = "IAM:"
_TEMPORARY_LENGTH = 32


class RedshiftStandIn:
    """A warehouse that runs.

    Attributes:
        password: of the loader.
        people: passwords of others who are let in as themselves, and have a role of PostgreSQL's.
        faults: what it does wrong, on request.
    """

    def __init__(self, postgres: PostgresServer, s3_address: str, tls: ssl.SSLContext | None = None) -> None:
        self._postgres = postgres
        self._numbers = itertools.count(1)
        self.password = secrets.token_urlsafe(16)
        self.user = LOADER
        self.issued: set[tuple[str, str]] = set()
        self.people: dict[str, str] = {}
        copying = Copying(s3_address, postgres.files, lambda database, sql: postgres.psql(sql, database))

        def editor(session: Session) -> RedshiftEditor:
            return RedshiftEditor(session, copying.copied)

        self._wire = Wire(postgres.socket_path, self._let_in, editor, ADMIN, tls)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._wire.port

    @property
    def faults(self) -> Faults:
        """What it does wrong, on request."""
        return self._wire.faults

    def database(self, like: str = TEMPLATE) -> str:
        """Make a database, empty or like another to which nobody is connected, and return its name."""
        name = f"finance_{next(self._numbers)}"
        self._postgres.psql(f"CREATE DATABASE {name} TEMPLATE {like} OWNER {LOADER}")
        return name

    def drop(self, database: str) -> None:
        """Throw a database away, whoever is connected to it."""
        self._postgres.psql(f"DROP DATABASE {database} WITH (FORCE)")

    def psql(self, script: str, database: str) -> str:
        """Run a script as the superuser, beside the wire."""
        return self._postgres.psql(script, database)

    def pause(self) -> None:
        """Let nobody in, and hang up on everybody."""
        self._wire.pause()

    def resume(self) -> None:
        """Let everybody in again."""
        self._wire.resume()

    def stop(self) -> None:
        """Stop the wire."""
        self._wire.stop()

    def _let_in(self, user: str, password: str) -> str | None:
        if user == self.user and password == self.password:
            return user
        if password and self.people.get(user) == password:
            return user
        if (user, password) in self.issued:
            return self.user
        # What moto gives out for a cluster: nobody but it knows the password, but it is of this length.
        if user == _TEMPORARY + self.user and len(password) == _TEMPORARY_LENGTH:
            return self.user
        return None


@contextlib.contextmanager
def redshift_stand_in(s3_address: str, tls: ssl.SSLContext | None = None) -> Iterator[RedshiftStandIn]:
    """Run the stand-in until the end of the block.

    Args:
        s3_address: where S3 is.
        tls: what the server shows to whoever asks for TLS; it refuses TLS without.
    """
    with postgres_server() as postgres:
        stand_in = RedshiftStandIn(postgres, s3_address, tls)
        try:
            yield stand_in
        finally:
            stand_in.stop()
