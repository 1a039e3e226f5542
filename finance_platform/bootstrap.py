"""The composition root: from settings to ports, for Dagster and the command line alike.

Belongs here: which adapter implements each port under which settings. Does not belong here: what an adapter does.

Nothing is opened or connected to here, and an adapter's own library is imported only where the settings ask for it:
boto3 takes most of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from finance_platform.home import Home
from finance_platform.notifications.alerts import DATA_KINDS, OPERATIONS_KINDS, Alerts
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.notifications.metrics import Metrics
from finance_platform.notifications.routing import RoutedAlerts
from finance_platform.settings import Settings
from finance_platform.storage import file_lock, lease
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME, S3Options
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint

if TYPE_CHECKING:
    from finance_platform.data_catalog.glue import GlueDataCatalog
    from finance_platform.storage.s3_events import S3EventQueue
    from finance_platform.warehouse.known_answers import KnownAnswers

_WAIT_FOR_RUN_SECONDS = 600
"""How long a step waits for a run of the command line, which holds the lock to its end."""


def open_home(settings: Settings) -> Home:
    """Return the home with its ports."""
    return Home(settings, raw_zone(settings), processed_zone(settings), open_warehouse(settings))


def s3_options(settings: Settings, *, is_raw: bool = False) -> S3Options:
    """Return the options of S3; only the raw zone's bucket may belong to another account and be requester-pays."""
    return S3Options(
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        kms_key_id=settings.s3_kms_key_id,
        request_payer=is_raw and settings.s3_request_payer,
        lock_days=0 if is_raw else settings.s3_lock_days,
        lock_mode=settings.s3_lock_mode,
    )


def raw_zone(settings: Settings) -> ObjectStore:
    """Return the raw zone; the platform never writes to it."""
    return open_store(settings.raw_root, s3_options(settings, is_raw=True), is_raw=True)


def processed_zone(settings: Settings) -> ObjectStore:
    """Return the processed zone."""
    return open_store(settings.processed_root, s3_options(settings))


def reports_folder(settings: Settings) -> ObjectStore:
    """Return the folder of reports."""
    return open_store(settings.reports_root, s3_options(settings))


def home_lock(
    settings: Settings, run_id: str = "", on_wait: Callable[[str], object] = lambda _: None
) -> AbstractContextManager[None]:
    """Return the lock under which one run at a time works in a home, to be held in a `with` block.

    On disk it is a file lock of this machine. A processed zone on S3 is reached by many machines and has a lease, which
    outlasts a run that was killed.

    Args:
        settings: the home.
        run_id: the run, named in the error. Its step waits for another run of this machine, and until a lease can be
            taken over, since its holder may have been killed; a command without a run fails at once.
        on_wait: called with a sentence if the step of a run waits for another run of this machine.

    Raises:
        LockedError: another run is active in this home.
    """
    if _is_on_s3(settings):
        wait_seconds = lease.TAKEOVER_SECONDS if run_id else 0
        return lease.hold_lease(processed_zone(settings), lease.RUN, run_id=run_id, wait_seconds=wait_seconds)
    return file_lock.run_lock(settings.home_path, _WAIT_FOR_RUN_SECONDS if run_id else 0, on_wait)


def is_home_locked(settings: Settings) -> bool:
    """Return whether another process holds the home's lock."""
    if _is_on_s3(settings):
        return lease.is_leased(processed_zone(settings), lease.RUN)
    return file_lock.is_locked(settings.home_path)


def jobs_lock(settings: Settings) -> AbstractContextManager[None]:
    """Return the lock that keeps Spark jobs out; a job whose run was killed may still be running.

    Raises:
        LockedError: a job is running.
    """
    if _is_on_s3(settings):
        return lease.hold_lease(processed_zone(settings), lease.JOB)
    return file_lock.job_lock(Path(settings.processed_root))


def _is_on_s3(settings: Settings) -> bool:
    return settings.processed_root.startswith(S3_SCHEME)


def open_warehouse(settings: Settings, *, keeps_newer_schema: bool = True) -> Warehouse:
    """Return the warehouse; it is opened with the first query or load.

    Args:
        settings: the home.
        keeps_newer_schema: whether a load leaves tables and views of a newer release as they are, on Redshift.
    """
    if settings.is_on_aws:
        from finance_platform.warehouse.redshift.row_level_security import SecuredWarehouse
        from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse

        endpoint = redshift_endpoint(settings)
        staged = StagedFiles(processed_zone(settings))
        redshift = RedshiftWarehouse(endpoint, staged, keeps_newer_schema=keeps_newer_schema)
        return SecuredWarehouse(redshift, endpoint.schema)
    from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse

    return DuckDBWarehouse(settings.warehouse_path)


def embedded_warehouse(path: Path) -> Warehouse:
    """Return a warehouse in a file of its own, on a laptop and on AWS: for a state that is not the published one."""
    from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse

    return DuckDBWarehouse(path)


def warehouse_readers(settings: Settings, *, threads: int = 1) -> AbstractContextManager[None]:
    """Return a block in which the warehouse is opened once for all queries on the same state, instead of for each.

    Args:
        settings: the home.
        threads: how many threads read while the block lasts; they share what the first one opens.
    """
    if settings.is_on_aws:
        return nullcontext()  # on Redshift, readers block no writer
    from finance_platform.warehouse.duckdb.kept_readers import kept_readers

    return kept_readers(threads=threads)


def keep_answers(settings: Settings, answers: KnownAnswers) -> None:
    """Know what another process has read from the warehouse, until the block of `warehouse_readers` ends."""
    from finance_platform.warehouse.duckdb.kept_readers import keep_answers

    keep_answers(settings.warehouse_path, answers)


def translate_ahead(settings: Settings) -> Iterator[None]:
    """Translate the statements of a run for the warehouse's engine, in steps; nothing on Redshift, which takes them."""
    if not settings.is_on_aws:
        from finance_platform.warehouse.duckdb.work_ahead import translate_ahead

        yield from translate_ahead(settings.warehouse_path)


def redshift_endpoint(settings: Settings) -> RedshiftEndpoint:
    """Return the address of Redshift, and how to connect."""
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
    """Return the channel of alerts: a kind with a topic goes to that topic alone, every other kind into the file.

    What was sent to a topic is recorded in the processed zone, since a container's home is deleted with it.
    """
    alerts_file = AlertsFile(settings.alerts_path)
    topics = {
        **dict.fromkeys(OPERATIONS_KINDS, settings.failures_topic_arn),
        **dict.fromkeys(DATA_KINDS, settings.anomalies_topic_arn),
    }
    if not any(topics.values()):
        return alerts_file
    from finance_platform.notifications.sns import TopicAlerts

    processed = processed_zone(settings)
    by_topic = {topic: TopicAlerts(topic, processed) for topic in topics.values() if topic}
    return RoutedAlerts({kind: by_topic[topic] for kind, topic in topics.items() if topic}, alerts_file)


def open_metrics(settings: Settings) -> Metrics | None:
    """Return the channel of metrics; None without a namespace."""
    if not settings.metrics_namespace:
        return None
    from finance_platform.notifications.cloudwatch import CloudWatchMetrics

    return CloudWatchMetrics(settings.metrics_namespace, settings.aws_region)


def open_data_catalog(settings: Settings) -> GlueDataCatalog | None:
    """Return the data catalog that lists the processed tables; None where there is none.

    A local folder has no address that readers of a catalog could reach.
    """
    if not settings.is_on_aws or not settings.data_catalog_database:
        return None
    from finance_platform.data_catalog.glue import GlueDataCatalog

    return GlueDataCatalog(settings.data_catalog_database, settings.aws_region)


def delta_options(settings: Settings) -> dict[str, str]:
    """Return how Delta's library reaches the processed zone: with nothing where that is a folder."""
    if not settings.processed_root.startswith(S3_SCHEME):
        return {}
    from finance_platform.storage.s3 import object_store_options

    return object_store_options(s3_options(settings))


def open_raw_zone_events(settings: Settings) -> S3EventQueue | None:
    """Return the queue of S3's events on the raw zone; None where there is none."""
    if not settings.raw_events_queue_url:
        return None
    from finance_platform.storage.s3_events import S3EventQueue

    return S3EventQueue(settings.raw_events_queue_url, settings.aws_region)
