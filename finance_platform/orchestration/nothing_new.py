"""Answering `run` without a run: the last complete run's checks with the present status, if nothing is new.

Belongs here: the ports, the lock, what Dagster's storage must have. Does not belong here: what makes a home unchanged
(see `refresh.nothing_new`). Dagster is not imported, unless its records are not in the home.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from finance_platform.bootstrap import (
    home_lock,
    open_data_catalog,
    open_warehouse,
    processed_zone,
    raw_zone,
    reports_folder,
    warehouse_readers,
)
from finance_platform.errors import DagsterStorageError
from finance_platform.home import Home
from finance_platform.orchestration.runs import SUCCESS, is_history_complete, last_run
from finance_platform.refresh.nothing_new import NothingNew, find_nothing_new
from finance_platform.refresh.steps.complete_run import read_complete_run
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.storage.factory import is_remote
from finance_platform.storage.listed_once import listed_while_locked
from finance_platform.storage.port import ObjectStore

_log = logging.getLogger(__name__)


def answer_without_run(settings: Settings, raw: ObjectStore | None = None) -> NothingNew | None:
    """Return what a run would report if there is nothing for it to do; None if one is needed.

    Args:
        settings: the home.
        raw: the raw zone; one of `listed_once` has the listing afterwards by which it was decided.

    Raises:
        LockedError: a run is at work in this home.
    """
    raw, processed = raw or raw_zone(settings), processed_zone(settings)
    if not raw.exists() or read_complete_run(processed) is None:
        return None
    with home_lock(settings), warehouse_readers(settings):
        complete = read_complete_run(processed)
        if complete is None or not _is_recorded(settings, complete.run_id):
            return None
        latest = last_run(settings.dagster_home)
        if latest is None or latest["status"] != SUCCESS:
            return None  # a run that failed is made up for by one that succeeds
        if is_remote(processed.root):
            processed = listed_while_locked(processed)  # for all that is read below, as a run has it
        nothing_new = find_nothing_new(
            Home(settings, raw, processed, open_warehouse(settings)),
            reports_folder(settings),
            complete,
            at=datetime.now(UTC),
            last_run=latest,
        )
        catalog = open_data_catalog(settings) if nothing_new else None
        if catalog is not None:
            from finance_platform.data_catalog.sync import sync_or_warn  # imports botocore

            # Others may have changed it, or it was not available to the last run.
            snapshot = read_snapshot(processed, StarSettings.of(settings))
            sync_or_warn(catalog, snapshot, processed, _log)
    return nothing_new


def _is_recorded(settings: Settings, run_id: str) -> bool:
    try:
        return is_history_complete(settings.dagster_home, run_id)
    except (DagsterStorageError, OSError):
        return False  # the run that starts instead reports it
