"""Measures the first run on many one-line files, the run after it, and the arrival of one more file.

Belongs here: the cases, as whole commands, and how their cost grows with the number of files.
Does not belong here: measuring (see `process_monitor`), large files (see `cost_of_change`).

`python benchmarks/many_files.py` measures 500, 1,000, 2,000 and 5,000 files; name other numbers after it. Every file
is a delivery of its own, in one of 36 months. It fails if a line is missing from the warehouse. Compare processor
seconds: they are of the whole process tree and depend less on the load of the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
from process_monitor import PRODUCT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

FIRST, NOTHING, ONE_MORE = "first run", "nothing new", "one more file"
COUNTS = (500, 1_000, 2_000, 5_000)
GIB = 1 << 30
AIM_FILES, AIM_SECONDS, AIM_BYTES = 5_000, 60, GIB
"""What the first run of so many files may take, in processor seconds and bytes."""

GROWTH_LIMIT = MEMORY_GROWTH_LIMIT = 1.25
"""The highest processor time per file, and peak memory, compared with fewer files, that count as linear and as flat."""

_MONTHS, _DEPARTMENTS, _ACCOUNTS = 36, 40, 60
# 2025-01-01 UTC; the files are a second apart, so that their order is known.
_FIRST_WRITTEN = 1_735_689_600


@dataclass(frozen=True)
class Case:
    """One measured command.

    Attributes:
        files: the number of one-line files in the home.
        name: what had happened before the command.
        cost: its measurement.
    """

    files: int
    name: str
    cost: Measurement


def main() -> None:
    """Measure every number of files and print the table, and what is met."""
    parser = argparse.ArgumentParser(description="Measure how the cost of a run grows with the number of files.")
    parser.add_argument("files", nargs="*", type=int, default=COUNTS, help="numbers of files, ascending")
    parser.add_argument("--first-only", action="store_true", help="leave out the runs after the first")
    arguments = parser.parse_args()
    compile_product()
    cases: list[Case] = []
    for count in sorted(arguments.files):
        with tempfile.TemporaryDirectory(prefix="many-files-") as folder:
            cases += _measure(Path(folder), count, is_first_only=arguments.first_only)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(_table(cases))
    console.print(_targets([case for case in cases if case.name == FIRST]))


def _measure(home: Path, count: int, *, is_first_only: bool) -> list[Case]:
    """Run the cases of one number of files in order."""
    raw = home / "raw"
    raw.mkdir()
    write_references(raw)
    for number in range(count):
        write_file(raw, number)
    cases = [_run(home, count, FIRST)]
    _check(home, count)
    if is_first_only:
        return cases
    cases.append(_run(home, count, NOTHING))
    write_file(raw, count)
    cases.append(_run(home, count, ONE_MORE))
    _check(home, count + 1)
    return cases


def _run(home: Path, count: int, name: str) -> Case:
    cost = measure([*PRODUCT, "run", "--home", str(home)], home)
    Console(stderr=True).print(
        f"{count:,} files: {name}: {cost.seconds:.1f} s, {cost.processor_seconds:.1f} processor s, "
        f"{_mib(cost.peak_bytes)}"
    )
    return Case(count, name, cost)


def _check(home: Path, count: int) -> None:
    """Compare the warehouse with the files.

    Raises:
        SystemExit: lines are missing, or too many.
    """
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("USE finance")
        lines, amount = connection.execute(
            "SELECT SUM(TransactionCount), SUM(Amount) FROM FactFinancials JOIN DimScenario USING (ScenarioKey) "
            "WHERE ScenarioName = 'Actual'"
        ).fetchall()[0]
    if (lines, amount) != (count, sum(_amount(number) for number in range(count))):
        raise SystemExit(f"{count} files of one line each, and the warehouse has {lines} lines of {amount}")


def write_references(raw: Path) -> None:
    """Write the files of departments, accounts and budget."""
    departments = ["department_code,department_name,business_unit"]
    departments += [f"D{number:03d},Department {number},Unit {number % 4}" for number in range(_DEPARTMENTS)]
    (raw / "departments.csv").write_text("\n".join(departments) + "\n", encoding="utf-8")
    accounts = ["account_number,account_name,account_type,category"]
    accounts += [f"{6000 + number},Account {number},Expense,Cost" for number in range(_ACCOUNTS)]
    (raw / "accounts.csv").write_text("\n".join(accounts) + "\n", encoding="utf-8")
    budget = ["period,department_code,account_number,budget_amount"]
    budget += [f"{_period(month)},D001,6001,1000.00" for month in range(_MONTHS)]
    (raw / "budget.csv").write_text("\n".join(budget) + "\n", encoding="utf-8")


def write_file(raw: Path, number: int) -> None:
    """Write one file of transactions with one line."""
    file = raw / f"transactions_{number:06d}.csv"
    day = f"{_period(number % _MONTHS)}-{number % 28 + 1:02d}"
    file.write_text(
        "transaction_id,transaction_date,department_code,account_number,amount\n"
        f"T{number:07d},{day},D{number % _DEPARTMENTS:03d},{6000 + number % _ACCOUNTS},{_amount(number)}.00\n",
        encoding="utf-8",
    )
    os.utime(file, (_FIRST_WRITTEN + number,) * 2)


def _period(month: int) -> str:
    return f"{2022 + month // 12}-{month % 12 + 1:02d}"


def _amount(number: int) -> int:
    return 100 + number


def _table(cases: list[Case]) -> Table:
    table = Table(title="Many files", box=None, title_justify="left", header_style="bold")
    for column in ("files", "case", "seconds", "processor s", "ms per file", "peak memory"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for case in cases:
        per_file = case.cost.processor_seconds / case.files * 1_000
        table.add_row(
            f"{case.files:,}",
            case.name,
            f"{case.cost.seconds:.1f}",
            f"{case.cost.processor_seconds:.1f}",
            f"{per_file:.1f}",
            _mib(case.cost.peak_bytes),
        )
    return table


def _targets(first_runs: list[Case]) -> Table:
    table = Table(title="Targets of the first run", box=None, title_justify="left", header_style="bold")
    for column in ("target", "measured", ""):
        table.add_column(column)
    for fewer, more in pairwise(first_runs):
        for target, growth, limit in _growths(fewer, more):
            table.add_row(target, f"{growth:.2f}", "met" if growth <= limit else "NOT MET")
    for case in first_runs:
        if case.files == AIM_FILES:
            seconds, peak = case.cost.processor_seconds, case.cost.peak_bytes
            is_met = "met" if seconds <= AIM_SECONDS else "NOT MET"
            table.add_row(f"{AIM_FILES:,} files in {AIM_SECONDS} processor s", f"{seconds:.1f}", is_met)
            is_met = "not measured" if peak is None else "met" if peak <= AIM_BYTES else "NOT MET"
            table.add_row(f"{AIM_FILES:,} files in {_mib(AIM_BYTES)}", _mib(peak), is_met)
    return table


def _growths(fewer: Case, more: Case) -> list[tuple[str, float, float]]:
    """Return what the time and the memory of two first runs say about growth: target, ratio, limit."""
    span = f"{fewer.files:,} to {more.files:,} files"
    ratio = more.cost.processor_seconds / fewer.cost.processor_seconds / (more.files / fewer.files)
    growths = [(f"{span}: at most {GROWTH_LIMIT} times the time per file", ratio, GROWTH_LIMIT)]
    if fewer.cost.peak_bytes and more.cost.peak_bytes:
        memory = more.cost.peak_bytes / fewer.cost.peak_bytes
        growths.append((f"{span}: at most {MEMORY_GROWTH_LIMIT} times the memory", memory, MEMORY_GROWTH_LIMIT))
    return growths


def _mib(size: int | None) -> str:
    return "not measured" if size is None else f"{size / (1 << 20):,.0f} MiB"


if __name__ == "__main__":
    main()
