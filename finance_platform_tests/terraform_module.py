"""Writes the Terraform module in `infra/terraform` from the parameters and outputs of the CloudFormation template.

Belongs here: variables, the map of parameters, outputs. Does not belong here: the template (see `infra`), resources of
AWS: the module has one, the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from finance_platform.deployment.steps import STACK_NAME_PATTERN, STACK_NAME_RULE
from finance_platform.deployment.template import read_template, template_path

MODULE = template_path().parent / "terraform"
_GENERATED = "# Generated from infra/cloudformation_template.yaml by `make reference`.\n"

_MAIN = """
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "stack_name" {
  description = "Name of the stack, and the beginning of every name in it."
  type        = string
  validation {
    condition     = can(regex("^(?:STACK_NAME_PATTERN)$", var.stack_name))
    error_message = "Expected STACK_NAME_RULE."
  }
}

variable "template_url" {
  description = "Address of the same release's infra/cloudformation_template.yaml in a bucket."
  type        = string
}

variable "service_role_arn" {
  description = "Role that CloudFormation works with (infra/deploy_role.yaml); null for the caller's rights."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation gives to every resource that can have tags."
  type        = map(string)
  default     = {}
}

locals {
  # A variable that is null is left out, so the template's default holds.
  parameters = { for name, value in local.given : name => tostring(value) if value != null }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = var.template_url
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
  iam_role_arn = var.service_role_arn
  parameters   = local.parameters
  tags         = var.tags

  # The default is half an hour; a creation that goes on would then be marked for replacement.
  timeouts {
    create = "3h"
    update = "3h"
  }

  lifecycle {
    # The stack has the books' buckets, key and warehouse. Remove this by hand to tear it down.
    prevent_destroy = true
  }
}
"""


def variable_name(parameter: str) -> str:
    """Return a parameter's name as Terraform spells variables: `UiAllowedCidr` is `ui_allowed_cidr`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter).lower()


def render_module(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the module's files by name.

    Args:
        document: the parsed template.
    """
    parameters = document["Parameters"]
    width = max(map(len, parameters))
    given = "".join(f"    {name.ljust(width)} = var.{variable_name(name)}\n" for name in parameters)
    main = (
        _MAIN.lstrip("\n").replace("STACK_NAME_PATTERN", STACK_NAME_PATTERN).replace("STACK_NAME_RULE", STACK_NAME_RULE)
    )
    return {
        "main.tf": "# The platform's stack; docs/deploy.md says what comes before and after it.\n" + main,
        "variables.tf": "\n".join([_GENERATED, *(_variable(name, parameter) for name, parameter in parameters.items())])
        + f"\nlocals {{\n  given = {{\n{given}  }}\n}}\n",
        "outputs.tf": "\n".join([_GENERATED, *map(_output, document["Outputs"])]),
    }


def _variable(name: str, parameter: Mapping[str, Any]) -> str:
    variable = variable_name(name)
    lines = [
        f'variable "{variable}" {{',
        f"  description = {_text(parameter['Description'])}",
        f"  type        = {'number' if parameter['Type'] == 'Number' else 'string'}",
    ]
    if "Default" in parameter:
        lines.append("  default     = null")
    for condition, expected in _rules(f"var.{variable}", parameter):
        required = condition if "Default" not in parameter else f"var.{variable} == null || {condition}"
        lines += [
            "  validation {",
            f"    condition     = {required}",
            f"    error_message = {_text(f'{name}: expected {expected}')}",
            "  }",
        ]
    return "\n".join([*lines, "}\n"])


def _rules(variable: str, parameter: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield the conditions that the template sets for a value, each with what it expects."""
    expected = str(parameter.get("ConstraintDescription", "")).rstrip(".")
    if "AllowedValues" in parameter:
        values = [str(value) for value in parameter["AllowedValues"]]
        allowed = ", ".join(map(_text, values))
        yield f"try(contains([{allowed}], tostring({variable})), false)", f"one of {', '.join(values)}."
    if "AllowedPattern" in parameter:
        yield f"can(regex({_text('^(?:' + parameter['AllowedPattern'] + ')$')}, {variable}))", f"{expected}."
    for bound, comparison, words in (("MinValue", ">=", "at least"), ("MaxValue", "<=", "at most")):
        if bound in parameter:
            yield f"try({variable} {comparison} {parameter[bound]}, false)", f"{words} {parameter[bound]}."


def _output(name: str) -> str:
    return (
        f'output "{variable_name(name)}" {{\n'
        f'  value = lookup(aws_cloudformation_stack.this.outputs, "{name}", null)\n'
        "}\n"
    )


def _text(value: str) -> str:
    """Return a text as HCL writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def write_module(folder: Path) -> None:
    """Write the module's files into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in render_module(read_template(template_path()).document).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_module(MODULE)
