"""Spans: the periods for which the attributes of a member are the same, as files of master data describe them.

Belongs here: which description of an account or department counts in which period. Does not belong here: which
deliveries describe (see `state_derivation`), the table of earlier attributes (see `attribute_history`).

In each period, of the deliveries that describe the member there the last one counts, as without dates. A row with
`valid_from` holds from that period on, a row without it from the first period that was not closed when the file began
to count; it ends where the next row of the member begins, in its own file or in the next version of it. Beside dated
rows of the member in its own file, a row without a date says what was before them, whatever is closed. The first row of
a member that nothing else describes holds from the file's own beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, MEMBERS
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.members.account_types import UNKNOWN
from finance_platform.deliveries.state import DeliveryState, Description
from finance_platform.storage.port import ObjectStore

Attributes = Mapping[str, str | None]
"""By column of the file's table."""

_Described = tuple[str, Attributes | None]
"""A period, and the description of a member from it on; None if there is none."""

_ATTRIBUTES = {
    "accounts": (
        "account_number",
        "account_name",
        "account_type",
        "category",
        "measure",
        "parent_account_number",
    ),
    "departments": ("department_code", "department_name", "business_unit", "parent_department_code"),
}
_TABLES = {"accounts": ACCOUNTS, "departments": DEPARTMENTS}
_DEFAULTS = {"account_type": UNKNOWN, "category": UNKNOWN, "measure": "flow", "business_unit": UNKNOWN}
_MEMBER_COLUMNS = {
    "account_number": "code",
    "account_name": "name",
    "account_type": "account_type",
    "category": "category",
    "department_code": "code",
    "department_name": "name",
    "business_unit": "business_unit",
}
_PLACE = ("source_sheet", "source_row")
_CODES = {"account_name": "account_number", "department_name": "department_code"}
"""The column that gives a name where nothing else does."""


@dataclass(frozen=True)
class Span:
    """The attributes of a member from a period on.

    Attributes:
        since: YYYY-MM; empty for the beginning.
        attributes: as the dimension has them; what no file gives is that of the lines, or a default.
    """

    since: str
    attributes: Attributes


@dataclass(frozen=True)
class _Statement:
    """One row about a member, and the periods for which it holds: from `since`, before `until`."""

    description: Description
    since: str
    until: str | None
    attributes: Attributes

    def holds(self, period: str) -> bool:
        return self.since <= period and (self.until is None or period < self.until)


def attribute_spans(processed: ObjectStore, state: DeliveryState, kind: str) -> dict[int, Sequence[Span]]:
    """Return the spans of each member whose attributes change between two periods, by key, oldest first.

    Args:
        processed: the processed zone.
        state: the deliveries.
        kind: accounts or departments.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    descriptions = [one for one in state.descriptions if one.delivery.event.kind == kind]
    if not any(one.since or one.until is not None or one.delivery.commit.has_dates for one in descriptions):
        return {}
    rows = [(one, _rows(processed, one, kind)) for one in descriptions]
    objects = [
        list(versions) for _, versions in groupby(rows, key=lambda described: described[0].delivery.event.object_key)
    ]
    described = {}
    for key in sorted({key for _, by_key in rows for key in by_key}):
        statements = [statement for versions in objects for statement in _statements(key, versions)]
        of_member = _described(statements)
        if len(of_member) > 1:
            described[key] = of_member
    of_lines = _attributes_of_lines(processed, state, kind, described)
    spans = {key: _complete(of_member, of_lines.get(key, {})) for key, of_member in described.items()}
    return {key: of_member for key, of_member in spans.items() if len(of_member) > 1}


def _complete(described: Sequence[_Described], of_lines: Attributes) -> list[Span]:
    """Return spans with every attribute; those that are equal then are one."""
    names = dict.fromkeys(name for _, attributes in described for name in attributes or ())
    code = next(name for name in names if name in _CODES.values())
    spelling = next((attributes[code] for _, attributes in reversed(described) if attributes), None)
    spans: list[Span] = []
    for since, attributes in described:
        complete = {name: (attributes or {}).get(name) or of_lines.get(name) or _DEFAULTS.get(name) for name in names}
        complete[code] = complete[code] or spelling
        complete |= {name: complete[name] or complete[code] for name in names if name in _CODES}
        if not spans or spans[-1].attributes != complete:
            spans.append(Span(since, complete))
    return spans


def _attributes_of_lines(
    processed: ObjectStore, state: DeliveryState, kind: str, described: Mapping[int, Sequence[_Described]]
) -> dict[int, dict[str, str]]:
    """Return what ledger lines say of members whose description lacks something; the first delivery counts."""
    names = [name for name in _ATTRIBUTES[kind] if name in _MEMBER_COLUMNS]
    lacking = {
        key
        for key, of_member in described.items()
        if any(not (attributes or {}).get(name) for _, attributes in of_member for name in names)
    }
    found: dict[int, dict[str, str]] = {}
    columns = ["dimension", "member_key", *dict.fromkeys(_MEMBER_COLUMNS[name] for name in names)]
    for delivery in state.ledger if lacking else ():
        for rows in read_rows(processed, delivery.delivery_id, delivery.commit.files.get(MEMBERS.name, ()), columns):
            for row in rows.to_pylist():
                if f"{row['dimension']}s" == kind and row["member_key"] in lacking:
                    given = {name: row[_MEMBER_COLUMNS[name]] for name in names if row[_MEMBER_COLUMNS[name]]}
                    found[row["member_key"]] = given | found.get(row["member_key"], {})
    return found


_Rows = Mapping[int, Sequence[tuple[str, Attributes]]]
"""By key, the period from which each row holds and its attributes, oldest first."""


def _rows(processed: ObjectStore, description: Description, kind: str) -> _Rows:
    table, names = _TABLES[kind], _ATTRIBUTES[kind]
    key = table.natural_key[1]
    commit = description.delivery.commit
    by_key: dict[int, dict[tuple[str, bool], Attributes]] = {}
    columns = [key, "valid_from", *_PLACE, *names]
    for rows in read_rows(processed, commit.delivery_id, commit.files.get(table.name, ()), columns):
        for row in sorted(rows.to_pylist(), key=lambda one: (one["source_sheet"] or "", one["source_row"])):
            since = row["valid_from"] or description.since
            of_member = by_key.setdefault(row[key], {})
            # Of rows with one date, one for each predecessor, the first one counts; a date counts before none.
            of_member.setdefault((since, bool(row["valid_from"])), {name: row[name] for name in names})
    return {member: _in_order(of_member) for member, of_member in by_key.items()}


def _in_order(of_member: Mapping[tuple[str, bool], Attributes]) -> list[tuple[str, Attributes]]:
    """Return the rows of a member, oldest first, without one that would begin after the dated rows that it precedes."""
    first_date = min((since for since, has_date in of_member if has_date), default=None)
    return [
        (since, attributes)
        for (since, has_date), attributes in sorted(of_member.items(), key=lambda one: one[0])
        if has_date or first_date is None or since < first_date
    ]


def _statements(key: int, versions: Sequence[tuple[Description, _Rows]]) -> Iterator[_Statement]:
    """Yield the rows about a member in the versions of one object, each with the periods for which it holds."""
    for place, (description, by_key) in enumerate(versions):
        rows = by_key.get(key, ())
        if not rows:
            continue
        until = description.until
        following, of_following = versions[place + 1] if place + 1 < len(versions) else (None, {})
        if following and following.since == until and key in of_following:
            until = of_following[key][0][0]
        for (since, attributes), end in pairwise([*rows, (until, {})]):
            last = end[0] if until is None or end[0] is None else min(end[0], until)
            yield _Statement(description, since or "", last, attributes)


def _described(statements: Sequence[_Statement]) -> list[_Described]:
    bounds = {"", *(one.since for one in statements), *(one.description.since for one in statements)}
    bounds |= {one.until for one in statements if one.until is not None}
    described: list[_Described] = []
    for bound in sorted(bounds):
        attributes = _attributes_in(bound, statements)
        if not described or described[-1][1] != attributes:
            described.append((bound, attributes))
    return described


def _attributes_in(period: str, statements: Sequence[_Statement]) -> Attributes | None:
    """Return the attributes that count in a period; None if nothing describes the member there."""
    holding = [one for one in statements if one.holds(period)]
    if not holding:
        # The first row of a file holds from the file's own beginning where nothing else describes the member.
        earlier = [one for one in statements if one.description.since <= period < one.since]
        holding = [one for one in earlier if one.since == min(other.since for other in earlier)]
    if not holding:
        return None
    return max(holding, key=lambda one: (one.description.delivery.position, one.since)).attributes
