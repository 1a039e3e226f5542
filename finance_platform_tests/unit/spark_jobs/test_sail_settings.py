"""The settings that Sail gets as environment variables are settings of the installed version, and take effect."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from finance_platform.spark_jobs.session import SAIL_SETTINGS
from finance_platform_tests.profiles import at_night

_NAMES = sorted(name for name in SAIL_SETTINGS if name.startswith("SAIL_"))

_AN_IDLE_SESSION = """\
import time
from finance_platform.spark_jobs.session import spark_session

with spark_session("sail") as spark:
    spark.range(1).count()
    time.sleep(3)
    print(spark.range(3).count())
"""


@pytest.mark.parametrize("name", _NAMES)
def test_the_installed_sail_has_a_setting_of_this_name(name: str):
    package = find_spec("pysail")
    assert package
    assert package.origin
    (library,) = Path(package.origin).parent.glob("_native*.so")
    key = name.removeprefix("SAIL_").lower().replace("__", ".")
    with library.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        # The names with their defaults are one text in it.
        assert content.find(f"- key: {key}\n".encode()) != -1


def test_a_session_outlasts_every_run():
    assert int(SAIL_SETTINGS["SAIL_SPARK__SESSION_TIMEOUT_SECS"]) >= 365 * 24 * 3600


@at_night("two sessions and three seconds without a request each")
@pytest.mark.parametrize(("seconds", "is_running"), [(None, True), ("1", False)])
def test_an_idle_session_is_removed_only_if_the_environment_says_so(seconds: str | None, *, is_running: bool):
    environment = os.environ | ({"SAIL_SPARK__SESSION_TIMEOUT_SECS": seconds} if seconds else {})
    if seconds is None:
        environment.pop("SAIL_SPARK__SESSION_TIMEOUT_SECS", None)
    done = subprocess.run(
        [sys.executable, "-c", _AN_IDLE_SESSION], env=environment, capture_output=True, text=True, check=False
    )
    assert ("3" in done.stdout.split()) == is_running, done.stderr
    assert ("is not running" in done.stderr) != is_running
