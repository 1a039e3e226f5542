"""The files of a deployment besides the template: image, its lock, workflows, runbook.

Belongs here: what can be checked without Docker. Does not belong here: the template (see `test_template`).
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from dagster._cli import cli as dagster_cli
from dagster._cli.instance import instance_cli
from dagster._core.workspace.config_schema import process_workspace_config
from dagster._daemon.cli import cli as dagster_daemon_cli

from finance_platform.cli import main
from finance_platform.cli.ui import webserver
from finance_platform.deployment.template import read_template
from finance_platform.notifications.alerts import Kind
from finance_platform_tests.aws.shipped_template import shipped_template
from finance_platform_tests.loaded_definitions import NOT_AT_START, loaded_definitions

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "infra" / "Dockerfile").read_text()
TEMPLATE = shipped_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE.document["Resources"]
TASKS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::ECS::TaskDefinition"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BUILT = "dist/finance_platform-*.whl"
"""The output of `make dist`; everything else in the image comes from the repository."""

NOT_IN_IMAGE = {"pyspark", "py4j"}


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def copied_sources() -> list[str]:
    return [name for line in instructions("COPY") if not line.startswith("--from") for name in line.split()[:-1]]


def test_everything_that_the_image_copies_is_in_the_repository_or_built():
    for source in copied_sources():
        assert source == BUILT or (ROOT / source).exists(), source


def test_the_build_context_is_exactly_what_the_image_copies():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines[1:]} == set(copied_sources())


def test_the_image_is_built_in_stages_from_one_python_and_runs_without_root():
    bases = [line.split()[0] for line in instructions("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", bases[0])
    assert instructions("USER") == ["10001"]
    assert not re.search(r"(password|secret|token|aws_access)", DOCKERFILE, re.IGNORECASE)


def test_the_image_installs_wheels_with_hashes_and_one_package_that_has_no_wheel():
    install_locked, install_client, install_platform = (line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes" in install_locked
    assert "--only-binary=:all:" in install_locked
    assert "--require-hashes --no-deps --no-build-isolation" in install_client
    assert "--no-index --no-deps" in install_platform


def test_the_build_compiles_nothing_that_pip_has_compiled():
    # pip passes over what this Python cannot compile, and `compileall` fails at it: olefile has a module for Python 2.
    assert not [line for line in instructions("RUN") if "compileall" in line or "--no-compile" in line]


def test_the_image_has_the_client_of_the_spark_that_the_platform_is_tested_with():
    (client,) = re.findall(r"^pyspark-client==(\S+) ", (ROOT / "infra" / "requirements-spark.txt").read_text(), re.M)
    assert client == importlib.metadata.version("pyspark")


def test_the_images_lock_is_the_platforms_lock_without_spark_and_with_postgresql():
    pins = [
        set(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "infra/requirements-image.txt")
    ]
    platform_pins, image_pins = pins
    assert {name for name, _ in image_pins - platform_pins} == {"dagster-postgres", "psycopg2-binary"}
    assert not NOT_IN_IMAGE & {name for name, _ in image_pins}
    assert {name for name, _ in platform_pins - image_pins} >= NOT_IN_IMAGE
    text = (ROOT / "infra" / "requirements-image.txt").read_text()
    assert len(image_pins) <= text.count("--hash=sha256:")


def test_the_platform_on_aws_starts_without_spark_and_without_the_engines_of_jobs(
    tmp_path_factory: pytest.TempPathFactory,
):
    assert NOT_AT_START >= NOT_IN_IMAGE
    assert loaded_definitions(tmp_path_factory).error_on_aws == ""


@pytest.mark.parametrize("task", TASKS)
def test_the_command_of_a_task_is_a_program_of_the_image(task: str):
    (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
    programs = {script.name for script in importlib.metadata.entry_points(group="console_scripts")}
    assert container["Command"][0] in programs
    assert container["Image"] == {"Ref": "Image"}
    for word in map(str, container["Command"]):
        if word.startswith("/opt/finance-platform/"):
            assert word in DOCKERFILE, word


@pytest.mark.parametrize("task", TASKS)
def test_the_program_of_a_task_accepts_its_arguments(task: str):
    (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
    words = [word if isinstance(word, str) else "https://finance.example.com" for word in container["Command"]]
    program, *words = [word.replace("/opt/finance-platform", str(ROOT / "infra")) for word in words]
    command = {"dagster": dagster_cli, "dagster-daemon": dagster_daemon_cli, "finance-platform": main}[program]
    context = click.Context(command, info_name=program)
    while isinstance(command, click.Group) and words != ["--help"]:
        _, command, words = command.resolve_command(context, words)
        assert command is not None
    if words != ["--help"]:
        command.make_context(program, words)


def test_everyone_may_read_what_the_image_copies_from_a_checkout():
    # A checkout may have files that only its owner reads; the packages are installed by pip.
    final_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    copied = re.findall(r"^COPY infra/\S+ (\S+)$", final_stage, re.MULTILINE)
    assert len(copied) == len([line for line in final_stage.splitlines() if line.startswith("COPY")]) - 1
    (readable,) = re.findall(r"^RUN chmod -R u=rwX,go=rX (\S+)", final_stage, re.MULTILINE)
    assert [path for path in copied if not path.startswith(f"{readable}/")] == []


@pytest.mark.parametrize("task", TASKS)
def test_a_container_writes_to_a_folder_of_its_user_alone_unless_port_forwarding_needs_more(task: str):
    properties = RESOURCES[task]["Properties"]
    (container,) = properties["ContainerDefinitions"]
    (mount,) = container["MountPoints"]
    assert [volume["Name"] for volume in properties["Volumes"]] == [mount["SourceVolume"]]
    # Fargate gives the volume the owner of the folder in the image, if the image declares it.
    (volume,) = instructions("VOLUME")
    assert json.loads(volume) == [mount["ContainerPath"]]
    assert any(f"chown platform {mount['ContainerPath']}" in line for line in instructions("RUN"))
    services = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::ECS::Service"]
    agents = [one["EnableExecuteCommand"] for one in services if one["TaskDefinition"] == {"Ref": task}]
    forwards = {"Fn::If": ["ForwardsPorts", True, False]}
    expected = {"Fn::If": ["ForwardsPorts", False, True]} if forwards in agents else True
    assert container["ReadonlyRootFilesystem"] == expected


def test_the_image_has_dagsters_configuration_in_the_home_of_the_platform():
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))
    home = environment["FINANCE_PLATFORM_HOME"]
    assert environment["DAGSTER_HOME"] == f"{home}/dagster"
    assert f"{home}/dagster/dagster.yaml" in DOCKERFILE
    assert f"{home}/feeds/" in DOCKERFILE


def test_the_tasks_have_the_variables_that_dagsters_configuration_reads():
    read = set()
    for name in ("dagster.yaml", "workspace.yaml"):
        read |= set(re.findall(r"env: (\w+)", (ROOT / "infra" / name).read_text()))
    for task in ("DaemonTask", "WebserverTask"):
        (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
        assert read <= {item["Name"] for item in (*container["Environment"], *container["Secrets"])}, task


def test_the_documented_task_that_migrates_dagsters_records_has_all_that_dagsters_configuration_reads():
    text = " ".join((ROOT / "docs" / "deploy.md").read_text().split())
    ((family, command, name),) = re.findall(
        r"the task definition `STACK(\S+)`.*? the command `(.*?)` for the container `(\w+)`", text
    )
    (task,) = [
        one for one in TASKS if RESOURCES[one]["Properties"]["Family"] == {"Fn::Sub": f"${{AWS::StackName}}{family}"}
    ]
    (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
    assert container["Name"] == name
    read = set(re.findall(r"env: (\w+)", (ROOT / "infra" / "dagster.yaml").read_text()))
    assert read <= {item["Name"] for item in (*container["Environment"], *container["Secrets"])}
    program, group, migrate = json.loads(command)
    assert (program, group) == ("dagster", "instance")
    assert migrate in instance_cli.commands


def test_the_webserver_answers_under_the_address_of_the_ui_and_to_the_health_check_of_its_load_balancer():
    (container,) = RESOURCES["WebserverTask"]["Properties"]["ContainerDefinitions"]
    targets, output = RESOURCES["WebserverTargets"]["Properties"], TEMPLATE.document["Outputs"]["UiUrl"]["Value"]
    words = [str(word) if word != output else "https://finance.example.com" for word in container["Command"]]
    assert words[:2] == ["finance-platform", webserver.name]
    words = [word.replace("/opt/finance-platform", str(ROOT / "infra")) for word in words[2:]]
    parameters = webserver.make_context("webserver", words).params
    # Exactly the address that the alerts link to, under either protocol.
    assert parameters["origins"] == ("https://finance.example.com",)
    assert output["Fn::If"][0] == "HasCertificate"
    assert parameters["health_path"] == targets["HealthCheckPath"]
    assert (parameters["host"], parameters["port"]) == ("0.0.0.0", targets["Port"])  # noqa: S104  in its own network
    assert container["PortMappings"] == [{"ContainerPort": parameters["port"], "Protocol": "tcp"}]


def test_no_task_serves_dagsters_webserver_without_the_guard():
    for name in TASKS:
        (container,) = RESOURCES[name]["Properties"]["ContainerDefinitions"]
        assert not {"dagster-webserver", "dagit", "dev"} & set(map(str, container["Command"])), name


def test_a_run_uses_the_container_of_the_stacks_task_definition():
    launcher = yaml.safe_load((ROOT / "infra" / "dagster.yaml").read_text())["run_launcher"]["config"]
    (container,) = RESOURCES["RunTask"]["Properties"]["ContainerDefinitions"]
    assert container["Name"] == launcher["container_name"]
    (daemon,) = RESOURCES["DaemonTask"]["Properties"]["ContainerDefinitions"]
    environment = {item["Name"]: item["Value"] for item in daemon["Environment"]}
    assert environment[launcher["task_definition"]["env"]] == {"Ref": "RunTask"}


def test_dagster_accepts_the_workspace_of_the_image_and_its_port_is_the_code_locations(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("DAGSTER_CODE_HOST", "code.finance.internal")
    workspace = yaml.safe_load((ROOT / "infra" / "workspace.yaml").read_text())
    validation = process_workspace_config(workspace)
    assert validation.success, validation.errors
    (container,) = RESOURCES["CodeTask"]["Properties"]["ContainerDefinitions"]
    assert str(workspace["load_from"][0]["grpc_server"]["port"]) == container["Command"][-1]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_few_permissions_and_calls_existing_targets(path: Path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, job in workflow["jobs"].items():
        permissions = job.get("permissions", {"contents": "read"})
        assert set(permissions.values()) <= ({"read", "write"} if name == "deploy" else {"read"})
        assert {key for key, value in permissions.items() if value == "write"} <= {"id-token"}
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert set(re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))) <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_named_by_its_commit_with_its_version_in_a_comment(path: Path):
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines()]
    used = [line for line in lines if line.startswith("uses:")]
    assert used
    assert [line for line in used if not re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_dependabot_updates_the_pins_of_actions_and_of_the_base_image():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {(one["package-ecosystem"], one["directory"]) for one in updates} == {
        ("github-actions", "/"),
        ("docker", "/infra"),
    }


def test_an_action_has_one_pin_in_all_workflows():
    pins = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (\S+@\S+)", path.read_text())}
    assert len({pin.partition("@")[0] for pin in pins}) == len(pins)


def test_no_workflow_uses_a_stored_key_of_aws():
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    assert not re.search(r"aws-(access-key-id|secret-access-key)|secrets\.", text)
    assert "role-to-assume" in text


def test_every_deployment_of_the_workflow_passes_cloudformations_role_and_the_environments_options():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]["deploy"]
    deployments = re.findall(r"make deploy ARGS=\"(.*)\"", "\n".join(step.get("run", "") for step in job["steps"]))
    assert len(deployments) == 2
    assert all(" $SERVICE_ROLE $OPTIONS " in arguments for arguments in deployments)
    assert job["env"]["OPTIONS"] == "${{ vars.DEPLOY_OPTIONS }}"
    option = "${{ vars.AWS_SERVICE_ROLE && format('--service-role {0}', vars.AWS_SERVICE_ROLE) }}"
    assert job["env"]["SERVICE_ROLE"] == option


def test_the_session_of_a_deployment_lasts_as_long_as_its_job_and_no_longer_than_its_role_allows():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]["deploy"]
    (session,) = [step["with"] for step in job["steps"] if "role-to-assume" in step.get("with", {})]
    role = read_template(ROOT / "infra" / "deploy_role.yaml").document["Resources"]["DeployRole"]["Properties"]
    assert job["timeout-minutes"] * 60 <= session["role-duration-seconds"] <= role["MaxSessionDuration"]


def test_the_documented_stack_of_the_deploy_role_is_beyond_what_that_role_may_change():
    text = (ROOT / "docs" / "deploy.md").read_text()
    (name,) = re.findall(r"--stack-name (\S+) --template-file infra/deploy_role\.yaml", text)
    default = read_template(ROOT / "infra" / "deploy_role.yaml").parameters["StackName"]["Default"]
    assert not name.startswith(f"{default}-")


def test_the_variables_of_the_workflows_are_documented():
    variables = {name for path in WORKFLOWS for name in re.findall(r"\bvars\.(\w+)", path.read_text())}
    documentation = (ROOT / "docs" / "deploy.md").read_text()
    assert "STACK_NAME" in variables
    assert [name for name in sorted(variables) if f"`{name}`" not in documentation] == []


def test_the_fast_tests_run_on_every_supported_python_and_all_tests_on_the_newest():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    assert jobs["fast"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    versions = [step["with"]["python-version"] for step in jobs["system"]["steps"] if "python" in step.get("uses", "")]
    assert versions == ["3.13"]


def test_the_headings_of_the_runbook_are_exactly_the_alerts_and_the_alarms():
    text = (ROOT / "docs" / "runbook.md").read_text()
    sections = dict(re.findall(r"^## (Alerts|Alarms)$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL))
    headings = {name: set(re.findall(r"^### (.+)$", section, re.MULTILINE)) for name, section in sections.items()}
    alarms = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    assert headings == {"Alerts": set(get_args(Kind)), "Alarms": alarms}


def test_the_feeds_folder_contains_only_descriptors_and_a_readme():
    for path in (ROOT / "infra" / "feeds").iterdir():
        assert fnmatch.fnmatch(path.name, "*.yaml") or path.name == "README.md"


def test_the_state_machine_runs_a_refresh_in_the_stack_and_ends_in_a_state_for_each_exit_code():
    machine = json.loads((ROOT / "infra" / "state_machine.asl.json").read_text())
    states = machine["States"]
    refresh = states[machine["StartAt"]]
    (override,) = refresh["Parameters"]["Overrides"]["ContainerOverrides"]
    run_task = shipped_template().document["Resources"]["RunTask"]["Properties"]
    assert override["Name"] == run_task["ContainerDefinitions"][0]["Name"]
    assert run_task["Family"] == {"Fn::Sub": "${AWS::StackName}-run"}
    program, *arguments = override["Command"]
    assert program == "finance-platform"
    assert main.get_command(click.Context(main), arguments[0]) is not None
    reached, remaining = set(), [machine["StartAt"]]
    while remaining:
        state = states[name := remaining.pop()]
        following = [state.get("Next"), state.get("Default")]
        following += [branch["Next"] for branch in (*state.get("Catch", ()), *state.get("Choices", ()))]
        reached.add(name)
        remaining += [one for one in following if one and one not in reached]
        assert any(following) or state["Type"] in {"Succeed", "Fail"}, name
    assert reached == states.keys()
