"""The views in the DuckDB file, compared with those that this release's definitions make.

Belongs here: both sets of texts as DuckDB prints them, and functions that change what an equal text means. Does not
belong here: tables and their columns (see `migration`), what is done about a difference (see
`refresh.verification.verify`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.storage.temporary_folders import temporary_folder
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb.existing_schema import read_schema_version
from finance_platform.warehouse.duckdb.session import FILE_FORMAT, SCHEMA, begin_session
from finance_platform.warehouse.schema_version import OTHER_RELEASE

if TYPE_CHECKING:
    import duckdb

_TEXTS = """
SELECT schema_name, view_name, sql FROM duckdb_views()
WHERE database_name = current_database() AND schema_name IN ('main', $schema) AND NOT internal
UNION ALL
SELECT schema_name, table_name, 'a table' FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = 'main'
"""

# Macros with the name of a function of DuckDB, which every view and query uses instead of it.
_SHADOWING = """
SELECT DISTINCT schema_name, function_name FROM duckdb_functions() AS own
WHERE
    database_name = current_database() AND schema_name IN ('main', $schema) AND NOT internal
    AND EXISTS (
        SELECT 1 FROM duckdb_functions() AS built_in
        WHERE built_in.internal AND LOWER(built_in.function_name) = LOWER(own.function_name)
    )
ORDER BY schema_name, function_name
"""


def find_changed_views(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Yield each view that is not as this release defines it, and what is wrong with it, a clause.

    Views and functions that other programs have under other names are theirs. A macro named like a function of DuckDB
    replaces it in every view, whose text stays as it is.

    Args:
        connection: a session on the file.
    """
    if not read_schema_version(connection).is_current:
        yield SCHEMA_VERSION.table, OTHER_RELEASE
        return
    found = _texts(connection)
    for (schema, name), text in sorted(_expected(statements.definitions_fingerprint()).items()):
        shown = name if schema == SCHEMA else f"{schema}.{name}"
        if (schema, name) not in found:
            yield shown, "is missing"
        elif found[schema, name] != text:
            yield shown, "has another definition than this release gives it"
    for schema, name in connection.execute(_SHADOWING, {"schema": SCHEMA}).fetchall():
        yield f"{schema}.{name}", "is a macro, which every view and query uses instead of DuckDB's function"


@lru_cache(maxsize=1)
def _expected(_fingerprint: str) -> dict[tuple[str, str], str]:
    """Return the texts of the views of a new warehouse, read from a file: DuckDB prints a view differently before.

    Creating them takes two thirds of what `verify` takes on a small home, so it is done once in a process.

    Args:
        _fingerprint: of the definitions that the views are created from.
    """
    import duckdb

    with temporary_folder() as folder:
        path = str(folder / "expected.duckdb")
        with closing(duckdb.connect(path, config=FILE_FORMAT)) as connection:
            _create(connection)
        with closing(duckdb.connect(path, read_only=True)) as connection:
            return _texts(connection)


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    from finance_platform.warehouse.duckdb.default_schema import replace_default_names
    from finance_platform.warehouse.duckdb.translation import to_duckdb

    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    begin_session(connection, SCHEMA)
    for text in statements.definitions():
        connection.execute(to_duckdb(text))
    replace_default_names(connection, SCHEMA)


def _texts(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    rows = connection.execute(_TEXTS, {"schema": SCHEMA}).fetchall()
    return {(schema, name): text for schema, name, text in rows}
