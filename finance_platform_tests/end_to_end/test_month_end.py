"""The quarter of docs/month_end.md: what the page shows, and what must be true after each of its events.

Belongs here: a controller's three months from the first file to the audit. Does not belong here: single causes (see
`test_causes_in_closed_periods`), the same quarter on AWS (see `aws.test_month_end`).

At night the whole quarter is played, each run is a process of its own, its output is compared too, and every signature
is shown again after every event. By default the test ends before February, and runs are use cases in this process.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.signed_figures import SignedFigures
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.tutorial import MONTH_END, normalized, play

pytestmark = pytest.mark.end_to_end

CLOSES = ("2025-01#1", "2025-02#1", "2025-03#1", "2025-02#2")


def test_every_command_of_the_quarter_prints_what_the_page_shows_and_signed_figures_stay(
    tmp_path: Path, refresh: Refresher
):
    is_exhaustive = current_profile().is_exhaustive

    def run(_: str, folder: Path) -> None:
        refresh(Home(folder))

    signed = SignedFigures(Home(tmp_path / "books").command)
    events = 0
    for played in play(MONTH_END, tmp_path, None if is_exhaustive else run):
        step = played.step
        if not is_exhaustive and step.command.startswith("cp ../february"):
            break
        if played.output is not None:
            shown = step.command, normalized(step.output)
            assert (step.command, normalized(played.output)) == shown, "`make tutorial` writes the output into the page"
        if step.is_run:
            events += 1
            signed.require_everything_verified_and_footing()
            if is_exhaustive:
                signed.require_as_signed()
        elif step.is_close:
            signed.keep()
    assert (events, tuple(signed.figures)) == ((9, CLOSES) if is_exhaustive else (2, CLOSES[:1]))
    signed.require_footing_of("2025-01#1", causes={"late", "corrected"} if is_exhaustive else set())
    if is_exhaustive:
        signed.require_footing_of("2025-02#1", causes={"corrected", "reclassified"})
