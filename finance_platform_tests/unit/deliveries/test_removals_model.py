"""Removals of any deliveries are those of a second implementation, with lists and counters of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import Line, Zone

File = tuple[str, int, Sequence[Line]]
"""Key, place in the order, lines."""

MODES: dict[str, dict[str, Any]] = {
    "append": {"load_mode": "append"},
    "upsert": {"load_mode": "upsert"},
    "replace": {"load_mode": "replace_period"},
    "scope": {"load_mode": "replace_period", "is_scoped": True},
}


def live(mode: str, files: Sequence[File]) -> list[Line]:
    """Return the lines that count, by the rules of the load modes."""
    ordered = sorted(files, key=lambda file: file[1])

    def claim(line: Line) -> tuple[str | None, ...] | None:
        if mode == "append":
            return None
        if mode == "upsert":
            return (line.key,)
        return (line.scenario, line.period, line.scope)

    lines = []
    for place, (_, _, sent) in enumerate(ordered):
        claimed = {claim(line) for _, _, later in ordered[place + 1 :] for line in later} - {None}
        lines += [line for line in sent if claim(line) not in claimed]
    return lines


def removals(mode: str, before: Sequence[Line], after: Sequence[Line]) -> set[tuple[str, str, str, int, int]]:
    """Return scenario, period, department, lost and live lines where more than half or all lines are lost."""

    def unit(line: Line) -> tuple[str, ...]:
        name = line.key if mode == "upsert" else line.account
        return line.scenario.lower(), line.period, line.department, name or ""

    counts, remaining = Counter(map(unit, before)), Counter(map(unit, after))
    lost: Counter[tuple[str, ...]] = Counter()
    total: Counter[tuple[str, ...]] = Counter()
    for name, count in counts.items():
        total[name[:3]] += count
        lost[name[:3]] += max(0, count - remaining[name])
    return {
        (*group, lost[group], count)  # type: ignore[misc]
        for group, count in total.items()
        if lost[group] and (lost[group] == count or lost[group] > Decimal("0.5") * count)
    }


def content(chance: Random, mode: str) -> list[Line]:
    keys = chance.sample([f"K{n}" for n in range(12)], 6)
    return [
        Line(
            key if mode == "upsert" else None,
            chance.choice(["2025-01", "2025-01", "2025-02"]),
            chance.choice(["Actual", "Budget"]),
            chance.choice(["north", "south"]) if mode == "scope" else None,
            chance.choice(["10.00", "-3.50"]),
            chance.choice(["D1", "D2"]),
            chance.choice(["4000", "5000"]),
        )
        for key in keys[: chance.randint(1, 6)]
    ]


_RESENT = 0.4
"""How many files are sent again with the lines that they had, as all are after a release that reads them again."""


def resent(chance: Random, sent: Sequence[Line]) -> list[Line]:
    """Return the same lines; or, as cells say nothing about keys, these with the keys of each other."""
    if chance.random() < 0.5:
        return [*sent]
    keys = [line.key for line in sent]
    chance.shuffle(keys)
    return [replace(line, key=key) for line, key in zip(sent, keys, strict=True)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(current_profile().examples_of_slow(8)))
def test_what_is_held_for_removals_is_what_a_count_of_live_lines_says(tmp_path: Path, mode: str, seed: int) -> None:
    chance, root = Random(f"{mode} {seed}"), tmp_path / "processed"
    zone = Zone(root, is_by_period=seed % 2 == 1, is_shared=seed % 4 < 2)
    files: dict[str, File] = {}
    for number in range(12):
        key = f"{chance.randrange(4)}.csv"
        order, sent = chance.randrange(1, 9), content(chance, mode)
        if key in files and chance.random() < _RESENT:
            order, sent = files[key][1] // 100, resent(chance, files[key][2])
        # Of equal places the later arrival comes last, and `number` grows with it.
        candidate: File = (key, order * 100 + number, sent)
        zone.deliver(key, sent, f"v{number}", order=f"{order}{number:02}", **MODES[mode])
        verdict = zone.evaluate()[key]
        changed = {**files, key: candidate}
        before, after = live(mode, list(files.values())), live(mode, list(changed.values()))
        expected = {
            f"{scenario} {period} would lose {lost} of {total} lines of department {department}".casefold()
            for scenario, period, department, lost, total in removals(mode, before, after)
        }
        removed = [reason.rpartition(":")[0].partition(", ")[0] for reason in verdict.reasons if "would lose" in reason]
        assert {text.casefold() for text in removed} == expected, (number, verdict.reasons)
        if not verdict.is_held:
            files = changed
