"""The tables and views of a new warehouse, kept where Python keeps bytecode by the first process that has created them.

Belongs here: the file, finding and writing it. Does not belong here: creating them, and copying them from it (see
`new_schema`).

It is used like bytecode: a person who may write into that folder may change the code itself. Where it cannot be
written, or Python is set to write no bytecode, each process creates them. Only its catalog is ever read.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path


def find_kept_schema(identity: str) -> Path | None:
    """Return a warehouse's file with the tables and views of this identity; None if there is none, or it is damaged.

    Args:
        identity: of the statements that create them.
    """
    with suppress(OSError):
        for file in _folder().glob(f"{_stem()}.{identity}-*.duckdb"):
            # DuckDB may give up every file of the process if it meets a damaged one.
            if file.name == _name(identity, file.read_bytes()):
                return file
    return None


def keep_schema(identity: str, content: bytes) -> None:
    """Keep a warehouse's file for later processes, in place of those of other releases.

    Args:
        identity: of the statements that have created its tables and views.
        content: of the file.
    """
    if sys.dont_write_bytecode:
        return
    file = _folder() / _name(identity, content)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            written.write_bytes(content)
            written.replace(file)
        finally:
            written.unlink(missing_ok=True)
        for other in _folder().glob(f"{_stem()}.*.duckdb"):
            if other != file:
                other.unlink(missing_ok=True)


def _name(identity: str, content: bytes) -> str:
    return f"{_stem()}.{identity}-{hashlib.sha256(content).hexdigest()[:16]}.duckdb"


def _stem() -> str:
    return _bytecode().stem


def _folder() -> Path:
    return _bytecode().parent


def _bytecode() -> Path:
    return Path(cache_from_source(__file__))
