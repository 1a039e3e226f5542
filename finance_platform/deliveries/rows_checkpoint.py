"""Checkpoints of rows: the rows of many small files of deliveries, together in a few files.

Belongs here: which rows of a checkpoint count, when one is written and what it takes in. Does not belong here: the
files of a checkpoint and their names (see `storage.checkpoints`), what rows mean (see the modules that have one).

A delivery that arrives alone has small files of its own, so a refresh would open as many as there were deliveries.

The checkpoint is never the truth. Each of its rows names the file that it is from, with the hash that the delivery's
commit gives it, and rows count as those of that file would: by the deliveries that count now. What it lacks is read
from the files themselves.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Column
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import DamagedObjectError
from finance_platform.storage import immutable_documents
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.checkpoints import FOLDER as CHECKPOINTS
from finance_platform.storage.checkpoints import open_checkpoint, store_checkpoint, with_form
from finance_platform.storage.documents import read_parquet
from finance_platform.storage.port import ObjectStore

_log = logging.getLogger(__name__)

SOURCE = "source"
"""The column that names the file of a row."""

SMALL_BYTES = 64 << 10
"""The size up to which files are worth it: reading larger ones takes longer than requesting them."""

_GROWTH = 2
"""A new file takes in the files of the checkpoint that are of at most so many times as many files. So a row is written
again as often as the logarithm of their number says, not with every refresh."""

_MOST_BYTES = 32 << 20
"""A file of the checkpoint of so many bytes is not taken into another one, so memory does not grow with history."""

_BYTES_AT_ONCE = 4 << 20
_FILES_AT_ONCE = 100
"""As tables, even files of one line take some 40 KB each, and ten periods may be built at once."""

_ROWS_AT_ONCE = 1 << 16


def source_of(file: DataFile) -> str:
    """Return the name of a file's content; files of an earlier release have no hash, and keep their size."""
    return f"{file.key}#{file.sha256 or file.size}"


def places_among(texts: pa.ChunkedArray, among: pa.Array) -> pa.Array:
    """Return the place of each text among others; null for one that is not among them. Repeated ones are found once."""
    encoded = texts.combine_chunks()
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode()
    return pc.index_in(encoded.dictionary, value_set=among).take(encoded.indices)


@dataclass(frozen=True)
class CheckpointFile:
    """A file of a checkpoint, as it is listed."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class _OpenedFile:
    """A file of the checkpoint: its sources that count and that no file before it has, and how many it has in all."""

    key: str
    size: int
    sources: Collection[str]
    count: int

    @property
    def is_mostly_outdated(self) -> bool:
        return 2 * len(self.sources) < self.count


@dataclass(frozen=True, slots=True)
class _Content:
    """The rows of a file of deliveries, and whether its bytes are those that the delivery's commit names."""

    rows: pa.Table
    is_as_written: bool


@dataclass(frozen=True)
class RowsCheckpoint:
    """The checkpoint of one kind of files.

    Attributes:
        folder: its folder below that of all checkpoints.
        columns: the columns of its rows, beside the file that each is from.
        share: it takes in files when they are this part of the documents that are worth a checkpoint.
    """

    folder: str
    columns: Sequence[Column]
    share: int = 1

    def files(self, store: ObjectStore) -> list[CheckpointFile]:
        """List the files of the checkpoint."""
        return [CheckpointFile(item.key, item.size) for item in store.list_objects(f"{CHECKPOINTS}/{self.folder}")]

    def read_and_update(
        self,
        store: ObjectStore,
        files: Iterable[DataFile],
        listed: Sequence[CheckpointFile] | None = None,
        *,
        is_updated: bool = True,
    ) -> Iterator[tuple[pa.Table, Collection[str]]]:
        """Yield the rows of all files, in parts: rows, and the names of the files of which these have all rows.

        A part may have rows of other files too, which do not count. After the last part, the checkpoint is written if
        many files were not in it.

        Args:
            store: the processed zone.
            files: the files.
            listed: the files of the checkpoint, if the caller has listed them.
            is_updated: whether it may be written; the caller then holds the lock under which the zone is changed.

        Raises:
            DamagedObjectError: a file that the checkpoint lacks is missing or damaged.
        """
        unread = {source_of(file): file for file in files}
        checkpoint = []
        # The largest first: a file that a killed job did not remove repeats a part of the one that took it in.
        items = self.files(store) if listed is None else listed
        for item in sorted(items, key=lambda item: item.size, reverse=True):
            try:
                file = self._open(store, item.key)
            except DamagedObjectError as error:
                _log.warning("%s is not used: %s; the files that it had are read", error.key, error.why)
                checkpoint.append(_OpenedFile(item.key, item.size, (), 1))  # nothing of it counts
                continue
            except FileNotFoundError:
                continue  # another process has replaced it, although this one holds the lock
            sources = _sources(file)
            own = {name: unread.pop(name) for name in sources if name in unread}
            checkpoint.append(_OpenedFile(item.key, item.size, own, len(sources)))
            for rows in _batches(file) if own else ():
                yield rows, own
        replaced = self._replaced(checkpoint, len(unread))
        is_written = is_updated and (self._are_many(len(unread)) or bool(replaced))
        writer = _Writer(store, self.folder, self._schema, self._form)
        for contents in self._read_files(store, unread):
            yield pa.concat_tables([one.rows for one in contents.values()]), contents
            if is_written:
                writer.add([self._stored(contents)])
        if is_written:
            self._replace(store, writer, replaced)

    def read_rows(
        self,
        store: ObjectStore,
        files: Iterable[DataFile],
        listed: Sequence[CheckpointFile] | None = None,
        *,
        is_updated: bool = True,
    ) -> Iterator[pa.Table]:
        """Yield the rows of all files, and no others; see `read_and_update`."""
        for rows, sources in self.read_and_update(store, files, listed, is_updated=is_updated):
            yield rows.filter(pc.is_valid(places_among(rows[SOURCE], pa.array(list(sources), pa.string()))))

    def forget_files(self, store: ObjectStore, keys: Collection[str]) -> None:
        """Leave out of the checkpoint the rows of files that do not exist any more.

        Args:
            store: the processed zone; the caller holds the home's lock.
            keys: the files of this kind that some delivery has.
        """
        for item in self.files(store):
            try:
                sources = _sources(self._open(store, item.key))
            except (DamagedObjectError, FileNotFoundError):
                continue  # the next build replaces it
            kept = {name for name in sources if key_of(name) in keys}
            if len(kept) < len(sources):
                writer = _Writer(store, self.folder, self._schema, self._form)
                self._replace(store, writer, [_OpenedFile(item.key, item.size, kept, len(sources))])

    def find_untrusted(self, store: ObjectStore) -> Iterator[DamagedObjectError]:
        """Yield the files of the checkpoint that are damaged, foreign or of another release."""
        for item in self.files(store):
            try:
                self._open(store, item.key)
            except FileNotFoundError:
                continue  # a run has replaced it meanwhile
            except DamagedObjectError as error:
                yield error

    def find_forged(self, store: ObjectStore, files: Iterable[DataFile]) -> Iterator[str]:
        """Yield the files of the checkpoint that have other rows than the files that they name; each is read itself.

        Args:
            store: the processed zone.
            files: the files of this kind of every delivery; rows of others count for nothing.
        """
        known = {source_of(file): file for file in files}
        for item in self.files(store):
            # No run believes a damaged one.
            with suppress(DamagedObjectError, FileNotFoundError):
                whole = self._whole_sources(self._open(store, item.key))
                if any(self._is_forged(store, rows, known) for rows in whole):
                    yield item.key

    @cached_property
    def _schema(self) -> pa.Schema:
        return pa.schema([pa.field(SOURCE, pa.string()), *arrow_schema(self.columns)])

    @cached_property
    def _form(self) -> str:
        return hashlib.sha256(str(self._schema).encode()).hexdigest()

    def _open(self, store: ObjectStore, key: str) -> pq.ParquetFile:
        texts = [field.name for field in self._schema if field.type == pa.string()]
        return open_checkpoint(store, key, self._form, texts)

    def _is_forged(self, store: ObjectStore, rows: pa.Table, known: Mapping[str, DataFile]) -> bool:
        names = [name for name in rows[SOURCE].unique().to_pylist() if name in known]
        for contents in self._read_files(store, {name: known[name] for name in names}):
            unchanged = {name: one for name, one in contents.items() if one.is_as_written}
            found = rows.filter(pc.is_in(rows[SOURCE], value_set=pa.array(list(unchanged), pa.string())))
            if not self._sorted(found).equals(self._sorted(self._stored(unchanged))):
                return True
        return False

    def _are_many(self, files: int) -> bool:
        """Return whether so many files are worth a checkpoint; fewer are read one by one, as documents are."""
        return files * self.share >= immutable_documents.FEWEST_NEW

    def _replaced(self, checkpoint: Sequence[_OpenedFile], unread: int) -> list[_OpenedFile]:
        """Return the files of the checkpoint that a new one takes in."""
        replaced = [one for one in checkpoint if one.is_mostly_outdated]
        if not self._are_many(unread):
            return replaced
        count = unread + sum(len(one.sources) for one in replaced)
        for one in sorted(checkpoint, key=lambda one: len(one.sources)):
            if not one.is_mostly_outdated and one.size < _MOST_BYTES and len(one.sources) <= _GROWTH * count:
                replaced.append(one)
                count += len(one.sources)
        return replaced

    def _replace(self, store: ObjectStore, writer: _Writer, replaced: Sequence[_OpenedFile]) -> None:
        """Complete a new file with the rows of files that it takes in, and remove these afterwards."""
        for one in replaced:
            if one.sources:
                names = pa.array(list(one.sources), pa.string())
                writer.add(
                    rows.filter(pc.is_valid(places_among(rows[SOURCE], names)))
                    for rows in _batches(self._open(store, one.key))
                )
        written = writer.close()
        for one in replaced:
            if one.key not in written:
                store.delete(one.key)

    def _read_files(self, store: ObjectStore, files: Mapping[str, DataFile]) -> Iterator[dict[str, _Content]]:
        """Yield the content of files by their name, so many at a time that they take little memory.

        Raises:
            DamagedObjectError: a file is missing or damaged.
        """
        for names in _parts(files):
            contents = {}
            keys = [files[name].key for name in names]
            for name, key, data in zip(names, keys, find_many(store, keys), strict=True):
                rows = self._under_contract(name, key, data)
                expected = files[name].sha256
                contents[name] = _Content(rows, not expected or hashlib.sha256(data or b"").hexdigest() == expected)
            yield contents

    def _under_contract(self, name: str, key: str, data: bytes | None) -> pa.Table:
        """Return the rows of a file with its name; columns that a file of an earlier release lacks are null."""
        required = [column.name for column in self.columns if not column.nullable]
        rows = read_parquet(key, data, required, only=[column.name for column in self.columns])
        try:
            columns = [
                rows[field.name].cast(field.type)
                if field.name in rows.column_names
                else pa.nulls(len(rows), field.type)
                for field in arrow_schema(self.columns)
            ]
        except pa.ArrowException as error:
            why = f"its values do not fit their columns: {' '.join(str(error).split())}"
            raise DamagedObjectError(key, why) from None
        return pa.table([pa.array([name] * len(rows), pa.string()), *columns], schema=self._schema)

    def _stored(self, contents: Mapping[str, _Content]) -> pa.Table:
        """Return the rows of files as the checkpoint has them: one without rows has one row, to be known as read.

        A file that was changed behind the platform's back is left out: `verify` names it, and no checkpoint vouches for
        it.
        """
        unchanged = {name: one.rows for name, one in contents.items() if one.is_as_written}
        empty = [{SOURCE: name} for name, rows in unchanged.items() if not rows.num_rows]
        return pa.concat_tables([*unchanged.values(), pa.Table.from_pylist(empty, self._schema)])

    def _whole_sources(self, file: pq.ParquetFile) -> Iterator[pa.Table]:
        """Yield the rows of a file of the checkpoint in parts that have all rows of their sources."""
        pending = self._schema.empty_table()
        for rows in _batches(file):
            pending = pa.concat_tables([pending, rows.cast(self._schema)])
            is_last = pc.equal(pending[SOURCE], pending[SOURCE][-1])
            if complete := pending.filter(pc.invert(is_last)):
                yield complete
            pending = pending.filter(is_last).combine_chunks()
        yield pending

    def _sorted(self, rows: pa.Table) -> pa.Table:
        return rows.sort_by([(name, "ascending") for name in self._schema.names]).combine_chunks()


def key_of(source: str) -> str:
    """Return the key of the file that a row names."""
    return source.rpartition("#")[0]


def _sources(file: pq.ParquetFile) -> list[str]:
    """Return the files of deliveries of which a file of the checkpoint has the rows."""
    names: dict[str, None] = {}
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[SOURCE]):
        names.update(dict.fromkeys(batch[SOURCE].unique().to_pylist()))
    return list(names)


def _batches(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for batch in file.iter_batches(_ROWS_AT_ONCE):
        yield pa.Table.from_batches([batch])


def _parts(files: Mapping[str, DataFile]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for name, file in files.items():
        if part and (len(part) == _FILES_AT_ONCE or size + file.size > _BYTES_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(name)
        size += file.size
    if part:
        yield part


class _Writer:
    """Writes new files of a checkpoint; each has all rows of its sources."""

    def __init__(self, store: ObjectStore, folder: str, schema: pa.Schema, form: str) -> None:
        self._store, self._folder, self._schema, self._form = store, folder, schema, form
        self._buffer = io.BytesIO()
        self._file: pq.ParquetWriter | None = None
        self._written: list[str] = []

    def add(self, parts: Iterable[pa.Table]) -> None:
        """Add the rows of whole sources."""
        for rows in parts:
            if rows.num_rows:
                # Texts of a column repeat, so dictionaries and a fast codec leave a few bytes of each row.
                self._file = self._file or pq.ParquetWriter(
                    self._buffer, with_form(self._schema.empty_table(), self._form).schema, compression="zstd"
                )
                self._file.write_table(with_form(rows.cast(self._schema), self._form))
        if self._buffer.tell() >= _MOST_BYTES:
            self._complete()

    def close(self) -> list[str]:
        """Complete the last file; return the keys of all."""
        self._complete()
        return self._written

    def _complete(self) -> None:
        if self._file:
            self._file.close()
            self._written.append(store_checkpoint(self._store, self._folder, self._buffer.getvalue()))
            self._buffer, self._file = io.BytesIO(), None
