"""`finance-platform ui` as a process of its own, and questions to it that are no part of what a person sees.

Belongs here: starting it on a free port, stopping it with everything that it has started, waiting for runs.
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

from finance_platform.settings import ENV_PREFIX

_RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
_CHECKS = """{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status evaluation { severity } } } } } } }"""
_LINEAGE = """{ assetNodes { assetKey { path } metadataEntries { ... on TableColumnLineageMetadataEntry {
    lineage { columnName columnDeps { assetKey { path } columnName } } } } } }"""
_STALE = "{ assetNodes { assetKey { path } isExecutable staleStatus } }"
_OVER = {"SUCCESS", "FAILURE", "CANCELED"}

T = TypeVar("T")

_STOPS_WITHIN = 30.0
_SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Run:
    """A run as the UI knows it."""

    run_id: str
    status: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class UI:
    """A UI that is being served.

    Attributes:
        home: its home.
        url: where it is.
    """

    home: Path
    url: str

    def ask(self, query: str) -> dict[str, Any]:
        """Return what the UI's API answers."""
        request = Request(  # noqa: S310  it is our own address
            f"{self.url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return dict(json.load(answer)["data"])

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        found = self.ask(_RUNS)["runsOrError"]["results"]
        return [Run(one["runId"], one["status"], {tag["key"]: tag["value"] for tag in one["tags"]}) for one in found]

    def wait_for_run(self, earlier: Sequence[Run], seconds: float = 180) -> Run:
        """Return the first run that was not there earlier, once it has ended."""
        known = {run.run_id for run in earlier}

        def ended() -> Run | None:
            new = [run for run in self.runs() if run.run_id not in known]
            return new[-1] if new and new[-1].status in _OVER else None

        return wait_until(ended, "a new run has ended", seconds)

    def check_states(self) -> dict[str, str]:
        """Return how each check stands, by its asset's key and its name."""
        return {
            f"{'/'.join(node['assetKey']['path'])} {check['name']}": _standing(check)
            for node in self.ask(_CHECKS)["assetNodes"]
            for check in node["assetChecksOrError"].get("checks", ())
        }

    def column_sources(self) -> dict[tuple[str, str], set[tuple[str, str]]]:
        """Return the columns that each column comes from."""
        return {
            ("/".join(node["assetKey"]["path"]), column["columnName"]): {
                ("/".join(source["assetKey"]["path"]), source["columnName"]) for source in column["columnDeps"]
            }
            for node in self.ask(_LINEAGE)["assetNodes"]
            for entry in node["metadataEntries"]
            for column in entry.get("lineage", ())
        }

    def stale_assets(self) -> list[str]:
        """Return the assets that Dagster would advise to materialize again."""
        return [
            "/".join(node["assetKey"]["path"])
            for node in self.ask(_STALE)["assetNodes"]
            if node["isExecutable"] and node["staleStatus"] != "FRESH"
        ]


def wait_until(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """Return what `look` finds as soon as it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return found


@contextmanager
def running_ui(home: Path, log: Path, *arguments: str) -> Iterator[UI]:
    """Serve the UI of a home on a free port of 127.0.0.1; afterwards nothing that it started is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
    command = [sys.executable, "-m", "finance_platform.cli", "ui", "--home", str(home), "--port", str(port), *arguments]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=home,  # away from a developer's .env
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


def _standing(check: Mapping[str, Any]) -> str:
    execution = check["executionForLatestMaterialization"]
    if not execution:
        return "not evaluated"
    evaluation = execution["evaluation"] or {}
    is_warning = execution["status"] == "FAILED" and evaluation.get("severity") == "WARN"
    return "WARNED" if is_warning else str(execution["status"])


def _answers(ui: UI) -> bool:
    try:
        # The server answers before it knows the definitions.
        return bool(ui.ask("{ assetNodes { id } }")["assetNodes"])
    except (URLError, ConnectionError, TimeoutError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the UI as Ctrl-C in its terminal does; what has not gone after that is killed."""
    _signal(process.pid, signal.SIGINT)
    end = time.monotonic() + _STOPS_WITHIN
    while _is_alive(process) and time.monotonic() < end:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _is_alive(process: subprocess.Popen[bytes]) -> bool:
    """Return whether anything of the UI's session is at work; what is dead and waits for its parent is not."""
    process.poll()
    said = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in said.splitlines()]
    return any(int(group) == process.pid and not state.startswith("Z") for group, state in found)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
