"""A store that lists each folder once, and reads what it has listed as it was then.

Belongs here: remembering listings, and what follows from them for searches and reads. Does not belong here: who uses
such a store (see `listed_once`), looking up what is written (see `updated_listings`), bytes that were read (see
`remembered_reads`).
"""

from __future__ import annotations

import errno
import io
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, islice
from typing import BinaryIO

from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.remembered_reads import LARGEST_OPENED_BYTES, read_once
from finance_platform.storage.sorted_listings import BEHIND, find_item, first_folder, is_among, is_hidden, key_of
from finance_platform.storage.store_wrapper import StoreWrapper

_PAGE = 1000
"""The objects in one response of S3 to a list."""

SMALL_OBJECTS = 3 * _PAGE
"""A store of up to so many objects is listed as a whole, in three requests: a step lists more folders than that."""

_object_counts: dict[str, int] = {}
"""By root, how many objects a remote store had when this process last listed all of them; at least so many."""


class ListedOnce(StoreWrapper):
    """A store that lists each folder once; see `listed_once`."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._is_remote = is_remote(store.root)
        self._listings: dict[str, list[StoredObject]] = {}
        self._everything: list[StoredObject] | None = None
        self._unread: set[str] = set()  # keys, and folders with their `/`, that are not read as they were listed

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder as they were when it was first listed; see `ObjectStore`."""
        objects = self._list(prefix)
        yield from objects[bisect_right(objects, after, key=key_of) :]

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, of folders that were listed as they were then."""
        by_folder = {name: list(of) for name, of in groupby(sorted(keys, key=first_folder), key=first_folder)}
        if any(self._listed(folder) is None for folder in by_folder):
            self._list_store_for(by_folder)
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
        if isinstance(self._store, ListedOnce):
            self._store.list_ahead(folders)
        elif any(self._listed(folder) is None for folder in folders):
            self._list_small_store()
        unknown = [folder for folder in dict.fromkeys(folders) if self._listed(folder) is None]
        for _ in map_many(self._store, unknown, self._list):
            pass

    def find(self, key: str) -> StoredObject | None:
        """Return an object as it was listed, if its folder was; see `ObjectStore`."""
        listing = self._around(key)
        return self._store.find(key) if listing is None else find_item(listing, key)

    def read(self, key: str) -> bytes:
        """Return an object's bytes; of one that was listed as it was then, see `ObjectStore`."""
        listing = self._around(key)
        return self._store.read(key) if listing is None else read_once(self._store, self._existing(listing, key))

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; a small one that was listed as it was then, see `ObjectStore`."""
        listing = self._around(key)
        if listing is not None and (item := self._existing(listing, key)).size <= LARGEST_OPENED_BYTES:
            return io.BytesIO(read_once(self._store, item))
        return self._store.open(key)

    def write(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        with self._changing(key):
            self._store.write(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        """See `ObjectStore`."""
        with self._changing(key):
            return self._store.write_new(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """See `ObjectStore`."""
        with self._changing(key):
            return self._store.replace(key, data, etag=etag)

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        with self._changing(key):
            self._store.delete(key)

    def delete_folder(self, prefix: str) -> None:
        """See `ObjectStore`."""
        with self._changing(f"{prefix}/"):
            self._store.delete_folder(prefix)

    def listing_of(self, prefix: str) -> list[StoredObject]:
        """See `shared_listing`."""
        return self._list(prefix)

    def take_listing(self, objects: list[StoredObject]) -> None:
        """See `with_listing_of`."""
        self._everything = objects

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
            return self._everything
        around = self._listing_around(prefix)
        if around is None:
            return None
        first = bisect_left(around, f"{prefix}/", key=key_of)
        listing = around[first : bisect_left(around, f"{prefix}{BEHIND}", key=key_of)]
        self._listings[prefix] = listing  # the same object for each reader
        return listing

    def _listing_around(self, key: str) -> list[StoredObject] | None:
        """Return the listing of the next folder around a key, or of everything; None if none is known."""
        folder = key.rpartition("/")[0]
        while folder:
            if (listing := self._listings.get(folder)) is not None:
                return listing
            folder = folder.rpartition("/")[0]
        return self._everything

    def _list_store_for(self, sought: Mapping[str, Collection[str]]) -> None:  # noqa: ARG002  a run's store looks at it
        """List everything, if that is hardly more than to look for some objects, which are given by first folder."""
        self._list_small_store()

    def _list_small_store(self) -> None:
        """List everything, if that was not done yet and is hardly more than a folder."""
        root = self._store.root
        if not self._is_remote or self._everything is not None or isinstance(self._store, ListedOnce):
            return
        if root in _object_counts:
            if _object_counts[root] <= SMALL_OBJECTS:
                self._request("")
            return
        mark = self._mark()
        page = list(islice(self._store.list_objects(), _PAGE))  # the second page is not requested
        _object_counts[root] = len(page) if len(page) < _PAGE else SMALL_OBJECTS + 1
        if len(page) < _PAGE:
            self._keep("", page, mark)

    def _is_listed_anew_for(self, names: int) -> bool:
        """Return whether to list everything again is fewer requests than to look so many names up."""
        pages = -(-len(self._everything or ()) // _PAGE)
        return self._is_remote and self._everything is not None and pages < min(names, SMALL_OBJECTS // _PAGE + 1)

    def _request(self, prefix: str) -> list[StoredObject]:
        mark = self._mark()
        listing = self._list_anew(prefix)
        if not prefix:
            _object_counts[self._store.root] = len(listing)
        self._keep(prefix, listing, mark)
        return listing

    def _list_anew(self, prefix: str) -> list[StoredObject]:
        """Return what is in a folder that was not listed yet; the listing of another such store is shared."""
        if isinstance(self._store, ListedOnce):
            return self._store.listing_of(prefix)
        return list(self._store.list_objects(prefix))

    def _mark(self) -> int:
        """Return what says later what was written since a listing began."""
        return 0

    def _keep(self, prefix: str, listing: list[StoredObject], mark: int) -> None:  # noqa: ARG002  see below
        if prefix:
            self._listings[prefix] = listing
        else:
            self._everything = listing
            self._listings = {}

    def _around(self, key: str) -> list[StoredObject] | None:
        """Return the objects among which a key would be; None if they are not known, or reads are not requests."""
        if not self._is_remote or is_hidden(key):
            return None
        return None if is_among(key, self._unread) else self._listing_around(key)

    def _existing(self, listing: list[StoredObject], key: str) -> StoredObject:
        item = find_item(listing, key)
        if item is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such object", self._store.uri(key))
        return item

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Read from the store what is written, a key or a folder with its `/`; the listings stay as they are."""
        try:
            yield
        finally:
            self._unread.add(key)
