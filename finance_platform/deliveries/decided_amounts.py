"""How much a decision is about: the money of a delivery or of a closed period, by scenario and account type.

Belongs here: the sums that a decision's event keeps. Does not belong here: decisions (see `decisions`), the statement
of everything that was delivered (see `reports.reconciliation`).

The event keeps them, because the types of accounts change, and `vacuum` removes what a withdrawn delivery was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.deliveries.commits import Count, DataFile, DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.events import DecidedAmount
from finance_platform.deliveries.members.attribute_history import TypesInPeriods
from finance_platform.deliveries.state import DeliveryState
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.port import ObjectStore

_ACCEPTED = "accepted"
_COLUMNS = ("account_key", "scenario", "currency", "period", "term", "row_count", "amount", "absolute", "unpriced")
_Place = tuple[str, str, str]
_NOTHING = Count()


def amounts_of_delivery(
    processed: ObjectStore, commit: DeliveryCommit, state: DeliveryState
) -> tuple[DecidedAmount, ...]:
    """Return the accepted lines of a delivery by scenario, account type and unit, sign as delivered.

    Args:
        processed: the processed zone.
        commit: the delivery; the sums of one without lines on accounts have no account type.
        state: the deliveries, which give accounts their types in each period.
    """
    files = commit.files.get(ACCOUNT_COUNTS.name, ())
    if not files:
        return _by_scenario(commit)
    try:
        by_account = _by_account(processed, commit, files)
        types = TypesInPeriods(processed, state, state.live, {account for account, _, _ in by_account})
    except DamagedObjectError:
        # A withdrawal is what helps against some damage, so it must be possible.
        return _by_scenario(commit)
    sums: dict[_Place, Count] = {}
    for (account, period, (scenario, unit)), count in by_account.items():
        place = (scenario, types.type_in(period, account), unit)
        sums[place] = sums.get(place, _NOTHING) + count
    return _encode(sums)


def add_amounts(amounts: Iterable[Iterable[DecidedAmount]]) -> tuple[DecidedAmount, ...]:
    """Return the sums of several deliveries by scenario, account type and unit."""
    sums: dict[_Place, Count] = {}
    for one in (one for of_delivery in amounts for one in of_delivery):
        place = (one.scenario, one.account_type, one.unit)
        sums[place] = sums.get(place, _NOTHING) + Count(one.rows, Decimal(one.net), Decimal(one.gross))
    return _encode(sums)


def _by_scenario(commit: DeliveryCommit) -> tuple[DecidedAmount, ...]:
    """Return the accepted lines of a delivery by scenario and unit, which its commit has; no account type."""
    return _encode({(one.scenario, "", one.currency): one.count for one in commit.scenarios if one.term == _ACCEPTED})


def amounts_of_cells(
    cells: Iterable[tuple[str, int, Decimal]], type_of: Callable[[int], str]
) -> tuple[DecidedAmount, ...]:
    """Return the sums of published cells by scenario and account type, sign of the star.

    Args:
        cells: scenario, account key and amount of each; lines are not known, so neither is the gross amount.
        type_of: returns the type that an account has in the period, by its key.
    """
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for scenario, account, amount in cells:
        place = (scenario, type_of(account))
        rows, net = sums.get(place, (0, Decimal("0.00")))
        sums[place] = (rows + 1, net + amount)
    return tuple(
        DecidedAmount(scenario, account_type, "", rows, str(net))
        for (scenario, account_type), (rows, net) in sorted(sums.items())
    )


def amounts_of_periods(
    processed: ObjectStore, state: DeliveryState, cells: Mapping[str, Iterable[tuple[str, int, Decimal]]]
) -> dict[str, tuple[DecidedAmount, ...]]:
    """Return the sums of published cells by period, each with the types that accounts have in it now.

    Args:
        processed: the processed zone.
        state: the deliveries, which give accounts their types.
        cells: by period, as `amounts_of_cells` takes them.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    of_period = {period: list(of_one) for period, of_one in cells.items()}
    accounts = {account for of_one in of_period.values() for _, account, _ in of_one}
    types = TypesInPeriods(processed, state, state.live, accounts)
    return {period: amounts_of_cells(of_one, partial(types.type_in, period)) for period, of_one in of_period.items()}


def _by_account(
    processed: ObjectStore, commit: DeliveryCommit, files: Sequence[DataFile]
) -> dict[tuple[int, str, tuple[str, str]], Count]:
    counts: dict[tuple[int, str, tuple[str, str]], Count] = {}
    periods = {count.period for count in commit.periods}
    for rows in read_rows(processed, commit.delivery_id, files, _COLUMNS):
        for row in rows.to_pylist():
            if row["term"] == _ACCEPTED and row["period"] in periods:
                place = (row["account_key"], row["period"], (row["scenario"], row["currency"]))
                count = Count(row["row_count"], Decimal(row["amount"]), Decimal(row["absolute"]), row["unpriced"])
                counts[place] = counts.get(place, _NOTHING) + count
    return counts


def _encode(sums: Mapping[_Place, Count]) -> tuple[DecidedAmount, ...]:
    return tuple(
        DecidedAmount(*place, count.rows, str(count.amount), str(count.absolute))
        for place, count in sorted(sums.items())
        if not count.is_zero
    )
