"""What a change costs: a full run, small deliveries on it, memory; held against the same job written by hand.

Belongs here: the cases, in whole commands, and the aims that they are held against.
Does not belong here: measuring (see `watched_process`), the files (see `generated_ledger`), the hand-written job
(see `by_hand.sql`).

`make bench` runs it with 5 million transactions, which takes a quarter of an hour on two busy cores;
`--transactions N` runs it smaller. It fails where the platform's sums are not those of the hand-written job. On a busy
machine compare processor seconds: the ratios of seconds are those of the moments at which the cases ran.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from generated_ledger import Ledger
from rich.console import Console
from rich.table import Table
from watched_process import PRODUCT, Measured, compile_product, watch

BY_HAND, FULL, NOTHING, SMALL, REPLACED = "by hand", "full", "nothing new", "small delivery", "replaced file"
REPEATS_OF_NOTHING = 3
GIB = 1 << 30
SMALLEST = 50_000
"""Below it the monthly files of the base that is ten times smaller are too thin to be read as months."""

_SUMS = """
    SELECT ScenarioName, SUM(Amount), SUM(BudgetAmount), SUM(TransactionCount), COUNT(*)
    FROM FactFinancials JOIN DimScenario USING (ScenarioKey)
    GROUP BY ScenarioName ORDER BY ScenarioName
"""


@dataclass
class Base:
    """One home and what was measured on it.

    Attributes:
        name: what the table calls it.
        home: its folder.
        ledger: its files.
        measured: by case.
    """

    name: str
    home: Path
    ledger: Ledger
    measured: dict[str, Measured] = field(default_factory=dict)

    def by_hand(self) -> Measured:
        """Do the job by hand."""
        script = str(Path(__file__).parent / "by_hand.py")
        return watch([sys.executable, script, str(self.ledger.raw), str(self.home / "by_hand.duckdb")], self.home)

    def run(self) -> Measured:
        """Let the platform do it."""
        return watch([*PRODUCT, "run", "--home", str(self.home)], self.home)

    def check(self) -> None:
        """Compare the platform's warehouse with that of the hand-written job, scenario by scenario.

        Raises:
            SystemExit: they differ.
        """
        own, other = (_sums(self.home / name) for name in ("warehouse.duckdb", "by_hand.duckdb"))
        if own != other:
            raise SystemExit(f"{self.name}: the platform's sums are {own}, those by hand {other}")

    def ratio(self, case: str, to: str) -> float:
        """Return a case's seconds as a share of another's."""
        return self.measured[case].seconds / self.measured[to].seconds


def main() -> None:
    """Measure every case and print the table, and beneath it which aims are reached."""
    parser = argparse.ArgumentParser(description="Measure what a full run and small changes cost.")
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
        _measure(large, rows, one_in_all=False)
        _measure(small, rows, one_in_all=False)
        _measure(one_large, 0, one_in_all=True)
        _measure(one_small, 0, one_in_all=True)
    bases = [large, small, one_large, one_small]
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(_table(bases))
    console.print(_aims(large, small, one_large, one_small))


def _base(folder: Path, name: str, size: int) -> Base:
    home = folder / f"{name}-{size}".replace(" ", "-")
    return Base(f"{size:,} in {name}", home, Ledger(home / "raw", size))


def _measure(base: Base, delivered_rows: int, *, one_in_all: bool) -> None:
    """Run the cases of one base in their order; each leaves the home that the next one finds."""
    say = Console(stderr=True).print
    say(f"{base.name}: writing the files")
    base.ledger.write(in_one_file=one_in_all)
    _case(base, BY_HAND, base.by_hand)
    _case(base, FULL, base.run)
    base.check()
    if one_in_all:
        return
    runs = [base.run() for _ in range(REPEATS_OF_NOTHING)]
    _case(base, NOTHING, lambda: sorted(runs, key=lambda one: one.seconds)[len(runs) // 2])
    base.ledger.deliver(delivered_rows)
    _case(base, SMALL, base.run)
    base.ledger.replace_file()
    _case(base, REPLACED, base.run)
    base.by_hand()
    base.check()


def _case(base: Base, case: str, measure: Callable[[], Measured]) -> None:
    found = base.measured[case] = measure()
    told = f"{found.seconds:.1f} s, {found.processor_seconds:.1f} processor s, {_gib(found.peak_bytes)}"
    Console(stderr=True).print(f"{base.name}: {case}: {told}")


def _table(bases: list[Base]) -> Table:
    table = Table(title="Cost of change", box=None, title_justify="left", header_style="bold")
    for column in ("base", "case"):
        table.add_column(column)
    for column in ("seconds", "processor s", "share of full", "ratio to by hand", "peak memory"):
        table.add_column(column, justify="right")
    for base in bases:
        for case, found in base.measured.items():
            table.add_row(
                base.name,
                case,
                f"{found.seconds:.1f}",
                f"{found.processor_seconds:.1f}",
                f"{base.ratio(case, FULL):.0%}",
                f"{base.ratio(case, BY_HAND):.1f}",
                _gib(found.peak_bytes),
            )
    return table


def _gib(size: int | None) -> str:
    return "not measured here" if size is None else f"{size / GIB:.2f} GiB"


def _aims(large: Base, small: Base, one_large: Base, one_small: Base) -> Table:
    table = Table(title="Aims", box=None, title_justify="left", header_style="bold")
    for column in ("aim", "measured", ""):
        table.add_column(column)
    for aim, found, is_reached in [*_aims_of_time(large, small), *_aims_of_memory(large, small, one_large, one_small)]:
        table.add_row(aim, found, "not measured" if is_reached is None else "reached" if is_reached else "NOT REACHED")
    return table


Aim = tuple[str, str, bool | None]


def _aims_of_time(large: Base, small: Base) -> list[Aim]:
    ratio = large.ratio(FULL, BY_HAND)
    share = large.ratio(SMALL, FULL)
    start = large.measured[NOTHING].seconds
    net = (large.measured[SMALL].seconds - start) / (large.measured[FULL].seconds - start)
    growth = large.measured[SMALL].seconds / small.measured[SMALL].seconds
    return [
        ("a full run takes at most 4 times the job by hand", f"{ratio:.1f}", ratio <= 4),
        ("a small delivery takes at most 10 % of a full run, whole command", f"{share:.0%}", share <= 0.10),
        ("the same, both less the seconds of a run with nothing new", f"{net:.0%}", net <= 0.10),
        ("a small delivery takes at most 1.5 times what it takes on a tenth", f"{growth:.2f}", growth <= 1.5),
        ("a run with nothing new takes at most 5 s", f"{start:.1f} s", start <= 5),
    ]


def _aims_of_memory(large: Base, small: Base, one_large: Base, one_small: Base) -> list[Aim]:
    aims: list[Aim] = []
    for base, tenth in ((large, small), (one_large, one_small)):
        peak, less = base.measured[FULL].peak_bytes, tenth.measured[FULL].peak_bytes
        is_small = None if peak is None else peak < 4 * GIB
        aims.append((f"{base.name}: a full run holds less than 4 GiB", _gib(peak), is_small))
        growth = None if peak is None or less is None else peak / less
        found = _gib(peak) if growth is None else f"{growth:.2f}"
        aims.append(
            (f"{base.name}: at most 1.5 times what a tenth holds", found, None if growth is None else growth <= 1.5)
        )
    return aims


def _sums(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        if file.name.startswith("warehouse"):
            connection.execute("USE finance")
        return connection.execute(_SUMS).fetchall()


if __name__ == "__main__":
    main()
