"""How a person types the program in this shell: by name, or by the path of a virtual environment that is not active.

Belongs here: that, and saying it once below output that names commands. Does not belong here: the commands themselves,
which messages, files and alerts name as `finance-platform`, because they are read elsewhere too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

NAME = "finance-platform"
_mentions: list[str] = []
"""Filled by the first printed text that names a command."""


def note_mention(text: str) -> None:
    """Remember that a text which is printed names a command of the program."""
    if not _mentions and f"{NAME} " in text:
        _mentions.append(text)


def program() -> str:
    """Return how the commands are called: by name where the shell finds it so, or else by this program's path."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which(NAME)
    if called.name != NAME or (found and Path(found).samefile(called)):
        return NAME
    return shlex.quote(str(called))


def explain_program(arguments: Sequence[str]) -> str:
    """Return how to type the commands that were named; empty if none was, or if the shell finds them by name.

    Args:
        arguments: those of this command; what it says about another home concerns the commands that it names, too.
    """
    path = program()
    if not _mentions or path == NAME:
        return ""
    called = Path(sys.argv[0]).absolute()
    if called.is_relative_to(Path.cwd()):
        path = shlex.quote(os.fspath(called.relative_to(Path.cwd())))
    home = next((second for first, second in pairwise(arguments) if first == "--home"), "")
    with_home = f", with --home {shlex.quote(home)}" if home else ""
    return f"This shell does not know the name {NAME}: type {path}{with_home}"
