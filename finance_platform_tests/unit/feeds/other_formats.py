"""Workbooks of tests in other formats: LibreOffice starts once for each format, and converts those of all modules.

Belongs here: which there are, and when they are converted. Does not belong here: their cells (see the tests).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from finance_platform_tests.office import converted_together
from finance_platform_tests.session_artifacts import session_artifact

ENDINGS = ["xlsx", "xls", "ods"]

_WRITERS: dict[str, Callable[[Path], object]] = {}


def declare(name: str, write: Callable[[Path], object]) -> str:
    """Declare a workbook when a module is imported, before the first test needs it; return its name.

    Args:
        name: of the workbook; no other module has it.
        write: writes it, as an xlsx file.
    """
    assert name not in _WRITERS
    _WRITERS[name] = write
    return name


def take(name: str, ending: str, path: Path, factory: pytest.TempPathFactory) -> None:
    """Write a declared workbook in a format; skip the test where that needs LibreOffice and there is none."""
    if ending == "xlsx":
        _WRITERS[name](path)
        return

    def convert_all(folder: Path) -> None:
        for one, write in _WRITERS.items():
            write(folder / f"{one}.xlsx")
        converted_together([folder / f"{one}.xlsx" for one in _WRITERS], ending, folder)

    folder = session_artifact(factory, f"workbooks-{ending}", convert_all)
    shutil.copy(folder / f"{name}.{ending}", path)
