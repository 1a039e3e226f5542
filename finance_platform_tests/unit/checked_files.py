"""Files that `feed check` reads in tests: a text, a descriptor, and what the check found.

Belongs here: writing and checking one file, and its sum. Does not belong here: descriptors, expectations.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings


def check_text(folder: Path, text: str, descriptor: str, **values: Any) -> FileCheck:
    """Write a text as `x.csv`, and check it under a descriptor; `values` are settings."""
    (folder / "x.csv").write_text(text, encoding="utf-8")
    return check_written(folder, descriptor, **values)


def check_written(folder: Path, descriptor: str, **values: Any) -> FileCheck:
    """Check the file `x.csv` of a folder under a descriptor; `values` are settings."""
    return check_file(LocalStore(folder), "x.csv", parse_descriptor(descriptor, "x.yaml"), settings(**values))


def net(check: FileCheck) -> Decimal:
    """Return the sum of the accepted lines."""
    return sum((count.amount for count in check.sums.values() if count.amount is not None), Decimal(0))
