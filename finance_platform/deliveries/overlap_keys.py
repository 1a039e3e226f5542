"""Keys that lines of two deliveries have in common: comparing the lines of files whose key ranges intersect.

Belongs here: the key ranges of files, and which lines of files have a key that another delivery has. Does not belong
here: which deliveries are compared, and by what (see `overlaps`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.lines import FEW_KEYS, line_files, read_lines
from finance_platform.deliveries.overlap_documents import Cell, KeyRange, Overlap, Pairs
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_KEY = "line_key"
_CELL = ("scenario", "period")
_COMPARED = pa.schema([(name, pa.string()) for name in (_KEY, *_CELL)])

_BOUND_LENGTH = 40
"""The characters of a key that a bound of a range has: a key may be a text of any length, and free text of a source."""

_LAST_CHARACTER = "\U0010ffff"
_POOLED_BYTES = 1 << 20
"""The size up to which the files of a delivery are read once and beside others; of larger ones, one fills memory."""


@dataclass(frozen=True)
class Piece:
    """A file of a delivery, or all of them where only the bounds of all keys are stored.

    Attributes:
        commit: the delivery's commit, with these files.
        first: a lower bound of their keys.
        last: an upper one.
    """

    commit: DeliveryCommit
    first: str
    last: str

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in line_files(self.commit))

    @property
    def is_shared(self) -> bool:
        """Whether other deliveries have lines in its files."""
        return any(file.is_shared for file in line_files(self.commit))

    @property
    def is_small(self) -> bool:
        """Whether all of its keys may be in memory beside those of others."""
        return self.is_shared or self.size <= _POOLED_BYTES


def pieces_of(
    processed: ObjectStore, commits: Mapping[str, DeliveryCommit], known: Mapping[str, KeyRange]
) -> dict[str, list[Piece]]:
    """Return the pieces of each delivery by name; what bounds are not known is in the footers of its own files."""
    unknown = [commit for name, commit in commits.items() if name not in known]
    own = [file.key for commit in unknown for file in line_files(commit) if not file.is_shared]
    bounds = dict(zip(own, map_many(processed, own, lambda key: _bounds_in_file(processed, key)), strict=True))
    pieces: dict[str, list[Piece]] = {}
    for name, commit in commits.items():
        if name in known:
            of_all = known[name]
            pieces[name] = [Piece(commit, *of_all)] if of_all else []
            continue
        pieces[name] = []
        for file in line_files(commit):
            if of_file := _bounds_in_shared(processed, commit, file.key) if file.is_shared else bounds[file.key]:
                first, last = min(first for first, _ in of_file), max(last for _, last in of_file)
                pieces[name].append(Piece(replace(commit, files={TRANSACTIONS.name: (file,)}), first, last))
    return pieces


def key_ranges(pieces: Mapping[str, Sequence[Piece]]) -> dict[str, KeyRange]:
    """Return bounds of each delivery's keys, of limited length."""
    return {
        name: (min(one.first for one in of_name)[:_BOUND_LENGTH], _upper(max(one.last for one in of_name)))
        if of_name
        else None
        for name, of_name in pieces.items()
    }


def near_names(names: Iterable[str], ranges: Mapping[str, KeyRange], new: Iterable[Sequence[Piece]]) -> Iterator[str]:
    """Yield the deliveries that may have a key of the new ones: of thousands, few; of some, no range is known."""
    bounds = [(piece.first, piece.last) for pieces in new for piece in pieces]
    first, last = min((one for one, _ in bounds), default=_LAST_CHARACTER), max((one for _, one in bounds), default="")
    for name in names:
        own = ranges.get(name, ("", _LAST_CHARACTER))
        if own and own[0] <= last and first <= own[1]:
            yield name


def compare_keys(
    processed: ObjectStore, old: Sequence[Piece], new: Sequence[Piece], places: Mapping[str, str]
) -> Pairs:
    """Compare the keys of the new deliveries with those of all others in files whose key ranges intersect."""
    new_ids = {piece.commit.delivery_id for piece in new}
    overlaps: Pairs = {}
    for cluster in _intersecting([*_near(old, new), *new]):
        new_ones = [piece for piece in cluster if piece.commit.delivery_id in new_ids]
        if new_ones and len({places[piece.commit.delivery_id] for piece in cluster}) > 1:
            old_ones = [piece for piece in cluster if piece.commit.delivery_id not in new_ids]
            for pair, overlap in _compare_cluster(processed, old_ones, new_ones).items():
                overlaps[pair] = _united(overlaps[pair], overlap) if pair in overlaps else overlap
    return overlaps


def counted_lines(
    processed: ObjectStore, commit: DeliveryCommit, columns: Sequence[str], keys: pa.Array | None = None
) -> Iterator[pa.Table]:
    """Yield a delivery's lines of the periods that its commit has; a file that deliveries share has all periods."""
    periods = {count.period for count in commit.periods}
    yield from read_lines(processed, commit, columns, periods, keys, repeating=() if keys is None else _CELL)


def _united(one: Overlap, other: Overlap) -> Overlap:
    """Return the overlap of lines of which each is in one of two overlaps."""
    lines = dict(one.lines)
    for cell, rows in other.lines.items():
        lines[cell] = lines.get(cell, 0) + rows
    return Overlap(lines, tuple(sorted({*one.other_periods, *other.other_periods})))


def _near(old: Iterable[Piece], new: Iterable[Piece]) -> list[Piece]:
    """Return the old pieces whose key ranges intersect that of a new one; the others share no key with any."""
    united: list[tuple[str, str]] = []
    for first, last in sorted((piece.first, piece.last) for piece in new):
        if united and first <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], last)
        else:
            united.append((first, last))
    near = []
    for piece in old:
        place = bisect_left(united, piece.first, key=lambda one: one[1])  # the first that ends there or later
        if place < len(united) and united[place][0] <= piece.last:
            near.append(piece)
    return near


def _intersecting(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield clusters of pieces whose key ranges intersect, directly or through others."""
    cluster: list[Piece] = []
    end = ""
    for piece in sorted(pieces, key=lambda one: (one.first, one.last)):
        if cluster and piece.first > end:
            yield cluster
            cluster = []
        cluster.append(piece)
        end = max(end, piece.last) if len(cluster) > 1 else piece.last
    if cluster:
        yield cluster


def _upper(key: str) -> str:
    """Return an upper bound of a key, of limited length."""
    return key if len(key) <= _BOUND_LENGTH else key[:_BOUND_LENGTH] + _LAST_CHARACTER


def _bounds_in_file(processed: ObjectStore, key: str) -> list[tuple[str, str]]:
    """Return bounds of the keys in each row group of a delivery's own file."""
    bounds = []
    with open_parquet(processed, key, ["line_key"]) as parquet:
        footer = parquet.metadata
    column = footer.schema.names.index("line_key")
    for number in range(footer.num_row_groups):
        statistics = footer.row_group(number).column(column).statistics
        if statistics is None or not statistics.has_min_max:
            bounds.append(("", _LAST_CHARACTER))
        else:
            bounds.append((statistics.min, statistics.max))
    return bounds


def _bounds_in_shared(processed: ObjectStore, commit: DeliveryCommit, key: str) -> list[tuple[str, str]]:
    """Return bounds of a delivery's keys in a shared file, whose footer is about the keys of all deliveries in it."""
    ends = pc.min_max(read_shared(processed, commit.delivery_id, key, (_KEY, *_CELL))[_KEY]).as_py()
    return [] if ends["min"] is None else [(ends["min"], ends["max"])]


def _compare_cluster(processed: ObjectStore, old: Sequence[Piece], new: Sequence[Piece]) -> Pairs:
    new_ids = {piece.commit.delivery_id for piece in new}
    if not old:
        # The keys of the largest are looked up, and need not be in memory: most files correct few lines of another one.
        largest = max(new, key=lambda piece: piece.size)
        old, new = [largest], [piece for piece in new if piece is not largest]
    small, large = [piece for piece in new if piece.is_small], [piece for piece in new if not piece.is_small]
    of_small = list(_lines_of_each(processed, small))
    keys = _texts([*of_small, *(table for piece in large for table in counted_lines(processed, piece.commit, [_KEY]))])
    of_old = [table for table in _lines_of_each(processed, _with_one_of(old, keys), keys) if len(table)]
    repeated = pa.nulls(0, pa.string())
    if len(new) > 1:
        counted = pc.value_counts(keys)
        repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    candidates = pa.concat_arrays([repeated, _texts(of_old)])
    of_large = _lines_of_each(processed, large, candidates) if len(candidates) else ()
    tables = [*of_old, *(table.filter(pc.is_in(table[_KEY], candidates)) for table in of_small), *of_large]
    return _join(pa.concat_tables(tables), new_ids) if tables else {}


def _with_one_of(pieces: Sequence[Piece], keys: pa.StringArray) -> Sequence[Piece]:
    """Return the pieces that may have one of few keys: of files over years, a corrected line is in one."""
    if len(keys) > FEW_KEYS:
        return pieces  # nearly every piece has one, and to look for it takes longer than to open a file

    def may_have_one(piece: Piece) -> bool:
        return bool(pc.any(pc.and_(pc.greater_equal(keys, piece.first), pc.less_equal(keys, piece.last))).as_py())

    return [piece for piece in pieces if may_have_one(piece)]


def _texts(tables: Iterable[pa.Table]) -> pa.StringArray:
    """Return the keys of tables as one array."""
    return pa.chunked_array([chunk for table in tables for chunk in table[_KEY].chunks], pa.string()).combine_chunks()


def _lines_of_each(processed: ObjectStore, pieces: Sequence[Piece], keys: pa.Array | None = None) -> Iterator[pa.Table]:
    """Yield the lines of pieces, or those with one of some keys; those of several small pieces are read at once."""
    pooled = [piece for piece in pieces if piece.is_small and not piece.is_shared]
    for tables in map_many(processed, pooled, lambda piece: [*_lines(processed, piece, keys)]):
        yield from tables
    for piece in pieces:
        if piece.is_shared or not piece.is_small:
            yield from _lines(processed, piece, keys)


def _lines(processed: ObjectStore, piece: Piece, keys: pa.Array | None) -> Iterator[pa.Table]:
    """Yield key, cell and delivery of a piece's lines, or of those with one of some keys, batch by batch."""
    for table in counted_lines(processed, piece.commit, _COMPARED.names, keys):
        delivery = pa.repeat(pa.scalar(piece.commit.delivery_id), len(table))
        yield table.cast(_COMPARED).append_column("delivery", delivery)


def _join(lines: pa.Table, new: set[str]) -> Pairs:
    """Count the lines that each delivery has in common with each other one, for pairs with a new delivery."""
    columns = ["delivery", "scenario", "period"]
    other = lines.rename_columns(["line_key", "other_scenario", "other_period", "other"])
    joined = lines.join(other, keys="line_key", join_type="inner")
    joined = joined.filter(pc.not_equal(joined["delivery"], joined["other"]))
    counts = joined.group_by([*columns, "other", "other_period"]).aggregate([([], "count_all")])
    cells: dict[tuple[str, str], dict[Cell, int]] = {}
    periods: dict[tuple[str, str], set[str]] = {}
    for row in counts.to_pylist():
        pair = (row["delivery"], row["other"])
        if not new.intersection(pair):
            continue
        cell = (row["scenario"], row["period"], None)
        rows = cells.setdefault(pair, {})
        rows[cell] = rows.get(cell, 0) + row["count_all"]
        periods.setdefault(pair, set()).add(row["other_period"])
    return {pair: Overlap(rows, tuple(sorted(periods[pair]))) for pair, rows in cells.items()}
