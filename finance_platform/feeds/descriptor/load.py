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

    from_name: Regex = Field(
        description="A regular expression (RE2) matched against the name of the file inside `raw/`, such as "
        '`"_([0-9]{4}-[0-9]{2})"`, with one group (`2024-03`, `202403` or a year) or two (first, last). '
        "A year is a fiscal one if the `calendar` of a field is."
    )

    @field_validator("from_name")
    @classmethod
    def _check_groups(cls, value: str) -> str:
        if count_groups(value) not in {1, 2}:
            raise ValueError(f"{value!r} needs one group for the period, or two: the first and the last")
        return value


class LoadConfig(StrictModel):
    """What a delivery does to the ones before it."""

    mode: LoadMode = Field(
        "append",
        description="`append`: the lines of a second file are added. `upsert`: a line supersedes the earlier files' "
        "line of the same `key`, in any period. `replace_period`: a file replaces every scenario and period in which "
        "it has lines.",
    )
    key: TextList = Field(
        [],
        description="The fields that name a line, under `upsert`: any of transaction_id, date, department, account, "
        "scenario, period, description. In a file, the same row again is a duplicate; rows of one key that differ are "
        "all rejected.",
    )
    scope: TextList = Field(
        [],
        description="Under `replace_period`: any of department, account, business_unit; a file replaces only the "
        "values that it contains.",
    )
    covers: CoversConfig | None = Field(
        None,
        description="Under `replace_period`: the periods that the file's name declares, including those without lines. "
        "Lines outside are rejected.",
    )

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

    from_name: Regex | None = Field(
        None,
        description="A regular expression (RE2) matched against the name of the file inside `raw/`, such as "
        '`"_v([0-9]+)"`: its group, or the whole match, orders the files. Digits are compared as numbers.',
    )
    from_column: ShortText | None = Field(
        None,
        min_length=1,
        description="The header of a column whose greatest value orders the files. Digits are compared as numbers.",
    )

    @model_validator(mode="after")
    def _check_exactly_one(self) -> OrderConfig:
        if (self.from_name is None) == (self.from_column is None):
            raise ValueError("give from_name: a pattern, or from_column: a header")
        return self
