"""The second computation of the shipped sample, once per session: it takes more than a second.

Belongs here: keeping its results. Does not belong here: computing them (see `recompute`), comparing them.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.sample_home import SAMPLE as FILES
from finance_platform_tests.independent.recompute import SAMPLE, Results, recompute
from finance_platform_tests.session_artifacts import session_artifact

_RESULTS = "results.pickle"


def recompute_sample_once(factory: pytest.TempPathFactory) -> Results:
    """Return what the shipped files give."""

    def create(folder: Path) -> None:
        (folder / _RESULTS).write_bytes(pickle.dumps(recompute(FILES, SAMPLE)))

    folder = session_artifact(factory, "recomputed_sample", create)
    results: Results = pickle.loads((folder / _RESULTS).read_bytes())  # noqa: S301  # written above
    return results
