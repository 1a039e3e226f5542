"""A store whose folders are listed once, for a use case that only reads, or with what is written through it looked up.

Belongs here: opening such a store, and telling it what others have written. Does not belong here: how it remembers
listings (see `listing_store`) and enters what is written into them (see `updated_listings`), bytes that were read (see
`remembered_reads`), documents (see `immutable_documents`), anything particular to one adapter.

The parts of a use case list the same folders again and again. A listing of 20,000 files takes half a second on disk and
20 requests on S3, and two listings may differ while somebody writes.

On S3 a small store is listed as a whole: a page has a thousand objects, whatever their folders. What is listed is
also known to exist, or not, and is not requested again in a version that this process has read.

What a step or its job writes is looked up by its key before the next listing that has it: a folder of 20,000 files is
not listed again for one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from finance_platform.storage.listing_store import ListedOnce
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.updated_listings import ListedUntilWritten, ListedWhileLocked


def listed_once(store: ObjectStore) -> ObjectStore:
    """Return a store that answers as the given one does, and lists each folder once.

    Args:
        store: the store; what is written to it later is not listed.
    """
    return ListedOnce(store)


def listed_until_written(store: ObjectStore) -> ObjectStore:
    """Return a store that lists each folder once, and looks up what is written or removed in it through this store.

    What others write or remove meanwhile is not listed, so it is for a part of a step that holds the home's lock.

    Args:
        store: the store; one that does so already is returned itself.
    """
    if isinstance(store, ListedUntilWritten):
        return store
    return ListedUntilWritten(store)


def listed_while_locked(store: ObjectStore, parts: Sequence[str] = ()) -> ObjectStore:
    """Return a store as of `listed_until_written` for a whole run, which holds the home's lock until it ends.

    Where it is remote, everything is listed at the first need of a folder, or if no parts are known, as soon as files
    are looked for. If the lease of the home is lost, no listing is used any more.

    Args:
        store: the store, whose lock this process holds.
        parts: keys at which a listing of everything is cut; see `ObjectStore.expect_parts`.
    """
    return ListedWhileLocked(store, parts)


def with_listing_of(store: ObjectStore, other: ObjectStore) -> None:
    """Let a store of `listed_once` list everything as another one does now, if that remembers listings.

    Args:
        store: a store that has listed nothing yet; what it was derived from is where the other one is.
        other: the other store.
    """
    if isinstance(store, ListedOnce) and isinstance(other, ListedOnce):
        store.take_listing(list(other.list_objects()))


def forget_listings(store: ObjectStore) -> None:
    """Let a store of `listed_until_written` list everything anew, because a job may have written anywhere."""
    if isinstance(store, ListedUntilWritten):
        store.forget_all()


def note_written(store: ObjectStore, names: Iterable[str]) -> None:
    """Let a store of `listed_until_written` look up what others have written under its lock, such as a job.

    Args:
        store: the store; another one than of this module is left as it is.
        names: keys of objects, and folders with their `/`.
    """
    if isinstance(store, ListedUntilWritten):
        store.note_written_by_others(list(names))


def shared_listing(store: ObjectStore, folder: str) -> Sequence[StoredObject] | None:
    """Return the listing of a folder that all readers of a store share; None of a store that remembers none.

    It never changes: if an object of the folder is new, gone or another one, the next listing is another list. So what
    follows from a listing is still so while the store returns the same one.

    Args:
        store: the store.
        folder: the folder.
    """
    return store.listing_of(folder) if isinstance(store, ListedOnce) else None


def list_ahead(store: ObjectStore, folders: Collection[str]) -> None:
    """Let a store that remembers listings list folders now, several at once where each is a request.

    Args:
        store: the store; another one than of this module is left as it is.
        folders: what the caller is about to list one by one.
    """
    if isinstance(store, ListedOnce):
        store.list_ahead(folders)
