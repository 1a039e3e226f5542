"""Opening a closed period again, with what is published of it at that moment.

Belongs here: what the event says about the money of the period, and what reports say of it until the next run. Does not
belong here: the event (see `deliveries.period_decisions`), closing a period (see `close`).
"""

from __future__ import annotations

from collections.abc import Sequence

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries import period_decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.current_state import read_whole_state
from finance_platform.deliveries.decided_amounts import amounts_of_cells
from finance_platform.deliveries.events import DecidedAmount, DecisionProposed, PeriodStatusChanged
from finance_platform.deliveries.members.account_types import UNKNOWN
from finance_platform.errors import DamagedObjectError, LoadError, MissingRecordError, QueryError
from finance_platform.home import Home
from finance_platform.settings import StarSettings
from finance_platform.slices.published import published_cells
from finance_platform.slices.settings_in_force import settings_in_force
from finance_platform.slices.signatures import read_signature
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.period_versions import Account, read_members
from finance_platform.warehouse.load_records import LoadRecords
from finance_platform.warehouse.period_status import update_statuses
from finance_platform.warehouse.port import NoWarehouseYetError


def reopen_period(processed: ObjectStore, period: str, author: Author) -> PeriodStatusChanged | DecisionProposed:
    """Open a closed period again, or propose it, with what is published of it now.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        period: YYYY-MM.
        author: who opens it, and why.

    Raises:
        DecisionError: the period is not closed.
    """
    closing = read_whole_state(processed).closed.get(period)
    amounts = _published_amounts(processed, closing) if closing and closing.signature else None
    return period_decisions.reopen(processed, period, author, amounts=amounts)


def show_as_open(home: Home, period: str) -> str:
    """Store in the warehouse that a period is open, so that reports do not call it closed until the next run.

    Args:
        home: the home; the caller holds its lock, and has recorded the event.
        period: YYYY-MM.

    Returns:
        Why it could not be stored, a clause; empty if it was. The next run stores it then.
    """
    closed = read_whole_state(home.processed).closed
    in_force = settings_in_force(home.processed, StarSettings.of(home.settings), {*closed, period})
    try:
        update_statuses(home.warehouse, closed, in_force.actuals_through)
    except NoWarehouseYetError:
        return ""  # there is no report to show it
    except (QueryError, LoadError) as error:
        return error.found
    return ""


def _published_amounts(processed: ObjectStore, closing: PeriodStatusChanged) -> Sequence[DecidedAmount] | None:
    """Return what is published of a closed period, by the signature and the records of the loads since.

    The warehouse is not asked: it may be stopped, and a period can be opened without it. None if a document of these is
    damaged, which `verify` names: opening a period may be what repairs it.
    """
    try:
        signature = read_signature(processed, closing.signature)
        since = LoadRecords(processed).versions_since(signature.load_number)
        versions = {name: version for name, version in (signature.versions | since).items() if version}
        published = versions.get((FACT_FINANCIALS.name, closing.period))
        if published is None:
            return ()
        members = read_members(processed, versions, closing.period).rows
        cells = list(published_cells(processed, closing.period, published))
    except (DamagedObjectError, MissingRecordError):
        return None

    def type_of(account_key: int) -> str:
        account = members.get(account_key)
        return account.account_type if isinstance(account, Account) else UNKNOWN

    return amounts_of_cells(cells, type_of)
