"""The status: what is in, what is held or refused, what is stale, as plain values for people and monitors.

Belongs here: the status document. Does not belong here: how it is shown (see `rendering`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.reports.reconciliation import Reconciliation
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.ledger import PublishedSlice

FIX_VANISHED = "put the file back, or withdraw it"
FIX_UNMATCHED = "add a descriptor to the home's feeds folder, or take the file out of raw"
FORMAT = 1
"""Of the JSON document; raised when a key goes or changes its meaning. `docs/status.md` describes it."""


@dataclass(frozen=True)
class Background:
    """What the status tells beside the lake's and the warehouse's own words; see `recent`.

    Attributes:
        why_stale: by slice, what differs between what is published and what is wanted.
        closed: the closed periods.
        movements: what moved lately.
        last_run: the home's latest run, None where there was none.
        kept: closed periods that stay as they are published although what they are made from has changed.
    """

    why_stale: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    closed: Sequence[Mapping[str, Any]] = ()
    movements: Sequence[Mapping[str, Any]] = ()
    last_run: Mapping[str, Any] | None = None
    kept: Sequence[str] = ()


@dataclass(frozen=True)
class Status:
    """A home as it stands.

    Attributes:
        deliveries: one row per raw object: file, feed, state, rows by outcome, money, reason, fix and warnings.
        slices: one row per slice: table, slice, versions wanted and published, state, why it is stale.
        problems: descriptors and files that cannot be used, with the fix.
        unmatched: files that no descriptor matches.
        vanished: files that were delivered and are gone; their lines still count.
        line: the controller's line.
        background: closed periods, movements, last run.
    """

    deliveries: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    problems: list[dict[str, str]]
    unmatched: list[str]
    vanished: list[str]
    line: Reconciliation
    background: Background = Background()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is held, refused or broken as the state stands, and the last run came through."""
        stopped = any(row["state"] in {"held", "refused"} for row in self.deliveries)
        lost = any(self.line.difference) and not self.is_behind
        has_failed = (self.background.last_run or {}).get("status") == "FAILURE"
        return not stopped and not self.problems and not lost and not has_failed

    @property
    def is_behind(self) -> bool:
        """Whether the warehouse is behind what was read and decided."""
        return any(row["state"] != "published" for row in self.slices)

    @property
    def is_stale(self) -> bool:
        """Whether a run would have something to do: the warehouse is behind, or a file waits to be read."""
        return self.is_behind or any(row["state"] == "pending" for row in self.deliveries)

    @property
    def rules(self) -> dict[str, int]:
        """How many rows broke each rule, the most broken first."""
        counts: dict[str, int] = {}
        for row in self.deliveries:
            for rule, count in row["rules"].items():
                counts[rule] = counts.get(rule, 0) + count
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def warnings(self) -> list[dict[str, str]]:
        """What a person should know that stops nothing: file, kind, warning and fix."""
        late = [
            {"file": row["file"], "kind": "delivery", "warning": warning, "fix": ""}
            for row in self.deliveries
            for warning in row["warnings"]
        ]
        vanished = "delivered before, gone from raw; its lines still count"
        unmatched = "no feed descriptor reads this file"
        return [
            *late,
            *({"file": n, "kind": "unmatched", "warning": unmatched, "fix": FIX_UNMATCHED} for n in self.unmatched),
            *({"file": n, "kind": "vanished", "warning": vanished, "fix": FIX_VANISHED} for n in self.vanished),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON values; money is text with two decimals."""
        terms = {name: vars(count) for name, count in vars(self.line).items()}
        line = {
            name: {"rows": term["rows"], "amount": f"{term['amount']:.2f}", "unpriced": term["unpriced"]}
            for name, term in terms.items()
        }
        return {
            "format": FORMAT,
            "is_sound": self.is_healthy,
            "is_stale": self.is_stale,
            "last_run": self.background.last_run,
            "deliveries": self.deliveries,
            "rejected_by_rule": self.rules,
            "slices": self.slices,
            "closed_periods": list(self.background.closed),
            "movements": list(self.background.movements),
            "warnings": self.warnings,
            "problems": self.problems,
            "unmatched_files": self.unmatched,
            "vanished_files": self.vanished,
            "controllers_line": line,
        }


def build_status(
    snapshot: Snapshot,
    intake: RawZoneScan,
    published: Mapping[tuple[str, str], PublishedSlice],
    line: Reconciliation,
    background: Background = Background(),
) -> Status:
    """Return the status of a home."""
    return Status(
        deliveries=_deliveries(snapshot.state, intake),
        slices=_slices(snapshot, published, background.why_stale),
        problems=[
            *({"file": p.where, "problem": p.message, "fix": p.fix} for p in intake.problems),
            *(_kept(period) for period in background.kept),
        ],
        unmatched=list(intake.unmatched),
        vanished=list(intake.vanished),
        line=line,
        background=background,
    )


def _kept(period: str) -> dict[str, str]:
    return {
        "file": period,
        "problem": "the period is closed and stays as it is published, though what it is made from has changed",
        "fix": f"`finance-platform reopen {period} --why TEXT` lets the change through",
    }


def _deliveries(state: DeliveryState, intake: RawZoneScan) -> list[dict[str, Any]]:
    rows = [
        {
            **_delivery(delivery.event.object_key, delivery.event.feed, "live", delivery.commit),
            "warnings": list(delivery.judged.warnings) if delivery.judged else [],
        }
        for delivery in state.live
    ]
    rows += [_stopped(stopped, "refused" if stopped.is_refused else "held") for stopped in state.stopped]
    rows += [_stopped(stopped, "withdrawn") for stopped in state.withdrawn]
    current = {event.object_key: event for event in intake.events}
    read = {stopped.event.delivery_id for stopped in state.withdrawn}
    read |= {live.event.delivery_id for live in state.live} | {stopped.event.delivery_id for stopped in state.stopped}
    gone = {current[key].delivery_id for key in intake.vanished}
    rows += [_pending(key, event.feed) for key, event in current.items() if event.delivery_id not in read | gone]
    return sorted(rows, key=lambda row: (row["file"], row["state"]))


def _delivery(key: str, feed: str, state: str, commit: DeliveryCommit) -> dict[str, Any]:
    counts = {name: commit.outcome(name) for name in OUTCOMES}
    return {
        "file": key,
        "feed": feed,
        "state": state,
        "rows": commit.read.rows,
        **{name: count.rows for name, count in counts.items()},
        "amount": f"{commit.read.amount + commit.rounding:.2f}",
        "rejected_amount": f"{counts['rejected'].amount:.2f}",
        "rules": dict(sorted(commit.rules.items())),
        "delivery": commit.delivery_id,
        "reason": "",
        "fix": "",
        "warnings": [],
        "decision": None,
    }


def _stopped(stopped: InactiveDelivery, state: str) -> dict[str, Any]:
    decided = stopped.decided
    decision = decided and {"action": decided.action, "who": decided.who, "why": decided.why, "at": decided.at}
    row = _delivery(stopped.event.object_key, stopped.event.feed, state, stopped.commit)
    return {**row, "reason": stopped.reason, "fix": stopped.fix, "decision": decision}


def _pending(key: str, feed: str) -> dict[str, Any]:
    nothing = DeliveryCommit("", key, feed, "", "", "read")
    return {**_delivery(key, feed, "pending", nothing), "reason": "not read yet", "fix": "run `finance-platform run`"}


def _slices(
    snapshot: Snapshot,
    published: Mapping[tuple[str, str], PublishedSlice],
    why_stale: Mapping[tuple[str, str], Sequence[str]],
) -> list[dict[str, Any]]:
    wanted = {(slice_.table, slice_.slice): slice_.version for slice_ in snapshot.wanted}
    rows = []
    for name in sorted(wanted.keys() | published.keys()):
        there = published.get(name)
        version = wanted.get(name)
        if version is None:
            state = "no longer wanted"
        elif there and there.version == version:
            state = "published"
        else:
            state = "built, not loaded" if name in snapshot.built else "not built"
        rows.append(
            {
                "table": name[0],
                "slice": name[1],
                "state": state,
                "why": list(why_stale.get(name, ())),
                "wanted": version or "",
                "published": there.version if there else "",
                "rows": there.row_count if there else 0,
                "loaded_at": f"{there.loaded_at.isoformat()}Z" if there else "",
            }
        )
    return rows
