"""Measures a full run against the same job done with other tools, on the same file, in turn.

Belongs here: the tools, their environment, the comparison of costs and sums.
Does not belong here: how a tool does the job (see `peers/`, `duckdb_baseline.sql`), measuring (see `process_monitor`).

`make bench` runs it with two million rows in one file, with dates in two forms, amounts in several and a key. Each tool
starts as a process of its own in every round, so that what else the machine does concerns all. The others keep no
record of files or rows, check nothing and load everything each time. It fails if the sums of any two differ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

import duckdb
from generated_ledger import Ledger
from process_monitor import PRODUCT, ROOT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table

_HERE = Path(__file__).parent
_PLATFORM, _DUCKDB = "this platform", "hand-written DuckDB SQL"
_MIB = 1 << 20
_SUMS = """
    SELECT ScenarioName, SUM(Amount), SUM(BudgetAmount), SUM(TransactionCount), COUNT(*)
    FROM FactFinancials JOIN DimScenario USING (ScenarioKey)
    GROUP BY ScenarioName ORDER BY ScenarioName
"""


def main() -> None:
    """Measure every tool in each round, and print the lowest of its costs."""
    parser = argparse.ArgumentParser(description="Compare a full run with other tools.")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the file")
    parser.add_argument("--rounds", type=int, default=2, help="how often each tool does the job")
    parser.add_argument("--environment", type=Path, default=ROOT / "build" / "peers", help="of the other tools")
    given = parser.parse_args()
    compile_product()
    python = _environment(given.environment)
    commands: dict[str, Callable[[Path, Path], list[str]]] = {
        _PLATFORM: lambda folder, _: [*PRODUCT, "run", "--home", str(folder)],
        _DUCKDB: lambda folder, file: _script(Path(sys.executable), _HERE / "duckdb_baseline.py", folder, file),
        "dlt": lambda folder, file: _script(python, _HERE / "peers" / "dlt_peer.py", folder, file),
        "dbt-duckdb": lambda folder, file: _script(python, _HERE / "peers" / "dbt_peer.py", folder, file),
        "pandas": lambda folder, file: _script(python, _HERE / "peers" / "pandas_peer.py", folder, file),
    }
    costs: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        generated = Path(temporary) / "generated"
        Ledger(generated, given.rows, has_many_forms=True).write(in_one_file=True)
        expected = None
        for number in range(given.rounds):
            for tool, command in commands.items():
                folder = Path(temporary) / f"{tool.replace(' ', '-')}-{number}"
                shutil.copytree(generated, folder / "raw", copy_function=os.link)
                file = folder / "warehouse.duckdb"
                cost = measure(command(folder, file), folder)
                costs.setdefault(tool, []).append(cost)
                Console(stderr=True).print(f"{tool}: {cost.seconds:.1f} s, {cost.processor_seconds:.1f} processor s")
                sums = _sums(file)
                if sums != (expected := expected or sums):
                    raise SystemExit(f"{tool}: the sums are {sums}, those of {_PLATFORM} are {expected}")
                shutil.rmtree(folder)
    Console().print(_table(given.rows, costs))


def _environment(folder: Path) -> Path:
    """Return the Python of the environment with the other tools, which is made once."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        requirements = str(_HERE / "peers" / "requirements.txt")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
    return python


def _script(python: Path, script: Path, folder: Path, file: Path) -> list[str]:
    return [str(python), str(script), str(folder / "raw"), str(file)]


def _sums(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        schemas = {row[0] for row in connection.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
        connection.execute(f"USE {'finance' if 'finance' in schemas else 'main'}")
        return connection.execute(_SUMS).fetchall()


def _table(rows: int, costs: dict[str, list[Measurement]]) -> Table:
    table = Table(title=f"{rows:,} rows in one file", box=None, title_justify="left", header_style="bold")
    table.add_column("tool")
    for column in ("seconds", "processor s", "processor s, to the platform's", "peak MiB"):
        table.add_column(column, justify="right")
    own = min(cost.processor_seconds for cost in costs[_PLATFORM])
    for tool, of_tool in costs.items():
        processor = min(cost.processor_seconds for cost in of_tool)
        table.add_row(
            tool,
            f"{min(cost.seconds for cost in of_tool):.1f}",
            f"{processor:.1f}",
            f"{processor / own:.2f}",
            f"{max((cost.peak_bytes or 0) for cost in of_tool) / _MIB:,.0f}",
        )
    return table


if __name__ == "__main__":
    main()
