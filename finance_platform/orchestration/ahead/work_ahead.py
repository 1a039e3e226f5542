"""Work of the last steps that does not depend on the jobs, done while these are at work.

Belongs here: what it is. Does not belong here: when it is done (see `orchestration.job_runners.job_process`, which
gets it from the command).

It is only imports, translations and a template, which a process does once and the steps do themselves where it was not
done. So a failure of theirs is reported by the step that needs them, and a run that ends early has left nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from finance_platform.bootstrap import translate_ahead
from finance_platform.reports.pack.file_names import PACK_FILE, WORKBOOK_FILE
from finance_platform.settings import Settings

_LATE_MODULES = ("finance_platform.refresh.report_pack", "pyarrow.acero")
"""Modules that the load and the report import when they need them."""

_WORKBOOK = "finance_platform.reports.pack.workbook.write"
"""The same, with the library of workbooks: of a pack that is too large for a run to write one, none is written."""


def work_ahead(settings: Settings) -> Iterator[None]:
    """Do the work in small steps, one at each step of the iterator."""
    yield from translate_ahead(settings)
    for name in (*_LATE_MODULES, *([_WORKBOOK] if _may_write_workbook(settings) else [])):
        import_module(name)
        yield
    from finance_platform.reports.pack.page import page_template

    page_template()
    yield


def _may_write_workbook(settings: Settings) -> bool:
    """Return whether the run may write a workbook: not in a home whose last pack has none."""
    reports = Path(settings.reports_root)
    return (reports / WORKBOOK_FILE).exists() or not (reports / PACK_FILE).exists()
