"""The immutable documents of a folder: each is read once per process, most of them from a checkpoint.

Belongs here: which documents a process has, which of them a checkpoint takes, and when it is written. Does not belong
here: what the documents mean (see `deliveries`), the files of a checkpoint (see `checkpoints`).

The listing of the folder decides: a document that is not in it does not exist, whatever a checkpoint says, and one with
another etag than the checkpoint's is read itself.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa

from finance_platform.errors import DamagedObjectError, OutdatedObjectError
from finance_platform.storage.bulk_read import find_many, read_many
from finance_platform.storage.checkpoints import (
    FOLDER,
    CheckpointedDocument,
    Version,
    list_checkpoints,
    open_checkpoint,
    read_checkpoint,
    versions_in,
    write_checkpoint,
)
from finance_platform.storage.listed_once import listed_once, shared_listing
from finance_platform.storage.local import forget_listed
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.records import RecordType
from finance_platform.storage.remembered_reads import forget_reads

_Document = TypeVar("_Document")
_Derived = TypeVar("_Derived")

FEWEST_NEW = 100
"""Fewer documents are read one by one; a checkpoint takes them when they have become more."""

LARGE_BYTES = 1 << 20
"""From so many bytes on, few documents are worth a checkpoint too: a run that finds thousands of files enters them into
the register as one document, and JSON takes five times as long to parse as columns."""

LASTING_BYTES = 4 << 20
"""From so many bytes on, a search for garbage among new documents takes longer than what it finds is worth."""

FEWEST_RELEASED = 10_000
"""So many records take some 40 MiB, and half a second to read again."""

_GROWTH = 2
"""A new file takes in the files that have at most so many times its documents. So the number of files grows with the
logarithm of the number of documents, and so does the number of times that a document is written."""


@dataclass(frozen=True)
class DocumentFolder(Generic[_Document]):
    """A folder of documents that are never rewritten.

    Attributes:
        name: of the folder.
        parse: turns key and bytes into a document that callers do not change; of damaged bytes too.
        record_type: the type of the records that a document consists of.
        to_records: returns the records of a document; None for one that no checkpoint may have, such as a damaged one.
        from_records: turns key and records into the document again.
        place: returns what sorts the records of documents in a checkpoint. What is read together is together in memory,
            and to go through thousands in another order takes up to 1.6 times as long.
    """

    name: str
    parse: Callable[[str, bytes], _Document]
    record_type: RecordType[Any]
    to_records: Callable[[_Document], Sequence[Any] | None]
    from_records: Callable[[str, Sequence[Any]], _Document]
    place: Callable[[Sequence[Any]], str] = lambda _: ""


def is_worth_a_checkpoint(sizes: Sequence[int]) -> bool:
    """Return whether documents of these sizes in bytes are read faster from a checkpoint."""
    return len(sizes) >= FEWEST_NEW or sum(sizes) >= LARGE_BYTES


def read_immutable(store: ObjectStore, folder: DocumentFolder[_Document]) -> list[_Document]:
    """Return the documents of a folder, in the order of their keys; each is read and parsed once per process.

    A document that was removed and written again has another etag, and is read again.

    Args:
        store: the store.
        folder: the folder; always the same for the same name.

    Raises:
        FileNotFoundError: a document was removed between the listing and the read.
    """
    return [document for _, document in _read(store, folder).values()]


def read_derived(
    store: ObjectStore, folder: DocumentFolder[_Document], derive: Callable[[Sequence[_Document]], _Derived]
) -> _Derived:
    """Return what follows from the documents of a folder alone; derived once as long as each has the same etag.

    Args:
        store: the store.
        folder: see `read_immutable`.
        derive: always the same for the same folder; gets the documents in the order of their keys, and returns
            something that callers do not change. What it raises is raised each time.

    Raises:
        FileNotFoundError: a document was removed between the listing and the read.
    """
    # As long as nothing has changed, the mapping is one object.
    return derive_once(
        f"{folder.name} of {store.root}",
        (_read(store, folder),),
        lambda documents: derive([document for _, document in documents.values()]),
    )


def derive_once(name: str, inputs: tuple[Any, ...], derive: Callable[..., _Derived]) -> _Derived:
    """Return what follows from inputs that never change; the last result of each name is kept with its inputs.

    Inputs are compared as objects: an equal one that was read again leads to another derivation. While the result is
    kept, so are they, so no other object takes their place.

    Args:
        name: what is derived.
        inputs: everything that the result depends on.
        derive: gets the inputs; always does the same for the same name.
    """
    known = _DERIVED.get(name)
    if known and all(mine is theirs for mine, theirs in zip(inputs, known[0], strict=True)):
        return known[1]  # type: ignore[no-any-return]  # what the same function has returned
    result = derive(*inputs)
    _DERIVED[name] = inputs, result
    return result


def take_kept(name: str) -> Any:
    """Return what `keep` was last given by a name, None if that was taken or forgotten; it is the caller's alone then.

    Args:
        name: what the value is.
    """
    return _DERIVED.pop(name, (None, None))[1]


def keep(name: str, value: object) -> None:
    """Keep a value until it is taken, or forgotten with the documents.

    Args:
        name: what the value is.
        value: something that may change; so the caller lets go of it.
    """
    _DERIVED[name] = (), value


def keep_equal(name: str, value: _Derived) -> _Derived:
    """Return the value that was last given by a name if it equals this one, so that what is derived of it is kept.

    Args:
        name: what the value is.
        value: something that callers do not change.
    """
    known = _DERIVED.get(name)
    if known and known[1] == value:
        return known[1]  # type: ignore[no-any-return]  # what was given by the same name
    _DERIVED[name] = (), value
    return value


def read_later(store: ObjectStore, folder: DocumentFolder[_Document], after: str) -> list[_Document]:
    """Return the documents of a folder whose keys come after another one, in the order of the keys.

    If they are few, the others are listed and not read, neither from a checkpoint.

    Args:
        store: the store.
        folder: see `read_immutable`.
        after: the key.

    Raises:
        FileNotFoundError: a document was removed between the listing and the read.
    """
    known = _DOCUMENTS.get((store.root, folder.name), {})
    listed = [item for item in store.list_objects(folder.name) if item.key > after]
    documents = {item.key: known[item.key][1] for item in listed if known.get(item.key, ("",))[0] == item.etag}
    lacking = [item for item in listed if item.key not in documents]
    if is_worth_a_checkpoint([item.size for item in lacking]):
        return [document for key, (_, document) in _read(store, folder).items() if key > after]
    keys = [item.key for item in lacking]
    for key, data in zip(keys, read_many(store, keys), strict=True):
        documents[key] = folder.parse(key, data)
    return [documents[item.key] for item in listed]


def find_untrusted_checkpoints(store: ObjectStore, folder: DocumentFolder[Any]) -> list[DamagedObjectError]:
    """Return the files of a folder's checkpoint that are damaged, foreign or of another release."""
    untrusted = []
    for file in list_checkpoints(store, folder.name):
        try:
            _versions_in(store, file, folder.record_type)
        except FileNotFoundError:
            continue  # a run has replaced it meanwhile
        except DamagedObjectError as error:
            untrusted.append(error)
    return untrusted


def find_outdated_checkpoints(
    store: ObjectStore, folder: DocumentFolder[Any], new: Collection[str] = ()
) -> list[OutdatedObjectError]:
    """Return what a folder's checkpoint has that is no longer so, and what it lacks although an earlier run had it.

    A home that was copied or restored has other etags; a checkpoint that was removed, or that a killed run did not
    write, lacks its documents.

    Args:
        store: the store.
        folder: see `read_immutable`.
        new: the keys of the documents that this run has written, which no checkpoint has yet.
    """
    sizes = _sizes(store.list_objects(folder.name))
    outdated: list[OutdatedObjectError] = []
    checkpointed: set[Version] = set()
    for key, versions in _trusted_files(store, folder.name, folder.record_type):
        changed = len(versions - sizes.keys())
        if changed:
            were = "were" if changed > 1 else "was"
            why = f"{changed:,} of its documents {were} copied, removed or written again"
            outdated.append(OutdatedObjectError(key, why))
        checkpointed |= versions
    lacking = {version for version in sizes.keys() - checkpointed if version[0] not in new}
    if is_worth_a_checkpoint([sizes[version] for version in lacking]) and not outdated:
        lacks = f"it lacks {len(lacking):,} documents" if len(lacking) > 1 else "it lacks a document"
        outdated.append(OutdatedObjectError(f"{FOLDER}/{folder.name}", lacks))
    return outdated


def update_checkpoint(store: ObjectStore, folder: DocumentFolder[Any]) -> None:
    """Bring the checkpoint of a folder up to date, if that is worth a write; the caller holds the home's lock.

    Documents that were removed or written again are no longer in it afterwards.
    """
    listed = listed_once(store)
    sizes = _sizes(listed.list_objects(folder.name))
    files = dict(_trusted_files(store, folder.name, folder.record_type))
    true = {key: versions for key, versions in files.items() if versions <= sizes.keys()}
    new = set(sizes).difference(*true.values())
    if len(true) == len(files) and not is_worth_a_checkpoint([sizes[version] for version in new]):
        return  # as after most deliveries, and no record of thousands of documents is looked at
    records = {
        (key, etag): of_document
        for key, (etag, document) in _read(listed, folder).items()
        if (of_document := folder.to_records(document)) is not None
    }
    new &= records.keys()
    if len(true) == len(files) and not is_worth_a_checkpoint([sizes[version] for version in new]):
        return
    replaced = [key for key in files if key not in true]
    for key, versions in sorted(true.items(), key=lambda item: len(item[1])):
        if len(versions) > _GROWTH * len(new):
            break
        new.update(versions)
        replaced.append(key)
    if new:
        in_order = sorted(new, key=lambda version: (folder.place(records[version]), version))
        rows = (CheckpointedDocument(*version, records[version]) for version in in_order)
        written = write_checkpoint(store, folder.name, folder.record_type, rows)
        replaced = [key for key in replaced if key != written]
    for key in replaced:
        store.delete(key)


def find_forged(store: ObjectStore, folder: DocumentFolder[Any]) -> Iterator[str]:
    """Yield the keys of the documents that are not what every process takes them for; each is read itself.

    A checkpoint is named after the hash of its bytes, so only somebody who writes a whole one can make it lie.
    """
    believed = _read(store, folder)
    for key, data in zip(believed, find_many(store, list(believed)), strict=True):
        document = None if data is None else folder.parse(key, data)
        # A damaged document is damaged for every process, and no checkpoint has it.
        if document != believed[key][1] and not isinstance(document, DamagedObjectError):
            yield key


def forget_documents() -> None:
    """Forget every document and what was derived of them, as a process that has just started."""
    _DOCUMENTS.clear()
    _LISTINGS.clear()
    _VERSIONS.clear()
    _DERIVED.clear()
    forget_reads()
    forget_listed()


def release_memory(records: int) -> None:
    """Forget the documents if they have many records, and return the memory that nothing uses to the system.

    A process calls it before it waits for another one that needs memory too. The few values of documents that it still
    holds keep the memory around them.

    Args:
        records: about how many records the documents have; few are kept, because to read them again takes time.
    """
    if records < FEWEST_RELEASED:
        return
    forget_documents()
    gc.unfreeze()
    gc.collect()
    pa.default_memory_pool().release_unused()
    # The C library keeps freed memory for later; others than glibc return it by themselves.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_DOCUMENTS: dict[tuple[str, str], Mapping[str, tuple[str, Any]]] = {}
"""By store and folder: etag and document by key. A mapping is replaced by another one and never changed."""

_LISTINGS: dict[tuple[str, str], tuple[Sequence[StoredObject], Mapping[str, tuple[str, Any]]]] = {}
"""By store and folder: the last shared listing, and the documents that follow from it. While the store returns the same
listing, they are those of the folder, and none of thousands is compared."""

_VERSIONS: dict[tuple[str, str], tuple[tuple[str, str] | None, frozenset[Version]]] = {}
"""By store and file of a checkpoint: its etag and form, and its documents, so that this process opens it once."""

_DERIVED: dict[str, tuple[tuple[Any, ...], Any]] = {}
"""By name: inputs and what was derived of them, or what was kept."""


def _read(store: ObjectStore, folder: DocumentFolder[_Document]) -> Mapping[str, tuple[str, _Document]]:
    """Return etag and document by key, in the order of the keys."""
    earlier = _DOCUMENTS.get((store.root, folder.name), {})
    listing = shared_listing(store, folder.name)
    known = _LISTINGS.get((store.root, folder.name), (None, None))
    if listing is not None and known[0] is listing and known[1] is earlier:
        return earlier
    documents = _read_listed(store, folder, earlier, store.list_objects(folder.name) if listing is None else listing)
    # One assignment each, since threads of a code server may read the same folder at the same time.
    _DOCUMENTS[store.root, folder.name] = documents
    if listing is not None:
        _LISTINGS[store.root, folder.name] = listing, documents
    return documents


def _read_listed(
    store: ObjectStore,
    folder: DocumentFolder[_Document],
    earlier: Mapping[str, tuple[str, _Document]],
    listing: Iterable[StoredObject],
) -> Mapping[str, tuple[str, _Document]]:
    """Return etag and document of each object of a listing; those that were read earlier are the same objects."""
    listed: list[str] = []
    lacking: dict[str, str] = {}
    sizes: list[int] = []
    for item in listing:
        listed.append(item.key)
        if item.key not in earlier or earlier[item.key][0] != item.etag:
            lacking[item.key] = item.etag
            sizes.append(item.size)
    if not lacking and len(listed) == len(earlier):
        return earlier
    is_large = is_worth_a_checkpoint(sizes)
    with _without_search_for_garbage() if sum(sizes) >= LASTING_BYTES else nullcontext():
        new = _read_checkpoints(store, folder, lacking) if is_large else {}
        unread = [key for key in lacking if key not in new]
        for key, data in zip(unread, read_many(store, unread), strict=True):
            new[key] = lacking[key], folder.parse(key, data)
    return {key: new[key] if key in lacking else earlier[key] for key in listed}


@contextmanager
def _without_search_for_garbage() -> Iterator[None]:
    """Read documents that live as long as the process, and leave them out of every later search for garbage.

    With 10,000 deliveries they are half a million objects, and a search among them takes 0.2 s. What is garbage by
    then stays until the memory is released.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def _read_checkpoints(
    store: ObjectStore, folder: DocumentFolder[_Document], wanted: Mapping[str, str]
) -> dict[str, tuple[str, _Document]]:
    """Return the wanted documents that a checkpoint has in the wanted version; a file that is damaged gives none."""
    documents: dict[str, tuple[str, _Document]] = {}
    for file in list_checkpoints(store, folder.name):
        try:
            versions, of_file = read_checkpoint(store, file.key, folder.record_type, wanted)
        except (DamagedObjectError, FileNotFoundError):
            continue  # what it had is read document by document
        _VERSIONS[store.root, file.key] = (file.etag, folder.record_type.form), versions
        for (key, etag), records in of_file:
            documents[key] = etag, folder.from_records(key, records)
    return documents


def _trusted_files(
    store: ObjectStore, name: str, record_type: RecordType[Any]
) -> Iterator[tuple[str, frozenset[Version]]]:
    """Yield the files of a checkpoint, each with its documents; the repair at the start of a run names the others."""
    for file in list_checkpoints(store, name):
        try:
            versions = _versions_in(store, file, record_type)
        except DamagedObjectError:
            continue
        yield file.key, versions


def _versions_in(store: ObjectStore, file: StoredObject, record_type: RecordType[Any]) -> frozenset[Version]:
    """Return the documents in a file of a checkpoint; one with the etag of its last look is as it was then.

    Raises:
        DamagedObjectError, FileNotFoundError: see `read_checkpoint`.
    """
    form = record_type.form
    known, versions = _VERSIONS.get((store.root, file.key), (None, frozenset()))
    if known != (file.etag, form):
        versions = versions_in(open_checkpoint(store, file.key, form))
        _VERSIONS[store.root, file.key] = (file.etag, form), versions
    return versions


def _sizes(listing: Iterable[StoredObject]) -> dict[Version, int]:
    """Return the size of each document of a listing."""
    return {(item.key, item.etag): item.size for item in listing}
