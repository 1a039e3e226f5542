"""The small tables beside the star, as the processed zone makes them now: what a load stores, and `verify` compares.

Belongs here: their rows from what is live and published. Does not belong here: storing them (see
`warehouse.report_tables`), the load (see `publish`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import COMMENTARY, DELIVERED_BALANCE, STATEMENT_MAPPING, WAITING_CHANGE
from finance_platform.deliveries.events import select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.report_inputs import read_report_inputs
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.refresh.restatement import restatement_tables
from finance_platform.refresh.steps.kept_statement_lines import KeptMapping, all_waiting, keep_mapping
from finance_platform.reports.feed_figures import feed_figures
from finance_platform.reports.history import decision_rows, decisions_in
from finance_platform.reports.recent_changes import waiting_by_period
from finance_platform.settings import Settings, StarSettings, materiality
from finance_platform.slices.closed_periods import FrozenPeriods, freeze
from finance_platform.slices.published import published_members
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.slices.waiting_changes import WaitingChange
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.published_lines import LineStore
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.period_status import status_rows
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.report_tables import ReportTables, counted_rows, stored_rows, target_rows


@dataclass(frozen=True)
class TablesBeside:
    """The small tables beside the star, and what waits for a decision, which one of them counts.

    Attributes:
        tables: their rows.
        kept: the mapping that stays; None if that of the files counts.
        waiting: what would change in closed periods.
    """

    tables: ReportTables
    kept: KeptMapping | None
    waiting: tuple[WaitingChange, ...]

    def with_tables(self, tables: ReportTables, state: DeliveryState) -> TablesBeside:
        """Return the same with the rows of other published versions."""
        return replace(self, tables=_with_waiting(tables, state, self.waiting, self.kept))


def make_tables_beside(
    processed: ObjectStore,
    warehouse: Queryable,
    settings: Settings,
    frozen: FrozenPeriods,
    published: Mapping[SliceName, str],
    *,
    is_restored: bool,
) -> TablesBeside:
    """Return the small tables as they are once the target versions are published, and what waits.

    Args:
        processed: the processed zone.
        warehouse: what is published.
        settings: the home.
        frozen: the target versions.
        published: the published versions.
        is_restored: see `keep_mapping`.

    Raises:
        DamagedObjectError: see `keep_mapping`.
    """
    target = {(one.table, one.slice): one.version for one in frozen.snapshot.target}
    tables = make_report_tables(processed, settings, frozen.snapshot, target, is_updated=True)
    return _with_mapping(processed, warehouse, settings, frozen, published, tables, is_restored=is_restored)


def make_report_tables(
    processed: ObjectStore,
    settings: Settings,
    snapshot: Snapshot,
    published: Mapping[SliceName, str],
    *,
    is_updated: bool = False,
) -> ReportTables:
    """Return the small tables beside the star, as they are once these versions are published.

    Args:
        processed: the processed zone.
        settings: the home.
        snapshot: its state.
        published: the versions.
        is_updated: see `parts_on_accounts`.
    """
    events = Register(processed).events()
    lines = LineStore(processed, snapshot.commits, select_discovered(events), snapshot.state)
    return ReportTables(
        read_report_inputs(processed, snapshot.state.reference),
        materiality(settings),
        {
            **published_members(processed, published),
            **feed_figures(processed, snapshot, settings.currency, _expected_feeds(settings), is_updated=is_updated),
            **decision_rows(decisions_in(events, snapshot.commits), settings.currency),
            **restatement_tables(lines, events, published),
        },
    )


def small_tables(
    processed: ObjectStore, warehouse: Queryable, settings: Settings
) -> dict[Contract, Sequence[dict[str, object]]]:
    """Return the rows that every table beside the star should have, as the processed zone is now; nothing is written.

    Args:
        processed: the processed zone.
        warehouse: what is published.
        settings: the home.
    """
    versions = published_versions(warehouse)
    frozen = freeze(processed, settings, read_snapshot(processed, StarSettings.of(settings)), versions)
    tables = make_report_tables(processed, settings, frozen.snapshot, versions)
    beside = _with_mapping(processed, warehouse, settings, frozen, versions, tables)
    closed, through = frozen.snapshot.state.closed, frozen.snapshot.settings.actuals_through
    return {**status_rows(warehouse, closed, through), **target_rows(warehouse, beside.tables)}


def stale_tables_of_files(
    processed: ObjectStore,
    warehouse: Queryable,
    settings: Settings,
    frozen: FrozenPeriods,
    published: Mapping[SliceName, str],
) -> list[str]:
    """Return the tables that follow from files alone and have other rows than these give: a run would store them.

    Args:
        processed: the processed zone.
        warehouse: what is published.
        settings: the home.
        frozen: the target versions.
        published: the published versions.
    """
    tables = ReportTables(read_report_inputs(processed, frozen.snapshot.state.reference), materiality(settings), {})
    beside = _with_mapping(processed, warehouse, settings, frozen, published, tables)
    rows = target_rows(warehouse, beside.tables)
    return [
        contract.table
        for contract in (STATEMENT_MAPPING, COMMENTARY, DELIVERED_BALANCE)
        if stored_rows(warehouse, contract) != counted_rows(contract, rows[contract])
    ]


def _with_mapping(
    processed: ObjectStore,
    warehouse: Queryable,
    settings: Settings,
    frozen: FrozenPeriods,
    published: Mapping[SliceName, str],
    tables: ReportTables,
    *,
    is_restored: bool = False,
) -> TablesBeside:
    lines = tables.inputs.lines
    kept = keep_mapping(processed, warehouse, settings, frozen.snapshot, published, lines, is_restored=is_restored)
    return TablesBeside(tables, kept, all_waiting(frozen, kept)).with_tables(tables, frozen.snapshot.state)


def _with_waiting(
    tables: ReportTables, state: DeliveryState, waiting: Sequence[WaitingChange], kept: KeptMapping | None
) -> ReportTables:
    """Return the small tables with what waits for a decision, and with the mapping that stays until then."""
    by_period = waiting_by_period(state, waiting)
    rows = [{"period": period, "change_count": len(clauses)} for period, clauses in sorted(by_period.items())]
    return replace(tables, figures={**tables.figures, WAITING_CHANGE: rows}, mapping=kept.rows if kept else None)


def _expected_feeds(settings: Settings) -> list[str]:
    """Return the feeds whose lines the home's descriptors promise for each month."""
    own = load_feed_set(settings.feeds_path).own
    return [feed.feed for feed in own if feed.expect and feed.kind == "ledger"]
