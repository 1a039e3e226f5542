"""Opening files that people put into a folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finance_platform.errors import UnreadableObjectError
from finance_platform.storage.documents import find_damaged_files
from finance_platform.storage.local import LocalStore
from finance_platform.storage.machine_errors import translate_machine_error
from finance_platform.storage.plain_file import inspect_file, open_plain_file, read_plain_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plain file, beside another folder."""
    for name in ("zone/sub/plain.csv", "outside/secret.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    return tmp_path / "zone"


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        # A socket's address is limited to some 100 characters, so it is given relative to its folder.
        earlier = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(earlier)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "it is a named pipe (FIFO), not a plain file"),
    "socket": (_socket, "it is a socket, not a plain file"),
    "folder": (Path.mkdir, "it is a folder, not a plain file"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "it is a link to '/dev/zero', which leads out of"),
    "link to a folder": (lambda path: path.symlink_to("sub"), "it is a link to 'sub', a folder, not a plain file"),
    "link outside": (lambda path: path.symlink_to("../outside/secret.csv"), "which leads out of the folder"),
    "absolute link outside": (
        lambda path: path.symlink_to(path.parents[1] / "outside/secret.csv"),
        "which leads out of the folder",
    ),
    "dangling link": (lambda path: path.symlink_to("nowhere.csv"), "a link to 'nowhere.csv', which does not exist"),
    "link to itself": (lambda path: path.symlink_to(path.name), "a link to 'x.csv', which leads back to itself"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_plain_file_of_the_folder_is_refused_and_never_opened(folder: Path, kind: str) -> None:
    path = folder / "x.csv"
    create, reason = REFUSED[kind]
    create(path)
    _, refusal = inspect_file(str(path), str(folder))
    assert refusal
    assert reason in refusal.reason
    assert refusal.fix
    with pytest.raises(OSError):  # noqa: PT011  a link that leads nowhere is a missing file; the others are refused
        open_plain_file(path, folder)


def test_a_refusal_names_the_file_what_it_is_and_the_fix(folder: Path) -> None:
    os.mkfifo(folder / "x.csv")
    with pytest.raises(UnreadableObjectError) as caught:
        open_plain_file(folder / "x.csv", folder)
    assert caught.value.found == f"'{folder}/x.csv': it is a named pipe (FIFO), not a plain file"
    assert caught.value.fix == "put a plain file in its place, or take it out of the folder"


def test_a_name_with_a_terminal_sequence_is_escaped_in_the_reason(folder: Path) -> None:
    (folder / "x.csv").symlink_to("\x1b[2Jnowhere\n")
    _, refusal = inspect_file(str(folder / "x.csv"), str(folder))
    assert refusal
    assert refusal.reason == "it is a link to '\\x1b[2Jnowhere\\n', which does not exist"


@pytest.mark.parametrize("target", ["sub/plain.csv", "../zone/sub/plain.csv", ".data/plain.csv"])
def test_a_link_to_a_plain_file_of_the_folder_is_read(folder: Path, target: str) -> None:
    (folder / ".data").symlink_to("sub")  # as a mounted ConfigMap has it
    (folder / "x.csv").symlink_to(target)
    status, refusal = inspect_file(str(folder / "x.csv"), str(folder))
    assert (status.st_size, refusal) == (18, None)
    assert read_plain_file(folder / "x.csv", folder) == b"zone/sub/plain.csv"


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    linked = folder.parent / "linked"
    linked.symlink_to(folder)
    (folder / "x.csv").symlink_to(folder / "sub/plain.csv")
    for name in ("sub/plain.csv", "x.csv"):
        assert read_plain_file(linked / name, linked) == b"zone/sub/plain.csv"


def test_a_file_below_a_linked_folder_is_read_only_if_the_link_stays_inside(folder: Path) -> None:
    (folder / "inside").symlink_to("sub")
    (folder / "out").symlink_to("../outside")
    assert read_plain_file(folder / "inside/plain.csv", folder) == b"zone/sub/plain.csv"
    for name in ("out/secret.csv", "../outside/secret.csv"):
        with pytest.raises(UnreadableObjectError, match="leads out of the folder"):
            open_plain_file(folder / name, folder)


def test_a_file_that_becomes_a_pipe_after_the_listing_is_refused(folder: Path) -> None:
    path = folder / "sub/plain.csv"
    assert inspect_file(str(path), str(folder))[1] is None
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnreadableObjectError, match="named pipe"):
        open_plain_file(path, folder)


def test_a_file_that_grows_while_it_is_read_ends_where_it_ended_when_it_was_opened(folder: Path) -> None:
    path = folder / "grows.csv"
    path.write_bytes(b"0123456789" * 100_000)
    with open_plain_file(path, folder) as stream, path.open("ab") as writer:
        pieces = []
        while piece := stream.read(64 << 10):
            pieces.append(piece)
            writer.write(b"x" * (128 << 10))
            writer.flush()
        assert b"".join(pieces) == b"0123456789" * 100_000
        assert stream.seek(0, os.SEEK_END) == 1_000_000
        assert stream.read() == b""
        stream.seek(999_990)
        assert stream.read() == b"0123456789"
        stream.seek(0)
        assert len(stream.read()) == 1_000_000
        stream.seek(10)
        assert stream.read(2_000_000) == b"0123456789" * 99_999


def test_a_missing_file_is_an_error_that_names_its_path(folder: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open_plain_file(folder / "sub/nowhere.csv", folder)
    assert caught.value.filename == str(folder / "sub/nowhere.csv")


def test_opening_leaves_no_handle_open(folder: Path) -> None:
    os.mkfifo(folder / "x.csv")
    (folder / "y.csv").symlink_to("sub/plain.csv")
    handles = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        for name in ("x.csv", "nowhere.csv"):
            with pytest.raises(OSError):  # noqa: PT011  which one is tested above
                open_plain_file(folder / name, folder)
        for name in ("y.csv", "sub/plain.csv"):
            assert read_plain_file(folder / name, folder)
    assert len(list(Path("/dev/fd").iterdir())) == handles


@pytest.mark.parametrize("read", [lambda file: file.read(), lambda file: file.read(3), lambda file: file.raw.read(3)])
def test_an_error_while_an_open_file_is_read_names_the_file(folder: Path, read: Callable[[Any], bytes]) -> None:
    path = folder / "sub/plain.csv"
    with open_plain_file(path, folder) as file:
        # The system refuses to read a folder as a file, and names nothing, as it does for a disk that fails.
        other = os.open(folder, os.O_RDONLY)
        os.dup2(other, file.fileno())
        os.close(other)
        with pytest.raises(IsADirectoryError) as raised:
            read(file)
    assert raised.value.filename == str(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails as a faulty disk does")
def test_the_search_for_damage_names_a_file_on_a_faulty_disk(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error") as raised:
        find_damaged_files(LocalStore(tmp_path), {"x.parquet": 100})
    error = translate_machine_error(raised.value)
    assert error is not None
    assert error.found == f"{tmp_path}/x.parquet: Input/output error"
    assert error.fix.startswith("check the disk")
