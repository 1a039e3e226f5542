"""All of AWS that the platform needs, on 127.0.0.1: S3, SNS, CloudWatch and the catalog, Glue, Redshift.

Belongs here: starting the stand-ins together, and what a deployment makes before the first run: buckets, jobs, topics,
a secret, a database. Does not belong here: any one stand-in, what is tried with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import boto3

import finance_platform
from finance_platform.settings import ENV_PREFIX
from finance_platform_tests.aws.glue_runner import GlueRunner, glue_runner, make_jobs
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment, moto_server
from finance_platform_tests.aws.redshift_stand_in import RedshiftStandIn, redshift_stand_in

COPY_ROLE = "arn:aws:iam::123456789012:role/finance-platform-copy"


@dataclass(frozen=True)
class StandIns:
    """The stand-ins at work; this process takes them for AWS.

    Attributes:
        aws: all services but the other two.
        glue: runs jobs.
        redshift: the warehouse.
    """

    aws: MotoServer
    glue: GlueRunner
    redshift: RedshiftStandIn

    @property
    def environment(self) -> dict[str, str]:
        """What leads another process to them."""
        return {**self.aws.environment, "AWS_ENDPOINT_URL_GLUE": self.glue.address}


@dataclass(frozen=True)
class Deployment:
    """What a deployment has made: a home of its own on the stand-ins.

    Attributes:
        name: begins the name of whatever it made.
        settings: the platform's settings, by variable, as a deployment prints them.
    """

    name: str
    settings: dict[str, str]

    def setting(self, name: str) -> str:
        """Return one setting."""
        return self.settings[ENV_PREFIX + name]

    def bucket(self, zone: str) -> str:
        """Return the bucket of a zone: raw, processed or scripts."""
        return f"{self.name}-{zone}"

    def send(self, path: Path) -> None:
        """Put a file into the raw zone, as a sender would."""
        boto3.client("s3").upload_file(str(path), self.bucket("raw"), path.name)


@contextmanager
def stand_ins(folder: Path) -> Iterator[StandIns]:
    """Run all stand-ins until the end of the block.

    Args:
        folder: for scripts and logs of Glue's runs.
    """
    with (
        moto_server() as aws,
        in_environment(aws.environment),
        redshift_stand_in(aws.address) as redshift,
        glue_runner(folder, aws) as glue,
    ):
        # Jobs are of this very checkout, wherever it is, as a deployment's are of the release.
        glue.environment = {**glue.environment, "PYTHONPATH": str(Path(finance_platform.__file__).parents[1])}
        yield StandIns(aws, glue, redshift)


def deployed(there: StandIns, **more: str) -> Deployment:
    """Make what a home needs on the stand-ins.

    Args:
        there: the stand-ins.
        more: settings besides, in lower case without the prefix.
    """
    name = f"finance-{uuid4().hex[:8]}"
    s3, sns = boto3.client("s3"), boto3.client("sns")
    for zone in ("raw", "processed", "scripts"):
        s3.create_bucket(Bucket=f"{name}-{zone}", CreateBucketConfiguration={"LocationConstraint": REGION})
    make_jobs(f"s3://{name}-scripts", name)
    topics = {kind: sns.create_topic(Name=f"{name}-{kind}")["TopicArn"] for kind in ("failures", "anomalies")}
    boto3.client("secretsmanager").create_secret(
        Name=f"{name}-loader",
        SecretString=f'{{"username": "{there.redshift.user}", "password": "{there.redshift.password}"}}',
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
        "redshift_port": str(there.redshift.port),
        "redshift_database": there.redshift.database(),
        "redshift_secret_id": f"{name}-loader",
        "redshift_copy_role_arn": COPY_ROLE,
        "redshift_tls": "false",
        "failures_topic_arn": topics["failures"],
        "anomalies_topic_arn": topics["anomalies"],
        "metrics_namespace": name,
        "data_catalog_database": name.replace("-", "_"),
        **more,
    }
    return Deployment(name, {ENV_PREFIX + key.upper(): value for key, value in values.items()})
