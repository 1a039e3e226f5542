"""A sample of published ledger lines for an audit, which the same seed gives again.

Belongs here: the population, and which of its lines are drawn. Does not belong here: the text of the lines in their
files (see `cell_to_lines.add_texts`), printing (see `cli.audit_sample`).

The population is in the order of file, sheet, row and column, so neither the order of reading nor that of Parquet files
matters. Draws follow from SHA-256 of the seed, so every language can repeat them.

- random: each line has the same chance, without replacement: the lines with the smallest hashes of seed and place.
- mus (monetary-unit sampling): each cent has the same chance. With an interval of total / n and a start that the seed
  gives, each line that holds one of the chosen cents is drawn, and so is every line of at least the interval.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.errors import TraceError
from finance_platform.trace.published_lines import LineStore, PublishedPeriod, read_period
from finance_platform.warehouse.ledger import PublishedSlice

Method = Literal["mus", "random"]

_PLACE = ("source_sheet", "source_row", "source_column")
_DETAILS = (
    *("scenario", "document_date", "department_code", "account_number", "amount", "transaction_id"),
    *("reverses_transaction_id", "description"),
)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the population: where it is, and its absolute amount in cents."""

    file: str
    sheet: str
    row: int
    column: str
    period: str
    delivery_id: str
    cents: int


@dataclass(frozen=True)
class SampledLine:
    """A drawn line.

    Attributes:
        number: its number in the sample.
        file: object key in the raw zone.
        sha256: of the file as it was read.
        sheet: of a workbook, else empty.
        row: the line number that an editor shows, or the row of the sheet.
        column: header of the cell, where the row gives several lines, else empty.
        period: YYYY-MM.
        values: scenario, date, department, account, amount as delivered, identifier and text.
        delivery_id: the delivery that contains it.
    """

    number: int
    file: str
    sha256: str
    sheet: str
    row: int
    column: str
    period: str
    values: Mapping[str, Any]
    delivery_id: str


@dataclass(frozen=True)
class AuditSample:
    """A sample, and what it was drawn from.

    Attributes:
        lines: the drawn lines, in the order of the population.
        population: number of lines.
        gross: sum of their absolute amounts.
        interval: of monetary-unit sampling; 0 for a random sample.
    """

    lines: Sequence[SampledLine]
    population: int
    gross: Decimal
    interval: Decimal


def draw_sample(
    store: LineStore,
    published: Mapping[SliceName, PublishedSlice],
    *,
    periods: Sequence[str],
    scenario: str,
    method: Method,
    count: int,
    seed: str,
) -> AuditSample:
    """Return a sample of the published lines of some periods and a scenario.

    Args:
        store: the ledger lines.
        published: the published slices.
        periods: YYYY-MM; each must be published.
        scenario: its name, in any case.
        method: see the module.
        count: how many lines, or intervals, to draw.
        seed: any text.

    Raises:
        TraceError: a period is not published, or there are no lines.
        MissingRecordError: the inputs of a published version are not recorded.
    """
    lines: list[_Line] = []
    for period in periods:
        slice_ = published.get((FACT_FINANCIALS.name, period))
        if slice_ is None:
            raise TraceError(
                f"nothing is published of {period}", fix="choose periods that `finance-platform status` lists"
            )
        lines += _lines_of(store, read_period(store.processed, period, slice_.version), scenario)
    if not lines:
        raise TraceError(f"{scenario!r} has no lines in {', '.join(periods)}", fix="choose another --scenario")
    lines.sort(key=lambda line: (line.file, line.sheet, line.row, line.column))
    total = sum(line.cents for line in lines)
    interval = -(-total // count) if method == "mus" else 0
    drawn = _draw_units(lines, interval, seed) if interval else _draw_lines(lines, count, seed)
    sampled = [_with_values(store, number, lines[place]) for number, place in enumerate(drawn, start=1)]
    return AuditSample(sampled, len(lines), total * _CENT, interval * _CENT)


def _draw_lines(lines: Sequence[_Line], count: int, seed: str) -> list[int]:
    """Return the places of a simple random sample, in order."""
    by_hash = sorted(
        range(len(lines)),
        key=lambda place: hashlib.sha256(
            f"{seed}\0{lines[place].file}\0{lines[place].sheet}\0{lines[place].row}\0{lines[place].column}".encode()
        ).digest(),
    )
    return sorted(by_hash[:count])


def _draw_units(lines: Sequence[_Line], interval: int, seed: str) -> list[int]:
    """Return the places of the lines that hold the chosen cents, each once, in order."""
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()) % interval
    ends = list(accumulate(line.cents for line in lines))
    # Cent number c, from 1, is in the first line whose cumulated cents reach it.
    return sorted({bisect_left(ends, unit) for unit in range(start + 1, ends[-1] + 1, interval)})


def _lines_of(store: LineStore, period: PublishedPeriod, scenario: str) -> Iterator[_Line]:
    for commit, live in store.published(period, [*_PLACE, "scenario", "amount"], scenario=scenario):
        for sheet, row, column, amount in zip(*(live[name].to_pylist() for name in (*_PLACE, "amount")), strict=True):
            cents = int(abs(amount).scaleb(2))
            yield _Line(commit.object_key, sheet or "", row, column or "", period.period, commit.delivery_id, cents)


def _with_values(store: LineStore, number: int, line: _Line) -> SampledLine:
    equal = {"period": line.period, "source_row": line.row}
    (values,) = (
        {name: row[name] for name in _DETAILS}
        for table in store.lines(line.delivery_id, [*_PLACE, *_DETAILS], equal)
        for row in table.to_pylist()
        if (row["source_sheet"] or "", row["source_column"] or "") == (line.sheet, line.column)
    )
    sha256 = store.commit(line.delivery_id).fingerprint
    return SampledLine(
        number, line.file, sha256, line.sheet, line.row, line.column, line.period, values, line.delivery_id
    )
