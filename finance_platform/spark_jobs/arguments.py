"""The arguments of a Spark job, here and in Glue.

Belongs here: names, parsing and formatting, the stores that they name. Does not belong here: running (see `harness`).

Glue adds arguments of its own, and these have other names on AWS:

| argument | here | meaning |
|---|---|---|
| `--RAW_S3_PATH` | `raw_uri` | the raw zone, only read |
| `--PROCESSED_S3_PATH` | `processed_uri` | the processed zone: requests, results, tables |
| `--TEMP_S3_DIR` | `temp_uri` | interim results of Spark, removed when the job ends |
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from uuid import uuid4

from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME, S3Options

GLUE = "glue"
"""The engine of a job that runs in Glue itself."""

SAIL = "sail"
"""The engine in the job's own process, which starts neither Java nor other machines."""

_NAMES_ON_GLUE = {"raw_uri": "RAW_S3_PATH", "processed_uri": "PROCESSED_S3_PATH", "temp_uri": "TEMP_S3_DIR"}


def new_attempt() -> str:
    """Return the name of a new attempt.

    The time sorts the folders by age; the suffix separates two attempts within one second.
    """
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


@dataclass(frozen=True)
class JobArguments:
    """The arguments of a job.

    Attributes:
        raw_uri: the raw zone.
        processed_uri: the processed zone.
        attempt: the name of the request, of the result, and of the folder of this attempt's Parquet files.
        spark_engine: sail, jvm or glue.
        spark_master: the master or the Spark Connect address of a cluster, with engine jvm; this machine when empty.
        temp_uri: the place of interim results; the processed zone when empty.
        code_version: the version of the code that the job must have; any when empty.
        aws_region: the region; boto3's default when empty.
        s3_endpoint_url: an endpoint of S3 other than AWS's own.
        s3_kms_key_id: the key that encrypts written objects; the bucket's own when empty.
        s3_request_payer: `true` if the reader pays for reading the raw zone.
    """

    raw_uri: str
    processed_uri: str
    attempt: str
    spark_engine: str = GLUE
    spark_master: str = ""
    temp_uri: str = ""
    code_version: str = ""
    aws_region: str = ""
    s3_endpoint_url: str = ""
    s3_kms_key_id: str = ""
    s3_request_payer: str = ""

    def as_command_line(self) -> list[str]:
        """Return the arguments as `parse_arguments` reads them."""
        return [part for name, value in vars(self).items() if value for part in (f"--{name}", value)]

    def as_glue_arguments(self) -> dict[str, str]:
        """Return the arguments as Glue takes them, by their names there."""
        return {f"--{_NAMES_ON_GLUE.get(name, name)}": value for name, value in vars(self).items() if value}

    @property
    def s3_options(self) -> S3Options:
        """The S3 options for everything but the raw zone."""
        return S3Options(region=self.aws_region, endpoint_url=self.s3_endpoint_url, kms_key_id=self.s3_kms_key_id)

    @property
    def raw_options(self) -> S3Options:
        """The S3 options for the raw zone, whose bucket may belong to another account."""
        return S3Options(
            region=self.aws_region,
            endpoint_url=self.s3_endpoint_url,
            request_payer=self.s3_request_payer == "true",
        )

    @property
    def processed(self) -> ObjectStore:
        """The processed zone."""
        return open_store(self.processed_uri, self.s3_options)

    @property
    def temporary(self) -> ObjectStore:
        """The store of interim results."""
        return open_store(self.temp_uri or self.processed_uri, self.s3_options)

    @property
    def is_in_glue(self) -> bool:
        """Whether Glue itself runs the job."""
        return self.spark_engine == GLUE

    @property
    def is_on_cluster(self) -> bool:
        """Whether tasks run on other machines than the job."""
        return self.is_in_glue or bool(self.spark_master)

    @property
    def cores(self) -> int | None:
        """The cores of this machine; None where tasks run on others."""
        return None if self.is_on_cluster else os.cpu_count() or 1

    @property
    def has_local_zone(self) -> bool:
        """Whether the processed zone is a folder of this machine."""
        return not self.processed_uri.startswith(S3_SCHEME)


def staging_folder(attempt: str) -> str:
    """Return the folder of an attempt's interim results in the temporary store."""
    return f"staging/{attempt}"


def parse_arguments(command_line: list[str]) -> JobArguments:
    """Parse a job's arguments; those that Glue adds of its own are ignored."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for field in fields(JobArguments):
        names = [f"--{name}" for name in (field.name, _NAMES_ON_GLUE.get(field.name)) if name]
        is_required = field.name in {"raw_uri", "processed_uri", "attempt"}
        parser.add_argument(
            *names, dest=field.name, required=is_required, default=None if is_required else field.default
        )
    known, _ = parser.parse_known_args(command_line)
    return JobArguments(**vars(known))
