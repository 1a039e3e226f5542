"""The stored overlaps: what was compared, the lines that two deliveries both claim, the ranges of keys.

Belongs here: the documents, one for each group of deliveries that can overlap. Does not belong here: comparing lines
(see `overlaps`).

A document has each name once and says in a text of zeros and ones what it is in: of thousands of deliveries, it is read
and written in as many steps as there are columns. It begins with the hash of what follows: a changed count of lines or
a changed name would give other overlaps, and so other figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from finance_platform.errors import DamagedObjectError
from finance_platform.storage.documents import find_wrong_field, parse_document
from finance_platform.storage.immutable_documents import derive_once, keep_equal
from finance_platform.storage.port import ObjectStore

FOLDER = "overlaps"
_MAX_SETS = 4
"""Number of stored sets: what is published, what counts as if booked lines were in their own period, with candidates,
and what counts then. If a delivery is held, the one that it would replace still counts and needs its overlaps."""

_HASHED = b'{"sha256": "'
_BEGINNING = len(_HASHED) + 64 + len('", ')
"""The bytes of a document before what its hash is of."""

_BITS = bytes.maketrans(b"01", b"\x00\x01")
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")

Cell = tuple[str, str, str | None]
"""Scenario, period and scope key of the claimed lines; the scope key is None under load mode upsert."""


@dataclass(frozen=True)
class Overlap:
    """The lines of one delivery that another one claims as well.

    Attributes:
        lines: number of lines by scenario, period and scope key.
        other_periods: the periods in which the other delivery claims them.
    """

    lines: Mapping[Cell, int]
    other_periods: tuple[str, ...]

    def __or__(self, other: Overlap) -> Overlap:
        """Return the lines of both, if each is of some of the periods of the same two deliveries."""
        lines = {cell: max(one.lines.get(cell, 0) for one in (self, other)) for cell in {**self.lines, **other.lines}}
        return Overlap(lines, tuple(sorted({*self.other_periods, *other.other_periods})))


Pairs = dict[tuple[str, str], Overlap]
"""Overlaps by the names of a delivery and of an overlapping one."""

KeyRange = tuple[str, str] | None
"""Bounds of the keys of a delivery's lines that count; None if it has no keys."""


class OverlapGroup:
    """The stored overlaps of one group: the newest sets of deliveries that were compared pairwise, and the result.

    Deliveries have names that say which of their lines count, also in the ranges of their keys. Nothing changes it.

    Attributes:
        compared: the sets, the newest first.
        overlaps: the overlaps within these sets.
        key_ranges: bounds of the keys of deliveries.
    """

    def __init__(
        self,
        compared: tuple[frozenset[str], ...] = (),
        overlaps: Mapping[tuple[str, str], Overlap] | None = None,
        key_ranges: Mapping[str, KeyRange] | None = None,
    ) -> None:
        self.compared = compared
        self.overlaps = overlaps or {}
        self.key_ranges = key_ranges or {}

    def add(self, names: frozenset[str], overlaps: Pairs, key_ranges: Mapping[str, KeyRange]) -> OverlapGroup:
        """Return the group with one more set; what belongs only to older sets is dropped."""
        sets = (names, *self.compared[: _MAX_SETS - 1])
        pairs = {**self.overlaps, **overlaps}
        ranges = {**self.key_ranges, **key_ranges}
        for name in ranges.keys() - frozenset[str]().union(*sets):
            del ranges[name]
        return OverlapGroup(
            sets, {pair: one for pair, one in pairs.items() if any(s.issuperset(pair) for s in sets)}, ranges
        )


def read_group(processed: ObjectStore, name: str) -> OverlapGroup:
    """Return the stored overlaps of a group; none if they are lost or damaged, since they are computed again.

    Args:
        processed: the processed zone.
        name: the group.
    """
    try:
        return _read_document(processed, key_of(name))
    except (FileNotFoundError, DamagedObjectError):
        return OverlapGroup()


def write_group(processed: ObjectStore, name: str, group: OverlapGroup) -> None:
    """Write the overlaps of a group; the process need not parse what it has written."""
    key = key_of(name)
    parsed = _parsed_name(processed, key)
    data = keep_equal(f"bytes of {parsed}", _to_json(group))
    processed.write(key, data)
    derive_once(parsed, (data,), lambda _: group)


def find_damaged_overlaps(processed: ObjectStore) -> list[DamagedObjectError]:
    """Return the documents of overlaps that cannot be read."""
    damaged = []
    for item in list(processed.list_objects(FOLDER)):
        try:
            _read_document(processed, item.key)
        except FileNotFoundError:
            continue
        except DamagedObjectError as error:
            damaged.append(error)
    return damaged


def key_of(name: str) -> str:
    """Return the key of the document of a group."""
    return f"{FOLDER}/{name}.json"


def _parsed_name(processed: ObjectStore, key: str) -> str:
    return f"{key} of {processed.root}"


def _read_document(processed: ObjectStore, key: str) -> OverlapGroup:
    """Return a document of overlaps; one of thousands of deliveries is parsed once as long as its bytes are the same.

    Raises:
        FileNotFoundError, DamagedObjectError: it does not exist, or cannot be read.
    """
    name = _parsed_name(processed, key)
    data = keep_equal(f"bytes of {name}", processed.read(key))
    return derive_once(name, (data,), lambda data: _parse_document(key, data))


def _parse_document(key: str, data: bytes) -> OverlapGroup:
    """Return the overlaps of a document."""
    if data != _with_hash(data[_BEGINNING:]):
        raise DamagedObjectError(key, "its content is not that of its hash")
    return parse_document(key, data, _parse_group)


def _with_hash(content: bytes) -> bytes:
    """Return a document that begins with the hash of its content, which lacks the brace that opens it."""
    return b'%b%b", %b' % (_HASHED, hashlib.sha256(content).hexdigest().encode(), content)


@dataclass(frozen=True)
class _Shared:
    """The part of a document whose types are checked value by value: most deliveries share no line."""

    overlaps: Pairs


def _parse_group(document: Mapping[str, Any]) -> OverlapGroup:
    shared = _Shared(
        {
            (values["delivery"], values["hider"]): Overlap(
                {(scenario, period, scope): rows for scenario, period, scope, rows in values["lines"]},
                tuple(values["hider_periods"]),
            )
            for values in document["shared"]
        }
    )
    if find_wrong_field(shared):
        raise TypeError("a line of `shared` has a value of another type")
    names = _texts(document["names"])
    compared = tuple(frozenset(_selected(names, bits)) for bits in document["compared"])
    ranges = document["key_ranges"]
    bounds = zip(_texts(ranges["first"]), _texts(ranges["last"]), strict=True)
    known: dict[str, KeyRange] = dict(zip(_selected(names, ranges["of"]), bounds, strict=True))
    known.update(dict.fromkeys(_selected(names, ranges["without_keys"])))
    return OverlapGroup(compared, shared.overlaps, known)


def _texts(values: Any) -> Sequence[str]:
    """Return a list of texts.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(values, list) or not set(map(type, values)) <= {str}:
        raise TypeError("a list of texts has a value of another type")
    return values


def _selected(names: Sequence[str], bits: str) -> Iterable[str]:
    """Return the names at whose place is a one.

    Raises:
        ValueError: there is not a zero or a one for each name.
    """
    if len(bits) != len(names) or bits.strip("01"):
        raise ValueError("it does not say of each name whether it is in a set")
    return compress(names, bits.encode().translate(_BITS))


def _bits(names: Sequence[str], selected: Collection[str]) -> str:
    return bytes(map(selected.__contains__, names)).translate(_DIGITS).decode()


def _to_json(group: OverlapGroup) -> bytes:
    shared = [
        {
            "delivery": delivery,
            "hider": other,
            "lines": [[*cell, rows] for cell, rows in sorted(overlap.lines.items(), key=str)],
            "hider_periods": list(overlap.other_periods),
        }
        for (delivery, other), overlap in sorted(group.overlaps.items())
    ]
    names = sorted(frozenset[str]().union(*group.compared, group.key_ranges))
    known = [(name, group.key_ranges[name]) for name in names if name in group.key_ranges]
    bounds = {name: one for name, one in known if one}
    document = {
        "names": names,
        "compared": [_bits(names, compared) for compared in group.compared],
        "shared": shared,
        "key_ranges": {
            "of": _bits(names, bounds),
            "first": [first for first, _ in bounds.values()],
            "last": [last for _, last in bounds.values()],
            "without_keys": _bits(names, {name for name, one in known if not one}),
        },
    }
    return _with_hash(json.dumps(document, ensure_ascii=False).encode().removeprefix(b"{"))
