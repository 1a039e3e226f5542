"""The status of a home as it is now: a recorded one if it is still that of the home, else derived.

Belongs here: the choice, and what a run records. Does not belong here: figures (see `status`), records of them (see
`known_status`), a status that is derived beside a run (see `status_ahead`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finance_platform.deliveries.register import FOLDER as REGISTER
from finance_platform.errors import FinancePlatformError
from finance_platform.home import Home
from finance_platform.refresh.known_status import identify_home, read_known_status, record_document, record_status
from finance_platform.refresh.steps.complete_run import read_complete_run
from finance_platform.refresh.steps.recorded_code import trust_recorded_code
from finance_platform.storage.listed_once import list_ahead

if TYPE_CHECKING:
    from finance_platform.refresh.status_ahead import StatusAhead
    from finance_platform.reports.status import Status


def read_current_status(
    home: Home,
    *,
    at: datetime,
    since: datetime | None = None,
    last_run: Mapping[str, Any] | None = None,
    with_all_versions: bool = False,
) -> Status:
    """Return the status of a home, from a record if the home is as the last complete run left it and there is one.

    Args:
        home: the home, whose zones are listed once.
        at: the present.
        since: report movements of then or later; None for the latest load.
        last_run: the last run; None if there was none.
        with_all_versions: whether to add the statement of all versions.
    """
    list_ahead(home.processed, [REGISTER])
    identity = "" if since or with_all_versions else _identify(home, at)
    if identity and (known := read_known_status(home.processed, identity, last_run)):
        return known
    return _derive(home, at=at, since=since, last_run=last_run, with_all_versions=with_all_versions)


def record_current_status(
    home: Home, *, at: datetime, last_run: Mapping[str, Any] | None, ahead: StatusAhead | None
) -> Status:
    """Return the status of a home that a run has left, and record it if the run was complete.

    Args:
        home: the home, whose zones are listed once.
        at: the present.
        last_run: the last run; None if there was none.
        ahead: the status that was derived beside the run, which counts if it is that of what the run has left.
    """
    processed = home.processed
    list_ahead(processed, [REGISTER])
    identity = _identify(home, at)
    if identity and (known := read_known_status(processed, identity, last_run)):
        return known
    # Imported here: a status that is recorded needs none of what derives one.
    if identity and ahead is not None:
        from finance_platform.refresh.status_ahead import is_status_of

        if is_status_of(ahead, processed, home.warehouse, at=at):
            return record_document(processed, identity, ahead.document, last_run)
    derived = _derive(home, at=at, last_run=last_run)
    record_status(processed, identity, derived)
    return derived


def _derive(
    home: Home,
    *,
    at: datetime,
    last_run: Mapping[str, Any] | None,
    since: datetime | None = None,
    with_all_versions: bool = False,
) -> Status:
    # Imported here: a status that is recorded needs none of what derives one.
    from finance_platform.refresh import status

    trust_recorded_code(home.processed)
    return status.read_status(home, at=at, since=since, last_run=last_run, with_all_versions=with_all_versions)


def _identify(home: Home, at: datetime) -> str:
    """Return the identity of a home that is as the last complete run left it; empty if it is not, or unreadable."""
    try:
        complete = read_complete_run(home.processed)
        if complete is None or not complete.warehouse:
            return ""
        return identify_home(home, complete, at)
    except (FinancePlatformError, OSError):
        return ""  # the status that is derived instead reports what is wrong
