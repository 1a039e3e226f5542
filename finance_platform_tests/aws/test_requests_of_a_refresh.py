"""What a refresh asks of S3: commits are read once, and one more delivery costs the same whatever came before.

Each request takes some 30 ms on S3, so their number is the time of a refresh with thousands of deliveries. A refresh
starts as a new process does, without anything in memory.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3
import pytest

from finance_platform.bootstrap import processed_zone, raw_zone
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.settings import Settings, StarSettings, load_settings
from finance_platform.storage import immutable_documents
from finance_platform.storage.bulk_read import open_many
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3Options, object_store_variables
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment
from finance_platform_tests.in_process_jobs import InProcessJobs
from finance_platform_tests.profiles import at_night
from finance_platform_tests.shared_spark import shared_session
from finance_platform_tests.transforms.rows import ledger_line
from finance_platform_tests.transforms.small_builds import SmallBuild

HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description\n"
NEW_IN_A_CHECKPOINT = 4
"""In place of a hundred: the home of a test is small."""


@dataclass
class Zones:
    """Two zones on S3, and the requests to them."""

    moto: MotoServer
    settings: Settings
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def deliver(self, files: int) -> None:
        """Send files of one line each."""
        bucket = self.settings.raw_uri.removeprefix("s3://")
        for number in (next(self.numbers) for _ in range(files)):
            line = f"T{number},2025-01-15,D100,4000,{number}.00,x\n"
            key = f"transactions_{number:05}.csv"
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=(HEADER + line).encode())

    def refresh(self) -> Counter[str]:
        """Read and build what is new as a new process does, and return the number of requests by kind and folder."""
        immutable_documents.forget_documents()
        raw, processed = raw_zone(self.settings), processed_zone(self.settings)
        run = f"run-{next(self.numbers)}"
        attempts = (f"{run}-{number}" for number in count())
        jobs = InProcessJobs(shared_session(), raw, processed, lambda: next(attempts))
        before = len(self.moto.faults.requests)
        register(raw, processed, self.settings, at=datetime.now(UTC), run_id=run)
        standardise(raw, processed, jobs, self.settings, clock=lambda: datetime.now(UTC), run_id=run)
        built = build_star(processed, jobs, StarSettings.of(self.settings))
        assert built.built
        return _by_kind_and_folder(self.moto, before)


@pytest.fixture
def zones(moto: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zones]:
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", NEW_IN_A_CHECKPOINT)
    shared_session()  # it leaves variables in the environment, which would end with the block below
    options = S3Options(region=REGION, endpoint_url=moto.address)
    with in_environment(moto.environment | object_store_variables(options)):
        raw, processed = (f"s3://{moto.new_bucket()}" for _ in range(2))
        yield Zones(moto, load_settings(home=tmp_path, raw_uri=raw, processed_uri=processed, aws_region=REGION))


def test_a_build_opens_each_small_file_of_lines_once(zones: Zones):
    processed = processed_zone(zones.settings)
    requests = []
    for earlier in (3, 8):
        names = [f"D{number}" for number in range(earlier + 1)]
        build = SmallBuild(processed, names, ["2025-01"])
        for name in names:
            lines = [ledger_line(delivery_id=name), ledger_line("2025-02-03", delivery_id=name)]
            build.add(f"transactions/{earlier}/{name}.parquet", lines, [name])
        before = len(zones.moto.faults.requests)
        (built,) = build.run(shared_session(), f"after-{earlier}", {"Actual": names})
        assert [one.line_count for one in built.sums] == [earlier + 1]
        requests.append(_by_kind_and_folder(zones.moto, before))
    few, many = requests
    assert [(name.split()[0], many[name]) for name in many if name.endswith("/transactions")] == [("GET", 9)]
    assert sum(many.values()) - sum(few.values()) == 5, (few, many)


@at_night("four refreshes; TEST_PROFILE=nightly runs it")
def test_one_more_delivery_takes_as_many_requests_whatever_came_before(zones: Zones):
    zones.deliver(20)
    zones.refresh()
    zones.deliver(1)
    few = zones.refresh()
    zones.deliver(40)
    many_new = zones.refresh()
    zones.deliver(1)
    many = zones.refresh()
    # What grows with the home are the files of members and of the one period, two of each, not the 41 deliveries.
    assert sum(many.values()) <= sum(few.values()) + 2 * 25, (few, many)
    # A delivery is read once and committed once; 39 more share their files.
    assert sum(many_new.values()) - sum(few.values()) <= 39 * 7, (few, many_new)


def _by_kind_and_folder(moto: MotoServer, before: int) -> Counter[str]:
    """Return the number of requests since then."""
    return Counter(f"{one.method} {'/'.join(one.path.split('/')[1:3])}" for one in moto.faults.requests[before:])


def test_footers_are_read_several_at_a_time_and_in_order(moto: MotoServer):
    active: list[int] = [0, 0]
    lock = threading.Lock()

    class SlowStore:
        root = "s3://slow"

        def open(self, key: str) -> BinaryIO:
            with lock:
                active[0] += 1
                active[1] = max(active)
            time.sleep(0.02)
            with lock:
                active[0] -= 1
            return BytesIO(key.encode())

    store = cast(ObjectStore, SlowStore())
    keys = [str(number) for number in range(40)]
    read: list[Any] = list(open_many(store, keys, lambda stream: stream.read().decode()))
    assert (read, moto.address != "") == (keys, True)
    assert active[1] > 4
