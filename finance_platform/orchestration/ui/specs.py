"""The page of each asset: what it says of itself before anything ran.

Belongs here: specs made from contracts, descriptors and the prose of `meanings`. Does not belong here: any step's work,
what a run adds (see `figures`, `previews`, and the steps).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from finance_platform.code_version import code_version
from finance_platform.contracts.model import MONEY, Column, Contract
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.feeds.descriptor import UNREAD_FILES, FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.feeds.resolved import READER_VERSION
from finance_platform.orchestration.ui.code_references import code, definition
from finance_platform.orchestration.ui.descriptions import GRAINS, RULES
from finance_platform.orchestration.ui.feed_descriptions import how_read
from finance_platform.orchestration.ui.lineage import (
    REPORT_COLUMNS,
    STAR_PARENTS,
    Lineage,
    as_metadata,
    feeds_of,
    origins,
    processed_lineage,
    star_lineage,
    warehouse_lineage,
)
from finance_platform.orchestration.ui.raw_columns import raw_schema
from finance_platform.settings import Settings
from finance_platform.warehouse.statements import SqlFile

OWNERS = ["team:finance-data"]
PERIODS = dg.DynamicPartitionsDefinition(name="period")
BY_PERIOD = dg.AssetKey(["warehouse", "fact_financials_by_period"])

_KIND_OF_SUFFIX = {"csv": "csv", "tsv": "text", "txt": "text", "xlsx": "excel"}
_SPARK = {"sail": "sail", "jvm": "spark"}


def raw_spec(feed: FeedDescriptor, settings: Settings) -> dg.AssetSpec:
    """Return the page of a feed's files."""
    suffix = feed.path.rpartition(".")[2].lower()
    return dg.AssetSpec(
        ["raw", feed.feed],
        description=f"{feed.summary or f'Raw objects that match `{feed.path}`.'}\n\n{how_read(feed)}",
        group_name="raw",
        kinds={_KIND_OF_SUFFIX.get(suffix, "file"), "python", *_kinds(settings, "raw")},
        owners=_owners(feed),
        tags={**_tags("raw", "file"), "finance_platform/feed": feed.feed},
        metadata={
            "dagster/column_schema": raw_schema(feed),
            "dagster/uri": f"{settings.raw_root}/{feed.path}",
            "path": feed.path,
            "kind": feed.kind,
            "load_mode": feed.load.mode,
            **code("orchestration/assets/register.py:register", "deliveries/discovery.py:scan_raw_zone"),
        },
    )


def unread_spec(settings: Settings) -> dg.AssetSpec:
    """Return the page of the files that no feed reads, and of the descriptors that cannot be used."""
    return dg.AssetSpec(
        ["raw", UNREAD_FILES],
        description=(
            "What lies in the raw zone and is read by nobody: files that no feed's path matches, files whose "
            "descriptor is broken or that two descriptors claim, and the broken descriptors themselves.\n\nIt is empty "
            f"where all is well. A file gets a feed by a descriptor in `{settings.feeds_path}`."
        ),
        group_name="raw",
        kinds={"file", "python", *_kinds(settings, "raw")},
        owners=OWNERS,
        tags=_tags("raw", "file"),
        metadata={
            "dagster/uri": str(settings.raw_root),
            **code(
                "orchestration/assets/register.py:register",
                "deliveries/discovery.py:scan_raw_zone",
                "feeds/feed_set.py:load_feed_set",
            ),
        },
    )


def delivery_key(feed: str) -> dg.AssetKey:
    """Return the key of a feed's timeline."""
    return dg.AssetKey(["deliveries", feed])


def delivery_spec(feed: FeedDescriptor) -> dg.AssetSpec:
    """Return the page of a feed's timeline.

    The freshness policy is here: Dagster judges it by the last materialization, and every run materializes
    `raw/<feed>`, whether a file came or not. What is only read again is an observation, which leaves the clock alone.
    """
    policy = None
    if feed.freshness:
        warn_days = feed.freshness.warn_after_days
        policy = dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=feed.freshness.fail_after_days),
            warn_window=timedelta(days=warn_days) if warn_days else None,
        )
    return dg.AssetSpec(
        delivery_key(feed.feed),
        deps=[dg.AssetKey(["raw", feed.feed])],
        description=(
            f"The deliveries of `{feed.feed}`, one event each: what came, when, and what became of its rows and money "
            "as it was judged after reading.\n\nRun nothing here: the step `standardise` tells what it has read. A "
            "file that comes again with other bytes is another delivery. One that is only read again, by a corrected "
            "descriptor or a newer reader, is an observation: nothing came, so the feed is no less overdue for it."
        ),
        group_name="deliveries",
        kinds={"python"},
        owners=_owners(feed),
        tags={**_tags("deliveries", "delivery"), "finance_platform/feed": feed.feed},
        metadata=code("orchestration/assets/delivery_events.py", "deliveries/acceptance.py:judge"),
        freshness_policy=policy,
    )


def processed_spec(contract: Contract, catalog: FeedSet, settings: Settings) -> dg.AssetSpec:
    """Return the page of a table of ledger lines, reference rows or rejected rows."""
    return _parquet_spec(
        contract,
        settings,
        deps=[dg.AssetKey(["raw", feed.feed]) for feed in feeds_of(contract.name, catalog)],
        lineage=processed_lineage(contract, catalog),
        metadata=code(
            "orchestration/assets/standardise.py:standardise",
            f"transforms/{contract.name}.py:{contract.name}",
            "spark_jobs/standardise_job.py",
            "contracts/processed.py",
        ),
        # What makes the same bytes give other lines, so that they are read again.
        version=str(READER_VERSION),
    )


def star_spec(contract: Contract, catalog: FeedSet, settings: Settings) -> dg.AssetSpec:
    """Return the page of a table of the star in the processed zone."""
    return _parquet_spec(
        contract,
        settings,
        deps=[dg.AssetKey(["processed", name]) for name in STAR_PARENTS[contract.name]],
        lineage=star_lineage(contract, catalog, settings.baseline_scenario),
        metadata=code(
            "orchestration/assets/star.py:build_star",
            f"transforms/{contract.name}.py:{contract.name}",
            "spark_jobs/build_star_job.py",
            "contracts/star.py",
        ),
        # Part of every slice's version: other code, and all slices are built again.
        version=code_version("build_star"),
    )


def warehouse_spec(contract: Contract, settings: Settings) -> dg.AssetSpec:
    """Return the page of a published table."""
    file, sql = definition(contract)
    return dg.AssetSpec(
        ["warehouse", contract.name],
        deps=[dg.AssetKey(["processed", contract.name])],
        description=_description(contract, "warehouse"),
        group_name="warehouse",
        kinds={"table", *_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=_tags("warehouse", GRAINS[contract.name]),
        metadata={
            **_columns("warehouse", contract.name, contract.columns, warehouse_lineage(contract)),
            "dagster/table_name": f"{settings.redshift_schema}.{contract.table}",
            "dagster/uri": settings.warehouse_address,
            "natural_key": ", ".join(_natural_key(contract, "warehouse")),
            "definition": dg.MetadataValue.md(f"```sql\n{sql}\n```"),
            **code(
                "orchestration/assets/warehouse.py:load", "warehouse/load.py:publish", file, SqlFile.ACTUAL_VS_BUDGET
            ),
        },
    )


def by_period_spec(settings: Settings) -> dg.AssetSpec:
    """Return the page of the grid of months."""
    return dg.AssetSpec(
        BY_PERIOD,
        deps=[dg.AssetKey(["warehouse", FACT_FINANCIALS.name])],
        description=(
            "`FactFinancials` as a grid of accounting periods: a partition per published period, an event per load of "
            "it, with rows, amounts, version, and whether it restated a closed period.\n\n"
            "Run nothing here: the step `load` tells what it has published; `finance-platform run --rebuild --period "
            "YYYY-MM` makes a period anew. Nothing depends on this asset."
        ),
        group_name="warehouse",
        kinds={"table", *_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=_tags("warehouse", "period"),
        partitions_def=PERIODS,
        metadata={
            "dagster/table_name": f"{settings.redshift_schema}.{FACT_FINANCIALS.table}",
            **code("orchestration/assets/period_partitions.py", SqlFile.PUBLISHED_SLICES),
        },
    )


def report_spec(settings: Settings, file_name: str) -> dg.AssetSpec:
    """Return the page of the variance report."""
    columns = [
        Column("Year", "integer", "Calendar year."),
        Column("AccountType", "varchar", "Revenue, Expense and so on."),
        Column("Actual", MONEY, "Actual of the whole year, natural sign."),
        Column("ActualWithBudget", MONEY, "Actual of the periods that have a budget; `no budget` where none has."),
        Column("Budget", MONEY, "The baseline in those periods; `no budget` where none has."),
        Column("Variance", MONEY, "ActualWithBudget - Budget; `no budget` where no period has one."),
    ]
    return dg.AssetSpec(
        ["reporting", "variance_report"],
        deps=[dg.AssetKey(["warehouse", contract.name]) for contract in STAR],
        description=(
            "Actual against Budget by calendar year and account type.\n\n**Grain**: one row per calendar year and "
            f"account type.\n\n{RULES['variance_report']}"
        ),
        group_name="reporting",
        kinds={"csv", "report", *_kinds(settings, "warehouse")},
        owners=OWNERS,
        tags=_tags("reporting", GRAINS["variance_report"]),
        metadata={
            **_columns("reporting", "variance_report", columns, REPORT_COLUMNS),
            "dagster/uri": f"{settings.reports_root}/{file_name}",
            **code(
                "orchestration/assets/reporting.py:variance_report",
                "reports/variance.py:variance_rows",
                SqlFile.VARIANCE_BY_YEAR,
                SqlFile.ACTUAL_VS_BUDGET,
            ),
        },
    )


def _parquet_spec(
    contract: Contract,
    settings: Settings,
    *,
    deps: Sequence[dg.AssetKey],
    lineage: Lineage,
    metadata: dict[str, Any],
    version: str,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["processed", contract.name],
        deps=deps,
        description=_description(contract, "processed"),
        group_name="processed",
        kinds={"pyspark", "parquet", *_kinds(settings, "processed")},
        owners=OWNERS,
        tags=_tags("processed", GRAINS[contract.name]),
        code_version=version,
        metadata={
            **_columns("processed", contract.name, contract.stored_columns, lineage),
            "dagster/uri": f"{settings.processed_root}/{contract.name}",
            "natural_key": ", ".join(contract.natural_key),
            **metadata,
        },
    )


def _description(contract: Contract, group: str) -> str:
    key = ", ".join(f"`{name}`" for name in _natural_key(contract, group))
    return f"**Grain**: {contract.grain} Named by {key}.\n\n{RULES[contract.name]}"


def _natural_key(contract: Contract, group: str) -> list[str]:
    """Return the columns that name a row, as they are spelt there."""
    columns = [contract.column(name) for name in contract.natural_key]
    return [column.sql_name if group == "warehouse" else column.name for column in columns]


def _columns(group: str, table: str, columns: Sequence[Column], lineage: Lineage) -> dict[str, Any]:
    """Return the schema of a table with the origin of each column, in words and as lineage."""
    said = origins(group, table, lineage)
    shown = []
    for column in columns:
        name = column.sql_name if group == "warehouse" else column.name
        shown.append(
            dg.TableColumn(
                name,
                column.type,
                description=f"{column.description} {said.get(name, '')}".strip(),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
                tags={"personal": "possible"} if column.is_personal else {},
            )
        )
    return {"dagster/column_schema": dg.TableSchema(shown), "dagster/column_lineage": as_metadata(lineage)}


def _owners(feed: FeedDescriptor) -> list[str]:
    return [feed.owner] if feed.owner else OWNERS


def _kinds(settings: Settings, layer: str) -> set[str]:
    """Return the services that stand behind a layer, as the settings say; Dagster shows at most three kinds."""
    if settings.is_on_aws:
        return {"raw": {"s3"}, "processed": {"glue"}, "warehouse": {"redshift"}}[layer]
    return {"raw": set[str](), "processed": {_SPARK[settings.spark_engine]}, "warehouse": {"duckdb"}}[layer]


def _tags(layer: str, grain: str) -> dict[str, str]:
    return {"domain": "finance", "layer": layer, "grain": grain}
