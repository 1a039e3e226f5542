"""Column sources: the columns that each column is made of, from the header of a raw file to the report.

Belongs here: sources as declared from contracts and descriptors, and the sentences that name them.
Does not belong here: how a column is computed (see `feeds` and `transforms`).
A source decides a column's value or sign. A column that only decides which rows exist (a join, a filter) is no source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import LINE_TABLES
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.feeds.values.codes import fold, scenario_type
from finance_platform.orchestration.ui.feed_descriptions import headers_of

Sources = Mapping[str, Sequence[str]]
"""The sources of one column: by asset, such as `raw/budget`, the names of its columns."""

_REFERENCES = ("departments", "accounts")

_SOURCES_SHOWN = 8
"""Of a column. A home may have hundreds of feeds; all of them beside each column would hide everything else."""

_ALIKE_SHOWN = 3
"""Of the assets that fill a column from columns of the same names."""

_PROVENANCE = {
    "delivery_id": "a hash of the file's name, bytes and reading rules",
    "feed": "the descriptor that matched the file",
    "source_file": "the file's key",
    "source_sheet": "the sheet that was read",
    "source_row": "counted by the reader",
    "source_column": "the header of the cell, where a row gives several lines",
}

COMPUTED: Mapping[str, Mapping[str, str]] = {
    **{f"processed/{table}": {**_PROVENANCE, "is_debit_positive": "the descriptor's sign"} for table in LINE_TABLES},
    **{f"processed/{table}": _PROVENANCE for table in _REFERENCES},
    "processed/rejected_rows": {
        **_PROVENANCE,
        "outcome": "the result of applying the rules to the row",
        "rules": "the rules that the row broke",
        "reasons": "the column and cell of each of these rules, and what it expected and found",
        "account_key": "a hash of the account",
        "period": "the feed's period column, or the month of the date",
        "raw_row": "every cell of the row, by its header",
        "currency": "the row's currency column, or the code or sign beside its amount",
    },
    "processed/dim_date": dict.fromkeys(DIM_DATE.column_names, "the calendar of the years around the lines"),
    "processed/dim_department": {"is_inferred": "whether a reference file describes it"},
    "processed/dim_account": {"is_inferred": "whether a reference file describes it"},
    "processed/dim_scenario": {"is_baseline": "a setting"},
    "processed/fact_financials": {"transaction_count": "counted"},
    "warehouse/fact_financials": {"LoadTimestamp": "the moment of the load"},
    "reporting/variance_report": {
        "Months": "counted",
        "Line": "the account type, the account's category, or the name of a total",
        "VariancePercent": "Variance and Budget",
        "Effect": "the sign of Variance and what it does to profit; CapEx over plan is unfavourable",
        "IncompletePeriods": "the status of each period, see PeriodStatus",
    },
}
"""By asset, the columns that have no source column, and what they are computed from."""

REPORT_SOURCES: Mapping[str, Sources] = {
    "FiscalYear": {"warehouse/dim_date": ["FiscalYear"]},
    "AccountType": {"warehouse/dim_account": ["AccountType"]},
    "Actual": {"warehouse/fact_financials": ["Amount"]},
    "ActualWithBudget": {"warehouse/fact_financials": ["Amount"]},
    "Budget": {"warehouse/fact_financials": ["BudgetAmount"]},
    "Variance": {"warehouse/fact_financials": ["Variance"]},
    "ActualIncomplete": {"warehouse/fact_financials": ["Amount"]},
}
"""The columns of the report that its query selects, or that add up one of those in some of the periods."""

_LINE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "scenario_type": ("scenario",),
    "scenario_key": ("scenario",),
    "period": ("period", "date"),
    "document_date": ("date",),
    "posting_date": ("date", "period"),
    "department_code": ("department",),
    "department_key": ("department",),
    "account_number": ("account",),
    "account_key": ("account",),
    "reverses_transaction_id": ("reverses",),
}
"""The fields behind a column of ledger lines whose name is not that of its field."""

_REFERENCE_FIELDS: Mapping[str, str] = {
    "department_key": "code",
    "department_code": "code",
    "department_name": "name",
    "parent_department_code": "parent",
    "predecessor_department_code": "predecessor",
    "predecessor_share": "share",
    "account_key": "number",
    "account_number": "number",
    "account_name": "name",
    "account_type": "type",
    "parent_account_number": "parent",
}
"""The field behind a column of reference rows whose name is not that of its field."""

_NAMES = ("department_name", "account_name")
"""Attributes that fall back to the member's code."""

_DERIVED = {"profit_sign": "account_type", "is_monetary": "account_type"}

STAR_PARENTS: Mapping[str, tuple[str, ...]] = {
    "dim_date": LINE_TABLES,
    "dim_department": ("departments", *LINE_TABLES),
    "dim_account": ("accounts", *LINE_TABLES),
    "dim_scenario": LINE_TABLES,
    "fact_financials": ("accounts", *LINE_TABLES),
}
"""By table of the star, the processed tables that it is built from."""


def contributing_feeds(table: str, feed_set: FeedSet) -> list[FeedDescriptor]:
    """Return the feeds that may have rows in a processed table."""
    if table == "rejected_rows":
        return list(feed_set.feeds)
    if table in _REFERENCES:
        return [feed for feed in feed_set.feeds if feed.kind == table]
    is_actual = table == "transactions"
    return [feed for feed in feed_set.feeds if feed.kind == "ledger" and _may_contain(feed, is_actual=is_actual)]


def processed_sources(contract: Contract, feed_set: FeedSet) -> dict[str, Sources]:
    """Return, by column, the headers behind a table of ledger lines, reference rows or rejected rows.

    A column that no descriptor of the home fills has no sources.
    """
    computed = COMPUTED[f"processed/{contract.name}"]
    feeds = contributing_feeds(contract.name, feed_set)
    return {
        name: {f"raw/{feed.feed}": headers for feed in feeds if (headers := _headers(contract.name, name, feed))}
        for name in contract.column_names
        if name not in computed
    }


def star_sources(contract: Contract, feed_set: FeedSet, baseline: str) -> dict[str, Sources]:
    """Return, by column, the sources of a star table in the processed zone.

    Args:
        contract: the table.
        feed_set: the ledger feeds among them may deliver attributes of members.
        baseline: the scenario that the others are compared with.
    """
    computed = COMPUTED[f"processed/{contract.name}"]
    names = [column.name for column in contract.stored_columns if column.name not in computed]
    if contract is FACT_FINANCIALS:
        return {name: _fact_sources(name, baseline) for name in names}
    if contract in (DIM_DEPARTMENT, DIM_ACCOUNT):
        return {name: _member_sources(contract, name, feed_set) for name in names}
    return {name: _processed("scenario" if name == "scenario_name" else name, LINE_TABLES) for name in names}


def warehouse_sources(contract: Contract) -> dict[str, Sources]:
    """Return, by column, the Parquet column that a warehouse column is loaded from."""
    return {column.sql_name: {f"processed/{contract.name}": [column.name]} for column in contract.stored_columns}


def describe_sources(asset: str, sources: Mapping[str, Sources]) -> dict[str, str]:
    """Return, by column, a sentence that says where the column comes from."""
    sentences = {name: f"Computed: {origin}." for name, origin in COMPUTED.get(asset, {}).items()}
    for name, by_asset in sources.items():
        if by_asset:
            sentences[name] = f"From {'; '.join(_describe_each(by_asset))}."
    return sentences


def _describe_each(sources: Sources) -> list[str]:
    """Return the sources of a column as text, one an asset; of many assets, one for each way to fill the column."""
    if len(sources) <= _SOURCES_SHOWN:
        return [f"{source}: {', '.join(columns)}" for source, columns in sources.items()]
    by_columns: dict[tuple[str, ...], list[str]] = {}
    for source, columns in sources.items():
        by_columns.setdefault(tuple(columns), []).append(source)
    parts = []
    for columns, assets in list(by_columns.items())[:_SOURCES_SHOWN]:
        more = len(assets) - _ALIKE_SHOWN
        names = assets if more <= 1 else [*assets[:_ALIKE_SHOWN], f"{more:,} more"]
        parts.append(f"{', '.join(names)}: {', '.join(columns)}")
    left_out = sum(len(assets) for assets in list(by_columns.values())[_SOURCES_SHOWN:])
    return [*parts, *([f"and {pluralize(left_out, 'more asset')}"] if left_out else [])]


def _may_contain(feed: FeedDescriptor, *, is_actual: bool) -> bool:
    """Return whether a ledger feed may have lines of Actual, or else of a plan."""
    if is_actual and feed.plans_only:
        return False
    scenario = feed.constants.get("scenario")
    return scenario is None or (scenario_type(scenario, feed.scenarios) == "Actual") == is_actual


def _headers(table: str, column: str, feed: FeedDescriptor) -> list[str]:
    if table in _REFERENCES:
        fields: Iterable[str] = (_REFERENCE_FIELDS.get(column, column),)
    elif column == "line_key":
        fields = feed.load.key
    elif column == "scope_key":
        fields = feed.load.scope
    elif column == "period" and "period" in feed.columns:
        fields = ("period",)
    else:
        fields = _LINE_FIELDS.get(column, (column,))
    return list(dict.fromkeys(header for field in fields for header in headers_of(feed, field)))


def _processed(column: str, tables: Iterable[str]) -> dict[str, Sequence[str]]:
    return {f"processed/{table}": [column] for table in tables}


def _fact_sources(column: str, baseline: str) -> Sources:
    if column in {"date_key", "transaction_date"}:
        return _processed("posting_date", LINE_TABLES)
    if column in {"amount", "variance"}:
        return _amount_sources(LINE_TABLES)
    if column == "budget_amount":
        return _amount_sources(LINE_TABLES[:1] if fold(baseline) == "actual" else LINE_TABLES[1:])
    return _processed(column, LINE_TABLES)


def _amount_sources(tables: Iterable[str]) -> Sources:
    lines = {f"processed/{table}": ["amount", "is_debit_positive"] for table in tables}
    return {**lines, "processed/accounts": ["account_type"]}


def _member_sources(contract: Contract, column: str, feed_set: FeedSet) -> Sources:
    """Return the sources of a member's attribute: the reference file first, then the ledger lines."""
    reference, code = (
        ("departments", "department_code") if contract is DIM_DEPARTMENT else ("accounts", "account_number")
    )
    if column in {code, contract.surrogate_key}:
        return _processed(column, (reference, *LINE_TABLES))
    source = _DERIVED.get(column, column)
    sources = _processed(source, [reference])
    if column in _NAMES:
        sources = {f"processed/{reference}": [source, code], **_processed(code, LINE_TABLES)}
    # Ledger lines do not store these fields; they go into a side table of members, so the source is the raw header.
    field = "account_category" if source == "category" else source
    ledger = [feed for feed in feed_set.feeds if feed.kind == "ledger"]
    return sources | {f"raw/{feed.feed}": headers for feed in ledger if (headers := headers_of(feed, field))}
