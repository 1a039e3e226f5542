"""The records of deliveries and slices, compared with the files that they name and with themselves.

Belongs here: the bytes of delivered rows, such as processed master data, which no published cell shows; figures of a
record that contradict each other; the identity of a slice, which is a hash of what it was built from; the settings that
were published last; what later loads and runs believe of earlier ones; the logs of open tables. Does not belong here:
ledger lines and cells (see `trace.published_cells`), loads (see `verify_loads`), the register, raw files and signatures
(see `verify`).

Records of scans are not compared: they decide whether a run looks, and never what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from finance_platform.contracts.star import DIM_DATE, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.data_catalog.delta_log import find_changed_logs
from finance_platform.data_catalog.open_tables import OpenTable
from finance_platform.deliveries.commits import DataFile, DeliveryCommit, commit_key, find_damaged_commits
from finance_platform.deliveries.events import Event, Verdict
from finance_platform.deliveries.overlap_documents import find_damaged_overlaps
from finance_platform.deliveries.overlaps import find_changed_overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.values.codes import fold
from finance_platform.refresh.steps.complete_run import CompleteRun
from finance_platform.refresh.steps.full_audit import find_changed_audit
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.reports.variance import variance_rows
from finance_platform.safe_text import quote_name
from finance_platform.slices.commits import find_damaged_slices, read_inputs, read_slices, slice_key
from finance_platform.slices.kept_members import is_of_kept_members
from finance_platform.slices.line_counts import find_changed_counts
from finance_platform.slices.settings_in_force import KEY as SETTINGS_KEY
from finance_platform.slices.settings_in_force import read_published_settings
from finance_platform.slices.versions import version_of
from finance_platform.storage.port import ObjectStore, error_message
from finance_platform.warehouse.port import Warehouse

Difference = tuple[str, str]
"""The object, and what is wrong with it, a clause."""

SliceVersion = tuple[str, str, str]
"""Table, slice, version."""

_AGAIN = "remove it, and a run reads the delivery again"
_MISSING = "is missing"
_READ_AGAIN = "the next run reads the delivery again"


@dataclass(frozen=True)
class OpenTables:
    """The open tables as they should be, and how Delta's library reaches the zone."""

    tables: Sequence[OpenTable]
    storage_options: Mapping[str, str]


def find_changed_deliveries(
    processed: ObjectStore, commits: Iterable[DeliveryCommit], progress: Callable[[int], None]
) -> Iterator[Difference]:
    """Yield the records of deliveries that contradict themselves, and the files that are not those that they name.

    Args:
        processed: the processed zone.
        commits: of the deliveries.
        progress: is called with the number of files that were read.
    """
    for damaged in find_damaged_commits(processed):
        yield damaged.key, f"{damaged.why}; {_READ_AGAIN}"
    compared: set[DataFile] = set()  # as a record names them: deliveries that share a file may name it differently
    for commit in commits:
        key = commit_key(commit.delivery_id)
        yield from ((key, why) for why in _contradictions(commit))
        for file in (file for files in commit.files.values() for file in files):
            if file not in compared:
                compared.add(file)
                progress(len(compared))
                if changed := _changed_file(processed, file):
                    yield file.key, f"{changed} ({commit.object_key}); {_again(commit, changed)}"


def find_missing_deliveries(
    processed: ObjectStore, state: DeliveryState, events: Iterable[Event]
) -> Iterator[Difference]:
    """Yield the records that are not there of deliveries that count, or that the register has a verdict on.

    Args:
        processed: the processed zone.
        state: the deliveries.
        events: all events, in order.
    """
    judged = {event.delivery_id for event in events if isinstance(event, Verdict)}
    lost = [*state.missing, *(event for event in state.pending if event.delivery_id in judged)]
    for event in {one.delivery_id: one for one in lost}.values():
        key = commit_key(event.delivery_id)
        is_booking = event.delivery_id in state.missing_bookings
        fix = state.lost_delivery(event).fix if is_booking else f"{_READ_AGAIN}, if the raw zone has its content"
        if processed.find(key) is None:
            yield key, f"{_MISSING} ({event.object_key}); {fix}"


def _again(commit: DeliveryCommit, why: str) -> str:
    """Return how a file of a delivery comes back."""
    if commit.booked_from:
        return (
            f"restore it from a backup: a decision wrote it, with lines of {commit.booked_from} that are booked later; "
            f"`finance-platform withdraw {quote_name(commit.object_key)} --why TEXT` takes them out with the file"
        )
    return "a run reads the delivery again" if why == _MISSING else _AGAIN


def _changed_file(processed: ObjectStore, file: DataFile) -> str:
    """Return what is wrong with a file; empty if it has the bytes that its record names."""
    try:
        found = processed.fingerprint(file.key)
        item = processed.find(file.key)
    except FileNotFoundError:
        return _MISSING
    except OSError as error:
        return f"cannot be read: {error_message(error)}"
    if item is None:
        return _MISSING
    if found != file.sha256:
        return "is not the file that the platform wrote: its SHA-256 differs"
    return "" if item.size == file.size else "has another size than its record says"


def _contradictions(commit: DeliveryCommit) -> Iterator[str]:
    """Yield what in a record cannot be, if the platform wrote it."""
    if commit.status != "read":
        return
    rows, amount, unpriced = commit.unaccounted
    if rows or amount or unpriced:
        yield f"accounts for {commit.read.rows - rows:,} rows, and {commit.read.rows:,} were read; {_AGAIN}"
    accepted = commit.outcome("accepted")
    if commit.periods:
        found = sum(one.rows for one in commit.periods), sum((one.amount for one in commit.periods), Decimal(0))
        if found != (accepted.rows, accepted.amount):
            yield (
                f"says that {accepted.rows:,} lines of {accepted.amount} were accepted, and {found[0]:,} of {found[1]} "
                f"by period; {_AGAIN}"
            )


def find_forged_overlaps(processed: ObjectStore, live: Iterable[LiveDelivery]) -> Iterator[Difference]:
    """Yield the documents that are damaged, or say other things about the lines that deliveries share than these do."""
    for damaged in find_damaged_overlaps(processed):
        yield damaged.key, f"{damaged.why}; the next run compares the deliveries again"
    try:
        for key in find_changed_overlaps(processed, live):
            yield key, "does not say which lines deliveries share; remove the file, and a run compares them again"
    except DamagedObjectError as error:
        yield error.key, f"{error.why}; which lines deliveries share is not compared without it"


def find_changed_slices(processed: ObjectStore, names: Sequence[SliceVersion]) -> Iterator[Difference]:
    """Yield the records of slices whose version is not the hash of what they say they were built from."""
    for damaged in find_damaged_slices(processed, names):
        yield damaged.key, f"{damaged.why}; the next run builds it again"
    for name, inputs in read_inputs(processed, names).items():
        table, slice_name, version = name
        if inputs is None or is_of_kept_members(inputs):
            continue  # the second is the hash of two versions, which have their own records
        if version_of(table, slice_name, inputs) != version:
            why = "names other deliveries, settings or members than those that its version is the hash of"
            yield slice_key(*name), f"{why}; remove it, and a run builds the slice again"


def find_changed_settings(processed: ObjectStore, names: Sequence[SliceVersion]) -> Iterator[Difference]:
    """Yield the record of the published settings if it is lost, or not about those of the published dimensions."""
    if not names:
        return  # nothing is published yet
    recorded = read_published_settings(processed)
    if recorded is None:
        why = "is missing or damaged, so that a change of the settings does not wait for a decision"
        yield SETTINGS_KEY, f"{why}; the next run that loads something records those of the home"
        return
    inputs = {table: of_slice for (table, _, _), of_slice in read_inputs(processed, names).items() if of_slice}
    baseline, month = (
        inputs.get(DIM_SCENARIO.name, {}).get("baseline"),
        inputs.get(DIM_DATE.name, {}).get("fiscal_start"),
    )
    for variable, published, found in (
        ("baseline_scenario", baseline, fold(recorded["baseline_scenario"])),
        ("fiscal_year_start_month", month, recorded["fiscal_year_start_month"]),
    ):
        if published is not None and published != found:
            why = f"says that {variable} is {found}, and {published} is published"
            yield SETTINGS_KEY, f"{why}; remove the file, so that the settings of the home count"


def find_changed_audits(
    processed: ObjectStore, names: Sequence[SliceVersion], complete: CompleteRun | None, warehouse: Warehouse
) -> Iterator[Difference]:
    """Yield the records of loads and runs that later ones believe, and that do not follow from what is published.

    Args:
        processed: the processed zone.
        names: the published slices.
        complete: the record of the last complete run.
        warehouse: what is published.
    """
    facts = [name for name in names if name[0] == FACT_FINANCIALS.name]
    slices = [commit for commit in read_slices(processed, facts) if commit and commit.row_count]
    if changed := find_changed_counts(processed, slices):
        yield changed.key, f"{changed.why}; remove it, and the next load counts them again"
    if changed := find_changed_audit(processed, datetime.now(UTC)):
        yield changed.key, f"{changed.why}; remove it, and the next load audits every slice"
    if complete is None or not complete.warehouse or complete.warehouse != warehouse.content_version():
        return
    if complete.variance is not None and tuple(complete.variance) != tuple(variance_rows(warehouse)):
        why = "has other figures of Actual against Budget than the warehouse"
        yield COMPLETE, f"{why}; remove it, and the next run writes it again"


def find_changed_open_tables(processed: ObjectStore, open_tables: OpenTables) -> Iterator[Difference]:
    """Yield the logs of open tables that claim to be up to date, and name other files than the platform's."""
    for error in find_changed_logs(processed, open_tables.tables, open_tables.storage_options):
        yield error.key, f"{error.why}; remove the folder, and a run makes the log again"
