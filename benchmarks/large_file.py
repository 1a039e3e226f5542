"""Measures the memory of the reader on a file of any size, which is generated while it is read and stored nowhere.

Belongs here: the generated file, and a store that takes Parquet files and drops them.
Does not belong here: speed (see `reading_speed`), the run as a whole (see `peers`).

The feed has no key: a key takes eight bytes for each line (115). Run it with the number of gigabytes; results are in
docs/performance.md.
"""

from __future__ import annotations

import hashlib
import io
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import pyarrow as pa
from reading_speed import DESCRIPTOR, lines_of_file

from finance_platform.contracts.schemas import MENTIONED
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.lines.line_files import LineFiles
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.settings import Settings
from finance_platform.storage.port import LocalCopy, ObjectStore

_GIGABYTE = 1_000_000_000
_ROWS_OF_A_PIECE = 400_000


def main(gigabytes: float) -> None:
    """Read a file of that size and print rows, seconds and peaks of memory as they grow."""
    feed = parse_descriptor(DESCRIPTOR.partition("load:")[0], "journal.yaml").resolve(Settings(_env_file=None))
    raw = _GeneratedFile(int(gigabytes * _GIGABYTE))
    file = FileToRead("delivery", "journal.csv", feed.name, raw.fingerprint())
    dropped = _DroppedFiles()
    stores = cast(ObjectStore, raw), cast(ObjectStore, dropped)
    lines = LineFiles(stores[1], "attempt/ledger", file.lineage)
    started, before = time.perf_counter(), time.process_time()
    raw.on_tenth = lambda read: print(
        f"{read / _GIGABYTE:6.1f} GB read, {dropped.files:6} Parquet files of {dropped.size / _GIGABYTE:5.1f} GB, "
        f"peak {_peak_bytes() / 2**20:,.0f} MiB, {time.perf_counter() - started:6.0f} s",
        flush=True,
    )
    batches = read_file("ledger", feed, stores[0], file, line_files=lines)
    # Beside the summary, a written line is returned only if it is the first with its department or account.
    (row,) = [row for batch in batches for row in batch.to_pylist() if row["outcome"] != MENTIONED]
    if row["outcome"] != "measured" or row["measured_rows"] != raw.rows:
        raise SystemExit(f"expected {raw.rows:,} rows, the reader says {row['outcome']}: {row['measured_rows']}")
    print(
        f"{row['measured_rows']:,} rows, {time.perf_counter() - started:.0f} s, "
        f"{time.process_time() - before:.0f} processor s, peak {_peak_bytes() / 2**20:,.0f} MiB, "
        f"of which Arrow {pa.default_memory_pool().max_memory() / 2**20:,.0f} MiB"
    )


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _GeneratedFile:
    """A store with one file: a header, then the same lines as often as the size allows."""

    on_tenth: Callable[[int], None]

    def __init__(self, size: int) -> None:
        self._header, self._lines = lines_of_file(_ROWS_OF_A_PIECE)
        self._pieces = max(1, round(size / len(self._lines)))
        self.rows = self._pieces * _ROWS_OF_A_PIECE
        self.on_tenth = lambda _: None

    @contextmanager
    def local_copy(self, _: str) -> Iterator[LocalCopy]:
        """Provide the file; it is generated again whenever it is opened."""
        yield LocalCopy(self._open, self.fingerprint)

    def fingerprint(self) -> str:
        """Return a hash of what the file is made of."""
        return hashlib.sha256(self._header + self._lines + str(self._pieces).encode()).hexdigest()

    def _open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Repeated(self._header, self._lines, self._pieces, self.on_tenth)))


class _Repeated(io.RawIOBase):
    def __init__(self, header: bytes, lines: bytes, pieces: int, on_tenth: Callable[[int], None]) -> None:
        self._rest, self._lines, self._left = memoryview(header), memoryview(lines), pieces
        self._pieces, self._on_tenth = pieces, on_tenth

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and self._left:
            self._rest, self._left = self._lines, self._left - 1
            done = self._pieces - self._left
            if done * 10 // self._pieces > (done - 1) * 10 // self._pieces:
                self._on_tenth(done * len(self._lines))
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


class _DroppedFiles:
    """A store that counts what is written to it."""

    def __init__(self) -> None:
        self.files = self.size = 0

    def write(self, _: str, data: bytes) -> None:
        """Count a file."""
        self.files, self.size = self.files + 1, self.size + len(data)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20)
