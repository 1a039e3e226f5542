"""Repeated lines: those that another file of the feed has already, all of a scenario and period alike.

Belongs here: finding them under load mode append, which adds the lines of every file. Does not belong here: files with
the same bytes (see `hold_reasons`), lines with one key (see `overlaps`), what is done about them (see `acceptance`).

A file that is exported or saved again has other bytes: another order of rows, other ends of lines, another format. A
file that begins with the months of the one before has their lines too. Under `append` such lines would count twice,
and nothing else shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded, claimed_cells
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.codes import fold

_PLACE = ("posting_date", "department_key", "account_key", "amount")
_TEXTS = ("document_date", "transaction_id", "description", "reverses_transaction_id")
_COLUMNS = (*_PLACE, *_TEXTS)
_WIDE_MONEY = pa.decimal128(38, 2)


@dataclass(frozen=True)
class RepeatedLines:
    """The lines of a delivery in one scenario and period that another file has too.

    Attributes:
        object_key: the other file.
        scenario: as the delivery spells it.
        period: YYYY-MM.
        rows: how many lines.
        gross: the sum of their absolute amounts.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    gross: Decimal


def find_repeated_lines(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines of a delivery that another live file of its feed has too, by scenario and period.

    Equal are day, department, account, amount, number and text of each line, in any order. The hashes of the lines are
    compared first, so that files are read only where these agree. Amounts of zero change nothing and are left out.

    Args:
        lines: reads the lines of deliveries.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger" or candidate.event.load_mode != "append":
        return []
    return list(_repeated(lines, live, candidate))


def _repeated(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    for cell, others in _similar(live, candidate).items():
        own = _sorted_lines(lines, candidate, cell)
        gross = Decimal(pc.sum(pc.abs(own["amount"].cast(_WIDE_MONEY))).as_py() or 0)
        if gross and (other := next((one for one in others if own.equals(_sorted_lines(lines, one, cell))), None)):
            scenario = next(one.scenario for one in candidate.commit.periods if fold(one.scenario) == cell[0])
            yield RepeatedLines(other.event.object_key, scenario, cell[1], own.num_rows, gross)


def _similar(live: LiveDeliveries, candidate: LiveDelivery) -> dict[Cell, list[LiveDelivery]]:
    """Return the deliveries that may have the candidate's lines, by cell.

    Without those that have only one line in common: thousands of files of one line may well be alike, and would all be
    opened.
    """
    similar: dict[Cell, list[LiveDelivery]] = {}
    rows: Counter[str] = Counter()
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] in candidate.portion:
            similar[cell] = [one for one in live.same_lines(candidate, cell) if one.event.load_mode == "append"]
            for other in similar[cell]:
                rows[other.event.object_key] += count_in_cell(candidate, cell).rows
    shared = {cell: [one for one in others if rows[one.event.object_key] > 1] for cell, others in similar.items()}
    return {cell: others for cell, others in shared.items() if others}


def _sorted_lines(lines: LiveLines, delivery: LiveDelivery, cell: Cell) -> pa.Table:
    table = lines.read(delivery, Superseded(), [cell], _COLUMNS).select(list(_COLUMNS))
    return table.sort_by([(name, "ascending") for name in _COLUMNS]).combine_chunks()
