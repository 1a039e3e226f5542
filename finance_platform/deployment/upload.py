"""What goes into the scripts bucket: the artefacts of a release, and the template.

Belongs here: what is there already, uploading the rest. Does not belong here: building artefacts (see `artefacts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finance_platform.deployment.artefacts import Release
from finance_platform.deployment.aws import Account, explained
from finance_platform.deployment.template import Template
from finance_platform.errors import DeploymentError


@dataclass(frozen=True)
class Upload:
    """One object that the scripts bucket is to have.

    Attributes:
        key: where; keys hold a hash of the content, so an object that is there is the right one.
        content: the bytes.
        is_there: whether it need not be uploaded.
    """

    key: str
    content: bytes
    is_there: bool = False


def wanted_uploads(release: Release, template: Template) -> list[Upload]:
    """Return what a deployment needs in the scripts bucket."""
    files = [Upload(file.key, Path(file.path).read_bytes()) for file in release.files]
    return [*files, Upload(template.key, template.text.encode())]


def look_up(account: Account, bucket: str, uploads: Sequence[Upload]) -> list[Upload]:
    """Return the same uploads, knowing which are there."""
    client = account.client("s3")
    found = []
    for upload in uploads:
        with explained(f"looking for s3://{bucket}/{upload.key}"):
            listed = client.list_objects_v2(Bucket=bucket, Prefix=upload.key, MaxKeys=1).get("Contents", [])
        is_there = any(one["Key"] == upload.key and one["Size"] == len(upload.content) for one in listed)
        found.append(Upload(upload.key, upload.content, is_there))
    return found


def put(account: Account, bucket: str, uploads: Sequence[Upload]) -> int:
    """Upload what is not there yet and return how many objects that were.

    Raises:
        DeploymentError: the bucket did not take one.
    """
    client = account.client("s3")
    missing = [upload for upload in uploads if not upload.is_there]
    for upload in missing:
        with explained(f"uploading s3://{bucket}/{upload.key}"):
            client.put_object(Bucket=bucket, Key=upload.key, Body=upload.content)
    still = [upload.key for upload in look_up(account, bucket, missing) if not upload.is_there]
    if still:
        raise DeploymentError(f"s3://{bucket} does not show {', '.join(still)}", fix="deploy again")
    return len(missing)
