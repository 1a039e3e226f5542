"""The keys `load` and `order`: what a delivery does to the earlier ones of its feed, and which one is earlier.

Belongs here: their keys and checks. Does not belong here: comparing deliveries (see `deliveries`).
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, field_validator, model_validator

from finance_platform.feeds.descriptor.strict_model import Regex, ShortText, StrictModel, TextList, raise_mistakes
from finance_platform.feeds.file_names import count_groups
from finance_platform.feeds.resolved import LoadMode


class CoversConfig(StrictModel):
    """How a file's name declares the periods that it covers."""

    from_name: Regex

    @field_validator("from_name")
    @classmethod
    def _check_groups(cls, value: str) -> str:
        if count_groups(value) not in {1, 2}:
            raise ValueError(f"{value!r} needs one group for the period, or two: the first and the last")
        return value


class LoadConfig(StrictModel):
    """What a delivery does to the ones before it."""

    mode: LoadMode = "append"
    key: TextList = Field([])
    scope: TextList = Field([])
    covers: CoversConfig | None = None

    @model_validator(mode="after")
    def _check_mode(self) -> LoadConfig:
        raise_mistakes(self._mistakes())
        return self

    def _mistakes(self) -> Iterator[str]:
        if (self.mode == "upsert") != bool(self.key):
            yield "key: [...] is needed with mode: upsert, and only then"
        if self.mode != "replace_period" and self.scope:
            yield "scope: [...] goes with mode: replace_period"
        if self.mode != "replace_period" and self.covers:
            yield "covers: goes with mode: replace_period"


class OrderConfig(StrictModel):
    """What orders a feed's deliveries: the file's name, or the greatest value of a column."""

    from_name: Regex | None = None
    from_column: ShortText | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _check_exactly_one(self) -> OrderConfig:
        if (self.from_name is None) == (self.from_column is None):
            raise ValueError("give from_name: a pattern, or from_column: a header")
        return self
