"""What a look of the sensor costs, by the number of raw objects: seconds and memory of one tick's work.

Belongs here: a raw zone of many small objects, looks at it in a process of their own.
Does not belong here: what runs cost (see `run_times`, `cost_of_change`).

    python benchmarks/looks.py [OBJECTS] [--s3]

On S3 the stand-in answers, which is slow and no measure of S3: what counts there is the processor time of the look
itself, how it grows, and its memory. On a real bucket, 100,000 objects are 100 requests.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from watched_process import Measured, compile_product, watch

from finance_platform.deliveries.scans import mark_refreshed, record_scan
from finance_platform.storage.factory import open_store
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore

_OBJECTS = 100_000
_OBJECTS_ON_S3 = 20_000
_IN_A_FOLDER = 5_000
_LOOKS = 5
_LOOK = """
import sys, time
from datetime import UTC, datetime, timedelta
from finance_platform.deliveries.changes import detect_changes
from finance_platform.storage.factory import open_store
raw, processed, looks = open_store(sys.argv[1]), open_store(sys.argv[2]), int(sys.argv[3])
for _ in range(looks):
    news = detect_changes(raw, processed, "terms", datetime.now(UTC) + timedelta(minutes=1))
"""


def main() -> None:
    """Print what a look costs over a tenth of the objects and over all of them."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("objects", nargs="?", type=int)
    arguments.add_argument("--s3", action="store_true")
    given = arguments.parse_args()
    objects = given.objects or (_OBJECTS_ON_S3 if given.s3 else _OBJECTS)
    compile_product()
    table = Table("raw objects", "looks", "seconds a look", "processor s a look", "peak MiB")
    for count in (objects // 10, objects):
        with tempfile.TemporaryDirectory() as folder, _zones(Path(folder), count, on_s3=given.s3) as zones:
            once, often = (_measure(Path(folder), zones, looks) for looks in (1, 1 + _LOOKS))
            seconds, processor = (
                (getattr(often, name) - getattr(once, name)) / _LOOKS for name in ("seconds", "processor_seconds")
            )
            peaks = " / ".join(f"{found.peak_bytes / 2**20:.0f}" for found in (once, often) if found.peak_bytes)
            table.add_row(f"{count:,}", f"1 / {1 + _LOOKS}", f"{seconds:.2f}", f"{processor:.2f}", peaks)
    Console().print(table)


@contextmanager
def _zones(home: Path, count: int, *, on_s3: bool) -> Iterator[tuple[str, str]]:
    """Give the addresses of a raw zone that was refreshed, with one new object and one other content since."""
    if not on_s3:
        raw, processed = LocalStore(home / "raw"), LocalStore(home / "processed")
        for number in range(count):
            path = home / "raw" / _key(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a,b\n1,2\n")
        _refresh_and_change(raw, processed, lambda key: (home / "raw" / key).write_text("a,b\n3,4\n"))
        yield raw.root, processed.root
        return
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    from finance_platform_tests.aws.moto_server import in_environment, moto_server

    with moto_server() as server, in_environment(server.environment):
        bucket = server.new_bucket()
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for number in range(count):
            backend.put_object(bucket, f"raw/{_key(number)}", b"a,b\n1,2\n")
        on_aws = open_store(f"s3://{bucket}/raw"), open_store(f"s3://{bucket}/processed")
        _refresh_and_change(*on_aws, lambda key: on_aws[0].write(key, b"a,b\n3,4\n"))
        yield on_aws[0].root, on_aws[1].root


def _key(number: int) -> str:
    return f"{number // _IN_A_FOLDER:03d}/lines_{number:06d}.csv"


def _refresh_and_change(raw: ObjectStore, processed: ObjectStore, write: Callable[[str], object]) -> None:
    seen = ((item.key, item.etag) for item in raw.list_objects())
    record_scan(processed, seen, terms="terms", run_id="run", at=datetime.now(UTC).isoformat())
    mark_refreshed(processed, "run")
    for key in ("new.csv", _key(1)):
        write(key)


def _measure(home: Path, zones: tuple[str, str], looks: int) -> Measured:
    return watch([sys.executable, "-c", _LOOK, *zones, str(looks)], home)


if __name__ == "__main__":
    main()
