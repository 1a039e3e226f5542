"""The template: clean in CloudFormation's own linter, encrypted, closed, retained, and described in the runbook."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster._grpc.utils import default_grpc_server_shutdown_grace_period

from finance_platform.deployment.template import FIRST_STAGE, read_template, template_path
from finance_platform.errors import DeploymentParameterError
from finance_platform.orchestration import rotated_password
from finance_platform_tests.aws.old_versions import EVIDENCE, expiring_folders, without_rule
from finance_platform_tests.aws.shipped_template import shipped_template
from finance_platform_tests.profiles import at_night

TEMPLATE = shipped_template()
DEPLOY_ROLE = template_path().with_name("deploy_role.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE.document["Resources"]
CHOICES = [
    {},
    {"Image": "an-image", "Warehouse": "provisioned", "RawCrawler": "on", "AlertEmail": "a@b.co"},
    {"BiAllowedCidr": "10.0.0.0/8", "AllowPortForwarding": "yes", "UiCertificateArn": "arn"},
    {"UiLoginIssuer": "https://login.example.com", "GlueMetrics": "on"},
    {"QuickSightOwner": "arn", "QuickSightSecretArn": "arn", "QuickSightPeriod": "2025-09"},
]

NETWORK = {"ExistingVpcId": "v", "ExistingVpcCidr": "c"} | {f"ExistingSubnet{zone}": "s" for zone in "ABC"}
GROUPS = {f"Existing{name}SecurityGroup": "g" for name in ("LoadBalancer", "Task", "Records", "Warehouse")}
WAREHOUSE = {"ExistingWarehouse": "w", "ExistingWarehouseHost": "h", "ExistingWarehouseSecretArn": "arn"}
ALL_ON = {
    "Image": "i", "AlertEmail": "a@b.co", "BiAllowedCidr": "c", "AllowPortForwarding": "yes", "UiCertificateArn": "arn",
    "UiLoginIssuer": "https", "QuickSightOwner": "arn", "RawCrawler": "on", "EndpointZones": "all",
    "GovernedCatalog": "on", "RotatePasswords": "on", "ObjectLockDays": "30", "RegisterLockDays": "30",
    "PermissionsBoundaryArn": "arn", "ZoneA": "a", "CloseWorkingDay": "5", "ClusterNodes": "2",
    "QuickSightReaders": "arn",
}  # fmt: skip
EVERYTHING = {**NETWORK, **GROUPS, **WAREHOUSE, "ExistingKeyArn": "arn", "ExistingRawBucket": "b"}
PARTS: tuple[dict[str, str], ...] = (
    {},
    NETWORK,
    NETWORK | GROUPS,
    {"ExistingKeyArn": "arn"},
    {"ExistingRawBucket": "b"},
    {"ExistingProcessedBucket": "b"},
    WAREHOUSE,
    EVERYTHING,
)
EXISTING = [{**ALL_ON, **part, "Warehouse": kind} for part in PARTS for kind in ("serverless", "provisioned")]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xff\xfeR\x00", "cannot be read as a template"),
        (b"a: [", "cannot be read as a template"),
        (b"", "has no Resources"),
        (b"- Resources", "has no Resources"),
    ],
)
def test_a_file_that_is_no_template_is_refused_with_the_option_that_names_it(
    tmp_path: Path, content: bytes, found: str
):
    path = tmp_path / "template.yaml"
    path.write_bytes(content)
    with pytest.raises(DeploymentParameterError, match=found) as refused:
        read_template(path)
    assert "--template" in refused.value.fix


def of_type(kind: str) -> list[Any]:
    return [pytest.param(one["Properties"], id=name) for name, one in RESOURCES.items() if one["Type"] == kind]


@at_night("`make check-templates` runs the linter")
def test_cloudformations_linter_finds_nothing():
    linter = Path(sys.executable).with_name("cfn-lint")
    templates = [template_path(), DEPLOY_ROLE]
    done = subprocess.run(
        [linter, "--regions", "eu-central-1", "--", *templates], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_deploy_role_is_assumed_by_one_environment_and_creates_no_unbounded_role():
    roles = read_template(DEPLOY_ROLE).document["Resources"]
    (trust,) = roles["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
    }
    statements = [
        statement
        for name in ("DeployRole", "ServiceRole")
        for policy in roles[name]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    for statement in statements:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not [action for action in actions if "*" in action]
        if {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"} & set(actions):
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "BoundaryArn"}}}
        if "ecs:RunTask" in actions:
            (cluster,) = statement["Condition"]["ArnEquals"].values()
            assert cluster["Fn::Sub"].endswith(":cluster/${StackName}")
        if "ecs:TagResource" in actions:
            assert statement["Condition"] == {"StringEquals": {"ecs:CreateAction": "RunTask"}}
        if "iam:PassRole" in actions:
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"]
        if statement["Resource"] == "*":
            assert statement["Condition"]["StringEquals"]["aws:RequestedRegion"]


def test_cloudformations_role_may_call_what_reading_and_deleting_a_role_takes():
    (policy,) = read_template(DEPLOY_ROLE).document["Resources"]["ServiceRole"]["Properties"]["Policies"]
    allowed = {
        action
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    # As the registry's schema of AWS::IAM::Role lists them; no role of the stack has an attached policy.
    reading = {"GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies"}
    assert {f"iam:{name}" for name in reading | {"CreateRole", "DeleteRole", "DeleteRolePolicy"}} <= allowed
    assert not [role for role in of_type("AWS::IAM::Role") if "ManagedPolicyArns" in role.values[0]]


def test_what_is_created_first_needs_nothing_of_the_rest_and_fits_into_a_request():
    first = {name for name, one in RESOURCES.items() if one.get("Metadata", {}).get("Stage") == FIRST_STAGE}
    assert {"Key", "ScriptsBucket", "ImageRepository"} <= first
    for name in first:
        references = set(re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'(\w+)'", str(RESOURCES[name])))
        assert references <= first | TEMPLATE.parameters.keys(), name
    assert len(TEMPLATE.render_first_stage()) < 51_200
    assert len(TEMPLATE.text.encode()) < 1_000_000


@pytest.mark.parametrize("values", CHOICES)
def test_nothing_that_is_created_refers_to_a_missing_one(values: dict[str, str]):
    made = set(TEMPLATE.select_resources(values))
    for name in made:
        waits = RESOURCES[name].get("DependsOn", [])
        assert {waits} if isinstance(waits, str) else set(waits) <= made, name


@pytest.mark.parametrize("service", of_type("AWS::ECS::Service"))
def test_a_service_starts_after_every_way_out_of_the_network(service: dict[str, Any]):
    endpoints = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::EC2::VPCEndpoint"}
    routes = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::EC2::SubnetRouteTableAssociation"}
    assert endpoints | routes <= everything_before(service["ServiceName"].capitalize() + "Service")


def everything_before(name: str) -> set[str]:
    """Return the resources that CloudFormation creates before one, because it depends on them or refers to them."""
    before: set[str] = set()
    remaining = [name]
    while remaining:
        resource = RESOURCES[remaining.pop()]
        waits = resource.get("DependsOn", [])
        found = set(re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'(\w+)'", str(resource))) & RESOURCES.keys()
        found |= {waits} if isinstance(waits, str) else set(waits)
        remaining += found - before
        before |= found
    return before


def test_the_key_lets_cloudwatch_logs_do_all_that_its_documentation_asks_for():
    statements = {one["Sid"]: one for one in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]}
    documented = ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey")
    assert {f"kms:{action}" for action in documented} <= set(statements["LogGroups"]["Action"])
    assert "kms:EncryptionContext:aws:logs:arn" in statements["LogGroups"]["Condition"]["StringLike"]
    assert statements["LogGroupsLookUpTheKey"]["Action"] == "kms:DescribeKey"


def test_logs_that_services_write_are_encrypted_and_expire():
    groups = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::Logs::LogGroup"]
    assert all(one["KmsKeyId"] and one["RetentionInDays"] == {"Ref": "LogRetentionDays"} for one in groups)
    names = {str(one["LogGroupName"]) for one in groups}
    for exports in (RESOURCES["ServerlessNamespace"]["Properties"]["LogExports"], ["postgresql"]):
        for log in exports:
            assert any(f"/{log}" in name for name in names), log
    for service in ("ServerlessNamespace", "Cluster", "Records"):
        waits = RESOURCES[service]["DependsOn"]
        assert {RESOURCES[name]["Type"] for name in ([waits] if isinstance(waits, str) else waits)} == {
            "AWS::Logs::LogGroup"
        }


def test_glue_sends_no_billed_metrics_of_its_own_by_default():
    for name in ("StandardiseJob", "BuildStarJob"):
        arguments = RESOURCES[name]["Properties"]["DefaultArguments"]
        for argument in ("--enable-metrics", "--enable-observability-metrics"):
            assert arguments[argument] == {"Fn::If": ["HasGlueMetrics", "true", {"Ref": "AWS::NoValue"}]}
    assert TEMPLATE.parameters["GlueMetrics"]["Default"] == "off"


def test_with_a_login_the_load_balancer_lets_nobody_through_before_it():
    condition, with_login, without = RESOURCES["Listener"]["Properties"]["DefaultActions"]["Fn::If"]
    assert condition == "HasLogin"
    assert [action["Type"] for action in with_login] == ["authenticate-oidc", "forward"]
    assert with_login[0]["AuthenticateOidcConfig"]["OnUnauthenticatedRequest"] == "authenticate"
    assert [action["Type"] for action in without] == ["forward"]


def test_copy_reads_partitions_in_batches_and_finds_its_database():
    statements = RESOURCES["CopyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    actions = {
        action
        for one in statements
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    assert {"glue:BatchGetPartition", "glue:GetDatabases", "glue:GetPartitions", "s3:GetObject"} <= actions


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({}, []),
        ({"WarehouseBaseCapacity": "16", "WarehouseMaxCapacity": "16"}, []),
        ({"WarehouseBaseCapacity": "4", "WarehouseMaxCapacity": "8"}, []),
        ({"WarehouseBaseCapacity": "32"}, ["WarehouseMaxCapacity must be at least WarehouseBaseCapacity."]),
        (
            {"WarehouseBaseCapacity": "512", "WarehouseMaxCapacity": "256"},
            ["WarehouseMaxCapacity must be at least WarehouseBaseCapacity."],
        ),
        (
            {"UiLoginIssuer": "https://login.example.com", "UiLoginClientId": "finance"},
            [
                "UiLoginIssuer requires the provider's three addresses.",
                "UiLoginIssuer requires UiLoginClientId, UiLoginSecretArn and UiCertificateArn.",
            ],
        ),
        (
            {"ExistingVpcId": "vpc-1"},
            ["ExistingVpcId, ExistingVpcCidr and ExistingSubnetA to C require each other - all or none."],
        ),
        (GROUPS, ["Existing security groups require ExistingVpcId."]),
        (WAREHOUSE, ["An existing workgroup requires ExistingWorkgroupArn."]),
        ({**WAREHOUSE, "Warehouse": "provisioned"}, []),
        ({"UiHostName": "a.example.com"}, ["UiCertificateArn and UiHostName require each other."]),
        ({"ZoneA": "eu-central-1a"}, ["ZoneA, ZoneB and ZoneC require each other - all three or none."]),
    ],
)
def test_parameters_that_do_not_fit_together_break_a_rule(values: dict[str, str], broken: list[str]):
    assert TEMPLATE.broken_rules(values) == broken


@pytest.mark.parametrize("values", [*CHOICES, *EXISTING])
def test_what_is_created_refers_to_nothing_that_a_condition_leaves_out(values: dict[str, str]):
    created, is_true = TEMPLATE.select_resources(values), TEMPLATE._evaluator(values)

    def references(part: Any) -> set[str]:
        if isinstance(part, list):
            return {name for item in part for name in references(item)}
        if not isinstance(part, dict):
            return set()
        if "Fn::If" in part:
            condition, if_true, if_false = part["Fn::If"]
            return references(if_true if is_true(condition) else if_false)
        if "Ref" in part:
            return {part["Ref"]}
        if "Fn::GetAtt" in part:
            return {part["Fn::GetAtt"][0]}
        if isinstance(part.get("Fn::Sub"), str):
            return set(re.findall(r"\$\{([A-Za-z]+)", part["Fn::Sub"]))
        return references(list(part.values()))

    known = created.keys() | TEMPLATE.parameters.keys() | {"AWS"}
    for name, resource in created.items():
        body = {key: value for key, value in resource.items() if key != "Condition"}
        assert {reference.partition("::")[0] for reference in references(body)} <= known, name
    outputs = TEMPLATE.document["Outputs"]
    written = [one["Value"] for one in outputs.values() if "Condition" not in one or is_true(one["Condition"])]
    assert {reference.partition("::")[0] for reference in references(written)} <= known


def test_versions_of_evidence_in_the_processed_zone_never_expire_and_those_of_all_else_do():
    from finance_platform.contracts import processed
    from finance_platform.contracts.model import Contract
    from finance_platform.contracts.star import STAR

    named = {one.name for one in (*vars(processed).values(), *STAR) if isinstance(one, Contract)}
    for path in (template_path().parents[1] / "finance_platform").rglob("*.py"):
        named |= set(re.findall(r'^_?(?:[A-Z]+_)?FOLDER = "([a-z][a-z_]*)', path.read_text(), re.MULTILINE))
    assert {"register", "looks", "alerts", "manifests", "transactions", "members", "dim_date"} <= named
    assert without_rule(named) == set()
    assert EVIDENCE.isdisjoint(expiring_folders())


MAKERS = {
    "ServerlessNamespace": ("AdminUserPassword", "ManageAdminPassword", "AdminPasswordSecretKmsKeyId"),
    "Cluster": ("MasterUserPassword", "ManageMasterPassword", "MasterPasswordSecretKmsKeyId"),
    "Records": ("MasterUserPassword", "ManageMasterUserPassword", "MasterUserSecret"),
}


@pytest.mark.parametrize(("name", "properties"), MAKERS.items())
def test_a_password_is_either_given_or_made_and_rotated_by_its_service(name: str, properties: tuple[str, str, str]):
    given, managed, key = (RESOURCES[name]["Properties"][each]["Fn::If"] for each in properties)
    assert {given[0], managed[0], key[0]} == {"RotatesPasswords"}
    assert given[1] == managed[2] == key[2] == {"Ref": "AWS::NoValue"}
    assert managed[1] is True
    assert "Key" in str(key[1])


def test_every_task_gets_the_secret_from_which_it_reads_a_rotated_password_and_its_role_may_read_it():
    arn = ["RotatesPasswords", {"Fn::GetAtt": ["Records", "MasterUserSecret.SecretArn"]}]
    for task in ("RunTask", "CodeTask", "DaemonTask", "WebserverTask"):
        properties = RESOURCES[task]["Properties"]
        (container,) = properties["ContainerDefinitions"]
        environment = {item["Name"]: item["Value"] for item in container["Environment"]}
        assert environment[rotated_password.VARIABLE] == {"Fn::If": [*arn, ""]}
        role = RESOURCES[properties["TaskRoleArn"]["Fn::GetAtt"][0]]["Properties"]
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        given = [one["Fn::If"] for one in statements if one.get("Fn::If", [""])[0] == "RotatesPasswords"]
        (statement,) = [if_rotated for _, if_rotated, otherwise in given if otherwise == {"Ref": "AWS::NoValue"}]
        assert (statement["Action"], statement["Resource"]) == ("secretsmanager:GetSecretValue", arn[1]), task


def test_evidence_is_locked_by_the_platform_s_role_in_exactly_its_folders_and_without_a_default():
    bucket = RESOURCES["ProcessedBucket"]["Properties"]
    assert bucket["ObjectLockConfiguration"]["Fn::If"][:2] == ["HasRegisterLock", {"ObjectLockEnabled": "Enabled"}]
    policies = RESOURCES["PlatformRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    (lock,) = [one for one in statements if "s3:PutObjectRetention" in one.get("Action", "")]
    assert {resource["Fn::If"][1]["Fn::Sub"].split("/")[1] for resource in lock["Resource"]} == EVIDENCE
    assert "s3:BypassGovernanceRetention" not in TEMPLATE.text.replace("# Without `s3:BypassGovernanceRetention`", "")


def test_every_parameter_that_a_condition_reads_is_set_in_the_combinations_that_are_followed():
    read = set(re.findall(r"'Ref': '(\w+)'", str(TEMPLATE.document["Conditions"])))
    followed = {name for values in [*CHOICES, *EXISTING] for name in values}
    assert read - followed == {
        "ActualsThrough", "CloseHolidays", "MaterialityByAccount", "QueryGroup",  # a value or none in an environment
        "AutoRefresh", "NetworkPrefix", "UiAllowedCidr",  # compared in tests of their own
    }  # fmt: skip


def test_a_governed_catalog_lets_the_platform_keep_its_tables_and_the_warehouse_only_read_them():
    grants: dict[str, set[str]] = {}
    for one in RESOURCES.values():
        if one["Type"] == "AWS::LakeFormation::PrincipalPermissions":
            assert one["Condition"] == "HasGovernedCatalog"
            role = one["Properties"]["Principal"]["DataLakePrincipalIdentifier"]["Fn::GetAtt"][0]
            (kind, resource), *more = one["Properties"]["Resource"].items()
            assert (resource.get("DatabaseName", resource.get("Name")), more) == ({"Ref": "DataCatalog"}, [])
            assert one["Properties"]["PermissionsWithGrantOption"] == []
            grants.setdefault(role, set()).update(f"{kind} {right}" for right in one["Properties"]["Permissions"])
    tables = {f"Table {right}" for right in ("DESCRIBE", "SELECT")}
    assert grants == {
        "PlatformRole": {"Database CREATE_TABLE", "Database DESCRIBE", "Table ALTER", "Table DROP"} | tables,
        "CopyRole": {"Database DESCRIBE"} | tables,
    }


def test_a_marker_of_a_removed_object_goes_with_its_last_version():
    rules = RESOURCES["ProcessedBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [(rule["Status"], rule.get("Prefix", "")) for rule in rules if rule.get("ExpiredObjectDeleteMarker")] == [
        ("Enabled", "")
    ]


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({}, 2),
        ({"UiAllowedCidr": "10.42.0.0/16"}, 1),
        ({"NetworkPrefix": "172.20", "UiAllowedCidr": "172.20.0.0/16"}, 1),
        ({**NETWORK, "ExistingVpcCidr": "10.7.0.0/16", "UiAllowedCidr": "10.7.0.0/16"}, 1),
        ({**NETWORK, "ExistingVpcCidr": "10.7.0.0/16", "UiAllowedCidr": "10.42.0.0/16"}, 2),
    ],
)
def test_the_load_balancer_has_no_rule_twice(values: dict[str, str], rules: int):
    is_true = TEMPLATE._evaluator(values)
    ingress = RESOURCES["LoadBalancerSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    chosen = [rule["Fn::If"][1 if is_true(rule["Fn::If"][0]) else 2] if "Fn::If" in rule else rule for rule in ingress]
    assert len([rule for rule in chosen if rule != {"Ref": "AWS::NoValue"}]) == rules


def test_the_task_of_a_run_loses_no_line_of_its_output():
    (container,) = RESOURCES["RunTask"]["Properties"]["ContainerDefinitions"]
    assert container["LogConfiguration"]["Options"]["mode"] == "blocking"


def test_the_code_service_has_the_time_for_which_its_server_waits_for_calls():
    (container,) = RESOURCES["CodeTask"]["Properties"]["ContainerDefinitions"]
    assert container["Command"][:3] == ["dagster", "api", "grpc"]
    assert "DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD" not in {variable["Name"] for variable in container["Environment"]}
    # The server waits 5 s more for the end of the calls, and its process ends then; 120 s are Fargate's maximum.
    grace = default_grpc_server_shutdown_grace_period()  # type: ignore[no-untyped-call]
    assert grace + 5 < container["StopTimeout"] <= 120


def test_a_job_that_writes_encrypted_data_has_the_rights_that_glue_asks_for():
    statements = RESOURCES["GlueRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (key,) = [one for one in statements if one["Sid"] == "UseTheKey"]
    assert key["Action"] == ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"))
def test_every_role_can_have_a_permissions_boundary(role: dict[str, Any]):
    assert role["PermissionsBoundary"]["Fn::If"][:2] == ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}]


@pytest.mark.parametrize("bucket", of_type("AWS::S3::Bucket"))
def test_a_bucket_is_encrypted_versioned_and_closed(bucket: dict[str, Any]):
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["LifecycleConfiguration"]["Rules"]


@pytest.mark.parametrize(
    "name", ["RawBucket", "ProcessedBucket", "ScriptsBucket", "Key", "ServerlessNamespace", "Cluster", "Records"]
)
def test_data_outlives_its_stack(name: str):
    assert RESOURCES[name]["DeletionPolicy"] in {"RetainExceptOnCreate", "Snapshot"}
    assert RESOURCES[name]["UpdateReplacePolicy"] in {"Retain", "Snapshot"}


def test_the_warehouse_and_the_records_are_encrypted_and_not_public():
    cluster, workgroup, records = (
        RESOURCES[name]["Properties"] for name in ("Cluster", "ServerlessWorkgroup", "Records")
    )
    assert [one["PubliclyAccessible"] for one in (cluster, workgroup, records)] == [False] * 3
    assert (cluster["EnhancedVpcRouting"], workgroup["EnhancedVpcRouting"]) == (True, True)
    assert (cluster["Encrypted"], records["StorageEncrypted"]) == (True, True)
    assert RESOURCES["ServerlessNamespace"]["Properties"]["KmsKeyId"]


def test_both_kinds_of_warehouse_ask_for_tls_and_log_what_users_do():
    wanted = {"require_ssl": "true", "enable_user_activity_logging": "true"}
    cluster = RESOURCES["ClusterParameters"]["Properties"]["Parameters"]
    workgroup = RESOURCES["ServerlessWorkgroup"]["Properties"]["ConfigParameters"]
    assert {one["ParameterName"]: one["ParameterValue"] for one in cluster} == wanted
    assert {one["ParameterKey"]: one["ParameterValue"] for one in workgroup} == wanted


def test_the_network_has_no_way_out():
    kinds = {one["Type"] for one in RESOURCES.values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert RESOURCES["LoadBalancer"]["Properties"]["Scheme"] == "internal"
    for name in ("CodeService", "DaemonService", "WebserverService"):
        network = RESOURCES[name]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"


@pytest.mark.parametrize("group", of_type("AWS::EC2::SecurityGroup"))
def test_a_security_group_lets_in_named_ports_alone(group: dict[str, Any]):
    for choice in group["SecurityGroupIngress"]:
        rule = choice["Fn::If"][2] if "Fn::If" in choice else choice
        assert rule["IpProtocol"] == "tcp"
        assert rule.get("CidrIp") != "0.0.0.0/0"
        assert rule["FromPort"] == rule["ToPort"]


@pytest.mark.parametrize("name", TEMPLATE.parameters)
def test_a_parameter_says_what_it_is_what_is_allowed_and_stands_in_a_group(name: str):
    declared = TEMPLATE.parameters[name]
    assert declared["Description"]
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & declared.keys()
    assert "AllowedValues" in declared or declared["ConstraintDescription"]
    groups = TEMPLATE.document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sum(name in group["Parameters"] for group in groups) == 1


@pytest.mark.parametrize("job", of_type("AWS::Glue::Job"))
def test_the_jobs_are_what_the_platform_starts_and_run_what_a_release_has(job: dict[str, Any]):
    from finance_platform.code_version import JOBS

    names = {f"${{AWS::StackName}}-{one.replace('_', '-')}": one for one in JOBS}
    script = names[job["Name"]["Fn::Sub"]]
    expected = f"s3://${{ScriptsBucket}}/releases/${{Release}}/{script}_job.py"
    assert job["Command"]["ScriptLocation"] == {"Fn::Sub": expected}
    assert (job["GlueVersion"], job["ExecutionProperty"]) == ({"Ref": "GlueVersion"}, {"MaxConcurrentRuns": 1})


def test_the_versions_of_glue_are_those_whose_python_a_release_has_wheels_for():
    from finance_platform.deployment.artefacts import NEWEST_GLUE, PYTHON_OF_GLUE

    parameter = TEMPLATE.parameters["GlueVersion"]
    assert (parameter["AllowedValues"], parameter["Default"]) == (list(PYTHON_OF_GLUE), NEWEST_GLUE)


def test_alarms_and_dashboard_show_metrics_that_the_platform_sends():
    from finance_platform.notifications.metrics import FEED_METRICS, UNITS

    text = TEMPLATE.text
    own = set(re.findall(r"MetricsNamespace\n\s+MetricName: (\w+)", text))
    queried = set(re.findall(r"(?:SUM|MAX)\((\w+)\)", text))
    searched = set(re.findall(r'MetricName=\\"(\w+)\\"', text))
    plain = set(re.findall(r'\["\$\{MetricsNamespace\}", "(\w+)"\]', text))
    assert own | plain <= set(UNITS) - set(FEED_METRICS)
    assert queried | searched <= set(FEED_METRICS)
    assert {"RunsFailed", "SensorEvaluations"} <= own
    assert {"MoneyRejected", "FreshnessLag"} <= queried


def test_each_alarm_tells_a_topic_and_names_the_runbook():
    for name, one in RESOURCES.items():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            properties = one["Properties"]
            assert properties["AlarmActions"][0]["Ref"] in {"FailuresTopic", "AnomaliesTopic"}, name
            assert "docs/runbook.md" in properties["AlarmDescription"], name


@pytest.mark.parametrize("auto_refresh", ["true", "false"])
def test_alarms_on_the_sensor_s_work_are_there_if_it_works(auto_refresh: str):
    found = shipped_template().select_resources({"Image": "image", "AutoRefresh": auto_refresh})
    of_the_sensor = {"SensorAlarm", "RawEventsAgeAlarm"}
    assert of_the_sensor & set(found) == (of_the_sensor if auto_refresh == "true" else set())
