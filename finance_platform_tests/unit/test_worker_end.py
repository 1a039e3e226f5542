"""The end of a worker's process.

Belongs here: what still runs. Does not belong here: what workers report (see `test_worker_messages`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from finance_platform_tests import worker_end

PROGRAM = """
import atexit, runpy, sys, weakref

class Thing:
    def __del__(self):
        print("freed")

thing = Thing()
weakref.finalize(sys, print, "finalised")
atexit.register(print, "registered")
runpy.run_path(sys.argv[1])["end_promptly"]()
"""


def test_what_is_registered_for_the_end_runs_and_nothing_is_freed():
    command = [sys.executable, "-I", "-S", "-u", "-c", PROGRAM, str(Path(worker_end.__file__))]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.stdout.splitlines() == ["registered", "finalised"]
    assert (finished.returncode, finished.stderr) == (0, "")
