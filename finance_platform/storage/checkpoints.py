"""Checkpoints: the immutable documents of a folder, together in a few Parquet files.

Belongs here: the files, and whether one can be trusted. Does not belong here: the documents themselves and when a
checkpoint is written (see `immutable_documents`), their columns (see `records`).

A checkpoint is never the truth. Each of its rows names a document and the etag that it had when it was read, so the
listing of the folder alone says which documents are as they were; every other document is read itself. A file is named
after the hash of its bytes, so damage is found wherever it is. Files may repeat each other's documents in any order, so
nothing has to name them: a new file is written first, and those that it replaces are removed afterwards.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, groupby, islice
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any, Generic, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.errors import DamagedObjectError, OutdatedObjectError
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.records import Record, RecordType
from finance_platform.storage.repeated_texts import open_with_dictionaries

FOLDER = "checkpoints"
_KEY, _ETAG, _FORM = "document_key", "document_etag", b"form"
_ROWS_AT_ONCE = 4096
"""The number of rows that are decoded at once: as objects they take some megabytes."""

Version = tuple[str, str]
"""Key and etag of a document."""


class CheckpointedDocument(NamedTuple, Generic[Record]):
    """A document as a checkpoint has it; a tuple, since thousands are read."""

    key: str
    etag: str
    records: Sequence[Record]


def list_checkpoints(store: ObjectStore, folder: str) -> list[StoredObject]:
    """Return the files of a folder's checkpoint, and whatever else is beside them."""
    return list(store.list_objects(f"{FOLDER}/{folder}"))


def read_checkpoint(
    store: ObjectStore, key: str, record_type: RecordType[Record], wanted: Mapping[str, str]
) -> tuple[frozenset[Version], Iterator[tuple[Version, Sequence[Record]]]]:
    """Return which documents a file has, and those that are wanted, which are decoded one after the other.

    Args:
        store: the store.
        key: the file.
        record_type: the type of the documents' records.
        wanted: etag by key of the documents to return; those that have another etag now are left out.

    Raises:
        DamagedObjectError: the file is damaged, foreign or of another release; it is not trusted at all.
        FileNotFoundError: it was removed, since another file has its documents.
    """
    file = open_checkpoint(store, key, record_type.form, record_type.repeating)
    of_rows = _versions_of_rows(file)
    versions = frozenset(of_rows)
    rows = chain.from_iterable(_decode(file, of_rows, record_type, wanted))
    if len(versions) == len(of_rows):  # of thousands of documents of one record each, none is gathered
        return versions, ((version, () if record is None else (record,)) for version, record in rows)
    documents = groupby(rows, itemgetter(0))
    return versions, (
        (version, [record for _, record in of_document if record is not None]) for version, of_document in documents
    )


def _decode(
    file: pq.ParquetFile, versions: Sequence[Version], record_type: RecordType[Any], wanted: Mapping[str, str]
) -> Iterator[Iterable[tuple[Version, Any]]]:
    """Yield document and record of the rows of wanted documents, some thousands at a time."""
    left = iter(versions)
    columns = [name for name in file.schema_arrow.names if name not in {_KEY, _ETAG}]
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
        table, of_rows = pa.table(batch), list(islice(left, len(batch)))
        is_wanted = [wanted.get(key) == etag for key, etag in of_rows]
        if not all(is_wanted):
            table, of_rows = table.filter(pa.array(is_wanted)), list(compress(of_rows, is_wanted))
        yield zip(of_rows, record_type.decode(table), strict=True)


def versions_in(file: pq.ParquetFile) -> frozenset[Version]:
    """Return the documents of an open file of a checkpoint."""
    return frozenset(_versions_of_rows(file))


def _versions_of_rows(file: pq.ParquetFile) -> list[Version]:
    rows = pa.table(file.read([_KEY, _ETAG]))
    return list(zip(rows[_KEY].to_pylist(), rows[_ETAG].to_pylist(), strict=True))


def write_checkpoint(
    store: ObjectStore,
    folder: str,
    record_type: RecordType[Record],
    documents: Iterable[CheckpointedDocument[Record]],
) -> str:
    """Write documents into a new file of a folder's checkpoint; return its key."""
    rows = ((one.key, one.etag, record) for one in documents for record in (one.records or (None,)))
    buffer = io.BytesIO()
    writer: pq.ParquetWriter | None = None
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        table = _table(some, record_type)
        # Texts of a column repeat, so dictionaries and a fast codec leave a tenth of the documents' bytes.
        writer = writer or pq.ParquetWriter(buffer, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is None:
        raise ValueError("a checkpoint of no documents")
    writer.close()
    data = buffer.getvalue()
    return store_checkpoint(store, folder, data)


def store_checkpoint(store: ObjectStore, folder: str, data: bytes) -> str:
    """Write the bytes of a file of a folder's checkpoint; return its key."""
    key = f"{FOLDER}/{folder}/{_name(data)}"
    store.write(key, data)
    return key


def _table(rows: Sequence[tuple[str, str, Any]], record_type: RecordType[Any]) -> pa.Table:
    keys, etags, records = zip(*rows, strict=True)
    columns = {_KEY: pa.array(keys, pa.string()), _ETAG: pa.array(etags, pa.string()), **record_type.encode(records)}
    return with_form(pa.table(columns), record_type.form)


def with_form(rows: pa.Table, form: str) -> pa.Table:
    """Return rows that say in which form they are, as `open_checkpoint` expects it."""
    return rows.replace_schema_metadata({_FORM: form})


def open_checkpoint(store: ObjectStore, key: str, form: str, columns: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a file of a checkpoint, which is in memory then.

    Args:
        store: the store.
        key: the file.
        form: the form of its rows; those of another release have another one.
        columns: columns of repeated texts, to read as dictionaries.

    Raises:
        DamagedObjectError, FileNotFoundError: see `read_checkpoint`.
    """
    data = store.read(key)
    if PurePosixPath(key).name != _name(data):
        raise DamagedObjectError(key, "its content is not what was written, or it is no checkpoint")
    try:
        file = open_with_dictionaries(io.BytesIO(data), columns)
    except pa.ArrowException:
        raise DamagedObjectError(key, "it is not a checkpoint") from None
    metadata = file.schema_arrow.metadata or {}
    if metadata.get(_FORM, b"").decode() != form:
        raise OutdatedObjectError(key, "another release wrote it")
    return file


def _name(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"
