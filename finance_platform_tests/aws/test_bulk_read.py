"""Many documents read together: the same answer from disk and from S3, in the order that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.storage.bulk_read import find_many, read_many
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore

KEYS = [f"deliveries/{number:03d}.json" for number in range(37)]


@pytest.fixture(params=["disk", "s3"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A zone with a document under each key, whose text is the key."""
    found = open_store(str(tmp_path) if request.param == "disk" else f"s3://{request.getfixturevalue('bucket')}/zone")
    for key in KEYS:
        found.write(key, key.encode())
    return found


def test_documents_come_in_the_order_of_the_keys(zone: ObjectStore):
    wanted = KEYS[::-1]
    assert list(read_many(zone, wanted)) == [key.encode() for key in wanted]


def test_one_that_is_not_there_is_none_and_the_others_come(zone: ObjectStore):
    assert list(find_many(zone, [KEYS[0], "deliveries/gone.json", KEYS[1]])) == [
        KEYS[0].encode(),
        None,
        KEYS[1].encode(),
    ]


def test_where_all_must_be_there_a_missing_one_is_named(zone: ObjectStore):
    with pytest.raises(FileNotFoundError, match=r"deliveries/gone\.json"):
        list(read_many(zone, [KEYS[0], "deliveries/gone.json"]))
