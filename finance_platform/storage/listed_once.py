"""A store whose folders are listed once, for a use case that only reads, or with what is written through it looked up.

Belongs here: remembering listings, and what follows from them for reads. Does not belong here: bytes that were read
(see `remembered_reads`), documents (see `immutable_documents`), anything particular to one adapter.

The parts of a use case list the same folders again and again. A listing of 20,000 files takes half a second on disk and
20 requests on S3, and two listings may differ while somebody writes.

On S3 a small store is listed as a whole: a page has a thousand objects, whatever their folders. What is listed is
also known to exist, or not, and is not requested again in a version that this process has read.

What a step or its job writes is looked up by its key before the next listing that has it: a folder of 20,000 files is
not listed again for one of them.
"""

from __future__ import annotations

import errno
import io
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain, groupby, islice
from typing import BinaryIO

from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.lease import ensure_lease_held
from finance_platform.storage.port import HIDDEN_PREFIXES, ObjectStore, StoredObject, part_ends
from finance_platform.storage.remembered_reads import LARGEST_BYTES, LARGEST_OPENED_BYTES, keep_read, read_once
from finance_platform.storage.store_wrapper import StoreWrapper

_PAGE = 1000
"""The objects in one response of S3 to a list."""

_OWN_BYTES = 8 << 20
"""How much of what was written is kept for reads until its listing says which version it is."""

SMALL_OBJECTS = 3 * _PAGE
"""A store of up to so many objects is listed as a whole, in three requests: a step lists more folders than that."""

_FEW_NAMES = 64
"""So many names are entered into a listing one by one; with more, it is sorted again."""

_BEHIND = chr(ord("/") + 1)
"""What follows on a folder's slash: no key is between the objects of a folder and its name with this behind it."""

_object_counts: dict[str, int] = {}
"""By root, how many objects a remote store had when this process last listed all of them; at least so many."""


def listed_once(store: ObjectStore) -> ObjectStore:
    """Return a store that answers as the given one does, and lists each folder once.

    Args:
        store: the store; what is written to it later is not listed.
    """
    return _ListedOnce(store)


def listed_until_written(store: ObjectStore) -> ObjectStore:
    """Return a store that lists each folder once, and looks up what is written or removed in it through this store.

    What others write or remove meanwhile is not listed, so it is for a part of a step that holds the home's lock.

    Args:
        store: the store; one that does so already is returned itself.
    """
    if isinstance(store, _ListedUntilWritten):
        return store
    return _ListedUntilWritten(store)


def listed_while_locked(store: ObjectStore, parts: Sequence[str] = ()) -> ObjectStore:
    """Return a store as of `listed_until_written` for a whole run, which holds the home's lock until it ends.

    Where it is remote, everything is listed at the first need of a folder, or if no parts are known, as soon as files
    are looked for. If the lease of the home is lost, no listing is used any more.

    Args:
        store: the store, whose lock this process holds.
        parts: keys at which a listing of everything is cut; see `ObjectStore.expect_parts`.
    """
    return _ListedWhileLocked(store, parts)


def with_listing_of(store: ObjectStore, other: ObjectStore) -> None:
    """Let a store of `listed_once` list everything as another one does now, if that remembers listings.

    Args:
        store: a store that has listed nothing yet; what it was derived from is where the other one is.
        other: the other store.
    """
    if isinstance(store, _ListedOnce) and isinstance(other, _ListedOnce):
        store.take_listing(list(other.list_objects()))


def forget_listings(store: ObjectStore) -> None:
    """Let a store of `listed_until_written` list everything anew, because a job may have written anywhere."""
    if isinstance(store, _ListedUntilWritten):
        store.forget_all()


def note_written(store: ObjectStore, names: Iterable[str]) -> None:
    """Let a store of `listed_until_written` look up what others have written under its lock, such as a job.

    Args:
        store: the store; another one than of this module is left as it is.
        names: keys of objects, and folders with their `/`.
    """
    if isinstance(store, _ListedUntilWritten):
        store.note_written_by_others(list(names))


def shared_listing(store: ObjectStore, folder: str) -> Sequence[StoredObject] | None:
    """Return the listing of a folder that all readers of a store share; None of a store that remembers none.

    It never changes: if an object of the folder is new, gone or another one, the next listing is another list. So what
    follows from a listing is still so while the store returns the same one.

    Args:
        store: the store.
        folder: the folder.
    """
    return store.listing_of(folder) if isinstance(store, _ListedOnce) else None


def list_ahead(store: ObjectStore, folders: Collection[str]) -> None:
    """Let a store that remembers listings list folders now, several at once where each is a request.

    Args:
        store: the store; another one than of this module is left as it is.
        folders: what the caller is about to list one by one.
    """
    if isinstance(store, _ListedOnce):
        store.list_ahead(folders)


class _ListedOnce(StoreWrapper):
    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._is_remote = is_remote(store.root)
        self._listings: dict[str, list[StoredObject]] = {}
        self._everything: list[StoredObject] | None = None
        self._unread: set[str] = set()  # keys, and folders with their `/`, that are not read as they were listed

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder as they were when it was first listed; see `ObjectStore`."""
        objects = self._list(prefix)
        yield from objects[bisect_right(objects, after, key=_key) :]

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, of folders that were listed as they were then."""
        by_folder = {name: list(of) for name, of in groupby(sorted(keys, key=_first_folder), key=_first_folder)}
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
        if listing is not None and (item := self._existing(listing, key)).size <= LARGEST_OPENED_BYTES:
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
        first = bisect_left(around, f"{prefix}/", key=_key)
        listing = around[first : bisect_left(around, f"{prefix}{_BEHIND}", key=_key)]
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
        if not self._is_remote or self._everything is not None or isinstance(self._store, _ListedOnce):
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

    def _request(self, prefix: str) -> list[StoredObject]:
        mark = self._mark()
        listing = self._list_anew(prefix)
        if not prefix:
            _object_counts[self._store.root] = len(listing)
        self._keep(prefix, listing, mark)
        return listing

    def _list_anew(self, prefix: str) -> list[StoredObject]:
        """Return what is in a folder that was not listed yet; the listing of another such store is shared."""
        if isinstance(self._store, _ListedOnce):
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
        if not self._is_remote or _is_hidden(key):
            return None
        return None if _is_among(key, self._unread) else self._listing_around(key)

    def _existing(self, listing: list[StoredObject], key: str) -> StoredObject:
        item = _find(listing, key)
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


class _ListedUntilWritten(_ListedOnce):
    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._guard = threading.RLock()
        # Keys, and folders with their `/`, in the order in which they were written, and those that were not looked up.
        self._written: list[str] = []
        self._changed: dict[str, None] = {}
        self._gone: set[str] = set()  # of these, keys that were removed, so that they need no request
        self._own: dict[str, bytes] = {}  # documents that were written and not looked up yet

    def read(self, key: str) -> bytes:
        """Return an object's bytes; of a document that was written through this store those, see `ObjectStore`."""
        own = self._own.get(key)
        return super().read(key) if own is None else own

    def write(self, key: str, data: bytes) -> None:
        super().write(key, data)
        self._keep_own(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        is_written = super().write_new(key, data)
        if is_written:
            self._keep_own(key, data)
        return is_written

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        is_written = super().replace(key, data, etag=etag)
        if is_written:
            self._keep_own(key, data)
        return is_written

    def delete(self, key: str) -> None:
        super().delete(key)
        with self._guard:
            self._gone.add(key)

    def _keep_own(self, key: str, data: bytes) -> None:
        with self._guard:
            if self._is_remote and len(data) <= LARGEST_BYTES and sum(map(len, self._own.values())) <= _OWN_BYTES:
                self._own[key] = data

    def sync(self, keys: Iterable[str]) -> None:
        self._store.sync(keys)
        self.forget_all()

    def forget_all(self) -> None:
        """Forget every listing."""
        with self._guard:
            self._listings, self._everything, self._changed, self._own = {}, None, {}, {}
            self._gone = set()
            self._written.append("/")  # which no listing that has begun before may leave out

    def note_written_by_others(self, names: Collection[str]) -> None:
        """See `note_written` of this module."""
        with self._guard:
            pages = -(-len(self._everything or ()) // _PAGE)
            if self._is_remote and self._everything is not None and pages < min(len(names), SMALL_OBJECTS // _PAGE + 1):
                self.forget_all()  # to list a small store anew is fewer requests
            else:
                self.note_written(names)

    def note_written(self, names: Collection[str]) -> None:
        """Let keys, and folders with their `/`, be looked up before the next listing that they concern."""
        with self._guard:
            self._written += names
            self._changed |= dict.fromkeys(names)
            self._gone.difference_update(names)
            for name in names:
                for key in [key for key in self._own if _is_in(key, name)] if name.endswith("/") else [name]:
                    self._own.pop(key, None)

    def _listed(self, prefix: str) -> list[StoredObject] | None:
        with self._guard:
            self._look_up(prefix)
            return super()._listed(prefix)

    def _around(self, key: str) -> list[StoredObject] | None:
        """Return the objects around a key; what was written with it is looked up first, together."""
        if not self._is_remote or _is_hidden(key):
            return None
        with self._guard:
            if _is_among(key, self._changed):
                self._look_up(key.partition("/")[0])
            return None if _is_among(key, self._changed) else super()._around(key)

    def _list_anew(self, prefix: str) -> list[StoredObject]:
        if prefix or self._is_remote:
            return super()._list_anew(prefix)
        return list(self._list_everything())

    def _list_everything(self) -> Iterator[StoredObject]:
        """Yield what the store lists; of a folder that was listed before, what is known of it instead.

        On disk, each of thousands of files would be looked at again. On S3 a listing of everything takes no more.
        """
        with self._guard:
            self._look_up("")  # also what was written since it was last asked for
            known = {f"{name}/": listing for name, listing in self._listings.items() if "/" not in name}
        after = ""
        for folder, listing in sorted(known.items()):
            for item in self._store.list_objects(after=after):
                if item.key >= folder:
                    break
                yield item
            yield from listing
            after = f"{folder[:-1]}{_BEHIND}"
            if behind := self._store.find(after):
                yield behind
        yield from self._store.list_objects(after=after)

    def _look_up(self, prefix: str) -> None:
        """Look up what was written in a folder that was listed, and enter it in the listings."""
        with self._guard:
            due = [name for name in self._changed if _concerns(name, prefix)]
            if not due:
                return
            known = [*self._listings, *([""] if self._everything is not None else [])]
            due = [name for name in due if any(_concerns(name, one) for one in known)]
            folders = [name[:-1] for name in due if name.endswith("/")]
            sought = [name for name in due if not (name.endswith("/") or name in self._gone or _is_hidden(name))]
            found = self._store.find_objects(sought) if sought else {}
            for listing in map_many(self._store, folders, lambda folder: list(self._store.list_objects(folder))):
                found |= {item.key: item for item in listing}
            for name in due:
                del self._changed[name]
                self._gone.discard(name)
            self._enter(due, found)
            for name in due:
                if (data := self._own.pop(name, None)) is not None and name in found:
                    keep_read(self._store, found[name], data)

    def _enter(self, names: Collection[str], found: Mapping[str, StoredObject]) -> None:
        """Replace what the listings have of some names by what was found of them; the lists stay as they are."""
        new = sorted(found.values(), key=_key)

        def entered(prefix: str, listing: list[StoredObject]) -> list[StoredObject]:
            own = [name for name in names if _concerns(name, prefix)]
            if len(own) > _FEW_NAMES:
                keys, folders = frozenset(own), tuple(name for name in own if name.endswith("/"))
                kept = [item for item in listing if item.key not in keys and not item.key.startswith(folders)]
                return sorted([*kept, *(item for item in new if _is_below(item.key, prefix))], key=_key)
            entered = list(listing) if own else listing
            for name in own:
                places, of_name = _range(entered, name), new[_range(new, name)]
                entered[places] = [item for item in of_name if _is_below(item.key, prefix)]
            return entered

        self._listings = {prefix: entered(prefix, listing) for prefix, listing in self._listings.items()}
        if self._everything is not None:
            self._everything = entered("", self._everything)

    def _mark(self) -> int:
        return len(self._written)

    def _keep(self, prefix: str, listing: list[StoredObject], mark: int) -> None:
        with self._guard:
            since = self._written[mark:]
            if "/" in since:
                return  # a job may have written anywhere while this listing was made
            super()._keep(prefix, listing, mark)
            inner = f"{prefix}/" if prefix else ""
            self._listings = {name: of for name, of in self._listings.items() if not name.startswith(inner)}
            if prefix:
                self._listings[prefix] = listing
            if not any(prefix.startswith(f"{name}/") for name in self._listings):
                # The listing has what was written before.
                self._changed = {name: None for name in self._changed if not name.startswith(inner)}
            self._changed |= dict.fromkeys(since)

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Let a key be looked up, or a folder, before the next listing that it concerns; a failed write may be one."""
        try:
            yield
        finally:
            self.note_written([key])


class _ListedWhileLocked(_ListedUntilWritten):
    def __init__(self, store: ObjectStore, parts: Sequence[str]) -> None:
        super().__init__(store)
        self._is_cut = bool(parts)
        if parts:
            store.expect_parts(parts)

    def read(self, key: str) -> bytes:
        ensure_lease_held(self._store.root)
        return super().read(key)

    def _listed(self, prefix: str) -> list[StoredObject] | None:
        ensure_lease_held(self._store.root)
        return super()._listed(prefix)

    def _around(self, key: str) -> list[StoredObject] | None:
        ensure_lease_held(self._store.root)
        return super()._around(key)

    def _list_small_store(self) -> None:
        """List everything at once where its pages need not wait for each other; the run will do so in any case."""
        if self._is_remote and self._is_cut and self._everything is None:
            self._request("")
        else:
            super()._list_small_store()

    def _list_store_for(self, sought: Mapping[str, Collection[str]]) -> None:
        """List everything before a search: with what is looked for, the pages need not wait for each other either."""
        if self._is_remote and self._everything is None:
            known = [item.key for listing in self._listings.values() for item in listing]
            self._store.expect_parts(part_ends(sorted({*known, *chain.from_iterable(sought.values())})))
            self._request("")


def _first_folder(key: str) -> str:
    """Return the first folder of a key; empty if it is in none."""
    return key.partition("/")[0] if "/" in key else ""


def _is_hidden(key: str) -> bool:
    """Return whether no listing has a key."""
    return any(part.startswith(HIDDEN_PREFIXES) for part in key.split("/"))


def _is_among(key: str, names: Collection[str]) -> bool:
    """Return whether a key is one of some names, or in a folder that is one of them, with its `/`."""
    return key in names or any(folder in names for folder in accumulate(f"{one}/" for one in key.split("/")[:-1]))


def _is_in(key: str, name: str) -> bool:
    """Return whether an object is in a folder that is named with its `/`."""
    return name.endswith("/") and key.startswith(name)


def _concerns(name: str, prefix: str) -> bool:
    """Return whether the listing of a folder, or of everything, has a key, or objects of a folder with its `/`."""
    folder = f"{prefix}/"
    return not prefix or name.startswith(folder) or _is_in(folder, name)


def _is_below(key: str, prefix: str) -> bool:
    """Return whether the listing of a folder, or of everything, has an object."""
    return not prefix or key.startswith(f"{prefix}/")


def _range(listing: list[StoredObject], name: str) -> slice:
    """Return the places in a listing of an object, or of the objects of a folder with its `/`."""
    first = bisect_left(listing, name, key=_key)
    if name.endswith("/"):
        return slice(first, bisect_left(listing, f"{name[:-1]}{_BEHIND}", key=_key))
    return slice(first, first + (first < len(listing) and listing[first].key == name))


def _find(listing: list[StoredObject], key: str) -> StoredObject | None:
    place = bisect_left(listing, key, key=_key)
    return listing[place] if place < len(listing) and listing[place].key == key else None


def _key(item: StoredObject) -> str:
    return item.key
