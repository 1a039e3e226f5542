"""The adapter for an address: a folder on disk, or `s3://bucket/prefix`.

Belongs here: the choice of the adapter. Does not belong here: anything particular to one adapter.
"""

from __future__ import annotations

from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import NO_OPTIONS, S3_SCHEME, S3Options


def is_remote(root: str) -> bool:
    """Return whether reads from an address go over a network."""
    return root.startswith(S3_SCHEME)


def open_store(root: str, options: S3Options = NO_OPTIONS, *, is_raw: bool = False) -> ObjectStore:
    """Return the store at an address; no connection is made before it is used.

    Args:
        root: a folder, or `s3://bucket/prefix`.
        options: for S3 only.
        is_raw: whether people put the files into it; see `LocalStore`.
    """
    if not is_remote(root):
        return LocalStore(root, is_raw=is_raw)
    from finance_platform.storage.s3 import S3Store, s3_client  # boto3 takes most of a second to import

    return S3Store(root, s3_client(options), options)
