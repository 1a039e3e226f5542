"""The status of a home: what a refresh would find, without changing anything.

Belongs here: the use case. Does not belong here: the status document (see `reports.status`), printing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from finance_platform.contracts.star import FACT_FINANCIALS, WHOLE_TABLE
from finance_platform.deliveries.commits import read_commits, read_retired
from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.proposals import open_proposals
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.report_inputs import read_report_inputs
from finance_platform.deliveries.scans import require_whole_register
from finance_platform.deliveries.verdicts.reversals import find_broken_reversals
from finance_platform.errors import DamagedObjectError, DamagedWarehouseError, RegisterError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.home import Home
from finance_platform.quality.forecast_order import find_uncertain_outlooks
from finance_platform.quality.lost_zeros import LostZerosOfFeed, dimension_files, find_lost_zeros
from finance_platform.quality.missing_baseline import find_missing_baseline
from finance_platform.quality.plan_years import find_calendar_year_plans
from finance_platform.refresh.proposals import find_other_figures
from finance_platform.refresh.steps.kept_statement_lines import all_waiting, keep_mapping
from finance_platform.refresh.steps.repair import find_damage, find_damaged_target
from finance_platform.refresh.steps.unread_files import find_unread
from finance_platform.reports.expected_feeds import expected_feeds
from finance_platform.reports.recent_changes import (
    closed_periods,
    recent_movements,
    stale_reasons,
    untyped_accounts,
    waiting_by_period,
)
from finance_platform.reports.reconciliation import earlier_deliveries, reconcile
from finance_platform.reports.status import Status, StatusDetails, build_status, status_without_register
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.closed_periods import FrozenPeriods, freeze, unknown_slice
from finance_platform.slices.settings_in_force import settings_of_readers
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import NO_PARAMETERS, NoWarehouseYetError, Parameters, Queryable, QueryResult


def read_status(
    home: Home,
    *,
    at: datetime,
    since: datetime | None = None,
    last_run: Mapping[str, Any] | None = None,
    with_all_versions: bool = False,
) -> Status:
    """Return the status of a home.

    Args:
        home: the home.
        at: now, UTC.
        since: report what moved then or later; None for the latest load.
        last_run: the home's latest run; None where there was none.
        with_all_versions: whether to add the statement of all versions, of removed ones too.

    What is damaged is named among the problems and shown as not made yet; without a whole register, only what is
    published is shown.
    """
    listed = home.listed_once()
    raw, processed, settings = listed.raw, listed.processed, home.settings
    with home.warehouse.reading() as published:
        reader = _Reader(raw, processed, published, settings, at, since, last_run, with_all_versions=with_all_versions)
        try:
            require_whole_register(processed)
            return reader.read()
        except RegisterError as error:
            return _register_damaged(error, published, settings, last_run)


@dataclass
class _Reader:
    """Reads the status, without the parts that turn out to be damaged.

    Attributes:
        without: deliveries with damaged rows, by id; they are shown as not read.
        problems: what was found to be damaged while it was read.
    """

    raw: ObjectStore
    processed: ObjectStore
    warehouse: Queryable
    settings: Settings
    at: datetime
    since: datetime | None
    last_run: Mapping[str, Any] | None
    with_all_versions: bool
    without: set[str] = field(default_factory=set)
    problems: list[dict[str, str]] = field(default_factory=list)

    def read(self) -> Status:
        """Return the status."""
        while True:
            try:
                return self._read()
            except DamagedWarehouseError as error:
                self.problems.append({"file": "warehouse", "problem": error.found, "fix": error.fix})
                self.warehouse = _NoWarehouse()
            except DamagedObjectError as error:
                self._leave_out(error)

    def _leave_out(self, error: DamagedObjectError) -> None:
        """Take the delivery whose rows are damaged as not read."""
        commits = {**read_retired(self.processed), **read_commits(self.processed)}
        owners = [
            name
            for name, commit in commits.items()
            if name not in self.without
            and any(file.key == error.key for files in commit.files.values() for file in files)
        ]
        if not owners:
            raise error
        self.without |= set(owners)
        of_owners = {file.key for name in owners for files in commits[name].files.values() for file in files}
        # A run repairs what it finds without a rebuild, or asks a person; what only a reader sees needs a rebuild.
        known = {one.key: one for one in find_damage(self.raw, self.processed) if one.key in of_owners}
        self.problems += [{"file": key, "problem": one.clause, "fix": one.fix} for key, one in known.items()] or [
            {"file": error.key, "problem": error.why, "fix": error.fix}
        ]

    def _read(self) -> Status:
        processed, warehouse = self.processed, self.warehouse
        feed_set = load_feed_set(self.settings.feeds_path)
        of_readers = settings_of_readers(processed, self.settings)
        scan = scan_raw_zone(self.raw, Register(processed), feed_set, of_readers, at=self.at, run_id="")
        ledger = published_slices(warehouse)
        versions = {name: slice_.version for name, slice_ in ledger.items()}
        target = read_snapshot(processed, StarSettings.of(self.settings), without=self.without)
        frozen = freeze(processed, self.settings, target, versions)
        snapshot, currency = frozen.snapshot, self.settings.currency
        lines = read_report_inputs(processed, snapshot.state.reference).lines
        kept = keep_mapping(processed, warehouse, self.settings, snapshot, versions, lines)
        waiting = all_waiting(frozen, kept)
        damage = self._damage(frozen)
        lost_zeros = self._lost_zeros(snapshot, {one["file"] for one in damage})
        facts = {name: version for (table, name), version in versions.items() if table == FACT_FINANCIALS.name}
        proposals = open_proposals(Register(processed).events(), snapshot.state, facts)
        details = StatusDetails(
            stale_reasons=stale_reasons(processed, snapshot, ledger),
            closed=closed_periods(warehouse, snapshot.state.closed, ledger, waiting_by_period(snapshot.state, waiting)),
            movements=recent_movements(warehouse, ledger, self.since),
            last_run=self.last_run,
            waiting=waiting,
            damage=[*self.problems, *damage],
            lost_zeros=lost_zeros,
            missing_baseline=find_missing_baseline(snapshot.state, snapshot.settings.baseline_scenario),
            calendar_year_plans=find_calendar_year_plans(snapshot.state, snapshot.settings.fiscal_year_start_month),
            uncertain_outlooks=find_uncertain_outlooks(snapshot.state, snapshot.settings.fiscal_year_start_month),
            reversals=find_broken_reversals(processed, snapshot.state, snapshot.overlaps),
            expected=expected_feeds(feed_set, scan.events, snapshot.state, self.at, self.settings.close_holidays),
            untyped_accounts=untyped_accounts(warehouse, ledger),
            unread=find_unread(processed, snapshot.state.pending),
            proposals=proposals,
            other_figures=find_other_figures(processed, snapshot.state, proposals),
        )
        reconciliation = reconcile(processed, snapshot, warehouse, currency=currency)
        status = build_status(snapshot, scan, ledger, reconciliation, details)
        if not self.with_all_versions:
            return status
        retired = {name: one for name, one in read_retired(processed).items() if name not in self.without}
        earlier = earlier_deliveries(snapshot, retired)
        all_versions = reconcile(processed, snapshot, warehouse, currency=currency, earlier=earlier)
        return replace(status, all_versions=all_versions)

    def _damage(self, frozen: FrozenPeriods) -> list[dict[str, str]]:
        """Return what is damaged in the processed zone, each object once."""
        named = {problem["file"] for problem in self.problems}
        # A delivery with damaged rows is left out of the snapshot, but its commit is not damaged.
        state = None if self.without else frozen.snapshot.state
        damage = [*find_damage(self.raw, self.processed, state), *find_damaged_target(self.processed, frozen.snapshot)]
        rows = [{"file": one.key, "problem": one.clause, "fix": one.fix} for one in damage if one.key not in named]
        unknown = [(_subject(*name), unknown_slice(*name)) for name in frozen.unknown]
        return rows + [{"file": subject, "problem": error.found, "fix": error.fix} for subject, error in unknown]

    def _lost_zeros(self, snapshot: Snapshot, damaged: Collection[str]) -> list[LostZerosOfFeed]:
        """Return the codes that may have lost their zeros; nothing while a dimension is damaged, which is named."""
        files = dimension_files(snapshot)
        if any(key in damaged for key in files):
            return []
        try:
            return find_lost_zeros(snapshot, self.processed)
        except DamagedObjectError as error:
            if error.key not in files:
                raise
            self.problems.append({"file": error.key, "problem": error.why, "fix": error.fix})
            return []


def _subject(table: str, slice_name: str) -> str:
    return table if slice_name == WHOLE_TABLE else slice_name


class _NoWarehouse:
    """Stands for a warehouse whose file is damaged: as long as it is not built again, nothing is published."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:  # noqa: ARG002  the port's
        """Raise NoWarehouseYetError."""
        raise NoWarehouseYetError("the file of the warehouse is damaged", fix="run `finance-platform run`")


def _register_damaged(
    error: RegisterError, warehouse: Queryable, settings: Settings, last_run: Mapping[str, Any] | None
) -> Status:
    """Return what is known without the register: what is published, and what to do."""
    problems = [{"file": "register", "problem": error.found, "fix": error.fix}]
    try:
        ledger = published_slices(warehouse)
    except DamagedWarehouseError as of_warehouse:
        problems.append({"file": "warehouse", "problem": of_warehouse.found, "fix": of_warehouse.fix})
        ledger = {}
    return status_without_register(ledger, problems, settings.currency, last_run)
