"""The object store on S3: headers, parts, pages, lost responses, folder markers.

Belongs here: requests, and what only S3 has. Does not belong here: what every store does (see `test_object_store`),
errors (see `test_s3_errors`).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from finance_platform.bootstrap import s3_options
from finance_platform.deliveries import commits, register
from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.errors import StorageError, TransientStorageError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.slices import signatures
from finance_platform.storage import s3, s3_pages
from finance_platform.storage.factory import open_store
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import StoredObject
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import EVIDENCE_FOLDERS, NO_OPTIONS, S3Options
from finance_platform.warehouse import access_rights, load_records
from finance_platform_tests.aws.moto_server import REGION, MotoServer
from finance_platform_tests.aws.s3_faults import Request, error_response, lost_response, ok_response
from finance_platform_tests.unit.factories import LEDGER, settings, write
from finance_platform_tests.unit.zone import NOON


@pytest.fixture
def store(bucket: str) -> S3Store:
    return S3Store(f"s3://{bucket}/zone", s3_client(NO_OPTIONS), NO_OPTIONS)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a hundred objects, and a tenth of what follows from their size: moto takes its time for each object."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "100")
    monkeypatch.setattr(s3, "_DELETE_BATCH", 100)
    smaller = {"_PAGE": 100, "_FILLED": 80, "_MOST_FOLDERS": 10, "_FEWEST_SOUGHT": 20, "_EVENLY": 0.1}
    for name, value in smaller.items():
        monkeypatch.setattr(s3_pages, name, value)


def requests_of(aws: MotoServer, run: Callable[[], Any]) -> list[Request]:
    """Return the requests that a function sends."""
    before = len(aws.faults.requests)
    run()
    return aws.faults.requests[before:]


def put(bucket: str, keys: Iterable[str]) -> None:
    """Put many objects into moto's memory: a request for each would take half a minute."""
    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, b"")


# Addresses


def test_an_address_consists_of_bucket_and_prefix(bucket: str, aws: MotoServer):
    for root in (f"s3://{bucket}/a/zone", f"s3://{bucket}/a/zone/"):
        zone = open_store(root)
        assert (zone.root, zone.uri("b/c.csv")) == (f"s3://{bucket}/a/zone", f"s3://{bucket}/a/zone/b/c.csv")
    open_store(f"s3://{bucket}").write("b.csv", b"x")
    assert [request.path for request in requests_of(aws, lambda: open_store(f"s3://{bucket}").read("b.csv"))] == [
        f"/{bucket}/b.csv"
    ]


def test_objects_outside_of_the_prefix_are_not_listed(store: S3Store, bucket: str):
    for key in ("zone", "zone2/a.csv", "other.csv", "zone/a.csv"):
        open_store(f"s3://{bucket}").write(key, b"")
    assert [item.key for item in store.list_objects()] == ["a.csv"]


@pytest.mark.parametrize("key", ["folder/", "folder_$folder$", "a/b_$folder$"])
def test_folder_markers_are_not_listed(key: str, store: S3Store):
    store.write(key, b"")
    store.write("folder/a.csv", b"")
    assert [item.key for item in store.list_objects()] == ["folder/a.csv"]


def test_an_object_is_stable_at_once(store: S3Store):
    store.write("a.csv", b"")
    (item,) = store.list_objects()
    assert item.written_at is None
    assert item.is_stable(item.modified_at)


def test_a_marker_of_spark_is_neither_an_unmatched_file_nor_a_recurring_change(store: S3Store, tmp_path: Path):
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    for key in ("ledger/_SUCCESS", "ledger_1.csv", "other.csv"):
        store.write(key, b"x\n")
    register = Register(LocalStore(tmp_path / "processed"))
    scan = scan_raw_zone(store, register, load_feed_set(tmp_path / "feeds"), settings(), at=NOON, run_id="run")
    assert (scan.unmatched, scan.new_count) == (["other.csv"], 1)
    assert "ledger/_SUCCESS" in scan.etags


# Listing


@pytest.mark.usefixtures("small_pages")
def test_several_pages_are_listed_in_the_order_of_keys_and_deleted_in_batches(
    store: S3Store, bucket: str, aws: MotoServer
):
    names = [f"{number * 7919 % 110:05d}.csv" for number in range(110)]
    put(bucket, (f"zone/many/{name}" for name in names))
    keys: list[str] = []
    pages = requests_of(aws, lambda: keys.extend(item.key for item in store.list_objects("many")))
    assert keys == [f"many/{name}" for name in sorted(names)]
    assert len(pages) == 2
    last = ["many/00108.csv", "many/00109.csv"]
    assert [item.key for item in store.list_objects("many", after="many/00107.csv")] == last
    deletions = requests_of(aws, lambda: store.delete_folder("many"))
    assert [request.method for request in deletions].count("POST") == 2
    assert list(store.list_objects()) == []


@pytest.mark.usefixtures("small_pages")
def test_a_listing_requests_a_page_when_it_is_needed(store: S3Store, bucket: str, aws: MotoServer):
    put(bucket, (f"zone/{number:05d}" for number in range(101)))
    assert len(requests_of(aws, lambda: next(store.list_objects()))) == 1


def hashes(count: int) -> list[str]:
    return sorted(hashlib.sha256(str(number).encode()).hexdigest()[:16] for number in range(count))


def listed(store: S3Store, prefix: str = "") -> list[str]:
    return [item.key for item in store.list_objects(prefix)]


def test_pages_of_names_that_are_hashes_are_requested_at_once(store: S3Store, bucket: str, aws: MotoServer):
    names = [f"commits/{name}.json" for name in hashes(5000)]
    put(bucket, (f"zone/{name}" for name in names))
    put(bucket, ["zone/commits/booked-1.json", "zone/commits/zz.json"])
    names = sorted([*names, "commits/booked-1.json", "commits/zz.json"])
    found: list[str] = []
    requests = requests_of(aws, lambda: found.extend(listed(store, "commits")))
    assert found == names
    assert len(requests) <= 8  # pages of which none has to wait for the one before; one after another there are six
    assert sum("start-after" in request.query for request in requests) == len(requests) - 1


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"{name}/part-{n}.parquet" for name in hashes(90) for n in range(3)], id="folders of hashes"),
        pytest.param([f"{number:08d}.csv" for number in range(250)], id="numbers"),
        pytest.param([f"2025{number:04d}_ledger.csv" for number in range(250)], id="dates"),
        pytest.param([f"{0xF0000000 + number:08x}" for number in range(250)], id="hexadecimal numbers"),
        pytest.param([*hashes(30), *(f"00{name}" for name in hashes(110))], id="hashes of which most are alike"),
        pytest.param([f"{folder}/{name}" for folder in ("a", "a-b", "b", "c") for name in hashes(70)], id="folders"),
        pytest.param([*(f"a/{name}" for name in hashes(120)), "b.csv", "b/c.csv"], id="folders and files"),
        pytest.param([f"f{number:04d}/x.csv" for number in range(150)], id="many folders"),
    ],
)
def test_whatever_the_names_a_listing_has_each_object_once_and_in_order(
    store: S3Store, bucket: str, aws: MotoServer, names: list[str]
):
    put(bucket, (f"zone/{name}" for name in names))
    put(bucket, ["zone-2/other.csv", "zonf"])
    found: list[str] = []
    requests = requests_of(aws, lambda: found.extend(listed(store)))
    assert found == sorted(names)
    assert len(requests) < 40


@pytest.mark.usefixtures("small_pages")
def test_a_folder_that_was_listed_is_listed_again_in_parts_at_once(store: S3Store, bucket: str, aws: MotoServer):
    names = [f"{number:05d}.csv" for number in range(0, 700, 2)]
    put(bucket, (f"zone/dates/{name}" for name in names))
    assert listed(store, "dates") == [f"dates/{name}" for name in names]  # one page after another
    put(bucket, (f"zone/dates/{name}" for name in ("00001.csv", "00301.csv", "99999.csv")))
    store.delete("dates/00000.csv")
    names = sorted({*names, "00001.csv", "00301.csv", "99999.csv"} - {"00000.csv"})
    found: list[str] = []
    requests = requests_of(aws, lambda: found.extend(listed(store, "dates")))
    assert found == [f"dates/{name}" for name in names]
    starts = {parse_qs(request.query).get("start-after", [""])[0] for request in requests}
    assert len(requests) == len(starts) == 5
    assert starts == {"", *(f"zone/dates/{160 * part - 2:05d}.csv" for part in range(1, 5))}


@pytest.mark.usefixtures("small_pages")
def test_a_folder_of_which_most_was_removed_is_listed_as_it_is_now(store: S3Store, bucket: str):
    put(bucket, (f"zone/dates/{number:05d}.csv" for number in range(110)))
    assert len(listed(store, "dates")) == 110
    store.delete_folder("dates")
    assert listed(store, "dates") == []
    put(bucket, (f"zone/dates/{number:05d}.csv" for number in range(50, 270)))
    assert listed(store, "dates") == [f"dates/{number:05d}.csv" for number in range(50, 270)]


@pytest.mark.usefixtures("small_pages")
def test_objects_that_are_known_are_found_without_a_listing_of_all(store: S3Store, bucket: str, aws: MotoServer):
    names = [f"rows/{number:05d}/part.parquet" for number in range(400)]
    put(bucket, (f"zone/{name}" for name in names))
    sought = [*names[:5], "rows/00004/part.parquet.crc", "rows/00200/other.parquet", *names[395:], "sums/a.json"]
    found: dict[str, StoredObject] = {}
    requests = requests_of(aws, lambda: found.update(store.find_objects(sought)))
    assert list(found) == [*names[:5], *names[395:]]
    assert len(requests) == 4  # two pages with objects that exist, one where one would be, and another folder
    found.clear()
    requests = requests_of(aws, lambda: found.update(store.find_objects(names)))
    assert list(found) == names
    assert len(requests) == 10  # 40 in each, and no page after another


@pytest.mark.usefixtures("small_pages")
def test_the_objects_that_were_sought_say_how_a_listing_of_everything_is_cut(
    store: S3Store, bucket: str, aws: MotoServer
):
    names = [f"rows/{number // 4:03d}/{number:05d}.parquet" for number in range(400)]
    put(bucket, (f"zone/{name}" for name in [*names, "a/1.json", "rows/_log/1.json", "s/1.json"]))
    store.find_objects(names)
    found: list[str] = []
    requests = requests_of(aws, lambda: found.extend(listed(store)))
    assert found == sorted([*names, "a/1.json", "rows/_log/1.json", "s/1.json"])
    assert len(requests) < 15  # and not one for each of a hundred folders


def test_a_small_object_is_read_by_one_request(store: S3Store, aws: MotoServer):
    store.write("a.json", b"x" * 100_000)
    assert len(requests_of(aws, lambda: store.read("a.json"))) == 1
    assert len(requests_of(aws, lambda: store.fingerprint("a.json"))) == 1


def test_a_local_copy_is_fetched_once_and_removed_afterwards(store: S3Store, aws: MotoServer):
    store.write("a.csv", b"1,2\n" * 1000)
    paths: list[Path] = []

    def read_thrice() -> None:
        with store.local_copy("a.csv") as copy:
            for _ in range(3):
                with copy.open() as stream:
                    paths.append(Path(stream.name))
                    assert len(stream.read()) == 4000
            assert copy.fingerprint()

    assert len(requests_of(aws, read_thrice)) == 1
    assert paths[0].parent.name.startswith("fetched-")
    assert not paths[0].parent.exists()


def test_a_large_object_is_streamed_for_several_reads_and_requested_no_more_often_than_it_is_read(
    store: S3Store, aws: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(s3, "COPIED_BYTES", 1 << 20)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = bytes(range(256)) * (1 << 13)
    store.write("a.csv", data)
    read: list[bytes] = []
    fingerprints: list[str] = []

    def read_head_and_whole() -> None:
        with store.local_copy("a.csv") as copy:
            for size in (100, -1):
                with copy.open() as stream:
                    read.append(stream.read(size))
            fingerprints.append(copy.fingerprint())
            assert list(tmp_path.iterdir()) == []

    pieces = requests_of(aws, read_head_and_whole)
    assert (read[0], read[1] == data) == (data[:100], True)
    assert fingerprints == [hashlib.sha256(data).hexdigest()]
    # The size, the head, the whole in two pieces, and nothing but a start for the hash.
    assert [request.headers["range"] for request in pieces] == [
        *["bytes=0-131071"] * 3,
        "bytes=131072-8519679",
        "bytes=0-131071",
    ]
    assert all("if-match" in request.headers for request in pieces[1:])


def test_a_large_object_that_is_overwritten_between_two_reads_cannot_be_read_any_more(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3, "COPIED_BYTES", 10)
    store.write("a.csv", b"1,2\n" * 10)
    with store.local_copy("a.csv") as copy:
        copy.open().close()
        store.write("a.csv", b"1,3\n" * 10)
        with pytest.raises(TransientStorageError, match="overwritten meanwhile"):
            copy.open()
        with pytest.raises(TransientStorageError, match="overwritten meanwhile"):
            copy.fingerprint()


# Writing


def test_a_large_object_is_written_in_parts_and_read_in_pieces(
    store: S3Store, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3, "_MULTIPART_BYTES", 5 << 20)
    data = bytes(range(256)) * (11 << 12)
    parts = requests_of(aws, lambda: store.write("a.bin", data))
    assert sum("partNumber" in request.query for request in parts) == 3
    pieces = requests_of(aws, lambda: store.fingerprint("a.bin"))
    ranges = ["bytes=0-131071", "bytes=131072-8519679", "bytes=8519680-16908287"]
    assert [request.headers["range"] for request in pieces] == ranges
    assert [request.headers.get("if-match") is not None for request in pieces] == [False, True, True]
    assert store.read("a.bin") == data


def test_objects_are_encrypted_with_the_configured_key(bucket: str, aws: MotoServer, monkeypatch: Any):
    key = "arn:aws:kms:eu-central-1:123456789012:key/0f4c8a2e-5b7d-4e7e-9d39-7f2f4b1d6c11"
    store = open_store(f"s3://{bucket}", S3Options(kms_key_id=key))
    monkeypatch.setattr(s3, "_MULTIPART_BYTES", 5 << 20)

    def write_all() -> None:
        store.write("a", b"x")
        store.write_new("b", b"x")
        store.write("c", b"x" * (6 << 20))

    requests = requests_of(aws, write_all)
    writes = [write for write in requests if "partNumber" not in write.query and "uploadId" not in write.query]
    name = "x-amz-server-side-encryption"
    actual = [(write.headers.get(name), write.headers.get(f"{name}-aws-kms-key-id")) for write in writes]
    assert actual == [("aws:kms", key)] * 3
    assert s3_client(NO_OPTIONS).head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key


def test_without_a_configured_key_the_bucket_s_default_encryption_applies(store: S3Store, aws: MotoServer):
    (request,) = requests_of(aws, lambda: store.write("a", b"x"))
    assert "x-amz-server-side-encryption" not in request.headers


def test_evidence_is_locked_as_it_is_written_and_all_else_is_not(aws: MotoServer):
    client, name = s3_client(NO_OPTIONS), f"locked-{aws.new_bucket()}"
    region = {"LocationConstraint": REGION}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=region, ObjectLockEnabledForBucket=True)
    locking = S3Store(f"s3://{name}/zone", client, S3Options(lock_days=30, lock_mode="COMPLIANCE"))
    event = "register/000000000001.json"
    assert locking.write_new(event, b"{}")
    for key in ("loads/1.json", "slices/fact/1.json"):
        locking.write(key, b"{}")
    found = {
        key: client.head_object(Bucket=name, Key=f"zone/{key}") for key in (event, "loads/1.json", "slices/fact/1.json")
    }
    days = [(item["ObjectLockRetainUntilDate"] - datetime.now(UTC)).total_seconds() / 86400 for item in found.values()
            if "ObjectLockRetainUntilDate" in item]  # fmt: skip
    assert [round(number) for number in days] == [30, 30]
    assert found[event]["ObjectLockMode"] == "COMPLIANCE"
    locking.delete(event)  # hides the version, which stays
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=name, Key=f"zone/{event}", VersionId=found[event]["VersionId"])


def test_evidence_that_is_written_in_parts_is_locked_too(bucket: str, aws: MotoServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3, "_MULTIPART_BYTES", 5 << 20)
    locking = S3Store(f"s3://{bucket}", s3_client(NO_OPTIONS), S3Options(lock_days=30))
    first, *_ = requests_of(aws, lambda: locking.write("loads/large.parquet", bytes(6 << 20)))
    assert (first.method, first.query, first.headers["x-amz-object-lock-mode"]) == ("POST", "uploads", "GOVERNANCE")


def test_without_a_lock_a_write_asks_for_none(store: S3Store, aws: MotoServer):
    (request,) = requests_of(aws, lambda: store.write("register/1.json", b"{}"))
    assert not [name for name in request.headers if "object-lock" in name]


def test_the_folders_of_evidence_are_those_that_the_platform_writes_it_to():
    assert {
        access_rights.FOLDER,
        load_records.FOLDER,
        signatures.FOLDER,
        register.FOLDER,
        commits.RETIRED,
        commits._RETIRED_COUNTS,
    } == EVIDENCE_FOLDERS


def test_the_raw_zone_s_store_locks_nothing():
    home = settings(s3_lock_days=30, s3_lock_mode="COMPLIANCE")
    assert s3_options(home).lock_days == 30
    assert s3_options(home, is_raw=True).lock_days == 0


def test_requests_have_the_requester_pays_header_if_configured(bucket: str, aws: MotoServer):
    open_store(f"s3://{bucket}").write("a.csv", b"x")
    store = open_store(f"s3://{bucket}", S3Options(request_payer=True))

    def read_all() -> None:
        assert store.exists()
        list(store.list_objects())
        store.find("a.csv")
        store.read("a.csv")
        store.fingerprint("a.csv")

    assert [request.headers.get("x-amz-request-payer") for request in requests_of(aws, read_all)] == ["requester"] * 5
    assert "x-amz-request-payer" not in requests_of(aws, lambda: open_store(f"s3://{bucket}").read("a.csv"))[0].headers


def test_a_write_whose_response_was_lost_has_succeeded(store: S3Store, aws: MotoServer):
    with aws.faults.inject(lost_response(), method="PUT", times=1):
        assert store.write_new("a.json", b"1")
    item = store.find("a.json")
    assert item
    with aws.faults.inject(lost_response(), method="PUT", times=1):
        assert store.replace("a.json", b"2", etag=item.etag)
    assert store.read("a.json") == b"2"


def test_a_write_with_a_conflict_is_sent_again(store: S3Store, aws: MotoServer):
    conflict = error_response("409 Conflict", "ConditionalRequestConflict", "The conditional request cannot succeed.")
    with aws.faults.inject(conflict, method="PUT", times=3):
        assert store.write_new("a.json", b"1")


def test_a_refused_deletion_in_a_batch_response_is_an_error(store: S3Store, aws: MotoServer):
    for key in ("t/1", "t/2"):
        store.write(key, b"")
    refused = ok_response("<DeleteResult><Error><Key>zone/t/2</Key><Code>AccessDenied</Code></Error></DeleteResult>")
    with aws.faults.inject(refused, method="POST"), pytest.raises(StorageError, match="t/2: no permission"):
        store.delete_folder("t")


BUSY = ok_response("<DeleteResult><Error><Key>zone/t/1</Key><Code>InternalError</Code></Error></DeleteResult>")
"""S3 has removed the rest of a batch, and says so with status 200, after which no client sends the batch again."""


def test_what_s3_was_too_busy_to_delete_in_a_batch_is_sent_again(store: S3Store, aws: MotoServer):
    for key in ("t/1", "t/2"):
        store.write(key, b"")
    with aws.faults.inject(BUSY, method="POST", times=2):
        sent = requests_of(aws, lambda: store.delete_folder("t"))
    assert [one.method for one in sent].count("POST") == 3
    assert [item.key for item in store.list_objects("t")] == ["t/2"], "the third request has only what was refused"


def test_a_batch_that_s3_is_always_too_busy_to_delete_is_a_transient_error(
    store: S3Store, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3, "ATTEMPTS", 2)
    store.write("t/1", b"")
    with aws.faults.inject(BUSY, method="POST"), pytest.raises(TransientStorageError, match="InternalError"):
        store.delete_folder("t")
