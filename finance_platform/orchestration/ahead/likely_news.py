"""A guess whether there is something new to read, in a few milliseconds and without a library.

Belongs here: the guess. Does not belong here: what is new (see `deliveries.changes`), which takes imports and listings.

The process of the jobs takes longer to start than the change detection takes to decide. A wrong guess costs a process
that is ended before it has done anything, or one that starts a third of a second later.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from finance_platform.settings import Settings
from finance_platform.storage.s3_options import S3_SCHEME

COMPLETE = "looks/complete.json"
"""The record of the last complete run (see `refresh.recorded_code`, which imports Arrow)."""

_MOST_FILES = 2_000
"""How many files are looked at; what else is new in a larger home shows up in the change detection."""


def is_news_likely(settings: Settings) -> bool:
    """Return whether a file or a descriptor was written after the last complete run, or there was none.

    Args:
        settings: the home; of a zone on S3 nothing is known.
    """
    if any(root.startswith(S3_SCHEME) for root in (settings.raw_root, settings.processed_root)):
        return False
    try:
        recorded = (Path(settings.processed_root) / COMPLETE).stat().st_mtime_ns
    except OSError:
        return True
    # A file that was put into the raw zone shows in its folder's time, so the others are not looked at.
    return any(
        written > recorded for written in chain(_written(Path(settings.raw_root)), _written(settings.feeds_path))
    )


def _written(folder: Path) -> Iterator[int]:
    """Yield when each of the first files below a folder, and each folder, was written or put there."""
    folders, left = [str(folder)], _MOST_FILES
    with suppress(OSError):
        yield folder.stat().st_mtime_ns  # moves with each file that is put into it, however many it has
    while folders and left > 0:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in islice(entries, left):
                    left -= 1
                    found = entry.stat(follow_symlinks=False)
                    yield max(found.st_mtime_ns, found.st_ctime_ns)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
