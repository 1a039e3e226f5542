"""Installed libraries that a process of the platform does not use, although another library would import them.

Belongs here: letting such imports fail. Does not belong here: which process leaves out what (see `cli` and
`spark_jobs.job_host`).

Where pandas is installed, Arrow imports it with the first array that is made of Python values, to recognise its types.
That takes a quarter of a second and 40 MiB; NumPy, which Arrow imports with itself, a tenth of the time of a small
command. Arrow works without both.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


def leave_out(names: Collection[str], *, until: str = "") -> None:
    """Let no import of some libraries succeed from now on; only for a process that is the platform's own.

    Args:
        names: the libraries.
        until: a library that needs them: once its import has begun, they are imported like any other.
    """
    sys.meta_path.insert(0, _Without(frozenset(names), until))


def is_left_out(name: str) -> bool:
    """Return whether this process leaves a library out."""
    return any(isinstance(finder, _Without) and name in finder.names for finder in sys.meta_path)


class _Without(MetaPathFinder):
    def __init__(self, names: frozenset[str], until: str) -> None:
        self.names = names
        self._until = until

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002  the import system's
        """Raise ModuleNotFoundError for what is left out; leave every other module to the finders after this one."""
        if fullname in self.names and self._until not in sys.modules:
            raise ModuleNotFoundError(f"this process does not use {fullname}", name=fullname)
