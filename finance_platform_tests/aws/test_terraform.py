"""The Terraform module: it says what the template says, and gives the stack exactly the values that were set.

Terraform itself runs where it is installed. The provider of AWS comes from a registry that tests do not use, so the
stack is replaced by Terraform's own `terraform_data`, and everything but that one block is planned as it is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deployment.steps import STACK_NAME_PATTERN, STACK_NAME_RULE
from finance_platform_tests.aws.shipped_template import shipped_template
from finance_platform_tests.profiles import at_night
from finance_platform_tests.terraform_module import MODULE, render_module, variable_name

TEMPLATE = shipped_template().document
REQUIRED = {
    "stack_name": "finance",
    "template_url": "https://templates.s3.eu-central-1.amazonaws.com/finance.yaml",
    "release": "0123456789ab",
    "additional_python_modules": "s3://finance-scripts/releases/0123456789ab/finance_platform-1-py3-none-any.whl",
}
STACK = re.compile(r'^resource "aws_cloudformation_stack" "this" \{.*?^\}', re.MULTILINE | re.DOTALL)
PROVIDER = re.compile(r"^  required_providers \{.*?^  \}\n", re.MULTILINE | re.DOTALL)

needs_terraform = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not installed")


def test_the_module_is_what_the_template_says():
    for name, text in render_module(TEMPLATE).items():
        assert (MODULE / name).read_text() == text, f"{name}: run `make reference`"


def test_every_parameter_is_a_variable_and_every_output_an_output():
    texts = {path.name: path.read_text() for path in MODULE.glob("*.tf")}
    variables = re.findall(r'^variable "(\w+)"', texts["variables.tf"], re.MULTILINE)
    assert variables == [variable_name(name) for name in TEMPLATE["Parameters"]]
    assert len(set(variables)) == len(variables)
    given = dict(re.findall(r"^    (\w+) += var\.(\w+)$", texts["variables.tf"], re.MULTILINE))
    assert given == {name: variable_name(name) for name in TEMPLATE["Parameters"]}
    outputs = dict(re.findall(r'output "(\w+)" \{\n  value = lookup\(\S+ "(\w+)", null\)', texts["outputs.tf"]))
    assert outputs == {variable_name(name): name for name in TEMPLATE["Outputs"]}


def test_terraform_waits_for_as_long_as_ecs_and_redshift_may_take():
    (stack,) = STACK.findall((MODULE / "main.tf").read_text())
    assert re.findall(r"^    (create|update) += \"3h\"$", stack, re.MULTILINE) == ["create", "update"]


def test_a_name_that_terraform_takes_is_one_that_deploy_remote_and_the_role_of_ci_take():
    main = (MODULE / "main.tf").read_text()
    (pattern,) = re.findall(r'regex\("\^\(\?:(.*)\)\$", var\.stack_name\)', main)
    role = (MODULE.parent / "deploy_role.yaml").read_text()

    assert pattern == STACK_NAME_PATTERN
    assert f'AllowedPattern: "{pattern}"' in role.split("Repository:")[0]
    assert f"Expected {STACK_NAME_RULE}." in main
    assert f"{STACK_NAME_RULE}." in role


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [
        ("UiAllowedCidr", "ui_allowed_cidr"),
        ("Entity", "entity"),
        ("GlueFromBytes", "glue_from_bytes"),
        ("ZoneA", "zone_a"),
    ],
)
def test_a_variable_has_the_name_of_its_parameter(parameter: str, variable: str):
    assert variable_name(parameter) == variable


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module with Terraform's own resource in place of the stack."""
    folder = tmp_path_factory.mktemp("terraform")
    for path in MODULE.glob("*.tf"):
        text = path.read_text().replace("aws_cloudformation_stack.this.outputs", "local.parameters")
        text = PROVIDER.sub("", STACK.sub('resource "terraform_data" "this" {\n  input = local.parameters\n}', text))
        (folder / path.name).write_text(text)
    assert not re.search(r"aws_cloudformation_stack|hashicorp/aws", (folder / "main.tf").read_text())
    assert terraform(folder, "init", "-backend=false").returncode == 0
    return folder


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    command = ["terraform", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def plan(module: Path, **variables: object) -> tuple[dict[str, Any], str]:
    """Return the parameters that the stack would get, and what Terraform says against the values."""
    (module / "terraform.tfvars.json").write_text(json.dumps(REQUIRED | variables))
    planned = terraform(module, "plan", "-no-color", "-input=false", "-out=plan")
    if planned.returncode:
        return {}, " ".join(planned.stderr.replace("│", " ").split())
    shown = json.loads(terraform(module, "show", "-json", "plan").stdout)
    (stack,) = shown["planned_values"]["root_module"]["resources"]
    return stack["values"]["input"], ""


@needs_terraform
def test_the_module_is_formatted_and_consistent(module: Path):
    assert terraform(MODULE, "fmt", "-check", "-diff").stdout == ""
    validated = json.loads(terraform(module, "validate", "-json").stdout)
    assert validated["diagnostics"] == []


@needs_terraform
def test_the_stack_gets_what_was_set_as_text_and_nothing_else(module: Path):
    own = {"glue_workers": 4, "currency": "EUR", "materiality_by_account": "Revenue=100000/5,6110=5000/10", "image": ""}
    parameters, error = plan(module, **own)
    assert error == ""
    assert parameters == {
        "Release": REQUIRED["release"],
        "AdditionalPythonModules": REQUIRED["additional_python_modules"],
        "GlueWorkers": "4",
        "Currency": "EUR",
        "MaterialityByAccount": "Revenue=100000/5,6110=5000/10",
        "Image": "",
    }


WRONG = {
    "warehouse": ("serverles", "Warehouse: expected one of serverless, provisioned."),
    "currency": ("euro", "Currency: expected three capital letters, such as USD."),
    "glue_workers": (1, "GlueWorkers: expected at least 2."),
    "warehouse_base_capacity": (5, "WarehouseBaseCapacity: expected one of 4, 8,"),
    "ui_allowed_cidr": ("0.0.0.0/0", "UiAllowedCidr: expected a network"),
    "stack_name": ("Finance", "Expected 3 to 20 small letters"),
}


@needs_terraform
def test_what_the_template_refuses_the_module_refuses_at_once_by_the_parameters_name(module: Path):
    _, error = plan(module, **{name: value for name, (value, _) in WRONG.items()})
    for _, message in WRONG.values():
        assert message in error


@needs_terraform
@at_night("a sample of them runs above")
def test_the_module_accepts_the_default_of_every_parameter(module: Path):
    defaults = {name: str(item["Default"]) for name, item in TEMPLATE["Parameters"].items() if "Default" in item}
    parameters, error = plan(module, **{variable_name(name): value for name, value in defaults.items()})
    assert error == ""
    assert {name: parameters[name] for name in defaults} == defaults
