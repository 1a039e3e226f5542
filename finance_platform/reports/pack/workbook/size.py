"""Whether the amounts of a pack fit on the workbook's sheet Data, and what helps if they do not.

Belongs here: the limit, and the error that names it. Does not belong here: which amounts the sheet has (see
`data_sheet`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finance_platform.count_text import pluralize
from finance_platform.errors import WorkbookSizeError
from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.model import Pack, year_after
from finance_platform.reports.workbook_limits import MAX_SHEET_ROWS
from finance_platform.safe_text import quote_name

HEADER_ROW = 4
"""The row, from 0, of the header of a sheet's first table; titles and the check are above it."""

_AMOUNTS = (
    "SELECT Period, ScenarioName, BusinessUnit, DepartmentCode, AccountNumber, Amount FROM PeriodAmount "
    "WHERE IsMonetary AND Measure = 'flow' AND Period"
)


def foreseen_size_error(pack: Pack) -> WorkbookSizeError | None:
    """Return that Data cannot hold a pack, if that is certain before its variances are read; else None.

    Data always has the choice's fiscal year, and the year before if the reported scenario has complete months there.
    """
    chosen = pack.period
    if chosen is None or len(pack.cells) <= _room():
        return None
    covered = next((one.covered for one in pack.scenarios if one.name == pack.choice.scenario), frozenset[str]())
    of_year = {one.name for one in pack.periods if one.fiscal_year == chosen.fiscal_year}
    years = {chosen.fiscal_year} if chosen.name in covered else set[int]()
    years |= {
        one.fiscal_year
        for one in pack.periods
        if one.is_complete and one.name in covered and year_after(one.name) in of_year
    }
    amounts = Amounts.of(pack.cells)
    return size_error(
        pack, amounts.where(amounts.are_in({one.name for one in pack.periods if one.fiscal_year in years}))
    )


def size_error(pack: Pack, amounts: Amounts) -> WorkbookSizeError | None:
    """Return that Data cannot hold some of a pack's amounts, and what helps; None if it can.

    Args:
        pack: the pack.
        amounts: those that the sheets need.
    """
    if len(amounts) <= _room():
        return None
    return WorkbookSizeError(
        f"its sheet Data would have {len(amounts):,} amounts; a sheet has at most {_room():,} of them",
        fix="; ".join([*_advise_units(pack, amounts), _advise_query(pack)]),
    )


def _room() -> int:
    return MAX_SHEET_ROWS - HEADER_ROW - 1


def _advise_units(pack: Pack, amounts: Amounts) -> Sequence[str]:
    """Return the advice to report one business unit, if there is another choice and a unit fits."""
    if pack.choice.unit:
        return []
    unit_of = {one.key: one.unit for one in pack.departments}
    keys, counts = np.unique(amounts.departments, return_counts=True)
    sizes: dict[str, int] = {}
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        sizes[unit_of[key]] = sizes.get(unit_of[key], 0) + count
    fitting = sorted(unit for unit, size in sizes.items() if size <= _room())
    if not fitting:
        return []
    which = (
        f"each of {pluralize(len(sizes), 'business unit')} fits"
        if len(fitting) == len(sizes)
        else f"{pluralize(len(fitting), 'business unit')} of {len(sizes):,} can be written"
    )
    command = f"`finance-platform report --unit {quote_name(fitting[0])}`"
    return [f"{command} writes page and workbook of one business unit; {which}"]


def _advise_query(pack: Pack) -> str:
    """Return the query that writes the same amounts as CSV, of the choice's fiscal year up to its period."""
    period = pack.choice.period
    year = pack.period.fiscal_year if pack.period else None
    first = min((one.name for one in pack.periods if one.fiscal_year == year), default=period)
    query = f"{_AMOUNTS} BETWEEN '{first}' AND '{period}'"
    return f'`finance-platform query "{query}" --format csv --output amounts.csv` writes the amounts of some periods'
