"""The deploy command against the stand-in: the real template, whole, and what is told on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto.cloudformation.models import CloudFormationBackend, Event

from finance_platform.cli import main
from finance_platform.deployment.artefacts import MANIFEST
from finance_platform.deployment.aws import Account, explained
from finance_platform.deployment.plan import template_path
from finance_platform.deployment.settings_file import FOR_PEOPLE, output_name
from finance_platform.deployment.stack import STUCK, Stack
from finance_platform.deployment.tasks import OneOffTask, run_task
from finance_platform.deployment.template import read_template
from finance_platform.errors import DeploymentAccessError, DeploymentError
from finance_platform.settings import Settings, load_settings
from finance_platform_tests.aws.cloudformation_types import UNKNOWN_TO_MOTO, complete_cloudformation, is_written_down
from finance_platform_tests.aws.ecs_runner import tasks_at_work
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment, moto_server

ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/finance:1"
RELEASE = "0123456789ab"
EMPTY = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/of-nobody"


@pytest.fixture(scope="module")
def cloud() -> Iterator[MotoServer]:
    """A stand-in of this module's own: what other tests make in theirs must not be in the way of the stack's names."""
    with moto_server() as server, complete_cloudformation(), in_environment(server.environment):
        patience, Account.poll_seconds = Account.poll_seconds, 0.01
        yield server
        Account.poll_seconds = patience


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as `make dist` leaves it; small."""
    import hashlib

    folder = tmp_path_factory.mktemp("dist")
    files = {"standardise_job.py": b"1", "build_star_job.py": b"2", "finance_platform-1-py3-none-any.whl": b"3"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / MANIFEST).write_text(json.dumps({"release": RELEASE, "files": hashes}))
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A program in the place of the image's: it says how it was called, and as whom."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "finance-platform"
    program.write_text('#!/bin/sh\necho "called: $* secret=$FINANCE_PLATFORM_REDSHIFT_SECRET_ID"\ntest "$1" != fail\n')
    program.chmod(0o755)
    return folder


def deploy(dist: Path, tmp_path: Path, *arguments: str, answer: str = "", name: str = "finance") -> Result:
    fixed = ["deploy", "--stack-name", name, "--dist", str(dist), "--settings", str(tmp_path / "finance.env")]
    return CliRunner().invoke(main, [*fixed, *arguments], input=answer)


def stack(name: str = "finance") -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first deployment writes the settings."""
    return tmp_path_factory.mktemp("deployed")


@pytest.fixture(scope="module")
def deployed(cloud: MotoServer, dist: Path, folder: Path) -> Result:
    """The stack, deployed from nothing, without an image."""
    assert cloud.address
    result = deploy(dist, folder, "--yes")
    assert result.exit_code == 0, result.output
    return result


def test_a_dry_run_says_what_it_would_do_and_does_nothing(cloud: MotoServer, dist: Path, tmp_path: Path):
    result = deploy(dist, tmp_path, "--dry-run", name="nothing-yet")
    assert result.exit_code == 0, result.output
    assert "Nothing was changed." in result.output
    assert re.search(r"Add\s+│ RawBucket\s+│ AWS::S3::Bucket", result.output), result.output
    assert f"releases/{RELEASE}/standardise_job.py" in result.output
    assert cloud.address
    with pytest.raises(Exception, match="does not exist"):
        stack("nothing-yet")


def test_nobody_to_ask_and_no_yes_changes_nothing(cloud: MotoServer, dist: Path, tmp_path: Path):
    result = deploy(dist, tmp_path, name="nothing-yet")
    assert (result.exit_code, cloud.address != "") == (2, True)
    assert "--yes" in result.output


def test_from_nothing_to_a_stack_with_its_artefacts(deployed: Result):
    found = stack()
    assert found["StackStatus"] == "UPDATE_COMPLETE", "the rest comes as an update of the first stage"
    keys = {one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=bucket())["Contents"]}
    assert {f"releases/{RELEASE}/standardise_job.py", f"releases/{RELEASE}/{MANIFEST}"} <= keys
    assert any(key.startswith("templates/") for key in keys)
    assert "docker push" in deployed.output, "without an image the next step is told"


def test_every_resource_of_the_template_is_in_the_stack(deployed: Result):
    assert deployed.exit_code == 0
    made = set(Stack(Account(), "finance").physical_ids())
    # moto lists an ingress rule that stands alone without its name.
    named = {one.logical_id for one in read_template(template_path()).resources({})} - {"CodeLocationIngress"}
    assert made - {"", "CodeLocationIngress"} == named


def test_the_types_that_the_stand_in_cannot_create_are_known_by_name(cloud: MotoServer):
    from moto.cloudformation import parsing

    types = {one["Type"] for one in read_template(template_path()).document["Resources"].values()}
    known = {name for name, model in parsing.get_model_map().items() if not is_written_down(model)}
    assert types - known == UNKNOWN_TO_MOTO, cloud.address


def test_the_platform_takes_the_settings_that_the_deployment_writes(
    deployed: Result, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    assert deployed.exit_code == 0
    for name, value in (line.split("=", 1) for line in (folder / "finance.env").read_text().splitlines()[1:]):
        monkeypatch.setenv(name, value)
    found = load_settings(home=folder)
    assert found.is_on_aws
    assert found.raw_root == f"s3://finance-raw-{ACCOUNT}-{REGION}"


def test_deploying_again_changes_nothing(deployed: Result, dist: Path, tmp_path: Path):
    before = stack()
    result = deploy(dist, tmp_path, "--yes")
    assert (result.exit_code, deployed.exit_code) == (0, 0)
    assert "No resource changes." in result.output
    assert "is there" in result.output
    assert stack()["Outputs"] == before["Outputs"]


@pytest.mark.parametrize("arguments", [["--dry-run"], []], ids=["dry run", "nobody to ask"])
def test_the_changes_of_a_stack_are_shown_and_its_plan_is_not_left_behind(
    deployed: Result, dist: Path, tmp_path: Path, arguments: list[str]
):
    changed = tmp_path / "template.yaml"
    changed.write_text(
        template_path().read_text().replace("MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 60")
    )
    before, plans = stack(), plans_of("finance")
    result = deploy(dist, tmp_path, "--template", str(changed), *arguments)
    assert (result.exit_code, deployed.exit_code) == (0 if arguments else 2, 0)
    assert re.search(r"Modify\s+│ RawEvents\s+│ AWS::SQS::Queue", result.output), result.output
    assert (stack(), plans_of("finance")) == (before, plans)


def test_an_image_brings_dagster_the_warehouses_tables_and_a_place_to_run_commands_in(
    deployed: Result, dist: Path, tmp_path: Path, programs: Path
):
    assert deployed.exit_code == 0
    with tasks_at_work(programs) as asked:
        result = deploy(dist, tmp_path, "--image", IMAGE, "--yes")
        fine = CliRunner().invoke(main, ["remote", "--stack-name", "finance", "status", "--json"])
        failed = CliRunner().invoke(main, ["remote", "--stack-name", "finance", "fail"])
    assert result.exit_code == 0, result.output
    secret = {one["OutputKey"]: one["OutputValue"] for one in stack()["Outputs"]}["WarehouseAdminSecretArn"]
    assert f"called: migrate secret={secret}" in result.output
    assert f"called: secure secret={secret}" in result.output
    assert asked[0]["taskRoleArn"].endswith(role_of("WarehouseAdminRole")), "the owner's role, which no service has"
    services = boto3.client("ecs").list_services(cluster="finance")["serviceArns"]
    assert {arn.rsplit("/", 1)[-1] for arn in services} == {"code", "daemon", "webserver"}
    assert (fine.exit_code, failed.exit_code) == (0, 1)
    assert "called: status --json secret=\n" in fine.output, "with the rights of a refresh"
    assert "taskRoleArn" not in asked[-1]


@pytest.mark.parametrize(
    ("starts", "told"), [(False, "the task did not start"), (True, "the task ended without a result")]
)
def test_a_task_that_does_not_start_or_ends_without_a_result_is_told(
    cloud: MotoServer, monkeypatch: pytest.MonkeyPatch, starts: bool, told: str
):
    def gone(task: dict[str, str]) -> dict[str, Any]:
        return {"tasks": [{**task, "lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError"}]}

    class Ecs:
        def run_task(self, **_: Any) -> dict[str, Any]:
            return {"tasks": [{"taskArn": "task/1"}] if starts else [], "failures": [{"reason": "Capacity"}]}

        def describe_tasks(self, **_: Any) -> dict[str, Any]:
            return gone({"taskArn": "task/1"})

    account = Account()
    client = account.client
    monkeypatch.setattr(account, "client", lambda service: Ecs() if service == "ecs" else client(service))
    ids = dict.fromkeys(("RunTask", "Tasks", "TaskLogs", "TaskSecurityGroup", "SubnetA", "SubnetB", "SubnetC"), "id")
    there = Stack(account, "finance")
    monkeypatch.setattr(there, "physical_ids", lambda: ids)
    with pytest.raises(DeploymentError, match=told):
        run_task(account, there, OneOffTask(["finance-platform", "status"]), print)
    assert cloud.address


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("ExpiredToken", DeploymentAccessError, "renew your credentials"),
        ("AccessDenied", DeploymentAccessError, "ask for the rights"),
        ("InvalidClientTokenId", DeploymentAccessError, "check AWS_PROFILE"),
        ("LimitExceededException", DeploymentError, "mend what AWS names"),
    ],
)
def test_what_aws_refuses_is_told_with_what_helps(code: str, kind: type[Exception], told: str):
    with pytest.raises(kind, match=told), explained("describing the stack"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStacks")


def test_without_an_image_there_is_nothing_to_run_a_command_in(cloud: MotoServer):
    boto3.client("cloudformation").create_stack(StackName="imageless", TemplateBody=EMPTY)
    result = CliRunner().invoke(main, ["remote", "--stack-name", "imageless", "status"])
    assert (result.exit_code, cloud.address != "") == (3, True)
    assert "has no image yet" in result.output


@pytest.mark.parametrize("state", [*STUCK, "UPDATE_IN_PROGRESS"])
def test_a_stack_that_cannot_be_changed_is_told_with_what_helps(
    deployed: Result, dist: Path, tmp_path: Path, state: str
):
    from moto.cloudformation.models import cloudformation_backends

    (found,) = [one for one in cloudformation_backends[ACCOUNT][REGION].stacks.values() if one.name == "finance"]
    before, found.status = found.status, state
    try:
        result = deploy(dist, tmp_path, "--yes")
    finally:
        found.status = before
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert state in result.output
    assert STUCK.get(state, "wait until") in result.output


def test_a_resource_that_fails_is_told_with_its_reason_and_what_stood_before_stands(
    deployed: Result, dist: Path, tmp_path: Path
):
    before = stack()["Outputs"]
    unknown = ["--parameter", "UiHostName=f.example.com", "--parameter", f"UiCertificateArn={CERTIFICATE}"]
    result = deploy(dist, tmp_path, "--yes", *unknown)
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert "The deployment did not go through" in result.output
    assert f"{CERTIFICATE} not found" in result.output
    assert stack()["Outputs"] == before


def test_the_first_resource_that_failed_is_named_with_its_reason(
    deployed: Result, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def roll_back(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        assert change_set_name
        (found,) = [one for one in backend.stacks.values() if one.name == stack_name]
        for name, reason in (("Records", "no such class here"), ("Tasks", "Resource creation cancelled")):
            told = Event(found.stack_id, found.name, name, name, "AWS::RDS::DBInstance", "CREATE_FAILED", reason, None)
            found.events.append(told)
        found.status = "UPDATE_ROLLBACK_COMPLETE"

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", roll_back)
    result = deploy(dist, tmp_path, "--yes", "--parameter", "FreshnessDays=7")
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert "ended in UPDATE_ROLLBACK_COMPLETE: Records" in result.output
    assert "no such class here" in result.output
    assert "what stood before stands" in result.output


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Warehouse=free", "one of serverless, provisioned"),
        ("Curency=EUR", "did you mean Currency?"),
        ("Currency=euro", "three capital letters"),
        ("FiscalYearStartMonth=13", "a month, 1 to 12"),
        ("UiAllowedCidr=0.0.0.0/0", "the whole internet is not allowed"),
        ("NetworkPrefix=8.8", "private network"),
        ("Image=latest", "an image of ECR"),
        ("AlertEmail=me", "one e-mail address"),
        ("HoursWithoutRun=soon", "1 to 168 hours"),
        ("Currency", "NAME=VALUE"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_asked_of_aws(
    dist: Path, tmp_path: Path, written: str, told: str
):
    result = deploy(dist, tmp_path, "--yes", "--parameter", written, name="nothing-yet")
    assert result.exit_code == 2, result.output
    assert told in result.output


@pytest.mark.parametrize("name", ["Finance", "f", "a-name-that-is-far-too-long", "finance-"])
def test_a_name_that_no_bucket_could_have_is_refused(dist: Path, tmp_path: Path, name: str):
    result = deploy(dist, tmp_path, "--yes", name=name)
    assert (result.exit_code, "3 to 20 small letters" in result.output) == (2, True)


def test_without_artefacts_make_dist_is_named(tmp_path: Path):
    result = deploy(tmp_path, tmp_path, "--yes")
    assert "make dist" in result.output
    assert result.exit_code != 0


def test_without_credentials_the_login_is_named(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with in_environment({"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}):
        monkeypatch.setenv("HOME", str(tmp_path))
        result = deploy(dist, tmp_path, "--yes")
    assert "log in to AWS" in result.output
    assert result.exit_code == 3


NOT_DECIDED = {
    "home": "is in the image",
    "warehouse_uri": "is the embedded warehouse's",
    "reports_uri": "follows from PROCESSED_URI",
    "spark_engine": "is Glue's own",
    "s3_endpoint_url": "the gateway needs no other address",
    "s3_kms_key_id": "is the buckets' own",
    "s3_request_payer": "the raw bucket is the stack's",
    "redshift_user": "comes with the role or the secret",
    "redshift_tls": "is always on",
    "redshift_statement_timeout_seconds": "has a default that fits",
    "redshift_query_group": "has a default that fits",
    "sensor_interval_seconds": "has a default that fits",
    "sensor_full_look_seconds": "has a default that fits",
    "glue_poll_seconds": "has a default that fits",
}


def test_outputs_are_exactly_the_settings_that_a_deployment_decides():
    outputs = set(read_template(template_path()).document["Outputs"])
    decided = {output_name(name) for name in Settings.model_fields if name not in NOT_DECIDED}
    assert outputs - FOR_PEOPLE == decided
    assert outputs >= FOR_PEOPLE
    assert set(Settings.model_fields) >= NOT_DECIDED.keys()


@pytest.mark.parametrize("task", ["CodeTask", "RunTask"])
def test_the_platforms_tasks_get_the_same_settings_as_the_outputs_say(task: str):
    document = read_template(template_path()).document
    (container,) = document["Resources"][task]["Properties"]["ContainerDefinitions"]
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    given = {name: value for name, value in environment.items() if name.startswith("FINANCE_PLATFORM_")}
    for name, value in given.items():
        output = document["Outputs"][output_name(name.removeprefix("FINANCE_PLATFORM_").lower())]
        only_sometimes = value["Fn::If"][1] if isinstance(value, dict) and value.get("Fn::If", [0])[-1] == "" else value
        assert output["Value"] == only_sometimes, name
    assert len(given) == len(document["Outputs"]) - len(FOR_PEOPLE)


def role_of(logical_id: str) -> str:
    return Stack(Account(), "finance").physical_ids()[logical_id]


def plans_of(name: str) -> set[str]:
    found = boto3.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
    return {one["ChangeSetName"] for one in found}


def bucket() -> str:
    return f"finance-scripts-{ACCOUNT}-{REGION}"
