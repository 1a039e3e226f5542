"""The states: each takes a home that has been run, and breaks one thing of the machine around it.

Belongs here: creating a state, and undoing mounts. Does not belong here: the commands, what is expected of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BreakHome = Callable[[Path], None]


def leave_as_it_is(_: Path) -> None:
    """Break nothing."""


@dataclass(frozen=True)
class State:
    """A state of a home's machine.

    Attributes:
        name: of the test.
        break_home: changes a copy of a home.
        is_never_run: whether the home has its raw zone only.
        disk: size of a file system of its own for the home, as `mount` takes it; empty for none.
        is_read_only: whether that file system is mounted again without writing.
        environment: variables of the command; None removes one.
        is_sample: whether every profile tests it; the nightly profile tests all.
        is_costly: whether a run works for seconds before it ends; the nightly profile starts it.
    """

    name: str
    break_home: BreakHome = leave_as_it_is
    is_never_run: bool = False
    disk: str = ""
    is_read_only: bool = False
    environment: Mapping[str, str | None] = field(default_factory=dict)
    is_sample: bool = False
    is_costly: bool = False


class CannotPrepareError(Exception):
    """This machine or user cannot create a state."""


def forbid(relative: str) -> BreakHome:
    """Return a break that takes every permission from one file or folder."""
    return lambda home: (home / relative).chmod(0)


def forbid_one_of(folder: str) -> BreakHome:
    """Return a break that takes every permission from the first file of a folder."""

    def break_home(home: Path) -> None:
        min(path for path in (home / folder).rglob("*") if path.is_file()).chmod(0)

    return break_home


def remove(relative: str) -> BreakHome:
    """Return a break that removes a folder."""
    return lambda home: shutil.rmtree(home / relative)


def put_a_file(relative: str) -> BreakHome:
    """Return a break that puts a file in the place of a folder."""

    def break_home(home: Path) -> None:
        shutil.rmtree(home / relative)
        (home / relative).write_text("")

    return break_home


def put_a_folder(relative: str) -> BreakHome:
    """Return a break that puts a folder in the place of a file."""

    def break_home(home: Path) -> None:
        (home / relative).unlink()
        (home / relative).mkdir()

    return break_home


def fill(home: Path) -> None:
    """Use up the home's file system."""
    try:
        with (home / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def _forbid_feeds(home: Path) -> None:
    (home / "feeds").mkdir()
    (home / "feeds").chmod(0)


def _drop_logs(home: Path) -> None:
    for log in (home / "processed" / "jobs").rglob("job.log"):
        log.unlink()


STATES = [
    State("the disk is full", fill, disk="16m", is_sample=True),
    State("the disk of a home that was never run is full", fill, is_never_run=True, disk="1m"),
    *(
        State(f"a first run fills a disk of {size} KB", is_never_run=True, disk=f"{size}k", is_costly=True)
        for size in (1500, 2500, 3500, 4500)
    ),
    State("the home is read-only", disk="16m", is_read_only=True, is_sample=True),
    State("the home was never run and is read-only", is_never_run=True, disk="1m", is_read_only=True),
    State("the home is a file", put_a_file("")),
    State("the home does not exist", shutil.rmtree),
    State("the home has no raw zone", remove("raw")),
    State("the home is forbidden", lambda home: home.chmod(0)),
    State("the raw zone is forbidden", forbid("raw")),
    State("a raw file is forbidden", forbid("raw/transactions.csv"), is_costly=True),
    State("the feeds are forbidden", _forbid_feeds, is_sample=True),
    State("the processed zone is forbidden", forbid("processed"), is_sample=True),
    State("the register is forbidden", forbid("processed/register")),
    State("a commit is forbidden", forbid_one_of("processed/deliveries"), is_costly=True, is_sample=True),
    State("a commit of a slice is forbidden", forbid_one_of("processed/slices"), is_costly=True),
    State("the ledger lines are forbidden", forbid("processed/transactions"), is_costly=True),
    State("the folder of jobs is forbidden", forbid("processed/jobs"), is_costly=True),
    State("the recorded scans are forbidden", forbid("processed/looks"), is_costly=True),
    State("the logs of jobs are missing", _drop_logs, is_costly=True),
    State("the folder of jobs is missing", remove("processed/jobs"), is_costly=True),
    State("the warehouse is forbidden", forbid("warehouse.duckdb"), is_costly=True),
    State("the warehouse is a folder", put_a_folder("warehouse.duckdb"), is_costly=True),
    State("the reports are forbidden", forbid("reports"), is_costly=True),
    State("Dagster's folder is forbidden", forbid("dagster")),
    State("Dagster's folder is a file", put_a_file("dagster")),
    State("Dagster's configuration is forbidden", forbid("dagster/dagster.yaml")),
    State("Dagster's records are forbidden", forbid("dagster/history/runs.db"), is_sample=True),
    State("the lock is forbidden", forbid("run.lock")),
    State("HOME is not set", environment={"HOME": None}, is_costly=True),
    State("TMPDIR does not exist", environment={"TMPDIR": "/nonexistent"}, is_costly=True),
    State("the locale is C", environment={"LC_ALL": "C", "LANG": "C"}, is_costly=True),
]


@contextmanager
def prepared(state: State, source: Path, home: Path) -> Iterator[None]:
    """Provide a copy of a home at `home`, in a state.

    Raises:
        CannotPrepareError: this machine cannot be put into it.
    """
    home.mkdir()
    if state.disk:
        _mount(home, "-t", "tmpfs", "-o", f"size={state.disk}", "tmpfs")
    try:
        part = "raw" if state.is_never_run else ""
        shutil.copytree(source / part, home / part, copy_function=shutil.copy2, dirs_exist_ok=True)
        state.break_home(home)
        if state.is_read_only:
            _mount(home, "-o", "remount,ro")
        yield
    finally:
        if state.disk:
            subprocess.run(["umount", "--lazy", str(home)], check=True, capture_output=True)


def _mount(home: Path, *options: str) -> None:
    if sys.platform != "linux" or os.getuid() != 0:
        raise CannotPrepareError("only root can mount a file system of a limited size")
    done = subprocess.run(["mount", *options, str(home)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise CannotPrepareError(f"this machine does not allow mounts: {done.stderr.strip()}")


def without_root_rights(command: list[str]) -> list[str]:
    """Return the command without root's right to pass by the modes of files.

    Raises:
        CannotPrepareError: the tests run as root, and the right cannot be given up.
    """
    if os.getuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise CannotPrepareError("root may read every file, and there is no setpriv to give up that right")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
