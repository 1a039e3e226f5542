"""Credentials and connections of Redshift.

Belongs here: credentials from a secret and from IAM, TLS, and each error on the way.
Does not belong here: statements on an open connection (see `test_redshift`).
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from finance_platform.bootstrap import open_warehouse, redshift_endpoint
from finance_platform.errors import SettingsError, TransientError, WarehouseAccessError, WarehouseUnreachableError
from finance_platform.orchestration.resources import platform_resources
from finance_platform.settings import Settings, load_settings
from finance_platform.warehouse.redshift import credentials
from finance_platform.warehouse.redshift.credentials import Credentials, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.session import open_session
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.fake_redshift import FakeRedshift, fake_redshift
from finance_platform_tests.aws.fault_responses import fault_server, xml_error
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.redshift_certificate import certificate_for
from finance_platform_tests.aws.redshift_copy import COPY_ROLE
from finance_platform_tests.aws.redshift_serverless import WORKGROUP, redshift_serverless
from finance_platform_tests.warehouse.engines import redshift_data

pytestmark = [
    pytest.mark.usefixtures("aws"),
    pytest.mark.filterwarnings("ignore:ssl[.]:DeprecationWarning"),  # the driver's TLS calls are deprecated
]
A_SECRET = f"warehouse-{uuid4().hex}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate_for("localhost", tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def redshift(
    moto: MotoServer, tls: tuple[ssl.SSLContext, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeRedshift]:
    with fake_redshift(moto.address, tls[0], data=redshift_data(tmp_path_factory)) as server:
        yield server


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "ATTEMPTS", 1)


@pytest.fixture
def endpoint(redshift: FakeRedshift) -> RedshiftEndpoint:
    """The fake of Redshift, without credentials."""
    return RedshiftEndpoint("postgres", "finance", COPY_ROLE, host="127.0.0.1", port=redshift.port, tls=False)


def secret(**content: Any) -> str:
    name = f"warehouse-{uuid4().hex}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))
    return name


def cluster(port: int) -> str:
    name = f"cluster-{uuid4().hex[:8]}"
    boto3.client("redshift").create_cluster(
        ClusterIdentifier=name,
        NodeType="ra3.large",
        MasterUsername="admin",
        MasterUserPassword="Secret123456",
        Port=port,
    )
    return name


def current_user(endpoint: RedshiftEndpoint) -> list[tuple[Any, ...]]:
    with open_session(endpoint, resolve_credentials(endpoint)) as session:
        return session.run("SELECT current_user").rows


def test_a_secret_has_user_and_password(redshift: FakeRedshift, endpoint: RedshiftEndpoint) -> None:
    with_secret = replace(endpoint, secret_id=secret(username=redshift.user, password=redshift.password))

    assert current_user(with_secret) == [("loader",)]


def test_a_secret_may_have_the_address(redshift: FakeRedshift) -> None:
    content = {"username": redshift.user, "password": redshift.password, "host": "127.0.0.1", "port": redshift.port}

    assert current_user(RedshiftEndpoint("postgres", "finance", secret_id=secret(**content), tls=False)) == [
        ("loader",)
    ]


@pytest.mark.parametrize("content", [{"username": "loader"}, {"password": "hunter2"}, {}, ["hunter2"]])
def test_a_secret_without_user_and_password_is_reported_without_its_content(
    endpoint: RedshiftEndpoint, content: Any
) -> None:
    name = f"warehouse-{uuid4().hex}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))

    with pytest.raises(WarehouseAccessError, match=f"{name} holds no user and password") as caught:
        resolve_credentials(replace(endpoint, secret_id=name))

    assert "hunter2" not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"


def test_serverless_returns_temporary_credentials_and_its_address(
    redshift: FakeRedshift, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redshift_serverless(redshift) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", address)
        endpoint = RedshiftEndpoint("postgres", "finance", workgroup=WORKGROUP, tls=False)

        assert current_user(endpoint) == [("loader",)]
        expires_at = resolve_credentials(endpoint).expires_at
        assert expires_at is not None
        assert timedelta(minutes=59) < expires_at - datetime.now(UTC) <= timedelta(hours=1)
        with pytest.raises(WarehouseAccessError, match="no workgroup other") as caught:
            resolve_credentials(replace(endpoint, workgroup="other"))
        assert "REDSHIFT_WORKGROUP" in caught.value.fix


def test_a_cluster_returns_temporary_credentials(redshift: FakeRedshift, endpoint: RedshiftEndpoint) -> None:
    assert current_user(replace(endpoint, cluster=cluster(redshift.port), user="loader")) == [("loader",)]


def test_a_missing_cluster_is_reported(endpoint: RedshiftEndpoint) -> None:
    with pytest.raises(WarehouseAccessError, match="ClusterNotFound") as caught:
        resolve_credentials(replace(endpoint, cluster="gone", user="loader"))

    assert "REDSHIFT_CLUSTER" in caught.value.fix


def test_a_paused_cluster_is_unreachable(redshift: FakeRedshift) -> None:
    name = cluster(redshift.port)
    boto3.client("redshift").pause_cluster(ClusterIdentifier=name)

    with pytest.raises(WarehouseUnreachableError, match=f"{name}, database postgres is paused") as caught:
        resolve_credentials(RedshiftEndpoint("postgres", "finance", cluster=name, user="loader"))

    assert "resume it" in caught.value.fix


def test_temporary_credentials_are_cached_until_shortly_before_they_expire(endpoint: RedshiftEndpoint) -> None:
    issued: list[Credentials] = []

    def issue(endpoint: RedshiftEndpoint) -> Credentials:
        minutes = 60 if issued else 4
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        issued.append(Credentials(endpoint.host, endpoint.port, "loader", "wrong", end))
        return issued[-1]

    warehouse = RedshiftWarehouse(endpoint, None, issue)  # type: ignore[arg-type]  # nothing is loaded

    warehouse._current_credentials(), warehouse._current_credentials(), warehouse._current_credentials()
    assert len(issued) == 2
    with pytest.raises(WarehouseAccessError):
        warehouse.query("SELECT 1")
    warehouse._current_credentials()
    assert len(issued) == 3, "a rejected password is resolved again"


REJECTED = {
    "throttled": ("ThrottlingException", True, "throttling or unavailable"),
    "expired": ("ExpiredTokenException", False, "renew the AWS credentials"),
    "forbidden": ("AccessDeniedException", False, "secretsmanager:GetSecretValue"),
    "missing": ("ResourceNotFoundException", False, "REDSHIFT_SECRET_ID"),
    "broken": ("InternalServiceError", True, "throttling or unavailable"),
}


@pytest.mark.parametrize("rejection", REJECTED)
def test_an_error_of_aws_has_the_right_class(
    endpoint: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch, rejection: str
) -> None:
    code, is_transient, fix = REJECTED[rejection]
    body = json.dumps({"__type": code, "message": "sent by the fake"})
    with fault_server(400, body, "application/x-amz-json-1.1") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.address)
        with pytest.raises((WarehouseAccessError, WarehouseUnreachableError), match=f"{code}: sent by") as caught:
            resolve_credentials(replace(endpoint, secret_id=A_SECRET))

    assert isinstance(caught.value, TransientError) is is_transient
    assert fix in caught.value.fix


def test_a_throttled_call_for_a_cluster_s_credentials_is_transient(
    endpoint: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_server(400, xml_error("Throttling", "Rate exceeded")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT", server.address)
        with pytest.raises(WarehouseUnreachableError, match="Throttling: Rate exceeded"):
            resolve_credentials(replace(endpoint, cluster="one", user="loader"))


def test_a_machine_without_credentials_or_access_to_aws_is_reported(
    endpoint: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    with pytest.raises(WarehouseUnreachableError, match="AWS cannot be reached"):
        resolve_credentials(replace(endpoint, secret_id=A_SECRET))

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(WarehouseAccessError, match="Unable to locate credentials"):
        resolve_credentials(replace(endpoint, secret_id=A_SECRET))


def test_a_wrong_password_is_reported_and_never_shown(
    endpoint: RedshiftEndpoint, redshift: FakeRedshift, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Credentials("127.0.0.1", redshift.port, "loader", "hunter2")
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(WarehouseAccessError, match='password authentication failed for user "loader"') as caught,
        open_session(endpoint, wrong),
    ):
        pytest.fail("connected")

    assert "REDSHIFT_SECRET_ID" in caught.value.fix
    assert "hunter2" not in f"{wrong!r}{caught.value!r}{caught.value.__cause__!r}{caplog.text}"


def test_a_missing_database_is_reported(endpoint: RedshiftEndpoint, redshift: FakeRedshift) -> None:
    credentials = Credentials("127.0.0.1", redshift.port, redshift.user, redshift.password)
    with (
        pytest.raises(WarehouseAccessError, match='database "books" does not exist') as caught,
        open_session(replace(endpoint, database="books"), credentials),
    ):
        pytest.fail("connected")

    assert "REDSHIFT_DATABASE" in caught.value.fix


def test_a_missing_host_is_reported(endpoint: RedshiftEndpoint) -> None:
    nowhere = Credentials("warehouse.invalid", 5439, "loader", "x")
    with (
        pytest.raises((WarehouseAccessError, WarehouseUnreachableError), match=r"warehouse\.invalid:5439"),
        open_session(replace(endpoint, tls=True), nowhere),
    ):
        pytest.fail("connected")


def test_the_connection_is_encrypted_and_the_server_s_name_is_checked(
    endpoint: RedshiftEndpoint,
    redshift: FakeRedshift,
    tls: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    credentials = Credentials("localhost", redshift.port, redshift.user, redshift.password)

    with open_session(replace(endpoint, tls=True), credentials) as session:
        assert session.run("SELECT 1").rows == [(1,)]
    with (
        pytest.raises(WarehouseAccessError, match="its certificate is not valid for that name") as caught,
        open_session(replace(endpoint, tls=True), replace(credentials, host="127.0.0.1")),
    ):
        pytest.fail("connected")
    assert "REDSHIFT_HOST" in caught.value.fix


def test_a_server_with_an_unknown_authority_is_rejected(endpoint: RedshiftEndpoint, redshift: FakeRedshift) -> None:
    credentials = Credentials("localhost", redshift.port, redshift.user, redshift.password)
    with (
        pytest.raises(WarehouseAccessError, match="certificate"),
        open_session(replace(endpoint, tls=True), credentials),
    ):
        pytest.fail("connected")


@pytest.mark.parametrize("host", ["warehouse.example.com", "10.0.0.7", "0.0.0.0"])  # noqa: S104  nothing listens
def test_an_unencrypted_connection_is_rejected_unless_it_stays_on_this_machine(
    endpoint: RedshiftEndpoint, host: str
) -> None:
    with (
        pytest.raises(SettingsError, match=f"REDSHIFT_TLS is off, and the warehouse is at {host}"),
        open_session(endpoint, Credentials(host, 5439, "loader", "hunter2")),
    ):
        pytest.fail("connected")


def aws_settings(**given: Any) -> Settings:
    uris = {name: f"s3://bucket/{name}" for name in ("raw_uri", "processed_uri", "scripts_uri")}
    return load_settings(profile="aws", redshift_copy_role_arn=COPY_ROLE, **uris, **given)


def test_the_settings_choose_redshift_on_aws_for_the_command_line_and_for_assets_alike() -> None:
    settings = aws_settings(redshift_workgroup="books", redshift_schema="ledger", aws_region="eu-west-1")

    assert type(platform_resources(settings)["warehouse"]) is type(open_warehouse(settings))
    assert redshift_endpoint(settings) == replace(
        RedshiftEndpoint("finance", "ledger", COPY_ROLE, workgroup="books", region="eu-west-1"),
        query_group="finance_platform",
    )
