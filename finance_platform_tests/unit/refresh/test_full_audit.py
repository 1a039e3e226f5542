"""The record of the last audit of every slice: when a load may rely on it.

Belongs here: `refresh.full_audit`. Does not belong here: the checks (see `test_quality_warehouse`), what a
load's audit reads (see the warehouse's `test_audit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from finance_platform.refresh.steps import full_audit
from finance_platform.refresh.steps.full_audit import (
    AUDITED,
    OLDEST,
    discard_full_audit,
    find_changed_audit,
    follow_load,
    last_full_audit,
    record_full_audit,
    reliable_audit,
)
from finance_platform.storage.local import LocalStore

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)


@dataclass
class Content:
    """A warehouse of which only the version of the content is asked."""

    version: str = "v1"

    def content_version(self) -> str:
        return self.version


@pytest.fixture
def processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setattr(full_audit, "platform_version", lambda: "release 1")
    return LocalStore(str(tmp_path))


def test_a_load_relies_on_the_last_full_audit_while_only_loads_write_to_the_warehouse(processed: LocalStore):
    content: Any = Content()
    assert reliable_audit(processed, content) is None

    audit = record_full_audit(processed, content, at=AT)
    assert reliable_audit(processed, content) == audit

    content.version = "v2"
    follow_load(processed, content, audit)
    known = reliable_audit(processed, content)
    assert known is not None
    assert known.at == "2026-03-01T03:00:00+00:00"


def test_a_warehouse_that_something_else_has_written_to_is_audited_as_a_whole(processed: LocalStore):
    content: Any = Content()
    record_full_audit(processed, content, at=AT)
    content.version = "changed behind the platform's back"
    assert reliable_audit(processed, content) is None


def test_another_release_audits_everything(processed: LocalStore, monkeypatch: pytest.MonkeyPatch):
    content: Any = Content()
    record_full_audit(processed, content, at=AT)
    monkeypatch.setattr(full_audit, "platform_version", lambda: "release 2")
    assert reliable_audit(processed, content) is None


def test_an_audit_that_found_something_leaves_no_record(processed: LocalStore):
    content: Any = Content()
    record_full_audit(processed, content, at=AT)
    discard_full_audit(processed)
    assert last_full_audit(processed) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'{"at": 1}', b'{"at": "2026-03-01T03:00:00", "platform": "", "warehouse": ""}'],
)
def test_a_damaged_record_is_none(processed: LocalStore, data: bytes):
    processed.write(AUDITED, data)
    assert last_full_audit(processed) is None


def test_a_record_is_old_after_a_missed_night(processed: LocalStore):
    audit = record_full_audit(processed, cast("Any", Content()), at=AT)
    assert not audit.is_old(AT + OLDEST)
    assert audit.is_old(AT + OLDEST + timedelta(seconds=1))


def test_an_audit_by_a_machine_whose_clock_is_ahead_is_no_change(processed: LocalStore):
    content: Any = Content()
    record_full_audit(processed, content, at=AT)
    assert find_changed_audit(processed, AT - timedelta(minutes=2)) is None
    changed = find_changed_audit(processed, AT - timedelta(days=1))
    assert changed is not None
    assert "which is in the future" in changed.why
