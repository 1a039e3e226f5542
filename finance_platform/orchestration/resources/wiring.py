"""Which resources the assets get, as the settings say.

Belongs here: one resource per port, by profile. Does not belong here: what a resource does.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from finance_platform.bootstrap import redshift_endpoint
from finance_platform.orchestration.resources.alerts import AlertsResource, TopicAlertsResource
from finance_platform.orchestration.resources.data_catalog import DataCatalogResource
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.glue_local import LocalGlueResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.resources.metrics import MetricsResource
from finance_platform.orchestration.resources.warehouse import (
    DuckDBWarehouseResource,
    RedshiftWarehouseResource,
    WarehouseResource,
)
from finance_platform.settings import Settings


def platform_resources(settings: Settings) -> dict[str, Any]:
    """Return the resources by the names under which assets and sensors ask for them."""
    lake = _lake(settings)
    return {
        # Local folders have no address that a catalog's readers could reach.
        "data_catalog": DataCatalogResource(
            database=settings.data_catalog_database if settings.is_on_aws else "", region=settings.aws_region
        ),
        "alerts": _alerts(settings, lake),
        "lake": lake,
        "glue": _glue(settings, lake),
        "metrics": MetricsResource(namespace=settings.metrics_namespace, region=settings.aws_region),
        "warehouse": _warehouse(settings, lake),
    }


def _lake(settings: Settings) -> LakeResource:
    fields: dict[str, Any] = {
        "raw_root": settings.raw_root,
        "processed_root": settings.processed_root,
        "raw_events_queue_url": settings.raw_events_queue_url,
        **_s3(settings),
    }
    if not settings.is_on_aws:
        return LakeResource(**fields)
    from finance_platform.orchestration.resources.lake_aws import AwsLakeResource, PlatformS3Resource  # as in _glue

    s3 = PlatformS3Resource(region_name=settings.aws_region or None, endpoint_url=settings.s3_endpoint_url or None)
    return AwsLakeResource(s3=s3, **fields)


def _s3(settings: Settings) -> dict[str, Any]:
    return {
        "aws_region": settings.aws_region,
        "s3_endpoint_url": settings.s3_endpoint_url,
        "s3_kms_key_id": settings.s3_kms_key_id,
        "s3_request_payer": settings.s3_request_payer,
    }


def _alerts(settings: Settings, lake: LakeResource) -> AlertsResource:
    path = str(settings.alerts_path)
    if not (settings.failures_topic_arn or settings.anomalies_topic_arn):
        return AlertsResource(path=path)
    return TopicAlertsResource(
        path=path,
        lake=lake,
        failures_topic_arn=settings.failures_topic_arn,
        anomalies_topic_arn=settings.anomalies_topic_arn,
    )


def _glue(settings: Settings, lake: LakeResource) -> GlueResource:
    if not settings.is_on_aws:
        return LocalGlueResource(lake=lake, spark_engine=settings.spark_engine)
    from finance_platform.orchestration.resources.glue_aws import (
        AwsGlueResource,  # boto3 takes most of a second to import
    )

    return AwsGlueResource(
        lake=lake,
        scripts_uri=settings.scripts_uri,
        job_prefix=settings.glue_job_prefix,
        poll_seconds=settings.glue_poll_seconds,
    )


def _warehouse(settings: Settings, lake: LakeResource) -> WarehouseResource:
    if not settings.is_on_aws:
        return DuckDBWarehouseResource(path=str(settings.warehouse_path))
    fields = asdict(redshift_endpoint(settings))
    return RedshiftWarehouseResource(lake=lake, schema_name=fields.pop("schema"), **fields)
