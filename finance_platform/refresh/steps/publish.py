"""The fourth step: publish the target slices in one transaction, which commits only what passes the blocking checks.

Belongs here: the use case. Does not belong here: how a load works (see `warehouse.load`), what is checked (see
`quality.invariants`), which slices an audit may leave out (see `full_audit`), the tables beside the star (see
`small_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import (
    COMMENTARY,
    DELIVERED_BALANCE,
    DIM_ACCOUNT,
    FACT_FINANCIALS,
    STATEMENT_MAPPING,
)
from finance_platform.count_text import pluralize
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.report_inputs import ReportInputs, read_report_inputs
from finance_platform.errors import DamagedObjectError, DamagedWarehouseError, LoadError, QueryError, StarNotBuiltError
from finance_platform.home import Home
from finance_platform.quality.checks import Outcome
from finance_platform.quality.invariants import Audit, AuditScope
from finance_platform.quality.processed import check_star
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.quality.warehouse import (
    check_closed_periods,
    check_comments,
    check_statement_lines,
    check_warehouse,
    in_order,
)
from finance_platform.refresh.steps.build_star import NO_REBUILD, Rebuild
from finance_platform.refresh.steps.complete_run import discard_complete_run
from finance_platform.refresh.steps.full_audit import (
    EVERYTHING,
    Audited,
    discard_full_audit,
    follow_audit,
    record_full_audit,
    reliable_audit,
)
from finance_platform.refresh.steps.kept_statement_lines import all_waiting, keep_mapping
from finance_platform.refresh.steps.repair import damage_noted, discard_unreadable_slices, require_none_missing
from finance_platform.refresh.steps.restore import restore, slice_to_load
from finance_platform.refresh.steps.small_tables import make_report_tables, make_tables_beside
from finance_platform.reports.movements import shown_movements
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.closed_periods import FrozenPeriods, build_kept_members, freeze, unknown_slice
from finance_platform.slices.completeness import Lines
from finance_platform.slices.equal_rows import find_unchanged
from finance_platform.slices.line_counts import count_lines
from finance_platform.slices.published import explain_stale, published_snapshot
from finance_platform.slices.settings_in_force import record_settings
from finance_platform.slices.snapshot import Snapshot, read_snapshot, take_snapshot
from finance_platform.slices.waiting_changes import WaitingChange
from finance_platform.storage.lease import ensure_lease_held
from finance_platform.storage.listed_once import listed_until_written
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse import load
from finance_platform.warehouse.access_rights import read_units, record
from finance_platform.warehouse.ledger import PublishedSlice, published_slices, published_versions
from finance_platform.warehouse.load_records import LoadRecords
from finance_platform.warehouse.load_request import LoadRequest, LoadResult
from finance_platform.warehouse.period_status import update_statuses
from finance_platform.warehouse.port import Queryable, Warehouse
from finance_platform.warehouse.report_tables import update_report_tables


@dataclass(frozen=True)
class Publication:
    """What the step did, and what is published afterwards.

    Attributes:
        load: the load; None if nothing was stale, or if a blocking check rejected it.
        refusal: why the load was rejected; empty if it was not.
        star_outcomes: of the checks on the slices that the load would have published.
        outcomes: of every check on the warehouse.
        ledger: every published slice.
        snapshot: the processed zone with the published versions as its target; differs from what the load tried to
            publish if the audit refused it.
        movements: see `reports.movements.shown_movements`.
        frozen: closed periods that stay as they are published although their target has other rows.
        waiting: what would change in closed periods, and waits for a decision; frozen periods among it.
        stale: slices that are not published in their target version, after the load.
        repaired: what was damaged in the warehouse and was built again, a sentence each.
        also_loaded: what people say about the figures and was replaced, such as comments or trial balances.
        audited: which slices the blocking checks have read.
    """

    load: LoadResult | None
    refusal: str
    star_outcomes: Sequence[Outcome]
    outcomes: Sequence[Outcome]
    ledger: Mapping[SliceName, PublishedSlice]
    snapshot: Snapshot
    movements: Sequence[dict[str, Any]]
    frozen: tuple[str, ...]
    stale: tuple[SliceName, ...] = ()
    repaired: Sequence[str] = ()
    also_loaded: Sequence[str] = ()
    waiting: Sequence[WaitingChange] = ()
    audited: Audited = EVERYTHING


_MANY_ACCOUNT_MONTHS = 500_000
"""Above them, the checks on published figures need hundreds of megabytes, and so does each query of the reports."""

_OF_FILES = {
    COMMENTARY.name: "comments",
    STATEMENT_MAPPING.name: "lines of the statement",
    DELIVERED_BALANCE.name: "trial balances",
}
"""Tables beside the star that change with a file; the others follow settings and every load."""


def publish(
    home: Home,
    *,
    clock: Callable[[], datetime],
    run_id: str,
    rebuild: Rebuild = NO_REBUILD,
    once_published: Callable[[], None] = lambda: None,
) -> Publication:
    """Publish every stale slice, or none of them.

    Args:
        home: the home; the caller holds its lock. Nothing of its raw zone is read.
        clock: returns now, UTC.
        run_id: the run.
        rebuild: what is loaded again although it is current.
        once_published: is called when nothing more is written to the warehouse, and checks that only warn follow. With
            very many months of accounts it is not called: what would begin then needs as much memory as the checks do.

    Raises:
        StarNotBuiltError: target slices are not built; a missing slice would be taken for a removed one.
        LoadError: the load failed; what was published stays.
        LockedError: the lease on the processed zone was lost.
        LostDeliveryError: a delivery counts, and its commit is damaged and cannot be read again.
        DamagedObjectError: the rows of a slice are damaged; the next run builds it again.
    """
    processed = listed_until_written(home.processed)
    attempt = partial(
        _publish,
        replace(home, processed=processed),
        clock=clock,
        run_id=run_id,
        rebuild=rebuild,
        once_published=once_published,
    )
    with damage_noted(processed):
        try:
            return attempt()
        except DamagedWarehouseError:
            # Damage in the middle of the file is found when it is read; preparing the warehouse then sets it aside.
            return attempt()


def _publish(
    home: Home,
    *,
    clock: Callable[[], datetime],
    run_id: str,
    rebuild: Rebuild,
    once_published: Callable[[], None],
) -> Publication:
    processed, warehouse, settings = home.processed, home.warehouse, home.settings
    repaired = [*warehouse.prepare()]
    records = LoadRecords(processed, str(Register(processed).head()))
    repaired += restore(processed, warehouse, records, run_id=run_id, clock=clock)
    last_audit = None if repaired else reliable_audit(processed, warehouse)
    if settings.is_on_aws:
        _record_access_rights(processed, warehouse, settings, clock())
    versions = published_versions(warehouse)
    frozen = _freeze_built(processed, settings, versions)
    snapshot, actuals_through = frozen.snapshot, frozen.snapshot.settings.actuals_through
    record_settings(processed, snapshot.settings)
    stale = _find_stale(processed, snapshot, versions, rebuild)
    scope = None if last_audit is None or stale.is_all_of(snapshot) else AuditScope.of(stale.replaced, warehouse)
    audit = Audit(snapshot, actuals_through=actuals_through, frozen_periods=frozen.periods, scope=scope)
    # The step that builds runs these checks too, but a selection may load without it.
    star_outcomes = check_star(snapshot, processed)
    beside = make_tables_beside(processed, warehouse, settings, frozen, versions, is_restored=bool(repaired))
    lines = _line_counts(processed, snapshot)
    result, refusal = None, _rejection(star_outcomes)
    if stale.names and not refusal:
        request = LoadRequest(
            [slice_to_load(processed, one, snapshot.built.get(one), stale.unchanged.get(one)) for one in stale.names],
            run_id,
            clock(),
            force=stale.forced,
            closed_periods=snapshot.state.closed,
            actuals_through=actuals_through,
            lines=lines,
            causes=explain_stale(processed, snapshot, versions, stale.replaced),
            report_tables=beside.tables,
        )
        result, refusal = _load(processed, warehouse, snapshot, request, audit=audit, records=records)
    replaced = () if result is None else result.report_tables
    if result is None or result.load_number is None:
        # No load has stored them: a decision or a setting may have changed them, or an upgrade has added the table.
        ensure_lease_held(processed.root)
        update_statuses(warehouse, snapshot.state.closed, actuals_through, None if refusal else lines)
        if refusal:
            beside = beside.with_tables(make_report_tables(processed, settings, snapshot, versions), snapshot.state)
        replaced = update_report_tables(warehouse, beside.tables)
    if audit.outcomes is None:
        audit(warehouse)
    audited = follow_audit(processed, warehouse, audit, scope, last_audit, is_loaded=not refusal, at=clock())
    if _count_account_months(snapshot) <= _MANY_ACCOUNT_MONTHS:
        once_published()
    ledger = published_slices(warehouse)
    now_published = {name: one.version for name, one in ledger.items()}
    of_published = published_snapshot(processed, snapshot, now_published)
    on_figures = check_published_figures(warehouse, actuals_through=actuals_through)
    return Publication(
        load=result,
        refusal=refusal,
        star_outcomes=star_outcomes,
        outcomes=[
            *in_order([*(audit.outcomes or ()), *on_figures]),
            *_check_beside(warehouse, beside.tables.inputs, beside.waiting),
        ],
        ledger=ledger,
        snapshot=of_published,
        movements=shown_movements(warehouse, clock()),
        frozen=frozen.periods,
        stale=tuple(snapshot.to_publish(now_published)),
        repaired=repaired,
        also_loaded=[text for name, text in _OF_FILES.items() if name in replaced],
        waiting=beside.waiting,
        audited=audited,
    )


def _freeze_built(processed: ObjectStore, settings: Settings, versions: Mapping[SliceName, str]) -> FrozenPeriods:
    """Return the target slices, each of which is built, with closed periods as they are published.

    Raises:
        StarNotBuiltError, LostDeliveryError: see `publish`.
        DamagedObjectError: it cannot be said whether closed periods would change.
    """
    frozen = freeze(processed, settings, take_snapshot(processed, StarSettings.of(settings)), versions)
    frozen = build_kept_members(processed, frozen)
    require_none_missing(frozen.snapshot.state)
    if frozen.unknown:
        raise unknown_slice(*frozen.unknown[0])
    if frozen.snapshot.to_build:
        raise StarNotBuiltError(
            f"{pluralize(len(frozen.snapshot.to_build), 'target slice')} not built",
            fix="materialize the star's assets in the processed zone first, or run the whole job",
        )
    return frozen


@dataclass(frozen=True)
class _StaleSlices:
    """The slices that a load publishes.

    Attributes:
        names: all of them, removed ones included.
        forced: those that are loaded whether they are current or not.
        unchanged: those whose rows stay, since the published version that is given has the same ones.
    """

    names: Sequence[SliceName]
    forced: Collection[SliceName]
    unchanged: Mapping[SliceName, str]

    @property
    def replaced(self) -> list[SliceName]:
        """Those whose rows are replaced or removed."""
        return [name for name in self.names if name not in self.unchanged]

    def is_all_of(self, snapshot: Snapshot) -> bool:
        """Return whether an audit has to read every target slice: there is nothing to load, or everything is."""
        return not self.names or {(one.table, one.slice) for one in snapshot.target} <= {*self.replaced}


def _find_stale(
    processed: ObjectStore, snapshot: Snapshot, versions: Mapping[SliceName, str], rebuild: Rebuild
) -> _StaleSlices:
    forced = {name for name in snapshot.built if rebuild.selects(*name)}
    names = list(dict.fromkeys([*snapshot.to_publish(versions), *sorted(forced)]))
    unchanged = find_unchanged(processed, snapshot, versions, [name for name in names if name not in forced])
    return _StaleSlices(names, forced, unchanged)


def _check_beside(warehouse: Queryable, inputs: ReportInputs, waiting: Sequence[WaitingChange]) -> list[Outcome]:
    """Run the checks that are about no slice: what waits, and what people say about the figures."""
    return [
        check_closed_periods(waiting),
        check_comments(inputs.comments, warehouse),
        check_statement_lines(inputs.lines, warehouse),
    ]


def _count_account_months(snapshot: Snapshot) -> int:
    """Return how many months of accounts the checks on published figures may read."""
    accounts = sum(one.row_count for (table, _), one in snapshot.built.items() if table == DIM_ACCOUNT.name)
    return accounts * sum(table == FACT_FINANCIALS.name for table, _ in snapshot.built)


def _line_counts(processed: ObjectStore, snapshot: Snapshot) -> dict[str, Lines] | None:
    """Return the lines of the target slices by period; None if a file is damaged, and the fact table is read instead.

    A damaged file that is to be loaded fails the load, which names it.
    """
    try:
        facts = [commit for (table, _), commit in snapshot.built.items() if table == FACT_FINANCIALS.name]
        return count_lines(processed, facts)
    except DamagedObjectError:
        return None


def _record_access_rights(processed: ObjectStore, warehouse: Queryable, settings: Settings, at: datetime) -> None:
    """Record who may see which business unit; rights are entered with SQL, so each load looks at them."""
    try:
        units = read_units(warehouse, settings.redshift_schema)
    except QueryError as error:
        raise LoadError(
            f"the platform's own database user cannot read BusinessUnitAccess: {error.found}",
            fix="run `finance-platform secure` as the administrator; this release records the rights of people",
        ) from error
    if units is not None:
        record(processed, at=at, units=units)


def check_published(home: Home, *, at: datetime) -> tuple[list[Outcome], Audited]:
    """Run every check on every published slice, and change nothing that is published.

    What fails makes the next load audit everything, and the next run is one, whether there is news or not.

    Args:
        home: the home; the caller holds its lock. Nothing of its raw zone is read.
        at: now, UTC.

    Raises:
        NoWarehouseYetError: nothing was ever loaded.
    """
    processed, warehouse, settings = home.processed, home.warehouse, home.settings
    versions = published_versions(warehouse)
    frozen = freeze(processed, settings, read_snapshot(processed, StarSettings.of(settings)), versions)
    snapshot = published_snapshot(processed, frozen.snapshot, versions)
    inputs = read_report_inputs(processed, frozen.snapshot.state.reference)
    kept = keep_mapping(processed, warehouse, settings, frozen.snapshot, versions, inputs.lines)
    of_slices = check_warehouse(
        warehouse, snapshot, actuals_through=frozen.snapshot.settings.actuals_through, frozen_periods=frozen.periods
    )
    outcomes = [*of_slices, *_check_beside(warehouse, inputs, all_waiting(frozen, kept))]
    if all(outcome.passed for outcome in of_slices if outcome.check.is_blocking):
        return outcomes, Audited(None, record_full_audit(processed, warehouse, at=at).at)
    discard_full_audit(processed)
    discard_complete_run(processed)
    return outcomes, Audited(None, "")


def _rejection(outcomes: Sequence[Outcome]) -> str:
    """Return why slices must not be published; empty if no blocking check failed."""
    failed = [outcome for outcome in outcomes if outcome.check.is_blocking and not outcome.passed]
    return "; ".join(f"nothing loaded: {outcome.check.name}: {outcome.summary}" for outcome in failed)


def _load(
    processed: ObjectStore,
    warehouse: Warehouse,
    snapshot: Snapshot,
    request: LoadRequest,
    *,
    audit: Audit,
    records: LoadRecords,
) -> tuple[LoadResult | None, str]:
    """Load what is stale; return the load, None if the audit rejects it, and its reason for that."""

    def audit_and_check_lease(connection: Queryable) -> bool:
        is_good = audit(connection)
        # Another machine may have taken the lease from a process that was suspended for minutes.
        ensure_lease_held(processed.root)
        return is_good

    try:
        return load.publish(warehouse, request, audit=audit_and_check_lease, records=records), ""
    except load.AuditFailedError as error:
        return None, str(error)
    except DamagedWarehouseError:
        raise
    except LoadError as error:
        copied = [target.name for target in request.slices if target.rows_of is None]
        commits = [snapshot.built[name] for name in copied if name in snapshot.built]
        if damage := discard_unreadable_slices(processed, commits, at=request.loaded_at):
            raise damage from error
        raise
