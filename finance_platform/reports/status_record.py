"""A status as a document: what `status` prints and returns, written down and read again.

Belongs here: encoding a status and decoding it. Does not belong here: when a recorded status may be used instead of one
that is derived (see `refresh.known_status`).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.header_changes import HeaderChange
from finance_platform.errors import DamagedObjectError
from finance_platform.reports.expected_feeds import ExpectedFeed
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform.reports.status import Status, StatusDetails
from finance_platform.reports.status_rows import StatusRows

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
    }
    # The lines by file apart: there is one for each file, and only some outputs show them.
    parts = (json.dumps(part).encode() for part in (document, _encode_lines(status.reconciliation.lines)))
    return gzip.compress(b"\n".join(parts), compresslevel=1, mtime=0)


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
        text, lines = gzip.decompress(data).split(b"\n")
        document = json.loads(text)
        return Status(
            **{name: document[name] for name in _PLAIN if name not in {"warnings", "deliveries"}},
            deliveries=_decode_rows(document["deliveries"]),
            reconciliation=_decode_reconciliation(document, lines),
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


def _encode_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows with the same names, a column for each; of thousands, a column takes as many steps as a row."""
    if not isinstance(rows, StatusRows):
        names = tuple(rows[0]) if rows else ()
        if any(tuple(row) != names for row in rows):
            raise ValueError("rows of deliveries that have other names")
        rows = StatusRows(names, [tuple(row.values()) for row in rows])
    columns = map(_encode_column, rows.columns())
    return {"count": len(rows), "columns": dict(zip(rows.names, columns, strict=True))}


def _encode_column(values: Sequence[Any]) -> Any:
    """Return a column as JSON values: its only value if all are the same, as `[value]`; else all of them."""
    return [values[0]] if values and values.count(values[0]) == len(values) else list(values)


def _decode_column(values: Sequence[Any], count: int) -> Sequence[Any]:
    if len(values) == count:
        return values
    (value,) = values
    return [value] * count


def _decode_rows(document: Mapping[str, Any]) -> StatusRows:
    count, columns = document["count"], document["columns"]
    return StatusRows(tuple(columns), list(zip(*(_decode_column(one, count) for one in columns.values()), strict=True)))


def _decode_reconciliation(document: Mapping[str, Any], lines: bytes) -> Reconciliation:
    reconciliation = Reconciliation(_Lines(lines), document["currency"])
    # What a derived one adds up when it is first asked for.
    for name in ("by_scenario", "by_feed"):
        vars(reconciliation)[name] = [_decode_line(line) for line in document[name]]
    return reconciliation


class _Lines(Sequence[Line]):
    """The lines by file, decoded when they are first asked for."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _lines(self) -> list[Line]:
        return _decode_lines(json.loads(self._text))

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place: Any) -> Any:
        return self._lines[place]

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)


_OF_LINE = ("scenario", "unit", "feed", "file", "has_sides")


def _encode_lines(lines: Iterable[Line]) -> dict[str, Any]:
    """Return lines as columns; which terms they have is mostly the same few names, and counts follow one another."""
    lines = list(lines)
    terms = [tuple(line.terms) for line in lines]
    names = {one: place for place, one in enumerate(dict.fromkeys(terms))}
    counts = [count for line in lines for count in line.terms.values()]
    columns: dict[str, Sequence[Any]] = {name: [getattr(line, name) for line in lines] for name in _OF_LINE}
    columns["terms"] = [names[one] for one in terms]
    of_counts: dict[str, Sequence[Any]] = {
        "rows": [count.rows for count in counts],
        "amount": [str(count.amount) for count in counts],
        "absolute": [str(count.absolute) for count in counts],
        "unpriced": [count.unpriced for count in counts],
    }
    return {
        "terms": list(names),
        "line_count": len(lines),
        "lines": {name: _encode_column(column) for name, column in columns.items()},
        "count_count": len(counts),
        "counts": {name: _encode_column(column) for name, column in of_counts.items()},
    }


def _decode_lines(document: Mapping[str, Any]) -> list[Line]:
    lines = {name: _decode_column(one, document["line_count"]) for name, one in document["lines"].items()}
    counts = [_decode_column(one, document["count_count"]) for one in document["counts"].values()]
    each = map(_count, *counts)
    names = document["terms"]
    columns = zip(*(lines[name] for name in (*_OF_LINE, "terms")), strict=True)
    return [
        Line(scenario, unit, dict(zip(names[place], each)), feed, file, has_sides)  # noqa: B905  as many as it has names
        for scenario, unit, feed, file, has_sides, place in columns
    ]


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
    return Count(rows, Decimal(amount), Decimal(absolute), unpriced)


def _decode_expected(values: Mapping[str, Any]) -> ExpectedFeed:
    days = {name: None if values[name] is None else date.fromisoformat(values[name]) for name in ("last", "due")}
    return ExpectedFeed(**{**values, **days, "last_state": values.get("last_state") or ""})


def _decode_change(values: Mapping[str, Any]) -> HeaderChange:
    names = {name: tuple(values[name]) for name in ("added", "gone")}
    return HeaderChange(**{**values, **names, "renamed": tuple(map(tuple, values["renamed"]))})
