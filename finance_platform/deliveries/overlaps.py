"""Overlaps: the lines of one delivery that another one claims as well.

Belongs here: counting the lines that two deliveries of a feed both claim, by scenario, period and scope. Does not
belong here: storing the counts (see `overlap_documents`), which of two deliveries wins (see `slices.versions`).

Deliveries are immutable, so an overlap is computed once; of a delivery of which not all periods count, once for each
portion. Only keys and periods are read, and only of files whose key ranges intersect (262), or have one of few new keys
(607). The ranges of deliveries are stored as well, so no file of an earlier one is opened for them, and the cost of a
small one hardly grows with their number.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.lines import FEW_KEYS, line_files, read_lines
from finance_platform.deliveries.overlap_documents import (
    Cell,
    KeyRange,
    Overlap,
    OverlapGroup,
    Pairs,
    key_of,
    read_group,
    write_group,
)
from finance_platform.deliveries.portions import WHOLE
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.immutable_documents import derive_once
from finance_platform.storage.port import ObjectStore

_KEY = "line_key"
_CELL = ("scenario", "period")
_COMPARED = pa.schema([(name, pa.string()) for name in (_KEY, *_CELL)])

_BOUND_LENGTH = 40
"""The characters of a key that a bound of a range has: a key may be a text of any length, and free text of a source."""

_LAST_CHARACTER = "\U0010ffff"
_POOLED_BYTES = 1 << 20
"""The size up to which the files of a delivery are read once and beside others; of larger ones, one fills memory."""

_NO_OVERLAP = Overlap({}, ())


@dataclass(frozen=True)
class _Piece:
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


class Overlaps:
    """The overlaps of every pair of deliveries that was compared."""

    def __init__(self, pairs: Mapping[tuple[str, str], Overlap]) -> None:
        self._pairs = pairs
        self._overlapping: dict[str, list[str]] = {}
        for delivery_id, other in pairs:
            self._overlapping.setdefault(delivery_id, []).append(other)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same pairs with the same lines."""
        return isinstance(other, Overlaps) and self._pairs == other._pairs

    __hash__ = None  # type: ignore[assignment]  # its pairs are a mapping

    def __or__(self, other: Overlaps) -> Overlaps:
        """Return the overlaps of the pairs of both."""
        return Overlaps({**self._pairs, **other._pairs})

    @property
    def is_empty(self) -> bool:
        """Whether no two deliveries have a line in common."""
        return not self._pairs

    def overlapping(self, delivery_id: str) -> Sequence[str]:
        """Return the deliveries that claim lines of a delivery, whether they precede or follow it."""
        return self._overlapping.get(delivery_id, ())

    def overlap(self, delivery_id: str, other: str) -> Overlap:
        """Return the lines of a delivery that `other` claims as well; empty if the two do not overlap."""
        return self._pairs.get((delivery_id, other), _NO_OVERLAP)


NO_OVERLAPS = Overlaps({})


def compute_overlaps(processed: ObjectStore, deliveries: Iterable[LiveDelivery]) -> Overlaps:
    """Return the overlaps of all pairs of `deliveries`, computing those that are not stored yet.

    Args:
        processed: the processed zone.
        deliveries: deliveries that count, or may count. Of one raw object, whole versions are not compared with each
            other, since only one of them counts.
    """
    return _overlaps(_compute_groups(processed, _groups(deliveries)))


def record_overlaps(processed: ObjectStore, deliveries: Iterable[LiveDelivery]) -> Overlaps:
    """Return what `compute_overlaps` returns, and store what was not stored yet; only a run does."""
    return _overlaps(_store(processed, _compute_groups(processed, _groups(deliveries))))


def compute_candidate_overlaps(
    processed: ObjectStore, counted: Sequence[LiveDelivery], candidate: LiveDelivery
) -> Overlaps:
    """Return the overlaps of what counts, and of what counts with a candidate in the place of its object's versions.

    Nothing is stored: the candidate may never count.

    Args:
        processed: the processed zone.
        counted: the deliveries that count.
        candidate: the delivery as it would count.
    """
    others = [one for one in counted if one.event.object_key != candidate.event.object_key]
    overlaps = compute_overlaps(processed, counted)
    return overlaps | compute_overlaps(processed, [*others, candidate])


def compute_live_overlaps(processed: ObjectStore, state: DeliveryState) -> Overlaps:
    """Return the overlaps of the deliveries that count; those of the same state are grouped once."""
    return _overlaps(_compute_groups(processed, _live_groups(state)))


def record_live_overlaps(processed: ObjectStore, state: DeliveryState) -> Overlaps:
    """Return what `compute_live_overlaps` returns, and store what was not stored yet; only a run does."""
    return _overlaps(_store(processed, _compute_groups(processed, _live_groups(state))))


def _live_groups(state: DeliveryState) -> Mapping[str, _Members]:
    return derive_once("groups of live deliveries", (state,), lambda state: _groups(state.live))


@dataclass(frozen=True)
class _ComputedGroup:
    """The overlaps of a group's members; they are new if these were never compared with each other."""

    name: str
    members: _Members
    group: OverlapGroup
    is_new: bool


def _compute_groups(processed: ObjectStore, groups: Mapping[str, _Members]) -> Iterator[_ComputedGroup]:
    for name, members in groups.items():
        stored = read_group(processed, name)
        group = _compute_group(processed, stored, members)
        yield _ComputedGroup(name, members, group, is_new=group is not stored)


def _store(processed: ObjectStore, computed: Iterable[_ComputedGroup]) -> Iterator[_ComputedGroup]:
    for one in computed:
        if one.is_new:
            write_group(processed, one.name, one.group)
        yield one


def _overlaps(computed: Iterable[_ComputedGroup]) -> Overlaps:
    pairs: Pairs = {}
    for group in computed:
        for (one, other), overlap in group.group.overlaps.items():
            ids = _id(one, group.members), _id(other, group.members)
            if ids[0] and ids[1]:
                pairs[ids[0], ids[1]] = overlap
    return Overlaps(pairs)


def find_changed_overlaps(processed: ObjectStore, deliveries: Iterable[LiveDelivery]) -> Iterator[str]:
    """Yield the documents whose overlaps of `deliveries` are not those of the lines, which are all compared again."""
    for name, members in _groups(deliveries).items():
        stored = read_group(processed, name)
        if not any(members.names <= compared for compared in stored.compared):
            continue  # the next run computes them
        largest, *others = sorted(members.by_name.values(), key=lambda one: -one.commit.outcome("accepted").rows)
        # Of a portion without lines, an earlier release compared those that its file has in other periods.
        counted = {
            one for one, delivery in members.by_name.items() if delivery.commit.periods or _claims_as_whole(delivery)
        }
        known = {pair: overlap for pair, overlap in stored.overlaps.items() if counted.issuperset(pair)}
        pieces = _pieces(processed, [largest, *others], {})
        ranges = _key_ranges(pieces)
        is_range_changed = any(ranges.get(one, bounds) != bounds for one, bounds in stored.key_ranges.items())
        if is_range_changed or known != _compare(processed, [largest], others, pieces):
            yield key_of(name)


class _Members:
    """The deliveries of one group.

    Attributes:
        by_name: by the name of the lines that count, in order.
        names: these names.
    """

    def __init__(self, deliveries: Iterable[LiveDelivery]) -> None:
        self.by_name = {_name(delivery): delivery for delivery in deliveries}
        self.names = frozenset(self.by_name)
        self.parts = {one.delivery_id for one in self.by_name.values() if not one.portion.is_whole}
        """The identities of those of which not all lines count."""


def _id(name: str, members: _Members) -> str:
    """Return the identity of the delivery that a stored name means beside these members; empty if they lack it.

    Whole deliveries of other sets too: the version that counts if a candidate for its place is held is one.
    """
    member = members.by_name.get(name)
    if member is not None:
        return member.delivery_id
    return "" if " " in name or name in members.parts else name


def _groups(deliveries: Iterable[LiveDelivery]) -> dict[str, _Members]:
    """Return the deliveries that can overlap, by group; a group of one is left out."""
    groups: dict[tuple[str, bool], dict[str, LiveDelivery]] = {}
    for delivery in deliveries:
        if _needs_lines(delivery):
            event = delivery.event
            groups.setdefault((event.feed, event.is_scoped), {})[delivery.commit.delivery_id] = delivery
    return {
        f"{feed}.{'scope' if is_scoped else 'key'}": _Members(members.values())
        for (feed, is_scoped), members in groups.items()
        if len(members) > 1
    }


def _needs_lines(delivery: LiveDelivery) -> bool:
    """Return whether the commit alone does not show which lines a delivery claims."""
    event = delivery.event
    return event.kind == "ledger" and (event.load_mode == "upsert" or event.is_scoped)


def _name(delivery: LiveDelivery) -> str:
    """Return what names the lines of a delivery that count: its identity, with the periods if these are not all."""
    delivery_id, portion = delivery.commit.delivery_id, delivery.portion
    if portion is WHOLE or portion.is_whole:
        return delivery_id
    described: list[object] = [*portion.described]
    if _claims_as_whole(delivery):
        # Earlier releases compared such a portion, under the name without this, by the scopes of its own lines alone.
        described.append({"covers": list(delivery.commit.covers)})
    return f"{delivery_id} {json.dumps(described)}"


def _claims_as_whole(delivery: LiveDelivery) -> bool:
    """Return whether a portion claims scopes, in the periods that its file's name declares, of lines it lacks."""
    return delivery.event.is_scoped and delivery.commit_of_all is not None and bool(delivery.commit.covers)


def _compute_group(processed: ObjectStore, group: OverlapGroup, members: _Members) -> OverlapGroup:
    """Return the overlaps of a group in which all of these members were compared: itself, if they were before."""
    names = members.names
    if any(names <= compared for compared in group.compared):
        return group
    deliveries = members.by_name.items()
    closest = max(group.compared, key=lambda compared: len(names & compared), default=frozenset())
    if names.isdisjoint(closest):
        # A group of one was compared with nothing: of those that are compared first, the largest is such a group.
        largest, _ = max(deliveries, key=lambda item: item[1].commit.outcome("accepted").rows)
        closest = frozenset([largest])
    new = [delivery for name, delivery in deliveries if name not in closest]
    old = {name: delivery for name, delivery in deliveries if name in closest}
    pieces = _pieces(processed, new, group.key_ranges)
    if not new[0].event.is_scoped:
        old = {name: old[name] for name in _near_names(old, group.key_ranges, pieces.values())}
        pieces |= _pieces(processed, list(old.values()), group.key_ranges)
    ranges = {one: bounds for one, bounds in _key_ranges(pieces).items() if one not in group.key_ranges}
    return group.add(names, _compare(processed, list(old.values()), new, pieces), ranges)


def _near_names(names: Iterable[str], ranges: Mapping[str, KeyRange], new: Iterable[Sequence[_Piece]]) -> Iterator[str]:
    """Yield the deliveries that may have a key of the new ones: of thousands, few; of some, no range is known."""
    bounds = [(piece.first, piece.last) for pieces in new for piece in pieces]
    first, last = min((one for one, _ in bounds), default=_LAST_CHARACTER), max((one for _, one in bounds), default="")
    for name in names:
        own = ranges.get(name, ("", _LAST_CHARACTER))
        if own and own[0] <= last and first <= own[1]:
            yield name


def _compare(
    processed: ObjectStore,
    old: Sequence[LiveDelivery],
    new: Sequence[LiveDelivery],
    pieces: Mapping[str, Sequence[_Piece]],
) -> Pairs:
    """Compare the lines of the new deliveries with those of all others."""
    deliveries = {delivery.delivery_id: delivery for delivery in (*old, *new)}
    names = {delivery_id: _name(delivery) for delivery_id, delivery in deliveries.items()}
    # What a delivery counts in the place of: of one object, only one whole version counts.
    places = {
        delivery_id: delivery.event.object_key if delivery.portion.is_whole else names[delivery_id]
        for delivery_id, delivery in deliveries.items()
    }
    if new[0].event.is_scoped:
        pairs = _compare_scopes(processed, old, new)
    else:
        old_pieces, new_pieces = ([piece for one in ones for piece in pieces[_name(one)]] for ones in (old, new))
        pairs = _compare_keys(processed, old_pieces, new_pieces, places)
    return {
        (names[one], names[other]): overlap for (one, other), overlap in pairs.items() if places[one] != places[other]
    }


def _compare_keys(
    processed: ObjectStore, old: Sequence[_Piece], new: Sequence[_Piece], places: Mapping[str, str]
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


def _united(one: Overlap, other: Overlap) -> Overlap:
    """Return the overlap of lines of which each is in one of two overlaps."""
    lines = dict(one.lines)
    for cell, rows in other.lines.items():
        lines[cell] = lines.get(cell, 0) + rows
    return Overlap(lines, tuple(sorted({*one.other_periods, *other.other_periods})))


def _near(old: Iterable[_Piece], new: Iterable[_Piece]) -> list[_Piece]:
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


def _intersecting(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Yield clusters of pieces whose key ranges intersect, directly or through others."""
    cluster: list[_Piece] = []
    end = ""
    for piece in sorted(pieces, key=lambda one: (one.first, one.last)):
        if cluster and piece.first > end:
            yield cluster
            cluster = []
        cluster.append(piece)
        end = max(end, piece.last) if len(cluster) > 1 else piece.last
    if cluster:
        yield cluster


def _pieces(
    processed: ObjectStore, deliveries: Sequence[LiveDelivery], known: Mapping[str, KeyRange]
) -> dict[str, list[_Piece]]:
    """Return the pieces of each delivery by name; what bounds are not known is in the footers of its own files."""
    if not deliveries or deliveries[0].event.is_scoped:
        return {}
    commits = {_name(delivery): delivery.commit for delivery in deliveries}
    unknown = [commit for name, commit in commits.items() if name not in known]
    own = [file.key for commit in unknown for file in line_files(commit) if not file.is_shared]
    bounds = dict(zip(own, map_many(processed, own, lambda key: _bounds_in_file(processed, key)), strict=True))
    pieces: dict[str, list[_Piece]] = {}
    for name, commit in commits.items():
        if name in known:
            of_all = known[name]
            pieces[name] = [_Piece(commit, *of_all)] if of_all else []
            continue
        pieces[name] = []
        for file in line_files(commit):
            if of_file := _bounds_in_shared(processed, commit, file.key) if file.is_shared else bounds[file.key]:
                first, last = min(first for first, _ in of_file), max(last for _, last in of_file)
                pieces[name].append(_Piece(replace(commit, files={TRANSACTIONS.name: (file,)}), first, last))
    return pieces


def _key_ranges(pieces: Mapping[str, Sequence[_Piece]]) -> dict[str, KeyRange]:
    """Return bounds of each delivery's keys, of limited length."""
    return {
        name: (min(one.first for one in of_name)[:_BOUND_LENGTH], _upper(max(one.last for one in of_name)))
        if of_name
        else None
        for name, of_name in pieces.items()
    }


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


def _compare_cluster(processed: ObjectStore, old: Sequence[_Piece], new: Sequence[_Piece]) -> Pairs:
    new_ids = {piece.commit.delivery_id for piece in new}
    if not old:
        # The keys of the largest are looked up, and need not be in memory: most files correct few lines of another one.
        largest = max(new, key=lambda piece: piece.size)
        old, new = [largest], [piece for piece in new if piece is not largest]
    small, large = [piece for piece in new if piece.is_small], [piece for piece in new if not piece.is_small]
    of_small = list(_lines_of_each(processed, small))
    keys = _texts([*of_small, *(table for piece in large for table in _counted_lines(processed, piece.commit, [_KEY]))])
    of_old = [table for table in _lines_of_each(processed, _with_one_of(old, keys), keys) if len(table)]
    repeated = pa.nulls(0, pa.string())
    if len(new) > 1:
        counted = pc.value_counts(keys)
        repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    candidates = pa.concat_arrays([repeated, _texts(of_old)])
    of_large = _lines_of_each(processed, large, candidates) if len(candidates) else ()
    tables = [*of_old, *(table.filter(pc.is_in(table[_KEY], candidates)) for table in of_small), *of_large]
    return _join(pa.concat_tables(tables), new_ids) if tables else {}


def _with_one_of(pieces: Sequence[_Piece], keys: pa.StringArray) -> Sequence[_Piece]:
    """Return the pieces that may have one of few keys: of files over years, a corrected line is in one."""
    if len(keys) > FEW_KEYS:
        return pieces  # nearly every piece has one, and to look for it takes longer than to open a file

    def may_have_one(piece: _Piece) -> bool:
        return bool(pc.any(pc.and_(pc.greater_equal(keys, piece.first), pc.less_equal(keys, piece.last))).as_py())

    return [piece for piece in pieces if may_have_one(piece)]


def _texts(tables: Iterable[pa.Table]) -> pa.StringArray:
    """Return the keys of tables as one array."""
    return pa.chunked_array([chunk for table in tables for chunk in table[_KEY].chunks], pa.string()).combine_chunks()


def _lines_of_each(
    processed: ObjectStore, pieces: Sequence[_Piece], keys: pa.Array | None = None
) -> Iterator[pa.Table]:
    """Yield the lines of pieces, or those with one of some keys; those of several small pieces are read at once."""
    pooled = [piece for piece in pieces if piece.is_small and not piece.is_shared]
    for tables in map_many(processed, pooled, lambda piece: [*_lines(processed, piece, keys)]):
        yield from tables
    for piece in pieces:
        if piece.is_shared or not piece.is_small:
            yield from _lines(processed, piece, keys)


def _lines(processed: ObjectStore, piece: _Piece, keys: pa.Array | None) -> Iterator[pa.Table]:
    """Yield key, cell and delivery of a piece's lines, or of those with one of some keys, batch by batch."""
    for table in _counted_lines(processed, piece.commit, _COMPARED.names, keys):
        delivery = pa.repeat(pa.scalar(piece.commit.delivery_id), len(table))
        yield table.cast(_COMPARED).append_column("delivery", delivery)


def _counted_lines(
    processed: ObjectStore, commit: DeliveryCommit, columns: Sequence[str], keys: pa.Array | None = None
) -> Iterator[pa.Table]:
    """Yield a delivery's lines of the periods that its commit has; a file that deliveries share has all periods."""
    periods = {count.period for count in commit.periods}
    yield from read_lines(processed, commit, columns, periods, keys, repeating=() if keys is None else _CELL)


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


def _compare_scopes(processed: ObjectStore, old: Sequence[LiveDelivery], new: Sequence[LiveDelivery]) -> Pairs:
    """Compare the scopes of the new deliveries with those of all others in the same periods."""
    periods = {period for delivery in new for period in _claimed_periods(delivery.commit)}
    # What has lines in no period, as its commit says, has none.
    near = [*(delivery for delivery in old if not periods.isdisjoint(_claimed_periods(delivery.commit))), *new]
    lines: dict[str, dict[Cell, int]] = {}
    claimants: dict[Cell, list[str]] = {}
    for delivery in near:
        # In its periods, a portion replaces what the whole does.
        of_all = delivery.commit_of_all if _claims_as_whole(delivery) else None
        scopes = _scopes(processed, of_all or delivery.commit)
        own = {cell: rows for cell, rows in scopes.items() if not of_all or cell[1] in delivery.portion}
        lines[delivery.delivery_id] = own
        for cell in _claims(delivery.commit, own, scopes):
            claimants.setdefault(cell, []).append(delivery.delivery_id)
    new_ids = {delivery.delivery_id for delivery in new}
    common: dict[tuple[str, str], dict[Cell, int]] = {}
    for one, cells in lines.items():
        for cell, rows in cells.items():
            for other in claimants[fold(cell[0]), cell[1], cell[2]]:
                if one != other and (one in new_ids or other in new_ids):
                    common.setdefault((one, other), {})[cell] = rows
    return {pair: Overlap(cells, tuple(sorted({period for _, period, _ in cells}))) for pair, cells in common.items()}


def _scopes(processed: ObjectStore, commit: DeliveryCommit) -> dict[Cell, int]:
    """Return the number of a delivery's lines by scenario, period and scope key."""
    counts: dict[Cell, int] = {}
    columns = ["scenario", "period", "scope_key"]
    for table in _counted_lines(processed, commit, columns):
        for row in table.group_by(columns).aggregate([([], "count_all")]).to_pylist():
            cell = (row["scenario"], row["period"], row["scope_key"])
            counts[cell] = counts.get(cell, 0) + row["count_all"]
    return counts


def _claimed_periods(commit: DeliveryCommit) -> set[str]:
    return {*(count.period for count in commit.periods), *commit.covers}


def _claims(commit: DeliveryCommit, own: Iterable[Cell], all_scopes: Iterable[Cell]) -> set[Cell]:
    """Return the cells that a delivery replaces: those of its lines, and in every declared period those of all."""
    claims = {(fold(scenario), period, scope) for scenario, period, scope in own}
    scopes = {(fold(scenario), scope) for scenario, _, scope in all_scopes}
    return claims | {(scenario, period, scope) for period in commit.covers for scenario, scope in scopes}
