"""Outputs that a command cannot write to as it wishes: closed, full, without a reader, narrow, without a character.

Belongs here: whole processes, since Python itself writes to its output at its end. Does not belong here: the text.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.terminals import read_terminal

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_small_home(tmp_path)


def command(home: Home, *arguments: str) -> list[str]:
    name, *rest = arguments
    # `tables` starts in a third of the time of the others, and needs no home.
    of_home = [] if name == "tables" else ["--home", str(home.path)]
    return [sys.executable, "-m", "finance_platform.cli", name, *of_home, *rest]


def shell(home: Home, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell, in which "$@" is the command."""
    with clean_environment(home.path, **variables):
        return subprocess.run(
            ["sh", "-c", script, "sh", *command(home, *arguments)], capture_output=True, text=True, check=False
        )


def test_a_closed_output_changes_no_exit_code(home: Home):
    done = shell(home, 'exec "$@" >&- 2>&-', "tables")
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_on_a_full_disk_is_a_sentence(home: Home):
    done = shell(home, 'exec "$@" > /dev/full', "tables")
    assert done.returncode == 2
    assert done.stderr.startswith("This machine lacks space, memory or a permission: No space left on device\n  Fix: ")
    assert done.stderr.count("\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", ["--help", "status --help", "--version"])
def test_the_help_on_a_full_disk_is_a_sentence(arguments: str):
    script = f"exec {sys.executable} -m finance_platform.cli {arguments} > /dev/full"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("This machine lacks space, memory or a permission: No space left on device\n  Fix: ")
    assert done.stderr.count("\n") == 2


def test_a_table_whose_reader_has_gone_is_no_error(home: Home):
    done = shell(home, '{ "$@"; echo $? >&2; } | :', "tables")
    assert done.stderr == "0\n"


def test_a_reader_that_stops_reading_is_no_error(home: Home):
    done = shell(home, '{ "$@"; echo $? >&2; } | head -1', "migrate", "--dry-run")
    assert done.stdout.startswith("CREATE TABLE")
    assert done.stderr == "0\n"


def test_names_that_the_output_cannot_show_are_escaped(home: Home):
    home.write("raw/Büro.txt", "x")
    done = shell(home, 'exec "$@"', "status", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "B\\xfcro.txt" in done.stdout
    assert done.stderr == ""


def test_a_terminal_of_twenty_columns_shows_the_status(home: Home):
    with clean_environment(home.path):
        child, terminal = pty.fork()
        if child == 0:
            arguments = command(home, "status")
            os.execv(arguments[0], arguments)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    text = read_terminal(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "Traceback" not in text
    assert "Deliveries" in text
