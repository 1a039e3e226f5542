"""Processes that run together end together, however the first of them ends.

Belongs here: real processes that only sleep. Does not belong here: the UI (see `end_to_end/test_ui_command`).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finance_platform.orchestration.webserver.watchdog import stop_groups
from finance_platform_tests.waits import is_alive, wait_until

PROGRAM = """
import fcntl, os, sys
from finance_platform.errors import UiStoppedError
from finance_platform.orchestration.webserver.supervisor import Supervisor

lock = os.open("ui.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
try:
    with Supervisor(keep_open=[lock]) as supervisor:
        supervisor.start("parent", ["-c", sys.argv[1]], os.environ)
        supervisor.start("sleeper", ["-c", sys.argv[2]], os.environ)
        supervisor.wait_until(lambda: False)
except UiStoppedError as error:
    print(error)
    sys.exit(3)
"""
RECORD = "import os, pathlib, signal, subprocess, sys, time; pathlib.Path(str(os.getpid())).touch()\n"
SLEEP = f"{RECORD}time.sleep(100)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{RECORD}time.sleep(100)"
AFTER_THE_OTHERS = (
    "import pathlib, time\n"
    "while sum(path.name.isdigit() for path in pathlib.Path().iterdir()) < 2:\n    time.sleep(0.05)\n"
)
"""What ends earlier stops the others before they have recorded themselves."""
WITH_CHILD = f"{RECORD}subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


@contextmanager
def supervised(
    folder: Path, *programs: str, count: int, is_background: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run the processes, and yield their supervisor once `count` processes have recorded themselves."""
    command = [sys.executable, "-c", PROGRAM, *programs]
    # A shell ignores SIGINT for the jobs that a script starts in the background.
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"] if is_background else []
    with subprocess.Popen([*shell, *command], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: len(pids(folder)) == count)
            yield process
        finally:
            process.kill()
            for pid in filter(is_alive, pids(folder)):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("is_background", [False, True], ids=["in a terminal", "in the background of a script"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_all_processes_and_what_they_started(tmp_path: Path, number: int, is_background: bool):
    with supervised(tmp_path, WITH_CHILD, SLEEP, count=3, is_background=is_background) as supervisor:
        supervisor.send_signal(number)
        assert supervisor.wait(timeout=120) == 0
        assert [pid for pid in pids(tmp_path) if is_alive(pid)] == []


def test_a_second_ctrl_c_kills_what_does_not_stop(tmp_path: Path):
    with supervised(tmp_path, STUBBORN, SLEEP, count=2) as supervisor:
        supervisor.send_signal(signal.SIGINT)
        wait_until(lambda: sum(map(is_alive, pids(tmp_path))) == 1)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(timeout=120) == 0
        assert [pid for pid in pids(tmp_path) if is_alive(pid)] == []


@pytest.mark.parametrize(
    ("program", "ended"),
    [(f"{RECORD}sys.exit(7)", "ended with exit code 7"), (f"{RECORD}os.kill(os.getpid(), 9)", "was killed by SIGKILL")],
)
def test_a_process_that_ends_stops_the_others_and_is_named(tmp_path: Path, program: str, ended: str):
    with supervised(tmp_path, WITH_CHILD, f"{AFTER_THE_OTHERS}{program}", count=3) as supervisor:
        output, _ = supervisor.communicate(timeout=120)
        assert supervisor.returncode == 3
        assert f"The UI has stopped: its process sleeper {ended}, so the others were stopped" in output
        assert [pid for pid in pids(tmp_path) if is_alive(pid)] == []


def test_a_killed_supervisor_leaves_no_process_and_its_lock_is_held_until_then(tmp_path: Path):
    with supervised(tmp_path, WITH_CHILD, SLEEP, count=3) as supervisor, (tmp_path / "ui.lock").open("rb") as lock:
        supervisor.kill()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [pid for pid in pids(tmp_path) if is_alive(pid)] == []


def test_a_group_that_ignores_the_signal_is_killed_after_a_while(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", STUBBORN], cwd=tmp_path, process_group=0) as process:
        wait_until(lambda: len(pids(tmp_path)) == 1)

        def is_impatient() -> bool:
            process.poll()
            return False

        stop_groups([process.pid], 0.3, is_impatient)
        assert process.wait(timeout=120) == -signal.SIGKILL
