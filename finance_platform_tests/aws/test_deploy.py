"""The commands deploy and remote, with the real template on a fake AWS.

Belongs here: what a deployment does, its output, and the errors that it reports. Does not belong here: the template's
content (see `test_template`), the image and the workflows (see `test_deploy_files`).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from finance_platform.cli import main
from finance_platform.deployment.artefacts import MANIFEST
from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.deployment.settings_file import output_name
from finance_platform.deployment.stack import STUCK_STATES, Event, Stack
from finance_platform.deployment.tasks import OneOffTask, run_task
from finance_platform.deployment.template import read_template, template_path
from finance_platform.deployment.upload import Upload, upload_missing
from finance_platform.errors import DeploymentAccessError, DeploymentError
from finance_platform.settings import Settings, load_settings
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment, moto_server
from finance_platform_tests.aws.shipped_template import shipped_template

# moto's CloudFormation and ECS take three seconds to import, in each worker: the functions that need them import them.
if TYPE_CHECKING:
    from moto.cloudformation.models import CloudFormationBackend
    from moto.cloudformation.models import Stack as FakeStack
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core.responses import ActionResult

ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/finance:1"
RELEASE = "0123456789ab"
EMPTY = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/missing"


@pytest.fixture(scope="module")
def cloud() -> Iterator[MotoServer]:
    """A fake AWS for this module alone: the stack's names are fixed, and other tests must not have taken them."""
    modules: Any = sys.modules
    with pytest.MonkeyPatch.context() as patch:
        # moto imports jsonschema, which would make the grammar of a format that nothing here checks: a second.
        patch.setitem(modules, "rfc3987_syntax", None)
        from finance_platform_tests.aws.cloudformation_types import extend_cloudformation

    with moto_server() as server, extend_cloudformation(), in_environment(server.environment):
        poll_seconds, Account.poll_seconds = Account.poll_seconds, 0.01
        yield server
        Account.poll_seconds = poll_seconds


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small release in the form that `make dist` writes."""
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
    """A replacement of the image's program; it prints its arguments and the secret of its database user."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "finance-platform"
    program.write_text('#!/bin/sh\necho "called: $* secret=$FINANCE_PLATFORM_REDSHIFT_SECRET_ID"\ntest "$1" != fail\n')
    program.chmod(0o755)
    return folder


def deploy(dist: Path, tmp_path: Path, *arguments: str, name: str = "finance") -> Result:
    fixed = ["deploy", "--stack-name", name, "--dist", str(dist), "--settings", str(tmp_path / "finance.env")]
    return CliRunner().invoke(main, [*fixed, *arguments])


def stack(name: str = "finance") -> dict[str, Any]:
    description: dict[str, Any] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return description


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the first deployment writes the settings to."""
    return tmp_path_factory.mktemp("deployed")


@pytest.fixture(scope="module")
def deployed(cloud: MotoServer, dist: Path, folder: Path) -> Result:
    """The first deployment of the stack, without an image."""
    assert cloud.address
    result = deploy(dist, folder, "--yes")
    assert result.exit_code == 0, result.output
    return result


def test_a_dry_run_prints_the_changes_and_changes_nothing(cloud: MotoServer, dist: Path, tmp_path: Path):
    result = deploy(dist, tmp_path, "--dry-run", name="nothing-yet")
    assert result.exit_code == 0, result.output
    assert "Nothing was changed." in result.output
    assert re.search(r"Add\s+│ RawBucket\s+│ AWS::S3::Bucket", result.output), result.output
    assert f"releases/{RELEASE}/standardise_job.py" in result.output
    assert cloud.address
    with pytest.raises(Exception, match="does not exist"):
        stack("nothing-yet")


def test_without_a_terminal_and_without_yes_nothing_is_changed(cloud: MotoServer, dist: Path, tmp_path: Path):
    result = deploy(dist, tmp_path, name="nothing-yet")
    assert (result.exit_code, cloud.address != "") == (2, True)
    assert "--yes" in result.output


def test_the_first_deployment_creates_the_stack_and_uploads_the_artefacts(deployed: Result):
    assert stack()["StackStatus"] == "UPDATE_COMPLETE", "the second stage is an update of the first"
    keys = {item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=bucket())["Contents"]}
    assert {f"releases/{RELEASE}/standardise_job.py", f"releases/{RELEASE}/{MANIFEST}"} <= keys
    assert any(key.startswith("templates/") for key in keys)
    assert "docker push" in deployed.output, "without an image the output names the next step"


def test_every_resource_of_the_template_is_in_the_stack(deployed: Result):
    assert deployed.exit_code == 0
    created = set(Stack(Account(), "finance").list_physical_ids())
    # moto lists an ingress rule that is a resource of its own without its name.
    expected = set(shipped_template().select_resources({})) - {"CodeLocationIngress"}
    assert created - {"", "CodeLocationIngress"} == expected


def test_the_resource_types_that_moto_cannot_create_are_listed(cloud: MotoServer):
    from moto.cloudformation import parsing

    from finance_platform_tests.aws.cloudformation_types import UNKNOWN_TO_MOTO, is_recorded_only

    types = {resource["Type"] for resource in shipped_template().document["Resources"].values()}
    known = {name for name, model in parsing.get_model_map().items() if not is_recorded_only(model)}
    assert types - known == UNKNOWN_TO_MOTO, cloud.address


def test_the_platform_accepts_the_settings_that_the_deployment_writes(
    deployed: Result, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    assert deployed.exit_code == 0
    for name, value in (line.split("=", 1) for line in (folder / "finance.env").read_text().splitlines()[1:]):
        monkeypatch.setenv(name, value)
    settings = load_settings(home=folder)
    assert settings.is_on_aws
    assert settings.raw_root == f"s3://finance-raw-{ACCOUNT}-{REGION}"


def test_deploying_again_changes_nothing(deployed: Result, dist: Path, tmp_path: Path):
    before = stack()
    result = deploy(dist, tmp_path, "--yes")
    assert (result.exit_code, deployed.exit_code) == (0, 0)
    assert "No resource changes." in result.output
    assert "exists" in result.output
    assert "upload" not in result.output
    assert stack()["Outputs"] == before["Outputs"]


@pytest.mark.parametrize("arguments", [["--dry-run"], []], ids=["dry run", "no terminal"])
def test_the_changes_of_a_stack_are_printed_and_their_change_set_is_deleted(
    deployed: Result, dist: Path, tmp_path: Path, arguments: list[str]
):
    changed = write_changed_template(tmp_path)
    before, change_sets = stack(), change_sets_of("finance")
    result = deploy(dist, tmp_path, "--template", str(changed), *arguments)
    assert (result.exit_code, deployed.exit_code) == (0 if arguments else 2, 0)
    assert re.search(r"Modify\s+│ RawEvents\s+│ AWS::SQS::Queue", result.output), result.output
    assert (stack(), change_sets_of("finance")) == (before, change_sets)


def test_a_changed_template_is_uploaded_once(deployed: Result, dist: Path, tmp_path: Path):
    template = write_changed_template(tmp_path, seconds=120)
    result = deploy(dist, tmp_path, "--yes", "--template", str(template))
    assert (result.exit_code, deployed.exit_code) == (0, 0), result.output
    versions = boto3.client("s3").list_object_versions(Bucket=bucket(), Prefix=read_template(template).key)["Versions"]
    assert len(versions) == 1


def test_a_poll_reads_no_page_of_events_beyond_the_last_event_that_was_shown(
    deployed: Result, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core.responses import ActionResult

    pages: list[int] = []

    def describe_page(response: CloudFormationResponse) -> ActionResult:
        newest_first = response.cloudformation_backend.describe_stack_events(response._get_param("StackName"))[::-1]
        page = int(response._get_param("NextToken", "0"))
        pages.append(page)
        following = page + 1 if page + 1 < len(newest_first) else None
        return ActionResult({"StackEvents": [newest_first[page]], "NextToken": following and str(following)})

    monkeypatch.setattr(CloudFormationResponse, "describe_stack_events", describe_page)
    result = deploy(dist, tmp_path, "--yes", "--parameter", "FreshnessDays=3")
    assert (result.exit_code, deployed.exit_code) == (0, 0), result.output
    shown = re.findall(r"UPDATE_\w+ +finance$", result.output, re.MULTILINE)
    assert len(shown) == 2, "the start and the end of this update, not of earlier ones"
    assert pages == [0, 0, 1, 2], "the last event before, the two of the update, and the one that was seen"


@pytest.mark.parametrize(("hidden", "exit_code"), [(3, 0), (100, 3)])
def test_a_change_that_begins_later_is_followed_from_its_beginning_on(
    hidden: int, exit_code: int, deployed: Result, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from moto.cloudformation.models import CloudFormationBackend

    assert deployed.exit_code == 0
    describe, earlier, asked = CloudFormationBackend.describe_stack_events, list[Any](), count()

    def describe_later(backend: CloudFormationBackend, name: str) -> list[Any]:
        events = describe(backend, name)
        earlier[:] = earlier or events
        return list(earlier) if next(asked) < hidden else events

    monkeypatch.setattr(CloudFormationBackend, "describe_stack_events", describe_later)
    result = deploy(dist, tmp_path, "--yes", "--parameter", f"FreshnessDays={hidden % 90 + 4}")
    assert result.exit_code == exit_code, result.output
    shown = re.findall(r"UPDATE_\w+ +finance$", result.output, re.MULTILINE)
    assert (len(shown), "has not begun to change" in result.output) == ((2, False) if hidden == 3 else (0, True))


def test_an_image_brings_dagster_the_warehouses_tables_and_remote_commands(
    deployed: Result, dist: Path, tmp_path: Path, programs: Path
):
    assert deployed.exit_code == 0
    from finance_platform_tests.aws.ecs_runner import running_tasks

    with running_tasks(programs) as overrides:
        result = deploy(dist, tmp_path, "--image", IMAGE, "--yes")
        succeeded = CliRunner().invoke(main, ["remote", "--stack-name", "finance", "status", "--json"])
        failed = CliRunner().invoke(main, ["remote", "--stack-name", "finance", "fail"])
    assert result.exit_code == 0, result.output
    secret = {item["OutputKey"]: item["OutputValue"] for item in stack()["Outputs"]}["WarehouseAdminSecretArn"]
    assert f"called: migrate secret={secret}" in result.output
    assert f"called: secure secret={secret}" in result.output
    assert overrides[0]["taskRoleArn"].endswith(role_of("WarehouseAdminRole")), "the owner's role, which no service has"
    services = boto3.client("ecs").list_services(cluster="finance")["serviceArns"]
    assert {arn.rsplit("/", 1)[-1] for arn in services} == {"code", "daemon", "webserver"}
    assert (succeeded.exit_code, failed.exit_code) == (0, 1)
    assert "called: status --json secret=\n" in succeeded.output, "with the rights of a refresh"
    assert "taskRoleArn" not in overrides[-1]


def test_a_new_image_migrates_the_warehouse_before_the_services_restart(
    deployed: Result, dist: Path, tmp_path: Path, programs: Path
):
    assert deployed.exit_code == 0
    from finance_platform_tests.aws.ecs_runner import running_tasks

    newer = f"{IMAGE.rpartition(':')[0]}:2"
    with running_tasks(programs):
        first = deploy(dist, tmp_path, "--image", IMAGE, "--yes")
        result = deploy(dist, tmp_path, "--image", newer, "--yes")
    assert (first.exit_code, result.exit_code) == (0, 0), result.output
    migrated, updated = (result.output.index(text) for text in ("called: migrate", "UPDATE_COMPLETE"))
    assert migrated < updated
    assert result.output.count("called: secure") == 1
    ecs = boto3.client("ecs")
    assert ecs.list_task_definitions(familyPrefix="finance-run-ahead", status="ACTIVE")["taskDefinitionArns"] == []
    (ahead,) = ecs.list_task_definitions(familyPrefix="finance-run-ahead", status="INACTIVE")["taskDefinitionArns"]
    definition = ecs.describe_task_definition(taskDefinition=ahead)["taskDefinition"]
    assert [container["image"] for container in definition["containerDefinitions"]] == [newer]


@pytest.mark.parametrize(("command", "exit_code"), [("secure", 0), ("migrate", 3)])
def test_a_deployment_goes_on_if_only_the_rights_of_people_could_not_be_recorded(
    command: str, exit_code: int, deployed: Result, dist: Path, tmp_path: Path, programs: Path
):
    assert deployed.exit_code == 0
    from finance_platform_tests.aws.ecs_runner import running_tasks

    # A program that cannot start ends with 1 too, whatever its command.
    (programs / "finance-platform").write_text(f'#!/bin/sh\necho "called: $*"\ntest "$1" != {command}\n')
    image = f"{IMAGE.rpartition(':')[0]}:{command}"
    with running_tasks(programs):
        result = deploy(dist, tmp_path, "--image", image, "--yes")
    assert result.exit_code == exit_code, result.output
    assert ("tables and rights are up to date; see the message above" in result.output) == (exit_code == 0)
    assert ("called: secure" in result.output) == (exit_code == 0)


@pytest.mark.parametrize(("unseen", "exit_code"), [(3, 0), (21, 3)])
def test_a_task_that_ecs_does_not_show_yet_is_waited_for(
    unseen: int,
    exit_code: int,
    deployed: Result,
    dist: Path,
    tmp_path: Path,
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    assert deployed.exit_code == 0
    from moto.ecs.models import EC2ContainerServiceBackend

    from finance_platform_tests.aws.ecs_runner import running_tasks

    describe, asked = EC2ContainerServiceBackend.describe_tasks, count()

    def describe_later(backend: EC2ContainerServiceBackend, *arguments: Any) -> list[Any]:
        return [] if next(asked) < unseen else describe(backend, *arguments)

    with running_tasks(programs):
        deploy(dist, tmp_path, "--image", IMAGE, "--yes")
        monkeypatch.setattr(EC2ContainerServiceBackend, "describe_tasks", describe_later)
        result = CliRunner().invoke(main, ["remote", "--stack-name", "finance", "status"])
    assert result.exit_code == exit_code, result.output
    assert ("ECS does not know the task" in result.output) == (exit_code != 0)


EXISTING = {
    "ExistingVpcId": "vpc-0a1b2c3d",
    "ExistingVpcCidr": "10.20.0.0/16",
    "ExistingSubnetA": "subnet-0a1b2c3d",
    "ExistingSubnetB": "subnet-1a1b2c3d",
    "ExistingSubnetC": "subnet-2a1b2c3d",
    "ExistingLoadBalancerSecurityGroup": "sg-0a1b2c3d",
    "ExistingTaskSecurityGroup": "sg-1a1b2c3d",
    "ExistingRecordsSecurityGroup": "sg-2a1b2c3d",
    "ExistingWarehouseSecurityGroup": "sg-3a1b2c3d",
    "ExistingKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0d990263-003e-418e-b2e1-f1a9b9c4e0f0",
    "ExistingRawBucket": "group-raw",
    "ExistingProcessedBucket": "group-processed",
    "ExistingWarehouse": "group",
    "ExistingWarehouseHost": "group.example.com",
    "ExistingWarehouseSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:group-AbCdEf",
    "ExistingWorkgroupArn": f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/"
    "0d990263-003e-418e-b2e1-f1a9b9c4e0f0",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "RotatePasswords": "on",
    "RegisterLockDays": "3650",
}
"""Everything that an account can bring along."""


@pytest.fixture(scope="module")
def subnets_of_the_account(cloud: MotoServer) -> dict[str, str]:
    """The network of an account, which moto has to know."""
    assert cloud.address
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("abc")
    ]
    group = ec2.create_security_group(GroupName="all", Description="all", VpcId=vpc)["GroupId"]
    groups = {name: group for name in EXISTING if name.endswith("SecurityGroup")}
    return {"ExistingVpcId": vpc, **{f"ExistingSubnet{z}": s for z, s in zip("ABC", subnets, strict=True)}, **groups}


def test_a_stack_takes_network_key_buckets_and_warehouse_of_the_account(
    subnets_of_the_account: dict[str, str], dist: Path, tmp_path: Path
):
    values = {**EXISTING, **subnets_of_the_account}
    arguments = [part for name, value in values.items() for part in ("--parameter", f"{name}={value}")]
    result = deploy(dist, tmp_path, "--yes", "--tag", "CostCentre=4711", *arguments, name="group")
    assert result.exit_code == 0, result.output
    created = set(Stack(Account(), "group").list_physical_ids()) - {""}
    template = shipped_template()
    assert created == set(template.select_resources(values))
    assert not created & {
        "Key",
        "RawBucket",
        "ProcessedBucket",
        "Network",
        "SubnetA",
        "S3Endpoint",
        "TaskSecurityGroup",
    }
    assert not created & {"ServerlessNamespace", "ServerlessWorkgroup", "Cluster", "WarehouseSecret"}
    settings = (tmp_path / "finance.env").read_text()
    for line in ("RAW_URI=s3://group-raw", "REDSHIFT_WORKGROUP=group", "REDSHIFT_HOST=group.example.com"):
        assert f"FINANCE_PLATFORM_{line}\n" in settings
    description = stack("group")
    assert {"Key": "CostCentre", "Value": "4711"} in description["Tags"]
    assert description["EnableTerminationProtection"] is True
    outputs = {item["OutputKey"]: item["OutputValue"] for item in description["Outputs"]}
    assert outputs["TaskSubnetIds"].split(",") == [values[f"ExistingSubnet{zone}"] for zone in "ABC"]
    boundary = boto3.client("iam").get_role(RoleName="group-platform")["Role"].get("PermissionsBoundary", {})
    assert boundary.get("PermissionsBoundaryArn") == EXISTING["PermissionsBoundaryArn"]


def test_a_tag_without_a_value_is_rejected(dist: Path, tmp_path: Path):
    result = deploy(dist, tmp_path, "--yes", "--tag", "CostCentre", name="nothing-yet")
    assert (result.exit_code, "--tag KEY=VALUE" in result.output) == (2, True)


def test_a_migration_that_fails_deploys_nothing(deployed: Result, dist: Path, tmp_path: Path, programs: Path):
    assert deployed.exit_code == 0
    from finance_platform_tests.aws.ecs_runner import running_tasks

    with running_tasks(programs):
        assert deploy(dist, tmp_path, "--image", IMAGE, "--yes").exit_code == 0
        before, change_sets = stack(), change_sets_of("finance")
        (programs / "finance-platform").write_text("#!/bin/sh\nexit 3\n")
        result = deploy(dist, tmp_path, "--image", f"{IMAGE.rpartition(':')[0]}:3", "--yes")
    assert result.exit_code == 3
    assert "ended with exit code 3" in result.output
    assert (stack()["Parameters"], change_sets_of("finance")) == (before["Parameters"], change_sets)


@pytest.mark.parametrize(
    ("starts", "message"), [(False, "the task did not start"), (True, "the task ended without an exit code")]
)
def test_a_task_that_does_not_start_or_has_no_exit_code_is_an_error(
    deployed: Result, monkeypatch: pytest.MonkeyPatch, starts: bool, message: str
):
    class Ecs:
        def run_task(self, **_: Any) -> dict[str, Any]:
            return {"tasks": [{"taskArn": "task/1"}] if starts else [], "failures": [{"reason": "Capacity"}]}

        def describe_tasks(self, **_: Any) -> dict[str, Any]:
            return {"tasks": [{"lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError"}]}

    account = Account()
    client = account.client
    monkeypatch.setattr(account, "client", lambda service: Ecs() if service == "ecs" else client(service))
    ids = dict.fromkeys(("RunTask", "Tasks", "TaskLogs", "TaskSecurityGroup", "SubnetA", "SubnetB", "SubnetC"), "id")
    finance = Stack(account, "finance")
    monkeypatch.setattr(finance, "list_physical_ids", lambda: ids)
    with pytest.raises(DeploymentError, match=message):
        run_task(account, finance, OneOffTask(["finance-platform", "status"]), print)
    assert deployed.exit_code == 0


@pytest.mark.parametrize(("characters", "is_taken"), [(8_000, True), (8_200, False)])
def test_a_command_that_ecs_would_refuse_for_its_length_is_refused_with_the_limit(
    deployed: Result, monkeypatch: pytest.MonkeyPatch, characters: int, is_taken: bool
):
    """RunTask takes 8,192 characters of overrides; the substitute takes any."""

    class Ecs:
        def run_task(self, **_: Any) -> dict[str, Any]:
            return {"tasks": [], "failures": [{"reason": "Capacity"}]}

    account = Account()
    client = account.client
    monkeypatch.setattr(account, "client", lambda service: Ecs() if service == "ecs" else client(service))
    finance = Stack(account, "finance")
    monkeypatch.setattr(finance, "list_physical_ids", lambda: dict.fromkeys(("RunTask", "Tasks"), "id"))
    task = OneOffTask(["finance-platform", "query", "ü" * characters])
    message = "the task did not start" if is_taken else r"too long for a task: 8,2\d\d characters .* ECS takes 8,192"
    with pytest.raises(DeploymentError, match=message):
        run_task(account, finance, task, print)
    assert deployed.exit_code == 0


@pytest.mark.parametrize(
    ("code", "error", "fix"),
    [
        ("ExpiredToken", DeploymentAccessError, "renew your credentials"),
        ("AccessDenied", DeploymentAccessError, "ask for the rights"),
        ("InvalidClientTokenId", DeploymentAccessError, "check AWS_PROFILE"),
        ("LimitExceededException", DeploymentError, "fix the cause that AWS names"),
    ],
)
def test_an_error_of_aws_names_the_fix(code: str, error: type[Exception], fix: str):
    with pytest.raises(error, match=fix), translate_aws_errors("describing the stack"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStacks")


def test_a_failed_upload_is_an_error_of_the_deployment(cloud: MotoServer):
    assert cloud.address
    with pytest.raises(DeploymentError, match="uploading s3://no-such-bucket/key: NoSuchBucket"):
        upload_missing(Account(), "no-such-bucket", [Upload("key", b"content")])


def test_without_an_image_a_remote_command_is_refused(cloud: MotoServer):
    boto3.client("cloudformation").create_stack(StackName="imageless", TemplateBody=EMPTY)
    result = CliRunner().invoke(main, ["remote", "--stack-name", "imageless", "status"])
    assert (result.exit_code, cloud.address != "") == (3, True)
    assert "has no image yet" in result.output


@pytest.mark.parametrize("state", [*STUCK_STATES, "UPDATE_IN_PROGRESS"])
def test_a_stack_that_cannot_be_changed_is_refused_with_the_fix(
    deployed: Result, dist: Path, tmp_path: Path, state: str
):
    from moto.cloudformation.models import cloudformation_backends

    (finance,) = [item for item in cloudformation_backends[ACCOUNT][REGION].stacks.values() if item.name == "finance"]
    before, finance.status = finance.status, state
    try:
        result = deploy(dist, tmp_path, "--yes")
    finally:
        finance.status = before
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert state in result.output
    assert STUCK_STATES.get(state, "wait until") in result.output


def test_a_change_that_aws_rejects_is_reported_and_the_outputs_stay(deployed: Result, dist: Path, tmp_path: Path):
    before = stack()["Outputs"]
    unknown = ["--parameter", "UiHostName=f.example.com", "--parameter", f"UiCertificateArn={CERTIFICATE}"]
    result = deploy(dist, tmp_path, "--yes", *unknown)
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert DeploymentError.title in result.output
    assert f"{CERTIFICATE} not found" in result.output
    assert stack()["Outputs"] == before


def test_a_failed_update_names_the_first_failed_resource_its_reason_and_the_fix(
    deployed: Result, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from moto.cloudformation.models import CloudFormationBackend

    def roll_back(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        assert stack_name is None
        finance = backend.stacks[backend.change_sets[change_set_name].stack_id]
        add_failure(finance, "Records", "no such class here")
        add_failure(finance, "Tasks", "Resource creation cancelled")
        finance.status = "UPDATE_ROLLBACK_COMPLETE"
        finance._add_stack_event(finance.status)

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", roll_back)
    result = deploy(dist, tmp_path, "--yes", "--parameter", "FreshnessDays=7")
    assert (result.exit_code, deployed.exit_code) == (3, 0)
    assert "ended in UPDATE_ROLLBACK_COMPLETE: Records" in result.output
    assert "no such class here" in result.output
    assert "the previous state is restored" in result.output


def test_a_failed_creation_names_the_failed_resource_although_the_stack_is_deleted(
    cloud: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    from moto.cloudformation.models import CloudFormationBackend

    create = CloudFormationBackend.create_stack

    def create_and_delete(backend: CloudFormationBackend, **arguments: Any) -> FakeStack:
        failed = create(backend, **arguments)
        add_failure(failed, "ScriptsBucket", "the name is taken")
        backend.delete_stack(failed.stack_id)
        return failed

    monkeypatch.setattr(CloudFormationBackend, "create_stack", create_and_delete)
    events: list[Event] = []
    with pytest.raises(DeploymentError, match=r"ended in DELETE_COMPLETE: ScriptsBucket .*the name is taken"):
        Stack(Account(), "short-lived").create(EMPTY, {}, events.append)
    assert ("ScriptsBucket", "CREATE_FAILED") in [
        (event["LogicalResourceId"], event["ResourceStatus"]) for event in events
    ]
    assert cloud.address


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("Warehouse=free", "one of serverless, provisioned"),
        ("Curency=EUR", "did you mean Currency?"),
        ("Currency=euro", "three capital letters"),
        ("FiscalYearStartMonth=13", "a month, 1 to 12"),
        ("UiAllowedCidr=0.0.0.0/0", "the whole internet is not allowed"),
        ("NetworkPrefix=8.8", "private network"),
        ("Image=latest", "an image of ECR"),
        ("AlertEmail=me", "one e-mail address"),
        ("StatementTimeoutSeconds=soon", "60 seconds to a day"),
        ("Currency", "NAME=VALUE"),
    ],
)
def test_a_parameter_that_is_not_valid_is_rejected_before_any_call_to_aws(
    dist: Path, tmp_path: Path, argument: str, message: str
):
    result = deploy(dist, tmp_path, "--yes", "--parameter", argument, name="nothing-yet")
    assert result.exit_code == 2, result.output
    assert message in result.output


@pytest.mark.parametrize("name", ["Finance", "f", "a-name-that-is-far-too-long", "finance-"])
def test_a_stack_name_that_is_not_valid_for_a_bucket_is_rejected(dist: Path, tmp_path: Path, name: str):
    result = deploy(dist, tmp_path, "--yes", name=name)
    assert (result.exit_code, "3 to 20 small letters" in result.output) == (2, True)


def test_without_artefacts_the_error_names_make_dist(tmp_path: Path):
    result = deploy(tmp_path, tmp_path, "--yes")
    assert "make dist" in result.output
    assert result.exit_code != 0


def test_without_credentials_the_error_names_the_login(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with in_environment({"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}):
        monkeypatch.setenv("HOME", str(tmp_path))
        result = deploy(dist, tmp_path, "--yes")
    assert "log in to AWS" in result.output
    assert result.exit_code == 3


NOT_IN_OUTPUTS = {
    "home": "is in the image",
    "warehouse_uri": "belongs to the embedded warehouse",
    "reports_uri": "follows from PROCESSED_URI",
    "spark_engine": "is part of Glue",
    "spark_master": "is part of Glue",
    "s3_endpoint_url": "the gateway needs no other address",
    "s3_kms_key_id": "is set on the buckets",
    "s3_request_payer": "the raw bucket belongs to the stack",
    "redshift_user": "comes with the role or the secret",
    "redshift_tls": "is always on",
    "sensor_interval_seconds": "has a suitable default",
    "sensor_full_look_seconds": "has a suitable default",
    "glue_poll_seconds": "has a suitable default",
    "query_timeout_seconds": "has a suitable default",
    "group_readable": "concerns files on disk",
}
OUTPUTS_FOR_PEOPLE = frozenset(
    {
        "ImageRepositoryUri",
        "WarehouseAdminSecretArn",
        "WarehouseAdminRoleArn",
        "DashboardUrl",
        "TaskSubnetIds",
        "TaskSecurityGroupId",
    }
)
"""The outputs that are not settings."""


def test_the_outputs_are_exactly_the_settings_that_a_deployment_determines():
    outputs = set(shipped_template().document["Outputs"])
    expected = {output_name(name) for name in Settings.model_fields if name not in NOT_IN_OUTPUTS}
    assert outputs - OUTPUTS_FOR_PEOPLE == expected
    assert outputs >= OUTPUTS_FOR_PEOPLE
    assert set(Settings.model_fields) >= NOT_IN_OUTPUTS.keys()


@pytest.mark.parametrize("task", ["CodeTask", "RunTask"])
def test_the_platforms_tasks_get_the_settings_of_the_outputs(task: str):
    document = shipped_template().document
    (container,) = document["Resources"][task]["Properties"]["ContainerDefinitions"]
    environment = {item["Name"]: item["Value"] for item in container["Environment"]}
    settings = {name: value for name, value in environment.items() if name.startswith("FINANCE_PLATFORM_")}
    for name, value in settings.items():
        output = document["Outputs"][output_name(name.removeprefix("FINANCE_PLATFORM_").lower())]
        is_optional = isinstance(value, dict) and value.get("Fn::If", [0])[-1] == ""
        assert output["Value"] == (value["Fn::If"][1] if is_optional else value), name
    assert len(settings) == len(document["Outputs"]) - len(OUTPUTS_FOR_PEOPLE)


def role_of(logical_id: str) -> str:
    return Stack(Account(), "finance").list_physical_ids()[logical_id]


def change_sets_of(name: str) -> set[str]:
    summaries = boto3.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
    return {summary["ChangeSetName"] for summary in summaries}


def write_changed_template(folder: Path, seconds: int = 60) -> Path:
    path = folder / "template.yaml"
    retention = "MessageRetentionPeriod: "
    path.write_text(template_path().read_text().replace(f"{retention}345600", f"{retention}{seconds}"))
    return path


def add_failure(failed: FakeStack, logical_id: str, reason: str) -> None:
    from moto.cloudformation.models import Event as FakeEvent

    kind = "AWS::RDS::DBInstance"
    failed.events.append(
        FakeEvent(failed.stack_id, failed.name, logical_id, logical_id, kind, "CREATE_FAILED", reason, None)
    )


def bucket() -> str:
    return f"finance-scripts-{ACCOUNT}-{REGION}"
