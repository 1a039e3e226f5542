"""Temporary folders: the ones of killed processes go, those in use stay.

Belongs here: folders of real processes. Does not belong here: what is written into them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finance_platform.storage import temporary_folders
from finance_platform.storage.temporary_folders import temporary_folder

HOLD = """
import sys
from finance_platform.storage.temporary_folders import temporary_folder
with temporary_folder() as folder:
    (folder / "lines.parquet").write_text("1,000.00")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary_folders._remove_abandoned.cache_clear()


@contextmanager
def another_process(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Yield a process that has a folder with a file, and the folder; it ends with the block."""
    command = [sys.executable, "-c", HOLD]
    environment = {**os.environ, "TMPDIR": str(place)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())


def test_a_folder_is_removed_with_its_files_although_its_user_fails(tmp_path: Path):
    def work() -> None:
        with temporary_folder() as folder:
            assert (folder.parent, folder.stat().st_mode & 0o077) == (tmp_path, 0)
            (folder / "spilled").mkdir()
            (folder / "spilled" / "part").write_text("1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert [*tmp_path.iterdir()] == []


def test_a_process_removes_the_folder_of_one_that_was_killed_and_not_that_of_one_that_works(tmp_path: Path):
    with another_process(tmp_path) as (killed, abandoned), another_process(tmp_path) as (_, used):
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert abandoned.is_dir()
        with temporary_folder() as mine:
            assert {*tmp_path.iterdir()} == {used, mine}
            assert (used / "lines.parquet").read_text() == "1,000.00"
    assert [*tmp_path.iterdir()] == []


def test_other_files_of_the_machine_stay(tmp_path: Path):
    (tmp_path / "finance-platform-ui-x").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ledger.csv").write_text("1")
    (tmp_path / "finance-platform-work-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "finance-platform-work-file").write_text("1")
    before = {*tmp_path.rglob("*")}
    with temporary_folder():
        pass
    assert {*tmp_path.rglob("*")} == before
