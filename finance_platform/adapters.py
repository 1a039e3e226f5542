"""Which adapter stands behind each port, as the settings say.

Belongs here: from settings to ports, for whoever works without Dagster; `resources` does the same for Dagster's assets.
Does not belong here: what an adapter does. An adapter's own library is imported when the adapter is opened.
"""

from __future__ import annotations

from finance_platform.alerts.port import Alerts
from finance_platform.lake.port import Lake
from finance_platform.lake.zones import S3Options, open_zone
from finance_platform.metrics.port import Metrics
from finance_platform.settings import Settings
from finance_platform.warehouse.port import Warehouse


def s3_options(settings: Settings, *, is_raw: bool = False) -> S3Options:
    """Return how S3 is spoken to; only the raw zone may be somebody else's, who lets its readers pay."""
    return S3Options(
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        kms_key_id=settings.s3_kms_key_id,
        request_payer=is_raw and settings.s3_request_payer,
    )


def raw_zone(settings: Settings) -> Lake:
    """Return the raw zone, which is only ever read."""
    return open_zone(settings.raw_root, s3_options(settings, is_raw=True))


def processed_zone(settings: Settings) -> Lake:
    """Return the processed zone."""
    return open_zone(settings.processed_root, s3_options(settings))


def reports_folder(settings: Settings) -> Lake:
    """Return where reports go."""
    return open_zone(settings.reports_root, s3_options(settings))


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse; nothing is opened before it is asked or loaded."""
    from finance_platform.warehouse.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(settings.warehouse_path)


def open_alerts(settings: Settings) -> Alerts:
    """Return where alerts go; nothing is written before one is sent."""
    from finance_platform.alerts import opening

    topics = opening.Topics(settings.failures_topic_arn, settings.anomalies_topic_arn)
    return opening.open_alerts(settings.alerts_path, topics, processed_zone(settings))


def open_metrics(settings: Settings) -> Metrics | None:
    """Return where metrics go, or None where nobody looks; nothing is opened before one is sent."""
    if not settings.metrics_namespace:
        return None
    from finance_platform.metrics.cloudwatch import CloudWatchMetrics

    return CloudWatchMetrics(settings.metrics_namespace, settings.aws_region)
