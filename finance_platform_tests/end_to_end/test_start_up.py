"""What commands import before they answer: start-up is most of the time of a small command.

Belongs here: modules that must not be imported. Does not belong here: times, which differ between machines (see
`benchmarks/run_times.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.small_home import BUDGET
from finance_platform_tests.environment import clean_environment, unmeasured_environment

pytestmark = pytest.mark.end_to_end

PROBE = """
import json, sys
from finance_platform.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
libraries = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
print(json.dumps([code, sorted(libraries)]), file=sys.stderr)
"""

NEVER = {"dagster", "pyspark", "pysail", "pandas", "boto3", "redshift_connector"}


@dataclass(frozen=True)
class Probed:
    """The exit code and the output of a command, and the top-level modules that its process has imported."""

    code: int
    stdout: str
    modules: set[str]


def probe(home: Home, *arguments: str) -> Probed:
    """Run a command in a process of its own."""
    with clean_environment(home.path):
        done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return Probed(code, done.stdout, set(modules))


def imported(home: Home, *arguments: str) -> set[str]:
    done = probe(home, *arguments)
    assert done.code == 0, done.stdout
    return done.modules


def printed(code: str) -> str:
    """Return what a process of its own prints that runs this code."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=unmeasured_environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_commands_that_read_import_no_dagster_no_spark_and_no_library_that_they_do_not_use(run_home: Home):
    home = ["--home", str(run_home.path)]
    sql = "SELECT COUNT(*) FROM FactFinancials"
    assert imported(run_home, "query", *home, sql).isdisjoint(NEVER | {"pyarrow", "yaml"})
    file = str(run_home.path / "raw" / "transactions.csv")
    assert imported(run_home, "feed", "check", *home, file).isdisjoint(NEVER | {"duckdb", "sqlglot"})
    assert imported(run_home, "rejected", *home).isdisjoint(NEVER | {"duckdb", "sqlglot", "numpy"})
    assert imported(run_home, "status", *home).isdisjoint(NEVER | {"sqlglot", "numpy"})


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no fork of a run")
def test_a_run_whose_fork_loads_a_further_file_opens_no_warehouse_itself(run_home: Home):
    home, budget = ["--home", str(run_home.path)], f"{BUDGET}2024-03,D100,4000,900.00\n"
    run_home.write("raw/budget.csv", budget)
    probe(run_home, "run", *home)  # the first one that Dagster records, with the first rows of each dimension
    run_home.write("raw/budget.csv", f"{budget}2024-03,0450,6000,900.00\n")
    ran = probe(run_home, "run", *home)
    assert "delivered 4,600.00 = in the warehouse 4,600.00" in ran.stdout
    assert {"duckdb", "_duckdb"}.isdisjoint(ran.modules)
    assert "dagster" in ran.modules


def test_a_run_imports_no_library_that_makes_its_process_end_in_the_usual_way():
    code = (
        "import sys; import finance_platform.orchestration.refresh_run; from finance_platform.cli import _UNTIDY; "
        "print(sorted(_UNTIDY & set(sys.modules)))"
    )
    assert printed(code) == "[]"


def test_a_run_imports_neither_colours_of_listings_nor_a_parser_of_sql_nor_the_reader():
    code = (
        "import sys; from finance_platform.cli import _UNUSED; from finance_platform.unused_imports import leave_out; "
        "leave_out(_UNUSED['run']); import finance_platform.cli.run; "
        "import finance_platform.orchestration.ahead.forked_steps; "
        "import finance_platform.orchestration.refresh_run; "
        "print(sorted({'pygments', 'attr', 'sqlglot', 'finance_platform.feeds.read_file'} & set(sys.modules)))"
    )
    assert printed(code) == "[]"


def test_no_garbage_is_searched_for_among_the_modules_of_a_run():
    code = (
        "import gc; from finance_platform.cli.run import _no_search_for_garbage\n"
        "with _no_search_for_garbage():\n"
        "    searched = gc.isenabled()\n"
        "print(searched, gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    assert printed(code) == "False True True"
