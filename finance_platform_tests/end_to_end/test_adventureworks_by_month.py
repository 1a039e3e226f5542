"""Tests on AdventureWorks cut into months: in whatever order they come, the star is that of the whole file."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.adventureworks_home import (
    DESCRIPTORS,
    PUBLISHED,
    published_files,
    refreshed_once,
    star_tables,
)
from finance_platform_tests.end_to_end.refreshed_home import refresh

pytestmark = pytest.mark.end_to_end

RUNS = 3


def new_home(path: Path) -> Path:
    """Make a home with the descriptors and the reference files."""
    published_files()
    shutil.copytree(DESCRIPTORS, path / "feeds")
    (path / "raw").mkdir()
    for name in ("DimAccount.csv", "DimDepartmentGroup.csv"):
        shutil.copy(PUBLISHED / "raw" / name, path / "raw" / name)
    return path


def months() -> dict[str, bytes]:
    """Return the ledger cut by month; every line as published."""
    found: dict[str, bytes] = {}
    for line in (PUBLISHED / "raw" / "FactFinance.csv").read_bytes().splitlines(keepends=True):
        month = line.split(b"|")[1][:6].decode()
        found[month] = found.get(month, b"") + line
    return found


def test_the_months_in_any_order_with_repeats_and_corrections_give_the_star_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
):
    expected = star_tables(refreshed_once(tmp_path_factory))
    home = new_home(tmp_path / "by_month")
    files = list(months().items())
    assert len(files) == 34
    by_chance = random.Random(20101229)
    by_chance.shuffle(files)
    for number in range(RUNS):
        for month, content in files[number::RUNS]:
            (home / "raw" / f"FactFinance_{month}.csv").write_bytes(content)
        month, content = files[number]
        if number == 0:
            # A line is missing at first; the whole file comes with the next run.
            (home / "raw" / f"FactFinance_{month}.csv").write_bytes(content.partition(b"\n")[2])
        else:
            # Sent once more: under its own name, which changes nothing, and under another, which is held.
            month, content = files[number - 1]
            (home / "raw" / f"FactFinance_{month}.csv").write_bytes(content)
            os.utime(home / "raw" / f"FactFinance_{month}.csv")
            (home / "raw" / f"FactFinance_{month}_again.csv").write_bytes(content)
        refreshed = refresh(home)
        assert refreshed.succeeded
    held = sorted(stopped.event.object_key for stopped in refreshed.state.stopped)
    assert held == sorted(f"FactFinance_{month}_again.csv" for month, _ in files[: RUNS - 1])
    assert star_tables(refreshed) == expected
