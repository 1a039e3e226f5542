"""What became of proposals, as the processed zone and the warehouse are now.

Belongs here: reading what decides whether a second person can still agree. Does not belong here: the rules (see
`deliveries.proposals`), recording a decision (see `deliveries.approvals`), printing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.decided_amounts import amounts_of_periods
from finance_platform.deliveries.events import DecisionProposed, Event
from finance_platform.deliveries.proposals import ENDED, OTHER_FIGURES, WAITS, last_decisions, open_proposals, outcomes
from finance_platform.deliveries.state import DeliveryState
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.published import published_cells
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import Queryable


def read_outcomes(processed: ObjectStore, warehouse: Queryable, events: Sequence[Event]) -> dict[int, str]:
    """Return, by the number of its event, whether each proposal waits, was agreed to, or has ended.

    The warehouse is read only if a proposal to close is the last event about its period.

    Args:
        processed: the processed zone.
        warehouse: the warehouse.
        events: every event of the register.
    """
    last = [one for one in last_decisions(events) if isinstance(one, DecisionProposed)]
    if not last:
        return outcomes(events, {})
    state = read_state(processed)
    versions = published_versions(warehouse) if any(one.action == "closed" for one in last) else {}
    published = {name: version for (table, name), version in versions.items() if table == FACT_FINANCIALS.name}
    waiting = open_proposals(events, state, published)
    others = find_other_figures(processed, state, waiting)
    states = dict.fromkeys((one.subject for one in last), ENDED)
    states |= {one.subject: OTHER_FIGURES if one.subject in others else WAITS for one in waiting}
    return outcomes(events, states)


def find_other_figures(
    processed: ObjectStore, state: DeliveryState, waiting: Iterable[DecisionProposed]
) -> frozenset[str]:
    """Return the periods that a proposal would close although their amounts by type of account are others by now.

    Accounts get other types without a new version of a period's lines. A period whose rows or members are damaged is
    left out: the status names the damage, and its close needs the repair first.

    Args:
        processed: the processed zone.
        state: the deliveries, which give accounts their types.
        waiting: the proposals that wait.
    """
    return frozenset(one.subject for one in waiting if one.action == "closed" and _differs(processed, state, one))


def _differs(processed: ObjectStore, state: DeliveryState, proposal: DecisionProposed) -> bool:
    period, versions = proposal.subject, proposal.versions
    try:
        cells = published_cells(processed, period, versions[FACT_FINANCIALS.name])
        amounts = amounts_of_periods(processed, state, {period: cells})[period]
    except DamagedObjectError:
        return False
    return bool(proposal.amounts) and amounts != tuple(proposal.amounts)
