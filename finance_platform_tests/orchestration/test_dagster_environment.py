"""Dagster's own commands in the root of a checkout: the same code location, home and history as `finance-platform ui`.

Belongs here: their configuration. Does not belong here: what `dg check defs` finds, which `make check` runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from dagster_webserver.cli import dagster_webserver as webserver
from dotenv import dotenv_values

from finance_platform.orchestration import definitions
from finance_platform.orchestration.code_location import LOCATION, MODULE
from finance_platform.orchestration.dagster_environment import DAGSTER_HOME, write_dagster_home
from finance_platform_tests.unit.factories import settings, write

ROOT = Path(__file__).parents[2]


def test_every_command_gives_the_code_location_the_name_that_the_history_has():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["dagster"] == {"module_name": MODULE, "code_location_name": LOCATION}
    project = tools["dg"]["project"]
    assert (project["code_location_target_module"], project["code_location_name"]) == (MODULE, LOCATION)
    assert yaml.safe_load((ROOT / "workspace.yaml").read_text()) == {"load_from": [{"python_module": MODULE}]}
    (on_aws,) = yaml.safe_load((ROOT / "infra" / "workspace.yaml").read_text())["load_from"]
    assert on_aws["grpc_server"]["location_name"] == LOCATION


def test_an_activated_environment_lists_assets_and_leaves_dagster_dev_its_own_options(tmp_path: Path):
    exported = dict(re.findall(r"echo 'export (\w+)=(\S+)'", (ROOT / "Makefile").read_text()))

    read_by_dev = {name for option in webserver.params if option.envvar for name in _as_tuple(option.envvar)}
    assert "DAGSTER_MODULE_NAME" in read_by_dev, "which contradicts the workspace file that `dagster dev` writes"
    assert not read_by_dev & exported.keys()

    command = [sys.executable, "-m", "dagster", "asset", "list", "--select", "raw/forecast"]
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path), **exported}
    listed = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (listed.returncode, listed.stdout.split()) == (0, ["raw/forecast"]), listed.stderr


def _as_tuple(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def test_dagsters_commands_find_the_history_of_the_home_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file, home = tmp_path / ".env", settings(home=tmp_path / "my home's books")
    file.write_text("AWS_PROFILE=books")
    assert write_dagster_home(home, file)
    named = dotenv_values(file)
    assert named["AWS_PROFILE"] == "books"
    monkeypatch.setenv(DAGSTER_HOME, str(named[DAGSTER_HOME]))
    with DagsterInstance.get() as instance:
        assert instance.root_directory == str(home.dagster_home)
        assert not instance.telemetry_enabled
    before = file.read_text()
    assert not write_dagster_home(settings(home=tmp_path / "other"), file)
    assert file.read_text() == before


def test_a_history_that_is_not_the_home_s_is_named_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    home = settings(home=tmp_path / "books")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINANCE_PLATFORM_HOME", str(home.home_path))
    for folder in ("", str(home.dagster_home)):
        monkeypatch.setenv(DAGSTER_HOME, folder)
        definitions.defs()
    assert caplog.messages == []
    monkeypatch.setenv(DAGSTER_HOME, str(tmp_path / "data" / "dagster"))
    definitions.defs()
    (message,) = caplog.messages
    assert f"the history of the home {home.home_path} is in {home.dagster_home}" in message
    assert "Fix: set DAGSTER_HOME to that folder" in message


def test_definitions_name_a_broken_descriptor_where_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    home = settings(home=tmp_path / "books")
    monkeypatch.setenv("FINANCE_PLATFORM_HOME", str(home.home_path))
    monkeypatch.setenv(DAGSTER_HOME, str(home.dagster_home))
    write(home.feeds_path / "own.yaml", "feed: [oops\n")
    definitions.defs()
    (message,) = caplog.messages
    assert message.startswith(f"{home.feeds_path / 'own.yaml'}: line 2: expected ',' or ']'")
    assert message.endswith("Fix: correct the YAML on that line")
