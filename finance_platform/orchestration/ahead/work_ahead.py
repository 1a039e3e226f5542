"""Work of the last steps that does not depend on the jobs, done while these are at work.

Belongs here: what it is. Does not belong here: when it is done (see `orchestration.job_runners.job_process`, which
gets it from the command).

It is only imports, translations and a template, which a process does once and the steps do themselves where it was not
done. So a failure of theirs is reported by the step that needs them, and a run that ends early has left nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from finance_platform.bootstrap import translate_ahead
from finance_platform.settings import Settings

_LATE_MODULES = (
    "finance_platform.refresh.report_pack",
    "finance_platform.reports.pack.workbook.write",
    "pyarrow.acero",
)
"""Modules that the load and the report import when they need them, with the library of workbooks."""


def work_ahead(settings: Settings) -> Iterator[None]:
    """Do the work in small steps, one at each step of the iterator."""
    yield from translate_ahead(settings)
    for name in _LATE_MODULES:
        import_module(name)
        yield
    from finance_platform.reports.pack.page import page_template

    page_template()
    yield
