"""A home with the published AdventureWorks files and descriptors for them.

Belongs here: the location of the files, the home, its first run on Sail, once per session. Does not belong here:
expectations.
The files stay in their own folder (see the README there); the descriptors are `adventureworks/*.yaml` here.
"""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome, run_refresh_job
from finance_platform_tests.session_artifacts import session_artifact

DESCRIPTORS = Path(__file__).parent / "adventureworks"
PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "adventureworks"
_PICKLE = "refreshed.pickle"


def published_files() -> Path:
    """Return the folder of the published files; skip a test without them."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published AdventureWorks files are not in {PUBLISHED}")
    return PUBLISHED


def create_adventureworks_home(folder: Path) -> Path:
    """Create a home with all files and the descriptors; return its folder."""
    shutil.copytree(published_files() / "raw", folder / "raw")
    shutil.copytree(DESCRIPTORS, folder / "feeds")
    return folder


def refresh_adventureworks_once(factory: pytest.TempPathFactory) -> RefreshedHome:
    """Return such a home after its first run, on Sail; it is read-only."""
    published_files()
    folder = session_artifact(factory, "adventureworks", _refresh)
    refreshed: RefreshedHome = pickle.loads((folder / _PICKLE).read_bytes())  # noqa: S301  # written below
    return refreshed


def _refresh(folder: Path) -> None:
    home = create_adventureworks_home(folder)
    with dagster_jobs_in_this_process():
        (folder / _PICKLE).write_bytes(pickle.dumps(run_refresh_job(home)))
