"""Tests on AdventureWorks cut into months: in whatever order they come, the star is that of the whole file."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import STAR
from finance_platform_tests.end_to_end.refreshed_home import RefreshedHome, refresh
from finance_platform_tests.end_to_end.test_adventureworks import DESCRIPTORS, PUBLISHED

pytestmark = pytest.mark.end_to_end

RUNS = 3


def new_home(path: Path) -> Path:
    """Make a home with the descriptors and the reference files."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published AdventureWorks files are not at {PUBLISHED}")
    shutil.copytree(DESCRIPTORS, path / "feeds")
    (path / "raw").mkdir()
    for name in ("DimAccount.csv", "DimDepartmentGroup.csv"):
        shutil.copy(PUBLISHED / "raw" / name, path / "raw" / name)
    return path


def tables(home: RefreshedHome) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table but for what the load sets."""
    found = {}
    for contract in STAR:
        names = ", ".join(column.sql_name for column in contract.stored_columns)
        found[contract.table] = home.query(f"SELECT {names} FROM {contract.table} ORDER BY {names}")
    return found


def months() -> dict[str, bytes]:
    """Return the ledger cut by month; every line as published."""
    found: dict[str, bytes] = {}
    for line in (PUBLISHED / "raw" / "FactFinance.csv").read_bytes().splitlines(keepends=True):
        month = line.split(b"|")[1][:6].decode()
        found[month] = found.get(month, b"") + line
    return found


def test_the_months_in_any_order_with_repeats_and_corrections_give_the_star_of_the_whole_file(tmp_path: Path):
    whole = new_home(tmp_path / "whole")
    shutil.copy(PUBLISHED / "raw" / "FactFinance.csv", whole / "raw")
    expected = tables(refresh(whole))

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
    assert tables(refreshed) == expected
