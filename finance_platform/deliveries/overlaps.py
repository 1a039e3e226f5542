"""Overlaps: the lines of one delivery that another one claims as well.

Belongs here: counting the lines that two deliveries of a feed both claim, by scenario, period and scope, and storing
the counts. Does not belong here: which of two deliveries wins (see `slices.versions`).

Deliveries are immutable, so an overlap is computed once; of a delivery of which not all periods count, once for each
portion. Only keys and periods are read, and only of files whose key ranges intersect. The ranges are stored as well,
so no file of an earlier delivery is opened for them, and the cost of a small one hardly grows with their number.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.lines import ANY_LINE, Having, line_files, read_lines
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.codes import fold
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.documents import open_parquet, parse_document
from finance_platform.storage.immutable_documents import derive_once, keep_equal
from finance_platform.storage.port import ObjectStore

FOLDER = "overlaps"
_KEY_COLUMNS = ("line_key", "scenario", "period")
_MAX_SETS = 4
"""Number of stored sets: what is published, what counts as if booked lines were in their own period, with candidates,
and what counts then. If a delivery is held, the one that it would replace still counts and needs its overlaps."""

_BOUND_LENGTH = 40
"""The characters of a key that a bound of a range has: a key may be a text of any length, and free text of a source."""

_LAST_CHARACTER = "\U0010ffff"
_POOLED_BYTES = 1 << 20
"""The size up to which the files of a delivery are read beside those of others; of larger ones, one fills memory."""

Cell = tuple[str, str, str | None]
"""Scenario, period and scope key of the claimed lines; the scope key is None under load mode upsert."""


@dataclass(frozen=True)
class Overlap:
    """The lines of one delivery that another one claims as well.

    Attributes:
        lines: number of lines by scenario, period and scope key.
        other_periods: the periods in which the other delivery claims them.
    """

    lines: Mapping[Cell, int]
    other_periods: tuple[str, ...]


_NO_OVERLAP = Overlap({}, ())

_Pairs = dict[tuple[str, str], Overlap]
"""Overlaps by the names of a delivery and of an overlapping one."""

_KeyRange = tuple[str, str] | None
"""Bounds of the keys of a delivery's lines that count; None if it has no keys."""


@dataclass
class _Group:
    """The stored overlaps of one group: the newest sets of deliveries that were compared pairwise, and the result.

    Deliveries have the names that `_name` gives them, also in the ranges of their keys.
    """

    compared: tuple[frozenset[str], ...] = ()
    overlaps: _Pairs = field(default_factory=dict)
    key_ranges: Mapping[str, _KeyRange] = field(default_factory=dict)

    def add(self, names: frozenset[str], overlaps: _Pairs, key_ranges: Mapping[str, _KeyRange]) -> _Group:
        """Return the group with one more set; what belongs only to older sets is dropped."""
        sets = (names, *self.compared[: _MAX_SETS - 1])
        pairs = {**self.overlaps, **overlaps}
        kept = frozenset[str]().union(*sets)
        return _Group(
            sets,
            {pair: overlap for pair, overlap in pairs.items() if any(s.issuperset(pair) for s in sets)},
            {name: bounds for name, bounds in {**self.key_ranges, **key_ranges}.items() if name in kept},
        )


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

    def overlapping(self, delivery_id: str) -> Sequence[str]:
        """Return the deliveries that claim lines of a delivery, whether they precede or follow it."""
        return self._overlapping.get(delivery_id, ())

    def overlap(self, delivery_id: str, other: str) -> Overlap:
        """Return the lines of a delivery that `other` claims as well; empty if the two do not overlap."""
        return self._pairs.get((delivery_id, other), _NO_OVERLAP)


NO_OVERLAPS = Overlaps({})


def compute_overlaps(processed: ObjectStore, deliveries: Iterable[LiveDelivery], *, record: bool = True) -> Overlaps:
    """Return the overlaps of all pairs of `deliveries`, computing those that are not stored yet.

    Args:
        processed: the processed zone.
        deliveries: deliveries that count, or may count. Of one raw object, whole versions are not compared with each
            other, since only one of them counts.
        record: whether to store computed overlaps.
    """
    pairs: _Pairs = {}
    for name, members in _groups(deliveries):
        group = _compute_group(processed, name, members, record=record)
        # Whole deliveries of other sets too: the version that counts if a candidate for its place is held is one.
        ids = {one: one for one in frozenset[str]().union(*group.compared) if " " not in one}
        for delivery in members:
            ids.pop(delivery.delivery_id, None)
            ids[_name(delivery)] = delivery.delivery_id
        pairs |= {(ids[a], ids[b]): overlap for (a, b), overlap in group.overlaps.items() if a in ids and b in ids}
    return Overlaps(pairs)


def find_changed_overlaps(processed: ObjectStore, deliveries: Iterable[LiveDelivery]) -> Iterator[str]:
    """Yield the documents whose overlaps of `deliveries` are not those of the lines, which are all compared again."""
    for name, members in _groups(deliveries):
        stored, names = _read_group(processed, name), {_name(delivery) for delivery in members}
        if not any(names <= compared for compared in stored.compared):
            continue  # the next run computes them
        largest, *others = sorted(members, key=lambda one: -one.commit.outcome("accepted").rows)
        known = {pair: overlap for pair, overlap in stored.overlaps.items() if names.issuperset(pair)}
        ranges = _key_ranges(processed, members, {})
        is_range_changed = any(ranges.get(one, bounds) != bounds for one, bounds in stored.key_ranges.items())
        if is_range_changed or known != _compare(processed, [largest], others, ranges):
            yield f"{FOLDER}/{name}.json"


def _groups(deliveries: Iterable[LiveDelivery]) -> Iterator[tuple[str, list[LiveDelivery]]]:
    """Yield the deliveries that can overlap, by group; a group of one is left out."""
    groups: dict[str, dict[str, LiveDelivery]] = {}
    for delivery in deliveries:
        if _needs_lines(delivery):
            groups.setdefault(_group_name(delivery), {})[delivery.delivery_id] = delivery
    for name, members in groups.items():
        if len(members) > 1:
            yield name, list(members.values())


def _needs_lines(delivery: LiveDelivery) -> bool:
    """Return whether the commit alone does not show which lines a delivery claims."""
    event = delivery.event
    return event.kind == "ledger" and (event.load_mode == "upsert" or event.is_scoped)


def _group_name(delivery: LiveDelivery) -> str:
    """Return the name of the group of deliveries that can overlap: those of one feed and one load mode."""
    return f"{delivery.event.feed}.{'scope' if delivery.event.is_scoped else 'key'}"


def _name(delivery: LiveDelivery) -> str:
    """Return what names the lines of a delivery that count: its identity, with the periods if these are not all."""
    portion = delivery.portion
    return delivery.delivery_id if portion.is_whole else f"{delivery.delivery_id} {json.dumps(portion.described)}"


def _compute_group(processed: ObjectStore, name: str, deliveries: Sequence[LiveDelivery], *, record: bool) -> _Group:
    group = _read_group(processed, name)
    names = frozenset(_name(delivery) for delivery in deliveries)
    if any(names <= compared for compared in group.compared):
        return group
    # A group of one was compared with nothing: of those that are compared first, the largest is such a group.
    largest = max(deliveries, key=lambda one: one.commit.outcome("accepted").rows)
    alone = frozenset([_name(largest)])
    closest = max((*group.compared, alone), key=lambda compared: len(names & compared))
    old = [delivery for delivery in deliveries if _name(delivery) in closest]
    new = [delivery for delivery in deliveries if _name(delivery) not in closest]
    ranges = _key_ranges(processed, deliveries, group.key_ranges)
    group = group.add(names, _compare(processed, old, new, ranges), ranges)
    if record:
        _write_group(processed, f"{FOLDER}/{name}.json", group)
    return group


def _write_group(processed: ObjectStore, key: str, group: _Group) -> None:
    """Write a document of overlaps; the process need not parse what it has written."""
    name = _parsed_name(processed, key)
    data = keep_equal(f"bytes of {name}", _to_json(group))
    processed.write(key, data)
    derive_once(name, (data,), lambda _: group)


def _parsed_name(processed: ObjectStore, key: str) -> str:
    return f"{key} of {processed.root}"


def _read_group(processed: ObjectStore, name: str) -> _Group:
    try:
        return _read_document(processed, f"{FOLDER}/{name}.json")
    except (FileNotFoundError, DamagedObjectError):
        return _Group()  # computed again


def _read_document(processed: ObjectStore, key: str) -> _Group:
    """Return a document of overlaps; one of thousands of deliveries is parsed once as long as its bytes are the same.

    Raises:
        FileNotFoundError, DamagedObjectError: it does not exist, or cannot be read.
    """
    name = _parsed_name(processed, key)
    data = keep_equal(f"bytes of {name}", processed.read(key))
    return derive_once(name, (data,), lambda data: parse_document(key, data, _parse_group))


def find_damaged_overlaps(processed: ObjectStore) -> list[DamagedObjectError]:
    """Return the documents of overlaps that cannot be read."""
    damaged = []
    for item in list(processed.list_objects(FOLDER)):
        try:
            _read_document(processed, item.key)
        except FileNotFoundError:
            continue
        except DamagedObjectError as error:
            damaged.append(error)
    return damaged


def _parse_group(document: Mapping[str, Any]) -> _Group:
    overlaps = {
        (values["delivery"], values["hider"]): Overlap(
            {(scenario, period, scope): rows for scenario, period, scope, rows in values["lines"]},
            tuple(values["hider_periods"]),
        )
        for values in document["shared"]
    }
    # A document of an earlier release has no ranges.
    ranges = {one: bounds and (bounds[0], bounds[1]) for one, bounds in document.get("key_ranges", {}).items()}
    return _Group(tuple(frozenset(ids) for ids in document["compared"]), overlaps, ranges)


def _to_json(group: _Group) -> bytes:
    shared = [
        {
            "delivery": delivery,
            "hider": other,
            "lines": [[*cell, rows] for cell, rows in sorted(overlap.lines.items(), key=str)],
            "hider_periods": list(overlap.other_periods),
        }
        for (delivery, other), overlap in sorted(group.overlaps.items())
    ]
    compared = [sorted(ids) for ids in group.compared]
    ranges = dict(sorted(group.key_ranges.items()))
    document = {"compared": compared, "shared": shared, "key_ranges": ranges}
    # With thousands of deliveries, a line for each name would take three times as long to write.
    return json.dumps(document, ensure_ascii=False).encode()


def _compare(
    processed: ObjectStore,
    old: Sequence[LiveDelivery],
    new: Sequence[LiveDelivery],
    key_ranges: Mapping[str, _KeyRange],
) -> _Pairs:
    """Compare the lines of the new deliveries with those of all others."""
    deliveries = {delivery.delivery_id: delivery for delivery in (*old, *new)}
    names = {delivery_id: _name(delivery) for delivery_id, delivery in deliveries.items()}
    # What a delivery counts in the place of: of one object, only one whole version counts.
    places = {
        delivery_id: delivery.event.object_key if delivery.portion.is_whole else names[delivery_id]
        for delivery_id, delivery in deliveries.items()
    }
    old_commits, new_commits = [one.commit for one in old], [one.commit for one in new]
    if new[0].event.is_scoped:
        pairs = _compare_scopes(processed, old_commits, new_commits)
    else:
        ranges = {delivery_id: key_ranges[name] for delivery_id, name in names.items()}
        pairs = _compare_keys(processed, old_commits, new_commits, ranges, places)
    return {
        (names[one], names[other]): overlap for (one, other), overlap in pairs.items() if places[one] != places[other]
    }


def _compare_keys(
    processed: ObjectStore,
    old: Sequence[DeliveryCommit],
    new: Sequence[DeliveryCommit],
    key_ranges: Mapping[str, _KeyRange],
    places: Mapping[str, str],
) -> _Pairs:
    """Compare the keys of the new deliveries with those of all others whose key ranges intersect."""
    new_ids = {commit.delivery_id for commit in new}
    overlaps: _Pairs = {}
    for cluster in _intersecting([*_near(old, new, key_ranges), *new], key_ranges):
        new_ones = [commit for commit in cluster if commit.delivery_id in new_ids]
        if new_ones and len({places[commit.delivery_id] for commit in cluster}) > 1:
            old_ones = [commit for commit in cluster if commit.delivery_id not in new_ids]
            overlaps |= _compare_cluster(processed, old_ones, new_ones)
    return overlaps


def _near(
    old: Iterable[DeliveryCommit], new: Iterable[DeliveryCommit], key_ranges: Mapping[str, _KeyRange]
) -> list[DeliveryCommit]:
    """Return the old deliveries whose key ranges intersect that of a new one; the others share no key with any."""
    united: list[tuple[str, str]] = []
    for first, last in sorted(bounds for commit in new if (bounds := key_ranges[commit.delivery_id])):
        if united and first <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], last)
        else:
            united.append((first, last))
    near = []
    for commit in old:
        if bounds := key_ranges[commit.delivery_id]:
            place = bisect_left(united, bounds[0], key=lambda one: one[1])  # the first that ends there or later
            if place < len(united) and united[place][0] <= bounds[1]:
                near.append(commit)
    return near


def _intersecting(
    commits: Sequence[DeliveryCommit], key_ranges: Mapping[str, _KeyRange]
) -> Iterator[list[DeliveryCommit]]:
    """Yield clusters of deliveries whose key ranges intersect, directly or through others."""
    bounded = [(bounds, commit) for commit in commits if (bounds := key_ranges[commit.delivery_id])]
    cluster: list[DeliveryCommit] = []
    end = ""
    for (first, last), commit in sorted(bounded, key=lambda item: item[0]):
        if cluster and first > end:
            yield cluster
            cluster = []
        cluster.append(commit)
        end = max(end, last) if len(cluster) > 1 else last
    if cluster:
        yield cluster


def _key_ranges(
    processed: ObjectStore, deliveries: Sequence[LiveDelivery], known: Mapping[str, _KeyRange]
) -> dict[str, _KeyRange]:
    """Return bounds of each delivery's keys; those that are not known come from the footers of its own files."""
    if deliveries[0].event.is_scoped:
        return {}
    unknown = {name: delivery.commit for delivery in deliveries if (name := _name(delivery)) not in known}
    own = [file.key for commit in unknown.values() for file in line_files(commit) if not file.is_shared]
    bounds = dict(zip(own, map_many(processed, own, lambda key: _bounds_in_file(processed, key)), strict=True))
    ranges = {name: known[name] for delivery in deliveries if (name := _name(delivery)) in known}
    for name, commit in unknown.items():
        of_files: list[tuple[str, str]] = []
        for file in line_files(commit):
            of_files += _bounds_in_shared(processed, commit, file.key) if file.is_shared else bounds[file.key]
        ranges[name] = (
            (min(first for first, _ in of_files)[:_BOUND_LENGTH], _upper(max(last for _, last in of_files)))
            if of_files
            else None
        )
    return ranges


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
    ends = pc.min_max(read_shared(processed, commit.delivery_id, key, _KEY_COLUMNS)["line_key"]).as_py()
    return [] if ends["min"] is None else [(ends["min"], ends["max"])]


def _compare_cluster(processed: ObjectStore, old: Sequence[DeliveryCommit], new: Sequence[DeliveryCommit]) -> _Pairs:
    new_lines = pa.concat_tables(_keys_of_each(processed, new))
    keys = new_lines["line_key"].combine_chunks()
    old_lines = [one for one in _keys_of_each(processed, old, keys) if one.num_rows]
    if len(new) > 1:
        counted = pc.value_counts(keys)
        repeated = pc.filter(counted.field("values"), pc.greater(counted.field("counts"), 1))
    else:
        repeated = pa.nulls(0, pa.string())
    candidates = pa.concat_arrays([repeated, *(matches["line_key"].combine_chunks() for matches in old_lines)])
    lines = pa.concat_tables([*old_lines, _with_keys(new_lines, candidates)])
    return _join(lines, {commit.delivery_id for commit in new})


def _keys_of_each(
    processed: ObjectStore, commits: Sequence[DeliveryCommit], among: pa.Array | None = None
) -> Iterator[pa.Table]:
    """Yield the keys of deliveries' lines, or those among some keys; those of several small deliveries at once."""
    small: list[DeliveryCommit] = []
    large: list[DeliveryCommit] = []
    for commit in commits:
        files = line_files(commit)
        is_small = sum(file.size for file in files) <= _POOLED_BYTES and not any(file.is_shared for file in files)
        (small if is_small else large).append(commit)
    for tables in map_many(processed, small, lambda commit: [*_keys(processed, commit, among)]):
        yield from tables
    for commit in large:
        yield from _keys(processed, commit, among)


def _with_keys(table: pa.Table, keys: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["line_key"], value_set=keys))


def _keys(processed: ObjectStore, commit: DeliveryCommit, among: pa.Array | None) -> Iterator[pa.Table]:
    """Yield the keys of a delivery's lines, or those among some keys, batch by batch.

    Row groups whose keys are all before or after those are not read.
    """
    having = ANY_LINE if among is None else {"line_key": among}
    for table in _counted_lines(processed, commit, _KEY_COLUMNS, having):
        yield table.append_column("delivery", pa.repeat(pa.scalar(commit.delivery_id), len(table)))


def _counted_lines(
    processed: ObjectStore, commit: DeliveryCommit, columns: Sequence[str], having: Having = ANY_LINE
) -> Iterator[pa.Table]:
    """Yield a delivery's lines of the periods that its commit has; a file that deliveries share has all periods."""
    periods = pa.array(sorted({count.period for count in commit.periods}), pa.string())
    for table in read_lines(processed, commit, columns, having=having):
        yield table.filter(pc.is_in(table["period"], value_set=periods)) if commit.periods else table


def _join(lines: pa.Table, new: set[str]) -> _Pairs:
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


def _compare_scopes(processed: ObjectStore, old: Sequence[DeliveryCommit], new: Sequence[DeliveryCommit]) -> _Pairs:
    """Compare the scopes of the new deliveries with those of all others in the same periods."""
    periods = {period for commit in new for period in _claimed_periods(commit)}
    # What has lines in no period, as its commit says, has none.
    commits = [*(commit for commit in old if not periods.isdisjoint(_claimed_periods(commit))), *new]
    lines = {commit.delivery_id: _scopes(processed, commit) for commit in commits}
    claimants: dict[Cell, list[str]] = {}
    for commit in commits:
        for cell in _claims(commit, lines[commit.delivery_id]):
            claimants.setdefault(cell, []).append(commit.delivery_id)
    new_ids = {commit.delivery_id for commit in new}
    common: dict[tuple[str, str], dict[Cell, int]] = {}
    for delivery, cells in lines.items():
        for cell, rows in cells.items():
            for other in claimants[fold(cell[0]), cell[1], cell[2]]:
                if delivery != other and (delivery in new_ids or other in new_ids):
                    common.setdefault((delivery, other), {})[cell] = rows
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


def _claims(commit: DeliveryCommit, lines: Mapping[Cell, int]) -> set[Cell]:
    """Return the cells that a delivery replaces: those of its lines, and its scopes in every declared period."""
    claims = {(fold(scenario), period, scope) for scenario, period, scope in lines}
    scopes = {(scenario, scope) for scenario, _, scope in claims}
    return claims | {(scenario, period, scope) for period in commit.covers for scenario, scope in scopes}
