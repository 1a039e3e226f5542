"""Table specs: the pages of processed tables, the star, the warehouse and the report before any run.

Belongs here: asset specs made from contracts and their descriptions. Does not belong here: feeds (see `feed_specs`),
what a run adds (see `processed_metadata`, `slice_metadata`, `warehouse_metadata`, `previews`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from finance_platform.code_version import code_version
from finance_platform.contracts.model import MONEY, Column, Contract
from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.feeds.reader_versions import total_version
from finance_platform.orchestration.jobs import REBUILD_PERIODS
from finance_platform.orchestration.ui.asset_labels import GRAINS, OWNERS, asset_tags, service_kinds
from finance_platform.orchestration.ui.code_references import code_references, definition_file
from finance_platform.orchestration.ui.column_sources import (
    REPORT_SOURCES,
    STAR_PARENTS,
    Sources,
    contributing_feeds,
    describe_sources,
    processed_sources,
    star_sources,
    warehouse_sources,
)
from finance_platform.orchestration.ui.descriptions import RULES, SUMMARIES
from finance_platform.settings import Settings
from finance_platform.warehouse.statements import SqlFile

PERIODS = dg.DynamicPartitionsDefinition(name="period")
BY_PERIOD = dg.AssetKey(["warehouse", "fact_financials_by_period"])
AMOUNT_OR_WORD = "decimal(18,2) or text"
"""The type of a report's amount that may be a word such as `no budget`; a CSV file has no types of its own."""


def processed_spec(contract: Contract, feed_set: FeedSet, settings: Settings) -> dg.AssetSpec:
    """Return the page of a table of ledger lines, reference rows or rejected rows."""
    transform = "rejected_rows" if contract is REJECTED_ROWS else "accepted_rows"
    return _parquet_spec(
        contract,
        settings,
        deps=[dg.AssetKey(["raw", feed.feed]) for feed in contributing_feeds(contract.name, feed_set)],
        sources=processed_sources(contract, feed_set),
        metadata=code_references(
            "refresh/steps/standardise.py:standardise",
            f"transforms/{transform}.py:{transform}",
            "spark_jobs/standardise_job.py",
            "contracts/processed.py",
        ),
        # A new reader may read other lines from the same bytes, so deliveries are read again.
        version=str(total_version()),
    )


def star_spec(contract: Contract, feed_set: FeedSet, settings: Settings) -> dg.AssetSpec:
    """Return the page of a star table in the processed zone."""
    return _parquet_spec(
        contract,
        settings,
        deps=[dg.AssetKey(["processed", name]) for name in STAR_PARENTS[contract.name]],
        sources=star_sources(contract, feed_set, settings.baseline_scenario),
        metadata=code_references(
            "refresh/steps/build_star.py:build_star",
            f"transforms/{contract.name}.py:{contract.name}",
            "spark_jobs/build_star_job.py",
            "contracts/star.py",
        ),
        # Part of every slice's version: a change of the code rebuilds all slices.
        version=code_version("build_star"),
    )


def warehouse_spec(contract: Contract, settings: Settings) -> dg.AssetSpec:
    """Return the page of a published table."""
    return dg.AssetSpec(
        ["warehouse", contract.name],
        deps=[dg.AssetKey(["processed", contract.name])],
        description=_description(contract, "warehouse"),
        group_name="warehouse",
        kinds={"table", *service_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=asset_tags("warehouse", GRAINS[contract.name]),
        metadata={
            "dagster/column_schema": _schema("warehouse", contract.name, contract.columns, warehouse_sources(contract)),
            "dagster/table_name": f"{settings.redshift_schema}.{contract.table}",
            "dagster/uri": settings.warehouse_address,
            **code_references(
                "refresh/steps/publish.py:publish",
                "warehouse/load.py:publish",
                definition_file(contract),
                *([SqlFile.ACTUAL_VS_BUDGET] if contract is FACT_FINANCIALS else []),
            ),
        },
    )


def by_period_spec(settings: Settings) -> dg.AssetSpec:
    """Return the page of the grid of months; like the timelines, it depends on nothing, so that no selection has it."""
    return dg.AssetSpec(
        BY_PERIOD,
        description=(
            "The months of the fact table, and the state of each.\n\n"
            "*Partitions* lists them: green is published, grey is built and not published yet. A click shows the "
            "period's state (`published`, `closed`, `stale`), rows, revenue and expense, its load, and whether that "
            "restated a closed period. *Plots* shows these over the periods.\n\n"
            f"**To build and load periods again**, all in one run: [Launchpad of {REBUILD_PERIODS}]"
            f"(/locations/finance_platform.definitions/jobs/{REBUILD_PERIODS}/playground), with `periods` as "
            "`['2025-06', '2024-01..2024-12']`, or `finance-platform run --rebuild --period YYYY-MM`.\n\n"
            "The step `load` records the events here, one per load of a period and per change of its state; this asset "
            "follows `warehouse/fact_financials` and has no step of its own."
        ),
        group_name="warehouse",
        kinds={"table", *service_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=asset_tags("warehouse", "period"),
        partitions_def=PERIODS,
        metadata={
            "dagster/table_name": f"{settings.redshift_schema}.{FACT_FINANCIALS.table}",
            **code_references("orchestration/assets/period_partitions.py", SqlFile.PUBLISHED_SLICES),
        },
    )


def report_spec(settings: Settings, file_name: str) -> dg.AssetSpec:
    """Return the page of the variance report."""
    columns = [
        Column("FiscalYear", "integer", "Named by the calendar year in which it ends."),
        Column("Months", "integer", "Complete periods of the year, which the amounts cover."),
        Column("Line", "varchar", "Revenue, Expense, a total, or a category of other accounts."),
        Column("AccountType", "varchar", "Revenue, Expense and so on; empty for a total."),
        Column(
            "Actual", AMOUNT_OR_WORD, "Actual of the complete periods, natural sign; `incomplete` if there are none."
        ),
        Column(
            "ActualWithBudget", AMOUNT_OR_WORD, "Actual of those that have a budget; `no budget` if there are none."
        ),
        Column("Budget", AMOUNT_OR_WORD, "The baseline in those periods; `no budget` if there are none."),
        Column("Variance", AMOUNT_OR_WORD, "ActualWithBudget - Budget; `no budget` if no period has a budget."),
        Column("VariancePercent", "varchar", "Variance in percent of Budget; `n/m` if that means nothing."),
        Column(
            "Effect", "varchar", "`favourable`, `unfavourable` or `as planned`; empty for accounts that are neither."
        ),
        Column("IncompletePeriods", "varchar", "The year's periods that the amounts leave out."),
        Column("ActualIncomplete", MONEY, "Actual of those periods."),
    ]
    return dg.AssetSpec(
        ["reporting", "variance_report"],
        deps=[dg.AssetKey(["warehouse", contract.name]) for contract in STAR],
        description=(
            "Actual against Budget by fiscal year and line.\n\n"
            "The lines lead from revenue to profit; other accounts follow, by category.\n\n"
            f"Grain: one row per fiscal year and line.\n\n{RULES['variance_report']}"
        ),
        group_name="reporting",
        kinds={"csv", "report", *service_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=asset_tags("reporting", GRAINS["variance_report"]),
        metadata={
            "dagster/column_schema": _schema("reporting", "variance_report", columns, REPORT_SOURCES),
            "dagster/uri": f"{settings.reports_root}/{file_name}",
            **code_references(
                "refresh/steps/report.py:report",
                "reports/variance.py:variance_rows",
                SqlFile.VARIANCE_BY_PERIOD,
                SqlFile.ACTUAL_VS_BUDGET,
            ),
        },
    )


def pack_spec(settings: Settings, file_name: str) -> dg.AssetSpec:
    """Return the page of the report pack."""
    return dg.AssetSpec(
        ["reporting", "report_pack"],
        deps=[dg.AssetKey(["warehouse", contract.name]) for contract in STAR],
        description=(
            "A month's report, as one HTML file and a workbook.\n\n"
            "A controller, a CFO and a budget holder read them; the HTML file needs no network.\n\n"
            f"Grain: one pack per home.\n\n{RULES['report_pack']}"
        ),
        group_name="reporting",
        kinds={"html", "excel", "report", *service_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=asset_tags("reporting", GRAINS["report_pack"]),
        metadata={
            "dagster/uri": f"{settings.reports_root}/{file_name}",
            **code_references(
                "refresh/report_pack.py:read_published_pack",
                "reports/pack/read_model.py:read_pack",
                "reports/pack/page.py:render",
                "reports/pack/workbook/write.py:write_workbook",
                SqlFile.PACK_CELLS,
                SqlFile.PACK_STATEMENT,
            ),
        },
    )


def _parquet_spec(
    contract: Contract,
    settings: Settings,
    *,
    deps: Sequence[dg.AssetKey],
    sources: Mapping[str, Sources],
    metadata: dict[str, Any],
    version: str,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["processed", contract.name],
        deps=deps,
        description=_description(contract, "processed"),
        group_name="processed",
        kinds={"pyspark", "parquet", *service_kinds(settings, "processed")},
        owners=OWNERS,
        tags=asset_tags("processed", GRAINS[contract.name]),
        code_version=version,
        metadata={
            "dagster/column_schema": _schema("processed", contract.name, contract.stored_columns, sources),
            "dagster/uri": f"{settings.processed_root}/{contract.name}",
            **metadata,
        },
    )


def _description(contract: Contract, group: str) -> str:
    key = ", ".join(f"`{name}`" for name in _natural_key(contract, group))
    nulls = "" if any(column.nullable for column in contract.columns) or group != "warehouse" else " No column is null."
    return f"{SUMMARIES[contract.name]}\n\nGrain: {contract.grain} Key: {key}.{nulls}\n\n{RULES[contract.name]}"


def _natural_key(contract: Contract, group: str) -> list[str]:
    """Return the columns that identify a row, in the spelling of the group."""
    columns = [contract.column(name) for name in contract.natural_key]
    return [column.sql_name if group == "warehouse" else column.name for column in columns]


def _schema(group: str, table: str, columns: Sequence[Column], sources: Mapping[str, Sources]) -> dg.TableSchema:
    """Return the columns of a table, each with a sentence that says where it comes from.

    Dagster's column lineage is not used, because the open-source UI does not show it.
    """
    sentences = describe_sources(f"{group}/{table}", sources)
    # A tag on each column says nothing; the description of the table says it for all.
    is_never_null = group in {"warehouse", "reporting"} and not any(column.nullable for column in columns)
    shown = []
    for column in columns:
        name = column.sql_name if group == "warehouse" else column.name
        shown.append(
            dg.TableColumn(
                name,
                column.type,
                description=f"{column.description} {sentences.get(name, '')}".strip(),
                constraints=dg.TableColumnConstraints(nullable=column.nullable or is_never_null),
                tags={"personal": "possible"} if column.is_personal else {},
            )
        )
    return dg.TableSchema(shown)
