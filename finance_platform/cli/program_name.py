"""How a person types the commands that are printed: by name or path, and for the home that this command is for.

A message names its commands for any home, because files, alerts and the UI have it too. On its way to the terminal they
get the home of the command: pasted without it, they would decide about another company's books.

Belongs here: that, and saying once below output that names commands how to type the program. Does not belong here: the
commands themselves.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from finance_platform.safe_text import quote_name

NAME = "finance-platform"
_mentions: list[str] = []
"""Filled by the first printed text that names a command."""

_COMMAND = re.compile(rf"`{NAME} (?!(?:init|deploy|remote)\b)(feed [a-z]+|[a-z][a-z-]*)(?=[ `])(?![^`]*--home )")
"""A command in a text, up to its options; not one without a home, or with one."""
_homes: list[str] = []
"""The home that the command was given with `--home`, if it was."""


def remember_home(home: Path | None) -> None:
    """Remember the home that a command was given, or that it was given none."""
    path = "" if home is None else os.fspath(home)
    # A printed text has no characters that are not printable: a shell reads their escapes in other quotes alone.
    _homes[:] = [] if home is None else [shlex.quote(path) if path.isprintable() else quote_name(path)]


def address(text: str) -> str:
    """Return a text with the home of this command in each command that it names."""
    if not _homes or f"`{NAME} " not in text:
        return text
    return _COMMAND.sub(lambda found: f"{found[0]} --home {_homes[0]}", text)


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


def explain_program() -> str:
    """Return how to type the commands that were named; empty if none was, or if the shell finds them by name."""
    path = program()
    if not _mentions or path == NAME:
        return ""
    called = Path(sys.argv[0]).absolute()
    if called.is_relative_to(Path.cwd()):
        path = shlex.quote(os.fspath(called.relative_to(Path.cwd())))
    return f"This shell does not know the name {NAME}: type {path}"
