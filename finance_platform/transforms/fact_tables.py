"""Fact rows of one period as Arrow tables: what `fact_financials` gives, where no scope is superseded.

Grain of the output: as of `fact_financials`. One task sums the lines of a period, so no line passes through a shuffle.

Belongs here: sums of lines and the rows made of them. Does not belong here: files (see `spark_jobs.period_files`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE, arrow_schema
from finance_platform.contracts.star import CREDIT_TYPES, FACT_FINANCIALS
from finance_platform.known_texts import KnownTexts
from finance_platform.transforms.keyed_sums import KeyedRows, as_array

TEXTS = ("delivery_id", "scenario", "scenario_type", "period")
"""The columns of lines that few distinct texts repeat; they are dictionaries here."""

_CELL = ("scenario_key", "posting_date", "department_key", "account_key")
"""The grain of the fact table, in its order."""

_ACCOUNT = ("scenario_key", "account_key")

LINE_COLUMNS = tuple(
    column for column in TRANSACTIONS.columns if column.name in {*TEXTS, *_CELL, "amount", "is_debit_positive"}
)
"""The columns of ledger lines that facts are derived from."""

LINE_KEY = "line_key"
"""The column of lines by which a later delivery supersedes them; read where one does."""

_SUPERSEDED_BY = ("delivery_id", "scenario", "is_statistical")

_SUMMED_AT_ONCE = 1_000_000
"""So many lines, or sums of lines, wait until they are summed."""

_SCHEMA = arrow_schema(FACT_FINANCIALS.stored_columns)
_MONEY = _SCHEMA.field("amount").type

_ZERO = Decimal("0.00")
_ACCOUNT_SUMS = pa.schema(
    [
        *((name, pa.int64()) for name in (*_ACCOUNT, "lines")),
        *((name, SUM_OF_MONEY_TYPE) for name in ("amount", "delivered", "absolute")),
    ]
)
_ORDER = ("scenario_key", "date_key", "department_key", "account_key")


class PeriodSums:
    """Adds up the lines of one period, by cell and, apart from that, by account."""

    def __init__(
        self,
        period: str,
        counted: Iterable[tuple[str, str]],
        credit_accounts: Collection[int],
        superseding: Mapping[str, KnownTexts] | None = None,
        statistical_accounts: Collection[int] = (),
    ) -> None:
        """Begin a period.

        Args:
            period: the period.
            counted: delivery id and scenario of the lines that count.
            credit_accounts: the keys of the accounts whose sign is flipped under debit-positive feeds.
            superseding: by delivery, the keys of lines that later deliveries have too.
            statistical_accounts: the keys of the accounts whose superseded lines are no money.
        """
        self._period, self._counted = period, frozenset(counted)
        self._credit = pa.array(sorted(credit_accounts), pa.int64())
        self._scenarios: set[tuple[int, str]] = set()
        self._waiting: list[pa.Table] = []
        self._cells: list[pa.Table] = []
        self._accounts: list[pa.Table] = []
        self._superseding = superseding or {}
        self._statistical = pa.array(sorted(statistical_accounts), pa.int64())
        self._superseded: list[pa.Table] = []

    def add(self, lines: pa.Table) -> None:
        """Add lines that have `LINE_COLUMNS`, some of which may not count or be of other periods.

        Where keys are superseded, they have `LINE_KEY` too.
        """
        lines = self._without_superseded(_select(lines, self._period, self._counted))
        if not len(lines):
            return
        for kind, keys in _scenarios(lines):
            self._scenarios.update((key, kind) for key in keys)
        amount = lines["amount"].cast(SUM_OF_MONEY_TYPE)
        columns = {name: lines[name] for name in (*_CELL, "is_debit_positive")}
        self._waiting.append(pa.table(columns | {"amount": self._signed(lines, amount), "delivered": amount}))
        if sum(map(len, self._waiting)) >= _SUMMED_AT_ONCE:
            self._sum_waiting()

    @property
    def scenarios(self) -> set[tuple[int, str]]:
        """Key and type of each scenario with lines."""
        return self._scenarios

    @property
    def is_empty(self) -> bool:
        """Whether no line of the period counts."""
        return not self._scenarios

    def cells(self) -> pa.Table:
        """Return amount and transaction_count of each day, department, account and scenario; not for no lines."""
        self._sum_waiting()
        return _merge(self._cells, _CELL, ("amount", "transaction_count"))

    def accounts(self) -> pa.Table:
        """Return lines, amount, delivered and absolute of each scenario and account.

        They are those of `control_sums`, and do not depend on the sums by cell. A home may have as many as lines.
        """
        self._sum_waiting()
        if not self._accounts:
            return _ACCOUNT_SUMS.empty_table()
        by_sign = _merge(self._accounts, (*_ACCOUNT, "is_debit_positive"), ("delivered", "absolute", "lines"))
        amount = self._signed(by_sign, by_sign["delivered"])
        return KeyedRows(by_sign.append_column("amount", amount)).sums(_ACCOUNT, _ACCOUNT_SUMS.names[len(_ACCOUNT) :])

    def superseded_in_all(self) -> tuple[int, Decimal]:
        """Return number and amount of all superseded lines; only their sum over all accounts is reported."""
        superseded = self.superseded()
        return sum(row["rows"] for row in superseded), sum((row["amount"] for row in superseded), _ZERO)

    def superseded(self) -> list[dict[str, Any]]:
        """Return the superseded lines of each delivery and scenario, statistical ones apart: rows, amount, absolute."""
        if not self._superseded:
            return []
        rows = _merge(self._superseded, _SUPERSEDED_BY, ("amount", "absolute", "rows")).to_pylist()
        return sorted(rows, key=lambda row: tuple(row[name] for name in _SUPERSEDED_BY))

    def _without_superseded(self, lines: pa.Table) -> pa.Table:
        """Return the lines that no later delivery supersedes, and sum the others."""
        if not self._superseding or not len(lines):
            return lines
        deliveries = encode(lines["delivery_id"])
        is_superseded = np.zeros(len(lines), np.bool_)
        for place, delivery in enumerate(deliveries.values):
            if (keys := self._superseding.get(delivery)) is not None:
                has_key = np.asarray(keys.are_among(as_array(lines[LINE_KEY])))
                is_superseded |= has_key & (deliveries.places == place)
        if not is_superseded.any():
            return lines
        superseded = lines.filter(pa.array(is_superseded))
        amount = superseded["amount"].cast(SUM_OF_MONEY_TYPE)
        columns = {
            **{name: superseded[name].cast(pa.string()) for name in ("delivery_id", "scenario")},
            "is_statistical": pc.is_in(superseded["account_key"], self._statistical),
            "amount": amount,
            "absolute": pc.abs(amount),
        }
        self._superseded.append(KeyedRows(pa.table(columns)).sums(_SUPERSEDED_BY, ("amount", "absolute"), count="rows"))
        return lines.filter(pa.array(~is_superseded))

    def _signed(self, lines: pa.Table, amount: pa.ChunkedArray) -> pa.ChunkedArray:
        if not len(self._credit) or not pc.any(lines["is_debit_positive"]).as_py():
            return amount
        is_flipped = pc.and_(lines["is_debit_positive"], pc.is_in(lines["account_key"], self._credit))
        return pc.if_else(is_flipped, pc.negate(amount), amount)

    def _sum_waiting(self) -> None:
        if not self._waiting:
            return
        lines = pa.concat_tables(self._waiting)
        self._waiting = []
        rows = KeyedRows(lines.append_column("absolute", pc.abs(lines["delivered"])))
        self._cells.append(rows.sums(_CELL, ("amount",), count="transaction_count"))
        by_sign = (*_ACCOUNT, "is_debit_positive")
        self._accounts.append(rows.sums(by_sign, ("delivered", "absolute"), count="lines"))
        # Later sums have many cells in common with the first ones.
        if sum(map(len, self._cells[1:])) >= max(_SUMMED_AT_ONCE, len(self._cells[0])):
            self._cells = [_merge(self._cells, _CELL, ("amount", "transaction_count"))]


def fact_rows(
    cells: pa.Table,
    scenarios: Iterable[tuple[int, str]],
    first_day: date,
    actual_covers: bool | None,
    baseline_key: int,
    actual_key: int,
) -> pa.Table:
    """Return the fact rows of a period, sorted.

    Args:
        cells: see `PeriodSums.cells`.
        scenarios: key and type of each scenario with lines.
        first_day: of the period.
        actual_covers: whether Actual covers the period; None: if it has lines.
        baseline_key: surrogate key of the baseline.
        actual_key: surrogate key of scenario Actual.
    """
    is_baseline = pc.equal(cells["scenario_key"], pa.scalar(baseline_key, pa.int64()))
    zero = pa.scalar(0, SUM_OF_MONEY_TYPE)
    own = pa.table(
        {
            **{name: cells[name] for name in _CELL},
            "amount": cells["amount"],
            "budget_amount": pc.if_else(is_baseline, cells["amount"], zero),
            "transaction_count": cells["transaction_count"],
        }
    )
    rows = _with_baseline(own, is_baseline, _covering(scenarios, actual_covers, actual_key) - {baseline_key}, first_day)
    days = rows["posting_date"]
    date_key = pc.add(pc.multiply(pc.year(days), 10_000), pc.add(pc.multiply(pc.month(days), 100), pc.day(days)))
    amount, budget_amount = rows["amount"].cast(_MONEY), rows["budget_amount"].cast(_MONEY)
    columns = {
        "date_key": date_key,
        "department_key": rows["department_key"],
        "account_key": rows["account_key"],
        "scenario_key": rows["scenario_key"],
        "amount": amount,
        "budget_amount": budget_amount,
        "variance": pc.subtract(amount, budget_amount),
        "transaction_date": days,
        "transaction_count": rows["transaction_count"],
    }
    facts = pa.table([columns[field.name].cast(field.type) for field in _SCHEMA], schema=_SCHEMA)
    return KeyedRows(facts).sorted_by(_ORDER)


def _with_baseline(own: pa.Table, is_baseline: pa.ChunkedArray, covering: set[int], first_day: date) -> pa.Table:
    """Return the rows of the scenarios, and the baseline of the period once for each that covers it."""
    baseline = own.filter(is_baseline)
    if not covering or not len(baseline):
        return own
    by_account = KeyedRows(baseline).sums(("department_key", "account_key"), ("budget_amount",))
    count = len(by_account)
    copies = [
        pa.table(
            {
                "scenario_key": pa.repeat(pa.scalar(key, pa.int64()), count),
                "posting_date": pa.repeat(pa.scalar(first_day, pa.date32()), count),
                "department_key": by_account["department_key"],
                "account_key": by_account["account_key"],
                "amount": pa.repeat(pa.scalar(0, SUM_OF_MONEY_TYPE), count),
                "budget_amount": by_account["budget_amount"],
                "transaction_count": pa.repeat(pa.scalar(0, pa.int64()), count),
            }
        )
        for key in sorted(covering)
    ]
    # Only cells of the first day can meet a copy of the baseline; all others are sums already.
    is_first = pc.fill_null(pc.equal(own["posting_date"], pa.scalar(first_day, pa.date32())), False)
    measures = ("amount", "budget_amount", "transaction_count")
    first = _merge([own.filter(is_first), *copies], _CELL, measures)
    others = own.filter(pc.invert(is_first)).select(first.column_names)
    # Each scenario's first day before its others: in order, if both are, and to sort all rows takes longer.
    keys = sorted({key for rows in (first, others) for key in pc.unique(rows["scenario_key"]).to_pylist()})
    return pa.concat_tables([part for key in keys for part in (_of_scenario(first, key), _of_scenario(others, key))])


def _of_scenario(rows: pa.Table, key: int) -> pa.Table:
    return rows.filter(pc.equal(rows["scenario_key"], pa.scalar(key, pa.int64())))


def _covering(scenarios: Iterable[tuple[int, str]], actual_covers: bool | None, actual_key: int) -> set[int]:
    """Return the keys of the scenarios that cover the period, Actual's gaps included."""
    scenarios = list(scenarios)
    plans = {key for key, kind in scenarios if kind != "Actual"}
    has_actuals = any(kind == "Actual" for _, kind in scenarios)
    covers = has_actuals if actual_covers is None else actual_covers
    return plans | {actual_key} if covers else plans


class CreditAccounts:
    """The accounts that are credit-natured, which a few accounts are in some periods only."""

    def __init__(self, types: Iterable[tuple[int, str | None]], type_spans: Sequence[tuple[int, str, str]]) -> None:
        """Take the types of accounts; a home may have many, so those that stay are found once for all periods.

        Args:
            types: key and type of each account.
            type_spans: see `BuildRequest`.
        """
        spanned = {key for key, _, _ in type_spans}
        self._always = {key for key, kind in types if kind in CREDIT_TYPES and key not in spanned}
        self._type_spans = type_spans

    def in_period(self, period: str) -> set[int]:
        """Return the keys of the accounts that are credit-natured in a period."""
        # Oldest first, so that the last one that has begun remains.
        of_period = {key: kind for key, since, kind in self._type_spans if since <= period}
        return self._always | {key for key, kind in of_period.items() if kind in CREDIT_TYPES}


def _select(lines: pa.Table, period: str, counted: frozenset[tuple[str, str]]) -> pa.Table:
    """Return the lines of the period that count."""
    deliveries, scenarios, periods = (encode(lines[name]) for name in ("delivery_id", "scenario", "period"))
    counts = np.array(
        [[(delivery, scenario) in counted for scenario in scenarios.values] for delivery in deliveries.values]
    ).reshape(len(deliveries.values), len(scenarios.values))
    is_of_period = np.array([one == period for one in periods.values], np.bool_)
    if counts.all() and is_of_period.all():
        return lines
    return lines.filter(pa.array(counts[deliveries.places, scenarios.places] & is_of_period[periods.places]))


def _scenarios(lines: pa.Table) -> Iterator[tuple[str, list[int]]]:
    """Yield each type of scenario, and the keys of its scenarios."""
    kinds, keys = encode(lines["scenario_type"]), lines["scenario_key"]
    for place, kind in enumerate(kinds.values):
        of_kind = keys if len(kinds.values) == 1 else keys.filter(pa.array(kinds.places == place))
        yield kind, pc.unique(of_kind).to_pylist()


class EncodedColumn:
    """The distinct values of a column, and the place of each row's value among them."""

    def __init__(self, values: list[Any], places: npt.NDArray[np.int64]) -> None:
        self.values, self.places = values, places


def encode(column: pa.ChunkedArray) -> EncodedColumn:
    """Return a column by its distinct values, a null among them if there is one."""
    encoded = as_array(column)
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded, null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
    values = encoded.dictionary.to_pylist()
    if len(values) == 1 and not encoded.indices.null_count:
        return EncodedColumn(values, np.zeros(len(encoded), np.int64))
    indices = np.asarray(encoded.indices.fill_null(-1), np.int64)
    if encoded.indices.null_count:
        return EncodedColumn([*values, None], np.where(indices < 0, len(values), indices))
    return EncodedColumn(values, indices)


def _merge(tables: Sequence[pa.Table], keys: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """Return the sums of tables of sums, at least one."""
    return tables[0] if len(tables) == 1 else KeyedRows(pa.concat_tables(tables)).sums(keys, sums)
