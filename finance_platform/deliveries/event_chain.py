"""The chain of the register's events: each has its number and the hash of the one before, so that no change is silent.

Belongs here: linking events, and finding the events of a chain that were edited, deleted, moved or inserted. Does not
belong here: the documents and their storage (see `register`), what the events mean (see `state_derivation`).

The hash of an event covers its canonical JSON with its number and the hash of the event before. Events of releases
without a chain have neither; they are numbered and hashed as if they had, so the first linked event covers them all.
Who can write into the processed zone can write the whole chain anew: only a head that is kept elsewhere shows that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")
_DECLARATION = re.compile(rb'\{"head": \{"number": ([0-9]{1,18}), "hash": "([0-9a-f]{64})"\}, ')
_MOST_MISSING_NAMED = 10_000
"""A number that somebody made up must not make a list of a billion missing events."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the number of its last event, from 1, and that event's hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        """Return it as people keep it and give it to `verify`."""
        return f"{self.number}:{self.hash}"

    @property
    def declaration(self) -> str:
        """The head as the first field of a document that ends with it."""
        return f'"head": {{"number": {self.number}, "hash": "{self.hash}"}}'


START = Head(0, "0" * 64)
"""The head of a chain without events."""


def parse_head(text: str) -> Head | None:
    """Return the head that a text such as `12:9f…` names; None if it names none."""
    match = _HEAD.fullmatch(text.strip())
    return Head(int(match[1]), match[2]) if match else None


def link(event: Mapping[str, Any], head: Head) -> tuple[str, Head]:
    """Return the canonical JSON of an event behind a head, and the head with it."""
    text = _canonical({**event, "number": head.number + 1, "previous": head.hash})
    return text, Head(head.number + 1, _hash(text))


def link_all(events: Iterable[Mapping[str, Any]], head: Head) -> Head:
    """Return the head behind events that have no link of their own."""
    for event in events:
        _, head = link(event, head)
    return head


def declared_head(beginning: bytes) -> Head | None:
    """Return the head with which a document begins; None if it must be decoded to know whether it declares one."""
    match = _DECLARATION.match(beginning)
    return Head(int(match[1]), match[2].decode()) if match else None


def head_of(document: object) -> Head | None:
    """Return the head that a decoded document of the register declares; None if it declares none."""
    declared = document.get("head") if isinstance(document, Mapping) else None
    if not isinstance(declared, Mapping):
        return None
    number, its_hash = declared.get("number"), declared.get("hash")
    return Head(number, its_hash) if isinstance(number, int) and isinstance(its_hash, str) else None


def _canonical(event: Mapping[str, Any]) -> str:
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A place where the events are not as they were entered.

    Attributes:
        document: the number of the document; 0 if the event is in none.
        event: the number of the event; 0 if the whole document is meant.
        why: what is wrong with it, a clause.
    """

    document: int
    event: int
    why: str


@dataclass
class ChainReader:
    """Reads the documents of a register in their order, and finds the events that are not as they were entered.

    Attributes:
        anchors: heads that were kept elsewhere, each with the place where; events must still have these hashes.
        head: the end of the chain so far.
    """

    anchors: Iterable[tuple[Head, str]] = ()
    head: Head = START
    _breaks: dict[tuple[int, int], ChainBreak] = field(default_factory=dict)
    _missing: set[int] = field(default_factory=set)
    _last: list[tuple[int, str]] = field(default_factory=list)
    """Document and hash of each event with the number of the head; more than one if somebody inserted one."""
    _is_linked: bool = False
    _hashes: dict[int, str] = field(default_factory=dict)
    """Hashes of the events that an anchor names."""

    def __post_init__(self) -> None:
        self.anchors = list(self.anchors)
        self._anchored = {head.number for head, _ in self.anchors}

    def add(self, number: int, document: object) -> None:
        """Add the document with a number, decoded; anything that is not a document of a register is a break."""
        events = document.get("events") if isinstance(document, Mapping) else None
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            self._break(number, 0, "is not a document of a register")
            return
        if not events:
            self._break(number, 0, "has no events: somebody emptied it")
        for event in events:
            self._add_event(number, event)
        self._compare_declared(number, document, has_events=bool(events))

    def add_missing(self, number: int) -> None:
        """Add a document that does not exist although later ones do."""
        self._break(number, 0, "is missing")

    def add_break(self, number: int, why: str) -> None:
        """Add something else that is wrong with a document."""
        self._break(number, 0, why)

    def breaks(self) -> list[ChainBreak]:
        """Return what is wrong, in the order of the documents; call it after the last document."""
        self._name_inserted(self.head.hash)
        for head, place in self.anchors:
            found = self._hashes.get(head.number)
            if found is None:
                why = f"is missing: {place} names it with the hash {head.hash[:12]}…"
                self._breaks.setdefault((0, head.number), ChainBreak(0, head.number, why))
            elif found != head.hash:
                why = f"is not the event that {place} names: its hash was {head.hash[:12]}… and is {found[:12]}…"
                self._breaks.setdefault((0, head.number), ChainBreak(0, head.number, why))
        gone = [ChainBreak(0, one, "is missing: somebody deleted it") for one in sorted(self._missing)]
        return [*self._breaks.values(), *gone]

    def _add_event(self, document: int, event: Mapping[str, Any]) -> None:
        number, previous = event.get("number"), event.get("previous")
        if not isinstance(number, int) or not isinstance(previous, str):
            self._add_unlinked(document, event)
            return
        its_hash = _hash(_canonical(event))
        self._compare_link(document, number, previous, its_hash)
        self._is_linked = True
        if number in self._anchored:
            self._hashes[number] = its_hash
        if number > self.head.number:
            self.head = Head(number, its_hash)
            self._last = [(document, its_hash)]

    def _add_unlinked(self, document: int, event: Mapping[str, Any]) -> None:
        if self._is_linked or event.keys() & {"number", "previous"}:
            self._break(document, 0, "has events without a link to those before: somebody entered them by hand")
        plain = {name: value for name, value in event.items() if name not in {"number", "previous"}}
        _, self.head = link(plain, self.head)
        self._last = [(document, self.head.hash)]
        if self.head.number in self._anchored:
            self._hashes[self.head.number] = self.head.hash

    def _compare_link(self, document: int, number: int, previous: str, its_hash: str) -> None:
        """Compare an event's number and link with the head that it should follow."""
        if number == self.head.number + 1:
            if not self._is_linked and previous != self.head.hash:
                why = f"is not as it was when event {number} was entered: an event up to {self.head.number} was changed"
                self._break(0, self.head.number, why)
            elif len(self._last) > 1:
                self._name_inserted(previous)
            elif previous != self.head.hash:
                self._edited()
        elif number > self.head.number:
            self._missing.update(range(self.head.number + 1, min(number, self.head.number + _MOST_MISSING_NAMED)))
        elif number in self._missing:
            self._missing.discard(number)
            self._break(document, number, f"was moved: it comes after event {self.head.number}")
        elif number == self.head.number and self._last:
            self._last.append((document, its_hash))
        else:
            self._break(document, number, "was inserted: another event has its number")

    def _compare_declared(self, number: int, document: object, *, has_events: bool) -> None:
        """Compare the head that a document declares with its last event."""
        declared = head_of(document)
        if declared is None:
            if self._is_linked and has_events:
                self._break(number, 0, "does not declare the hash of its last event")
        elif declared.number > self.head.number:
            self._missing.update(
                range(self.head.number + 1, min(declared.number + 1, self.head.number + _MOST_MISSING_NAMED))
            )
            # What follows links to the event that is gone.
            self.head, self._last = declared, [(number, declared.hash)]
        elif declared.number == self.head.number and len(self._last) > 1:
            self._name_inserted(declared.hash)
        elif declared.number == self.head.number and declared.hash != self.head.hash:
            self._edited()

    def _edited(self) -> None:
        self._break(self._last[0][0] if self._last else 0, self.head.number, "was edited")

    def _name_inserted(self, followed: str) -> None:
        """Name the events with the head's number that the next event does not follow."""
        if len(self._last) > 1:
            for document, its_hash in self._last:
                if its_hash != followed:
                    self._break(document, self.head.number, "was inserted: another event has its number")
            self.head = Head(self.head.number, followed)
            self._last = self._last[:1]

    def _break(self, document: int, event: int, why: str) -> None:
        self._breaks.setdefault((document, event), ChainBreak(document, event, why))


def decode(data: bytes) -> object:
    """Return what the bytes of a document are as JSON; None if they are not JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def events_of(document: object) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a decoded document that is one."""
    events = document.get("events") if isinstance(document, Mapping) else None
    for event in events if isinstance(events, list) else ():
        if isinstance(event, Mapping):
            yield event
