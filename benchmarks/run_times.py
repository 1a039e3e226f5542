"""Times the commands on the sample: first run, nothing new, the start-up of commands that read.

Belongs here: whole commands. Does not belong here: assertions; machines differ. Which modules a command imports is a
test (`finance_platform_tests/end_to_end/test_start_up.py`).
Run it with `make bench`. Bytecode is compiled first, as pip does on installation.

    python benchmarks/run_times.py [--wide | --descriptors]

With --wide, the home has 50,000 accounts, 2,000 departments and 120 months instead of the sample, and gets one more
file, of one line, in the end; with --descriptors, 500 descriptors with a file each. Compare the lines after the first
run with those of the sample.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from process_monitor import PRODUCT, ROOT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

REPEATS = 3

_ACCOUNTS, _DEPARTMENTS, _MONTHS = 50_000, 2_000, 120
_LINES_PER_MONTH, _DESCRIPTORS = 5_000, 500
_LEDGER_HEADER = "transaction_id,transaction_date,department_code,account_number,amount\n"
_DESCRIPTOR = """\
feed: source_{number:03d}
kind: ledger
path: source_{number:03d}*.csv
description: Lines of source system {number}.
columns:
  transaction_id: {{from: id}}
  date: {{from: [posted, date], formats: [yyyy-MM-dd, dd/MM/yyyy]}}
  department: {{from: [department_code, department]}}
  account: {{from: [account_number, account]}}
  amount: {{from: amount, decimal: ".", thousands: ","}}
  description: {{from: text, required: false}}
constants: {{scenario: Actual}}
load: {{mode: upsert, key: [transaction_id]}}
tolerance: {{rejected_rows: 0.01, rejected_amount: 500000.00}}
"""


def main() -> None:
    """Time each case several times and print the medians, with their share of the first run."""
    parser = argparse.ArgumentParser()
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--wide", action="store_true")
    which.add_argument("--descriptors", action="store_true")
    options = parser.parse_args()
    compile_product()
    costs: dict[str, list[Measurement]] = {}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            if options.wide:
                _write_wide(Path(folder))
            elif options.descriptors:
                _write_descriptors(Path(folder))
            else:
                shutil.copytree(ROOT / "data" / "raw", Path(folder) / "raw")
            for name, command in _cases(folder).items():
                costs.setdefault(name, []).append(measure(command, Path(folder)))
            if options.wide:
                _deliver_line(Path(folder))
                costs.setdefault("a delivery of one line", []).append(measure(_run(folder), Path(folder)))
    seconds = {name: statistics.median(cost.seconds for cost in of_case) for name, of_case in costs.items()}
    processor = {name: statistics.median(cost.processor_seconds for cost in of_case) for name, of_case in costs.items()}
    table = Table("case", "seconds", "processor s", "share of first run", box=None)
    for name in costs:
        share = processor[name] / processor["first run"]
        table.add_row(name, f"{seconds[name]:.2f}", f"{processor[name]:.2f}", f"{share:.0%}")
    Console().print(table)


def _write_wide(home: Path) -> None:
    """Write 120 monthly files, and budgets, over all accounts and departments."""
    raw = home / "raw"
    _write_members(raw, _DEPARTMENTS, _ACCOUNTS)
    budget = [
        f"{_period(month)},D{line % _DEPARTMENTS:05d},{100_000 + line * 7 % _ACCOUNTS},1000.00\n"
        for month in range(_MONTHS)
        for line in range(month * 500, month * 500 + 500)
    ]
    (raw / "budget.csv").write_text("period,department_code,account_number,budget_amount\n" + "".join(budget))
    for month in range(_MONTHS):
        first = month * _LINES_PER_MONTH
        lines = [
            f"T{line},{_period(month)}-{line % 28 + 1:02d},D{line * 13 % _DEPARTMENTS:05d},"
            f"{100_000 + line % _ACCOUNTS},{100 + line % 900}.00\n"
            for line in range(first, first + _LINES_PER_MONTH)
        ]
        (raw / f"transactions_{_period(month)}.csv").write_text(_LEDGER_HEADER + "".join(lines))


def _deliver_line(home: Path) -> None:
    """Write one more file, of one line; what a load checks of all accounts shows here."""
    line = f"S1,{_period(_MONTHS - 1)}-03,D00001,100001,12.00\n"
    (home / "raw" / "transactions_more.csv").write_text(_LEDGER_HEADER + line)


def _write_descriptors(home: Path) -> None:
    """Write descriptors with a file of twelve lines each."""
    raw, feeds = home / "raw", home / "feeds"
    _write_members(raw, 40, 60)
    feeds.mkdir()
    for number in range(_DESCRIPTORS):
        (feeds / f"source_{number:03d}.yaml").write_text(_DESCRIPTOR.format(number=number))
        lines = [
            f"S{number}-{month},2025-{month:02d}-11,D{number % 40:05d},{100_000 + number % 60},{100 + number}.00,line\n"
            for month in range(1, 13)
        ]
        header = "id,posted,department_code,account_number,amount,text\n"
        (raw / f"source_{number:03d}_2025.csv").write_text(header + "".join(lines))


def _write_members(raw: Path, departments: int, accounts: int) -> None:
    raw.mkdir()
    rows = [f"D{number:05d},Department {number},Unit {number % 20}\n" for number in range(departments)]
    (raw / "departments.csv").write_text("department_code,department_name,business_unit\n" + "".join(rows))
    rows = [f"{100_000 + number},Account {number},Expense,Cost\n" for number in range(accounts)]
    (raw / "accounts.csv").write_text("account_number,account_name,account_type,category\n" + "".join(rows))


def _period(month: int) -> str:
    return f"{2015 + month // 12}-{month % 12 + 1:02d}"


def _run(folder: str) -> list[str]:
    return [*PRODUCT, "run", "--home", folder]


def _cases(folder: str) -> dict[str, list[str]]:
    home = ["--home", folder]
    small_file = str(Path(folder) / "raw" / "departments.csv")
    return {
        "first run": _run(folder),
        "run with nothing new": _run(folder),
        "the same with --force": [*PRODUCT, "run", "--force", *home],
        "status": [*PRODUCT, "status", *home],
        "query": [*PRODUCT, "query", *home, "SELECT COUNT(*) FROM FactFinancials"],
        "rejected": [*PRODUCT, "rejected", *home],
        "feed check of 12 rows": [*PRODUCT, "feed", "check", *home, small_file],
        "definitions load": [sys.executable, "-c", "from finance_platform.definitions import defs; defs()"],
    }


if __name__ == "__main__":
    main()
