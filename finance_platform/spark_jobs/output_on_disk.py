"""The processed zone on S3 for a job on this machine: what Spark writes stays on disk until a commit needs it.

Belongs here: which files are on disk, sending them. Does not belong here: how tables are written (see `tables`), when a
commit names them (see the jobs).

Spark looks for a folder on S3 before it writes there, and opens each file with several requests in every plan; the job
lists what Spark has named, and reads it back to count and to hash it. On disk none of these is a request: a file is
sent once, as it was counted and hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.store_wrapper import StoreWrapper


def output_of_job(processed: ObjectStore, temporary: ObjectStore, staging: str) -> ObjectStore:
    """Return the store that a job writes its tables to.

    Args:
        processed: the processed zone.
        temporary: the store of interim results.
        staging: the folder of this attempt's interim results.
    """
    if is_remote(processed.root) and not is_remote(temporary.root):
        return OutputOnDisk(processed, temporary, f"{staging}/output")
    return processed


class OutputOnDisk(StoreWrapper):
    """The processed zone, with the folders that Spark writes on disk; `sync` sends their files."""

    def __init__(self, zone: ObjectStore, disk: ObjectStore, folder: str) -> None:
        """Send and write nothing yet.

        Args:
            zone: the processed zone.
            disk: a store of this machine.
            folder: a folder of it that nothing else uses.
        """
        super().__init__(zone)
        self._disk, self._folder = disk, folder
        self._written: set[str] = set()
        self._sent: set[str] = set()

    def write_uri(self, folder: str) -> str:
        """Return where Spark writes a new folder."""
        self._written.add(folder)
        return self._disk.uri(self._own(folder))

    def is_on_disk(self, key: str) -> bool:
        """Return whether Spark has written a file to disk."""
        folder = key.rpartition("/")[0]
        while folder:
            if folder in self._written:
                return True
            folder = folder.rpartition("/")[0]
        return False

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects of a folder; those of one that Spark has written are on disk."""
        if prefix not in self._written and not self.is_on_disk(prefix):
            yield from self._store.list_objects(prefix, after=after)
            return
        for item in self._disk.list_objects(self._own(prefix), after=self._own(after) if after else ""):
            yield item._replace(key=item.key.removeprefix(f"{self._folder}/"))

    def find(self, key: str) -> StoredObject | None:
        """See `ObjectStore`."""
        return next((item for item in self.list_objects(key.rpartition("/")[0]) if item.key == key), None)

    def fingerprint(self, key: str) -> str:
        """See `ObjectStore`."""
        store, key = self._place(key)
        return store.fingerprint(key)

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore`."""
        store, key = self._place(key)
        return store.open(key)

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        store, key = self._place(key)
        return store.read(key)

    def uri(self, key: str) -> str:
        """Return where Spark reads a file."""
        store, key = self._place(key)
        return store.uri(key)

    def sync(self, keys: Iterable[str]) -> None:
        """Send files that are on disk alone to the zone, several at once."""
        keys = [key for key in keys if key not in self._sent]
        on_disk = [key for key in keys if self.is_on_disk(key)]
        for _ in map_many(self._store, on_disk, lambda key: self._store.write(key, self._disk.read(self._own(key)))):
            pass
        self._sent.update(on_disk)
        self._store.sync([key for key in keys if key not in self._sent])

    def _place(self, key: str) -> tuple[ObjectStore, str]:
        return (self._disk, self._own(key)) if self.is_on_disk(key) else (self._store, key)

    def _own(self, key: str) -> str:
        return f"{self._folder}/{key}"
