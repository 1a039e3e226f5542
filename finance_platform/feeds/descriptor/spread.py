"""The key `spread`: an amount of a year over its periods.

Belongs here: its keys and checks. Does not belong here: spreading (see `feeds.spread`), the amounts of another year
(see `deliveries.spread_weights`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from finance_platform.feeds.descriptor.strict_model import StrictModel
from finance_platform.feeds.shape_rules import SpreadRule

_PERIODS = 12
_STEP = Decimal("0.0001")


def _to_weights(value: object) -> object:
    """`even` is short for twelve equal weights."""
    if isinstance(value, str) and value != "even":
        raise ValueError(
            f"{value!r} must be even, or {{weights: [...]}} with a weight for each period, or "
            "{like: Actual, year: -1}, the amounts of another scenario or year"
        )
    return {"weights": ["1"] * _PERIODS} if value == "even" else value


class HowConfig(StrictModel):
    """How much of the year each period has: by its weight, or like another scenario or year."""

    weights: list[Annotated[Decimal, Field(ge=0, le=10_000)]] | None = Field(
        None,
        min_length=_PERIODS,
        max_length=_PERIODS,
        description="The weight of each period, the first of the fiscal year first; with at most four decimals. A "
        "period of weight 0 has no line.",
    )
    like: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="The scenario whose amounts of the same department and account are the weights, such as `Actual`. "
        "If it has none there, or amounts of both signs, those of the account in all departments are the weights, "
        "which is a warning; if these are none either, the line is rejected (`missing_weights`). Lines that were "
        "spread like others are never weights. When what counts in that year changes, the file is read again.",
    )
    year: Annotated[int, Field(ge=-10, le=10)] | None = Field(
        None,
        description="The fiscal year of these amounts, counted from that of the line: `-1` is the year before, `0` the "
        "same one. Needed with `like`.",
    )

    @field_validator("weights")
    @classmethod
    def _check_weights(cls, value: list[Decimal] | None) -> list[Decimal] | None:
        if value is None:
            return value
        if not any(value):
            raise ValueError("all are 0; give a period a weight")
        if any(weight % _STEP for weight in value):
            raise ValueError("a weight has more than four decimals")
        return value

    @model_validator(mode="after")
    def _check_choice(self) -> HowConfig:
        if (self.weights is None) == (self.like is None):
            raise ValueError("give weights, or like and year; one of the two")
        if (self.like is None) != (self.year is None):
            raise ValueError("like and year belong together: {like: Actual, year: -1}")
        return self


class SpreadConfig(StrictModel):
    """An amount of a year over its periods."""

    over: Literal["fiscal_year"] = Field(
        description="The periods: those of the fiscal year that the line's date is in. Its first month is a setting of "
        "the home."
    )
    how: Annotated[HowConfig, BeforeValidator(_to_weights, json_schema_input_type=Literal["even"] | HowConfig)] = Field(
        description="`even`, `{weights: [...]}`, or `{like: Actual, year: -1}`, in proportion to the amounts of a "
        "scenario in another year. Each share is cut to the cent; the last period that has a weight has the odd cents, "
        "so that the lines add up to the amount of the year."
    )

    def resolve(self, first_month: int) -> SpreadRule:
        """Return the rule in the form that travels to Glue."""
        weights = tuple(int(weight / _STEP) for weight in self.how.weights or ())
        return SpreadRule(weights, first_month, self.how.like, self.how.year or 0)
