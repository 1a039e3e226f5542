"""Durability: what a commit names is on disk before the commit, so that a power cut loses nothing.

Belongs here: syncing files and the folders that contain them, creating folders durably. Does not belong here: which
files a commit names (see `spark_jobs`), the object store (see `local`).

A write is only in the memory of the operating system until it is synced, and memory reaches the disk in any order. So
a renamed document can survive a power cut that loses the Parquet files it names. A file consists of its content and of
its name, which belongs to its folder: both are synced, and so are the names of new folders.

Files are synced by path, not by `sync` or `syncfs`, which write whole file systems, other programs' files too, and do
not wait for the disk on macOS. There, `fsync` does not empty the drive's own cache either; see decision 043.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = 8
"""Concurrent syncs share a write of the file system's journal: 1,000 small files take 0.15 s, one by one 0.44 s."""

_NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP}
"""How file systems without it (some of networks and of FUSE) refuse to sync a folder; they write names at once."""

_durable_folders: set[Path] = set()
"""Folders whose names this process has synced. A folder that merely exists may be what a killed process created."""


def sync_file(path: Path) -> None:
    """Write the content of a file to the disk, also if another program wrote it.

    Raises:
        OSError: the disk failed, and the content may be lost.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Write the names in a folder to the disk: new, renamed and removed ones.

    Raises:
        OSError: the disk failed, and a name may be lost.
    """
    try:
        sync_file(path)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise


def sync_files(paths: Iterable[Path], root: Path) -> None:
    """Write files of other programs to the disk, with the names of the folders between them and a zone.

    Every folder is synced once, after all files, since many files share their folders.

    Args:
        paths: the files.
        root: the zone; its own name is synced too.

    Raises:
        OSError: a file does not exist, or the disk failed.
    """
    files = list(paths)
    folders = {folder for file in files for folder in _folders_up_to(file.parent, root)}
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(sync_file, files))
        list(threads.map(sync_folder, folders))


def create_folder(folder: Path, root: Path | None = None) -> None:
    """Create a folder, if it does not exist; its name and the names of the folders above it are on disk afterwards.

    Args:
        folder: the folder.
        root: the zone that it is in: the names of existing folders up to the zone's are synced too, once per process,
            since a killed process may have created them. Without it, only the names of new folders are synced.

    Raises:
        OSError: the folder cannot be created, or the disk failed.
    """
    known = folder.absolute()
    if known in _durable_folders and folder.is_dir():
        return
    changed = {path.parent for path in (known, *known.parents) if not path.exists()}
    folder.mkdir(parents=True, exist_ok=True)
    if root is not None:
        changed |= {path.parent for path in _folders_up_to(known, root.absolute())[:-1]}
    for parent in changed:
        sync_folder(parent)
    _durable_folders.add(known)


def _folders_up_to(folder: Path, root: Path) -> list[Path]:
    """Return a folder, those above it, and last the one that contains the zone."""
    inner = [folder, *folder.parents]
    return inner[: inner.index(root) + 2]
