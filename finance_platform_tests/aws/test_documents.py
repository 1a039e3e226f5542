"""Many documents read together: the same answer from disk and from S3, in the order that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.lake.documents import read_all, read_each
from finance_platform.lake.port import Lake
from finance_platform.lake.zones import open_zone

KEYS = [f"deliveries/{number:03d}.json" for number in range(37)]


@pytest.fixture(params=["disk", "s3"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A zone with a document under each key, whose text is the key."""
    found = open_zone(str(tmp_path) if request.param == "disk" else f"s3://{request.getfixturevalue('bucket')}/zone")
    for key in KEYS:
        found.write(key, key.encode())
    return found


def test_documents_come_in_the_order_of_the_keys(zone: Lake):
    wanted = KEYS[::-1]
    assert list(read_all(zone, wanted)) == [key.encode() for key in wanted]


def test_one_that_is_not_there_is_none_and_the_others_come(zone: Lake):
    assert list(read_each(zone, [KEYS[0], "deliveries/gone.json", KEYS[1]])) == [
        KEYS[0].encode(),
        None,
        KEYS[1].encode(),
    ]


def test_where_all_must_be_there_a_missing_one_is_named(zone: Lake):
    with pytest.raises(FileNotFoundError, match=r"deliveries/gone\.json"):
        list(read_all(zone, [KEYS[0], "deliveries/gone.json"]))
