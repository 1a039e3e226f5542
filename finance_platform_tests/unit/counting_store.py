"""A store on disk that counts its reads; a file of its own, because tests of three kinds of checkpoints need it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from finance_platform.storage.local import LocalStore


class CountingStore(LocalStore):
    """A store on disk that counts the files that were read, by folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: Counter[str] = Counter()

    def read(self, key: str) -> bytes:
        self.reads[key.partition("/")[0]] += 1
        return super().read(key)
