"""Why pending files could not be read, from the results of jobs.

Belongs here: `refresh.unread_files`. Does not belong here: their rows of a status (see `test_status`).
"""

from __future__ import annotations

import json
from pathlib import Path

from finance_platform.refresh.steps.unread_files import UnreadFile, find_unread
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import delivered, write

SEEN = delivered("a.csv", at="2025-03-01T10:00:00.500000+00:00")


def write_result(zone: Path, attempt: str, **reasons: str) -> None:
    files = [{"object_key": f"{name}.csv", "reason": reason, "fix": "f"} for name, reason in reasons.items()]
    write(zone / "jobs" / attempt / "result.json", json.dumps({"committed": [], "not_opened": files}))


def test_the_reason_of_the_newest_job_counts_and_none_from_before_the_file_was_found(tmp_path: Path):
    zone = LocalStore(tmp_path)
    later = delivered("b.csv", at="2025-03-01T12:00:00.000000+00:00")
    write_result(tmp_path, "20250301T095959-1", a="of another version")
    assert find_unread(zone, [SEEN]) == {}
    write_result(tmp_path, "20250301T100000-1", a="old", b="of another version")
    write_result(tmp_path, "20250301T110000-1", a="new")
    write(tmp_path / "jobs/20250301T110001-1/result.json", '{"built": []}')
    write(tmp_path / "jobs/20250301T110002-1/result.json", "{")
    write(tmp_path / "jobs/20250301T110003-1/failure.json", "{}")
    assert find_unread(zone, [SEEN, later]) == {SEEN.delivery_id: UnreadFile("a.csv", "new", "f")}
    assert find_unread(zone, []) == {}


def test_only_the_newest_results_are_read(tmp_path: Path):
    write_result(tmp_path, "20250301T100000-1", a="of a run long ago")
    for number in range(8):
        write_result(tmp_path, f"20250301T11000{number}-1")
    assert find_unread(LocalStore(tmp_path), [SEEN]) == {}
