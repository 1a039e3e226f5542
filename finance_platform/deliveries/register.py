"""The register: the append-only record of what happened to the raw zone's objects, and of what people decided.

Belongs here: its events, their storage, and safety against a second writer.
Does not belong here: what follows from the events (see `state`), when a delivery is held (see `judging`), what a
person may decide (see `decisions`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from finance_platform.feeds.resolved import LoadMode
from finance_platform.storage.bulk_read import read_immutable
from finance_platform.storage.port import ObjectStore

FOLDER = "register"
TOLERANCE = "tolerance"
"""The kind of reason that lies in a delivery's content alone."""


@dataclass(frozen=True)
class DeliveryDiscovered:
    """A version of a raw object was found under reading rules that are in force.

    Attributes:
        object_key: path in the raw zone.
        feed: the feed that reads it.
        kind: ledger, departments or accounts.
        delivery_id: identity of the delivery that this version is.
        fingerprint: SHA-256 of the bytes.
        etag: the listing's etag, so that unchanged objects are not read to know that.
        size: in bytes.
        modified_at: the object's own time, ISO 8601 UTC.
        load_mode: what the delivery does to the feed's earlier ones.
        tolerated_share: share of candidate lines that may be rejected before the delivery is held, a decimal.
        tolerated_amount: sum of absolute amounts that may be rejected, a decimal, or None for any.
        at: when the platform found it, ISO 8601 UTC.
        run_id: the run that found it.
        is_scoped: whether the delivery replaces its periods only within the values of the feed's scope.
        order: what the name says about its place in the order, as text that sorts; empty where the feed has no rule.
        tolerated_removal: share of a period's published lines that it may remove before it is held, or None for all.
        is_held_when_late: whether it is held, and not only warned of, when it sorts before one that it overlaps.
    """

    object_key: str
    feed: str
    kind: str
    delivery_id: str
    fingerprint: str
    etag: str
    size: int
    modified_at: str
    load_mode: LoadMode
    tolerated_share: str
    tolerated_amount: str | None
    at: str
    run_id: str
    is_scoped: bool = False
    order: str = ""
    tolerated_removal: str | None = "0.5"
    is_held_when_late: bool = False


@dataclass(frozen=True)
class Verdict:
    """What the platform made of a delivery once it was read: it counts, or it is held.

    Attributes:
        object_key: path in the raw zone.
        delivery_id: the delivery.
        at: when, ISO 8601 UTC.
        run_id: the run that judged it.
        reasons: why it is held, each a clause; empty when it counts.
        fix: what to do about a held one.
        is_final: whether accepting it is out of the question.
        warnings: what a person should know of one that counts.
        kinds: a word for each reason.
    """

    object_key: str
    delivery_id: str
    at: str
    run_id: str
    reasons: tuple[str, ...] = ()
    fix: str = ""
    is_final: bool = False
    warnings: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def is_accepted_by(self, accepted: Collection[str]) -> bool:
        """Return whether an earlier acceptance covers the verdict: what is wrong in the content alone, not beside it.

        Whether a delivery removes much, repeats another or restates a closed period depends on what is there when it
        comes, so somebody is asked each time.
        """
        return set(self.kinds) == {TOLERANCE} and TOLERANCE in accepted and not self.is_final

    @property
    def is_held(self) -> bool:
        """Whether the delivery does not count until someone accepts it."""
        return bool(self.reasons)


@dataclass(frozen=True)
class DecisionRecorded:
    """What a person decided about a delivery.

    Attributes:
        action: accepted (a held one counts), withdrawn (it counts no more), reinstated (as before it was withdrawn).
        object_key: path in the raw zone.
        delivery_id: the delivery that the object was when it was decided.
        keeps_earlier: of a withdrawal: the delivery was held, so what its object said before goes on counting.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
    """

    action: Literal["accepted", "withdrawn", "reinstated"]
    object_key: str
    delivery_id: str
    who: str
    why: str
    at: str
    keeps_earlier: bool = False


@dataclass(frozen=True)
class PeriodStatusChanged:
    """A period was closed or reopened.

    Attributes:
        action: closed or reopened.
        period: YYYY-MM.
        versions: of a closing: the version of the fact slice that was published then, by table.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
    """

    action: Literal["closed", "reopened"]
    period: str
    who: str
    why: str
    at: str
    versions: Mapping[str, str] = field(default_factory=dict)


Event = DeliveryDiscovered | Verdict | DecisionRecorded | PeriodStatusChanged
_KINDS: dict[str, type[Any]] = {
    "delivered": DeliveryDiscovered,
    "judged": Verdict,
    "decided": DecisionRecorded,
    "closing": PeriodStatusChanged,
}
_NAMES = {its_type: name for name, its_type in _KINDS.items()}


class Register:
    """The register of one processed zone: numbered objects, each a list of events that happened together."""

    def __init__(self, processed: ObjectStore) -> None:
        self._lake = processed

    def length(self) -> int:
        """Return how many documents there are."""
        return sum(1 for _ in self._lake.list_objects(FOLDER))

    def events(self, *, after: int = 0) -> list[Event]:
        """Return every event, oldest first.

        Args:
            after: leave out what the first so many documents say.
        """
        documents = read_immutable(self._lake, FOLDER, _events)
        return [event for document in documents[after:] for event in document]

    def append(self, events: Iterable[Event]) -> None:
        """Write events after the last ones; a number that another writer took is never overwritten."""
        documents = [{"event": _NAMES[type(event)], **asdict(event)} for event in events]
        if not documents:
            return
        data = json.dumps({"events": documents}, indent=1, ensure_ascii=False).encode()
        number = self.length() + 1
        while not self._lake.write_new(_key(number), data):
            number += 1


def _key(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"


def delivered(events: Iterable[Event]) -> list[DeliveryDiscovered]:
    """Return the deliveries among events, oldest first."""
    return [event for event in events if isinstance(event, DeliveryDiscovered)]


def utc_text(moment: datetime) -> str:
    """Return a UTC moment as ISO 8601 text with microseconds, which sorts by time."""
    return moment.isoformat(timespec="microseconds")


def _events(data: bytes) -> list[Event]:
    return [_event(values) for values in json.loads(data)["events"]]


def _event(document: Mapping[str, Any]) -> Event:
    values: dict[str, Any] = {
        _RENAMED.get(name, name): tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    event: Event = _KINDS[values.pop("event")](**values)
    return event


_RENAMED = {"stamp": "etag"}
"""Fields of events that an earlier register spells otherwise; its documents are never rewritten."""
