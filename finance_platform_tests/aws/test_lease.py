"""The lease: one run at a time in a zone on S3, on any machine, and takeovers from killed runs.

Belongs here: two holders, ended leases, connection faults. Does not belong here: the lock of one machine (see
`unit/storage/test_file_lock`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finance_platform.bootstrap import home_lock, is_home_locked, jobs_lock
from finance_platform.errors import LeaseLostError, LockedError, StorageError
from finance_platform.storage import lease
from finance_platform.storage.factory import open_store
from finance_platform.storage.lease import (
    JOB,
    RUN,
    Lease,
    LeaseTimings,
    ensure_lease_held,
    hold_lease,
    is_leased,
    release_abandoned,
)
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.s3_faults import slow_down
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.waits import wait_until

SHORT = LeaseTimings(duration_seconds=1.2, renewal_seconds=0.15, clock_skew_seconds=0.2)


@pytest.fixture
def zone(bucket: str) -> ObjectStore:
    return open_store(f"s3://{bucket}/processed")


def read_lease(zone: ObjectStore, name: str = RUN) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zone.read(lease.lease_key(name)))
    return document


@contextmanager
def another_machine(zone: ObjectStore, name: str = RUN, *, ends_in: float = 90) -> Iterator[None]:
    """Hold the lease like another machine."""
    now = datetime.now(UTC)
    held = Lease("another", "ada on worker-7, process 1", "r1", now, now + timedelta(seconds=ends_in))
    zone.write(lease.lease_key(name), held.to_json())
    yield
    zone.write(lease.lease_key(name), replace(held, number=1, is_given_back=True).to_json())


def test_a_second_holder_is_refused_with_the_holder_and_its_end(zone: ObjectStore):
    with another_machine(zone), pytest.raises(LockedError) as caught, hold_lease(zone, RUN):
        pass
    assert zone.root in caught.value.found
    assert "ada on worker-7, process 1, run r1, since 20" in caught.value.found
    assert f"until {read_lease(zone)['until'][11:19]} UTC" in caught.value.found
    assert "run again" in caught.value.fix
    # Another machine's clock may be behind, so a takeover at the very end of the lease would be refused.
    takeover_at = datetime.fromisoformat(read_lease(zone)["until"]) + timedelta(seconds=15)
    assert f"taken over from {takeover_at:%H:%M:%S} UTC on" in caught.value.fix


def test_a_released_lease_is_acquired_at_once(zone: ObjectStore):
    for run_id in ("r1", "r2"):
        with hold_lease(zone, RUN, run_id=run_id):
            assert (read_lease(zone)["run_id"], read_lease(zone)["is_given_back"]) == (run_id, False)
        assert read_lease(zone)["is_given_back"]


def test_a_lease_is_released_after_a_failure(zone: ObjectStore):
    with pytest.raises(ZeroDivisionError), hold_lease(zone, RUN):
        raise ZeroDivisionError
    assert not is_leased(zone, RUN)


def test_a_lease_is_reentrant_within_a_process(zone: ObjectStore):
    with hold_lease(zone, RUN, run_id="outer"):
        with hold_lease(zone, RUN, run_id="inner"):
            assert read_lease(zone)["run_id"] == "outer"
        assert not read_lease(zone)["is_given_back"]


def test_runs_and_jobs_have_separate_leases(zone: ObjectStore):
    with another_machine(zone, RUN), hold_lease(zone, JOB):
        assert is_leased(zone, RUN)
        assert not is_leased(zone, JOB), "a lease of this process is not one of another"


def test_a_dead_holder_s_lease_is_taken_over_after_its_end_and_the_clock_skew(zone: ObjectStore):
    far_behind = replace(SHORT, clock_skew_seconds=600)
    with another_machine(zone, ends_in=-0.1):
        with pytest.raises(LockedError), hold_lease(zone, RUN, timings=far_behind):
            pass
        assert is_leased(zone, RUN, timings=far_behind), "another machine's clock may be behind"
        wait_until(lambda: not is_leased(zone, RUN, timings=SHORT))
        with hold_lease(zone, RUN, timings=SHORT):
            assert read_lease(zone)["holder"] != "another"


def test_a_waiting_process_acquires_the_lease_once_it_is_available(zone: ObjectStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.05)
    with another_machine(zone, ends_in=0.1), hold_lease(zone, RUN, wait_seconds=120, timings=SHORT):
        assert read_lease(zone)["holder"] != "another"


def test_of_concurrent_processes_one_acquires_the_lease(zone: ObjectStore):
    def race() -> None:
        start.wait()
        with suppress(LockedError):
            winners.append(lease._acquire(zone, RUN, "", lease.DEFAULT_TIMINGS))

    # First without a lease object, then with an ended lease.
    for before in (nullcontext(), another_machine(zone, ends_in=-600)):
        winners: list[Lease] = []
        start = threading.Barrier(6)
        with before:
            racers = [threading.Thread(target=race) for _ in range(6)]
            for racer in racers:
                racer.start()
            for racer in racers:
                racer.join()
            assert [winner.holder for winner in winners] == [read_lease(zone)["holder"]]


def test_a_lease_is_renewed_while_it_is_held(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        first = read_lease(zone)
        ended_at = datetime.fromisoformat(first["until"]) + timedelta(seconds=SHORT.clock_skew_seconds)
        wait_until(lambda: datetime.now(UTC) > ended_at)
        wait_until(lambda: not is_lost(zone))  # on a busy machine a renewal may come late, and the next one regains it
        assert read_lease(zone)["until"] > first["until"]
        assert (read_lease(zone)["holder"], read_lease(zone)["since"]) == (first["holder"], first["since"])
        assert read_lease(zone)["number"] > first["number"]


def test_a_holder_that_lost_its_lease_writes_nothing_more(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        zone.write("t/before.json", b"x")
        with another_machine(zone):
            wait_until(lambda: is_lost(zone))
            with pytest.raises(LeaseLostError, match="taken over by ada on worker-7"):
                zone.write("after.json", b"x")
            for forbidden in (
                lambda: zone.write_new("after.json", b"x"),
                lambda: zone.replace("t/before.json", b"y", etag=""),
                lambda: zone.delete("t/before.json"),
                lambda: zone.delete_folder("t"),
            ):
                with pytest.raises(LeaseLostError):
                    forbidden()
            with pytest.raises(LeaseLostError), hold_lease(zone, RUN):
                pass
            assert read_lease(zone)["holder"] == "another"
    assert read_lease(zone)["holder"] == "another", "another holder's lease is not released"
    assert [item.key for item in zone.list_objects()] == [lease.lease_key(RUN), "t/before.json"]
    zone.write("after.json", b"x")  # a process without a lease may write


def is_lost(zone: ObjectStore) -> bool:
    try:
        ensure_lease_held(zone.root)
    except LeaseLostError:
        return True
    return False


def test_a_removed_lease_is_lost(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        zone.delete(lease.lease_key(RUN))
        wait_until(lambda: is_lost(zone))
        with pytest.raises(LeaseLostError, match="was removed"):
            ensure_lease_held(zone.root)


def test_a_holder_without_a_connection_loses_its_lease_and_regains_it(zone: ObjectStore, aws: MotoServer):
    timings = LeaseTimings(duration_seconds=0.8, renewal_seconds=0.1, clock_skew_seconds=60)
    with hold_lease(zone, RUN, timings=timings):
        with aws.faults.inject(slow_down(), to=zone.root.removeprefix("s3:/")[:20]):
            wait_until(lambda: is_lost(zone))  # at the end of its duration, not of the clock skew
            with pytest.raises(LeaseLostError, match="could not be renewed") as caught:
                zone.write("a.json", b"x")
            assert "check the connection" in caught.value.fix
        wait_until(lambda: not is_lost(zone), seconds=30)
        zone.write("a.json", b"x")


def test_a_process_that_was_suspended_for_too_long_has_lost_its_lease(
    zone: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    with hold_lease(zone, RUN):
        later = time.monotonic() + 91
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert is_lost(zone)


def test_an_object_that_is_not_a_valid_lease_is_an_error(zone: ObjectStore):
    zone.write(lease.lease_key(RUN), b"{}")
    with pytest.raises(StorageError, match="is not a valid lease") as caught, hold_lease(zone, RUN):
        pass
    assert "remove the object" in caught.value.fix


def test_a_lease_also_works_on_a_shared_disk(tmp_path: Path):
    zone = LocalStore(tmp_path)
    with hold_lease(zone, RUN, timings=SHORT):
        wait_until(lambda: read_lease(zone)["number"] > 0)
        ensure_lease_held(zone.root)
    with another_machine(zone), pytest.raises(LockedError), hold_lease(zone, RUN):
        pass


# Blocks that are interrupted, or never left

ABANDONED = """
import sys
from pathlib import Path
from finance_platform.storage.lease import RUN, hold_lease
from finance_platform.storage.local import LocalStore

def step():
    with hold_lease(LocalStore(Path(sys.argv[1])), RUN):
        yield

abandoned = step()
next(abandoned)
sys.exit(3)
"""
"""As Dagster leaves a step that is interrupted between two of its events: Python closes it when modules are gone."""


def test_a_process_ends_and_releases_the_lease_of_a_block_that_was_never_left(tmp_path: Path):
    command = [sys.executable, "-c", ABANDONED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (3, "")
    assert read_lease(LocalStore(tmp_path))["is_given_back"] is True


def test_a_process_that_ends_writes_nothing_more_and_releases_once(zone: ObjectStore):
    with hold_lease(zone, RUN):
        release_abandoned()
        released = read_lease(zone)
        assert released["is_given_back"] is True
        with pytest.raises(LeaseLostError, match="because the process ends"):
            zone.write("a.json", b"{}")
    assert read_lease(zone) == released


def test_an_interruption_while_the_lease_begins_leaves_no_thread_that_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    start = threading.Thread.start

    def start_and_interrupt(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    zone = LocalStore(tmp_path)
    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt), hold_lease(zone, RUN):
        pass
    monkeypatch.undo()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("renewing")] == []
    assert read_lease(zone)["is_given_back"] is True


def test_the_end_does_not_wait_for_a_renewal_that_does_not_reach_the_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    is_renewing, may_go_on = threading.Event(), threading.Event()

    class SlowZone(LocalStore):
        def read_version(self, key: str) -> tuple[bytes, str]:
            if threading.current_thread().name.startswith("renewing"):
                is_renewing.set()
                may_go_on.wait()
            return super().read_version(key)

    monkeypatch.setattr(lease, "_JOIN_SECONDS", 0.05)
    zone = SlowZone(tmp_path)
    try:
        with hold_lease(zone, RUN, timings=SHORT):
            assert is_renewing.wait(60)
        assert read_lease(zone)["is_given_back"] is True
    finally:
        may_go_on.set()


# The home


def test_a_home_on_s3_is_locked_by_its_lease(zone: ObjectStore, tmp_path: Path):
    home = settings(home=tmp_path / "home", raw_uri=str(tmp_path), processed_uri=zone.root)
    assert not is_home_locked(home)
    with home_lock(home, "run-1"), home_lock(home):
        assert read_lease(zone)["run_id"] == "run-1"
        with jobs_lock(home):
            assert not read_lease(zone, JOB)["is_given_back"]
    with another_machine(zone):
        assert is_home_locked(home)
        with pytest.raises(LockedError, match="run r1"), home_lock(home):
            pass
    with another_machine(zone, JOB), pytest.raises(LockedError, match="`job`"), jobs_lock(home):
        pass
    assert not (tmp_path / "home").exists(), "the next run may be on another machine"


def test_a_run_waits_for_the_lease_of_a_killed_one_and_a_person_does_not_wait(
    zone: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.05)
    home = settings(home=tmp_path / "home", raw_uri=str(tmp_path), processed_uri=zone.root)
    with another_machine(zone, ends_in=1.5 - lease.DEFAULT_TIMINGS.clock_skew_seconds), home_lock(home, "run-2"):
        assert read_lease(zone)["run_id"] == "run-2"
    with another_machine(zone), pytest.raises(LockedError), home_lock(home):
        pass
    (message,) = [record.message for record in caplog.records if "waiting" in record.message]
    assert "held by ada on worker-7, process 1, run r1" in message


def test_a_home_on_disk_is_locked_by_a_file(tmp_path: Path):
    home = settings(home=tmp_path)
    with home_lock(home), jobs_lock(home):
        assert (tmp_path / "run.lock").exists()
        assert (tmp_path / "processed" / "job.lock").exists()
    assert not (tmp_path / "processed" / lease.FOLDER).exists()
