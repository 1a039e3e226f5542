"""A home with the shipped sample, or with a part of it.

Belongs here: its files or those of some months, its first run, once per session. Does not belong here: expectations.
"""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome, run_refresh_job
from finance_platform_tests.session_artifacts import session_artifact

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "raw"
_PICKLE = "refreshed.pickle"


def create_sample_home(folder: Path) -> Path:
    """Create a home with the shipped files; return its folder."""
    shutil.copytree(SAMPLE, folder / "raw")
    return folder


def create_part_of_the_sample(folder: Path, *months: str) -> Path:
    """Create a home with the shipped master data and the lines of some months; return its folder."""
    (folder / "raw").mkdir(parents=True)
    for path in sorted(SAMPLE.iterdir()):
        header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if any(month in line for month in months)]
        has_months = path.stem in {"transactions", "budget", "forecast"}
        text = "".join([header, *(kept if has_months else lines)])
        (folder / "raw" / path.name).write_text(text, encoding="utf-8", newline="")
    return folder


def refresh_sample_once(factory: pytest.TempPathFactory) -> RefreshedHome:
    """Return such a home after its first run by Dagster's job; it is read-only."""
    folder = session_artifact(factory, "sample_once_run", _refresh)
    refreshed: RefreshedHome = pickle.loads((folder / _PICKLE).read_bytes())  # noqa: S301  # written below
    return refreshed


def _refresh(folder: Path) -> None:
    home = create_sample_home(folder / "home")
    with dagster_jobs_in_this_process():
        (folder / _PICKLE).write_bytes(pickle.dumps(run_refresh_job(home)))
