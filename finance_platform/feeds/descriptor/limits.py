"""The keys `tolerance`, `freshness`, `expect`, and the value of `hold_if_removes`: limits beyond which people decide.

Belongs here: their keys and checks; none of them changes how a file is read.
Does not belong here: holding a delivery (see `deliveries.acceptance`), the freshness check (see `orchestration`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from finance_platform.feeds.amounts import LIMIT
from finance_platform.feeds.descriptor.strict_model import StrictModel
from finance_platform.feeds.limits import MAX_DAYS, MAX_WORKING_DAY


def _is_share(text: str) -> bool:
    try:
        share = Decimal(text)
    except InvalidOperation:
        return False
    return share.is_finite() and 0 <= share <= 1


def _check_share_or_never(value: object) -> object:
    if value != "never" and not _is_share(str(value)):
        raise ValueError(f"{value!r} is neither a share of the published lines, from 0 to 1, nor never")
    return value


ShareOrNever = Annotated[Decimal | Literal["never"], BeforeValidator(_check_share_or_never)]


class ToleranceConfig(StrictModel):
    """How much may be rejected before a delivery is held; no row by default."""

    rejected_rows: Decimal = Field(
        Decimal(0),
        ge=0,
        le=1,
        description="The share of rows that may be rejected before the delivery is held; any rejected row by default.",
    )
    rejected_amount: Decimal | None = Field(
        None,
        ge=0,
        le=LIMIT,
        description="The sum of absolute amounts, in the home's currency, that may be rejected before the delivery is "
        "held; any by default.",
    )


class FreshnessConfig(StrictModel):
    """How long a feed may go without a new delivery."""

    warn_after_days: int | None = Field(
        None, gt=0, le=MAX_DAYS, description="Fewer days, after which a warning is reported; never by default."
    )
    fail_after_days: int = Field(
        gt=0, le=MAX_DAYS, description="Days without a new delivery after which the feed is overdue."
    )

    @model_validator(mode="after")
    def _check_warning_comes_first(self) -> FreshnessConfig:
        if self.warn_after_days is not None and self.warn_after_days >= self.fail_after_days:
            raise ValueError(
                f"warn_after_days: {self.warn_after_days} is not less than fail_after_days: {self.fail_after_days}; "
                "make it smaller, or remove it"
            )
        return self


class ExpectConfig(StrictModel):
    """When a delivery of a feed is due."""

    every: Literal["month"] = Field(description="How often a delivery is due.")
    by_working_day: int = Field(
        gt=0,
        le=MAX_WORKING_DAY,
        description="The working day of the month until which it must have come (UTC): Monday to Friday, without the "
        "holidays of `FINANCE_PLATFORM_CLOSE_HOLIDAYS`.",
    )
