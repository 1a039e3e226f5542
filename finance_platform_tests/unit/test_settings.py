"""Settings: defaults, one reader of the environment, and errors that name the allowed values."""

from __future__ import annotations

import ast
import os
import re
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

import finance_platform
from finance_platform.errors import SettingsError
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, load_settings, unknown_settings
from finance_platform_tests.unit.factories import settings, write

PACKAGE = Path(str(finance_platform.__file__)).parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_developer_s_own_settings_are_hidden_from_the_tests() -> None:
    assert not [name for name in os.environ if name.startswith(ENV_PREFIX)]


def test_settings_in_a_named_pipe_are_refused_instead_of_waited_for(folder: Path) -> None:
    os.mkfifo(folder / ".env")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.found == f"{folder}/.env is a named pipe (FIFO), not a plain file"
    assert "plain file" in caught.value.fix


# The files


def test_the_settings_of_a_home_are_read_wherever_the_command_was_started(folder: Path) -> None:
    home = folder / "books"
    write(folder / ".env", "FINANCE_PLATFORM_CURRENCY=USD\nFINANCE_PLATFORM_ENTITY=Here\n")
    write(home / ".env", "FINANCE_PLATFORM_HOME=.\nFINANCE_PLATFORM_CURRENCY=EUR\n")
    loaded = load_settings(home=home)
    assert (loaded.home_path, loaded.currency, loaded.entity) == (home, "EUR", "Here")
    assert load_settings().currency == "USD"


def test_the_environment_wins_over_the_settings_of_the_home_that_it_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "books" / ".env", "FINANCE_PLATFORM_HOME=.\nFINANCE_PLATFORM_CURRENCY=EUR\n")
    monkeypatch.setenv("FINANCE_PLATFORM_HOME", "books")
    assert (load_settings().home_path, load_settings().currency) == (folder / "books", "EUR")
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "CHF")
    assert load_settings().currency == "CHF"


def test_a_file_of_the_home_that_cannot_be_read_is_named(folder: Path) -> None:
    write(folder / "books" / ".env", "")
    (folder / "books" / ".env").write_bytes(b"FINANCE_PLATFORM_CURRENCY=\xff")
    with pytest.raises(SettingsError, match=rf"{folder}/books/\.env is not UTF-8"):
        load_settings(home=folder / "books")


# Defaults


def test_the_defaults_are_enough_for_a_laptop(folder: Path) -> None:
    loaded = load_settings()
    assert (loaded.profile, loaded.spark_engine, loaded.baseline_scenario) == ("local", "sail", "Budget")
    assert (loaded.currency, loaded.actuals_through, loaded.fiscal_year_start_month) == ("USD", None, 1)
    assert (loaded.earliest_date, loaded.latest_date) == (date(2000, 1, 1), date(2049, 12, 31))
    assert loaded.home_path == folder / "data"


def test_every_location_follows_from_the_home(folder: Path) -> None:
    loaded = load_settings(home=folder / "h")
    assert (loaded.raw_root, loaded.processed_root) == (str(folder / "h" / "raw"), str(folder / "h" / "processed"))
    assert loaded.warehouse_path == folder / "h" / "warehouse.duckdb"
    locations = (loaded.feeds_path, loaded.reports_root, loaded.dagster_home)
    assert tuple(map(str, locations)) == tuple(str(folder / "h" / name) for name in ("feeds", "reports", "dagster"))


def test_each_location_can_be_set_on_its_own(folder: Path) -> None:
    loaded = settings(home=folder, raw_uri="/elsewhere/raw", warehouse_uri="/elsewhere/w.duckdb")
    assert (loaded.raw_root, loaded.processed_root) == ("/elsewhere/raw", str(folder / "processed"))
    assert loaded.warehouse_path == Path("/elsewhere/w.duckdb")


def test_the_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("HOME", str(folder / "user"))
    assert settings(home="~/books").home_path == folder / "user" / "books"


def test_a_relative_home_becomes_absolute(folder: Path) -> None:
    assert settings(home="books").home_path == folder / "books"


# The environment


def test_a_variable_with_the_prefix_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "EUR")
    assert load_settings().currency == "EUR"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {
        "profile": "local",
        "spark_engine": "jvm",
        "spark_master": "spark://host:7077",
        "actuals_through": "2025-03",
        "fiscal_year_start_month": "7",
        "currency": "CHF",
        "earliest_date": "2001-02-03",
        "latest_date": "2031-02-03",
        "closed_periods": "publish",
        "approvals": "two",
        "retention_days": "7",
        "run_retention_days": "30",
        "auto_refresh": "True",
        "alert_run_finished": "True",
        "group_readable": "True",
        "sensor_interval_seconds": "60",
        "sensor_full_look_seconds": "600",
        "close_working_day": "5",
        "close_holidays": "2026-01-01, 2026-12-25",
        "restatement_alert_from": "1000.00",
        "materiality_amount": "1000.00",
        "materiality_percent": "2.50",
        "materiality_by_account": "Revenue=100000/5, 61 10=5000.50/10",
        "ui_url": "https://dagster.example",
        "s3_endpoint_url": "https://s3.example",
        "raw_events_queue_url": "https://sqs.example/1/queue",
        "s3_request_payer": "True",
        "s3_lock_days": "3650",
        "s3_lock_mode": "COMPLIANCE",
        "glue_modules": "s3://scripts/releases/0123456789ab/finance_platform-1-py3-none-any.whl",
        "glue_from_bytes": "5000000",
        "glue_poll_seconds": "0.5",
        "redshift_port": "5440",
        "failures_topic_arn": "arn:aws:sns:eu-central-1:123456789012:failures",
        "anomalies_topic_arn": "arn:aws:sns:eu-central-1:123456789012:anomalies",
        "redshift_tls": "False",
        "open_tables": "False",
        "redshift_statement_timeout_seconds": "60",
        "query_timeout_seconds": "60",
    }.get(name, "other")
    monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
    setting = getattr(load_settings(), name)
    assert (", ".join(map(str, setting)) if isinstance(setting, tuple) else str(setting)) == value


def test_a_variable_without_the_prefix_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURRENCY", "EUR")
    assert load_settings().currency == "USD"


def test_a_dotenv_file_is_read_and_the_environment_overrides_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / ".env", "FINANCE_PLATFORM_CURRENCY=EUR\nFINANCE_PLATFORM_SPARK_ENGINE=jvm\nOTHER=1\n")
    monkeypatch.setenv("FINANCE_PLATFORM_CURRENCY", "CHF")
    loaded = load_settings()
    assert (loaded.currency, loaded.spark_engine) == ("CHF", "jvm")


def test_an_argument_overrides_the_environment_unless_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_on_aws_every_location_is_an_address(folder: Path) -> None:
    loaded = settings(home=folder, **AWS)
    assert (loaded.raw_root, loaded.processed_root) == ("s3://books-raw", "s3://books-processed")
    assert loaded.reports_root == "s3://books-processed/reports"
    assert loaded.warehouse_address == "redshift://finance:5439/finance/finance"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"raw_uri": ""}, "RAW_URI must be an s3:// address"),
        ({"processed_uri": "/here"}, "PROCESSED_URI must be an s3:// address"),
        ({"scripts_uri": "https://bucket"}, "SCRIPTS_URI must be an s3:// address"),
        ({"redshift_workgroup": ""}, "needs REDSHIFT_WORKGROUP, REDSHIFT_CLUSTER or REDSHIFT_HOST"),
        ({"redshift_workgroup": "", "redshift_host": "h"}, "has no credentials: set REDSHIFT_SECRET_ID"),
        ({"redshift_copy_role_arn": ""}, "needs REDSHIFT_COPY_ROLE_ARN"),
    ],
)
def test_a_missing_setting_of_aws_is_named(changed: dict[str, str], message: str, folder: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(home=folder, **{**AWS, **changed})


# Invalid values


@pytest.mark.parametrize(
    ("name", "value", "expected", "default"),
    [
        ("PROFILE", "azure", "'local' or 'aws'", "local"),
        ("SPARK_ENGINE", "flink", "'sail' or 'jvm'", "sail"),
        ("FISCAL_YEAR_START_MONTH", "13", "a whole number from 1 to 12", "1"),
        ("FISCAL_YEAR_START_MONTH", "0", "a whole number from 1 to 12", "1"),
        ("FISCAL_YEAR_START_MONTH", "July", "a whole number from 1 to 12", "1"),
        ("CLOSE_WORKING_DAY", "30", "a whole number from 1 to 20", ""),
        ("QUERY_TIMEOUT_SECONDS", "-1", "a whole number from 0 to 2000000", "300"),
        ("GLUE_POLL_SECONDS", "0", "a number above 0, up to 2000000", "5.0"),
        ("GLUE_POLL_SECONDS", "x", "a number above 0, up to 2000000", "5.0"),
        ("RETENTION_DAYS", "9999999", "a whole number from 0 to 365000", "90"),
        ("RUN_RETENTION_DAYS", "9" * 30, "a whole number from 0 to 365000", "180"),
        ("SENSOR_INTERVAL_SECONDS", "9" * 30, "a whole number from 1 to 2000000", "10"),
        ("GROUP_READABLE", "maybe", "true or false", "false"),
        ("CURRENCY", "usd", "three capital letters of ISO 4217, such as USD", "USD"),
        ("CURRENCY", "USDX", "three capital letters of ISO 4217, such as USD", "USD"),
        ("ACTUALS_THROUGH", "2025-13", "a period as YYYY-MM, such as 2025-06", ""),
        ("ACTUALS_THROUGH", "2025-03-31", "a period as YYYY-MM, such as 2025-06", ""),
        ("EARLIEST_DATE", "2025-02-30", "a day as YYYY-MM-DD, such as 2025-06-30", "2000-01-01"),
        ("EARLIEST_DATE", "01.01.2020", "a day as YYYY-MM-DD, such as 2025-06-30", "2000-01-01"),
        ("CLOSE_HOLIDAYS", "25.12.2025", "a day as YYYY-MM-DD, such as 2025-06-30", ""),
        (
            "MATERIALITY_AMOUNT",
            "25,000",
            "a number from 0 with at most two decimals and no marks between its digits, such as 25000.00",
            "25000.00",
        ),
        (
            "MATERIALITY_AMOUNT",
            "0.001",
            "a number from 0 with at most two decimals and no marks between its digits, such as 25000.00",
            "25000.00",
        ),
        ("MATERIALITY_PERCENT", "NaN", "a number from 0", "3.00"),
        ("REDSHIFT_SCHEMA", "finance; DROP", "small letters, digits and `_`, beginning with no digit", "finance"),
        ("REDSHIFT_PORT", "0", "a whole number from 1 to 65535", "5439"),
    ],
)
def test_a_value_that_is_not_allowed_is_reported_with_what_is_expected_and_where_it_was_set(
    name: str, value: str, expected: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.found == f"{ENV_PREFIX}{name}: expected {expected}, found {value!r}"
    of_default = f"; the default is {default}" if default else ""
    assert caught.value.fix == f"correct it in the environment, or unset it{of_default}"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_no_error_about_a_value_has_words_of_the_library_that_checks_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("?", "-1", "x;y"):
        monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
        try:
            load_settings()
        except SettingsError as error:
            assert not re.search("Input should|Value error|pattern|valid", error.found), error.found  # noqa: PT017


def test_a_value_of_a_file_is_reported_with_file_and_line(folder: Path) -> None:
    write(folder / ".env", "FINANCE_PLATFORM_CURRENCY=USD\n# then\nFINANCE_PLATFORM_CURRENCY=euro\n")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.fix == f"correct it in {folder}/.env, line 3, or remove it; the default is USD"


def test_a_message_that_shows_the_value_already_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_SPARK_MASTER", "host:7077")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.found.count("host:7077") == 1


@pytest.mark.parametrize("name", ["Actual", "ACTUAL", " actual "])
def test_actual_is_not_compared_with_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_BASELINE_SCENARIO", name)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.found == (
        "FINANCE_PLATFORM_BASELINE_SCENARIO: expected a plan, such as Budget; compared with itself, every figure has a "
        f"variance of zero, found {name!r}"
    )
    assert caught.value.fix == "correct it in the environment, or unset it; the default is Budget"


@pytest.mark.parametrize("name", ["finance.duckdb", "/data/Finance.db", "finance"])
def test_a_file_of_the_warehouse_that_is_called_as_its_schema_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is called finance, so the file needs another name"):
        load_settings(warehouse_uri=name)
    assert load_settings(warehouse_uri="finance/finances.duckdb").warehouse_path == Path("finance/finances.duckdb")


# Names


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "FINANCE_PLATFORM_CURENCY=EUR",
            "FINANCE_PLATFORM_CURENCY is not a setting; did you mean FINANCE_PLATFORM_CURRENCY?",
        ),
        (
            "export finance_platform_fiscal_year=4",
            "FINANCE_PLATFORM_FISCAL_YEAR is not a setting; did you mean FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH?",
        ),
        ("FINANCE_PLATFORM_ZEBRA=1", "FINANCE_PLATFORM_ZEBRA is not a setting"),
        *(
            (line, "expected FINANCE_PLATFORM_CURRENCY=VALUE, with a closing quote for each opening one")
            for line in (
                "FINANCE_PLATFORM_CURRENCY: EUR",
                "FINANCE_PLATFORM_CURRENCY",
                'FINANCE_PLATFORM_CURRENCY="EUR',
                "FINANCE_PLATFORM_CURRENCY='EUR' x",
            )
        ),
    ],
)
def test_a_line_of_a_file_that_would_have_no_effect_is_refused(line: str, found: str, folder: Path) -> None:
    write(folder / "books" / ".env", f"FINANCE_PLATFORM_HOME=.\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(home=folder / "books")
    assert caught.value.found == f"{folder}/books/.env, line 2: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "FINANCE_PLATFORM_ENTITY=A B",
        " export FINANCE_PLATFORM_ENTITY = 'A B'  # the name",
        'finance_platform_entity="A B"\r',
        "'FINANCE_PLATFORM_ENTITY'=A B # the name",
    ],
)
def test_every_way_to_write_a_line_that_sets_something_is_accepted(line: str, folder: Path) -> None:
    write(folder / ".env", f"#FINANCE_PLATFORM_ZEBRA\nAWS_PROFILE=x\n{line}\nFINANCE_PLATFORM_CURRENCY=\n")
    assert (load_settings().entity, load_settings().currency) == ("A B", "USD")


def test_a_variable_that_is_no_setting_is_named_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unknown_settings() == []
    monkeypatch.setenv("FINANCE_PLATFORM_CALLER_PROOF", "x")
    monkeypatch.setenv("finance_platform_currency", "EUR")
    assert unknown_settings() == []
    monkeypatch.setenv("FINANCE_PLATFORM_CURENCY", "EUR")
    assert unknown_settings() == [
        "FINANCE_PLATFORM_CURENCY is not a setting and has no effect; did you mean FINANCE_PLATFORM_CURRENCY?"
    ]
    assert load_settings().currency == "EUR"


@pytest.mark.parametrize("invalid", ["6110", "6110=5", "=5/1", "6110=-5/1", "6110=5/1%", "6110=5.001/1", "a=1/1,b"])
def test_a_threshold_that_cannot_be_read_is_named_with_the_form_that_is_expected(invalid: str) -> None:
    with pytest.raises(SettingsError, match="expected ACCOUNT=AMOUNT/PERCENT, such as 6110=5000/10, found"):
        load_settings(materiality_by_account=invalid)


def test_dates_in_the_wrong_order_are_an_error_that_names_both() -> None:
    with pytest.raises(SettingsError, match="EARLIEST_DATE 2030-01-01 is after LATEST_DATE 2020-01-01"):
        load_settings(earliest_date="2030-01-01", latest_date="2020-01-01")


@pytest.mark.parametrize("invalid", [{"latest_date": "1990-01-01"}, {"spark_engine": "flink"}])
def test_an_error_does_not_show_another_setting_s_value(
    invalid: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINANCE_PLATFORM_WAREHOUSE_URI", "redshift://user:s3cret@host/db")
    with pytest.raises(SettingsError) as caught:
        load_settings(**invalid)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_settings_are_frozen(name: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings(), name, "x")


# Only the settings read the environment


_WAYS_TO_READ = re.compile(r"environ|getenv")
"""Most modules have none of these texts, so they need not be parsed."""


def uses_of_the_environment(source: str) -> list[str]:
    """Return how a module uses the environment: sets, passes on, or reads."""
    if not _WAYS_TO_READ.search(source):
        return []
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
        return "passes on"
    return "reads"


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("os.environ['A'] = 'b'", "sets"),
        ("os.environ.setdefault('A', 'b')", "sets"),
        ("run({**os.environ, 'A': 'b'})", "passes on"),
        ("os.environ['A']", "reads"),
        ("os.environ.get('A')", "reads"),
        ("os.getenv('A')", "reads"),
        ("from os import environ", "reads"),
        ("dict(os.environ)", "reads"),
        ("'A' in os.environ", "reads"),
    ],
)
def test_each_use_of_the_environment_is_recognised(source: str, use: str) -> None:
    assert uses_of_the_environment(source) == [use]


def test_an_empty_variable_is_the_same_as_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = settings()
    for name in ("ACTUALS_THROUGH", "CLOSE_WORKING_DAY", "CLOSE_HOLIDAYS", "BASELINE_SCENARIO"):
        monkeypatch.setenv(f"{ENV_PREFIX}{name}", "")
    assert settings() == defaults


def test_only_the_settings_read_the_environment() -> None:
    modules: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for use in uses_of_the_environment(path.read_text()):
            modules.setdefault(use, set()).add(path.relative_to(PACKAGE).as_posix())
    # The session sets variables for Spark's engines, and takes an address with its token from PySpark's own; other
    # engines get the S3 endpoint of boto3. DAGSTER_HOME and the secret of its records belong to Dagster. A command
    # tells Arrow its allocator. The proof of who gives a command belongs to one task, not to a home. The UI, the
    # build of a wheel and a local job are processes that inherit the environment, a job with the number of the pipe
    # for its account of a failure.
    assert modules == {
        "sets": {"cli/__init__.py", "spark_jobs/session.py"},
        "reads": {
            "cli/author.py",
            "orchestration/dagster_environment.py",
            "orchestration/rotated_password.py",
            "setting_sources.py",
            "spark_jobs/failure.py",
            "spark_jobs/session.py",
            "storage/s3_options.py",
        },
        "passes on": {
            "deployment/artefacts.py",
            "feeds/files/workbook_process.py",
            "orchestration/job_runners/job_process.py",
            "orchestration/job_runners/subprocess_jobs.py",
            "orchestration/webserver/ui_processes.py",
        },
    }


# Secrets in addresses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("raw_uri", "s3://books-raw/a@b?c#d"),
        ("raw_uri", "/mnt/raw@home#1"),
        ("ui_url", "https://dagster.example/finance"),
        ("s3_endpoint_url", "http://[::1]:9000"),
        ("redshift_host", "finance.123456789012.eu-central-1.redshift-serverless.amazonaws.com"),
    ],
)
def test_an_address_without_a_secret_is_accepted(name: str, value: str) -> None:
    assert getattr(settings(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ui_url", "https://ops:hunter2@dagster.example"),
        ("ui_url", "https://hunter2@dagster.example"),
        ("ui_url", "ops:hunter2@dagster.example"),
        ("ui_url", "https://[hunter2@dagster.example"),
        ("ui_url", "https://dagster.example?token=hunter2"),
        ("s3_endpoint_url", "https://dagster.example#hunter2"),
        ("s3_endpoint_url", "ops:hunter2@s3.example"),
        ("s3_endpoint_url", "https:/ops:hunter2@s3.example"),
        ("raw_events_queue_url", "//ops:hunter2@sqs.example/1/queue"),
        ("redshift_host", "hunter2@redshift.example"),
        ("redshift_host", "redshift.example?password=hunter2"),
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**{name: value})
    assert name.upper() in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_current_folder_that_was_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="the current folder does not exist any more"):
        load_settings()
    monkeypatch.chdir(tmp_path)
