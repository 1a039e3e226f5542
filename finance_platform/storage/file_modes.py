"""Who may read the files that the platform creates: the one place that decides their modes.

Belongs here: the mask of the process, and finding files of an earlier release that more people may read. Does not
belong here: the modes of single files; every file is created with the modes that the mask leaves. The raw zone and the
feed descriptors belong to people, and their modes are never changed.

A mask of the process covers the files of Spark, DuckDB, SQLite and Dagster too, and child processes inherit it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_OWNER_ONLY, _OWNER_AND_GROUP = 0o077, 0o027


def mask_new_files(*, group_readable: bool) -> int:
    """Give files that this process creates the modes 0600 and 0700, or 0640 and 0750; return the earlier mask."""
    return os.umask(_mask(group_readable=group_readable))


@contextmanager
def masked_new_files(*, group_readable: bool) -> Iterator[None]:
    """Do the same within a block."""
    earlier = mask_new_files(group_readable=group_readable)
    try:
        yield
    finally:
        os.umask(earlier)


def find_exposed(home: Path, names: Sequence[str], *, group_readable: bool) -> list[str]:
    """Return the entries of a home that more people may read than new files, as those of an earlier release.

    Args:
        home: the home folder; if others may not enter it, nothing in it is exposed.
        names: the entries to look at; what is in a folder is protected by the folder.
        group_readable: whether the group may read.
    """
    mask = _mask(group_readable=group_readable)
    if not home.is_dir() or not _mode(home) & mask & (stat.S_IXGRP | stat.S_IXOTH):
        return []
    return [name for name in names if (home / name).exists() and _mode(home / name) & mask]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _mask(*, group_readable: bool) -> int:
    return _OWNER_AND_GROUP if group_readable else _OWNER_ONLY
