"""The reconciliation: where every row and cent of the current deliveries is now.

Belongs here: its terms, from commits, slices and the warehouse. Does not belong here: the lines that they are shown on
(see `statement`), the lines of the star (see `star_lines`), printing (see `cli.reconciliation_output`).

Delivered = in the warehouse + not loaded yet + rejected + duplicate + skipped + superseded + held + withdrawn +
rounding. Current are an object's live delivery and, if newer, the one that waits; deliveries that can be reinstated are
withdrawn. Rows, net and gross each obey the equation on every line. The statement of all versions has the deliveries
that a later version of their object replaced as well, and one more term for their lines: replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from finance_platform.deliveries.commits import DELIVERED, Count, DeliveryCommit
from finance_platform.deliveries.members.account_counts import parts_on_accounts
from finance_platform.deliveries.members.account_types import statistical_accounts
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.feeds.values.codes import fold
from finance_platform.reports.star_lines import (
    Place,
    PublishedContent,
    add_slice,
    increase_all,
    published_content,
    published_slices,
    target_lines,
)
from finance_platform.reports.statement import STATISTICAL, Reconciliation, StatementBuilder
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.immutable_documents import derive_once, keep_equal
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement

_NOTHING = Count()
_OF_STAR = ("in_warehouse", "not_loaded_yet")
_WHOLE_COUNTS = 2
"""The counts of a commit all of whose lines are accepted, in one scenario: what was delivered, and the same again."""


class CurrentDelivery(NamedTuple):
    """A delivery, or a portion of one, that is part of the statement.

    Attributes:
        commit: the delivery, with the figures of the portion alone.
        status: the term that its accepted lines belong to unless they are live.
        portion: the periods of its accepted lines.
    """

    commit: DeliveryCommit
    status: Literal["live", "held", "withdrawn", "superseded", "replaced"]
    portion: Portion = WHOLE


def current_deliveries(state: DeliveryState) -> Sequence[CurrentDelivery]:
    """Return the deliveries that count, wait or can be reinstated, by object and content, each line of them once.

    A delivery that counts as it was first discovered, and is held as it was discovered last, is live.
    """
    return derive_once("current deliveries", (state,), _current_deliveries)


def _current_deliveries(state: DeliveryState) -> Sequence[CurrentDelivery]:
    # Of thousands of deliveries almost all count whole, and are found by their identity alone.
    whole: dict[str, CurrentDelivery] = {}
    parts: dict[tuple[str, Portion], CurrentDelivery] = {}

    def enter(one: CurrentDelivery) -> None:
        if one.portion.is_whole:
            whole[one.commit.delivery_id] = one
        else:
            parts[one.commit.delivery_id, one.portion] = one

    for delivery in state.awaiting_verdict:
        enter(CurrentDelivery(delivery.commit, "held"))
    stopped: list[tuple[InactiveDelivery, Literal["held", "withdrawn", "superseded"]]] = [
        *((one, "held") for one in state.inactive),
        *((one, "withdrawn") for one in state.withdrawn),
        # The lines of the closed period and those that are booked later stand for them.
        *((one, "superseded") for one in state.booked),
    ]
    for inactive, status in stopped:
        portion = Portion(frozenset(inactive.late_periods)) if inactive.late else WHOLE
        enter(CurrentDelivery(inactive.commit, status, portion))
    for delivery in state.live:
        if delivery.portion.only is None:
            whole.pop(delivery.commit.delivery_id, None)
        enter(CurrentDelivery(delivery.commit, "live", delivery.portion))
    return tuple(sorted([*whole.values(), *parts.values()], key=_place))


def _place(one: CurrentDelivery) -> tuple[str, str, str]:
    """Return what sorts current deliveries; whole ones, which most of thousands are, first and without a text."""
    return one.commit.object_key, one.commit.delivery_id, "" if one.portion.is_whole else str(one.portion)


def earlier_deliveries(snapshot: Snapshot, retired: Mapping[str, DeliveryCommit]) -> list[CurrentDelivery]:
    """Return the deliveries that are not current, removed ones too, by object; of some, only a rest is not current.

    Lines that were booked in a later period are no version of a file.

    Args:
        snapshot: the processed zone.
        retired: the commits of removed deliveries.
    """
    current: dict[str, list[Portion]] = {}
    for one in current_deliveries(snapshot.state):
        current.setdefault(one.commit.delivery_id, []).append(one.portion)
    earlier = []
    for delivery_id, commit in sorted({**retired, **snapshot.commits}.items()):
        portions = current.get(delivery_id, [])
        if not commit.booked_from and all(portion.only is not None for portion in portions):
            periods = frozenset[str]().union(*(portion.only or () for portion in portions))
            rest = Portion(without=periods)
            earlier.append(CurrentDelivery(rest.of(commit), "replaced", rest))
    return earlier


def reconcile(
    processed: ObjectStore,
    snapshot: Snapshot,
    warehouse: Queryable,
    *,
    currency: str,
    earlier: Iterable[CurrentDelivery] = (),
) -> Reconciliation:
    """Return the reconciliation of the current deliveries.

    Args:
        processed: the processed zone.
        snapshot: its state, with the target slices.
        warehouse: the warehouse.
        currency: the home's currency.
        earlier: deliveries to add that are not current.
    """
    slices, measured = published_slices(processed, snapshot, warehouse), _measure(warehouse)
    accounts, earlier = statistical_accounts(processed, snapshot.state.live), list(earlier)
    if not (accounts or earlier):
        # Everything else that it depends on: the status after a run needs what its report has had.
        name = f"statement of {processed.root}"
        others = keep_equal(f"inputs of the {name}", (currency, slices, snapshot.built, measured))
        inputs = (snapshot.state, snapshot.overlaps, snapshot.commits, others)

        def derive(*_: object) -> Reconciliation:
            return Reconciliation(_add_up(snapshot, slices, measured, currency)[1].lines(), currency)

        return derive_once(name, inputs, derive)
    ledger, builder = _add_up(snapshot, slices, measured, currency, earlier)
    _separate_statistical(builder, processed, snapshot, slices, ledger, accounts)
    return Reconciliation(builder.lines(), currency)


def _add_up(
    snapshot: Snapshot,
    slices: Sequence[SliceCommit | None],
    measured: Mapping[str, tuple[str, Count]],
    currency: str,
    earlier: Iterable[CurrentDelivery] = (),
) -> tuple[list[CurrentDelivery], StatementBuilder]:
    """Return the ledger deliveries and their terms, in money; these follow from the arguments alone."""
    builder = StatementBuilder(currency)
    published = published_content(slices, snapshot)
    deliveries = [*current_deliveries(snapshot.state), *earlier]
    ledger = [one for one in deliveries if one.commit.kind == "ledger" and one.commit.status == "read"]
    _add_deliveries(builder, ledger, snapshot.commits, target_lines(snapshot, snapshot.commits), published.lines)
    _add_unattributed(builder, published, measured)
    return ledger, builder


def reconcile_deliveries(
    processed: ObjectStore,
    snapshot: Snapshot,
    *,
    currency: str,
    only: Collection[str] | None = None,
    is_updated: bool = False,
) -> Reconciliation:
    """Return the terms of the current deliveries that need no warehouse: what was rejected, held, superseded and so on.

    The terms `in_warehouse` and `not_loaded_yet` are those of an empty warehouse.

    Args:
        processed: the processed zone.
        snapshot: its state, with the target slices.
        currency: the home's currency.
        only: the terms to return, None for all: most of thousands of deliveries have only lines that count.
        is_updated: see `parts_on_accounts`.
    """
    builder = StatementBuilder(currency, None if only is None else frozenset(only))
    deliveries = current_deliveries(snapshot.state)
    ledger = [one for one in deliveries if one.commit.kind == "ledger" and one.commit.status == "read"]
    _add_deliveries(builder, ledger, snapshot.commits, target_lines(snapshot, snapshot.commits), {})
    accounts = statistical_accounts(processed, snapshot.state.live)
    _separate_statistical(builder, processed, snapshot, (), ledger, accounts, is_updated=is_updated)
    return Reconciliation(builder.lines(), currency)


def _separate_statistical(
    builder: StatementBuilder,
    processed: ObjectStore,
    snapshot: Snapshot,
    slices: Sequence[SliceCommit | None],
    ledger: Sequence[CurrentDelivery],
    accounts: frozenset[int],
    *,
    is_updated: bool = False,
) -> None:
    """Move the lines on statistical accounts to lines of their own: the same terms, from these lines alone."""
    if not accounts:
        return
    published = {name for built in slices if built for name, *_ in (built.inputs or {}).get("lines", ())}
    commits = {name: snapshot.commits[name] for name in published if name in snapshot.commits}
    commits |= {name: snapshot.commits.get(name, one.commit) for one in ledger if (name := one.commit.delivery_id)}
    parts = parts_on_accounts(processed, commits.values(), accounts, is_updated=is_updated)
    if not parts:
        return
    loaded: dict[Place, Count] = {}
    for slice_commit in slices:
        if slice_commit:
            add_slice(loaded, slice_commit, parts, is_statistical=True)
    separate = StatementBuilder(STATISTICAL, builder.only)
    deliveries = [
        CurrentDelivery(portion.of(parts[commit.delivery_id]), status, portion)
        for commit, status, portion in ledger
        if commit.delivery_id in parts
    ]
    _add_deliveries(separate, deliveries, parts, target_lines(snapshot, parts, is_statistical=True), loaded)
    builder.separate(separate)


def _add_deliveries(
    builder: StatementBuilder,
    deliveries: Iterable[CurrentDelivery],
    commits: Mapping[str, DeliveryCommit],
    target: Mapping[Place, Count],
    loaded: Mapping[Place, Count],
) -> None:
    """Add the terms of deliveries, and of what the star has or will have of their lines."""
    is_of_star = builder.only is None or not builder.only.isdisjoint(_OF_STAR)
    whole: set[Place] = set()
    for commit, status, _ in deliveries:
        place = _whole_place(commit, target) if status == "live" else None
        if place and not is_of_star:
            builder.add_whole(commit, place[1], {})
        elif place and builder.only is None and place in loaded and _is_same(loaded[place], target[place]):
            delivered = commit.scenarios[0].count
            builder.add_whole(commit, place[1], {DELIVERED: delivered, "in_warehouse": loaded[place]})
            whole.add(place)
        else:
            _add_delivery(builder, commit, status, target)
    if not is_of_star:
        return
    for place in sorted((target.keys() | loaded.keys()) - whole):
        delivery_id, scenario = place
        commit, in_warehouse = commits[delivery_id], loaded.get(place, _NOTHING)
        builder.add(commit, scenario, "", "in_warehouse", in_warehouse)
        if (wanted := target.get(place, _NOTHING)) != in_warehouse:
            builder.add(commit, scenario, "", "not_loaded_yet", wanted - in_warehouse)


def _whole_place(commit: DeliveryCommit, target: Mapping[Place, Count]) -> Place | None:
    """Return the place of a live delivery of which every delivered line counts, in one scenario; None of any other.

    Such are almost all of thousands of small deliveries: their terms are what was delivered, and the same in the star.
    """
    if len(commit.scenarios) != _WHOLE_COUNTS:
        return None
    delivered, accepted = commit.scenarios
    place = (commit.delivery_id, accepted.scenario)
    is_whole = (
        (delivered.term, accepted.term) == (DELIVERED, "accepted")
        and delivered.scenario == accepted.scenario != ""
        and not (delivered.currency or accepted.currency)
        and (counted := target.get(place)) is not None
        and _is_same(accepted.count, counted)
        and not counted.is_zero
    )
    return place if is_whole else None


def _is_same(one: Count, other: Count) -> bool:
    """Return whether two counts are equal; the comparison of a dataclass takes five times as long."""
    return one is other or (
        one.rows == other.rows
        and one.amount == other.amount
        and (one.absolute is other.absolute or one.absolute == other.absolute)
        and one.unpriced == other.unpriced
    )


def _add_delivery(
    builder: StatementBuilder, commit: DeliveryCommit, status: str, target: Mapping[Place, Count]
) -> None:
    for lines in commit.scenarios:
        term = lines.term
        if term == "accepted":
            if status == "live":
                counted = target.get((commit.delivery_id, lines.scenario), _NOTHING)
                if counted != lines.count:  # of thousands of deliveries, almost all lines count
                    builder.add(commit, lines.scenario, lines.currency, "superseded", lines.count - counted)
                continue
            term = status
        builder.add(commit, lines.scenario, lines.currency, term, lines.count)


def _measure(warehouse: Queryable) -> dict[str, tuple[str, Count]]:
    """Return name, and rows and money with the sign of the star, of each scenario in the warehouse."""
    try:
        rows = warehouse.query(statement(SqlFile.LINES_IN_WAREHOUSE)).rows
    except NoWarehouseYetError:
        return {}
    return {fold(name): (name, Count(lines, amount)) for name, lines, amount in rows}


def _add_unattributed(
    builder: StatementBuilder, published: PublishedContent, measured: Mapping[str, tuple[str, Count]]
) -> None:
    """Add what is in the warehouse and belongs to no delivery, so that the home's terms are those of the warehouse.

    What the warehouse has lost or gained since its slices were built appears here, without a term that explains it.
    """
    attributed: dict[str, Count] = {}
    increase_all(attributed, ((scenario, count) for (_, scenario), count in published.lines.items()))
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
