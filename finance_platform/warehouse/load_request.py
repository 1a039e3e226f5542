"""What a load is asked to do, and what it did.

Belongs here: the values on both sides of `load.publish`, and what makes a plan one that can be carried out.
Does not belong here: deciding what is stale (see `lake`), SQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import STAR, WHOLE_TABLE
from finance_platform.errors import LoadError

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_BY_NAME = {contract.name: contract for contract in STAR}

SliceName = tuple[str, str]
"""Contract name and slice: `("fact_financials", "2024-01")`, `("dim_account", "all")`."""


@dataclass(frozen=True)
class SliceSum:
    """The rows and the money of one scenario in one slice of the fact table."""

    scenario_key: int
    row_count: int
    amount: Decimal
    budget_amount: Decimal


@dataclass(frozen=True)
class SliceToLoad:
    """One slice as the lake wants it to be published.

    Attributes:
        contract_name: the contract, in snake_case.
        slice: period YYYY-MM, or `all` for a table that is built as a whole.
        version: what it was made from; None when the slice is to be taken out.
        files: its Parquet files, absolute paths or URIs; possibly none.
        row_count: rows in those files.
        sums: the fact table's control sums, one per scenario; empty for dimensions.
    """

    contract_name: str
    slice: str
    version: str | None
    files: tuple[str, ...] = ()
    row_count: int = 0
    sums: tuple[SliceSum, ...] = ()

    @property
    def name(self) -> SliceName:
        """What names the slice."""
        return self.contract_name, self.slice

    @property
    def contract(self) -> Contract:
        """The contract of the slice's table."""
        return _BY_NAME[self.contract_name]

    @property
    def amount(self) -> Decimal:
        """SUM(Amount) of all scenarios, a control figure; 0 for dimensions."""
        return sum((part.amount for part in self.sums), Decimal("0.00"))


@dataclass(frozen=True)
class TableLoad:
    """What one load did to one table."""

    slices: tuple[str, ...]
    removed: tuple[str, ...]
    row_count: int
    amount: Decimal


@dataclass(frozen=True)
class MovedSum:
    """What one load moved of one measure of one scenario in one period.

    Attributes:
        period: YYYY-MM.
        kind: movement or reclassification.
        scenario: its name.
        measure: Amount or BudgetAmount.
        cells: how many rows of Movements this sums.
        old_amount: what was published.
        new_amount: what is.
        difference: new_amount - old_amount.
        is_restatement: whether the period was closed.
    """

    period: str
    kind: str
    scenario: str
    measure: str
    cells: int
    old_amount: Decimal
    new_amount: Decimal
    difference: Decimal
    is_restatement: bool


@dataclass(frozen=True)
class LoadResult:
    """What one load did.

    Attributes:
        load_number: the load's number in the ledger; None when there was nothing to do.
        loaded: the slices that it published or took out.
        already_published: the slices that were published in the wanted version before.
        moved: what it changed in what was published.
    """

    load_number: int | None
    loaded: tuple[SliceToLoad, ...]
    already_published: tuple[SliceName, ...]
    moved: tuple[MovedSum, ...] = ()

    @property
    def tables(self) -> dict[str, TableLoad]:
        """What was loaded, by contract name."""
        return {name: _table_load([s for s in self.loaded if s.contract_name == name]) for name in _names(self.loaded)}


def check_plan(slices: Sequence[SliceToLoad]) -> tuple[SliceToLoad, ...]:
    """Return the plan, dimensions first, once it can be carried out.

    Raises:
        LoadError: a slice is unknown, comes twice, or contradicts itself.
    """
    for wanted in slices:
        fault = _fault(wanted)
        if fault:
            raise LoadError(f"{wanted.contract_name} {wanted.slice}: {fault}", fix="build the slice again")
    names = [wanted.name for wanted in slices]
    twice = sorted({" ".join(name) for name in names if names.count(name) > 1})
    if twice:
        raise LoadError(f"the plan names {', '.join(twice)} more than once", fix="name each slice once")
    order = list(_BY_NAME)
    return tuple(sorted(slices, key=lambda wanted: (order.index(wanted.contract_name), wanted.slice)))


def _fault(wanted: SliceToLoad) -> str:
    contract = _BY_NAME.get(wanted.contract_name)
    if contract is None:
        return f"no such table; there are {', '.join(_BY_NAME)}"
    if contract.sliced_by_period and not _PERIOD.fullmatch(wanted.slice):
        return "its slices are periods, YYYY-MM"
    if not contract.sliced_by_period and wanted.slice != WHOLE_TABLE:
        return f"its only slice is {WHOLE_TABLE}"
    if wanted.version is None and (wanted.files or wanted.row_count):
        return "a slice without a version is taken out, and so has neither files nor rows"
    if wanted.version == "":
        return "a version is a hash, or None"
    if contract.sliced_by_period and sum(part.row_count for part in wanted.sums) != wanted.row_count:
        return f"its sums speak of {sum(part.row_count for part in wanted.sums)} rows, it of {wanted.row_count}"
    return ""


def _names(slices: Sequence[SliceToLoad]) -> list[str]:
    return list(dict.fromkeys(wanted.contract_name for wanted in slices))


def _table_load(slices: Sequence[SliceToLoad]) -> TableLoad:
    return TableLoad(
        slices=tuple(wanted.slice for wanted in slices if wanted.version is not None),
        removed=tuple(wanted.slice for wanted in slices if wanted.version is None),
        row_count=sum(wanted.row_count for wanted in slices),
        amount=sum((wanted.amount for wanted in slices), Decimal("0.00")),
    )
