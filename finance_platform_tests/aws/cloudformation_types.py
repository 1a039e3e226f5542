"""Extensions of moto's CloudFormation: the resource types that it lacks, and the outputs of an update.

Belongs here: those types, which are recorded only. Does not belong here: the types that moto creates, and whose
properties it validates in part.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.utils import yaml_tag_constructor
from moto.core.common_models import CloudFormationModel
from moto.elbv2.models import FakeTargetGroup
from moto.rds.models import DBInstance

UNKNOWN_TO_MOTO = {
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::Glue::Crawler",
    "AWS::Glue::Database",
    "AWS::Glue::Job",
    "AWS::Glue::SecurityConfiguration",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::QuickSight::Analysis",
    "AWS::QuickSight::Dashboard",
    "AWS::QuickSight::DataSet",
    "AWS::QuickSight::DataSource",
    "AWS::QuickSight::VPCConnection",
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
"""A test fails as soon as moto has one of them, or the template has one of them no longer."""


class _RecordedResource(CloudFormationModel):
    """A resource that exists in its stack only."""

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
    ) -> _RecordedResource:
        del account_id, region_name, kwargs
        return cls(resource_name, cloudformation_json.get("Properties", {}))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _RecordedResource,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> _RecordedResource:
        del new_resource_name, account_id, region_name
        return cls(original_resource.name, cloudformation_json.get("Properties", {}))

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        del resource_name, cloudformation_json, account_id, region_name


@contextlib.contextmanager
def extend_cloudformation() -> Iterator[None]:
    """Make moto accept the types that it lacks, and return outputs after an update, until the end of the block."""
    known = parsing.get_model_map()
    # moto reads `!GetAtt Cluster.Endpoint.Address` as the attribute Endpoint.
    yaml.add_constructor("!GetAtt", lambda _, node: {"Fn::GetAtt": node.value.split(".", 1)})
    yaml.add_multi_constructor("", yaml_tag_constructor)
    # The parser in C: moto parses the template of 100 KB several times in each request.
    shared = {name: getattr(yaml.Loader, name) for name in ("yaml_constructors", "yaml_multi_constructors")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "Loader", type("FastLoader", (yaml.CLoader,), shared))
        patch.setattr(yaml, "load", _load_each_text_once(yaml.load))
        patch.setattr(parsing, "NULL_MODELS", [])  # types that moto leaves out without an error
        for name in UNKNOWN_TO_MOTO - known.keys():
            patch.setitem(known, name, type(name, (_RecordedResource,), {}))
        patch.setattr(ChangeSet, "apply", _apply_completely(ChangeSet.apply))
        # An alarm refers to the name of a target group; moto's target groups have no attributes.
        patch.setattr(FakeTargetGroup, "get_cfn_attribute", _qualified_name, raising=False)
        # The secret that RDS makes for a password.
        _add_attribute(patch, DBInstance, "MasterUserSecret.SecretArn", _ARN_FROM_RDS)
        yield


_ARN_FROM_RDS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-records-AbCdEf"


def _add_attribute(patch: pytest.MonkeyPatch, model: Any, name: str, value: str) -> None:
    has, get = model.has_cfn_attr, model.get_cfn_attribute
    patch.setattr(model, "has_cfn_attr", classmethod(lambda _, attribute: attribute == name or has(attribute)))
    patch.setattr(
        model, "get_cfn_attribute", lambda self, attribute: value if attribute == name else get(self, attribute)
    )


def _load_each_text_once(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return a substitute for `yaml.load` that reads a text once, and then gives copies of what it read."""
    documents: dict[tuple[str, str], bytes] = {}

    def load_once(stream: Any, Loader: type) -> Any:  # noqa: N803  the name is the library's
        if not isinstance(stream, str):
            return load(stream, Loader)
        key = (stream, Loader.__qualname__)
        if key not in documents:
            documents[key] = pickle.dumps(load(stream, Loader))
        return pickle.loads(documents[key])  # noqa: S301  written above

    return load_once


def _qualified_name(group: FakeTargetGroup, attribute: str) -> str:
    return f"{group.name}.{attribute}"


def is_recorded_only(model: type) -> bool:
    """Return whether moto lacks the type of a model."""
    return issubclass(model, _RecordedResource)


def _apply_completely(apply: Callable[[ChangeSet], None]) -> Callable[[ChangeSet], None]:
    def apply_completely(change_set: ChangeSet) -> None:
        stack, resources = change_set.stack, change_set.stack.resource_map
        # moto reads a default as a change if an update gives it explicitly, and sets such resources to None.
        resources.input_parameters = {**resources.resolved_parameters, **resources.input_parameters}
        apply(change_set)
        for name, resource in change_set.template_dict["Resources"].items():
            if resources._parsed_resources.get(name) is None:
                resources._parsed_resources.pop(name, None)
                # A resource is added if its condition has become true.
                if resources.lazy_condition_map.get(resource.get("Condition"), True):
                    resources[name]
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.output_map = stack._create_output_map()

    return apply_completely
