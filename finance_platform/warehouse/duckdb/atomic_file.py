"""A file that is only ever replaced as a whole, so that readers see the old one or the new one and never wait.

Belongs here: the copy, making it durable, the rename, and clearing away what killed runs left.
Does not belong here: what is in the file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finance_platform.errors import LoadError, TransientWarehouseError

_MARK = ".loading-"


@dataclass
class Replacement:
    """A private copy to work on. It is published only if somebody sets `is_changed`."""

    path: Path
    is_changed: bool = False


class AtomicFile:
    """The file at `path`; writers hold the run's lock, readers need nothing."""

    def __init__(self, path: Path) -> None:
        """Follow links now, so that a rename replaces the file and not a link to it."""
        self.path = path.expanduser().resolve()

    @contextmanager
    def replacement(self) -> Iterator[Replacement]:
        """Give a copy beside the file (nothing there, if there is no file yet), and publish it on normal exit.

        Whoever works on the copy has closed it by then. After an exception the file is as it was.

        Raises:
            LoadError: another program has the file open for writing.
            TransientWarehouseError: the file was replaced by someone else in the meantime.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_copies()
        self._refuse_unfinished(self.path)
        copy = Replacement(self.path.with_name(f"{self.path.name}{_MARK}{os.getpid()}-{secrets.token_hex(4)}"))
        copied_from = self._identity()
        try:
            if copied_from:
                shutil.copy(self.path, copy.path)
            yield copy
            if copy.is_changed:
                self._refuse_unfinished(copy.path)
                self._publish(copy.path, copied_from)
        finally:
            self._remove_copies()

    def _publish(self, copy: Path, copied_from: tuple[int, int, int] | None) -> None:
        _sync(copy)
        if self._identity() != copied_from:
            raise TransientWarehouseError(
                f"{self.path} was replaced while a load was at work on a copy of it", fix="let one run load at a time"
            )
        copy.replace(self.path)
        _sync(self.path.parent)

    def _identity(self) -> tuple[int, int, int] | None:
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _refuse_unfinished(self, path: Path) -> None:
        """A log beside the file holds changes that are not in it; with another file they would be applied to that."""
        log = path.with_name(f"{path.name}.wal")
        if log.exists():
            raise LoadError(
                f"{log} holds changes that are not in {path.name} yet: another program has opened it for writing",
                fix="close it there, let it open the warehouse read-only from now on, and run again",
            )

    def _remove_copies(self) -> None:
        for entry in self.path.parent.iterdir():
            if not entry.name.startswith(f"{self.path.name}{_MARK}"):
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
