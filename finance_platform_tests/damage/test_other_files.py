"""Damaged files beside the processed zone and the warehouse: `.env`, the list of alerts, lock files.

Belongs here: that none of them stops a command with a stack trace.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.errors import SettingsError
from finance_platform.notifications.alerts import Alert
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.settings import load_settings
from finance_platform.storage.file_lock import is_locked, run_lock

ALERT = Alert("run-1", "run failure", "a run failed", "the home", {}, "free space", "", "run-1", "2025-06-01")


def test_an_env_file_that_is_not_text_is_named_and_the_fix_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"FINANCE_PLATFORM_CURRENCY=\xff\xfe\x00")
    with pytest.raises(SettingsError, match=rf"{tmp_path}/\.env is not UTF-8"):
        load_settings(home=tmp_path)
    (tmp_path / ".env").unlink()
    assert load_settings(home=tmp_path).currency == "USD"


@pytest.mark.parametrize(
    "line", [b"[1, 2]", b'{"title": "of another program"}', b"\x00\xff\xfe", b"7", b'{"key": "trun']
)
def test_a_foreign_line_among_the_alerts_does_not_stop_the_next_alert(tmp_path: Path, line: bytes):
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(line + b"\n")
    assert AlertsFile(path).send([ALERT]) == [ALERT]
    assert AlertsFile(path).send([ALERT]) == []


def test_the_content_of_a_lock_file_does_not_matter(tmp_path: Path):
    (tmp_path / "run.lock").write_bytes(b"\x00\xff garbage")
    assert not is_locked(tmp_path)
    with run_lock(tmp_path):
        assert (tmp_path / "run.lock").read_bytes() == b"\x00\xff garbage"
