"""All tables and views of an empty file at once, as the definitions give them one after the other.

Belongs here: creating them in memory, and copying the catalog. Does not belong here: the definitions (see
`statements`), files that have some of them (see `migration`).

DuckDB binds a view when it is created, with all views that it reads, down to the tables. In a database in memory each
view is bound over empty tables with the columns of the views that it reads; the views take their place from the last
one to the first. A catalog is copied without being bound again (250), from a file that an earlier process has kept if
there is one (250).
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from finance_platform.warehouse.duckdb.default_schema import create_default_name, quote
from finance_platform.warehouse.duckdb.kept_schema import find_kept_schema
from finance_platform.warehouse.duckdb.session import in_duckdb

if TYPE_CHECKING:
    import duckdb

_log = logging.getLogger(__name__)

_DATABASE = "finance_platform_schema"
_CREATES = re.compile(r"CREATE (?:(TABLE) IF NOT EXISTS|OR REPLACE VIEW) (\w+)\b")


class Created(NamedTuple):
    """What a definition creates: a table or a view, and its name."""

    is_table: bool
    name: str


def created_by(definition: str) -> Created:
    """Return what a definition creates; all of them begin alike, so none is parsed for that.

    Raises:
        ValueError: it begins in another way.
    """
    if (match := _CREATES.match(definition)) is None:
        raise ValueError(f"{definition[:60]!r} creates no table or view as the other definitions do")
    return Created(match[1] is not None, match[2])


def is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether no table and no view of anyone is in the current database."""
    count = connection.execute(
        "SELECT (SELECT COUNT(*) FROM duckdb_tables() WHERE database_name = current_database())"
        " + (SELECT COUNT(*) FROM duckdb_views() WHERE database_name = current_database() AND NOT internal)"
    ).fetchone()
    return count == (0,)


def create_schema(
    connection: duckdb.DuckDBPyConnection, schema: str, definitions: Sequence[str], comments: Sequence[str]
) -> None:
    """Create every table and view in an empty database, with the names in `main` (see `default_schema`).

    Args:
        connection: a connection outside of a transaction, on the private copy of a load.
        schema: the schema of the tables and views; it is the current schema before and after.
        definitions: the statements that create them, in an order in which they can run.
        comments: the statements that describe them.
    """
    (target,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    # A thousand statements without rows: waking a second thread and optimizing plans takes longer than they do (250).
    connection.execute("SET threads = 1; PRAGMA disable_optimizer")
    kept = find_kept_schema(schema_identity(schema, definitions, comments))
    if kept is None or not _copy_kept(connection, kept, target):
        _create_in_memory(connection, schema, definitions, comments)
        connection.execute(f"COPY FROM DATABASE {_DATABASE} TO {quote(target)} (SCHEMA)")
        connection.execute(f"USE {quote(target)}.{schema}")
        connection.execute(f"DETACH {_DATABASE}")
    connection.execute("RESET threads; PRAGMA enable_optimizer")


def schema_identity(schema: str, definitions: Sequence[str], comments: Sequence[str]) -> str:
    """Return an identity of all statements that create the tables and views, and of the engine; see `create_schema`."""
    import duckdb

    digest = hashlib.sha256(f"{duckdb.__version__}\0{schema}".encode())
    names = (created_by(definition).name for definition in definitions)
    in_main = (step for name in names for step in create_default_name(schema, name))
    for statement in (*map(in_duckdb, definitions), *in_main, *comments):
        digest.update(f"\0{statement}".encode())
    return digest.hexdigest()[:16]


def _copy_kept(connection: duckdb.DuckDBPyConnection, file: Path, target: str) -> bool:
    """Copy the catalog of a file; return whether that was possible, and else copy nothing."""
    import duckdb

    path = str(file).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{path}' AS {_DATABASE} (READ_ONLY)")
        try:
            connection.execute(f"COPY FROM DATABASE {_DATABASE} TO {quote(target)} (SCHEMA)")
        finally:
            connection.execute(f"DETACH {_DATABASE}")
    except duckdb.Error:
        # Such as on a disk without locks: they are created, as without a file.
        _log.debug("the tables and views that were kept cannot be copied", exc_info=True)
        return False
    return True


def _create_in_memory(
    connection: duckdb.DuckDBPyConnection, schema: str, definitions: Sequence[str], comments: Sequence[str]
) -> None:
    """Create every table and view in a database in memory, which is the current one afterwards."""
    for step in (f"ATTACH ':memory:' AS {_DATABASE}", f"USE {_DATABASE}", f"CREATE SCHEMA {schema}", f"USE {schema}"):
        connection.execute(step)
    connection.begin()
    names, views = [], []
    for definition in definitions:
        created, statement = created_by(definition), in_duckdb(definition)
        names.append(created.name)
        if created.is_table:
            connection.execute(statement)
        else:
            views.append((created.name, statement))
            _create_stand_in(connection, *views[-1])
    connection.execute("; ".join(step for name in names for step in create_default_name(schema, name)))
    for name, statement in reversed(views):
        connection.execute(f"DROP TABLE {quote(name)}")
        connection.execute(statement)
    connection.execute("; ".join(comments))
    connection.commit()


def _create_stand_in(connection: duckdb.DuckDBPyConnection, name: str, statement: str) -> None:
    """Create an empty table with the name and the columns of a view."""
    _, _, query = statement.partition(f" VIEW {name} AS ")
    columns = connection.execute(f"DESCRIBE {query}").fetchall()
    definition = ", ".join(f"{quote(column)} {type_}" for column, type_, *_ in columns)
    connection.execute(f"CREATE TABLE {quote(name)} ({definition})")
