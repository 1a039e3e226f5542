"""`finance-platform ui` as a process of its own, and queries of its API.

Belongs here: starting it on a free port, stopping it with all its processes, waiting for runs.
Does not belong here: the pages (see `person`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.setting_sources import ENV_PREFIX

_RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
_CHECKS = """{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status evaluation { severity } } } } } } }"""
_STEPS = """{ runOrError(runId: "%s") { ... on Run { stepStats { stepKey } } } }"""
_STALE = "{ assetNodes { assetKey { path } isExecutable staleStatus } }"

T = TypeVar("T")

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Run:
    """A run as the API returns it."""

    run_id: str
    status: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class UI:
    """A running UI.

    Attributes:
        home: its home.
        url: its address.
    """

    home: Path
    url: str

    def query(self, query: str) -> dict[str, Any]:
        """Return the response of the UI's API."""
        request = Request(  # noqa: S310  our own address
            f"{self.url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json", "Origin": self.url},
        )
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return dict(json.load(response)["data"])

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        results = self.query(_RUNS)["runsOrError"]["results"]
        return [Run(run["runId"], run["status"], {tag["key"]: tag["value"] for tag in run["tags"]}) for run in results]

    def steps_of(self, run: Run) -> list[str]:
        """Return the steps that a run took, in order of their names."""
        return sorted(one["stepKey"] for one in self.query(_STEPS % run.run_id)["runOrError"]["stepStats"])

    def wait_for_run(self, earlier: Sequence[Run], seconds: float = 180) -> Run:
        """Return the first run that is not among the earlier ones, once it has ended.

        It is looked up in the home's records: the server takes a hundred times as long for an answer.
        """
        known = {run.run_id for run in earlier}
        with open_instance(self.home / "dagster") as instance:

            def ended() -> str | None:
                new = [run for run in instance.get_runs() if run.run_id not in known]
                return new[-1].run_id if new and new[-1].is_finished else None

            run_id = wait_until(ended, "a new run has ended", seconds)
        return next(run for run in self.runs() if run.run_id == run_id)

    def check_states(self) -> dict[str, str]:
        """Return the state of each check, by its asset's key and its name."""
        return {
            f"{'/'.join(node['assetKey']['path'])} {check['name']}": _state(check)
            for node in self.query(_CHECKS)["assetNodes"]
            for check in node["assetChecksOrError"].get("checks", ())
        }

    def stale_assets(self) -> list[str]:
        """Return the assets that Dagster marks as stale."""
        return [
            "/".join(node["assetKey"]["path"])
            for node in self.query(_STALE)["assetNodes"]
            if node["isExecutable"] and node["staleStatus"] != "FRESH"
        ]


def wait_until(condition: Callable[[], T | None], name: str, seconds: float) -> T:
    """Return the value of a condition as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {name}"
        time.sleep(_POLL_SECONDS)
    return value


@contextmanager
def running_ui(
    home: Path, log: Path, *arguments: str, program: Sequence[str] = (), folder: Path | None = None
) -> Iterator[UI]:
    """Serve the UI of a home on a free port of 127.0.0.1; afterwards none of its processes is left.

    Args:
        home: the home.
        log: the file for the output of the UI.
        arguments: more arguments of `ui`.
        program: the command line; by default this environment's.
        folder: the current folder; by default the home.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
    if program:
        environment.pop("PYTHONPATH", None)  # only the installed package
    program = program or (sys.executable, "-m", "finance_platform.cli")
    command = [*program, "ui", "--home", str(home), "--port", str(port), *arguments]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder or home,  # away from a developer's .env
            env={**environment, f"{ENV_PREFIX}SENSOR_INTERVAL_SECONDS": "2"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            ui = UI(home, f"http://127.0.0.1:{port}")
            wait_until(lambda: process.poll() is not None or _answers(ui), "the UI answers", 120)
            assert process.poll() is None, log.read_text()
            yield ui
        finally:
            _stop(process)


def _state(check: Mapping[str, Any]) -> str:
    execution = check["executionForLatestMaterialization"]
    if not execution:
        return "not evaluated"
    evaluation = execution["evaluation"] or {}
    is_warning = execution["status"] == "FAILED" and evaluation.get("severity") == "WARN"
    return "WARNED" if is_warning else str(execution["status"])


def _answers(ui: UI) -> bool:
    try:
        # The server answers before it knows the definitions.
        return bool(ui.query("{ assetNodes { id } }")["assetNodes"])
    except (URLError, ConnectionError, TimeoutError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the UI as Ctrl-C in its terminal does; kill it if it does not stop; its watchdog stops the others."""
    for number in (signal.SIGINT, signal.SIGKILL):
        _signal(process.pid, number)
        end = time.monotonic() + _STOP_SECONDS
        while _is_alive(process) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
    process.wait()


def _is_alive(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process of the UI's session is alive; zombies are not."""
    process.poll()
    output = subprocess.run(["ps", "-A", "-o", "sess=,stat="], capture_output=True, text=True, check=True).stdout
    processes = [line.split() for line in output.splitlines()]
    return any(int(session) == process.pid and not state.startswith("Z") for session, state in processes)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
