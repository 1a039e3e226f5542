"""The register: the append-only event log of deliveries, verdicts and decisions.

Belongs here: its events, their storage, and safety against a second writer. Does not belong here: how events are linked
(see `event_chain`), what follows from them (see `state_derivation`), when a delivery is held (see `acceptance`), what a
person may decide (see `decisions`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

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
from finance_platform.errors import DamagedObjectError, RegisterError
from finance_platform.feeds.resolved import LoadMode
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import find_wrong_field, parse_document
from finance_platform.storage.immutable_documents import (
    DocumentFolder,
    derive_once,
    read_derived,
    read_immutable,
    read_later,
)
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.records import RecordType
from finance_platform.storage.store_wrapper import StoreWrapper

FOLDER = "register"
TOLERANCE = "tolerance"
"""The kind of a reason that depends on a delivery's content alone."""

NOTHING_ACCEPTED = "nothing_accepted"
"""The kind of the reason to hold a delivery of which no row was accepted."""

UNTYPED = "untyped"
"""The kind of a reason that ends when accounts get a type."""

OVERFLOW = "overflow"
"""The kind of a reason that ends when lines of other deliveries no longer count."""

CONFLICT = "conflict"
"""The kind of a reason that ends when master data gives an account its type."""

OTHER_LOAD = "other_load"
"""The kind of a reason about files that were read under another load mode, and of which a new one replaces nothing; it
ends when these count under the same one, or no longer."""

MOVED = "moved"
"""The kind of a reason about documents that another file has on another day or account; it ends when that file is sent
again without them, or no longer counts."""

CONTROL_TOTAL = "control_total"
"""The kind of the reason that a total which the file prints is not the sum of its lines."""

DOUBT = "doubt"
"""The kind of a reason of the reader why a person must decide about a file: its encoding, its months, its signs."""

BOOKED_KEY = "booked_key"
"""The kind of a reason that ends when lines of another file are no longer booked in a later period."""

SHARED_KEY = "shared_key"
"""The kind of a reason about codes of two files with one surrogate key; it ends when one of them no longer counts."""

UNBOOKABLE = "unbookable"
"""The kind of a reason that ends when the period in which a run would book late lines has room for them."""

CAME_LATE = "came late: "
"""How the warning about a delivery begins whose lines others replace, since these sort after it."""

WAITING_KINDS = frozenset({UNTYPED, OVERFLOW, BOOKED_KEY, SHARED_KEY})
"""Kinds of reasons that no person can accept, since nothing could be published."""

ENDING_KINDS = WAITING_KINDS | {CONFLICT, MOVED, OTHER_LOAD, UNBOOKABLE}
"""Kinds of reasons that other deliveries can end; each run evaluates them again."""


@dataclass(frozen=True, slots=True)
class DeliveryDiscovered:
    """A version of a raw object was discovered under the current reading rules.

    Attributes:
        object_key: path in the raw zone.
        feed: the feed that reads it.
        kind: ledger, departments, accounts or lookup.
        delivery_id: identity of the delivery.
        fingerprint: SHA-256 of the bytes.
        etag: the listing's etag; an object with the same etag is not read again.
        size: in bytes.
        modified_at: the object's own time, ISO 8601 UTC.
        load_mode: the effect of the delivery on the feed's earlier ones.
        tolerated_share: share of candidate lines that may be rejected before the delivery is held, a decimal.
        tolerated_amount: sum of absolute amounts that may be rejected, a decimal, or None for any.
        at: the time of discovery, ISO 8601 UTC.
        run_id: the run that discovered it.
        is_scoped: whether the delivery replaces its periods only within the values of the feed's scope.
        order: the order value in the name, as text that sorts; empty if the feed has no such rule.
        tolerated_removal: share of a department's live lines in a scenario and period that it may remove before it is
            held, or None for all.
        is_held_when_late: whether it is held, instead of only a warning, if it sorts before one that it overlaps.
        late_lines: what becomes of lines that would change a closed period: hold, next_open_period or publish; empty
            for what the home does.
        reads_again: the delivery of the same bytes under the same rules of the descriptor that it is instead of, since
            a later release, other rows that it looks up or other amounts that it is spread like may give other lines;
            empty if there is none.
        rules: the identity of the descriptor's rules, if its own identity is also of rows that it looks up or of
            amounts that it is spread like; else empty.
        keyed_by: the fields of the feed's key or scope, separated by blanks; empty if it has neither.
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
    late_lines: str = ""
    reads_again: str = ""
    rules: str = ""
    keyed_by: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The platform's verdict on a delivery that was read: it counts, or it is held.

    Attributes:
        object_key: path in the raw zone.
        delivery_id: the delivery.
        at: when, ISO 8601 UTC.
        run_id: the run that evaluated it.
        reasons: why it is held, each a clause; empty if it counts.
        fix: what to do about a held delivery.
        is_final: whether it can never be accepted.
        warnings: messages about a delivery that counts.
        smaller: the periods in which it has much less than what it replaces, each with a message.
        kinds: the kind of each reason, without repetition.
        restates: the closed periods that a delivery would restate.
        late: the periods whose lines wait although the rest of the delivery counts, in groups that are decided
            together; none if the delivery counts or is held as a whole.
        booked: the periods of which it repeats the lines of an earlier version that are booked in a later period.
        booked_in: the period in which what would change closed periods is booked, since its feed says so; else empty.
        bookings: each of these closed periods, and a delivery that has booked lines of it.
        rejudges: the periods whose lines waited and that it judges again, since a closed one was opened; it says
            nothing about the delivery's other lines. None if it is about the whole delivery.
        continues: the earlier reading of the same bytes with the same lines, which counts: what was decided about that
            one is in force for this one; empty if there is none.
        moved: by closed period and scenario, the net and the gross amount that would move, decimals as text, sign as
            delivered.
        is_new_split: whether the lines in `late` were judged, so that they wait whatever was decided before about the
            same periods; false if the verdict repeats the one before.
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
    restates: tuple[str, ...] = ()
    late: tuple[tuple[str, ...], ...] = ()
    booked: tuple[str, ...] = ()
    booked_in: str = ""
    bookings: tuple[tuple[str, str], ...] = ()
    rejudges: tuple[str, ...] = ()
    smaller: tuple[tuple[str, str], ...] = ()
    continues: str = ""
    moved: tuple[tuple[str, str, str, str], ...] = ()
    is_new_split: bool = False

    def is_accepted_by(self, accepted: Collection[str]) -> bool:
        """Return whether an earlier acceptance covers the verdict.

        It covers reasons that depend on the content alone. Whether a delivery removes much, repeats another or restates
        a closed period depends on the other deliveries at that time, so a person decides each time.
        """
        return set(self.kinds) == {TOLERANCE} and TOLERANCE in accepted and not self.is_final

    @property
    def is_waiting(self) -> bool:
        """Whether the delivery waits for other deliveries, so that no person can accept it."""
        return not WAITING_KINDS.isdisjoint(self.kinds)

    @property
    def may_end(self) -> bool:
        """Whether other deliveries can end the hold, so that each run evaluates the delivery again."""
        return not ENDING_KINDS.isdisjoint(self.kinds)

    @property
    def is_held(self) -> bool:
        """Whether the delivery as a whole does not count until a person accepts it."""
        return bool(self.reasons) and not self.late


@dataclass(frozen=True, slots=True)
class DecidedAmount:
    """The money that a decision is about, in one scenario, account type and unit; amounts are decimals as text.

    Attributes:
        scenario: its name.
        account_type: the type of the accounts; empty if it is not known.
        unit: the foreign currency; empty for the home's own, or for what is counted on statistical accounts.
        rows: ledger lines, or cells of a closed period.
        net: the signed sum.
        gross: the sum of the lines' absolute amounts; empty if it is not known.
    """

    scenario: str
    account_type: str
    unit: str
    rows: int
    net: str
    gross: str = ""


@dataclass(frozen=True)
class DecisionRecorded:
    """A person's decision about a delivery.

    Attributes:
        action: accepted (a held delivery counts), withdrawn (it no longer counts) or reinstated (withdrawal undone).
        object_key: path in the raw zone.
        delivery_id: the object's delivery at the time of the decision.
        keeps_earlier: of a withdrawal: the delivery was held, so the object's earlier version still counts.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: how the person is known, see `Author`; empty if nothing proves it.
        proof: identity of the proof, which counts once; empty if there is none.
        prepared_by: who proposed it, if two people had to agree.
        amounts: the accepted lines of the delivery.
        late_periods: the periods of a decision about lines that wait, or have waited, although the rest of the delivery
            counts; none if it is about the whole delivery.
        booked_in: of an acceptance, the period in which what would change closed periods is booked instead; else empty.
        bookings: each of these closed periods, and the delivery that has the booked lines.
        leaves: of a withdrawal of what counts: the object's newest delivery, if no run had judged it yet; the next run
            judges it, and it may count. Empty if there was none.
        is_judged_again: of a reinstatement: whether the next run judges the delivery as a new one, since what is booked
            of it is not the difference to what counts by now.
    """

    action: Literal["accepted", "withdrawn", "reinstated"]
    object_key: str
    delivery_id: str
    who: str
    why: str
    at: str
    keeps_earlier: bool = False
    identified_by: str = ""
    proof: str = ""
    prepared_by: str = ""
    amounts: Sequence[DecidedAmount] = ()
    late_periods: tuple[str, ...] = ()
    booked_in: str = ""
    bookings: tuple[tuple[str, str], ...] = ()
    leaves: str = ""
    is_judged_again: bool = False

    @property
    def description(self) -> str:
        """Who decided what, when and why, as a clause."""
        lines = f"the lines of {', '.join(self.late_periods)}" if self.late_periods else "it"
        return f"{self.who} has {self.action} {lines} on {self.at[:10]} (\u201c{self.why}\u201d)"


@dataclass(frozen=True)
class PeriodStatusChanged:
    """A period was closed or reopened.

    Attributes:
        action: closed or reopened.
        period: YYYY-MM.
        versions: of a closing: the published version of the fact slice, by table.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: see `DecisionRecorded`, as the fields after it.
        amounts: what was published in the period when it was closed, sign of the star.
        waived: of a closing: what contradicted each gate that the person waived, by its name.
        opening_of: of a closing that came with the home's first one: the period that was closed; else empty.
        signature: of a closing: the name of the document of what it signed.
    """

    action: Literal["closed", "reopened"]
    period: str
    who: str
    why: str
    at: str
    versions: Mapping[str, str] = field(default_factory=dict)
    identified_by: str = ""
    proof: str = ""
    prepared_by: str = ""
    amounts: Sequence[DecidedAmount] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    opening_of: str = ""
    signature: str = ""


@dataclass(frozen=True)
class DecisionProposed:
    """A decision that takes effect only when another person makes it too.

    Attributes:
        action: of the decision.
        subject: the path in the raw zone, or the period.
        delivery_id: the delivery; empty for a period.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: see `DecisionRecorded`, as the fields after it.
        versions: of a closing: see `PeriodStatusChanged`.
        late_periods: see `DecisionRecorded`, as the field after it.
        waived: of a closing: see `PeriodStatusChanged`.
    """

    action: Literal["accepted", "withdrawn", "reinstated", "closed", "reopened"]
    subject: str
    delivery_id: str
    who: str
    why: str
    at: str
    identified_by: str = ""
    proof: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    amounts: Sequence[DecidedAmount] = ()
    late_periods: tuple[str, ...] = ()
    booked_in: str = ""
    waived: Mapping[str, str] = field(default_factory=dict)


DecisionEvent = DecisionRecorded | PeriodStatusChanged | DecisionProposed
Event = DeliveryDiscovered | Verdict | DecisionEvent
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


def select_discovered(events: Iterable[Event]) -> Sequence[DeliveryDiscovered]:
    """Return the discovered deliveries among events, oldest first; divided once for those that a register returned."""
    return _divide_once(events).discovered


def select_decisions(events: Iterable[Event]) -> Sequence[tuple[int, DecisionEvent]]:
    """Return what people decided or proposed, oldest first, each with its number among the events, from one on."""
    return _divide_once(events).decisions


def select_withdrawn(events: Iterable[Event]) -> set[str]:
    """Return the deliveries that people withdrew as a whole, whether these counted or were held."""
    withdrawn = set[str]()
    for _, event in select_decisions(events):
        if isinstance(event, DecisionRecorded) and not event.late_periods:
            if event.action == "withdrawn":
                withdrawn.add(event.delivery_id)
            elif event.action == "reinstated":
                withdrawn.discard(event.delivery_id)
    return withdrawn


class _Divided(NamedTuple):
    """Events by what they are about: thousands of deliveries have few decisions."""

    discovered: Sequence[DeliveryDiscovered]
    decisions: Sequence[tuple[int, DecisionEvent]]


def _divide_once(events: Iterable[Event]) -> _Divided:
    # No tuple ever changes, and a register returns the same one as long as no document has changed.
    return derive_once("divided events", (events,), _divide) if isinstance(events, tuple) else _divide(events)


def _divide(events: Iterable[Event]) -> _Divided:
    discovered: list[DeliveryDiscovered] = []
    decisions: list[tuple[int, DecisionEvent]] = []
    for number, event in enumerate(events, start=1):
        if isinstance(event, DeliveryDiscovered):
            discovered.append(event)
        elif not isinstance(event, Verdict):
            decisions.append((number, event))
    return _Divided(discovered, decisions)


def utc_text(moment: datetime) -> str:
    """Return a UTC moment as ISO 8601 text with microseconds, which sorts by time."""
    return moment.isoformat(timespec="microseconds")


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
