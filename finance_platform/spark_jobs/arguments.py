"""The arguments of a Glue job: what it is started with, here and in Glue.

Belongs here: names, reading and writing them, the zones that they name. Does not belong here: running (see `job`).

Glue adds arguments of its own, and these are known by the names that people give them on AWS:

| argument | here | what it is |
|---|---|---|
| `--RAW_S3_PATH` | `raw_uri` | the raw zone, only read |
| `--PROCESSED_S3_PATH` | `processed_uri` | the processed zone: requests, results, tables |
| `--TEMP_S3_DIR` | `temp_uri` | interim results of Spark, removed when the job ends |
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields

from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME, S3Options

GLUE = "glue"
"""The engine of a job that runs in Glue itself."""

_NAMES_ON_GLUE = {"raw_uri": "RAW_S3_PATH", "processed_uri": "PROCESSED_S3_PATH", "temp_uri": "TEMP_S3_DIR"}


@dataclass(frozen=True)
class JobArguments:
    """What a job is started with.

    Attributes:
        raw_uri: the raw zone.
        processed_uri: the processed zone.
        attempt: names the request, the result, and the folder that this attempt's Parquet goes to.
        spark_engine: sail, jvm or glue; chosen by whoever knows where the job runs.
        temp_uri: where interim results go; the processed zone when empty.
        code_version: the source that the job must have, so that it builds what was asked for; any when empty.
        aws_region: the region; as boto3 finds it when empty.
        s3_endpoint_url: another address for S3.
        s3_kms_key_id: the key that written objects are encrypted with; the bucket's own when empty.
        s3_request_payer: `true` where reading the raw zone is paid by whoever reads.
    """

    raw_uri: str
    processed_uri: str
    attempt: str
    spark_engine: str = GLUE
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
        """Return the arguments as Glue takes them, by the names that people know there."""
        return {f"--{_NAMES_ON_GLUE.get(name, name)}": value for name, value in vars(self).items() if value}

    @property
    def s3_options(self) -> S3Options:
        """How the job speaks to S3."""
        return S3Options(region=self.aws_region, endpoint_url=self.s3_endpoint_url, kms_key_id=self.s3_kms_key_id)

    @property
    def raw_options(self) -> S3Options:
        """How the job reads the raw zone, which may be somebody else's."""
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
        """Where interim results go."""
        return open_store(self.temp_uri or self.processed_uri, self.s3_options)

    @property
    def is_in_glue(self) -> bool:
        """Whether Glue itself runs the job."""
        return self.spark_engine == GLUE

    @property
    def has_lake_on_disk(self) -> bool:
        """Whether the processed zone is a folder of this machine."""
        return not self.processed_uri.startswith(S3_SCHEME)


def parse_arguments(command_line: list[str]) -> JobArguments:
    """Read a job's arguments; those that Glue adds of its own are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for field in fields(JobArguments):
        names = [f"--{name}" for name in (field.name, _NAMES_ON_GLUE.get(field.name)) if name]
        is_required = field.name in {"raw_uri", "processed_uri", "attempt"}
        parser.add_argument(
            *names, dest=field.name, required=is_required, default=None if is_required else field.default
        )
    known, _ = parser.parse_known_args(command_line)
    return JobArguments(**vars(known))
