"""The figures of the reports, read in a thread beside the rest of the load's step.

Belongs here: when they are read, and who gets them. Does not belong here: reading them (see `refresh.report_pack`).

Most of that time is DuckDB's, which lets other threads run, while the step evaluates checks and stores its events, and
the next one adds up the variance report.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from finance_platform.reports.pack.model import Pack
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse

_log = logging.getLogger(__name__)


def read_pack(processed: ObjectStore, warehouse: Warehouse, settings: Settings) -> Pack:
    """Return what `read_published_pack` does; a run whose fork has made the pack imports nothing that makes one."""
    from finance_platform.refresh.report_pack import read_published_pack

    return read_published_pack(processed, warehouse, settings)


class PackAhead:
    """Reads a pack ahead of the step that writes it, in a run that holds the home's lock from its start to its end.

    So nothing changes between the load and the report, and the pack is the one that the report would read.
    """

    def __init__(self) -> None:
        """Prepare the thread; `begin` starts it."""
        self._thread = ThreadPoolExecutor(1, "pack-ahead")
        self._pack: Future[Pack] | None = None

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being read: nothing has the warehouse open after the run."""
        self._thread.shutdown()

    def begin(self, read: Callable[[], Pack]) -> None:
        """Begin to read; a load that is tried again replaces what its first attempt has read."""
        self._pack = self._thread.submit(read)

    def take(self, read: Callable[[], Pack]) -> Pack:
        """Return what was read, once; read it here if that was not begun or has failed, so that errors are reported."""
        pack, self._pack = self._pack, None
        if pack is not None:
            try:
                return pack.result()
            except Exception:
                _log.debug("reading the report pack ahead failed", exc_info=True)
        return read()
