"""A new warehouse that begins with a content that was made ahead, or with tables and views that were kept."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb import new_schema
from finance_platform.warehouse.duckdb.kept_schema import find_kept_schema, keep_schema
from finance_platform.warehouse.duckdb.new_file import NEW_FILE, NewFile
from finance_platform.warehouse.duckdb.new_schema import schema_identity
from finance_platform.warehouse.duckdb.session import SCHEMA
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.duckdb.work_ahead import translate_ahead
from finance_platform_tests.new_warehouses import new_warehouses_are_created

_OF_FILE = "database_name, database_oid, schema_oid, table_oid"
"""What differs between two files with the same columns."""


@pytest.fixture(autouse=True)
def content(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The content of a new file; in the test, the product makes new files itself, and nothing is kept at first."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path_factory.mktemp("bytecode")))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    NEW_FILE.take()
    path = tmp_path_factory.mktemp("content") / "warehouse.duckdb"
    DuckDBWarehouse(path).prepare()
    with new_warehouses_are_created():
        yield path.read_bytes()
    NEW_FILE.take()


def content_of(path: Path) -> list[list[tuple[object, ...]]]:
    """Return tables, views and columns with their comments and definitions, and the migrations."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return [
            connection.execute(sql).fetchall()
            for sql in (
                "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() ORDER BY ALL",
                "SELECT schema_name, view_name, comment, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
                f"SELECT * EXCLUDE ({_OF_FILE}) FROM duckdb_columns() ORDER BY ALL",
                "SELECT schema_name, table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
                "SELECT Version, Fingerprint, Changes FROM finance.SchemaVersion",
            )
        ]


def test_a_warehouse_made_ahead_is_the_one_that_a_load_creates(tmp_path: Path):
    DuckDBWarehouse(tmp_path / "created.duckdb").prepare()
    for _ in translate_ahead(tmp_path / "ahead.duckdb"):
        pass
    assert not (tmp_path / "ahead.duckdb").exists()
    DuckDBWarehouse(tmp_path / "ahead.duckdb").prepare()
    assert not NEW_FILE.take()
    assert content_of(tmp_path / "ahead.duckdb") == content_of(tmp_path / "created.duckdb")


def test_an_empty_file_gets_what_the_definitions_give_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    threads = duckdb.execute("SELECT current_setting('threads')").fetchone()
    with DuckDBWarehouse(tmp_path / "at_once.duckdb").transaction() as load:
        connection: duckdb.DuckDBPyConnection = vars(load)["_connection"]
        assert connection.execute("SELECT current_setting('threads')").fetchone() == threads
        (plan,) = connection.execute("EXPLAIN SELECT 1 WHERE FALSE").fetchall()
        assert "Empty Result" in plan[1]  # so plans are optimized again
    monkeypatch.setattr(new_schema, "is_empty", lambda _: False)
    DuckDBWarehouse(tmp_path / "one_by_one.duckdb").prepare()
    tables, views, columns, *others = content_of(tmp_path / "at_once.duckdb")
    assert len(tables) + len(views) > 80
    assert len(columns) > 1_600
    assert [tables, views, columns, *others] == content_of(tmp_path / "one_by_one.duckdb")


def test_a_load_that_fails_leaves_no_file_of_what_was_made_ahead(tmp_path: Path, content: bytes):
    path = tmp_path / "warehouse.duckdb"
    NEW_FILE.make(lambda: content)
    with pytest.raises(ZeroDivisionError), DuckDBWarehouse(path).transaction():
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_content_of_another_release_is_migrated(tmp_path: Path, content: bytes):
    path = tmp_path / "other.duckdb"
    path.write_bytes(content)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE finance.SchemaVersion SET Fingerprint = 'of another release'")
        connection.execute("DROP VIEW finance.Outlook")
    NEW_FILE.make(path.read_bytes)
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    warehouse.prepare()
    assert not warehouse.pending_statements()
    assert warehouse.query("SELECT COUNT(*) FROM Outlook").rows == [(0,)]


def test_a_warehouse_that_exists_keeps_its_rows_whatever_was_made_ahead(tmp_path: Path, content: bytes):
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(content)
    NEW_FILE.make(lambda: content)
    with DuckDBWarehouse(path).transaction() as connection:
        connection.execute("INSERT INTO SchemaVersion SELECT 2, 'x', 'y', AppliedAt FROM SchemaVersion")
    assert [row[0] for row in content_of(path)[-1]] == [1, 2]


def test_a_content_that_is_being_made_is_waited_for():
    new_file, is_begun, may_end = NewFile(), threading.Event(), threading.Event()

    def make() -> bytes:
        is_begun.set()
        may_end.wait(10)
        return b"content"

    maker = threading.Thread(target=new_file.make, args=[make])
    maker.start()
    is_begun.wait(10)
    taken: list[bytes] = []
    taker = threading.Thread(target=lambda: taken.append(new_file.take()))
    taker.start()
    may_end.set()
    maker.join()
    taker.join()
    assert taken == [b"content"]
    assert new_file.take() == b""


def kept_file() -> Path | None:
    return find_kept_schema(schema_identity(SCHEMA, statements.definitions(), statements.comments()))


def keep(path: Path) -> Path:
    """Do what a first run does ahead of its load; return the file that it keeps."""
    next(translate_ahead(path))
    NEW_FILE.take()
    file = kept_file()
    assert file is not None
    return file


def test_a_warehouse_gets_the_tables_and_views_that_an_earlier_process_has_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    (tmp_path / "created.duckdb").write_bytes(content)
    keep(tmp_path / "first.duckdb")
    monkeypatch.delattr(new_schema, "_create_in_memory")
    DuckDBWarehouse(tmp_path / "later.duckdb").prepare()
    assert content_of(tmp_path / "later.duckdb") == content_of(tmp_path / "created.duckdb")
    with DuckDBWarehouse(tmp_path / "last.duckdb").transaction() as load:
        assert load.query("SELECT COUNT(*) FROM Outlook").rows == [(0,)]


@pytest.mark.parametrize("is_named_for_it", [True, False])
def test_a_kept_file_that_is_no_warehouse_is_not_used(tmp_path: Path, content: bytes, is_named_for_it: bool):
    (tmp_path / "created.duckdb").write_bytes(content)
    file = keep(tmp_path / "first.duckdb")
    if is_named_for_it:
        identity = schema_identity(SCHEMA, statements.definitions(), statements.comments())
        keep_schema(identity, b"not a warehouse")
        assert not file.exists()
    else:
        file.write_bytes(content[: len(content) // 2])
        assert kept_file() is None
    DuckDBWarehouse(tmp_path / "later.duckdb").prepare()
    assert content_of(tmp_path / "later.duckdb") == content_of(tmp_path / "created.duckdb")


def test_a_release_with_other_definitions_keeps_its_own_file(tmp_path: Path):
    file = keep(tmp_path / "first.duckdb")
    definitions, comments = list(statements.definitions()), list(statements.comments())
    other = schema_identity(SCHEMA, definitions, [*comments[:-1], comments[-1].replace("IS '", "IS 'Not ", 1)])
    assert find_kept_schema(other) is None
    keep_schema(other, b"of another release")
    assert find_kept_schema(other) is not None
    assert not file.exists()


def test_nothing_is_kept_where_bytecode_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    next(translate_ahead(tmp_path / "first.duckdb"))
    assert kept_file() is None
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "in the way").write_text("")
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "in the way"))
    next(translate_ahead(tmp_path / "first.duckdb"))
    assert kept_file() is None
