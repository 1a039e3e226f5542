"""What the lake on S3 has of its own: headers, parts, pages, lost answers, keys that stand for no file.

Belongs here: what is said to S3, and what S3 alone can hold. Does not belong here: what every lake does (see
`test_s3_and_disk`), failures (see `test_s3_faults`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.errors import StorageError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.storage import s3
from finance_platform.storage.factory import open_store
from finance_platform.storage.local import LocalStore
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.s3_faults import Seen, done_and_unanswered, gives, says
from finance_platform_tests.unit.factories import LEDGER, settings, write
from finance_platform_tests.unit.zone import NOON


@pytest.fixture
def lake(bucket: str) -> S3Store:
    return S3Store(f"s3://{bucket}/zone", s3_client(NO_OPTIONS), NO_OPTIONS)


def asked(aws: MotoServer, run: Callable[[], Any]) -> list[Seen]:
    """Return the requests that something makes."""
    before = len(aws.faults.seen)
    run()
    return aws.faults.seen[before:]


def put(bucket: str, keys: Iterable[str]) -> None:
    """Put many objects where the stand-in keeps them: a request for each would take half a minute."""
    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, b"")


# Addresses


def test_an_address_is_that_of_the_bucket_and_the_prefix(bucket: str, aws: MotoServer):
    for root in (f"s3://{bucket}/a/zone", f"s3://{bucket}/a/zone/"):
        zone = open_store(root)
        assert (zone.root, zone.uri("b/c.csv")) == (f"s3://{bucket}/a/zone", f"s3://{bucket}/a/zone/b/c.csv")
    open_store(f"s3://{bucket}").write("b.csv", b"x")
    assert [seen.path for seen in asked(aws, lambda: open_store(f"s3://{bucket}").read("b.csv"))] == [
        f"/{bucket}/b.csv"
    ]


def test_what_lies_beside_a_zone_is_none_of_its_objects(lake: S3Store, bucket: str):
    for key in ("zone", "zone2/a.csv", "other.csv", "zone/a.csv"):
        open_store(f"s3://{bucket}").write(key, b"")
    assert [item.key for item in lake.list_objects()] == ["a.csv"]


@pytest.mark.parametrize("key", ["folder/", "folder_$folder$", "a/b_$folder$"])
def test_keys_that_stand_for_folders_are_no_files(key: str, lake: S3Store):
    lake.write(key, b"")
    lake.write("folder/a.csv", b"")
    assert [item.key for item in lake.list_objects()] == ["folder/a.csv"]


def test_an_object_appears_whole_and_is_settled_at_once(lake: S3Store):
    lake.write("a.csv", b"")
    (item,) = lake.list_objects()
    assert item.written_at is None
    assert item.is_stable(item.modified_at)


def test_a_marker_of_spark_is_no_raw_file_and_no_news_each_time(lake: S3Store, tmp_path: Path):
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    for key in ("ledger/_SUCCESS", "ledger_1.csv", "other.csv"):
        lake.write(key, b"x\n")
    register = Register(LocalStore(tmp_path / "processed"))
    found = scan_raw_zone(lake, register, load_feed_set(tmp_path / "feeds"), settings(), at=NOON, run_id="run")
    assert (found.unmatched, found.new_count) == (["other.csv"], 1)
    assert "ledger/_SUCCESS" in found.etags


# Listing


def test_more_than_one_page_is_listed_in_the_order_of_keys_and_removed_in_batches(
    lake: S3Store, bucket: str, aws: MotoServer
):
    names = [f"{number * 7919 % 1100:05d}.csv" for number in range(1100)]
    put(bucket, (f"zone/many/{name}" for name in names))
    found: list[str] = []
    pages = asked(aws, lambda: found.extend(item.key for item in lake.list_objects("many")))
    assert found == [f"many/{name}" for name in sorted(names)]
    assert len(pages) == 2
    last = ["many/01098.csv", "many/01099.csv"]
    assert [item.key for item in lake.list_objects("many", after="many/01097.csv")] == last
    removals = asked(aws, lambda: lake.delete_folder("many"))
    assert [seen.method for seen in removals].count("POST") == 2
    assert list(lake.list_objects()) == []


def test_a_listing_asks_for_a_page_when_it_comes_to_it(lake: S3Store, bucket: str, aws: MotoServer):
    put(bucket, (f"zone/{number:05d}" for number in range(1001)))
    assert len(asked(aws, lambda: next(lake.list_objects()))) == 1


def test_a_small_object_is_one_request(lake: S3Store, aws: MotoServer):
    lake.write("a.json", b"x" * 100_000)
    assert len(asked(aws, lambda: lake.read("a.json"))) == 1
    assert len(asked(aws, lambda: lake.fingerprint("a.json"))) == 1


def test_a_file_that_is_fetched_is_asked_for_once_and_gone_afterwards(lake: S3Store, aws: MotoServer):
    lake.write("a.csv", b"1,2\n" * 1000)
    where: list[Path] = []

    def read_thrice() -> None:
        with lake.local_copy("a.csv") as there:
            for _ in range(3):
                with there.open() as stream:
                    where.append(Path(stream.name))
                    assert len(stream.read()) == 4000
            assert there.fingerprint()

    assert len(asked(aws, read_thrice)) == 1
    assert where[0].parent.name.startswith("fetched-")
    assert not where[0].parent.exists()


# Writing


def test_a_large_object_is_written_in_parts_and_read_in_pieces(
    lake: S3Store, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3, "_MULTIPART_BYTES", 5 << 20)
    data = bytes(range(256)) * (11 << 12)
    parts = asked(aws, lambda: lake.write("a.bin", data))
    assert sum("partNumber" in seen.query for seen in parts) == 3
    pieces = asked(aws, lambda: lake.fingerprint("a.bin"))
    ranges = ["bytes=0-131071", "bytes=131072-8519679", "bytes=8519680-16908287"]
    assert [seen.headers["range"] for seen in pieces] == ranges
    assert [seen.headers.get("if-match") is not None for seen in pieces] == [False, True, True]
    assert lake.read("a.bin") == data


def test_what_is_written_is_encrypted_with_the_key_that_is_set(bucket: str, aws: MotoServer, monkeypatch: Any):
    key = "arn:aws:kms:eu-central-1:123456789012:key/0f4c8a2e-5b7d-4e7e-9d39-7f2f4b1d6c11"
    lake = open_store(f"s3://{bucket}", S3Options(kms_key_id=key))
    monkeypatch.setattr(s3, "_MULTIPART_BYTES", 5 << 20)

    def write_all() -> None:
        lake.write("a", b"x")
        lake.write_new("b", b"x")
        lake.write("c", b"x" * (6 << 20))

    begun = [seen for seen in asked(aws, write_all) if "partNumber" not in seen.query and "uploadId" not in seen.query]
    wanted = ("aws:kms", key)
    name = "x-amz-server-side-encryption"
    assert [(seen.headers.get(name), seen.headers.get(f"{name}-aws-kms-key-id")) for seen in begun] == [wanted] * 3
    assert s3_client(NO_OPTIONS).head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key


def test_without_a_key_the_bucket_s_own_encryption_stands(lake: S3Store, aws: MotoServer):
    (seen,) = asked(aws, lambda: lake.write("a", b"x"))
    assert "x-amz-server-side-encryption" not in seen.headers


def test_whoever_reads_pays_where_that_is_set(bucket: str, aws: MotoServer):
    open_store(f"s3://{bucket}").write("a.csv", b"x")
    lake = open_store(f"s3://{bucket}", S3Options(request_payer=True))

    def read_all() -> None:
        assert lake.exists()
        list(lake.list_objects())
        lake.find("a.csv")
        lake.read("a.csv")
        lake.fingerprint("a.csv")

    assert [seen.headers.get("x-amz-request-payer") for seen in asked(aws, read_all)] == ["requester"] * 5
    assert "x-amz-request-payer" not in asked(aws, lambda: open_store(f"s3://{bucket}").read("a.csv"))[0].headers


def test_a_write_whose_answer_was_lost_is_known_as_ones_own(lake: S3Store, aws: MotoServer):
    with aws.faults.answering(done_and_unanswered(), method="PUT", times=1):
        assert lake.write_new("a.json", b"1")
    found = lake.find("a.json")
    assert found
    with aws.faults.answering(done_and_unanswered(), method="PUT", times=1):
        assert lake.replace("a.json", b"2", etag=found.etag)
    assert lake.read("a.json") == b"2"


def test_a_write_that_another_one_was_just_being_made_against_is_sent_again(lake: S3Store, aws: MotoServer):
    conflict = says("409 Conflict", "ConditionalRequestConflict", "The conditional request cannot succeed.")
    with aws.faults.answering(conflict, method="PUT", times=3):
        assert lake.write_new("a.json", b"1")


def test_a_removal_that_s3_refuses_within_its_answer_is_an_error(lake: S3Store, aws: MotoServer):
    for key in ("t/1", "t/2"):
        lake.write(key, b"")
    refused = gives("<DeleteResult><Error><Key>zone/t/2</Key><Code>AccessDenied</Code></Error></DeleteResult>")
    with aws.faults.answering(refused, method="POST"), pytest.raises(StorageError, match="t/2: no permission"):
        lake.delete_folder("t")
