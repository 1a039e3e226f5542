"""A store whose folders are listed once, for a use case that only reads, or until something is written through it.

Belongs here: remembering listings, and what follows from them for reads. Does not belong here: bytes that were read
(see `remembered_reads`), documents (see `immutable_documents`), anything particular to one adapter.

The parts of a use case list the same folders again and again. A listing of 20,000 files takes half a second on disk and
20 requests on S3, and two listings may differ while somebody writes.

On S3 a small store is listed as a whole: a page has a thousand objects, whatever their folders. What is listed is
also known to exist, or not, and is not requested again in a version that this process has read.
"""

from __future__ import annotations

import errno
import io
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, BinaryIO, cast

from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import HIDDEN_PREFIXES, ObjectStore, StoredObject
from finance_platform.storage.remembered_reads import LARGEST_BYTES, read_once

_PAGE = 1000
"""The objects in one response of S3 to a list."""

SMALL_OBJECTS = 3 * _PAGE
"""A store of up to so many objects is listed as a whole, in three requests: a step lists more folders than that."""

_object_counts: dict[str, int] = {}
"""By root, how many objects a remote store had when this process last listed all of them; at least so many."""


def listed_once(store: ObjectStore) -> ObjectStore:
    """Return a store that answers as the given one does, and lists each folder once.

    Args:
        store: the store; what is written to it later is not listed.
    """
    return cast("ObjectStore", _ListedOnce(store))


def listed_until_written(store: ObjectStore) -> ObjectStore:
    """Return a store that lists each folder once, and once more after each write or removal in it.

    What others write or remove meanwhile is not listed, so it is for a part of a step that holds the home's lock.

    Args:
        store: the store; one that does so already is returned itself.
    """
    if isinstance(store, _ListedUntilWritten):
        return cast("ObjectStore", store)
    return cast("ObjectStore", _ListedUntilWritten(store))


def forget_listings(store: ObjectStore) -> None:
    """Let a store of `listed_until_written` list everything anew, because a job has written."""
    if isinstance(store, _ListedUntilWritten):
        store.forget_all()


def list_ahead(store: ObjectStore, folders: Collection[str]) -> None:
    """Let a store that remembers listings list folders now, several at once where each is a request.

    Args:
        store: the store; another one than of this module is left as it is.
        folders: what the caller is about to list one by one.
    """
    if isinstance(store, _ListedOnce):
        store.list_ahead(folders)


class _ListedOnce:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._is_remote = is_remote(store.root)
        self._listings: dict[str, list[StoredObject]] = {}
        self._everything: list[StoredObject] | None = None
        # The first folders of keys: of what was written since everything was listed, or is not read as it was listed.
        self._outdated: set[str] = set()
        self._unread: set[str] = set()
        self._writes = 0

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder as they were when it was first listed; see `ObjectStore`."""
        objects = self._list(prefix)
        yield from objects[bisect_right(objects, after, key=_key) :]

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, of folders that were listed as they were then."""
        by_folder = {name: list(of) for name, of in groupby(sorted(keys), key=lambda key: key.partition("/")[0])}
        if any(self._listed(folder) is None for folder in by_folder):
            self._list_small_store()
        found: dict[str, StoredObject] = {}
        unlisted: list[str] = []
        for folder, of_folder in by_folder.items():
            if (listing := self._listed(folder)) is None:
                unlisted += of_folder
            else:
                sought = frozenset(of_folder)
                found |= {item.key: item for item in listing if item.key in sought}
        return found | self._store.find_objects(unlisted) if unlisted else found

    def list_ahead(self, folders: Collection[str]) -> None:
        """See the function of this name."""
        if not self._is_remote:
            return
        if isinstance(self._store, _ListedOnce):
            self._store.list_ahead(folders)
        elif any(self._listed(folder) is None for folder in folders):
            self._list_small_store()
        unknown = [folder for folder in dict.fromkeys(folders) if self._listed(folder) is None]
        for _ in map_many(self._store, unknown, self._list):
            pass

    def find(self, key: str) -> StoredObject | None:
        """Return an object as it was listed, if its folder was; see `ObjectStore`."""
        listing = self._around(key)
        return self._store.find(key) if listing is None else _find(listing, key)

    def read(self, key: str) -> bytes:
        """Return an object's bytes; of one that was listed as it was then, see `ObjectStore`."""
        listing = self._around(key)
        return self._store.read(key) if listing is None else read_once(self._store, self._existing(listing, key))

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; a small one that was listed as it was then, see `ObjectStore`."""
        listing = self._around(key)
        if listing is not None and (item := self._existing(listing, key)).size <= LARGEST_BYTES:
            return io.BytesIO(read_once(self._store, item))
        return self._store.open(key)

    def write(self, key: str, data: bytes) -> None:
        with self._changing(key):
            self._store.write(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        with self._changing(key):
            return self._store.write_new(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        with self._changing(key):
            return self._store.replace(key, data, etag=etag)

    def delete(self, key: str) -> None:
        with self._changing(key):
            self._store.delete(key)

    def delete_folder(self, prefix: str) -> None:
        with self._changing(f"{prefix}/"):
            self._store.delete_folder(prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _list(self, prefix: str) -> list[StoredObject]:
        listing = self._listed(prefix)
        if listing is None and prefix:
            self._list_small_store()
            listing = self._listed(prefix)
        return self._request(prefix) if listing is None else listing

    def _listed(self, prefix: str) -> list[StoredObject] | None:
        """Return the objects of a folder, if they are known."""
        if prefix in self._listings:
            return self._listings[prefix]
        if not prefix:
            return None if self._outdated else self._everything
        around = self._listing_around(prefix)
        if around is None:
            return None
        first = bisect_left(around, f"{prefix}/", key=_key)
        return around[first : bisect_left(around, f"{prefix}{chr(ord('/') + 1)}", key=_key)]

    def _listing_around(self, key: str) -> list[StoredObject] | None:
        """Return the listing of the next folder around a key, or of everything; None if none is known."""
        folder = key.rpartition("/")[0]
        while folder:
            if (listing := self._listings.get(folder)) is not None:
                return listing
            folder = folder.rpartition("/")[0]
        return None if key.partition("/")[0] in self._outdated else self._everything

    def _list_small_store(self) -> None:
        """List everything, if that was not done yet and is hardly more than a folder."""
        root = self._store.root
        if not self._is_remote or self._everything is not None or isinstance(self._store, _ListedOnce):
            return
        if root in _object_counts:
            if _object_counts[root] <= SMALL_OBJECTS:
                self._request("")
            return
        writes = self._writes
        page = list(islice(self._store.list_objects(), _PAGE))  # the second page is not requested
        _object_counts[root] = len(page) if len(page) < _PAGE else SMALL_OBJECTS + 1
        if len(page) < _PAGE:
            self._keep("", page, writes)

    def _request(self, prefix: str) -> list[StoredObject]:
        writes = self._writes
        listing = list(self._store.list_objects(prefix))
        if not prefix:
            _object_counts[self._store.root] = len(listing)
        self._keep(prefix, listing, writes)
        return listing

    def _keep(self, prefix: str, listing: list[StoredObject], writes: int) -> None:
        if writes != self._writes:
            return  # another thread has written while this one listed
        if prefix:
            self._listings[prefix] = listing
        else:
            self._everything, self._outdated = listing, set()

    def _around(self, key: str) -> list[StoredObject] | None:
        """Return the objects among which a key would be; None if they are not known, or reads are not requests."""
        if not self._is_remote or any(part.startswith(HIDDEN_PREFIXES) for part in key.split("/")):
            return None
        return None if key.partition("/")[0] in self._unread else self._listing_around(key)

    def _existing(self, listing: list[StoredObject], key: str) -> StoredObject:
        item = _find(listing, key)
        if item is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such object", self._store.uri(key))
        return item

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Read from the store what is in the folder of a key that is written; the listings stay as they are."""
        try:
            yield
        finally:
            self._unread.add(key.partition("/")[0])


class _ListedUntilWritten(_ListedOnce):
    def sync(self, keys: Iterable[str]) -> None:
        self._store.sync(keys)
        self.forget_all()

    def forget_all(self) -> None:
        """Forget every listing."""
        self._writes += 1
        self._listings, self._everything, self._outdated = {}, None, set()

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Forget the listings that have a key, or are of a folder in this one, whether the change succeeds or not."""
        try:
            yield
        finally:
            self._writes += 1
            self._outdated.add(key.partition("/")[0])
            for prefix in list(self._listings):
                if key.startswith(f"{prefix}/") or (key.endswith("/") and f"{prefix}/".startswith(key)):
                    self._listings.pop(prefix, None)


def _find(listing: list[StoredObject], key: str) -> StoredObject | None:
    place = bisect_left(listing, key, key=_key)
    return listing[place] if place < len(listing) and listing[place].key == key else None


def _key(item: StoredObject) -> str:
    return item.key
