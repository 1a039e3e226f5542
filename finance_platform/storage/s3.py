"""The object store on S3: a store is a bucket, or a prefix in a bucket.

Belongs here: what is particular to S3. Does not belong here: what the objects mean, error messages (see `s3_errors`),
reading one object (see `s3_reader`), the pages of a listing (see `s3_pages`).
"""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
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
from finance_platform.storage.port import HIDDEN_PREFIXES, LocalCopy, StoredObject
from finance_platform.storage.s3_errors import (
    BUSY_CODES,
    S3Operation,
    error_code,
    error_from_response,
    http_status,
    translate_client_errors,
    translate_s3_errors,
)
from finance_platform.storage.s3_list_response import parse_lists_quickly
from finance_platform.storage.s3_options import EVIDENCE_FOLDERS, S3_SCHEME, S3Options, object_store_variables
from finance_platform.storage.s3_pages import S3Listing
from finance_platform.storage.s3_reader import FIRST_BYTES, WHOLE, ObjectReads, ObjectStream

ATTEMPTS = 6
"""Maximum attempts of a request; with full jitter and 1, 2, 4 … s between, they take a quarter of a minute."""

_CONNECT_SECONDS, _READ_SECONDS = 5, 20
_MULTIPART_BYTES = 16 << 20
_COPY_BYTES = 1 << 20

COPIED_BYTES = 256 << 20
"""The size up to which an object is copied for several reads. A larger one is read from S3 each time: a worker of Glue
has some tens of GB of free disk, and reads several files at once."""

_DELETE_BATCH = 1000
_CONFLICT_RETRIES = 8
"""How often a conditional write is sent again after S3 has refused it because of a concurrent one."""

_WRITER = "writer"
_FOLDER_SUFFIX = "_$folder$"


@cache
def s3_client(options: S3Options) -> Any:
    """Return a client of S3, the same for the same options: creating one takes a tenth of a second.

    Args:
        options: for empty ones, boto3's defaults apply; credentials are always found by boto3.

    Raises:
        StorageError: the options, or a profile of AWS, are not valid.
    """
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        # Standard rather than adaptive mode: the latter slows down all requests of a client after one "slow down"
        # response, whatever its prefix, and is still experimental.
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        tcp_keepalive=True,
        user_agent_extra="finance-platform",
    )
    with translate_client_errors():
        # A session of its own: the default one is not thread-safe while a client is created.
        client = boto3.session.Session(botocore_session=_session()).client(
            "s3", region_name=options.region or None, endpoint_url=options.endpoint_url or None, config=config
        )
    parse_lists_quickly(client)
    return client


def object_store_options(options: S3Options) -> dict[str, str]:
    """Return the variables of `object_store_variables`, with the credentials that boto3 finds at this moment.

    Raises:
        StorageError: the options, or a profile of AWS, are not valid.
    """
    with translate_client_errors():
        session = boto3.session.Session()
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
    found = {"AWS_REGION": session.region_name or "", **object_store_variables(options)}
    if frozen:
        found |= {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key}
        found |= {"AWS_SESSION_TOKEN": frozen.token or ""}
    return {name: value for name, value in found.items() if value}


def _session() -> Session:
    """Return a session with a fast timestamp parser: botocore's own took a third of a listing of 100,000 objects."""
    session = Session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_parse_time)
    return session


def _parse_time(value: Any) -> datetime:
    """Parse a time in the format of S3's listings, or else with botocore."""
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    return cast(datetime, parse_timestamp(value))


class S3Store:
    """An object store on S3."""

    def __init__(self, root: str, client: Any, options: S3Options) -> None:
        """Make no request yet.

        Args:
            root: `s3://bucket` or `s3://bucket/prefix`.
            client: of boto3; see `s3_client`.
            options: requester pays, and the encryption key.
        """
        self._root = root.rstrip("/")
        self._bucket, _, prefix = self._root.removeprefix(S3_SCHEME).partition("/")
        self._base = f"{prefix}/" if prefix else ""
        self._client = client
        self._payer = {"RequestPayer": "requester"} if options.request_payer else {}
        self._listing = S3Listing(client, self._bucket, self._payer)
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.kms_key_id} if options.kms_key_id else {}
        )
        self._lock_days, self._lock_mode = options.lock_days, options.lock_mode

    @property
    def root(self) -> str:
        """The store's address."""
        return self._root

    def exists(self) -> bool:
        """Return True, or raise the error of a listing; a prefix exists without any object."""
        self._list_once(self._base)
        return True

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder; S3 orders its listings by key."""
        folder = f"{prefix}/" if prefix else ""
        for entry in self._listing.entries(f"{self._base}{folder}", f"{self._base}{after}" if after else ""):
            key = entry["Key"].removeprefix(self._base)
            if _is_file(key):
                yield _describe(key, entry)

    def find(self, key: str) -> StoredObject | None:
        """Return one object as a listing describes it, or None if it does not exist."""
        # A listing rather than a HEAD request, whose errors distinguish neither a missing bucket from a missing key nor
        # what has expired. A key sorts before all keys that it is a prefix of.
        entries = self._list_once(self._base + key)
        return _describe(key, entries[0]) if entries and entries[0]["Key"] == self._base + key else None

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, by key; see `S3Listing.find`."""
        entries = self._listing.find((self._base + key for key in keys), self._base)
        found = ((entry["Key"].removeprefix(self._base), entry) for entry in entries)
        return {key: _describe(key, entry) for key, entry in found}

    def expect_parts(self, ends: Sequence[str]) -> None:
        """See `S3Listing.expect`."""
        self._listing.expect(self._base, [self._base + key for key in ends])

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes, read in pieces."""
        with self.open(key) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # it can be read into

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; all bytes are of one version, or reading fails."""
        return self._open(key, FIRST_BYTES)

    @contextmanager
    def local_copy(self, key: str) -> Iterator[LocalCopy]:
        """Fetch an object once into a temporary file, or stream a large one; the fingerprint is of the bytes read."""
        reads = ObjectReads(self._get(key), self._attempt("read", key, is_of_one_object=True))
        with ExitStack() as stack:
            with reads.open() as source:
                if source.size > COPIED_BYTES:
                    copy = LocalCopy(lambda: cast(BinaryIO, reads.open()), reads.fingerprint)
                else:
                    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fetched-"))) / "object"
                    with path.open("wb") as file:
                        shutil.copyfileobj(source, file, _COPY_BYTES)
                    copy = LocalCopy(lambda: path.open("rb"), reads.digest)
            yield copy

    def read(self, key: str) -> bytes:
        """Return an object's bytes, from one response: a document may be overwritten during the read."""
        with self._open(key, WHOLE) as stream:
            return stream.read()

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return an object's bytes and its etag, which are in one response."""
        stream = ObjectStream(self._get(key), self._attempt("read", key, is_of_one_object=True), WHOLE)
        with stream:
            return stream.readall(), stream.etag

    def write(self, key: str, data: bytes) -> None:
        """Write an object; a large one in parts, and S3 shows it once all have arrived."""
        with self._writing("write", key):
            if len(data) < _MULTIPART_BYTES:
                self._put(key, data)
                return
            config = TransferConfig(multipart_threshold=_MULTIPART_BYTES, multipart_chunksize=_MULTIPART_BYTES)
            extra = {**self._encryption, **self._lock(key)}
            self._client.upload_fileobj(
                io.BytesIO(data), self._bucket, self._base + key, ExtraArgs=extra, Config=config
            )

    def write_new(self, key: str, data: bytes) -> bool:
        """Write an object unless it exists; of concurrent writes S3 accepts one."""
        return self._put_if(key, data, {"IfNoneMatch": "*"})

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write an object if it still has this etag."""
        return self._put_if(key, data, {"IfMatch": etag.partition(" ")[0]})  # of a listing, see _describe

    def sync(self, keys: Iterable[str]) -> None:
        """Do nothing: S3 confirms a write only when the object is durable."""

    def delete(self, key: str) -> None:
        """Remove an object, if it exists."""
        with self._writing("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._base + key)

    def delete_folder(self, prefix: str) -> None:
        """Remove every object in a folder, hidden ones too."""
        batch: list[dict[str, str]] = []
        for entry in self._listing.entries(f"{self._base}{prefix}/"):
            batch.append({"Key": entry["Key"]})
            if len(batch) == _DELETE_BATCH:
                self._delete_all(batch)
                batch = []
        self._delete_all(batch)

    def uri(self, key: str) -> str:
        """Return an object's address."""
        return f"{self._root}/{key}"

    def _open(self, key: str, first_bytes: int) -> BinaryIO:
        attempt = self._attempt("read", key, is_of_one_object=True)
        return cast(BinaryIO, ObjectStream(self._get(key), attempt, first_bytes))

    def _get(self, key: str) -> Callable[..., Any]:
        return partial(self._client.get_object, Bucket=self._bucket, Key=self._base + key, **self._payer)

    def _attempt(self, verb: str, key: str, *, is_of_one_object: bool = False) -> S3Operation:
        return S3Operation(verb, self._bucket, self._base + key, is_of_one_object)

    @contextmanager
    def _writing(self, verb: str, key: str) -> Iterator[None]:
        """Refuse writes of a process that has lost its lease of the zone, except to the lease itself."""
        if not key.startswith(f"{lease.FOLDER}/"):
            lease.ensure_lease_held(self._root)
        with translate_s3_errors(self._attempt(verb, key)):
            yield

    def _list_once(self, prefix: str) -> list[Mapping[str, Any]]:
        with translate_s3_errors(S3Operation("list", self._bucket, prefix)):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1, **self._payer)
        return list(page.get("Contents", ()))

    def _put(self, key: str, data: bytes, **more: Any) -> None:
        if key.endswith(".html"):
            more["ContentType"] = "text/html; charset=utf-8"  # else a browser offers to save it
        more |= {**self._encryption, **self._lock(key)}
        self._client.put_object(Bucket=self._bucket, Key=self._base + key, Body=data, **more)

    def _lock(self, key: str) -> dict[str, Any]:
        """Return the arguments that lock the version that a write makes; empty for what is no evidence."""
        if not self._lock_days or key.partition("/")[0] not in EVIDENCE_FOLDERS:
            return {}
        until = datetime.now(UTC) + timedelta(days=self._lock_days)
        # S3 accepts no lock without a checksum, and not every boto3 sends one unasked.
        return {"ObjectLockMode": self._lock_mode, "ObjectLockRetainUntilDate": until, "ChecksumAlgorithm": "CRC32"}

    def _put_if(self, key: str, data: bytes, condition: Mapping[str, str]) -> bool:
        writer = uuid4().hex
        with self._writing("write", key):
            conflicts = 0
            while True:
                try:
                    self._put(key, data, Metadata={_WRITER: writer}, **condition)
                except ClientError as error:
                    status = http_status(error)
                    if error_code(error) == "NoSuchKey":  # no object to replace; a missing bucket has another code
                        return False
                    if status == 412:
                        return self._is_written_by(key, writer)
                    if status != 409 or conflicts == _CONFLICT_RETRIES:
                        raise
                    conflicts += 1
                    time.sleep(random.uniform(0, 0.05 * 2**conflicts))  # noqa: S311  jitter, no secret
                else:
                    return True

    def _is_written_by(self, key: str, writer: str) -> bool:
        """Return whether this writer's own write has succeeded.

        If a response is lost, the client sends the write again, and S3 refuses it because of the first one.
        """
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=self._base + key)
        except ClientError as error:
            if http_status(error) == 404:
                return False
            raise
        return bool(head["Metadata"].get(_WRITER) == writer)

    def _delete_all(self, objects: list[dict[str, str]]) -> None:
        """Remove objects; S3 may refuse some of them in a response that says 200, which no client sends again."""
        attempts = 0
        while objects:
            with self._writing("delete", objects[0]["Key"].removeprefix(self._base)):
                response = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            errors = response.get("Errors", [])
            attempts += 1
            for error in errors:
                if error.get("Code") not in BUSY_CODES or attempts == ATTEMPTS:
                    raise error_from_response(
                        S3Operation("delete", self._bucket, error["Key"]), "DeleteObjects", {"Error": error}
                    )
            objects = [{"Key": error["Key"]} for error in errors]
            if objects:
                time.sleep(random.uniform(0, 0.1 * 2**attempts))  # noqa: S311  jitter, no secret


def _is_file(key: str) -> bool:
    """Return whether a key is neither hidden nor a folder marker, as consoles and Hadoop write them."""
    is_folder = key.endswith(("/", _FOLDER_SUFFIX))
    return not is_folder and not any(part.startswith(HIDDEN_PREFIXES) for part in key.split("/"))


def _describe(key: str, entry: Mapping[str, Any]) -> StoredObject:
    # The ETag comes first: `replace` takes it as its condition.
    modified, text = _in_utc(entry["LastModified"])
    etag = f"{entry['ETag']} {entry['Size']} {text}"
    return StoredObject(key=key, size=entry["Size"], modified=modified, etag=etag)


@lru_cache(4096)
def _in_utc(moment: datetime) -> tuple[float, str]:
    """Return a moment in seconds and its text in UTC; thousands of objects were written in the same second."""
    return moment.timestamp(), moment.astimezone(UTC).isoformat()
