"""The object store on disk: a store is a folder.

Belongs here: what is particular to a file system. Does not belong here: what the objects mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from finance_platform.errors import HomeError
from finance_platform.storage.port import HIDDEN_PREFIXES, LocalCopy, StoredObject


class LocalStore:
    """An object store in a folder on disk."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    @property
    def root(self) -> str:
        """The folder."""
        return str(self._root)

    def exists(self) -> bool:
        """Return whether the folder exists."""
        return self._root.is_dir()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the files in a folder, ordered by key; files that are removed meanwhile are left out."""
        for key in self._keys(self._root / prefix, f"{prefix}/" if prefix else ""):
            if key <= after:
                continue
            with contextlib.suppress(FileNotFoundError):
                yield self._describe(key)

    def _keys(self, folder: Path, prefix: str) -> Iterator[str]:
        """Yield keys in order during the walk, so that memory holds the names of one folder per level."""
        try:
            with os.scandir(folder) as entries:
                # A folder sorts with its slash: `a-b.csv` precedes the files in `a`.
                names = sorted(
                    f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                    for entry in entries
                    if not entry.name.startswith(HIDDEN_PREFIXES) and not _is_linked_folder(entry)
                )
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                return
            # An empty listing would mean that the files are gone.
            raise HomeError(
                f"cannot list {error.filename}: {error.strerror}", fix="make the folder readable"
            ) from error
        for name in names:
            if name.endswith("/"):
                yield from self._keys(folder / name, prefix + name)
            else:
                yield prefix + name

    def find(self, key: str) -> StoredObject | None:
        """Return one file as a listing describes it, or None if it does not exist."""
        return self._describe(key) if (self._root / key).is_file() else None

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of a file's bytes, read in pieces."""
        with (self._root / key).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading."""
        return (self._root / key).open("rb")

    @contextlib.contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        """Provide the file itself."""
        yield LocalCopy(lambda: self.open(key), lambda: self.fingerprint(key))

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        return (self._root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """Write a file atomically: a complete file is renamed over it."""
        with self._temporary_file(key, data) as temporary:
            temporary.replace(self._root / key)

    def write_new(self, key: str, data: bytes) -> bool:
        """Write a file atomically unless it exists: a hard link fails if the name is taken."""
        with self._temporary_file(key, data) as temporary:
            try:
                os.link(temporary, self._root / key)
            except FileExistsError:
                return False
        return True

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write a file atomically if it still has this etag; of several concurrent replacements one succeeds."""
        with self._temporary_file(key, data) as temporary, self._locked(temporary.parent):
            item = self.find(key)
            if item is None or item.etag != etag:
                return False
            temporary.replace(self._root / key)
        return True

    def delete(self, key: str) -> None:
        """Remove a file if it exists, the hidden checksum that Spark on the JVM writes beside it, and empty folders."""
        path = self._root / key
        for file in (path, path.with_name(f".{path.name}.crc")):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the first folder that is not empty ends the loop
            for folder in path.relative_to(self._root).parents[:-1]:
                (self._root / folder).rmdir()

    def delete_folder(self, prefix: str) -> None:
        """Remove a folder with its content."""
        folder = self._root / prefix
        if folder.exists():
            shutil.rmtree(folder)

    def uri(self, key: str) -> str:
        """Return a file's absolute path."""
        return str((self._root / key).absolute())

    @contextlib.contextmanager
    def _temporary_file(self, key: str, data: bytes) -> Iterator[Path]:
        """Yield a complete, hidden file in the folder of an object; it is removed afterwards."""
        target = self._root / key
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".writing-", dir=target.parent)
        except OSError as error:
            raise HomeError(
                f"cannot write {target}: {error.strerror}",
                fix="make the folder writable, or choose another with --home",
            ) from error
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
        path = os.path.join(self._root, key)  # noqa: PTH118  a Path for each of 100,000 objects takes a second
        try:
            status = os.stat(path)  # noqa: PTH116  see above
        except OSError:
            # A dangling link is listed as itself, so that opening it reports the error.
            status = os.lstat(path)
        return StoredObject(
            key=key,
            size=status.st_size,
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            # ctime moves even where mtime is set back by hand or by `cp -p`.
            etag=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}",
            written_at=datetime.fromtimestamp(status.st_ctime, UTC),
        )


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to a folder; such links are not followed, since they may form a cycle."""
    return entry.is_symlink() and Path(entry).is_dir()
