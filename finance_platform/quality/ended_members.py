"""Members that have ended, and have lines of Actual all the same: a closed department, an account that is blocked.

Belongs here: which members have ended, for good or until they begin again, and their money in open periods after that.
Does not belong here: the check (see `attributes`), departments that others replace (see `reorganisations`).

A figure after the end is no less right than the lines, so it counts; nothing else says that the code was not meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.live_files import live_with_files
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.money_text import grouped_money
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_TABLES = {f"dim_{table.name.removesuffix('s')}": table for table in (ACCOUNTS, DEPARTMENTS)}
_CODES = {"accounts": "account_number", "departments": "department_code"}


@dataclass(frozen=True)
class _End:
    """An end of a member.

    Attributes:
        key: the member.
        code: its code.
        period: its last period.
        again: the period from which a later row of the file describes it; empty if none does.
        object_key: the file that says so.
        line: the row.
    """

    key: int
    code: str
    period: str
    again: str
    object_key: str
    line: int

    def is_before(self, period: str) -> bool:
        """Return whether the member has ended in a period and not begun again."""
        return self.period < period and (not self.again or period < self.again)


@dataclass
class EndedMember:
    """A member with lines of Actual after its end.

    Attributes:
        dimension: account or department.
        end: when it ended, and which file says so.
        first: the first period with lines after it.
        lines: how many lines there are in open periods.
        gross: the sum of the absolute amounts of their cells.
    """

    dimension: str
    end: _End
    first: str
    lines: int = 0
    gross: Decimal = Decimal(0)

    @property
    def code(self) -> str:
        """The code of the member."""
        return self.end.code

    @property
    def evidence(self) -> dict[str, Any]:
        """The finding as a row of a check."""
        again = f", and it begins again in {self.end.again}" if self.end.again else ""
        until = f"before {self.end.again}" if self.end.again else "on"
        return {
            "what": (
                f"{self.dimension} {self.code} has {pluralize(self.lines, 'line')} of Actual from {self.first} {until}"
                f", gross {grouped_money(self.gross)}; its valid_to is in {self.end.period}{again}"
            ),
            "file": self.end.object_key,
            "row": self.end.line,
            self.dimension: self.code,
            "lines": self.lines,
            "gross_at_stake": str(self.gross),
        }


def find_lines_after_the_end(snapshot: Snapshot, processed: ObjectStore, dimension: str) -> list[EndedMember]:
    """Return the members that have lines of Actual in open periods after their end, the most money first.

    Facts are read only if a member has ended before the last period.

    Args:
        snapshot: the processed zone; its slices are built.
        processed: the processed zone.
        dimension: dim_account or dim_department.

    Raises:
        DamagedObjectError: the rows of a delivery or of a slice are damaged.
    """
    table = _TABLES[dimension]
    key = table.natural_key[1]
    ends = _ends(snapshot, processed, table.name, key)
    name = dimension.removeprefix("dim_")
    found: dict[_End, EndedMember] = {}
    for period in sorted(period for of, period in snapshot.built if of == FACT_FINANCIALS.name):
        # Of several ends of a member before a period, one is not followed by another beginning.
        ended = {end.key: end for end in ends if end.is_before(period)}
        if not ended or period in snapshot.state.closed:
            continue
        for row in _actual(snapshot, processed, period, key, list(ended)):
            end = ended[row[key]]
            member = found.setdefault(end, EndedMember(name, end, period))
            member.lines += row["transaction_count_sum"]
            member.gross += row["gross_sum"]
    return sorted(found.values(), key=lambda one: (-one.gross, one.code))


def _ends(snapshot: Snapshot, processed: ObjectStore, table: str, key: str) -> Sequence[_End]:
    """Return the ends of each member by the rows of the last file that describes it."""
    ends: dict[int, list[_End]] = {}
    columns = [key, _CODES[table], "valid_from", "valid_to", "source_row"]
    for delivery in live_with_files(snapshot.state, table):
        files = delivery.commit.files.get(table, ())
        rows = pa.concat_tables(read_rows(processed, delivery.delivery_id, files, columns))
        for member in ends.keys() & set(rows[key].to_pylist()):
            del ends[member]
        # Most members never end: only those that do become values of Python.
        ended = rows[key].filter(pc.is_valid(rows["valid_to"]))
        of_file: dict[int, dict[str, dict[str, Any]]] = {}
        for row in rows.filter(pc.is_in(rows[key], ended)).to_pylist():
            of_file.setdefault(row[key], {}).setdefault(row["valid_from"] or "", row)
        for member, by_start in of_file.items():
            starts = [*sorted(by_start), ""]
            ends[member] = [
                _End(member, row[_CODES[table]], row["valid_to"], again, delivery.event.object_key, row["source_row"])
                for row, again in ((by_start[start], again) for start, again in pairwise(starts))
                if row["valid_to"]
            ]
    return [end for of_member in ends.values() for end in of_member]


def _actual(
    snapshot: Snapshot, processed: ObjectStore, period: str, key: str, members: list[int]
) -> Iterator[dict[str, Any]]:
    """Yield lines and gross amount of Actual of members in a period."""
    columns = [key, "scenario_key", "amount", "transaction_count"]
    wanted = pa.array(members, pa.int64())
    for file in snapshot.built[FACT_FINANCIALS.name, period].files:
        with open_parquet(processed, file.key, columns) as parquet:
            facts = parquet.read(columns=columns)
        is_wanted = pc.and_(pc.is_in(facts[key], wanted), pc.equal(facts["scenario_key"], surrogate_key("Actual")))
        lines = facts.filter(pc.and_(is_wanted, pc.greater(facts["transaction_count"], 0)))
        gross = pc.abs(lines["amount"].cast(SUM_OF_MONEY_TYPE))
        sums = lines.append_column("gross", gross).group_by(key)
        yield from sums.aggregate([("transaction_count", "sum"), ("gross", "sum")]).to_pylist()
