"""The policies of a template as IAM gets them: with ARNs of the right format in place of intrinsic functions.

Belongs here: finding and resolving policy documents. Does not belong here: rules about their content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finance_platform.deployment.template import Template

_ACCOUNT, _REGION = "123456789012", "eu-central-1"
_NO_VALUE = "AWS::NoValue"
"""What a list has in place of an item that a condition leaves out."""

_PSEUDO = {"NoValue": _NO_VALUE, "Partition": "aws", "Region": _REGION, "AccountId": _ACCOUNT, "StackName": "finance"}
_UUID = "0d990263-003e-418e-b2e1-f1a9b9c4e0f0"
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:finance-queue",
    "AWS::SNS::Topic": f"arn:aws:sns:{_REGION}:{_ACCOUNT}:finance-topic",
    "AWS::KMS::Key": f"arn:aws:kms:{_REGION}:{_ACCOUNT}:key/{_UUID}",
    "AWS::IAM::Role": f"arn:aws:iam::{_ACCOUNT}:role/finance-role",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_REGION}:{_ACCOUNT}:log-group:/finance/dagster:*",
    "AWS::ECS::Cluster": f"arn:aws:ecs:{_REGION}:{_ACCOUNT}:cluster/finance",
    "AWS::ECR::Repository": f"arn:aws:ecr:{_REGION}:{_ACCOUNT}:repository/finance",
    "AWS::Events::Rule": f"arn:aws:events:{_REGION}:{_ACCOUNT}:rule/finance",
    "AWS::RedshiftServerless::Workgroup": f"arn:aws:redshift-serverless:{_REGION}:{_ACCOUNT}:workgroup/{_UUID}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{_REGION}:{_ACCOUNT}:secret:finance-AbCdEf",
}
_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret"}


@dataclass(frozen=True)
class Policy:
    """One policy document.

    Attributes:
        resource: its resource in the template.
        type: that resource's type.
        is_trust: whether it is a role's trust policy.
        document: the document, resolved.
    """

    resource: str
    type: str
    is_trust: bool
    document: dict[str, Any]


def resolve_policies(
    template: Template, *, is_serverless: bool = True, rotates_passwords: bool = False
) -> Iterator[Policy]:
    """Yield every policy of a template, for one of the two kinds of warehouse and of passwords."""
    true = {"IsServerless"} if is_serverless else set()
    true |= {"RotatesPasswords"} if rotates_passwords else set()
    resources = template.document["Resources"]
    for name, resource in resources.items():
        for path, document in _documents(resource.get("Properties", {}), ""):
            resolved = _resolve(document, resources, true)
            yield Policy(name, resource["Type"], path.endswith("AssumeRolePolicyDocument"), resolved)


def _arn(kind: str, name: str) -> str:
    # Each bucket has its own: a role may write one and not the other.
    return _ARNS[kind] + (name.lower() if kind == "AWS::S3::Bucket" else "")


def _documents(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield path, value
        else:
            for key, inner in value.items():
                yield from _documents(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _documents(inner, path)


def _resolve(value: Any, resources: dict[str, Any], true: set[str]) -> Any:
    def identify(name: str, *, is_ref: bool = False) -> str:
        if name.startswith("AWS::"):
            return _PSEUDO[name.removeprefix("AWS::")]
        kind = resources.get(name, {}).get("Type", "")
        is_arn = kind in _ARNS and (not is_ref or kind in _REF_IS_ARN)
        return _arn(kind, name) if is_arn else name.lower()

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(resolve, value) if item != _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return identify(value["Ref"], is_ref=True)
        if "Fn::GetAtt" in value:
            name, attribute = value["Fn::GetAtt"]
            return _ARNS["AWS::SecretsManager::Secret"] if "Secret" in attribute else identify(name)
        if "Fn::If" in value:
            condition, if_true, if_false = value["Fn::If"]
            return resolve(if_true if condition in true or condition.startswith("HasOwn") else if_false)
        if "Fn::Sub" in value:
            return re.sub(
                r"\$\{([^}.]+)(\.[^}]+)?\}", lambda match: identify(match[1], is_ref=not match[2]), value["Fn::Sub"]
            )
        return {key: resolve(item) for key, item in value.items()}

    return resolve(value)
