"""Readers of the embedded warehouse that stay open for a test: opening one takes longer than most queries.

Belongs here: when they stay open. Does not belong here: when a reader is used again (see `kept_readers` of the
warehouse).

A DuckDB instance that reads a file takes 26 ms of processor time to open, and a test sends up to two hundred queries.
Commands in processes of their own, the tests of the readers themselves and the nightly profile open one for each query,
as commands do outside of tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from finance_platform.warehouse.duckdb.kept_readers import kept_readers
from finance_platform_tests.profiles import current_profile


@contextmanager
def readers_stay_open() -> Iterator[None]:
    """Keep this thread's readers open until the block ends; a file that was replaced or changed is opened again."""
    with nullcontext() if current_profile().is_exhaustive else kept_readers():
        yield
