"""A status as a document: what `status` prints and returns, written down and read again.

Belongs here: encoding a status and decoding it. Does not belong here: when a recorded status may be used instead of one
that is derived (see `refresh.known_status`).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from finance_platform.deliveries.commits import Count, known_or_unknown
from finance_platform.deliveries.header_changes import HeaderChange
from finance_platform.errors import DamagedObjectError
from finance_platform.reports.expected_feeds import ExpectedFeed
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform.reports.status import Status, StatusDetails

_PLAIN = ("deliveries", "slices", "problems", "unmatched", "vanished", "warnings")
"""Parts of a status that are JSON values."""

_DETAILS = ("closed", "movements", "untyped_accounts")


def encode_status(status: Status) -> bytes:
    """Return the document of a status without its last run, which changes while the home does not.

    Its warnings are written as they are read: what they follow from is not.
    """
    document = {
        **{name: getattr(status, name) for name in _PLAIN if name != "deliveries"},
        "deliveries": _encode_rows(status.deliveries),
        **{name: getattr(status.details, name) for name in _DETAILS},
        "header_changes": [asdict(change) for change in status.header_changes],
        "expected": [one.as_json() for one in status.details.expected],
        "currency": status.reconciliation.currency,
        "by_scenario": [_encode_line(line) for line in status.reconciliation.by_scenario],
        "by_feed": [_encode_line(line) for line in status.reconciliation.by_feed],
        # As text in the text: there is a line for each file, and only some outputs show them.
        "lines": json.dumps([_encode_line(line) for line in status.reconciliation.lines]),
    }
    return gzip.compress(json.dumps(document).encode(), compresslevel=1, mtime=0)


def decode_status(key: str, data: bytes, last_run: Mapping[str, Any] | None) -> Status:
    """Return the status that a document has.

    Args:
        key: the object.
        data: its bytes.
        last_run: the home's latest run.

    Raises:
        DamagedObjectError: the bytes are no such document.
    """
    try:
        document = json.loads(gzip.decompress(data))
        return Status(
            **{name: document[name] for name in _PLAIN if name not in {"warnings", "deliveries"}},
            deliveries=_decode_rows(document["deliveries"]),
            reconciliation=_decode_reconciliation(document),
            details=StatusDetails(
                **{name: document[name] for name in _DETAILS},
                last_run=last_run,
                expected=[_decode_expected(values) for values in document["expected"]],
            ),
            header_changes=[_decode_change(values) for values in document["header_changes"]],
            known_warnings=document["warnings"],
        )
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, EOFError, OSError, zlib.error) as error:
        raise DamagedObjectError(key, f"it is not a recorded status: {error}") from None


def _encode_rows(rows: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
    """Return rows with the same names: the names once, then the values; of thousands, names are most of the text."""
    if not rows:
        return []
    names = tuple(rows[0])
    if any(tuple(row) != names for row in rows):
        raise ValueError("rows of deliveries that have other names")
    return [names, *(tuple(row.values()) for row in rows)]


def _decode_rows(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    names, *of_all = rows or [()]
    return [dict(zip(names, values, strict=True)) for values in of_all]


def _decode_reconciliation(document: Mapping[str, Any]) -> Reconciliation:
    reconciliation = Reconciliation(_Lines(str(document["lines"])), document["currency"])
    # What a derived one adds up when it is first asked for.
    for name in ("by_scenario", "by_feed"):
        vars(reconciliation)[name] = [_decode_line(line) for line in document[name]]
    return reconciliation


class _Lines(Sequence[Line]):
    """The lines by file, decoded when they are first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _lines(self) -> list[Line]:
        return [_decode_line(line) for line in json.loads(self._text)]

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place: Any) -> Any:
        return self._lines[place]

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)


def _encode_line(line: Line) -> list[Any]:
    terms = [
        [name, count.rows, str(count.amount), str(count.absolute), count.unpriced] for name, count in line.terms.items()
    ]
    return [line.scenario, line.unit, line.feed, line.file, line.has_sides, terms]


def _decode_line(values: Sequence[Any]) -> Line:
    scenario, unit, feed, file, has_sides, terms = values
    return Line(scenario, unit, {name: _count(*count) for name, *count in terms}, feed, file, has_sides)


# Small deliveries have the same few counts, such as none.
@lru_cache(4096)
def _count(rows: int, amount: str, absolute: str, unpriced: int) -> Count:
    return Count(rows, Decimal(amount), known_or_unknown(Decimal(absolute)), unpriced)


def _decode_expected(values: Mapping[str, Any]) -> ExpectedFeed:
    days = {name: None if values[name] is None else date.fromisoformat(values[name]) for name in ("last", "due")}
    return ExpectedFeed(**{**values, **days})


def _decode_change(values: Mapping[str, Any]) -> HeaderChange:
    names = {name: tuple(values[name]) for name in ("added", "gone")}
    return HeaderChange(**{**values, **names, "renamed": tuple(map(tuple, values["renamed"]))})
