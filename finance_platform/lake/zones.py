"""Which adapter stands behind an address: a folder on disk, or `s3://bucket/prefix`.

Belongs here: the choice, and the options that come with an address of S3. Does not belong here: any storage's words.
"""

from __future__ import annotations

from dataclasses import dataclass

from finance_platform.lake.local import LocalLake
from finance_platform.lake.port import Lake

S3_SCHEME = "s3://"


@dataclass(frozen=True)
class S3Options:
    """How S3 is spoken to; what is empty is as boto3 finds it.

    Attributes:
        region: the region.
        endpoint_url: another address for S3.
        kms_key_id: the key that written objects are encrypted with; empty for the bucket's own.
        request_payer: whether whoever reads pays.
    """

    region: str = ""
    endpoint_url: str = ""
    kms_key_id: str = ""
    request_payer: bool = False


NO_OPTIONS = S3Options()


def is_far(root: str) -> bool:
    """Return whether what is read from there comes over a network."""
    return root.startswith(S3_SCHEME)


def open_zone(root: str, options: S3Options = NO_OPTIONS) -> Lake:
    """Return the zone at an address; nothing is opened before it is asked.

    Args:
        root: a folder, or `s3://bucket/prefix`.
        options: for S3 alone.
    """
    if not is_far(root):
        return LocalLake(root)
    from finance_platform.lake.s3 import S3Lake, s3_client  # boto3 takes most of a second to import

    return S3Lake(root, s3_client(options), options)
