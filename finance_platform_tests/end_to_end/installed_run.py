"""The small home after its first run by the installed command, in a process of its own; once per session.

Belongs here: that run, what it printed, and a copy of the home as it left it. Does not belong here: expectations.

Such a run takes eight seconds of processor time: it starts two jobs, and creates a warehouse and Dagster's records.
"""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.installed_wheel import install_wheel_once
from finance_platform_tests.session_artifacts import session_artifact


@dataclass(frozen=True)
class InstalledRun:
    """A run of an installed wheel.

    Attributes:
        home: the home, for the tests of the run itself; others work on copies of `kept`.
        kept: a copy of the home as the run left it; read-only.
        result: how the run ended.
        program: the command of the installation.
    """

    home: Home
    kept: Home
    result: CommandResult
    program: str


def run_installed_once(factory: pytest.TempPathFactory) -> InstalledRun:
    """Return the small home after the run of an installed wheel, away from any checkout."""
    program = str(install_wheel_once(factory) / "finance-platform")

    def run(folder: Path) -> None:
        home = create_small_home(folder / "home")
        result = home.process("run", program=program)
        shutil.copytree(home.path, folder / "kept", copy_function=shutil.copy2)
        (folder / "result.pickle").write_bytes(pickle.dumps(result))

    folder = session_artifact(factory, "installed_run", run)
    result = pickle.loads((folder / "result.pickle").read_bytes())  # noqa: S301  # written above
    return InstalledRun(Home(folder / "home"), Home(folder / "kept"), result, program)
