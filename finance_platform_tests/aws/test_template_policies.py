"""Least privilege: every policy of the template, through a linter and through rules of the house."""

from __future__ import annotations

import importlib.resources
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from finance_platform_tests.aws.policies import Policy, resolve_policies
from finance_platform_tests.aws.shipped_template import shipped_template

FOUND = {
    f"{policy.resource}-{number}-{kind}": policy
    for kind, is_serverless, rotates in (
        ("serverless", True, False),
        ("provisioned", False, False),
        ("serverless-rotating", True, True),
        ("provisioned-rotating", False, True),
    )
    for number, policy in enumerate(
        resolve_policies(shipped_template(), is_serverless=is_serverless, rotates_passwords=rotates)
    )
}
RESOURCES: dict[str, dict[str, Any]] = shipped_template().document["Resources"]
IN_THE_NETWORK = {
    "ExecutionRole",
    "DagsterRole",
    "PlatformRole",
    "WarehouseAdminRole",
    "CopyRole",
    "PortForwardingPolicy",
}
TAKES_NO_POLICY = {"RedshiftServerlessEndpoint", "PortForwardingEndpoint"}
"""Of these two services it is not said whether an endpoint's policy is heeded."""

ALL = [pytest.param(policy, id=name) for name, policy in FOUND.items()]
TRUST = [pytest.param(policy, id=name) for name, policy in FOUND.items() if policy.is_trust]
OTHERS = [pytest.param(policy, id=name) for name, policy in FOUND.items() if not policy.is_trust]
KMS = "arn:aws:kms:eu-central-1:123456789012"
KNOW_NO_RESOURCE = {
    "cloudwatch:PutMetricData",
    *(f"ec2:Describe{kind}" for kind in ("NetworkInterfaces", "SecurityGroups", "Subnets")),
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "sts:GetCallerIdentity",
    *(f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")),
}
"""What IAM grants on `*` alone; each is bound by a condition."""

NEED_NO_PERMISSION = {"sts:GetCallerIdentity"}
"""What every caller may do without a policy."""


@pytest.fixture(scope="module")
def findings_of() -> Callable[[dict[str, Any]], list[Any]]:
    """The linter. It asks setuptools for one function that setuptools no longer has; Python itself has it."""
    if "parliament" not in sys.modules and "pkg_resources" not in sys.modules:
        stood_for = ModuleType("pkg_resources")
        stood_for.resource_filename = lambda package, name: str(importlib.resources.files(package) / name)  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = stood_for
    from parliament import analyze_policy_string

    return lambda document: list(analyze_policy_string(json.dumps(document)).findings)


@pytest.mark.parametrize("policy", OTHERS)
def test_the_linter_finds_nothing(policy: Policy, findings_of: Callable[[dict[str, Any]], list[Any]]):
    document = json.loads(json.dumps(policy.document))
    if policy.type == "AWS::KMS::Key":
        for statement in document["Statement"]:
            assert statement["Resource"] == "*", "in a key's own policy it means this key"
            statement["Resource"] = [f"{KMS}:key/0d990263-003e-418e-b2e1-f1a9b9c4e0f0", f"{KMS}:alias/finance"]
    assert [str(finding) for finding in findings_of(document)] == []


def test_the_linter_finds_what_is_wrong(findings_of: Callable[[dict[str, Any]], list[Any]]):
    wrong = {"Effect": "Allow", "Action": "s3:ReadEverything", "Resource": "*"}
    assert findings_of({"Version": "2012-10-17", "Statement": [wrong]})


@pytest.mark.parametrize("policy", ALL)
def test_no_action_is_a_star_and_resources_are_named(policy: Policy):
    for statement in policy.document["Statement"]:
        if statement["Effect"] == "Deny":
            continue  # what is forbidden may be forbidden whole
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action]
        assert "NotAction" not in statement
        if policy.is_trust or policy.type == "AWS::KMS::Key":
            continue
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert set(actions) <= KNOW_NO_RESOURCE
                assert statement["Condition"]
            else:
                assert resource.startswith("arn:aws:")
                assert not resource.startswith("arn:aws:s3:::*")


@pytest.mark.parametrize("policy", TRUST)
def test_a_role_is_taken_on_by_services_alone(policy: Policy):
    for statement in policy.document["Statement"]:
        assert statement["Action"] == "sts:AssumeRole"
        assert set(statement["Principal"]) == {"Service"}


@pytest.mark.parametrize("policy", ALL)
def test_nobody_outside_is_allowed_anything(policy: Policy):
    if policy.type == "AWS::EC2::VPCEndpoint":
        return  # what the network may reach; who may do it, the roles say
    for statement in policy.document["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement.get("Principal") != "*"


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if one["Type"] == "AWS::EC2::VPCEndpoint"])
def test_a_way_to_a_service_is_used_and_lets_through_what_roles_may_do_and_no_more(name: str):
    endpoint = RESOURCES[name]["Properties"]
    service = endpoint["ServiceName"]["Fn::Sub"].split(".", 3)[3]
    prefix = {"monitoring": "cloudwatch"}.get(service, service.split(".")[0])
    reachable = allowed_in_the_network() | NEED_NO_PERMISSION
    allowed = {action for action in reachable if action.startswith(f"{prefix}:")}
    assert allowed, "no module calls that service"
    if name in TAKES_NO_POLICY:
        assert "PolicyDocument" not in endpoint
    else:
        statements = endpoint["PolicyDocument"]["Statement"]
        assert {action for one in statements for action in as_list(one["Action"])} == allowed


@pytest.mark.parametrize("zone", ["RawBucket", "ProcessedBucket", "ScriptsBucket"])
def test_a_bucket_takes_nothing_without_tls(zone: str):
    found = next(policy for policy in FOUND.values() if policy.resource == f"{zone}Policy")
    (statement,) = found.document["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("role", ["GlueRole", "PlatformRole", "CopyRole", "DagsterRole", "WarehouseAdminRole"])
def test_nobody_of_the_platform_writes_the_raw_zone(role: str):
    resources = shipped_template().document["Resources"]
    for policy in resources[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            text = json.dumps(statement)
            if "RawBucket" in text:
                assert not [action for action in as_list(statement["Action"]) if "Put" in action or "Delete" in action]


def allowed_in_the_network() -> set[str]:
    held = [one for one in FOUND.values() if one.resource in IN_THE_NETWORK and not one.is_trust]
    return {
        action for one in held for statement in one.document["Statement"] for action in as_list(statement["Action"])
    }


def as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
