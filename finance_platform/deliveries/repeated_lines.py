"""Repeated lines: those that another file has already, all of its lines of a scenario and period.

Belongs here: finding them under load mode append, which adds the lines of every file, under keys that have
lost zeros, and in files of two feeds.
Does not belong here: files with the same bytes (see `hold_reasons`), lines with one key (see `overlaps`), what is done
about them (see `acceptance`).

A file that is exported or saved again has other bytes: another order of rows, other ends of lines, another format. A
file that begins with the months of the one before has their lines too, and so has an export of the month to date.
Under `append` such lines would count twice, and nothing else shows it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice, takewhile

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded, claimed_cells
from finance_platform.deliveries.overlaps import NO_OVERLAPS, compute_overlaps
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.codes import fold
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.port import ObjectStore

_PLACE = ("posting_date", "department_key", "account_key", "amount")
_TEXTS = ("document_date", "transaction_id", "description", "reverses_transaction_id")
_COLUMNS = (*_PLACE, *_TEXTS)
_NUMBERS = ("transaction_id", "reverses_transaction_id")
_ZEROS = r"^0*([0-9]+)(?:\.0+)?$"
"""A number with the zeros that a spreadsheet takes from it, or adds."""

_NONE = "\x00"
"""In the place of a missing text; no text has it."""
_WIDE_MONEY = pa.decimal128(38, 2)

_LEAST_CONTAINED = 3
"""Different lines of a smaller file that are no chance if a larger one has all of them."""

_MAX_COMPARED, _MAX_LOOKED_AT = 4, 50
"""Smaller files whose lines are read, and of which the days are compared, for each scenario and period."""

_MAX_REMEMBERED = 16
"""Deliveries and cells whose lines stay in memory."""


@dataclass(frozen=True)
class RepeatedLines:
    """The lines of a delivery in one scenario and period that another file has too.

    Attributes:
        object_key: the other file.
        scenario: as the delivery spells it.
        period: YYYY-MM.
        rows: how many lines.
        gross: the sum of their absolute amounts.
        has_others: whether the delivery has more lines there, beside all of the other file.
        feed: that of the other file, if it is another one; else empty.
        has_other_keys: whether their keys differ, by zeros alone, so that neither file supersedes the other.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    gross: Decimal
    has_others: bool = False
    feed: str = ""
    has_other_keys: bool = False


@dataclass(frozen=True)
class _CellLines:
    """The lines of a delivery in a cell that change an amount: their number, gross money and hash.

    The hash of their places is without numbers and texts, which one feed may read and another one not.
    """

    rows: int
    gross: Decimal
    digest: bytes
    places: bytes = field(default=b"", compare=False)


class CellHashes:
    """What is compared of the lines of deliveries; the lines of each delivery and cell are read once.

    Thousands of files may have lines of the same money that differ in their numbers, such as one file for each voucher.
    """

    def __init__(self, processed: ObjectStore, lines: LiveLines) -> None:
        """Read nothing yet.

        Args:
            processed: the processed zone.
            lines: reads the lines of deliveries.
        """
        self._processed = processed
        self._lines = lines
        self._known: dict[tuple[str, Cell], _CellLines] = {}
        self._counted: dict[tuple[str, Cell], pa.Table] = {}

    def of(self, deliveries: Sequence[LiveDelivery], cell: Cell) -> list[_CellLines]:
        """Return what is compared of the lines of deliveries in a cell; several are read at once from a remote zone."""
        unknown = [one for one in deliveries if (one.delivery_id, cell) not in self._known]
        read = map_many(self._processed, unknown, lambda one: self._read(one, cell))
        self._known |= {(one.delivery_id, cell): of_one for one, of_one in zip(unknown, read, strict=True)}
        return [self._known[one.delivery_id, cell] for one in deliveries]

    def contained(self, smaller: LiveDelivery, larger: LiveDelivery, cell: Cell) -> _CellLines | None:
        """Return the lines of a delivery in a cell if a larger one has each of them as often; None if not.

        None also if they are too few different ones: a day may well have the same amount several times.
        """
        of_smaller = self._count(smaller, cell)
        if len(of_smaller) < _LEAST_CONTAINED:
            return None
        of_larger = self._count(larger, cell)
        joined = of_smaller.join(of_larger, keys=list(_COLUMNS), right_suffix=" of larger", join_type="left outer")
        is_there = pc.greater_equal(joined["rows of larger"], joined["rows"])
        if not pc.all(pc.fill_null(is_there, False)).as_py():
            return None
        rows = pc.sum(of_smaller["rows"]).as_py() or 0
        return _CellLines(rows, Decimal(pc.sum(of_smaller["gross"]).as_py() or 0), b"")

    def _count(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the different lines of a delivery in a cell as texts, with their number and gross money."""
        known = (delivery.delivery_id, cell)
        if known not in self._counted:
            if len(self._counted) >= _MAX_REMEMBERED:
                del self._counted[next(iter(self._counted))]
            table = self._read_lines(delivery, cell)
            gross = pc.abs(table["amount"].cast(_WIDE_MONEY))
            # A join finds no null.
            columns = {name: pc.fill_null(table[name].cast(pa.string()), _NONE) for name in _COLUMNS}
            lines = pa.table({**columns, "gross": gross, "rows": pa.repeat(pa.scalar(1, pa.int64()), len(table))})
            counted = lines.group_by(list(_COLUMNS)).aggregate([("gross", "sum"), ("rows", "sum")])
            self._counted[known] = counted.rename_columns({"gross_sum": "gross", "rows_sum": "rows"})
        return self._counted[known]

    def _read(self, delivery: LiveDelivery, cell: Cell) -> _CellLines:
        table = self._read_lines(delivery, cell)
        gross = Decimal(pc.sum(pc.abs(table["amount"].cast(_WIDE_MONEY))).as_py() or 0)
        return _CellLines(table.num_rows, gross, _digest(table), _digest(table.select(list(_PLACE))))

    def _read_lines(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the lines of a delivery in a cell that change an amount."""
        table = self._lines.read(delivery, Superseded(), [cell], _COLUMNS).select(list(_COLUMNS))
        for name in _NUMBERS:
            plain = pc.replace_substring_regex(table[name].cast(pa.string()), _ZEROS, r"\1")
            table = table.set_column(table.column_names.index(name), name, plain)
        return table.filter(pc.not_equal(table["amount"].cast(_WIDE_MONEY), pa.scalar(Decimal(0), _WIDE_MONEY)))


def find_repeated_lines(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines of a delivery that another live file has too, by scenario and period.

    Equal are day, department, account, amount, number and text of each line, in any order; of numbers, zeros before
    them do not matter, which a spreadsheet takes away. Where the delivery has as
    many lines as the other file, the hashes in the commits are compared first, so that files are read only where these
    agree. Where it has more, it may have all of the other file's, as an export of the month to date has. Lines of zero
    change nothing and do not count.

    Under load mode upsert, a line supersedes that of the same key, so only files are compared that share fewer keys.

    A file of another feed is compared whatever the load modes, which concern one feed, and without numbers and texts;
    it must have three lines or more that the delivery has, and all of a scenario and period.

    Args:
        hashes: those of the lines that are read.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger":
        return []
    of_feed: Iterable[RepeatedLines] = ()
    if candidate.event.load_mode == "append":
        of_feed = _repeated(hashes, live, candidate)
    elif candidate.event.load_mode == "upsert":
        of_feed = _with_other_keys(hashes, live, candidate)
    return [*of_feed, *_of_other_feeds(hashes, live, candidate)]


def find_files_counted_twice(processed: ObjectStore, object_key: str) -> list[str]:
    """Return the files that count and have lines of an object that counts too; none if it is one line alone.

    A person may have decided so. After a decision, these are named, since a verdict names only what a run judges.

    Args:
        processed: the processed zone.
        object_key: the raw object.
    """
    live = read_state(processed).effective
    own = [one for one in live if one.event.object_key == object_key]
    # Only keys supersede single lines; the lines of other files all count.
    has_keys = any(one.event.load_mode == "upsert" for one in own)
    overlaps = compute_overlaps(processed, live, record=False) if has_keys else NO_OVERLAPS
    others = LiveDeliveries((one for one in live if one.event.object_key != object_key), overlaps)
    hashes = CellHashes(processed, LiveLines(processed, NO_OVERLAPS))
    rows: Counter[str] = Counter()
    for repeated in (lines for one in own for lines in find_repeated_lines(hashes, others, one)):
        rows[repeated.object_key] += repeated.rows
    larger = (one for one in others.in_order if any(_is_part(hashes, part, one) for part in own))
    return sorted({name for name, count in rows.items() if count > 1} | {one.event.object_key for one in larger})


def _is_part(hashes: CellHashes, part: LiveDelivery, whole: LiveDelivery) -> bool:
    """Return whether a delivery has all lines that a smaller one of its feed has in a scenario and period."""
    if part.event.feed != whole.event.feed or not {part.event.load_mode, whole.event.load_mode} <= {"append"}:
        return False
    return any(
        _may_contain(whole, part, cell) and hashes.contained(part, whole, cell)
        for cell in sorted(claimed_cells(part) & claimed_cells(whole))
        if cell[1] in part.portion and cell[1] in whole.portion
        if _rows(whole, cell) > _rows(part, cell)
    )


def _repeated(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    similar = _similar(live, candidate)
    for cell in sorted(claimed_cells(candidate)):
        if others := similar.get(cell, []):
            own, *of_others = hashes.of([candidate, *others], cell)
            other = next((one for one, lines in zip(others, of_others, strict=True) if lines == own), None)
            if own.rows and other:
                yield RepeatedLines(other.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross)
                continue
        if cell[1] in candidate.portion:
            for other, lines in _contained(hashes, live, candidate, cell):
                yield RepeatedLines(
                    other.event.object_key, scenarios[cell[0]], cell[1], lines.rows, lines.gross, has_others=True
                )


def _with_other_keys(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    """Yield the lines that another file has too under keys without their zeros, of which a spreadsheet made numbers."""
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    for cell in sorted(claimed_cells(candidate)):
        rows = _rows(candidate, cell)
        if rows < _LEAST_CONTAINED or cell[1] not in candidate.portion:
            continue  # thousands of files may have two lines of the same money
        similar = live.same_money_of_feed(candidate, cell)
        others = [one for one in similar if live.shared_lines(candidate, one, cell) < rows][:_MAX_LOOKED_AT]
        if others:
            own, *of_others = hashes.of([candidate, *others], cell)
            other = next((one for one, lines in zip(others, of_others, strict=True) if lines == own), None)
            if own.rows and other:
                yield RepeatedLines(
                    other.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross, has_other_keys=True
                )


def _of_other_feeds(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines that a file of another feed has too: a source that is read by two descriptors counts twice."""
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    found: list[RepeatedLines] = []
    for cell in sorted(claimed_cells(candidate)):
        others = live.same_money_of_other_feeds(candidate, cell) if cell[1] in candidate.portion else []
        if others:
            own, *of_others = hashes.of([candidate, *others], cell)
            found += [
                RepeatedLines(
                    one.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross, feed=one.event.feed
                )
                for one, lines in zip(others, of_others, strict=True)
                if lines.places == own.places
            ]
    rows: Counter[str] = Counter()
    for one in found:
        rows[one.object_key] += one.rows
    return [one for one in found if rows[one.object_key] >= _LEAST_CONTAINED]


def _contained(
    hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery, cell: Cell
) -> Iterator[tuple[LiveDelivery, _CellLines]]:
    """Yield the live deliveries all of whose lines in a cell the candidate has beside others.

    Not those that a version of the candidate's own object contains, beside which they count already.
    """
    looked_at = islice(live.smaller(candidate, cell), _MAX_LOOKED_AT)
    enough = takewhile(lambda one: _rows(one, cell) >= _LEAST_CONTAINED, looked_at)
    others = [one for one in enough if one.event.load_mode == "append" and _may_contain(candidate, one, cell)]
    earlier = [one for one in live.earlier(candidate) if cell[1] in one.portion]
    for other in others[:_MAX_COMPARED]:
        lines = hashes.contained(other, candidate, cell)
        if lines and not any(
            _rows(one, cell) >= _rows(other, cell) and hashes.contained(other, one, cell) for one in earlier
        ):
            yield other, lines


def _may_contain(larger: LiveDelivery, smaller: LiveDelivery, cell: Cell) -> bool:
    """Return whether the lines of a smaller delivery may all be among those of a larger one, by what commits say."""
    if _rows(smaller, cell) < _LEAST_CONTAINED:
        return False
    gross, of_larger = count_in_cell(smaller, cell).absolute, count_in_cell(larger, cell).absolute
    if not (gross.is_nan() or of_larger.is_nan()) and gross > of_larger:
        return False
    # A day outside of the period may be one of other lines.
    first, last = smaller.commit.first_day, smaller.commit.last_day
    begins_before = first[:7] == cell[1] and first < larger.commit.first_day
    ends_after = last[:7] == cell[1] and last > larger.commit.last_day
    return not (begins_before or (ends_after and bool(larger.commit.last_day)))


def _rows(delivery: LiveDelivery, cell: Cell) -> int:
    return count_in_cell(delivery, cell).rows


def _similar(live: LiveDeliveries, candidate: LiveDelivery) -> dict[Cell, list[LiveDelivery]]:
    """Return the deliveries that may have the candidate's lines, by cell.

    Without those that have only one line in common: thousands of files of one line may well be alike, and would all be
    opened.
    """
    similar: dict[Cell, list[LiveDelivery]] = {}
    rows: Counter[str] = Counter()
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] in candidate.portion:
            similar[cell] = [one for one in live.same_lines(candidate, cell) if one.event.load_mode == "append"]
            for other in similar[cell]:
                rows[other.event.object_key] += count_in_cell(candidate, cell).rows
    shared = {cell: [one for one in others if rows[one.event.object_key] > 1] for cell, others in similar.items()}
    return {cell: others for cell, others in shared.items() if others}


def _digest(lines: pa.Table) -> bytes:
    """Return a hash of lines in any order, equal for equal lines."""
    ordered = lines.sort_by([(name, "ascending") for name in lines.column_names])
    columns = {name: ordered[name] for name in _PLACE}
    for name in lines.column_names[len(_PLACE) :]:
        texts = ordered[name].cast(pa.string())
        # What a column has in the place of a null is not defined.
        columns |= {name: pc.fill_null(texts, ""), f"has_{name}": pc.is_valid(texts)}
    sink = pa.BufferOutputStream()
    table = pa.table(columns).combine_chunks()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).digest()
