"""The roll-forward of a signed period: what leads from its signed figures to the published ones, file by file.

Belongs here: the two versions of a period, and the steps between them, from the ledger lines. Does not belong here:
which closes there are and who decided (see `refresh.restatement`), storing and printing steps.

Both versions are compared, and not the loads in between: a file that came and was withdrawn again moved nothing. Only
the lines of files that count differently are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.star import CREDIT_TYPES
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.portions import WHOLE
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.slices.version_diff import describe_reading
from finance_platform.trace.period_versions import ACTUAL_KEY, Cells, PeriodVersion
from finance_platform.trace.published_lines import SUPERSEDED_BY, LineStore, PublishedPeriod, filter_scenarios

AMOUNT, BUDGET_AMOUNT = "Amount", "BudgetAmount"
LATE, CORRECTED, WITHDRAWN = "late", "corrected", "withdrawn"
RECLASSIFIED, BASELINE, COVERAGE, UNEXPLAINED = "reclassified", "baseline", "coverage", "unexplained"
CAUSES = (LATE, CORRECTED, WITHDRAWN, RECLASSIFIED, BASELINE, COVERAGE, UNEXPLAINED)
"""In the order in which they are shown; `unexplained` never occurs unless something was changed or is broken."""

_CELL = ("scenario_key", "department_key", "account_key")
_ZERO = Decimal("0.00")
_MEMBER_TABLES = {"accounts": "account_key", "departments": "department_key"}

_Key = tuple[int, int, int]


class Group(NamedTuple):
    """What the money of a step is summed by."""

    measure: str
    scenario: str
    account_type: str
    category: str
    business_unit: str


class Source(NamedTuple):
    """The cause of a step: its kind, the file, and a clause about it; the last two may be empty."""

    cause: str
    object_key: str = ""
    detail: str = ""


class Money(NamedTuple):
    """An amount, and what it adds to profit."""

    amount: Decimal
    profit_effect: Decimal


Sums = Mapping[Group, Money]


@dataclass(frozen=True)
class RollForward:
    """What leads from the signed figures of a period to the published ones.

    Attributes:
        signed: the figures as signed, with the attributes as signed.
        steps: by cause; signed and steps add up to now, in every group.
        now: the published figures, with the attributes as published.
    """

    signed: Sums
    steps: Mapping[Source, Sums]
    now: Sums

    @property
    def is_explained(self) -> bool:
        """Whether files, attributes and settings explain every cent."""
        return not any(source.cause == UNEXPLAINED for source in self.steps)


@dataclass
class _LineSums:
    """The lines of one delivery that count in a version, by cell: those with a sign of their own, and the others."""

    plain: Cells = field(default_factory=dict)
    debit_positive: Cells = field(default_factory=dict)


def roll_forward(store: LineStore, before: PeriodVersion, after: PeriodVersion) -> RollForward:
    """Return what leads from one version of a period to another.

    Args:
        store: the lines of every delivery.
        before: the signed version.
        after: the published version.

    Raises:
        MissingRecordError, DamagedObjectError: lines of a version are no longer there.
    """
    return _Comparison(store, before, after).result()


class _Comparison:
    """The comparison of two versions of a period."""

    def __init__(self, store: LineStore, before: PeriodVersion, after: PeriodVersion) -> None:
        self._store, self._before, self._after = store, before, after
        self._live = {delivery.delivery_id: delivery.event.object_key for delivery in store.state.live}
        self._steps: dict[Source, dict[Group, Money]] = defaultdict(dict)
        self._described: dict[str, frozenset[int]] = {}
        self._flips: Cells = {}

    def result(self) -> RollForward:
        """Return the signed figures, the steps, and the figures of now."""
        effects = self._effects()
        self._add_amounts(effects)
        self._add_budget(effects)
        for measure, cells in ((AMOUNT, self._after.amounts), (BUDGET_AMOUNT, self._after.budget)):
            self._reclassify(measure, cells)
        steps = {source: _without_zeros(sums) for source, sums in sorted(self._steps.items(), key=_order)}
        return RollForward(
            self._sums(self._before), {source: sums for source, sums in steps.items() if sums}, self._sums(self._after)
        )

    # Files

    def _effects(self) -> dict[Source, Cells]:
        """Return the change of each cell by file, and by the signs that account types give."""
        changed = [name for name in self._deliveries() if self._inputs(name, True) != self._inputs(name, False)]
        plain: dict[Source, Cells] = defaultdict(dict)
        flipped: dict[Source, tuple[Cells, Cells]] = defaultdict(lambda: ({}, {}))
        for name in changed:
            old, new = self._line_sums(name, self._before.inputs), self._line_sums(name, self._after.inputs)
            source = self._source(name)
            _add(plain[source], new.plain)
            _add(plain[source], old.plain, -1)
            _add(flipped[source][0], old.debit_positive)
            _add(flipped[source][1], new.debit_positive)
        signs = self._signs(plain, flipped)
        for source, (old_lines, new_lines) in flipped.items():
            _add(plain[source], {key: value * signs[key[2]][0] for key, value in new_lines.items()})
            _add(plain[source], {key: -value * signs[key[2]][0] for key, value in old_lines.items()})
        for account, (first, second) in signs.items():
            if first != second:
                _add(self._flips, self._debit_positive.get(account, {}), second - first)
        return plain

    def _deliveries(self) -> list[str]:
        return list(dict.fromkeys([*self._before.inputs.scenarios, *self._after.inputs.scenarios]))

    def _inputs(self, delivery_id: str, is_before: bool) -> tuple[object, ...]:
        inputs = (self._before if is_before else self._after).inputs
        return (
            inputs.scenarios.get(delivery_id, ()),
            # Late lines of a later delivery that were decided supersede more keys than before.
            frozenset(
                (later, inputs.portions.get(later, WHOLE)) for later in inputs.superseded_by.get(delivery_id, ())
            ),
            inputs.superseded_scopes.get(delivery_id, frozenset()),
        )

    def _line_sums(self, delivery_id: str, period: PublishedPeriod) -> _LineSums:
        sums = _LineSums()
        if delivery_id not in period.scenarios:
            return sums
        columns = ["scenario", *_CELL, "amount", "is_debit_positive", *self._store.key_columns(delivery_id, period)]
        for table in self._store.lines(delivery_id, columns, {"period": period.period}):
            counting = filter_scenarios(table, period.scenarios[delivery_id])
            marked = self._store.add_superseded_by(counting, delivery_id, period)
            live = marked.filter(pc.is_null(marked[SUPERSEDED_BY]))
            for row in live.group_by([*_CELL, "is_debit_positive"]).aggregate([("amount", "sum")]).to_pylist():
                cells = sums.debit_positive if row["is_debit_positive"] else sums.plain
                _add(cells, {(row["scenario_key"], row["department_key"], row["account_key"]): row["amount_sum"]})
        return sums

    # Signs of debits and credits

    def _signs(
        self, plain: Mapping[Source, Cells], flipped: Mapping[Source, tuple[Cells, Cells]]
    ) -> dict[int, tuple[int, int]]:
        """Return, by account, the sign of its debit-positive lines before and after.

        It follows from the account's type, except that a closed period may keep the sign that it was published with.
        """
        missing: Cells = dict(self._after.amounts)
        _add(missing, self._before.amounts, -1)
        for cells in plain.values():
            _add(missing, cells, -1)
        by_account: dict[int, Cells] = defaultdict(dict)
        for cell, amount in missing.items():
            by_account[cell[2]][cell] = amount
        moved = {key[2] for pair in flipped.values() for cells in pair for key in cells}
        changed = {account for account, cells in by_account.items() if any(cells.values())}
        return {
            account: self._fitting_signs(account, by_account.get(account, {}), flipped) for account in moved | changed
        }

    def _fitting_signs(
        self, account: int, missing: Cells, flipped: Mapping[Source, tuple[Cells, Cells]]
    ) -> tuple[int, int]:
        """Return the signs that explain what is missing; those of the types if none do."""
        old, new = self._sign(self._before, account), self._sign(self._after, account)
        moved: Cells = {}
        for before, after in flipped.values():
            _add(moved, {key: value for key, value in after.items() if key[2] == account})
            _add(moved, {key: -value for key, value in before.items() if key[2] == account})
        for first, second in dict.fromkeys(
            [(old, new), (old, old), (new, new), (-old, -old), (old, -old), (-old, old)]
        ):
            rest = dict(missing)
            _add(rest, moved, -first)
            if first != second:
                _add(rest, self._debit_positive.get(account, {}), first - second)
            if not any(rest.values()):
                return first, second
        return old, old

    @cached_property
    def _events(self) -> dict[str, DeliveryDiscovered]:
        """The last discovery of each delivery."""
        return {event.delivery_id: event for event in self._store.events}

    @cached_property
    def _debit_positive(self) -> dict[int, Cells]:
        """The debit-positive lines that count afterwards, of every file, by account."""
        by_account: dict[int, Cells] = defaultdict(dict)
        for delivery_id in self._after.inputs.scenarios:
            if self._store.commit(delivery_id).is_debit_positive:
                for key, value in self._line_sums(delivery_id, self._after.inputs).debit_positive.items():
                    _add(by_account[key[2]], {key: value})
        return by_account

    @staticmethod
    def _sign(version: PeriodVersion, account: int) -> int:
        member = version.members.accounts.get(account)
        return -1 if member and member.account_type in CREDIT_TYPES else 1

    # Measures

    def _add_amounts(self, effects: Mapping[Source, Cells]) -> None:
        rest = dict(self._after.amounts)
        _add(rest, self._before.amounts, -1)
        _add(rest, self._flips, -1)
        for source, cells in effects.items():
            self._add_step(source, AMOUNT, cells)
            _add(rest, cells, -1)
        self._add_step(Source(UNEXPLAINED), AMOUNT, rest)

    def _add_budget(self, effects: Mapping[Source, Cells]) -> None:
        """Add what changed in the budget beside Actual: the baseline's amounts, by file, or another baseline."""
        was, is_covered = self._is_budget_booked(self._before), self._is_budget_booked(self._after)
        if not (was or is_covered):
            return  # Actual has no budget beside it, whatever budgets say
        old, new = self._before.inputs.baseline, self._after.inputs.baseline
        old_key, new_key = surrogate_key(old), surrogate_key(new)
        rest = dict(self._after.budget)
        _add(rest, self._before.budget, -1)
        if old_key != new_key:
            cells: Cells = {}
            _add(cells, _beside_actual(self._before.amounts, new_key))
            _add(cells, _beside_actual(self._before.amounts, old_key), -1)
            _add(rest, cells, -1)
            self._add_step(Source(BASELINE, "", f"baseline changed from {old} to {new}"), BUDGET_AMOUNT, cells)
        for source, changes in effects.items():
            cells = _beside_actual(changes, new_key)
            _add(rest, cells, -1)
            self._add_step(source, BUDGET_AMOUNT, cells)
        _add(rest, _beside_actual(self._flips, new_key), -1)
        if was != is_covered:
            detail = f"Actual {'now' if is_covered else 'no longer'} covers the period"
            self._add_step(Source(COVERAGE, "", detail), BUDGET_AMOUNT, rest)
        else:
            self._add_step(Source(UNEXPLAINED), BUDGET_AMOUNT, rest)

    @staticmethod
    def _is_budget_booked(version: PeriodVersion) -> bool:
        return bool(version.budget)

    def _reclassify(self, measure: str, cells: Cells) -> None:
        """Move money whose attributes changed from the group as signed to the group as published."""
        baseline = surrogate_key(self._after.inputs.baseline)
        has_budget = self._is_budget_booked(self._before) or self._is_budget_booked(self._after)
        flips = self._flips if measure == AMOUNT else _beside_actual(self._flips if has_budget else {}, baseline)
        for key in cells.keys() | flips.keys():
            amount, flip = cells.get(key, _ZERO), flips.get(key, _ZERO)
            old, new = self._place(key, measure, self._before), self._place(key, measure, self._after)
            old, new = old or new, new or old
            if old is None or new is None or (old == new and not flip):
                continue
            source = self._reclassification(key)
            self._add_to(source, old, flip - amount)
            self._add_to(source, new, amount)

    def _reclassification(self, key: _Key) -> Source:
        """Return the cause of a changed attribute: the reference files that describe the members now, or did."""
        _, department, account = key
        files: list[str] = []
        details: list[str] = []
        for table, member, name in (("accounts", account, "account"), ("departments", department, "department")):
            old, new = (getattr(one.members, table).get(member) for one in (self._before, self._after))
            if old is not None and new is not None and old != new:
                files += self._describing_files(table, member)
                details.append(f"{name}: {old.changes(new)}")
        return Source(RECLASSIFIED, ", ".join(dict.fromkeys(files)), "; ".join(details) or "the sign of its lines")

    def _describing_files(self, table: str, member: int) -> list[str]:
        before, after = (one.members.references[table] for one in (self._before, self._after))
        changed = [*(one for one in reversed(after) if one not in before), *(one for one in before if one not in after)]
        found = [one for one in changed if member in self._members_of(table, one)]
        return [self._store.commit(found[0]).object_key] if found else []

    def _members_of(self, table: str, delivery_id: str) -> frozenset[int]:
        if delivery_id not in self._described:
            commit, column = self._store.commit(delivery_id), _MEMBER_TABLES[table]
            rows = read_rows(self._store.processed, delivery_id, commit.files.get(table, ()), [column])
            self._described[delivery_id] = frozenset(_values(rows, column))
        return self._described[delivery_id]

    # Sources

    def _source(self, delivery_id: str) -> Source:
        """Return why the lines of a delivery count differently."""
        before, after = self._before.inputs.scenarios, self._after.inputs.scenarios
        if delivery_id in after and delivery_id not in before:
            return self._source_of_new(delivery_id)
        if delivery_id in after:
            return self._source_of_superseded(delivery_id)
        key = self._store.commit(delivery_id).object_key
        others = [one for one in after if one not in before and self._store.commit(one).object_key == key]
        if others:
            return self._source_of_new(others[0])
        if key in self._live.values():
            later = self._replacing(delivery_id)
            if later:
                return self._source_of_new(later)
            return Source(CORRECTED, key, "another version without lines here")
        return Source(WITHDRAWN, key)

    def _source_of_new(self, delivery_id: str) -> Source:
        commit = self._store.commit(delivery_id)
        before = [self._store.commit(one) for one in self._before.inputs.scenarios]
        own = [one for one in before if one.object_key == commit.object_key and one.delivery_id != delivery_id]
        if own:
            same = {one.delivery_id for one in own if one.fingerprint == commit.fingerprint}
            detail = describe_reading(self._events.get(delivery_id), same) if same else "another version"
            return Source(CORRECTED, commit.object_key, detail)
        if self._replaced_by(delivery_id):
            return Source(CORRECTED, commit.object_key, "replaces lines of other files")
        return Source(LATE, commit.object_key)

    def _replaced_by(self, delivery_id: str) -> bool:
        """Return whether a new delivery replaces lines that were signed."""
        return any(
            delivery_id in self._after.inputs.superseded_by.get(one, ()) or self._replacing(one) == delivery_id
            for one in self._before.inputs.scenarios
        )

    def _replacing(self, delivery_id: str) -> str:
        """Return the new delivery of the same feed that replaces periods or scopes of a signed one; empty if none."""
        inputs = self._after.inputs
        is_replaced = delivery_id not in inputs.scenarios or (
            inputs.superseded_scopes.get(delivery_id, frozenset())
            > self._before.inputs.superseded_scopes.get(delivery_id, frozenset())
        )
        if not is_replaced or delivery_id not in self._live:
            return ""
        feed = self._store.commit(delivery_id).feed
        new = [one for one in inputs.scenarios if one not in self._before.inputs.scenarios]
        return next((one for one in reversed(new) if self._store.commit(one).feed == feed), "")

    def _source_of_superseded(self, delivery_id: str) -> Source:
        """Return why other lines of a delivery count that was signed and still counts."""
        old, new = (dict.fromkeys(one.inputs.superseded_by.get(delivery_id, ())) for one in (self._before, self._after))
        for later in new:
            if later not in old:
                return self._source_of_new(later)
        for later in old:
            if later not in new:
                key = self._store.commit(later).object_key
                cause = CORRECTED if key in self._live.values() else WITHDRAWN
                return Source(cause, key, "" if cause == WITHDRAWN else "another version")
        later = self._replacing(delivery_id)
        if later:
            return self._source_of_new(later)
        return Source(CORRECTED, self._store.commit(delivery_id).object_key, "other lines of it count")

    # Sums

    def _add_step(self, source: Source, measure: str, cells: Cells) -> None:
        for key, amount in cells.items():
            place = self._place(key, measure, self._before) or self._place(key, measure, self._after)
            self._add_to(source, place or _Place(Group(measure, "", "", "", ""), 0), amount)

    def _add_to(self, source: Source, place: _Place, amount: Decimal) -> None:
        _add_money(self._steps[source], place, amount)

    def _place(self, key: _Key, measure: str, version: PeriodVersion) -> _Place | None:
        """Return where a version of the dimensions reports a cell; None if it has not its members."""
        scenario, department, account = key
        member = version.members.accounts.get(account)
        unit = version.members.departments.get(department)
        if member is None or unit is None:
            return None
        name = self._after.members.scenarios.get(scenario) or self._before.members.scenarios.get(scenario, "")
        return _Place(
            Group(measure, name, member.account_type, member.category, unit.business_unit), member.profit_sign
        )

    def _sums(self, version: PeriodVersion) -> Sums:
        sums: dict[Group, Money] = {}
        for measure, cells in ((AMOUNT, version.amounts), (BUDGET_AMOUNT, version.budget)):
            for key, amount in cells.items():
                place = self._place(key, measure, version) or _Place(Group(measure, "", "", "", ""), 0)
                _add_money(sums, place, amount)
        return sums


class _Place(NamedTuple):
    """The group that a cell is reported in, and the effect of its account on profit: 1, 0 or -1."""

    group: Group
    profit_sign: int


def _add(cells: Cells, others: Mapping[_Key, Decimal], factor: int = 1) -> None:
    for key, amount in others.items():
        cells[key] = cells.get(key, _ZERO) + amount * factor


def _add_money(sums: dict[Group, Money], place: _Place, amount: Decimal) -> None:
    before = sums.get(place.group, Money(_ZERO, _ZERO))
    sums[place.group] = Money(before.amount + amount, before.profit_effect + amount * place.profit_sign)


def _beside_actual(cells: Mapping[_Key, Decimal], scenario: int) -> Cells:
    """Return the amounts of a scenario as the budget beside Actual."""
    return {(ACTUAL_KEY, *key[1:]): amount for key, amount in cells.items() if key[0] == scenario}


def _without_zeros(sums: Mapping[Group, Money]) -> dict[Group, Money]:
    return {group: money for group, money in sums.items() if any(money)}


def _order(item: tuple[Source, object]) -> tuple[int, str, str]:
    source = item[0]
    return CAUSES.index(source.cause), source.object_key, source.detail


def _values(tables: Iterable[pa.Table], column: str) -> Iterator[int]:
    for table in tables:
        yield from table[column].to_pylist()
