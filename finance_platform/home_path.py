"""The path of a home: absolute, and of a folder that every library finds there.

Belongs here: which paths are refused, and why. Does not belong here: what is in a home (see `settings`), whether it has
a raw zone.
"""

from __future__ import annotations

import re
from pathlib import Path

from finance_platform.errors import HomeError
from finance_platform.safe_text import quote_name

_MISREAD = re.compile(r"[?\\]|%[0-9A-Fa-f]{2}")
"""Dagster's storage is opened by an address, which ends at `?`, and in which `%20` is a blank; DuckDB takes `\\` for
`/`. Files of the home would be outside it, or those of another home."""


def absolute_home(home: str | Path) -> Path:
    """Return the absolute path of a home; `~` at its beginning is the folder of a user.

    Raises:
        HomeError: no user has that name.
    """
    path = Path(home)
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise HomeError(
            f"its path begins with {quote_name(path.parts[0])}, and this machine has no such user",
            fix="write the path from / on; in a shell, the name of a folder that begins with ~ is quoted",
        ) from None


def require_readable_path(home: Path, encoding: str) -> None:
    """Refuse a home whose path libraries would take for another one.

    Args:
        home: its absolute path.
        encoding: how Python decodes paths; DuckDB and Arrow take every text for UTF-8.

    Raises:
        HomeError: the path has letters that they decode otherwise, or characters that mean something else to them.
    """
    if encoding.lower() not in {"utf-8", "utf8"} and not str(home).isascii():
        raise HomeError(
            f"its path has letters beyond ASCII, and the locale has paths in {encoding}: {quote_name(str(home))}",
            fix="set PYTHONUTF8=1, or LC_ALL=C.UTF-8",
        )
    if misread := _MISREAD.search(str(home)):
        raise HomeError(
            f"its path has {quote_name(misread[0])}, which DuckDB or SQLite would take for something else: "
            f"{quote_name(str(home))}",
            fix="rename the folder, or use another one",
        )
