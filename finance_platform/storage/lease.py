"""Leases: one run at a time at work in a zone that many machines reach, where no file can be locked.

Belongs here: taking a lease, renewing it, noticing that it ran out, giving it back.
Does not belong here: what is done under it; locks of one machine (see `lock`).

A lease is an object that says who holds it and until when. It is taken by a conditional write, so that of two who take
it one does, and renewed by a thread while it is held. A holder that was killed stops renewing, and the next one takes
over. One that was cut off for too long may have been taken over from: every write into the zone asks first whether the
lease still holds (`ensure_lease_held`), and so does whoever is about to commit elsewhere.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from finance_platform.errors import FinancePlatformError, LeaseLostError, LockedError, StorageError
from finance_platform.storage.port import ObjectStore

FOLDER = "leases"
RUN, JOB = "run", "job"

_LOOKED_AT_EVERY_SECONDS = 2.0

_log = logging.getLogger(__name__)
_guard = threading.RLock()
_held: dict[tuple[str, str], _Holder] = {}


@dataclass(frozen=True)
class LeaseTimings:
    """How long things last, in seconds.

    Attributes:
        lasts: how long a lease holds after it was last renewed.
        renewed_every: how often it is renewed; several attempts fit into the time that it lasts.
        clocks_differ: how far two machines' clocks may be apart; so much later it is taken over.
    """

    lasts: float = 90
    renewed_every: float = 20
    clocks_differ: float = 15


TERMS = LeaseTimings()

UNTIL_FREE_SECONDS = TERMS.lasts + TERMS.clocks_differ + 15
"""Who waits for so long gets the lease of a holder that was killed, and of one that goes on knows that it does."""


@dataclass(frozen=True)
class Lease:
    """What the object says.

    Attributes:
        holder: the one taking, among all that ever were.
        who: for people: user, machine, process.
        run_id: the run that works under it, if any.
        since: when it was taken.
        until: when it runs out unless it is renewed.
        number: counts the writes, so that no two are the same bytes.
        is_given_back: whether the holder has ended, and anybody may take it at once.
    """

    holder: str
    who: str
    run_id: str
    since: datetime
    until: datetime
    number: int = 0
    is_given_back: bool = False

    def to_json(self) -> bytes:
        """Return the document."""
        return json.dumps(vars(self), default=lambda moment: moment.isoformat(timespec="milliseconds")).encode()

    def is_free(self, terms: LeaseTimings) -> bool:
        """Return whether nobody can hold it any more, whosever clock is asked."""
        return self.is_given_back or datetime.now(UTC) > self.takeover_at(terms)

    def takeover_at(self, terms: LeaseTimings) -> datetime:
        """Return from when on another may take the lease over, unless it is renewed."""
        return self.until + timedelta(seconds=terms.clocks_differ)

    def __str__(self) -> str:
        run = f", run {self.run_id}" if self.run_id else ""
        until = f"until {self.until:%H:%M:%S} UTC unless it is renewed"
        return f"{self.who}{run}, since {self.since:%Y-%m-%d %H:%M:%S} UTC, {until}"


@contextmanager
def hold_lease(
    zone: ObjectStore, name: str, *, run_id: str = "", wait_seconds: float = 0, terms: LeaseTimings = TERMS
) -> Iterator[None]:
    """Hold a lease of a zone; inside this process it may be taken again, since a run's steps take it too.

    Args:
        zone: the zone, on a storage that many machines reach.
        name: of the lease.
        run_id: the run, for people.
        wait_seconds: how long to wait for another who holds it.
        terms: how long things last.

    Raises:
        LockedError: somebody else holds it.
        LeaseLostError: this process has it, but could not renew it in time.
    """
    with _guard:
        if (zone.root, name) in _held:
            _held[zone.root, name].check()
            yield
            return
        holder = _Holder(zone, name, _take_within(wait_seconds, zone, name, run_id, terms), terms)
        _held[zone.root, name] = holder
        try:
            with holder.renewing():
                yield
        finally:
            del _held[zone.root, name]
            holder.release()


def is_leased(zone: ObjectStore, name: str, *, terms: LeaseTimings = TERMS) -> bool:
    """Return whether another process holds a lease."""
    there = _read(zone, name)
    return there is not None and not there.is_free(terms) and (zone.root, name) not in _held


def ensure_lease_held(root: str) -> None:
    """Do nothing where this process holds its leases of a zone, or none; called before anything is committed.

    Args:
        root: the zone's address.

    Raises:
        LeaseLostError: it has one that ran out, so that somebody else may be at work.
    """
    for (of_root, _), holder in list(_held.items()):
        if of_root == root:
            holder.check()


def lease_key(name: str) -> str:
    """Return where a lease is in its zone."""
    return f"{FOLDER}/{name}.json"


def _take_within(wait_seconds: float, zone: ObjectStore, name: str, run_id: str, terms: LeaseTimings) -> Lease:
    give_up_at = time.monotonic() + wait_seconds
    is_told = False
    while True:
        try:
            return _take(zone, name, run_id, terms)
        except LockedError as error:
            if time.monotonic() >= give_up_at:
                raise
            if not is_told:
                _log.warning("%s; waiting for up to %.0f s", error.found, wait_seconds)
                is_told = True
        time.sleep(min(_LOOKED_AT_EVERY_SECONDS, wait_seconds))


def _take(zone: ObjectStore, name: str, run_id: str, terms: LeaseTimings) -> Lease:
    now = datetime.now(UTC)
    mine = Lease(uuid4().hex, _who(), run_id, now, now + timedelta(seconds=terms.lasts))
    key = lease_key(name)
    # First the etag, then the text: where somebody writes in between, the etag is the older one and refused.
    found = zone.find(key)
    there = _read(zone, name)
    if found is None or there is None:
        is_mine = zone.write_new(key, mine.to_json())
    else:
        is_mine = there.is_free(terms) and zone.replace(key, mine.to_json(), etag=found.etag)
    if is_mine:
        return mine
    holds = _read(zone, name)
    ends = f" One that was killed can be taken over from {holds.takeover_at(terms):%H:%M:%S} UTC on." if holds else ""
    raise LockedError(
        f"{zone.root}: its lease `{name}` is held by {holds or 'another'}",
        fix=f"wait until it has ended, then run again.{ends}",
    )


def _read(zone: ObjectStore, name: str) -> Lease | None:
    try:
        text = zone.read(lease_key(name))
    except FileNotFoundError:
        return None
    try:
        values = json.loads(text)
        moments = {key: datetime.fromisoformat(values[key]) for key in ("since", "until")}
        return Lease(**{**values, **moments})
    except (ValueError, TypeError, KeyError) as error:
        where = zone.uri(lease_key(name))
        fix = "make sure that no run is at work, then remove the object"
        raise StorageError(f"{where} is no lease: {error}", fix=fix) from None


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = f"user {os.getuid()}"
    return f"{user} on {socket.gethostname()}, process {os.getpid()}"


class _Holder:
    """A lease that this process holds."""

    def __init__(self, zone: ObjectStore, name: str, lease: Lease, terms: LeaseTimings) -> None:
        self._zone = zone
        self._name = name
        self._lease = lease
        self._terms = terms
        # A process may be stopped for a while, with the clock that counts its seconds; the other one goes on.
        self._renewed_at = time.monotonic()
        self._lost = ""
        self._ended = threading.Event()

    def check(self) -> None:
        """Raise where the lease ran out or was taken over."""
        found, fix = self._lost, "wait until nobody is at work, then run again"
        if not found and self._is_over():
            found = f"to be renewed by {self._lease.until:%H:%M:%S} UTC, which could not be done"
            fix = "check the way to the zone, then run again"
        if found:
            raise LeaseLostError(f"{self._zone.root}: its lease `{self._name}` was {found}", fix=fix)

    def _is_over(self) -> bool:
        return time.monotonic() - self._renewed_at > self._terms.lasts or datetime.now(UTC) > self._lease.until

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renew the lease from time to time until the end of the block."""
        thread = threading.Thread(target=self._renew_until_end, name=f"renewing {self._name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def release(self) -> None:
        """Let anybody take the lease at once; where that cannot be said, it runs out."""
        try:
            self._write(replace(self._lease, number=self._lease.number + 1, is_given_back=True))
        except (FinancePlatformError, OSError) as error:
            _log.warning(
                "the lease %s was not given back and runs out by itself: %s",
                self._zone.uri(lease_key(self._name)),
                error,
            )

    def _renew_until_end(self) -> None:
        while not self._ended.wait(self._terms.renewed_every) and not self._lost:
            try:
                self._renew()
            except (FinancePlatformError, OSError) as error:
                _log.warning("the lease `%s` could not be renewed now: %s", self._name, error)

    def _renew(self) -> None:
        asked_at = time.monotonic()
        until = datetime.now(UTC) + timedelta(seconds=self._terms.lasts)
        renewed = replace(self._lease, number=self._lease.number + 1, until=until)
        if self._write(renewed):
            # Nobody has written in between, so that even one that had run out is ours again.
            self._lease, self._renewed_at = renewed, asked_at

    def _write(self, lease: Lease) -> bool:
        key = lease_key(self._name)
        found = self._zone.find(key)
        there = _read(self._zone, self._name)
        if found is None or there is None or there.holder != lease.holder:
            self._lost = f"taken over by {there}" if there else "removed"
            return False
        return self._zone.replace(key, lease.to_json(), etag=found.etag)
