"""An object store that fails on purpose, around the store of either adapter.

Belongs here: the port's methods as operations of a plan. Does not belong here: the ways to fail.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from finance_platform.storage.port import LocalCopy, ObjectStore, StoredObject
from finance_platform_tests.faults.plan import Call, FaultPlan, Kind, Operation


class FaultyStore:
    """An `ObjectStore` whose operations a plan counts and lets fail.

    Listings and streams are read at once, so that a fault of a listing or a read falls into its own operation.
    """

    def __init__(self, store: ObjectStore, plan: FaultPlan) -> None:
        self._store, self._plan = store, plan

    @property
    def root(self) -> str:
        return self._store.root

    def uri(self, key: str) -> str:
        return self._store.uri(key)

    def exists(self) -> bool:
        return bool(self._run("read", "exists", "", self._store.exists))

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        yield from self._run("read", "list", prefix, lambda: list(self._store.list_objects(prefix, after=after)))

    def find(self, key: str) -> StoredObject | None:
        found: StoredObject | None = self._run("read", "find", key, lambda: self._store.find(key))
        return found

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        names = list(keys)
        return dict(self._run("read", "find_objects", "", lambda: self._store.find_objects(names)))

    def expect_parts(self, ends: Sequence[str]) -> None:
        self._store.expect_parts(ends)

    def fingerprint(self, key: str) -> str:
        return str(self._run("read", "fingerprint", key, lambda: self._store.fingerprint(key)))

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self._run("read", "open", key, lambda: self._read_stream(key)))

    @contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        self._run("read", "local_copy", key, lambda: None)
        with self._store.local_copy(key) as copy:
            yield copy

    def read(self, key: str) -> bytes:
        return bytes(self._run("read", "read", key, lambda: self._store.read(key)))

    def read_version(self, key: str) -> tuple[bytes, str]:
        version: tuple[bytes, str] = self._run("read", "read_version", key, lambda: self._store.read_version(key))
        return version

    def write(self, key: str, data: bytes) -> None:
        self._run("write", "write", key, lambda: self._store.write(key, data), data)

    def write_new(self, key: str, data: bytes) -> bool:
        return bool(self._run("write", "write_new", key, lambda: self._store.write_new(key, data), data))

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        return bool(self._run("write", "replace", key, lambda: self._store.replace(key, data, etag=etag), data))

    def sync(self, keys: Iterable[str]) -> None:
        names = list(keys)
        self._run("write", "sync", "", lambda: self._store.sync(names))

    def delete(self, key: str) -> None:
        self._run("write", "delete", key, lambda: self._store.delete(key))

    def delete_folder(self, prefix: str) -> None:
        self._run("write", "delete_folder", prefix, lambda: self._store.delete_folder(prefix))

    def _read_stream(self, key: str) -> bytes:
        with self._store.open(key) as stream:
            return stream.read()

    def _run(self, kind: Kind, name: str, key: str, call: Call, data: bytes = b"") -> Any:
        return self._plan.run(Operation(kind, name, self._store.uri(key) if key else self._store.root, data), call)
