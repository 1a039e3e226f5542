"""One table of a ledger: its typed lines, and what it shows that its descriptor does not account for.

Belongs here: which doubts and notes are looked for in the lines of a table, in which order they are said.
Does not belong here: typing a line (see `lines.ledger_lines`), how something is found (see `doubts`), tables of other
kinds (see `read_file`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.doubts import stated_units, typed_months
from finance_platform.feeds.doubts.divided_months import DividedMonths
from finance_platform.feeds.doubts.hidden_rows import HiddenColumns, HiddenRows
from finance_platform.feeds.doubts.lacking_columns import LackingColumns
from finance_platform.feeds.doubts.late_cells import LateCells
from finance_platform.feeds.doubts.merged_amounts import MergedAmounts
from finance_platform.feeds.doubts.moved_cells import MovedCells
from finance_platform.feeds.doubts.near_names import find_near_names
from finance_platform.feeds.doubts.opening_balances import OpeningBalances
from finance_platform.feeds.doubts.place_sums import PlaceSums
from finance_platform.feeds.doubts.printed_totals import PrintedTotals
from finance_platform.feeds.doubts.repeated_headers import RepeatedHeaders
from finance_platform.feeds.doubts.running_totals import RunningTotals, stated_doubts
from finance_platform.feeds.doubts.summed_lines import SummedLines
from finance_platform.feeds.doubts.unclaimed_totals import UnclaimedTotals
from finance_platform.feeds.doubts.unread_meanings import UnreadMeanings
from finance_platform.feeds.doubts.unread_money import UnreadMoney
from finance_platform.feeds.doubts.unread_months import UnreadMonths
from finance_platform.feeds.doubts.unread_names import names_of_lines
from finance_platform.feeds.files import broken_lines, displayed_codes, displayed_units
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.lines.shapes import bind_shape
from finance_platform.feeds.lines.spread import spread_lines
from finance_platform.feeds.read_ahead import read_ahead
from finance_platform.feeds.reader_totals import ReaderTotals
from finance_platform.feeds.resolved import ResolvedFeed, line_cells
from finance_platform.feeds.row_marks import RowMarker
from finance_platform.feeds.values.amounts import ParsedAmounts

_ROWS_SPREAD_AT_ONCE = 4_096
"""Of years, so that their lines are about as many as those of a reshaped batch."""


@dataclass(frozen=True)
class TypedBatch:
    """The rows of a batch, their typed columns, and those of these whose distinct values are known, as dictionaries."""

    columns: dict[str, pa.Array]
    rows: RawBatch
    encoded: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)


class LedgerTable:
    """Types the rows of a table, and watches for what only the whole table shows."""

    def __init__(self, feed: ResolvedFeed, table: Table, object_key: str, totals: ReaderTotals) -> None:
        """Bind the fields to the header; nothing is read yet.

        Args:
            feed: the feed that reads the file.
            table: the table.
            object_key: the file.
            totals: those of the file, to which the lines and the findings are added.

        Raises:
            MissingColumnError: the header lacks a column that a field needs.
        """
        rules, header = feed.rules, table.header
        self._rules, self._table, self._object_key, self._totals = rules, table, object_key, totals
        totals.line_cells.update(line_cells(rules))  # a file that lacks one is refused, and has a header too
        self._shape = bind_shape(rules, header, object_key)
        totals.line_cells.update(self._shape.cells)
        self._new_lines = partial(
            LedgerLines, feed, self._shape.header, object_key, table.sheet, totals.lookup, totals.weights
        )
        self._lines = self._new_lines()
        totals.covers = self._lines.covers
        sources, cells, has_skip = self._lines.sources, self._shape.cells, bool(rules.skip)
        self._repeated = RepeatedHeaders(header, sources, has_skip=has_skip)
        self._printed, self._unclaimed = PrintedTotals(rules, table.sheet), UnclaimedTotals(rules, sources)
        self._balances = OpeningBalances.of_table(sources, has_skip=has_skip)
        self._unread = UnreadMonths.of_table(rules, header, cells, table.sheet)
        months = [column.name for column in self._unread.columns]
        self._money = UnreadMoney.of_table(rules, header, sources, cells, months)
        self._names = names_of_lines(header, sources)
        self._meanings = UnreadMeanings.of_table(rules, header, sources, cells)
        self._hidden = HiddenRows(table.hidden_rows)
        self._hidden_columns = HiddenColumns(table, rules, cells)
        self._merged = MergedAmounts(table, sources, cells)
        self._summed = SummedLines(table, sources, cells)
        self._moved = MovedCells.of_table(header, sources, cells)
        self._late = LateCells.of_table(header, sources, cells)
        self._lacking = LackingColumns.of_table(rules, header)
        self._divided = DividedMonths.of_rules(rules)
        self._running = RunningTotals(rules, cells)
        self._amounts = [*sources["amount"].headers, *cells]
        self._stated = stated_doubts(self._amounts, rules)
        self._places = PlaceSums(rules, sources, has_running_totals=bool(self._running.cells or self._stated))
        self._last: tuple[RawBatch, dict[str, pa.Array]] | None = None

    def batches(self, raw: Iterator[RawBatch]) -> Iterator[TypedBatch]:
        """Yield the table's batches with their typed columns.

        Args:
            raw: its rows.
        """
        watched = self._running.watch(self._unread.watch(raw))
        # The cells of the next batch are typed while this one's outcomes are described and counted.
        typed = ((batch, *self._lines.type_cells(batch)) for rows in watched for batch in self._shape.reshape(rows))
        for batch, cells, parsed, violations in read_ahead(typed):
            columns = cells | violations.columns()
            encoded = {name: values.encoded() for name, values in cells.distinct.items()}
            self._add(batch, columns, encoded, parsed)
            yield from self._spread(TypedBatch(columns, batch, encoded))

    def add_findings(self) -> None:
        """Add what the whole table shows to the totals; every batch was read."""
        rules, table, totals, lines = self._rules, self._table, self._totals, self._lines
        sources, cells = lines.sources, self._shape.cells
        totals.weight_years |= lines.weight_years
        of_table, notes = self._printed.finish()
        totals.control_totals += of_table
        near = find_near_names(sources.get("scenario"), self._object_key)
        notes |= displayed_units.find_notes(table, sources, cells) | self._hidden.notes()
        notes |= displayed_codes.find_notes(table, sources) | self._hidden_columns.notes()
        totals.notes |= lines.notes | notes | self._unclaimed.notes() | self._balances.notes() | near
        totals.notes |= self._meanings.notes() | self._divided.notes() | self._money.notes()
        totals.doubts |= self._unread.doubts() | self._running.doubts() | self._repeated.doubts()
        totals.doubts |= lines.doubts | self._meanings.doubts() | self._stated | self._places.doubts()
        totals.doubts |= self._merged.doubts() | self._summed.doubts() | self._divided.doubts()
        totals.doubts |= self._moved.doubts() | self._late.doubts() | self._lacking.doubts()
        scaled = displayed_units.scaled_exponents(table, self._amounts)
        totals.doubts |= stated_units.find_doubts(table, rules, sources, cells, scaled)
        totals.doubts |= displayed_units.find_doubts(table, rules, sources, cells)
        totals.doubts |= displayed_codes.find_doubts(table, sources)
        totals.doubts |= typed_months.find_doubts(table, rules, sources, cells)
        totals.doubts |= broken_lines.find_doubts(table.end, table.header, sources, self._last, self._type_again)
        of_rows = self._unclaimed.advise(lines.advice)
        totals.advice = totals.advice or self._unread.advice or self._repeated.advice or of_rows

    def _add(
        self,
        batch: RawBatch,
        columns: dict[str, pa.Array],
        encoded: dict[str, pa.DictionaryArray],
        parsed: ParsedAmounts,
    ) -> None:
        """Add a batch to the totals, and show it to everything that watches the lines."""
        outcomes, with_encoded = columns["outcome"], columns | encoded
        self._totals.add_lines(columns, parsed.exact)
        self._totals.credit_signs.add(parsed, outcomes)
        self._totals.keep_first_batch(self._lines.sources, batch, columns)
        self._printed.add(batch, outcomes, parsed)
        self._unclaimed.add(batch, with_encoded, parsed)
        self._repeated.add(batch, outcomes)
        self._meanings.add(batch, columns)
        self._money.add(batch, columns)
        self._balances.add(batch, columns)
        self._hidden.add(batch, columns)
        self._hidden_columns.add(batch, columns)
        self._merged.add(batch, columns)
        self._summed.add(batch, columns)
        self._moved.add(batch, outcomes)
        self._late.add(batch, outcomes)
        self._lacking.add(batch, outcomes)
        self._divided.add(columns)
        self._totals.sheets.add(self._table, self._rules, columns, [batch.columns[name] for name in self._names])
        self._places.add(with_encoded)
        self._last = batch, columns

    def _type_again(self, rows: RawBatch) -> Mapping[str, pa.Array]:
        """Return the outcomes of rows that were read already."""
        lines, marked = self._new_lines(), RowMarker(self._rules, self._table.header).mark(rows)
        outcomes = [lines.type_batch(batch)[0]["outcome"] for batch in self._shape.reshape(marked)]
        return {"outcome": pa.concat_arrays(outcomes)}

    def _spread(self, batch: TypedBatch) -> Iterator[TypedBatch]:
        """Yield lines, those of a year as one for each of its periods; their money was counted before.

        A batch of years may be a whole file, and has twelve times as many lines.
        """
        rule, totals = self._rules.spread, self._totals
        if rule is None or (rule.like and totals.weights is None):
            yield batch
            return
        for start in range(0, len(batch.rows), _ROWS_SPREAD_AT_ONCE):
            places = np.arange(start, min(start + _ROWS_SPREAD_AT_ONCE, len(batch.rows)))
            columns = {name: values.slice(start, len(places)) for name, values in batch.columns.items()}
            spread, rows = spread_lines(rule, columns, batch.rows.take(pa.array(places)), totals.weights)
            totals.add_spread(columns["scenario"], spread["scenario"])
            yield TypedBatch(spread, rows)
