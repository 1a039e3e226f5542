"""Gives the reader a fault that one file meets once its lines are read: the file of STRANGE_FILE; see `test_commands`.

Python imports a module of this name at its start when its folder is on PYTHONPATH; the code under test knows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any


def _install(strange: str) -> None:
    from finance_platform.feeds import read_file
    from finance_platform.feeds.files.tables import open_tables

    def failing(opened: Any, object_key: str, rules: Any) -> Iterator[Any]:
        yield from open_tables(opened, object_key, rules)
        if object_key == strange:
            raise ValueError("no reader expects\x1b this")

    vars(read_file)["open_tables"] = failing


if "STRANGE_FILE" in os.environ:
    _install(os.environ["STRANGE_FILE"])
