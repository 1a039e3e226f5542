"""Retention: what nothing needs any more and is past its time, and removing it.

Belongs here: which deliveries, slice versions, job folders and stray files may go, and the order of removing.
Does not belong here: what counts (see `state`), what is wanted (see `plan`), how it is shown (see `reporting`).

Nothing goes that counts, waits, could be taken in again, or is named by a slice version that stays: the wanted and the
published ones, those that a closing recorded, and young ones. Content that is gone and is sent again is read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from finance_platform.contracts.processed import MEMBERS, PROCESSED
from finance_platform.contracts.star import STAR
from finance_platform.deliveries.commits import FOLDER as DELIVERIES
from finance_platform.deliveries.register import (
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Register,
    Verdict,
    utc_text,
)
from finance_platform.deliveries.state import DeliveryState
from finance_platform.slices.commits import FOLDER as SLICES
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.bulk_read import read_many
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.staged_files import FOLDER as MANIFESTS

_TABLES = tuple(contract.name for contract in (*PROCESSED, MEMBERS, *STAR))
_JOBS = "jobs"
_OF_ONE_ATTEMPT = ("staging", MANIFESTS)
"""Folders in which nothing outlives the job or the load that made it, unless that was killed."""

SliceName = tuple[str, str]


@dataclass(frozen=True)
class Removal:
    """Something that may go.

    Attributes:
        kind: slice version, delivery, job or stray file.
        name: what a person calls it.
        since: since when nothing needs it, ISO 8601 UTC.
        keys: its objects in the order in which they go: what makes it visible first.
        size: in bytes.
    """

    kind: str
    name: str
    since: str
    keys: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class _Version:
    """A slice's commit, as far as retention goes; one that another release wrote will do."""

    key: str
    table: str
    slice: str
    version: str
    attempt: str
    built_at: str
    files: tuple[str, ...]
    needs: frozenset[str]


def find_expired(
    processed: ObjectStore,
    snapshot: Snapshot,
    published: Mapping[SliceName, str],
    *,
    now: datetime,
    retention_days: int,
) -> list[Removal]:
    """Return what may go, slice versions first: none that stays ever names a delivery that is gone.

    Args:
        processed: the processed zone.
        snapshot: what is in it.
        published: version by table and slice, as the load ledger says.
        now: UTC.
        retention_days: how long what was replaced stays.
    """
    before = utc_text(now - timedelta(days=retention_days))
    events = Register(processed).events()
    listing = {item.key: item for item in processed.list_objects()}
    keys = [key for key in listing if key.startswith(f"{SLICES}/")]
    versions = [_version(key, data) for key, data in zip(keys, read_many(processed, keys), strict=True)]
    needed = _needed_versions(snapshot, published, events)
    old = [v for v in versions if (v.table, v.slice, v.version) not in needed and v.built_at < before]
    kept = [version for version in versions if version not in old]
    in_use = _in_use(snapshot.state).union(
        *(version.needs for version in kept), *(_named(wanted.inputs) for wanted in snapshot.wanted)
    )
    since = superseded_since(events)
    gone = {
        name: commit
        for name, commit in snapshot.commits.items()
        if name not in in_use and since.get(name, before) < before
    }
    found = [_removal("slice version", _title(v), v.built_at, [v.key, *v.files], listing) for v in old]
    for name, commit in gone.items():
        files = [file.key for of_table in commit.files.values() for file in of_table]
        keys = [f"{DELIVERIES}/{name}.json", *files]
        found.append(_removal("delivery", commit.object_key, since[name], keys, listing))
    named = {file for version in versions for file in version.files}
    named |= {file.key for commit in snapshot.commits.values() for of in commit.files.values() for file in of}
    found += _stray(listing, named)
    attempts = {v.attempt for v in kept} | {c.attempt for name, c in snapshot.commits.items() if name not in gone}
    return [*found, *_jobs(listing, attempts, before)]


def remove(processed: ObjectStore, removals: Iterable[Removal]) -> None:
    """Remove what `find_expired` gave; the caller holds the run's lock and has held it since.

    What makes something visible goes first, so that a break in the midst leaves stray files and nothing half there.
    """
    for removal in removals:
        for key in removal.keys:
            processed.delete(key)


def superseded_since(events: Sequence[Event]) -> dict[str, str]:
    """Return, by delivery id, since when a later delivery of the same object has stood in its place.

    That is when the next one that counts began to; where none did, when the next one was found.
    """
    objects: dict[str, dict[str, str]] = {}
    counts_since: dict[str, str] = {}
    for event in events:
        match event:
            case DeliveryDiscovered():
                of_object = objects.setdefault(event.object_key, {})
                of_object.pop(event.delivery_id, None)
                of_object[event.delivery_id] = event.at
            case Verdict() if not event.is_held:
                counts_since[event.delivery_id] = event.at
            case DecisionRecorded() if event.action != "withdrawn":
                counts_since[event.delivery_id] = event.at
    since: dict[str, str] = {}
    for of_object in objects.values():
        replaced_at = ""
        found_at = ""
        for delivery_id, at in reversed(of_object.items()):
            if found_at:
                since[delivery_id] = replaced_at or found_at
            replaced_at = max(at, counts_since[delivery_id]) if delivery_id in counts_since else replaced_at
            found_at = at
    return since


def _needed_versions(
    snapshot: Snapshot, published: Mapping[SliceName, str], events: Sequence[Event]
) -> set[tuple[str, str, str]]:
    needed = {(wanted.table, wanted.slice, wanted.version) for wanted in snapshot.wanted}
    needed |= {(*name, version) for name, version in published.items()}
    closings = [event for event in events if isinstance(event, PeriodStatusChanged)]
    return needed | {(table, one.period, version) for one in closings for table, version in one.versions.items()}


def _in_use(state: DeliveryState) -> set[str]:
    """Return the deliveries that count, wait, or could be taken in again."""
    stopped = {one.commit.delivery_id for one in (*state.stopped, *state.withdrawn)}
    read = {delivery.delivery_id for delivery in (*state.live, *state.awaiting_verdict)}
    return stopped | read | {event.delivery_id for event in state.pending}


def _named(inputs: Mapping[str, Any]) -> set[str]:
    """Return the deliveries that the inputs of a slice name, whatever they are to it."""
    found: set[str] = set()
    for name in ("lines", "hidden", "hidden_scopes", "reference"):
        for part in inputs.get(name) or ():
            # The scenarios and scopes among them are nobody's id, and do no harm.
            found |= {part} if isinstance(part, str) else {text for text in part if isinstance(text, str)}
    return found


def _version(key: str, data: bytes) -> _Version:
    document: dict[str, Any] = json.loads(data)
    return _Version(
        key=key,
        table=document["table"],
        slice=document["slice"],
        version=document["version"],
        attempt=document.get("attempt", ""),
        built_at=document.get("built_at", ""),
        files=tuple(file["key"] for file in document["files"]),
        needs=frozenset(_named(document.get("inputs") or {})),
    )


def _title(version: _Version) -> str:
    return f"{version.table} {version.slice} {version.version}"


def _stray(listing: Mapping[str, StoredObject], named: set[str]) -> Iterator[Removal]:
    """Yield the files that no commit names: a job that was stopped in its midst, or a slice that was built twice."""
    for key, item in listing.items():
        folder = key.partition("/")[0]
        if folder in _OF_ONE_ATTEMPT or (folder in _TABLES and key not in named):
            yield Removal("stray file", key, utc_text(item.modified_at), (key,), item.size)


def _jobs(listing: Mapping[str, StoredObject], attempts: set[str], before: str) -> Iterator[Removal]:
    """Yield the job folders of attempts of which nothing is left."""
    folders: dict[str, list[StoredObject]] = {}
    for key, item in listing.items():
        folder, _, rest = key.partition("/")
        attempt = rest.partition("/")[0]
        if folder == _JOBS and attempt not in attempts:
            folders.setdefault(attempt, []).append(item)
    for attempt, items in folders.items():
        last = max(utc_text(item.modified_at) for item in items)
        if last < before:
            yield _removal("job", attempt, last, [item.key for item in items], listing)


def _removal(kind: str, name: str, since: str, keys: Sequence[str], listing: Mapping[str, StoredObject]) -> Removal:
    there = tuple(key for key in keys if key in listing)
    return Removal(kind, name, since, there, sum(listing[key].size for key in there))
