"""`dim_date`: whole calendar years around the data.

Grain of the output: one calendar day, in the order of days.
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_DATE

_MONTHS = "January February March April May June July August September October November December"
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def dim_date(first_year: int, last_year: int, fiscal_year_start_month: int) -> pa.Table:
    """Return the calendar.

    Args:
        first_year: first calendar year.
        last_year: last calendar year.
        fiscal_year_start_month: 1 to 12; a fiscal year is named by the calendar year in which it ends.
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
        "day_of_week": _names(_WEEKDAYS, pc.day_of_week(full_date)),
        "iso_year": pc.struct_field(iso, "iso_year"),
        "month_name": _names(_MONTHS, pc.subtract(month, 1)),
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
