"""The run lock: one process at a time in a home."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from finance_platform.errors import DiskError, HomeError, LockedError
from finance_platform.storage.file_lock import run_lock


@contextmanager
def another_process(home: Path) -> Iterator[None]:
    """Hold the lock like another process: flock belongs to the open file, not to the process."""
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def is_free(home: Path) -> bool:
    try:
        with another_process(home):
            return True
    except BlockingIOError:
        return False


def test_a_second_process_is_refused_with_a_fix(tmp_path: Path) -> None:
    with another_process(tmp_path), pytest.raises(LockedError) as caught, run_lock(tmp_path):
        pass
    assert str(caught.value) == (
        f"Another run or command is active in this home: {tmp_path}\n  Fix: wait until it has ended, then run again"
    )


def test_the_lock_is_held_inside_the_block_and_released_after_it(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        assert not is_free(tmp_path)
    assert is_free(tmp_path)


def test_a_refused_process_gets_the_lock_after_the_other_has_ended(tmp_path: Path) -> None:
    with another_process(tmp_path), pytest.raises(LockedError), run_lock(tmp_path):
        pass
    with run_lock(tmp_path):
        assert not is_free(tmp_path)


def test_the_step_of_a_run_waits_for_another_run_and_says_so_once(tmp_path: Path) -> None:
    said: list[str] = []
    with another_process(tmp_path), pytest.raises(LockedError), run_lock(tmp_path, 1.2, said.append):
        pass
    assert said == [
        f"Another run or command is active in this home: {tmp_path}. This run waits for up to 1 s until it ends",
    ]


def test_a_run_that_waits_goes_on_when_the_other_one_has_ended(tmp_path: Path) -> None:
    other = ExitStack()
    other.enter_context(another_process(tmp_path))
    with other, run_lock(tmp_path, 60, lambda _: other.close()):
        assert not is_free(tmp_path)


def test_the_lock_is_reentrant_within_a_process(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        with run_lock(tmp_path):
            pass
        assert not is_free(tmp_path)
    assert is_free(tmp_path)


def test_the_lock_is_reentrant_for_another_path_of_the_same_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with run_lock(tmp_path / "home"), run_lock(Path("home")), run_lock(tmp_path / "link"):
        assert not is_free(tmp_path / "home")


def test_an_error_inside_the_block_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path), run_lock(tmp_path):
        raise ZeroDivisionError
    assert is_free(tmp_path)


def test_each_home_has_its_own_lock(tmp_path: Path) -> None:
    with another_process(tmp_path / "one"), run_lock(tmp_path / "two"):
        assert not is_free(tmp_path / "two")


def test_another_thread_of_the_process_waits_for_the_lock(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with run_lock(tmp_path):
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with run_lock(tmp_path):
        inside.set()
        other.join(timeout=0.05)
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_a_missing_home_is_created(tmp_path: Path) -> None:
    with run_lock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()


def test_an_unusable_home_is_an_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(HomeError) as caught, run_lock(tmp_path / "home"):
        pass
    assert str(tmp_path / "home") in caught.value.found
    assert "move it away" in caught.value.fix


def test_the_lock_file_of_another_user_is_named_as_his_and_not_the_folder():
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o777)
        lock = home / "run.lock"
        lock.touch()
        lock.chmod(0o400)
        owner, user = lock.owner(), os.geteuid()
        try:
            if user == 0:  # whom no permission stops
                os.seteuid(65534)
            with pytest.raises(DiskError) as of_file, run_lock(home):
                pytest.fail("the lock was taken")
        finally:
            os.seteuid(user)
        assert f"the file is of the user {owner}: give the command as that user" in of_file.value.fix
