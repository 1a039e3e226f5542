"""No command shows a traceback when its machine or a file fails it: it ends with a right result, or says what to do.

Belongs here: every command in every state. Does not belong here: the states (see `states`), what a figure is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.machine.commands import RUNS, SERVES, arguments_of, command_names
from finance_platform_tests.machine.states import STATES, CannotPrepareError, State, prepared, without_root_rights
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

TESTED = [state for state in STATES if state.is_sample or current_profile().is_exhaustive]
UI_TESTED = [state for state in TESTED if state.name == "the disk is full" or current_profile().is_exhaustive]

COSTLY = {"deploy", "prove", "report"}
"""Commands that work for half a second in any state; the nightly profile runs them in further states."""

EXIT_CODES = {0, 1, 2, 3}
PARAGRAPH = 1000
"""How many characters one paragraph has at most, paths included."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    command: str
    code: int
    stdout: str
    stderr: str
    escaped: str = ""


@pytest.fixture(scope="module")
def outcomes(
    home_after_a_run: Home, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, list[Ended] | CannotPrepareError]:
    """How each command ended in each state, by the state's name; or why the state was not tested."""
    ended: dict[str, list[Ended] | CannotPrepareError] = {}
    folder = tmp_path_factory.mktemp("states")
    cases = []
    with ExitStack() as stack:
        for number, state in enumerate(TESTED):
            home = folder / str(number)
            try:
                stack.enter_context(prepared(state, home_after_a_run.path, home))
            except CannotPrepareError as error:
                ended[state.name] = error
                continue
            named = [(state.name, name) for name in commands(state)]
            cases += [(*names, arguments_of(names[1], home), dict(state.environment)) for names in named]
        for (name, command, _, _), row in zip(cases, _run_all(folder, cases), strict=True):
            listed = ended.setdefault(name, [])
            assert isinstance(listed, list)
            listed.append(Ended(command, *row))
    return ended


def commands(state: State) -> list[str]:
    """Return the commands to run in one process, in an order in which none hinders the next.

    By default all in the first state, and each in one further state but for those that are costly.
    """
    names = [name for name in command_names() if name not in RUNS | SERVES]
    position = TESTED.index(state)
    if position and not current_profile().is_exhaustive:
        names = [name for name in names if name not in COSTLY][position - 1 :: len(TESTED) - 1]
    return names + [name for name in sorted(RUNS) if not state.is_costly or current_profile().is_exhaustive]


def _run_all(
    folder: Path, cases: list[tuple[str, str, list[str], dict[str, str | None]]]
) -> list[tuple[int, str, str, str]]:
    given, results = folder / "cases.json", folder / "results.jsonl"
    given.write_text(json.dumps([[arguments, variables] for _, _, arguments, variables in cases]))
    module = "finance_platform_tests.machine.command_runner"
    with clean_environment(folder):
        command = without_root_rights([sys.executable, "-m", module, str(given), str(results)])
        subprocess.run(command, check=True, capture_output=True, timeout=900)
    return [tuple(json.loads(line)) for line in results.read_text().splitlines()]


@pytest.mark.parametrize("state", TESTED, ids=lambda state: state.name)
def test_every_command_ends_with_a_result_or_a_sentence_and_a_fix(
    state: State, outcomes: Mapping[str, list[Ended] | CannotPrepareError]
):
    listed = outcomes[state.name]
    if isinstance(listed, CannotPrepareError):
        pytest.skip(str(listed))
    assert [ended.command for ended in listed] == commands(state)
    assert [problem for ended in listed for problem in problems_of(ended)] == []


def test_every_command_is_run_in_several_states():
    run_in = Counter(name for state in TESTED for name in commands(state))
    assert run_in.keys() == set(command_names()) - SERVES
    once = set() if current_profile().is_exhaustive else COSTLY
    assert min(run_in[name] for name in run_in.keys() - RUNS - once) >= 2


@pytest.mark.parametrize("state", UI_TESTED, ids=lambda state: state.name)
def test_the_ui_starts_or_ends_with_a_sentence_and_a_fix(state: State, home_after_a_run: Home, tmp_path: Path):
    home = tmp_path / "home"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    try:
        with prepared(state, home_after_a_run.path, home), clean_environment(tmp_path):
            command = [sys.executable, "-m", "finance_platform.cli", "ui", "--home", str(home), "--port", port]
            ended = _start(without_root_rights(command), state.environment)
    except CannotPrepareError as error:
        pytest.skip(str(error))
    assert problems_of(ended) == []


def _start(command: list[str], variables: Mapping[str, str | None]) -> Ended:
    """Start the UI and stop it when it says that it opens; return how it ended if it did so by itself."""
    environment = {name: value for name, value in {**os.environ, **variables}.items() if value is not None}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        if "opens on" in process.stdout.readline():
            return Ended("ui", 0, "", "")
        stdout, stderr = process.communicate(timeout=60)
        return Ended("ui", process.returncode, stdout, stderr)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)


def problems_of(ended: Ended) -> list[str]:
    """Return what is wrong with how a command ended: a traceback, another exit code, no advice, too many words."""
    problems = []
    if ended.escaped or "Traceback" in ended.stdout + ended.stderr:
        problems.append("a traceback")
    if ended.code not in EXIT_CODES:
        problems.append(f"exit code {ended.code}")
    if ended.code == 2 and not re.search(r"Fix: \S|^Error: \S", ended.stderr, re.MULTILINE):
        problems.append("no fix")
    if ended.code == 3 and not re.search(r"Fix: \S", ended.stdout + ended.stderr):
        problems.append("no fix")
    if len(ended.stderr) > PARAGRAPH:
        problems.append(f"{len(ended.stderr)} characters of errors")
    return [f"{ended.command}: {problem}\n{ended.escaped}{ended.stdout}{ended.stderr}" for problem in problems]


def test_a_traceback_and_an_error_without_a_fix_are_noticed():
    assert problems_of(Ended("x", 3, "", "Traceback (most recent call last):\nFix: y"))
    assert problems_of(Ended("x", 2, "", "it does not work"))
    assert problems_of(Ended("x", 1, "", "x" * 2000))
    assert problems_of(Ended("x", 0, "fine", "")) == []
