"""The dimensions of members as Arrow tables: what `dim_department` and `dim_account` give.

Grain of the output: as of those. Rows are in the order of their keys.

Belongs here: the rows of both dimensions. Does not belong here: which members are few, files (see
`spark_jobs.small_dimensions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, PROFIT_SIGNS
from finance_platform.transforms.dim_account import MEMBER_COLUMNS as ACCOUNT_COLUMNS
from finance_platform.transforms.dim_department import MEMBER_COLUMNS as DEPARTMENT_COLUMNS

Ranks = Mapping[str, int]
"""By delivery that counts: its place in the defined order."""

_Row = dict[str, Any]


def department_rows(departments: pa.Table, members: pa.Table, ranks: Ranks) -> pa.Table:
    """Return `dim_department`; see there."""
    rows = _conformed(departments, members, "department", ranks, DEPARTMENT_COLUMNS)
    for row in rows:
        row["department_name"] = _first(row["department_name"], row["department_code"])
        row["business_unit"] = _first(row["business_unit"], "Unknown")
    return _as_table(rows, DIM_DEPARTMENT)


def account_rows(accounts: pa.Table, members: pa.Table, ranks: Ranks) -> pa.Table:
    """Return `dim_account`; see there."""
    rows = _conformed(accounts, members, "account", ranks, ACCOUNT_COLUMNS)
    for row in rows:
        kind = _first(row["account_type"], "Unknown")
        row["account_name"] = _first(row["account_name"], row["account_number"])
        row |= {"account_type": kind, "profit_sign": PROFIT_SIGNS.get(kind, 0), "is_monetary": kind != "Statistical"}
        row["category"], row["measure"] = _first(row["category"], "Unknown"), _first(row["measure"], "flow")
    return _as_table(rows, DIM_ACCOUNT)


def _conformed(
    reference: pa.Table, members: pa.Table, dimension: str, ranks: Ranks, columns: Mapping[str, str]
) -> list[_Row]:
    """Return the members of a dimension; see `dim_members.conformed_members`."""
    key = f"{dimension}_key"
    described: dict[int, _Row] = {}
    # The latest description is the last of its member, and so the one that stays.
    for row in sorted(_counting(reference, ranks), key=lambda row: _age(row, ranks)):
        described[row[key]] = row
    mentioned = members.filter(pc.equal(members["dimension"], dimension))
    by_lines: dict[int, _Row] = {}
    for row in sorted(_counting(mentioned, ranks), key=lambda row: ranks[row["delivery_id"]]):
        known = by_lines.setdefault(row["member_key"], dict.fromkeys(columns))
        for name, source in columns.items():
            if source:
                known[name] = _first(known[name], row[source])
    nothing = dict.fromkeys(columns)
    return [
        {
            key: member,
            **{
                name: _first(described.get(member, nothing)[name], by_lines.get(member, nothing)[name])
                for name in columns
            },
            "is_inferred": member not in described,
        }
        for member in {**described, **by_lines}
    ]


def _counting(rows: pa.Table, ranks: Ranks) -> list[_Row]:
    return [row for row in rows.to_pylist() if row["delivery_id"] in ranks]


class _Descending(str):
    """A text that precedes those that follow it."""

    def __lt__(self, other: str) -> bool:
        return str(other) < str(self)


def _age(row: _Row, ranks: Ranks) -> tuple[Any, ...]:
    """Return what orders the descriptions of a member, the latest one last.

    Of rows with one date, the first one counts; a date counts before none.
    """
    place = (_Descending(row["source_sheet"] or ""), -row["source_row"])
    return ranks[row["delivery_id"]], row["valid_from"] or "", *place


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _as_table(rows: Sequence[_Row], contract: Contract) -> pa.Table:
    ordered = sorted(rows, key=lambda row: row[contract.surrogate_key])
    return pa.Table.from_pylist(ordered, arrow_schema(contract.stored_columns))
