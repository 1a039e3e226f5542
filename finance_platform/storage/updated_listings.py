"""A store that lists each folder once, and enters what is written into its listings.

Belongs here: noting what is written, by this process or by others, and looking it up before the next listing that it
concerns. Does not belong here: listings that stay as they are (see `listing_store`), who uses such a store (see
`listed_once`).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain

from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.lease import ensure_lease_held
from finance_platform.storage.listing_store import ListedOnce
from finance_platform.storage.port import ObjectStore, StoredObject, part_ends
from finance_platform.storage.remembered_reads import LARGEST_BYTES, keep_read
from finance_platform.storage.sorted_listings import (
    BEHIND,
    concerns,
    is_among,
    is_below,
    is_hidden,
    is_in,
    key_of,
    places_of,
)

_OWN_BYTES = 8 << 20
"""How much of what was written is kept for reads until its listing says which version it is."""

_FEW_NAMES = 64
"""So many names are entered into a listing one by one; with more, it is sorted again."""


class ListedUntilWritten(ListedOnce):
    """A store whose listings get what is written through it; see `listed_once.listed_until_written`."""

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
        """See `ObjectStore`."""
        super().write(key, data)
        self._keep_own(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        """See `ObjectStore`."""
        is_written = super().write_new(key, data)
        if is_written:
            self._keep_own(key, data)
        return is_written

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """See `ObjectStore`."""
        is_written = super().replace(key, data, etag=etag)
        if is_written:
            self._keep_own(key, data)
        return is_written

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        super().delete(key)
        with self._guard:
            self._gone.add(key)

    def _keep_own(self, key: str, data: bytes) -> None:
        with self._guard:
            if self._is_remote and len(data) <= LARGEST_BYTES and sum(map(len, self._own.values())) <= _OWN_BYTES:
                self._own[key] = data

    def sync(self, keys: Iterable[str]) -> None:
        """See `ObjectStore`."""
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
            if self._is_listed_anew_for(len(names)):
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
                for key in [key for key in self._own if is_in(key, name)] if name.endswith("/") else [name]:
                    self._own.pop(key, None)

    def _listed(self, prefix: str) -> list[StoredObject] | None:
        with self._guard:
            self._look_up(prefix)
            return super()._listed(prefix)

    def _around(self, key: str) -> list[StoredObject] | None:
        """Return the objects around a key; what was written with it is looked up first, together."""
        if not self._is_remote or is_hidden(key):
            return None
        with self._guard:
            if is_among(key, self._changed):
                self._look_up(key.partition("/")[0])
            return None if is_among(key, self._changed) else super()._around(key)

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
            after = f"{folder[:-1]}{BEHIND}"
            if behind := self._store.find(after):
                yield behind
        yield from self._store.list_objects(after=after)

    def _look_up(self, prefix: str) -> None:
        """Look up what was written in a folder that was listed, and enter it in the listings."""
        with self._guard:
            due = [name for name in self._changed if concerns(name, prefix)]
            if not due:
                return
            known = [*self._listings, *([""] if self._everything is not None else [])]
            due = [name for name in due if any(concerns(name, one) for one in known)]
            folders = [name[:-1] for name in due if name.endswith("/")]
            sought = [name for name in due if not (name.endswith("/") or name in self._gone or is_hidden(name))]
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
        new = sorted(found.values(), key=key_of)

        def entered(prefix: str, listing: list[StoredObject]) -> list[StoredObject]:
            own = [name for name in names if concerns(name, prefix)]
            if len(own) > _FEW_NAMES:
                keys, folders = frozenset(own), tuple(name for name in own if name.endswith("/"))
                kept = [item for item in listing if item.key not in keys and not item.key.startswith(folders)]
                return sorted([*kept, *(item for item in new if is_below(item.key, prefix))], key=key_of)
            entered = list(listing) if own else listing
            for name in own:
                places, of_name = places_of(entered, name), new[places_of(new, name)]
                entered[places] = [item for item in of_name if is_below(item.key, prefix)]
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


class ListedWhileLocked(ListedUntilWritten):
    """Such a store for a whole run; see `listed_once.listed_while_locked`."""

    def __init__(self, store: ObjectStore, parts: Sequence[str]) -> None:
        super().__init__(store)
        self._is_cut = bool(parts)
        if parts:
            store.expect_parts(parts)

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
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
