"""Temporary folders: the ones of killed processes go, those in use stay.

Belongs here: folders of real processes. Does not belong here: what is written into them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finance_platform.errors import DiskError
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

FORK = """
import os, time
from finance_platform.storage.temporary_folders import temporary_folder
with temporary_folder() as folder:
    (folder / "lines.parquet").write_text("1,000.00")
    if fork := os.fork():
        print(folder, fork, flush=True)
        os.wait()
    else:
        time.sleep(600)
        os._exit(0)
"""

UNLISTED = """
import os, tempfile
from finance_platform.storage.temporary_folders import temporary_folder
if os.geteuid() == 0:
    os.setuid(65534)
with temporary_folder() as folder:
    print(folder.parent)
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


def test_a_fork_that_lives_on_keeps_the_folder_of_its_killed_parent(tmp_path: Path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", FORK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as killed:
        assert killed.stdout
        path, fork = killed.stdout.readline().split()
        killed.kill()
        killed.wait()
        with temporary_folder():
            assert (Path(path) / "lines.parquet").read_text() == "1,000.00"
        os.kill(int(fork), signal.SIGKILL)
        assert killed.stdout.read() == ""  # the fork has ended
    temporary_folders._remove_abandoned.cache_clear()
    with temporary_folder() as mine:
        assert [*tmp_path.iterdir()] == [mine]


def test_a_folder_that_another_process_removes_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[str] = []

    def make_one_that_goes(**options: str) -> str:
        path = mkdtemp(**options)
        if not made:
            Path(path).rmdir()
        made.append(path)
        return path

    mkdtemp = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", make_one_that_goes)
    with temporary_folder() as folder:
        assert [*tmp_path.iterdir()] == [folder]
    assert len(made) == 2


def test_where_folders_cannot_be_locked_none_is_removed_but_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: int) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")  # as NFS does

    monkeypatch.setattr(fcntl, "flock", refuse)
    other = tmp_path / "finance-platform-work-other"
    other.mkdir()
    with temporary_folder() as mine:
        assert {*tmp_path.iterdir()} == {other, mine}
    assert [*tmp_path.iterdir()] == [other]


def test_a_folder_can_be_made_where_the_user_may_not_list_what_is_there():
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o1733)
        environment = {**os.environ, "TMPDIR": place}
        command = [sys.executable, "-c", UNLISTED]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert (result.returncode, result.stdout) == (0, f"{place}\n"), result.stderr
        assert [*Path(place).iterdir()] == []


def test_where_no_folder_can_be_made_the_error_names_the_place_and_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = tmp_path / "full"
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    with (
        pytest.raises(DiskError, match=f"temporary files in {place}: No such file or directory") as error,
        temporary_folder(),
    ):
        pass

    assert error.value.fix is not None
    assert error.value.fix.startswith("set TMPDIR to a folder")


def test_where_no_folder_for_temporary_files_is_usable_the_error_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)

    with (
        pytest.raises(DiskError, match="cannot find a folder for temporary files: No usable") as error,
        temporary_folder(),
    ):
        pass

    assert error.value.fix is not None
    assert error.value.fix.startswith("set TMPDIR to a folder")
