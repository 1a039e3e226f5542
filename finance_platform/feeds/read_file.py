"""Reads one raw file: from bytes to staged rows, the function inside `mapInArrow`.

Belongs here: the typed rows of a file, and the summary row with its totals or with the reason why it cannot be read.
Does not belong here: Spark (see `spark_jobs.standardise_job`).
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import (
    MEASURED,
    MENTIONED,
    NOT_OPENED,
    REFUSED,
    STAGED_ROWS,
    WRITTEN,
    arrow_schema,
)
from finance_platform.errors import (
    DiskError,
    FileNameError,
    FinancePlatformError,
    MissingColumnError,
    UnreadableDeliveryError,
)
from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.column_kinds import BLANK, column_kinds
from finance_platform.feeds.doubts.likely_cause import explain_missing_column, explain_rejected_rows
from finance_platform.feeds.doubts.zero_amounts import find_zero_amounts
from finance_platform.feeds.file_names import natural_sort_key
from finance_platform.feeds.files.tables import Table, open_tables
from finance_platform.feeds.findings import Note, ReaderFindings
from finance_platform.feeds.header import find_column
from finance_platform.feeds.ledger_table import LedgerTable, TypedBatch
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.lines.balance_rows import BalanceRows
from finance_platform.feeds.lines.delivered_cells import TableCells
from finance_platform.feeds.lines.line_files import KeyRepeats, LineFiles
from finance_platform.feeds.lines.lookup_rows import LookupRows
from finance_platform.feeds.lines.lookups import load_lookup
from finance_platform.feeds.lines.reference_rows import ReferenceRows
from finance_platform.feeds.lines.report_rows import ReportRows
from finance_platform.feeds.lines.weights import Weights, load_weights
from finance_platform.feeds.read_ahead import read_ahead
from finance_platform.feeds.reader_totals import ReaderTotals
from finance_platform.feeds.reasons import shorten
from finance_platform.feeds.resolved import FieldRule, ResolvedFeed, named_headers
from finance_platform.feeds.row_marks import RowMarker
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold, fold_name
from finance_platform.feeds.violations import ACCEPTED, to_mask
from finance_platform.safe_text import hide_credentials, printable, printable_line, quote_name
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import LocalCopy, ObjectStore, error_message
from finance_platform.storage.s3_options import S3Options

_log = logging.getLogger(__name__)

_BATCH_ROWS = 2_000
"""Files of a few rows are returned together, in batches of this many."""

_READERS: dict[str, type[ReferenceRows | LookupRows | ReportRows | BalanceRows]] = {
    "departments": ReferenceRows,
    "accounts": ReferenceRows,
    "lookup": LookupRows,
    "comments": ReportRows,
    "statement_lines": ReportRows,
    "balances": BalanceRows,
}


@dataclass(frozen=True)
class FileToRead:
    """One raw object, in the version that the register recorded."""

    delivery_id: str
    object_key: str
    feed: str
    fingerprint: str

    @property
    def lineage(self) -> dict[str, str]:
        """The columns that are the same in all of its rows."""
        return {"delivery_id": self.delivery_id, "feed": self.feed, "source_file": self.object_key}


def make_reader(
    kind: str,
    feeds: dict[str, dict[str, object]],
    raw_root: str,
    raw_options: S3Options,
    processed_root: str,
    processed_options: S3Options,
    line_folders: Mapping[str, str],
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: rows with the fields of `FileToRead` in, staged rows out.

    Args:
        kind: of the feeds.
        feeds: feeds by name, as JSON, because the function travels to Spark's workers.
        raw_root: the raw zone.
        raw_options: options of its S3 client.
        processed_root: the processed zone, for feeds whose lines look up rows.
        processed_options: options of its S3 client.
        line_folders: of each delivery whose accepted lines are written as they are read, the folder in each table.
    """
    folders = dict(line_folders)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        raw, resolved = open_store(raw_root, raw_options), _Resolved(feeds)
        processed = open_store(processed_root, processed_options) if processed_root else None
        waiting: list[pa.RecordBatch] = []
        row_count = 0
        for row in (row for batch in batches for row in batch.to_pylist()):
            file, line_files = FileToRead(**row), None
            if processed and file.delivery_id in folders:
                line_files = LineFiles(processed, folders[file.delivery_id], file.lineage)
            rows_of_file = read_file(kind, resolved[file.feed], raw, file, processed=processed, line_files=line_files)
            for rows in rows_of_file:
                waiting.append(rows)
                row_count += len(rows)
                if row_count >= _BATCH_ROWS:
                    yield _joined(waiting)
                    waiting, row_count = [], 0
        if waiting:
            yield _joined(waiting)

    return read


class _Resolved(dict[str, ResolvedFeed]):
    """The feeds by name; each is parsed when a file of it is read."""

    def __init__(self, feeds: Mapping[str, dict[str, object]]) -> None:
        self._feeds = feeds

    def __missing__(self, name: str) -> ResolvedFeed:
        self[name] = ResolvedFeed.from_json(self._feeds[name])
        return self[name]


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return small batches as one: an engine takes a millisecond for each."""
    if len(batches) == 1:
        return batches[0]
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined


def read_file(
    kind: str,
    feed: ResolvedFeed,
    raw: ObjectStore,
    file: FileToRead,
    on_table: Callable[[Table], None] | None = None,
    processed: ObjectStore | None = None,
    weights: Weights | None = None,
    line_files: LineFiles | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield one file's staged rows, then its summary row: the totals, or the reason why it cannot be read.

    Args:
        kind: of the feed.
        feed: the feed that reads the file.
        raw: the store with the file.
        file: the file.
        on_table: is called with each table before its rows are read.
        processed: the processed zone with the rows that lines look up; without it, none is found.
        weights: the amounts that years are spread like, by default those of the feed; if they are not known, a year is
            not spread.
        line_files: takes the accepted lines of a ledger, which are not yielded then, but for those whose key another
            line may have, and the first of each department and account.
    """
    schema = arrow_schema(STAGED_ROWS[kind])
    key = file.object_key
    lineage = file.lineage
    try:
        with raw.local_copy(key) as local_copy, ThreadPoolExecutor(1, thread_name_prefix="fingerprint") as thread:
            fingerprint = local_copy.fingerprint
            try:
                totals = ReaderTotals(lookup=load_lookup(feed, processed) if processed else None, weights=weights)
                if processed and weights is None:
                    totals.weights = load_weights(feed, processed)
                for table in open_tables(local_copy.open, key, feed.rules):
                    _add_header(feed, table, totals, None)
                    if on_table:
                        on_table(table)
                    cells = TableCells(feed.rules, table, key)
                    for batch in _batches_of_table(kind, feed, table, totals, key):
                        yield from _not_written(schema, lineage, batch, line_files or totals.repeats, cells)
                    _add_table(feed, table, totals)
                fingerprint = _hash_meanwhile(thread, local_copy, line_files)
                yield from _written_lines(schema, line_files)
                findings = _findings(feed, totals)
                if findings.advice or (totals.rejected and kind != "ledger"):
                    findings = replace(findings, advice=_own_descriptor(feed, key, findings.advice))
                summary = _summarize(totals, findings, line_files)
            except (UnreadableDeliveryError, FileNameError) as error:
                summary = {
                    "outcome": REFUSED,
                    "reasons": error.found,
                    "raw_row": _own_descriptor(feed, key, error.fix),
                    "header": json.dumps(_kept_header(totals), ensure_ascii=False),
                }
            # The file may have been overwritten since it was registered: other bytes are another delivery.
            if fingerprint() != file.fingerprint:
                overwritten = "the file was overwritten before it was read"
                summary = {"outcome": NOT_OPENED, "reasons": overwritten, "raw_row": "run again"}
        row = _summary_row(schema, lineage, summary)
    except Exception as error:
        row = _summary_row(schema, lineage, _not_opened(error, key))
    yield row


def _not_opened(error: Exception, object_key: str) -> dict[str, object]:
    """Return the summary of a file that cannot be read: its storage fails, or it meets a fault of this code (280).

    Raises:
        DiskError: its lines cannot be written, which is no fault of the file.
        MemoryError: other files would need the memory as well.
        FinancePlatformError: what more than this file needs cannot be used, such as the processed zone.
    """
    if isinstance(error, OSError) and not isinstance(error, DiskError):
        fix = error.fix if isinstance(error, FinancePlatformError) else ""
        return {"outcome": NOT_OPENED, "reasons": error_message(error), "raw_row": fix or _REPAIR}
    if isinstance(error, FinancePlatformError | MemoryError):
        raise error
    trace = "".join(traceback.format_exception(error))
    _log.error("%s: a fault of the platform\n%s", quote_name(object_key), hide_credentials(printable(trace)))
    text = ": ".join(filter(None, [type(error).__name__, shorten(hide_credentials(printable_line(str(error))))]))
    return {"outcome": NOT_OPENED, "reasons": f"a fault of the platform, {text}", "raw_row": _REPORT}


_REPAIR = "repair the file or its permissions, then run again"
_REPORT = (
    "keep the file and report this fault with its traceback, which is in the log of the job; the other files are read, "
    "and each run tries this one again"
)
"""What to do about a file that cannot be opened, and about one that this code cannot read."""


def _hash_meanwhile(
    thread: ThreadPoolExecutor, local_copy: LocalCopy, line_files: LineFiles | None
) -> Callable[[], str]:
    """Return what gives the hash of a file that was read; of one whose lines are written, a thread makes it by then."""
    return local_copy.fingerprint if line_files is None else thread.submit(local_copy.fingerprint).result


def _own_descriptor(feed: ResolvedFeed, object_key: str, fix: str) -> str:
    """Return a fix; for a shipped feed, with how a home gets a descriptor that it can edit."""
    if not feed.rules.is_shipped or (fix and "descriptor" not in fix):
        return fix
    return (
        f"{fix or 'correct the file'}; the descriptor comes with the platform, and `finance-platform feed draft "
        f"{quote_name(object_key)}` writes one that replaces it for this file, saved as feeds/{feed.name}.yaml in the "
        "home"
    )


def _batches_of_table(
    kind: str, feed: ResolvedFeed, table: Table, totals: ReaderTotals, object_key: str
) -> Iterator[TypedBatch]:
    """Yield the batches of a table, each while the next one is typed.

    Raises:
        UnreadableDeliveryError: the header lacks a column; with the likely cause.
    """
    try:
        yield from read_ahead(_typed_batches(kind, feed, table, totals, object_key))
    except MissingColumnError as error:
        _add_header(feed, table, totals, next(iter(table.batches()), None))
        found, fix = explain_missing_column(error, table, feed.rules)
        raise UnreadableDeliveryError(found, fix=fix) from error


def _typed_batches(
    kind: str, feed: ResolvedFeed, table: Table, totals: ReaderTotals, object_key: str
) -> Generator[TypedBatch, None, None]:
    """Yield the batches of a table with their typed columns, and add them to the totals."""
    if kind == "ledger":
        ledger = LedgerTable(feed, table, object_key, totals)
        yield from ledger.batches(_raw_batches(feed, table, totals))
        ledger.add_findings()
        return
    references = _READERS[kind](feed, table.header, object_key, table.sheet)
    for batch in _raw_batches(feed, table, totals):
        columns = references.type_batch(batch)
        if kind == "lookup":
            columns["line_key"] = map_distinct(columns["lookup_key"], fold, pa.string())
        totals.add_references(columns)
        yield TypedBatch(columns, batch)
    totals.notes |= references.notes
    totals.doubts |= references.doubts


def _add_header(feed: ResolvedFeed, table: Table, totals: ReaderTotals, batch: RawBatch | None) -> None:
    """Add a table's columns; without its first rows they are blank until these come."""
    kinds = column_kinds(feed.rules, table.header, batch)
    totals.header |= {name: kind for name, kind in kinds.items() if kind != BLANK or name not in totals.header}


def _kept_header(totals: ReaderTotals) -> dict[str, str]:
    """Return the columns without those of which each gives a line: months come and go, and that is no news."""
    line_cells = {fold_name(name) for name in totals.line_cells}
    return {name: kind for name, kind in totals.header.items() if fold_name(name) not in line_cells}


def _add_table(feed: ResolvedFeed, table: Table, totals: ReaderTotals) -> None:
    """Add what the reader found about a table as a whole."""
    totals.notes = dict(table.notes) | totals.notes
    totals.doubts |= table.doubts
    totals.extra_columns |= dict.fromkeys(_extra_columns(feed, table.header, totals.line_cells))
    evidence = table.utf8_evidence()
    if evidence and evidence.is_mixed:
        text = (
            f"line {evidence.line}: {evidence.as_utf8!r} is in UTF-8, and became {evidence.as_declared!r}, because "
            f"other lines are in {feed.rules.dialect.encoding}: names and codes with such letters may be two"
        )
        totals.notes[text] = Note(1, "send the file in one encoding; if files were joined, send each by itself")
    elif evidence:
        declared = feed.rules.dialect.encoding
        text = (
            f"line {evidence.line}: the text is valid UTF-8, {evidence.as_utf8!r}, but is declared as {declared}, "
            f"which makes it {evidence.as_declared!r}"
        )
        totals.doubts[text] = "set dialect.encoding: utf-8 in the descriptor"


def _findings(feed: ResolvedFeed, totals: ReaderTotals) -> ReaderFindings:
    """Return what the reader found about the file as a whole."""
    if totals.counts:
        gross = (EXACT.subtract(lines.gross, lines.rounding_gross) for lines in totals.counts.values())
        totals.notes |= find_zero_amounts(totals.accepted, gross)
    findings = ReaderFindings(
        totals.notes, control_totals=totals.control_totals, weight_years=sorted(totals.weight_years)
    )
    doubts = (
        totals.doubts
        | totals.sheets.doubts()
        | totals.credit_signs.doubts(feed.rules.fields.get("amount", FieldRule()))
    )
    if doubts:
        return replace(findings, doubts=tuple(doubts), advice="; ".join(dict.fromkeys(doubts.values())))
    if totals.rejected and totals.advice:
        return replace(findings, advice=totals.advice)
    first = totals.first_batch
    if totals.accepted or not totals.rejected or first is None:
        return findings
    cause, advice = explain_rejected_rows(feed.rules, first.sources, first.batch, first.rules)
    return replace(findings, cause=cause, advice=advice)


def _raw_batches(feed: ResolvedFeed, table: Table, totals: ReaderTotals) -> Iterator[RawBatch]:
    """Yield a table's batches, and update the greatest value of the column that orders the feed's deliveries."""
    header, marker = _order_header(feed, table.header), RowMarker(feed.rules, table.header)
    for number, batch in enumerate(read_ahead(table.batches())):
        if not number:
            _add_header(feed, table, totals, batch)
        if header:
            totals.order = max(totals.order, _greatest(batch.columns[header]))
        yield marker.mark(batch)


def _order_header(feed: ResolvedFeed, header: list[str]) -> str | None:
    order_column = feed.rules.order_column
    if order_column is None:
        return None
    column = find_column(order_column, header)
    if column is not None:
        return column
    raise UnreadableDeliveryError(
        f"the header lacks the column {order_column!r}, which orders the feed's files",
        fix="correct the file's header, or order.from_column in the descriptor",
    )


def _greatest(texts: pa.Array) -> str:
    beginnings = pc.utf8_slice_codeunits(texts, 0, MAX_VALUE_CHARACTERS)
    return max((natural_sort_key(text) for text in pc.unique(beginnings).to_pylist() if text), default="")


def _staged(
    schema: pa.Schema, batch: RawBatch, lineage: dict[str, str], columns: dict[str, pa.Array]
) -> pa.RecordBatch:
    """Return a batch's rows."""
    columns = _with_places(columns, batch)
    size = len(batch)
    columns |= {name: pa.repeat(pa.scalar(value), size) for name, value in lineage.items()}
    columns["source_sheet"] = pa.repeat(pa.scalar(batch.sheet, pa.string()), size)
    return _of_schema(schema, columns, size)


def _of_schema(schema: pa.Schema, columns: Mapping[str, pa.Array], size: int) -> pa.RecordBatch:
    """Return columns as a batch with all columns of a schema; most of them are blank or have its types already."""
    arrays = []
    for item in schema:
        array = columns.get(item.name)
        if array is None:
            array = pa.nulls(size, item.type)
        arrays.append(array if array.type == item.type else array.cast(item.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _with_places(columns: dict[str, pa.Array], batch: RawBatch) -> dict[str, pa.Array]:
    columns = columns | {"source_row": batch.source_rows}
    if batch.source_columns is not None:
        columns["source_column"] = batch.source_columns
    return columns


def _not_written(
    schema: pa.Schema,
    lineage: dict[str, str],
    typed: TypedBatch,
    line_files: LineFiles | KeyRepeats,
    cells: TableCells,
) -> Iterator[pa.RecordBatch]:
    """Yield a batch's rows without the lines that are written, but with those of them that members are derived from.

    Where none are, their keys are added to those of the file. A line whose key was met before has its cells: it is
    probably a duplicate, and its file is not read again for them.
    """
    columns, batch = typed.columns, typed.rows
    if isinstance(line_files, KeyRepeats):
        line_files.add(columns["line_key"], to_mask(pc.equal(columns["outcome"], ACCEPTED)))
        yield _staged(schema, batch, lineage, columns)
        return
    encoded = {**columns, **typed.encoded}
    remains = line_files.add(_with_places(encoded, batch), batch.sheet)
    positions = np.flatnonzero(remains)
    if len(positions):
        rows = _taken(columns, positions)
        may_repeat = np.flatnonzero(to_mask(pc.equal(rows["outcome"], ACCEPTED)))
        if len(may_repeat):
            places = np.full(len(positions), -1, np.int64)
            places[may_repeat] = np.arange(len(may_repeat))
            indices = pa.array(places, mask=places < 0)
            of_rows = cells.of_rows(batch, positions[may_repeat])
            rows |= {name: pc.take(array, indices) for name, array in of_rows.items()}
        yield _staged(schema, batch.take(pa.array(positions)), lineage, rows)
    firsts = line_files.mentions(encoded, batch.sheet, ~remains)
    if len(firsts):
        rows = _taken(columns, firsts)
        # Without a key: it is compared with no other line, and another one of its key does not reject it.
        rows["line_key"] = pa.nulls(len(firsts), pa.string())
        rows["outcome"] = pa.repeat(pa.scalar(MENTIONED), len(firsts))
        yield _staged(schema, batch.take(pa.array(firsts)), lineage, rows)


def _taken(columns: Mapping[str, pa.Array], positions: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    return {name: pc.take(array, pa.array(positions)) for name, array in columns.items()}


def _written_lines(schema: pa.Schema, line_files: LineFiles | None) -> Iterator[pa.RecordBatch]:
    """Write the lines that still wait; yield those written ones with which the job compares others."""
    if line_files is None:
        return
    line_files.finish()
    for table in line_files.first_lines():
        size = len(table)
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        columns["outcome"] = pa.repeat(pa.scalar(WRITTEN), size)
        yield _of_schema(schema, columns, size)


def _summary_row(schema: pa.Schema, lineage: dict[str, str], summary: dict[str, object]) -> pa.RecordBatch:
    # Of sixty columns a summary has a quarter, and each array that is made of a Python value takes 10 µs.
    values = {**lineage, "source_row": 0, **summary}
    columns = {name: pa.array([value], schema.field(name).type) for name, value in values.items() if value is not None}
    return _of_schema(schema, columns, 1)


def _summarize(totals: ReaderTotals, findings: ReaderFindings, line_files: LineFiles | None) -> dict[str, object]:
    return {
        "written_files": json.dumps(line_files.summary) if line_files else None,
        "may_repeat": (line_files or totals).repeats.count,
        "outcome": MEASURED,
        "measured_rows": totals.rows,
        "measured_amount": str(totals.amount),
        "measured_rounding": str(totals.rounding),
        "measured_counts": json.dumps(
            [{"scenario": place[0], "currency": place[1], **vars(lines)} for place, lines in totals.counts.items()],
            default=str,
            ensure_ascii=False,
        ),
        "measured_account_rounding": json.dumps(
            [
                [*place, str(lines.rounding_net), str(lines.rounding_gross)]
                for place, lines in totals.account_rounding.items()
            ],
            ensure_ascii=False,
        ),
        "measured_unpriced": totals.unpriced,
        "measured_order": totals.order,
        "covers": json.dumps(totals.covers),
        "findings": json.dumps(asdict(findings), ensure_ascii=False),
        "header": json.dumps(_kept_header(totals), ensure_ascii=False),
        "extra_columns": json.dumps(list(totals.extra_columns), ensure_ascii=False),
    }


def _extra_columns(feed: ResolvedFeed, header: list[str], line_cells: Collection[str]) -> list[str]:
    """Return the headers that no field and no order uses."""
    folded = {fold_name(name) for name in (*named_headers(feed.rules), *line_cells)}
    return [name for name in header if fold_name(name) not in folded]
