"""The checkpoint of the members: the rows of many small files with members, together in a few files.

Belongs here: which rows of the checkpoint count, when one is written and what it takes in, and the members that the
star is built from. Does not belong here: the files of a checkpoint and their names (see `storage.checkpoints`), the
dimensions (see `transforms`).

The dimensions are built from what every delivery that counts says of its departments and accounts. A delivery that
arrives alone has a small file with them, so a refresh would open as many files as there were deliveries.

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

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import MEMBERS
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

FOLDER = "members"

_GROWTH = 2
"""A new file takes in the files of the checkpoint that are of at most so many times as many files with members. So a
row is written again as often as the logarithm of their number says, not with every refresh."""

_MOST_BYTES = 32 << 20
"""A file of the checkpoint of so many bytes is not taken into another one, so memory does not grow with history."""

_BYTES_AT_ONCE = 4 << 20
_FILES_AT_ONCE = 500
_ROWS_AT_ONCE = 1 << 16
_MOST_REPEATED = 1 << 18
"""So many rows that may repeat each other are in memory before they are compared."""

_SOURCE, _DELIVERY, _RANK = "source", "delivery_id", "rank"
_SCHEMA = pa.schema([pa.field(_SOURCE, pa.string()), *arrow_schema(MEMBERS.columns)])
_TEXTS = [field.name for field in _SCHEMA if field.type == pa.string()]
_STATEMENT = [name for name in MEMBERS.column_names if name != _DELIVERY]
_STATEMENTS = pa.schema([*map(_SCHEMA.field, _STATEMENT), pa.field(_RANK, pa.int32())])
_FORM = hashlib.sha256(str(_SCHEMA).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MembersFile:
    """A file with members.

    Attributes:
        file: the file.
        deliveries: the deliveries whose rows in it count, as places in the defined order.
    """

    file: DataFile
    deliveries: Sequence[int]


@dataclass(frozen=True, slots=True)
class _CheckpointFile:
    """A file of the checkpoint: its sources that count and that no file before it has, and how many it has in all."""

    key: str
    size: int
    sources: Collection[str]
    count: int

    @property
    def is_mostly_outdated(self) -> bool:
        return 2 * len(self.sources) < self.count


def read_members(store: ObjectStore, files: Sequence[MembersFile], deliveries: Sequence[str]) -> pa.Table:
    """Return the members that deliveries mention; of those that say the same of a member, only the first one's row.

    Later ones add nothing to a dimension, so what is left to Spark grows with the members and not with the deliveries.
    If many files are not in the checkpoint yet, it is written.

    Args:
        store: the processed zone; the caller holds the lock under which it is changed.
        files: every file with members of the deliveries.
        deliveries: the ids of the deliveries in the defined order.

    Returns:
        The rows with the columns of `MEMBERS`.

    Raises:
        DamagedObjectError: a file that the checkpoint lacks is missing or damaged.
    """
    mentions = _FirstMentions({_source(one.file): one for one in files}, deliveries)
    unread = dict(mentions.files)
    checkpoint = []
    # The largest first: a file that a killed job did not remove repeats a part of the one that took it in.
    for item in sorted(store.list_objects(f"{CHECKPOINTS}/{FOLDER}"), key=lambda item: item.size, reverse=True):
        try:
            file = _open(store, item.key)
        except DamagedObjectError as error:
            _log.warning("%s is not used: %s; the files that it had are read", error.key, error.why)
            continue
        except FileNotFoundError:
            continue  # another process has replaced it, although this one holds the lock
        sources = _sources(file)
        own = {name: unread.pop(name) for name in sources if name in unread}
        checkpoint.append(_CheckpointFile(item.key, item.size, own, len(sources)))
        for rows in _batches(file) if own else ():
            mentions.add(rows, own)
    replaced = _replaced(checkpoint, len(unread))
    is_written = _are_many(len(unread)) or bool(replaced)
    writer = _Writer(store)
    for contents in _read_files(store, unread):
        mentions.add(pa.concat_tables([one.rows for one in contents.values()]), contents)
        if is_written:
            writer.add([_stored(contents)])
    if is_written:
        _replace(store, writer, replaced)
    return mentions.rows()


def forget_files(store: ObjectStore, keys: Collection[str]) -> None:
    """Leave out of the checkpoint the rows of files that do not exist any more.

    Args:
        store: the processed zone; the caller holds the home's lock.
        keys: the files with members that some delivery has.
    """
    for item in list(store.list_objects(f"{CHECKPOINTS}/{FOLDER}")):
        try:
            sources = _sources(_open(store, item.key))
        except (DamagedObjectError, FileNotFoundError):
            continue  # the repair at the start of a run removes it
        kept = {name for name in sources if _key(name) in keys}
        if len(kept) < len(sources):
            _replace(store, _Writer(store), [_CheckpointFile(item.key, item.size, kept, len(sources))])


def find_untrusted_members(store: ObjectStore) -> Iterator[DamagedObjectError]:
    """Yield the files of the checkpoint that are damaged, foreign or of another release."""
    for item in list(store.list_objects(f"{CHECKPOINTS}/{FOLDER}")):
        try:
            _open(store, item.key)
        except FileNotFoundError:
            continue  # a run has replaced it meanwhile
        except DamagedObjectError as error:
            yield error


def find_forged_members(store: ObjectStore, files: Iterable[DataFile]) -> Iterator[str]:
    """Yield the files of the checkpoint that have other rows than the files that they name; each is read itself.

    Args:
        store: the processed zone.
        files: the files with members of every delivery; rows of others count for nothing.
    """
    known = {_source(file): MembersFile(file, ()) for file in files}
    for item in list(store.list_objects(f"{CHECKPOINTS}/{FOLDER}")):
        with suppress(DamagedObjectError, FileNotFoundError):  # no run believes it then, and the other parts say why
            if any(_is_forged(store, rows, known) for rows in _whole_sources(_open(store, item.key))):
                yield item.key


def _is_forged(store: ObjectStore, rows: pa.Table, known: Mapping[str, MembersFile]) -> bool:
    names = [name for name in rows[_SOURCE].unique().to_pylist() if name in known]
    for contents in _read_files(store, {name: known[name] for name in names}):
        unchanged = {name: one for name, one in contents.items() if one.is_as_written}
        found = rows.filter(pc.is_in(rows[_SOURCE], value_set=pa.array(list(unchanged), pa.string())))
        if not _sorted(found).equals(_sorted(_stored(unchanged))):
            return True
    return False


def _are_many(files: int) -> bool:
    """Return whether so many files are worth a checkpoint; fewer are read one by one, as documents are."""
    return files >= immutable_documents.FEWEST_NEW


def _source(file: DataFile) -> str:
    """Return the name of a file's content; files of an earlier release have no hash, and keep their size."""
    return f"{file.key}#{file.sha256 or file.size}"


def _key(source: str) -> str:
    return source.rpartition("#")[0]


def _open(store: ObjectStore, key: str) -> pq.ParquetFile:
    return open_checkpoint(store, key, _FORM, _TEXTS)


def _sources(file: pq.ParquetFile) -> list[str]:
    """Return the files with members of which a file of the checkpoint has the rows."""
    names: dict[str, None] = {}
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[_SOURCE]):
        names.update(dict.fromkeys(batch[_SOURCE].unique().to_pylist()))
    return list(names)


def _batches(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for batch in file.iter_batches(_ROWS_AT_ONCE):
        yield pa.Table.from_batches([batch])


def _replaced(checkpoint: Sequence[_CheckpointFile], unread: int) -> list[_CheckpointFile]:
    """Return the files of the checkpoint that a new one takes in."""
    replaced = [one for one in checkpoint if one.is_mostly_outdated]
    if not _are_many(unread):
        return replaced
    count = unread + sum(len(one.sources) for one in replaced)
    for one in sorted(checkpoint, key=lambda one: len(one.sources)):
        if not one.is_mostly_outdated and one.size < _MOST_BYTES and len(one.sources) <= _GROWTH * count:
            replaced.append(one)
            count += len(one.sources)
    return replaced


def _replace(store: ObjectStore, writer: _Writer, replaced: Sequence[_CheckpointFile]) -> None:
    """Complete a new file with the rows of files that it takes in, and remove these afterwards."""
    for one in replaced:
        if one.sources:
            names = pa.array(list(one.sources), pa.string())
            writer.add(
                rows.filter(pc.is_valid(_places(rows[_SOURCE], names))) for rows in _batches(_open(store, one.key))
            )
    written = writer.close()
    for one in replaced:
        if one.key not in written:
            store.delete(one.key)


@dataclass(frozen=True, slots=True)
class _Content:
    """The rows of a file with members, and whether its bytes are those that the delivery's commit names."""

    rows: pa.Table
    is_as_written: bool


def _read_files(store: ObjectStore, files: Mapping[str, MembersFile]) -> Iterator[dict[str, _Content]]:
    """Yield the content of files by their name, so many at a time that they take little memory.

    Raises:
        DamagedObjectError: a file is missing or damaged.
    """
    for names in _parts(files):
        contents = {}
        keys = [files[name].file.key for name in names]
        for name, key, data in zip(names, keys, find_many(store, keys), strict=True):
            rows = _under_contract(name, key, data)
            expected = files[name].file.sha256
            contents[name] = _Content(rows, not expected or hashlib.sha256(data or b"").hexdigest() == expected)
        yield contents


def _under_contract(name: str, key: str, data: bytes | None) -> pa.Table:
    """Return the rows of a file with its name; columns that a file of an earlier release lacks are null."""
    rows = read_parquet(key, data, [column.name for column in MEMBERS.columns if not column.nullable])
    try:
        columns = [
            rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
            for field in arrow_schema(MEMBERS.columns)
        ]
    except pa.ArrowException as error:
        raise DamagedObjectError(key, f"its values do not fit their columns: {' '.join(str(error).split())}") from None
    return pa.table([pa.array([name] * len(rows), pa.string()), *columns], schema=_SCHEMA)


def _parts(files: Mapping[str, MembersFile]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for name, one in files.items():
        if part and (len(part) == _FILES_AT_ONCE or size + one.file.size > _BYTES_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(name)
        size += one.file.size
    if part:
        yield part


def _stored(contents: Mapping[str, _Content]) -> pa.Table:
    """Return the rows of files as the checkpoint has them: one without members has one row, to be known as read.

    A file that was changed behind the platform's back is left out: `verify` names it, and no checkpoint vouches for it.
    """
    unchanged = {name: one.rows for name, one in contents.items() if one.is_as_written}
    empty = [{_SOURCE: name} for name, rows in unchanged.items() if not rows.num_rows]
    return pa.concat_tables([*unchanged.values(), pa.Table.from_pylist(empty, _SCHEMA)])


def _whole_sources(file: pq.ParquetFile) -> Iterator[pa.Table]:
    """Yield the rows of a file of the checkpoint in parts that have all rows of their sources."""
    pending = _SCHEMA.empty_table()
    for rows in _batches(file):
        pending = pa.concat_tables([pending, rows.cast(_SCHEMA)])
        is_last = pc.equal(pending[_SOURCE], pending[_SOURCE][-1])
        if complete := pending.filter(pc.invert(is_last)):
            yield complete
        pending = pending.filter(is_last).combine_chunks()
    yield pending


def _sorted(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in _SCHEMA.names]).combine_chunks()


def _places(texts: pa.ChunkedArray, among: pa.Array) -> pa.Array:
    """Return the place of each text among others; null for one that is not among them. Repeated ones are found once."""
    encoded = texts.combine_chunks()
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode()
    return pc.index_in(encoded.dictionary, value_set=among).take(encoded.indices)


class _FirstMentions:
    """What deliveries say of members, each statement once: by the first delivery that makes it.

    Attributes:
        files: every file, by its name.
    """

    def __init__(self, files: Mapping[str, MembersFile], deliveries: Sequence[str]) -> None:
        self.files = files
        self._deliveries = pa.array(deliveries, pa.string())
        self._places = {name: place for place, name in enumerate(files)}
        self._names = pa.array(list(files), pa.string())
        self._rows: list[pa.Table] = []
        self._compared = 0

    def add(self, rows: pa.Table, sources: Iterable[str]) -> None:
        """Add those rows that count, of some sources only."""
        ranks = _places(rows[_DELIVERY], self._deliveries)
        # A file that deliveries share has rows of deliveries that do not count, or that were read again since.
        pairs = pc.add(pc.multiply(_places(rows[_SOURCE], self._names).cast(pa.int64()), len(self._deliveries)), ranks)
        counted = [self._places[name] * len(self._deliveries) + rank for name in sources for rank in self._ranks(name)]
        counts = pc.is_in(pairs, value_set=pa.array(counted, pa.int64()))
        of_rows = rows.select(_STATEMENT).append_column(_RANK, ranks).filter(counts)
        self._rows.append(_first_of_each(of_rows))
        if sum(one.num_rows for one in self._rows) > max(_MOST_REPEATED, 2 * self._compared):
            self._compare()

    def rows(self) -> pa.Table:
        """Return the rows with the columns of `MEMBERS`, in a defined order."""
        self._compare()
        (rows,) = self._rows
        rows = rows.sort_by([(name, "ascending") for name in ("dimension", "member_key", _RANK)])
        names = self._deliveries.take(rows[_RANK].combine_chunks())
        return rows.append_column(_DELIVERY, names).select(MEMBERS.column_names)

    def _compare(self) -> None:
        nothing = _STATEMENTS.empty_table()
        self._rows = [_first_of_each(pa.concat_tables([nothing, *self._rows]))]
        self._compared = self._rows[0].num_rows

    def _ranks(self, name: str) -> Sequence[int]:
        return self.files[name].deliveries


def _first_of_each(rows: pa.Table) -> pa.Table:
    found = rows.cast(_STATEMENTS).group_by(_STATEMENT, use_threads=False).aggregate([(_RANK, "min")])
    return found.select([*_STATEMENT, f"{_RANK}_min"]).rename_columns(_STATEMENTS.names)


class _Writer:
    """Writes new files of the checkpoint; each has all rows of its sources."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._buffer = io.BytesIO()
        self._file: pq.ParquetWriter | None = None
        self._written: list[str] = []

    def add(self, parts: Iterable[pa.Table]) -> None:
        """Add the rows of whole sources."""
        for rows in parts:
            if rows.num_rows:
                # Texts of a column repeat, so dictionaries and a fast codec leave a few bytes of each row.
                self._file = self._file or pq.ParquetWriter(
                    self._buffer, with_form(_SCHEMA.empty_table(), _FORM).schema, compression="zstd"
                )
                self._file.write_table(with_form(rows.cast(_SCHEMA), _FORM))
        if self._buffer.tell() >= _MOST_BYTES:
            self._complete()

    def close(self) -> list[str]:
        """Complete the last file; return the keys of all."""
        self._complete()
        return self._written

    def _complete(self) -> None:
        if self._file:
            self._file.close()
            self._written.append(store_checkpoint(self._store, FOLDER, self._buffer.getvalue()))
            self._buffer, self._file = io.BytesIO(), None
