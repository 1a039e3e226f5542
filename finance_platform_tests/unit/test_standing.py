"""What stands in the warehouse, as the lake knows it, and why what is wanted differs.

Belongs here: `lake.standing` on a lake of slice commits. Does not belong here: the sentences (see `test_causes`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.published import causes, standing
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore

JANUARY, FEBRUARY = ("fact_financials", "2025-01"), ("fact_financials", "2025-02")


def commit(name: tuple[str, str], version: str, *lines: str) -> SliceCommit:
    return SliceCommit(*name, version, 0, (), inputs={"lines": [[line, "Actual"] for line in lines]})


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    """A lake in which January was built twice and February once."""
    lake = LocalStore(tmp_path)
    for one in (commit(JANUARY, "v1", "d1"), commit(JANUARY, "v2", "d2"), commit(FEBRUARY, "v1", "d1")):
        write_slice(lake, one)
    return lake


@pytest.fixture
def snapshot() -> Snapshot:
    """The lake wants January in its second version, of a file that came again, and February no more."""
    files = {one: DeliveryCommit(one, "jan.csv", "transactions", "", "", "read") for one in ("d1", "d2")}
    wanted = TargetSlice(*JANUARY, "v2", {})
    unused: dict[str, Any] = dict.fromkeys(Snapshot.__dataclass_fields__)
    return Snapshot(**{**unused, "commits": files, "wanted": [wanted], "built": {JANUARY: commit(JANUARY, "v2", "d2")}})


def test_what_is_published_is_told_with_the_commits_of_its_own_versions(processed: LocalStore, snapshot: Snapshot):
    there = standing(processed, snapshot, {FEBRUARY: "v1", JANUARY: "v1"})
    assert [(one.slice, one.version) for one in there.wanted] == [("2025-01", "v1"), ("2025-02", "v1")]
    assert {name: one.version for name, one in there.built.items()} == {JANUARY: "v1", FEBRUARY: "v1"}
    assert there.commits is snapshot.commits


def test_a_published_version_without_a_commit_has_no_figures(processed: LocalStore, snapshot: Snapshot):
    there = standing(processed, snapshot, {JANUARY: "v0"})
    assert [one.version for one in there.wanted] == ["v0"]
    assert there.built == {}


def test_a_slice_has_the_causes_by_which_it_differs_from_what_is_published(processed: LocalStore, snapshot: Snapshot):
    told = causes(processed, snapshot, {JANUARY: "v1", FEBRUARY: "v1"}, [JANUARY, FEBRUARY])
    assert told == {JANUARY: ["jan.csv: another version"], FEBRUARY: ["jan.csv no longer counts"]}


def test_a_slice_that_is_not_published_is_told_by_the_files_that_came(processed: LocalStore, snapshot: Snapshot):
    assert causes(processed, snapshot, {}, [JANUARY]) == {JANUARY: ["jan.csv came"]}


def test_a_slice_made_again_in_its_version_has_no_cause(processed: LocalStore, snapshot: Snapshot):
    assert causes(processed, snapshot, {JANUARY: "v2"}, [JANUARY]) == {JANUARY: []}


def test_nobody_guesses_why_when_the_published_version_has_no_commit_that_can_be_read(
    processed: LocalStore, snapshot: Snapshot
):
    processed.write("slices/fact_financials/2025-01/v0.json", b'{"files": [], "written_by": "an older release"}')
    assert causes(processed, snapshot, {JANUARY: "v0"}, [JANUARY]) == {}
    assert causes(processed, snapshot, {JANUARY: "gone"}, [JANUARY]) == {}
