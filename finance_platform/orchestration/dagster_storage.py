"""Damaged files of Dagster's storage in the home: its configuration and the SQLite files with the history of runs.

Belongs here: recognising damage, setting it aside. Does not belong here: what the configuration says, opening the
instance (see `dagster_instance`).

The history of runs is not the books: Dagster begins a new one, and nothing that is published changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

CONFIGURATION = "dagster.yaml"
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_LOGS = ("-wal", "-shm", "-journal")
_READ_WHOLE_UP_TO = 64 * 2**20
"""Bytes; reading a file of this size takes a fraction of a second."""

_ITS_FORMAT = b"SQLite format 3\x00"


def find_damaged_storage(folder: Path) -> dict[Path, str]:
    """Return the damaged files of Dagster's storage, with the reason; nothing is changed.

    Args:
        folder: Dagster's storage in the home.
    """
    damaged: dict[Path, str] = {}
    if why := _wrong_configuration(folder / CONFIGURATION):
        damaged[folder / CONFIGURATION] = why
    for name in _DATABASES:
        if why := _wrong_database(folder / name):
            damaged[folder / name] = why
    return damaged


def set_storage_aside(folder: Path, at: datetime) -> Iterator[str]:
    """Rename the damaged files of Dagster's storage, and yield a sentence for each."""
    for path, why in find_damaged_storage(folder).items():
        suffix = f".damaged-{at:%Y%m%dT%H%M%SZ}"
        for name in (path.name, *(f"{path.name}{log}" for log in _LOGS)):
            file = path.with_name(name)
            if file.exists() or file.is_symlink():
                file.rename(file.with_name(name + suffix))
        lost = "it is written again" if path.name == CONFIGURATION else "a new history of runs begins"
        yield f"{path} is damaged ({why}): it is set aside as {path.name}{suffix}, and {lost}"


def _wrong_configuration(path: Path) -> str:
    if not path.exists():
        return "it is a link to nothing" if path.is_symlink() else ""
    if path.is_dir():
        return "it is a folder"
    if not path.is_file():
        return ""  # a pipe, which is refused by name
    try:
        document: Any = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"it is not valid YAML: {' '.join(str(error).split())}"
    return "" if isinstance(document, dict) else "it has no settings"


def _wrong_database(path: Path) -> str:
    if not path.exists():
        logs = [log for log in _LOGS if path.with_name(path.name + log).exists()]
        return f"it is missing beside its {logs[0]} file" if logs else ""
    if not path.is_file():
        return "it is not a file"
    size = path.stat().st_size
    if size == 0:
        return ""  # what SQLite leaves of a database without tables; Dagster creates them
    with path.open("rb") as stream:
        if stream.read(len(_ITS_FORMAT)) != _ITS_FORMAT:
            return "it is not an SQLite file"
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if size > _READ_WHOLE_UP_TO:
                return ""
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        return ""  # locked, or not readable: not damage
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if result == "ok" else str(result)
