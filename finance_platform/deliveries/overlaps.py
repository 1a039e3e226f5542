"""Overlaps: which lines of one delivery another one claims for itself.

Belongs here: the facts (how many lines, by scenario, period and scope, two deliveries of a feed both claim), finding
those that nobody has found yet, and keeping them. Does not belong here: which of two deliveries wins (see `plan`).

Deliveries are immutable, so a fact is true for ever and is found once. Only keys and periods are read, and only of
files whose keys may meet; so what a small delivery costs hardly grows with what is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.codes import fold
from finance_platform.storage.port import ObjectStore

FOLDER = "overlaps"
_LINES = ("transactions", "budget")
_BATCH_ROWS = 1_000_000
_SETS_KEPT = 3
"""A delivery that is held leaves the one that it would replace in force, which then needs its facts again."""

Cell = tuple[str, str, str | None]
"""Scenario, period and scope key of the claimed lines; the scope key is None under load mode upsert."""


@dataclass(frozen=True)
class Shared:
    """What one delivery has that another one claims too.

    Attributes:
        lines: lines by scenario, period and scope key.
        hider_periods: the periods in which the other one's claims lie.
    """

    lines: Mapping[Cell, int]
    hider_periods: tuple[str, ...]


_NOTHING_SHARED = Shared({}, ())


@dataclass
class _Facts:
    """What is known of one group: sets of deliveries compared each with each, newest first, and what they share."""

    compared: tuple[frozenset[str], ...] = ()
    shared: dict[tuple[str, str], Shared] = field(default_factory=dict)

    def with_compared(self, ids: frozenset[str], found: Mapping[tuple[str, str], Shared]) -> _Facts:
        """Return the facts after `ids` were compared; what only sets long past say is forgotten."""
        kept = (ids, *self.compared[: _SETS_KEPT - 1])
        shared = {**self.shared, **found}
        return _Facts(kept, {pair: fact for pair, fact in shared.items() if any(s.issuperset(pair) for s in kept)})


class Overlaps:
    """The facts about every pair of deliveries that was compared."""

    def __init__(self, shared: Mapping[tuple[str, str], Shared]) -> None:
        self._shared = shared
        self._hiders: dict[str, list[str]] = {}
        for delivery_id, hider in shared:
            self._hiders.setdefault(delivery_id, []).append(hider)

    def overlapping(self, delivery_id: str) -> Sequence[str]:
        """Return the deliveries that claim lines of one, whatever the order of the two."""
        return self._hiders.get(delivery_id, ())

    def shared(self, delivery_id: str, claimant: str) -> Shared:
        """Return what a delivery has that `claimant` claims too; nothing where they never met."""
        return self._shared.get((delivery_id, claimant), _NOTHING_SHARED)


NO_OVERLAPS = Overlaps({})


def claims_lines(delivery: LiveDelivery) -> bool:
    """Return whether the commits alone do not say which lines a delivery claims."""
    event = delivery.event
    return event.kind == "ledger" and (event.load_mode == "upsert" or event.is_scoped)


def complete(processed: ObjectStore, deliveries: Iterable[LiveDelivery], *, record: bool = True) -> Overlaps:
    """Return the facts about all pairs of `deliveries`, finding those that are not known yet.

    Args:
        processed: the processed zone.
        deliveries: those that count, or might; one of each raw object.
        record: whether to keep what is found; a mere look does not.
    """
    groups: dict[str, dict[str, LiveDelivery]] = {}
    for delivery in deliveries:
        if claims_lines(delivery):
            groups.setdefault(_group(delivery), {})[delivery.delivery_id] = delivery
    shared: dict[tuple[str, str], Shared] = {}
    for group, members in groups.items():
        if len(members) > 1:
            shared |= _complete_group(processed, group, list(members.values()), record=record).shared
    return Overlaps(shared)


def _group(delivery: LiveDelivery) -> str:
    """Return what names the deliveries that can claim each other's lines: those of one feed and one load mode."""
    return f"{delivery.event.feed}.{'scope' if delivery.event.is_scoped else 'key'}"


def _complete_group(processed: ObjectStore, group: str, deliveries: Sequence[LiveDelivery], *, record: bool) -> _Facts:
    known = _read_facts(processed, group)
    ids = frozenset(delivery.delivery_id for delivery in deliveries)
    if any(ids <= compared for compared in known.compared):
        return known
    nearest = max(known.compared, key=lambda compared: len(ids & compared), default=frozenset[str]())
    old = [delivery.commit for delivery in deliveries if delivery.delivery_id in nearest]
    new = [delivery.commit for delivery in deliveries if delivery.delivery_id not in nearest]
    found = (_compare_scopes if deliveries[0].event.is_scoped else _compare_keys)(processed, old, new)
    facts = known.with_compared(ids, found)
    if record:
        processed.write(f"{FOLDER}/{group}.json", _to_json(facts))
    return facts


def _read_facts(processed: ObjectStore, group: str) -> _Facts:
    try:
        document: dict[str, Any] = json.loads(processed.read(f"{FOLDER}/{group}.json"))
    except FileNotFoundError:
        return _Facts()
    shared = {
        (fact["delivery"], fact["hider"]): Shared(
            {(scenario, period, scope): rows for scenario, period, scope, rows in fact["lines"]},
            tuple(fact["hider_periods"]),
        )
        for fact in document["shared"]
    }
    return _Facts(tuple(frozenset(ids) for ids in document["compared"]), shared)


def _to_json(facts: _Facts) -> bytes:
    shared = [
        {
            "delivery": delivery,
            "hider": hider,
            "lines": [[*cell, rows] for cell, rows in sorted(fact.lines.items(), key=str)],
            "hider_periods": list(fact.hider_periods),
        }
        for (delivery, hider), fact in sorted(facts.shared.items())
    ]
    compared = [sorted(ids) for ids in facts.compared]
    return json.dumps({"compared": compared, "shared": shared}, indent=1, ensure_ascii=False).encode()


def _compare_keys(
    processed: ObjectStore, old: Sequence[DeliveryCommit], new: Sequence[DeliveryCommit]
) -> dict[tuple[str, str], Shared]:
    """Compare the keys of the new deliveries with those of all others, where their ranges meet."""
    ranges = {commit.delivery_id: _key_range(processed, commit) for commit in (*old, *new)}
    everything = [*old, *new]
    found: dict[tuple[str, str], Shared] = {}
    for group in _meeting(everything, ranges):
        fresh = [commit for commit in group if commit in new]
        if fresh and len(group) > 1:
            found |= _compare_meeting(processed, [commit for commit in group if commit not in fresh], fresh)
    return found


def _meeting(
    commits: Sequence[DeliveryCommit], ranges: Mapping[str, tuple[str, str] | None]
) -> Iterator[list[DeliveryCommit]]:
    """Yield the groups of deliveries whose key ranges touch, directly or through others."""
    bounded = [(bounds, commit) for commit in commits if (bounds := ranges[commit.delivery_id])]
    group: list[DeliveryCommit] = []
    end = ""
    for (first, last), commit in sorted(bounded, key=lambda item: item[0]):
        if group and first > end:
            yield group
            group = []
        group.append(commit)
        end = max(end, last) if len(group) > 1 else last
    if group:
        yield group


def _key_range(processed: ObjectStore, commit: DeliveryCommit) -> tuple[str, str] | None:
    """Return bounds of a delivery's keys, off the files' footers; None where it has no keys."""
    bounds: list[tuple[str, str]] = []
    for key in _files(commit):
        with processed.open(key) as stream:
            footer = pq.ParquetFile(stream).metadata
        column = footer.schema.names.index("line_key")
        for number in range(footer.num_row_groups):
            statistics = footer.row_group(number).column(column).statistics
            if statistics is None or not statistics.has_min_max:
                bounds.append(("", "\U0010ffff"))
            else:
                bounds.append((statistics.min, statistics.max))
    if not bounds:
        return None
    return min(first for first, _ in bounds), max(last for _, last in bounds)


def _compare_meeting(
    processed: ObjectStore, old: Sequence[DeliveryCommit], new: Sequence[DeliveryCommit]
) -> dict[tuple[str, str], Shared]:
    fresh = pa.concat_tables(table for commit in new for table in _keys(processed, commit))
    keys = fresh["line_key"].combine_chunks()
    matches = [met for commit in old for table in _keys(processed, commit) if (met := _with_keys(table, keys)).num_rows]
    if len(new) > 1:
        counted = pc.value_counts(keys)
        repeated = pc.filter(counted.field("values"), pc.greater(counted.field("counts"), 1))
    else:
        repeated = pa.nulls(0, pa.string())
    candidates = pa.concat_arrays([repeated, *(met["line_key"].combine_chunks() for met in matches)])
    met = pa.concat_tables([*matches, _with_keys(fresh, candidates)])
    return _pairs(met, {commit.delivery_id for commit in new})


def _with_keys(table: pa.Table, keys: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["line_key"], value_set=keys))


def _keys(processed: ObjectStore, commit: DeliveryCommit) -> Iterator[pa.Table]:
    """Yield the keys of a delivery's lines, a million rows at a time."""
    for key in _files(commit):
        with processed.open(key) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(_BATCH_ROWS, columns=["line_key", "scenario", "period"]):
                table = pa.Table.from_batches([batch])
                name = pa.repeat(pa.scalar(commit.delivery_id), len(batch))
                yield table.select(["line_key", "scenario", "period"]).append_column("delivery", name)


def _pairs(met: pa.Table, new: set[str]) -> dict[tuple[str, str], Shared]:
    """Count, for each two deliveries that share keys, the shared lines of either."""
    columns = ["delivery", "scenario", "period"]
    other = met.rename_columns(["line_key", "other_scenario", "other_period", "other"])
    joined = met.join(other, keys="line_key", join_type="inner")
    joined = joined.filter(pc.not_equal(joined["delivery"], joined["other"]))
    counts = joined.group_by([*columns, "other", "other_period"]).aggregate([([], "count_all")])
    lines: dict[tuple[str, str], dict[Cell, int]] = {}
    periods: dict[tuple[str, str], set[str]] = {}
    for row in counts.to_pylist():
        pair = (row["delivery"], row["other"])
        if not new.intersection(pair):
            continue
        cell = (row["scenario"], row["period"], None)
        cells = lines.setdefault(pair, {})
        cells[cell] = cells.get(cell, 0) + row["count_all"]
        periods.setdefault(pair, set()).add(row["other_period"])
    return {pair: Shared(cells, tuple(sorted(periods[pair]))) for pair, cells in lines.items()}


def _compare_scopes(
    processed: ObjectStore, old: Sequence[DeliveryCommit], new: Sequence[DeliveryCommit]
) -> dict[tuple[str, str], Shared]:
    everything = [*old, *new]
    lines = {commit.delivery_id: _scopes(processed, commit) for commit in everything}
    claims = {commit.delivery_id: _claimed(commit, lines[commit.delivery_id]) for commit in everything}
    fresh = {commit.delivery_id for commit in new}
    found = {}
    for delivery, cells in lines.items():
        for hider, claimed in claims.items():
            if delivery == hider or not fresh.intersection((delivery, hider)):
                continue
            met = {cell: rows for cell, rows in cells.items() if (fold(cell[0]), *cell[1:]) in claimed}
            if met:
                found[delivery, hider] = Shared(met, tuple(sorted({period for _, period, _ in met})))
    return found


def _scopes(processed: ObjectStore, commit: DeliveryCommit) -> dict[Cell, int]:
    """Return a delivery's lines by scenario, period and scope key."""
    counts: dict[Cell, int] = {}
    columns = ["scenario", "period", "scope_key"]
    for key in _files(commit):
        with processed.open(key) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(_BATCH_ROWS, columns=columns):
                table = pa.Table.from_batches([batch]).group_by(columns).aggregate([([], "count_all")])
                for row in table.to_pylist():
                    cell = (row["scenario"], row["period"], row["scope_key"])
                    counts[cell] = counts.get(cell, 0) + row["count_all"]
    return counts


def _claimed(commit: DeliveryCommit, lines: Mapping[Cell, int]) -> set[Cell]:
    """Return what a delivery replaces: where it has lines, and in every period that its name declares."""
    claimed = {(fold(scenario), period, scope) for scenario, period, scope in lines}
    scopes = {(scenario, scope) for scenario, _, scope in claimed}
    return claimed | {(scenario, period, scope) for period in commit.covers for scenario, scope in scopes}


def _files(commit: DeliveryCommit) -> list[str]:
    return [file.key for table in _LINES for file in commit.files.get(table, ())]
