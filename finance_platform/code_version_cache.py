"""Versions of the code that an earlier process has derived from the same files, kept where Python keeps bytecode.

Belongs here: the file, reading and writing it. Does not belong here: what a version is (see `code_version`).

It is used like bytecode: a person who may write into that folder may change the code itself. Where it cannot be
written, or Python is set to write no bytecode, each process derives the versions.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

_JOBS = "code_version"


def read_kept_versions(sources: str, *, of: str = _JOBS) -> dict[str, str]:
    """Return the versions that are kept for these files, by name; none of a file that is missing or damaged.

    Args:
        sources: what identifies the files: a hash of their contents, or of how the file system describes them.
        of: what they are versions of; the jobs' code by default.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads(_file(of).read_bytes())
        if kept["sources"] == sources:
            return {str(name): str(version) for name, version in kept["versions"].items()}
    return {}


def keep_versions(sources: str, versions: Mapping[str, str], *, of: str = _JOBS) -> None:
    """Keep the versions for later processes, in place of those of other files.

    Args:
        sources: see `read_kept_versions`.
        versions: by name.
        of: see `read_kept_versions`.
    """
    if sys.dont_write_bytecode:
        return
    file = _file(of)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            written.write_text(json.dumps({"sources": sources, "versions": dict(versions)}), encoding="utf-8")
            written.replace(file)
        finally:
            written.unlink(missing_ok=True)


def _file(of: str) -> Path:
    return Path(cache_from_source(str(Path(__file__).with_name(f"{of}.py")))).with_suffix(".json")
