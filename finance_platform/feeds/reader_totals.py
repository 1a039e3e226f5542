"""The totals of one file before any rule, and what its reader finds about it.

Belongs here: what is added up over the batches of a file, exactly. Does not belong here: which batches there are (see
`read_file`), what counts after the rules (see `spark_jobs.delivery_results`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.credit_signs import CreditSigns
from finance_platform.feeds.doubts.repeated_sheets import RepeatedSheets
from finance_platform.feeds.findings import NO_CONTROL_TOTALS, ControlTotals, Note
from finance_platform.feeds.lines.line_files import KeyRepeats
from finance_platform.feeds.lines.lookups import Lookup
from finance_platform.feeds.lines.weights import Weights
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.violations import ACCEPTED, BLANK_ROW, REJECTED


@dataclass
class ReaderTotals:
    """Totals of one file before any rule.

    Attributes:
        rows: candidate lines.
        amount: exact sum of the amounts that parse and are in the home's currency.
        rounding: sum of the differences that rounding them to cents adds.
        counts: the lines by scenario and foreign currency, blank where there is none.
        account_rounding: the rounding by account, scenario and foreign currency.
        unpriced: rows without an amount that parses.
        order: greatest value of the column that orders the feed's deliveries, as a sort key.
        covers: periods that the file's name declares.
        accepted: rows that break no rule of their own.
        rejected: rows that break one.
        notes: the notes about cells by message.
        extra_columns: headers that no field and no order uses, by table.
        lookup: the rows that lines look up.
        weights: the amounts that the years of lines are spread like.
        weight_years: the fiscal years of these amounts.
        line_cells: headers of the cells of which each gives a line.
        header: the kind of each column by its name, of all tables.
        doubts: why a person must decide whether the file may count, with what to do about each reason.
        advice: what to do about rejected lines that have a cause in the header; empty if that is not known.
        first_batch: the first batch of a ledger file as long as no row is accepted, with its header's fields and its
            broken rules, for the likely cause.
        control_totals: the totals that the file prints.
        credit_signs: the signs of debits and credits.
        repeats: the keys of rows that the reader does not write itself.
        sheets: the lines of each sheet of a workbook.
    """

    rows: int = 0
    amount: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)
    unpriced: int = 0
    order: str = ""
    covers: tuple[str, ...] = ()
    counts: dict[tuple[str, str], MeasuredLines] = field(default_factory=dict)
    account_rounding: dict[tuple[int, str, str], MeasuredLines] = field(default_factory=dict)
    accepted: int = 0
    rejected: int = 0
    notes: dict[str, Note] = field(default_factory=dict)
    extra_columns: dict[str, None] = field(default_factory=dict)
    line_cells: set[str] = field(default_factory=set)
    header: dict[str, str] = field(default_factory=dict)
    lookup: Lookup | None = None
    weights: Weights | None = None
    weight_years: set[str] = field(default_factory=set)
    doubts: dict[str, str] = field(default_factory=dict)
    advice: str = ""
    first_batch: FirstBatch | None = None
    control_totals: ControlTotals = NO_CONTROL_TOTALS
    credit_signs: CreditSigns = field(default_factory=CreditSigns)
    repeats: KeyRepeats = field(default_factory=KeyRepeats)
    sheets: RepeatedSheets = field(default_factory=RepeatedSheets)

    def add_references(self, columns: Mapping[str, pa.Array]) -> None:
        """Add a batch of reference rows, which have no amounts."""
        self._add_outcomes(columns)
        rows = len(columns["outcome"])
        self.rows += rows
        self.unpriced += rows

    def add_lines(self, columns: Mapping[str, pa.Array], exact: Mapping[int, Decimal]) -> None:
        """Add a batch of ledger lines.

        Args:
            columns: the typed rows.
            exact: see `ParsedAmounts.exact`.
        """
        self._add_outcomes(columns)
        amount = columns["amount"].cast(SUM_OF_MONEY_TYPE)
        for (scenario, currency), lines in _lines_by_place(columns, amount):
            self._lines(scenario, currency).add(lines)
            self.rows += lines.rows
            self.unpriced += lines.unpriced
            if not currency:
                self.amount = EXACT.add(self.amount, lines.net)
        for position, written in exact.items():
            self._add_rounding(columns, position, written)

    def add_spread(self, years: pa.Array, lines: pa.Array) -> None:
        """Count the lines into which those of years were spread; their money is counted already.

        Args:
            years: the scenario of each line before it was spread.
            lines: that of each line afterwards.
        """
        for scenarios, sign in ((years, -1), (lines, 1)):
            for row in pc.value_counts(scenarios.fill_null("")).to_pylist():
                self._lines(row["values"], "").rows += sign * row["counts"]
        more = len(lines) - len(years)
        self.rows, self.accepted = self.rows + more, self.accepted + more

    def keep_first_batch(
        self, sources: dict[str, FieldSource], batch: RawBatch, columns: Mapping[str, pa.Array]
    ) -> None:
        """Keep the first batch of a file of which nothing is accepted, and drop it as soon as something is.

        Blank rows have no cause to be found.

        Args:
            sources: where the fields of its lines come from.
            batch: its rows.
            columns: the typed rows, which are added already.
        """
        if self.accepted:
            self.first_batch = None
        elif self.first_batch is None:
            rules = columns["rules"].to_pylist()
            if any(text and text != BLANK_ROW for text in rules):
                self.first_batch = FirstBatch(sources, batch, rules)

    def _add_outcomes(self, columns: Mapping[str, pa.Array]) -> None:
        self.accepted += pc.sum(pc.equal(columns["outcome"], ACCEPTED)).as_py() or 0
        self.rejected += pc.sum(pc.equal(columns["outcome"], REJECTED)).as_py() or 0

    def _add_rounding(self, columns: Mapping[str, pa.Array], position: int, written: Decimal) -> None:
        cents = columns["amount"][position].as_py()
        if cents is None:  # of a currency that is not known
            return
        scenario, currency = (columns[name][position].as_py() or "" for name in ("scenario", "currency"))
        net = EXACT.subtract(written, cents)
        gross = EXACT.subtract(EXACT.abs(written), EXACT.abs(cents))
        rounding = MeasuredLines(0, net, gross, net, gross)
        self._lines(scenario, currency).add(rounding)
        account = columns["account_key"][position].as_py()
        if account is not None:
            self.account_rounding.setdefault((account, scenario, currency), MeasuredLines()).add(rounding)
        if not currency:
            self.amount = EXACT.add(self.amount, net)
            self.rounding = EXACT.subtract(self.rounding, net)

    def _lines(self, scenario: str, currency: str) -> MeasuredLines:
        return self.counts.setdefault((scenario, currency), MeasuredLines())


@dataclass(frozen=True)
class FirstBatch:
    """The first batch of a file.

    Attributes:
        sources: where its fields come from.
        batch: its rows.
        rules: the rules that each row broke, joined; None for an accepted row.
    """

    sources: dict[str, FieldSource]
    batch: RawBatch
    rules: list[str | None]


@dataclass
class MeasuredLines:
    """Lines of one scenario and currency before any rule.

    Attributes:
        rows: candidate lines.
        net: exact sum of the amounts.
        gross: exact sum of the absolute amounts.
        rounding_net: the part of `net` that rounding each line to cents takes away.
        rounding_gross: the same of `gross`.
        unpriced: lines without an amount.
    """

    rows: int = 0
    net: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    rounding_net: Decimal = Decimal(0)
    rounding_gross: Decimal = Decimal(0)
    unpriced: int = 0

    def add(self, other: MeasuredLines) -> None:
        """Add lines."""
        self.rows += other.rows
        self.unpriced += other.unpriced
        for name in ("net", "gross", "rounding_net", "rounding_gross"):
            setattr(self, name, EXACT.add(getattr(self, name), getattr(other, name)))


def _lines_by_place(
    columns: Mapping[str, pa.Array], amount: pa.Array
) -> Iterator[tuple[tuple[str, str], MeasuredLines]]:
    """Yield the lines of each scenario and foreign currency of a batch."""
    scenarios, currencies = columns["scenario"], columns["currency"]
    count = len(amount)
    is_one = currencies.null_count == count and (
        scenarios.null_count == count or pc.all(pc.equal(scenarios, scenarios[0]), skip_nulls=False).as_py()
    )
    if count and is_one:  # of nearly every batch, and to group rows takes several times as long as to sum them
        net, gross = (pc.sum(values).as_py() or Decimal(0) for values in (amount, pc.abs(amount)))
        yield (scenarios[0].as_py() or "", ""), MeasuredLines(count, net, gross, unpriced=amount.null_count)
        return
    places = [places.fill_null("") for places in (scenarios, currencies)]
    table = pa.table([*places, amount, pc.abs(amount)], ["scenario", "currency", "amount", "absolute"])
    sums = pa.TableGroupBy(table, ["scenario", "currency"], use_threads=False).aggregate(
        [([], "count_all"), ("amount", "count"), ("amount", "sum"), ("absolute", "sum")]
    )
    for row in sums.to_pylist():
        net, gross = row["amount_sum"] or Decimal(0), row["absolute_sum"] or Decimal(0)
        unpriced = row["count_all"] - row["amount_count"]
        yield (row["scenario"], row["currency"]), MeasuredLines(row["count_all"], net, gross, unpriced=unpriced)
