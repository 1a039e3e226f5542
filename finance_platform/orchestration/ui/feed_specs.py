"""Feed specs: the pages of `raw/<feed>` and `deliveries/<feed>` before any run.

Belongs here: asset specs made from descriptors. Does not belong here: tables (see `table_specs`), what a run adds (see
the steps).
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from finance_platform.count_text import pluralize
from finance_platform.feeds.descriptor import UNREAD_FILES, FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet, Problem
from finance_platform.feeds.file_names import file_ending
from finance_platform.orchestration.ui.asset_labels import OWNERS, asset_tags, feed_owners, service_kinds
from finance_platform.orchestration.ui.code_references import code_references
from finance_platform.orchestration.ui.feed_descriptions import describe_feed, header_schema
from finance_platform.orchestration.ui.formatting import limit_lines
from finance_platform.safe_text import markdown, printable, quote_name
from finance_platform.settings import Settings

_KIND_OF_SUFFIX = {"csv": "csv", "tsv": "text", "txt": "text", "xlsx": "excel", "xlsm": "excel"}

DELIVERIES = "deliveries"
"""The first part of the keys of the feeds' timelines."""


def raw_spec(feed: FeedDescriptor, settings: Settings) -> dg.AssetSpec:
    """Return the page of a feed's files."""
    suffix = file_ending(feed.paths[0]).lstrip(".")
    summary = markdown(feed.summary) or "The files of the feed in the raw zone, as delivered."
    return dg.AssetSpec(
        ["raw", feed.feed],
        # The list of all assets shows the beginning as it is written, so the list in Markdown is not next to it.
        description=(
            f"{summary}\n\nHow its files are read, and when one of them is held for a person:\n\n{describe_feed(feed)}"
        ),
        group_name="raw",
        kinds={_KIND_OF_SUFFIX.get(suffix, "file"), "python", *service_kinds(settings, "raw")},
        owners=feed_owners(feed),
        tags={**asset_tags("raw", "file"), "finance_platform/feed": feed.feed},
        metadata={
            "dagster/column_schema": header_schema(feed),
            "dagster/uri": printable(f"{settings.raw_root}/{feed.paths[0]}"),
            "path": printable(feed.path_text),
            "kind": feed.kind,
            "load_mode": feed.load.mode,
            **code_references("refresh/steps/register.py:register", "deliveries/discovery.py:scan_raw_zone"),
        },
    )


def unread_spec(settings: Settings, feed_set: FeedSet) -> dg.AssetSpec:
    """Return the page of the files that no feed reads, and of the descriptors that are not valid.

    It names the descriptors that were not valid when the definitions were loaded: no run has checked them before that.
    """
    return dg.AssetSpec(
        ["raw", UNREAD_FILES],
        description=(
            f"{_describe_invalid(feed_set)}Files that no feed reads, and invalid descriptors.\n\n"
            "The files are those of the raw zone. No feed reads one that matches no feed's path, whose descriptor is "
            "not valid, or that two descriptors match.\n\n"
            "Normally it is empty. To have a file read, add a descriptor for it to "
            f"`{settings.feeds_path}`."
        ),
        group_name="raw",
        kinds={"file", "python", *service_kinds(settings, "raw")},
        owners=OWNERS,
        tags=asset_tags("raw", "file"),
        metadata={
            "dagster/uri": str(settings.raw_root),
            **code_references(
                "refresh/steps/register.py:register",
                "deliveries/discovery.py:scan_raw_zone",
                "feeds/feed_set.py:load_feed_set",
            ),
        },
    )


def delivery_key(feed: str) -> dg.AssetKey:
    """Return the key of a feed's timeline."""
    return dg.AssetKey([DELIVERIES, feed])


def broken_feed_specs(feed_set: FeedSet) -> list[dg.AssetSpec]:
    """Return the timelines of feeds whose descriptors are not valid: what their files were so far stays on the page.

    There is no `raw/<feed>`: what is in that group has a step, and no selection of it may fail because of one feed.
    """
    valid = {feed.feed for feed in feed_set.feeds}
    files = {broken.feed: broken.file for broken in feed_set.broken if broken.feed not in {"", UNREAD_FILES, *valid}}
    problems = {problem.where: problem for problem in feed_set.problems}
    return [
        dg.AssetSpec(
            delivery_key(feed),
            description=(
                f"Not read: {_describe_problem(problems[file])}\n\n"
                "Files of this feed wait until its descriptor is valid; what was read before still counts. After the "
                "correction, *Reload definitions* brings the feed back."
            ),
            group_name=DELIVERIES,
            kinds={"python"},
            owners=OWNERS,
            tags={**asset_tags(DELIVERIES, "delivery"), "finance_platform/feed": feed},
        )
        for feed, file in sorted(files.items())
    ]


def describe_problem(problem: Problem) -> str:
    """Return a descriptor that is not valid: its file, the line and what is wrong there, the fix."""
    return f"{quote_name(problem.where)}: {problem.message}. Fix: {problem.fix}"


def _describe_problem(problem: Problem) -> str:
    return markdown(describe_problem(problem))


def _describe_invalid(feed_set: FeedSet) -> str:
    if not feed_set.problems:
        return ""
    lines = limit_lines([f"- {_describe_problem(one)}" for one in feed_set.problems], "were not valid")
    count = pluralize(len(feed_set.problems), "descriptor was", "descriptors were")
    return "\n".join([f"{count} not valid when the definitions were loaded:\n", *lines]) + "\n\n"


def delivery_spec(feed: FeedDescriptor) -> dg.AssetSpec:
    """Return the page of a feed's timeline.

    The freshness policy is here because Dagster measures it from the last materialization: every run materializes
    `raw/<feed>`, whether a file came or not. A file that is only read again is an observation, which does not count.
    It depends on nothing: Dagster refuses to materialize a selection, such as everything downstream of `raw/<feed>`,
    that contains an asset without a step (085).
    """
    policy = None
    if feed.freshness:
        warn_days = feed.freshness.warn_after_days
        policy = dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=feed.freshness.fail_after_days),
            warn_window=timedelta(days=warn_days) if warn_days else None,
        )
    return dg.AssetSpec(
        delivery_key(feed.feed),
        description=(
            "Each file of the feed that came, with its verdict."  # the list of all assets cuts what is longer
            "\n\nIt is one event: when it came, its rows and money, and the verdict after reading."
            "\n\nThere is nothing to run here: the step `standardise` records these events. A "
            "file that comes again with other bytes is a new delivery. A file that is only read again, after a change "
            "to its descriptor or to the reader, is an observation and does not count for the feed's freshness."
        ),
        group_name="deliveries",
        kinds={"python"},
        owners=feed_owners(feed),
        tags={**asset_tags("deliveries", "delivery"), "finance_platform/feed": feed.feed},
        metadata=code_references("orchestration/assets/delivery_events.py", "deliveries/verdicts/acceptance.py"),
        freshness_policy=policy,
    )
