"""A damaged file of the warehouse: recognising it, and setting it aside.

Belongs here: what counts as damage. A lock of another process and a missing permission never do: the file is intact.
Does not belong here: building the warehouse again (see `warehouse`, `refresh.steps.publish`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finance_platform.errors import SettingsError
from finance_platform.setting_sources import ENV_PREFIX

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"DUCK"
_MAGIC_AT = 8
_EMPTY = "it is empty"
ENDING = ".duckdb"
"""Of the name of a file that is the platform's, whatever is in it."""
_MESSAGES = (
    "Corrupt database file",  # the checksum of a block
    "Could not read enough bytes from file",  # a block beyond the end of the file
    "not a valid DuckDB database file",
    "database file with version number",  # of another release of DuckDB, which cannot be opened by this one
)
"""Parts of DuckDB's messages; it has no class of errors for damage."""


def is_damage(error: duckdb.Error) -> bool:
    """Return whether an error of DuckDB says that the database file is damaged."""
    return any(message in str(error) for message in _MESSAGES)


def find_damaged_start(path: Path) -> str:
    """Return what is wrong with the kind or the first bytes of a file; empty if nothing is, or if it cannot be opened.

    DuckDB creates a database in an empty file, and looks for an extension for the files of other programs.

    Raises:
        SettingsError: what is there was never a warehouse, by its name too; setting it aside would move what a person
            has put there, such as another home's raw files.
    """
    why = _find_other_kind(path)
    if why and why != _EMPTY and path.suffix != ENDING:
        raise SettingsError(
            f"{ENV_PREFIX}WAREHOUSE_URI: expected a file of DuckDB, found {path}, and {why}",
            fix=f"give the path of a file whose name ends in {ENDING}; what is there now stays as it is",
        )
    return why


def _find_other_kind(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if not path.is_file():
        return "it is not a regular file"
    try:
        with path.open("rb") as stream:
            head = stream.read(_MAGIC_AT + len(_MAGIC))
    except OSError:
        return ""
    if not head:
        return _EMPTY
    return "" if head[_MAGIC_AT:] == _MAGIC else "it is not a DuckDB file"


def read_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every row of every table of the attached databases, so that damage of any block raises an error."""
    names = "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
    for parts in connection.execute(names).fetchall():
        table = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
        connection.execute(f"SELECT MAX(HASH(one)) FROM {table} AS one").fetchall()  # noqa: S608  quoted


def set_aside(path: Path, why: str, at: datetime) -> str:
    """Rename a damaged file, and the log beside it; return a sentence for people."""
    target = path.with_name(f"{path.name}.damaged-{at:%Y%m%dT%H%M%SZ}")
    path.rename(target)
    log = path.with_name(f"{path.name}.wal")
    if log.exists():
        log.rename(target.with_name(f"{target.name}.wal"))
    return (
        f"{path} is damaged ({why}): it is set aside as {target.name} and built again from the processed zone with the "
        "same figures; movements and load numbers come from the records of loads"
    )
