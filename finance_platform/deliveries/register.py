"""The register: the append-only event log of deliveries, verdicts and decisions.

Belongs here: storing events and reading them, and safety against a second writer. Does not belong here: what an event
says (see `events`), how events are linked (see `event_chain`), what follows from them (see `state_derivation`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finance_platform.deliveries.event_chain import (
    START,
    ChainReader,
    Head,
    declared_head,
    decode,
    events_of,
    head_of,
    link,
    link_all,
)
from finance_platform.deliveries.events import (
    DecidedAmount,
    DecisionProposed,
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Verdict,
)
from finance_platform.errors import DamagedObjectError, RegisterError
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import find_wrong_field, parse_document
from finance_platform.storage.immutable_documents import DocumentFolder, read_derived, read_immutable, read_later
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.records import RecordType
from finance_platform.storage.store_wrapper import StoreWrapper

FOLDER = "register"

_KINDS: dict[str, type[Any]] = {
    "delivered": DeliveryDiscovered,
    "judged": Verdict,
    "decided": DecisionRecorded,
    "closing": PeriodStatusChanged,
    "proposed": DecisionProposed,
}
_NAMES = {its_type: name for name, its_type in _KINDS.items()}

_MISSING = "the event is missing"
_SEPARATOR = ",\n"
_DECLARATION_BYTES = 256
"""More than the head takes that a document begins with."""


class Register:
    """The register of one processed zone: numbered objects, each a list of events that happened together."""

    def __init__(self, processed: ObjectStore) -> None:
        self._processed = processed

    @property
    def store(self) -> ObjectStore:
        """The processed zone that it is in."""
        return self._processed

    def length(self) -> int:
        """Return the number of documents."""
        return len(self._numbers())

    def events(self) -> Sequence[Event]:
        """Return every event, oldest first; the same object as long as no document has changed.

        Raises:
            RegisterError: a document is damaged or missing.
        """
        return read_derived(
            self._processed,
            DOCUMENTS,
            lambda documents: tuple(self._events(1, [document for document in documents if document is not None])),
        )

    def events_after(self, length: int) -> list[Event]:
        """Return the events behind the first documents, oldest first; these are listed and not read.

        Args:
            length: how many first documents are left out.

        Raises:
            RegisterError: a document is missing, or one of those behind is damaged.
        """
        listed = listed_once(self._processed)
        Register(listed).require_length(0)
        documents = read_later(listed, DOCUMENTS, _key(length))
        return self._events(length + 1, [document for document in documents if document is not None])

    def _events(self, first: int, documents: Iterable[_NumberedDocument]) -> list[Event]:
        """Return the events of documents, of which the first has a number."""
        events: list[Event] = []
        for number, document in enumerate(documents, start=first):
            if document.number != number:
                raise self._error(number, _MISSING)
            if document.damage:
                raise self._error(number, document.damage)
            events += document.events
        return events

    def require_length(self, length: int) -> None:
        """Raise RegisterError if a document is missing: before others, or at the end, as an earlier scan recorded."""
        numbers = self._numbers()
        for expected, number in enumerate(numbers, start=1):
            if number != expected:
                raise self._error(expected, _MISSING)
        if len(numbers) < length:
            forget = (
                "without a copy, remove the folder `looks` beside `register`, so that the next run goes on without it"
            )
            raise self._error(len(numbers) + 1, f"{_MISSING}: the last refresh has seen {length}", forget)

    def keys_of_run(self, run_id: str) -> set[str]:
        """Return the keys of the documents that a run has appended."""
        documents = (one for one in read_immutable(self._processed, DOCUMENTS) if one is not None and one.events)
        return {_key(one.number) for one in documents if getattr(one.events[0], "run_id", "") == run_id}

    def foreign_keys(self) -> list[str]:
        """Return the keys of objects in the register's folder that are not events; they are ignored."""
        return [item.key for item in self._processed.list_objects(FOLDER) if _number(item.key) is None]

    def append(self, events: Iterable[Event]) -> None:
        """Append events behind the last one; a document number that another writer took is never overwritten."""
        events = list(events)
        if not events:
            return
        numbers = self._numbers()
        number, head = max(numbers, default=0) + 1, self._head(sorted(numbers))
        while not self._processed.write_new(_key(number), _document(events, head)):
            # What the other writer has entered comes first.
            document = decode(self._processed.read(_key(number)))
            head = head_of(document) or link_all(events_of(document), head)
            number += 1

    def head(self) -> Head:
        """Return the number and the hash of the last event; see `event_chain`."""
        return self._head(sorted(self._numbers()))

    def read_chain(self, reader: ChainReader, progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
        """Read every document itself, whatever a checkpoint has, and find events that are not as they were entered.

        Args:
            reader: gets the documents in their order.
            progress: is called with the number of documents that were read, and of all.
        """
        numbers = sorted(self._numbers())
        documents = find_many(self._processed, [_key(number) for number in numbers])
        believed = {one.number: one for one in read_immutable(self._processed, DOCUMENTS) if one is not None}
        expected = 0
        for done, (number, data) in enumerate(zip(numbers, documents, strict=True), start=1):
            for missing in range(expected + 1, number):
                reader.add_missing(missing)
            expected = number
            reader.add(number, None if data is None else decode(data))
            if data is None or _parse_document(_key(number), data) != believed.get(number):
                reader.add_break(number, "is not what a checkpoint has of it: somebody wrote the checkpoint")
            progress(done, len(numbers))

    def _head(self, numbers: Sequence[int]) -> Head:
        """Return the head of the last of these documents that declares one, and of what follows it."""
        unlinked: list[object] = []
        for number in reversed(numbers):
            with self._processed.open(_key(number)) as stream:
                beginning = stream.read(_DECLARATION_BYTES)
                # A document of a first run has thousands of events behind its head.
                declared = declared_head(beginning)
                if declared is None:
                    document = decode(beginning + stream.read())
                    declared = head_of(document)
            if declared:
                return _behind(unlinked, declared)
            unlinked.append(document)
        return _behind(unlinked, START)

    def _numbers(self) -> list[int]:
        numbers = (_number(item.key) for item in self._processed.list_objects(FOLDER))
        return [number for number in numbers if number is not None]

    def _error(self, number: int, why: str, without_copy: str = "") -> RegisterError:
        key = _key(number)
        without_copy = without_copy or (
            f'without a copy, put {{"events": []}} into {self._processed.uri(key)}: the files that it names are found '
            "and judged again, and the decisions of people in it are lost"
        )
        return RegisterError(
            f"{self._processed.uri(key)}, event number {number}: {why}; nothing is read, built or published until then",
            fix=f"restore this file from a backup or from an earlier version in the bucket; {without_copy}",
        )


@dataclass(frozen=True, slots=True)
class _NumberedDocument:
    """A document of the register: its number, its events or what is wrong with it."""

    number: int
    events: tuple[Event, ...] = ()
    damage: str = ""


def _document(events: Iterable[Event], head: Head) -> bytes:
    # One event at a time: a first run has thousands of them.
    linked = []
    for event in events:
        text, head = link({"event": _NAMES[type(event)], **asdict(event)}, head)
        linked.append(text)
    return f'{{{head.declaration}, "events": [\n{_SEPARATOR.join(linked)}\n]}}\n'.encode()


def _behind(unlinked: Sequence[object], head: Head) -> Head:
    """Return the head behind documents without links, the newest of them first."""
    for document in reversed(unlinked):
        head = link_all(events_of(document), head)
    return head


def _key(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"


def hide_later(processed: ObjectStore, number: int) -> ObjectStore:
    """Return a processed zone whose register ends with a document; nothing may be written to it.

    Args:
        processed: the processed zone.
        number: of the last document.
    """
    return _EarlierRegister(processed, number)


class _EarlierRegister(StoreWrapper):
    def __init__(self, store: ObjectStore, number: int) -> None:
        super().__init__(store)
        self._after = _key(number)

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        for item in self._store.list_objects(prefix, after=after):
            if not (item.key.startswith(f"{FOLDER}/") and item.key > self._after):
                yield item


def events_in(documents: Mapping[str, bytes]) -> list[Event] | None:
    """Return the events of a register's documents, in order; None if one of them is damaged.

    Args:
        documents: by key, such as those of an audit pack.
    """
    events: list[Event] = []
    for key in sorted(documents):
        document = _parse_document(key, documents[key])
        if document is None or document.damage:
            return None
        events += document.events
    return events


def _number(key: str) -> int | None:
    """Return the number of a document; None of an object that is not an event's."""
    name = key.removeprefix(f"{FOLDER}/").removesuffix(".json")
    return int(name) if name.isascii() and name.isdigit() and _key(int(name)) == key else None


def _parse_document(key: str, data: bytes) -> _NumberedDocument | None:
    number = _number(key)
    if number is None:
        return None
    try:
        return _NumberedDocument(number, tuple(parse_document(key, data, _parse_events, _parse_object)))
    except DamagedObjectError as error:
        return _NumberedDocument(number, damage=error.why)


def _parse_events(document: Mapping[str, Any]) -> list[Event]:
    events: list[Event] = document["events"]
    for event in events:
        if not isinstance(event, Event):
            raise TypeError("events that are no events")
        if wrong := find_wrong_field(event):
            raise ValueError(f"{type(event).__name__}.{wrong} has a value of another type")
    return events


def _parse_object(values: dict[str, Any]) -> Any:
    """Return the event that a JSON object is, or the object itself."""
    return _parse_event(values) if "event" in values else values


def _parse_event(document: Mapping[str, Any]) -> Event:
    values = {_RENAMED.get(name, name): value for name, value in document.items() if name not in _LINK}
    event: Event = _RECORDS.build(values.pop("event"), values)
    return event


_LINK = frozenset({"number", "previous"})
"""Fields that link an event to the one before; they are no part of it."""

_RENAMED = {"stamp": "etag"}
"""Fields that have another name in older documents of a register, which are never rewritten."""


def _parse_groups(values: Sequence[Sequence[str]]) -> tuple[Any, ...]:
    return tuple(map(tuple, values))


def _parse_amounts(values: Sequence[Mapping[str, Any]]) -> tuple[DecidedAmount, ...]:
    return tuple(DecidedAmount(**amount) for amount in values)


_RECORDS: RecordType[Any] = RecordType(
    _KINDS,
    {
        "reasons": tuple,
        "warnings": tuple,
        "kinds": tuple,
        "restates": tuple,
        "late": _parse_groups,
        "late_periods": tuple,
        "booked": tuple,
        "rejudges": tuple,
        "bookings": _parse_groups,
        "smaller": _parse_groups,
        "moved": _parse_groups,
        "versions": dict,
        "waived": dict,
        "amounts": _parse_amounts,
    },
)


def _records(document: _NumberedDocument | None) -> Sequence[Event] | None:
    return None if document is None or document.damage else document.events


def _from_records(key: str, events: Sequence[Event]) -> _NumberedDocument | None:
    number = _number(key)
    return None if number is None else _NumberedDocument(number, tuple(events))


DOCUMENTS = DocumentFolder(FOLDER, _parse_document, _RECORDS, _records, _from_records)
"""The documents of a register."""
