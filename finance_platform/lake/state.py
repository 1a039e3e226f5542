"""The state: what the register's events and the commits together mean.

Belongs here: which deliveries are live, held, refused or still to be read. Pure functions.
Does not belong here: reading or writing anything, versions of slices (see `plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.lake.deliveries import DeliveryCommit
from finance_platform.lake.register import Delivered


@dataclass(frozen=True)
class LiveDelivery:
    """A delivery whose lines count.

    Attributes:
        event: the register's event.
        commit: what reading it gave.
        position: its place in the defined order; the last one wins where two say different things.
    """

    event: Delivered
    commit: DeliveryCommit
    position: tuple[str, str]

    @property
    def delivery_id(self) -> str:
        """The delivery's identity."""
        return self.commit.delivery_id


@dataclass(frozen=True)
class StoppedDelivery:
    """A delivery that was read and does not count: held beyond tolerance, or refused whole."""

    event: Delivered
    commit: DeliveryCommit
    reason: str
    fix: str

    @property
    def is_refused(self) -> bool:
        """Whether the file as a whole could not be read."""
        return self.commit.status == "refused"


@dataclass(frozen=True)
class LakeState:
    """What is in the lake.

    Attributes:
        live: deliveries that count, in the defined order.
        stopped: the current deliveries that are held or refused.
        pending: current deliveries that are not read yet.
        superseded: commits that once counted and were replaced.
    """

    live: Sequence[LiveDelivery]
    stopped: Sequence[StoppedDelivery]
    pending: Sequence[Delivered]
    superseded: Sequence[DeliveryCommit]

    @property
    def ledger(self) -> list[LiveDelivery]:
        """The live deliveries of ledger feeds, in order."""
        return [delivery for delivery in self.live if delivery.event.kind == "ledger"]


def derive_state(events: Sequence[Delivered], commits: Mapping[str, DeliveryCommit]) -> LakeState:
    """Return what the events and commits mean.

    For each raw object the newest delivery counts that was read and is not held; until a new one is, the old one
    stays. The order of deliveries is by the time at which this content under this key was first seen, then by key.
    """
    by_key: dict[str, list[Delivered]] = {}
    first_seen: dict[tuple[str, str], str] = {}
    for event in events:
        by_key.setdefault(event.object_key, []).append(event)
        first_seen.setdefault((event.object_key, event.fingerprint), event.modified_at)
    live: list[LiveDelivery] = []
    stopped: list[StoppedDelivery] = []
    pending: list[Delivered] = []
    superseded: list[DeliveryCommit] = []
    for key, versions in by_key.items():
        current = versions[-1]
        if current.delivery_id not in commits:
            pending.append(current)
        found: LiveDelivery | None = None
        # A delivery is judged under its last event alone: an older one may have tolerated more.
        last_events = {event.delivery_id: event for event in versions}
        for event in reversed(versions):
            commit = commits.get(event.delivery_id)
            if commit is None or event is not last_events[event.delivery_id]:
                continue
            reason = reason_to_stop(event, commit)
            if reason is None:
                found = LiveDelivery(event, commit, (first_seen[key, event.fingerprint], key))
                break
            if event is current:
                stopped.append(StoppedDelivery(event, commit, *reason))
        if found:
            live.append(found)
            superseded += _replaced(last_events, commits, found)
    live.sort(key=lambda delivery: delivery.position)
    return LakeState(live, stopped, pending, superseded)


def reason_to_stop(event: Delivered, commit: DeliveryCommit) -> tuple[str, str] | None:
    """Return why a delivery must not count, and what to do; None when it may count."""
    if commit.status == "refused":
        return commit.refusal, commit.fix
    if any(commit.unaccounted):
        rows, amount, unpriced = commit.unaccounted
        return (
            f"not accounted for: {rows} rows, {amount}, {unpriced} cells that are no amount",
            "this is a fault of the platform: keep the file and report it",
        )
    rejected = commit.outcome("rejected")
    share = Decimal(event.tolerated_share)
    allowed_rows = share * commit.read.rows
    mend = "correct the file and send it again, or widen tolerance: in the descriptor"
    if rejected.rows > allowed_rows:
        return f"{rejected.rows} of {commit.read.rows} rows rejected, tolerated {share:%}", mend
    if event.tolerated_amount is not None and rejected.absolute > Decimal(event.tolerated_amount):
        return f"{rejected.absolute} rejected, tolerated {event.tolerated_amount}", mend
    return None


def _replaced(
    last_events: Mapping[str, Delivered], commits: Mapping[str, DeliveryCommit], live: LiveDelivery
) -> list[DeliveryCommit]:
    return [
        commits[delivery_id]
        for delivery_id, event in last_events.items()
        if delivery_id != live.delivery_id
        and delivery_id in commits
        and reason_to_stop(event, commits[delivery_id]) is None
    ]
