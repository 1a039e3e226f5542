"""Who is let into Redshift, and over which line.

Belongs here: credentials from a secret and from IAM, TLS, and each way of not being let in.
Does not belong here: what is done inside (see `test_redshift`).
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
from finance_platform.orchestration.resources.warehouse import RedshiftWarehouseResource
from finance_platform.orchestration.resources.wiring import platform_resources
from finance_platform.settings import Settings, load_settings
from finance_platform.warehouse.redshift import credentials
from finance_platform.warehouse.redshift.credentials import Credentials, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.session import open_session
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.fault_responses import answering, xml_error
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.redshift_certificate import certificate_for
from finance_platform_tests.aws.redshift_copying import COPY_ROLE
from finance_platform_tests.aws.redshift_serverless import WORKGROUP, redshift_serverless
from finance_platform_tests.aws.redshift_stand_in import RedshiftStandIn, redshift_stand_in

pytestmark = [
    pytest.mark.usefixtures("aws"),
    pytest.mark.filterwarnings("ignore:ssl[.]:DeprecationWarning"),  # the driver speaks TLS as Python 3.9 did
]
A_SECRET = f"warehouse-{uuid4().hex}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate_for("localhost", tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def redshift(moto: MotoServer, tls: tuple[ssl.SSLContext, Path]) -> Iterator[RedshiftStandIn]:
    with redshift_stand_in(moto.address, tls[0]) as found:
        yield found


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "ATTEMPTS", 1)


@pytest.fixture
def here(redshift: RedshiftStandIn) -> RedshiftEndpoint:
    """The stand-in, without any credentials."""
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


def asked(endpoint: RedshiftEndpoint) -> list[tuple[Any, ...]]:
    with open_session(endpoint, resolve_credentials(endpoint)) as session:
        return session.run("SELECT current_user").rows


def test_a_secret_gives_user_and_password(redshift: RedshiftStandIn, here: RedshiftEndpoint) -> None:
    found = replace(here, secret_id=secret(username=redshift.user, password=redshift.password))

    assert asked(found) == [("loader",)]


def test_a_secret_may_say_where_the_warehouse_is(redshift: RedshiftStandIn) -> None:
    content = {"username": redshift.user, "password": redshift.password, "host": "127.0.0.1", "port": redshift.port}

    assert asked(RedshiftEndpoint("postgres", "finance", secret_id=secret(**content), tls=False)) == [("loader",)]


@pytest.mark.parametrize("content", [{"username": "loader"}, {"password": "hunter2"}, {}, ["hunter2"]])
def test_a_secret_without_user_and_password_is_told_without_showing_it(here: RedshiftEndpoint, content: Any) -> None:
    name = f"warehouse-{uuid4().hex}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))

    with pytest.raises(WarehouseAccessError, match=f"{name} holds no user and password") as caught:
        resolve_credentials(replace(here, secret_id=name))

    assert "hunter2" not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"


def test_serverless_gives_temporary_credentials_and_says_where_it_is(
    redshift: RedshiftStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redshift_serverless(redshift) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", address)
        endpoint = RedshiftEndpoint("postgres", "finance", workgroup=WORKGROUP, tls=False)

        assert asked(endpoint) == [("loader",)]
        expires_at = resolve_credentials(endpoint).expires_at
        assert expires_at is not None
        assert timedelta(minutes=59) < expires_at - datetime.now(UTC) <= timedelta(hours=1)
        with pytest.raises(WarehouseAccessError, match="no workgroup other") as caught:
            resolve_credentials(replace(endpoint, workgroup="other"))
        assert "REDSHIFT_WORKGROUP" in caught.value.fix


def test_a_cluster_gives_temporary_credentials(redshift: RedshiftStandIn, here: RedshiftEndpoint) -> None:
    assert asked(replace(here, cluster=cluster(redshift.port), user="loader")) == [("loader",)]


def test_a_cluster_that_is_not_there_is_told(here: RedshiftEndpoint) -> None:
    with pytest.raises(WarehouseAccessError, match="ClusterNotFound") as caught:
        resolve_credentials(replace(here, cluster="gone", user="loader"))

    assert "REDSHIFT_CLUSTER" in caught.value.fix


def test_a_cluster_that_is_paused_is_out_of_reach_for_now(redshift: RedshiftStandIn) -> None:
    name = cluster(redshift.port)
    boto3.client("redshift").pause_cluster(ClusterIdentifier=name)

    with pytest.raises(WarehouseUnreachableError, match=f"{name}, database postgres is paused") as caught:
        resolve_credentials(RedshiftEndpoint("postgres", "finance", cluster=name, user="loader"))

    assert "resume it" in caught.value.fix


def test_temporary_credentials_are_kept_until_shortly_before_they_end(here: RedshiftEndpoint) -> None:
    given: list[Credentials] = []

    def give(endpoint: RedshiftEndpoint) -> Credentials:
        minutes = 60 if given else 4
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        given.append(Credentials(endpoint.host, endpoint.port, "loader", "wrong", end))
        return given[-1]

    warehouse = RedshiftWarehouse(here, None, give)  # type: ignore[arg-type]  # no file is loaded

    warehouse._current_log_in(), warehouse._current_log_in(), warehouse._current_log_in()
    assert len(given) == 2
    with pytest.raises(WarehouseAccessError):
        warehouse.query("SELECT 1")
    warehouse._current_log_in()
    assert len(given) == 3, "a password that was refused is asked for again"


REFUSED = {
    "throttled": ("ThrottlingException", True, "patience"),
    "expired": ("ExpiredTokenException", False, "renew the credentials"),
    "forbidden": ("AccessDeniedException", False, "secretsmanager:GetSecretValue"),
    "missing": ("ResourceNotFoundException", False, "REDSHIFT_SECRET_ID"),
    "broken": ("InternalServiceError", True, "patience"),
}


@pytest.mark.parametrize("refusal", REFUSED)
def test_what_aws_says_instead_of_credentials_is_of_the_right_class(
    here: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    code, is_transient, fix = REFUSED[refusal]
    said = json.dumps({"__type": code, "message": "said by the stand-in"})
    with answering(400, said, "application/x-amz-json-1.1") as answer:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", answer.address)
        with pytest.raises((WarehouseAccessError, WarehouseUnreachableError), match=f"{code}: said by") as caught:
            resolve_credentials(replace(here, secret_id=A_SECRET))

    assert isinstance(caught.value, TransientError) is is_transient
    assert fix in caught.value.fix


def test_a_throttled_call_for_a_clusters_credentials_may_be_tried_again(
    here: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(400, xml_error("Throttling", "Rate exceeded")) as answer:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT", answer.address)
        with pytest.raises(WarehouseUnreachableError, match="Throttling: Rate exceeded"):
            resolve_credentials(replace(here, cluster="one", user="loader"))


def test_a_machine_without_credentials_or_a_way_to_aws_is_told(
    here: RedshiftEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    with pytest.raises(WarehouseUnreachableError, match="AWS cannot be reached"):
        resolve_credentials(replace(here, secret_id=A_SECRET))

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(WarehouseAccessError, match="Unable to locate credentials"):
        resolve_credentials(replace(here, secret_id=A_SECRET))


def test_a_wrong_password_is_told_and_never_shown(
    here: RedshiftEndpoint, redshift: RedshiftStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Credentials("127.0.0.1", redshift.port, "loader", "hunter2")
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(WarehouseAccessError, match='password authentication failed for user "loader"') as caught,
        open_session(here, wrong),
    ):
        pytest.fail("let in")

    assert "REDSHIFT_SECRET_ID" in caught.value.fix
    assert "hunter2" not in f"{wrong!r}{caught.value!r}{caught.value.__cause__!r}{caplog.text}"


def test_a_database_that_is_not_there_is_told(here: RedshiftEndpoint, redshift: RedshiftStandIn) -> None:
    log_in = Credentials("127.0.0.1", redshift.port, redshift.user, redshift.password)
    with (
        pytest.raises(WarehouseAccessError, match='database "books" does not exist') as caught,
        open_session(replace(here, database="books"), log_in),
    ):
        pytest.fail("let in")

    assert "REDSHIFT_DATABASE" in caught.value.fix


def test_a_host_that_is_not_there_is_told(here: RedshiftEndpoint) -> None:
    nowhere = Credentials("warehouse.invalid", 5439, "loader", "x")
    with (
        pytest.raises((WarehouseAccessError, WarehouseUnreachableError), match=r"warehouse\.invalid:5439"),
        open_session(replace(here, tls=True), nowhere),
    ):
        pytest.fail("let in")


def test_the_line_is_encrypted_and_the_servers_name_is_checked(
    here: RedshiftEndpoint, redshift: RedshiftStandIn, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    log_in = Credentials("localhost", redshift.port, redshift.user, redshift.password)

    with open_session(replace(here, tls=True), log_in) as session:
        assert session.run("SELECT 1").rows == [(1,)]
    with (
        pytest.raises(WarehouseAccessError, match="its certificate is not good for that name") as caught,
        open_session(replace(here, tls=True), replace(log_in, host="127.0.0.1")),
    ):
        pytest.fail("let in")
    assert "REDSHIFT_HOST" in caught.value.fix


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(here: RedshiftEndpoint, redshift: RedshiftStandIn) -> None:
    log_in = Credentials("localhost", redshift.port, redshift.user, redshift.password)
    with (
        pytest.raises(WarehouseAccessError, match="certificate"),
        open_session(replace(here, tls=True), log_in),
    ):
        pytest.fail("let in")


@pytest.mark.parametrize("host", ["warehouse.example.com", "10.0.0.7", "0.0.0.0"])  # noqa: S104  nobody listens
def test_an_open_line_is_refused_unless_it_stays_on_this_machine(here: RedshiftEndpoint, host: str) -> None:
    with (
        pytest.raises(SettingsError, match=f"REDSHIFT_TLS is off, and the warehouse is at {host}"),
        open_session(here, Credentials(host, 5439, "loader", "hunter2")),
    ):
        pytest.fail("let in")


def aws_settings(**given: Any) -> Settings:
    uris = {name: f"s3://bucket/{name}" for name in ("raw_uri", "processed_uri", "scripts_uri")}
    return load_settings(profile="aws", redshift_copy_role_arn=COPY_ROLE, **uris, **given)


def test_the_settings_choose_redshift_on_aws_for_the_command_line_and_for_assets_alike() -> None:
    settings = aws_settings(redshift_workgroup="books", redshift_schema="ledger", aws_region="eu-west-1")

    resource = platform_resources(settings)["warehouse"]
    opened = open_warehouse(settings)

    assert isinstance(resource, RedshiftWarehouseResource)
    assert type(resource.open()) is type(opened)
    assert (resource.schema_name, resource.workgroup, resource.region) == ("ledger", "books", "eu-west-1")
    assert redshift_endpoint(settings) == replace(
        RedshiftEndpoint("finance", "ledger", COPY_ROLE, workgroup="books", region="eu-west-1"),
        query_group="finance_platform",
    )
