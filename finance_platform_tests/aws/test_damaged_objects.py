"""Damaged objects of a processed zone on S3: the same rules as on disk.

Belongs here: recognising damage and setting it aside through the object store.
"""

from __future__ import annotations

from finance_platform.deliveries.commits import commit_key, find_damaged_commits, read_commits, write_commit
from finance_platform.deliveries.register import Register
from finance_platform.storage.documents import FOLDER, find_damaged_files, set_aside
from finance_platform.storage.factory import open_store
from finance_platform_tests.unit.factories import commit_of, delivered
from finance_platform_tests.unit.zone import NOON


def test_a_damaged_commit_is_named_set_aside_and_replaced(bucket: str):
    store = open_store(f"s3://{bucket}/zone")
    commit = commit_of(delivered("a.csv"))
    store.write(commit_key(commit.delivery_id), b'{"delivery_id": ')
    assert read_commits(store) == {}
    (error,) = find_damaged_commits(store)
    set_aside(store, error.key, NOON)
    write_commit(store, commit)
    assert list(read_commits(store)) == [commit.delivery_id]
    assert store.read(f"{FOLDER}/20250601T120000Z/{error.key}") == b'{"delivery_id": '


def test_missing_and_truncated_files_are_found_by_their_size(bucket: str):
    store = open_store(f"s3://{bucket}/zone")
    for name, size in (("whole", 20), ("truncated", 7)):
        store.write(f"transactions/{name}.parquet", b"x" * size)
    sizes = {f"transactions/{name}.parquet": 20 for name in ("whole", "truncated", "missing")}
    assert find_damaged_files(store, sizes) == {
        "transactions/truncated.parquet": "it has 7 bytes instead of 20",
        "transactions/missing.parquet": "it is missing",
    }


def test_a_foreign_object_in_the_register_is_ignored(bucket: str):
    store = open_store(f"s3://{bucket}/zone")
    event = delivered("a.csv")
    Register(store).append([event])
    store.write("register/notes.txt", b"hi\n")
    assert list(Register(store).events()) == [event]
    assert Register(store).foreign_keys() == ["register/notes.txt"]
