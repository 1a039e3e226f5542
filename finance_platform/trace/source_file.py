"""A source file: its versions and their state, the record that a line is part of, and rows that became no ledger line.

Belongs here: facts about one file of the raw zone, from the register and the deliveries' commits.
Does not belong here: when a delivery is in which state (see `deliveries.state_derivation`), the text of a record (see
`raw_lines`), the cells that its lines reached (see `file_to_cells`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc

from finance_platform.contracts.processed import LINE_TABLES
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.errors import TraceError
from finance_platform.feeds.reasons import reasons_in_words
from finance_platform.feeds.values.codes import closest_match, fold
from finance_platform.safe_text import quote_name
from finance_platform.trace.published_lines import LineStore, read_rows

SUPERSEDED = "superseded"

WITH_FILE = "withdrawn with its file"
"""The state of a reading of the bytes of a withdrawn delivery, which is not withdrawn itself."""

_TABLES = (
    *(*LINE_TABLES, "departments", "accounts", "lookup_rows", "comments", "statement_lines", "balances"),
    "rejected_rows",
)
_OTHER_COLUMNS = ("source_row", "outcome", "rules", "reasons", "amount", "raw_row", "source_column")
_RUN = "run `finance-platform run`"


@dataclass(frozen=True)
class FileDelivery:
    """One delivery of the file.

    Attributes:
        delivery_id: the delivery; empty if it has not been read yet.
        state: live, held, refused, withdrawn, pending, awaiting verdict, `SUPERSEDED` or `WITH_FILE`.
        reason: why it does not count.
        fix: what to do about it.
        is_published: whether lines of it are published.
    """

    delivery_id: str
    state: str
    reason: str = ""
    fix: str = ""
    is_published: bool = False


@dataclass(frozen=True)
class OtherRow:
    """A candidate line that became no ledger line; `column` is the header of its cell, where a row gives several."""

    row: int
    outcome: str
    rules: str
    reasons: str
    amount: Decimal | None
    raw_row: str
    column: str | None = None


def find_versions(store: LineStore, published: Collection[str], object_key: str) -> list[FileDelivery]:
    """Return the deliveries of a file, the newest last.

    Args:
        store: the deliveries.
        published: ids of the deliveries whose lines are published.
        object_key: the file.

    Raises:
        TraceError: the file was never delivered; the fix names the closest match.
    """
    ids = list(dict.fromkeys(event.delivery_id for event in reversed(store.events) if event.object_key == object_key))
    if not ids:
        closest = closest_match(object_key, sorted({event.object_key for event in store.events}))
        list_all = "use the file's key in the raw zone; `finance-platform status` lists all files"
        raise TraceError(
            f"no file {object_key!r} was ever delivered", fix=f"did you mean {closest!r}?" if closest else list_all
        )
    state = store.state
    unevaluated = ("awaiting verdict", "not evaluated yet", _RUN)
    states = {delivery.delivery_id: unevaluated for delivery in state.awaiting_verdict}
    states |= {delivery.delivery_id: ("live", "", "") for delivery in state.live}
    for stopped in state.inactive:
        name = "refused" if stopped.is_refused else "live" if stopped.late else "held"
        states[stopped.commit.delivery_id] = (name, stopped.reason, stopped.fix)
    states |= {
        gone.commit.delivery_id: ("withdrawn", gone.reason, gone.fix) for gone in state.withdrawn if not gone.late
    }
    states |= {event.delivery_id: ("pending", "not read yet", _RUN) for event in state.pending}
    superseded = (SUPERSEDED, "a later version of the file replaced it", "")
    with_file = (WITH_FILE, "the same bytes, read again, are withdrawn with their file", "")
    contents = {event.delivery_id: (event.object_key, event.fingerprint) for event in store.events}
    states |= {one: with_file for one in ids if one not in states and state.is_withdrawn_with_file(*contents[one])}
    return [
        FileDelivery(delivery_id, *states.get(delivery_id, superseded), is_published=delivery_id in published)
        for delivery_id in reversed(ids)
    ]


def select_version(versions: Sequence[FileDelivery]) -> str:
    """Return the id of the version to trace: the published one, else the live one, else the newest that was read."""
    for is_eligible in (
        lambda version: version.is_published,
        lambda version: version.state == "live",
        lambda version: version.state not in {"pending", SUPERSEDED, WITH_FILE},
    ):
        eligible = [version.delivery_id for version in versions if is_eligible(version)]
        if eligible:
            return eligible[-1]
    return versions[-1].delivery_id


def find_sheet(store: LineStore, commit: DeliveryCommit, sheet: str | None) -> str | None:
    """Return the sheet of a workbook that is traced, in the workbook's spelling; None for a text file.

    Raises:
        TraceError: no such sheet was read, or several were and none is named.
    """
    sheets = {
        name
        for table in _TABLES
        for rows in read_rows(store.processed, commit.delivery_id, commit.files.get(table, ()), ["source_sheet"], {})
        for name in pc.unique(rows["source_sheet"]).to_pylist()
    }
    names = sorted(name for name in sheets if name is not None)
    if sheet is None and len(names) <= 1:
        return names[0] if names else None
    if not names:
        raise TraceError(f"{quote_name(commit.object_key)} has no sheets: it is a text file", fix="leave out --sheet")
    matching: list[str] = [name for name in names if sheet is not None and fold(name) == fold(sheet)]
    if not matching:
        found = "has several sheets" if sheet is None else f"has no sheet {sheet!r} that was read"
        raise TraceError(
            f"{quote_name(commit.object_key)} {found}", fix=f"add --sheet with one of {', '.join(map(repr, names))}"
        )
    return matching[0]


def find_record(store: LineStore, commit: DeliveryCommit, line: int, sheet: str | None) -> int:
    """Return the first line of the record that a line is part of: the last record that starts on it or before.

    Raises:
        TraceError: no record starts there or before.
    """
    up_to_line = {"source_row": (0, line)}
    columns, equal = ["source_row"], {} if sheet is None else {"source_sheet": sheet}
    starts = [
        pc.max(rows["source_row"].filter(pc.less_equal(rows["source_row"], line))).as_py()
        for table in _TABLES
        for rows in read_rows(
            store.processed, commit.delivery_id, commit.files.get(table, ()), columns, equal, up_to_line
        )
    ]
    start = max((start for start in starts if start is not None), default=None)
    if start is None:
        raise TraceError(
            f"no row of {quote_name(commit.object_key)} begins on line {line} or before",
            fix="count lines from 1, as an editor does; the header is not a row",
        )
    return int(start)


def other_rows(store: LineStore, commit: DeliveryCommit, record: int, sheet: str | None = None) -> Iterator[OtherRow]:
    """Yield the candidate lines of a record that became no ledger line."""
    files = commit.files.get("rejected_rows", ())
    equal = {"source_row": record} | ({} if sheet is None else {"source_sheet": sheet})
    for table in read_rows(store.processed, commit.delivery_id, files, _OTHER_COLUMNS, equal):
        for row in table.to_pylist():
            row["reasons"] = reasons_in_words(row["reasons"])
            yield OtherRow(*(row[name] for name in _OTHER_COLUMNS))
