"""A home with the published AdventureWorks files and our three descriptors.

Belongs here: where the files are, the home, its first run on Sail, once a session. Does not belong here: expectations.
The files stay where they are (see the README beside them); the descriptors are `adventureworks/*.yaml` here.
"""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import STAR
from finance_platform_tests.end_to_end.refreshed_home import RefreshedHome, refresh
from finance_platform_tests.session_artifacts import session_artifact

DESCRIPTORS = Path(__file__).parent / "adventureworks"
PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "adventureworks"
_SEEN = "refreshed.pickle"


def published_files() -> Path:
    """Return the folder of the files as published; a test that needs them is skipped where they are not."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published AdventureWorks files are not at {PUBLISHED}")
    return PUBLISHED


def adventureworks_home(folder: Path) -> Path:
    """Make a home with all files and the descriptors; return its folder."""
    shutil.copytree(published_files() / "raw", folder / "raw")
    shutil.copytree(DESCRIPTORS, folder / "feeds")
    return folder


def refreshed_once(factory: pytest.TempPathFactory) -> RefreshedHome:
    """Return such a home after its first run, on Sail; nobody may change it."""
    published_files()
    folder = session_artifact(factory, "adventureworks", _refresh)
    found: RefreshedHome = pickle.loads((folder / _SEEN).read_bytes())  # noqa: S301  # written below
    return found


def _refresh(folder: Path) -> None:
    (folder / _SEEN).write_bytes(pickle.dumps(refresh(adventureworks_home(folder))))


def star_tables(home: RefreshedHome) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of the warehouse, but for what the load sets."""
    found = {}
    for contract in STAR:
        names = ", ".join(column.sql_name for column in contract.stored_columns)
        found[contract.table] = home.query(f"SELECT {names} FROM {contract.table} ORDER BY {names}")
    return found
