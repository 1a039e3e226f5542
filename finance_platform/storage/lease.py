"""Leases: one run at a time works in a zone that many machines share, where no file can be locked.

Belongs here: acquiring, renewing, losing and releasing a lease. Does not belong here: locks of one machine (see
`file_lock`).

A lease is an object that names its holder and its end. A conditional write acquires it, so that one of two contenders
wins, and a thread renews it while it is held. A killed holder stops renewing, and the next one takes over. A holder
that was cut off may have lost its lease to another: `ensure_lease_held` is called before every write to the zone and
before every commit elsewhere.

A block that holds a lease may never be left: Dagster abandons the generator of a step that is interrupted between two
of its events, and Python closes it while it destroys its modules. No request can be sent then, and no daemon thread
ends, so that `join` waits forever in Python 3.13. What is still held is therefore released before that (470).
"""

from __future__ import annotations

import atexit
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

_POLL_SECONDS = 2.0

_JOIN_SECONDS = 10.0
"""How long the end waits for a renewal in progress, which may try for minutes to reach the zone.

S3 refuses one that arrives after the release: the object is another version then.
"""

_log = logging.getLogger(__name__)
_guard = threading.RLock()
_held: dict[tuple[str, str], _HeldLease] = {}


@dataclass(frozen=True)
class LeaseTimings:
    """The timings of a lease.

    Attributes:
        duration_seconds: how long a lease lasts after each renewal.
        renewal_seconds: how often it is renewed; several attempts fit into its duration.
        clock_skew_seconds: how far the clocks of two machines may differ; a takeover waits this much longer.
    """

    duration_seconds: float = 90
    renewal_seconds: float = 20
    clock_skew_seconds: float = 15


DEFAULT_TIMINGS = LeaseTimings()

TAKEOVER_SECONDS = DEFAULT_TIMINGS.duration_seconds + DEFAULT_TIMINGS.clock_skew_seconds + 15
"""Waiting this long is enough to take over a dead holder's lease."""


@dataclass(frozen=True)
class Lease:
    """The content of a lease object.

    Attributes:
        holder: unique id of the holder.
        who: user, machine and process, for people.
        run_id: the run that works under the lease, if any.
        since: when it was acquired.
        until: when it ends unless it is renewed.
        number: counts the writes, so that no two have the same bytes.
        is_given_back: whether the holder has released it.
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

    def is_available(self, timings: LeaseTimings) -> bool:
        """Return whether the lease was released, or has ended by every machine's clock."""
        return self.is_given_back or datetime.now(UTC) > self.takeover_at(timings)

    def takeover_at(self, timings: LeaseTimings) -> datetime:
        """Return when another holder may take over, unless the lease is renewed."""
        return self.until + timedelta(seconds=timings.clock_skew_seconds)

    def __str__(self) -> str:
        run = f", run {self.run_id}" if self.run_id else ""
        until = f"until {self.until:%H:%M:%S} UTC unless it is renewed"
        return f"{self.who}{run}, since {self.since:%Y-%m-%d %H:%M:%S} UTC, {until}"


@contextmanager
def hold_lease(
    zone: ObjectStore, name: str, *, run_id: str = "", wait_seconds: float = 0, timings: LeaseTimings = DEFAULT_TIMINGS
) -> Iterator[None]:
    """Hold a lease of a zone; it is reentrant within this process, since a run's steps take it as well.

    Args:
        zone: the zone.
        name: the lease's name.
        run_id: the run, for people.
        wait_seconds: how long to wait for another holder.
        timings: duration, renewal and clock skew.

    Raises:
        LockedError: another process holds it.
        LeaseLostError: this process holds it, but could not renew it in time.
    """
    with _guard:
        if (zone.root, name) in _held:
            _held[zone.root, name].ensure_held()
            yield
            return
        held = _HeldLease(zone, name, _acquire_within(wait_seconds, zone, name, run_id, timings), timings)
        _held[zone.root, name] = held
        try:
            with held.renewed():
                yield
        finally:
            del _held[zone.root, name]
            held.release()


@atexit.register
def release_abandoned() -> None:
    """Release each lease that this process still holds, and let it write nothing more."""
    for held in list(_held.values()):
        held.end()


def is_leased(zone: ObjectStore, name: str, *, timings: LeaseTimings = DEFAULT_TIMINGS) -> bool:
    """Return whether another process holds a lease."""
    lease = _read(zone, name)
    return lease is not None and not lease.is_available(timings) and (zone.root, name) not in _held


def ensure_lease_held(root: str) -> None:
    """Check that this process still holds every lease that it took of a zone.

    Args:
        root: the zone's address.

    Raises:
        LeaseLostError: a lease has ended, so another process may work in the zone.
    """
    for (leased_root, _), held in list(_held.items()):
        if leased_root == root:
            held.ensure_held()


def lease_key(name: str) -> str:
    """Return the key of a lease in its zone."""
    return f"{FOLDER}/{name}.json"


def _acquire_within(wait_seconds: float, zone: ObjectStore, name: str, run_id: str, timings: LeaseTimings) -> Lease:
    deadline = time.monotonic() + wait_seconds
    is_logged = False
    while True:
        try:
            return _acquire(zone, name, run_id, timings)
        except LockedError as error:
            if time.monotonic() >= deadline:
                raise
            if not is_logged:
                _log.warning("%s; waiting for up to %.0f s", error.found, wait_seconds)
                is_logged = True
        time.sleep(min(_POLL_SECONDS, wait_seconds))


def _acquire(zone: ObjectStore, name: str, run_id: str, timings: LeaseTimings) -> Lease:
    now = datetime.now(UTC)
    lease = Lease(uuid4().hex, _who(), run_id, now, now + timedelta(seconds=timings.duration_seconds))
    key = lease_key(name)
    existing, etag = _read_version(zone, name)
    if existing is None:
        is_acquired = zone.write_new(key, lease.to_json())
    else:
        is_acquired = existing.is_available(timings) and zone.replace(key, lease.to_json(), etag=etag)
    if is_acquired:
        return lease
    holder = _read(zone, name)
    takeover = (
        f". A dead holder's can be taken over from {holder.takeover_at(timings):%H:%M:%S} UTC on" if holder else ""
    )
    raise LockedError(
        f"{zone.root}: the lease `{name}` is held by {holder or 'another process'}",
        fix=f"wait until it has ended, then run again{takeover}",
    )


def _read(zone: ObjectStore, name: str) -> Lease | None:
    return _read_version(zone, name)[0]


def _read_version(zone: ObjectStore, name: str) -> tuple[Lease | None, str]:
    """Return a lease and the etag of its document: another process may write at any moment, and its etag is another."""
    try:
        document, etag = zone.read_version(lease_key(name))
    except FileNotFoundError:
        return None, ""
    try:
        values = json.loads(document)
        moments = {key: datetime.fromisoformat(values[key]) for key in ("since", "until")}
        return Lease(**{**values, **moments}), etag
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{zone.uri(lease_key(name))} is not a valid lease: {error}",
            fix="make sure that no run is at work, then remove the object",
        ) from None


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id without a name
        user = f"user {os.getuid()}"
    return f"{user} on {socket.gethostname()}, process {os.getpid()}"


class _HeldLease:
    """A lease that this process holds."""

    def __init__(self, zone: ObjectStore, name: str, lease: Lease, timings: LeaseTimings) -> None:
        self._zone = zone
        self._name = name
        self._lease = lease
        self._timings = timings
        # Checked beside the wall clock: the monotonic one may stop while the machine is suspended.
        self._renewed_at = time.monotonic()
        self._loss = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_end, name=f"renewing {name}", daemon=True)
        self._is_released = False

    def ensure_held(self) -> None:
        """Raise `LeaseLostError` if the lease has ended or was taken over."""
        loss, fix = self._loss, "wait until the other run has ended, then run again"
        if not loss and self._has_ended():
            loss = f"could not be renewed by {self._lease.until:%H:%M:%S} UTC"
            fix = "check the connection to the zone, then run again"
        if loss:
            raise LeaseLostError(f"{self._zone.root}: the lease `{self._name}` {loss}", fix=fix)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease periodically until the end of the block."""
        try:
            self._thread.start()  # an interruption that arrives here must not leave the thread at work
            yield
        finally:
            self._stop_renewing()

    def end(self) -> None:
        """Release the lease of a block that was never left."""
        self._stop_renewing()
        self.release()
        self._loss = self._loss or "was released because the process ends"

    def release(self) -> None:
        """Make the lease available at once; if that fails, it ends by itself."""
        if self._is_released:
            return
        self._is_released = True
        try:
            self._write(replace(self._lease, number=self._lease.number + 1, is_given_back=True))
        except (FinancePlatformError, OSError) as error:
            _log.warning(
                "the lease %s was not released and ends by itself: %s", self._zone.uri(lease_key(self._name)), error
            )

    def _stop_renewing(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _has_ended(self) -> bool:
        elapsed = time.monotonic() - self._renewed_at
        return elapsed > self._timings.duration_seconds or datetime.now(UTC) > self._lease.until

    def _renew_until_end(self) -> None:
        while not self._ended.wait(self._timings.renewal_seconds) and not self._loss:
            try:
                self._renew()
            except (FinancePlatformError, OSError) as error:
                _log.warning("the lease `%s` was not renewed: %s", self._name, error)

    def _renew(self) -> None:
        started_at = time.monotonic()
        until = datetime.now(UTC) + timedelta(seconds=self._timings.duration_seconds)
        renewed = replace(self._lease, number=self._lease.number + 1, until=until)
        if self._write(renewed):
            # No other process has written in between, so even a lease that had ended is valid again.
            self._lease, self._renewed_at = renewed, started_at

    def _write(self, lease: Lease) -> bool:
        key = lease_key(self._name)
        existing, etag = _read_version(self._zone, self._name)
        if existing is None or existing.holder != lease.holder:
            self._loss = f"was taken over by {existing}" if existing else "was removed"
            return False
        return self._zone.replace(key, lease.to_json(), etag=etag)
