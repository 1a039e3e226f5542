"""The key `spread`: an amount of a year, a half or a quarter over its periods.

Belongs here: its keys and checks. Does not belong here: spreading (see `feeds.lines.spread`), the amounts of another
year (see `deliveries.spread_weights`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from finance_platform.feeds.descriptor.strict_model import StrictModel
from finance_platform.feeds.shape_rules import SpreadRule

_PERIODS = {"fiscal_year": 12, "fiscal_half_year": 6, "fiscal_quarter": 3, "half_year": 6, "quarter": 3}
"""By what an amount is spread over."""

_STEP = Decimal("0.0001")


def _to_weights(value: object) -> object:
    """`even` is short for equal weights, as many as there are periods."""
    if isinstance(value, str) and value != "even":
        raise ValueError(
            f"{value!r} must be even, or {{weights: [...]}} with a weight for each period, or "
            "{like: Actual, year: -1}, the amounts of another scenario or year"
        )
    return HowConfig.model_construct(weights=[], like=None, year=None) if value == "even" else value


class HowConfig(StrictModel):
    """How much of the year each period has: by its weight, or like another scenario or year."""

    weights: list[Annotated[Decimal, Field(ge=0, le=10_000)]] | None = Field(
        None,
        description="The weight of each period, twelve of a year, six of a half or three of a quarter, the first one "
        "first; with at most four decimals. A period of weight 0 has no line.",
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
    """An amount of a year, a half or a quarter over its periods."""

    over: Literal["fiscal_year", "fiscal_half_year", "fiscal_quarter", "half_year", "quarter"] = Field(
        description="The periods: those of the fiscal year, the half or the quarter that the line's date is in. The "
        "first month of the fiscal year is a setting of the home. `half_year` and `quarter` are those of the calendar, "
        "or of the fiscal year if a field of dates has `calendar: fiscal`."
    )
    how: Annotated[HowConfig, BeforeValidator(_to_weights, json_schema_input_type=Literal["even"] | HowConfig)] = Field(
        description="`even`, `{weights: [...]}`, or `{like: Actual, year: -1}`, in proportion to the amounts of a "
        "scenario in another year. Each share is cut to the cent; the last period that has a weight has the odd cents, "
        "so that the lines add up to the amount of the year. `like` is for years alone."
    )

    @model_validator(mode="after")
    def _check_periods(self) -> SpreadConfig:
        periods, given = _PERIODS[self.over], len(self.how.weights or ())
        if given and given != periods:
            raise ValueError(f"how.weights has {given}; over: {self.over} needs {periods}, one for each period")
        if self.how.like is not None and self.over != "fiscal_year":
            raise ValueError(f"how.like spreads years alone; with over: {self.over}, write even or weights")
        return self

    def resolve(self, first_month: int, *, is_fiscal: bool) -> SpreadRule:
        """Return the rule in the form that travels to Glue.

        Args:
            first_month: of the home's fiscal year.
            is_fiscal: whether dates are read by it, so that halves and quarters are those of the fiscal year.
        """
        begin = first_month if is_fiscal or self.over.startswith("fiscal") else 1
        even = [Decimal(1)] * _PERIODS[self.over] if self.how.like is None else []
        weights = tuple(int(weight / _STEP) for weight in self.how.weights or even)
        return SpreadRule(weights, begin, self.how.like, self.how.year or 0)
