"""COPY of Parquet files into a stage table, as strict as Redshift's.

Belongs here: the statement, its file names, the comparison of columns and types.
Does not belong here: the transaction (see `load_connection`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from finance_platform.errors import LoadError
from finance_platform.warehouse.duckdb.existing_schema import read_stage_columns

if TYPE_CHECKING:
    import duckdb

_PARQUET_COLUMNS = (
    "SELECT file_name, name, duckdb_type FROM parquet_schema($files) "
    "WHERE duckdb_type IS NOT NULL ORDER BY file_name, column_id"
)


def copy_statement(stage_table: str) -> str:
    """Return the statement that appends the rows of `$files`."""
    files = "READ_PARQUET($files, HIVE_PARTITIONING = FALSE)"
    return f"INSERT INTO {stage_table} SELECT * FROM {files}"  # noqa: S608  a contract's name


def check_parquet_columns(
    connection: duckdb.DuckDBPyConnection, stage_table: str, columns: Sequence[str], files: Sequence[str]
) -> None:
    """Raise LoadError if a file's columns differ from the stage table's in name, order or type.

    Redshift's COPY goes by position and converts no type; DuckDB would silently convert a float to money.
    """
    stage_types = [type_ for _, type_ in read_stage_columns(connection, stage_table)]
    expected = [f"{name} {type_}" for name, type_ in zip(columns, stage_types, strict=True)]
    parquet_columns = connection.execute(_PARQUET_COLUMNS, {"files": list(files)}).fetchall()
    for file, layout in groupby(parquet_columns, key=lambda column: column[0]):
        found = [f"{name} {type_}" for _, name, type_ in layout]
        if found != expected:
            raise LoadError(f"{file} has columns {found}; {stage_table} takes {expected}", fix="build the slice again")


def file_pattern(file: str) -> str:
    """Return a pattern that matches only this path or `file:` URI: DuckDB reads every path as a pattern."""
    path = file
    if file.startswith("file:"):
        # Its module imports clients of HTTP and mail with it, and a load on disk has paths.
        from urllib.request import url2pathname

        path = url2pathname(urlsplit(file).path)
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
