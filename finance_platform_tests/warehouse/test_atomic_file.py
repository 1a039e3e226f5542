"""A file that is only replaced as a whole.

Belongs here: `AtomicFile` on plain files. Does not belong here: DuckDB (see `test_duckdb`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from finance_platform.errors import DiskError, LoadError, TransientWarehouseError
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile

pytestmark = pytest.mark.usefixtures("opens_readers")


@pytest.fixture
def file(tmp_path: Path) -> AtomicFile:
    return AtomicFile(tmp_path / "warehouse.duckdb")


def replace_with(file: AtomicFile, text: str, *, in_between: Callable[[], object]) -> None:
    with file.replacement() as copy:
        copy.path.write_text(text)
        copy.is_changed = True
        in_between()


def interrupt() -> None:
    raise KeyboardInterrupt


def names(file: AtomicFile) -> list[str]:
    return sorted(entry.name for entry in file.path.parent.iterdir())


def test_a_changed_copy_takes_the_file_s_place_and_an_unchanged_one_does_not(file: AtomicFile) -> None:
    file.path.write_text("old")
    with file.replacement() as copy:
        copy.path.write_text("ignored")
    assert file.path.read_text() == "old"

    with file.replacement() as copy:
        assert copy.path.read_text() == "old"
        copy.path.write_text("new")
        copy.is_changed = True

    assert file.path.read_text() == "new"
    assert names(file) == ["warehouse.duckdb"]


def test_an_open_reader_keeps_reading_the_old_file(file: AtomicFile) -> None:
    file.path.write_text("old")
    with file.path.open() as reader:
        with file.replacement() as copy:
            copy.path.write_text("new")
            copy.is_changed = True

        assert reader.read() == "old"


def test_a_failure_leaves_the_file_unchanged_and_no_copy(file: AtomicFile) -> None:
    file.path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        replace_with(file, "new", in_between=interrupt)

    assert file.path.read_text() == "old"
    assert names(file) == ["warehouse.duckdb"]


def test_the_first_file_is_created(tmp_path: Path) -> None:
    file = AtomicFile(tmp_path / "deep" / "home" / "warehouse.duckdb")
    with file.replacement() as copy:
        assert not copy.path.exists()
        copy.path.write_text("first")
        copy.is_changed = True

    assert file.path.read_text() == "first"


def test_only_the_leftovers_of_killed_runs_are_removed(file: AtomicFile) -> None:
    file.path.write_text("old")
    file.path.with_name("warehouse.duckdb.loading-1-dead").write_text("half")
    file.path.with_name("warehouse.duckdb.loading-1-dead.wal").write_text("log")
    spill = file.path.with_name("warehouse.duckdb.loading-1-dead.tmp")
    spill.mkdir()
    (spill / "part.tmp").write_text("spilled")
    file.path.with_name("other.duckdb.loading-1").write_text("not ours")

    with file.replacement():
        assert len(names(file)) == 3

    assert names(file) == ["other.duckdb.loading-1", "warehouse.duckdb"]


def test_a_file_that_another_program_writes_to_is_not_changed(file: AtomicFile) -> None:
    file.path.write_text("old")
    file.path.with_name("warehouse.duckdb.wal").write_text("changes of another program")

    with pytest.raises(LoadError, match="another program has opened"), file.replacement():
        pytest.fail("no copy may be made")

    assert names(file) == ["warehouse.duckdb", "warehouse.duckdb.wal"]


def test_a_load_fails_as_transient_if_another_one_was_published_in_between(file: AtomicFile) -> None:
    file.path.write_text("old")
    other = file.path.with_name("other")
    other.write_text("of another load")

    with pytest.raises(TransientWarehouseError, match="was replaced while"):
        replace_with(file, "mine", in_between=lambda: other.replace(file.path))

    assert file.path.read_text() == "of another load"


def test_a_link_stays_a_link_and_the_file_keeps_its_permissions(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "real.duckdb", tmp_path / "warehouse.duckdb"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)

    with AtomicFile(link).replacement() as copy:
        copy.path.write_text("new")
        copy.is_changed = True

    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_the_copy_is_on_disk_before_it_takes_the_file_s_place(
    file: AtomicFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(f"{os.fstat(descriptor).st_ino} while {file.path.exists()}")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with file.replacement() as copy:
        copy.path.write_text("first")
        copy.is_changed = True
        inode = copy.path.stat().st_ino

    assert synced == [f"{inode} while False", f"{file.path.parent.stat().st_ino} while True"]


def begun_with(tmp_path: Path, content: bytes) -> AtomicFile:
    return AtomicFile(tmp_path / "warehouse.duckdb", lambda: content)


def test_a_new_file_begins_with_the_content_that_was_made_for_it_and_an_old_one_with_its_own(tmp_path: Path) -> None:
    file = begun_with(tmp_path, b"made ahead")
    for expected in (b"made ahead", b"made ahead, changed"):
        with file.replacement() as copy:
            assert copy.path.read_bytes() == expected
            assert copy.is_new is (expected == b"made ahead")
            copy.path.write_bytes(b"made ahead, changed")
            copy.is_changed = True
    assert file.path.read_bytes() == b"made ahead, changed"


def test_a_full_disk_below_the_content_of_a_new_file_is_an_error_that_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begun_with(tmp_path, b"made ahead")

    def fill(path: Path, _: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill)
        with pytest.raises(DiskError), file.replacement():
            pass
    assert names(file) == []
    with file.replacement() as copy:
        copy.is_changed = True
    assert file.path.read_bytes() == b"made ahead"


def test_the_content_of_a_new_file_that_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    file = begun_with(tmp_path, b"made ahead")
    (tmp_path / "warehouse.duckdb.loading-1-left").write_bytes(b"made a")
    with file.replacement() as copy:
        copy.is_changed = True
    assert names(file) == ["warehouse.duckdb"]
    assert file.path.read_bytes() == b"made ahead"
