"""The platform's settings: the only reader of the environment.

Belongs here: names, defaults, allowed values, and the places that follow from them.
Does not belong here: opening anything. Secrets get a type of their own (`SecretStr`) and are never printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from finance_platform.errors import SettingsError

ENV_PREFIX = "FINANCE_PLATFORM_"
Period = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

TopicArn = Annotated[str, StringConstraints(pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256})?$")]


def _split(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that can be set, parsed once and frozen. Each name is an environment variable with the prefix."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    profile: Literal["local", "aws"] = Field("local", description="Which adapters stand behind the ports.")
    home: Path = Field(
        Path("data"), description="Holds raw/, processed/, warehouse.duckdb, feeds/, reports/, dagster/."
    )
    raw_uri: str = Field("", description="The raw zone; HOME/raw unless given.")
    processed_uri: str = Field("", description="The processed zone; HOME/processed unless given.")
    warehouse_uri: str = Field("", description="The embedded warehouse's file; HOME/warehouse.duckdb unless given.")
    reports_uri: str = Field("", description="Where reports go; HOME/reports, on AWS PROCESSED_URI/reports.")
    spark_engine: Literal["sail", "jvm"] = Field("sail", description="Which Spark runs the Glue jobs locally.")
    baseline_scenario: str = Field("Budget", min_length=1, description="The scenario that budgets are compared with.")
    actuals_through: Period | None = Field(None, description="Last period that Actual covers, gaps included; YYYY-MM.")
    fiscal_year_start_month: int = Field(1, ge=1, le=12, description="First month of the fiscal year.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The home's one currency, ISO 4217.")
    earliest_date: date = Field(date(2000, 1, 1), description="Dates before this are rejected.")
    latest_date: date = Field(date(2049, 12, 31), description="Dates after this are rejected.")

    closed_periods: Literal["publish", "hold"] = Field(
        "publish", description="What happens to a delivery that changes a closed period."
    )
    auto_refresh: bool = Field(False, description="Whether the sensors are on from the start; `make ui` turns them on.")
    sensor_interval_seconds: int = Field(10, ge=1, description="How often the sensor looks at the raw zone.")
    raw_events_queue_url: str = Field(
        "", description="SQS queue that is told of writes to the raw zone; the sensor then lists it when told."
    )
    sensor_full_look_seconds: int = Field(
        300, ge=1, description="With such a queue: how often the sensor lists the raw zone all the same."
    )
    close_working_day: int | None = Field(
        None, ge=1, le=20, description="Working day of the month on which the books close; a refresh runs that morning."
    )
    close_holidays: Annotated[tuple[date, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Days beside weekends that are no working days; YYYY-MM-DD, with commas between."
    )
    restatement_alert_from: Decimal = Field(
        Decimal("0.00"), ge=0, description="Money that must move in a closed period for an alert."
    )
    ui_url: str = Field("http://127.0.0.1:3000", description="Where the UI is; alerts link to it.")
    retention_days: int = Field(90, ge=0, description="How long superseded versions stay before vacuum removes them.")

    # On AWS alone. Credentials are found as boto3 finds them (role, environment, profile); none is set here.
    aws_region: str = Field("", description="The region; as boto3 finds it unless given.")
    scripts_uri: str = Field("", description="Where the Glue jobs' scripts, wheels and messages are, s3://...")
    s3_endpoint_url: str = Field("", description="Another address for S3, such as an interface endpoint's.")
    s3_kms_key_id: str = Field("", description="Key that objects are encrypted with; the bucket's own unless given.")
    s3_request_payer: bool = Field(False, description="Whether reading the raw zone is paid by whoever reads.")
    glue_job_prefix: str = Field("finance-platform", min_length=1, description="Jobs are PREFIX-standardise and so on.")
    glue_poll_seconds: float = Field(5.0, gt=0, description="How often a Glue job is asked how it stands.")
    redshift_host: str = Field("", description="The warehouse's endpoint; asked for by workgroup or cluster if unset.")
    redshift_port: int = Field(5439, ge=1, le=65535, description="The warehouse's port.")
    redshift_database: str = Field("finance", min_length=1, description="The warehouse's database.")
    redshift_schema: str = Field("finance", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="The star's schema.")
    redshift_workgroup: str = Field("", description="Redshift Serverless: its workgroup.")
    redshift_cluster: str = Field("", description="A provisioned cluster: its identifier.")
    redshift_user: str = Field("", description="Database user of a provisioned cluster, with temporary credentials.")
    redshift_secret_id: str = Field("", description="Secret with user and password; IAM's temporary ones unless given.")
    redshift_copy_role_arn: str = Field("", description="Role with which the warehouse reads the processed zone.")
    redshift_tls: bool = Field(True, description="TLS with the server's name checked; off only on this machine.")
    redshift_statement_timeout_seconds: int = Field(1800, ge=1, description="Longest that one statement may take.")
    redshift_query_group: str = Field("finance_platform", description="Query group, for workload management.")
    failures_topic_arn: TopicArn = Field("", description="SNS topic that is told of failed runs; none unless given.")
    anomalies_topic_arn: TopicArn = Field("", description="SNS topic that is told of odd data; none unless given.")
    metrics_namespace: str = Field("", description="CloudWatch namespace of the metrics; none are sent unless given.")
    data_catalog_database: str = Field("", description="Glue database that lists processed tables; none unless given.")

    @field_validator("ui_url")
    @classmethod
    def _has_no_slash_at_its_end(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("expected an address that begins with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _dates_in_order(self) -> Settings:
        if self.earliest_date > self.latest_date:
            raise ValueError(f"EARLIEST_DATE {self.earliest_date} is after LATEST_DATE {self.latest_date}")
        return self

    @model_validator(mode="after")
    def _has_what_aws_needs(self) -> Settings:
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
    def is_on_aws(self) -> bool:
        """Whether AWS's services stand behind the ports."""
        return self.profile == "aws"

    @property
    def home_path(self) -> Path:
        """The home folder, absolute."""
        return self.home.expanduser().absolute()

    @property
    def holds_closed_periods(self) -> bool:
        """Whether what would change a closed period is held."""
        return self.closed_periods == "hold"

    @property
    def raw_root(self) -> str:
        """Where the raw zone is."""
        return self.raw_uri or str(self.home_path / "raw")

    @property
    def processed_root(self) -> str:
        """Where the processed zone is."""
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
        """Where the warehouse is, for people."""
        if not self.is_on_aws:
            return str(self.warehouse_path)
        place = self.redshift_host or self.redshift_workgroup or self.redshift_cluster
        return f"redshift://{place}:{self.redshift_port}/{self.redshift_database}/{self.redshift_schema}"

    @property
    def reports_root(self) -> str:
        """Where reports are written to."""
        if self.reports_uri:
            return self.reports_uri
        return f"{self.processed_root.rstrip('/')}/reports" if self.is_on_aws else str(self.home_path / "reports")

    @property
    def alerts_path(self) -> Path:
        """The file that gets alerts."""
        return self.home_path / "alerts.jsonl"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home_path / "dagster"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment (and `.env`), with `overrides` first.

    Raises:
        SettingsError: a value is not allowed; says which, what was found and what is allowed.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ENV_PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        # Only the value of the setting itself is shown: the whole input would show the others too.
        shown = "" if not first["loc"] else f" (found {first['input']!r})"
        name = name if first["loc"] else "settings"
        raise SettingsError(
            f"{name}: {first['msg']}{shown}", fix=f"set {name} to an allowed value, or unset it"
        ) from None


@dataclass(frozen=True)
class StarSettings:
    """The settings that decide what is in the star.

    Attributes:
        baseline_scenario: the scenario that the others are compared with.
        actuals_through: last period that Actual covers, YYYY-MM, or None for the periods with actuals.
        fiscal_year_start_month: 1 to 12.
    """

    baseline_scenario: str
    actuals_through: str | None
    fiscal_year_start_month: int

    @staticmethod
    def of(settings: Settings) -> StarSettings:
        """Return the part of a home's settings that decides what is in the star."""
        return StarSettings(settings.baseline_scenario, settings.actuals_through, settings.fiscal_year_start_month)
