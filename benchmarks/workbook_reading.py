"""Measures the time to read a workbook, beside the parser's own time for its cells.

Belongs here: processor time of bytes to cells, and to typed lines, as ratios in one run. Does not belong here: text
files (see `parser_scaling`, `duckdb_baseline`).

    python benchmarks/workbook_reading.py [--rows 200000]
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import python_calamine
import xlsxwriter

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.files.tables import open_tables
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.settings import load_settings
from finance_platform.storage.local import LocalStore

FEED = """
feed: ledger
kind: ledger
path: ledger.xlsx
columns: {date: Date, department: Department, account: Account, amount: Amount, description: Description}
constants: {scenario: Actual}
"""
HEADER = ("Date", "Department", "Account", "Amount", "Description", "Name", "Code", "Quantity")


def write_workbook(path: Path, rows: int) -> None:
    """Write a ledger: a date, three texts of which one differs in each row, four numbers."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Ledger")
    sheet.write_row(0, 0, HEADER)
    first = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    for number in range(1, rows + 1):
        sheet.write_datetime(number, 0, first + timedelta(days=number % 700))
        sheet.write_string(number, 1, f"D{number % 40:03}")
        sheet.write_number(number, 2, 4000 + number % 300)
        sheet.write_number(number, 3, number * 37 % 1_000_003 / 100)
        sheet.write_string(number, 4, f"Line {number}")
        sheet.write_string(number, 5, f"Name {number % 300}")
        sheet.write_number(number, 6, number % 90)
        sheet.write_number(number, 7, number % 7)
    book.close()


def seconds_of(work: Callable[[], int]) -> tuple[int, float]:
    """Return what some work counts, and its processor time with that of its child processes."""
    before = _processor_seconds()
    count = work()
    return count, _processor_seconds() - before


def _processor_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Print the times and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.xlsx"
        write_workbook(path, rows)
        feed = parse_descriptor(FEED, "ledger.yaml").resolve(load_settings(home=Path(folder)))
        file = FileToRead("d", path.name, feed.name, hashlib.sha256(path.read_bytes()).hexdigest())

        def parse() -> int:
            return len(python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()) - 1

        def read_cells() -> int:
            tables = open_tables(lambda: path.open("rb"), path.name, feed.rules)
            return sum(len(batch) for table in tables for batch in table.batches())

        def read_lines() -> int:
            return sum(len(batch) for batch in read_file("ledger", feed, LocalStore(Path(folder)), file)) - 1

        base = 0.0
        for name, work in (("python-calamine", parse), ("cells", read_cells), ("typed lines", read_lines)):
            times = []
            for _ in range(3):
                count, seconds = seconds_of(work)
                times.append(seconds)
                if count != rows:
                    sys.exit(f"{name}: {count:,} rows instead of {rows:,}")
            best = min(times)
            base = base or best
            print(f"{name:<16} {best:6.2f} s of processor time  {best / base:5.2f} x")


if __name__ == "__main__":
    main()
