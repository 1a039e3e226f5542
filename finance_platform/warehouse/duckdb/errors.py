"""DuckDB's errors as the platform's own.

Belongs here: the mapping. DuckDB is a library on a local file, so none of its errors is transient.
Does not belong here: a file that was replaced in between (see `atomic_file`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from finance_platform.errors import LoadError, QueryError


@contextmanager
def query_errors(fix: str) -> Iterator[None]:
    """Raise a QueryError with this fix for any error of DuckDB."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise QueryError(str(error), fix=fix) from error


@contextmanager
def load_errors(attempted: str) -> Iterator[None]:
    """Raise a LoadError that names the attempt for any error of DuckDB."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise LoadError(f"{attempted}: {error}", fix="nothing was published; fix the cause and run again") from error
