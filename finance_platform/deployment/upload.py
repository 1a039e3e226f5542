"""Uploads to the scripts bucket: the artefacts of a release, and the template.

Belongs here: which objects exist already, uploading the others. Does not belong here: building artefacts (see
`artefacts`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

from finance_platform.deployment.aws import Account, translate_aws_errors


@dataclass(frozen=True)
class Upload:
    """One object of the scripts bucket.

    Attributes:
        key: the object's key; it contains a hash of the content, so an existing object has the right content.
        content: the bytes.
        exists: whether the bucket has the object.
    """

    key: str
    content: bytes
    exists: bool = False


def find_existing(account: Account, bucket: str, uploads: Iterable[Upload]) -> list[Upload]:
    """Return the uploads with `exists` as the bucket has them."""
    client = account.client("s3")

    def exists(upload: Upload) -> bool:
        with translate_aws_errors(f"looking for s3://{bucket}/{upload.key}"):
            listing = client.list_objects_v2(Bucket=bucket, Prefix=upload.key, MaxKeys=1).get("Contents", [])
        return any((item["Key"], item["Size"]) == (upload.key, len(upload.content)) for item in listing)

    return [replace(upload, exists=exists(upload)) for upload in uploads]


def upload_missing(account: Account, bucket: str, uploads: Iterable[Upload]) -> None:
    """Upload the objects that do not exist yet.

    Raises:
        DeploymentError: S3 rejected one.
    """
    client = account.client("s3")
    for upload in uploads:
        if not upload.exists:
            with translate_aws_errors(f"uploading s3://{bucket}/{upload.key}"):
                client.upload_fileobj(io.BytesIO(upload.content), bucket, upload.key)
