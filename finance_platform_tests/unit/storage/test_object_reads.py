"""Several reads of one object without a copy: whatever is read in which order, the hash is that of the whole object."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.storage.s3_errors import S3Operation
from finance_platform.storage.s3_reader import FIRST_BYTES, ObjectReads

SIZES = st.sampled_from([0, 1, FIRST_BYTES - 1, FIRST_BYTES, FIRST_BYTES + 1, 3 * FIRST_BYTES + 17])
PLACES = st.integers(0, 4 * FIRST_BYTES)


@given(
    size=SIZES,
    reads=st.lists(st.lists(st.tuples(PLACES, st.integers(0, 2 * FIRST_BYTES)), max_size=4), max_size=4),
)
def test_each_read_gives_the_bytes_and_the_hash_is_of_all_of_them(size: int, reads: list[list[tuple[int, int]]]):
    data = (b"%08d" * (size // 8 + 1) % tuple(range(size // 8 + 1)))[:size]

    def get(**request: str) -> dict[str, Any]:
        first, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
        assert request.get("IfMatch", "one") == "one"
        body = data[first : last + 1]
        return {"Body": io.BytesIO(body), "ETag": "one", "ContentLength": len(body), "ContentRange": f"/{size}"}

    object_reads = ObjectReads(get, S3Operation("read", "bucket", "key"))
    for places in reads:
        with object_reads.open() as stream:
            assert stream.size == size
            for start, count in places:
                stream.seek(start)
                assert stream.read(count) == data[start : start + count]
    assert object_reads.fingerprint() == hashlib.sha256(data).hexdigest()
