"""PySpark's functions and windows, imported when a plan first uses one.

Belongs here: the names `F` and `Window` for modules that plan. Does not belong here: plans, sessions (see
`spark_jobs.session`).

Most jobs on one machine make no plan (265), and to import PySpark takes them as long as to read and build a small
delivery.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Window
    from pyspark.sql import functions as F
else:

    class _OnDemand:
        def __init__(self, module: str, name: str = "") -> None:
            self._module = module
            self._name = name

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of what this object stands for."""
            if name.startswith("__"):
                raise AttributeError(name)  # what `pickle` and `inspect` look for is none of PySpark's
            module = import_module(self._module)
            return getattr(getattr(module, self._name) if self._name else module, name)

    F = _OnDemand("pyspark.sql.functions")
    Window = _OnDemand("pyspark.sql.window", "Window")

__all__ = ["F", "Window"]
