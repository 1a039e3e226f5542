"""The keys about tolerance, dates and completeness, and the value of `hold_if_removes`: beyond them, people decide.

Belongs here: their keys and checks; none of them changes how a file is read.
Does not belong here: holding a delivery (see `deliveries.verdicts.acceptance`), the freshness check (see
`orchestration`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from finance_platform.feeds.descriptor.strict_model import StrictModel, TextList, reject_duplicates
from finance_platform.feeds.limits import MAX_DAYS, MAX_FIRST_NUMBER, MAX_WORKING_DAY
from finance_platform.feeds.values.amounts import LIMIT


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
        "holidays of `FINANCE_PLATFORM_CLOSE_HOLIDAYS`. The lines of a month are due in the month after it.",
    )
    departments: TextList = Field(
        [],
        description="Codes of departments, each of which must have lines in a month before it is closed; by default, "
        "the feed as a whole must have some.",
    )

    @field_validator("departments")
    @classmethod
    def _check_departments(cls, value: list[str]) -> list[str]:
        if any(not code.strip() for code in value):
            raise ValueError("a department has no code; remove it")
        reject_duplicates(value)
        return value


class DocumentNumbersConfig(StrictModel):
    """How the document numbers of a feed run, so that a missing one is noticed."""

    restart: Literal["never", "fiscal_year", "month"] = Field(
        description="When the numbers begin anew, by the date of the document. What is before the last digits, such as "
        "`INV-` in `INV-0042`, makes a series of its own in any case; of `0042/2025`, the number is before the year.",
    )
    first: int | None = Field(
        None,
        ge=0,
        le=MAX_FIRST_NUMBER,
        description="The number with which each series begins; by default the lowest that was delivered.",
    )
