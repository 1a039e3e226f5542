"""The messages of a fork to the run's process: what both have is a number in them.

Belongs here: which messages there are, and how values are written and read. Does not belong here: when they are sent
(see `fork_worker`), and what the run does with them (see `forked_steps`).

Both processes have the same objects from before the fork, in the same order. A list of thousands of them that has a few
more, or others, is written as the difference from the one that both have.
"""

from __future__ import annotations

import copyreg
import io
import marshal
import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import is_
from types import MappingProxyType
from typing import Any, BinaryIO

from finance_platform.errors import WorkbookSizeError
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.versions import TargetSlice

HEAD = struct.Struct("<cQ")
"""Kind and length of a message."""

ORDERED = b"o"
"""A job is about to get its order. The run, which waits for the first message, goes on to import Dagster."""

READ = b"r"
"""The deliveries that the second step has read; the verdicts come later."""

STANDARDISED = b"s"
"""The second step's result, and the outcomes of its checks."""

LAST_JOB = b"l"
"""No job comes after this; the process of the jobs is ended."""

BUILT = b"b"
"""The third step's result, and the outcomes of its checks."""

PUBLISHED = b"p"
"""The fourth step's result, and the warehouse's answers to what the run will ask."""

PACK = b"w"
"""The report pack that was written."""

END = b"e"
"""No step comes after this; whether the process of the jobs is ready for an order."""

FAILED = b"f"
"""The job that has failed, after `END`: its step reports it."""

STATUS = b"t"
"""The status of what the steps have left, after `END`."""

_LONG = 256
"""So many elements make a list or a mapping worth a comparison with those that both processes have."""

_OTHER_FIELDS = tuple(one.name for one in fields(SliceCommit) if one.name != "inputs")


class Sender:
    """Writes messages, in which an object that the receiver has is a number: a shared one, or one of a message before.

    So nothing that was sent may change.
    """

    def __init__(self, messages: BinaryIO, shared: Sequence[object]) -> None:
        """Prepare messages.

        Args:
            messages: what they are written to.
            shared: what both processes have; as long as there is this list, no other object takes the place of one.
        """
        self._messages = messages
        self._buffer = io.BytesIO()
        self._pickler = _Pickler(self._buffer, shared)

    def send(self, kind: bytes, value: object) -> None:
        """Write a message."""
        self._buffer.seek(0)
        self._buffer.truncate()
        self._pickler.dump(value)
        self._messages.write(HEAD.pack(kind, self._buffer.tell()))
        self._messages.write(self._buffer.getbuffer())
        self._messages.flush()


class Receiver:
    """Reads messages of this process's own fork, each in its turn; nothing else has the pipe."""

    def __init__(self, shared: Sequence[object] = ()) -> None:
        """Prepare to read messages of a sender with the same shared objects."""
        self._buffer = io.BytesIO()
        self._unpickler = _Unpickler(self._buffer, shared)

    def value(self, data: bytes) -> Any:
        """Return what the next message contains."""
        self._buffer.seek(0)
        self._buffer.truncate()
        self._buffer.write(data)
        self._buffer.seek(0)
        return self._unpickler.load()


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.dispatch_table = _REDUCERS
        self._shared = shared
        self._numbers: dict[int, Any] = {id(one): number for number, one in enumerate(shared)}
        # Compared with each other, long lists and mappings that both processes have.
        self._bases = [(number, one) for number, one in enumerate(shared) if _is_long(one)]
        self._different: list[object] = []

    def persistent_id(self, value: Any) -> Any:
        number = self._numbers.get(id(value))
        if number is None and _is_long(value):
            return self._difference(value)
        return number

    def _difference(self, value: Any) -> Any:
        """Return what makes a list or mapping of one that the receiver has, and a number for the result."""
        number = len(self._shared) + len(self._different)
        part = self._of_mapping(value) if isinstance(value, MappingProxyType) else self._of_sequence(value)
        if part is None:
            return None
        self._different.append(value)
        self._numbers[id(value)] = number
        return number, *part

    def _of_sequence(self, value: Sequence[Any]) -> tuple[Any, ...] | None:
        """Return the base, how much of its beginning and end is the same, and what is between them."""
        for number, base in self._bases:
            if type(base) is type(value):
                first, last = _common(value, base), 0
                if first < min(len(value), len(base)):
                    last = _common(value[first:][::-1], base[first:][::-1])
                if 2 * (first + last) >= len(value):
                    return number, first, last, value[first : len(value) - last]
        return None

    def _of_mapping(self, value: Mapping[Any, Any]) -> tuple[Any, ...] | None:
        """Return the base, the keys that are no longer there, and the other items with their places."""
        for number, base in self._bases:
            if not isinstance(base, MappingProxyType):
                continue
            new = [(place, key, one) for place, (key, one) in enumerate(value.items()) if base.get(key) is not one]
            names = {key for _, key, _ in new}
            gone = [key for key in base if key in names or key not in value]
            # Only if the others are in the same order, as documents are that are sorted by their keys.
            if 2 * len(new) < len(value) and list(_changed(base, gone, new)) == list(value):
                return number, gone, new
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(buffer)
        self._shared = shared
        self._different: dict[int, object] = {}

    def persistent_load(self, name: Any) -> Any:
        if isinstance(name, int):
            return self._shared[name] if name < len(self._shared) else self._different[name]
        number, base, *part = name
        self._different[number] = value = _made_of(self._shared[base], *part)
        return value


_COMPARED = frozenset({list, tuple, MappingProxyType})


def _is_long(value: Any) -> bool:
    return type(value) in _COMPARED and len(value) >= _LONG


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many elements at the beginning are the same objects."""
    same = [*map(is_, one, other), False]
    return same.index(False)


def _made_of(base: Any, *part: Any) -> Any:
    if isinstance(base, Mapping):
        return MappingProxyType(_changed(base, *part))
    first, last, between = part
    return base[:first] + between + base[len(base) - last :]


def _changed(base: Mapping[Any, Any], gone: Sequence[Any], new: Sequence[tuple[int, Any, Any]]) -> dict[Any, Any]:
    """Return a mapping without some keys, and with other items at their places."""
    left = set(gone)
    items = [item for item in base.items() if item[0] not in left]
    for place, key, value in new:  # in ascending order
        items.insert(place, (key, value))
    return dict(items)


def _read_only(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


def _workbook_error(found: str, fix: str) -> WorkbookSizeError:
    return WorkbookSizeError(found, fix=fix)


def _loaded(inputs: bytes) -> Any:
    return marshal.loads(inputs)  # noqa: S302  the process's own fork has written it


def _target(table: str, slice_name: str, version: str, inputs: bytes) -> TargetSlice:
    return TargetSlice(table, slice_name, version, _loaded(inputs))


def _slice_commit(values: Sequence[Any], inputs: bytes) -> SliceCommit:
    return SliceCommit(**dict(zip(_OTHER_FIELDS, values, strict=True)), inputs=_loaded(inputs))


# The inputs of slices are JSON values: thousands of short lists, which `marshal` writes in a tenth of the time.
_REDUCERS = {
    **copyreg.dispatch_table,
    MappingProxyType: lambda proxy: (_read_only, (dict(proxy),)),
    WorkbookSizeError: lambda error: (_workbook_error, (error.found, error.fix)),
    TargetSlice: lambda one: (_target, (one.table, one.slice, one.version, marshal.dumps(one.inputs))),
    SliceCommit: lambda one: (
        _slice_commit,
        (tuple(getattr(one, name) for name in _OTHER_FIELDS), marshal.dumps(one.inputs)),
    ),
}
