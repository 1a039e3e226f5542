"""The warehouse's file with faults: its copy, its statements, its commit, its rename.

Belongs here: the steps of replacing the file as operations of a plan. Does not belong here: the ways to fail, Redshift
(see `aws.redshift_faults`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finance_platform.storage import durability
from finance_platform.warehouse.duckdb import atomic_file, session, warehouse
from finance_platform_tests.faults.plan import FaultPlan, Operation

_MEMORY = ":memory:"


class _FaultyConnection:
    """A connection of DuckDB whose statements and commits are operations of a plan."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: FaultPlan) -> None:
        self._connection, self._plan = connection, plan

    def execute(self, sql: str, *arguments: Any) -> Any:
        first_words = " ".join(sql.split()[:4])
        return self._run(first_words, lambda: self._connection.execute(sql, *arguments))

    def commit(self) -> Any:
        return self._run("commit", self._connection.commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _run(self, name: str, call: Callable[[], Any]) -> Any:
        return self._plan.run(Operation("statement", name, "on the warehouse's copy"), call)


@contextmanager
def faulty_warehouse(path: Path, plan: FaultPlan) -> Iterator[None]:
    """Let the plan count, and let fail, what a load does to the file at `path`."""

    def around(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            return plan.run(
                Operation("file", name, " ".join(map(str, arguments))), lambda: original(*arguments, **named)
            )

        return counted

    real_replace, real_connect = Path.replace, duckdb.connect
    counted_replace = around("rename", real_replace)

    def replace(source: Path, target: Path) -> Path:
        is_published = Path(target) == path
        renamed: Path = counted_replace(source, target) if is_published else real_replace(source, target)
        return renamed

    def connect(database: str = _MEMORY, *arguments: Any, **named: Any) -> Any:
        connection = real_connect(database, *arguments, **named)
        return connection if database == _MEMORY else _FaultyConnection(connection, plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copy", around("copy", shutil.copy))
        # In the module of the file alone: an object store syncs within operations of its own.
        for sync in (durability.sync_file, durability.sync_folder):
            patch.setattr(atomic_file, sync.__name__, around(sync.__name__, sync))
        patch.setattr(Path, "replace", replace)
        patch.setattr(duckdb, "connect", connect)
        patch.setattr(warehouse, "open_writer", session.open_writer)  # which connects
        yield
