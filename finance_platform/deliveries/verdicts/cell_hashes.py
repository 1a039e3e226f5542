"""Lines of deliveries in one scenario and period, compared as hashes or as tables; each is read once.

Belongs here: reading them, and whether two deliveries have the same lines, all or nearly all. Does not belong here:
which deliveries are compared, and what equal lines mean (see `repeated_lines`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.port import ObjectStore

_PLACE = ("posting_date", "department_key", "account_key", "amount")
_DAYS = ("posting_date", "amount")
_TEXTS = ("document_date", "transaction_id", "description", "reverses_transaction_id")
_COLUMNS = (*_PLACE, *_TEXTS)
_NUMBERS = ("transaction_id", "reverses_transaction_id")
_CODES = ("department_code", "account_number")
_ZEROS = r"^0*([0-9]+)(?:\.0+)?$"
"""A number with the zeros that a spreadsheet takes from it, or adds."""

_NONE = "\x00"
"""In the place of a missing text; no text has it."""

LEAST_CONTAINED = 3
"""Different lines of a smaller file that are no chance if a larger one has all of them."""

LEAST_NEARLY = 10
"""Different lines that are no chance if two files have nearly all of them, or days and amounts of which all agree."""

OTHERS = 10
"""One line in so many may be another one in a corrected copy."""

_MAX_REMEMBERED = 16
"""Deliveries and cells whose lines stay in memory."""


@dataclass(frozen=True)
class CellLines:
    """The lines of a delivery in a cell that change an amount: their number, gross money and hash.

    The hash of their places is without numbers and texts, which one feed may read and another one not; that of their
    days has day and amount alone, with how many of these are different.
    """

    rows: int
    gross: Decimal
    digest: bytes
    places: bytes = field(default=b"", compare=False)
    days: bytes = field(default=b"", compare=False)
    different_days: int = field(default=0, compare=False)


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
        self._known: dict[tuple[str, Cell], CellLines] = {}
        self._counted: dict[tuple[str, Cell], pa.Table] = {}

    def of(self, deliveries: Sequence[LiveDelivery], cell: Cell) -> list[CellLines]:
        """Return what is compared of the lines of deliveries in a cell; several are read at once from a remote zone."""
        unknown = [one for one in deliveries if (one.delivery_id, cell) not in self._known]
        read = map_many(self._processed, unknown, lambda one: self._read(one, cell))
        self._known |= {(one.delivery_id, cell): of_one for one, of_one in zip(unknown, read, strict=True)}
        return [self._known[one.delivery_id, cell] for one in deliveries]

    def contained(self, smaller: LiveDelivery, larger: LiveDelivery, cell: Cell) -> CellLines | None:
        """Return the lines of a delivery in a cell if a larger one has each of them as often; None if not.

        None also if they are too few different ones: a day may well have the same amount several times.
        """
        of_smaller = self._count(smaller, cell)
        if len(of_smaller) < LEAST_CONTAINED:
            return None
        of_larger = self._count(larger, cell)
        joined = of_smaller.join(of_larger, keys=list(_COLUMNS), right_suffix=" of larger", join_type="left outer")
        is_there = pc.greater_equal(joined["rows of larger"], joined["rows"])
        if not pc.all(pc.fill_null(is_there, False)).as_py():
            return None
        rows = pc.sum(of_smaller["rows"]).as_py() or 0
        return CellLines(rows, Decimal(pc.sum(of_smaller["gross"]).as_py() or 0), b"")

    def nearly(self, delivery: LiveDelivery, other: LiveDelivery, cell: Cell) -> CellLines | None:
        """Return the lines of a delivery in a cell that another one has too, if these are nearly all of both.

        None if they are too few different ones.
        """
        own, of_other = self._count(delivery, cell), self._count(other, cell)
        joined = own.join(of_other, keys=list(_COLUMNS), right_suffix=" of other", join_type="inner")
        common = pc.min_element_wise(joined["rows"], joined["rows of other"])
        rows, most = pc.sum(common).as_py() or 0, max(pc.sum(one["rows"]).as_py() or 0 for one in (own, of_other))
        if len(joined) < LEAST_NEARLY or rows * OTHERS < most * (OTHERS - 1):
            return None
        # Each different line has as much gross money as the others of its kind.
        gross = pc.sum(pc.if_else(pc.equal(common, joined["rows"]), joined["gross"], joined["gross of other"])).as_py()
        return CellLines(rows, Decimal(gross or 0), b"")

    def has_other_codes(self, delivery: LiveDelivery, other: LiveDelivery, cell: Cell) -> bool:
        """Return whether the codes of two deliveries with the same days and amounts are those of one ledger.

        Three groups of accounts at least must have nothing in common, as if one chart were written in the other one.
        The journal of sales and that of the cash have one account each, or any account beside any other one.
        """
        own, of_other = self._once(delivery, cell), self._once(other, cell)
        pairs = own.join(of_other, keys=list(_DAYS), right_suffix=" of other", join_type="inner")
        accounts = ("account_key", "account_key of other")
        different = [len(pc.unique(pairs[name])) for name in accounts]
        return len(pairs.group_by(list(accounts)).aggregate([])) <= sum(different) - LEAST_CONTAINED

    def differ_in_zeros(self, delivery: LiveDelivery, other: LiveDelivery, cell: Cell) -> bool:
        """Return whether the codes of two deliveries with the same days and amounts differ in their zeros alone."""
        own, of_other = (_digest(self._read_without_zeros(one, cell)) for one in (delivery, other))
        return own == of_other

    def _once(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the accounts of the days and amounts that are one line of a delivery in a cell, as texts."""
        lines = self._count(delivery, cell).group_by(list(_DAYS))
        counted = lines.aggregate([("rows", "sum"), ("account_key", "min")])
        single = counted.filter(pc.equal(counted["rows_sum"], 1))
        return single.select([*_DAYS, "account_key_min"]).rename_columns([*_DAYS, "account_key"])

    def _count(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the different lines of a delivery in a cell as texts, with their number and gross money."""
        known = (delivery.delivery_id, cell)
        if known not in self._counted:
            if len(self._counted) >= _MAX_REMEMBERED:
                del self._counted[next(iter(self._counted))]
            table = self._read_lines(delivery, cell)
            gross = pc.abs(table["amount"].cast(SUM_OF_MONEY_TYPE))
            # A join finds no null.
            columns = {name: pc.fill_null(table[name].cast(pa.string()), _NONE) for name in _COLUMNS}
            lines = pa.table({**columns, "gross": gross, "rows": pa.repeat(pa.scalar(1, pa.int64()), len(table))})
            counted = lines.group_by(list(_COLUMNS)).aggregate([("gross", "sum"), ("rows", "sum")])
            self._counted[known] = counted.rename_columns({"gross_sum": "gross", "rows_sum": "rows"})
        return self._counted[known]

    def _read(self, delivery: LiveDelivery, cell: Cell) -> CellLines:
        table = self._read_lines(delivery, cell)
        gross = Decimal(pc.sum(pc.abs(table["amount"].cast(SUM_OF_MONEY_TYPE))).as_py() or 0)
        days = table.select(list(_DAYS))
        different = days.group_by(list(_DAYS)).aggregate([]).num_rows
        places = _digest(table.select(list(_PLACE)))
        return CellLines(table.num_rows, gross, _digest(table), places, _digest(days), different)

    def _read_without_zeros(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return day, amount and codes of the lines of a delivery in a cell, without the zeros of the codes."""
        names = [*_DAYS, *_CODES]
        table = self._lines.read(delivery, Superseded(), [cell], names).select(names)
        for name in _CODES:
            plain = pc.replace_substring_regex(pc.utf8_lower(table[name].cast(pa.string())), _ZEROS, r"\1")
            table = table.set_column(table.column_names.index(name), name, plain)
        return table.filter(
            pc.not_equal(table["amount"].cast(SUM_OF_MONEY_TYPE), pa.scalar(Decimal(0), SUM_OF_MONEY_TYPE))
        )

    def _read_lines(self, delivery: LiveDelivery, cell: Cell) -> pa.Table:
        """Return the lines of a delivery in a cell that change an amount."""
        table = self._lines.read(delivery, Superseded(), [cell], _COLUMNS).select(list(_COLUMNS))
        for name in _NUMBERS:
            plain = pc.replace_substring_regex(table[name].cast(pa.string()), _ZEROS, r"\1")
            table = table.set_column(table.column_names.index(name), name, plain)
        return table.filter(
            pc.not_equal(table["amount"].cast(SUM_OF_MONEY_TYPE), pa.scalar(Decimal(0), SUM_OF_MONEY_TYPE))
        )


def _digest(lines: pa.Table) -> bytes:
    """Return a hash of lines in any order, equal for equal lines."""
    ordered = lines.sort_by([(name, "ascending") for name in lines.column_names])
    columns = {name: ordered[name] for name in _PLACE if name in lines.column_names}
    for name in lines.column_names[len(columns) :]:
        texts = ordered[name].cast(pa.string())
        # What a column has in the place of a null is not defined.
        columns |= {name: pc.fill_null(texts, ""), f"has_{name}": pc.is_valid(texts)}
    sink = pa.BufferOutputStream()
    table = pa.table(columns).combine_chunks()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).digest()
