"""Verifying a home: that nothing was changed behind the platform's back, from the register to the published cells.

Belongs here: the parts of a verification, in their order. Does not belong here: the chain of events (see
`deliveries.event_chain`), the comparison of cells (see `trace.published_cells`), printing (see `cli.verify`).

Nothing is written, and no checkpoint is believed. What is newer than the last run is no finding: a file that arrived
since is not in the register yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial

from finance_platform.contracts.processed import ACCOUNT_COUNTS, MEMBERS
from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.contracts.views import VIEWS
from finance_platform.count_text import pluralize
from finance_platform.data_catalog.delta_log import LOG_FOLDER, find_outdated_logs
from finance_platform.deliveries.commits import COMMITS, PeriodCount, read_commits
from finance_platform.deliveries.event_chain import ChainReader, Head
from finance_platform.deliveries.events import DeliveryDiscovered, Event, select_discovered
from finance_platform.deliveries.lines import line_files
from finance_platform.deliveries.lines_checkpoint import find_forged_lines
from finance_platform.deliveries.members.account_counts import CHECKPOINT as COUNTS_CHECKPOINT
from finance_platform.deliveries.members_checkpoint import CHECKPOINT as MEMBERS_CHECKPOINT
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import fingerprint_config, last_refresh
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.errors import FinancePlatformError, RegisterError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.home import Home
from finance_platform.refresh.known_status import find_forged_status, identify_home
from finance_platform.refresh.status import read_status
from finance_platform.refresh.steps.complete_run import is_of_other_release, is_release_as_recorded, read_complete_run
from finance_platform.refresh.verification.verify_loads import compare_loads
from finance_platform.refresh.verification.verify_records import (
    OpenTables,
    find_changed_audits,
    find_changed_deliveries,
    find_changed_open_tables,
    find_changed_settings,
    find_changed_slices,
    find_forged_overlaps,
    find_missing_deliveries,
)
from finance_platform.refresh.verification.verify_tables import SMALL_TABLES, find_changed_tables
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings
from finance_platform.slices.signatures import find_changed_signatures, signed_closings
from finance_platform.storage.immutable_documents import find_forged
from finance_platform.storage.port import ObjectStore, error_message
from finance_platform.trace.published_cells import PublishedCells
from finance_platform.trace.published_lines import LineStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.load_records import LoadRecords
from finance_platform.warehouse.port import NoWarehouseYetError, Warehouse

_FIX_OF_VIEW = "; move the file of DuckDB away and run, or let Redshift's owner run its definition in `sql/views`"

Progress = Callable[[str, int, int], None]
"""Is called with the part, how much of it is done, and of how much; 0 if that is not known."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the platform left it.

    Attributes:
        part: of the verification.
        subject: the event, file, slice or cell.
        why: what is wrong with it, a clause.
    """

    part: str
    subject: str
    why: str


@dataclass(frozen=True)
class Part:
    """A part of a verification.

    Attributes:
        name: its name.
        checked: what was looked at.
        findings: what was found.
        left_out: what is not compared, since nothing says what the last run left; a text for people, empty if all is
            compared.
    """

    name: str
    checked: str
    findings: Sequence[Finding] = ()
    left_out: str = ""


@dataclass(frozen=True)
class Verification:
    """The result.

    Attributes:
        parts: each part.
        head: the end of the register's chain, to be kept elsewhere.
    """

    parts: Sequence[Part]
    head: Head

    @property
    def findings(self) -> list[Finding]:
        """Every finding."""
        return [finding for part in self.parts for finding in part.findings]

    @property
    def not_compared(self) -> str:
        """What is compared after the next run only, a sentence; empty if all is compared."""
        left = [f"{part.name} ({part.left_out})" for part in self.parts if part.left_out]
        if not left:
            return ""
        return (
            f"Not compared: {'; '.join(left)}. They are not what a run would store now: the last one was of another "
            "release or had other settings, or people have decided since, so whether somebody changed them is not known"
            ". The next run stores them; verify again after it"
        )


@dataclass
class Verifier:
    """Verifies a home.

    Attributes:
        raw: the raw zone.
        processed: the processed zone.
        warehouse: the warehouse.
        period: the only period to verify, YYYY-MM; None for all. The register is always verified as a whole.
        heads: heads of the register that were kept, each with where.
        open_tables: returns the open tables as they should be; None if the home has none.
        settings: the home, which the tables beside the star follow; None to leave them and the views out.
        progress: is called while it works.
    """

    raw: ObjectStore
    processed: ObjectStore
    warehouse: Warehouse
    period: str | None = None
    heads: Sequence[tuple[Head, str]] = ()
    open_tables: Callable[[], OpenTables] | None = None
    settings: Settings | None = None
    progress: Progress = lambda _part, _done, _of: None
    _done: dict[str, int] = field(default_factory=dict)

    def verify(self) -> Verification:
        """Return what is not as the platform left it.

        Raises:
            StorageError, TransientStorageError, QueryError: a zone or the warehouse cannot be read.
        """
        loads, heads = self._verify_loads()
        register = Register(self.processed)
        chain = ChainReader([*self.heads, *heads])
        register.read_chain(chain, lambda done, of: self.progress("register", done, of))
        found = [Finding("register", _event_name(one.document, one.event), one.why) for one in chain.breaks()]
        parts = [Part("register", pluralize(chain.head.number, "event"), found)]
        try:
            events = register.events()
        except RegisterError as error:
            # Nothing else can be compared with a register that cannot be read.
            finding = Finding("register", "the register", f"cannot be read: {error.found}")
            return Verification([Part("register", parts[0].checked, [*found, finding]), loads], chain.head)
        state = derive_state(events, read_commits(self.processed))
        discovered = select_discovered(events)
        parts += [
            self._verify_raw(discovered, state),
            self._verify_records(state, events),
            self._verify_cells(discovered, state),
            *self._verify_tables_and_views(),
        ]
        parts += [*self._verify_open_tables(), self._verify_signatures(events), loads]
        return Verification(parts, chain.head)

    @cached_property
    def _is_of_other_release(self) -> bool:
        """Whether another release made the last complete run: this one may store other rows, tables and views."""
        return is_of_other_release(self.processed)

    @property
    def _has_other_config(self) -> bool:
        """Whether the last complete refresh followed other settings or descriptors: the next one may store other rows.

        A setting may be set back while its change waits, so the rows need not be those of the settings in force either.
        """
        refreshed = last_refresh(self.processed)
        if refreshed is None or self.settings is None:
            return False
        return refreshed.terms != fingerprint_config(load_feed_set(self.settings.feeds_path), self.settings)

    @cached_property
    def _is_settled(self) -> bool:
        """Return whether this release completed a run under these settings, and the register has no event since."""
        complete, refreshed = read_complete_run(self.processed), last_refresh(self.processed)
        if self.settings is None or complete is None or refreshed is None:
            return False
        is_whole = refreshed.register_length == Register(self.processed).length()
        return is_whole and is_release_as_recorded(self.settings, complete)

    def _verify_loads(self) -> tuple[Part, list[tuple[Head, str]]]:
        """Compare the record of each load with the warehouse; return the register's head at each load too."""
        with self.warehouse.reading() as source:
            result = compare_loads(LoadRecords(self.processed), source, partial(self.progress, "loads"))
        findings = [Finding("loads", subject, why) for subject, why in result.differences]
        return Part("loads", pluralize(result.published, "record"), findings), result.heads

    def _verify_signatures(self, events: Sequence[Event]) -> Part:
        """Compare what each close signed, documents and rows, with what is in the processed zone."""
        closings = [one for one in signed_closings(events) if self.period in {None, one.period}]
        changes = find_changed_signatures(self.processed, closings)
        findings = [Finding("signatures", error.key, error.why) for error in changes]
        return Part("signatures", pluralize(len(closings), "closed period"), findings)

    def _verify_raw(self, discovered: Sequence[DeliveryDiscovered], state: DeliveryState) -> Part:
        """Compare the bytes of each file whose lines count, or are held, with what was read."""
        current: list[LiveDelivery | InactiveDelivery] = [*state.live, *state.inactive]
        needed = {one.event.object_key for one in current if self._concerns(one.commit.periods)}
        newest = {event.object_key: event for event in discovered if event.object_key in needed}
        findings = []
        for done, event in enumerate(newest.values(), start=1):
            if why := self._verify_file(event):
                findings.append(Finding("raw files", quote_name(event.object_key), why))
            self.progress("raw files", done, len(newest))
        return Part("raw files", pluralize(len(newest), "file"), findings)

    def _verify_file(self, event: DeliveryDiscovered) -> str:
        """Return what is wrong with a file; empty if it has the bytes that were read."""
        try:
            item = self.raw.find(event.object_key)
            if item is None:
                return f"is no longer in the raw zone (SHA-256 {event.fingerprint})"
            fingerprint = self.raw.fingerprint(event.object_key)
        except OSError as error:
            return f"cannot be read: {error_message(error)}"
        if fingerprint == event.fingerprint:
            return ""
        was = f"read with SHA-256 {event.fingerprint[:12]}…, now {fingerprint[:12]}…"
        if item.etag == event.etag:
            return f"has other bytes than those that were read, with the same size and times ({was})"
        return f"has other bytes than those that were read ({was}); the next run takes them as a new version"

    def _verify_records(self, state: DeliveryState, events: Sequence[Event]) -> Part:
        """Compare the records of deliveries and of published slices with their files and with themselves."""
        name, commits = "processed files", read_commits(self.processed)
        concerned = [one for one in commits.values() if not one.periods or self._concerns(one.periods)]
        published = [(table, slice_, one.version) for (table, slice_), one in published_slices(self.warehouse).items()]
        of_period = [one for one in published if self.period in {None, one[1]}]
        believed = list(
            find_changed_audits(self.processed, of_period, read_complete_run(self.processed), self.warehouse)
        )
        left_out = ", ".join(key for key, _ in believed) if self._is_of_other_release else ""
        differences = [
            *find_changed_deliveries(self.processed, concerned, lambda done: self.progress(name, done, 0)),
            *find_missing_deliveries(self.processed, state, events),
            *find_forged_overlaps(self.processed, state.live),
            *find_changed_slices(self.processed, published),
            *find_changed_settings(self.processed, published),
            *([] if left_out else believed),
            *self._find_forged_status(),
        ]
        findings = [Finding(name, key, why) for key, why in differences]
        return Part(name, pluralize(len(concerned), "delivery", "deliveries"), findings, left_out)

    def _find_forged_status(self) -> Iterator[tuple[str, str]]:
        """Derive the status again, if one is recorded for the home as it is now."""
        if self.settings is None or (complete := read_complete_run(self.processed)) is None or not complete.warehouse:
            return
        at, home = datetime.now(UTC), Home(self.settings, self.raw, self.processed, self.warehouse)
        try:
            identity = identify_home(home, complete, at)
        except FinancePlatformError:
            return  # no status is recorded for a home that cannot be read; the other parts name what is damaged
        key = find_forged_status(
            self.processed,
            identity,
            lambda: read_status(home, at=at),
        )
        if key:
            yield key, "is not the status that follows from the home: somebody wrote it; remove it"

    def _verify_cells(self, discovered: Sequence[DeliveryDiscovered], state: DeliveryState) -> Part:
        """Compare lines, slices and warehouse with each other."""
        published = published_slices(self.warehouse)
        lines = LineStore(self.processed, read_commits(self.processed), discovered, state)
        only = None if self.period is None else {self.period}
        name = "published figures"
        differences = [Finding(name, key, why) for key, why in _foreign_commits(lines)]
        forged = "is not what a checkpoint has of it: somebody wrote the checkpoint"
        differences += [Finding(name, key, forged) for key in find_forged(self.processed, COMMITS)]
        files = [file for commit in lines.commits.values() for file in commit.files.get(MEMBERS.name, ())]
        forged = "has other members than the files that it names: somebody wrote it"
        differences += [Finding(name, key, forged) for key in MEMBERS_CHECKPOINT.find_forged(self.processed, files)]
        files = [file for commit in lines.commits.values() for file in commit.files.get(ACCOUNT_COUNTS.name, ())]
        forged = "has other counts by account than the files that it names: somebody wrote it"
        differences += [Finding(name, key, forged) for key in COUNTS_CHECKPOINT.find_forged(self.processed, files)]
        files = [file for commit in lines.commits.values() for file in line_files(commit)]
        forged = "has other lines than the files that it names: somebody wrote it"
        differences += [Finding(name, key, forged) for key in find_forged_lines(self.processed, files)]
        if published:
            with self.warehouse.reading() as source:
                cells = PublishedCells(self.processed, source, lines, published, only, self._count(name))
                differences += [Finding(name, one.subject, one.why) for one in cells.compare()]
        return Part(name, pluralize(len(published), "slice"), differences)

    def _verify_open_tables(self) -> Iterator[Part]:
        """Compare the logs of open tables with the files that count."""
        if self.open_tables is None:
            return
        name = "open tables"
        try:
            tables = self.open_tables()
        except FinancePlatformError as error:
            # Which files count follows from files that another part has named.
            yield Part(name, "0 logs", [Finding(name, "the logs", f"cannot be compared: {error.found}")])
            return
        found = [Finding(name, key, why) for key, why in find_changed_open_tables(self.processed, tables)]
        outdated = find_outdated_logs(self.processed, tables.tables)
        if self._is_settled:
            why = (
                "is of another state than the published one: a run could not write it, or somebody did; "
                "remove the folder, and a run makes the log again"
            )
            found += [Finding(name, f"{table}/{LOG_FOLDER}", why) for table, has_log in outdated.items() if has_log]
            outdated = {table: False for table, has_log in outdated.items() if not has_log}
        left_out = ", ".join(outdated)
        yield Part(name, pluralize(len({table.name for table in tables.tables}), "log"), found, left_out)

    def _verify_tables_and_views(self) -> Iterator[Part]:
        """Compare the tables beside the star with the processed zone, and the views with this release's definitions."""
        if self.settings is None:
            return
        tables, views = "tables beside the star", "views"
        try:
            changed_views = self.warehouse.changed_views()
        except NoWarehouseYetError:
            return
        with self.warehouse.reading() as source:
            changes = list(find_changed_tables(self.processed, source, self.settings))
        is_other = bool(changes) and (self._is_of_other_release or self._has_other_config)
        other = ", ".join(name for name, _ in changes) if is_other else ""
        found = [] if other else [Finding(tables, name, why) for name, why in changes]
        yield Part(tables, pluralize(len(SMALL_TABLES), "table"), found, other)
        is_older = self._is_of_other_release and any(name == SCHEMA_VERSION.table for name, _ in changed_views)
        found = [] if is_older else [Finding(views, name, f"{why}{_FIX_OF_VIEW}") for name, why in changed_views]
        yield Part(views, pluralize(len(VIEWS), "view"), found, "all of them" if is_older else "")

    def _concerns(self, periods: Sequence[PeriodCount]) -> bool:
        return self.period is None or any(count.period == self.period for count in periods)

    def _count(self, part: str) -> Callable[[str], None]:
        def count(_: str) -> None:
            self._done[part] = self._done.get(part, 0) + 1
            self.progress(part, self._done[part], 0)

        return count


def _foreign_commits(lines: LineStore) -> Iterator[tuple[str, str]]:
    """Yield the records of deliveries that say another file, or other bytes, than the register does."""
    for event in {event.delivery_id: event for event in lines.events}.values():
        commit = lines.commits.get(event.delivery_id)
        if commit and (commit.object_key, commit.fingerprint, commit.feed, commit.kind) != (
            event.object_key,
            event.fingerprint,
            event.feed,
            event.kind,
        ):
            yield f"deliveries/{event.delivery_id}.json", "is the record of another file than the register names"


def _event_name(document: int, event: int) -> str:
    place = f"document {document}" if document else ""
    return ", ".join(filter(None, [place, f"event {event}" if event else ""])) or "the register"
