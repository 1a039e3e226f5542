"""The records of loads, compared with the warehouse that these loads wrote.

Belongs here: LoadLedger, Movements, the note of the last published load. Does not belong here: the rows that were
loaded (see `trace.published_cells`), the heads of the register that the records name (see `verify`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from finance_platform.contracts.star import FACT_FINANCIALS, LOAD_LEDGER, MOVEMENTS
from finance_platform.count_text import pluralize
from finance_platform.deliveries.event_chain import Head, parse_head
from finance_platform.errors import DamagedObjectError
from finance_platform.warehouse.ledger import last_load_number
from finance_platform.warehouse.load_records import LoadRecord, LoadRecords, read_all, rows_of_load, sort_rows
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import count_by

_Difference = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """What the records of loads say, and where the warehouse differs.

    Attributes:
        published: the number of loads that were published.
        differences: the object or load, and what is wrong with it, a clause.
        heads: the register's head at each load, with which load.
    """

    published: int
    differences: Sequence[_Difference]
    heads: list[tuple[Head, str]]


def compare_loads(records: LoadRecords, source: Queryable, progress: Callable[[int, int], None]) -> LoadComparison:
    """Compare the record of each load with the warehouse.

    Args:
        records: the records.
        source: the warehouse.
        progress: is called with the number of the loads that are compared, and of all.
    """
    try:
        last = last_load_number(source)
    except NoWarehouseYetError:
        last = 0
    differences: list[_Difference] = []
    heads: list[tuple[Head, str]] = []
    if changed := records.find_changed_note(last):
        differences.append((changed.key, f"{changed.why}; remove it, and a run notes it again"))
    # A note of more loads than there are records of is a difference, and one of fewer hides none of them.
    published = max(last, min(records.confirmed(), max(records.numbers(), default=0)))
    if last < published:
        why = f"ends with load {last}, and load {published} was published; the next run restores it"
        differences.append(("the warehouse", why))
    for number, record in enumerate(read_all(records, published), start=1):
        if isinstance(record, DamagedObjectError):
            differences.append((record.key, record.why))
            continue
        if head := parse_head(record.register_head):
            heads.append((head, f"load {number}"))
        elif record.register_head:
            differences.append((f"load {number}", "its record names no head of the register"))
        if number <= last:
            differences += _differing_load(source, record)
        progress(number, published)
    if last and (foreign := _rows_of_no_load(source)):
        why = f"has {pluralize(foreign, 'row')} with a LoadTimestamp at which nothing was loaded"
        differences.append((FACT_FINANCIALS.table, f"{why}; `finance-platform run --rebuild` loads them again"))
    return LoadComparison(published, differences, heads)


def _rows_of_no_load(source: Queryable) -> int:
    loaded = {at for at, _ in source.query(count_by(LOAD_LEDGER, "loaded_at")).rows}
    return sum(
        int(rows) for at, rows in source.query(count_by(FACT_FINANCIALS, "load_timestamp")).rows if at not in loaded
    )


def _differing_load(source: Queryable, record: LoadRecord) -> Iterator[_Difference]:
    """Yield what the warehouse says differently of a load than its record."""
    for contract, recorded in ((LOAD_LEDGER, record.ledger), (MOVEMENTS, record.movements)):
        stored, expected = (
            Counter(sort_rows(rows)) for rows in (rows_of_load(source, contract, record.number), recorded)
        )
        changed = (expected - stored).total(), (stored - expected).total()
        if any(changed):
            why = (
                f"{changed[0]:,} of its {len(recorded):,} rows are missing or changed, {changed[1]:,} not in its record"
            )
            yield f"{contract.table} of load {record.number}", why
