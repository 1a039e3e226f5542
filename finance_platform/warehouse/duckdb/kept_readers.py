"""Readers of the warehouse's file that stay open for a block of work, and what is known of it without a reader.

Belongs here: when a reader is used again, how long answers are known. Does not belong here: opening a reader (see
`session`), what was asked (see `known_answers` of the warehouse).

DuckDB takes 25 ms of processor time to create an instance with the file and to close it, and a refresh reads the
warehouse thirty times. A reader is used again only while the file is the same: a load replaces it. Threads that read
at the same time have sessions of one instance, which takes a millisecond each and reads the file once (437). Outside
of such a block nothing stays open, so that other programs may open the file for writing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform.warehouse.duckdb.session import FIX_QUERY, open_reader, open_sessions
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
        threads: how many threads may read from an instance that is opened here.
    """

    free: dict[Path, _Reader] | None = None
    answers: Mapping[Path, KnownAnswers] = MappingProxyType({})
    threads: int = 1


_block = _Block()


@dataclass(frozen=True)
class _Instance:
    """An instance that several threads read from, and its sessions that none of them has taken."""

    identity: Identity | None
    sessions: list[duckdb.DuckDBPyConnection]


_instances: dict[Path, _Instance] = {}
_opening = threading.Lock()
"""For the instances by path; a thread that waits for another one to open the file takes a session of that one."""


@contextmanager
def kept_readers(*, threads: int = 1) -> Iterator[None]:
    """Keep readers open until the outermost block ends; one within it lets more threads share what is opened in it.

    Args:
        threads: how many threads read while the block lasts, this one included; they share what the first one opens.
    """
    before, _block.threads = _block.threads, max(_block.threads, threads)
    is_outermost = _block.free is None
    if is_outermost:
        _block.free = {}
    try:
        yield
    finally:
        _block.threads = before
        if is_outermost:
            free, _block.free, _block.answers = _block.free or {}, None, MappingProxyType({})
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
    free, identity = _block.free, _identity(path)
    if free is None:
        with ExitStack() as opened:
            connection = _open(path, identity, opened)
            with query_errors(FIX_QUERY):
                yield connection
        return
    reader = free.pop(path, None)
    if reader is not None and reader.identity != identity:
        reader.opened.close()
        reader = None
    if reader is None:
        opened = ExitStack()
        reader = _Reader(_open(path, identity, opened), opened, identity)
    with ExitStack() as unless_it_succeeds:
        unless_it_succeeds.enter_context(reader.opened)
        with query_errors(FIX_QUERY):
            yield reader.connection
        if path not in free:
            free[path] = reader
            unless_it_succeeds.pop_all()


def close_kept(path: Path) -> None:
    """Close this thread's reader of the file, if one is kept.

    An instance keeps most of the memory that a large result has taken, hundreds of megabytes, until it is closed.
    """
    reader = (_block.free or {}).pop(path, None)
    if reader is not None:
        reader.opened.close()


def _open(path: Path, identity: Identity | None, opened: ExitStack) -> duckdb.DuckDBPyConnection:
    """Return a session that ends with `opened`: of an instance that another thread has opened, or of a new one."""
    if not _instances and _block.threads == 1:
        return opened.enter_context(open_reader(path))
    with _opening:
        instance = _instances.get(path)
        if instance is not None and instance.sessions and instance.identity == identity:
            return opened.enter_context(closing(instance.sessions.pop()))
        if _block.threads == 1:
            return opened.enter_context(open_reader(path))
        connection, *others = opened.enter_context(open_sessions(path, _block.threads))
        _instances[path] = instance = _Instance(identity, others)
        opened.callback(_withdraw, path, instance)
        return connection


def _withdraw(path: Path, instance: _Instance) -> None:
    """Let no further thread take a session of an instance; it ends with the sessions that were taken."""
    with _opening:
        if _instances.get(path) is instance:
            del _instances[path]
        while instance.sessions:
            instance.sessions.pop().close()


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
