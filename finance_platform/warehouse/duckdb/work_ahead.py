"""What a load and the reports do whatever the data are, done before they need it.

Belongs here: which statements they will send, and translating them; the tables and views of a new warehouse. Does not
belong here: when that is done (see `orchestration.job_runners.job_process`).

Nothing of the home is opened or written: all that stays is what `dialect`, `translation` and `new_file` keep in memory,
and `kept_schema` beside bytecode.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finance_platform.storage.temporary_folders import temporary_folder
from finance_platform.warehouse.duckdb.kept_schema import find_kept_schema, keep_schema
from finance_platform.warehouse.duckdb.new_file import NEW_FILE
from finance_platform.warehouse.duckdb.new_schema import schema_identity
from finance_platform.warehouse.duckdb.session import SCHEMA, in_duckdb
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.statements import SqlFile, comments, definitions, statements

_SENT_BY_RUNS = ("load/", "quality/", "reporting/")


def translate_ahead(path: Path) -> Iterator[None]:
    """Translate the statements of a run, one at each step of the iterator.

    Args:
        path: of the warehouse's file; without one, its tables and views are made first, for the file that a load will
            create.
    """
    import duckdb  # noqa: F401  where it is late for nothing

    if not path.exists():
        NEW_FILE.make(_new_content)
        yield
    for file in SqlFile:
        if file.value.startswith(_SENT_BY_RUNS):
            for sql in statements(file):
                in_duckdb(sql)
            yield


def _new_content() -> bytes:
    """Return a warehouse without rows, made in a temporary folder; only a load creates the home's file."""
    with temporary_folder() as folder:
        warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        warehouse.prepare()
        content = warehouse.path.read_bytes()
    identity = schema_identity(SCHEMA, definitions(), comments())
    if find_kept_schema(identity) is None:
        keep_schema(identity, content)
    return content
