"""The key `lookup`: fields that lines take from the rows of another feed.

Belongs here: its keys and checks. Does not belong here: the rows (see `feeds.lines.lookups`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import Field

from finance_platform.contracts.processed import LOOKUP_FIELDS
from finance_platform.feeds.descriptor.columns import FieldConfig
from finance_platform.feeds.descriptor.strict_model import ShortText, StrictModel
from finance_platform.feeds.limits import MAX_ALTERNATIVES
from finance_platform.feeds.resolved import Kind
from finance_platform.feeds.shape_rules import LookupRule


class LookupConfig(StrictModel):
    """Fields from the rows of another feed."""

    feed: str = Field(min_length=1, max_length=63, description="The name of a feed of kind `lookup`.")
    on: ShortText = Field(
        min_length=1,
        description="The header of the column that has the row's key there. A line whose key is missing is rejected, "
        "and read again when the key arrives.",
    )
    take: list[ShortText] = Field(
        min_length=1,
        max_length=MAX_ALTERNATIVES,
        description="The fields that lines take from there, such as `[date]`; they are neither in `columns` nor in "
        "`constants` here.",
    )

    def resolve(self) -> LookupRule:
        """Return the rule in the form that travels to Glue."""
        return LookupRule(self.feed, self.on, tuple(self.take))


def lookup_mistakes(
    lookup: LookupConfig | None, kind: Kind, columns: Mapping[str, FieldConfig], constants: Collection[str]
) -> Iterator[str]:
    """Yield the mistakes of `lookup` beside the other keys."""
    if lookup is None:
        return
    if kind != "ledger":
        yield f"lookup: a feed of kind {kind} has no lines; remove it"
        return
    for name in lookup.take:
        if name not in LOOKUP_FIELDS:
            yield f"lookup.take: {name!r} must be one of {', '.join(LOOKUP_FIELDS)}"
        for part, names in (("columns", columns), ("constants", constants)):
            if name in names:
                yield f"{part}.{name}: lookup: gives it too; keep one"
