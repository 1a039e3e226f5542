"""The register: the append-only record of what happened to the raw zone's objects.

Belongs here: its events, their storage, and safety against a second writer.
Does not belong here: what follows from the events (see `state`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from finance_platform.feeds.resolved import LoadMode
from finance_platform.lake.port import Lake

FOLDER = "register"


@dataclass(frozen=True)
class Delivered:
    """A version of a raw object was found under reading rules that are in force.

    Attributes:
        object_key: path in the raw zone.
        feed: the feed that reads it.
        kind: ledger, departments or accounts.
        delivery_id: identity of the delivery that this version is.
        fingerprint: SHA-256 of the bytes.
        stamp: the listing's stamp, so that unchanged objects are not read to know that.
        size: in bytes.
        modified_at: the object's own time, ISO 8601 UTC.
        load_mode: what the delivery does to the feed's earlier ones.
        tolerated_share: share of candidate lines that may be rejected before the delivery is held, a decimal.
        tolerated_amount: sum of absolute amounts that may be rejected, a decimal, or None for any.
        at: when the platform found it, ISO 8601 UTC.
        run_id: the run that found it.
    """

    object_key: str
    feed: str
    kind: str
    delivery_id: str
    fingerprint: str
    stamp: str
    size: int
    modified_at: str
    load_mode: LoadMode
    tolerated_share: str
    tolerated_amount: str | None
    at: str
    run_id: str


class Register:
    """The register of one processed zone: numbered objects, each a list of events of one run."""

    def __init__(self, processed: Lake) -> None:
        self._lake = processed

    def events(self) -> list[Delivered]:
        """Return every event, oldest first."""
        events = []
        for entry in sorted(self._lake.list_objects(FOLDER), key=lambda item: item.key):
            document = json.loads(self._lake.read(entry.key))
            events += [Delivered(**{k: v for k, v in event.items() if k != "event"}) for event in document["events"]]
        return events

    def append(self, events: Iterable[Delivered]) -> None:
        """Write events after the last ones; a number that another writer took is never overwritten."""
        documents = [{"event": "delivered", **asdict(event)} for event in events]
        if not documents:
            return
        data = json.dumps({"events": documents}, indent=1, ensure_ascii=False).encode()
        number = sum(1 for _ in self._lake.list_objects(FOLDER)) + 1
        while not self._lake.write_new(f"{FOLDER}/{number:012d}.json", data):
            number += 1


def utc_text(moment: datetime) -> str:
    """Return a UTC moment as ISO 8601 text with microseconds, which sorts by time."""
    return moment.isoformat(timespec="microseconds")
