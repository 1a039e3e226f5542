"""The end of a command's own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import atexit, gc, sys
import coverage  # one of the libraries beside which a process ends in the usual way
atexit.register(lambda: print("frozen", gc.get_freeze_count() > 0))  # the first that registers runs last
sys.argv = ["finance-platform", "--version"]
from finance_platform.cli import main
main()
"""


def test_what_a_process_has_when_it_ends_is_not_searched_for_garbage():
    output = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "frozen True"


QUERY = """
import atexit, gc, sys
import coverage
atexit.register(lambda: print("enabled", gc.isenabled()))
sys.argv = ["finance-platform", "query", "--home", sys.argv[1], "SELECT 1 AS One"]
from finance_platform.cli import main
import duckdb
kept = duckdb.connect()
main()
"""


def test_a_process_that_has_opened_a_warehouse_ends_without_a_list_of_leaks(tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", QUERY, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "leaked" not in done.stderr
    assert done.stdout.splitlines()[-1] == "enabled False"


ALLOCATORS = """
import atexit, os, sys
import coverage
names = "ARROW_DEFAULT_MEMORY_POOL", "MIMALLOC_ALLOW_THP", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"
atexit.register(lambda: print([os.environ.get(name) for name in names]))
sys.argv = ["finance-platform", "--version"]
from finance_platform.cli import main
main()
"""


def test_a_command_and_the_jobs_that_it_starts_keep_no_freed_memory_and_take_no_huge_pages_or_threads_for_matrices():
    ours = ("ARROW_", "MIMALLOC_", "OPENBLAS_", "MALLOC_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    chosen = {**variables, "ARROW_DEFAULT_MEMORY_POOL": "jemalloc"}
    outputs = [
        subprocess.run([sys.executable, "-c", ALLOCATORS], env=env, capture_output=True, text=True, check=True).stdout
        for env in (variables, chosen)
    ]
    heaps = max(2, os.cpu_count() or 2)
    assert [output.splitlines()[-1] for output in outputs] == [
        f"['{allocator}', '0', '1', '{heaps}']" for allocator in ("system", "jemalloc")
    ]
