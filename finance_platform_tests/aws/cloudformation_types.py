"""What moto's CloudFormation lacks: types of resources, which are written down instead; outputs of an update.

Belongs here: the list of types, what a template may ask of each. Does not belong here: what moto creates itself.
moto creates the other types for real, so that their properties are at least looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet
from moto.core.common_models import CloudFormationModel
from moto.elbv2.models import FakeTargetGroup

UNKNOWN_TO_MOTO = {
    "AWS::CloudWatch::Alarm",
    "AWS::Glue::Crawler",
    "AWS::Glue::Database",
    "AWS::Glue::Job",
    "AWS::Glue::SecurityConfiguration",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Workgroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
    "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "AWS::ServiceDiscovery::Service",
}
"""It can only shrink: a test fails as soon as moto knows one of them, or the template has one no more."""


class _WrittenDown(CloudFormationModel):
    """A resource that exists in its stack alone."""

    def __init__(self, name: str, properties: dict[str, Any]) -> None:
        self.name, self.properties = name, properties

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return bool(attr)

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return f"{self.name}.{attribute_name}"

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **kwargs: Any
    ) -> _WrittenDown:
        del account_id, region_name, kwargs
        return cls(resource_name, cloudformation_json["Properties"])

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _WrittenDown,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> _WrittenDown:
        del new_resource_name, account_id, region_name
        return cls(original_resource.name, cloudformation_json["Properties"])

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        del resource_name, cloudformation_json, account_id, region_name


@contextlib.contextmanager
def complete_cloudformation() -> Iterator[None]:
    """Let moto take the types that it cannot create, and have outputs after an update, until the end of the block."""
    known = parsing.get_model_map()
    # moto takes `!GetAtt Cluster.Endpoint.Address` for the attribute Endpoint.
    yaml.add_constructor("!GetAtt", lambda _, node: {"Fn::GetAtt": node.value.split(".", 1)})
    with pytest.MonkeyPatch.context() as patch:
        for name in UNKNOWN_TO_MOTO - known.keys():
            patch.setitem(known, name, type(name, (_WrittenDown,), {}))
        patch.setattr(ChangeSet, "apply", _apply_wholly(ChangeSet.apply))
        # An alarm asks a target group for its name; moto's has no attributes at all.
        patch.setattr(FakeTargetGroup, "get_cfn_attribute", _name_of, raising=False)
        yield


def _name_of(group: FakeTargetGroup, attribute: str) -> str:
    return f"{group.name}.{attribute}"


def is_written_down(model: type) -> bool:
    """Return whether a type's model is one of ours."""
    return issubclass(model, _WrittenDown)


def _apply_wholly(apply: Callable[[ChangeSet], None]) -> Callable[[ChangeSet], None]:
    def apply_wholly(change_set: ChangeSet) -> None:
        stack, resources = change_set.stack, change_set.stack.resource_map
        # moto takes a default for a change where an update spells it out, and makes such resources None.
        resources.input_parameters = {**resources.resolved_parameters, **resources.input_parameters}
        apply(change_set)
        for name, resource in change_set.template_dict["Resources"].items():
            if resources._parsed_resources.get(name) is None:
                resources._parsed_resources.pop(name, None)
                # A resource whose condition has come true is one to add.
                if resources.lazy_condition_map.get(resource.get("Condition"), True):
                    resources[name]
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.output_map = stack._create_output_map()

    return apply_wholly
