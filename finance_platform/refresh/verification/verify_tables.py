"""The tables beside the star and the views, compared with the processed zone and with this release's definitions.

Belongs here: every table of the warehouse that is neither the star nor the record of loads. Does not belong here: those
(see `trace.published_cells`, `verify`), how views are compared (see the adapters).

The tables follow decisions, which a run stores in the warehouse. What people decided since the last run is no finding:
a table may be as it was then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, SCHEMA_VERSION, STAR, WAREHOUSE
from finance_platform.deliveries.register import hide_later
from finance_platform.deliveries.scans import last_refresh
from finance_platform.errors import FinancePlatformError
from finance_platform.refresh.steps.small_tables import small_tables
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.report_tables import counted_rows, stored_rows

COMPARED_ELSEWHERE = (*STAR, LOAD_LEDGER, MOVEMENTS, SCHEMA_VERSION)
"""Tables that other parts of a verification compare."""

SMALL_TABLES = tuple(contract for contract in WAREHOUSE if contract not in COMPARED_ELSEWHERE)
"""All others."""

_Difference = tuple[str, str]
_Targets = dict[Contract, Sequence[dict[str, object]]]
_ROWS_NAMED = 3
_FIX = "the next run stores the right rows"


def find_changed_tables(processed: ObjectStore, warehouse: Queryable, settings: Settings) -> Iterator[_Difference]:
    """Yield the tables whose rows are not those that a run stores, and how they differ, a clause.

    Args:
        processed: the processed zone.
        warehouse: what is published.
        settings: the home.
    """
    refreshed = last_refresh(processed)
    stores = [processed]
    if refreshed and refreshed.register_length:
        stores.append(hide_later(processed, refreshed.register_length))
    targets = [_once(store, warehouse, settings) for store in stores]
    for contract in SMALL_TABLES:
        stored = stored_rows(warehouse, contract)
        differences = []
        for target in targets:
            try:
                rows = target()
            except FinancePlatformError as error:
                differences.append(f"cannot be compared with the processed zone: {error.found}")
                continue
            if contract not in rows:
                differences.append("is not compared: nothing in the processed zone says what it should have")
                continue
            difference = _describe(stored, counted_rows(contract, rows[contract]), contract)
            if not difference:
                differences = []
                break
            differences.append(difference)
        if differences:
            yield contract.table, differences[0]


def _once(processed: ObjectStore, warehouse: Queryable, settings: Settings) -> Callable[[], _Targets]:
    """Return a function that derives the rows when it is called first."""
    results: list[_Targets | FinancePlatformError] = []

    def derive() -> _Targets:
        if not results:
            try:
                results.append(small_tables(processed, warehouse, settings))
            except FinancePlatformError as error:
                results.append(error)
        if isinstance(results[0], FinancePlatformError):
            raise results[0]
        return results[0]

    return derive


def _describe(stored: Counter[tuple[Any, ...]], expected: Counter[tuple[Any, ...]], contract: Contract) -> str:
    """Return how the rows of a table differ; empty if they do not."""
    lacking, foreign = expected - stored, stored - expected
    if not lacking and not foreign:
        return ""
    keys = [contract.column_names.index(name) for name in contract.natural_key]
    rows = [[row[key] for key in keys] for row in (*lacking, *foreign)]
    names = sorted({", ".join("-" if value is None else str(value) for value in row) for row in rows})
    more = len(names) - _ROWS_NAMED
    named = "; ".join(names[:_ROWS_NAMED]) + (f"; {more:,} more" if more > 0 else "")
    return (
        f"{lacking.total():,} of its {expected.total():,} rows are missing or changed, {foreign.total():,} are not in "
        f"the processed zone ({named}); {_FIX}"
    )
