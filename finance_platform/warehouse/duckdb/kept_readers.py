"""Readers of the warehouse's file that stay open for a block of work, and what is known of it without a reader.

Belongs here: when a reader is used again, how long answers are known. Does not belong here: opening a reader (see
`session`), what was asked (see `known_answers` of the warehouse).

DuckDB takes 15 ms of processor time to create an instance, and a refresh reads the warehouse thirty times. A reader
is used again only while the file is the same: a load replaces it. Outside of such a block nothing stays open, so that
other programs may open the file for writing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform.warehouse.duckdb.session import FIX_QUERY, open_reader
from finance_platform.warehouse.known_answers import KnownAnswers

if TYPE_CHECKING:
    import duckdb

Identity = tuple[int, int, int]


@dataclass(frozen=True)
class _Reader:
    connection: duckdb.DuckDBPyConnection
    opened: ExitStack
    identity: Identity | None


class _Block(threading.local):
    """What this thread keeps, by path.

    Attributes:
        free: the readers that are not in use; None outside of a block.
        answers: what another process has read.
    """

    free: dict[Path, _Reader] | None = None
    answers: Mapping[Path, KnownAnswers] = MappingProxyType({})


_block = _Block()


@contextmanager
def kept_readers() -> Iterator[None]:
    """Keep readers open until the block ends; a block within another adds nothing."""
    if _block.free is not None:
        yield
        return
    _block.free = {}
    try:
        yield
    finally:
        free, _block.free, _block.answers = _block.free, None, MappingProxyType({})
        for reader in free.values():
            reader.opened.close()


def keep_answers(path: Path, answers: KnownAnswers) -> None:
    """Know what another process has read from the file, until the block ends; outside of a block, know nothing."""
    if _block.free is not None:
        _block.answers = {**_block.answers, path: answers}


def known_answers(path: Path) -> KnownAnswers | None:
    """Return what another process has read from the file; it is right while the content has the same version."""
    return _block.answers.get(path)


@contextmanager
def reader_of(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a reader of the file as it is now; see `open_reader` for the errors."""
    free = _block.free
    if free is None:
        with open_reader(path) as connection:
            yield connection
        return
    identity = _identity(path)
    reader = free.pop(path, None)
    if reader is not None and reader.identity != identity:
        reader.opened.close()
        reader = None
    if reader is None:
        opened = ExitStack()
        reader = _Reader(opened.enter_context(open_reader(path)), opened, identity)
    with ExitStack() as unless_it_succeeds:
        unless_it_succeeds.enter_context(reader.opened)
        with query_errors(FIX_QUERY):
            yield reader.connection
        if path not in free:
            free[path] = reader
            unless_it_succeeds.pop_all()


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
