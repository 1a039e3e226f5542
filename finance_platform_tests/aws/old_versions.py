"""Which folders of the processed zone lose their old versions on S3, by the template's lifecycle rules.

Belongs here: what tests of the template and of whole runs share. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from finance_platform.storage.s3_options import EVIDENCE_FOLDERS
from finance_platform_tests.aws.shipped_template import shipped_template

EVIDENCE = EVIDENCE_FOLDERS
"""The folders whose versions stay for ever."""


@cache
def expiring_folders() -> frozenset[str]:
    """Return the folders whose old versions expire."""
    bucket = shipped_template().document["Resources"]["ProcessedBucket"]["Properties"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    return frozenset(rule["Prefix"].rstrip("/") for rule in rules if "NoncurrentVersionExpiration" in rule)


def without_rule(folders: Iterable[str]) -> set[str]:
    """Return the folders that are no evidence and whose old versions would stay for ever all the same."""
    return set(folders) - EVIDENCE - expiring_folders()
