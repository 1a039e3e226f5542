"""Bookings: what a delivery would change in closed periods, as lines of the first period after the last closed one.

Belongs here: these lines, their files and their commit. Does not belong here: the decision (see `decisions`), what it
moves (see `previews`), which versions of an object count then (see `state_derivation`).

The lines that a closed period would gain are booked as they are, those that it would lose with the opposite sign. Both
keep their file, their row and their document date. Those of each file are a delivery of their own: a reader needs to
know nothing about them, and a withdrawal of the delivery that they were booked for takes them out with it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNT_COUNTS, MEMBERS, TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import (
    DELIVERED,
    Count,
    DataFile,
    DeliveryCommit,
    PeriodCount,
    ScenarioCount,
    write_commit,
)
from finance_platform.deliveries.live_lines import LiveLines
from finance_platform.deliveries.overlaps import Overlaps, compute_candidate_overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, replaced_cells, replaces_periods
from finance_platform.deliveries.verdicts.changed_lines import (
    content_of,
    find_changed_lines,
    find_changed_periods,
    lacking,
    lines_of,
)
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.dates import first_day, next_period
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

_COLUMNS = tuple(column.name for column in TRANSACTIONS.stored_columns)


@dataclass(frozen=True)
class Booking:
    """The lines of one delivery that a closed period would gain or lose.

    Attributes:
        booking_id: identity of the delivery that they are.
        source: the delivery that the lines are of: the one that would change the period, or one that counts there.
        closed_period: that period.
        period: the period in which they are booked.
        rows: the lines, with the columns of `TRANSACTIONS`.
    """

    booking_id: str
    source: DeliveryCommit
    closed_period: str
    period: str
    rows: Sequence[Mapping[str, Any]]


def plan_decided_bookings(
    processed: ObjectStore, state: DeliveryState, candidate: LiveDelivery, periods: Collection[str]
) -> list[Booking]:
    """Return what a person's decision would book; nothing is written.

    Args:
        processed: the processed zone.
        state: the deliveries.
        candidate: the delivery as it would count if it were accepted.
        periods: the periods that the decision is about; all of the delivery's if there are none.

    Raises:
        DecisionError: no closed period would change, or lines of a plan would be booked, or an earlier booking ends in
            a period that is closed.
    """
    overlaps = compute_candidate_overlaps(processed, state.effective, candidate)
    live, lines = LiveDeliveries(state.effective, overlaps), LiveLines(processed, overlaps)
    bookings = plan_bookings(lines, live, candidate, state.closed.keys(), periods)
    name = quote_name(candidate.event.object_key)
    if not bookings:
        raise DecisionError(
            f"{name} changes no closed period", fix=f"`finance-platform accept {name} --why TEXT` publishes it"
        )
    if plans := find_plans(bookings):
        raise DecisionError(
            f"{name} has lines of {', '.join(plans)} in closed periods, and only lines of Actual can be booked later",
            fix="accept the file, which publishes them in their own period, or withdraw it",
        )
    own = [one for one in state.live if one.event.object_key == candidate.event.object_key]
    kept = candidate.portion.without.union(one.closed_period for one in bookings)
    for of_period, period in find_ended_bookings(own, kept, state.closed.keys()):
        raise DecisionError(
            f"{name} counts in {of_period}, so what is booked of it in {period}, closed, would go",
            fix=f"reopen {period} and run, or accept the file, which publishes all lines in their own period",
        )
    if changed := _changed_beside(processed, state, candidate, kept):
        raise DecisionError(
            f"{name} would change {', '.join(changed)}, closed, beside what is booked of it",
            fix="accept the file, which publishes all lines in their own period, or withdraw it",
        )
    return bookings


def _changed_beside(
    processed: ObjectStore, state: DeliveryState, candidate: LiveDelivery, kept: Collection[str]
) -> list[str]:
    """Return the closed periods that a candidate would change if its object's earlier versions keep some periods."""
    counted = candidate.restricted_to(Portion(without=frozenset(kept)))
    if counted is None:
        return []
    overlaps = compute_candidate_overlaps(processed, state.live, counted)
    published = LiveDeliveries(state.live, overlaps)
    return find_changed_periods(LiveLines(processed, overlaps), published, counted, state.closed.keys())


def find_ended_bookings(
    earlier: Iterable[LiveDelivery], kept: Collection[str], closed: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the period of each booking that a later version ends, and the closed one in which it is booked.

    Args:
        earlier: what counts of the object.
        kept: the periods that the later version leaves to it.
        closed: the closed periods.
    """
    for one in earlier:
        if one.booked_from and one.booked_from not in kept:
            periods = {count.period for count in one.commit.periods}
            yield from ((one.booked_from, period) for period in sorted(periods.intersection(closed)))


def find_plans(bookings: Iterable[Booking]) -> list[str]:
    """Return the plans of which lines would be booked in a later period."""
    return sorted({row["scenario"] for one in bookings for row in one.rows if row["scenario_type"] != "Actual"})


def plan_bookings(
    lines: LiveLines,
    live: LiveDeliveries,
    candidate: LiveDelivery,
    closed: Collection[str],
    periods: Collection[str] = (),
) -> list[Booking]:
    """Return what would be booked for each closed period that a delivery would change.

    Args:
        lines: reads the lines of the deliveries.
        live: the effective deliveries.
        candidate: the delivery as it would count.
        closed: the closed periods.
        periods: the periods that matter; all of the delivery's if there are none.

    Raises:
        DecisionError: the delivery replaces lines of other files, or has keys of them, or counts already.
    """
    cells = {
        cell for cell in live.affected_cells(candidate) if cell[1] in closed and (not periods or cell[1] in periods)
    }
    sources = {one.delivery_id: one.commit for one in (*live.by_id.values(), candidate)}
    others = {name for name, source in sources.items() if source.object_key != candidate.event.object_key}
    booked = frozenset[str]().union(*(one.bookings for one in live.earlier(candidate)))
    bookings: list[Booking] = []
    changes_others = False
    for period in sorted({period for _, period in cells}):
        of_period = {cell for cell in cells if cell[1] == period}
        old, new = find_changed_lines(lines, live, candidate, of_period, _COLUMNS)
        come, gone = list(lacking(new, old)), list(lacking(old, new))
        # Also if a line of the candidate is like one of another file that counts again, or counts no longer.
        changes_others |= lines_of(old, others) != lines_of(new, others)
        rows = [*come, *({**row, "amount": -row["amount"]} for row in gone)]
        for source in dict.fromkeys(row["delivery_id"] for row in rows):
            own = [row for row in rows if row["delivery_id"] == source]
            to = next_period(max(closed))
            bookings.append(_booking(candidate.delivery_id, sources[source], period, to, own, booked))
    if not periods and live.counts_already(candidate, {one.closed_period for one in bookings}):
        name = quote_name(candidate.event.object_key)
        raise DecisionError(
            f"{name} counts already, and only `load` or `order` of its feed has changed, so it cannot be booked later",
            fix="accept the file, which restates the closed periods, or set the descriptor as it was",
        )
    versions = (candidate, *live.earlier(candidate)) if bookings else ()  # an earlier one stays in the closed periods
    shared = any(find_shared_keys(live, lines.overlaps, one) for one in versions)
    if bookings and (changes_others or shared):
        name = quote_name(candidate.event.object_key)
        raise DecisionError(
            f"{name} replaces lines of other files, or has keys of them, so its lines cannot be booked later",
            fix="accept the file, which publishes them in their own period, or withdraw it",
        )
    return bookings


def find_shared_keys(
    live: LiveDeliveries, overlaps: Overlaps, delivery: LiveDelivery, *, with_bookings: bool = False
) -> str:
    """Return another file that counts and has keys of a delivery, or one whose lines are booked later; else empty.

    Of a feed whose files replace whole periods, one with booked lines of a scenario and period that the delivery
    replaces: each of both would take out the other's lines there, but not those that are booked.
    """
    for name in overlaps.overlapping(delivery.delivery_id):
        other = live.by_id.get(name)
        if other and other.event.object_key != delivery.event.object_key and (other.booked or not with_bookings):
            return other.event.object_key
    for cell in sorted(replaced_cells(delivery)):
        for other in live.others(delivery, cell):
            if cell[1] in other.booked and replaces_periods(other):
                return other.event.object_key
    return ""


def find_kept_keys(
    published: LiveDeliveries, effective: LiveDeliveries, overlaps: Overlaps, delivery: LiveDelivery
) -> str:
    """Return another file of which an earlier version has keys of a delivery in a closed period; else empty.

    What its later version would change there is booked in a later period, with the opposite sign of the lines that it
    lacks. So these must go on counting in the closed period.

    Args:
        published: the deliveries that count where lines are booked in a later period.
        effective: those that would count without bookings; of one that is booked in this run, its bookings are here.
        overlaps: the lines that they and the delivery claim from each other.
        delivery: the delivery that is judged.
    """
    shared = {
        name: {period for _, period, _ in overlaps.overlap(name, delivery.delivery_id).lines}
        for name in overlaps.overlapping(delivery.delivery_id)
    }
    for cell in sorted(replaced_cells(delivery)):
        for other in filter(replaces_periods, published.others(delivery, cell)):
            shared.setdefault(other.delivery_id, set()).add(cell[1])
    for name, periods in shared.items():
        kept = published.by_id.get(name)
        if kept is None or kept.portion.only is None or kept.event.object_key == delivery.event.object_key:
            continue
        booked = {one.booked_from for one in published.earlier(kept)}
        booked |= {period for one in effective.earlier(kept) for period in one.booked}
        if not booked.isdisjoint(period for period in periods if period in kept.portion):
            return kept.event.object_key
    return ""


def _booking(
    candidate: str,
    source: DeliveryCommit,
    closed: str,
    period: str,
    rows: Sequence[Mapping[str, Any]],
    booked: Collection[str],
) -> Booking:
    parts: list[Any] = [
        candidate,
        source.delivery_id,
        closed,
        period,
        sorted(json.dumps(content_of(row), default=str) for row in rows),
    ]
    if booked:
        # A content that is sent, corrected and sent again is booked each time, with the same lines.
        parts.append(sorted(booked))
    booking_id = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    day = first_day(period)
    changed = {"delivery_id": booking_id, "period": period, "posting_date": day, "line_key": None, "scope_key": None}
    return Booking(booking_id, source, closed, period, [{**row, **changed} for row in rows])


def write_booking(processed: ObjectStore, booking: Booking) -> DeliveryCommit:
    """Write the lines and their commit, which counts once the register names it; the caller holds the run's lock."""
    folder, rows = f"booked-{booking.booking_id}", booking.rows
    files = {
        TRANSACTIONS.name: (_write(processed, f"{folder}/then_by={booking.period}", TRANSACTIONS, rows),),
        MEMBERS.name: (_write(processed, folder, MEMBERS, list(_members(booking))),),
        ACCOUNT_COUNTS.name: (_write(processed, folder, ACCOUNT_COUNTS, list(_account_counts(booking))),),
    }
    written = replace(commit_of_booking(booking), files=files)
    write_commit(processed, written)
    return written


def commit_of_booking(booking: Booking) -> DeliveryCommit:
    """Return the commit of a booking without its files."""
    commit, rows = booking.source, booking.rows
    (scenario,) = {(row["scenario"], row["scenario_type"]) for row in rows}
    total = _total(rows)
    day = first_day(booking.period).isoformat()
    return DeliveryCommit(
        booking.booking_id,
        commit.object_key,
        commit.feed,
        commit.kind,
        commit.fingerprint,
        "read",
        read=total,
        outcomes={"accepted": total},
        scenarios=[ScenarioCount(scenario[0], "", term, total) for term in (DELIVERED, "accepted")],
        periods=[
            PeriodCount(
                *scenario,
                booking.period,
                total.rows,
                total.amount,
                total.absolute,
                booking.booking_id,
                sum(row["reverses_transaction_id"] is not None for row in rows),
            )
        ],
        is_debit_positive=any(row["is_debit_positive"] for row in rows),
        first_day=day,
        last_day=day,
        booked_from=booking.closed_period,
        committed_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def _write(processed: ObjectStore, folder: str, contract: Contract, rows: Sequence[Mapping[str, Any]]) -> DataFile:
    key = f"{contract.name}/{folder}/part-00000.parquet"
    buffer = io.BytesIO()
    schema = arrow_schema(contract.stored_columns)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), buffer)
    data = buffer.getvalue()
    processed.write(key, data)
    processed.sync([key])
    return DataFile(key, len(data), sha256=hashlib.sha256(data).hexdigest())


def _members(booking: Booking) -> Iterator[dict[str, Any]]:
    names = (("account", "account_key", "account_number"), ("department", "department_key", "department_code"))
    for dimension, key, code in names:
        codes = {row[key]: row[code] for row in reversed(booking.rows)}
        for member in sorted(codes):
            named = {"delivery_id": booking.booking_id, "dimension": dimension, "member_key": member}
            yield {**named, "code": codes[member]}


def _account_counts(booking: Booking) -> Iterator[dict[str, Any]]:
    by_account: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in booking.rows:
        by_account.setdefault((row["account_key"], row["scenario"]), []).append(row)
    for (account, scenario), rows in sorted(by_account.items()):
        total = _total(rows)
        yield {
            "delivery_id": booking.booking_id,
            "account_key": account,
            "scenario": scenario,
            "currency": "",
            "period": booking.period,
            "term": "accepted",
            "row_count": total.rows,
            "unpriced": 0,
            "amount": str(total.amount),
            "absolute": str(total.absolute),
        }


def _total(rows: Sequence[Mapping[str, Any]]) -> Count:
    amounts = [row["amount"] for row in rows]
    return Count(len(rows), sum(amounts, Decimal("0.00")), sum(map(abs, amounts), Decimal("0.00")))
