"""The CloudFormation template as data: its parameters, its conditions, and the stage that is created first.

Belongs here: reading the template, validating parameters against it. Does not belong here: calls to AWS.

CloudFormation validates parameters too, but on a first deployment only after the first stage and the uploads.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from finance_platform.errors import DeploymentParameterError

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast: half a second for the shipped template
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

FIRST_STAGE = "first"
"""The value of `Metadata: {Stage: …}` of the resources that uploads and the image need: key, bucket, repository."""


class _Loader(SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": "x"}`."""


def _construct_short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _construct_short_form)


@dataclass(frozen=True)
class Template:
    """A template, as text and as data.

    Attributes:
        text: the text of the file.
        document: the parsed text, with the short forms of functions in their long form.
    """

    text: str
    document: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The template's key in the scripts bucket, which contains a hash of its text."""
        return f"templates/{hashlib.sha256(self.text.encode()).hexdigest()[:12]}.yaml"

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The declarations of the parameters, by name."""
        declarations: Mapping[str, Mapping[str, Any]] = self.document.get("Parameters", {})
        return declarations

    def render_first_stage(self) -> str:
        """Return a template, in JSON, of the resources that must exist before anything can be uploaded."""
        resources = {
            name: resource
            for name, resource in self.document["Resources"].items()
            if resource.get("Metadata", {}).get("Stage") == FIRST_STAGE
        }
        conditions = self._used("Conditions", resources)
        parts = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": self.document["Description"],
            "Parameters": self._used("Parameters", [resources, conditions]),
            "Conditions": conditions,
            "Resources": resources,
        }
        return json.dumps({name: part for name, part in parts.items() if part})

    def first_stage_parameters(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return those of the values that the first stage declares."""
        declared = json.loads(self.render_first_stage()).get("Parameters", {})
        return {name: value for name, value in values.items() if name in declared}

    def _used(self, section: str, part: Any) -> dict[str, Any]:
        """Return the entries of a section that a part of the template refers to."""
        text = json.dumps(part)
        return {name: entry for name, entry in self.document.get(section, {}).items() if f'"{name}"' in text}

    def select_resources(self, values: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        """Return the resources that a new stack would have, by name.

        Args:
            values: the values of parameters; the others have their defaults.
        """
        is_true = self._evaluator(values)
        return {
            name: resource
            for name, resource in self.document["Resources"].items()
            if "Condition" not in resource or is_true(resource["Condition"])
        }

    def broken_rules(self, values: Mapping[str, str]) -> list[str]:
        """Return the descriptions of the rules that a new stack would break, each once.

        Args:
            values: the values of parameters; the others have their defaults.
        """
        is_true = self._evaluator(values)
        rules = self.document.get("Rules", {}).values()
        broken = [
            str(assertion["AssertDescription"])
            for rule in rules
            if "RuleCondition" not in rule or is_true(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not is_true(assertion["Assert"])
        ]
        return list(dict.fromkeys(broken))

    def _evaluator(self, values: Mapping[str, str]) -> Callable[[Any], bool]:
        """Return a function that evaluates a condition, or the name of one, for a new stack."""
        conditions = self.document.get("Conditions", {})
        effective = {name: str(values.get(name, item.get("Default", ""))) for name, item in self.parameters.items()}

        def value_of(item: Any) -> str:
            if not isinstance(item, dict):
                return str(item)
            if "Fn::Join" in item:
                separator, parts = item["Fn::Join"]
                return str(separator).join(map(value_of, parts))
            return effective[item["Ref"]]

        def is_true(condition: Any) -> bool:
            if isinstance(condition, str):
                return is_true(conditions[condition])
            ((function, operands),) = condition.items()
            if function == "Condition":
                return is_true(operands)
            if function == "Fn::Equals":
                return value_of(operands[0]) == value_of(operands[1])
            if function == "Fn::Contains":
                return value_of(operands[1]) in map(value_of, operands[0])
            results = [is_true(operand) for operand in operands]
            return {"Fn::Not": not results[0], "Fn::And": all(results), "Fn::Or": any(results)}[function]

        return is_true


def template_path() -> Path:
    """Return the path of the shipped template in a checkout."""
    return Path(__file__).parents[2] / "infra" / "cloudformation_template.yaml"


def read_template(path: Path) -> Template:
    """Read a template.

    Raises:
        DeploymentParameterError: the file does not exist or is not a template.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  the loader is a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeploymentParameterError(
            f"{path} cannot be read as a template: {error}", fix="check the path given to --template"
        ) from error
    if not isinstance(document, dict) or "Resources" not in document:
        raise DeploymentParameterError(f"{path} has no Resources", fix="give --template a CloudFormation template")
    return Template(text, document)


def validate_parameters(template: Template, values: Mapping[str, str]) -> None:
    """Validate values against the template's declarations.

    Raises:
        DeploymentParameterError: a name is not declared, or a value is not allowed; says which are.
    """
    for name, value in values.items():
        declaration = template.parameters.get(name)
        if declaration is None:
            similar = get_close_matches(name, template.parameters, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(sorted(template.parameters))}"
            raise DeploymentParameterError(f"there is no parameter {name}", fix=hint)
        if not _is_allowed(declaration, value):
            raise DeploymentParameterError(
                f"{name} is {value!r}, expected {_describe_allowed(declaration)}", fix=f"give --parameter {name}=…"
            )


def require_rules(template: Template, values: Mapping[str, str]) -> None:
    """Check the template's rules for a new stack; those of an existing one CloudFormation checks before it changes it.

    Raises:
        DeploymentParameterError: the values break a rule; says which.
    """
    broken = template.broken_rules(values)
    if broken:
        raise DeploymentParameterError(" ".join(broken), fix="give the parameters that go together, with --parameter")


def _is_allowed(declaration: Mapping[str, Any], value: str) -> bool:
    if "AllowedValues" in declaration:
        return value in map(str, declaration["AllowedValues"])
    if "AllowedPattern" in declaration:
        return re.fullmatch(declaration["AllowedPattern"], value) is not None
    if declaration["Type"] != "Number":
        return True
    try:
        return float(declaration.get("MinValue", "-inf")) <= float(value) <= float(declaration.get("MaxValue", "inf"))
    except ValueError:
        return False


def _describe_allowed(declaration: Mapping[str, Any]) -> str:
    if "AllowedValues" in declaration:
        return f"one of {', '.join(map(str, declaration['AllowedValues']))}"
    description = declaration.get("ConstraintDescription") or declaration.get("AllowedPattern") or declaration["Type"]
    return str(description)
