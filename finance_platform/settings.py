"""The platform's settings: the only reader of the environment.

Belongs here: names, defaults, allowed values, and the locations that follow from them.
Does not belong here: opening anything, and secrets: boto3 finds credentials, Secrets Manager has passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from finance_platform.errors import SettingsError
from finance_platform.home_path import absolute_home
from finance_platform.setting_errors import describe_value
from finance_platform.setting_sources import (
    ENV_PREFIX,
    IN_ENVIRONMENT,
    check_environment_file,
    place_of,
    unknown_variables,
)

_ENV_FILE = ".env"
Period = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

TopicArn = Annotated[str, StringConstraints(pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256})?$")]


_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]*")
_NOT_STORED = "an address with a user name, a password, a query or a fragment is not stored or shown"


def _refuse_secrets(value: str) -> str:
    """Refuse an address that contains a secret, or may; addresses are written to alerts, logs and Dagster's records."""
    if "://" not in value:
        return value
    parts = urlsplit(value)
    # The key of an object may contain any character, `?` and `#` too.
    if "@" in parts.netloc or (parts.scheme != "s3" and (parts.query or parts.fragment)):
        raise ValueError(f"{_NOT_STORED}; expected scheme://host/path")
    return value


def _refuse_all_but_a_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{_NOT_STORED}; expected the name of a host")
    return value


def _require_http(value: str) -> str:
    # Without a scheme, the part before `@` is not recognized as a user and a password.
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("expected an address that begins with http:// or https://")
    return value


def _refuse_name_of_schema(value: str) -> str:
    # DuckDB calls a database as its file is called, and cannot tell `finance.DimDate` from a table of that database.
    if "://" not in value and Path(value).name.partition(".")[0].lower() == "finance":
        raise ValueError(
            "the schema in the file is called finance, so the file needs another name, such as warehouse.duckdb"
        )
    return value


def _refuse_actual(value: str) -> str:
    # As scenarios are compared: without case and white space around it.
    if value.strip().casefold() == "actual":
        raise ValueError("expected a plan, such as Budget; compared with itself, every figure has a variance of zero")
    return value


_MOST_DAYS = 365_000
"""A thousand years; a day so long ago has no date any more."""
_MOST_SECONDS = 2_000_000
"""Some three weeks; Redshift takes no longer timeout of a statement."""

_MASTER = re.compile(r"(?:spark|k8s|sc)://\S+|yarn|local(?:-cluster)?\[[0-9*, ]+\]|local")
_PLAIN_PARAMETERS = frozenset({"use_ssl", "user_id", "user_agent", "x-databricks-cluster-id"})
"""Parameters of a Spark Connect address that are not secret; any other may be a token, or a header with one."""
_THRESHOLD = re.compile(r"(.*\S) *= *([0-9]{1,16}(?:\.[0-9]{1,2})?) */ *([0-9]{1,7}(?:\.[0-9]{1,2})?)")
"""An account or type, an amount and a per cent, with as many digits as the columns of the warehouse have."""

Address = Annotated[str, AfterValidator(_refuse_secrets)]
"""An address, or a path; without a secret in it."""

WebAddress = Annotated[str, AfterValidator(_require_http), AfterValidator(_refuse_secrets)]
"""An address of HTTP, or nothing; without a secret in it."""


def _split(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


@dataclass(frozen=True)
class AccountThreshold:
    """When a variance of some accounts is material: both thresholds must be reached.

    Attributes:
        account: an account's number or a type of accounts; empty for every other account.
        amount: the least amount, in the home's currency.
        percent: the least per cent of the reference.
    """

    account: str
    amount: Decimal
    percent: Decimal

    def __str__(self) -> str:
        """Return the threshold as the setting has it."""
        return f"{self.account}={self.amount}/{self.percent}"


def _refuse_all_but_a_master(value: str) -> str:
    if value and not _MASTER.fullmatch(value):
        raise ValueError("expected spark://, k8s://, sc://, yarn, local[N] or local-cluster[N,CORES,MB]")
    # It is among the arguments of a job, which every user of the machine can list.
    address, *parameters = value.split(";")
    if re.search("[@?#]", address):
        raise ValueError(f"{_NOT_STORED}; expected scheme://host:port")
    if {part.partition("=")[0] for part in parameters} - _PLAIN_PARAMETERS:
        plain = ", ".join(sorted(_PLAIN_PARAMETERS))
        raise ValueError(
            f"a parameter of the address may be secret, as all but {plain} may be: put the whole address into "
            f"SPARK_REMOTE, and only {address.rstrip('/')} here"
        )
    return value


def _read_thresholds(value: object) -> object:
    """Read `Revenue=100000/5,6110=5000/10`."""
    if not isinstance(value, str):
        return value
    thresholds = []
    for part in filter(None, map(str.strip, value.split(","))):
        match = _THRESHOLD.fullmatch(part)
        if match is None:
            raise ValueError(f"expected ACCOUNT=AMOUNT/PERCENT, such as 6110=5000/10, found {part!r}")
        thresholds.append(AccountThreshold(match[1], Decimal(match[2]), Decimal(match[3])))
    return tuple(thresholds)


class Settings(BaseSettings):
    """Every setting, parsed once and frozen; the environment variable of each is its name with the prefix."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=_ENV_FILE, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    profile: Literal["local", "aws"] = Field("local", description="Which adapters implement the ports.")
    home: Path = Field(
        Path("data"), description="Holds raw/, processed/, warehouse.duckdb, feeds/, reports/, dagster/."
    )
    raw_uri: Address = Field("", description="The raw zone; default: HOME/raw.")
    processed_uri: Address = Field("", description="The processed zone; default: HOME/processed.")
    warehouse_uri: Annotated[Address, AfterValidator(_refuse_name_of_schema)] = Field(
        "", description="The embedded warehouse's file; default: HOME/warehouse.duckdb."
    )
    reports_uri: Address = Field("", description="The reports; default: HOME/reports, on AWS PROCESSED_URI/reports.")
    spark_engine: Literal["sail", "jvm"] = Field("sail", description="Which engine runs the Spark jobs locally.")
    spark_master: Annotated[str, AfterValidator(_refuse_all_but_a_master)] = Field(
        "",
        description="Spark master or Spark Connect address of the cluster that runs the jobs; default: this machine.",
    )
    baseline_scenario: Annotated[str, AfterValidator(_refuse_actual)] = Field(
        "Budget", min_length=1, description="The budget scenario that Actual is compared with."
    )
    actuals_through: Period | None = Field(
        None, description="Last period that Actual covers, gaps included, and the last complete one; YYYY-MM."
    )
    fiscal_year_start_month: int = Field(1, ge=1, le=12, description="First month of the fiscal year.")
    entity: str = Field("Finance", min_length=1, description="Name of the company, as reports show it.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The home's only currency, ISO 4217.")
    earliest_date: date = Field(date(2000, 1, 1), description="Dates before this are rejected.")
    latest_date: date = Field(date(2049, 12, 31), description="Dates after this are rejected.")

    closed_periods: Literal["publish", "hold"] = Field(
        "hold", description="Whether a change of a closed period waits for a decision, or is published at once."
    )
    approvals: Literal["one", "two"] = Field(
        "one", description="How many people have to give a command that decides: accept, withdraw, close, reopen."
    )
    auto_refresh: bool = Field(
        False, description="Whether the sensors start switched on; `finance-platform ui` sets it."
    )
    sensor_interval_seconds: int = Field(
        10, ge=1, le=_MOST_SECONDS, description="How often the sensor scans the raw zone."
    )
    raw_events_queue_url: WebAddress = Field(
        "", description="SQS queue with events of writes to the raw zone; the sensor then lists it after an event."
    )
    sensor_full_look_seconds: int = Field(
        300,
        ge=1,
        le=_MOST_SECONDS,
        description="With such a queue: how often the sensor lists the raw zone without an event.",
    )
    close_working_day: int | None = Field(
        None, ge=1, le=20, description="Working day of the month on which the books close; a refresh runs that morning."
    )
    close_holidays: Annotated[tuple[date, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Holidays, which are not working days; YYYY-MM-DD, separated by commas."
    )
    restatement_alert_from: Decimal = Field(
        Decimal("0.00"), ge=0, description="Gross amount of one scenario in closed periods that sends an alert."
    )
    alert_run_finished: bool = Field(False, description="Whether a run that succeeds sends an alert, too.")
    materiality_amount: Decimal = Field(
        Decimal("25000.00"), ge=0, max_digits=18, decimal_places=2, description="Least amount of a material variance."
    )
    materiality_percent: Decimal = Field(
        Decimal("3.00"),
        ge=0,
        max_digits=9,
        decimal_places=2,
        description="Least per cent of the reference of a material variance; both must be reached.",
    )
    materiality_by_account: Annotated[tuple[AccountThreshold, ...], NoDecode, BeforeValidator(_read_thresholds)] = (
        Field(
            (),
            description="Other amounts and per cents for accounts or types: Revenue=100000/5,6110=5000/10.",
        )
    )
    ui_url: WebAddress = Field("http://127.0.0.1:3000", description="Address of the UI, for links in alerts.")
    query_timeout_seconds: int = Field(
        300,
        ge=0,
        le=_MOST_SECONDS,
        description="Seconds that the warehouse may work on a query of `query`; 0: no limit.",
    )
    group_readable: bool = Field(
        False, description="Whether the group of a home's files may read them; default: only their owner."
    )
    retention_days: int = Field(90, ge=0, le=_MOST_DAYS, description="Days before vacuum may remove superseded data.")
    run_retention_days: int = Field(
        180, ge=0, le=_MOST_DAYS, description="Days before runs and their events leave Dagster's storage; 0: they stay."
    )

    # On AWS only. boto3 finds the credentials (role, environment, profile).
    aws_region: str = Field("", description="The region; default: the one that boto3 finds.")
    scripts_uri: Address = Field("", description="The Glue jobs' scripts, wheels and messages, s3://...")
    s3_endpoint_url: WebAddress = Field("", description="Endpoint of S3, such as an interface endpoint.")
    s3_kms_key_id: str = Field("", description="Key to encrypt objects with; default: the bucket's.")
    s3_request_payer: bool = Field(False, description="Whether the reader pays for requests to the raw zone.")
    s3_lock_days: int = Field(
        0, ge=0, le=36500, description="Days for which S3 refuses to delete what the register writes; 0: no lock."
    )
    s3_lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        "GOVERNANCE", description="Whether some roles may lift that lock (GOVERNANCE), or none (COMPLIANCE)."
    )
    glue_job_prefix: str = Field("finance-platform", min_length=1, description="Jobs are PREFIX-standardise and so on.")
    glue_modules: str = Field(
        "", description="Wheels of the release whose scripts a Glue job runs; default: those of the job's definition."
    )
    glue_from_bytes: int = Field(
        200_000_000,
        ge=0,
        description="Bytes of text from which Glue runs a job; smaller ones run in the run's task. 0: always Glue.",
    )
    glue_poll_seconds: float = Field(5.0, gt=0, le=_MOST_SECONDS, description="How often a Glue job's state is polled.")
    redshift_host: Annotated[str, AfterValidator(_refuse_all_but_a_host)] = Field(
        "", description="The warehouse's endpoint; default: that of the workgroup or cluster."
    )
    redshift_port: int = Field(5439, ge=1, le=65535, description="The warehouse's port.")
    redshift_database: str = Field("finance", min_length=1, description="The warehouse's database.")
    redshift_schema: str = Field("finance", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="The star's schema.")
    redshift_workgroup: str = Field("", description="Workgroup of Redshift Serverless.")
    redshift_cluster: str = Field("", description="Identifier of a provisioned cluster.")
    redshift_user: str = Field("", description="Database user of a provisioned cluster, with temporary credentials.")
    redshift_secret_id: str = Field(
        "", description="Secret with user and password; default: IAM's temporary credentials."
    )
    redshift_copy_role_arn: str = Field("", description="Role that the warehouse reads the processed zone with.")
    redshift_tls: bool = Field(True, description="TLS that verifies the server's name; off on this machine only.")
    redshift_statement_timeout_seconds: int = Field(
        1800, ge=1, le=_MOST_SECONDS, description="Timeout of one statement."
    )
    redshift_query_group: str = Field("finance_platform", description="Query group, for workload management.")
    failures_topic_arn: TopicArn = Field("", description="SNS topic for failed runs; default: none.")
    anomalies_topic_arn: TopicArn = Field("", description="SNS topic for unusual data; default: none.")
    metrics_namespace: str = Field("", description="CloudWatch namespace of the metrics; default: none are sent.")
    data_catalog_database: str = Field("", description="Glue database with the processed tables; default: none.")
    open_tables: bool = Field(True, description="Whether the tables of the processed zone are Delta tables, too.")

    @field_validator("ui_url")
    @classmethod
    def _normalize_ui_url(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _check_date_range(self) -> Settings:
        if self.earliest_date > self.latest_date:
            raise ValueError(f"EARLIEST_DATE {self.earliest_date} is after LATEST_DATE {self.latest_date}")
        return self

    @model_validator(mode="after")
    def _check_spark_master(self) -> Settings:
        if self.spark_master and self.profile == "aws":
            raise ValueError("with profile aws, Glue runs the jobs: unset SPARK_MASTER")
        return self

    @model_validator(mode="after")
    def _check_aws_settings(self) -> Settings:
        if self.profile == "aws":
            for name in ("raw_uri", "processed_uri", "scripts_uri"):
                if not str(getattr(self, name)).startswith("s3://"):
                    raise ValueError(f"{name.upper()} must be an s3:// address with profile aws")
            if not (self.redshift_host or self.redshift_workgroup or self.redshift_cluster):
                raise ValueError("profile aws needs REDSHIFT_WORKGROUP, REDSHIFT_CLUSTER or REDSHIFT_HOST")
            if not (self.redshift_secret_id or self.redshift_workgroup or self.redshift_cluster):
                raise ValueError("REDSHIFT_HOST alone has no credentials: set REDSHIFT_SECRET_ID as well")
            if not self.redshift_copy_role_arn:
                raise ValueError("profile aws needs REDSHIFT_COPY_ROLE_ARN")
        return self

    @property
    def job_engine(self) -> Literal["sail", "jvm"]:
        """Which engine runs the Spark jobs, unless Glue does: on a cluster, Spark itself."""
        return "jvm" if self.spark_master else self.spark_engine

    @property
    def is_on_aws(self) -> bool:
        """Whether AWS's services implement the ports."""
        return self.profile == "aws"

    @property
    def home_path(self) -> Path:
        """The home folder, absolute."""
        return absolute_home(self.home)

    @property
    def holds_closed_periods(self) -> bool:
        """Whether a delivery that changes a closed period is held."""
        return self.closed_periods == "hold"

    @property
    def raw_root(self) -> str:
        """The raw zone's path or address."""
        return self.raw_uri or str(self.home_path / "raw")

    @property
    def processed_root(self) -> str:
        """The processed zone's path or address."""
        return self.processed_uri or str(self.home_path / "processed")

    @property
    def warehouse_path(self) -> Path:
        """The embedded warehouse's file."""
        return Path(self.warehouse_uri) if self.warehouse_uri else self.home_path / "warehouse.duckdb"

    @property
    def feeds_path(self) -> Path:
        """The folder of the project's own feed descriptors."""
        return self.home_path / "feeds"

    @property
    def warehouse_address(self) -> str:
        """The warehouse's address, for messages."""
        if not self.is_on_aws:
            return str(self.warehouse_path)
        name = self.redshift_host or self.redshift_workgroup or self.redshift_cluster
        return f"redshift://{name}:{self.redshift_port}/{self.redshift_database}/{self.redshift_schema}"

    @property
    def reports_root(self) -> str:
        """The reports' path or address."""
        if self.reports_uri:
            return self.reports_uri
        return f"{self.processed_root.rstrip('/')}/reports" if self.is_on_aws else str(self.home_path / "reports")

    @property
    def alerts_path(self) -> Path:
        """The alerts file."""
        return self.home_path / "alerts.jsonl"

    @property
    def dagster_home(self) -> Path:
        """Dagster's storage."""
        return self.home_path / "dagster"


VARIABLES = frozenset(ENV_PREFIX + name.upper() for name in Settings.model_fields)
"""The environment variable of every setting."""


class _HomeSetting(BaseSettings):
    """The home alone, which decides where the other settings are."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=_ENV_FILE, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Path("data")


def environment_files(home: str | Path | None) -> tuple[Path, ...]:
    """Return the `.env` files that settings are read from, those of higher precedence last (088).

    Args:
        home: the home, where the environment does not name it.

    Raises:
        SettingsError: a setting in one of them cannot be read; or the current folder was removed.
        HomeError: the home is in the folder of a user whom the machine does not have.
    """
    try:
        here = Path(_ENV_FILE).absolute()
    except FileNotFoundError:
        raise SettingsError(
            "the current folder does not exist any more",
            fix="change to a folder that exists, such as `cd ~`, and name the home with --home",
        ) from None
    check_environment_file(here, VARIABLES)
    of_home = absolute_home(home or _HomeSetting().home) / _ENV_FILE
    if of_home == here or not of_home.exists():
        return (here,)
    check_environment_file(of_home, VARIABLES)
    return (here, of_home)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from `overrides`, then the environment, then the `.env` of the home, then that of this folder.

    Raises:
        SettingsError: a value is not allowed; names variable, place, value and what is expected. Or a `.env` cannot be
            read, or has a line that begins as a setting does and is none.
        HomeError: the home is in the folder of a user whom the machine does not have.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    files = environment_files(given.get("home"))
    if len(files) > 1:
        # Its own `.env` may name the home as `.`, relative to itself.
        given.setdefault("home", _HomeSetting().home)
    try:
        return Settings(_env_file=files, **given)
    except ValidationError as error:
        raise _describe(error.errors()[0], files) from None


def _describe(error: ErrorDetails, files: Iterable[Path]) -> SettingsError:
    """Return the error of a value that is not allowed: the setting, where it was set, what is expected and found."""
    if not error["loc"]:  # of several settings, whose values are not shown: another one may contain a secret
        found = error["msg"].removeprefix("Value error, ")
        return SettingsError(found, fix="correct one of these settings, or unset it")
    name = str(error["loc"][0])
    variable, field = ENV_PREFIX + name.upper(), Settings.model_fields[name]
    place = place_of(variable, files)
    fix = f"correct it {place}, or {'unset' if place == IN_ENVIRONMENT else 'remove'} it" if place else "correct it"
    return SettingsError(f"{variable}: {describe_value(error, field)}", fix=fix + _default(field))


def _default(field: FieldInfo) -> str:
    """Return what holds if a setting is unset, as the end of a clause; empty if that is nothing to name."""
    default = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"; the default is {default}" if default not in (None, "", ()) else ""


def unknown_settings() -> list[str]:
    """Return a sentence for each variable of the environment that looks like a setting and is none."""
    return unknown_variables(VARIABLES)


@dataclass(frozen=True)
class StarSettings:
    """The settings that decide the content of the star.

    Attributes:
        baseline_scenario: the budget scenario that the others are compared with.
        actuals_through: last period that Actual covers, YYYY-MM, or None for the periods with actuals.
        fiscal_year_start_month: 1 to 12.
        holds_closed_periods: whether a change of a closed period waits for a decision.
    """

    baseline_scenario: str
    actuals_through: str | None
    fiscal_year_start_month: int
    holds_closed_periods: bool

    @staticmethod
    def of(settings: Settings) -> StarSettings:
        """Return the part of a home's settings that decides the content of the star."""
        return StarSettings(
            settings.baseline_scenario,
            settings.actuals_through,
            settings.fiscal_year_start_month,
            settings.holds_closed_periods,
        )


DEFAULT_STAR_SETTINGS = StarSettings("Budget", None, 1, holds_closed_periods=True)
"""Those of a home that sets none of them."""


def materiality(settings: Settings) -> tuple[AccountThreshold, ...]:
    """Return when variances are material: the home's threshold first, then those of accounts or types."""
    home = AccountThreshold("", settings.materiality_amount, settings.materiality_percent)
    return (home, *settings.materiality_by_account)
