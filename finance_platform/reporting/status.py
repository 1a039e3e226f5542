"""The status: what is in, what is held or refused, what is stale, as plain values for people and monitors.

Belongs here: the status document. Does not belong here: how it is shown (see `rendering`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finance_platform.lake.deliveries import OUTCOMES, DeliveryCommit
from finance_platform.lake.intake import Intake
from finance_platform.lake.snapshot import Snapshot
from finance_platform.lake.state import LakeState
from finance_platform.reporting.accounting import ControllersLine
from finance_platform.warehouse.ledger import PublishedSlice


@dataclass(frozen=True)
class Status:
    """A home as it stands.

    Attributes:
        deliveries: one row per raw object: file, feed, state, rows by outcome, money, reason and fix.
        slices: one row per slice: table, slice, versions wanted and published, state.
        problems: descriptors and files that cannot be used, with the fix.
        unmatched: files that no descriptor matches.
        vanished: files that were delivered and are gone; their lines still count.
        line: the controller's line.
    """

    deliveries: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    problems: list[dict[str, str]]
    unmatched: list[str]
    vanished: list[str]
    line: ControllersLine

    @property
    def is_sound(self) -> bool:
        """Whether nothing is held, refused or broken as the state stands."""
        stopped = any(row["state"] in {"held", "refused"} for row in self.deliveries)
        lost = any(self.line.difference) and not self.is_stale
        return not stopped and not self.problems and not lost

    @property
    def is_stale(self) -> bool:
        """Whether the warehouse is behind the lake, so that a run would change it."""
        return any(row["state"] != "published" for row in self.slices)

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON values; money is text with two decimals."""
        terms = {name: vars(count) for name, count in vars(self.line).items()}
        line = {
            name: {"rows": term["rows"], "amount": f"{term['amount']:.2f}", "unpriced": term["unpriced"]}
            for name, term in terms.items()
        }
        return {
            "is_sound": self.is_sound,
            "is_stale": self.is_stale,
            "deliveries": self.deliveries,
            "slices": self.slices,
            "problems": self.problems,
            "unmatched_files": self.unmatched,
            "vanished_files": self.vanished,
            "controllers_line": line,
        }


def build_status(
    snapshot: Snapshot, intake: Intake, published: Mapping[tuple[str, str], PublishedSlice], line: ControllersLine
) -> Status:
    """Return the status of a home."""
    return Status(
        deliveries=_deliveries(snapshot.state, intake),
        slices=_slices(snapshot, published),
        problems=[{"file": p.where, "problem": p.message, "fix": p.fix} for p in intake.problems],
        unmatched=list(intake.unmatched),
        vanished=list(intake.vanished),
        line=line,
    )


def _deliveries(state: LakeState, intake: Intake) -> list[dict[str, Any]]:
    rows = [_delivery(d.event.object_key, d.event.feed, "live", d.commit) for d in state.live]
    for stopped in state.stopped:
        name = "refused" if stopped.is_refused else "held"
        row = _delivery(stopped.event.object_key, stopped.event.feed, name, stopped.commit)
        rows.append({**row, "reason": stopped.reason, "fix": stopped.fix})
    for stopped in state.withdrawn:
        row = _delivery(stopped.event.object_key, stopped.event.feed, "withdrawn", stopped.commit)
        rows.append({**row, "reason": stopped.reason, "fix": stopped.fix})
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
    }


def _pending(key: str, feed: str) -> dict[str, Any]:
    nothing = DeliveryCommit("", key, feed, "", "", "read")
    return {**_delivery(key, feed, "pending", nothing), "reason": "not read yet", "fix": "run `finance-platform run`"}


def _slices(snapshot: Snapshot, published: Mapping[tuple[str, str], PublishedSlice]) -> list[dict[str, Any]]:
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
                "wanted": version or "",
                "published": there.version if there else "",
                "rows": there.row_count if there else 0,
                "loaded_at": f"{there.loaded_at.isoformat()}Z" if there else "",
            }
        )
    return rows
