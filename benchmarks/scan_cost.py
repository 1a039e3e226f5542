"""Measures the sensor's scans by the number of raw objects: seconds and memory of one tick's work.

Belongs here: a raw zone of many small objects, and scans of it in their own process; the register that they leave.
Does not belong here: the cost of runs (see `run_times`, `cost_of_change`).

    python benchmarks/scan_cost.py [OBJECTS] [--s3]
    python benchmarks/scan_cost.py --register

With --register, it measures how long a process takes to read the register of 10, 10,000 and 100,000 earlier deliveries,
from its documents and from a checkpoint, and to find that it has no event since the last refresh. The events are
entered by the platform's own functions, without files.

With --s3, a local server answers in place of S3. It is slow, so the seconds say nothing about S3; the processor time of
the scan, its growth and its memory do. On a real bucket, 100,000 objects are 100 requests.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from process_monitor import Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

from finance_platform.deliveries.checkpoints import update_checkpoints
from finance_platform.deliveries.events import DeliveryDiscovered, Event, Verdict
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import mark_refreshed, record_scan
from finance_platform.storage.factory import open_store
from finance_platform.storage.immutable_documents import forget_documents
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore

_OBJECTS = 100_000
_S3_OBJECTS = 20_000
_OBJECTS_PER_FOLDER = 5_000
_SCANS = 5
_DELIVERIES = (10, 10_000, 100_000)
_AT = "2025-01-01T00:00:00.000000+00:00"
_SCRIPT = """
import sys
from datetime import UTC, datetime, timedelta
from finance_platform.deliveries.changes import detect_changes
from finance_platform.storage.factory import open_store
raw, processed, scans = open_store(sys.argv[1]), open_store(sys.argv[2]), int(sys.argv[3])
for _ in range(scans):
    detect_changes(raw, processed, "terms", datetime.now(UTC) + timedelta(minutes=1))
"""


def main() -> None:
    """Print the cost of a scan of a tenth of the objects and of all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("objects", nargs="?", type=int)
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--register", action="store_true")
    options = parser.parse_args()
    if options.register:
        _measure_register()
        return
    objects = options.objects or (_S3_OBJECTS if options.s3 else _OBJECTS)
    compile_product()
    table = Table("raw objects", "scans", "seconds per scan", "processor s per scan", "peak MiB")
    for count in (objects // 10, objects):
        with tempfile.TemporaryDirectory() as folder, _zones(Path(folder), count, on_s3=options.s3) as zones:
            one, many = (_measure_scans(Path(folder), zones, scans) for scans in (1, 1 + _SCANS))
            seconds = (many.seconds - one.seconds) / _SCANS
            processor_seconds = (many.processor_seconds - one.processor_seconds) / _SCANS
            peaks = " / ".join(f"{cost.peak_bytes / 2**20:.0f}" for cost in (one, many) if cost.peak_bytes)
            table.add_row(f"{count:,}", f"1 / {1 + _SCANS}", f"{seconds:.2f}", f"{processor_seconds:.2f}", peaks)
    Console().print(table)


@contextmanager
def _zones(home: Path, count: int, *, on_s3: bool) -> Iterator[tuple[str, str]]:
    """Yield the addresses of the zones of a refreshed home, after which one raw object is new and one has changed."""
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
        s3_raw, s3_processed = open_store(f"s3://{bucket}/raw"), open_store(f"s3://{bucket}/processed")
        _refresh_and_change(s3_raw, s3_processed, lambda key: s3_raw.write(key, b"a,b\n3,4\n"))
        yield s3_raw.root, s3_processed.root


def _key(number: int) -> str:
    return f"{number // _OBJECTS_PER_FOLDER:03d}/lines_{number:06d}.csv"


def _refresh_and_change(raw: ObjectStore, processed: ObjectStore, write: Callable[[str], object]) -> None:
    seen = ((item.key, item.etag) for item in raw.list_objects())
    record_scan(processed, seen, config="terms", run_id="run", at=datetime.now(UTC).isoformat())
    mark_refreshed(processed, "run")
    for key in ("new.csv", _key(1)):
        write(key)


def _measure_register() -> None:
    table = Table(
        "earlier deliveries", "from documents, processor s", "from a checkpoint", "ratio", "since the last refresh"
    )
    for count in _DELIVERIES:
        with tempfile.TemporaryDirectory() as folder:
            store = LocalStore(folder)
            Register(store).append(_discovered(number) for number in range(count))
            Register(store).append(Verdict(_key(number), f"d{number}", _AT, "run") for number in range(count))
            events, slow = _read_register(store)
            update_checkpoints(store)
            same, fast = _read_register(store)
            if same != events:
                raise SystemExit(f"the checkpoint of {count:,} deliveries has other events than the documents")
            later, since = _read_register(store, after=Register(store).length())
            if later:
                raise SystemExit(f"the register of {count:,} deliveries has events after its last one")
            table.add_row(f"{count:,}", f"{slow:.3f}", f"{fast:.3f}", f"{fast / slow:.2f}", f"{since:.4f}")
    Console().print(table)


def _discovered(number: int) -> DeliveryDiscovered:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return DeliveryDiscovered(
        object_key=_key(number),
        feed="transactions",
        kind="ledger",
        delivery_id=f"d{number}",
        fingerprint=digest,
        etag=digest[:32],
        size=120,
        modified_at=_AT,
        load_mode="upsert",
        tolerated_share="0.01",
        tolerated_amount="500000.00",
        at=_AT,
        run_id="run",
    )


def _read_register(store: LocalStore, after: int = 0) -> tuple[list[Event], float]:
    forget_documents()
    started = time.process_time()
    events = Register(store).events_after(after) if after else Register(store).events()
    return events, time.process_time() - started


def _measure_scans(home: Path, zones: tuple[str, str], scans: int) -> Measurement:
    return measure([sys.executable, "-c", _SCRIPT, *zones, str(scans)], home)


if __name__ == "__main__":
    main()
