"""The processed zone as whoever loads a warehouse from it sees it: files by address, and the lists of files to load.

Belongs here: sizes and bytes of files that are named by their address, manifests and their removal.
Does not belong here: what is in a manifest (see `warehouse`), which files are loaded (see `assets`).
"""

from __future__ import annotations

from typing import BinaryIO

from finance_platform.storage.port import ObjectStore

FOLDER = "manifests"


class StagedFiles:
    """The files of one zone."""

    def __init__(self, lake: ObjectStore) -> None:
        """Take the processed zone; nothing is opened before it is asked."""
        self._lake = lake

    def size(self, uri: str) -> int | None:
        """Return a file's size in bytes, or None where there is no such file."""
        found = self._lake.find(self._key(uri))
        return found.size if found else None

    def open(self, uri: str) -> BinaryIO:
        """Open a file for reading, from anywhere in it.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return self._lake.open(self._key(uri))

    def write_manifest(self, name: str, data: bytes) -> str:
        """Write a manifest and return its address."""
        self._lake.write(f"{FOLDER}/{name}", data)
        return self._lake.uri(f"{FOLDER}/{name}")

    def remove_manifest(self, name: str) -> None:
        """Remove a manifest, if it is there."""
        self._lake.delete(f"{FOLDER}/{name}")

    def _key(self, uri: str) -> str:
        root = self._lake.uri("")
        if not uri.startswith(root):
            raise FileNotFoundError(f"{uri} is not in {self._lake.root}")
        return uri.removeprefix(root).lstrip("/")
