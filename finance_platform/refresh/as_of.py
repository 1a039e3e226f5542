"""Showing what was signed at a close, or published at a time: that state in a warehouse file of its own.

Belongs here: finding the state, and loading it. Does not belong here: the signature (see `slices.signatures`), what is
asked of the state (the commands `query`, `report` and `trace`).

The slices are loaded from the processed zone by the load that publishes, so the state has the same tables and views on
a laptop and on AWS, and later loads, a vacuum or a lost warehouse do not change it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, PERIOD_STATUS, REPORTING
from finance_platform.count_text import list_periods, pluralize
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.events import Event, utc_text
from finance_platform.deliveries.members.attribute_history import HISTORIES
from finance_platform.deliveries.overlaps import compute_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.report_inputs import read_report_inputs
from finance_platform.deliveries.scans import require_whole_register
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.errors import AsOfError
from finance_platform.refresh.steps.restore import slice_to_load
from finance_platform.reports.feed_figures import feed_figures
from finance_platform.settings import Settings, materiality
from finance_platform.slices.commits import read_slice
from finance_platform.slices.published import published_members, published_snapshot
from finance_platform.slices.signatures import read_signature, signed_closings, stored_rows
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse import load
from finance_platform.warehouse.ledger import published_slices, slices_published_at
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable, Warehouse
from finance_platform.warehouse.report_tables import ReportTables
from finance_platform.warehouse.statements import delete_all, insert, select_columns

_CLOSE = re.compile(r"close:(\d{4}-\d{2})(?:#([1-9][0-9]{0,5}))?")
_RUN = "as-of"
_EXAMPLES = "close:2025-03, close:2025-03#1 or 2025-04-30T18:00Z"

AS_WAS, AS_IS = "as-was", "as-is"
"""Whose attributes money has: those of its period, or the latest ones in every period."""

_COPIED = (LOAD_LEDGER, MOVEMENTS, PERIOD_STATUS, *REPORTING)
"""Tables of the published state that no slice has."""

Tables = Mapping[Contract, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class PublishedState:
    """What was published at a close or a time.

    Attributes:
        title: what people call it; empty for what is published now.
        at: the moment; UTC.
        versions: the version of each slice, by table and slice.
        closed: the periods that were closed.
        snapshot: the deliveries as they were, with the published slices as the target.
        tables: the rows of the small tables beside the star, if a close signed them; else None.
        load_number: the last load that it has.
        period: the period whose close signed it; else empty.
        attributes: AS_WAS, or AS_IS: accounts and departments have their latest attributes in every period.
        currency: the home's currency, if a close signed it; else empty.
    """

    title: str
    at: datetime
    versions: Mapping[SliceName, str]
    closed: Collection[str]
    snapshot: Snapshot
    tables: Tables | None
    load_number: int
    period: str = ""
    attributes: str = AS_WAS
    currency: str = ""

    def with_settings(self, settings: Settings) -> Settings:
        """Return settings with the currency that was signed; the home, or a copy of it, may have another one now."""
        return settings.model_copy(update={"currency": self.currency}) if self.currency else settings


def published_state(processed: ObjectStore, warehouse: Queryable, *, now: datetime) -> PublishedState:
    """Return what is published now.

    Args:
        processed: the processed zone.
        warehouse: the warehouse.
        now: UTC.

    Raises:
        AsOfError: nothing is published.
    """
    published = published_slices(warehouse)
    if not published:
        raise AsOfError("nothing is published", fix="`finance-platform run` publishes the files of the raw zone")
    versions = {name: one.version for name, one in published.items()}
    tables = {
        contract: [
            dict(zip(contract.column_names, row, strict=True))
            for row in warehouse.query(select_columns(contract, contract.column_names)).rows
        ]
        for contract in _COPIED
    }
    snapshot = _snapshot_at(processed, Register(processed).events(), now, versions)
    last = max(one.load_number for one in published.values())
    return PublishedState("", now, versions, frozenset(snapshot.state.closed), snapshot, tables, last)


def find_state(processed: ObjectStore, warehouse: Queryable, as_of: str, *, now: datetime) -> PublishedState:
    """Return the state that a person asks for.

    Args:
        processed: the processed zone.
        warehouse: the warehouse, whose ledger says what was published at a time.
        as_of: `close:PERIOD` for its latest close, `close:PERIOD#N` for the Nth, or a time in ISO 8601; without a zone
            it is UTC, and a date alone is its end.
        now: UTC.

    Raises:
        AsOfError: there is no such close, nothing was published then, or it is no longer kept.
        DamagedObjectError: a signature is damaged.
    """
    require_whole_register(processed)
    events = Register(processed).events()
    if match := _CLOSE.fullmatch(as_of.strip()):
        return _signed_state(processed, events, match[1], int(match[2] or 0))
    return _state_at(processed, warehouse, events, parse_moment(as_of, now))


def _signed_state(processed: ObjectStore, events: Sequence[Event], period: str, number: int) -> PublishedState:
    closings = [event for event in signed_closings(events) if event.period == period]
    if not closings:
        known = {event.period for event in signed_closings(events)}
        hint = f"signed are {list_periods(known)}" if known else "`finance-platform close` signs a period"
        raise AsOfError(f"no close of {period} was signed", fix=hint)
    if number > len(closings):
        closed = pluralize(len(closings), "time")
        raise AsOfError(f"{period} was closed {closed}", fix=f"ask for close:{period}#{len(closings)}")
    event = closings[number - 1]
    signature = read_signature(processed, event.signature)
    tables = {
        contract: stored_rows(contract, signature.tables[contract.name])
        for contract in (PERIOD_STATUS, *REPORTING)
        if contract.name in signature.tables
    }
    at = datetime.fromisoformat(event.at)
    title = f"as signed by {event.who} on {at:%Y-%m-%d %H:%M} UTC, close of {period}"
    if event.opening_of:
        title = f"{title} (opening of {event.opening_of})"
    snapshot = _snapshot_at(processed, events, at, signature.versions)
    return PublishedState(
        title,
        at,
        signature.versions,
        signature.closed,
        snapshot,
        tables,
        signature.load_number,
        period,
        currency=signature.settings.get("currency") or "",
    )


def _state_at(processed: ObjectStore, warehouse: Queryable, events: Sequence[Event], at: datetime) -> PublishedState:
    title = f"as published on {at:%Y-%m-%d %H:%M} UTC"
    try:
        published = slices_published_at(warehouse, at.astimezone(UTC).replace(tzinfo=None))
    except NoWarehouseYetError:
        published = {}
    if not published:
        raise AsOfError(
            f"nothing that the load ledger knows was published by {at:%Y-%m-%d %H:%M} UTC",
            fix="`finance-platform query 'SELECT MIN(LoadedAt) FROM LoadLedger'` shows the first load",
        )
    versions = {name: one.version for name, one in published.items()}
    last = max(one.load_number for one in published.values())
    snapshot = _snapshot_at(processed, events, at, versions)
    return PublishedState(title, at, versions, frozenset(snapshot.state.closed), snapshot, None, last)


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment in UTC that a person has written: a time, or a day in any form of ISO 8601, which is its end.

    Raises:
        AsOfError: it is not a time, or not over yet.
    """
    try:
        moment = _end_of_day(text.strip()) or datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the first hours of year 1 are before it in UTC
        raise AsOfError(f"{text!r} is neither a close nor a time", fix=f"write {_EXAMPLES}") from None
    if moment.date() > now.date():
        raise AsOfError(f"{text!r} is in the future", fix=f"write a time that is over, such as {_EXAMPLES}")
    return moment


def _end_of_day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        return None


def _snapshot_at(
    processed: ObjectStore, events: Sequence[Event], at: datetime, versions: Mapping[SliceName, str]
) -> Snapshot:
    """Return the deliveries as they were at a moment, with the slices that were published as the target."""
    until = utc_text(at.astimezone(UTC))
    commits = read_commits(processed)
    state = derive_state([event for event in events if event.at <= until], commits)
    overlaps = compute_overlaps(processed, state.live)
    return published_snapshot(processed, Snapshot(commits, state, overlaps, [], {}), versions)


def load_state(
    processed: ObjectStore, warehouse: Warehouse, settings: Settings, state: PublishedState, folder: Path
) -> None:
    """Load a state into an empty warehouse.

    Without the rows of earlier attributes, every view has the latest ones in every period.

    Args:
        processed: the processed zone.
        warehouse: an empty one, of this process alone.
        settings: the home.
        state: the state.
        folder: an empty folder of this machine, for copies of files.

    Raises:
        AsOfError: a slice is no longer kept.
        LoadError: a slice's rows are not those that it declares.
    """
    warehouse.prepare()
    load.publish(
        warehouse,
        LoadRequest(
            [_local_slice(processed, name, version, folder) for name, version in state.versions.items()],
            _RUN,
            state.at,
            closed_periods=state.closed,
            actuals_through=settings.actuals_through,
            report_tables=None if state.tables is not None else _report_tables(processed, settings, state),
        ),
    )
    if state.tables is not None:
        with warehouse.transaction() as connection:
            connection.lock(LOAD_LEDGER.table)
            for contract, rows in state.tables.items():
                connection.execute(delete_all(contract))
                insert(connection, contract, rows)
    if state.attributes == AS_IS:
        with warehouse.transaction() as connection:
            connection.lock(LOAD_LEDGER.table)
            for contract in HISTORIES.values():
                connection.execute(delete_all(contract))


def _report_tables(processed: ObjectStore, settings: Settings, published: PublishedState) -> ReportTables:
    snapshot = published.snapshot
    return ReportTables(
        read_report_inputs(processed, snapshot.state.reference),
        materiality(settings),
        {**published_members(processed, published.versions), **feed_figures(processed, snapshot, settings.currency)},
    )


def _local_slice(processed: ObjectStore, name: SliceName, version: str, folder: Path) -> SliceToLoad:
    """Return a slice with files that are on this machine."""
    table, slice_name = name
    commit = read_slice(processed, table, slice_name, version)
    if commit is None:
        raise AsOfError(
            f"{table} {slice_name} as it was then is no longer kept: it is older than the retention, and not signed",
            fix="ask for a close: `--as-of close:PERIOD`; signed states are always kept",
        )
    files: list[str] = []
    for number, file in enumerate(commit.files):
        copy = folder / f"{table}-{slice_name}-{number}.parquet"
        with processed.open(file.key) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        files.append(str(copy))
    return replace(slice_to_load(processed, name, commit), files=tuple(files))
