"""Tests on AdventureWorks split into months: in any order, they give the same star as the whole file."""

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
    refresh_adventureworks_once,
)
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import at_night

pytestmark = [
    pytest.mark.end_to_end,
    # By default the same is proved on random homes (`model_based/test_law`, `model_based/test_fresh_home`) and for the
    # warehouse alone (`warehouse/test_load`).
    at_night("three refreshes of a published ledger"),
]

RUNS = 3


def create_home(path: Path) -> Home:
    """Create a home with the descriptors and the reference files."""
    published_files()
    shutil.copytree(DESCRIPTORS, path / "feeds")
    (path / "raw").mkdir()
    for name in ("DimAccount.csv", "DimDepartmentGroup.csv"):
        shutil.copy(PUBLISHED / "raw" / name, path / "raw" / name)
    return Home(path)


def split_by_month() -> dict[str, bytes]:
    """Return the ledger's lines by month, unchanged."""
    months: dict[str, bytes] = {}
    for line in (PUBLISHED / "raw" / "FactFinance.csv").read_bytes().splitlines(keepends=True):
        month = line.split(b"|")[1][:6].decode()
        months[month] = months.get(month, b"") + line
    return months


def test_the_months_in_any_order_with_repeats_and_corrections_give_the_star_of_the_whole_file(
    refresh: Refresher, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
):
    expected = refresh_adventureworks_once(tmp_path_factory).tables()
    home = create_home(tmp_path / "by_month")
    files = list(split_by_month().items())
    assert len(files) == 34
    random.Random(20101229).shuffle(files)
    for number in range(RUNS):
        for month, content in files[number::RUNS]:
            home.write(f"raw/FactFinance_{month}.csv", content)
        month, content = files[number]
        if number == 0:
            # A line is missing at first; the next refresh has the whole file.
            home.write(f"raw/FactFinance_{month}.csv", content.partition(b"\n")[2])
        else:
            # Sent again under its own name, which changes nothing, and under another name, which is held.
            month, content = files[number - 1]
            home.write(f"raw/FactFinance_{month}.csv", content)
            os.utime(home.path / "raw" / f"FactFinance_{month}.csv")
            home.write(f"raw/FactFinance_{month}_again.csv", content)
        refresh(home)
    held = sorted(stopped.event.object_key for stopped in home.state.inactive)
    assert held == sorted(f"FactFinance_{month}_again.csv" for month, _ in files[: RUNS - 1])
    assert home.tables() == expected
