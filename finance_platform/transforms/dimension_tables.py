"""The dimensions as Arrow tables: what `dim_department`, `dim_account`, `dim_scenario` and `dim_date` give.

Grain of the output: as of those. Rows are in the order of their keys.

Belongs here: the rows of each dimension. Does not belong here: which members are few, files (see
`spark_jobs.small_dimensions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.transforms.dim_account import MEMBER_COLUMNS as ACCOUNT_COLUMNS
from finance_platform.transforms.dim_date import MONTHS, WEEKDAYS
from finance_platform.transforms.dim_department import MEMBER_COLUMNS as DEPARTMENT_COLUMNS

Ranks = Mapping[str, tuple[int, str]]
"""By delivery that counts: its place in the defined order, and the period from which its rows without a date hold."""

_Row = dict[str, Any]
_SIGNS = {"Revenue": 1, "Expense": -1}


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
        row |= {"account_type": kind, "profit_sign": _SIGNS.get(kind, 0), "is_monetary": kind != "Statistical"}
        row["category"], row["measure"] = _first(row["category"], "Unknown"), _first(row["measure"], "flow")
    return _as_table(rows, DIM_ACCOUNT)


def scenario_rows(scenarios: Iterable[tuple[int, str, str]], baseline_key: int) -> pa.Table:
    """Return `dim_scenario`.

    Args:
        scenarios: key, name and type.
        baseline_key: surrogate key of the baseline.
    """
    names = ("scenario_key", "scenario_name", "scenario_type")
    rows = [{**dict(zip(names, row, strict=True)), "is_baseline": row[0] == baseline_key} for row in scenarios]
    return _as_table(rows, DIM_SCENARIO)


def date_rows(first_year: int, last_year: int, fiscal_year_start_month: int) -> pa.Table:
    """Return `dim_date`; see there.

    Args:
        first_year: first calendar year.
        last_year: last calendar year.
        fiscal_year_start_month: 1 to 12.
    """
    first = date(first_year, 1, 1)
    days = [first + timedelta(number) for number in range((date(last_year + 1, 1, 1) - first).days)]
    full_date = pa.array(days, pa.date32())
    year, month, day = pc.year(full_date), pc.month(full_date), pc.day(full_date)
    iso = pc.iso_calendar(full_date)
    fiscal_period = pa.array([(number - fiscal_year_start_month) % 12 + 1 for number in month.to_pylist()], pa.int64())
    ends_next_year = pc.and_(pc.greater_equal(month, fiscal_year_start_month), fiscal_year_start_month > 1)
    columns = {
        "date_key": pc.add(pc.add(pc.multiply(year, 10_000), pc.multiply(month, 100)), day),
        "full_date": full_date,
        "year": year,
        "quarter": pc.quarter(full_date),
        "month": month,
        "day": day,
        "week_of_year": pc.struct_field(iso, "iso_week"),
        "day_of_week": _names(WEEKDAYS, pc.day_of_week(full_date)),
        "iso_year": pc.struct_field(iso, "iso_year"),
        "month_name": _names(MONTHS, pc.subtract(month, 1)),
        "year_month": pc.utf8_slice_codeunits(pc.cast(full_date, pa.string()), 0, 7),
        "fiscal_year": pc.add(year, pc.cast(ends_next_year, pa.int64())),
        "fiscal_quarter": pc.add(pc.divide(pc.subtract(fiscal_period, 1), 3), 1),
        "fiscal_period": fiscal_period,
        "is_month_end": pa.array([(one + timedelta(1)).day == 1 for one in days], pa.bool_()),
    }
    schema = arrow_schema(DIM_DATE.stored_columns)
    return pa.table([pc.cast(columns[field.name], field.type) for field in schema], schema=schema)


def _names(names: str, places: pa.Array) -> pa.Array:
    return pc.take(pa.array(names.split(), pa.string()), places)


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
    for row in sorted(_counting(mentioned, ranks), key=lambda row: ranks[row["delivery_id"]][0]):
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
    rank, since = ranks[row["delivery_id"]]
    place = (_Descending(row["source_sheet"] or ""), -row["source_row"])
    return rank, _first(row["valid_from"], since), row["valid_from"] is not None, *place


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _as_table(rows: Sequence[_Row], contract: Contract) -> pa.Table:
    ordered = sorted(rows, key=lambda row: row[contract.surrogate_key])
    return pa.Table.from_pylist(ordered, arrow_schema(contract.stored_columns))
