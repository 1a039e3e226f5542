"""What a deployment is made of besides the template: image, its lock, workflows, runbook. Docker is not needed."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from dagster._core.workspace.config_schema import process_workspace_config

from finance_platform.alerts.port import Kind
from finance_platform.deployment.plan import template_path
from finance_platform.deployment.template import read_template

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "infra" / "Dockerfile").read_text()
RESOURCES: dict[str, dict[str, Any]] = read_template(template_path()).document["Resources"]
TASKS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::ECS::TaskDefinition"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BUILT = "dist/finance_platform-*.whl"
"""What `make dist` makes; everything else that the image takes is in the repository."""

LEFT_OUT = {"pyspark", "py4j", "pysail", "duckdb"}

WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {left_out}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
import dagster_aws.ecs, dagster_aws.s3
from finance_platform.cli import main
from finance_platform.adapters import open_warehouse
from finance_platform.definitions import build_definitions
from finance_platform.settings import load_settings
settings = load_settings(
    profile="aws", home="{home}", raw_uri="s3://raw", processed_uri="s3://processed", scripts_uri="s3://scripts",
    redshift_host="warehouse", redshift_workgroup="finance", redshift_copy_role_arn="arn", aws_region="eu-central-1",
)
build_definitions(settings).resolve_job_def("refresh")
open_warehouse(settings)
"""


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def copied() -> list[str]:
    return [line.split()[0] for line in instructions("COPY") if not line.startswith("--from")]


def test_everything_that_the_image_takes_is_in_the_repository_or_built():
    for source in copied():
        assert source == BUILT or (ROOT / source).exists(), source


def test_the_builder_is_sent_what_the_image_takes_and_nothing_else():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines[1:]} == set(copied())


def test_the_image_is_built_in_stages_from_one_named_python_and_runs_as_nobody_special():
    assert instructions("ARG") == ["PYTHON=python:3.13-slim-bookworm"]
    assert [line.split()[0] for line in instructions("FROM")] == ["${PYTHON}", "${PYTHON}"]
    assert instructions("USER") == ["10001"]
    assert not re.search(r"(password|secret|token|aws_access)", DOCKERFILE, re.IGNORECASE)


def test_the_image_installs_wheels_with_hashes_alone():
    (locked, ours) = (line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes" in locked
    assert "--only-binary=:all:" in locked
    assert "--no-index --no-deps" in ours


def test_the_images_lock_is_the_lock_of_the_platform_without_spark_and_with_postgresql():
    pins = [
        set(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "infra/requirements-image.txt")
    ]
    of_platform, of_image = pins
    beside = {name for name, _ in of_image - of_platform}
    assert beside == {"dagster-postgres", "psycopg2-binary"}
    assert not LEFT_OUT & {name for name, _ in of_image}
    assert {name for name, _ in of_platform - of_image} >= LEFT_OUT
    text = (ROOT / "infra" / "requirements-image.txt").read_text()
    assert len(of_image) <= text.count("--hash=sha256:")


def test_the_platform_on_aws_runs_without_what_the_image_leaves_out(tmp_path: Path):
    program = WITHOUT.replace("{left_out}", repr(LEFT_OUT)).replace("{home}", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("task", TASKS)
def test_a_tasks_command_is_a_program_of_the_image(task: str):
    (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
    programs = {script.name for script in importlib.metadata.entry_points(group="console_scripts")}
    assert container["Command"][0] in programs
    assert container["Image"] == {"Ref": "Image"}
    for word in map(str, container["Command"]):
        if word.startswith("/opt/finance-platform/"):
            assert word in DOCKERFILE, word


def test_the_image_has_dagsters_configuration_where_the_platform_looks():
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))
    home = environment["FINANCE_PLATFORM_HOME"]
    assert environment["DAGSTER_HOME"] == f"{home}/dagster"
    assert f"{home}/dagster/dagster.yaml" in DOCKERFILE
    assert f"{home}/feeds/" in DOCKERFILE


def test_what_dagsters_configuration_asks_of_the_environment_its_tasks_have():
    asked = set()
    for name in ("dagster.yaml", "workspace.yaml"):
        asked |= set(re.findall(r"env: (\w+)", (ROOT / "infra" / name).read_text()))
    for task in ("DaemonTask", "WebserverTask"):
        (container,) = RESOURCES[task]["Properties"]["ContainerDefinitions"]
        given = {one["Name"] for one in (*container["Environment"], *container["Secrets"])}
        assert asked <= given, task


def test_a_run_is_the_container_of_the_task_that_the_stack_has():
    launcher = yaml.safe_load((ROOT / "infra" / "dagster.yaml").read_text())["run_launcher"]["config"]
    (container,) = RESOURCES["RunTask"]["Properties"]["ContainerDefinitions"]
    assert container["Name"] == launcher["container_name"]
    (daemon,) = RESOURCES["DaemonTask"]["Properties"]["ContainerDefinitions"]
    given = {one["Name"]: one["Value"] for one in daemon["Environment"]}
    assert given[launcher["task_definition"]["env"]] == {"Ref": "RunTask"}


def test_dagster_takes_the_workspace_of_the_image_and_finds_the_code_where_it_listens(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("DAGSTER_CODE_HOST", "code.finance.internal")
    workspace = yaml.safe_load((ROOT / "infra" / "workspace.yaml").read_text())
    checked = process_workspace_config(workspace)
    assert checked.success, checked.errors
    (container,) = RESOURCES["CodeTask"]["Properties"]["ContainerDefinitions"]
    assert str(workspace["load_from"][0]["grpc_server"]["port"]) == container["Command"][-1]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_little_and_calls_targets_that_there_are(path: Path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, job in workflow["jobs"].items():
        beyond = job.get("permissions", {"contents": "read"})
        assert set(beyond.values()) <= ({"read", "write"} if name == "deploy" else {"read"})
        assert {key for key, value in beyond.items() if value == "write"} <= {"id-token"}
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert set(re.findall(r"\bmake ([a-z]+)", step.get("run", ""))) <= targets
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})", step.get("uses", "a/b@v1"))


def test_no_key_of_aws_is_stored_for_a_workflow():
    text = "\n".join(path.read_text() for path in WORKFLOWS)
    assert not re.search(r"aws-(access-key-id|secret-access-key)|secrets\.", text)
    assert "role-to-assume" in text


def test_the_variables_that_a_workflow_needs_are_told():
    named = {name for path in WORKFLOWS for name in re.findall(r"\bvars\.(\w+)", path.read_text())}
    told = (ROOT / "docs" / "deploy.md").read_text()
    assert "STACK_NAME" in named
    assert [name for name in sorted(named) if f"`{name}`" not in told] == []


def test_the_tests_run_on_the_oldest_and_the_newest_python():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]


def test_the_runbook_has_a_heading_for_each_alert_and_each_alarm_and_for_no_other():
    text = (ROOT / "docs" / "runbook.md").read_text()
    sections = dict(re.findall(r"^## (Alerts|Alarms)$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL))
    headings = {name: set(re.findall(r"^### (.+)$", found, re.MULTILINE)) for name, found in sections.items()}
    alarms = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert headings == {"Alerts": set(get_args(Kind)), "Alarms": alarms}


def test_the_feeds_folder_holds_descriptors_and_its_explanation():
    for path in (ROOT / "infra" / "feeds").iterdir():
        assert fnmatch.fnmatch(path.name, "*.yaml") or path.name == "README.md"
