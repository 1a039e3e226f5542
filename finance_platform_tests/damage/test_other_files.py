"""Other damage: to `.env`, the list of alerts and lock files; a folder or a file in place of the other.

Belongs here: that none of them stops a command with a stack trace.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.errors import DiskError, HomeError, SettingsError
from finance_platform.notifications.alerts import Alert
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.settings import load_settings
from finance_platform.storage.file_lock import is_locked, run_lock
from finance_platform.storage.local import LocalStore

ALERT = Alert("run-1", "run_failure", "a run failed", "the home", {}, "free space", "", "run-1", "2025-06-01")


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


def test_a_folder_in_place_of_a_document_is_named_and_the_fix_helps(tmp_path: Path):
    folder = tmp_path / "deliveries" / "1.json"
    (folder / "inner").mkdir(parents=True)
    with pytest.raises(DiskError, match=rf"cannot write {folder}: Is a directory") as caught:
        LocalStore(tmp_path).write("deliveries/1.json", b"{}")
    assert caught.value.fix == "a folder is where a file is expected: move it away, then run again"
    folder.rename(tmp_path / "away")
    LocalStore(tmp_path).write("deliveries/1.json", b"{}")
    assert folder.read_bytes() == b"{}"


def test_a_file_in_place_of_a_folder_is_named_and_the_fix_helps(tmp_path: Path):
    file = tmp_path / "deliveries"
    file.write_text("a file")
    with pytest.raises(DiskError) as caught:
        LocalStore(tmp_path).write("deliveries/1.json", b"{}")
    assert caught.value.fix == "a file is where a folder is expected: move it away, then run again"
    with pytest.raises(HomeError) as of_listing:
        list(LocalStore(tmp_path).list_objects("deliveries"))
    assert of_listing.value.fix == caught.value.fix
    file.rename(tmp_path / "away")
    LocalStore(tmp_path).write("deliveries/1.json", b"{}")
    assert (file / "1.json").read_bytes() == b"{}"
