"""Makes a home of many deliveries on S3 without a request: the platform reads and builds in memory, and all is kept.

Belongs here: a store in memory, the steps of a refresh on it, writing its objects to a file. Does not belong here: the
substitute that serves them (see `s3_server`), what is measured (see `s3_requests`).

`prepare` runs in a process of its own, since it takes the memory of all objects. Nothing is made up: each delivery is
registered, read and built as ever. A first run on the substitute then loads the warehouse, so only its requests are
saved: three or four for each delivery.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from finance_platform.bootstrap import processed_zone, raw_zone
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.settings import StarSettings, load_settings
from finance_platform.spark_jobs.session import spark_session
from finance_platform.storage import factory
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import LocalCopy, ObjectStore, StoredObject
from finance_platform_tests.in_process_jobs import InProcessJobs

_BUCKETS: dict[str, _Bucket] = {}


def prepare(home: Path, files: Path, target: Path) -> None:
    """Make a home of all files of a folder, in a process of its own.

    Args:
        home: the home's folder, with the settings of its zones on S3.
        files: the folder; its files become the raw zone.
        target: the file that the objects are written to, for `s3_server.fill`.
    """
    # As a module: what a main program defines, Spark would send to its tasks, with all buckets.
    program = "import sys; from pathlib import Path; from prepared_home import make; make(*map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", program, str(home), str(files), str(target)]
    places = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": places})


class _Bucket:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[str, tuple[bytes, str, datetime]] = {}
        self.keys: list[str] = []

    def put(self, key: str, data: bytes) -> None:
        with self.lock:
            if key not in self.objects:
                insort(self.keys, key)
            etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            self.objects[key] = bytes(data), etag, datetime.now(UTC).replace(microsecond=0)

    def delete(self, key: str) -> None:
        with self.lock:
            if self.objects.pop(key, None) is not None:
                del self.keys[bisect_left(self.keys, key)]


class MemoryStore:
    """A bucket in memory, whose objects have the etags that the store on S3 gives them."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._bucket = _BUCKETS.setdefault(self.root.removeprefix("s3://"), _Bucket())

    def exists(self) -> bool:
        """See `ObjectStore`."""
        return True

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """See `ObjectStore`."""
        folder = f"{prefix}/" if prefix else ""
        with self._bucket.lock:
            keys = self._bucket.keys
            first = max(bisect_left(keys, folder), bisect_right(keys, after))
            last = bisect_left(keys, f"{prefix}0") if prefix else len(keys)  # the character after a slash
            keys = keys[first:last]
        return filter(None, map(self.find, keys))

    def find(self, key: str) -> StoredObject | None:
        """See `ObjectStore`."""
        if key not in self._bucket.objects:
            return None
        data, etag, modified = self._bucket.objects[key]
        version = f"{etag} {len(data)} {modified.isoformat()}"
        return StoredObject(key=key, size=len(data), modified=modified.timestamp(), etag=version)

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """See `ObjectStore`."""
        return {key: item for key in keys if (item := self.find(key))}

    def expect_parts(self, ends: Sequence[str]) -> None:
        """Listings are no requests here."""

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        return self.read_version(key)[0]

    def read_version(self, key: str) -> tuple[bytes, str]:
        """See `ObjectStore`."""
        if key not in self._bucket.objects:
            raise FileNotFoundError(key)
        data, etag, _ = self._bucket.objects[key]
        return data, etag

    def fingerprint(self, key: str) -> str:
        """See `ObjectStore`."""
        return hashlib.sha256(self.read(key)).hexdigest()

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore`."""
        return io.BytesIO(self.read(key))

    @contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        """See `ObjectStore`."""
        yield LocalCopy(lambda: self.open(key), lambda: self.fingerprint(key))

    def write(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        self._bucket.put(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        """See `ObjectStore`."""
        with self._bucket.lock:
            if key in self._bucket.objects:
                return False
            self._bucket.put(key, data)
            return True

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """See `ObjectStore`."""
        with self._bucket.lock:
            if self.read_version(key)[1] != etag:
                return False
            self._bucket.put(key, data)
            return True

    def sync(self, keys: Iterable[str]) -> None:
        """A write is all there is."""

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._bucket.delete(key)

    def delete_folder(self, prefix: str) -> None:
        """See `ObjectStore`."""
        for item in list(self.list_objects(prefix)):
            self._bucket.delete(item.key)

    def uri(self, key: str) -> str:
        """See `ObjectStore`."""
        return f"{self.root}/{key}"


def _keep_in_memory() -> None:
    """Let every module that opens a store on S3 get one in memory."""
    opened = factory.open_store

    def open_store(root: str, *arguments: object) -> ObjectStore:
        return MemoryStore(root) if root.startswith("s3://") else opened(root, *arguments)  # type: ignore[arg-type]

    for module in list(sys.modules.values()):
        if getattr(module, "open_store", None) is opened:
            module.open_store = open_store  # type: ignore[attr-defined]


def make(home: Path, files: Path, target: Path) -> None:
    """Make a home in this process; see `prepare`."""
    _keep_in_memory()
    settings = load_settings(home=home)
    raw, processed = raw_zone(settings), processed_zone(settings)
    for file in sorted(files.iterdir()):
        raw.write(file.name, file.read_bytes())
    attempts = (f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{number:08x}" for number in itertools.count())

    def now() -> datetime:
        return datetime.now(UTC)

    register(raw, processed, settings, at=now(), run_id="prepared")
    with tempfile.TemporaryDirectory(prefix="s3-prepared-") as folder, spark_session("sail") as spark:
        jobs = InProcessJobs(spark, raw, processed, lambda: next(attempts), temporary=LocalStore(folder))
        standardise(raw, processed, jobs, settings, clock=now, run_id="prepared")
        build_star(processed, jobs, StarSettings.of(settings))
    target.write_bytes(pickle.dumps({name: bucket.objects for name, bucket in _BUCKETS.items()}))
