"""Each role of the template may do what its code calls, and nothing else.

Belongs here: the actions of a role beside the operations that its code calls, and what a whole refresh asks of S3.
Does not belong here: the form of policies (see `test_template_policies`).
"""

from __future__ import annotations

from pathlib import Path

import dagster_aws
import pytest

import finance_platform
from finance_platform_tests.aws.called_operations import actions_for, called_functions, called_operations
from finance_platform_tests.aws.iam import Needed, actions_of, refused

PACKAGE, DAGSTER = Path(finance_platform.__file__).parent, Path(dagster_aws.__file__).parent
PROOF = PACKAGE / "deployment" / "proof.py"
OURS = frozenset({"cloudwatch", "glue", "redshift", "redshift-serverless", "s3", "secretsmanager", "sns", "sqs"})
DAGSTERS = frozenset({"ecs", "logs", "s3", "secretsmanager"})
"""The services whose clients the product and Dagster's library have."""

OF_A_PERSON = ("deployment", "cli/deploy.py")
"""What runs with the rights of the person who deploys."""

THE_STACK_SETS_THE_ADDRESS = {
    "redshift:DescribeClusters",
    "redshift-serverless:GetWorkgroup",
}
THE_STACK_GIVES_A_SECRET = {"redshift:GetClusterCredentials", "redshift:GetClusterCredentialsWithIAM"}
"""For a cluster the stack has a secret; temporary credentials are for other ways to install the platform."""

READS_A_SECRET = {"secretsmanager:GetSecretValue"}
"""On Serverless, the code reads the secret of the records alone, and only if its password is rotated."""

THE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
"""S3, SNS and SQS use the key in the name of the caller."""

WITH_OTHER_CALLS = {
    "s3:AbortMultipartUpload",  # an upload that fails removes its parts
    "s3:PutObjectRetention",  # PutObject with a lock
    "s3:GetObjectRetention",  # HeadObject shows a lock only to callers with this
}
GLUE_ITSELF = {
    "s3:GetBucketLocation",
    "kms:Encrypt",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:AssociateKmsKey",
    "cloudwatch:PutMetricData",
}
"""What Glue and its Spark call before and beside the script."""

DAGSTER_IS_CONFIGURED_WITHOUT = {
    "ecs:RegisterTaskDefinition",  # `task_definition` names the stack's
    "secretsmanager:ListSecrets",  # `secrets_tag` is null
    "secretsmanager:DescribeSecret",
    "s3:DeleteObject",  # logs of steps expire by the bucket's rule
}
DAGSTER_WITH_OTHER_CALLS = {
    "ec2:DescribeNetworkInterfaces",  # an object of boto3 for the task's own interface
    "ecs:TagResource",  # RunTask with tags
    "iam:PassRole",  # RunTask with roles
    "secretsmanager:GetSecretValue",  # `orchestration.rotated_password`, ours
}


def product_files(*folders: str) -> list[Path]:
    """Return the modules of the product, or of some of its packages, without what a person runs."""
    found = [file for folder in folders or ("",) for file in (PACKAGE / folder).rglob("*.py")]
    names = {file: file.relative_to(PACKAGE).as_posix() for file in found}
    return [file for file, name in names.items() if not name.startswith(OF_A_PERSON)]


def test_the_platform_may_do_what_its_code_calls_and_nothing_else():
    called = called_operations(product_files(), OURS)
    called |= called_operations([PROOF], OURS, called_functions(PROOF, "task_assumptions"))
    needed = actions_for(called) - THE_STACK_SETS_THE_ADDRESS - THE_STACK_GIVES_A_SECRET
    assert actions_of("PlatformRole", rotates_passwords=True) == needed | THE_KEY | WITH_OTHER_CALLS
    assert actions_of("PlatformRole") == (needed | THE_KEY | WITH_OTHER_CALLS) - READS_A_SECRET


def test_a_glue_job_may_do_what_its_code_calls_and_what_glue_does_and_nothing_else():
    called = called_operations(product_files("spark_jobs", "storage", "feeds", "transforms", "slices"), OURS)
    needed = {action for action in actions_for(called) if action.startswith("s3:")}
    assert actions_of("GlueRole") == needed | THE_KEY | {"s3:AbortMultipartUpload"} | GLUE_ITSELF


def test_dagster_may_do_what_its_launcher_and_its_logs_call_and_nothing_else():
    files = [*(DAGSTER / "ecs" / f"{name}.py" for name in ("launcher", "utils", "tasks"))]
    files += [DAGSTER / "s3" / "compute_log_manager.py", DAGSTER / "secretsmanager" / "secrets.py"]
    needed = actions_for(called_operations(files, DAGSTERS)) - DAGSTER_IS_CONFIGURED_WITHOUT
    assert actions_of("DagsterRole", rotates_passwords=True) == needed | THE_KEY | DAGSTER_WITH_OTHER_CALLS
    assert actions_of("DagsterRole") == (needed | THE_KEY | DAGSTER_WITH_OTHER_CALLS) - READS_A_SECRET


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("PlatformRole", "s3:PutObject", "rawbucket/ledger.csv"),
        ("PlatformRole", "s3:PutObject", "scriptsbucket/releases/1/standardise_job.py"),
        ("GlueRole", "s3:PutObject", "rawbucket/ledger.csv"),
        ("GlueRole", "s3:GetObject", "scriptsbucket/dagster/log"),
        ("CopyRole", "s3:PutObject", "processedbucket/register/1.json"),
        ("WarehouseAdminRole", "s3:GetObject", "rawbucket/ledger.csv"),
        ("WarehouseAdminRole", "s3:PutObject", "processedbucket/register/1.json"),
        ("DagsterRole", "s3:GetObject", "processedbucket/register/1.json"),
    ],
)
def test_a_role_may_not(role: str, action: str, resource: str):
    needed = Needed(action, f"arn:aws:s3:::{resource}")
    assert refused(role, [needed]) == [needed]
