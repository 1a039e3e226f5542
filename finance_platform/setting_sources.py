"""The places that settings come from: variables of the environment, and lines of `.env` files.

Belongs here: which of them is meant for the platform and is none of its settings, and where a setting was set. Does not
belong here: which settings exist and what they may be (see `settings`), sentences about values (see `setting_errors`).

A name with a typo in it would leave the default in force without a word: amounts in another currency, quarters of
another fiscal year.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from finance_platform.errors import SettingsError

ENV_PREFIX = "FINANCE_PLATFORM_"
CALLER_PROOF = f"{ENV_PREFIX}CALLER_PROOF"
"""No setting: a command that runs inside a deployment gets in it who gave the command."""

IN_ENVIRONMENT = "in the environment"

_MEANT = re.compile(rf"\s*(?:export\s+)?'?({ENV_PREFIX}[A-Z0-9_]*)'?(.*)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"""\s*=\s*(?:'(?:[^'\\]|\\.)*'\s*(?:#.*)?|"(?:[^"\\]|\\.)*"\s*(?:#.*)?|[^'"\s].*)?""")
"""What follows the name: a value in quotes that are closed, one without, or none."""


def check_environment_file(file: Path, settings: Collection[str]) -> None:
    """Refuse a file of which a setting cannot be read.

    Args:
        file: a `.env` file; it may be missing.
        settings: the names of all settings, with the prefix.

    Raises:
        SettingsError: it cannot be read, is not UTF-8, or has a line that begins as a setting does and is none.
    """
    if file.is_fifo():
        # Reading it would wait, in every command, until a program writes into it.
        raise SettingsError(
            f"{file} is a named pipe (FIFO), not a plain file",
            fix="put a plain file in its place, or set the variables in the environment",
        )
    if not file.is_file():
        return
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is not UTF-8 text: {error.reason} at byte {error.start:,}",
            fix="save it as UTF-8, or remove it",
        ) from None
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}", fix="make it readable, or remove it") from None
    for number, name, rest in _lines(text):
        if name not in settings:
            raise SettingsError(
                f"{file}, line {number}: {_unknown(name, settings)}", fix="correct the name, or remove the line"
            )
        if not _ASSIGNMENT.fullmatch(rest) or "=" not in rest:
            raise SettingsError(
                f"{file}, line {number}: expected {name}=VALUE, with a closing quote for each opening one",
                fix="correct the line, or remove it",
            )


def unknown_variables(settings: Collection[str]) -> list[str]:
    """Return a sentence for each variable of the environment that looks like a setting and is none.

    They are no error: a deployment may set what a later release knows, and the earlier one has to start with it.

    Args:
        settings: the names of all settings, with the prefix.
    """
    names = sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX))
    known = {*settings, CALLER_PROOF}
    return [_unknown(name, settings, " and has no effect") for name in names if name.upper() not in known]


def place_of(variable: str, files: Iterable[Path]) -> str:
    """Return where a setting was set, as a clause; empty if that is neither the environment nor one of the files.

    Args:
        variable: its name, with the prefix.
        files: the `.env` files, those of higher precedence last.
    """
    if any(name.upper() == variable and value for name, value in os.environ.items()):
        return IN_ENVIRONMENT
    places = [
        f"in {file}, line {number}"
        for file in files
        if file.is_file()
        for number, name, rest in _lines(file.read_text(encoding="utf-8"))
        if name == variable and rest.strip() != "="
    ]
    return places[-1] if places else ""


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, name and rest of each line that begins as a setting does."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _MEANT.fullmatch(line):
            yield number, match[1].upper(), match[2]


def _unknown(name: str, settings: Collection[str], consequence: str = "") -> str:
    close = difflib.get_close_matches(name.upper(), settings, n=1, cutoff=0.85)
    close = close or [one for one in sorted(settings) if one.startswith(f"{name.upper()}_")][:1]
    return f"{name} is not a setting{consequence}" + (f"; did you mean {close[0]}?" if close else "")
