"""Times the commands on the sample: start-up, first run, a run with nothing new.

Belongs here: whole commands. Does not belong here: assertions; machines differ.
Run it with `make bench`. Bytecode is compiled first, as pip does on installation.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from process_monitor import PRODUCT, ROOT, compile_product, measure
from rich.console import Console
from rich.table import Table

REPEATS = 3


def main() -> None:
    """Time each case several times and print the medians, with their share of the first run."""
    compile_product()
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "data" / "raw", Path(folder) / "raw")
            cases = {
                "first run": [*PRODUCT, "run", "--home", folder],
                "run with nothing new": [*PRODUCT, "run", "--home", folder],
                "status": [*PRODUCT, "status", "--home", folder],
                "query": [*PRODUCT, "query", "--home", folder, "SELECT COUNT(*) FROM FactFinancials"],
                "definitions load": [sys.executable, "-c", "from finance_platform.definitions import defs; defs()"],
            }
            for name, command in cases.items():
                times.setdefault(name, []).append(measure(command, Path(folder)).seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    table = Table("case", "seconds", "share of first run", box=None)
    for name, seconds in medians.items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / medians['first run']:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
