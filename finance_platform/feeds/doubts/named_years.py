"""The year in a file's name beside the years of its plan: a plan of last year that is sent as that of this year.

Belongs here: that comparison over the batches of a table, and the words that hold the delivery. Does not belong here:
fields and periods that a descriptor takes from names (see `file_names`).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.safe_text import quote_name

_YEAR = re.compile(r"(?<![0-9])20[0-9]{2}(?![0-9])")
_DATE = re.compile(r"[0-9][-_. ]?20[0-9]{2}|20[0-9]{2}[-_. ]?[0-9]")
"""A year beside other digits may be a part of a day, on which the file was exported, or a span of years."""

_FIX = (
    "if these are the amounts of {year}, correct their periods and send the file again; if the periods are right, "
    "accept the file"
)


class NamedYear:
    """The periods of a table's plan, if the name of its file or sheet has one year alone."""

    def __init__(self, object_key: str, sheet: str | None) -> None:
        """Look for the year.

        Args:
            object_key: the file.
            sheet: of a workbook; its year is worth more than that of the file.
        """
        stem = PurePosixPath(object_key).stem
        self._name = sheet if sheet and _YEAR.search(sheet) else stem
        years = [] if _DATE.search(self._name) else _YEAR.findall(self._name)
        self._year = years[0] if len(years) == 1 else ""
        self._periods: set[str] = set()

    def add(self, scenario_types: pa.Array, periods: pa.StringArray) -> None:
        """Add the lines of a batch.

        Args:
            scenario_types: of the lines, null where the scenario is not declared.
            periods: in which they are booked, null where that is not known.
        """
        if self._year:
            is_plan = pc.fill_null(pc.not_equal(scenario_types, "Actual"), False)
            self._periods.update(pc.drop_null(pc.unique(pc.filter(periods, is_plan))).to_pylist())

    def doubts(self) -> dict[str, str]:
        """Return why a person must decide whether the table may count, with what to do about it.

        A fiscal year is named by the calendar year in which it ends, so that of 2026 may begin in February 2025. No
        calendar has January 2025 in it.
        """
        if not self._periods:
            return {}
        first, last = min(self._periods), max(self._periods)
        if last >= self._year or first > f"{int(self._year) - 1}-01":
            return {}
        doubt = f"period: the plan is of {first} to {last}, but the name {quote_name(self._name)} says {self._year}"
        return {doubt: _FIX.format(year=self._year)}
