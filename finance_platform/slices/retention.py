"""Retention: the data that nothing needs any more and that is older than the retention, and its removal.

Belongs here: which deliveries, slice versions, job folders and stray files expire, and the order of removal. Does not
belong here: which deliveries count (see `deliveries.state_derivation`), the target slices (see `versions`), output (see
`cli.vacuum_output`).

A delivery stays if it counts, awaits reading or a verdict, can be taken in again, counts, or counts in more periods,
once newer versions of its file are taken out, or is named by a slice version that stays: a target or published version,
one that a closing recorded, or a young one. Content that was removed and is sent again is read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.processed import (
    ACCOUNT_COUNTS,
    BALANCES,
    COMMENTS,
    LOOKUP_ROWS,
    MEMBER_ATTRIBUTES,
    MEMBERS,
    PROCESSED,
    STATEMENT_LINES,
)
from finance_platform.contracts.star import STAR
from finance_platform.deliveries.checkpoints import update_checkpoints
from finance_platform.deliveries.commits import FOLDER as DELIVERIES
from finance_platform.deliveries.commits import DeliveryCommit, find_damaged_commits, read_commits, retire_commit
from finance_platform.deliveries.events import (
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Verdict,
    utc_text,
)
from finance_platform.deliveries.lines_checkpoint import forget_lines
from finance_platform.deliveries.members.account_counts import CHECKPOINT as COUNTS_CHECKPOINT
from finance_platform.deliveries.members.account_counts import counts_of_delivery
from finance_platform.deliveries.members_checkpoint import CHECKPOINT as MEMBERS_CHECKPOINT
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import FOLDER as SLICES
from finance_platform.slices.signatures import signed_versions
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.bulk_read import read_many
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.staged_files import FOLDER as MANIFESTS

_OF_DELIVERIES = (
    *PROCESSED,
    COMMENTS,
    STATEMENT_LINES,
    BALANCES,
    LOOKUP_ROWS,
    MEMBERS,
    MEMBER_ATTRIBUTES,
    ACCOUNT_COUNTS,
)
_TABLES = tuple(contract.name for contract in (*_OF_DELIVERIES, *STAR))
_JOBS = "jobs"
_FOLDERS_OF_ATTEMPTS = ("staging", MANIFESTS)
"""Folders whose files a job or a load removes at its end; those that remain are of a killed one."""


@dataclass(frozen=True)
class Removal:
    """Data that may be removed.

    Attributes:
        kind: slice version, delivery, job or stray file.
        name: its name for people.
        since: the moment since which nothing needs it, ISO 8601 UTC.
        keys: its objects in the order of removal: the one that makes it visible first.
        size: in bytes.
        commit: the commit of a delivery.
    """

    kind: str
    name: str
    since: str
    keys: tuple[str, ...]
    size: int
    commit: DeliveryCommit | None = None


@dataclass(frozen=True)
class _Version:
    """The part of a slice's commit that retention needs; commits of all releases have it."""

    key: str
    table: str
    slice: str
    version: str
    attempt: str
    built_at: str
    files: tuple[str, ...]
    deliveries: frozenset[str]


def find_expired(
    processed: ObjectStore,
    snapshot: Snapshot,
    published: Mapping[SliceName, str],
    *,
    now: datetime,
    retention_days: int,
    needed_keys: Collection[str],
) -> list[Removal]:
    """Return the data that may be removed, slice versions first: none that stays names a delivery that is gone.

    Args:
        processed: the processed zone.
        snapshot: its state.
        published: version by table and slice, as the load ledger says.
        now: UTC.
        retention_days: the number of days for which superseded data stays.
        needed_keys: objects that no commit names and that others need, such as the logs of open tables.
    """
    _refuse_damage(processed, snapshot)
    before = utc_text(now - timedelta(days=retention_days))
    events = Register(processed).events()
    # A link that leads out of the zone is no file of ours.
    listing = {item.key: item for item in processed.list_objects() if not item.refusal}
    keys = [key for key in listing if key.startswith(f"{SLICES}/")]
    versions = [_version(key, data) for key, data in zip(keys, read_many(processed, keys), strict=True)]
    needed = _needed_versions(snapshot, published, events) | signed_versions(processed, events)
    expired = [v for v in versions if (v.table, v.slice, v.version) not in needed and v.built_at < before]
    kept = set(versions).difference(expired)
    in_use = deliveries_in_use(snapshot.state).union(
        *(version.deliveries for version in kept), *(_named_deliveries(target.inputs) for target in snapshot.target)
    )
    since = superseded_since(events)
    expired_commits = {
        name: commit
        for name, commit in snapshot.commits.items()
        if name not in in_use and since.get(name, before) < before
    }
    kept_commits = {name: commit for name, commit in snapshot.commits.items() if name not in expired_commits}
    committed = {file for version in versions for file in version.files}
    committed |= {file for commit in snapshot.commits.values() for file in _files(commit)}
    attempts = {version.attempt for version in kept} | {commit.attempt for commit in kept_commits.values()}
    return [
        *_expired_versions(listing, expired, kept),
        *_expired_deliveries(listing, expired_commits, kept_commits, since),
        *_stray_files(listing, committed.union(needed_keys)),
        *_expired_jobs(listing, attempts, before),
    ]


def _refuse_damage(processed: ObjectStore, snapshot: Snapshot) -> None:
    """Refuse to remove anything while a commit is damaged: the files that it names would look like stray ones.

    Raises:
        DamagedObjectError: a commit is damaged.
        LostDeliveryError: one was lost.
    """
    if snapshot.state.missing:
        raise snapshot.state.lost_delivery(snapshot.state.missing[0])
    damaged = find_damaged_commits(processed)
    if damaged:
        raise DamagedObjectError(damaged[0].key, damaged[0].why, fix="run `finance-platform run` first")


def remove(processed: ObjectStore, removals: Iterable[Removal]) -> None:
    """Remove the data that `find_expired` returned; the caller must have held the run's lock since then.

    The object that makes a thing visible is removed first, so an interrupted removal leaves stray files and no broken
    commits.
    """
    for removal in removals:
        if removal.commit:
            # The statement of all versions still needs its figures.
            retire_commit(processed, removal.commit, counts_of_delivery(processed, removal.commit))
        for key in removal.keys:
            processed.delete(key)
    update_checkpoints(processed)
    commits = read_commits(processed).values()
    files = {file.key for commit in commits for of_table in commit.files.values() for file in of_table}
    for checkpoint in (MEMBERS_CHECKPOINT, COUNTS_CHECKPOINT):
        checkpoint.forget_files(processed, files)
    forget_lines(processed, files)


def superseded_since(events: Sequence[Event]) -> dict[str, str]:
    """Return, by delivery id, the moment since which a later delivery of the same object has replaced it.

    That is when the next delivery that counts began to count; if none did, when the next one was discovered.
    """
    discovered_at: dict[str, dict[str, str]] = {}
    counts_since: dict[str, str] = {}
    for event in events:
        match event:
            case DeliveryDiscovered():
                versions = discovered_at.setdefault(event.object_key, {})
                versions.pop(event.delivery_id, None)
                versions[event.delivery_id] = event.at
            case Verdict() if not event.is_held:
                counts_since[event.delivery_id] = event.at
            case DecisionRecorded() if event.action != "withdrawn":
                counts_since[event.delivery_id] = event.at
    since: dict[str, str] = {}
    for versions in discovered_at.values():
        replaced_at = ""
        next_discovered_at = ""
        for delivery_id, at in reversed(versions.items()):
            if next_discovered_at:
                since[delivery_id] = replaced_at or next_discovered_at
            replaced_at = max(at, counts_since[delivery_id]) if delivery_id in counts_since else replaced_at
            next_discovered_at = at
    return since


def _needed_versions(
    snapshot: Snapshot, published: Mapping[SliceName, str], events: Sequence[Event]
) -> set[tuple[str, str, str]]:
    needed = {(target.table, target.slice, target.version) for target in snapshot.target}
    needed |= {(*name, version) for name, version in published.items()}
    closings = [event for event in events if isinstance(event, PeriodStatusChanged)]
    return needed | {
        (table, closing.period, version) for closing in closings for table, version in closing.versions.items()
    }


def deliveries_in_use(state: DeliveryState) -> set[str]:
    """Return the deliveries that count, await reading or a verdict, or count again if others are taken out or in."""
    stopped = {delivery.commit.delivery_id for delivery in (*state.inactive, *state.withdrawn)}
    read = {delivery.delivery_id for delivery in (*state.live, *state.effective, *state.awaiting_verdict)}
    dormant = {commit.delivery_id for commit in state.dormant}
    return stopped | read | dormant | {event.delivery_id for event in state.pending}


def _named_deliveries(inputs: Mapping[str, Any]) -> set[str]:
    """Return the deliveries that the inputs of a slice name in any role."""
    names: set[str] = set()
    for part in ("lines", "hidden", "hidden_scopes", "reference", "described"):
        for item in inputs.get(part) or ():
            # The scenarios, scopes and periods among the texts are no delivery's id and do no harm.
            names |= {item} if isinstance(item, str) else {text for text in item if isinstance(text, str)}
    return names


def _files(commit: DeliveryCommit) -> list[str]:
    return [file.key for files in commit.files.values() for file in files]


def _version(key: str, data: bytes) -> _Version:
    try:
        return parse_document(key, data, lambda document: _parse_version(key, document))
    except DamagedObjectError as error:
        raise DamagedObjectError(error.key, error.why, fix="run `finance-platform run` first") from None


def _parse_version(key: str, document: Mapping[str, Any]) -> _Version:
    return _Version(
        key=key,
        table=document["table"],
        slice=document["slice"],
        version=document["version"],
        attempt=document.get("attempt", ""),
        built_at=document.get("built_at", ""),
        files=tuple(file["key"] for file in document["files"]),
        deliveries=frozenset(_named_deliveries(document.get("inputs") or {})),
    )


def _title(version: _Version) -> str:
    return f"{version.table} {version.slice} {version.version}"


def _expired_versions(
    listing: Mapping[str, StoredObject], expired: Sequence[_Version], kept: Iterable[_Version]
) -> Iterator[Removal]:
    """Yield versions of slices.

    Versions of a slice share files where only the names of deliveries changed: these go with the last of them.
    """
    named = {file for version in kept for file in version.files}
    last_versions = {file: version.key for version in expired for file in version.files}
    for version in expired:
        files = [file for file in version.files if file not in named and last_versions[file] == version.key]
        yield _removal("slice version", _title(version), version.built_at, [version.key, *files], listing)


def _expired_deliveries(
    listing: Mapping[str, StoredObject],
    expired: Mapping[str, DeliveryCommit],
    kept: Mapping[str, DeliveryCommit],
    since: Mapping[str, str],
) -> Iterator[Removal]:
    """Yield deliveries; a file that deliveries share goes with the last of them: until then, its commits need it."""
    named = {file for commit in kept.values() for file in _files(commit)}
    last_users = {file: name for name, commit in expired.items() for file in _files(commit)}
    for name, commit in expired.items():
        own = [file for file in _files(commit) if file not in named and last_users[file] == name]
        keys = [f"{DELIVERIES}/{name}.json", *own]
        yield replace(_removal("delivery", commit.object_key, since[name], keys, listing), commit=commit)


def _stray_files(listing: Mapping[str, StoredObject], committed: set[str]) -> Iterator[Removal]:
    """Yield the files that no commit names, because a job was stopped half-way or built a slice twice."""
    for key, item in listing.items():
        folder = key.partition("/")[0]
        if folder in _FOLDERS_OF_ATTEMPTS or (folder in _TABLES and key not in committed):
            yield Removal("stray file", key, utc_text(item.modified_at), (key,), item.size)


def _expired_jobs(listing: Mapping[str, StoredObject], attempts: set[str], before: str) -> Iterator[Removal]:
    """Yield the old job folders whose attempt is not among those with results."""
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
    existing = tuple(key for key in keys if key in listing)
    return Removal(kind, name, since, existing, sum(listing[key].size for key in existing))
