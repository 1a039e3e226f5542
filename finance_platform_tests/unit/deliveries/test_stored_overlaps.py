"""Verdicts do not depend on the stored overlaps: lost or outdated, they only cost time.

Does not belong here: what overlaps are (see `test_overlaps`), verdicts one by one (see `test_acceptance`).
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from finance_platform.deliveries import decisions
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.errors import DecisionError
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import ADA, Line, Zone

PERIODS = ("2025-01", "2025-02", "2025-03")
STEPS = 10
SEEDS = range(300 if current_profile().is_exhaustive else 3)


def happen(chance: Random, zones: list[Zone], step: int, *, is_scoped: bool) -> None:
    """Let the same happen in every zone: a delivery, a close, a decision."""
    action = chance.choice(
        ["deliver"] * 5 + ["closed", "reopened", "accept", "withdraw", "book", "withdraw_late_lines"]
    )
    key = f"{chance.choice('abc')}.csv"
    if action == "deliver":
        values: dict[str, Any] = {"tolerated_removal": chance.choice([None, "0.5"])}
        values |= {"load_mode": "replace_period", "is_scoped": True} if is_scoped else {"load_mode": "upsert"}
        lines = [
            _line(chance, number, is_scoped=is_scoped) for number in chance.sample(range(1, 6), chance.randint(1, 4))
        ]
        for zone in zones:
            zone.deliver(key, lines, f"v{step}", **values)
    elif action in {"closed", "reopened"}:
        period = chance.choice(PERIODS)
        if (period in zones[0].state.closed) != (action == "closed"):
            for zone in zones:
                zone.append(
                    PeriodStatusChanged(
                        "closed" if action == "closed" else "reopened", period, "ada", "x", f"2025-06-{step + 1:02d}"
                    )
                )
    else:
        options = {"holds_closed_periods": True} if action == "withdraw" else {}
        outcomes = set()
        for zone in zones:
            outcome = "decided"
            try:
                getattr(decisions, action)(zone.store, key, ADA, **options)
            except DecisionError as error:
                outcome = str(error)
            outcomes.add(outcome)
        assert len(outcomes) == 1, outcomes


def _line(chance: Random, number: int, *, is_scoped: bool) -> Line:
    scope = chance.choice(["s1", "s2"]) if is_scoped else None
    key = None if is_scoped else str(number)
    return Line(key, chance.choice(PERIODS), amount=f"{chance.randint(1, 3)}.00", scope=scope)


class OldOverlaps:
    """The documents of overlaps of each step so far, of which a random one comes back."""

    def __init__(self, zone: Zone, folder: Path) -> None:
        self._current, self._folder, self._kept = zone.path / "overlaps", folder, list[Path]()

    def bring_back(self, chance: Random) -> None:
        """Replace the documents by those of an earlier step."""
        if self._kept:
            remove_overlaps(self._current)
            shutil.copytree(chance.choice(self._kept), self._current)

    def keep(self) -> None:
        """Keep the documents of now."""
        if self._current.exists():
            self._kept.append(self._folder / str(len(self._kept)))
            shutil.copytree(self._current, self._kept[-1])


def remove_overlaps(folder: Path) -> None:
    """Remove documents of overlaps, if there are any."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def verdicts_of(zone: Zone) -> dict[str, Verdict]:
    verdicts = zone.evaluate(holds_closed_periods=True)
    return {key: replace(verdict, at="", run_id="") for key, verdict in verdicts.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_verdicts_are_the_same_with_overlaps_that_are_kept_lost_or_of_an_earlier_step(
    tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)
    is_scoped = chance.random() < 0.5
    kept, lost, outdated = zones = [Zone(tmp_path / name) for name in ("kept", "lost", "outdated")]
    old = OldOverlaps(outdated, tmp_path / "old")
    for step in range(STEPS):
        happen(chance, zones, step, is_scoped=is_scoped)
        remove_overlaps(lost.path / "overlaps")
        old.bring_back(chance)
        verdicts = verdicts_of(kept)
        assert verdicts_of(lost) == verdicts
        assert verdicts_of(outdated) == verdicts
        old.keep()
        assert lost.versions() == outdated.versions() == kept.versions()
