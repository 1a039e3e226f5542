"""Drafts in tests: of a file, with a person's answers, and what a check by them finds.

Belongs here: making a draft, and checking a file by it. Does not belong here: files, expectations.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import yaml

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.draft import draft_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings, write


def draft(text: str | bytes, name: str = "ledger.csv", first_month: int = 1) -> str:
    """Return the draft for a file."""
    data = text if isinstance(text, bytes) else text.encode()
    return draft_descriptor(lambda: io.BytesIO(data), name, "USD", first_month)


def drafted(text: str | bytes, name: str = "ledger.csv", **decided: str) -> FeedDescriptor:
    """Return the draft as a descriptor, after a person has decided what the keys of `decided` name."""
    written = draft(text, name)
    for key, value in decided.items():
        assert f"{key}: DECIDE" in written
        written = written.replace(f"{key}: DECIDE", f"{key}: {value}")
    return parse_descriptor(written, "draft.yaml")


def checked(folder: Path, text: str | bytes, name: str = "ledger.csv", **decided: str) -> FileCheck:
    """Check a file by its draft, of which a person has decided what `decided` names."""
    write(folder / name, text)
    feed = drafted(text, name, **decided)
    assert feed.matches(name)
    return check_file(LocalStore(folder), name, feed, settings())


def mistakes_of(text: str) -> list[str]:
    """Return what the parser says of a descriptor."""
    try:
        parse_descriptor(text, "draft.yaml")
    except DescriptorError as error:
        return error.found.split("; ")
    return []


def columns_of(text: str, name: str = "export.csv") -> dict[str, Any]:
    """Return the columns of a file's draft."""
    columns: dict[str, Any] = yaml.safe_load(draft(text, name))["columns"]
    return columns
