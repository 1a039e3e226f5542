"""The password of Dagster's records: what happens to a task's connections when RDS has rotated it.

Belongs here: the hook, on a driver that knows one password. Does not belong here: the template (see `test_template`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool

from finance_platform.orchestration import rotated_password
from finance_platform.orchestration.rotated_password import VARIABLE, RotatedPassword, follow_rotation, read_password
from finance_platform_tests.aws.moto_server import MotoServer

CONFIGURATION = Path(__file__).parents[2] / "infra" / "dagster.yaml"


class DriverError(Exception):
    """An error of the driver."""


class Database:
    """A database with one user, and the part of its driver that makes connections."""

    def __init__(self) -> None:
        self.accepted, self.is_up, self.tried = "one", True, list[str]()
        self.loaded_dbapi = type("Driver", (), {"Error": DriverError})

    def connect(self, *, password: str) -> str:
        """Return a connection."""
        self.tried.append(password)
        if not self.is_up:
            raise DriverError("connection refused")
        if password != self.accepted:
            raise DriverError('FATAL: password authentication failed for user "dagster"')
        return "a connection"


def connect(hook: RotatedPassword, database: Database) -> Any:
    return hook.connect(database, None, [], {"password": "one"})


def test_the_secret_is_read_once_after_a_rotation_and_not_before():
    reads: list[str] = []

    def read(secret_id: str) -> str:
        reads.append(secret_id)
        return database.accepted

    database, hook = Database(), RotatedPassword("arn", read)
    assert connect(hook, database) == "a connection"
    assert reads == []
    database.accepted = "two"
    assert [connect(hook, database) for _ in range(3)] == ["a connection"] * 3
    assert (reads, database.tried) == (["arn"], ["one", "one", "two", "two", "two"])
    database.accepted = "three"
    assert connect(hook, database) == "a connection"
    assert reads == ["arn", "arn"]


def test_another_error_is_the_driver_s_own_and_reads_no_secret():
    database, hook = Database(), RotatedPassword("arn", lambda _: pytest.fail("it was read"))
    database.is_up = False
    with pytest.raises(DriverError, match="connection refused"):
        connect(hook, database)


def test_a_password_that_is_refused_twice_is_an_error():
    database, hook = Database(), RotatedPassword("arn", lambda _: "wrong")
    database.accepted = "two"
    with pytest.raises(DriverError, match="password authentication failed"):
        connect(hook, database)
    assert database.tried == ["one", "wrong"]


def test_the_password_is_read_from_the_secret_that_rds_writes(aws: MotoServer, bucket: str):
    assert aws.address
    content = json.dumps({"username": "dagster", "password": "two"})
    arn = boto3.client("secretsmanager").create_secret(Name=f"rds!db-{bucket}", SecretString=content)["ARN"]
    assert read_password(arn) == "two"


@pytest.fixture
def no_listeners(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The listeners that the test adds, which are removed again."""
    added: list[Any] = []

    def listen(*arguments: Any) -> None:
        added.append(arguments)
        event.listen(*arguments)

    monkeypatch.setattr(rotated_password, "event", SimpleNamespace(listen=listen))
    monkeypatch.setattr(rotated_password, "_listening", set())
    yield added
    for arguments in added:
        event.remove(*arguments)


def test_each_engine_of_the_process_follows_the_secret_once(no_listeners: list[Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    follow_rotation()
    assert no_listeners == []
    monkeypatch.setenv(VARIABLE, "arn")
    follow_rotation()
    follow_rotation()
    assert [(target, name) for target, name, _ in no_listeners] == [(Engine, "do_connect")]
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_the_configuration_names_the_storage_that_follows_and_the_driver_of_the_image(
    no_listeners: list[Any], monkeypatch: pytest.MonkeyPatch
):
    storage = yaml.safe_load(CONFIGURATION.read_text())["storage"]["custom"]
    package, made = ModuleType("dagster_postgres"), list[Any]()

    class DagsterPostgresStorage:
        """In place of the package, which the image has alone."""

        @classmethod
        def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
            made.append((inst_data, config_value))
            return cls

    monkeypatch.setattr(package, "DagsterPostgresStorage", DagsterPostgresStorage, raising=False)
    monkeypatch.setitem(sys.modules, "dagster_postgres", package)
    monkeypatch.delitem(sys.modules, storage["module"], raising=False)
    monkeypatch.setenv(VARIABLE, "arn")
    module = __import__(storage["module"], fromlist=[storage["class"]])
    monkeypatch.delitem(sys.modules, storage["module"])
    getattr(module, storage["class"]).from_config_value("data", storage["config"])
    assert made == [("data", storage["config"])]
    assert len(no_listeners) == 1
    # SQLAlchemy 2.1 takes `postgresql` without a driver for psycopg 3, which the image has not.
    url = make_url(f"{storage['config']['postgres_db']['scheme']}://h/d")
    lock = CONFIGURATION.with_name("requirements-image.txt").read_text()
    assert url.get_driver_name() == "psycopg2"
    assert "\npsycopg2-binary==" in lock
