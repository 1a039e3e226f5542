"""Connections to Dagster's SQLite files that stay open while its instance is, their engines and migration scripts.

Belongs here: keeping them, their settings, what their engines have compiled, what is known of their schema. Does not
belong here: opening the instance (see `dagster_instance`), errors of its storage (see `storage_errors`).

Dagster opens and closes a connection for each thing that it stores, a thousand per run. Opening costs more than
storing: SQLite reads the file's schema again, and syncs when the last connection is closed. It creates an engine for
each, too, which costs as much as the rest of a connection, and an engine compiles each statement once for itself. For
each file it imports all scripts of its migrations, to know which one is the last. And some three hundred times per
run it asks whether its file has a table, a column or the result of a migration that each new file has.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, cast

from alembic.config import Config
from alembic.script import ScriptDirectory

# No public API lets these storages keep an engine (154).
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage, sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

_compiled: LRUCache[Any, Any] = LRUCache(1_000)
"""The statements that this process has compiled; they do not depend on a file."""

_STORAGES: tuple[ModuleType, ...] = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
"""Dagster's modules that create engines by their name `create_engine`."""

_OF_THE_SCHEMA = ("has_table", "has_secondary_index", "_has_asset_key_col_on_connection")
"""Methods of Dagster's event log that look for a name in its file of assets; the name is the last argument."""


class SharedDialect(SQLiteDialect_pysqlite):
    """SQLite's dialect, of which each is equal to each: what one engine has compiled is then right for another."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        """Return whether the other is of this class; all are created without options."""
        return type(self) is type(other)

    def __hash__(self) -> int:
        """Return the hash of the class."""
        return hash(type(self))


class _Connection(sqlite3.Connection):
    """A connection that is set aside when it is closed; `end` closes it."""

    set_aside: Callable[[_Connection], None] | None = None
    file: tuple[int, int] | None = None
    """Device and inode of the file, when it was first set aside: SQLite creates a new file with its first table."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._functions: set[str] = set()

    def create_function(self, name: str, *arguments: Any, **options: Any) -> None:
        """Define a function once; SQLAlchemy defines its own, always the same, whenever it gets a connection."""
        if name not in self._functions:
            super().create_function(name, *arguments, **options)
            self._functions.add(name)

    def close(self) -> None:
        """Set the connection aside for the next user."""
        if self.set_aside is None:
            super().close()
        else:
            self.set_aside(self)

    def end(self) -> None:
        """Close the connection."""
        self.set_aside = None
        super().close()


@contextmanager
def kept_connections() -> Iterator[None]:
    """Keep each connection of SQLAlchemy to an SQLite file for its next user, and close all in the end.

    They sync to disk at checkpoints instead of at every event: a power cut may lose the last events of a run, but
    damages no file. Finance data is not in these files.
    """
    opened: list[_Connection] = []
    free: dict[str, list[_Connection]] = defaultdict(list)

    def connect(_: Dialect, __: object, arguments: list[Any], options: dict[str, Any]) -> sqlite3.Connection | None:
        if options.get("uri") or not arguments or arguments[0] == ":memory:":
            return None
        path = str(arguments[0])
        while free[path]:
            connection = free[path].pop()
            if connection.file == _identity(path):
                return connection
            connection.end()  # the file was removed or replaced
        options = {**options, "factory": _Connection, "check_same_thread": False}
        connection = cast("_Connection", sqlite3.connect(*arguments, **options))
        opened.append(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        if _is_new(path):
            # Dagster does so once it has created its tables and indexes, each of which syncs to disk three times until
            # then. If it does not succeed here, Dagster reports it.
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode = WAL")

        def set_aside(closed: _Connection) -> None:
            closed.rollback()
            closed.file = closed.file or _identity(path)
            free[path].append(closed)

        connection.set_aside = set_aside
        return connection

    def share(connection: Connection) -> None:
        if isinstance(connection.dialect, SharedDialect):
            connection.execution_options(compiled_cache=_compiled)

    registry.register("sqlite", __name__, SharedDialect.__name__)
    event.listen(Engine, "do_connect", connect)
    event.listen(Engine, "engine_connect", share)
    try:
        with _kept_engines(), _kept_scripts(), _known_schema():
            yield
    finally:
        event.remove(Engine, "engine_connect", share)
        event.remove(Engine, "do_connect", connect)
        for connection in opened:
            connection.end()


@contextmanager
def _kept_engines() -> Iterator[None]:
    """Let Dagster's storages create one engine per file, while they open and close connections as before."""
    originals = {module: module.create_engine for module in _STORAGES}
    for module, create in originals.items():
        vars(module)["create_engine"] = _create_once(create)
    try:
        yield
    finally:
        for module, create in originals.items():
            vars(module)["create_engine"] = create


@contextmanager
def _kept_scripts() -> Iterator[None]:
    """Let Alembic read each folder of migration scripts once; they are files of the installed Dagster."""
    reader: Any = ScriptDirectory
    original, read_scripts = vars(reader)["from_config"], reader.from_config
    read: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        # Dagster's files differ in nothing else that says which scripts there are.
        location = config.get_main_option("script_location")
        if location not in read:
            read[location] = read_scripts(config)
        return read[location]

    reader.from_config = staticmethod(from_config)
    try:
        yield
    finally:
        reader.from_config = original


@contextmanager
def _known_schema() -> Iterator[None]:
    """Let each event log remember which names its file has; a file that lacks one is asked again.

    A file is created or migrated when its log is opened, and no later release takes a name away.
    """
    log: Any = SqliteEventLogStorage
    originals = {name: getattr(log, name) for name in _OF_THE_SCHEMA}
    own = {name for name in originals if name in vars(log)}
    for name, ask in originals.items():
        setattr(log, name, _remember_what_exists(name, ask))
    try:
        yield
    finally:
        for name, ask in originals.items():
            if name in own:
                setattr(log, name, ask)
            else:
                delattr(log, name)  # it is inherited


def _remember_what_exists(method: str, ask: Callable[..., bool]) -> Callable[..., bool]:
    """Return the method, which asks a file for each name until it has it."""

    def asked(log: Any, *arguments: Any) -> bool:
        known: set[tuple[str, str]] = vars(log).setdefault("_known_names", set())
        if (method, arguments[-1]) in known:
            return True
        exists = ask(log, *arguments)
        if exists:
            known.add((method, arguments[-1]))
        return exists

    return asked


def _create_once(create: Callable[..., Engine]) -> Callable[..., Engine]:
    """Return a function that creates an engine for each address and options once."""
    engines: dict[str, Engine] = {}

    def created(url: str, **options: Any) -> Engine:
        key = f"{url} {options}"
        if key not in engines:
            engine = engines[key] = create(url, **options)
            # Dagster disposes of an engine after each use. These have no pool that would keep a connection.
            vars(engine)["dispose"] = lambda *_, **__: None
        return engines[key]

    return created


def _is_new(path: str) -> bool:
    """Return whether a file has no table yet."""
    try:
        return os.stat(path).st_size == 0  # noqa: PTH116  as in `_identity`
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  two thousand times per run; a `Path` costs as much as the call
    except OSError:
        return None
    return found.st_dev, found.st_ino
