"""The processed zone as the warehouse loads from it: files by address, and load manifests.

Belongs here: sizes and bytes of files that are named by their address, writing and removing manifests.
Does not belong here: the content of a manifest (see `warehouse`), which files are loaded (see `slices`).
"""

from __future__ import annotations

from typing import BinaryIO

from finance_platform.storage.port import ObjectStore

FOLDER = "manifests"


class StagedFiles:
    """The files of the processed zone."""

    def __init__(self, processed: ObjectStore) -> None:
        self._processed = processed

    def size(self, uri: str) -> int | None:
        """Return a file's size in bytes, or None if it does not exist."""
        item = self._processed.find(self._key(uri))
        return item.size if item else None

    def open(self, uri: str) -> BinaryIO:
        """Open a file for reading; the stream can seek.

        Raises:
            FileNotFoundError: the file does not exist.
        """
        return self._processed.open(self._key(uri))

    def write_manifest(self, name: str, data: bytes) -> str:
        """Write a manifest and return its address."""
        self._processed.write(f"{FOLDER}/{name}", data)
        return self._processed.uri(f"{FOLDER}/{name}")

    def remove_manifest(self, name: str) -> None:
        """Remove a manifest, if it exists."""
        self._processed.delete(f"{FOLDER}/{name}")

    def _key(self, uri: str) -> str:
        root = self._processed.uri("")
        if not uri.startswith(root):
            raise FileNotFoundError(f"{uri} is not in {self._processed.root}")
        return uri.removeprefix(root).lstrip("/")
