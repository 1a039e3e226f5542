"""A model of a disk that loses everything that was not synced.

Belongs here: what is on the disk after each sync, and which commits of it lack files. Does not belong here: what a home
makes of it (see the tests).

The model watches `os.fsync`, with which this platform syncs; whatever Spark or DuckDB wrote is on the disk only once
the platform has synced it by path. A file has the content of its last sync. A folder has the names of its last sync, or
in a second reading, in which names reach the disk at once and contents do not, its present names.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.slices.commits import SliceCommit

_OPEN_FILES = 8192

Names = dict[int, dict[str, int]]
"""Inode by name, by the inode of the folder."""


@dataclass(frozen=True)
class Moment:
    """The disk after one sync.

    Attributes:
        event: what was synced.
        contents: the synced content of each file, by inode.
        synced_names: the synced names of each folder, by inode.
        present_names: the names of each folder as running programs see them.
    """

    event: str
    contents: dict[int, bytes]
    synced_names: Names
    present_names: Names


@dataclass(repr=False)
class DiskModel:
    """The disk under a home; everything in it at first counts as synced.

    Attributes:
        root: the home.
        read_only: folders that are copied as they are, since the platform only reads them.
        moments: the disk at first and after each sync.
    """

    root: Path
    read_only: tuple[str, ...] = ("raw", "feeds")
    moments: list[Moment] = field(default_factory=list)
    _contents: dict[int, bytes] = field(default_factory=dict)
    _names: Names = field(default_factory=dict)
    _kept_open: dict[int, int] = field(default_factory=dict)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Record every sync until the end of the block."""
        real_fsync = os.fsync

        def fsync(descriptor: int) -> None:
            real_fsync(descriptor)
            self._record(descriptor)

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))
        try:
            self._record_all()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "fsync", fsync)
                yield
        finally:
            for descriptor in self._kept_open.values():
                os.close(descriptor)
            self._kept_open.clear()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def files(self, moment: int = -1, *, names_survive: bool = False) -> dict[str, bytes]:
        """Return what is on the disk after a power cut right after a sync, by path in the home.

        Args:
            moment: the sync; the last one by default.
            names_survive: whether present names are on the disk although their folders were not synced.
        """
        disk = self.moments[moment]
        names = disk.present_names if names_survive else disk.synced_names
        return dict(self._files(disk, names, self.root.stat().st_ino, ""))

    def restore(self, target: Path, moment: int = -1, *, names_survive: bool = False) -> None:
        """Write what is on the disk after a power cut into a new folder; see `files`."""
        for path, content in self.files(moment, names_survive=names_survive).items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for name in self.read_only:
            shutil.copytree(self.root / name, target / name, copy_function=shutil.copy2)

    def _files(self, disk: Moment, names: Names, folder: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, inode in names.get(folder, {}).items():
            if inode in disk.present_names or inode in disk.synced_names:
                yield from self._files(disk, names, inode, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", disk.contents.get(inode, b"")

    def _record_all(self) -> None:
        for folder, names in self._present_names(is_first=True).items():
            self._names[folder] = names
        self._add_moment("nothing")

    def _record(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self.root):
            return
        self._keep(status.st_ino, path)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = self._names_in(path)
        else:
            self._contents[status.st_ino] = path.read_bytes()
        self._add_moment(str(path.relative_to(self.root)))

    def _add_moment(self, event: str) -> None:
        self.moments.append(Moment(event, dict(self._contents), dict(self._names), self._present_names()))

    def _present_names(self, *, is_first: bool = False) -> Names:
        names: Names = {}
        for folder, folders, files in os.walk(self.root):
            path = Path(folder)
            if path == self.root:
                folders[:] = [name for name in folders if name not in self.read_only]
            names[path.stat().st_ino] = self._names_in(path)
            if is_first:
                self._keep(path.stat().st_ino, path)
                for name in files:
                    file = path / name
                    self._keep(file.stat().st_ino, file)
                    self._contents[file.stat().st_ino] = file.read_bytes()
        return names

    def _names_in(self, folder: Path) -> dict[str, int]:
        with os.scandir(folder) as entries:
            is_root = folder == self.root
            return {entry.name: entry.inode() for entry in entries if not (is_root and entry.name in self.read_only)}

    def _keep(self, inode: int, path: Path) -> None:
        """Keep a file open, so that its inode is not used for another file."""
        if inode not in self._kept_open:
            self._kept_open[inode] = os.open(path, os.O_RDONLY)


def broken_commits(files: dict[str, bytes]) -> list[str]:
    """Return the files that a commit names and that are missing or incomplete; fails if a commit is incomplete."""
    named: list[DataFile] = []
    for path, content in files.items():
        folder = path.removeprefix("processed/").partition("/")[0]
        if folder == "deliveries" and path.endswith(".json"):
            named += [file for of_table in DeliveryCommit.from_json(content).files.values() for file in of_table]
        elif folder == "slices" and path.endswith(".json"):
            named += SliceCommit.from_json(content).files
    return [file.key for file in named if len(files.get(f"processed/{file.key}", b"")) != file.size]


def registered(files: dict[str, bytes]) -> list[str]:
    """Return the numbers of the register's documents; fails if one is incomplete."""
    return sorted(
        str(json.loads(content) and Path(path).stem)
        for path, content in files.items()
        if path.startswith("processed/register/") and path.endswith(".json")
    )
