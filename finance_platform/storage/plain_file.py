"""Opening files that people put into a folder: only plain files, only those in the folder, and only so many bytes.

Belongs here: what is refused and why, and an open that a link or a pipe put in the way meanwhile cannot mislead.
Does not belong here: listings (see `local`), what the bytes mean.

To open a named pipe waits until a program writes into it, some devices never end and others act when they are opened,
and a link may lead to any file of the machine. So a file is examined before it is opened and again afterwards.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from finance_platform.errors import UnreadableObjectError

_BUFFER_BYTES = 128 << 10
_PIECE_BYTES = 64 << 20
_FOLDER = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC

_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}

_REPLACE = "put a plain file in its place, or take it out of the folder"
_COPY = "put a copy into the folder instead of the link; the folder itself may be a link"
_RESTORE = "restore what it leads to and check its permissions, or put a plain file in its place"
_UNPACK = "move the files in it out and remove it, or rename it"


@dataclass(frozen=True)
class Refusal:
    """Why something in a folder is never opened.

    Attributes:
        reason: what it is, as a clause about `it`.
        fix: what to do.
        hides_files: whether it is a folder that may have files, and whose names are not known.
    """

    reason: str
    fix: str
    hides_files: bool = False


def inspect_file(path: str, folder: str) -> tuple[os.stat_result, Refusal | None]:
    """Return the status of a file without opening it, and why it must not be opened.

    The status is that of the file that a link leads to, if it may be opened; else that of the link itself.

    Args:
        path: the file, below the folder.
        folder: a link may lead to any plain file in it; it may be a link itself.

    Raises:
        FileNotFoundError: nothing has this path.
    """
    status = os.lstat(path)
    if stat.S_ISREG(status.st_mode):
        return status, None
    if not stat.S_ISLNK(status.st_mode):
        return status, _refuse_kind(status)
    return _inspect_link(path, folder, status)


def refuse_unlisted(error: OSError) -> Refusal:
    """Return the refusal of a folder that cannot be listed."""
    reason = f"the folder cannot be listed: {error.strerror}; its files are not read, and what was read before counts"
    return Refusal(reason, "make the folder readable, or move it out", hides_files=True)


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path leads to something in a folder, after all links; the folder may be a link itself.

    Raises:
        OSError: one of them does not exist, or cannot be followed.
    """
    real_folder = os.path.realpath(folder, strict=True)
    return os.path.commonpath([os.path.realpath(path, strict=True), real_folder]) == real_folder


def open_plain_file(path: Path, folder: Path) -> BinaryIO:
    """Open a plain file in a folder for reading.

    The stream ends where the file ended when it was opened, so a file that grows faster than it is read ends as well.

    Args:
        path: the file, below the folder.
        folder: a link may lead to any plain file in it; it may be a link itself.

    Raises:
        UnreadableObjectError: it is no plain file, or a link that leaves the folder.
        FileNotFoundError: it does not exist.
        OSError: it cannot be opened, for example because of its permissions.
    """
    handle = _open(path, folder)
    return cast(BinaryIO, io.BufferedReader(_SizedFile(handle, os.fstat(handle).st_size, path), _BUFFER_BYTES))


def read_plain_file(path: Path, folder: Path) -> bytes:
    """Return the bytes of a plain file in a folder.

    Args:
        path: the file, below the folder.
        folder: see `open_plain_file`.

    Raises:
        UnreadableObjectError: it is no plain file, or a link that leaves the folder.
        FileNotFoundError: it does not exist.
        OSError: it cannot be read.
    """
    handle = _open(path, folder)
    try:
        pieces, left = [], os.fstat(handle).st_size
        while left and (piece := os.read(handle, left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(handle)


class _SizedFile(io.FileIO):
    """A file up to the size that it had when it was opened; errors of reading it name it, unlike the system's."""

    def __init__(self, handle: int, size: int, path: Path) -> None:
        super().__init__(handle, "rb")
        self._size = size
        self._path = path

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position; the end is that of the opened file."""
        if whence == io.SEEK_END:
            return super().seek(max(0, self._size + offset))
        return super().seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer, up to the end."""
        target = memoryview(buffer).cast("B")
        try:
            return super().readinto(target[: max(0, self._size - self.tell())])
        except OSError as error:
            raise name_file(error, self._path) from None

    def readall(self) -> bytes:
        """Return all bytes from the current position on."""
        pieces = []
        while piece := self.read(_PIECE_BYTES):
            pieces.append(piece)
        return b"".join(pieces)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, or all."""
        if size is None or size < 0:
            return self.readall()
        try:
            return super().read(min(size, max(0, self._size - self.tell())))
        except OSError as error:
            raise name_file(error, self._path) from None


def name_file(error: OSError, path: Path) -> OSError:
    """Return an error of an open file with the path, by which people find the disk that fails."""
    return OSError(error.errno, error.strerror, str(path))


def _inspect_link(path: str, folder: str, status: os.stat_result | None) -> tuple[os.stat_result, Refusal | None]:
    """Return the status of what a path with links leads to, and why it must not be opened."""
    link = status or os.lstat(path)
    what = _describe_link(path, link)
    try:
        real = os.path.realpath(path, strict=True)
        is_inside_folder = is_inside(path, folder)
        target = os.lstat(real)
    except FileNotFoundError:
        return link, Refusal(f"it is {what}, which does not exist", _RESTORE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return link, Refusal(f"it is {what}, which leads back to itself", _REPLACE)
        return link, Refusal(f"it is {what}, which cannot be followed: {error.strerror}", _RESTORE)
    if not is_inside_folder:
        return link, Refusal(f"it is {what}, which leads out of the folder {folder!r}", _COPY)
    if stat.S_ISREG(target.st_mode):
        return target, None
    return link, Refusal(f"it is {what}, {_kind(target)}, not a plain file", _REPLACE)


def _describe_link(path: str, status: os.stat_result) -> str:
    # With repr, a name cannot contain a line break or a terminal's escape sequence.
    return f"a link to {os.readlink(path)!r}" if stat.S_ISLNK(status.st_mode) else "below a link"  # noqa: PTH115


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a special file")


def _refuse_kind(status: os.stat_result) -> Refusal:
    fix = _UNPACK if stat.S_ISDIR(status.st_mode) else _REPLACE
    return Refusal(f"it is {_kind(status)}, not a plain file", fix)


def _error(path: str, refusal: Refusal) -> UnreadableObjectError:
    return UnreadableObjectError(f"{path!r}: {refusal.reason}", fix=refusal.fix)


def _open(path: Path, folder: Path) -> int:
    """Return a handle of a plain file in a folder; see `open_plain_file`."""
    names = _names_below(path, folder)
    handle = None if ".." in names else _open_below(str(folder), names)
    if handle is not None:
        return handle
    # A link is on the way. It is resolved first, and then no link is accepted in what it was resolved to.
    _, refusal = _inspect_link(str(path), str(folder), None)
    if refusal:
        path.stat()  # a link that leads nowhere is a missing file
        raise _error(str(path), refusal)
    real_folder = folder.resolve(strict=True)
    handle = _open_below(str(real_folder), _names_below(path.resolve(strict=True), real_folder))
    if handle is None:
        raise _error(str(path), Refusal("it was replaced while it was opened", "run again"))
    return handle


def _names_below(path: Path, folder: Path) -> Sequence[str]:
    # A run reads thousands of small files, and `relative_to` alone takes as long as opening one.
    text, start = str(path), f"{folder}/"
    return text.removeprefix(start).split("/") if text.startswith(start) else path.relative_to(folder).parts


def _open_below(folder: str, names: Sequence[str]) -> int | None:
    """Open a plain file below a folder, step by step and without following a link; None if there is one.

    Raises:
        UnreadableObjectError: it is no plain file.
        OSError: it cannot be opened.
    """
    *folders, name = names
    parent = handle = None
    try:
        parent = os.open(folder, _FOLDER)
        for below in folders:
            above, parent = parent, os.open(below, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
            os.close(above)
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            handle = os.open(name, _FILE, dir_fd=parent)
            status = os.fstat(handle)
    except OSError as error:
        # A link in place of a folder, and one that has replaced the file since its status was read.
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            return None
        raise OSError(error.errno, error.strerror, "/".join((folder, *names))) from error
    finally:
        if parent is not None:
            os.close(parent)
    if stat.S_ISREG(status.st_mode):
        return handle
    if handle is not None:
        os.close(handle)
    if stat.S_ISLNK(status.st_mode):
        return None
    raise _error("/".join((folder, *names)), _refuse_kind(status))
