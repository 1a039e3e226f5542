"""Members that have ended, and have lines of Actual all the same: a closed department, an account that is blocked.

Belongs here: which members have ended, and their money in open periods after that. Does not belong here: the check (see
`attributes`), departments that others replace (see `reorganisations`).

A figure after the end is no less right than the lines, so it counts; nothing else says that the code was not meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.money_text import grouped_money
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_TABLES = {f"dim_{table.name.removesuffix('s')}": table for table in (ACCOUNTS, DEPARTMENTS)}
_CODES = {"accounts": "account_number", "departments": "department_code"}


@dataclass(frozen=True)
class _End:
    """The end of a member.

    Attributes:
        code: its code.
        period: its last period.
        object_key: the file that says so.
        line: the row.
    """

    code: str
    period: str
    object_key: str
    line: int


@dataclass
class EndedMember:
    """A member with lines of Actual after its end.

    Attributes:
        dimension: account or department.
        end: when it ended, and which file says so.
        first: the first later period with lines.
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
        return {
            "what": (
                f"{self.dimension} {self.code} has {pluralize(self.lines, 'line')} of Actual from {self.first} on, "
                f"gross {grouped_money(self.gross)}; its valid_to is in {self.end.period}"
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
    found: dict[int, EndedMember] = {}
    for period in sorted(period for of, period in snapshot.built if of == FACT_FINANCIALS.name):
        ended = [member for member, end in ends.items() if end.period < period]
        if not ended or period in snapshot.state.closed:
            continue
        for row in _actual(snapshot, processed, period, key, ended):
            member = found.setdefault(row[key], EndedMember(name, ends[row[key]], period))
            member.lines += row["transaction_count_sum"]
            member.gross += row["gross_sum"]
    return sorted(found.values(), key=lambda one: (-one.gross, one.code))


def _ends(snapshot: Snapshot, processed: ObjectStore, table: str, key: str) -> Mapping[int, _End]:
    """Return the end of each member whose last row, in the last file that describes it, has one."""
    ends: dict[int, _End | None] = {}
    columns = [key, _CODES[table], "valid_from", "valid_to", "source_row"]
    for delivery in snapshot.state.live:
        last: dict[int, dict[str, Any]] = {}
        for rows in read_rows(processed, delivery.delivery_id, delivery.commit.files.get(table, ()), columns):
            for row in rows.to_pylist():
                before = last.get(row[key])
                if before is None or (row["valid_from"] or "") > (before["valid_from"] or ""):
                    last[row[key]] = row
        for member, row in last.items():
            end = _End(row[_CODES[table]], row["valid_to"] or "", delivery.event.object_key, row["source_row"])
            ends[member] = end if end.period else None
    return {member: end for member, end in ends.items() if end}


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
