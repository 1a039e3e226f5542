"""Waiting changes: what a build would change in closed periods, beside deliveries that are held, and who decides.

Belongs here: one such change with its amounts and its words, the published money of closed periods. Does not belong
here: which changes wait (see `closed_periods`, `kept_members`), deliveries that are held (see
`deliveries.acceptance`). A file of its own, because several modules find such changes and several show them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Versions
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.money_text import grouped_money, plain_money
from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

SETTINGS = "settings"
"""In place of a table: settings that every period shares."""

_NOUNS = {DIM_ACCOUNT.name: "account", DIM_DEPARTMENT.name: "department", DIM_SCENARIO.name: "scenario"}
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class WaitingChange:
    """A change of closed periods that is not published, because no person has decided on it.

    Attributes:
        table: the table whose rows stay as they are published, or `SETTINGS`.
        periods: the closed periods that the change concerns, in order.
        causes: what changed, a clause each: files, settings, code.
        amounts: gross amount that would move, by scenario and, for a baseline, measure; statistical amounts included.
        members: codes of the members whose attributes would change.
    """

    table: str
    periods: tuple[str, ...]
    causes: tuple[str, ...]
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    members: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """What changed, as one clause."""
        return "; ".join(self.causes) or "its inputs have changed"

    @property
    def gross(self) -> str:
        """The amounts by scenario, for people; empty if no amount would move."""
        return ", ".join(f"{name} {grouped_money(amount)}" for name, amount in sorted(self.amounts.items()))

    @property
    def clause(self) -> str:
        """What waits and why, as one clause without the periods."""
        subject = self.cause if self.table == SETTINGS else f"{self._what} changed: {self.cause}"
        return subject + (f"; gross at stake: {self.gross}" if self.amounts else "")

    @property
    def _what(self) -> str:
        """What would change, with its verb, in the words of a controller where there are such."""
        noun = _NOUNS.get(self.table)
        if noun and self.members:
            is_one = len(self.members) == 1
            return f"{noun}{'' if is_one else 's'} {_shorten(self.members)} {'has' if is_one else 'have'}"
        return f"{self.table}{f' of {_shorten(self.members)}' if self.members else ''} has"

    @property
    def problem(self) -> str:
        """What waits and why, as one clause."""
        verb = "is closed and stays as it is" if len(self.periods) == 1 else "are closed and stay as they are"
        return f"{_shorten(self.periods)} {verb} published, although {self.clause}"

    @property
    def fix(self) -> str:
        """The commands that decide."""
        if len(self.periods) == 1:
            command = f"`finance-platform reopen {self.periods[0]} --why TEXT`"
        else:
            command = f"`finance-platform reopen PERIOD --why TEXT` for each of {_shorten(self.periods)}"
        undo = "undo its cause, or withdraw the file that it names"
        if self.table == SETTINGS:
            command += ", or FINANCE_PLATFORM_CLOSED_PERIODS=publish,"
            undo = "set the setting back"
        return f"{command} and a run publish the change; to drop it, {undo}"

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values; money is text with two decimals."""
        return {
            "table": self.table,
            "periods": list(self.periods),
            "cause": self.cause,
            "members": list(self.members),
            "gross": {name: plain_money(amount) for name, amount in sorted(self.amounts.items())},
            "fix": self.fix,
        }


def closed_facts(processed: ObjectStore, closed: Collection[str], published: Versions) -> Iterator[SliceCommit]:
    """Yield the published slice of the fact table of each closed period, in order."""
    for period in sorted(closed):
        version = published.get((FACT_FINANCIALS.name, period))
        commit = read_slice(processed, FACT_FINANCIALS.name, period, version) if version else None
        if commit:
            yield commit


@dataclass(frozen=True)
class ConcernedMembers:
    """The changed members that have rows in closed periods.

    Attributes:
        keys: their keys.
        periods: the periods, in order.
        amounts: their gross amount by scenario.
    """

    keys: frozenset[int]
    periods: tuple[str, ...]
    amounts: Mapping[str, Decimal]


def find_concerned(
    processed: ObjectStore, closed: Collection[str], published: Versions, key_column: str, changed: Collection[int]
) -> ConcernedMembers:
    """Return which of the changed members have published rows in closed periods, and their money there.

    Args:
        processed: the processed zone.
        closed: the closed periods.
        published: the published versions.
        key_column: the column of the fact table that names the member.
        changed: keys of the changed members; nothing is read without one.

    Raises:
        DamagedObjectError: the rows of a closed period are damaged.
    """
    keys: set[int] = set()
    periods: list[str] = []
    amounts: dict[str, Decimal] = {}
    for commit in closed_facts(processed, closed, published) if changed else ():
        if rows := _gross_amounts(processed, commit, key_column, changed):
            periods.append(commit.slice)
        for key, scenario, amount in rows:
            keys.add(key)
            amounts[scenario] = amounts.get(scenario, Decimal(0)) + amount
    return ConcernedMembers(frozenset(keys), tuple(periods), amounts)


def _gross_amounts(
    processed: ObjectStore, commit: SliceCommit, key_column: str, keys: Collection[int]
) -> list[tuple[int, str, Decimal]]:
    """Return key, scenario and gross amount of those of these members that have rows in a slice of the fact table."""
    columns = list(dict.fromkeys(["scenario_key", key_column, "amount"]))
    rows = _read(processed, commit, columns)
    rows = rows.filter(pc.is_in(rows[key_column], value_set=pa.array(sorted(keys), rows[key_column].type)))
    rows = rows.set_column(rows.column_names.index("amount"), "amount", pc.abs(rows["amount"]))
    names = {one.scenario_key: one.scenario for one in commit.sums}
    sums = rows.group_by(columns[:-1]).aggregate([("amount", "sum")]).to_pylist()
    return [(row[key_column], names[row["scenario_key"]], row["amount_sum"]) for row in sums]


def moved_amounts(processed: ObjectStore, before: SliceCommit, after: SliceCommit) -> dict[str, Decimal]:
    """Return the gross difference of the cells of two versions of a slice, by scenario and measure.

    Raises:
        DamagedObjectError: the rows are damaged.
    """
    names = {one.scenario_key: one.scenario for commit in (before, after) for one in commit.sums}
    cells = [_cells(processed, commit) for commit in (before, after)]
    moved: dict[str, Decimal] = {}
    for cell in cells[0].keys() | cells[1].keys():
        old, new = (one.get(cell, (Decimal(0), Decimal(0))) for one in cells)
        for measure, earlier, later in zip(("", " budget"), old, new, strict=True):
            if earlier != later:
                name = names[cell[0]] + measure
                moved[name] = moved.get(name, Decimal(0)) + abs(later - earlier)
    return moved


def _cells(processed: ObjectStore, commit: SliceCommit) -> dict[tuple[int, int, int], tuple[Decimal, Decimal]]:
    keys = ["scenario_key", "department_key", "account_key"]
    rows = _read(processed, commit, [*keys, "amount", "budget_amount"])
    sums = rows.group_by(keys).aggregate([("amount", "sum"), ("budget_amount", "sum")]).to_pylist()
    return {tuple(row[key] for key in keys): (row["amount_sum"], row["budget_amount_sum"]) for row in sums}


def _read(processed: ObjectStore, commit: SliceCommit, columns: list[str]) -> pa.Table:
    types = {"amount": SUM_OF_MONEY_TYPE, "budget_amount": SUM_OF_MONEY_TYPE}
    schema = pa.schema([(name, types.get(name, pa.int64())) for name in columns])
    tables = [schema.empty_table()]
    for file in commit.files:
        with open_parquet(processed, file.key, set(columns)) as parquet:
            tables.append(parquet.read(columns=columns).select(columns).cast(schema))
    return pa.concat_tables(tables)


def _shorten(names: Collection[str]) -> str:
    shown = list(names)[:_NAMES_SHOWN]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
