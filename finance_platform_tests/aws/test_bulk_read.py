"""Bulk reads of documents, from disk and from S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.storage.bulk_read import find_many, open_many, read_many, write_many
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore

KEYS = [f"deliveries/{number:03d}.json" for number in range(37)]


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store with a document under each key, whose text is the key."""
    store = open_store(str(tmp_path) if request.param == "disk" else f"s3://{request.getfixturevalue('bucket')}/zone")
    for key in KEYS:
        store.write(key, key.encode())
    return store


def test_documents_are_in_the_order_of_the_keys(store: ObjectStore):
    keys = KEYS[::-1]
    assert list(read_many(store, keys)) == [key.encode() for key in keys]


def test_a_missing_document_is_none_and_the_others_are_read(store: ObjectStore):
    assert list(find_many(store, [KEYS[0], "deliveries/gone.json", KEYS[1]])) == [
        KEYS[0].encode(),
        None,
        KEYS[1].encode(),
    ]


def test_a_required_document_that_is_missing_is_named(store: ObjectStore):
    with pytest.raises(FileNotFoundError, match=r"deliveries/gone\.json"):
        list(read_many(store, [KEYS[0], "deliveries/gone.json"]))


def test_what_is_read_of_each_object_is_in_the_order_of_the_keys(store: ObjectStore):
    keys = KEYS[::-1]
    assert list(open_many(store, keys, lambda stream: stream.read(14))) == [key.encode()[:14] for key in keys]


def test_documents_that_are_written_together_are_there_and_whole(store: ObjectStore):
    documents = {key: f"again {key}".encode() for key in (*KEYS, "deliveries/new.json")}
    write_many(store, documents)
    assert dict(zip(documents, read_many(store, list(documents)), strict=True)) == documents
