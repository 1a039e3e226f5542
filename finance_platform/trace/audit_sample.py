"""A sample of published ledger lines for an audit, which the same seed gives again.

Belongs here: the population, and which of its lines are drawn. Does not belong here: the text of the lines in their
files (see `cell_to_lines.add_texts`), printing (see `cli.audit_sample`).

The population is in the order of file, sheet, row and column, so neither the order of reading nor that of Parquet files
matters. Draws follow from SHA-256 of the seed, so every language can repeat them.

- random: each line has the same chance, without replacement: the lines with the smallest hashes of seed and place. A
  cell may give several lines, such as the months of a year, and a line may be booked again in a later period; the
  second line of a place and each further one has its number in its hash, so that they are not drawn together.
- mus (monetary-unit sampling): each cent has the same chance. With an interval of total / n and a start that the seed
  gives, each line that holds one of the chosen cents is drawn, and so is every line of at least the interval. Lines of
  statistical accounts are not money, so they hold no cent.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal

from finance_platform.contracts.model import SliceName, Versions
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.members.account_types import STATISTICAL
from finance_platform.errors import TraceError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.trace.period_versions import read_version
from finance_platform.trace.published_lines import LineStore
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
    """A published line: where it is, whether it is money, and its absolute amount in cents."""

    file: str
    sheet: str
    row: int
    column: str
    period: str
    delivery_id: str
    is_money: bool
    cents: int

    @property
    def place(self) -> tuple[str, str, int, str]:
        return self.file, self.sheet, self.row, self.column


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
        population: number of lines that may be drawn.
        gross: sum of the absolute amounts of those that are money.
        interval: of monetary-unit sampling; 0 for a random sample.
        not_money: number of published lines of statistical accounts; only a random sample may have some.
    """

    lines: Sequence[SampledLine]
    population: int
    gross: Decimal
    interval: Decimal
    not_money: int


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
        TraceError: a period is not published, there are no lines, none has money, or lines are lost.
        MissingRecordError: the inputs of a published version are not recorded.
    """
    versions = {name: slice_.version for name, slice_ in published.items()}
    lines: list[_Line] = []
    for period in periods:
        if (FACT_FINANCIALS.name, period) not in versions:
            raise TraceError(
                f"nothing is published of {period}", fix="choose periods that `finance-platform status` lists"
            )
        lines += _lines_of(store, period, versions, scenario)
    if not lines:
        raise TraceError(f"{scenario!r} has no lines in {', '.join(periods)}", fix="choose another --scenario")
    not_money = sum(not line.is_money for line in lines)
    total = sum(line.cents for line in lines if line.is_money)
    if method == "mus":
        lines = [line for line in lines if line.is_money]
        if not total:
            raise TraceError(
                f"no line of {scenario!r} in {', '.join(periods)} is money other than zero",
                fix="`--method random` gives each line the same chance",
            )
    lines.sort(key=lambda line: (line.place, line.period, line.delivery_id))
    interval = -(-total // count) if method == "mus" else 0
    drawn = _draw_units(lines, interval, seed) if method == "mus" else _draw_lines(lines, count, seed)
    sampled = [_with_values(store, number, lines[place]) for number, place in enumerate(drawn, start=1)]
    return AuditSample(sampled, len(lines), total * _CENT, interval * _CENT, not_money)


def _draw_lines(lines: Sequence[_Line], count: int, seed: str) -> list[int]:
    """Return the places of a simple random sample, in order."""
    hashes: list[bytes] = []
    before: Counter[tuple[str, str, int, str]] = Counter()
    for line in lines:
        parts = [seed, line.file, line.sheet, str(line.row), line.column]
        if number := before[line.place]:
            parts.append(str(number))
        before[line.place] += 1
        hashes.append(hashlib.sha256("\0".join(parts).encode()).digest())
    by_hash = sorted(range(len(lines)), key=hashes.__getitem__)
    return sorted(by_hash[:count])


def _draw_units(lines: Sequence[_Line], interval: int, seed: str) -> list[int]:
    """Return the places of the lines that hold the chosen cents, each once, in order."""
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()) % interval
    ends = list(accumulate(line.cents for line in lines))
    # Cent number c, from 1, is in the first line whose cumulated cents reach it.
    return sorted({bisect_left(ends, unit) for unit in range(start + 1, ends[-1] + 1, interval)})


def _lines_of(store: LineStore, name: str, versions: Versions, scenario: str) -> list[_Line]:
    """Return the published lines of a period and a scenario.

    Raises:
        TraceError: they are not as many as were published.
    """
    version = read_version(store.processed, name, versions)
    period, accounts = version.inputs, version.members.accounts
    lines: list[_Line] = []
    columns = [*_PLACE, "scenario", "account_key", "amount"]
    for commit, live in store.published(period, columns, scenario=scenario):
        values = (live[column].to_pylist() for column in (*_PLACE, "account_key", "amount"))
        for sheet, row, column, account, amount in zip(*values, strict=True):
            cents = int(abs(amount).scaleb(2))
            is_money = account not in accounts or accounts[account].account_type != STATISTICAL
            lines.append(
                _Line(commit.object_key, sheet or "", row, column or "", name, commit.delivery_id, is_money, cents)
            )
    expected = period.line_counts.get(surrogate_key(scenario), 0)
    if period.line_counts and len(lines) != expected:
        raise TraceError(
            f"{pluralize(expected, 'line')} of {scenario!r} are published in {name}, and the processed zone has "
            f"{len(lines):,}",
            fix="`finance-platform verify` names the file that was changed",
        )
    return lines


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
