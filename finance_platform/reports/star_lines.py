"""The lines of deliveries that the star has, or will have once every target slice is loaded.

Belongs here: counting them by delivery and scenario, from commits, slices and what supersedes what. Does not belong
here: the terms of the statement (see `reconciliation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import Count, DeliveryCommit, PeriodCount
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.values.codes import fold
from finance_platform.reports.statement import total
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.readings import same_readings
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries, line_inputs, portions_of
from finance_platform.storage.immutable_documents import derive_once, keep_equal
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import Queryable

_NOTHING = Count()
_FACT = FACT_FINANCIALS.name

Place = tuple[str, str]
"""A delivery and a scenario as the delivery spells it."""


@dataclass(frozen=True)
class _AcceptedLines:
    """The accepted lines of one period of the deliveries that contribute to it.

    Attributes:
        names: the deliveries, each with the scenarios whose lines count, as the inputs of a slice have them.
        lines: the lines by delivery and scenario.
    """

    names: Sequence[Sequence[str]]
    lines: Mapping[Place, Count]


NOTHING_KNOWN: Mapping[str, _AcceptedLines] = MappingProxyType({})


def target_lines(
    snapshot: Snapshot, commits: Mapping[str, DeliveryCommit], *, is_statistical: bool = False
) -> Mapping[Place, Count]:
    """Return, by delivery and scenario, the lines that the star contains once every target slice is loaded.

    The lines that a later delivery supersedes by key are only known once their period is built; until then they are
    among the lines that are not loaded yet.

    Args:
        snapshot: the processed zone.
        commits: the figures of the deliveries to look at, all or a part of them.
        is_statistical: whether these are the figures of statistical accounts alone.

    Returns:
        A mapping that callers do not change: of all deliveries it is counted once for the same snapshot.
    """
    if commits is not snapshot.commits or is_statistical:
        parts = _accepted_by_period(snapshot.state, snapshot.overlaps, commits)
        return _count_target_lines(snapshot, parts, is_statistical=is_statistical)
    name = "lines of all target slices"
    inputs = (snapshot.state, snapshot.overlaps, commits, keep_equal(f"slices of the {name}", dict(snapshot.built)))
    parts = accepted_by_period(snapshot)
    return derive_once(name, inputs, lambda *_: _count_target_lines(snapshot, parts, is_statistical=False))


def accepted_by_period(snapshot: Snapshot) -> Mapping[str, _AcceptedLines]:
    """Return the accepted lines that contribute to each period; counted once for the same snapshot."""
    inputs = (snapshot.state, snapshot.overlaps, snapshot.commits)
    return derive_once("accepted lines by period", inputs, _accepted_by_period)


def _accepted_by_period(
    state: DeliveryState, overlaps: Overlaps, commits: Mapping[str, DeliveryCommit]
) -> Mapping[str, _AcceptedLines]:
    parts: dict[str, _AcceptedLines] = {}
    for period, items in contributing_deliveries(state, overlaps).items():
        names = sorted([item.delivery.commit.delivery_id, *item.scenarios] for item in items)
        lines: dict[Place, Count] = {}
        # In the order of the deliveries, in which their commits are in memory.
        for item in items:
            if (commit := commits.get(item.delivery.commit.delivery_id)) is not None:
                _add_accepted(lines, commit, period, item.scenarios)
        parts[period] = _AcceptedLines(names, lines)
    return parts


def _count_target_lines(
    snapshot: Snapshot, parts: Mapping[str, _AcceptedLines], *, is_statistical: bool
) -> Mapping[Place, Count]:
    target: dict[Place, Count] = {}
    portions = portions_of(snapshot.state)
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        _add_all(target, parts[period].lines)
        built = snapshot.built.get((_FACT, period))
        if built and built.superseded:
            # A closed period that stays as it is may have been built from readings of an earlier release.
            names = same_readings(built.inputs or {}, line_inputs(items, portions), snapshot.commits)
            if names is not None:
                _subtract_superseded(target, built, names, is_statistical=is_statistical)
    return target


def _add_accepted(totals: dict[Place, Count], commit: DeliveryCommit, period: str, scenarios: Sequence[str]) -> None:
    """Add a delivery's accepted lines of a period and some scenarios."""
    for lines in commit.periods:
        if lines.period == period and lines.scenario in scenarios:
            place, count = (commit.delivery_id, lines.scenario), _count_of(commit, lines)
            # A count of a delivery alone stays the object that it is: there may be thousands of deliveries.
            totals[place] = totals[place] + count if place in totals else count


def _count_of(commit: DeliveryCommit, lines: PeriodCount) -> Count:
    """Return lines as a count: the commit's own where they are all of its lines, as in thousands of deliveries."""
    accepted = commit.outcomes.get("accepted")
    if (
        accepted is not None
        and len(commit.periods) == 1
        and accepted.rows == lines.rows
        and accepted.amount == lines.amount
        and accepted.absolute == lines.absolute
        and not accepted.unpriced
    ):
        return accepted
    return lines.count


def _add_all(totals: dict[Place, Count], counts: Mapping[Place, Count]) -> None:
    """Add the lines of one period; few deliveries of thousands have lines in several."""
    if totals.keys().isdisjoint(counts):
        totals.update(counts)
        return
    for place, count in counts.items():
        totals[place] = totals[place] + count if place in totals else count


def _subtract_superseded(
    totals: dict[Place, Count], built: SliceCommit, names: Mapping[str, str], *, is_statistical: bool
) -> None:
    """Subtract the lines that a slice's other lines supersede; `names` has deliveries that stand for those it names."""
    for lines in built.superseded:
        place = (names.get(lines.delivery_id, lines.delivery_id), lines.scenario)
        if place in totals and (lines.is_statistical or not is_statistical):
            totals[place] -= lines.count


def add_slice(
    totals: dict[Place, Count],
    slice_commit: SliceCommit,
    commits: Mapping[str, DeliveryCommit],
    known: Mapping[str, _AcceptedLines] = NOTHING_KNOWN,
    *,
    is_statistical: bool = False,
) -> Mapping[Place, Count]:
    """Add a slice's lines by delivery; return the accepted lines that it was built from, by delivery and scenario.

    Args:
        totals: what the lines are added to.
        slice_commit: the slice.
        commits: the figures of the deliveries to look at.
        known: lines of these commits that were counted before, see `accepted_by_period`.
        is_statistical: whether these are the figures of statistical accounts alone.
    """
    names, part = (slice_commit.inputs or {}).get("lines", ()), known.get(slice_commit.slice)
    if part is not None and part.names == names:
        counts = part.lines
    else:
        counts = {}
        for delivery_id, *scenarios in names:
            if delivery_id in commits:
                _add_accepted(counts, commits[delivery_id], slice_commit.slice, scenarios)
    _add_all(totals, counts)
    _subtract_superseded(totals, slice_commit, {}, is_statistical=is_statistical)
    return counts


@dataclass
class PublishedContent:
    """The content of the published slices of the fact table, as it was built.

    Attributes:
        lines: with the sign as delivered, by delivery and scenario.
        star: rows and money with the sign of the star, by scenario.
        as_delivered: the same lines with the sign as delivered, by scenario.
        replaced: lines in `lines` that are superseded, of slices that do not record by which delivery, by scenario.
        is_complete: whether the commits of all published slices could be read.
    """

    lines: dict[Place, Count] = field(default_factory=dict)
    star: dict[str, Count] = field(default_factory=dict)
    as_delivered: dict[str, Count] = field(default_factory=dict)
    replaced: dict[str, Count] = field(default_factory=dict)
    is_complete: bool = True

    def add(
        self, slice_commit: SliceCommit, commits: Mapping[str, DeliveryCommit], known: Mapping[str, _AcceptedLines]
    ) -> None:
        """Add one slice; see `add_slice`."""
        for scenario_sum in slice_commit.sums:
            increase(self.star, scenario_sum.scenario, Count(scenario_sum.line_count, scenario_sum.amount))
            increase(self.as_delivered, scenario_sum.scenario, scenario_sum.delivered)
        accepted = add_slice(self.lines, slice_commit, commits, known)
        if slice_commit.hidden_lines and not slice_commit.superseded:
            attributed: dict[str, Count] = {}
            increase_all(attributed, ((scenario, count) for (_, scenario), count in accepted.items()))
            for scenario_sum in slice_commit.sums:
                surplus = attributed.get(fold(scenario_sum.scenario), _NOTHING) - scenario_sum.delivered
                increase(self.replaced, scenario_sum.scenario, surplus)


def increase(totals: dict[str, Count], scenario: str, count: Count) -> None:
    """Add to a scenario's total; spellings of one name share it."""
    totals[fold(scenario)] = totals.get(fold(scenario), _NOTHING) + count


def increase_all(totals: dict[str, Count], counts: Iterable[tuple[str, Count]]) -> None:
    """Add the counts of thousands of deliveries, which spell their scenarios in a few ways."""
    by_scenario: dict[str, list[Count]] = {}
    for scenario, count in counts:
        by_scenario.setdefault(scenario, []).append(count)
    for scenario, of_scenario in by_scenario.items():
        increase(totals, scenario, total(of_scenario))


def published_slices(processed: ObjectStore, snapshot: Snapshot, warehouse: Queryable) -> list[SliceCommit | None]:
    """Return the commits of the published slices of the fact table; None for one that cannot be read."""
    versions = {slice_: version for (table, slice_), version in published_versions(warehouse).items() if table == _FACT}
    built = {period: commit for (table, period), commit in snapshot.built.items() if table == _FACT}
    current = {period for period, version in versions.items() if period in built and built[period].version == version}
    others = [(_FACT, period, version) for period, version in versions.items() if period not in current]
    return [*(built[period] for period in sorted(current)), *read_slices(processed, others)]


def published_content(slices: Iterable[SliceCommit | None], snapshot: Snapshot) -> PublishedContent:
    """Return the content of published slices; of one that cannot be read, only that it is missing."""
    content, known = PublishedContent(), accepted_by_period(snapshot)
    for slice_commit in slices:
        if slice_commit is None:
            content.is_complete = False
        else:
            content.add(slice_commit, snapshot.commits, known)
    return content
