"""The content of a new warehouse's file, made before it is needed.

Belongs here: keeping it in memory until a warehouse begins with it. Does not belong here: making it (see `work_ahead`),
whether a file has this release's tables and views (see `migration`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class NewFile:
    """A content that is made once and taken once, by another thread; who takes it waits for one that is being made."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        # Making it creates a warehouse, which asks for a content itself.
        self._lock = threading.RLock()
        self._content = b""

    def make(self, make: Callable[[], bytes]) -> None:
        """Make the content and keep it."""
        with self._lock:
            self._content = make()

    def take(self) -> bytes:
        """Return the content, which is not kept any longer; empty if there is none."""
        with self._lock:
            content, self._content = self._content, b""
            return content


NEW_FILE = NewFile()
"""The one of this process."""
