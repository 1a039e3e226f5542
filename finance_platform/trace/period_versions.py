"""A version of a period of the fact table: its cells, its inputs, and the members as the dimensions had them.

Belongs here: reading it from the slices in the processed zone. Does not belong here: comparing two of them (see
`roll_forward`), the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from finance_platform.contracts.model import Versions
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS, WHOLE_TABLE
from finance_platform.deliveries.members.attribute_history import HISTORY, history_in
from finance_platform.errors import MissingRecordError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.published_lines import PublishedPeriod, read_period

Cells = dict[tuple[int, int, int], Decimal]
"""Amount by scenario, department and account, as ledger lines name them."""


ACTUAL_KEY = surrogate_key("Actual")
_DIMENSIONS_KEPT = 64
_ZERO = Decimal("0.00")
_FACT = ("scenario_key", "department_key", "account_key", "amount", "budget_amount")


class Account(NamedTuple):
    """An account as a version of the dimension has it."""

    code: str
    account_type: str
    category: str
    profit_sign: int

    def changes(self, other: Account) -> str:
        """Return what another version says instead, as a phrase."""
        names = {"type": "account_type", "category": "category"}
        if self.account_type == other.account_type:  # another type says what becomes of the sign
            names["effect on profit"] = "profit_sign"
        return _changes(names, self, other)


class Department(NamedTuple):
    """A department as a version of the dimension has it."""

    code: str
    business_unit: str

    def changes(self, other: Department) -> str:
        """Return what another version says instead, as a phrase."""
        return _changes({"business unit": "business_unit"}, self, other)


@dataclass(frozen=True)
class Members:
    """The members of the dimensions in one version, as they were in one period, by the keys that ledger lines have.

    Attributes:
        accounts: by account key.
        departments: by department key.
        scenarios: names by scenario key.
        references: the ids of the reference files that describe `accounts` and `departments`, later ones win.
        line_keys: by key of the fact table, the key that ledger lines have: that of the member's code.
        rows: the account or department by key of the fact table, which points to the row that holds in its period.
    """

    accounts: Mapping[int, Account]
    departments: Mapping[int, Department]
    scenarios: Mapping[int, str]
    references: Mapping[str, Sequence[str]]
    line_keys: Mapping[int, int]
    rows: Mapping[int, Account | Department]


@dataclass(frozen=True)
class PeriodVersion:
    """A version of a period.

    Attributes:
        inputs: the deliveries whose lines count.
        amounts: every scenario's amounts.
        budget: the budget beside Actual.
        members: of the dimensions that were published with it, as they hold in the period.
    """

    inputs: PublishedPeriod
    amounts: Cells
    budget: Cells
    members: Members


def read_version(processed: ObjectStore, period: str, versions: Versions) -> PeriodVersion:
    """Return a period as it was published in these versions; without lines if it was not.

    Raises:
        MissingRecordError, DamagedObjectError: a slice is no longer there.
    """
    members = read_members(processed, versions, period)
    version = versions.get((FACT_FINANCIALS.name, period))
    if version is None:
        nothing = PublishedPeriod(period, "", {}, {}, {}, _baseline(processed, versions), None, {})
        return PeriodVersion(nothing, {}, {}, members)
    amounts: Cells = {}
    budget: Cells = {}
    accounts, departments = dict(members.accounts), dict(members.departments)
    commit = _commit(processed, FACT_FINANCIALS.name, period, version)
    for row in _rows(processed, commit, _FACT):
        department, account = row["department_key"], row["account_key"]
        key = (
            row["scenario_key"],
            members.line_keys.get(department, department),
            members.line_keys.get(account, account),
        )
        if isinstance(of_period := members.rows.get(account), Account):
            accounts[key[2]] = of_period
        if isinstance(unit := members.rows.get(department), Department):
            departments[key[1]] = unit
        amounts[key] = amounts.get(key, _ZERO) + row["amount"]
        if row["scenario_key"] == ACTUAL_KEY:
            budget[key] = budget.get(key, _ZERO) + row["budget_amount"]
    members = replace(members, accounts=accounts, departments=departments)
    return PeriodVersion(read_period(processed, period, version), _nonzero(amounts), _nonzero(budget), members)


def read_members(processed: ObjectStore, versions: Versions, period: str) -> Members:
    """Return the members in a period, by these versions of dimensions; a dimension that is not published has none.

    Raises:
        MissingRecordError, DamagedObjectError: a slice is no longer there.
    """
    names = tuple((one.name, versions.get((one.name, WHOLE_TABLE), "")) for one in (DIM_ACCOUNT, DIM_DEPARTMENT))
    scenarios = (DIM_SCENARIO.name, versions.get((DIM_SCENARIO.name, WHOLE_TABLE), ""))
    return _read_members(_Zone(processed.root, processed), names, scenarios, period)


def has_changed_members(old: Members, new: Members) -> bool:
    """Return whether two versions describe an account or a department differently."""
    return any(old.rows[key] != new.rows[key] for key in old.rows.keys() & new.rows.keys())


@dataclass(frozen=True)
class _Zone:
    """A processed zone as a key of a cache: its root names it, and a version never changes."""

    root: str
    store: ObjectStore

    def __hash__(self) -> int:
        return hash(self.root)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Zone) and other.root == self.root


@lru_cache(maxsize=_DIMENSIONS_KEPT)
def _read_members(zone: _Zone, names: tuple[tuple[str, str], ...], scenarios: tuple[str, str], period: str) -> Members:
    processed = zone.store
    accounts: dict[int, Account] = {}
    departments: dict[int, Department] = {}
    line_keys: dict[int, int] = {}
    rows: dict[int, Account | Department] = {}
    references: dict[str, Sequence[str]] = {"accounts": (), "departments": ()}
    for table, version in names:
        commit = _commit(processed, table, WHOLE_TABLE, version) if version else None
        is_account = table == DIM_ACCOUNT.name
        references["accounts" if is_account else "departments"] = tuple(
            (commit.inputs or {}).get("reference", ()) if commit else ()
        )
        columns = (
            ("account_key", "account_number", "account_type", "category", "profit_sign")
            if is_account
            else ("department_key", "department_code", "business_unit")
        )
        earlier = history_in(period, (commit.inputs or {}).get(HISTORY, ()), columns[0]) if commit else {}
        for row in _rows(processed, commit, columns) if commit else ():
            then = earlier.get(row[columns[0]], {})
            key, code, *values = [then.get(name, value) for name, value in row.items()]
            line_keys[key] = line_key = surrogate_key(code)
            if is_account:
                rows[key] = accounts[line_key] = Account(code, values[0], values[1] or "", int(values[2]))
            else:
                rows[key] = departments[line_key] = Department(code, values[0] or "")
    table, version = scenarios
    names_of_scenarios = (
        _rows(processed, _commit(processed, table, WHOLE_TABLE, version), ("scenario_key", "scenario_name"))
        if version
        else ()
    )
    return Members(
        accounts,
        departments,
        {row["scenario_key"]: row["scenario_name"] for row in names_of_scenarios},
        references,
        line_keys,
        rows,
    )


def _baseline(processed: ObjectStore, versions: Versions) -> str:
    version = versions.get((DIM_SCENARIO.name, WHOLE_TABLE))
    commit = read_slice(processed, DIM_SCENARIO.name, WHOLE_TABLE, version) if version else None
    return str((commit.inputs or {}).get("baseline", "")) if commit else ""


def _commit(processed: ObjectStore, table: str, slice_name: str, version: str) -> SliceCommit:
    commit = read_slice(processed, table, slice_name, version)
    if commit is None:
        raise MissingRecordError(
            f"version {version} of {table} {slice_name} is no longer in the processed zone",
            fix="restore slices/ in the processed zone from a backup or from earlier versions in the bucket",
        )
    return commit


def _rows(processed: ObjectStore, commit: SliceCommit, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for file in commit.files:
        with open_parquet(processed, file.key, columns) as parquet:
            for batch in parquet.iter_batches(columns=list(columns)):
                yield from batch.select(list(columns)).to_pylist()


def _nonzero(cells: Cells) -> Cells:
    return {key: amount for key, amount in cells.items() if amount}


def _changes(names: Mapping[str, str], old: NamedTuple, new: NamedTuple) -> str:
    changed = [
        f"{label} {getattr(old, name) or 'none'} to {getattr(new, name) or 'none'}"
        for label, name in names.items()
        if getattr(old, name) != getattr(new, name)
    ]
    return ", ".join(changed)
