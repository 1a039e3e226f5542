"""`dim_date`: whole calendar years around the data.

Grain of the output: one calendar day.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.star import DIM_DATE

MONTHS = "January February March April May June July August September October November December"
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def dim_date(offsets: DataFrame, first_year: int, fiscal_year_start_month: int) -> DataFrame:
    """Return the calendar.

    Args:
        offsets: one column `id`, the days since 1 January of `first_year`.
        first_year: first calendar year.
        fiscal_year_start_month: 1 to 12; a fiscal year is named by the calendar year in which it ends.
    """
    first = F.lit(f"{first_year:04d}-01-01").cast("date")
    days = offsets.select(F.date_add(first, F.col("id").cast("int")).alias("full_date"))
    day = F.col("full_date")
    year, month = F.year(day), F.month(day)
    # Monday 0 to Sunday 6, by dayofweek: Sail 0.7's weekday returns -1 on Sundays.
    weekday = (F.dayofweek(day) + F.lit(5)) % F.lit(7)
    # ISO 8601: a week belongs to the year of its Thursday.
    iso_year = F.year(F.date_add(day, F.lit(3) - weekday))
    fiscal_period = (month - F.lit(fiscal_year_start_month) + F.lit(12)) % F.lit(12) + F.lit(1)
    ends_next_year = (month >= F.lit(fiscal_year_start_month)) & F.lit(fiscal_year_start_month > 1)
    columns = {
        "date_key": year * F.lit(10000) + month * F.lit(100) + F.dayofmonth(day),
        "full_date": day,
        "year": year,
        "quarter": F.quarter(day),
        "month": month,
        "day": F.dayofmonth(day),
        "week_of_year": F.weekofyear(day),
        "day_of_week": _name(WEEKDAYS, weekday),
        "iso_year": iso_year,
        "month_name": _name(MONTHS, month - F.lit(1)),
        "year_month": F.concat(F.lpad(year.cast("string"), 4, "0"), F.lit("-"), F.lpad(month.cast("string"), 2, "0")),
        "fiscal_year": F.when(ends_next_year, year + F.lit(1)).otherwise(year),
        "fiscal_quarter": F.floor((fiscal_period - F.lit(1)) / F.lit(3)) + F.lit(1),
        "fiscal_period": fiscal_period,
        "is_month_end": day == F.last_day(day),
    }
    return days.select(*[_typed(columns[column.name], column.type).alias(column.name) for column in DIM_DATE.columns])


def _name(names: str, position: Column) -> Column:
    return F.element_at(F.array(*[F.lit(name) for name in names.split()]), position + F.lit(1))


def _typed(value: Column, column_type: str) -> Column:
    return value.cast("int") if column_type == "integer" else value
