"""Repair: what is damaged in the processed zone, and making the next steps derive it again.

Belongs here: which damage of which kind of object has which consequence, and setting damaged objects aside. A step
takes an object that is not there as not made yet, so nothing else is needed to derive it again.
Does not belong here: recognising damage (see `storage.documents` and the module of each kind of object), the register,
which is never derived again (see `deliveries.register`), the warehouse's file (see `warehouse.duckdb`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath

from finance_platform.deliveries.checkpoints import find_outdated, find_untrusted
from finance_platform.deliveries.commits import (
    COMMITS,
    RETIRED_COMMITS,
    DataFile,
    DeliveryCommit,
    commit_key,
    find_damaged_commits,
    read_commits,
)
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import DeliveryDiscovered, Event, select_discovered
from finance_platform.deliveries.live_files import distinct_files
from finance_platform.deliveries.overlap_documents import FOLDER as OVERLAPS
from finance_platform.deliveries.overlap_documents import find_damaged_overlaps
from finance_platform.deliveries.register import FOLDER as REGISTER
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import find_damaged_scans
from finance_platform.deliveries.state import DeliveryState, lost_delivery
from finance_platform.errors import DamagedObjectError, LostDeliveryError, OutdatedObjectError
from finance_platform.slices.commits import SliceCommit, find_damaged_slices, slice_key
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.checkpoints import FOLDER as CHECKPOINTS
from finance_platform.storage.documents import FOLDER, find_damaged_files, parse_document, set_aside
from finance_platform.storage.listed_once import list_ahead, listed_once
from finance_platform.storage.port import ObjectStore

_SUSPECTS = f"{FOLDER}/suspects.json"
"""The files that a step found to be damaged while it read them; the next run reads them whole."""

_DOCUMENT_FOLDERS = (REGISTER, COMMITS.name, RETIRED_COMMITS.name, OVERLAPS, CHECKPOINTS)
"""The folders of documents that a search for damage lists."""

_IGNORED = "it is ignored"
_READ_SINGLY = "what it has is read one by one, and it is written again"

RUN = "run `finance-platform run`"
RUN_AGAIN = "run again; it is derived again first"


@dataclass(frozen=True)
class Damage:
    """One damaged object.

    Attributes:
        key: the object.
        why: what is wrong with it, a clause.
        effect: what follows from that, a clause.
        fix: what to do; empty if nothing is to be done.
        aside: the document to set aside, so that everything that it names is derived again; empty for none.
        is_outdated: whether it is as it was written and what it was derived of is not, as in a home that was copied.
    """

    key: str
    why: str
    effect: str
    fix: str = RUN
    aside: str = ""
    is_outdated: bool = False

    @property
    def clause(self) -> str:
        """What is wrong and what follows, without the object's name."""
        if self.effect == _IGNORED:
            return f"is ignored: {self.why}"
        return f"is {'outdated' if self.is_outdated else 'damaged'} ({self.why}): {self.effect}"

    @property
    def is_repaired(self) -> bool:
        """Whether a run derives it again, or sets aside what nothing needs; else a person has to restore it."""
        return self.fix == RUN or (bool(self.aside) and not self.fix)

    def __str__(self) -> str:
        return f"{self.key} {self.clause}"


def find_damage(raw: ObjectStore, processed: ObjectStore, state: DeliveryState | None = None) -> list[Damage]:
    """Return what is damaged in the processed zone, without the slices; nothing is changed.

    Args:
        raw: the raw zone, from which deliveries can be read again.
        processed: the processed zone.
        state: the deliveries, all damaged commits left out, if the caller has derived them.

    Raises:
        RegisterError: the register is damaged.
    """
    documents = listed_once(processed)
    list_ahead(documents, _DOCUMENT_FOLDERS)
    register = Register(documents)
    events = register.events()
    state = state or read_state(documents)
    readable = _Rereadable(raw, events)
    damage = [*_damaged_commits(documents, state, readable), *_damaged_files(processed, state, readable)]
    lacking = "the figures of a version that was removed are not in the statement of all versions"
    damage += [
        Damage(error.key, error.why, lacking, fix="", aside=error.key)
        for error in find_damaged_commits(documents, RETIRED_COMMITS)
    ]
    damage += [
        Damage(error.key, error.why, "overlaps of deliveries are computed again", aside=error.key)
        for error in find_damaged_overlaps(documents)
    ]
    damage += [
        Damage(error.key, error.why, "the raw zone is compared with nothing once", aside=error.key)
        for error in find_damaged_scans(processed)
    ]
    damage += [replace(_of_checkpoint(error), aside=error.key) for error in find_untrusted(documents)]
    foreign = "its name is not that of an event of the register"
    return damage + [Damage(key, foreign, _IGNORED, fix="") for key in register.foreign_keys()]


def repair(raw: ObjectStore, processed: ObjectStore, *, at: datetime, run_id: str) -> tuple[list[str], list[str]]:
    """Set aside what is damaged, so that the steps of this run derive it again.

    Args:
        raw: the raw zone.
        processed: the processed zone; the caller holds the home's lock.
        at: now, UTC; names the folder of what is set aside.
        run_id: the run, which has entered what is new into the register.

    Returns:
        A sentence per damaged object, without those that are only ignored: first of those that are derived again, then
        of those that stay damaged.
    """
    found = find_damage(raw, processed)
    _set_aside(processed, found, at)
    outdated = map(_of_checkpoint, find_outdated(processed, run_id))
    damage = [one for one in (*found, *outdated) if one.effect != _IGNORED]
    repaired = [str(one) for one in damage if one.is_repaired]
    return repaired, [str(one) for one in damage if not one.is_repaired]


def _of_checkpoint(error: DamagedObjectError) -> Damage:
    return Damage(error.key, error.why, _READ_SINGLY, is_outdated=isinstance(error, OutdatedObjectError))


def find_damaged_target(processed: ObjectStore, snapshot: Snapshot) -> list[Damage]:
    """Return the damaged commits and files of the target slices."""
    names = [(target.table, target.slice, target.version) for target in snapshot.to_build]
    again = "the slice is built again"
    damage = [Damage(error.key, error.why, again, aside=error.key) for error in find_damaged_slices(processed, names)]
    owners = {
        file.key: slice_key(commit.table, commit.slice, commit.version)
        for commit in snapshot.built.values()
        for file in commit.files
    }
    files = _damaged(processed, (file for commit in snapshot.built.values() for file in commit.files))
    return damage + [Damage(key, why, again, aside=owners[key]) for key, why in files.items()]


def repair_slices(processed: ObjectStore, snapshot: Snapshot, *, at: datetime) -> list[str]:
    """Set aside the commits of damaged target slices, so that they are built again; return a sentence for each.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        snapshot: its state.
        at: now, UTC.
    """
    damage = find_damaged_target(processed, snapshot)
    _set_aside(processed, damage, at)
    processed.delete(_SUSPECTS)
    return [str(one) for one in damage]


def discard_unreadable_slices(
    processed: ObjectStore, commits: Iterable[SliceCommit], *, at: datetime
) -> DamagedObjectError | None:
    """Read the files of slices that could not be loaded; set the commits of damaged ones aside.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        commits: the slices.
        at: now, UTC.

    Returns:
        The error to raise; None if no file is damaged.
    """
    error = None
    for commit in commits:
        sizes = {file.key: file.size for file in commit.files}
        for key, why in find_damaged_files(processed, sizes, suspects=sizes.keys()).items():
            set_aside(processed, slice_key(commit.table, commit.slice, commit.version), at)
            error = error or DamagedObjectError(key, why, fix=RUN_AGAIN)
    return error


def require_readable(processed: ObjectStore, state: DeliveryState, files: Mapping[str, DataFile]) -> None:
    """Raise an error if a file that a job is about to read is damaged; `repair` has left it, since raw is gone too.

    Args:
        processed: the processed zone.
        state: the deliveries.
        files: the files by key.

    Raises:
        LostDeliveryError: the file cannot be read again.
    """
    damaged = _damaged(processed, files.values())
    for delivery in state.live:
        for files_of_table in delivery.commit.files.values():
            for file in files_of_table:
                if file.key in damaged:
                    part = f"its file {file.key} ({damaged[file.key]})"
                    raise lost_delivery(delivery.event, part, booked_from=delivery.commit.booked_from)


def suspect_damaged(processed: ObjectStore, keys: Iterable[str]) -> DamagedObjectError | None:
    """Read files whole; note the damaged ones for the next run, and return the error to raise, None without any.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        keys: the Parquet files that a step could not use.
    """
    keys = list(keys)
    sizes = {item.key: item.size for item in map_many(processed, keys, processed.find) if item}
    damaged = find_damaged_files(processed, sizes, suspects=sizes.keys())
    damaged |= {key: "it is missing" for key in keys if key not in sizes}
    if not damaged:
        return None
    note_suspects(processed, damaged)
    key, why = next(iter(damaged.items()))
    return DamagedObjectError(key, why, fix=RUN_AGAIN)


def read_suspects(processed: ObjectStore) -> Collection[str]:
    """Return the files that a step found to be damaged, until the slices are repaired; see `note_suspects`."""
    try:
        return parse_document(_SUSPECTS, processed.read(_SUSPECTS), frozenset[str])
    except (FileNotFoundError, DamagedObjectError):
        return frozenset()


def note_suspects(processed: ObjectStore, keys: Iterable[str]) -> None:
    """Note files that a step found to be damaged, for the next run's repair."""
    known = read_suspects(processed)
    processed.write(_SUSPECTS, json.dumps(sorted({*known, *keys})).encode())


@contextmanager
def damage_noted(processed: ObjectStore) -> Iterator[None]:
    """Note a damaged file that a step of a run finds while it reads; the error then says to run again.

    Raises:
        LostDeliveryError: the repair at the start of the run has seen the damage, and the file cannot be read again.
        DamagedObjectError: the next run derives it again.
    """
    try:
        yield
    except DamagedObjectError as error:
        if error.fix == RUN_AGAIN:
            raise
        if lost := _known_as_lost(processed, error):
            raise lost from error
        note_suspects(processed, [error.key])
        raise DamagedObjectError(error.key, error.why, fix=RUN_AGAIN) from error


def _known_as_lost(processed: ObjectStore, error: DamagedObjectError) -> LostDeliveryError | None:
    """Return the error about a file that the repair left as it is, since the raw zone does not have its content."""
    for name, commit in read_commits(processed).items():
        files = [file for of_table in commit.files.values() for file in of_table if file.key == error.key]
        if files and _damaged(processed, files):
            events = select_discovered(Register(processed).events())
            # Lines that are booked in a later period have no discovery of their own: that of their file stands for it.
            event = next(
                event
                for event in reversed(events)
                if event.delivery_id == name or (commit.booked_from and event.object_key == commit.object_key)
            )
            return lost_delivery(event, f"its file {error.key} ({error.why})", booked_from=commit.booked_from)
    return None


def require_none_missing(state: DeliveryState) -> None:
    """Raise LostDeliveryError if a delivery counts and has no commit."""
    if state.missing:
        raise state.lost_delivery(state.missing[0])


class _Rereadable:
    """Which deliveries can be read again: those whose content the raw zone still has."""

    def __init__(self, raw: ObjectStore, events: Iterable[Event]) -> None:
        self._raw = raw
        self._events = events

    @cached_property
    def by_id(self) -> Mapping[str, DeliveryDiscovered]:
        """The last discovery of each delivery; looked for once something is damaged."""
        return {event.delivery_id: event for event in select_discovered(self._events)}

    @cached_property
    def _current(self) -> Mapping[str, str]:
        return {event.object_key: event.delivery_id for event in select_discovered(self._events)}

    def __call__(self, event: DeliveryDiscovered) -> bool:
        # False of lines that are booked in a later period too: no file has them.
        if self._current[event.object_key] != event.delivery_id:
            return False
        with suppress(OSError):
            item = self._raw.find(event.object_key)
            if item is None:
                return False
            return item.etag == event.etag or self._raw.fingerprint(event.object_key) == event.fingerprint
        return False


def _damaged_commits(processed: ObjectStore, state: DeliveryState, readable: _Rereadable) -> Iterator[Damage]:
    missing = {event.delivery_id: event for event in state.missing}
    pending = {event.delivery_id for event in state.pending}
    for error in find_damaged_commits(processed):
        name = PurePosixPath(error.key).stem
        lost = missing.pop(name, None)
        event = readable.by_id.get(name, lost)
        if event is None:
            yield Damage(error.key, "no delivery has this name", _IGNORED, fix="")
        elif (lost or name in pending) and readable(event):
            yield Damage(error.key, error.why, f"{event.object_key} is read again", aside=error.key)
        elif lost:
            yield _lost(error.key, error.why, state.lost_delivery(lost), aside=error.key)
        else:
            effect = f"the figures of an earlier version of {event.object_key} are not in the statement of all versions"
            yield Damage(error.key, error.why, effect, fix="", aside=error.key)
    for name, event in missing.items():
        if name in readable.by_id and readable(event):
            yield Damage(commit_key(name), "it is missing", f"{event.object_key} is read again")
        else:
            yield _lost(commit_key(name), "it is missing", state.lost_delivery(event))


def _damaged_files(processed: ObjectStore, state: DeliveryState, readable: _Rereadable) -> Iterator[Damage]:
    """Yield the first damaged file of each delivery; small deliveries share files."""
    commits = _commits_in_use(state)
    by_table = (files for of_commit in distinct_files(commits) for files in of_commit.values())
    damaged = _damaged(processed, chain.from_iterable(by_table))
    withdrawn = {delivery.commit.delivery_id for delivery in state.withdrawn}
    for commit in commits if damaged else ():
        keys = [file.key for files in commit.files.values() for file in files if file.key in damaged]
        if not keys:
            continue
        key, why, event = keys[0], damaged[keys[0]], readable.by_id.get(commit.delivery_id)
        if event is None:
            event = next(live.event for live in state.live if live.delivery_id == commit.delivery_id)
            yield _lost(key, why, lost_delivery(event, f"its file {key} ({why})", booked_from=commit.booked_from))
        elif readable(event):
            yield Damage(key, why, f"{event.object_key} is read again", aside=commit_key(commit.delivery_id))
        elif commit.delivery_id in withdrawn:
            yield Damage(key, why, f"{event.object_key} is withdrawn and cannot be taken in again", fix="")
        else:
            yield _lost(key, why, lost_delivery(event, f"its file {key} ({why})"))


def _commits_in_use(state: DeliveryState) -> list[DeliveryCommit]:
    """Return the commits of deliveries that count, may count, or are listed as held or withdrawn."""
    # Of a delivery of which only some lines count, the last commit of these names what the file has beside its lines.
    commits = [delivery.commit for delivery in (*state.inactive, *state.withdrawn)]
    commits += [delivery.commit for delivery in (*state.live, *state.awaiting_verdict, *state.waiting)]
    return list({commit.delivery_id: commit for commit in commits}.values())


def _lost(key: str, why: str, error: LostDeliveryError, aside: str = "") -> Damage:
    return Damage(key, why, error.found, fix=error.fix, aside=aside)


def _damaged(processed: ObjectStore, files: Iterable[DataFile]) -> dict[str, str]:
    sizes = {file.key: file.size for file in files}
    return find_damaged_files(processed, sizes, read_suspects(processed)) if sizes else {}


def _set_aside(processed: ObjectStore, damage: Iterable[Damage], at: datetime) -> None:
    for key in dict.fromkeys(one.aside for one in damage if one.aside):
        set_aside(processed, key, at)
