"""Every AWS service of the platform on 127.0.0.1: S3, SNS, CloudWatch, the Glue Data Catalog, Glue, Redshift.

Belongs here: starting the fakes together, and the result of a deployment on them: buckets, jobs, topics, a secret, a
database. Does not belong here: any one fake, expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import boto3

import finance_platform
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform_tests.aws.fake_glue import FakeGlue, create_jobs, fake_glue
from finance_platform_tests.aws.fake_redshift import FakeRedshift, fake_redshift
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment, moto_server

COPY_ROLE = "arn:aws:iam::123456789012:role/finance-platform-copy"


@dataclass(frozen=True)
class Fakes:
    """The running fakes; clients in this process use them.

    Attributes:
        aws: every service but Glue's jobs and Redshift.
        glue: Glue's jobs.
        redshift: the warehouse.
    """

    aws: MotoServer
    glue: FakeGlue
    redshift: FakeRedshift

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which another process uses the fakes."""
        return {**self.aws.environment, "AWS_ENDPOINT_URL_GLUE": self.glue.address}


@dataclass(frozen=True)
class Deployment:
    """A deployment on the fakes, for one home.

    Attributes:
        name: the first part of the name of everything in it.
        settings: the platform's settings by environment variable, as `finance-platform deploy` prints them.
    """

    name: str
    settings: dict[str, str]

    def setting(self, name: str) -> str:
        """Return one setting."""
        return self.settings[ENV_PREFIX + name]

    def bucket(self, zone: str) -> str:
        """Return the bucket of a zone: raw, processed or scripts."""
        return f"{self.name}-{zone}"

    def deliver(self, path: Path) -> None:
        """Copy a file into the raw zone."""
        boto3.client("s3").upload_file(str(path), self.bucket("raw"), path.name)


@contextmanager
def start_fakes(folder: Path, redshift_data: Path | None = None) -> Iterator[Fakes]:
    """Run all fakes until the end of the block.

    Args:
        folder: for scripts and logs of Glue's runs.
        redshift_data: what another fake of Redshift has left.
    """
    with (
        moto_server() as aws,
        in_environment(aws.environment),
        fake_redshift(aws.address, data=redshift_data) as redshift,
        # The jobs import this checkout, as those of a deployment import its release.
        fake_glue(folder, aws, imports=Path(finance_platform.__file__).parents[1]) as glue,
    ):
        yield Fakes(aws, glue, redshift)


def deploy(fakes: Fakes, **settings: str) -> Deployment:
    """Create everything that a home needs on the fakes.

    Args:
        fakes: the running fakes.
        settings: further settings, in lower case without the prefix.
    """
    name = f"finance-{uuid4().hex[:8]}"
    s3, sns = boto3.client("s3"), boto3.client("sns")
    for zone in ("raw", "processed", "scripts"):
        s3.create_bucket(Bucket=f"{name}-{zone}", CreateBucketConfiguration={"LocationConstraint": REGION})
    create_jobs(f"s3://{name}-scripts", name)
    topics = {kind: sns.create_topic(Name=f"{name}-{kind}")["TopicArn"] for kind in ("failures", "anomalies")}
    boto3.client("secretsmanager").create_secret(
        Name=f"{name}-loader",
        SecretString=f'{{"username": "{fakes.redshift.user}", "password": "{fakes.redshift.password}"}}',
    )
    boto3.client("glue").create_database(DatabaseInput={"Name": name.replace("-", "_")})
    values = {
        "profile": "aws",
        "aws_region": REGION,
        "raw_uri": f"s3://{name}-raw",
        "processed_uri": f"s3://{name}-processed",
        "scripts_uri": f"s3://{name}-scripts",
        "glue_job_prefix": name,
        "glue_poll_seconds": "0.3",
        "redshift_host": "127.0.0.1",
        "redshift_port": str(fakes.redshift.port),
        "redshift_database": fakes.redshift.database(),
        "redshift_secret_id": f"{name}-loader",
        "redshift_copy_role_arn": COPY_ROLE,
        "redshift_tls": "false",
        "failures_topic_arn": topics["failures"],
        "anomalies_topic_arn": topics["anomalies"],
        "metrics_namespace": name,
        "data_catalog_database": name.replace("-", "_"),
        **settings,
    }
    return Deployment(name, {ENV_PREFIX + key.upper(): value for key, value in values.items()})
