"""A file that is only replaced as a whole, so that readers see the old or the new one and never wait.

Belongs here: the copy, making it durable, the rename, and removing the copies of killed runs.
Does not belong here: the content of the file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.storage.durability import create_folder, sync_file, sync_folder
from finance_platform.storage.local_errors import translate_write_errors

_INFIX = ".loading-"


@dataclass
class Replacement:
    """A private copy to work on; published only if `is_changed` is set.

    Attributes:
        path: its path.
        is_new: whether there was no file to copy.
        is_changed: whether it is published.
    """

    path: Path
    is_new: bool = False
    is_changed: bool = False


class AtomicFile:
    """The file at `path`; writers hold the run's lock, readers need no lock."""

    def __init__(self, path: Path, new_content: Callable[[], bytes] = bytes) -> None:
        """Resolve links, so that a rename replaces the file and not a link to it; one of a cycle is replaced itself.

        Args:
            path: the file.
            new_content: returns what a copy begins with where there is no file; empty for no copy but its path.
        """
        self._new_content = new_content
        path = path.expanduser()
        try:
            self.path = path.resolve()
        except (RuntimeError, OSError):
            self.path = path.absolute()

    def version(self) -> str:
        """Return what changes when the file is written or replaced, or a log or a copy appears beside it."""
        try:
            status = self.path.stat()
            beside = sorted(entry.name for entry in self.path.parent.iterdir() if entry.name.startswith(self._beside))
        except OSError:
            return "missing"
        # ctime moves even where mtime is set back by hand or by `cp -p`.
        return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino} {' '.join(beside)}"

    @property
    def _beside(self) -> str:
        return f"{self.path.name}."

    @contextmanager
    def replacement(self) -> Iterator[Replacement]:
        """Yield a copy beside the file (or what a new one begins with), and publish it on normal exit.

        The caller closes the copy before. After an exception the file is unchanged.

        Raises:
            DiskError: the disk is full, read-only or faulty, or the permission is missing.
            LoadError: another program has the file open for writing.
            TransientWarehouseError: another program replaced the file in between.
        """
        with translate_write_errors("create", self.path.parent):
            create_folder(self.path.parent)
        self._remove_copies()
        self._require_no_log(self.path)
        copy = Replacement(self.path.with_name(f"{self.path.name}{_INFIX}{os.getpid()}-{secrets.token_hex(4)}"))
        copied_from = self._identity()
        copy.is_new = copied_from is None
        try:
            if copied_from:
                with translate_write_errors("copy the warehouse to", copy.path):
                    shutil.copy(self.path, copy.path)
            elif content := self._new_content():
                with translate_write_errors("create", copy.path):
                    copy.path.write_bytes(content)
            yield copy
            if copy.is_changed:
                self._require_no_log(copy.path)
                self._publish(copy.path, copied_from)
        finally:
            self._remove_copies()

    def _publish(self, copy: Path, copied_from: tuple[int, int, int] | None) -> None:
        with translate_write_errors("sync", copy):
            sync_file(copy)
        if self._identity() != copied_from:
            raise TransientWarehouseError(
                f"{self.path} was replaced while a load worked on a copy of it", fix="let one run load at a time"
            )
        with translate_write_errors("replace", self.path):
            copy.replace(self.path)
            sync_folder(self.path.parent)

    def _identity(self) -> tuple[int, int, int] | None:
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _require_no_log(self, path: Path) -> None:
        """A log beside the file has changes that are not in it; DuckDB would apply them to the next file."""
        log = path.with_name(f"{path.name}.wal")
        if log.exists():
            raise LoadError(
                f"{log} has changes that are not in {path.name} yet: another program has opened it for writing",
                fix=(
                    "close that program, let it open the warehouse read-only from now on, and run again; if it does "
                    f"not run any more, it was killed: remove {log}, which has only what that program wrote, "
                    "and run again"
                ),
            )

    def _remove_copies(self) -> None:
        for entry in self.path.parent.iterdir():
            if not entry.name.startswith(f"{self.path.name}{_INFIX}"):
                continue
            with translate_write_errors("remove", entry):
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
