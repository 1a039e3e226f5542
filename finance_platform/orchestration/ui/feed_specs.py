"""Feed specs: the pages of `raw/<feed>` and `deliveries/<feed>` before any run.

Belongs here: asset specs made from descriptors. Does not belong here: tables (see `table_specs`), what a run adds (see
the steps).
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from finance_platform.feeds.descriptor import UNREAD_FILES, FeedDescriptor
from finance_platform.feeds.file_names import file_ending
from finance_platform.orchestration.ui.asset_labels import OWNERS, asset_tags, feed_owners, service_kinds
from finance_platform.orchestration.ui.code_references import code_references
from finance_platform.orchestration.ui.feed_descriptions import describe_feed, header_schema
from finance_platform.safe_text import markdown, printable
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


def unread_spec(settings: Settings) -> dg.AssetSpec:
    """Return the page of the files that no feed reads, and of the descriptors that are not valid."""
    return dg.AssetSpec(
        ["raw", UNREAD_FILES],
        description=(
            "Files that no feed reads, and invalid descriptors.\n\n"
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
