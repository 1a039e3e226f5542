"""Every operation of a refresh fails once in every way; the next run gives the state of no fault.

Belongs here: all pairs of an operation and a fault, on disk, on S3 and in the warehouse's file; power cuts after every
sync. Does not belong here: whole commands (see `test_commands`), statements of a load on Redshift (see the warehouse's
tests).

An error on disk is tried, all pairs by `make test-nightly`: 1,400 on disk and 2,200 on S3, of 2 to 4 s of
processor time each, in parts that any worker takes. A failure names the pair; with it in the environment variable
FAULT_PAIR, that pair alone is tried.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.register import Register
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.retention import find_expired, remove
from finance_platform.storage.local import LocalStore
from finance_platform.storage.s3_options import NO_OPTIONS, object_store_variables
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.aws.moto_server import MotoServer, in_environment, moto_server
from finance_platform_tests.faults.aws_faults import faults_of_s3
from finance_platform_tests.faults.disk_faults import DISK_FAULTS, KILLED
from finance_platform_tests.faults.faulty_home import FaultyHome, differences, refreshed_then_changed, without_copies
from finance_platform_tests.faults.faulty_s3_home import Bucket, FaultyS3Home
from finance_platform_tests.faults.power_cut import DiskModel, broken_commits, registered
from finance_platform_tests.faults.story import Story, disturb_nothing
from finance_platform_tests.night_parts import in_parts, part_count, part_of
from finance_platform_tests.profiles import current_profile

EVERY_PAIR = current_profile().is_exhaustive
CHOSEN = os.environ.get("FAULT_PAIR", "")
PARTS_ON_DISK, PARTS_ON_S3, PARTS_OF_CUTS = (1 if CHOSEN else part_count(parts) for parts in (10, 24, 4))
"""Five minutes or so each."""


@pytest.fixture(scope="module")
def on_disk(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("disk")
    before = FaultyHome(folder / "before", spark)
    refreshed_then_changed(before)
    return disturb_nothing(before, folder / "undisturbed", DISK_FAULTS)


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with moto_server() as server, in_environment(server.environment):
        # Sail takes the address of S3 from the environment when it first meets a bucket.
        os.environ.update(object_store_variables(NO_OPTIONS))
        yield server


@pytest.fixture(scope="module")
def on_s3(on_disk: Story, spark: SparkSession, moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The same refresh on S3; its outcome is the one on disk."""
    before = FaultyS3Home(tmp_path_factory.mktemp("s3") / "before", spark, bucket=Bucket(moto, moto.new_bucket()))
    refreshed_then_changed(before)
    return on_disk.on("s3", before, faults_of_s3(moto.faults))


def check_pairs(story: Story, path: Path, part: int, parts: int) -> None:
    """Try the pairs of a part, and fail with every one that leaves another state and the command that repeats it."""
    pairs = story.pairs()
    assert len(pairs) > 300
    if CHOSEN:
        pairs = [pair for pair in pairs if story.name(*pair) == CHOSEN]
        if not pairs:
            pytest.skip(f"there is no pair {CHOSEN!r} on this storage")
    elif not EVERY_PAIR:
        # A kill by day: that of a whole command, and the run after a power cut.
        pairs = [random.Random(2024).choice([pair for pair in pairs if pair[1] not in KILLED])]
    pairs = part_of(pairs, part, parts)
    failures = []
    for number, fault in pairs:
        try:
            story.check(path / f"{number}", number, fault)
        except (Exception, pytest.fail.Exception) as error:
            repeat = f"FAULT_PAIR={story.name(number, fault)!r} .venv/bin/pytest -n0 {Path(__file__)}"
            operation = story.operations[number - 1]
            failures.append(f"{fault.name} at operation {number}, {operation}: {error!r}\n  To repeat it: {repeat}")
            shutil.rmtree(path / f"{number}", ignore_errors=True)
    assert not failures, "\n".join([f"{len(failures)} of {len(pairs)} pairs failed", *failures])


@in_parts(PARTS_ON_DISK)
def test_after_any_fault_of_the_disk_the_next_run_gives_the_state_of_no_fault(
    part: int, on_disk: Story, tmp_path: Path
):
    check_pairs(on_disk, tmp_path, part, PARTS_ON_DISK)


@pytest.mark.skipif(
    not EVERY_PAIR,
    reason="`unit/deliveries/test_discovery` and `test_changes` show that it stops no other and is read later",
)
def test_a_raw_file_that_cannot_be_read_stops_no_other_and_is_read_by_the_next_run(on_disk: Story, tmp_path: Path):
    names = [operation.name + operation.target.partition("/raw/")[2] for operation in on_disk.operations]
    eio = next(fault for fault in DISK_FAULTS if fault.name == "EIO")
    on_disk.check(tmp_path / "pair", names.index("fingerprintledger/c.csv") + 1, eio)


@pytest.mark.skipif(
    not (EVERY_PAIR or CHOSEN), reason="the pairs on disk show it, and `aws/test_s3_errors` each fault of S3 by itself"
)
@in_parts(PARTS_ON_S3)
def test_after_any_fault_of_s3_the_next_run_gives_the_state_of_no_fault(part: int, on_s3: Story, tmp_path: Path):
    check_pairs(on_s3, tmp_path, part, PARTS_ON_S3)


# Power cuts, as the model of the disk has them


def test_after_a_power_cut_at_any_moment_every_commit_has_its_files(on_disk: Story):
    disk = on_disk.disk
    assert len(disk.moments) > 40
    earlier: list[str] = []
    for moment, at in enumerate(disk.moments):
        for names_survive in (False, True):
            files = disk.files(moment, names_survive=names_survive)
            assert broken_commits(files) == [], f"after a power cut at moment {moment}, {at.event}"
            assert registered(files) == [f"{number:012d}" for number in range(1, len(registered(files)) + 1)]
        assert set(earlier) <= set(registered(disk.files(moment))), f"an event is lost at moment {moment}, {at.event}"
        earlier = registered(disk.files(moment))


@in_parts(PARTS_OF_CUTS)
def test_the_run_after_a_power_cut_gives_the_state_without_it(part: int, on_disk: Story, tmp_path: Path):
    home, disk = on_disk.undisturbed, on_disk.disk
    expected, count = without_copies(on_disk.expected), len(disk.moments)
    moments = range(count) if EVERY_PAIR else [random.Random(2024).randrange(count)]
    for moment in part_of(moments, part, PARTS_OF_CUTS):
        for names_survive in (False, True) if EVERY_PAIR else (bool(moment % 2),):
            path = tmp_path / f"{moment}-{names_survive}"
            disk.restore(path, moment, names_survive=names_survive)
            cut = home.at(path)
            cut.refresh()
            assert differences(without_copies(cut.outcome()), expected) == [], (
                f"after a power cut at moment {moment}, {disk.moments[moment].event}"
            )
            shutil.rmtree(path)


def test_after_a_complete_run_a_power_cut_loses_nothing(on_disk: Story, tmp_path: Path):
    home, disk = on_disk.undisturbed, on_disk.disk
    disk.restore(tmp_path / "cut")
    expected = dict(on_disk.expected)
    del expected["left to do"]  # the copies of the raw files have other times
    assert differences(home.at(tmp_path / "cut").outcome(), expected) == []


def test_a_decision_that_was_reported_survives_a_power_cut(on_disk: Story, tmp_path: Path):
    home = on_disk.undisturbed.copy(tmp_path / "home")
    disk = DiskModel(home.path)
    with disk.watched():
        author = Author("ada", "sent in error", datetime(2025, 3, 1, tzinfo=UTC))
        withdraw(LocalStore(home.path / "processed"), "ledger/b.csv", author, holds_closed_periods=False)
    disk.restore(tmp_path / "cut")
    events = Register(LocalStore(tmp_path / "cut" / "processed")).events()
    assert events == Register(LocalStore(home.path / "processed")).events()
    assert "sent in error" in repr(events[-1])


def test_after_a_power_cut_during_vacuum_every_commit_has_its_files(on_disk: Story, tmp_path: Path):
    home = on_disk.undisturbed.copy(tmp_path / "home")
    published, in_a_year = published_versions(home.warehouse), datetime.now(UTC) + timedelta(days=365)
    store = LocalStore(home.path / "processed")
    expired = find_expired(store, home.snapshot(), published, now=in_a_year, retention_days=1, needed_keys=())
    assert len(expired) > 3
    disk = DiskModel(home.path)
    with disk.watched():
        remove(store, expired)
    for moment, at in enumerate(disk.moments):
        for names_survive in (False, True):
            files = disk.files(moment, names_survive=names_survive)
            assert broken_commits(files) == [], f"after a power cut at moment {moment}, {at.event}"


@pytest.mark.skipif(not EVERY_PAIR, reason="a refresh that tests the tests; TEST_PROFILE=nightly runs it")
def test_the_model_notices_files_that_nothing_has_synced(
    on_disk: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = on_disk.before.copy(tmp_path / "home")
    disk = DiskModel(home.path)
    monkeypatch.setattr(LocalStore, "sync", lambda *_: None)
    with disk.watched():
        home.refresh()
    for names_survive in (False, True):
        assert broken_commits(disk.files(names_survive=names_survive)), "Spark syncs nothing that it writes"


def test_the_disturbed_refresh_reads_replaces_and_removes_checkpoints(on_disk: Story):
    for folder in ("checkpoints/", "checkpoints/members/"):
        names = {one.name for one in on_disk.operations if folder in one.target}
        assert {"read", "write", "delete"} <= names, folder


def test_the_disturbed_refresh_takes_over_the_files_of_a_slice(on_disk: Story):
    processed = on_disk.undisturbed.processed
    keys = [item.key for item in processed.list_objects("slices/fact_financials/2024-05")]
    versions = [SliceCommit.from_json(processed.read(key)) for key in keys]
    assert len({one.version for one in versions}) == 2
    assert len({file.key for one in versions for file in one.files}) == 1
