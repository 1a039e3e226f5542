"""Settings: defaults, one reader of the environment, and errors that say what is allowed."""

from __future__ import annotations

import ast
import os
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

import finance_platform
from finance_platform.errors import SettingsError
from finance_platform.settings import ENV_PREFIX, Settings, load_settings
from finance_platform_tests.unit.factories import settings, write

PACKAGE = Path(str(finance_platform.__file__)).parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own, for its .env file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_developer_s_own_settings_are_hidden_from_the_tests() -> None:
    assert not [name for name in os.environ if name.startswith(ENV_PREFIX)]


# Defaults


def test_without_any_setting_a_laptop_has_what_it_needs(folder: Path) -> None:
    found = load_settings()
    assert (found.profile, found.spark_engine, found.baseline_scenario) == ("local", "sail", "Budget")
    assert (found.currency, found.actuals_through, found.fiscal_year_start_month) == ("USD", None, 1)
    assert (found.earliest_date, found.latest_date) == (date(2000, 1, 1), date(2049, 12, 31))
    assert found.home_path == folder / "data"


def test_every_place_follows_from_the_home(folder: Path) -> None:
    found = load_settings(home=folder / "h")
    assert (found.raw_root, found.processed_root) == (str(folder / "h" / "raw"), str(folder / "h" / "processed"))
    assert found.warehouse_path == folder / "h" / "warehouse.duckdb"
    places = (found.feeds_path, found.reports_root, found.dagster_home)
    assert tuple(map(str, places)) == tuple(str(folder / "h" / name) for name in ("feeds", "reports", "dagster"))


def test_each_place_can_be_set_alone(folder: Path) -> None:
    found = settings(home=folder, raw_uri="/elsewhere/raw", warehouse_uri="/elsewhere/w.duckdb")
    assert (found.raw_root, found.processed_root) == ("/elsewhere/raw", str(folder / "processed"))
    assert found.warehouse_path == Path("/elsewhere/w.duckdb")


def test_the_home_may_be_written_with_a_tilde(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("HOME", str(folder / "user"))
    assert settings(home="~/books").home_path == folder / "user" / "books"


def test_the_home_is_absolute_even_where_it_is_given_from_here(folder: Path) -> None:
    assert settings(home="books").home_path == folder / "books"


# The environment


def test_a_variable_with_the_prefix_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "EUR")
    assert load_settings().currency == "EUR"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {
        "profile": "local",
        "spark_engine": "jvm",
        "actuals_through": "2025-03",
        "fiscal_year_start_month": "7",
        "currency": "CHF",
        "earliest_date": "2001-02-03",
        "latest_date": "2031-02-03",
        "closed_periods": "hold",
        "retention_days": "7",
        "auto_refresh": "True",
        "sensor_interval_seconds": "60",
        "sensor_full_look_seconds": "600",
        "close_working_day": "5",
        "close_holidays": "2026-01-01, 2026-12-25",
        "restatement_alert_from": "1000.00",
        "ui_url": "https://dagster.example",
        "s3_request_payer": "True",
        "glue_poll_seconds": "0.5",
        "redshift_port": "5440",
        "failures_topic_arn": "arn:aws:sns:eu-central-1:123456789012:failures",
        "anomalies_topic_arn": "arn:aws:sns:eu-central-1:123456789012:anomalies",
        "redshift_tls": "False",
        "redshift_statement_timeout_seconds": "60",
    }.get(name, "other")
    monkeypatch.setenv(ENV_PREFIX + name.upper(), other)
    found = getattr(load_settings(), name)
    assert (", ".join(map(str, found)) if isinstance(found, tuple) else str(found)) == other


def test_a_variable_without_the_prefix_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURRENCY", "EUR")
    assert load_settings().currency == "USD"


def test_a_dotenv_file_is_read_and_the_environment_comes_before_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / ".env", "FINANCE_PLATFORM_CURRENCY=EUR\nFINANCE_PLATFORM_SPARK_ENGINE=jvm\nOTHER=1\n")
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "CHF")
    found = load_settings()
    assert (found.currency, found.spark_engine) == ("CHF", "jvm")


def test_an_argument_comes_before_the_environment_unless_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "CHF")
    assert load_settings(currency="GBP").currency == "GBP"
    assert load_settings(currency=None).currency == "CHF"


# On AWS

AWS = {
    "profile": "aws",
    "raw_uri": "s3://books-raw",
    "processed_uri": "s3://books-processed",
    "scripts_uri": "s3://books-scripts",
    "redshift_workgroup": "finance",
    "redshift_copy_role_arn": "arn:aws:iam::123456789012:role/copy",
}


def test_on_aws_every_place_is_an_address(folder: Path) -> None:
    found = settings(home=folder, **AWS)
    assert (found.raw_root, found.processed_root) == ("s3://books-raw", "s3://books-processed")
    assert found.reports_root == "s3://books-processed/reports"
    assert found.warehouse_address == "redshift://finance:5439/finance/finance"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"raw_uri": ""}, "RAW_URI must be an s3:// address"),
        ({"processed_uri": "/here"}, "PROCESSED_URI must be an s3:// address"),
        ({"scripts_uri": "https://bucket"}, "SCRIPTS_URI must be an s3:// address"),
        ({"redshift_workgroup": ""}, "needs REDSHIFT_WORKGROUP, REDSHIFT_CLUSTER or REDSHIFT_HOST"),
        ({"redshift_workgroup": "", "redshift_host": "h"}, "has no credentials: set REDSHIFT_SECRET_ID"),
        ({"redshift_copy_role_arn": ""}, "needs REDSHIFT_COPY_ROLE_ARN"),
    ],
)
def test_what_aws_needs_and_lacks_is_named(changed: dict[str, str], named: str, folder: Path) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings(home=folder, **{**AWS, **changed})


# What is wrong


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PROFILE", "azure", "Input should be 'local' or 'aws'"),
        ("SPARK_ENGINE", "flink", "Input should be 'sail' or 'jvm'"),
        ("FISCAL_YEAR_START_MONTH", "13", "less than or equal to 12"),
        ("FISCAL_YEAR_START_MONTH", "0", "greater than or equal to 1"),
        ("FISCAL_YEAR_START_MONTH", "July", "valid integer"),
        ("CURRENCY", "usd", "should match pattern '^[A-Z]{3}$'"),
        ("CURRENCY", "USDX", "should match pattern '^[A-Z]{3}$'"),
        ("ACTUALS_THROUGH", "2025-13", "should match pattern"),
        ("ACTUALS_THROUGH", "2025-3", "should match pattern"),
        ("ACTUALS_THROUGH", "2025-03-31", "should match pattern"),
        ("EARLIEST_DATE", "2025-02-30", "valid date"),
        ("REDSHIFT_SCHEMA", "finance; DROP", "should match pattern"),
        ("REDSHIFT_PORT", "0", "greater than or equal to 1"),
    ],
)
def test_a_bad_value_names_the_variable_what_was_found_and_what_is_allowed(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.found.startswith(f"{ENV_PREFIX}{name}: ")
    assert allowed in caught.value.found
    assert f"(found {value!r})" in caught.value.found
    assert caught.value.fix == f"set {ENV_PREFIX}{name} to an allowed value, or unset it"


def test_dates_in_the_wrong_order_are_an_error_that_names_both() -> None:
    with pytest.raises(SettingsError, match="EARLIEST_DATE 2030-01-01 is after LATEST_DATE 2020-01-01"):
        load_settings(earliest_date="2030-01-01", latest_date="2020-01-01")


@pytest.mark.parametrize("wrong", [{"latest_date": "1990-01-01"}, {"spark_engine": "flink"}])
def test_an_error_shows_no_other_setting_s_value(wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_WAREHOUSE_URI", "redshift://user:s3cret@host/db")
    with pytest.raises(SettingsError) as caught:
        load_settings(**wrong)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_settings_are_frozen(name: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings(), name, "x")


# Nobody else reads the environment


def uses_of_the_environment(source: str) -> list[str]:
    """How a module uses the environment: sets, hands on, or reads."""
    tree = ast.parse(source)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    uses = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            uses += ["reads" for name in node.names if name.name in {"environ", "environb", "getenv"}]
        elif isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            uses.append(_kind_of_use(node, parents[node]))
    return uses


def _kind_of_use(node: ast.Attribute, parent: ast.AST) -> str:
    if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return "sets"
    if isinstance(parent, ast.Attribute) and parent.attr == "setdefault":
        return "sets"
    if isinstance(parent, ast.Dict) and node in parent.values and parent.keys[parent.values.index(node)] is None:
        return "hands on"
    return "reads"


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("os.environ['A'] = 'b'", "sets"),
        ("os.environ.setdefault('A', 'b')", "sets"),
        ("run({**os.environ, 'A': 'b'})", "hands on"),
        ("os.environ['A']", "reads"),
        ("os.environ.get('A')", "reads"),
        ("os.getenv('A')", "reads"),
        ("from os import environ", "reads"),
        ("dict(os.environ)", "reads"),
        ("'A' in os.environ", "reads"),
    ],
)
def test_every_way_to_use_the_environment_is_told_apart(source: str, use: str) -> None:
    assert uses_of_the_environment(source) == [use]


def test_an_empty_variable_is_the_same_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    without = settings()
    for name in ("ACTUALS_THROUGH", "CLOSE_WORKING_DAY", "CLOSE_HOLIDAYS", "BASELINE_SCENARIO"):
        monkeypatch.setenv(f"{ENV_PREFIX}{name}", "")
    assert settings() == without


def test_nothing_but_the_settings_reads_the_environment() -> None:
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for use in uses_of_the_environment(path.read_text()):
            found.setdefault(use, set()).add(path.relative_to(PACKAGE).as_posix())
    # The session sets variables that Spark's engines look for, and tells Sail where boto3 was told that S3 is. The UI
    # and what builds a wheel are programs of their own and get ours whole.
    assert found == {
        "sets": {"spark_jobs/session.py"},
        "reads": {"spark_jobs/session.py"},
        "hands on": {"cli/run.py", "deployment/artefacts.py"},
    }
