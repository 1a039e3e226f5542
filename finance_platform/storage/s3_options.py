"""The options of S3, shared by the storage, the jobs and the notifications.

Belongs here: options that modules need before boto3 is imported, which takes most of a second.
Does not belong here: the client (see `s3`).
"""

from __future__ import annotations

from dataclasses import dataclass

S3_SCHEME = "s3://"


@dataclass(frozen=True)
class S3Options:
    """Options of an S3 client; for empty ones, boto3's own defaults apply.

    Attributes:
        region: the region.
        endpoint_url: an endpoint other than that of AWS.
        kms_key_id: the key that encrypts written objects; empty for the bucket's default.
        request_payer: whether the reader pays for requests.
    """

    region: str = ""
    endpoint_url: str = ""
    kms_key_id: str = ""
    request_payer: bool = False


NO_OPTIONS = S3Options()
