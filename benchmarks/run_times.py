"""How long the command takes on the sample: start-up, first run, a run with nothing new.

Belongs here: whole commands, timed from outside. Does not belong here: assertions; machines differ.
Run it with `make bench`. Bytecode is compiled first, as pip compiles it on installation.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
REPEATS = 3
COMMAND = [sys.executable, "-m", "finance_platform.cli"]


def main() -> None:
    """Time each case a few times and print the medians, with their share of the first run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "finance_platform")], check=True)
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "data" / "raw", Path(folder) / "raw")
            cases = {
                "first run": [*COMMAND, "run", "--home", folder],
                "run with nothing new": [*COMMAND, "run", "--home", folder],
                "status": [*COMMAND, "status", "--home", folder],
                "query": [*COMMAND, "query", "--home", folder, "SELECT COUNT(*) FROM FactFinancials"],
                "definitions load": [sys.executable, "-c", "from finance_platform.definitions import defs; defs()"],
            }
            for name, command in cases.items():
                begin = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env=environment, cwd=folder)
                times.setdefault(name, []).append(time.perf_counter() - begin)
    medians = {name: statistics.median(values) for name, values in times.items()}
    table = Table("case", "seconds", "share of first run", box=None)
    for name, seconds in medians.items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / medians['first run']:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
