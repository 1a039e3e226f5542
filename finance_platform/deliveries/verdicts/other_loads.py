"""Files that count as they were read under another `load`, beside a new file that replaces none of their lines.

Belongs here: finding them for a content that comes first under the new `load`. Does not belong here: files that are
read again under it (see `returning_lines`), what is done about them (see `acceptance`).

Deliveries of different load modes replace nothing of each other (181). After a change of `load`, files that are held or
gone from the raw zone still count as they were read before, and a correction of their lines would count beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded, claimed_cells
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.feeds.values.codes import fold

_PLACE = ["posting_date", "department_key", "account_key"]
_NUMBER = "transaction_id"


@dataclass(frozen=True)
class OtherLoad:
    """The lines of a file in a scenario and period that were read under another `load`.

    Attributes:
        object_key: the file.
        scenario: as the candidate spells it, or the file.
        period: YYYY-MM.
        rows: how many lines.
        amount: their sum, sign as delivered; the gross amount is not known of files of earlier releases.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    amount: Decimal


def find_other_loads(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[OtherLoad]:
    """Return the lines of its feed that a new content would replace if they had been read under its `load`.

    Under replace_period those of the scenarios and periods that it covers, under upsert those of files that have one of
    its numbers there, or a line without a number on the same day, department and account. Under append it replaces none
    in any case.

    Args:
        lines: reads the lines.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    event = candidate.event
    if event.kind != "ledger" or event.load_mode == "append":
        return []
    if any(one.event.fingerprint == event.fingerprint for one in live.earlier(candidate)):
        return []  # it was read before, and counts as it was read then
    claimed = claimed_cells(candidate)
    return [
        _described(other, candidate, cell)
        for other in live.with_other_load(candidate)
        for cell in sorted(claimed & _cells_of_lines(other))
        if cell[1] in candidate.portion and _concerns(lines, candidate, other, cell)
    ]


def _cells_of_lines(delivery: LiveDelivery) -> set[Cell]:
    return {(fold(count.scenario), count.period) for count in delivery.commit.periods}


def _concerns(lines: LiveLines, candidate: LiveDelivery, other: LiveDelivery, cell: Cell) -> bool:
    """Return whether the candidate would replace lines of another file in a cell."""
    if candidate.event.load_mode != "upsert":
        return True
    own, of_other = (lines.read(one, Superseded(), [cell], [_NUMBER, *_PLACE]) for one in (candidate, other))
    numbers, of_others = (_numbers(table[_NUMBER]) for table in (own, of_other))
    if numbers & of_others:
        return True
    own, of_other = (table.filter(pc.is_null(table[_NUMBER])).select(_PLACE) for table in (own, of_other))
    return bool(own.join(of_other, keys=_PLACE, join_type="left semi").num_rows)


def _numbers(texts: pa.ChunkedArray) -> set[str]:
    return {fold(text) for text in _texts(texts)}


def _texts(texts: pa.ChunkedArray) -> Iterable[str]:
    return (str(text) for text in pc.unique(pc.drop_null(texts)).to_pylist())


def _described(other: LiveDelivery, candidate: LiveDelivery, cell: Cell) -> OtherLoad:
    counts = (*other.commit.periods, *candidate.commit.periods)
    names = {fold(count.scenario): count.scenario for count in counts}
    count = count_in_cell(other, cell)
    return OtherLoad(other.event.object_key, names[cell[0]], cell[1], count.rows, count.amount)
