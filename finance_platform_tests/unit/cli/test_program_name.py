"""How a person types the program where the shell does not know its name."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from finance_platform_tests.terminals import read_terminal

PROGRAM = Path(sys.executable).parent / "finance-platform"
UNKNOWN_TABLE = ["tables", "Nope"]
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the command is not installed in this environment")


def errors_on_a_terminal(*arguments: str, cwd: Path, path: str = "/usr/bin:/bin") -> str:
    """Run the installed command in a shell with this PATH, whose standard error is a terminal; return that."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PATH": path, "COLUMNS": "200"}
    subprocess.run(
        [str(PROGRAM), *arguments], cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, check=False
    )
    os.close(theirs)
    return read_terminal(ours)


def test_where_the_name_is_not_known_the_path_is_said_once_below_what_names_a_command(tmp_path: Path):
    shown = errors_on_a_terminal(*UNKNOWN_TABLE, "--home", str(tmp_path), cwd=tmp_path)
    assert f"`finance-platform tables --home {tmp_path}` lists all" in shown
    *_, last = shown.splitlines()
    assert last == f"This shell does not know the name finance-platform: type {PROGRAM}"


@pytest.mark.parametrize(
    ("name", "quoted"), [("tab\there", "$'{}/tab\\there'"), ("two\nlines", "$'{}/two\\nlines'"), ("[ab]", "'{}/[ab]'")]
)
def test_a_command_is_for_a_home_that_a_shell_finds_by_the_printed_name(name: str, quoted: str, tmp_path: Path):
    (tmp_path / name / "raw").mkdir(parents=True)
    shown = errors_on_a_terminal(*UNKNOWN_TABLE, "--home", str(tmp_path / name), cwd=tmp_path)
    assert f"`finance-platform tables --home {quoted.format(tmp_path)}` lists all" in shown


def test_where_the_shell_knows_the_name_nothing_is_added(tmp_path: Path):
    assert "does not know" not in errors_on_a_terminal(*UNKNOWN_TABLE, cwd=tmp_path, path=str(PROGRAM.parent))
