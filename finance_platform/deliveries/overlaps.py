"""Overlaps: the lines of one delivery that another one claims as well.

Belongs here: counting the lines that two deliveries of a feed both claim, by scenario, period and scope. Does not
belong here: storing the counts (see `overlap_documents`), comparing keys (see `overlap_keys`), which of two deliveries
wins (see `slices.versions`).

Deliveries are immutable, so an overlap is computed once; of a delivery of which not all periods count, once for each
portion. Only keys and periods are read, and only of files whose key ranges intersect (262), or have one of few new keys
(607). The ranges of deliveries are stored as well, so no file of an earlier one is opened for them, and the cost of a
small one hardly grows with their number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from finance_platform.deliveries.commits import DeliveryCommit
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
from finance_platform.deliveries.overlap_keys import (
    Piece,
    compare_keys,
    counted_lines,
    key_ranges,
    near_names,
    pieces_of,
)
from finance_platform.deliveries.portions import WHOLE
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.immutable_documents import derive_once
from finance_platform.storage.port import ObjectStore

_NO_OVERLAP = Overlap({}, ())


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
        """Return the overlaps of the pairs of both; a version may count in other periods in one than in the other."""
        pairs = {**self._pairs, **other._pairs}
        for pair in self._pairs.keys() & other._pairs.keys():
            if self._pairs[pair] is not other._pairs[pair]:
                pairs[pair] = self._pairs[pair] | other._pairs[pair]
        return Overlaps(pairs)

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
        known = {pair: overlap for pair, overlap in stored.overlaps.items() if members.names.issuperset(pair)}
        pieces = _pieces(processed, [largest, *others], {})
        ranges = key_ranges(pieces)
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
        old = {name: old[name] for name in near_names(old, group.key_ranges, pieces.values())}
        pieces |= _pieces(processed, list(old.values()), group.key_ranges)
    ranges = {one: bounds for one, bounds in key_ranges(pieces).items() if one not in group.key_ranges}
    return group.add(names, _compare(processed, list(old.values()), new, pieces), ranges)


def _pieces(
    processed: ObjectStore, deliveries: Iterable[LiveDelivery], known: Mapping[str, KeyRange]
) -> dict[str, list[Piece]]:
    """Return the pieces of each delivery by name; deliveries that are compared by scope have none."""
    return pieces_of(processed, {_name(one): one.commit for one in deliveries if not one.event.is_scoped}, known)


def _compare(
    processed: ObjectStore,
    old: Sequence[LiveDelivery],
    new: Sequence[LiveDelivery],
    pieces: Mapping[str, Sequence[Piece]],
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
        pairs = compare_keys(processed, old_pieces, new_pieces, places)
    return {
        (names[one], names[other]): overlap for (one, other), overlap in pairs.items() if places[one] != places[other]
    }


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
    for table in counted_lines(processed, commit, columns):
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
