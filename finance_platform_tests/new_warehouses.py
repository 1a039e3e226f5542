"""New warehouses at less cost: copies of one that the product created in this session.

Belongs here: when a new warehouse is a copy, and of what. Does not belong here: what creates one (see
`warehouse.duckdb.warehouse`).

A new file of the embedded warehouse takes 0.4 s of processor time, most of it for the views and the comments of
columns. Hundreds of tests need one. Commands in processes of their own, tests of migrations and of faults, and the
nightly profile create their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb import warehouse
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile, Replacement
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.session_artifacts import session_artifact

_FILE = "new.duckdb"


@contextmanager
def new_warehouses_are_copies(factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the embedded warehouse begin a new file as a copy, wherever its definitions are this release's."""
    create, fingerprint = DuckDBWarehouse.prepare, statements.definitions_fingerprint()

    def create_template(folder: Path) -> None:
        with new_warehouses_are_created():
            create(DuckDBWarehouse(folder / _FILE))

    @cache
    def template() -> Path:
        return session_artifact(factory, "new-warehouse", create_template) / _FILE

    class CopyOfTheTemplate(AtomicFile):
        """Publishes a new file even if nothing is loaded into it, as one that was created is."""

        @contextmanager
        def replacement(self) -> Iterator[Replacement]:
            begins_as_copy = not self.path.exists() and statements.definitions_fingerprint() == fingerprint
            with super().replacement() as copy:
                if begins_as_copy:
                    shutil.copyfile(template(), copy.path)
                yield copy
                copy.is_changed |= begins_as_copy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warehouse, "AtomicFile", CopyOfTheTemplate)
        yield


@contextmanager
def new_warehouses_are_created() -> Iterator[None]:
    """Let the embedded warehouse create new files itself, as it does outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warehouse, "AtomicFile", AtomicFile)
        yield
