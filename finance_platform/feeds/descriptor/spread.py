"""The key `spread`: an amount of a year over its periods.

Belongs here: its keys and checks. Does not belong here: spreading (see `feeds.spread`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from finance_platform.feeds.descriptor.strict_model import StrictModel
from finance_platform.feeds.shape_rules import SpreadRule

_PERIODS = 12
_STEP = Decimal("0.0001")


def _to_weights(value: object) -> object:
    """`even` is short for twelve equal weights."""
    if isinstance(value, str) and value != "even":
        raise ValueError(f"{value!r} must be even, or {{weights: [...]}} with a weight for each period")
    return {"weights": ["1"] * _PERIODS} if value == "even" else value


class WeightsConfig(StrictModel):
    """How much of the year each period has."""

    weights: list[Annotated[Decimal, Field(ge=0, le=10_000)]] = Field(
        min_length=_PERIODS,
        max_length=_PERIODS,
        description="The weight of each period, the first of the fiscal year first; with at most four decimals. A "
        "period of weight 0 has no line.",
    )

    @field_validator("weights")
    @classmethod
    def _check_weights(cls, value: list[Decimal]) -> list[Decimal]:
        if not any(value):
            raise ValueError("all are 0; give a period a weight")
        if any(weight % _STEP for weight in value):
            raise ValueError("a weight has more than four decimals")
        return value


_How = Annotated[WeightsConfig, BeforeValidator(_to_weights, json_schema_input_type=Literal["even"] | WeightsConfig)]


class SpreadConfig(StrictModel):
    """An amount of a year over its periods."""

    over: Literal["fiscal_year"] = Field(
        description="The periods: those of the fiscal year that the line's date is in. Its first month is a setting of "
        "the home."
    )
    how: Annotated[
        WeightsConfig, BeforeValidator(_to_weights, json_schema_input_type=Literal["even"] | WeightsConfig)
    ] = Field(
        description="`even`, or `{weights: [...]}`. Each share is cut to the cent; the last period that has a weight "
        "has the odd cents, so that the lines add up to the amount of the year."
    )

    def resolve(self, first_month: int) -> SpreadRule:
        """Return the rule in the form that travels to Glue."""
        return SpreadRule(tuple(int(weight / _STEP) for weight in self.how.weights), first_month)
