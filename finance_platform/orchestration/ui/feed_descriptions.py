"""How a feed's files are read and what they do, in words for the page of `raw/<feed>`.

Belongs here: a descriptor as prose. Does not belong here: its headers (see `raw_columns`), reading files (see `glue`).
"""

from __future__ import annotations

from finance_platform.feeds.descriptor import FeedDescriptor

_READS = {
    "append": "**append**: a delivery's lines come on top of all the others.",
    "upsert": "**upsert**: of the lines with one key the latest delivery's counts, in whatever period it was before.",
    "replace_period": "**replace_period**: the latest delivery that reaches a scenario and period replaces the whole.",
}


def how_read(feed: FeedDescriptor) -> str:
    """Return how a feed's files are read and what they do, as a list in Markdown."""
    tolerance = feed.tolerance
    amount = "" if tolerance.rejected_amount is None else f", {tolerance.rejected_amount:,} in money"
    said = [
        f"**Files**: `{feed.path}` in the raw zone, each read as {feed.kind}: {_dialect(feed)}.",
        f"**Load mode**: {_READS[feed.load.mode]}" + (f" Key: {', '.join(feed.load.key)}." if feed.load.key else ""),
        f"**Order**: {_order(feed)}; a later delivery of the same file replaces the earlier one.",
        f"**Tolerance**: {tolerance.rejected_rows * 100:f} % of the rows may be rejected{amount}; else it is held.",
        f"**Held until somebody accepts it**: {_holds(feed)}.",
    ]
    said += [f"**The same in every row**: {name} is `{value}`." for name, value in feed.constants.items()]
    if feed.load.scope:
        said.append(f"**Scope**: it replaces a period only within the same {', '.join(feed.load.scope)}.")
    if feed.load.covers:
        said.append(f"**Covers** the periods that the file's name declares (`{feed.load.covers.from_name}`).")
    if feed.freshness:
        said.append(f"**Overdue** after {feed.freshness.fail_after_days} days without a delivery.")
    return "\n".join(f"- {sentence}" for sentence in said)


def _dialect(feed: FeedDescriptor) -> str:
    dialect = feed.dialect
    header = f"header in row {dialect.header_row}" if dialect.header_row else "no header, columns named here"
    sign = "debit positive" if feed.sign == "debit_positive" else "natural sign"
    money = f", {sign}" if feed.kind == "ledger" else ""
    return f"`{dialect.delimiter}` between cells, {dialect.encoding}, {header}{money}"


def _order(feed: FeedDescriptor) -> str:
    if feed.order is None:
        return "as they were first seen"
    if feed.order.from_column:
        return f"the greatest value of the column `{feed.order.from_column}`"
    return f"what the file's name says (`{feed.order.from_name}`)"


def _holds(feed: FeedDescriptor) -> str:
    removes = feed.hold_if_removes
    share = "" if removes == "never" else f", one that removes over {removes * 100:f} % of a published period"
    late = ", one that comes late" if feed.hold_if_late else ""
    return f"a delivery beyond its tolerance{share}, the same content under another name{late}"
