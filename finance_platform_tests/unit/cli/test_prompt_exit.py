"""The end of a command's own process: what it wrote, its exit code, and handlers of libraries.

Belongs here: ending without destroying every module. Does not belong here: exit codes of commands (see `end_to_end`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finance_platform.cli import _PromptExit
from finance_platform.contracts.dictionary import dictionary
from finance_platform_tests.environment import unmeasured_environment

COMMAND = """
import atexit, sys
from finance_platform import cli
class Witness:
    def __del__(self): print("destroyed", file=sys.stderr)
cli.witness = Witness()
ends = cli._Commands.get_command
def get_command(*arguments):
    atexit.register(print, "handler called", file=sys.stderr)
    return ends(*arguments)
cli._Commands.get_command = get_command
cli.main()
"""


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    return subprocess.run(command, env=unmeasured_environment(), capture_output=True, text=True, check=False)


def test_a_process_ends_with_its_output_and_its_code_and_destroys_nothing():
    done = run_command("tables", "--format", "csv")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > len(dictionary())
    assert done.stderr.splitlines() == ["handler called"]


INTERRUPTED = """
import os, signal
from finance_platform import cli
from finance_platform.contracts import dictionary
def get_library(*_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the signal did not come")
    except KeyboardInterrupt:
        raise ValueError("error building a schema") from None
dictionary.dictionary = get_library
cli.main()
"""


def test_a_library_that_reports_an_interruption_as_its_own_error_does_not_turn_it_into_a_traceback():
    script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler){INTERRUPTED}"
    command = [sys.executable, "-c", script, "tables"]
    done = subprocess.run(command, env=unmeasured_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted. What was committed stays.\n")


BEFORE_THE_COMMAND = """
import os, signal
from finance_platform import cli
def interrupt(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the signal did not come")
    except KeyboardInterrupt:
        raise {error} from None
{place} = interrupt
cli.main()
"""


@pytest.mark.parametrize("error", ["", "ValueError('error building a schema')"])
@pytest.mark.parametrize("place", ["cli.import_module", "cli.click.Group.make_context", "cli.prepare_output"])
def test_an_interruption_before_the_command_begins_has_its_code_too(place: str, error: str):
    script = BEFORE_THE_COMMAND.format(place=place, error=error or "KeyboardInterrupt")
    script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler){script}"
    command = [sys.executable, "-c", script, "tables"]
    done = subprocess.run(command, env=unmeasured_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted. What was committed stays.\n")


def test_a_wrong_command_ends_with_its_code(tmp_path: Path):
    done = run_command("status", "--home", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "destroyed" not in done.stderr


@pytest.mark.parametrize(
    ("code", "library"), [(None, "a_library"), ("an error", "a_library"), (0, "grpc"), (0, "coverage")]
)
def test_a_process_ends_in_the_usual_way_without_a_code_or_with_a_library_that_has_more_to_do(
    code: object, library: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("boto3", "coverage", "grpc", "pyspark"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, library, sys)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    at_exit = _PromptExit()
    at_exit.code = code
    at_exit.end()
    assert ended == []
    at_exit.code = 3
    monkeypatch.delitem(sys.modules, library)
    at_exit.end()
    assert ended == [3]


def test_a_process_with_dagster_and_no_connection_of_its_own_ends_promptly(monkeypatch: pytest.MonkeyPatch):
    for name in ("boto3", "coverage", "grpc", "pyspark"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "dagster", sys)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    at_exit = _PromptExit()
    at_exit.code = 0
    at_exit.end()
    assert ended == [0]


INTERRUPTED_WHILE_IMPORTING = """
import sys

class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "rich.console":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from finance_platform.cli import main
"""


def test_ctrl_c_before_the_command_has_begun_leaves_no_traceback():
    found = subprocess.run([sys.executable, "-c", INTERRUPTED_WHILE_IMPORTING], capture_output=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, b"", b"")
