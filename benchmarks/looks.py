"""What a look of the sensor costs, by the number of raw objects: seconds and memory of one tick's work.

Belongs here: a raw zone of many small objects, looks at it in a process of their own.
Does not belong here: what runs cost (see `run_times`, `cost_of_change`).

    python benchmarks/looks.py [OBJECTS]
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from watched_process import Measured, compile_product, watch

from finance_platform.lake.local import LocalLake
from finance_platform.lake.looks import mark_refreshed, note_look

_OBJECTS = 100_000
_IN_A_FOLDER = 5_000
_LOOKS = 5
_LOOK = """
import sys, time
from datetime import UTC, datetime, timedelta
from finance_platform.lake.local import LocalLake
from finance_platform.lake.news import find_news
raw, processed, looks = LocalLake(sys.argv[1]), LocalLake(sys.argv[2]), int(sys.argv[3])
for _ in range(looks):
    news = find_news(raw, processed, "terms", datetime.now(UTC) + timedelta(minutes=1))
"""


def main() -> None:
    """Print what a look costs over a tenth of the objects and over all of them."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else _OBJECTS
    compile_product()
    table = Table("raw objects", "looks", "seconds a look", "processor s a look", "peak MiB")
    for count in (objects // 10, objects):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            _fill(home, count)
            once, often = (_measure(home, looks) for looks in (1, 1 + _LOOKS))
            seconds, processor = (
                (getattr(often, name) - getattr(once, name)) / _LOOKS for name in ("seconds", "processor_seconds")
            )
            peaks = " / ".join(f"{found.peak_bytes / 2**20:.0f}" for found in (once, often) if found.peak_bytes)
            table.add_row(f"{count:,}", f"1 / {1 + _LOOKS}", f"{seconds:.2f}", f"{processor:.2f}", peaks)
    Console().print(table)


def _fill(home: Path, count: int) -> None:
    """Write a raw zone that was refreshed, and then one new object and one other content."""
    for number in range(count):
        folder = home / "raw" / f"{number // _IN_A_FOLDER:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"lines_{number:06d}.csv").write_text("a,b\n1,2\n")
    raw, processed = LocalLake(home / "raw"), LocalLake(home / "processed")
    seen = ((item.key, item.stamp) for item in raw.list_objects())
    note_look(processed, seen, terms="terms", run_id="run", at=datetime.now(UTC).isoformat())
    mark_refreshed(processed, "run")
    (home / "raw" / "new.csv").write_text("a,b\n1,2\n")
    (home / "raw" / "000" / "lines_000001.csv").write_text("a,b\n3,4\n")


def _measure(home: Path, looks: int) -> Measured:
    return watch([sys.executable, "-c", _LOOK, str(home / "raw"), str(home / "processed"), str(looks)], home)


if __name__ == "__main__":
    main()
