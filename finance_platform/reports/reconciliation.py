"""The reconciliation: where every row and cent of the current deliveries is now.

Belongs here: its terms, from commits, slices and the warehouse. Does not belong here: the lines that they are shown on
(see `statement`), printing (see `cli.reconciliation_output`).

Delivered = in the warehouse + not loaded yet + rejected + duplicate + skipped + superseded + held + withdrawn +
rounding. Current are an object's live delivery and, if newer, the one that waits; deliveries that can be reinstated are
withdrawn. Rows, net and gross each obey the equation on every line. The statement of all versions has the deliveries
that a later version of their object replaced as well, and one more term for their lines: replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.account_counts import parts_on_accounts
from finance_platform.deliveries.account_types import statistical_accounts
from finance_platform.deliveries.commits import (
    DELIVERED,
    ROUNDING,
    Count,
    DeliveryCommit,
    ScenarioCount,
)
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.amounts import EXACT
from finance_platform.feeds.codes import fold
from finance_platform.reports.statement import (
    NO_SCENARIO,
    STATISTICAL,
    UNKNOWN_SCENARIO,
    Line,
    Reconciliation,
    sort_key,
    total,
)
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import ContributingDelivery, contributing_deliveries, line_inputs
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement

_NOTHING = Count()
_FACT = FACT_FINANCIALS.name

_Place = tuple[str, str]
"""A delivery and a scenario as the delivery spells it."""


class CurrentDelivery(NamedTuple):
    """A delivery that is part of the statement, and the term that its accepted lines belong to unless they are live."""

    commit: DeliveryCommit
    status: Literal["live", "held", "withdrawn", "replaced"]


def current_deliveries(state: DeliveryState) -> list[CurrentDelivery]:
    """Return the deliveries that count, wait or can be reinstated, by object and content, each once.

    A delivery that counts as it was first discovered, and is held as it was discovered last, is live.
    """
    current: dict[str, CurrentDelivery] = {}
    for delivery in state.awaiting_verdict:
        current[delivery.delivery_id] = CurrentDelivery(delivery.commit, "held")
    for inactive in state.inactive:
        current[inactive.commit.delivery_id] = CurrentDelivery(inactive.commit, "held")
    for inactive in state.withdrawn:
        current[inactive.commit.delivery_id] = CurrentDelivery(inactive.commit, "withdrawn")
    for delivery in state.live:
        current[delivery.delivery_id] = CurrentDelivery(delivery.commit, "live")
    return sorted(current.values(), key=lambda item: (item.commit.object_key, item.commit.delivery_id))


def earlier_deliveries(snapshot: Snapshot, retired: Mapping[str, DeliveryCommit]) -> list[DeliveryCommit]:
    """Return the deliveries that are not current, removed ones too, by object.

    Args:
        snapshot: the processed zone.
        retired: the commits of removed deliveries.
    """
    current = {commit.delivery_id for commit, _ in current_deliveries(snapshot.state)}
    commits = {**retired, **snapshot.commits}
    return [commit for delivery_id, commit in sorted(commits.items()) if delivery_id not in current]


def reconcile(
    processed: ObjectStore,
    snapshot: Snapshot,
    warehouse: Queryable,
    *,
    currency: str,
    earlier: Iterable[DeliveryCommit] = (),
) -> Reconciliation:
    """Return the reconciliation of the current deliveries.

    Args:
        processed: the processed zone.
        snapshot: its state, with the target slices.
        warehouse: the warehouse.
        currency: the home's currency.
        earlier: deliveries to add that are not current.
    """
    builder = _Builder(currency)
    slices = _published_slices(processed, snapshot, warehouse)
    published = _published_content(slices, snapshot.commits)
    deliveries = [
        *current_deliveries(snapshot.state),
        *(CurrentDelivery(commit, "replaced") for commit in earlier),
    ]
    ledger = [one for one in deliveries if one.commit.kind == "ledger" and one.commit.status == "read"]
    _add_deliveries(builder, ledger, snapshot.commits, _target_lines(snapshot, snapshot.commits), published.lines)
    _add_unattributed(builder, published, _measure(warehouse))
    _separate_statistical(builder, processed, snapshot, slices, ledger)
    return Reconciliation(builder.lines(), currency)


def _separate_statistical(
    builder: _Builder,
    processed: ObjectStore,
    snapshot: Snapshot,
    slices: Sequence[SliceCommit | None],
    ledger: Sequence[CurrentDelivery],
) -> None:
    """Move the lines on statistical accounts to lines of their own: the same terms, from these lines alone."""
    accounts = statistical_accounts(processed, snapshot.state.live)
    published = {name for built in slices if built for name, *_ in (built.inputs or {}).get("lines", ())}
    commits = {name: snapshot.commits[name] for name in published if name in snapshot.commits}
    commits |= {one.commit.delivery_id: one.commit for one in ledger}
    parts = parts_on_accounts(processed, commits.values(), accounts)
    if not parts:
        return
    loaded: dict[_Place, Count] = {}
    for slice_commit in slices:
        if slice_commit:
            _add_slice(loaded, slice_commit, parts, is_statistical=True)
    separate = _Builder(STATISTICAL)
    deliveries = [
        CurrentDelivery(parts[commit.delivery_id], status) for commit, status in ledger if commit.delivery_id in parts
    ]
    _add_deliveries(separate, deliveries, parts, _target_lines(snapshot, parts, is_statistical=True), loaded)
    builder.separate(separate)


def _add_deliveries(
    builder: _Builder,
    deliveries: Iterable[CurrentDelivery],
    commits: Mapping[str, DeliveryCommit],
    target: Mapping[_Place, Count],
    loaded: Mapping[_Place, Count],
) -> None:
    """Add the terms of deliveries, and of what the star has or will have of their lines."""
    for commit, status in deliveries:
        _add_delivery(builder, commit, status, target)
    for place in sorted(target.keys() | loaded.keys()):
        delivery_id, scenario = place
        commit, in_warehouse = commits[delivery_id], loaded.get(place, _NOTHING)
        builder.add(commit, scenario, "", "in_warehouse", in_warehouse)
        builder.add(commit, scenario, "", "not_loaded_yet", target.get(place, _NOTHING) - in_warehouse)


def _add_delivery(builder: _Builder, commit: DeliveryCommit, status: str, target: Mapping[_Place, Count]) -> None:
    for lines in scenario_counts(commit):
        term = lines.term
        if term == "accepted":
            if status == "live":
                counted = target.get((commit.delivery_id, lines.scenario), _NOTHING)
                builder.add(commit, lines.scenario, lines.currency, "superseded", lines.count - counted)
                continue
            term = status
        builder.add(commit, lines.scenario, lines.currency, term, lines.count)


def scenario_counts(commit: DeliveryCommit) -> Sequence[ScenarioCount]:
    """Return a commit's lines by scenario; of an earlier release's commit, as far as it recorded them."""
    if commit.scenarios:
        return commit.scenarios
    counts: list[ScenarioCount] = []
    by_scenario: dict[str, Count] = {}
    for lines in commit.periods:
        by_scenario[lines.scenario] = by_scenario.get(lines.scenario, _NOTHING) + lines.count
    for scenario, count in by_scenario.items():
        counts += [ScenarioCount(scenario, "", term, count) for term in (DELIVERED, "accepted")]
    accepted = total(lines.count for lines in commit.periods)
    others = {name: commit.outcome(name) for name in ("rejected", "duplicate", "skipped")}
    delivered = Count(
        commit.read.rows - accepted.rows,
        EXACT.subtract(commit.read.amount, accepted.amount),
        total(others.values()).absolute,
        commit.read.unpriced,
    )
    rest = {DELIVERED: delivered, ROUNDING: Count(amount=EXACT.minus(commit.rounding)), **others}
    return [*counts, *(ScenarioCount(UNKNOWN_SCENARIO, "", term, count) for term, count in rest.items())]


def _target_lines(
    snapshot: Snapshot, commits: Mapping[str, DeliveryCommit], *, is_statistical: bool = False
) -> dict[_Place, Count]:
    """Return, by delivery and scenario, the lines that the star contains once every target slice is loaded.

    The lines that a later delivery supersedes by key are only known once their period is built; until then they are
    among the lines that are not loaded yet.

    Args:
        snapshot: the processed zone.
        commits: the figures of the deliveries to look at, all or a part of them.
        is_statistical: whether these are the figures of statistical accounts alone.
    """
    target: dict[_Place, Count] = {}
    for period, items in contributing_deliveries(snapshot.state, snapshot.overlaps).items():
        for item in items:
            if item.delivery.delivery_id in commits:
                _add_accepted(target, commits[item.delivery.delivery_id], period, item.scenarios)
        built = snapshot.built.get((_FACT, period))
        if built and _is_built_from(built, items):
            _subtract_superseded(target, built, is_statistical=is_statistical)
    return target


def _is_built_from(built: SliceCommit, items: Sequence[ContributingDelivery]) -> bool:
    inputs = built.inputs or {}
    return all(_as_lists(inputs.get(name)) == _as_lists(value) for name, value in line_inputs(items).items())


def _as_lists(value: object) -> object:
    """Return a value with lists for tuples, as JSON gives them."""
    return [_as_lists(part) for part in value] if isinstance(value, list | tuple) else value


def _add_accepted(
    totals: dict[_Place, Count], commit: DeliveryCommit, period: str, scenarios: Sequence[str]
) -> dict[str, Count]:
    """Add a delivery's accepted lines of a period and some scenarios; return them by scenario."""
    added: dict[str, Count] = {}
    for lines in commit.periods:
        if lines.period == period and lines.scenario in scenarios:
            added[lines.scenario] = added.get(lines.scenario, _NOTHING) + lines.count
    for scenario, count in added.items():
        place = (commit.delivery_id, scenario)
        totals[place] = totals.get(place, _NOTHING) + count
    return added


def _subtract_superseded(totals: dict[_Place, Count], built: SliceCommit, *, is_statistical: bool) -> None:
    for lines in built.superseded:
        place = (lines.delivery_id, lines.scenario)
        if place in totals and (lines.is_statistical or not is_statistical):
            totals[place] -= lines.count


def _add_slice(
    totals: dict[_Place, Count],
    slice_commit: SliceCommit,
    commits: Mapping[str, DeliveryCommit],
    *,
    is_statistical: bool = False,
) -> dict[str, Count]:
    """Add a slice's lines by delivery; return the accepted lines that it was built from, by scenario."""
    accepted: dict[str, Count] = {}
    for delivery_id, *scenarios in (slice_commit.inputs or {}).get("lines", ()):
        if delivery_id in commits:
            added = _add_accepted(totals, commits[delivery_id], slice_commit.slice, scenarios)
            for scenario, count in added.items():
                _increase(accepted, scenario, count)
    _subtract_superseded(totals, slice_commit, is_statistical=is_statistical)
    return accepted


@dataclass
class _Published:
    """The content of the published slices of the fact table, as it was built.

    Attributes:
        lines: with the sign as delivered, by delivery and scenario.
        star: rows and money with the sign of the star, by scenario.
        as_delivered: the same lines with the sign as delivered, by scenario.
        replaced: lines in `lines` that are superseded, of slices that do not record by which delivery, by scenario.
        is_complete: whether the commits of all published slices could be read.
    """

    lines: dict[_Place, Count] = field(default_factory=dict)
    star: dict[str, Count] = field(default_factory=dict)
    as_delivered: dict[str, Count] = field(default_factory=dict)
    replaced: dict[str, Count] = field(default_factory=dict)
    is_complete: bool = True

    def add(self, slice_commit: SliceCommit, commits: Mapping[str, DeliveryCommit]) -> None:
        """Add one slice."""
        for scenario_sum in slice_commit.sums:
            _increase(self.star, scenario_sum.scenario, Count(scenario_sum.line_count, scenario_sum.amount))
            _increase(self.as_delivered, scenario_sum.scenario, scenario_sum.delivered)
        attributed = _add_slice(self.lines, slice_commit, commits)
        if slice_commit.hidden_lines and not slice_commit.superseded:
            for scenario_sum in slice_commit.sums:
                surplus = attributed.get(fold(scenario_sum.scenario), _NOTHING) - scenario_sum.delivered
                _increase(self.replaced, scenario_sum.scenario, surplus)


def _increase(totals: dict[str, Count], scenario: str, count: Count) -> None:
    """Add to a scenario's total; spellings of one name share it."""
    totals[fold(scenario)] = totals.get(fold(scenario), _NOTHING) + count


def _published_slices(processed: ObjectStore, snapshot: Snapshot, warehouse: Queryable) -> list[SliceCommit | None]:
    """Return the commits of the published slices of the fact table; None for one that cannot be read."""
    versions = {slice_: version for (table, slice_), version in published_versions(warehouse).items() if table == _FACT}
    built = {period: commit for (table, period), commit in snapshot.built.items() if table == _FACT}
    current = {period for period, version in versions.items() if period in built and built[period].version == version}
    others = [(_FACT, period, version) for period, version in versions.items() if period not in current]
    return [*(built[period] for period in sorted(current)), *read_slices(processed, others)]


def _published_content(slices: Iterable[SliceCommit | None], commits: Mapping[str, DeliveryCommit]) -> _Published:
    content = _Published()
    for slice_commit in slices:
        if slice_commit is None:
            content.is_complete = False
        else:
            content.add(slice_commit, commits)
    return content


def _measure(warehouse: Queryable) -> dict[str, tuple[str, Count]]:
    """Return name, and rows and money with the sign of the star, of each scenario in the warehouse."""
    try:
        rows = warehouse.query(statement(SqlFile.LINES_IN_WAREHOUSE)).rows
    except NoWarehouseYetError:
        return {}
    return {fold(name): (name, Count(lines, amount)) for name, lines, amount in rows}


def _add_unattributed(builder: _Builder, published: _Published, measured: Mapping[str, tuple[str, Count]]) -> None:
    """Add what is in the warehouse and belongs to no delivery, so that the home's terms are those of the warehouse.

    What the warehouse has lost or gained since its slices were built appears here, without a term that explains it.
    """
    attributed: dict[str, Count] = {}
    for (_, scenario), count in published.lines.items():
        _increase(attributed, scenario, count)
    for scenario in sorted(measured.keys() | published.star.keys() | attributed.keys()):
        name, count = measured.get(scenario, (scenario, _NOTHING))
        changed = _without_gross(count) - _without_gross(published.star.get(scenario, _NOTHING))
        replaced = published.replaced.get(scenario, _NOTHING)
        as_delivered = published.as_delivered.get(scenario, _NOTHING)
        unknown = as_delivered + replaced - attributed.get(scenario, _NOTHING)
        builder.add_home(name, "in_warehouse", changed)
        for count_, term in ((unknown, "not_loaded_yet"), (_NOTHING - replaced, "superseded")):
            builder.add_home(name, "in_warehouse", count_)
            builder.add_home(name, term, _NOTHING - count_)
        if not published.is_complete:
            builder.add_home(name, "not_loaded_yet", _NOTHING - changed)


def _without_gross(count: Count) -> Count:
    """Return rows and net: the warehouse contains sums of lines, from which gross amounts cannot be measured."""
    return Count(count.rows, count.amount)


@dataclass
class _Builder:
    """Collects the terms of each feed, file, scenario and unit."""

    currency: str
    terms: dict[tuple[str, str, str, str], dict[str, Count]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    has_sides: dict[tuple[str, str, str, str], bool] = field(default_factory=dict)

    def add(self, commit: DeliveryCommit, scenario: str, currency: str, term: str, count: Count) -> None:
        """Add lines of a delivery."""
        place = (commit.feed, commit.object_key, scenario or NO_SCENARIO, currency or self.currency)
        self._add(place, term, count, has_sides=commit.is_debit_positive)

    def add_home(self, scenario: str, term: str, count: Count) -> None:
        """Add lines that no delivery accounts for."""
        self._add(("", "", scenario or NO_SCENARIO, self.currency), term, count, has_sides=False)

    def separate(self, part: _Builder) -> None:
        """Show a part of the lines in the home's currency in the unit of `part` instead."""
        for place, terms in part.terms.items():
            feed, file, scenario, unit = place
            self.names.setdefault(scenario, part.names[scenario])
            whole = (feed, file, scenario, self.currency)
            for term, count in terms.items():
                self._add((feed, file, self.names[scenario], unit), term, count, has_sides=part.has_sides[place])
                self._add((feed, file, self.names[scenario], self.currency), term, _NOTHING - count, has_sides=True)
            if all(count.is_zero for count in self.terms[whole].values()):
                del self.terms[whole], self.has_sides[whole]

    def _add(self, place: tuple[str, str, str, str], term: str, count: Count, *, has_sides: bool) -> None:
        if count.is_zero:
            return
        feed, file, scenario, unit = place
        self.names.setdefault(fold(scenario), scenario)
        place = (feed, file, fold(scenario), unit)
        terms = self.terms.setdefault(place, {})
        terms[term] = terms.get(term, _NOTHING) + count
        self.has_sides[place] = self.has_sides.get(place, True) and has_sides

    def lines(self) -> list[Line]:
        """Return a line per place."""
        lines = [
            Line(self.names[scenario], unit, terms, feed, file, self.has_sides[feed, file, scenario, unit])
            for (feed, file, scenario, unit), terms in self.terms.items()
        ]
        return sorted(lines, key=lambda line: sort_key(line, self.currency))
