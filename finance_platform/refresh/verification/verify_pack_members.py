"""Members of an audit pack that follow from its register: the decisions, the gates of the close, the raw files.

Belongs here: comparing them with the events. Does not belong here: hashes, the manifest and the chain of events (see
`verify_audit_pack`).

A manifest only shows that a member is the one that the manifest's writer had. What the register says can be compared
with the register, whose head may be kept elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finance_platform.deliveries.events import Event, PeriodStatusChanged, select_discovered
from finance_platform.refresh.audit_pack import decisions_csv, gates_of_close
from finance_platform.safe_text import spreadsheet_cell

_NUMBER = "event_number"
_FILE = ("file", "sha256", "delivery")

_Row = Mapping[str, str]


def find_other_decisions(data: bytes, events: Sequence[Event], currency: str) -> Iterator[str]:
    """Yield how the list of decisions differs from the register.

    A pack of another release may have more or fewer columns; those that both have are compared.

    Args:
        data: the member `decisions.csv`.
        events: the register up to the close.
        currency: the currency of the figures.
    """
    expected, given = (_rows(content) for content in (decisions_csv(events, currency), data))
    if not given:
        if expected:
            yield "lacks the decisions that the register has"
        return
    shared = set(expected[0] if expected else {}) & set(given[0])
    if _NUMBER not in shared:
        yield "is not a list of decisions"
        return
    of_register, of_list = _by_number(expected), _by_number(given)
    for number in sorted(of_register.keys() | of_list.keys(), key=lambda text: (len(text), text)):
        rows = [
            sorted({tuple(row[name] for name in sorted(shared)) for row in of_one.get(number, ())})
            for of_one in (of_register, of_list)
        ]
        if rows[0] != rows[1]:
            yield f"does not have the decision of event {number} as the register has it"


def find_other_gates(close: Mapping[str, Any], event: PeriodStatusChanged) -> Iterator[str]:
    """Yield the gates that the document about the close shows otherwise than the register."""
    gates = close.get("gates")
    shown = {
        str(gate.get("gate")): (gate.get("state"), gate.get("contradicted_by"))
        for gate in (gates if isinstance(gates, list) else ())
        if isinstance(gate, Mapping)
    }
    expected = {str(gate["gate"]): (gate["state"], gate["contradicted_by"]) for gate in gates_of_close(event)}
    # Another release has other gates; a gate that only one of them knows must be green.
    for name in sorted(shown.keys() | expected.keys()):
        if shown.get(name, ("green", "")) != expected.get(name, ("green", "")):
            yield f"shows gate {name} otherwise than the register"


def find_other_files(data: bytes, events: Sequence[Event]) -> Iterator[str]:
    """Yield the files whose hash is not one that the register has of them."""
    discovered = {
        (str(spreadsheet_cell(one.object_key)), one.fingerprint, one.delivery_id) for one in select_discovered(events)
    }
    for row in _rows(data):
        if tuple(row.get(name, "") for name in _FILE) not in discovered:
            yield f"names {row.get('file', '')!r} with bytes that the register does not have"


def _rows(data: bytes) -> list[_Row]:
    return list(csv.DictReader(io.StringIO(data.decode(errors="replace")), restval=""))


def _by_number(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    of_number: dict[str, list[_Row]] = {}
    for row in rows:
        of_number.setdefault(row[_NUMBER], []).append(row)
    return of_number
