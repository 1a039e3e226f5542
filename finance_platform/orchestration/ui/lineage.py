"""What comes from what: tables from feeds, and each column from the columns before it, from raw header to report.

Belongs here: column lineage, declared from the contracts and the descriptors; a test holds it against both.
Does not belong here: how a column is worked out (see `feeds` and `transforms`).
What only decides which rows there are (a join, a filter) is no lineage; what decides a value's sign is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, FACT_FINANCIALS
from finance_platform.feeds.codes import fold, scenario_type
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.orchestration.ui.raw_columns import headers_of

Column = tuple[tuple[str, ...], str]
"""A column: its asset's key, its name there."""

Lineage = Mapping[str, Sequence[Column]]
"""Where each column comes from; nothing behind a column that no descriptor of the home feeds."""

_ORIGIN = {
    "delivery_id": "a hash of the file's name, bytes and reading rules",
    "feed": "the descriptor that matched the file",
    "source_file": "the file's key",
    "source_sheet": "the sheet that was read",
    "source_row": "counted by the reader",
}

COMPUTED: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{
        ("processed", table): {**_ORIGIN, "is_debit_positive": "the descriptor's sign"}
        for table in ("transactions", "budget")
    },
    ("processed", "departments"): _ORIGIN,
    ("processed", "accounts"): _ORIGIN,
    ("processed", "rejected_rows"): {
        **_ORIGIN,
        "outcome": "what the rules made of the row",
        "rules": "the rules that it broke",
        "reasons": "what they expected and found",
    },
    ("processed", "dim_date"): dict.fromkeys(DIM_DATE.column_names, "the calendar of the years around the lines"),
    ("processed", "dim_department"): {"is_inferred": "whether a reference file describes it"},
    ("processed", "dim_account"): {"is_inferred": "whether a reference file describes it"},
    ("processed", "dim_scenario"): {"is_baseline": "a setting"},
    ("processed", "fact_financials"): {"transaction_count": "counted"},
    ("warehouse", "fact_financials"): {"LoadTimestamp": "the moment of the load"},
}
"""By table, the columns that come from no column, and what they come from."""

REPORT_COLUMNS: Lineage = {
    "Year": [(("warehouse", "dim_date"), "Year")],
    "AccountType": [(("warehouse", "dim_account"), "AccountType")],
    "Actual": [(("warehouse", "fact_financials"), "Amount")],
    "ActualWithBudget": [(("warehouse", "fact_financials"), "Amount")],
    "Budget": [(("warehouse", "fact_financials"), "BudgetAmount")],
    "Variance": [(("warehouse", "fact_financials"), "Variance")],
}

_KIND_OF_TABLE = {"departments": "departments", "accounts": "accounts"}
_FIELDS_OF_LINES: Mapping[str, tuple[str, ...]] = {
    "scenario": ("scenario",),
    "scenario_type": ("scenario",),
    "scenario_key": ("scenario",),
    "period": ("period", "date"),
    "document_date": ("date",),
    "posting_date": ("date", "period"),
    "department_code": ("department",),
    "department_key": ("department",),
    "account_number": ("account",),
    "account_key": ("account",),
    "amount": ("amount",),
    "transaction_id": ("transaction_id",),
    "description": ("description",),
}
_FIELDS_OF_REFERENCE: Mapping[str, Mapping[str, str]] = {
    "departments": {
        "department_key": "code",
        "department_code": "code",
        "department_name": "name",
        "business_unit": "business_unit",
        "parent_department_code": "parent",
    },
    "accounts": {
        "account_key": "number",
        "account_number": "number",
        "account_name": "name",
        "account_type": "type",
        "category": "category",
        "measure": "measure",
        "parent_account_number": "parent",
    },
}
_ATTRIBUTES_OF_LINES = {
    "department_name": "department_name",
    "business_unit": "business_unit",
    "account_name": "account_name",
    "account_type": "account_type",
    "category": "account_category",
}
_FALLBACKS = {"department_name": "department_code", "account_name": "account_number"}
_DERIVED = {"profit_sign": "account_type", "is_monetary": "account_type"}
_LINES = ("transactions", "budget")


STAR_PARENTS: Mapping[str, tuple[str, ...]] = {
    "dim_date": _LINES,
    "dim_department": ("departments", *_LINES),
    "dim_account": ("accounts", *_LINES),
    "dim_scenario": _LINES,
    "fact_financials": ("accounts", *_LINES),
}
"""By table of the star, the tables of the processed zone that it is built from."""


def feeds_of(table: str, catalog: FeedSet) -> list[FeedDescriptor]:
    """Return the feeds whose rows may come into a table of the processed zone."""
    if table == "rejected_rows":
        return list(catalog.feeds)
    if table in _KIND_OF_TABLE:
        return [feed for feed in catalog.feeds if feed.kind == _KIND_OF_TABLE[table]]
    return [feed for feed in catalog.feeds if feed.kind == "ledger" and _may_say(feed, is_actual=table == _LINES[0])]


def processed_lineage(contract: Contract, catalog: FeedSet) -> Lineage:
    """Return where the columns of ledger lines, reference rows or rejected rows come from."""
    computed = COMPUTED["processed", contract.name]
    feeds = feeds_of(contract.name, catalog)
    return {
        name: [(("raw", feed.feed), header) for feed in feeds for header in _headers(contract.name, name, feed)]
        for name in contract.column_names
        if name not in computed
    }


def star_lineage(contract: Contract, catalog: FeedSet, baseline: str) -> Lineage:
    """Return where the columns of a table of the star come from, in the processed zone.

    Args:
        contract: the table.
        catalog: whose ledger feeds may bring attributes of members.
        baseline: the scenario that budgets are compared with.
    """
    computed = COMPUTED["processed", contract.name]
    names = [column.name for column in contract.stored_columns if column.name not in computed]
    if contract is FACT_FINANCIALS:
        return {name: _of_fact(name, baseline) for name in names}
    if contract in (DIM_DEPARTMENT, DIM_ACCOUNT):
        return {name: _of_member(contract, name, catalog) for name in names}
    named = {"scenario_name": "scenario"}
    return {name: _of_lines(named.get(name, name)) for name in names}


def warehouse_lineage(contract: Contract) -> Lineage:
    """Return where a warehouse table's columns come from: each from its namesake in Parquet."""
    return {column.sql_name: [(("processed", contract.name), column.name)] for column in contract.stored_columns}


def as_metadata(lineage: Lineage) -> dg.TableColumnLineage:
    """Return a lineage as the UI shows it."""
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(dg.AssetKey(key), column) for key, column in sources]
            for name, sources in lineage.items()
            if sources
        }
    )


def origins(group: str, table: str, lineage: Lineage) -> dict[str, str]:
    """Return, by column, a sentence that says where it comes from.

    Dagster's own UI draws no lineage of columns, it only keeps it for those that do; so each column says it in words.
    """
    said = {name: f"Computed: {why}." for name, why in COMPUTED.get((group, table), {}).items()}
    for name, sources in lineage.items():
        by_asset: dict[str, list[str]] = {}
        for key, column in sources:
            by_asset.setdefault("/".join(key), []).append(column)
        if by_asset:
            parts = [f"{asset}: {', '.join(names)}" for asset, names in by_asset.items()]
            said[name] = f"From {'; '.join(parts)}."
    return said


def _may_say(feed: FeedDescriptor, *, is_actual: bool) -> bool:
    """Return whether a ledger feed may have lines of Actual, or of a plan."""
    scenario = feed.constants.get("scenario")
    return scenario is None or (scenario_type(scenario, feed.scenarios) == "Actual") == is_actual


def _headers(table: str, column: str, feed: FeedDescriptor) -> list[str]:
    if table == "rejected_rows":
        # The row as delivered has every header that is read, and more.
        fields: Iterable[str] = feed.columns if column == "raw_row" else (column,)
    elif table in _FIELDS_OF_REFERENCE:
        fields = (_FIELDS_OF_REFERENCE[table][column],)
    elif column == "line_key":
        fields = feed.load.key
    elif column == "scope_key":
        fields = feed.load.scope
    elif column == "period" and "period" in feed.columns:
        fields = ("period",)
    else:
        fields = _FIELDS_OF_LINES[column]
    return list(dict.fromkeys(header for field in fields for header in headers_of(feed, field)))


def _of_lines(column: str, tables: Sequence[str] = _LINES) -> list[Column]:
    return [(("processed", table), column) for table in tables]


def _of_fact(column: str, baseline: str) -> list[Column]:
    sign: list[Column] = [(("processed", "accounts"), "account_type")]
    amount = [*_of_lines("amount"), *_of_lines("is_debit_positive"), *sign]
    planned = (_LINES[0],) if fold(baseline) == "actual" else (_LINES[1],)
    budget = [*_of_lines("amount", planned), *_of_lines("is_debit_positive", planned), *sign]
    if column in {"date_key", "transaction_date"}:
        return _of_lines("posting_date")
    return {"amount": amount, "budget_amount": budget, "variance": amount}.get(column) or _of_lines(column)


def _of_member(contract: Contract, column: str, catalog: FeedSet) -> list[Column]:
    """Return where a member's attribute comes from: the reference file first, then what ledger lines say of it."""
    reference, code = (
        ("departments", "department_code") if contract is DIM_DEPARTMENT else ("accounts", "account_number")
    )
    source = _DERIVED.get(column, column)
    found: list[Column] = [(("processed", reference), source)]
    if column in {code, contract.surrogate_key}:
        return [*found, *_of_lines(column)]
    if column in _FALLBACKS:
        found += [(("processed", reference), code), *_of_lines(code)]
    # These fields of the lines go into a side table of members and not into the lines, so they lead to the raw zone.
    field = _ATTRIBUTES_OF_LINES.get(source)
    ledger = [feed for feed in catalog.feeds if feed.kind == "ledger"]
    found += [(("raw", feed.feed), header) for feed in ledger if field for header in headers_of(feed, field)]
    return found
