"""The lake on disk: a zone is a folder.

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
from finance_platform.storage.port import HIDDEN, LocalCopy, StoredObject


def _refuse_unlisted(error: OSError) -> None:
    """Stop where a folder cannot be listed: to go on would be to say that its files are gone."""
    if not isinstance(error, FileNotFoundError):
        raise HomeError(f"cannot list {error.filename}: {error.strerror}", fix="make the folder readable") from error


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to a folder; none is followed, since it may lead back to itself."""
    return entry.is_symlink() and Path(entry).is_dir()


class LocalStore:
    """One zone of the lake in a folder on disk."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    @property
    def root(self) -> str:
        """The folder."""
        return str(self._root)

    def exists(self) -> bool:
        """Return whether the folder is there."""
        return self._root.is_dir()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the files in a folder, by key; hidden and temporary ones are left out, as is what goes meanwhile."""
        for key in self._keys(self._root / prefix, f"{prefix}/" if prefix else ""):
            if key <= after:
                continue
            with contextlib.suppress(FileNotFoundError):
                yield self._describe(key)

    def _keys(self, folder: Path, prefix: str) -> Iterator[str]:
        """Yield keys in their order while walking, so that only one folder's names on the way are ever held."""
        try:
            with os.scandir(folder) as entries:
                # A folder sorts with its slash: `a-b.csv` comes before what is in `a`.
                names = sorted(
                    f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                    for entry in entries
                    if not entry.name.startswith(HIDDEN) and not _is_linked_folder(entry)
                )
        except OSError as error:
            _refuse_unlisted(error)
            return
        for name in names:
            if name.endswith("/"):
                yield from self._keys(folder / name, prefix + name)
            else:
                yield prefix + name

    def find(self, key: str) -> StoredObject | None:
        """Return one file as a listing shows it, or None where there is none."""
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
        """Give the file as it is."""
        yield LocalCopy(lambda: self.open(key), lambda: self.fingerprint(key))

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        return (self._root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """Write a file atomically, by renaming a complete one over it."""
        with self._written_beside(key, data) as temporary:
            temporary.replace(self._root / key)

    def write_new(self, key: str, data: bytes) -> bool:
        """Write a file atomically unless it exists: a hard link fails where the name is taken."""
        with self._written_beside(key, data) as temporary:
            try:
                os.link(temporary, self._root / key)
            except FileExistsError:
                return False
        return True

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write a file atomically if its etag is still this one; of several who replace it so, one does."""
        with self._written_beside(key, data) as temporary, self._alone_in(temporary.parent):
            found = self.find(key)
            if found is None or found.etag != etag:
                return False
            temporary.replace(self._root / key)
        return True

    def delete(self, key: str) -> None:
        """Remove a file if it is there, the checksum that Spark on the JVM hides beside it, and folders left empty."""
        path = self._root / key
        for gone in (path, path.with_name(f".{path.name}.crc")):
            gone.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the first folder that holds something ends it
            for folder in path.relative_to(self._root).parents[:-1]:
                (self._root / folder).rmdir()

    def delete_folder(self, prefix: str) -> None:
        """Remove a folder and all that is in it."""
        folder = self._root / prefix
        if folder.exists():
            shutil.rmtree(folder)

    def uri(self, key: str) -> str:
        """Return a file's absolute path."""
        return str((self._root / key).absolute())

    @contextlib.contextmanager
    def _written_beside(self, key: str, data: bytes) -> Iterator[Path]:
        """Yield a complete, hidden file beside an object's place; whatever happens, it is gone afterwards."""
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
    def _alone_in(self, folder: Path) -> Iterator[None]:
        """Keep others who replace files in a folder waiting: between a look and a rename there is time for another."""
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
            # A link that leads nowhere is listed as itself, so that whoever opens it can say so.
            status = os.lstat(path)
        return StoredObject(
            key=key,
            size=status.st_size,
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            # ctime moves even where mtime is set back by hand or by `cp -p`.
            etag=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}",
            written_at=datetime.fromtimestamp(status.st_ctime, UTC),
        )
