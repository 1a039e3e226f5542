"""Assumptions about Redshift that no substitute can show, tried in a scratch schema.

Belongs here: what is assumed, the statements that show it, and what they leave behind to be removed.
Does not belong here: bound values (see `warehouse.proof`), the services around Redshift (see `deployment.proof`).

Most need the warehouse's owner: only a superuser may create users and act as them. The name of a scratch object begins
with `prove_` and is random, so that two proofs never meet, and what a killed one has left is recognised.
"""

# ruff: noqa: S608  every name in a statement is one of this module's, with random hexadecimal digits

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.errors import FinancePlatformError, LoadError, TransientError
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.proof import (
    CENTS,
    Assumption,
    DiffersError,
    NotTriedError,
    bound_value_assumptions,
    expect,
)
from finance_platform.warehouse.redshift.credentials import resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.existing_schema import has_schema
from finance_platform.warehouse.redshift.load_connection import RedshiftLoadConnection
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session

_OWNER = "only the warehouse's owner can try it: `finance-platform remote --as-owner prove`"
_WAIT_SECONDS = 1.0
"""How long a lock is held while another session waits for it."""

_ROLES = ("finance_loader", "finance_controller", "finance_analyst", "finance_partner")

_FEW_ROWS = pa.table(
    {
        "amount": pa.array([CENTS, None], pa.decimal128(18, 2)),
        "name": pa.array(["é", None], pa.string()),
        "number": pa.array([2**40, None], pa.int64()),
    }
)


@contextmanager
def redshift_assumptions(
    endpoint: RedshiftEndpoint,
    processed: ObjectStore | None,
    lake_schema: str,
) -> Iterator[tuple[Assumption, ...]]:
    """Yield the assumptions, which can be tried until the end of the block; everything is removed then.

    Args:
        endpoint: the warehouse.
        processed: the processed zone; COPY reads a small file that is written there. None if the role may not write it.
        lake_schema: the external schema of the processed tables; empty if there is none.
    """
    credentials = resolve_credentials(endpoint)

    def open_another() -> AbstractContextManager[RedshiftSession]:
        return open_session(endpoint, credentials)

    with ExitStack() as stack:
        session = stack.enter_context(open_another())
        scratch = _Scratch(session, open_another)
        stack.callback(scratch.remove)
        yield (
            *bound_value_assumptions(session),
            Assumption(
                "COPY loads decimals, texts and NULLs of Parquet unchanged",
                lambda: _copy(session, endpoint, processed, open_another),
            ),
            Assumption("the login has the loader's rights", lambda: _loader(session, scratch, endpoint.schema)),
            *_owners_assumptions(scratch, endpoint.schema, lake_schema),
        )


class _Scratch:
    """A schema with users and roles of its own, which is created when it is first needed."""

    def __init__(
        self, session: RedshiftSession, open_another: Callable[[], AbstractContextManager[RedshiftSession]]
    ) -> None:
        self.session = session
        self.open_another = open_another
        self.name = f"prove_{secrets.token_hex(4)}"
        self._undo: list[str] = []

    @property
    def is_owner(self) -> bool:
        """Whether the session's user is a superuser."""
        rows = self.session.run("SELECT usesuper FROM pg_user WHERE usename = current_user").rows
        return bool(rows and rows[0][0])

    def enter(self) -> RedshiftSession:
        """Return the session with the scratch schema first on its path.

        Raises:
            NotTriedError: the user is not the owner.
        """
        if not self.is_owner:
            raise NotTriedError(_OWNER)
        if not has_schema(self.session, self.name):
            self.do(f"CREATE SCHEMA {self.name}", f"DROP SCHEMA {self.name} CASCADE")
            self.session.run(f"SET search_path TO {self.name}")
        return self.session

    def do(self, sql: str, undo: str) -> None:
        """Run a statement, and remember the one that removes what it made."""
        self.session.run(sql)
        self._undo.append(undo)

    def user(self, kind: str) -> str:
        """Return a user with a role of the same name and rights on the schema; create both the first time."""
        name, role = f"{self.name}_{kind}", f"{self.name}_{kind}_role"
        if f"DROP USER {name}" not in self._undo:
            self.do(f"CREATE ROLE {role}", f"DROP ROLE {role} FORCE")
            self.do(f"CREATE USER {name} PASSWORD DISABLE", f"DROP USER {name}")
            self.session.run(f"GRANT ROLE {role} TO {name}")
            self.session.run(f"GRANT USAGE ON SCHEMA {self.name} TO ROLE {role}")
        return name

    @contextmanager
    def acting_as(self, user: str) -> Iterator[RedshiftSession]:
        """Run the block as another user."""
        self.session.run(f"SET SESSION AUTHORIZATION {user}")
        try:
            yield self.session
        finally:
            self.session.run("RESET SESSION AUTHORIZATION")

    def remove(self) -> None:
        """Remove everything; what cannot be removed is named like the schema, and no role of the platform sees it."""
        with suppress(FinancePlatformError):
            self.session.run("ROLLBACK")
        for sql in reversed(self._undo):
            with suppress(FinancePlatformError):
                self.session.run(sql)


def _owners_assumptions(scratch: _Scratch, schema: str, lake_schema: str) -> tuple[Assumption, ...]:
    texts: dict[str, Callable[[], str]] = {
        "DDL is rolled back with its transaction": lambda: _transactional_ddl(scratch),
        "a longer VARCHAR is refused in a transaction and taken outside": lambda: _longer_varchar(scratch),
        "LOCK waits, and what follows sees what the other load committed": lambda: _lock(scratch),
        "of two loads that write one table, the later one fails as transient": lambda: _conflict(scratch),
        "the catalog shows a user the tables that a role may read": lambda: _catalog(scratch),
        "each role of the platform finds its tables in the catalog and reads a view": lambda: _roles(scratch, schema),
        "row-level security shows a role its rows, through a view too": lambda: _row_policies(scratch),
        "a view that is replaced keeps its policies": lambda: _replaced_view(scratch),
        "a mask hides a column from one role, through a view too": lambda: _mask(scratch),
        "a policy on a view that cannot be bound is taken or refused, and nothing else fails": lambda: _unbound(
            scratch
        ),
        "a reader of a late-binding view needs no right on the external schema": lambda: _lake(scratch, lake_schema),
    }
    return tuple(Assumption(text, observe) for text, observe in texts.items())


def _copy(
    session: RedshiftSession,
    endpoint: RedshiftEndpoint,
    processed: ObjectStore | None,
    open_another: Callable[[], AbstractContextManager[RedshiftSession]],
) -> str:
    if processed is None:
        raise NotTriedError("the owner's role may not write there: `finance-platform remote prove` tries it")
    key, table = f"prove/{secrets.token_hex(8)}.parquet", f"prove_{secrets.token_hex(4)}"
    content = io.BytesIO()
    pq.write_table(_FEW_ROWS, content)
    load = RedshiftLoadConnection(session, endpoint, StagedFiles(processed), open_another)
    processed.write(key, content.getvalue())
    try:
        session.run(f"CREATE TEMP TABLE {table} (amount DECIMAL(18, 2), name VARCHAR(10), number BIGINT)")
        load.copy(table, _FEW_ROWS.column_names, [processed.uri(key)])
        rows = session.run(f"SELECT amount, name, number FROM {table} ORDER BY number").rows
    finally:
        load.remove_manifests()
        processed.delete(key)
    return expect(rows == [(CENTS, "é", 2**40), (None, None, None)], f"{rows}")


def _loader(session: RedshiftSession, scratch: _Scratch, schema: str) -> str:
    if scratch.is_owner:
        raise NotTriedError("the owner needs no role: `finance-platform remote prove` tries it")
    session.run(f"DELETE FROM {schema}.LoadLedger WHERE FALSE")
    ((user,),) = session.run("SELECT current_user").rows
    return f"{user} may write LoadLedger"


def _transactional_ddl(scratch: _Scratch) -> str:
    session = scratch.enter()
    for sql in ("BEGIN", "CREATE TABLE undone (a INTEGER)", "ROLLBACK"):
        session.run(sql)
    ((found,),) = session.run("SELECT COUNT(*) FROM pg_class WHERE relname = 'undone'").rows
    return expect(found == 0, f"{found} tables after ROLLBACK")


def _longer_varchar(scratch: _Scratch) -> str:
    session = scratch.enter()
    session.run("CREATE TABLE widened (a VARCHAR(10))")
    session.run("BEGIN")
    try:
        session.run("ALTER TABLE widened ALTER COLUMN a TYPE VARCHAR(20)")
    except LoadError as error:
        refusal = error.found
    else:
        raise DiffersError("it was taken in a transaction")
    finally:
        session.run("ROLLBACK")
    session.run("ALTER TABLE widened ALTER COLUMN a TYPE VARCHAR(20)")
    return f"in a transaction: {refusal}"


def _lock(scratch: _Scratch) -> str:
    session = scratch.enter()
    session.run("CREATE TABLE locked (a INTEGER)")
    seen: list[int] = []

    def wait_and_count() -> None:
        with scratch.open_another() as other:
            for sql in ("BEGIN", f"LOCK {scratch.name}.locked"):
                other.run(sql)
            waiting_has_ended.set()
            seen.append(int(other.run(f"SELECT COUNT(*) FROM {scratch.name}.locked").rows[0][0]))
            other.run("ROLLBACK")

    waiting_has_ended = threading.Event()
    for sql in ("BEGIN", "LOCK locked", "INSERT INTO locked VALUES (1)"):
        session.run(sql)
    thread = threading.Thread(target=wait_and_count)
    thread.start()
    has_waited = not waiting_has_ended.wait(_WAIT_SECONDS)
    session.run("COMMIT")
    thread.join()
    return expect(has_waited and seen == [1], f"{'it waited' if has_waited else 'it did not wait'}; saw {seen} rows")


def _conflict(scratch: _Scratch) -> str:
    session = scratch.enter()
    session.run("CREATE TABLE contended (a INTEGER)")
    session.run("INSERT INTO contended VALUES (1)")
    with scratch.open_another() as other:
        for sql in ("BEGIN", f"SELECT COUNT(*) FROM {scratch.name}.contended"):
            other.run(sql)
        session.run("UPDATE contended SET a = 2")
        try:
            other.run(f"UPDATE {scratch.name}.contended SET a = 3")
        except TransientError as error:
            return f"transient: {error.found}"
        finally:
            other.run("ROLLBACK")
    raise DiffersError("the later one wrote over a row that had changed since it began")


def _catalog(scratch: _Scratch) -> str:
    session, user = scratch.enter(), scratch.user("reader")
    session.run("CREATE TABLE catalogued (a INTEGER)")
    session.run(f"GRANT SELECT ON TABLE catalogued TO ROLE {user}_role")
    with scratch.acting_as(user):
        rows = session.run(
            "SELECT pg_class.relname FROM pg_class INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace "
            "WHERE pg_namespace.nspname = :schema AND pg_class.relname = 'catalogued'",
            {"schema": scratch.name},
        ).rows
    return expect(rows == [("catalogued",)], f"{len(rows)} tables")


def _roles(scratch: _Scratch, schema: str) -> str:
    session = scratch.enter()
    existing = {str(name) for (name,) in session.run("SELECT role_name FROM svv_roles").rows}
    missing = sorted(set(_ROLES) - existing)
    if missing:
        raise NotTriedError(f"{missing[0]} does not exist: `finance-platform remote --as-owner secure` creates it")
    seen = {}
    for role in _ROLES:
        user = scratch.user(role.removeprefix("finance_"))
        scratch.do(f"GRANT ROLE {role} TO {user}", f"REVOKE ROLE {role} FROM {user}")
        with scratch.acting_as(user):
            found = session.run(
                "SELECT pg_class.relname FROM pg_class INNER JOIN pg_namespace "
                "ON pg_namespace.oid = pg_class.relnamespace WHERE pg_namespace.nspname = :schema "
                "AND pg_class.relname IN ('dimdate', 'periodcalendar')",
                {"schema": schema},
            ).rows
            session.run(f"SELECT COUNT(*) FROM {schema}.PeriodCalendar")
        seen[role] = len(found)
    return expect(set(seen.values()) == {2}, ", ".join(f"{role}: {count} of 2" for role, count in seen.items()))


def _make_policed(scratch: _Scratch) -> tuple[str, str, str]:
    """Create a table and a view with policies once; return a user for all rows, for one row, and for none."""
    session = scratch.enter()
    everything, own, nothing = (scratch.user(kind) for kind in ("all", "own", "none"))
    ((found,),) = session.run(
        "SELECT COUNT(*) FROM pg_class INNER JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = :schema AND relname = 'policed'",
        {"schema": scratch.name},
    ).rows
    if found:
        return everything, own, nothing
    session.run("CREATE TABLE policed (departmentkey BIGINT, name VARCHAR(10))")
    session.run("INSERT INTO policed VALUES (1, 'one'), (2, 'two')")
    session.run("CREATE VIEW policed_view AS SELECT departmentkey, name FROM policed")
    for policy, condition in (
        ("all", "USING (TRUE)"),
        ("own", "WITH (departmentkey BIGINT) USING (departmentkey = 1)"),
    ):
        name = f"{scratch.name}_{policy}_rows"
        scratch.do(f"CREATE RLS POLICY {name} {condition}", f"DROP RLS POLICY {name} CASCADE")
        session.run(f"ATTACH RLS POLICY {name} ON policed TO ROLE {scratch.name}_{policy}_role")
    session.run("ALTER TABLE policed ROW LEVEL SECURITY ON")
    for user in (everything, own, nothing):
        for relation in ("policed", "policed_view"):
            session.run(f"GRANT SELECT ON TABLE {relation} TO ROLE {user}_role")
    return everything, own, nothing


def _row_policies(scratch: _Scratch) -> str:
    users = _make_policed(scratch)
    counts = [_count_as(scratch, user, relation) for relation in ("policed", "policed_view") for user in users]
    return expect(counts == [2, 1, 0, 2, 1, 0], f"{counts[:3]} rows of the table, {counts[3:]} of the view")


def _replaced_view(scratch: _Scratch) -> str:
    _, own, _ = _make_policed(scratch)
    session = scratch.session
    session.run("CREATE VIEW replaced AS SELECT departmentkey, name FROM policed")
    session.run(f"GRANT SELECT ON TABLE replaced TO ROLE {own}_role")
    session.run(f"ATTACH RLS POLICY {scratch.name}_own_rows ON replaced TO ROLE {own}_role")
    session.run("ALTER TABLE replaced ROW LEVEL SECURITY ON")
    session.run("CREATE OR REPLACE VIEW replaced AS SELECT departmentkey, name FROM policed WHERE TRUE")
    count = _count_as(scratch, own, "replaced")
    return expect(count == 1, f"{count} rows after CREATE OR REPLACE VIEW")


def _mask(scratch: _Scratch) -> str:
    session = scratch.enter()
    shown, hidden = scratch.user("shown"), scratch.user("hidden")
    session.run("CREATE TABLE masked (name VARCHAR(10))")
    session.run("INSERT INTO masked VALUES ('secret')")
    session.run("CREATE VIEW masked_view AS SELECT name FROM masked")
    mask = f"{scratch.name}_mask"
    scratch.do(
        f"CREATE MASKING POLICY {mask} WITH (shown VARCHAR(10)) USING (CAST('***' AS VARCHAR(10)))",
        f"DROP MASKING POLICY {mask} CASCADE",
    )
    session.run(f"ATTACH MASKING POLICY {mask} ON masked (name) TO ROLE {hidden}_role PRIORITY 10")
    for user in (shown, hidden):
        session.run(f"GRANT SELECT ON TABLE masked_view TO ROLE {user}_role")
    names = []
    for user in (shown, hidden):
        with scratch.acting_as(user):
            names.append(session.run(f"SELECT name FROM {scratch.name}.masked_view").rows[0][0])
    return expect(names == ["secret", "***"], f"{names}")


def _unbound(scratch: _Scratch) -> str:
    _make_policed(scratch)
    session, role = scratch.session, f"{scratch.name}_all_role"
    session.run(
        f"CREATE VIEW unbound AS SELECT CAST(missing.a AS BIGINT) AS departmentkey FROM {scratch.name}.missing "
        "WITH NO SCHEMA BINDING"
    )
    try:
        session.run(f"ATTACH RLS POLICY {scratch.name}_all_rows ON unbound TO ROLE {role}")
    except LoadError as error:
        return f"refused: {error.found}"
    return "taken"


def _lake(scratch: _Scratch, lake_schema: str) -> str:
    session, user = scratch.enter(), scratch.user("files")
    if not lake_schema:
        raise NotTriedError("there is no data catalog")
    tables = session.run(
        "SELECT tablename FROM svv_external_tables WHERE schemaname = :schema", {"schema": lake_schema}
    )
    if not tables.rows:
        raise NotTriedError(f"{lake_schema} has no tables yet: run it again after the first load")
    table = tables.rows[0][0]
    session.run(f"CREATE VIEW of_files AS SELECT COUNT(*) AS n FROM {lake_schema}.{table} WITH NO SCHEMA BINDING")
    session.run(f"GRANT SELECT ON TABLE of_files TO ROLE {user}_role")
    with scratch.acting_as(user):
        ((count,),) = session.run(f"SELECT n FROM {scratch.name}.of_files").rows
    return f"{count} rows of {table}"


def _count_as(scratch: _Scratch, user: str, relation: str) -> int:
    with scratch.acting_as(user) as session:
        return int(session.run(f"SELECT COUNT(*) FROM {scratch.name}.{relation}").rows[0][0])
