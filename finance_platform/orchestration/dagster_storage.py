"""The files of Dagster's storage in the home: its configuration and the SQLite files with the history of runs.

Belongs here: recognising damage and setting it aside, and reading records of runs without Dagster, whose import takes
most of a second. Does not belong here: what the configuration says, opening the instance (see `dagster_instance`).

The history of runs is not the books: Dagster begins a new one, and nothing that is published changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

CONFIGURATION = "dagster.yaml"
_RUNS, _EVENTS = "history/runs.db", "history/runs/index.db"
_DATABASES = (_RUNS, _EVENTS, "schedules/schedules.db")
_STORED_ELSEWHERE = frozenset(
    {"instance_class", "storage", "run_storage", "event_log_storage", "local_artifact_storage"}
)
"""Settings of a person that move the records of runs out of the home's SQLite files; on AWS they are in PostgreSQL."""

_LOGS = ("-wal", "-shm", "-journal")
_READ_WHOLE_UP_TO = 64 * 2**20
"""Bytes; reading a file of this size takes a fraction of a second."""

_ITS_FORMAT = b"SQLite format 3\x00"

_FileVersion = tuple[int, int, int]
"""Inode, size and time of a file."""

_found_whole: dict[Path, tuple[_FileVersion | None, ...]] = {}
"""By file, how it and its log were when it was read and found to be whole. A run asks three times, and each run adds
half a megabyte of events."""


@dataclass(frozen=True)
class RecordedRun:
    """A run as Dagster's storage has it.

    Attributes:
        run_id: its id.
        job: its job.
        status: Dagster's name of its state.
        started: seconds since 1970; None if it has not started.
        ended: seconds since 1970; None if it has not ended.
    """

    run_id: str
    job: str
    status: str
    started: float | None
    ended: float | None


class RecordsElsewhereError(Exception):
    """The records of runs are not in the SQLite files of the home, or not as expected; Dagster itself must be asked."""


def read_last_run(folder: Path) -> RecordedRun | None:
    """Return the latest run; None if there was none.

    Raises:
        RecordsElsewhereError: Dagster must be asked.
    """
    rows = _query(
        folder, "SELECT run_id, pipeline_name, status, start_time, end_time FROM runs ORDER BY id DESC LIMIT 1"
    )
    return RecordedRun(*rows[0]) if rows else None


def has_recorded(folder: Path, run_id: str) -> bool:
    """Return whether the storage has a run and the events of its assets.

    Raises:
        RecordsElsewhereError: Dagster must be asked.
    """
    is_recorded = bool(_query(folder, "SELECT 1 FROM runs WHERE run_id = ?", run_id))
    return is_recorded and (folder / _EVENTS).exists()


def read_states(folder: Path, tag: str, value: str) -> set[str]:
    """Return the states that the runs with a tag are in, by Dagster's names.

    Raises:
        RecordsElsewhereError: Dagster must be asked.
    """
    sql = "SELECT DISTINCT status FROM runs JOIN run_tags USING (run_id) WHERE key = ? AND value = ?"
    rows = _query(folder, sql, tag, value)
    return {status for (status,) in rows}


def _query(folder: Path, sql: str, *parameters: str) -> list[Any]:
    if _STORED_ELSEWHERE.intersection(_read_configuration(folder / CONFIGURATION) or {}):
        raise RecordsElsewhereError
    path = folder / _RUNS
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        raise RecordsElsewhereError from error


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
        document = _read_configuration(path)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"it is not valid YAML: {' '.join(str(error).split())}"
    return "" if document is not None else "it has no settings"


def _read_configuration(path: Path) -> dict[str, Any] | None:
    """Return the settings of a configuration; None if it has none."""
    return _parse_configuration(path.read_bytes())


@lru_cache(maxsize=1)  # a command reads it up to three times, and parsing takes longer than all other checks
def _parse_configuration(content: bytes) -> dict[str, Any] | None:
    document: Any = yaml.safe_load(content)
    return document if isinstance(document, dict) else None


def _wrong_database(path: Path) -> str:
    if not path.exists():
        logs = [log for log in _LOGS if path.with_name(path.name + log).exists()]
        return f"it is missing beside its {logs[0]} file" if logs else ""
    if not path.is_file():
        return "it is not a file"
    found = _versions(path)  # before it is read: what is written meanwhile makes another version
    if _found_whole.get(path) == found:
        return ""
    why = _find_damage(path)
    if why == "":
        _found_whole[path] = found
    return why or ""


def _versions(path: Path) -> tuple[_FileVersion | None, ...]:
    """Return the version of a database and of its log, which has what was written last; an empty log is none."""
    versions: list[_FileVersion | None] = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = file.stat()
        except FileNotFoundError:
            versions.append(None)
        else:
            versions.append((status.st_ino, status.st_size, status.st_mtime_ns) if status.st_size else None)
    return tuple(versions)


def _find_damage(path: Path) -> str | None:
    """Return what is wrong with the file of a database.

    Empty if it is whole, or too large to be read each time; None if nothing is known of it, because it is locked.
    """
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
        return None  # locked, or not readable: not damage
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if result == "ok" else str(result)
