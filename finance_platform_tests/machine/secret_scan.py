"""Finding a text in the files of a home, also where a format compresses it.

Belongs here: reading each format. Does not belong here: which texts are secrets.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

_SQLITE = b"SQLite format 3"


def files_with(texts: Iterable[str], folder: Path) -> dict[str, list[str]]:
    """Return the files below a folder that contain one of the texts, and which."""
    found = {}
    searched = {text: text.encode() for text in texts}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = b"\n".join(_contents(path))
        if listed := [text for text, encoded in searched.items() if encoded in content]:
            found[str(path.relative_to(folder))] = listed
    return found


def _contents(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield str(path).encode()
    yield raw
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path)
        yield json.dumps([table.read().to_pylist(), str(table.metadata.metadata)], default=str).encode()
    elif path.suffix == ".gz":
        yield gzip.decompress(raw)
    elif path.suffix == ".duckdb":
        yield from _of_duckdb(path)
    elif raw.startswith(_SQLITE):
        yield from _of_sqlite(path)


def _of_duckdb(path: Path) -> Iterator[bytes]:
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        tables = connection.execute("SELECT schema_name, table_name, sql FROM duckdb_tables()").fetchall()
        for schema, table, sql in tables:
            rows = connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()
            yield json.dumps([sql, rows], default=str).encode()


def _of_sqlite(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()
                    if isinstance(value, bytes):  # Dagster compresses the definition of a job
                        with suppress(zlib.error):
                            yield zlib.decompress(value)
