"""The feed descriptor as people write it: one module per part of it, `feed` for the whole, `parser` for its YAML.

Belongs here: what a descriptor may say, what is wrong with one that does not, and how it becomes a `ResolvedFeed`.
Does not belong here: which descriptors a home has (see `feed_set`), reading raw files. AWS Glue has neither pydantic
nor YAML, so nothing that ships to it imports this package.
"""

from finance_platform.feeds.descriptor.columns import DebitCredit, FieldConfig
from finance_platform.feeds.descriptor.dialect import DialectConfig
from finance_platform.feeds.descriptor.feed import FEED_NAME, UNDECIDED, UNREAD_FILES, FeedDescriptor, is_path
from finance_platform.feeds.descriptor.limits import (
    DocumentNumbersConfig,
    ExpectConfig,
    FreshnessConfig,
    ToleranceConfig,
)
from finance_platform.feeds.descriptor.load import CoversConfig, LoadConfig, OrderConfig

__all__ = [
    "FEED_NAME",
    "UNDECIDED",
    "UNREAD_FILES",
    "CoversConfig",
    "DebitCredit",
    "DialectConfig",
    "DocumentNumbersConfig",
    "ExpectConfig",
    "FeedDescriptor",
    "FieldConfig",
    "FreshnessConfig",
    "LoadConfig",
    "OrderConfig",
    "ToleranceConfig",
    "is_path",
]
