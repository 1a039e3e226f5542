"""Earlier readings: whether a file that is read again has the lines and the doubts of the delivery that counts.

A release that reads files otherwise, other rows that a file looks up, or other amounts that it is spread like make
another delivery of the same bytes. Most files have the same lines then, and what people decided about these lines is
decided.

Belongs here: the comparison of both readings, and how they differ, as clauses. Does not belong here: which delivery a
file reads again (see `delivery_identities`), what follows from the verdict (see `raw_objects`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import (
    ACCOUNTS,
    BALANCES,
    BUDGET,
    COMMENTS,
    DEPARTMENTS,
    LOOKUP_ROWS,
    STATEMENT_LINES,
    TRANSACTIONS,
)
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import OUTCOMES, Count, DeliveryCommit, PeriodCount, hash_kind
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import EarlierReading, LiveDelivery
from finance_platform.deliveries.verdicts.commit_reasons import tolerance_breach
from finance_platform.deliveries.verdicts.live_deliveries import effect_of
from finance_platform.feeds.values.codes import fold
from finance_platform.money_text import grouped_money
from finance_platform.storage.port import ObjectStore

_TABLES = (TRANSACTIONS, BUDGET, DEPARTMENTS, ACCOUNTS, LOOKUP_ROWS, COMMENTS, STATEMENT_LINES, BALANCES)
_OF_PLACE = frozenset({"delivery_id", "feed", "source_file", "source_sheet", "source_row", "source_column"})
"""Columns that say where a row was read, not what it says."""

_LINES = "ledger"
_MOST_COMPARED = 1_000_000
"""Rows that are read where hashes do not say whether they are the same: both readings are in memory then."""
_MAX_NAMED = 3
_SAID = {
    "covers": "the periods that its name declares",
    "constant_scenarios": "the scenario of all its lines",
    "order": "its place in the order of files",
    "is_debit_positive": "the side of debits",
}
"""Fields of a commit, beside its lines, that decide what a delivery does to others."""


def find_differences(processed: ObjectStore, earlier: EarlierReading, candidate: LiveDelivery) -> list[str]:
    """Return how a file that is read again differs from the delivery that counts, each a clause; empty if it does not.

    Args:
        processed: the processed zone; rows are read only if the commits do not say whether they are the same.
        earlier: the delivery that counts.
        candidate: the one that awaits a verdict.
    """
    known = set(_doubts(earlier.event, earlier.commit))
    doubts = (doubt for doubt in _doubts(candidate.event, candidate.commit) if doubt not in known)
    differences = [f"has the new doubt \u201c{doubt}\u201d" for doubt in doubts]
    event, commit = earlier.event, earlier.commit
    if (*effect_of(event), event.late_lines) != (*effect_of(candidate.event), candidate.event.late_lines):
        differences.append("`load`, `order` or `late_lines` of its feed is another one")
    said = [text for name, text in _SAID.items() if _values(commit, name) != _values(candidate.commit, name)]
    if said:
        differences.append(f"reads otherwise {' and '.join(said)}")
    differences += _different_counts(commit, candidate.commit)
    if not differences and _needs_rows(commit, candidate.commit):
        if sum(one.count.rows for one in candidate.commit.periods) > _MOST_COMPARED:
            return [f"has more than {_MOST_COMPARED:,} lines, whose hashes are not those of the release before"]
        differences += _different_rows(processed, commit, candidate.commit)
    return differences


def describe_differences(earlier: EarlierReading | None, differences: Sequence[str]) -> list[str]:
    """Return a clause: what people decided about the earlier reading, and how this one differs; else nothing."""
    decisions = [one for one in (earlier.acceptance, *earlier.dropped) if one] if earlier else []
    if not decisions or not differences:
        return []
    more = len(differences) - _MAX_NAMED
    named = "; ".join(differences[:_MAX_NAMED]) + (f"; and {more:,} more differences" if more > 0 else "")
    decided = " and ".join(one.description for one in decisions)
    return [f"{decided}, as the file was read then; the present reading {named}"]


def _doubts(event: DeliveryDiscovered, commit: DeliveryCommit) -> Iterable[str]:
    """Yield the reasons to hold a delivery that depend on its content alone."""
    breach = tolerance_breach(event, commit)
    return chain([breach] if breach else [], commit.findings.doubts, commit.findings.control_totals.breaches)


def _values(commit: DeliveryCommit, name: str) -> object:
    value = getattr(commit, name)
    return value if isinstance(value, str | bool) else tuple(value)


def _different_counts(earlier: DeliveryCommit, commit: DeliveryCommit) -> list[str]:
    """Return the periods and outcomes of which the commits have other rows or another sum."""
    texts = []
    both = {**{_cell(one): one for one in earlier.periods}, **{_cell(one): one for one in commit.periods}}
    old, new = (_by_cell(one.periods) for one in (earlier, commit))
    for cell in sorted(both):
        counts = [sum((one.count for one in of_cell.get(cell, ())), Count()) for of_cell in (old, new)]
        name = f"{both[cell].scenario} {both[cell].period}"
        if counts[0] != counts[1]:
            texts.append(f"has {_money(counts[1])} of {name}, in place of {_money(counts[0])}")
        elif not _may_be_equal(old.get(cell, ()), new.get(cell, ())):
            texts.append(f"has other lines of {name} with the same sum")
    for name in OUTCOMES if not texts else ():
        before, now = earlier.outcome(name), commit.outcome(name)
        if before != now:
            texts.append(f"has {pluralize(now.rows, f'{name} row')} in place of {before.rows:,}")
    return texts


def _cell(count: PeriodCount) -> tuple[str, str, str]:
    return count.period, fold(count.scenario), count.scenario_type


def _by_cell(counts: Iterable[PeriodCount]) -> dict[tuple[str, str, str], list[PeriodCount]]:
    by_cell: dict[tuple[str, str, str], list[PeriodCount]] = {}
    for count in counts:
        by_cell.setdefault(_cell(count), []).append(count)
    return by_cell


def _may_be_equal(counts: Sequence[PeriodCount], others: Sequence[PeriodCount]) -> bool:
    """Return whether lines with equal sums may be the same; hashes of two kinds say nothing."""
    kinds = {hash_kind(one.content) for one in (*counts, *others)}
    if len(kinds) > 1 or not all(one.content for one in (*counts, *others)):
        return True
    return sorted(one.content for one in counts) == sorted(one.content for one in others)


def _needs_rows(earlier: DeliveryCommit, commit: DeliveryCommit) -> bool:
    """Return whether only rows say if they are the same: those of master data, and those without comparable hashes."""
    if commit.kind != _LINES:
        return True
    contents = [one.content for one in (*earlier.periods, *commit.periods)]
    return not all(contents) or len(set(map(hash_kind, contents))) > 1


def _different_rows(processed: ObjectStore, earlier: DeliveryCommit, commit: DeliveryCommit) -> list[str]:
    """Return how many rows of each table are others; rows are equal if all columns are but those of their place."""
    texts = []
    for contract in _TABLES:
        columns = [column.name for column in contract.stored_columns if column.name not in _OF_PLACE]
        schema = pa.schema([arrow_schema(contract.stored_columns).field(name) for name in columns])
        old, new = (
            pa.concat_tables(
                [
                    schema.empty_table(),
                    *(
                        table.cast(schema)
                        for table in read_rows(processed, one.delivery_id, one.files.get(contract.name, ()), columns)
                    ),
                ]
            )
            for one in (earlier, commit)
        )
        if lacking := _count_lacking(new, old) or _count_lacking(old, new):
            texts.append(f"has {pluralize(lacking, 'other row')}")
    return texts


def _count_lacking(rows: pa.Table, others: pa.Table) -> int:
    """Return how many rows the others lack."""
    if not rows.num_rows:
        return 0
    # Grouping takes nulls as equal, which a join does not.
    own = rows.append_column("sign", pa.array([1] * rows.num_rows, pa.int64()))
    other = others.append_column("sign", pa.array([-1] * others.num_rows, pa.int64()))
    sums = pa.concat_tables([own, other]).group_by(rows.column_names).aggregate([("sign", "sum")])["sign_sum"]
    return int(pc.sum(sums.filter(pc.greater(sums, 0))).as_py() or 0)


def _money(count: Count) -> str:
    return f"{pluralize(count.rows, 'line')}, {grouped_money(count.amount)}"
