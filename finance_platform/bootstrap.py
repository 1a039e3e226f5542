"""Which adapter stands behind each port, as the settings say.

Belongs here: from settings to ports, for whoever works without Dagster; `resources` does the same for Dagster's assets.
Does not belong here: what an adapter does. An adapter's own library is imported when the adapter is opened.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from finance_platform.notifications.alerts import Alerts
from finance_platform.notifications.metrics import Metrics
from finance_platform.settings import Settings
from finance_platform.storage import file_lock, lease
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME, S3Options
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint


def s3_options(settings: Settings, *, is_raw: bool = False) -> S3Options:
    """Return how S3 is spoken to; only the raw zone may be somebody else's, who lets its readers pay."""
    return S3Options(
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        kms_key_id=settings.s3_kms_key_id,
        request_payer=is_raw and settings.s3_request_payer,
    )


def raw_zone(settings: Settings) -> ObjectStore:
    """Return the raw zone, which is only ever read."""
    return open_store(settings.raw_root, s3_options(settings, is_raw=True))


def processed_zone(settings: Settings) -> ObjectStore:
    """Return the processed zone."""
    return open_store(settings.processed_root, s3_options(settings))


def reports_folder(settings: Settings) -> ObjectStore:
    """Return where reports go."""
    return open_store(settings.reports_root, s3_options(settings))


def home_lock(settings: Settings, run_id: str = "") -> AbstractContextManager[None]:
    """Return the lock under which one run at a time works in a home, to be held in a `with` block.

    On disk it is a lock of this machine. A processed zone on S3 is reached by many machines, and has a lease, which
    outlasts a run that was killed.

    Args:
        settings: the home.
        run_id: the run, which whoever is refused is told. A run's step waits for a lease that may be that of a run
            that was killed, since nobody is there to start it again; without a run, a person is told at once.

    Raises:
        LockedError: another run is at work in this home.
    """
    if _is_on_s3(settings):
        wait_seconds = lease.UNTIL_FREE_SECONDS if run_id else 0
        return lease.hold_lease(processed_zone(settings), lease.RUN, run_id=run_id, wait_seconds=wait_seconds)
    return file_lock.run_lock(settings.home_path)


def is_home_locked(settings: Settings) -> bool:
    """Return whether a run of another process is at work in the home."""
    if _is_on_s3(settings):
        return lease.is_leased(processed_zone(settings), lease.RUN)
    return file_lock.is_locked(settings.home_path)


def jobs_lock(settings: Settings) -> AbstractContextManager[None]:
    """Return the lock that keeps Glue jobs out; one whose run was killed may go on for a while.

    Raises:
        LockedError: a job is at work.
    """
    if _is_on_s3(settings):
        return lease.hold_lease(processed_zone(settings), lease.JOB)
    return file_lock.job_lock(Path(settings.processed_root))


def _is_on_s3(settings: Settings) -> bool:
    return settings.processed_root.startswith(S3_SCHEME)


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse; nothing is opened before it is asked or loaded."""
    if settings.is_on_aws:
        from finance_platform.warehouse.redshift.row_level_security import SecuredWarehouse
        from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse

        endpoint = redshift_endpoint(settings)
        redshift = RedshiftWarehouse(endpoint, StagedFiles(processed_zone(settings)))
        return SecuredWarehouse(redshift, endpoint.schema)
    from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse

    return DuckDBWarehouse(settings.warehouse_path)


def redshift_endpoint(settings: Settings) -> RedshiftEndpoint:
    """Return where Redshift is, and how it is spoken to."""
    return RedshiftEndpoint(
        database=settings.redshift_database,
        schema=settings.redshift_schema,
        copy_role_arn=settings.redshift_copy_role_arn,
        host=settings.redshift_host,
        port=settings.redshift_port,
        workgroup=settings.redshift_workgroup,
        cluster=settings.redshift_cluster,
        user=settings.redshift_user,
        secret_id=settings.redshift_secret_id,
        tls=settings.redshift_tls,
        statement_timeout_seconds=settings.redshift_statement_timeout_seconds,
        query_group=settings.redshift_query_group,
        region=settings.aws_region,
    )


def open_alerts(settings: Settings) -> Alerts:
    """Return where alerts go; nothing is written before one is sent."""
    from finance_platform.notifications import opening

    topics = opening.Topics(settings.failures_topic_arn, settings.anomalies_topic_arn)
    return opening.open_alerts(settings.alerts_path, topics, processed_zone(settings))


def open_metrics(settings: Settings) -> Metrics | None:
    """Return where metrics go, or None where nobody looks; nothing is opened before one is sent."""
    if not settings.metrics_namespace:
        return None
    from finance_platform.notifications.cloudwatch import CloudWatchMetrics

    return CloudWatchMetrics(settings.metrics_namespace, settings.aws_region)
