"""Ledger lines as Parquet files, written while their file is read: one pass, and no table in between.

Belongs here: the files of one delivery's accepted lines by table and period, and the lines that may repeat a key.
Does not belong here: which lines are accepted (see `ledger_lines`), which of those with one key count (see
`transforms.key_comparison`), the commit that names the files (see `spark_jobs.standardise_job`).

A line whose key's hash was met before in its file is not written: the job compares it with the first such line, exactly
(115). Memory is bounded by the lines that wait, and by eight bytes for each key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.feeds.file_names import WORKBOOK_ENDINGS, file_ending
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.violations import ACCEPTED, Mask, to_mask
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore
from finance_platform.text_hashes import Hashes, hash_texts

_THREADS = 4
"""Files that one task encodes, writes to the disk or decodes at once: Arrow and the disk let other threads run."""

WAITING_BYTES = 256 << 20
"""The lines of one file that wait for their period's Parquet file; beyond it, the period with the most is written,
while further lines are read. The lines of that one period, and its file, come on top."""

_SCHEMA = arrow_schema(TRANSACTIONS.columns)
_CONSTANT = ("delivery_id", "feed", "source_file", "period", "scenario_type")
"""Columns with one value in a Parquet file."""

_REPEATING = [*_CONSTANT, "source_sheet", "source_column", "scenario", "department_code", "account_number", "scope_key"]
"""Text that few distinct values repeat; a dictionary of the others would be given up after its first megabyte."""

_NUMBERED = ["scenario_key", "document_date", "posting_date", "department_key", "account_key"]
"""Numbers and days that few distinct values repeat, as dictionaries (463)."""

_DIFFERENCES = dict.fromkeys(("source_row", "amount"), "DELTA_BINARY_PACKED")
"""Numbers of which few repeat, as the differences between one and the next, on disk (463)."""

_SEARCHED = ["period", *(name for name in _SCHEMA.names if name not in {*_REPEATING, "description"})]
"""Columns by whose bounds a reader leaves row groups out. Values that repeat are in nearly every file, and to find
their bounds takes a seventh of the time of encoding all columns."""

_MOST_UNUSED = 1_000
"""Values of a dictionary that may be written with lines that have none of them."""

_ROWS_ENCODED_AT_ONCE = 1 << 14
"""With Arrow's default, a thousand, encoding takes a tenth longer."""

_CODES = ("department_code", "account_number")
_ENCODED = ("scenario", *_CODES)

_HASH = "key_hash"
"""The column of the lines that wait which has the hash of their key; the files do not have it."""

_ATTRIBUTES = {"department_name", "business_unit", "account_name", "account_type", "account_category"}


def can_write_lines(rules: ReadingRules, object_key: str) -> bool:
    """Return whether a ledger file's lines are final once they are typed, but for repeated keys.

    Not final are lines that a voucher rejects, or whose attributes other tables need. The lines of one key are compared
    in the order of the file, which is not that of sheets or of the cells of a row.
    """
    taken = rules.lookup.take if rules.lookup else ()
    of_measures = (name for measure in rules.measures for name in measure.fields)
    if rules.balanced_by or rules.types_by_prefix:
        return False
    if _ATTRIBUTES & {*rules.fields, *rules.constants, *taken, *of_measures}:
        return False
    is_line_a_row = not (rules.unpivot or rules.measures or rules.spread)
    return not rules.key or (is_line_a_row and file_ending(object_key) not in WORKBOOK_ENDINGS)


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file of lines: its table, its key and its size in bytes."""

    table: str
    key: str
    size: int


@dataclass(frozen=True, order=True)
class _Part:
    """The lines of one table and period."""

    table: str
    scenario_type: str
    period: str


@dataclass
class _Waiting:
    batches: list[pa.RecordBatch] = field(default_factory=list)
    size: int = 0
    files: int = 0


@dataclass(frozen=True)
class _StoredLines:
    """A file, and its lines whose key was met again, if there are any."""

    file: WrittenFile
    first_lines: pa.Table | None


@dataclass(frozen=True)
class _EarlyFile:
    """A file that was written before all lines were read, and how many of `KeyRepeats.hashes` there were then."""

    file: WrittenFile
    repeats: int


class LineFiles:
    """Writes the accepted lines of one delivery.

    Attributes:
        written: the files so far.
        repeats: the keys that were met again.
    """

    def __init__(self, store: ObjectStore, folder: str, lineage: Mapping[str, str]) -> None:
        """Begin a delivery.

        Args:
            store: the processed zone.
            folder: of the attempt's files in each table; the names in it are the same however often a task is repeated.
            lineage: delivery_id, feed and source_file.
        """
        self.written: list[WrittenFile] = []
        self.repeats = KeyRepeats()
        self._store, self._folder, self._lineage = store, folder, lineage
        self._parts: dict[_Part, _Waiting] = {}
        self._size = 0
        self._seen = _SeenHashes()
        self._mentioned: set[tuple[str | None, str, str]] = set()
        self._first_lines: list[pa.Table] = []
        self._repeated_keys: list[pa.StringArray] = []
        self._early: list[_EarlyFile] = []
        self._writer: ThreadPoolExecutor | None = None
        self._writing: tuple[int, Future[_StoredLines]] | None = None

    def add(self, columns: Mapping[str, pa.Array], sheet: str | None) -> Mask:
        """Take the accepted lines of a batch; return which rows remain for the caller.

        Args:
            columns: the typed columns, `source_row` among them.
            sheet: of a workbook.
        """
        is_line = to_mask(pc.equal(columns["outcome"], ACCEPTED))
        keys = columns["line_key"]
        if keys.null_count < len(keys):
            hashes = hash_texts(keys)
            may_repeat = self.repeats.add(keys, is_line, hashes)
            if may_repeat.any():
                self._repeated_keys.append(keys.filter(pa.array(may_repeat)))
            is_line &= ~may_repeat
            columns = {**columns, _HASH: pa.array(hashes)}
        if is_line.any():
            self._split(columns, sheet, is_line)
        return ~is_line

    def mentions(self, columns: Mapping[str, pa.Array], sheet: str | None, rows: Mask) -> npt.NDArray[np.int64]:
        """Return the positions of lines that are the first of their sheet with a department's or an account's code.

        Args:
            columns: the typed columns.
            sheet: of a workbook; the numbers of lines grow within one only.
            rows: the lines of the batch that are written.
        """
        firsts: set[int] = set()
        for name in _CODES:
            encoded = pc.dictionary_encode(columns[name])  # as it is, if it is a dictionary
            codes = encoded.dictionary.to_pylist()
            new = [place for place, code in enumerate(codes) if (sheet, name, code) not in self._mentioned]
            if not new:
                continue
            backwards = np.flatnonzero(rows)[::-1]
            first = np.full(len(codes), -1)
            first[_indices(encoded)[backwards]] = backwards  # of equal places the last one stays, the first of the file
            for place in new:
                mention, at = (sheet, name, codes[place]), int(first[place])
                if at >= 0 and mention not in self._mentioned:
                    self._mentioned.add(mention)
                    firsts.add(at)
        return np.array(sorted(firsts), dtype=np.int64)

    @property
    def summary(self) -> dict[str, object]:
        """What was written, as JSON values."""
        return {"files": [[file.table, file.key, file.size] for file in self.written]}

    def finish(self) -> None:
        """Write what still waits, and find the written lines whose key a line that was not written may have."""
        self._end_writing()
        parts = sorted(part for part, waiting in self._parts.items() if waiting.batches)
        repeated = self._repeated_hashes()
        with ThreadPoolExecutor(_THREADS) as threads:
            stored = threads.map(lambda part: self._store_part(part, self._parts.pop(part), repeated), parts)
            for lines in threads.map(self._repeated_later, self._early):
                if lines is not None:
                    self._first_lines.append(lines)
            for of_part in stored:
                self._take(of_part)

    def first_lines(self) -> Iterator[pa.Table]:
        """Yield the written lines whose key may be that of a line that was not written, once all are."""
        yield from self._first_lines

    def _repeated_hashes(self) -> Hashes | None:
        """Return the hashes of keys that were met again so far; None if none was."""
        return np.unique(np.concatenate(self.repeats.hashes)) if self.repeats.hashes else None

    def _take(self, stored: _StoredLines) -> None:
        self.written.append(stored.file)
        if stored.first_lines is not None:
            self._first_lines.append(stored.first_lines)

    def _repeated_later(self, early: _EarlyFile) -> pa.Table | None:
        """Return the lines of a file whose key was met again after it was written; None if there are none.

        Most files need not be read: such a key is not between the first and the last one of the file.
        """
        if early.repeats == len(self._repeated_keys):
            return None
        keys = pa.chunked_array(self._repeated_keys[early.repeats :]).combine_chunks()
        hashes = hash_texts(keys)
        # The first lines of keys that were met again before were found then.
        is_new = ~np.isin(hashes, np.concatenate([*self.repeats.hashes[: early.repeats], hashes[:0]]))
        with self._store.open(early.file.key) as stream:
            table = pq.ParquetFile(stream)
            if not _may_contain(table.metadata, keys.filter(pa.array(is_new))):
                return None
            written = table.read(["line_key"])["line_key"].combine_chunks()
            has_key = pc.is_in(pa.array(hash_texts(written)), pa.array(hashes[is_new]))
            return table.read().filter(has_key) if pc.any(has_key).as_py() else None

    def _split(self, columns: Mapping[str, pa.Array], sheet: str | None, is_line: Mask) -> None:
        """Add lines to their parts."""
        kinds, periods = (pc.dictionary_encode(columns[name]) for name in ("scenario_type", "period"))
        names = [
            _Part(_table_of(kind).name, kind, period)
            for kind in kinds.dictionary.to_pylist()
            for period in periods.dictionary.to_pylist()
        ]
        own = {name: columns[name] for name in (*_SCHEMA.names, _HASH) if name not in _CONSTANT and name in columns}
        # Dictionaries, as most come, are taken and encoded in half the time.
        own |= {name: pc.dictionary_encode(own[name]) for name in _ENCODED if name in own}
        if sheet is not None:
            own["source_sheet"] = pa.repeat(pa.scalar(sheet), len(columns["outcome"]))
        part_numbers = (_indices(kinds) * len(periods.dictionary) + _indices(periods)).astype(np.uint32)[is_line]
        # Lines of most files come period by period: to copy runs of them takes a third of the time of taking each.
        if (part_numbers[1:] >= part_numbers[:-1]).all():
            mask = pa.array(is_line)
            lines = _select(own, (lambda array: array) if is_line.all() else lambda array: array.filter(mask))
        else:
            order = np.argsort(part_numbers, kind="stable")
            part_numbers, taken = part_numbers[order], pa.array(np.flatnonzero(is_line)[order])
            lines = _select(own, lambda array: pc.take(array, taken))
        bounds = np.flatnonzero(np.diff(part_numbers)) + 1
        for start, end in zip([0, *bounds], [*bounds, len(part_numbers)], strict=True):
            self._wait(names[part_numbers[start]], _with_own_dictionaries(lines.slice(start, end - start)))
        while self._size > WAITING_BYTES:
            self._write_meanwhile(max(self._parts, key=lambda part: self._parts[part].size))

    def _wait(self, part: _Part, rows: pa.RecordBatch) -> None:
        size = sum({id(array): array.nbytes for array in rows.columns}.values())
        waiting = self._parts.setdefault(part, _Waiting())
        waiting.batches.append(rows)
        waiting.size += size
        self._size += size

    def _write_meanwhile(self, part: _Part) -> None:
        """Write the lines of a part that wait in a thread: while a file is on its way to the disk, lines are read.

        Which parts are written does not depend on how long that takes.
        """
        waiting = self._parts[part]
        self._size -= waiting.size
        self._parts[part] = _Waiting(files=waiting.files + 1)
        self._end_writing()
        self._writer = self._writer or ThreadPoolExecutor(1, thread_name_prefix="line-files")
        stored = self._writer.submit(self._store_part, part, waiting, self._repeated_hashes())
        self._writing = len(self.repeats.hashes), stored

    def _end_writing(self) -> None:
        """Wait for the file that is being written, if there is one."""
        if self._writing is not None:
            repeats, future = self._writing
            self._writing = None
            self._take(stored := future.result())
            self._early.append(_EarlyFile(stored.file, repeats))

    def _store_part(self, part: _Part, waiting: _Waiting, repeated: Hashes | None) -> _StoredLines:
        """Write lines of a part as one file, and find those whose key has one of these hashes.

        They are still in memory, where finding them takes a tenth of the time of reading the file.
        """
        data = parquet_bytes(self._complete(part, waiting.batches), self._store.root)
        folder = f"{part.table}/{self._folder}/split_by={self._lineage['delivery_id']}/then_by={part.period}"
        key = f"{folder}/part-{part.scenario_type}-{waiting.files:05}.parquet"
        self._store.write(key, data)
        file, found = WrittenFile(part.table, key, len(data)), []
        for lines in waiting.batches if repeated is not None else ():
            if _HASH in lines.schema.names:
                has_key = pc.is_in(lines[_HASH], pa.array(repeated))
                if pc.any(has_key).as_py():
                    found.append(lines.filter(has_key))
        return _StoredLines(file, self._complete(part, found) if found else None)

    def _complete(self, part: _Part, batches: list[pa.RecordBatch]) -> pa.Table:
        """Return lines of a part with the columns that are the same in all of them."""
        # Batches without any key have no hashes.
        lines = pa.concat_tables(map(pa.Table.from_batches, ([batch] for batch in batches)), promote_options="default")
        lines = lines.unify_dictionaries()  # else Parquet would give them up
        values = {**self._lineage, "period": part.period, "scenario_type": part.scenario_type}
        columns = [
            _repeated(values[name], len(lines))
            if name in values
            else lines[name]
            if name in lines.column_names
            else pa.nulls(len(lines), _SCHEMA.field(name).type)
            for name in _SCHEMA.names
        ]
        return pa.table(columns, names=_SCHEMA.names)


def parquet_bytes(lines: pa.Table, root: str) -> bytes:
    """Return lines as a Parquet file with the types of `TRANSACTIONS`, also of text that is a dictionary here.

    Args:
        lines: the lines.
        root: the address of the zone that the file is for; on S3, Redshift Spectrum may read it (463).
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(
        lines,
        buffer,
        compression="snappy",
        use_dictionary=[*_REPEATING, *_NUMBERED],
        column_encoding=None if is_remote(root) else _DIFFERENCES,
        write_statistics=_SEARCHED,
        write_batch_size=_ROWS_ENCODED_AT_ONCE,
        # As Spark writes them: a decimal of 18 digits is a number, and the columns have no types but Parquet's own.
        store_decimal_as_integer=True,
        store_schema=False,
    )
    return buffer.getvalue().to_pybytes()  # type: ignore[no-any-return]


class KeyRepeats:
    """Finds the accepted rows of a delivery whose key's hash an earlier one has: all repeated keys, hardly more.

    As long as no key is less than the one before, as in most exports of documents, equal ones are neighbours.

    Attributes:
        hashes: the hashes that were met again, an array for each batch that has any.
    """

    def __init__(self) -> None:
        self.hashes: list[Hashes] = []
        self._in_order: list[Hashes] | None = []
        self._last: str | None = None
        self._seen: _SeenHashes | None = None

    @property
    def count(self) -> int:
        """The number of rows that may repeat a key."""
        return sum(map(len, self.hashes))

    def add(self, keys: pa.StringArray, is_accepted: Mask, hashes: Hashes | None = None) -> Mask:
        """Add the rows of a batch; return which may repeat a key.

        Args:
            keys: their keys; a row without one is compared with none.
            is_accepted: which rows are accepted.
            hashes: of the keys, if they are known.
        """
        may_repeat: Mask = np.zeros(len(keys), dtype=np.bool_)
        is_keyed = is_accepted & to_mask(pc.is_valid(keys))
        keyed = np.flatnonzero(is_keyed)
        if len(keyed):
            of_keyed = (hash_texts(keys) if hashes is None else hashes)[keyed]
            is_seen = self._are_repeated(keys.filter(pa.array(is_keyed)), of_keyed)
            if is_seen.any():
                self.hashes.append(of_keyed[is_seen])
            may_repeat[keyed[is_seen]] = True
        return may_repeat

    def _are_repeated(self, keys: pa.StringArray, hashes: Hashes) -> Mask:
        if self._in_order is not None:
            if not self._is_next(keys):
                self._seen = _SeenHashes()
                for earlier in _in_chunks(self._in_order):
                    self._seen.add(earlier)
                self._in_order = None
            else:
                repeats_last = self._last is not None and keys[0].as_py() == self._last
                self._in_order.append(hashes)
                self._last = keys[-1].as_py()
                return np.concatenate([[repeats_last], hashes[1:] == hashes[:-1]])
        self._seen = self._seen or _SeenHashes()
        return self._seen.add(hashes)

    def _is_next(self, keys: pa.StringArray) -> bool:
        """Return whether no key is less than the one before."""
        if self._last is not None and keys[0].as_py() < self._last:
            return False
        return not pc.any(pc.less(keys[1:], keys[:-1])).as_py()


def _in_chunks(arrays: list[Hashes]) -> Iterator[Hashes]:
    """Yield arrays joined, so that each but the last has at least `_SORTED_AT_ONCE` numbers; drop them meanwhile."""
    waiting: list[Hashes] = []
    for place, array in enumerate(arrays):
        waiting.append(array)
        arrays[place] = array[:0]
        if sum(map(len, waiting)) >= _SORTED_AT_ONCE:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


_SORTED_AT_ONCE = 1 << 20


class _SeenHashes:
    """The hashes so far: bits by which most new ones are known, and sorted arrays, each longer than the next."""

    def __init__(self) -> None:
        self._sorted: list[Hashes] = []
        self._count = 0
        self._bits = np.zeros(_FIRST_BITS >> 3, np.uint8)

    def add(self, hashes: Hashes) -> Mask:
        """Add hashes; return which of them were there before, or are earlier among these."""
        self._make_room(len(hashes))
        is_seen = self._are_among_earlier(hashes)
        new = np.sort(hashes[~is_seen])
        is_repeated = new[1:] == new[:-1]
        if is_repeated.any():
            is_seen |= _are_repeated(hashes, new[1:][is_repeated])
            new = np.concatenate([new[:1], new[1:][~is_repeated]])
        self._set_bits(new)
        self._count += len(new)
        while self._sorted and len(self._sorted[-1]) <= len(new):
            new = np.sort(np.concatenate([self._sorted.pop(), new]))
        if len(new):
            self._sorted.append(new)
        return is_seen

    def _are_among_earlier(self, hashes: Hashes) -> Mask:
        places, masks = self._places(hashes)
        is_seen: Mask = (self._bits[places] & masks) != 0
        maybe = np.flatnonzero(is_seen)
        if len(maybe):
            is_seen[maybe] = self._are_stored(hashes[maybe])
        return is_seen

    def _are_stored(self, hashes: Hashes) -> Mask:
        are_stored: Mask = np.zeros(len(hashes), dtype=np.bool_)
        for earlier in self._sorted:
            places = np.minimum(np.searchsorted(earlier, hashes), len(earlier) - 1)
            are_stored |= earlier[places] == hashes
        return are_stored

    def _places(self, hashes: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return the byte of each hash, and its bit in it."""
        bits = hashes & np.uint64(8 * len(self._bits) - 1)
        return (bits >> np.uint64(3)).astype(np.int64), np.uint8(1) << (bits & np.uint64(7)).astype(np.uint8)

    def _set_bits(self, hashes: Hashes) -> None:
        places, masks = self._places(hashes)
        np.bitwise_or.at(self._bits, places, masks)

    def _make_room(self, count: int) -> None:
        """Let there be enough bits for so many more hashes that few new ones find theirs set."""
        needed = (self._count + count) * _BITS_PER_HASH
        size = 8 * len(self._bits)
        while size < min(needed, _MOST_BITS):
            size *= 4
        if size > 8 * len(self._bits):
            self._bits = np.zeros(size >> 3, np.uint8)
            for earlier in self._sorted:
                self._set_bits(earlier)


_FIRST_BITS, _MOST_BITS, _BITS_PER_HASH = 1 << 20, 1 << 28, 16
"""Up to 32 MiB: with more than 17 million keys, more of the new ones are looked for among the sorted hashes."""


def _are_repeated(hashes: Hashes, repeated: Hashes) -> Mask:
    """Return which hashes are earlier among them, given those that are there more than once, sorted."""
    places = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
    candidates = np.flatnonzero(repeated[places] == hashes)
    order = candidates[np.argsort(hashes[candidates], kind="stable")]
    are_repeated: Mask = np.zeros(len(hashes), dtype=np.bool_)
    are_repeated[order[1:]] = hashes[order[1:]] == hashes[order[:-1]]
    return are_repeated


def _select(columns: Mapping[str, pa.Array], select: Callable[[pa.Array], pa.Array]) -> pa.RecordBatch:
    """Return rows of columns; a key and the transaction id that it consists of are one array, and stay one."""
    selected = {id(array): select(array) for array in {id(array): array for array in columns.values()}.values()}
    return pa.RecordBatch.from_arrays([selected[id(array)] for array in columns.values()], names=list(columns))


def _with_own_dictionaries(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return lines of one part without the values of others: Parquet writes a dictionary as a whole."""
    most = max(len(rows), _MOST_UNUSED)
    columns = [
        pc.dictionary_encode(array.dictionary_decode())
        if pa.types.is_dictionary(array.type) and len(array.dictionary) > most
        else array
        for array in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _may_contain(metadata: pq.FileMetaData, keys: pa.StringArray) -> bool:
    """Return whether one of these keys is between the first and the last key of a file's lines."""
    place = _SCHEMA.names.index("line_key")
    for number in range(metadata.num_row_groups):
        known = metadata.row_group(number).column(place).statistics
        if known is None or not known.has_min_max:
            return True
        is_between = pc.and_(pc.greater_equal(keys, known.min), pc.less_equal(keys, known.max))
        if pc.any(is_between).as_py():
            return True
    return False


def _table_of(scenario_type: str | None) -> Contract:
    """Return the table of a scenario's lines: those of Actual are transactions, those of all others are budget."""
    return TRANSACTIONS if scenario_type == "Actual" else BUDGET


def _indices(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Return the places of values in a dictionary; accepted lines have no nulls there."""
    return np.asarray(encoded.indices.fill_null(0), dtype=np.int64)


def _repeated(value: str, count: int) -> pa.DictionaryArray:
    """Return a text as often as there are lines, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value]))
