"""The status: the deliveries, the slices and what is wrong with them, as plain values for people and monitors.

Belongs here: the status document. Does not belong here: printing (see `cli.rendering`, `cli.status_output`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import DELIVERED
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.events import DecisionProposed
from finance_platform.deliveries.header_changes import FIX_HEADER, HeaderChange
from finance_platform.deliveries.hold_kinds import CAME_LATE
from finance_platform.deliveries.proposals import command_of, effect_of
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.verdicts.broken_reversals import BrokenReversals
from finance_platform.feeds.feed_set import advise_unmatched
from finance_platform.quality.delivery_order import FIX_ORDER, UncertainOrder, find_uncertain_orders
from finance_platform.quality.forecast_order import UncertainOutlook
from finance_platform.quality.lost_zeros import LostZerosOfFeed
from finance_platform.quality.missing_baseline import MissingBaseline
from finance_platform.quality.plan_years import CalendarYearPlan
from finance_platform.quality.reversals import warn_of_reversals
from finance_platform.reports import statement
from finance_platform.reports.expected_feeds import ExpectedFeed
from finance_platform.reports.statement import TERMS, Reconciliation
from finance_platform.reports.status_rows import COULD_NOT_BE_READ, READ_AGAIN, StatusRows, status_rows
from finance_platform.safe_text import quote_name
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.waiting_changes import WaitingChange
from finance_platform.warehouse.ledger import PublishedSlice

FIX_LATE = "if this file should win, send it with a later value of the feed's `order`; if not, nothing is to be done"
_FIX_BOOKED = "nothing is to be done; `finance-platform movements` has what was booked"
_FIX_VANISHED = "put the file back, or `finance-platform withdraw {} --why TEXT` takes its lines out"
_AS_READ_BEFORE = ", as they were read before the platform's code, or what they look up or are spread like, changed"
_FIX_NOT_READ_AGAIN = (
    "put the file back, so that the next run reads it again; or `finance-platform withdraw {} --why TEXT` takes its "
    "lines out"
)
FORMAT = 2
"""Format of the JSON document, described in `docs/status.md`; raised if a key is removed or changes its meaning."""

_Warning = tuple[str, str, str, str]
"""File, kind, warning and fix."""


@dataclass(frozen=True)
class StatusDetails:
    """The parts of the status that need more than the snapshot; see `recent_changes`.

    Attributes:
        stale_reasons: by slice, the differences between the published and the target version.
        closed: the closed periods.
        movements: the recent movements.
        last_run: the home's latest run; None if there was none.
        waiting: what would change in closed periods, and waits for a decision, beside held deliveries.
        damage: what is damaged in the home: file, problem and fix; the fix is empty if nothing is to be done.
        lost_zeros: codes that differ from those of other members in zeros only.
        missing_baseline: plans that Actual is not compared with, if the baseline lacks its periods.
        calendar_year_plans: budgets of whole calendar years, if fiscal years are other ones.
        uncertain_outlooks: forecasts that the outlook may take in place of a later one.
        reversals: lines that name a line that they reverse and do not cancel it.
        expected: the feeds of which files are expected.
        untyped_accounts: how many accounts have lines, if none of them has a type; else 0.
        unread: object key, reason and fix of each pending delivery that could not be read, by its id.
        proposals: the decisions that wait for a second person.
        other_figures: the periods of such closings whose amounts by type of account are others by now.
    """

    stale_reasons: Mapping[SliceName, Sequence[str]] = field(default_factory=dict)
    closed: Sequence[Mapping[str, Any]] = ()
    movements: Sequence[Mapping[str, Any]] = ()
    last_run: Mapping[str, Any] | None = None
    waiting: Sequence[WaitingChange] = ()
    damage: Sequence[Mapping[str, str]] = ()
    lost_zeros: Sequence[LostZerosOfFeed] = ()
    missing_baseline: MissingBaseline | None = None
    calendar_year_plans: Sequence[CalendarYearPlan] = ()
    uncertain_outlooks: Sequence[UncertainOutlook] = ()
    reversals: BrokenReversals = field(default_factory=BrokenReversals)
    expected: Sequence[ExpectedFeed] = ()
    untyped_accounts: int = 0
    unread: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    proposals: Sequence[DecisionProposed] = ()
    other_figures: Collection[str] = ()


@dataclass(frozen=True)
class Status:
    """The status of a home.

    Attributes:
        deliveries: one row per raw object: file, feed, state, rows by outcome, money, reason, fix and warnings.
        slices: one row per slice: table, slice, target and published version, state, reasons why it is stale.
        problems: unusable descriptors and files, with the fix.
        unmatched: files that no descriptor matches.
        vanished: delivered files that no longer exist; their lines still count.
        reconciliation: where every delivered row and cent is.
        details: closed periods, movements, last run.
        warning_fixes: what to do about the warning of a delivery, by file and warning.
        uncertain_orders: deliveries that replace lines of others because of modification times alone.
        header_changes: how the header of each feed's last files differs from the one before.
        all_versions: the reconciliation of all versions of each file; None unless it was asked for.
        is_broken: whether the register is damaged, so that only what is published is known.
        near_feeds: of files that no descriptor matches, what to do if one is meant for a feed whose path is close.
        known_warnings: the warnings of a status that was recorded, without what they follow from; None of one that was
            derived.
        not_read_again: the files that were to be read again although they have not changed, and are not yet.
    """

    deliveries: Sequence[dict[str, Any]]
    slices: list[dict[str, Any]]
    problems: list[dict[str, str]]
    unmatched: list[str]
    vanished: list[str]
    reconciliation: Reconciliation
    details: StatusDetails = StatusDetails()
    warning_fixes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    uncertain_orders: Sequence[UncertainOrder] = ()
    header_changes: Sequence[HeaderChange] = ()
    all_versions: Reconciliation | None = None
    is_broken: bool = False
    near_feeds: Mapping[str, str] = field(default_factory=dict)
    known_warnings: list[dict[str, str]] | None = None
    not_read_again: frozenset[str] = frozenset()

    def column(self, name: str) -> list[Any]:
        """Return a value of the row of each delivery."""
        rows = self.deliveries
        return rows.column(name) if isinstance(rows, StatusRows) else [row[name] for row in rows]

    @property
    def without_types(self) -> str:
        """Why the home has no statement, if no account has a type; else empty."""
        return no_types(self.details.untyped_accounts) if self.details.untyped_accounts else ""

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is held, refused, unread, broken or lost, and the last run did not fail."""
        is_stopped = bool(self.unread) or not {"held", "refused"}.isdisjoint(self.column("state"))
        is_lost = bool(self.reconciliation.unexplained)
        has_failed = (self.details.last_run or {}).get("status") == "FAILURE"
        return not (is_stopped or self.problems or is_lost or has_failed)

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The rows of deliveries that are not read yet, or have no verdict yet."""
        states = enumerate(self.column("state"))
        return [self.deliveries[place] for place, state in states if state == "pending"]

    @property
    def unread(self) -> list[dict[str, Any]]:
        """The rows of pending deliveries that a run has tried to read and could not."""
        return [row for row in self.pending if row["reason"].startswith(COULD_NOT_BE_READ)]

    @property
    def read_again(self) -> dict[str, int]:
        """How many files the next run reads again although their content has not changed, by the reason."""
        reasons = Counter(reason for reason in self.column("reason") if reason.startswith(READ_AGAIN))
        return {reason.removeprefix(READ_AGAIN): count for reason, count in sorted(reasons.items())}

    @property
    def is_behind(self) -> bool:
        """Whether a slice is not published in its target version."""
        return any(row["state"] != "published" for row in self.slices)

    @property
    def is_stale(self) -> bool:
        """Whether a run would have something to do: a slice is stale, or a file was not read yet."""
        return self.is_behind or bool(self.pending)

    @property
    def rules(self) -> dict[str, int]:
        """How many rows violate each rule, the most frequent rule first."""
        counts: dict[str, int] = {}
        for rules in self.column("rules"):
            for rule, count in rules.items():
                counts[rule] = counts.get(rule, 0) + count
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def warnings(self) -> list[dict[str, str]]:
        """Findings that do not stop anything: file, kind, warning and fix."""
        if self.known_warnings is not None:
            return self.known_warnings
        found = chain(
            self._open_proposals(),
            self._warnings_of_deliveries(),
            self._warnings_of_members(),
            self._warnings_of_files(),
        )
        return [{"file": file, "kind": kind, "warning": warning, "fix": fix} for file, kind, warning, fix in found]

    def _open_proposals(self) -> Iterator[_Warning]:
        """Yield what waits for a second person, who has to know the command."""
        for one in self.details.proposals:
            text = f"{one.who} has proposed on {one.at[:10]} that it {effect_of(one)} (\u201c{one.why}\u201d)"
            fix = (
                f"another person, who agrees, gives `{command_of(one)}`; any other decision about it ends the proposal"
            )
            if one.subject in self.details.other_figures:
                text += "; its figures have changed since: accounts have other types"
                fix = (
                    f"a person who agrees with the present figures gives `{command_of(one)}`, which proposes them; "
                    "then another person gives it; any other decision about it ends the proposal"
                )
            yield one.subject, "proposal", text, fix

    def _warnings_of_deliveries(self) -> Iterator[_Warning]:
        for file, warnings in zip(self.column("file"), self.column("warnings"), strict=True):
            for warning in warnings:
                yield file, "delivery", warning, self.warning_fixes.get((file, warning), "")
        for order in self.uncertain_orders:
            yield order.delivery.event.object_key, "order", order.warning, FIX_ORDER
        # The reason of a refused file names its header, and another fix.
        states = zip(self.column("file"), self.column("state"), strict=True)
        refused = {file for file, state in states if state == "refused"}
        for change in self.header_changes:
            if change.file not in refused:
                yield change.file, "header", change.words, FIX_HEADER

    def _warnings_of_members(self) -> Iterator[_Warning]:
        """Yield the findings about codes, plans and lines that are compared with each other."""
        details = self.details
        for lost in details.lost_zeros:
            yield lost.file, "code", lost.warning, lost.fix
        if missing := details.missing_baseline:
            yield missing.file, "baseline", missing.warning, missing.fix
        for plan in details.calendar_year_plans:
            yield plan.file, "calendar", plan.warning, plan.fix
        for outlook in details.uncertain_outlooks:
            yield outlook.file, "outlook", outlook.warning, outlook.fix
        for file, text, fix in warn_of_reversals(details.reversals):
            yield file, "reversal", text, fix

    def _warnings_of_files(self) -> Iterator[_Warning]:
        """Yield the findings about files that nothing reads, that are not there, or that are damaged."""
        for file in self.unmatched:
            yield (
                file,
                "unmatched",
                "no feed descriptor reads this file",
                advise_unmatched(file, near=self.near_feeds.get(file, "")),
            )
        for feed in self.details.expected:
            if feed.is_overdue:
                yield feed.path, "overdue", f"{feed.feed}: {feed.sentence}", feed.fix
        for file in self.vanished:
            text = "delivered before, gone from raw; its lines still count"
            if file in self.not_read_again:
                yield file, "vanished", f"{text}{_AS_READ_BEFORE}", _FIX_NOT_READ_AGAIN.format(quote_name(file))
            else:
                yield file, "vanished", text, _FIX_VANISHED.format(quote_name(file))
        for damaged in self.details.damage:
            if not damaged["fix"]:
                yield damaged["file"], "damaged", damaged["problem"], ""

    def as_json(self) -> dict[str, Any]:
        """Return the status as JSON values; money is text with two decimals, more where rounding is shown."""
        rows = {
            name: {"rows": self.reconciliation.rows(name), "unpriced": self.reconciliation.unpriced(name)}
            for name in (DELIVERED, *TERMS)
        }
        document = {
            "format": FORMAT,
            "is_sound": self.is_healthy,
            "is_stale": self.is_stale,
            "last_run": self.details.last_run,
            "deliveries": list(self.deliveries),
            "rejected_by_rule": self.rules,
            "slices": self.slices,
            "closed_periods": list(self.details.closed),
            "movements": list(self.details.movements),
            "warnings": self.warnings,
            "expected_feeds": [one.as_json() for one in self.details.expected],
            "header_changes": [change.as_json() for change in self.header_changes],
            "problems": self.problems,
            "unmatched_files": self.unmatched,
            "vanished_files": self.vanished,
            "controllers_line": rows,
            "reconciliation": statement.as_json(self.reconciliation),
        }
        if self.all_versions:
            document["all_versions"] = statement.as_json(self.all_versions)
        return document


def build_status(
    snapshot: Snapshot,
    scan: RawZoneScan,
    published: Mapping[SliceName, PublishedSlice],
    reconciliation: Reconciliation,
    details: StatusDetails = StatusDetails(),
) -> Status:
    """Return the status of a home."""
    return Status(
        deliveries=status_rows(snapshot.state, scan, details.unread, _mixed_files(reconciliation)),
        slices=_slice_rows(snapshot, published, details.stale_reasons),
        problems=[
            *({"file": p.where, "problem": p.message, "fix": p.fix} for p in scan.problems),
            *(_waiting_problem(change) for change in details.waiting),
            *(dict(one) for one in details.damage if one["fix"]),
        ],
        unmatched=list(scan.unmatched),
        vanished=list(scan.vanished),
        near_feeds=scan.near_feeds,
        reconciliation=reconciliation,
        details=details,
        warning_fixes=_warning_fixes(snapshot.state),
        uncertain_orders=find_uncertain_orders(snapshot.state, snapshot.overlaps),
        header_changes=snapshot.state.header_changes,
        not_read_again=frozenset(event.object_key for event in snapshot.state.pending if event.reads_again),
    )


def status_without_register(
    published: Mapping[SliceName, PublishedSlice],
    problems: Sequence[Mapping[str, str]],
    currency: str,
    last_run: Mapping[str, Any] | None,
) -> Status:
    """Return the status of a home whose register is damaged: its published slices, and what to do."""
    return Status(
        deliveries=[],
        slices=[_published_row(name, slice_) for name, slice_ in sorted(published.items())],
        problems=[dict(problem) for problem in problems],
        unmatched=[],
        vanished=[],
        reconciliation=Reconciliation([], currency),
        details=StatusDetails(last_run=last_run),
        is_broken=True,
    )


def _published_row(name: SliceName, slice_: PublishedSlice) -> dict[str, Any]:
    return {
        "table": name[0],
        "slice": name[1],
        "state": "published",
        "why": [],
        "wanted": "",
        "published": slice_.version,
        "rows": slice_.row_count,
        "loaded_at": f"{slice_.loaded_at.isoformat()}Z",
    }


def _waiting_problem(change: WaitingChange) -> dict[str, str]:
    subject = change.periods[0] if change.table == FACT_FINANCIALS.name else change.table
    return {"file": subject, "problem": change.problem, "fix": change.fix}


def _warning_fixes(state: DeliveryState) -> dict[tuple[str, str], str]:
    """Return what to do about each warning of a delivery, by file and warning."""
    commits = [one.commit for one in state.noted] + [one.commit for one in state.inactive]
    fixes = {(commit.object_key, text): fix for commit in commits for text, fix in commit.findings.fixes.items()}
    judged = [(one.event.object_key, one.verdict.warnings) for one in state.noted if one.verdict]
    return fixes | {
        (file, warning): FIX_LATE if warning.startswith(CAME_LATE) else _FIX_BOOKED
        for file, warnings in judged
        for warning in warnings
    }


def _mixed_files(reconciliation: Reconciliation) -> set[str]:
    """Return the files with money and statistical units, which are never added; the statement has both."""
    lines = reconciliation.lines
    statistical = {line.file for line in lines if line.unit == statement.STATISTICAL}
    return {line.file for line in lines if line.unit == reconciliation.currency} & statistical if statistical else set()


def _slice_rows(
    snapshot: Snapshot,
    published: Mapping[SliceName, PublishedSlice],
    stale_reasons: Mapping[SliceName, Sequence[str]],
) -> list[dict[str, Any]]:
    targets = {(target.table, target.slice): target.version for target in snapshot.target}
    rows = []
    for name in sorted(targets.keys() | published.keys()):
        current, version = published.get(name), targets.get(name)
        if version is None:
            state = "no longer wanted"
        elif current and current.version == version:
            state = "published"
        else:
            state = "built, not loaded" if name in snapshot.built else "not built"
        rows.append(
            {
                "table": name[0],
                "slice": name[1],
                "state": state,
                "why": list(stale_reasons.get(name, ())),
                "wanted": version or "",
                "published": current.version if current else "",
                "rows": current.row_count if current else 0,
                "loaded_at": f"{current.loaded_at.isoformat()}Z" if current else "",
            }
        )
    return rows


def no_types(accounts: int) -> str:
    """Return why there is no statement in a home none of whose accounts has a type, and what to do."""
    verb = "has" if accounts == 1 else "have"
    return (
        f"{pluralize(accounts, 'account')} {verb} no type, so there is no profit and loss: add raw/accounts.csv with "
        "account_number, account_name, account_type (Revenue, Expense, Asset, Liability or Equity)"
    )
