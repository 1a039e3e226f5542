"""The tutorial of docs/feeds.md, from a strange file to the report: every command, with the output that it shows.

At night its run is a process of its own, whose Spark jobs are processes too. By default it is one in this process, as
in the other tests of commands; `test_command_line` runs the command of an installed wheel.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.dagster_jobs import runs_write_workbooks
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.tutorial import FEEDS, give, normalized, play, steps


@pytest.mark.end_to_end
def test_every_command_of_the_tutorial_prints_what_the_page_shows(tmp_path: Path):
    shown = [(step.command, normalized(step.output)) for step in steps(FEEDS.text)]
    assert len(shown) > 10
    run = None if current_profile().is_exhaustive else give
    with runs_write_workbooks():
        printed = [(played.step.command, normalized(played.output or "")) for played in play(FEEDS, tmp_path, run)]
    assert printed == shown, "`make tutorial` writes the output into the page"
