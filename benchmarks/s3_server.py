"""A fast and small substitute for S3 in memory, which counts requests, in a process of its own.

Belongs here: what the platform, Sail and the warehouse's substitute ask of S3, as S3 answers it. Does not belong here:
faults, rights, versions (see the tests' substitutes): a home of 20,000 deliveries takes an hour there.

`GET /-/requests` returns the number of requests by kind and folder since it was last asked. `GET /-/slow/1` makes each
answer to the platform take as long as S3's usually do, and `GET /-/slow/0` as short as it can be. `GET /-/fill/PATH`
enters the objects of a prepared home.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import urlopen
from xml.etree import ElementTree
from xml.sax.saxutils import escape

PAGE = 1000
_COUNTS, _SLOW, _FILL = "/-/requests", "/-/slow/", "/-/fill"

SECONDS_OF_S3 = {"GET": 0.03, "HEAD": 0.02, "LIST": 0.1, "PUT": 0.05, "DELETE": 0.03, "POST": 0.05}
"""A usual time of a request within a region: 30 to 50 ms until the first byte; a list of 1,000 keys takes longer."""


@contextmanager
def s3_server() -> Iterator[str]:
    """Run the server until the end of the block; yield its address."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def take_counts(address: str) -> Counter[str]:
    """Return the number of requests by kind and folder since the last call."""
    with urlopen(address + _COUNTS) as response:  # noqa: S310  an address of this machine
        return Counter(json.load(response))


def answer_slowly(address: str, *, is_slow: bool) -> None:
    """Let the answers to the platform take as long as on S3, or not."""
    with urlopen(f"{address}{_SLOW}{int(is_slow)}"):  # noqa: S310  an address of this machine
        pass


def fill(address: str, path: Path) -> None:
    """Enter the objects of a prepared home, which are in a file: by bucket and key, bytes, etag and time of writing."""
    with urlopen(f"{address}{_FILL}{quote(str(path))}"):  # noqa: S310  an address of this machine
        pass


@dataclass(frozen=True)
class _Object:
    data: bytes
    etag: str
    modified: datetime
    metadata: dict[str, str]


@dataclass
class _Bucket:
    objects: dict[str, _Object] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, data: bytes, metadata: dict[str, str]) -> _Object:
        if key not in self.objects:
            insort(self.keys, key)
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        self.objects[key] = _Object(data, etag, datetime.now(UTC).replace(microsecond=0), metadata)
        return self.objects[key]

    def fill(self, objects: Mapping[str, tuple[bytes, str, datetime]]) -> None:
        self.objects |= {key: _Object(*one, {}) for key, one in objects.items()}
        self.keys = sorted(self.objects)

    def delete(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]


class _State:
    """Everything that the server has; one lock for all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.buckets: dict[str, _Bucket] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.numbers = count(1)
        self.counts: Counter[str] = Counter()
        self.is_slow = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, the second waits for the acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    state = _State()

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""

    def handle_expect_100(self) -> bool:
        """Say at once that a body may come; boto3 waits a second for it."""
        is_continued = super().handle_expect_100()
        self.wfile.flush()
        return is_continued

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if url.path == _COUNTS:
            with self.state.lock:
                counts, self.state.counts = self.state.counts, Counter()
            self._send(200, json.dumps(counts).encode())
            return
        if url.path.startswith(_SLOW):
            self.state.is_slow = url.path == f"{_SLOW}1"
            self._send(200)
            return
        if url.path.startswith(f"{_FILL}/"):
            with self.state.lock:
                path = Path(unquote(url.path.removeprefix(_FILL)))
                for name, objects in pickle.loads(path.read_bytes()).items():  # noqa: S301  of `prepared_home`
                    self.state.buckets.setdefault(name, _Bucket()).fill(objects)
            self._send(200)
            return
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        kind = "LIST" if "list-type" in query else self.command
        if self.state.is_slow and self._is_of_platform():
            time.sleep(SECONDS_OF_S3[kind])
        with self.state.lock:
            if self._is_of_platform():
                self._count(kind, bucket, key, query)
            self._dispatch(bucket, key, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  the names of the base class

    def _is_of_platform(self) -> bool:
        """Return whether the request is not one of the warehouse's substitute or of the benchmark itself."""
        agent = self.headers.get("User-Agent", "")
        return "Boto3" not in agent or "finance-platform" in agent

    def _count(self, kind: str, bucket: str, key: str, query: dict[str, str]) -> None:
        folder = (query.get("prefix", "") if kind == "LIST" else key).partition("/")[0]
        self.state.counts[f"{kind} {'raw' if bucket.endswith('-raw') else folder}".strip()] += 1

    def _dispatch(self, name: str, key: str, query: dict[str, str], body: bytes) -> None:
        bucket = self.state.buckets.get(name)
        if not key and self.command == "PUT":
            self.state.buckets.setdefault(name, _Bucket())
            self._send(200)
        elif bucket is None:
            self._fail(404, "NoSuchBucket")
        elif "list-type" in query:
            self._list(bucket, query)
        elif self.command == "POST" and "delete" in query:
            for element in ElementTree.fromstring(body).iter():  # noqa: S314  of the platform itself
                if element.tag.endswith("Key") and element.text:
                    bucket.delete(element.text)
            self._send(200, b"<DeleteResult/>")
        elif self.command == "POST":
            self._upload(bucket, key, query)
        elif self.command == "PUT":
            self._put(bucket, key, query, body)
        elif self.command == "DELETE":
            bucket.delete(key)
            self._send(204)
        else:
            self._get(bucket, key)

    def _list(self, bucket: _Bucket, query: dict[str, str]) -> None:
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", PAGE))
        after = query.get("continuation-token") or query.get("start-after", "")
        position = max(bisect_left(bucket.keys, prefix), bisect_right(bucket.keys, after) if after else 0)
        entries: list[str] = []
        folders: dict[str, None] = {}
        delimiter, last = query.get("delimiter", ""), ""
        while position < len(bucket.keys) and len(entries) + len(folders) < most:
            last = bucket.keys[position]
            if not last.startswith(prefix):
                break
            position += 1
            rest = last[len(prefix) :]
            if delimiter and delimiter in rest:
                folders[prefix + rest.partition(delimiter)[0] + delimiter] = None
                continue
            item = bucket.objects[last]
            entries.append(
                f"<Contents><Key>{escape(quote(last))}</Key><ETag>{escape(item.etag)}</ETag><Size>{len(item.data)}</Size>"
                f"<LastModified>{item.modified:%Y-%m-%dT%H:%M:%S}.000Z</LastModified></Contents>"
            )
        is_more = position < len(bucket.keys) and bucket.keys[position].startswith(prefix)
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if is_more else ""
        common = "".join(f"<CommonPrefixes><Prefix>{escape(quote(one))}</Prefix></CommonPrefixes>" for one in folders)
        encoding = "<EncodingType>url</EncodingType>" if "encoding-type" in query else ""
        self._send(
            200,
            (
                f'<?xml version="1.0"?><ListBucketResult><Name>b</Name><Prefix>{escape(prefix)}</Prefix>{encoding}'
                f"<KeyCount>{len(entries)}</KeyCount><MaxKeys>{most}</MaxKeys>"
                f"<IsTruncated>{'true' if is_more else 'false'}</IsTruncated>{token}{''.join(entries)}{common}"
                "</ListBucketResult>"
            ).encode(),
        )

    def _get(self, bucket: _Bucket, key: str) -> None:
        item = bucket.objects.get(key)
        if item is None:
            self._fail(404, "NoSuchKey")
            return
        if self.headers.get("If-Match", item.etag) != item.etag:
            self._fail(412, "PreconditionFailed")
            return
        start, end, size = 0, len(item.data) - 1, len(item.data)
        asked = self.headers.get("Range")
        if asked:
            first, _, to = asked.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, size - int(to))
            end = min(size - 1, int(to)) if first and to else size - 1
            if start >= size:
                self._fail(416, "InvalidRange")
                return
        headers = {"ETag": item.etag, "Last-Modified": format_datetime(item.modified, usegmt=True)}
        headers |= {f"x-amz-meta-{name}": text for name, text in item.metadata.items()}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._send(206 if asked else 200, item.data[start : end + 1], headers)

    def _put(self, bucket: _Bucket, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.state.uploads[query["uploadId"]][int(query["partNumber"])] = body
            self._send(200, headers={"ETag": '"part"'})
            return
        existing = bucket.objects.get(key)
        condition = self.headers.get("If-Match", "")
        if condition and existing is None:
            self._fail(404, "NoSuchKey")
        elif (existing and self.headers.get("If-None-Match")) or (
            condition and existing and condition != existing.etag
        ):
            self._fail(412, "PreconditionFailed")
        else:
            metadata = {
                name[11:]: text for name, text in self.headers.items() if name.lower().startswith("x-amz-meta-")
            }
            self._send(200, headers={"ETag": bucket.put(key, body, metadata).etag})

    def _upload(self, bucket: _Bucket, key: str, query: dict[str, str]) -> None:
        if "uploads" in query:
            upload = str(next(self.state.numbers))
            self.state.uploads[upload] = {}
            answer = f"<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>{escape(key)}</Key>"
            answer += f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        else:
            parts = self.state.uploads.pop(query["uploadId"])
            item = bucket.put(key, b"".join(parts[number] for number in sorted(parts)), {})
            answer = f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key><ETag>{escape(item.etag)}</ETag>"
            answer += "</CompleteMultipartUploadResult>"
        self._send(200, answer.encode())

    def _fail(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)


def main() -> None:
    """Serve until the process is ended; print the address first."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
