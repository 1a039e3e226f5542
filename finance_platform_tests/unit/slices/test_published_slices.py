"""`slices.published`: the commits of published slices, and their differences from the target slices.

Does not belong here: the sentences (see `test_version_diff`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import (
    ACCOUNT_HISTORY,
    DEPARTMENT_HISTORY,
    DEPARTMENT_MAPPING,
    DEPARTMENT_REORGANISATION,
    WHOLE_TABLE,
)
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.published import explain_stale, published_members, published_snapshot
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import state_of

JANUARY, FEBRUARY = ("fact_financials", "2025-01"), ("fact_financials", "2025-02")


def commit(name: tuple[str, str], version: str, *lines: str) -> SliceCommit:
    return SliceCommit(*name, version, 0, (), inputs={"lines": [[line, "Actual"] for line in lines]})


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    """A processed zone in which January was built twice and February once."""
    store = LocalStore(tmp_path)
    for built in (commit(JANUARY, "v1", "d1"), commit(JANUARY, "v2", "d2"), commit(FEBRUARY, "v1", "d1")):
        write_slice(store, built)
    return store


@pytest.fixture
def snapshot() -> Snapshot:
    """The target is January in its second version, from a file that was sent again, and not February."""
    commits = {name: DeliveryCommit(name, "jan.csv", "transactions", "", f"of {name}", "read") for name in ("d1", "d2")}
    built = commit(JANUARY, "v2", "d2")
    unused: dict[str, Any] = dict.fromkeys(Snapshot.__dataclass_fields__)
    target = [TargetSlice(*JANUARY, "v2", built.inputs or {})]
    known = {"commits": commits, "state": state_of(), "target": target, "built": {JANUARY: built}}
    return Snapshot(**{**unused, **known})


def test_the_published_snapshot_has_the_commits_of_the_published_versions(processed: LocalStore, snapshot: Snapshot):
    published = published_snapshot(processed, snapshot, {FEBRUARY: "v1", JANUARY: "v1"})
    assert [(target.slice, target.version) for target in published.target] == [("2025-01", "v1"), ("2025-02", "v1")]
    assert {name: built.version for name, built in published.built.items()} == {JANUARY: "v1", FEBRUARY: "v1"}
    assert published.commits is snapshot.commits


def test_a_published_version_without_a_commit_is_not_among_the_built(processed: LocalStore, snapshot: Snapshot):
    published = published_snapshot(processed, snapshot, {JANUARY: "v0"})
    assert [target.version for target in published.target] == ["v0"]
    assert published.built == {}


def test_what_members_were_is_nothing_without_published_members_and_unknown_without_their_commit(processed: LocalStore):
    departments = [DEPARTMENT_HISTORY, DEPARTMENT_REORGANISATION, DEPARTMENT_MAPPING]
    assert published_members(processed, {}) == {table: [] for table in (*departments, ACCOUNT_HISTORY)}
    lost = published_members(processed, {("dim_department", WHOLE_TABLE): "v1"})
    assert lost == {ACCOUNT_HISTORY: []}


def test_a_stale_slice_is_explained_by_the_inputs_that_differ(processed: LocalStore, snapshot: Snapshot):
    reasons = explain_stale(processed, snapshot, {JANUARY: "v1", FEBRUARY: "v1"}, [JANUARY, FEBRUARY])
    assert reasons == {JANUARY: ["jan.csv: another version"], FEBRUARY: ["jan.csv no longer counts"]}


def test_a_slice_that_is_not_published_is_explained_by_its_files(processed: LocalStore, snapshot: Snapshot):
    assert explain_stale(processed, snapshot, {}, [JANUARY]) == {JANUARY: ["jan.csv came"]}


def test_a_slice_that_is_published_again_in_its_version_has_no_reason(processed: LocalStore, snapshot: Snapshot):
    assert explain_stale(processed, snapshot, {JANUARY: "v2"}, [JANUARY]) == {JANUARY: []}


def test_a_slice_is_left_out_if_the_inputs_of_its_published_version_are_not_known(
    processed: LocalStore, snapshot: Snapshot
):
    processed.write("slices/fact_financials/2025-01/v0.json", b'{"files": [], "written_by": "an older release"}')
    assert explain_stale(processed, snapshot, {JANUARY: "v0"}, [JANUARY]) == {}
    assert explain_stale(processed, snapshot, {JANUARY: "gone"}, [JANUARY]) == {}
