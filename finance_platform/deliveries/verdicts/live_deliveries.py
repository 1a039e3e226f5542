"""The live deliveries while candidates are evaluated one after the other, and what one of them would change.

Belongs here: finding deliveries by object, cell and content; the cells and lines that a candidate concerns. Does not
belong here: whether that is a reason to hold it (see `hold_reasons`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from itertools import chain, islice
from operator import attrgetter

from finance_platform.deliveries.commits import Count, PeriodCount, hash_kind
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.live_lines import Cell, LiveSet, claimed_cells
from finance_platform.deliveries.overlap_documents import Cell as LinesCell
from finance_platform.deliveries.overlap_documents import Overlap
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import LiveDelivery, Position, add_counted, replaced_cells, replaces_periods
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold, fold_name

_Load = tuple[str, bool, str]
"""Load mode, whether there is a scope, and the fields of the key or scope; see `DeliveryDiscovered`."""


@dataclass
class _FeedIndex:
    """The live deliveries of one feed by the cells of their lines, by content, and those that replace periods."""

    by_cell: dict[Cell, dict[str, LiveDelivery]] = field(default_factory=dict)
    by_bytes: dict[str, tuple[LiveDelivery, ...]] = field(default_factory=dict)
    """The deliveries by fingerprint; with the same bytes, lines may be in other cells if names of files give fields."""
    replacing: set[str] = field(default_factory=set)
    by_lines: dict[Cell, dict[tuple[str, ...], dict[str, LiveDelivery]]] = field(default_factory=dict)
    """The deliveries by the hashes of their lines in a cell; only for cells that were asked for."""
    by_kind: dict[Cell, dict[str | None, dict[str, LiveDelivery]]] = field(default_factory=dict)
    """The deliveries by the kind of these hashes; only for the same cells."""
    by_rows: dict[Cell, list[tuple[int, str]]] = field(default_factory=dict)
    """The number of lines in a cell and the delivery, in this order; only for cells that were asked for."""
    by_count: dict[Cell, dict[Count, dict[str, LiveDelivery]]] = field(default_factory=dict)
    """The deliveries by lines and money in a cell; only for cells that were asked for."""
    by_load: dict[_Load, dict[str, LiveDelivery]] = field(default_factory=dict)
    """The deliveries by what they replace; without bookings, which are added to their file."""

    @staticmethod
    def of(deliveries: Sequence[LiveDelivery]) -> _FeedIndex:
        """Return the index of deliveries, as `add` makes it of one after the other."""
        by_cell: dict[Cell, dict[str, LiveDelivery]] = {}
        for delivery in deliveries:
            for cell in claimed_cells(delivery):
                by_cell.setdefault(cell, {})[delivery.commit.delivery_id] = delivery
        replacing = {delivery.delivery_id for delivery in deliveries if replaces_periods(delivery)}
        by_load: dict[_Load, dict[str, LiveDelivery]] = {}
        for delivery in deliveries:
            if not delivery.commit.booked_from:
                by_load.setdefault(_load(delivery), {})[delivery.commit.delivery_id] = delivery
        return _FeedIndex(by_cell, _grouped(deliveries, "event.fingerprint"), replacing, by_load=by_load)

    def add(self, delivery: LiveDelivery) -> None:
        for cell in claimed_cells(delivery):
            self.by_cell.setdefault(cell, {})[delivery.delivery_id] = delivery
            if cell in self.by_lines:
                self._add_hash(delivery, cell)
            if cell in self.by_rows:
                insort(self.by_rows[cell], (_rows(delivery, cell), delivery.delivery_id))
            if cell in self.by_count:
                self._add_count(delivery, cell)
        fingerprint = delivery.event.fingerprint
        self.by_bytes[fingerprint] = (*self.by_bytes.get(fingerprint, ()), delivery)
        if replaces_periods(delivery):
            self.replacing.add(delivery.delivery_id)
        if not delivery.commit.booked_from:
            self.by_load.setdefault(_load(delivery), {})[delivery.delivery_id] = delivery

    def remove(self, delivery: LiveDelivery) -> None:
        for cell in claimed_cells(delivery):
            del self.by_cell[cell][delivery.delivery_id]
            if cell in self.by_lines:
                content = _content(delivery, cell)
                del self.by_lines[cell][tuple(content)][delivery.delivery_id]
                del self.by_kind[cell][_kind(content)][delivery.delivery_id]
            if cell in self.by_rows:
                self.by_rows[cell].remove((_rows(delivery, cell), delivery.delivery_id))
            if cell in self.by_count:
                del self.by_count[cell][count_in_cell(delivery, cell)][delivery.delivery_id]
        fingerprint = delivery.event.fingerprint
        others = tuple(one for one in self.by_bytes[fingerprint] if one.delivery_id != delivery.delivery_id)
        self.by_bytes[fingerprint] = others
        self.replacing.discard(delivery.delivery_id)
        self.by_load.get(_load(delivery), {}).pop(delivery.delivery_id, None)

    def with_lines(self, cell: Cell, content: Sequence[str]) -> list[LiveDelivery]:
        """Return the deliveries whose lines in a cell have these hashes, or some that cannot be compared with them."""
        if cell not in self.by_lines:
            self.by_lines[cell], self.by_kind[cell] = {}, {}
            for delivery in self.by_cell.get(cell, {}).values():
                self._add_hash(delivery, cell)
        equal = self.by_lines[cell].get(tuple(content), {}).values()
        of_others = (known.values() for kind, known in self.by_kind[cell].items() if kind != _kind(content))
        return [*equal, *chain.from_iterable(of_others)]

    def _add_hash(self, delivery: LiveDelivery, cell: Cell) -> None:
        content = _content(delivery, cell)
        self.by_lines[cell].setdefault(tuple(content), {})[delivery.delivery_id] = delivery
        self.by_kind[cell].setdefault(_kind(content), {})[delivery.delivery_id] = delivery

    def with_fewer_lines(self, cell: Cell, rows: int) -> Iterator[LiveDelivery]:
        """Yield the deliveries with fewer lines in a cell, those with the most of them first."""
        counted = self._counted(cell)
        for position in range(bisect_left(counted, (rows, "")) - 1, -1, -1):
            yield self.by_cell[cell][counted[position][1]]

    def with_count(self, cell: Cell, count: Count) -> list[LiveDelivery]:
        """Return the deliveries with so many lines and so much money in a cell."""
        if cell not in self.by_count:
            self.by_count[cell] = {}
            for delivery in self.by_cell.get(cell, {}).values():
                self._add_count(delivery, cell)
        return [delivery for _, delivery in sorted(self.by_count[cell].get(count, {}).items())]

    def _add_count(self, delivery: LiveDelivery, cell: Cell) -> None:
        self.by_count[cell].setdefault(count_in_cell(delivery, cell), {})[delivery.delivery_id] = delivery

    def with_about_as_many_lines(self, cell: Cell, rows: int, away: int, most: int) -> list[LiveDelivery]:
        """Return the deliveries with so many lines in a cell, or up to some more or less; none if they are too many."""
        counted = self._counted(cell)
        start, end = bisect_left(counted, (rows - away, "")), bisect_left(counted, (rows + away + 1, ""))
        if end - start > most:
            return []
        return [self.by_cell[cell][delivery_id] for _, delivery_id in counted[start:end]]

    def _counted(self, cell: Cell) -> list[tuple[int, str]]:
        if cell not in self.by_rows:
            deliveries = self.by_cell.get(cell, {}).values()
            self.by_rows[cell] = sorted((_rows(one, cell), one.delivery_id) for one in deliveries)
        return self.by_rows[cell]


class LiveDeliveries:
    """The deliveries that count now; what each candidate asks for does not become slower with their number.

    Attributes:
        by_id: by delivery id.
        added: every delivery that has counted, in the order in which they were added.
    """

    def __init__(self, live: Iterable[LiveDelivery], overlaps: Overlaps) -> None:
        self._overlaps = overlaps
        self.added: list[LiveDelivery] = list(live)
        self.by_id: dict[str, LiveDelivery] = {one.commit.delivery_id: one for one in self.added}
        self._by_key = _grouped(self.added, "event.object_key")
        self._at_first = dict(self._by_key)
        self._in_order: list[LiveDelivery] = sorted(self.added, key=_position)
        self._gross = reduce(EXACT.add, (one.commit.outcome("accepted").absolute for one in self.added), Decimal(0))
        self._debit_positive = sum(one.commit.is_debit_positive for one in self.added)
        self._of_feed = _grouped(self.added, "event.feed")
        self._feed_names = dict.fromkeys(self._of_feed)
        self._feeds: dict[str, _FeedIndex] = {}

    def _feed(self, name: str) -> _FeedIndex:
        """Return the index of a feed, which is made when it is first asked for."""
        index = self._feeds.get(name)
        if index is None:
            index = self._feeds[name] = _FeedIndex.of(self._of_feed.pop(name, ()))
        return index

    @property
    def in_order(self) -> list[LiveDelivery]:
        """The deliveries in the defined order."""
        return list(self._in_order)

    def in_order_with(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the deliveries in the defined order if the candidate counts instead of its object's earlier ones."""
        deliveries = list(self._in_order)
        for earlier in self.earlier(candidate):
            del deliveries[_place(deliveries, earlier)]
        for delivery in self._of_object_with(candidate):
            insort(deliveries, delivery, key=_position)
        return deliveries

    def _of_object_with(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the candidate, and the earlier deliveries of its object in the periods in which it does not count."""
        counted, periods = [candidate], candidate.portion.without
        for part in (one.staying_in(periods) for one in self.earlier(candidate)):
            if part:
                add_counted(counted, part)
        return counted

    @property
    def gross(self) -> Decimal:
        """The absolute amount of all accepted lines."""
        return self._gross

    @property
    def has_debit_positive(self) -> bool:
        """Whether one of the deliveries is of a debit-positive feed."""
        return self._debit_positive > 0

    def add(self, delivery: LiveDelivery, late: Collection[str] = ()) -> None:
        """Let a delivery count instead of the earlier ones of its object, but for its lines in late periods."""
        counted = delivery.restricted_to(Portion(without=delivery.portion.without.union(late)))
        parts = self._of_object_with(counted) if counted else []
        for one in self.earlier(delivery):
            self._leave(one)
        for part in reversed(parts):
            self.enter(part)

    def enter(self, delivery: LiveDelivery) -> None:
        """Let a delivery count beside the others of its object, such as its lines that are booked later."""
        key = delivery.event.object_key
        self._by_key[key] = (*self._by_key.get(key, ()), delivery)
        self.by_id[delivery.delivery_id] = delivery
        self.added.append(delivery)
        insort(self._in_order, delivery, key=_position)
        self._count(delivery, 1)
        self._feed_names.setdefault(delivery.event.feed)
        self._feed(delivery.event.feed).add(delivery)

    def _leave(self, delivery: LiveDelivery) -> None:
        key = delivery.event.object_key
        self._by_key[key] = tuple(one for one in self._by_key[key] if one != delivery)
        self._feed(delivery.event.feed).remove(delivery)
        del self.by_id[delivery.delivery_id]
        del self._in_order[_place(self._in_order, delivery)]
        self._count(delivery, -1)

    def _count(self, delivery: LiveDelivery, times: int) -> None:
        """Enter a delivery into the totals, or take it out."""
        self._gross = EXACT.fma(delivery.commit.outcome("accepted").absolute, times, self._gross)
        self._debit_positive += times * delivery.commit.is_debit_positive

    def earlier(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the live deliveries of the candidate's object: none, one, or several that each have some periods."""
        return list(self._by_key.get(candidate.event.object_key, ()))

    def counts_already(self, candidate: LiveDelivery, periods: Collection[str]) -> bool:
        """Return whether a candidate that is judged as a whole counts in one of some periods already.

        The load mode or the order of its feed is another one then. No earlier version has its lines of these periods:
        if they waited, or were booked later, nothing would be left there.
        """
        current = self.by_id.get(candidate.delivery_id)
        if current is None or candidate.late or current.portion.only is not None:
            return False
        return any(period in current.portion for period in periods)

    def difference(self, candidate: LiveDelivery) -> tuple[list[LiveDelivery], list[LiveDelivery]]:
        """Return the deliveries that would no longer count, and those that would count in addition."""
        removed = self.earlier(candidate)
        own = [one for one in removed if one.delivery_id == candidate.delivery_id]
        removed = [one for one in removed if one.delivery_id != candidate.delivery_id]
        return removed, [] if own and own[0].portion == candidate.portion else [candidate]

    def same_content(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with the same bytes, scenarios and periods.

        One whose late lines do not count has them nevertheless, and is returned with all of its lines.
        """
        key, cells = candidate.event.object_key, cells_of_lines(candidate)
        deliveries = self._feed(candidate.event.feed).by_bytes.get(candidate.event.fingerprint, ())
        others = (one.with_late_lines() for one in deliveries if one.event.object_key != key)
        return [one for one in others if cells_of_lines(one) == cells]

    def same_lines(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with as many lines of the same hash in a cell.

        None if a version of the candidate's own object has these lines already. Where the hashes of both cannot be
        compared, since one is not known or of an earlier release, those with as many lines and the same money.
        """
        content, counts = _content(candidate, cell), count_in_cell(candidate, cell)
        earlier = [one for one in self.earlier(candidate) if cell[1] in one.portion]
        if any(count_in_cell(one, cell) == counts and _may_be_equal(content, _content(one, cell)) for one in earlier):
            return []
        feed, key = self._feed(candidate.event.feed), candidate.event.object_key
        others = feed.with_lines(cell, content) if content else feed.by_cell.get(cell, {}).values()
        return [
            other
            for other in others
            if other.event.object_key != key and cell[1] in other.portion and count_in_cell(other, cell) == counts
        ]

    def shared_lines(self, candidate: LiveDelivery, other: LiveDelivery, cell: Cell) -> int:
        """Return how many lines of a candidate in a cell another delivery claims by their keys."""
        lines = self._overlaps.overlap(candidate.delivery_id, other.delivery_id).lines
        return sum(count for (scenario, period, _), count in lines.items() if (fold(scenario), period) == cell)

    def smaller(self, candidate: LiveDelivery, cell: Cell) -> Iterator[LiveDelivery]:
        """Yield the live deliveries of other objects of the feed with fewer lines in a cell, the largest first."""
        feed = self._feed(candidate.event.feed)
        for other in feed.with_fewer_lines(cell, _rows(candidate, cell)):
            if other.event.object_key != candidate.event.object_key and cell[1] in other.portion:
                yield other

    def with_about_as_many_lines(self, candidate: LiveDelivery, cell: Cell, away: int, most: int) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with about as many lines in a cell.

        Args:
            candidate: the delivery that is judged.
            cell: the scenario and period.
            away: by how many lines they may differ.
            most: none is returned if they are more.
        """
        feed = self._feed(candidate.event.feed)
        if cell not in feed.by_cell:
            return []
        similar = feed.with_about_as_many_lines(cell, _rows(candidate, cell), away, most)
        key = candidate.event.object_key
        return [one for one in similar if one.event.object_key != key and cell[1] in one.portion]

    def same_money_of_feed(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with as many lines of the same money in a cell.

        None if a version of the candidate's own object has these lines already.
        """
        return self._same_money(candidate, cell, [candidate.event.feed])

    def same_money_of_other_feeds(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the same of other feeds and objects."""
        return self._same_money(candidate, cell, self.other_feeds(candidate))

    def _same_money(self, candidate: LiveDelivery, cell: Cell, feeds: Iterable[str]) -> list[LiveDelivery]:
        counts, key = count_in_cell(candidate, cell), candidate.event.object_key
        earlier = [one for one in self.earlier(candidate) if cell[1] in one.portion]
        if not counts.rows or any(count_in_cell(one, cell) == counts for one in earlier):
            return []
        indexes = (self._feed(feed) for feed in feeds)
        return [
            other
            for index in indexes
            if cell in index.by_cell
            for other in index.with_count(cell, counts)
            if other.event.object_key != key and cell[1] in other.portion
        ]

    def other_feeds(self, candidate: LiveDelivery) -> list[str]:
        """Return the feeds with live deliveries beside that of a delivery."""
        return [feed for feed in self._feed_names if feed != candidate.event.feed]

    def of_cell(self, feed: str, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of a feed with lines in a cell."""
        return list(self._feed(feed).by_cell.get(cell, {}).values())

    def few_of_other_feed(self, candidate: LiveDelivery, feed: str, cell: Cell, most: int) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of a feed that count in a cell; none if they exceed `most`.

        Of a feed with thousands of files there, no more than one of them too many is looked at.
        """
        deliveries = self._feed(feed).by_cell.get(cell)
        if not deliveries:
            return []
        key = candidate.event.object_key
        others = (one for one in deliveries.values() if cell[1] in one.portion and one.event.object_key != key)
        few = list(islice(others, most + 1))
        return few if len(few) <= most else []

    def others(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with lines in a cell."""
        deliveries = self.of_cell(candidate.event.feed, cell)
        return [other for other in deliveries if other.event.object_key != candidate.event.object_key]

    def changes_others_by_period(self, candidate: LiveDelivery, cell: Cell) -> bool:
        """Return whether lines of other files that replace whole periods count only with or only without it."""
        sides = self.earlier(candidate), [candidate]
        for feed in {one.event.feed for side in sides for one in side}:
            of_feed = [one for one in self.of_cell(feed, cell) if one.event.object_key != candidate.event.object_key]
            others = [one.position for one in of_feed if replaces_periods(one) and _rows(one, cell)]
            own = [
                max(
                    (_position(one) for one in side if one.event.feed == feed and cell in replaced_cells(one)),
                    default=(),
                )
                for side in sides
            ]
            if others and min(own) < max(others) < max(own):
                return True
        return False

    def with_other_load(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed that were read under another load mode, in order.

        In nearly every feed there is none, however many deliveries it has.
        """
        own = _load(candidate)
        return self._with_load(candidate, lambda load: load[:2] != own[:2])

    def with_other_keys(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return those of the same load mode with a key or scope of other fields."""
        own = _load(candidate)
        return self._with_load(candidate, lambda load: load[:2] == own[:2] and load != own)

    def with_same_keys(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return those of the same load mode with a key or scope of the same fields."""
        own = _load(candidate)
        return self._with_load(candidate, lambda load: load == own)

    def _with_load(self, candidate: LiveDelivery, is_wanted: Callable[[_Load], bool]) -> list[LiveDelivery]:
        key, by_load = candidate.event.object_key, self._feed(candidate.event.feed).by_load
        others = (one for load, of_load in by_load.items() if is_wanted(load) for one in of_load.values())
        return sorted((one for one in others if one.event.object_key != key), key=_position)

    def affected_cells(self, candidate: LiveDelivery) -> set[Cell]:
        """Return the cells whose live lines the candidate would change."""
        cells: set[Cell] = set()
        for delivery in (candidate, *self.earlier(candidate)):
            cells |= claimed_cells(delivery)
            for other in self._overlaps.overlapping(delivery.delivery_id):
                # The other delivery may have the same keys in other periods, which lose lines or regain them.
                if other in self.by_id:
                    cells |= _overlap_cells(self._overlaps.overlap(other, delivery.delivery_id))
        return cells

    def live_sets(self, candidate: LiveDelivery, cells: Collection[Cell]) -> tuple[LiveSet, LiveSet]:
        """Return the live deliveries without and with the candidate."""
        others = {one.delivery_id: one for cell in cells for one in self._others_of_feeds(candidate, cell)}
        earlier = {one.delivery_id: one for one in self.earlier(candidate)}
        return (
            LiveSet(self.by_id, others | earlier),
            LiveSet(
                self.live_with(candidate),
                {**others, **{one.delivery_id: one for one in reversed(self._of_object_with(candidate))}},
            ),
        )

    def with_first_readings(self, live_set: LiveSet) -> LiveSet:
        """Return deliveries that count with each file that was read again since, under another load, as it was read.

        Until all files are judged, lines count that one file replaces as it is read now, and another one as it was.
        """
        first = {
            one.delivery_id: self._at_first.get(one.event.object_key, ())
            for one in live_set.of_feed.values()
            if any(
                earlier.event.fingerprint == one.event.fingerprint and _load(earlier) != _load(one)
                for earlier in self._at_first.get(one.event.object_key, ())
            )
        }
        if not first:
            return live_set
        earlier = {one.delivery_id: one for several in first.values() for one in several}
        live, of_feed = (
            {**{name: one for name, one in of_set.items() if name not in first}, **earlier}
            for of_set in (live_set.live, live_set.of_feed)
        )
        return LiveSet(live, of_feed)

    def has_other_fields(self, candidate: LiveDelivery) -> bool:
        """Return whether a candidate is a file as it counted at first, under a key or scope of other fields."""
        event = candidate.event
        return any(
            (earlier.event.fingerprint, earlier.event.load_mode) == (event.fingerprint, event.load_mode)
            and earlier.event.keyed_by not in ("", event.keyed_by)
            and event.keyed_by != ""
            for earlier in self._at_first.get(event.object_key, ())
        )

    def may_remove_lines(self, candidate: LiveDelivery) -> bool:
        """Return whether a line that counts may stop to count because of the candidate.

        A delivery that replaces none of its object, of which no other one claims a line, in a feed without deliveries
        that replace periods, only adds lines.
        """
        feed = self._feed(candidate.event.feed)
        return bool(
            self.earlier(candidate)
            or replaces_periods(candidate)
            or feed.replacing
            or any(other in self.by_id for other in self._overlaps.overlapping(candidate.delivery_id))
        )

    def is_resent(self, candidate: LiveDelivery, cell: Cell) -> bool:
        """Return whether the earlier delivery has the same lines in a cell, and no other delivery is concerned."""
        for earlier in self.earlier(candidate):
            if cell[1] not in earlier.portion:
                continue
            deliveries = (earlier, candidate)
            contents = [_content(delivery, cell) for delivery in deliveries]
            return (
                bool(contents[0])
                and contents[0] == contents[1]
                and effect_of(earlier.event) == effect_of(candidate.event)
                and not any(self._overlaps.overlapping(delivery.delivery_id) for delivery in deliveries)
                and (candidate.event.load_mode == "append" or not self.others(candidate, cell))
            )
        return False

    def version_replaced_by(self, candidate: LiveDelivery) -> LiveDelivery | None:
        """Return the version that an upsert replaces, if that has as many lines of equal content in the same cells.

        None if one of both does not count as a whole, or another delivery has a key of one of them: what either takes
        from others, or others from it, depends on more than its lines then.
        """
        earlier = self.earlier(candidate)
        if len(earlier) != 1 or candidate.event.load_mode != "upsert" or candidate.event.is_scoped:
            return None
        deliveries = (earlier[0], candidate)
        counts = [sorted(delivery.commit.periods, key=_place_of_count) for delivery in deliveries]
        is_same = (
            counts[0] == counts[1]
            and all(count.content for count in counts[0])
            and all(delivery.portion.is_whole for delivery in deliveries)
            and effect_of(earlier[0].event) == effect_of(candidate.event)
            and not any(self._overlaps.overlapping(delivery.delivery_id) for delivery in deliveries)
        )
        return earlier[0] if is_same else None

    def affects_ledger(self, candidate: LiveDelivery) -> bool:
        """Return whether the candidate, or the delivery that it replaces, has ledger lines."""
        return any(delivery.event.kind == "ledger" for delivery in (candidate, *self.earlier(candidate)))

    def is_restated(self, candidate: LiveDelivery, cell: Cell, live_after: Mapping[str, LiveDelivery]) -> bool:
        """Return whether counts say that a cell changes; a file that repeats the live lines changes nothing.

        As many lines may be superseded by key as before, but others: see `restated_cells`.
        """
        earlier, after = self.earlier(candidate), self._of_object_with(candidate)
        others = self._others_of_feeds(candidate, cell)
        return self._contents([*others, *earlier], cell, self.by_id) != self._contents(
            [*others, *after], cell, live_after
        )

    def _others_of_feeds(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects with lines in a cell, of each feed that the object has had.

        Where an object has moved to another feed, the lines that it replaced in the earlier one count again.
        """
        feeds = dict.fromkeys(one.event.feed for one in (candidate, *self.earlier(candidate)))
        key = candidate.event.object_key
        return [other for feed in feeds for other in self.of_cell(feed, cell) if other.event.object_key != key]

    def live_with(self, candidate: LiveDelivery) -> Mapping[str, LiveDelivery]:
        """Return the live deliveries if the candidate counts instead of its object's earlier delivery."""
        live = dict(self.by_id)
        for earlier in self.earlier(candidate):
            del live[earlier.delivery_id]
        live |= {one.delivery_id: one for one in reversed(self._of_object_with(candidate))}
        return live

    def _contents(
        self, deliveries: Sequence[LiveDelivery], cell: Cell, live: Mapping[str, LiveDelivery]
    ) -> list[tuple[str, int, list[str]]]:
        """Return content hash, number of superseded lines and superseded scopes of each delivery with live lines."""
        superseded = {
            delivery.delivery_id: self._count_superseded(delivery, deliveries, cell, live) for delivery in deliveries
        }
        return sorted(
            (
                count.content or delivery.delivery_id,
                superseded[delivery.delivery_id],
                self._superseded_scopes(delivery, cell, live),
            )
            for delivery in deliveries
            if superseded[delivery.delivery_id] < _rows(delivery, cell)
            for count in delivery.commit.periods
            if (fold(count.scenario), count.period) == cell
        )

    def _count_superseded(
        self,
        delivery: LiveDelivery,
        deliveries: Sequence[LiveDelivery],
        cell: Cell,
        live: Mapping[str, LiveDelivery],
    ) -> int:
        if delivery.event.load_mode == "replace_period" and not delivery.event.is_scoped:
            is_replaced = any(
                other.position > delivery.position and cell in replaced_cells(other)
                for other in deliveries
                if other.event.feed == delivery.event.feed
            )
            return _rows(delivery, cell) if is_replaced else 0
        superseded = self._superseded_lines(delivery, cell, live)
        if delivery.event.is_scoped:
            # A scope is replaced as a whole, so the union over several deliveries is known without reading lines.
            return sum({scope: rows for lines in superseded for scope, rows in lines.items()}.values())
        return max((sum(lines.values()) for lines in superseded), default=0)

    def _superseded_lines(
        self, delivery: LiveDelivery, cell: Cell, live: Mapping[str, LiveDelivery]
    ) -> list[dict[LinesCell, int]]:
        """Return, for each later live delivery, the lines of a cell that it supersedes."""
        return [
            {
                lines_cell: rows
                for lines_cell, rows in self._overlaps.overlap(delivery.delivery_id, other).lines.items()
                if (fold(lines_cell[0]), lines_cell[1]) == cell
            }
            for other in self._overlaps.overlapping(delivery.delivery_id)
            if other in live and live[other].position > delivery.position
            # Of keys, the counts do not say which ones are in the periods that count.
            if live[other].portion.is_whole or (delivery.event.is_scoped and cell[1] in live[other].portion)
        ]

    def _superseded_scopes(self, delivery: LiveDelivery, cell: Cell, live: Mapping[str, LiveDelivery]) -> list[str]:
        if not delivery.event.is_scoped:
            return []
        superseded = self._superseded_lines(delivery, cell, live)
        return sorted({scope or "" for lines in superseded for _, _, scope in lines})


def _grouped(deliveries: Sequence[LiveDelivery], attribute: str) -> dict[str, tuple[LiveDelivery, ...]]:
    """Return deliveries by a text; thousands of them mostly have one each."""
    texts = list(map(attrgetter(attribute), deliveries))
    groups = dict(zip(texts, zip(deliveries, strict=True), strict=True))
    if len(groups) < len(texts):
        lists: dict[str, list[LiveDelivery]] = {text: [] for text in groups}
        for text, delivery in zip(texts, deliveries, strict=True):
            lists[text].append(delivery)
        groups = {text: tuple(of_text) for text, of_text in lists.items()}
    return groups


def cells_of_lines(delivery: LiveDelivery) -> set[Cell]:
    """Return the cells in which a delivery has lines."""
    return {(fold_name(count.scenario), count.period) for count in delivery.commit.periods}


def _load(delivery: LiveDelivery) -> _Load:
    return delivery.event.load_mode, delivery.event.is_scoped, delivery.event.keyed_by


def _position(delivery: LiveDelivery) -> Position:
    return delivery.position


def _place(deliveries: Sequence[LiveDelivery], delivery: LiveDelivery) -> int:
    """Return the index of a delivery among deliveries in the defined order."""
    first = bisect_left(deliveries, delivery.position, key=_position)
    return next(n for n in range(first, len(deliveries)) if deliveries[n].delivery_id == delivery.delivery_id)


def _place_of_count(count: PeriodCount) -> tuple[str, str]:
    return count.period, count.scenario


def effect_of(event: DeliveryDiscovered) -> tuple[object, ...]:
    """Return what decides, beside its lines, a delivery's effect on other deliveries."""
    return event.feed, event.kind, event.load_mode, event.is_scoped, event.order


def _content(delivery: LiveDelivery, cell: Cell) -> list[str]:
    """Return the hashes of a delivery's lines in a cell; nothing if one is not known."""
    contents = [
        one.content for one in delivery.commit.periods if one.period == cell[1] and fold_name(one.scenario) == cell[0]
    ]
    return sorted(contents) if all(contents) else []


def _kind(content: Sequence[str]) -> str | None:
    """Return the kind of the hashes of a cell; None if they are not known."""
    return hash_kind(content[0]) if content else None


def _may_be_equal(content: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether lines with these hashes may be the same; hashes of two kinds say nothing."""
    return content == other or not content or _kind(content) != _kind(other)


def count_in_cell(delivery: LiveDelivery, cell: Cell) -> Count:
    """Return a delivery's lines in a cell."""
    # Of the many periods of a file, the one is found by its text before a name is folded.
    counts = [
        one.count for one in delivery.commit.periods if one.period == cell[1] and fold_name(one.scenario) == cell[0]
    ]
    return sum(counts, Count())


def _overlap_cells(overlap: Overlap) -> set[Cell]:
    return {(fold(scenario), period) for scenario, period, _ in overlap.lines}


def _rows(delivery: LiveDelivery, cell: Cell) -> int:
    return sum(
        one.rows for one in delivery.commit.periods if one.period == cell[1] and fold_name(one.scenario) == cell[0]
    )
