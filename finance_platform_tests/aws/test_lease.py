"""The lease: one run at a time in a zone on S3, whichever machines they are on, and what happens when one is killed.

Belongs here: two holders, time running out, faults on the way. Does not belong here: the lock of one machine (see
`unit/test_run_lock`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finance_platform.bootstrap import home_lock, is_home_locked, jobs_lock
from finance_platform.errors import LeaseLostError, LockedError, StorageError
from finance_platform.storage import lease
from finance_platform.storage.factory import open_store
from finance_platform.storage.lease import JOB, RUN, Lease, LeaseTimings, ensure_lease_held, hold_lease, is_leased
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.s3_faults import slow_down
from finance_platform_tests.unit.factories import settings

SHORT = LeaseTimings(duration_seconds=1.2, renewal_seconds=0.15, clock_skew_seconds=0.2)


@pytest.fixture
def zone(bucket: str) -> ObjectStore:
    return open_store(f"s3://{bucket}/processed")


def written(zone: ObjectStore, name: str = RUN) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zone.read(lease.lease_key(name)))
    return found


@contextmanager
def another_machine(
    zone: ObjectStore, name: str = RUN, *, runs_out_in: float = 90, run_id: str = "r1"
) -> Iterator[None]:
    """Hold the lease as another machine does."""
    now = datetime.now(UTC)
    held = Lease("another", "ada on worker-7, process 1", run_id, now, now + timedelta(seconds=runs_out_in))
    zone.write(lease.lease_key(name), held.to_json())
    yield
    zone.write(lease.lease_key(name), replace(held, number=1, is_given_back=True).to_json())


def wait_until(is_so: Any, seconds: float = 5) -> None:
    give_up_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.02)


def test_a_second_holder_is_refused_and_told_who_holds_it_until_when(zone: ObjectStore):
    with another_machine(zone), pytest.raises(LockedError) as caught, hold_lease(zone, RUN):
        pass
    assert zone.root in caught.value.found
    assert "ada on worker-7, process 1, run r1, since 20" in caught.value.found
    assert f"until {written(zone)['until'][11:19]} UTC" in caught.value.found
    assert "run again" in caught.value.fix
    # A clock may be behind: who comes at the very end of the lease would be refused once more.
    takeover_at = datetime.fromisoformat(written(zone)["until"]) + timedelta(seconds=15)
    assert f"taken over from {takeover_at:%H:%M:%S} UTC on" in caught.value.fix


def test_what_was_given_back_is_taken_at_once(zone: ObjectStore):
    for run_id in ("r1", "r2"):
        with hold_lease(zone, RUN, run_id=run_id):
            assert (written(zone)["run_id"], written(zone)["is_given_back"]) == (run_id, False)
        assert written(zone)["is_given_back"]


def test_it_is_given_back_after_a_failure_too(zone: ObjectStore):
    with pytest.raises(ZeroDivisionError), hold_lease(zone, RUN):
        raise ZeroDivisionError
    assert not is_leased(zone, RUN)


def test_the_steps_of_a_run_take_it_again(zone: ObjectStore):
    with hold_lease(zone, RUN, run_id="outer"):
        with hold_lease(zone, RUN, run_id="inner"):
            assert written(zone)["run_id"] == "outer"
        assert not written(zone)["is_given_back"]


def test_runs_and_jobs_have_leases_of_their_own(zone: ObjectStore):
    with another_machine(zone, RUN), hold_lease(zone, JOB):
        assert is_leased(zone, RUN)
        assert not is_leased(zone, JOB), "one's own is not another's"


def test_who_was_killed_is_taken_over_from_once_the_lease_has_run_out_everywhere(zone: ObjectStore):
    with another_machine(zone, runs_out_in=0.1):
        with pytest.raises(LockedError), hold_lease(zone, RUN, timings=SHORT):
            pass
        assert is_leased(zone, RUN, timings=SHORT), "another machine's clock may be behind"
        wait_until(lambda: not is_leased(zone, RUN, timings=SHORT))
        with hold_lease(zone, RUN, timings=SHORT):
            assert written(zone)["holder"] != "another"


def test_who_waits_gets_it_when_it_is_given_back(zone: ObjectStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.05)
    with another_machine(zone, runs_out_in=0.1), hold_lease(zone, RUN, wait_seconds=5, timings=SHORT):
        assert written(zone)["holder"] != "another"


def test_of_many_who_take_it_at_once_one_does(zone: ObjectStore):
    won: list[Lease] = []
    start = threading.Barrier(6)

    def race() -> None:
        start.wait()
        try:
            won.append(lease._acquire(zone, RUN, "", SHORT))
        except LockedError:
            return

    for _ in range(2):  # first where nobody ever held it, then where it has run out
        won.clear()
        racers = [threading.Thread(target=race) for _ in range(6)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert [one.holder for one in won] == [written(zone)["holder"]]
        wait_until(lambda: not is_leased(zone, RUN, timings=SHORT))


def test_it_is_renewed_while_it_is_held(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        first = written(zone)
        time.sleep(1.5 * (SHORT.duration_seconds + SHORT.clock_skew_seconds))
        ensure_lease_held(zone.root)
        assert written(zone)["until"] > first["until"]
        assert (written(zone)["holder"], written(zone)["since"]) == (first["holder"], first["since"])
        assert written(zone)["number"] > first["number"]


def test_a_holder_that_was_taken_over_from_notices_and_writes_nothing_more(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        zone.write("t/before.json", b"x")
        with another_machine(zone):
            wait_until(lambda: lost(zone))
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
            assert written(zone)["holder"] == "another"
    assert written(zone)["holder"] == "another", "what is another's is not given back"
    assert [item.key for item in zone.list_objects()] == [lease.lease_key(RUN), "t/before.json"]
    zone.write("after.json", b"x")  # who holds none may write


def lost(zone: ObjectStore) -> bool:
    try:
        ensure_lease_held(zone.root)
    except LeaseLostError:
        return True
    return False


def test_a_lease_that_somebody_removed_is_lost(zone: ObjectStore):
    with hold_lease(zone, RUN, timings=SHORT):
        zone.delete(lease.lease_key(RUN))
        wait_until(lambda: lost(zone))
        with pytest.raises(LeaseLostError, match="was removed"):
            ensure_lease_held(zone.root)


def test_a_holder_that_is_cut_off_notices_in_time_and_goes_on_when_nobody_took_over(zone: ObjectStore, aws: MotoServer):
    patient = LeaseTimings(duration_seconds=0.8, renewal_seconds=0.1, clock_skew_seconds=60)
    with hold_lease(zone, RUN, timings=patient):
        with aws.faults.answering(slow_down(), to=zone.root.removeprefix("s3:/")[:20]):
            began = time.monotonic()
            wait_until(lambda: lost(zone))
            assert time.monotonic() - began < 1.5
            with pytest.raises(LeaseLostError, match="could not be renewed") as caught:
                zone.write("a.json", b"x")
            assert "check the connection" in caught.value.fix
        wait_until(lambda: not lost(zone), seconds=30)
        zone.write("a.json", b"x")


def test_a_process_that_was_stopped_for_long_notices_when_it_goes_on(
    zone: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    with hold_lease(zone, RUN):
        later = time.monotonic() + 91
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert lost(zone)


def test_an_object_that_is_no_lease_is_told_and_not_taken(zone: ObjectStore):
    zone.write(lease.lease_key(RUN), b"{}")
    with pytest.raises(StorageError, match="is not a valid lease") as caught, hold_lease(zone, RUN):
        pass
    assert "remove the object" in caught.value.fix


def test_the_same_holds_on_a_disk_that_many_machines_reach(tmp_path: Path):
    zone = LocalStore(tmp_path)
    with hold_lease(zone, RUN, timings=SHORT):
        time.sleep(2 * SHORT.renewal_seconds)
        ensure_lease_held(zone.root)
        assert written(zone)["number"] > 0
    with another_machine(zone), pytest.raises(LockedError), hold_lease(zone, RUN):
        pass


# The home


def test_a_home_on_s3_is_locked_by_its_lease(zone: ObjectStore, tmp_path: Path):
    home = settings(home=tmp_path / "home", raw_uri=str(tmp_path), processed_uri=zone.root)
    assert not is_home_locked(home)
    with home_lock(home, "run-1"), home_lock(home):
        assert written(zone)["run_id"] == "run-1"
        with jobs_lock(home):
            assert not written(zone, JOB)["is_given_back"]
    with another_machine(zone):
        assert is_home_locked(home)
        with pytest.raises(LockedError, match="run r1"), home_lock(home):
            pass
    with another_machine(zone, JOB), pytest.raises(LockedError, match="`job`"), jobs_lock(home):
        pass
    assert not (tmp_path / "home").exists(), "nothing is kept on a machine that may be another one next time"


def test_a_run_waits_for_the_lease_of_one_that_was_killed_and_a_person_is_told_at_once(
    zone: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.05)
    home = settings(home=tmp_path / "home", raw_uri=str(tmp_path), processed_uri=zone.root)
    with another_machine(zone, runs_out_in=0.5 - lease.DEFAULT_TIMINGS.clock_skew_seconds):
        with pytest.raises(LockedError), home_lock(home):
            pass
        with home_lock(home, "run-2"):
            assert written(zone)["run_id"] == "run-2"
    (told,) = [record.message for record in caplog.records if "waiting" in record.message]
    assert "held by ada on worker-7, process 1, run r1" in told


def test_a_home_on_disk_is_locked_by_a_file_and_has_no_lease(tmp_path: Path):
    home = settings(home=tmp_path)
    with home_lock(home), jobs_lock(home):
        assert (tmp_path / "run.lock").exists()
        assert (tmp_path / "processed" / "job.lock").exists()
    assert not (tmp_path / "processed" / lease.FOLDER).exists()
