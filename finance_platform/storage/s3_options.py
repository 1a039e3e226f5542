"""The options of S3, shared by the storage, the jobs and the notifications.

Belongs here: options that modules need before boto3 is imported, which takes most of a second.
Does not belong here: the client (see `s3`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

S3_SCHEME = "s3://"

EVIDENCE_FOLDERS = frozenset(
    {"access_rights", "loads", "register", "retired_account_counts", "retired_deliveries", "signatures"}
)
"""The folders of the processed zone whose objects are evidence: S3 keeps their versions, and may lock them."""


@dataclass(frozen=True)
class S3Options:
    """Options of an S3 client; for empty ones, boto3's own defaults apply.

    Attributes:
        region: the region.
        endpoint_url: an endpoint other than that of AWS.
        kms_key_id: the key that encrypts written objects; empty for the bucket's default.
        request_payer: whether the reader pays for requests.
        lock_days: days for which S3 refuses to delete a written version of evidence; 0 for no lock.
        lock_mode: whether some roles may lift that lock (GOVERNANCE) or none (COMPLIANCE).
    """

    region: str = ""
    endpoint_url: str = ""
    kms_key_id: str = ""
    request_payer: bool = False
    lock_days: int = 0
    lock_mode: str = "GOVERNANCE"


NO_OPTIONS = S3Options()


def object_store_variables(options: S3Options) -> dict[str, str]:
    """Return the options as variables of Rust's `object_store`, which Sail and Delta's library use.

    It does not read all of boto3's own names.
    """
    endpoint = options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    variables = {"AWS_REGION": options.region or os.environ.get("AWS_DEFAULT_REGION", "")}
    if options.kms_key_id:
        variables |= {"AWS_SERVER_SIDE_ENCRYPTION": "aws:kms", "AWS_SSE_KMS_KEY_ID": options.kms_key_id}
    if endpoint:
        # Endpoints other than AWS's own address buckets by path, not by host name.
        variables |= {"AWS_ENDPOINT": endpoint, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false"}
        variables |= {"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {}
    return {name: value for name, value in variables.items() if value}
