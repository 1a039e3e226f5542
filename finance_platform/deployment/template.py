"""The CloudFormation template as data: its parameters, its conditions, and the part that is created first.

Belongs here: reading the template, holding parameters to what it declares. Does not belong here: calls to AWS.
CloudFormation checks parameters too, but only when the artefacts are uploaded, and in words that name no fix.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from finance_platform.errors import DeploymentParameterError

FIRST = "first"
"""What `Metadata: {Stage: …}` says of a resource that the others need: the key, the scripts bucket, the repository."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": "x"}`."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
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


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Resource:
    """One resource of a template.

    Attributes:
        logical_id: its name in the template.
        type: such as `AWS::S3::Bucket`.
    """

    logical_id: str
    type: str


@dataclass(frozen=True)
class Template:
    """A template, as text and as data.

    Attributes:
        text: as it is written.
        document: the short forms of functions written out.
    """

    text: str
    document: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Where it goes in the scripts bucket; other content has another key."""
        return f"templates/{hashlib.sha256(self.text.encode()).hexdigest()[:12]}.yaml"

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """What may be given, by name."""
        found: Mapping[str, Mapping[str, Any]] = self.document.get("Parameters", {})
        return found

    def first_stage(self) -> str:
        """Return a template, in JSON, of what has to be there before anything can be uploaded."""
        resources = self.document["Resources"]
        chosen = {
            name: resource for name, resource in resources.items() if resource.get("Metadata", {}).get("Stage") == FIRST
        }
        described = {"AWSTemplateFormatVersion": "2010-09-09", "Description": self.document["Description"]}
        return json.dumps({**described, "Resources": chosen})

    def resources(self, values: Mapping[str, str]) -> list[Resource]:
        """Return the resources that a new stack would have.

        Args:
            values: of parameters; the others have their defaults.
        """
        conditions = self.document.get("Conditions", {})
        given = {name: str(values.get(name, declared.get("Default", ""))) for name, declared in self.parameters.items()}

        def holds(condition: Any) -> bool:
            if isinstance(condition, str):
                return holds(conditions[condition])
            ((function, parts),) = condition.items()
            if function == "Condition":
                return holds(parts)
            if function == "Fn::Equals":
                left, right = (given[part["Ref"]] if isinstance(part, dict) else str(part) for part in parts)
                return bool(left == right)
            results = [holds(part) for part in parts]
            return {"Fn::Not": not results[0], "Fn::And": all(results), "Fn::Or": any(results)}[function]

        return [
            Resource(name, resource["Type"])
            for name, resource in self.document["Resources"].items()
            if "Condition" not in resource or holds(resource["Condition"])
        ]


def read_template(path: Path) -> Template:
    """Read a template.

    Raises:
        DeploymentParameterError: there is none, or it is no template.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  the loader is a SafeLoader
    except (OSError, yaml.YAMLError) as error:
        raise DeploymentParameterError(
            f"{path} cannot be read as a template: {error}", fix="mend --template"
        ) from error
    if not isinstance(document, dict) or "Resources" not in document:
        raise DeploymentParameterError(f"{path} has no Resources", fix="name a CloudFormation template with --template")
    return Template(text, document)


def check_parameters(template: Template, values: Mapping[str, str]) -> None:
    """Hold values to what the template declares.

    Raises:
        DeploymentParameterError: a name is not declared, or a value is not allowed; says what is.
    """
    for name, value in values.items():
        declared = template.parameters.get(name)
        if declared is None:
            near = get_close_matches(name, template.parameters, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(template.parameters))}"
            raise DeploymentParameterError(f"there is no parameter {name}", fix=hint)
        wanted = _violated(declared, value)
        if wanted:
            raise DeploymentParameterError(f"{name} is {value!r}, expected {wanted}", fix=f"give --parameter {name}=…")


def _violated(declared: Mapping[str, Any], value: str) -> str:
    """Return what was expected of a value, in words; empty where it is as expected."""
    allowed = [str(one) for one in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return "one of " + ", ".join(allowed)
    said = str(declared.get("ConstraintDescription", ""))
    pattern = declared.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        return said or f"a match of {pattern}"
    if declared["Type"] == "Number":
        return said or "a number" if not _is_in_range(declared, value) else ""
    return ""


def _is_in_range(declared: Mapping[str, Any], value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return float(declared.get("MinValue", "-inf")) <= number <= float(declared.get("MaxValue", "inf"))
