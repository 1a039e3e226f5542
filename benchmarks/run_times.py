"""Times the commands on the sample: first run, nothing new, the start-up of commands that read.

Belongs here: whole commands. Does not belong here: assertions; machines differ. Which modules a command imports is a
test (`finance_platform_tests/end_to_end/test_start_up.py`).
Run it with `make bench`. Bytecode is compiled first, as pip does on installation.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from process_monitor import PRODUCT, ROOT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

REPEATS = 3


def main() -> None:
    """Time each case several times and print the medians, with their share of the first run."""
    compile_product()
    costs: dict[str, list[Measurement]] = {}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "data" / "raw", Path(folder) / "raw")
            for name, command in _cases(folder).items():
                costs.setdefault(name, []).append(measure(command, Path(folder)))
    seconds = {name: statistics.median(cost.seconds for cost in of_case) for name, of_case in costs.items()}
    processor = {name: statistics.median(cost.processor_seconds for cost in of_case) for name, of_case in costs.items()}
    table = Table("case", "seconds", "processor s", "share of first run", box=None)
    for name in costs:
        share = processor[name] / processor["first run"]
        table.add_row(name, f"{seconds[name]:.2f}", f"{processor[name]:.2f}", f"{share:.0%}")
    Console().print(table)


def _cases(folder: str) -> dict[str, list[str]]:
    home = ["--home", folder]
    small_file = str(Path(folder) / "raw" / "departments.csv")
    return {
        "first run": [*PRODUCT, "run", *home],
        "run with nothing new": [*PRODUCT, "run", *home],
        "the same with --force": [*PRODUCT, "run", "--force", *home],
        "status": [*PRODUCT, "status", *home],
        "query": [*PRODUCT, "query", *home, "SELECT COUNT(*) FROM FactFinancials"],
        "rejected": [*PRODUCT, "rejected", *home],
        "feed check of 12 rows": [*PRODUCT, "feed", "check", *home, small_file],
        "definitions load": [sys.executable, "-c", "from finance_platform.definitions import defs; defs()"],
    }


if __name__ == "__main__":
    main()
