"""What commands import before they answer: start-up is most of the time of a small command.

Belongs here: modules that must not be imported. Does not belong here: times, which differ between machines (see
`benchmarks/run_times.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.environment import clean_environment

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


def imported(home: Home, *arguments: str) -> set[str]:
    """The top-level modules that a command's process has imported when it ends."""
    with clean_environment(home.path):
        done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


def test_commands_that_read_import_no_dagster_no_spark_and_no_library_that_they_do_not_use(run_home: Home):
    home = ["--home", str(run_home.path)]
    sql = "SELECT COUNT(*) FROM FactFinancials"
    assert imported(run_home, "query", *home, sql).isdisjoint(NEVER | {"pyarrow", "yaml"})
    file = str(run_home.path / "raw" / "transactions.csv")
    assert imported(run_home, "feed", "check", *home, file).isdisjoint(NEVER | {"duckdb", "sqlglot"})
    assert imported(run_home, "rejected", *home).isdisjoint(NEVER | {"duckdb", "sqlglot"})
    assert imported(run_home, "status", *home).isdisjoint(NEVER)
