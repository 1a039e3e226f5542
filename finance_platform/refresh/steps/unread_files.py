"""Files that jobs could not read and that are pending, with the reason.

Belongs here: such a file, and finding it in the results of jobs. Does not belong here: why a file cannot be read (see
`feeds.read_file`), which deliveries are pending (see `deliveries.state_derivation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore

_MOST_RESULTS = 8
"""A run has at most four jobs, and each run tries all pending files again."""


class UnreadFile(NamedTuple):
    """A file that could not be read, and stays pending.

    Attributes:
        object_key: the file.
        reason: why.
        fix: what to do.
    """

    object_key: str
    reason: str
    fix: str


def find_unread(processed: ObjectStore, pending: Sequence[DeliveryDiscovered]) -> Mapping[str, UnreadFile]:
    """Return why the newest jobs could not read pending deliveries, by delivery id; nothing of those not tried yet.

    Args:
        processed: the processed zone.
        pending: the deliveries.
    """
    if not pending:
        return {}
    # Most homes have no such file, and the library that jobs report with takes as long to import as many commands.
    from finance_platform.spark_jobs.harness import FOLDER, result_key

    since = min(map(_first_attempt, pending))
    attempts = {item.key.split("/")[1] for item in processed.list_objects(FOLDER, after=f"{FOLDER}/{since}")}
    newest: dict[str, tuple[str, UnreadFile]] = {}
    for attempt in sorted(attempts)[-_MOST_RESULTS:]:
        # A job that failed has no result, and `vacuum` removes old ones.
        with suppress(FileNotFoundError, DamagedObjectError):
            for file in parse_document(key := result_key(attempt), processed.read(key), _unread_files):
                newest[file.object_key] = attempt, file
    found = {event.delivery_id: (event, newest.get(event.object_key)) for event in pending}
    return {name: last[1] for name, (event, last) in found.items() if last and last[0] >= _first_attempt(event)}


def _first_attempt(event: DeliveryDiscovered) -> str:
    """Return a text that no attempt after a delivery was discovered sorts before; see `new_attempt`."""
    return event.at[:19].replace("-", "").replace(":", "")


def _unread_files(result: Mapping[str, Sequence[Mapping[str, str]]]) -> list[UnreadFile]:
    return [UnreadFile(**file) for file in result.get("not_opened", ())]
