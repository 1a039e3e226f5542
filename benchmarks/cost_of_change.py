"""Measures a full run, small changes after it, and memory, against a baseline in plain DuckDB SQL.

Belongs here: the cases, as whole commands, and the targets for their cost.
Does not belong here: measuring (see `process_monitor`), the files (see `generated_ledger`), the baseline (see
`duckdb_baseline.sql`).

`make bench` runs it with 5 million transactions, which takes a quarter of an hour on two busy cores;
`--transactions N` runs it smaller. It fails if the platform's sums differ from the baseline's. On a busy machine,
compare processor seconds: the cases run at different times, so the load distorts the ratios of seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from generated_ledger import Ledger
from process_monitor import PRODUCT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

BASELINE, FULL, NOTHING, SMALL, REPLACED = "baseline", "full", "nothing new", "small delivery", "replaced file"
ONE_MORE = "one line more"
NOTHING_NEW_REPEATS = 3
GIB = 1 << 30
SMALLEST = 50_000
"""With fewer transactions, the monthly files of the small base have too few rows for their months."""

_SUMS = """
    SELECT ScenarioName, SUM(Amount), SUM(BudgetAmount), SUM(TransactionCount), COUNT(*)
    FROM FactFinancials JOIN DimScenario USING (ScenarioKey)
    GROUP BY ScenarioName ORDER BY ScenarioName
"""


@dataclass
class Base:
    """One home and its measurements.

    Attributes:
        name: its name in the table.
        home: its folder.
        ledger: its files.
        measurements: by case.
    """

    name: str
    home: Path
    ledger: Ledger
    measurements: dict[str, Measurement] = field(default_factory=dict)

    def run_baseline(self) -> Measurement:
        """Run the baseline."""
        script = str(Path(__file__).parent / "duckdb_baseline.py")
        return measure([sys.executable, script, str(self.ledger.raw), str(self.home / "baseline.duckdb")], self.home)

    def run(self) -> Measurement:
        """Run the platform."""
        return measure([*PRODUCT, "run", "--home", str(self.home)], self.home)

    def check(self) -> None:
        """Compare the platform's warehouse with the baseline's, scenario by scenario.

        Raises:
            SystemExit: they differ.
        """
        actual, expected = (_sums(self.home / name) for name in ("warehouse.duckdb", "baseline.duckdb"))
        if actual != expected:
            raise SystemExit(f"{self.name}: the platform's sums are {actual}, the baseline's {expected}")

    def ratio(self, case: str, to: str) -> float:
        """Return a case's seconds as a share of another's."""
        return self.measurements[case].seconds / self.measurements[to].seconds


def main() -> None:
    """Measure every case and print the table, and the targets that are met."""
    parser = argparse.ArgumentParser(description="Measure the cost of a full run and of small changes.")
    parser.add_argument("--transactions", type=int, default=5_000_000, help="size of the large base")
    size = parser.parse_args().transactions
    if size < SMALLEST:
        parser.error(f"--transactions must be {SMALLEST:,} or more")
    compile_product()
    with tempfile.TemporaryDirectory(prefix="cost-of-change-") as folder:
        large = _base(Path(folder), "36 files", size)
        small = _base(Path(folder), "36 files", size // 10)
        one_large = _base(Path(folder), "one file", size)
        one_small = _base(Path(folder), "one file", size // 10)
        rows = max(size // 500, 100)
        _measure(large, rows, in_one_file=False)
        _measure(small, rows, in_one_file=False)
        _measure(one_large, 0, in_one_file=True)
        _measure(one_small, 0, in_one_file=True)
    bases = [large, small, one_large, one_small]
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(_table(bases))
    console.print(_targets(large, small, one_large, one_small))


def _base(folder: Path, name: str, size: int) -> Base:
    home = folder / f"{name}-{size}".replace(" ", "-")
    return Base(f"{size:,} in {name}", home, Ledger(home / "raw", size))


def _measure(base: Base, delivered_rows: int, *, in_one_file: bool) -> None:
    """Run the cases of one base in order; each starts from the home that the one before leaves."""
    Console(stderr=True).print(f"{base.name}: writing the files")
    base.ledger.write(in_one_file=in_one_file)
    _record(base, BASELINE, base.run_baseline())
    _record(base, FULL, base.run())
    base.check()
    if in_one_file:
        base.ledger.append_line()
        _record(base, ONE_MORE, base.run())
        base.run_baseline()
        base.check()
        return
    runs = [base.run() for _ in range(NOTHING_NEW_REPEATS)]
    _record(base, NOTHING, sorted(runs, key=lambda run: run.seconds)[len(runs) // 2])
    base.ledger.deliver(delivered_rows)
    _record(base, SMALL, base.run())
    base.ledger.replace_file()
    _record(base, REPLACED, base.run())
    base.run_baseline()
    base.check()


def _record(base: Base, case: str, cost: Measurement) -> None:
    base.measurements[case] = cost
    Console(stderr=True).print(
        f"{base.name}: {case}: {cost.seconds:.1f} s, {cost.processor_seconds:.1f} processor s, {_gib(cost.peak_bytes)}"
    )


def _table(bases: list[Base]) -> Table:
    table = Table(title="Cost of change", box=None, title_justify="left", header_style="bold")
    for column in ("base", "case"):
        table.add_column(column)
    for column in ("seconds", "processor s", "share of full", "ratio to baseline", "peak memory"):
        table.add_column(column, justify="right")
    for base in bases:
        for case, cost in base.measurements.items():
            table.add_row(
                base.name,
                case,
                f"{cost.seconds:.1f}",
                f"{cost.processor_seconds:.1f}",
                f"{base.ratio(case, FULL):.0%}",
                f"{base.ratio(case, BASELINE):.1f}",
                _gib(cost.peak_bytes),
            )
    return table


def _gib(size: int | None) -> str:
    return "not measured" if size is None else f"{size / GIB:.2f} GiB"


def _targets(large: Base, small: Base, one_large: Base, one_small: Base) -> Table:
    table = Table(title="Targets", box=None, title_justify="left", header_style="bold")
    for column in ("target", "measured", ""):
        table.add_column(column)
    targets = [*_time_targets(large, small), *_memory_targets(large, small, one_large, one_small)]
    for target, measured, is_met in targets:
        table.add_row(target, measured, "not measured" if is_met is None else "met" if is_met else "NOT MET")
    return table


Target = tuple[str, str, bool | None]


def _time_targets(large: Base, small: Base) -> list[Target]:
    ratio = large.ratio(FULL, BASELINE)
    share = large.ratio(SMALL, FULL)
    start = large.measurements[NOTHING].seconds
    net = (large.measurements[SMALL].seconds - start) / (large.measurements[FULL].seconds - start)
    growth = large.measurements[SMALL].seconds / small.measurements[SMALL].seconds
    return [
        ("a full run takes at most 4 times the baseline", f"{ratio:.1f}", ratio <= 4),
        ("a small delivery takes at most 10 % of a full run, whole command", f"{share:.0%}", share <= 0.10),
        ("the same, both minus the seconds of a run with nothing new", f"{net:.0%}", net <= 0.10),
        ("a small delivery takes at most 1.5 times as long as on a tenth of the base", f"{growth:.2f}", growth <= 1.5),
        ("a run with nothing new takes at most 5 s", f"{start:.1f} s", start <= 5),
    ]


def _memory_targets(large: Base, small: Base, one_large: Base, one_small: Base) -> list[Target]:
    targets: list[Target] = []
    for base, tenth in ((large, small), (one_large, one_small)):
        peak, tenth_peak = base.measurements[FULL].peak_bytes, tenth.measurements[FULL].peak_bytes
        is_small = None if peak is None else peak < 4 * GIB
        targets.append((f"{base.name}: a full run uses less than 4 GiB", _gib(peak), is_small))
        growth = None if peak is None or tenth_peak is None else peak / tenth_peak
        measured = _gib(peak) if growth is None else f"{growth:.2f}"
        is_met = None if growth is None else growth <= 1.5
        targets.append((f"{base.name}: at most 1.5 times the memory of a tenth", measured, is_met))
    return targets


def _sums(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        if file.name.startswith("warehouse"):
            connection.execute("USE finance")
        return connection.execute(_SUMS).fetchall()


if __name__ == "__main__":
    main()
