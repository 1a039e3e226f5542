"""Errors of S3 over real HTTP: each has a class, a message and a fix, and leaves nothing incomplete.

Belongs here: faults and their errors. Does not belong here: successful requests (see `test_s3_store`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.cli.options import object_key, require_raw_zone
from finance_platform.contracts.schemas import MEASURED, NOT_OPENED
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.errors import FinancePlatformError, StorageError, TransientStorageError, UnreadableObjectError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage import s3
from finance_platform.storage.factory import open_store
from finance_platform.storage.local import LocalStore
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options
from finance_platform_tests.aws.moto_server import MotoServer, in_environment
from finance_platform_tests.aws.s3_faults import (
    Fault,
    cut_connection,
    denied,
    error_response,
    expired,
    ok_response,
    slow_down,
    stall,
    wrong_region,
)
from finance_platform_tests.unit.factories import LEDGER, feed, settings, write
from finance_platform_tests.unit.zone import NOON

ROWS = "Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.00\n"


@pytest.fixture(scope="module")
def impatient_client(moto: MotoServer) -> Any:
    """A client that gives up after its second attempt, at most a second later."""
    with in_environment(moto.environment), pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "ATTEMPTS", 2)
        return s3_client.__wrapped__(NO_OPTIONS)


@pytest.fixture
def store(bucket: str, impatient_client: Any) -> S3Store:
    """A store of the test's own."""
    return S3Store(f"s3://{bucket}/raw", impatient_client, NO_OPTIONS)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


READ, LIST, WRITE = (
    lambda store: store.read("a.csv"),
    lambda store: list(store.list_objects()),
    lambda store: store.write("b.csv", b"x"),
)
Use = Callable[[S3Store], object]


@pytest.mark.parametrize(
    ("fault", "use", "kind", "message", "fix"),
    [
        (slow_down(), LIST, TransientStorageError, "cannot list s3://{}/raw/: S3 returned SlowDown", "run again"),
        (slow_down(), READ, TransientStorageError, "cannot read s3://{}/raw/a.csv: S3 returned SlowDown", "run again"),
        (
            slow_down(),
            WRITE,
            TransientStorageError,
            "cannot write s3://{}/raw/b.csv: S3 returned SlowDown",
            "run again",
        ),
        (expired(), LIST, StorageError, "the credentials have expired", "aws sso login"),
        (expired(), READ, StorageError, "the credentials have expired", "aws sso login"),
        (denied(), LIST, StorageError, "cannot list s3://{}/raw/: no permission", "s3:ListBucket"),
        (denied(), READ, UnreadableObjectError, "cannot read s3://{}/raw/a.csv: no permission", "s3:GetObject"),
        (denied(), WRITE, StorageError, "cannot write s3://{}/raw/b.csv: no permission", "s3:PutObject"),
        (wrong_region("us-west-2"), LIST, StorageError, "is in us-west-2", "AWS_REGION to us-west-2"),
        (
            error_response("404 Not Found", "NoSuchBucket"),
            LIST,
            StorageError,
            "there is no bucket {}",
            "or FINANCE_PLATFORM_SCRIPTS_URI",
        ),
        (
            error_response("403 Forbidden", "InvalidAccessKeyId"),
            LIST,
            StorageError,
            "credentials are not valid",
            "AWS_PROFILE",
        ),
        (
            error_response("403 Forbidden", "SignatureDoesNotMatch"),
            LIST,
            StorageError,
            "credentials are not valid",
            "AWS_PROFILE",
        ),
        (error_response("403 Forbidden", "RequestTimeTooSkewed"), LIST, StorageError, "clock is wrong", "NTP"),
        (error_response("403 Forbidden", "InvalidObjectState"), READ, UnreadableObjectError, "archived", "restore it"),
        (
            error_response("400 Bad Request", "KMS.DisabledException"),
            WRITE,
            StorageError,
            "KMS.DisabledException",
            "key exists",
        ),
        (
            error_response("500 Internal Server Error", "InternalError"),
            LIST,
            TransientStorageError,
            "InternalError",
            "run again",
        ),
        (error_response("418 I'm a teapot", "Unheard"), LIST, StorageError, "S3 returned Unheard", "look the code up"),
        (cut_connection(), LIST, TransientStorageError, "cannot list", "run again"),
    ],
)
def test_each_failure_has_an_error_class_a_message_and_a_fix(
    fault: Fault, use: Use, kind: type[Exception], message: str, fix: str, store: S3Store, aws: MotoServer, bucket: str
):
    store.write("a.csv", b"x" * 100)
    with aws.faults.inject(fault), pytest.raises(kind) as caught:
        use(store)
    assert type(caught.value) is kind
    assert isinstance(caught.value, FinancePlatformError)
    assert message.format(bucket) in caught.value.found
    assert fix in caught.value.fix
    use(store)  # succeeds without the fault


@pytest.mark.usefixtures("aws")
def test_a_missing_bucket_is_an_error():
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        open_store("s3://never-made/raw").exists()


@pytest.mark.usefixtures("aws")
def test_a_conditional_write_to_a_missing_bucket_is_an_error():
    zone = open_store("s3://never-made/raw")
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        zone.write_new("a.json", b"x")
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        zone.replace("a.json", b"x", etag='"1"')


def test_the_fix_for_missing_credentials_names_the_variables(moto: MotoServer):
    environment = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    with in_environment(environment), pytest.raises(StorageError, match="no credentials were found") as caught:
        open_store("s3://bucket/raw").exists()
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix


PROFILES = """
[profile runs-a-program]
credential_process = /nowhere/program
[profile without-a-source]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = missing
[profile logged-out]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = reader
"""


@pytest.mark.parametrize(
    ("variables", "options", "message", "fix"),
    [
        ({"AWS_PROFILE": "never-made"}, NO_OPTIONS, "never-made", "AWS_PROFILE"),
        ({"AWS_PROFILE": "runs-a-program"}, NO_OPTIONS, "/nowhere/program", "AWS_PROFILE"),
        ({"AWS_PROFILE": "without-a-source"}, NO_OPTIONS, "missing", "AWS_CONFIG_FILE"),
        ({"AWS_PROFILE": "logged-out"}, NO_OPTIONS, "no credentials were found", "aws sso login"),
        ({"AWS_ACCESS_KEY_ID": "half"}, NO_OPTIONS, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        ({}, S3Options(region="eu central"), "eu central", "AWS_REGION"),
        ({}, S3Options(endpoint_url="nonsense"), "nonsense", "S3_ENDPOINT_URL"),
        ({}, S3Options(endpoint_url="ops:hunter2@s3"), r"endpoint: \*\*\*@s3\n", "S3_ENDPOINT_URL"),
    ],
)
def test_invalid_client_settings_are_an_error_with_a_fix(
    variables: dict[str, str], options: S3Options, message: str, fix: str, moto: MotoServer, tmp_path: Path
):
    (tmp_path / "config").write_text(PROFILES)
    environment = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    environment |= {**variables, "AWS_CONFIG_FILE": str(tmp_path / "config")}
    with in_environment(environment), pytest.raises(StorageError, match=message) as caught:
        open_store("s3://bucket/raw", options).exists()
    assert type(caught.value) is StorageError
    assert fix in caught.value.fix


@pytest.mark.usefixtures("aws")
def test_an_unreachable_server_is_a_transient_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    options = S3Options(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(TransientStorageError, match="the connection failed"):
        open_store("s3://bucket/raw", options).exists()


# Reading in pieces


def test_a_broken_connection_is_retried(store: S3Store, aws: MotoServer):
    store.write("a.bin", bytes(range(256)) * 1000)
    for times in (1, 3):
        with aws.faults.inject(cut_connection(), method="GET", to="a.bin", times=times):
            assert store.fingerprint("a.bin") == sha256(bytes(range(256)) * 1000)


def test_a_read_that_makes_no_progress_ends_with_an_error(
    moto: MotoServer, bucket: str, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(s3, "_READ_SECONDS", 0.1)
    with in_environment(moto.environment):
        store = S3Store(f"s3://{bucket}/raw", s3_client.__wrapped__(NO_OPTIONS), NO_OPTIONS)
    store.write("a.bin", bytes(1000))
    uses: list[Use] = [lambda store: store.read("a.bin"), lambda store: store.fingerprint("a.bin")]
    with aws.faults.inject(stall(), method="GET", to="a.bin"):
        for use in uses:
            with pytest.raises(TransientStorageError, match="the connection failed"):
                use(store)
    with aws.faults.inject(stall(), method="GET", to="a.bin", times=1):
        assert store.read("a.bin") == bytes(1000)


def test_an_object_that_is_overwritten_during_a_read_is_an_error(store: S3Store):
    store.write("a.bin", b"a" * 300_000)
    with store.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        store.write("a.bin", b"b" * 300_000)
        with pytest.raises(TransientStorageError, match="overwritten meanwhile"):
            stream.read()


def test_an_object_that_is_deleted_during_a_read_is_not_found(store: S3Store):
    store.write("a.bin", b"a" * 300_000)
    with store.open("a.bin") as stream:
        store.delete("a.bin")
        with pytest.raises(FileNotFoundError):
            stream.read()


# One object among many


def scan(store: S3Store, home: Path) -> RawZoneScan:
    write(home / "feeds" / "ledger.yaml", LEDGER)
    register = Register(LocalStore(home / "processed"))
    scan = scan_raw_zone(store, register, load_feed_set(home / "feeds"), settings(), at=NOON, run_id="run")
    register.append(scan.new)
    return scan


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (slow_down(), "S3 returned SlowDown"),
        (cut_connection(), "the connection failed"),
        (denied(), "no permission"),
        (error_response("404 Not Found", "NoSuchKey"), "there is no such object"),
    ],
    ids=["throttled", "cut", "denied", "gone between list and read"],
)
def test_an_unavailable_object_affects_no_other_and_is_discovered_by_the_next_scan(
    fault: Fault, message: str, store: S3Store, aws: MotoServer, tmp_path: Path
):
    for number in (1, 2, 3):
        store.write(f"ledger_{number}.csv", ROWS.replace("100.00", f"{number}").encode())
    with aws.faults.inject(fault, method="GET", to="ledger_2"):
        faulty = scan(store, tmp_path)
    assert [event.object_key for event in faulty.events] == ["ledger_1.csv", "ledger_3.csv"]
    (problem,) = faulty.problems
    assert (problem.where, problem.feed) == ("ledger_2.csv", "ledger")
    assert message in problem.message
    assert problem.fix
    second = scan(store, tmp_path)
    assert ([event.object_key for event in second.events[2:]], second.problems) == (["ledger_2.csv"], [])


def test_an_unavailable_object_keeps_its_last_etag(store: S3Store, aws: MotoServer, tmp_path: Path):
    store.write("ledger_1.csv", ROWS.encode())
    first = scan(store, tmp_path)
    store.write("ledger_1.csv", ROWS.replace("100.00", "7.00").encode())
    store.write("ledger_2.csv", ROWS.encode())
    with aws.faults.inject(slow_down(), method="GET", to="ledger_"):
        faulty = scan(store, tmp_path)
    assert faulty.unavailable == ["ledger_1.csv", "ledger_2.csv"]
    assert dict(faulty.etags) == dict(first.etags), "the next scan detects the same changes"
    assert (faulty.present, faulty.vanished) == (first.present, [])


@pytest.mark.parametrize(
    "fault", [expired(), denied(), error_response("404 Not Found", "NoSuchBucket"), wrong_region("us-west-2")]
)
def test_an_error_of_all_objects_stops_the_scan_and_records_nothing(
    fault: Fault, store: S3Store, aws: MotoServer, tmp_path: Path
):
    store.write("ledger_1.csv", ROWS.encode())
    with aws.faults.inject(fault), pytest.raises(StorageError):
        scan(store, tmp_path)
    assert not Register(LocalStore(tmp_path / "processed")).events()


def outcome_of(batches: Sequence[pa.RecordBatch]) -> tuple[Any, Any]:
    last = batches[-1].to_pylist()[-1]
    return last["outcome"], last["reasons"]


def read(store: S3Store) -> list[pa.RecordBatch]:
    file = FileToRead("id", "ledger_1.csv", "ledger", sha256(ROWS.encode()))
    return list(read_file("ledger", feed(LEDGER), store, file))


def test_a_raw_file_on_s3_is_requested_once_and_read_as_on_disk(store: S3Store, aws: MotoServer, tmp_path: Path):
    store.write("ledger_1.csv", ROWS.encode())
    before = len(aws.faults.requests)
    batches = read(store)
    assert len(aws.faults.requests) - before == 1
    write(tmp_path / "ledger_1.csv", ROWS)
    file = FileToRead("id", "ledger_1.csv", "ledger", sha256(ROWS.encode()))
    assert batches == list(read_file("ledger", feed(LEDGER), LocalStore(tmp_path), file))
    assert outcome_of(batches)[0] == MEASURED


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (slow_down(), "S3 returned SlowDown"),
        (cut_connection(), "the connection failed"),
        (denied(), "no permission"),
        (error_response("404 Not Found", "NoSuchKey"), "there is no such object"),
        (ok_response(ROWS.replace("100.00", "999.00"), {"ETag": '"1"'}), "the file was overwritten before it was read"),
    ],
    ids=["throttled", "cut", "denied", "gone", "overwritten"],
)
def test_a_raw_file_that_cannot_be_read_has_no_rows(fault: Fault, reason: str, store: S3Store, aws: MotoServer):
    store.write("ledger_1.csv", ROWS.encode())
    with aws.faults.inject(fault, method="GET", to="ledger_1"):
        outcome, reasons = outcome_of(read(store))
    assert outcome == NOT_OPENED
    assert reason in reasons
    assert outcome_of(read(store))[0] == MEASURED


def test_expired_credentials_stop_the_read(store: S3Store, aws: MotoServer):
    store.write("ledger_1.csv", ROWS.encode())
    with aws.faults.inject(expired()), pytest.raises(StorageError, match="have expired"):
        read(store)


# The command line


def on_s3(bucket: str, tmp_path: Path) -> Any:
    return settings(home=tmp_path, raw_uri=f"s3://{bucket}/raw/", processed_uri=f"s3://{bucket}/processed")


def test_a_home_with_a_raw_zone_on_s3_needs_no_folder(bucket: str, tmp_path: Path):
    home = on_s3(bucket, tmp_path)
    assert require_raw_zone(home) == home
    with pytest.raises(StorageError, match="there is no bucket"):
        require_raw_zone(on_s3("never-made", tmp_path))


def test_an_object_can_be_given_by_its_address(tmp_path: Path):
    home = on_s3("bucket", tmp_path)
    for name in ("s3://bucket/raw/council/a b.csv", "council/a b.csv"):
        assert object_key(home, name) == "council/a b.csv"
