"""Files that `feed check` reads in tests: a file, a descriptor, and what the check found.

Belongs here: writing and checking one file, and its sum. Does not belong here: descriptors, expectations.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings, write


def check_text(
    folder: Path, text: str | bytes, descriptor: str | Mapping[str, Any], name: str = "x.csv", **values: Any
) -> FileCheck:
    """Write a file, and check it under a descriptor; `values` are settings."""
    write(folder / name, text)
    return check_written(folder, descriptor, name, **values)


def check_written(folder: Path, descriptor: str | Mapping[str, Any], name: str = "x.csv", **values: Any) -> FileCheck:
    """Check a file of a folder under a descriptor, a text or what it contains; `values` are settings."""
    text = descriptor if isinstance(descriptor, str) else yaml.safe_dump(descriptor)
    return check_file(LocalStore(folder), name, parse_descriptor(text, "x.yaml"), settings(**values))


def net(check: FileCheck) -> Decimal:
    """Return the sum of the accepted lines."""
    return sum((count.amount for count in check.sums.values() if count.amount is not None), Decimal(0))
