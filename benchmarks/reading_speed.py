"""Measures what the reader alone costs: a file of two million rows to typed Arrow batches, and parts of that.

Belongs here: the file, and processor seconds and ratios of one run. Does not belong here: Spark, writing, loading
(see `cost_of_change`).

The file has dates in two forms, one amount in six with a currency sign, grouped digits or parentheses, and a key.
Results are in docs/performance.md. Run it with a number of rows to measure another size.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.values.amounts import parse_amounts, read_amount
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore

_ROWS = 2_000_000
_CHUNK = 100_000
_DAYS = 1_000
_HEADER = b"Id,Date,Department,Account,Amount,Text\n"
DESCRIPTOR = """\
feed: journal
kind: ledger
path: journal.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd, dd/MM/yyyy]}
  department: {from: Department}
  account: {from: Account}
  amount: {from: Amount, thousands: ","}
  transaction_id: {from: Id}
  description: {from: Text}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
"""


@dataclass(frozen=True)
class Measured:
    """A part of the work, its processor seconds, and the rows that it had."""

    name: str
    seconds: float
    rows: int


def main(rows: int) -> None:
    """Write the file, measure each part, and print processor seconds and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.csv"
        _write(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB; processor seconds, and ratio to the first line")
        measured = list(_measure(path, rows))
    for part in measured:
        scaled = part.seconds * rows / part.rows
        print(f"{part.name:<60}{scaled:8.2f} s{scaled / measured[0].seconds:8.2f} ×")


def _measure(path: Path, rows: int) -> Iterator[Measured]:
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    yield Measured("Arrow's CSV reader, every column as text", *_timed(lambda: _by_arrow(path)))
    yield Measured("the reader: bytes to typed batches", *_timed(lambda: _by_reader(path, fingerprint)))
    texts = _amounts(path)
    yield Measured("of which amounts, a column at a time", *_timed(lambda: _parse_column(texts)))
    sample = texts.slice(0, min(rows, _CHUNK))
    yield Measured("all amounts one by one, as other forms are read", *_timed(lambda: _parse_singly(sample)))


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    before = time.process_time()
    rows = work()
    return time.process_time() - before, rows


def _by_arrow(path: Path) -> int:
    with path.open("rb") as stream:
        options = arrow_csv.ReadOptions(use_threads=False, block_size=4 << 20)
        names = stream.readline().decode().strip().split(",")
        stream.seek(0)
        types = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        return sum(len(batch) for batch in arrow_csv.open_csv(stream, options, convert_options=types))


def _by_reader(path: Path, fingerprint: str) -> int:
    feed = parse_descriptor(DESCRIPTOR, "journal.yaml").resolve(Settings(_env_file=None))
    file = FileToRead("delivery", path.name, feed.name, fingerprint)
    batches = read_file("ledger", feed, LocalStore(path.parent), file)
    return sum(len(batch) for batch in batches) - 1


def _amounts(path: Path) -> pa.StringArray:
    options = arrow_csv.ConvertOptions(column_types={"Amount": pa.string()}, include_columns=["Amount"])
    return arrow_csv.read_csv(path, convert_options=options)["Amount"].combine_chunks()


def _parse_column(texts: pa.StringArray) -> int:
    for start in range(0, len(texts), 1 << 16):
        parse_amounts(texts.slice(start, 1 << 16), ".", ",")
    return len(texts)


def _parse_singly(texts: pa.StringArray) -> int:
    for text in texts.to_pylist():
        read_amount(text, ".", ",")
    return len(texts)


def lines_of_file(rows: int) -> tuple[bytes, bytes]:
    """Return the header, and lines as the measured file has them."""
    return _HEADER, _lines(0, rows)


def _write(path: Path, rows: int) -> None:
    with path.open("wb") as stream:
        stream.write(_HEADER)
        for start in range(0, rows, _CHUNK):
            stream.write(_lines(start, min(_CHUNK, rows - start)))


def _lines(start: int, count: int) -> bytes:
    random = np.random.default_rng(start)
    number = pa.array(np.arange(start, start + count))
    days = np.datetime64("2023-01-01") + random.integers(0, _DAYS, count)
    is_slashed = pa.array(random.random(count) < 0.5)
    dates = pa.array(days)
    written = pc.if_else(is_slashed, pc.strftime(dates, "%d/%m/%Y"), pc.strftime(dates, "%Y-%m-%d"))
    cents = random.integers(100, 10_000_000, count)
    # Amounts below 100,000.00 have at most one group of thousands.
    whole = pc.cast(pa.array(cents // 100), pa.string())
    fraction = pc.utf8_slice_codeunits(pc.cast(pa.array(cents % 100 + 100), pa.string()), 1)
    plain = pc.binary_join_element_wise(whole, fraction, ".")
    grouped = pc.replace_substring_regex(plain, r"^([0-9]{1,3})([0-9]{3}[.])", r"\1,\2")
    form = pa.array(random.integers(0, 25, count))
    in_parentheses = pc.binary_join_element_wise("(", plain, ")", "")
    amounts = pc.case_when(
        pc.make_struct(pc.less(form, 2), pc.equal(form, 2), pc.equal(form, 3), pc.less(form, 8)),
        pc.binary_join_element_wise("$", plain, ""),
        pc.binary_join_element_wise('"', grouped, '"', ""),
        in_parentheses,
        pc.binary_join_element_wise("-", plain, ""),
        plain,
    )
    codes = [
        pc.cast(pa.array(random.integers(low, high, count)), pa.string()) for low, high in ((100, 500), (4000, 7000))
    ]
    identifiers = pc.binary_join_element_wise("T", pc.utf8_lpad(pc.cast(number, pa.string()), 8, "0"), "")
    department = pc.binary_join_element_wise("D", codes[0], "")
    text = pc.binary_join_element_wise("Invoice", codes[0], " ")
    lines = pc.binary_join_element_wise(identifiers, written, department, codes[1], amounts, text, ",")
    return ("\n".join(lines.to_pylist()) + "\n").encode()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _ROWS)
