"""The tutorial of docs/feeds.md, from a strange file to the report: every command, with the output that it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.tutorial import PAGE, normalized, run_all, steps


@pytest.mark.end_to_end
def test_every_command_of_the_tutorial_prints_what_the_page_shows(tmp_path: Path):
    page = PAGE.read_text(encoding="utf-8")
    shown = [(step.command, normalized(step.output)) for step in steps(page)]
    assert len(shown) > 10
    printed = [
        (step.command, normalized(output)) for step, output in zip(steps(page), run_all(page, tmp_path), strict=True)
    ]
    assert printed == shown, "`make tutorial` writes the output into the page"
