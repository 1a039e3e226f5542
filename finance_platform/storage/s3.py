"""The lake on S3: a zone is a bucket, or what lies under a prefix in one.

Belongs here: what is particular to S3. Does not belong here: what the objects mean, how failures are told (see
`s3_errors`), how an object is read (see `s3_reading`).
"""

from __future__ import annotations

import hashlib
import io
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import uuid4

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.utils import parse_timestamp

from finance_platform.storage import lease
from finance_platform.storage.port import HIDDEN, LocalCopy, StoredObject
from finance_platform.storage.s3_errors import (
    Attempt,
    code_of,
    error_of_answer,
    explained_by_s3,
    explained_opening,
    status_of,
)
from finance_platform.storage.s3_options import S3_SCHEME, S3Options
from finance_platform.storage.s3_reader import FIRST_BYTES, WHOLE, ObjectStream

ATTEMPTS = 6
"""How often a request is sent at most; with full jitter and 1, 2, 4 ... s between, that is a quarter of a minute."""

_CONNECT_SECONDS, _READ_SECONDS = 5, 20
_MULTIPART_BYTES = 16 << 20
_COPY_BYTES = 1 << 20
_DELETED_AT_ONCE = 1000
_CONFLICTS = 8
"""How often a conditional write is sent again that S3 refused because another one was just being made."""

_WRITER = "writer"
_FOLDER_MARK = "_$folder$"


@cache
def s3_client(options: S3Options) -> Any:
    """Return a client of S3, the same for the same options: making one takes a tenth of a second.

    Args:
        options: what is empty is as boto3 finds it; credentials always are.

    Raises:
        StorageError: what is set, or what a profile of AWS says, cannot be used.
    """
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        # Standard rather than adaptive: the latter slows all requests of a client down after one answer of "slow down",
        # whichever prefix it was for, and is still called experimental.
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        tcp_keepalive=True,
        user_agent_extra="finance-platform",
    )
    with explained_opening():
        # A session of its own: the default one is not safe among threads while a client is made.
        return boto3.session.Session(botocore_session=_session()).client(
            "s3", region_name=options.region or None, endpoint_url=options.endpoint_url or None, config=config
        )


def _session() -> Session:
    """Return a session that reads listings fast: of 100,000 objects, botocore's own way with times took a third."""
    session = Session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_time)
    return session


def _time(written: Any) -> datetime:
    """Return a time as S3 writes it in a listing; any other way of writing one is botocore's to read."""
    if isinstance(written, str) and written.endswith("Z"):
        return datetime.fromisoformat(written)
    return cast(datetime, parse_timestamp(written))


class S3Store:
    """One zone of the lake on S3."""

    def __init__(self, root: str, client: Any, options: S3Options) -> None:
        """Name the zone; nothing is asked of S3.

        Args:
            root: `s3://bucket` or `s3://bucket/prefix`.
            client: of boto3; see `s3_client`.
            options: whether the reader pays, and the key to encrypt with.
        """
        self._root = root.rstrip("/")
        self._bucket, _, prefix = self._root.removeprefix(S3_SCHEME).partition("/")
        self._base = f"{prefix}/" if prefix else ""
        self._client = client
        self._asking = {"RequestPayer": "requester"} if options.request_payer else {}
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.kms_key_id} if options.kms_key_id else {}
        )

    @property
    def root(self) -> str:
        """The zone's address."""
        return self._root

    def exists(self) -> bool:
        """Return True, or say what keeps the zone from being listed; a prefix is there without any object."""
        self._list_once(self._base)
        return True

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder, a page at a time; S3 lists in the order of the keys."""
        folder = f"{prefix}/" if prefix else ""
        for entry in self._entries(f"{self._base}{folder}", f"{self._base}{after}" if after else ""):
            key = entry["Key"].removeprefix(self._base)
            if not _is_no_file(key):
                yield _described(key, entry)

    def find(self, key: str) -> StoredObject | None:
        """Return one object as a listing shows it, or None where there is none."""
        # Listed rather than asked for by HEAD, whose answers say neither whether the bucket or the key is missing nor
        # what has expired. A key sorts before all that it begins.
        entries = self._list_once(self._base + key)
        return _described(key, entries[0]) if entries and entries[0]["Key"] == self._base + key else None

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes, read in pieces."""
        with self.open(key) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # it can be read into

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; what is read is of one version, or an error."""
        return self._open(key, FIRST_BYTES)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        """Fetch an object once into a temporary file, which is gone afterwards; its hash is of these very bytes."""
        with tempfile.TemporaryDirectory(prefix="fetched-") as folder:
            path = Path(folder) / "object"
            digest = hashlib.sha256()
            with self.open(key) as source, path.open("wb") as copy:
                while piece := source.read(_COPY_BYTES):
                    digest.update(piece)
                    copy.write(piece)
            yield LocalCopy(lambda: path.open("rb"), digest.hexdigest)

    def read(self, key: str) -> bytes:
        """Return an object's bytes, in one answer: a document may be overwritten while others read it."""
        with self._open(key, WHOLE) as stream:
            return stream.read()

    def write(self, key: str, data: bytes) -> None:
        """Write an object; a large one in parts, which S3 shows when the last is there."""
        with self._writing("write", key):
            if len(data) < _MULTIPART_BYTES:
                self._put(key, data)
                return
            config = TransferConfig(multipart_threshold=_MULTIPART_BYTES, multipart_chunksize=_MULTIPART_BYTES)
            self._client.upload_fileobj(
                io.BytesIO(data), self._bucket, self._base + key, ExtraArgs=self._encryption, Config=config
            )

    def write_new(self, key: str, data: bytes) -> bool:
        """Write an object unless it exists; S3 decides between two who do."""
        return self._put_if(key, data, {"IfNoneMatch": "*"})

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write an object if it still has the ETag of the etag."""
        return self._put_if(key, data, {"IfMatch": etag.partition(" ")[0]})

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._writing("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._base + key)

    def delete_folder(self, prefix: str) -> None:
        """Remove every object in a folder, hidden ones too."""
        batch: list[dict[str, str]] = []
        for entry in self._entries(f"{self._base}{prefix}/"):
            batch.append({"Key": entry["Key"]})
            if len(batch) == _DELETED_AT_ONCE:
                self._delete_all(batch)
                batch = []
        self._delete_all(batch)

    def uri(self, key: str) -> str:
        """Return an object's address."""
        return f"{self._root}/{key}"

    def _open(self, key: str, first_bytes: int) -> BinaryIO:
        get = partial(self._client.get_object, Bucket=self._bucket, Key=self._base + key, **self._asking)
        return cast(BinaryIO, ObjectStream(get, self._attempt("read", key, is_of_one_object=True), first_bytes))

    def _attempt(self, verb: str, key: str, *, is_of_one_object: bool = False) -> Attempt:
        return Attempt(verb, self._bucket, self._base + key, is_of_one_object)

    @contextmanager
    def _writing(self, verb: str, key: str) -> Iterator[None]:
        """Let nothing be written by a process that has lost its lease of the zone; the lease itself may be renewed."""
        if not key.startswith(f"{lease.FOLDER}/"):
            lease.ensure_lease_held(self._root)
        with explained_by_s3(self._attempt(verb, key)):
            yield

    def _entries(self, prefix: str, after: str = "") -> Iterator[Mapping[str, Any]]:
        from_here = {"StartAfter": after} if after else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, **from_here, **self._asking
        )
        with explained_by_s3(Attempt("list", self._bucket, prefix)):
            for page in pages:
                yield from page.get("Contents", ())

    def _list_once(self, prefix: str) -> list[Mapping[str, Any]]:
        with explained_by_s3(Attempt("list", self._bucket, prefix)):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1, **self._asking)
        return list(page.get("Contents", ()))

    def _put(self, key: str, data: bytes, **more: Any) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._base + key, Body=data, **self._encryption, **more)

    def _put_if(self, key: str, data: bytes, condition: Mapping[str, str]) -> bool:
        mark = uuid4().hex
        with self._writing("write", key):
            conflicts = 0
            while True:
                try:
                    self._put(key, data, Metadata={_WRITER: mark}, **condition)
                except ClientError as error:
                    status = status_of(error)
                    if code_of(error) == "NoSuchKey":  # there is nothing to replace; without a bucket, no place either
                        return False
                    if status == 412:
                        return self._has_mark(key, mark)
                    if status != 409 or conflicts == _CONFLICTS:
                        raise
                    conflicts += 1
                    time.sleep(random.uniform(0, 0.05 * 2**conflicts))  # noqa: S311  no secret, only spread out
                else:
                    return True

    def _has_mark(self, key: str, mark: str) -> bool:
        """Return whether the object is ours after all.

        Where an answer is lost on the way, the client writes again, and is refused because of its own first write.
        """
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._base + key)
        except ClientError as error:
            if status_of(error) == 404:
                return False
            raise
        return bool(found["Metadata"].get(_WRITER) == mark)

    def _delete_all(self, objects: list[dict[str, str]]) -> None:
        if not objects:
            return
        with self._writing("delete", objects[0]["Key"].removeprefix(self._base)):
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", ()):
            raise error_of_answer(Attempt("delete", self._bucket, error["Key"]), "DeleteObjects", {"Error": error})


def _is_no_file(key: str) -> bool:
    """Return whether a key is hidden, temporary, or stands for a folder, as consoles and Hadoop write them."""
    return key.endswith(("/", _FOLDER_MARK)) or any(part.startswith(HIDDEN) for part in key.split("/"))


def _described(key: str, entry: Mapping[str, Any]) -> StoredObject:
    # The ETag first: it is what a conditional write names.
    modified_at = entry["LastModified"].astimezone(UTC)
    etag = f"{entry['ETag']} {entry['Size']} {modified_at.isoformat()}"
    return StoredObject(key=key, size=entry["Size"], modified_at=modified_at, etag=etag)
