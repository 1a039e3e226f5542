"""From a total of the reports to its lines: an account or a line of the statement, over a horizon, or a variance.

Belongs here: the periods, accounts and departments of a total, its lines, and whether they add up to it. Does not
belong here: the lines of one cell (see `cell_to_lines`), which periods a horizon has (see `sql/views`).

A total is what `VarianceByHorizon` and `ProfitAndLossByHorizon` show: of the periods in `HorizonPeriod`, the lines of
each side with the sign that they have in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.contracts.views import PRIOR_YEAR
from finance_platform.errors import TraceError
from finance_platform.feeds.values.codes import closest_match, fold
from finance_platform.trace.cell_to_lines import LINE_COLUMNS, TracedLine, traced_line
from finance_platform.trace.published_lines import LineStore, read_period
from finance_platform.warehouse.ledger import PublishedSlice, published_slices
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

Horizon = Literal["month", "year to date", "rest of year", "full year"]
TotalMeasure = Literal["amount", "reference", "variance"]

_ATTEMPTS = 5
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class TotalName:
    """A total as a person names it; names and codes in any case and spacing.

    Attributes:
        period: the period that it is seen from, YYYY-MM.
        horizon: the horizon.
        scenario: the scenario.
        reference: what the scenario is compared with; it decides which periods count.
        measure: the scenario's amount, the reference's, or their variance.
        unit: only this business unit; None for all.
        department: only this department; None for all.
        account: only this account; None for all of the line.
        line: a line of the statement, subtotals included, after its section and a colon if two sections have it; None
            for an account with its own sign.
    """

    period: str
    horizon: Horizon = "month"
    scenario: str = "Actual"
    reference: str = PRIOR_YEAR
    measure: TotalMeasure = "amount"
    unit: str | None = None
    department: str | None = None
    account: str | None = None
    line: str | None = None

    @property
    def bound(self) -> dict[str, object]:
        """The values of the queries."""
        return {
            "period": self.period,
            "horizon": self.horizon,
            "scenario": self.scenario,
            "reference": self.reference,
        }


@dataclass(frozen=True)
class TotalLine:
    """A ledger line behind a total.

    Attributes:
        period: the accounting period in which it is booked.
        effect: what it adds to the total.
        line: the line.
    """

    period: str
    effect: Decimal
    line: TracedLine


@dataclass(frozen=True)
class TotalTrace:
    """A total and the lines behind it.

    Attributes:
        name: the total, with the spelling that is published.
        value: as published.
        lines: by period, file and line.
        periods: how many periods of the scenario, or of both sides, it has.
        versions: the published version of each period.
    """

    name: TotalName
    value: Decimal
    lines: Sequence[TotalLine]
    periods: int
    versions: Mapping[str, str]

    @property
    def total(self) -> Decimal:
        """The sum of the lines' effects."""
        return sum((one.effect for one in self.lines), _ZERO)

    @property
    def reconciles(self) -> bool:
        """Whether the lines add up to the total, to the cent."""
        return self.total == self.value


class _Cell(NamedTuple):
    """A department and account of a total, each with the class that it had: its classification may change."""

    department_key: int
    department_class: int
    department_code: str
    business_unit: str
    account_key: int
    account_class: int
    account_number: str
    account_type: str
    amount: Decimal | None
    reference: Decimal | None
    variance: Decimal | None


class _Classes:
    """The class of a member in a period; that of a member whose attributes never changed is its key."""

    def __init__(self, spans: Iterable[Sequence[Any]]) -> None:
        self._spans: dict[tuple[str, int], list[tuple[str, str, int]]] = {}
        for dimension, key, first, last, its_class in spans:
            self._spans.setdefault((dimension, int(key)), []).append((first, last, int(its_class)))

    def at(self, dimension: str, key: int, period: str) -> int:
        """Return the class of a member in a period."""
        spans = self._spans.get((dimension, key), ())
        return next((its_class for first, last, its_class in spans if first <= period <= last), key)


class _Term(NamedTuple):
    """The lines of a scenario in a period, and the sign with which they enter a total."""

    period: str
    scenario: str
    sign: int


def trace_total(warehouse: Queryable, store: LineStore, name: TotalName) -> TotalTrace:
    """Return a published total and the lines behind it.

    Raises:
        TraceError: a period, scenario, unit, code or line is not published; the fix names the closest match.
        MissingRecordError: the inputs of a published version are not recorded.
        NoWarehouseYetError: nothing was ever loaded.
    """
    for _ in range(_ATTEMPTS):
        slices = _periods_published(warehouse)
        name, factors = _resolve(warehouse, name, slices)
        name, cells = _cells(warehouse, name, factors)
        terms, classes = _terms(warehouse, name), _Classes(warehouse.query(statement(SqlFile.CLASS_SPANS)).rows)
        # A load that ended in between has published other versions than those whose lines would be read.
        if _periods_published(warehouse) == slices:
            break
    value = sum((_figure(cell, name.measure) * factors.get(cell.account_class, 1) for cell in cells), _ZERO)
    lines = [line for term in terms for line in _lines(store, slices, term, cells, factors, classes)]
    lines.sort(key=lambda one: (one.period, one.line.file, one.line.sheet or "", one.line.row, one.line.column or ""))
    versions = {term.period: slices[term.period].version for term in terms}
    return TotalTrace(name, value, lines, len(terms), versions)


def _periods_published(warehouse: Queryable) -> dict[str, PublishedSlice]:
    return {name: one for (table, name), one in published_slices(warehouse).items() if table == FACT_FINANCIALS.name}


def _resolve(
    warehouse: Queryable, name: TotalName, slices: Mapping[str, PublishedSlice]
) -> tuple[TotalName, dict[int, int]]:
    """Return the total in the published spelling, and the factor of each class of its line; none without a line."""
    if name.period not in slices:
        span = f"{min(slices)} to {max(slices)}" if slices else "none"
        raise TraceError(f"{name.period} is not published", fix=f"choose one of the published periods: {span}")
    scenarios = [text for _, text in warehouse.query(statement(SqlFile.SCENARIO_NAMES)).rows]
    scenario = _find("scenario", name.scenario, scenarios)
    reference = _find("reference", name.reference, [*scenarios, PRIOR_YEAR])
    if scenario == reference:
        raise TraceError(f"{scenario} cannot be compared with itself", fix="choose another --reference")
    if name.line is None:
        return replace(name, scenario=scenario, reference=reference), {}
    rows = warehouse.query(statement(SqlFile.STATEMENT_ACCOUNTS)).rows
    line, order = _find_line(name.line, {int(order): (section, text) for order, section, text, *_ in rows})
    factors = {int(key): int(factor) for number, _, _, key, factor in rows if number == order}
    return replace(name, scenario=scenario, reference=reference, line=line), factors


def _find_line(name: str, lines: Mapping[int, tuple[str, str]]) -> tuple[str, int]:
    """Return the published name of a line of the statement, and its order; two sections may have the same line."""
    orders: dict[str, list[int]] = {}
    for order, (section, line) in lines.items():
        orders.setdefault(line, []).append(order)
        orders.setdefault(f"{section}: {line}", []).append(order)
    found = _find("line of the statement", name, orders)
    if len(orders[found]) > 1:
        sections = " or ".join(repr(f"{lines[order][0]}: {found}") for order in orders[found])
        raise TraceError(f"several sections of the statement have the line {found!r}", fix=f"write {sections}")
    return found, orders[found][0]


def _cells(warehouse: Queryable, name: TotalName, factors: Mapping[int, int]) -> tuple[TotalName, list[_Cell]]:
    """Return a total in the published spelling of its members, and its cells."""
    cells = [_Cell(*row) for row in warehouse.query(statement(SqlFile.TOTAL_CELLS), name.bound).rows]
    spelled: dict[str, Any] = {}
    for what, field, column in (
        ("business unit", "unit", "business_unit"),
        ("department", "department", "department_code"),
        ("account", "account", "account_number"),
    ):
        if (wanted := getattr(name, field)) is not None:
            values = dict.fromkeys(getattr(cell, column) for cell in cells)
            spelled[field] = _find(what, wanted, values, "has amounts in this total")
            cells = [cell for cell in cells if getattr(cell, column) == spelled[field]]
    of_line = [cell for cell in cells if name.line is None or cell.account_class in factors]
    return replace(name, **spelled), of_line


def _figure(cell: _Cell, measure: TotalMeasure) -> Decimal:
    figure = {"amount": cell.amount, "reference": cell.reference, "variance": cell.variance}[measure]
    return _ZERO if figure is None else figure


def _terms(warehouse: Queryable, name: TotalName) -> list[_Term]:
    """Return the periods and scenarios of a total; both sides of a variance, where it is compared."""
    scenarios = {int(key): text for key, text in warehouse.query(statement(SqlFile.SCENARIO_NAMES)).rows}
    terms: list[_Term] = []
    for period, key, reference_period, reference_key, is_compared in warehouse.query(
        statement(SqlFile.TOTAL_PERIODS), name.bound
    ).rows:
        if name.measure == "variance" and not is_compared:
            continue
        if name.measure != "reference" and key is not None:
            terms.append(_Term(period, scenarios[key], 1))
        if name.measure != "amount" and reference_key is not None:
            terms.append(_Term(reference_period, scenarios[reference_key], -1 if name.measure == "variance" else 1))
    return terms


def _lines(
    store: LineStore,
    slices: Mapping[str, PublishedSlice],
    term: _Term,
    cells: Sequence[_Cell],
    factors: Mapping[int, int],
    classes: _Classes,
) -> Iterator[TotalLine]:
    types = {cell.account_class: cell.account_type for cell in cells}
    places = {(cell.department_class, cell.account_class) for cell in cells}
    accounts = pa.array(sorted({cell.account_key for cell in cells}), pa.int64())
    departments = pa.array(sorted({cell.department_key for cell in cells}), pa.int64())
    period = read_period(store.processed, term.period, slices[term.period].version)
    columns = [*LINE_COLUMNS, "department_key", "account_key"]
    for commit, table in store.published(period, columns, scenario=term.scenario):
        is_wanted = pc.and_(pc.is_in(table["account_key"], accounts), pc.is_in(table["department_key"], departments))
        for row in table.filter(is_wanted).to_pylist():
            account = classes.at("account", row["account_key"], term.period)
            if (classes.at("department", row["department_key"], term.period), account) in places:
                line = traced_line(commit, types[account], row)
                yield TotalLine(term.period, line.star_amount * factors.get(account, 1) * term.sign, line)


def _find(what: str, name: str, published: Iterable[Any], why: str = "is published") -> str:
    by_folded = {fold(str(text)): str(text) for text in published}
    if fold(name) in by_folded:
        return by_folded[fold(name)]
    choices = list(by_folded.values())
    closest = closest_match(name, choices)
    named = ", ".join(choices[:10]) + (" …" if len(choices) > 10 else "")
    fix = f"did you mean {closest!r}?" if closest else f"choose one of {named or 'none'}"
    raise TraceError(f"no {what} {name!r} {why}", fix=fix)
