"""Asset labels: the owners, kinds and tags by which the UI filters and marks assets.

Belongs here: labels. Does not belong here: descriptions and metadata (see `feed_specs`, `table_specs`).
"""

from __future__ import annotations

from collections.abc import Mapping

from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.settings import Settings

OWNERS = ["team:finance-data"]

GRAINS: Mapping[str, str] = {
    "transactions": "ledger-line",
    "budget": "ledger-line",
    "departments": "department-by-delivery",
    "accounts": "account-by-delivery",
    "rejected_rows": "candidate-line",
    "dim_date": "day",
    "dim_department": "department",
    "dim_account": "account",
    "dim_scenario": "scenario",
    "fact_financials": "day-department-account-scenario",
    "variance_report": "fiscal-year-line",
    "report_pack": "file",
}
"""By table, the grain in the characters that a tag may have."""

_SPARK = {"sail": "sail", "jvm": "spark"}


def feed_owners(feed: FeedDescriptor) -> list[str]:
    """Return the owner that the descriptor names, or else the team that runs the platform."""
    return [feed.owner] if feed.owner else OWNERS


def service_kinds(settings: Settings, layer: str) -> set[str]:
    """Return the services that a layer uses in this home; Dagster shows at most three kinds of an asset."""
    if settings.is_on_aws:
        return {"raw": {"s3"}, "processed": {"glue"}, "warehouse": {"redshift"}}[layer]
    return {"raw": set[str](), "processed": {_SPARK[settings.job_engine]}, "warehouse": {"duckdb"}}[layer]


def asset_tags(layer: str, grain: str) -> dict[str, str]:
    """Return the tags of an asset."""
    return {"domain": "finance", "layer": layer, "grain": grain}
