"""The request to a load, and its result.

Belongs here: the arguments and results of `load.publish`, and the validation of a request.
Does not belong here: which slices are stale (see `slices`), SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import STAR, WHOLE_TABLE
from finance_platform.errors import LoadError
from finance_platform.feeds.values.dates import is_valid_period

if TYPE_CHECKING:
    from finance_platform.slices.completeness import Lines
    from finance_platform.warehouse.report_tables import ReportTables

_BY_NAME = {contract.name: contract for contract in STAR}


@dataclass(frozen=True)
class SliceSum:
    """The rows and the money of one scenario in one slice of the fact table."""

    scenario_key: int
    row_count: int
    amount: Decimal
    budget_amount: Decimal


@dataclass(frozen=True)
class SliceToLoad:
    """One slice to publish or to remove.

    Attributes:
        contract_name: the contract, in snake_case.
        slice: period YYYY-MM, or `all` for a table that is built as a whole.
        version: its version; None if the slice is to be removed.
        files: its Parquet files, absolute paths or URIs; possibly none.
        row_count: rows in those files.
        sums: the fact table's control sums, one per scenario; empty for dimensions.
        rows_of: the published version that has the same rows, which then stay as they are; None if there is none.
    """

    contract_name: str
    slice: str
    version: str | None
    files: tuple[str, ...] = ()
    row_count: int = 0
    sums: tuple[SliceSum, ...] = ()
    rows_of: str | None = None

    @property
    def name(self) -> SliceName:
        """Contract name and slice."""
        return self.contract_name, self.slice

    @property
    def contract(self) -> Contract:
        """The contract of the slice's table."""
        return _BY_NAME[self.contract_name]

    @property
    def amount(self) -> Decimal:
        """SUM(Amount) of all scenarios; 0 for dimensions."""
        return sum((part.amount for part in self.sums), Decimal("0.00"))


@dataclass(frozen=True)
class LoadRequest:
    """What one load publishes, all or nothing.

    Attributes:
        slices: the slices to publish or remove; one that is published in its version already is skipped, and of one
            that has the rows of the published version, only the new version is recorded.
        run_id: the run, for the ledger.
        loaded_at: LoadTimestamp of every row and LoadedAt of every ledger row; with a time zone.
        force: slices to load even if they are published in their version already, after a rebuild.
        closed_periods: periods in which a movement is a restatement, YYYY-MM; they are complete.
        actuals_through: last period that Actual covers, if the home sets one; see `slices.completeness`.
        lines: the lines of every slice after the load, for the status of the periods; see `period_status`.
        causes: by slice, the changes in its inputs, a sentence each, for the movements.
        report_tables: what people say about the figures; None leaves it as it is.

    Raises:
        ValueError: `loaded_at` has no time zone.
    """

    slices: Sequence[SliceToLoad]
    run_id: str
    loaded_at: datetime
    force: Collection[SliceName] = ()
    closed_periods: Collection[str] = ()
    actuals_through: str | None = None
    lines: Mapping[str, Lines] | None = None
    causes: Mapping[SliceName, Sequence[str]] = field(default_factory=dict)
    report_tables: ReportTables | None = None

    def __post_init__(self) -> None:
        if self.loaded_at.tzinfo is None:
            raise ValueError(f"loaded_at {self.loaded_at} has no time zone")

    @property
    def loaded_at_utc(self) -> datetime:
        """The time of the load as the warehouse stores it: UTC without a zone."""
        return self.loaded_at.astimezone(UTC).replace(tzinfo=None)

    def attribute_history(self, table: Contract) -> Sequence[Mapping[str, object]]:
        """Return the rows of a table of earlier attributes, as they are after the load."""
        return () if self.report_tables is None else self.report_tables.figures.get(table, ())


@dataclass(frozen=True)
class LoadResult:
    """The result of one load.

    Attributes:
        load_number: the load's number in the ledger; None if there was nothing to do.
        loaded: the slices whose rows it replaced or removed.
        report_tables: the small tables beside the star whose rows it replaced, by contract name.
        unchanged: the slices that it published in another version with the same rows, which it left as they are.
    """

    load_number: int | None
    loaded: tuple[SliceToLoad, ...]
    report_tables: tuple[str, ...] = ()
    unchanged: tuple[SliceName, ...] = ()


def validate_slices(slices: Sequence[SliceToLoad]) -> tuple[SliceToLoad, ...]:
    """Return the slices, dimensions first, if they can be loaded together.

    Raises:
        LoadError: a slice is unknown, appears twice, or contradicts itself.
    """
    for target in slices:
        problem = _find_problem(target)
        if problem:
            raise LoadError(f"{target.contract_name} {target.slice}: {problem}", fix="build the slice again")
    names = [target.name for target in slices]
    repeated = sorted({" ".join(name) for name in names if names.count(name) > 1})
    if repeated:
        raise LoadError(f"the load names {', '.join(repeated)} more than once", fix="name each slice once")
    order = list(_BY_NAME)
    return tuple(sorted(slices, key=lambda target: (order.index(target.contract_name), target.slice)))


def _find_problem(target: SliceToLoad) -> str:
    contract = _BY_NAME.get(target.contract_name)
    if contract is None:
        return f"no such table; the tables are {', '.join(_BY_NAME)}"
    if contract.sliced_by_period and not is_valid_period(target.slice):
        return "its slices are periods, YYYY-MM"
    if not contract.sliced_by_period and target.slice != WHOLE_TABLE:
        return f"its only slice is {WHOLE_TABLE}"
    if target.version is None and (target.files or target.row_count):
        return "a slice without a version is removed, so it has neither files nor rows"
    if target.version == "":
        return "a version is a hash, or None"
    if target.version is None and target.rows_of:
        return "a slice that is removed has no rows of another version"
    total = sum(part.row_count for part in target.sums)
    if contract.sliced_by_period and total != target.row_count:
        return f"the scenario sums total {total} rows but the slice declares {target.row_count}"
    return ""
