"""Parts of tests that take hours: at night each part is a test of its own, which any worker takes.

Belongs here: cutting, which worker takes a part, the process of a part. Does not belong here: what a test tries.

Cases that are known only after a refresh cannot be parameters. Workers take whole files, because the fixtures of a file
are made once; a part is worth making them again.

Sail keeps a tenth of a megabyte of each query until its process ends, so a part has a process of its own (146).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TypeVar

import pytest
from xdist.scheduler import LoadFileScheduling

from finance_platform_tests.profiles import current_profile

_MARK = "[part-"
_ONLY_PART = "[part-1-of-1]"
_OWN_PROCESS = "NIGHT_PART_OWN_PROCESS"
"""The variable that the process of a part has."""

_T = TypeVar("_T")


def part_count(at_night: int) -> int:
    """Return in how many parts a test is cut: as many as named at night, one otherwise."""
    return at_night if current_profile().is_exhaustive else 1


def in_parts(count: int) -> pytest.MarkDecorator:
    """Return the parameter `part` of a test, from 0; see `part_count`."""
    return pytest.mark.parametrize("part", [pytest.param(nth, id=f"part-{nth + 1}-of-{count}") for nth in range(count)])


def part_of(cases: Sequence[_T], part: int, count: int) -> list[_T]:
    """Return the cases of one part: every nth, so that neighbours, which take the same time, are spread."""
    return list(cases[part::count])


class PartsApart(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each worker a whole file at a time, but a part by itself; an only part needs the fixtures of its file."""

    def _split_scope(self, nodeid: str) -> str:
        is_apart = _MARK in nodeid and not nodeid.endswith(_ONLY_PART)
        return nodeid if is_apart else str(super()._split_scope(nodeid))


def run_in_own_process(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a part in a process of its own and report how it ended.

    Args:
        item: any test.
        nextitem: the next test of this process.

    Returns:
        Whether the test was run; others than the parts of a night are not.
    """
    config = item.config
    is_apart = _MARK in item.nodeid and current_profile().is_exhaustive
    if not is_apart or _OWN_PROCESS in os.environ or config.getoption("usepdb"):
        return False
    # What the test before this one has left to this one is for the next one.
    item.session._setupstate.teardown_exact(nextitem)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    item.ihook.pytest_runtest_logreport(report=_report_of_process(item))
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _report_of_process(item: pytest.Item) -> pytest.TestReport:
    # It is no worker: what workers share would not be there at its end.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", item.nodeid]
    start = time.time()
    done = subprocess.run(
        command,
        cwd=item.config.rootpath,
        env=environment | {_OWN_PROCESS: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    stop = time.time()
    passed = done.returncode == pytest.ExitCode.OK
    return pytest.TestReport(
        item.nodeid,
        item.location,
        dict.fromkeys(item.keywords, 1),
        "passed" if passed else "failed",
        None if passed else f"{done.stdout}\nThe process of this part ended with {done.returncode}.",
        "call",
        duration=stop - start,
        start=start,
        stop=stop,
    )
