"""The options of S3: how the storage, the jobs and the notifications reach it.

Belongs here: options that modules need before boto3 is imported, which takes most of a second.
Does not belong here: the client (see `s3`).
"""

from __future__ import annotations

from dataclasses import dataclass

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
