"""Connections to Dagster's SQLite files are used again, unless their file has changed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage, sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.sql import get_alembic_config
from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from finance_platform.orchestration.kept_connections import kept_connections


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite file with a table of one row."""
    path = tmp_path / "runs.db"
    with kept_connections(), engine(path).connect() as connection:
        connection.execute(text("PRAGMA journal_mode = WAL"))
        connection.execute(text("CREATE TABLE run (id INTEGER)"))
        connection.execute(text("INSERT INTO run VALUES (1)"))
        connection.commit()
    return path


@pytest.fixture
def kept() -> Iterator[None]:
    """Connections are kept during the test."""
    with kept_connections():
        yield


def engine(path: Path) -> Engine:
    """Return an engine as Dagster creates one for each statement."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 30})


def of(connection: Connection) -> object:
    """Return SQLite's own connection."""
    return connection.connection.dbapi_connection


def runs(connection: Connection) -> list[int]:
    """Return the rows of the table."""
    return list(connection.execute(text("SELECT id FROM run ORDER BY id")).scalars())


@pytest.mark.usefixtures("kept")
def test_the_next_user_gets_the_connection_without_the_changes_that_were_not_committed(file: Path):
    with engine(file).connect() as first:
        used = of(first)
        first.execute(text("INSERT INTO run VALUES (2)"))
    with engine(file).connect() as second:
        assert of(second) is used
        assert runs(second) == [1]


@pytest.mark.usefixtures("kept")
def test_two_users_at_once_have_a_connection_each(file: Path):
    with engine(file).connect() as first, engine(file).connect() as second:
        assert of(first) is not of(second)
        first.execute(text("INSERT INTO run VALUES (2)"))
        assert runs(second) == [1]
        first.commit()
        second.rollback()
        assert runs(second) == [1, 2]


@pytest.mark.usefixtures("kept")
def test_a_file_that_was_replaced_is_opened_again(file: Path):
    with engine(file).connect() as first:
        assert runs(first) == [1]
    file.rename(file.with_name("moved.db"))
    with engine(file).connect() as second:
        second.execute(text("CREATE TABLE run (id INTEGER)"))
        assert runs(second) == []


def test_in_the_end_all_are_closed_and_the_file_is_complete_without_its_log(file: Path):
    with kept_connections():
        with engine(file).connect() as first:
            used = of(first)
            first.execute(text("INSERT INTO run VALUES (2)"))
            first.commit()
        assert file.with_name("runs.db-wal").exists()
    assert not file.with_name("runs.db-wal").exists()
    assert isinstance(used, sqlite3.Connection)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        used.execute("SELECT 1")
    with engine(file).connect() as later:
        assert runs(later) == [1, 2]


@pytest.mark.usefixtures("kept")
def test_databases_in_memory_are_left_alone():
    with create_engine("sqlite://").connect() as connection:
        assert type(of(connection)) is sqlite3.Connection


@pytest.mark.usefixtures("kept")
def test_a_statement_is_compiled_once_for_all_engines(file: Path, caplog: pytest.LogCaptureFixture):
    with engine(file).connect() as first:
        assert runs(first) == [1]
    caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
    with engine(file).connect() as second:
        assert runs(second) == [1]
    assert "cached since" in caplog.text
    assert "generated in" not in caplog.text


def test_the_next_instance_of_a_process_compiles_no_statement_again(file: Path, caplog: pytest.LogCaptureFixture):
    for level in (logging.WARNING, logging.INFO):
        caplog.set_level(level, logger="sqlalchemy.engine")
        with kept_connections(), engine(file).connect() as connection:
            assert runs(connection) == [1]
    assert "cached since" in caplog.text
    assert "generated in" not in caplog.text


def test_dagster_has_one_engine_per_file_which_outlasts_its_use(file: Path):
    runs_storage: ModuleType = sqlite_run_storage
    event_storage: ModuleType = sqlite_event_log
    before = runs_storage.create_engine
    with kept_connections():
        address, options = f"sqlite:///{file}", {"poolclass": NullPool}
        first = runs_storage.create_engine(address, **options)
        first.dispose()
        assert runs_storage.create_engine(address, **options) is first
        assert runs_storage.create_engine(f"{address}.other", **options) is not first
        assert event_storage.create_engine(address, **options) is not first
        with first.connect() as connection:
            assert runs(connection) == [1]
    assert runs_storage.create_engine is before


def test_migration_scripts_are_read_once_while_connections_are_kept(monkeypatch: pytest.MonkeyPatch):
    of_runs, of_events = (get_alembic_config(str(module.__file__)) for module in (sqlite_run_storage, sqlite_event_log))
    read: list[Config] = []

    def read_scripts(config: Config) -> Any:
        read.append(config)
        return len(read)

    monkeypatch.setattr(ScriptDirectory, "from_config", read_scripts)
    with kept_connections():
        scripts: list[object] = [ScriptDirectory.from_config(config) for config in (of_runs, of_events)]
    assert scripts == [1, 1]
    assert read == [of_runs]
    ScriptDirectory.from_config(of_events)
    assert read == [of_runs, of_events]


def test_dagster_asks_its_file_once_for_what_the_file_has_and_each_time_for_what_it_lacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    before = dict(vars(SqliteEventLogStorage))
    assert "has_secondary_index" not in before, "an earlier instance has left its own method"
    caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
    with kept_connections():
        log = SqliteEventLogStorage(str(tmp_path))
        names = ("asset_event_tags", "asset_key_table", "last_materialization_timestamp", "nothing")

        def ask() -> tuple[list[bool], int]:
            caplog.clear()
            columns = [log.has_asset_key_col(name) for name in names]
            answers = [log.has_table(names[0]), log.has_secondary_index(names[1]), *columns, log.has_table(names[3])]
            queries = [record for record in caplog.records if record.message.startswith(("PRAGMA main.", "SELECT"))]
            return answers, len(queries)

        (first, many), (second, few) = ask(), ask()
    assert first == second == [True, True, False, False, True, False, False]
    # The names that the file lacks: a table, and three columns, each read from the table's description.
    assert few == 4 < many
    assert dict(vars(SqliteEventLogStorage)) == before


@pytest.mark.usefixtures("kept")
def test_a_new_file_has_a_log_of_its_writes_before_its_first_table(tmp_path: Path):
    path = tmp_path / "new.db"
    with engine(path).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT COUNT(*) FROM sqlite_master")).scalar() == 0


@pytest.mark.usefixtures("kept")
def test_a_file_that_has_tables_keeps_the_way_in_which_it_is_written(tmp_path: Path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE run (id INTEGER)")
    with engine(path).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"
