"""The processes that `finance-platform ui` starts: which settings, addresses and names each is given.

Belongs here: commands and variables, with a supervisor that starts nothing. Does not belong here: the processes at work
(see `end_to_end/test_ui_command`, `browser/test_ui`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from finance_platform.orchestration.code_location import LOCATION, MODULE
from finance_platform.orchestration.webserver import ui_processes
from finance_platform.settings import load_settings


@dataclass
class Started:
    """A supervisor that notes the processes: arguments and variables by name, and the file of the workspace."""

    arguments: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)
    workspace: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *, keep_open: Sequence[int], folder: Path) -> Self:
        assert keep_open
        self._folder = folder
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.workspace = yaml.safe_load((self._folder / "workspace.yaml").read_text())

    def start(self, name: str, arguments: list[str], variables: Mapping[str, str], **_: object) -> None:
        self.arguments[name] = arguments
        self.variables[name] = variables

    def wait_until(self, _: Callable[[], bool]) -> bool:
        return True


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """The processes of the UI of one home, started in the folder of another one."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    (home / ".env").write_text("FINANCE_PLATFORM_CLOSE_WORKING_DAY=3\nDAGSTER_MODULE_NAME=another\n")
    (elsewhere / ".env").write_text(f"FINANCE_PLATFORM_HOME=.\nDAGSTER_HOME={elsewhere}\n")
    monkeypatch.chdir(elsewhere)
    started = Started()
    monkeypatch.setattr(ui_processes, "Supervisor", started)
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        settings = load_settings(home=home, ui_url="https://finance.example.com", raw_uri="files")
        ui_processes.run_ui(settings, listener, 0, auto_refresh=False)
    return started


def test_each_process_has_the_settings_and_the_history_of_the_home_wherever_the_ui_was_started(
    started: Started, tmp_path: Path
):
    assert started.variables.keys() == {"code location", "webserver", "daemon"}
    for variables in started.variables.values():
        assert variables["FINANCE_PLATFORM_HOME"] == str(tmp_path / "home")
        assert variables["DAGSTER_HOME"] == str(tmp_path / "home" / "dagster")
        assert variables["FINANCE_PLATFORM_CLOSE_WORKING_DAY"] == "3"
        assert variables["FINANCE_PLATFORM_RAW_URI"] == str(tmp_path / "elsewhere" / "files")
        assert variables["FINANCE_PLATFORM_AUTO_REFRESH"] == "false"
        assert "DAGSTER_MODULE_NAME" not in variables


def test_the_code_location_has_the_name_of_the_history_in_its_server_and_in_the_workspace(started: Started):
    arguments = started.arguments["code location"]
    assert arguments[arguments.index("--location-name") + 1] == LOCATION
    (loaded,) = started.workspace["load_from"]
    assert loaded["grpc_server"]["location_name"] == LOCATION
    assert loaded["grpc_server"]["additional_metadata"] == {"module_name": MODULE}
    assert loaded["grpc_server"]["socket"] == arguments[arguments.index("--socket") + 1]


def test_the_webserver_answers_its_own_address_and_that_of_the_links(started: Started):
    arguments = started.arguments["webserver"]
    origins = [value for option, value in pairwise(arguments) if option == "--origin"]
    assert origins[0].startswith("http://127.0.0.1")
    assert origins[1:] == ["https://finance.example.com"]
