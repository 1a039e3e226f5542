"""The tutorial of docs/feeds.md, from a strange file to the report: every command, with the output that it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.tutorial import FEEDS, normalized, play, steps


@pytest.mark.end_to_end
def test_every_command_of_the_tutorial_prints_what_the_page_shows(tmp_path: Path):
    shown = [(step.command, normalized(step.output)) for step in steps(FEEDS.text)]
    assert len(shown) > 10
    printed = [(played.step.command, normalized(played.output or "")) for played in play(FEEDS, tmp_path)]
    assert printed == shown, "`make tutorial` writes the output into the page"
