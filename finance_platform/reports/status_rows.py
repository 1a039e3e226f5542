"""The rows of the status: one for each delivery, with what became of its rows and its money.

Belongs here: the rows, as plain values. Does not belong here: the rest of the status document (see `status`), how rows
are printed (see `cli.rendering`).

Most rows of thousands are only counted, so a row is a tuple until somebody asks for it by its names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any, overload

from finance_platform.deliveries.commits import OUTCOMES, Count, DeliveryCommit
from finance_platform.deliveries.discovery import RawZoneScan, unread_objects, why_read_again
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.feeds.findings import NO_CONTROL_TOTALS, ControlTotals
from finance_platform.money_text import exact_money, plain_money

COULD_NOT_BE_READ = "could not be read"
"""The beginning of the reason of a pending file that a run has tried to read."""

READ_AGAIN = "not read yet: the next run reads the same content again, since "
"""The beginning of the reason of a pending file that has not changed since it was read."""

NAMES = (
    *("file", "feed", "state", "rows", *OUTCOMES, "amount", "rejected_amount", "rejected_foreign", "rules"),
    *("delivery", "discovered_at", "reason", "fix", "warnings", "booked_from", "control_totals", "decision"),
)
_OF_TOTALS = frozenset({NAMES.index("amount"), NAMES.index("rejected_amount")})
_NOT_READ, _NO_VERDICT = "not read yet", "no verdict yet"
_GONE = "; the file is gone from raw"
_NOTHING = Count()
_NO_MONEY = "0.00"
# One object for what most of thousands of rows have; no reader of a row changes its values.
_NO_AMOUNTS: Mapping[str, str] = {}
_NO_RULES: Mapping[str, int] = {}
_NO_WARNINGS: Sequence[str] = []
_NO_TOTALS: Mapping[str, Any] = {"checked": 0, "tied": 0, "listed": (), "missing": ()}
_SEVERAL = 2
_OTHER_RULES = "the rules of the feed have changed"
_BACK = "this content is back after another one, and this release or the rules of the feed read it otherwise"

_Values = tuple[Any, ...]


class StatusRows(Sequence[dict[str, Any]]):
    """Rows with the same names; each is a mapping, which is made when it is asked for."""

    def __init__(self, names: Sequence[str], rows: Sequence[_Values]) -> None:
        """Take rows.

        Args:
            names: the names of the values.
            rows: the values of each row, in the order of the names.
        """
        self.names = tuple(names)
        self._rows = rows

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, place: slice) -> StatusRows: ...

    def __getitem__(self, place: int | slice) -> dict[str, Any] | StatusRows:
        """Return a row, or some of them."""
        if isinstance(place, slice):
            return StatusRows(self.names, self._rows[place])
        return dict(zip(self.names, self._rows[place], strict=True))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row."""
        for values in self._rows:
            yield dict(zip(self.names, values, strict=True))

    def __eq__(self, other: object) -> bool:
        """Return whether another sequence has the same rows."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # its rows have mappings

    def column(self, name: str) -> list[Any]:
        """Return a value of each row."""
        return list(map(itemgetter(self.names.index(name)), self._rows))

    def columns(self) -> list[tuple[Any, ...]]:
        """Return the values of each name."""
        return list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self.names)


def status_rows(
    state: DeliveryState,
    scan: RawZoneScan,
    unread: Mapping[str, tuple[str, str, str]],
    without_total: Collection[str] = (),
) -> StatusRows:
    """Return a row for each object, sorted by its key.

    Args:
        state: the deliveries.
        scan: what is in the raw zone.
        unread: object key, reason and fix of each pending delivery that could not be read, by its id.
        without_total: files with money and statistical units, which are never added; the statement has both.
    """
    rows = [
        _values(
            delivery.commit,
            delivery.event,
            "live",
            warnings=(*(delivery.verdict.warnings if delivery.verdict else ()), *_notes(delivery.commit)),
            booked_from=delivery.booked_from,
        )
        for delivery in state.live
        if delivery.portion.only is None or delivery.commit.periods
    ]
    absent = frozenset(scan.absent)
    for inactive in state.inactive:
        gone = _GONE if inactive.event.object_key in absent else ""
        rows.append(_inactive_values(inactive, "refused" if inactive.is_refused else "held", gone))
    rows += [_inactive_values(inactive, "withdrawn") for inactive in state.withdrawn]
    rows += _pending_rows(state, scan, unread)
    if without_total:
        rows = [_without_total(values) if values[0] in without_total else values for values in rows]
    return StatusRows(NAMES, sorted(rows, key=itemgetter(NAMES.index("file"), NAMES.index("state"))))


def _pending_rows(state: DeliveryState, scan: RawZoneScan, unread: Mapping[str, tuple[str, str, str]]) -> list[_Values]:
    """Return a row for each object whose current version is not read yet, or has no verdict yet."""
    pending = unread_objects(state, scan)
    if not pending:
        return []
    awaiting = {delivery.event.delivery_id for delivery in state.awaiting_verdict}
    events = (*(one.event for one in state.live), *(one.event for one in state.inactive))
    read = {(event.object_key, event.feed, event.fingerprint) for event in events}
    why = why_read_again(pending.values())
    before = _contents_before(scan.events, pending)
    rows = []
    for event in pending.values():
        reason = _NO_VERDICT if event.delivery_id in awaiting else _NOT_READ
        if reason == _NOT_READ and (event.object_key, event.feed, event.fingerprint) in read:
            is_back = before.get(event.object_key, event.fingerprint) != event.fingerprint
            reason = f"{READ_AGAIN}{why if event.reads_again else _BACK if is_back else _OTHER_RULES}"
        rows.append(_pending_values(event, reason, unread.get(event.delivery_id)))
    return rows


def _contents_before(events: Iterable[DeliveryDiscovered], pending: Mapping[str, DeliveryDiscovered]) -> dict[str, str]:
    """Return the content that each pending object had in the delivery before, by key."""
    ids = {key: event.delivery_id for key, event in pending.items()}
    return {
        event.object_key: event.fingerprint
        for event in events
        if event.object_key in ids and event.delivery_id != ids[event.object_key]
    }


def _values(
    commit: DeliveryCommit,
    event: DeliveryDiscovered,
    state: str,
    *,
    reason: str = "",
    fix: str = "",
    warnings: Sequence[str] = (),
    booked_from: str = "",
    decision: Mapping[str, str] | None = None,
) -> _Values:
    """Return the values of a row."""
    outcomes = commit.outcomes
    rejected = outcomes.get("rejected", _NOTHING)
    scenarios, foreign = set(), False
    for lines in commit.scenarios:
        if lines.currency:
            foreign = True
        elif lines.scenario:
            scenarios.add(lines.scenario)
    # The amounts of several scenarios are never added; the reconciliation has each of them.
    has_total = len(scenarios) < _SEVERAL
    return (
        event.object_key,
        event.feed,
        state,
        commit.read.rows,
        *[outcomes.get(name, _NOTHING).rows for name in OUTCOMES],
        exact_money(commit.read.amount) if has_total else None,
        (plain_money(rejected.amount) if rejected is not _NOTHING else _NO_MONEY) if has_total else None,
        {name: plain_money(amount) for name, amount in sorted(commit.rejected_foreign.items())}
        if foreign
        else _NO_AMOUNTS,
        dict(sorted(commit.rules.items())) if commit.rules else _NO_RULES,
        commit.delivery_id,
        event.at,
        reason,
        fix,
        list(warnings) if warnings else _NO_WARNINGS,
        booked_from,
        _totals_as_json(commit.findings.control_totals),
        decision,
    )


def _totals_as_json(totals: ControlTotals) -> Mapping[str, Any]:
    # Of thousands of files, most print no total, and `asdict` takes as long as the rest of their rows.
    if totals is NO_CONTROL_TOTALS or totals == NO_CONTROL_TOTALS:
        return _NO_TOTALS
    return asdict(totals)


def _notes(commit: DeliveryCommit) -> Sequence[str]:
    """Return the warnings of the reader."""
    return commit.findings.warnings if commit.findings.notes else ()


def _inactive_values(inactive: InactiveDelivery, state: str, gone: str = "") -> _Values:
    made = inactive.decision
    decision = {"action": made.action, "who": made.who, "why": made.why, "at": made.at} if made else None
    return _values(
        inactive.commit,
        inactive.event,
        state,
        reason=f"{inactive.reason}{gone}",
        fix=inactive.fix,
        warnings=_notes(inactive.commit) if state == "held" else (),
        decision=decision,
    )


def _pending_values(event: DeliveryDiscovered, reason: str, unread: tuple[str, str, str] | None) -> _Values:
    fix = "run `finance-platform run`"
    if unread is not None:
        _, why, fix = unread
        reason = f"{COULD_NOT_BE_READ}: {why}"
    commit = DeliveryCommit("", event.object_key, event.feed, "", "", "read")
    return _values(commit, event, "pending", reason=reason, fix=fix)


def _without_total(values: _Values) -> _Values:
    return tuple(None if place in _OF_TOTALS else value for place, value in enumerate(values))
