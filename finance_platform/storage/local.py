"""The object store on disk: a store is a folder.

Belongs here: what is particular to a file system. Does not belong here: what the objects mean.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from finance_platform.errors import HomeError
from finance_platform.storage.durability import create_folder, sync_files, sync_folder
from finance_platform.storage.local_errors import WRITE_FIXES, translate_read_errors, translate_write_errors
from finance_platform.storage.plain_file import (
    Refusal,
    inspect_file,
    is_inside,
    open_plain_file,
    read_plain_file,
    refuse_unlisted,
)
from finance_platform.storage.port import DATA_SUFFIXES, HIDDEN_PREFIXES, LocalCopy, StoredObject


class LocalStore:
    """An object store in a folder on disk."""

    def __init__(self, root: str | Path, *, is_raw: bool = False) -> None:
        """Make a store.

        Args:
            root: the folder.
            is_raw: whether people put the files into it, so that a folder in it that cannot be listed is an object that
                is refused. In a store that the platform writes it is an error: what it has would count as gone.
        """
        self._root = Path(root)
        self._is_raw = is_raw

    @property
    def root(self) -> str:
        """The folder."""
        return str(self._root)

    def exists(self) -> bool:
        """Return whether the folder exists."""
        return self._root.is_dir()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the files in a folder, ordered by key; files that are removed meanwhile are left out.

        A link to a folder in the store is left out: its files are listed where they are. An empty folder with the name
        of a file is listed as an object that is refused; its key ends in `/`.
        """
        root, known = os.path.join(self._root, ""), _known.setdefault(str(self._root), {})  # noqa: PTH118  see below
        unlisted: dict[str, Refusal] = {}
        for key in self._keys(self._root / prefix, f"{prefix}/" if prefix else "", after, unlisted):
            if key <= after:
                continue
            try:
                status, refusal = inspect_file(root + key, str(self._root))
            except FileNotFoundError:
                continue
            refusal = unlisted.get(key, refusal)
            item = known.get(key)
            if item is None or refusal or item.etag != _etag(status):
                item = _describe(key, status, refusal)
                if key in known or len(known) < MOST_KNOWN:
                    known[key] = item
            yield item

    def _keys(self, folder: Path, prefix: str, after: str, unlisted: dict[str, Refusal]) -> Iterator[str]:
        """Yield keys in order during the walk, so that memory holds the names of one folder per level.

        Folders all of whose keys come before another key are left out. Of a raw zone, a folder that cannot be listed is
        yielded itself.
        """
        try:
            with os.scandir(folder) as entries:
                # A folder sorts with its slash: `a-b.csv` precedes the files in `a`.
                names = [
                    f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                    for entry in entries
                    if not entry.name.startswith(HIDDEN_PREFIXES)
                    and not (entry.is_symlink() and self._is_linked_folder(entry))
                ]
            if names and not os.access(folder, os.X_OK):  # its names can be read, and nothing about them
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                return
            if self._is_raw and prefix:
                unlisted[prefix] = refuse_unlisted(error)
                yield prefix
                return
            # An empty listing would mean that the files are gone.
            is_file = isinstance(error, NotADirectoryError)
            fix = WRITE_FIXES[errno.ENOTDIR] if is_file else "make the folder readable"
            raise HomeError(f"cannot list {error.filename}: {error.strerror}", fix=fix) from error
        names.sort()
        for name in names:
            if not name.endswith("/"):
                yield prefix + name
                continue
            if (below := prefix + name) < after and not after.startswith(below):
                continue
            count = 0
            for count, key in enumerate(self._keys(folder / name, below, after, unlisted), start=1):  # noqa: B007  counted below
                yield key
            if not count and name.lower().removesuffix("/").endswith(DATA_SUFFIXES):
                # Someone took it for a file, so it is reported rather than left out.
                yield prefix + name

    def find(self, key: str) -> StoredObject | None:
        """Return one file as a listing describes it, or None if it does not exist."""
        with translate_read_errors(self._root / key):
            try:
                return None if (self._root / key).is_dir() else self._describe(key)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some files that exist, by key."""
        return {key: item for key in keys if (item := self.find(key))}

    def expect_parts(self, ends: Sequence[str]) -> None:
        """Do nothing: a folder is listed without waiting."""

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of a file's bytes, read in pieces."""
        with open_plain_file(self._root / key, self._root) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # it can be read into

    def open(self, key: str) -> BinaryIO:
        """Open a plain file for reading, up to its size of now; see `plain_file`."""
        return open_plain_file(self._root / key, self._root)

    @contextlib.contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        """Provide the file itself."""
        yield LocalCopy(lambda: self.open(key), lambda: self.fingerprint(key))

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        with translate_read_errors(self._root / key):
            return read_plain_file(self._root / key, self._root)

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return a file's bytes, and its etag as it was before: if the file is replaced in between, that is refused."""
        item = self.find(key)
        return self.read(key), item.etag if item else ""

    def write(self, key: str, data: bytes) -> None:
        """Write a file atomically: a complete file is renamed over it."""
        with self._temporary_file(key, data) as temporary:
            temporary.replace(self._root / key)
            sync_folder(temporary.parent)

    def write_new(self, key: str, data: bytes) -> bool:
        """Write a file atomically unless it exists: a hard link fails if the name is taken."""
        with self._temporary_file(key, data) as temporary:
            try:
                os.link(temporary, self._root / key)
            except FileExistsError:
                return False
            sync_folder(temporary.parent)
        return True

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write a file atomically if it still has this etag; of several concurrent replacements one succeeds."""
        with self._temporary_file(key, data) as temporary, self._locked(temporary.parent):
            item = self.find(key)
            if item is None or item.etag != etag:
                return False
            temporary.replace(self._root / key)
            sync_folder(temporary.parent)
        return True

    def sync(self, keys: Iterable[str]) -> None:
        """Write files of other programs to the disk; see `durability`."""
        with translate_write_errors("sync files of", self._root):
            sync_files([self._root / key for key in keys], self._root)

    def delete(self, key: str) -> None:
        """Remove a file if it exists, the hidden checksum that Spark on the JVM writes beside it, and empty folders."""
        path = self._root / key
        with translate_write_errors("remove", path):
            for file in (path, path.with_name(f".{path.name}.crc")):
                file.unlink(missing_ok=True)
            if path.parent.exists():
                # Before anything else is removed: a commit must not come back without the files that it names.
                sync_folder(path.parent)
        with contextlib.suppress(OSError):  # the first folder that is not empty ends the loop
            for folder in path.relative_to(self._root).parents[:-1]:
                (self._root / folder).rmdir()

    def delete_folder(self, prefix: str) -> None:
        """Remove a folder with its content."""
        folder = self._root / prefix
        with translate_write_errors("remove", folder):
            if folder.exists():
                shutil.rmtree(folder)

    def uri(self, key: str) -> str:
        """Return a file's absolute path."""
        return str((self._root / key).absolute())

    @contextlib.contextmanager
    def _temporary_file(self, key: str, data: bytes) -> Iterator[Path]:
        """Yield a complete, hidden file in the folder of an object; it is removed afterwards.

        Raises:
            DiskError: the file cannot be written, or the caller's block failed to publish it.
        """
        target = self._root / key
        with translate_write_errors("write", target):
            create_folder(target.parent, self._root)
            handle, name = _create_hidden_file(target.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                yield Path(name)
            finally:
                Path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Lock a folder against concurrent replacements, since comparing the etag and renaming are two steps."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _describe(self, key: str) -> StoredObject:
        return _describe(key, *inspect_file(str(self._root / key), str(self._root)))

    def _is_linked_folder(self, entry: os.DirEntry[str]) -> bool:
        """Return whether a link leads to a folder of this store; not followed, since links may form a cycle."""
        return Path(entry).is_dir() and is_inside(entry.path, str(self._root))


MOST_KNOWN = 50_000
"""Of so many files of each store what was listed last is kept, which takes some 15 MB."""

_known: dict[str, dict[str, StoredObject]] = {}
"""By root and key, objects as they were listed: each is looked at again, and is the same object while it is as it was.
A run lists a folder of 10,000 deliveries some eight times, and to describe one takes longer than to look at it."""


def forget_listed() -> None:
    """Forget the objects that were listed, as a process that has just started."""
    _known.clear()


def _describe(key: str, status: os.stat_result, refusal: Refusal | None) -> StoredObject:
    if refusal:
        # What is refused changes with its reason alone: the times of a pipe or a device move whenever someone writes
        # into it.
        return StoredObject(key, 0, status.st_mtime, f"{status.st_ino} {refusal.reason}", None, refusal)
    # By position: a listing of thousands makes one for each.
    return StoredObject(key, status.st_size, status.st_mtime, _etag(status), status.st_ctime)


def _etag(status: os.stat_result) -> str:
    # ctime moves even where mtime is set back by hand or by `cp -p`.
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def _create_hidden_file(folder: Path) -> tuple[int, str]:
    """Create a file as `mkstemp` does, but with the mode that the process's mask leaves (see `file_modes`)."""
    name = folder / f".writing-{secrets.token_hex(8)}"
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), str(name)
