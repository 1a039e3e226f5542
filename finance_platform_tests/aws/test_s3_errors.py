"""What goes wrong with S3, over a real wire: each with its class, its words and a fix, and nothing half done.

Belongs here: faults and what the platform says and does. Does not belong here: what goes well (see `test_s3_lake`).
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
from finance_platform_tests.aws.s3_faults import Broken, cut, denied, elsewhere, expired, gives, says, slow_down
from finance_platform_tests.unit.factories import LEDGER, feed, settings, write
from finance_platform_tests.unit.zone import NOON

ROWS = "Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.00\n"


@pytest.fixture(scope="module")
def impatient(moto: MotoServer) -> Any:
    """A client that gives up after its second attempt, to which it waits a second at most."""
    with in_environment(moto.environment), pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "ATTEMPTS", 2)
        return s3_client.__wrapped__(NO_OPTIONS)


@pytest.fixture
def lake(bucket: str, impatient: Any) -> S3Store:
    """A zone of the test's own."""
    return S3Store(f"s3://{bucket}/raw", impatient, NO_OPTIONS)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


READ, LIST, WRITE = (
    lambda lake: lake.read("a.csv"),
    lambda lake: list(lake.list_objects()),
    lambda lake: lake.write("b.csv", b"x"),
)
Use = Callable[[S3Store], object]


@pytest.mark.parametrize(
    ("broken", "use", "kind", "words", "fix"),
    [
        (slow_down(), LIST, TransientStorageError, "cannot list s3://{}/raw/: S3 returned SlowDown", "run again"),
        (slow_down(), READ, TransientStorageError, "cannot read s3://{}/raw/a.csv: S3 returned SlowDown", "run again"),
        (slow_down(), WRITE, TransientStorageError, "cannot write s3://{}/raw/b.csv: S3 returned SlowDown", "run again"),
        (expired(), LIST, StorageError, "the credentials have expired", "aws sso login"),
        (expired(), READ, StorageError, "the credentials have expired", "aws sso login"),
        (denied(), LIST, StorageError, "cannot list s3://{}/raw/: no permission", "s3:ListBucket"),
        (denied(), READ, UnreadableObjectError, "cannot read s3://{}/raw/a.csv: no permission", "s3:GetObject"),
        (denied(), WRITE, StorageError, "cannot write s3://{}/raw/b.csv: no permission", "s3:PutObject"),
        (elsewhere("us-west-2"), LIST, StorageError, "is in us-west-2", "AWS_REGION to us-west-2"),
        (
            says("404 Not Found", "NoSuchBucket"),
            LIST,
            StorageError,
            "there is no bucket {}",
            "or FINANCE_PLATFORM_SCRIPTS_URI",
        ),
        (says("403 Forbidden", "InvalidAccessKeyId"), LIST, StorageError, "credentials are not valid", "AWS_PROFILE"),
        (
            says("403 Forbidden", "SignatureDoesNotMatch"),
            LIST,
            StorageError,
            "credentials are not valid",
            "AWS_PROFILE",
        ),
        (says("403 Forbidden", "RequestTimeTooSkewed"), LIST, StorageError, "clock is wrong", "NTP"),
        (says("403 Forbidden", "InvalidObjectState"), READ, UnreadableObjectError, "archived", "restore it"),
        (says("400 Bad Request", "KMS.DisabledException"), WRITE, StorageError, "KMS.DisabledException", "key exists"),
        (says("500 Internal Server Error", "InternalError"), LIST, TransientStorageError, "InternalError", "run again"),
        (says("418 I'm a teapot", "Unheard"), LIST, StorageError, "S3 returned Unheard", "look the code up"),
        (cut(), LIST, TransientStorageError, "cannot list", "run again"),
    ],
)
def test_each_failure_has_its_class_its_words_and_a_fix(
    broken: Broken, use: Use, kind: type[Exception], words: str, fix: str, lake: S3Store, aws: MotoServer, bucket: str
):
    lake.write("a.csv", b"x" * 100)
    with aws.faults.answering(broken), pytest.raises(kind) as caught:
        use(lake)
    assert type(caught.value) is kind
    assert isinstance(caught.value, FinancePlatformError)
    assert words.format(bucket) in caught.value.found
    assert fix in caught.value.fix
    use(lake)  # and it heals


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_missing_is_no_empty_zone():
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        open_store("s3://never-made/raw").exists()


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_missing_is_not_taken_for_somebody_who_was_faster():
    zone = open_store("s3://never-made/raw")
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        zone.write_new("a.json", b"x")
    with pytest.raises(StorageError, match="there is no bucket never-made"):
        zone.replace("a.json", b"x", etag='"1"')


def test_without_credentials_the_error_says_how_to_give_some(moto: MotoServer):
    nobodys = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    with in_environment(nobodys), pytest.raises(StorageError, match="no credentials were found") as caught:
        open_store("s3://bucket/raw").exists()
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix


PROFILES = """
[profile runs-a-program]
credential_process = /nowhere/program
[profile without-a-source]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = nobody
[profile logged-out]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = reader
"""


@pytest.mark.parametrize(
    ("more", "options", "words", "fix"),
    [
        ({"AWS_PROFILE": "never-made"}, NO_OPTIONS, "never-made", "AWS_PROFILE"),
        ({"AWS_PROFILE": "runs-a-program"}, NO_OPTIONS, "/nowhere/program", "AWS_PROFILE"),
        ({"AWS_PROFILE": "without-a-source"}, NO_OPTIONS, "nobody", "AWS_CONFIG_FILE"),
        ({"AWS_PROFILE": "logged-out"}, NO_OPTIONS, "no credentials were found", "aws sso login"),
        ({"AWS_ACCESS_KEY_ID": "half"}, NO_OPTIONS, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        ({}, S3Options(region="eu central"), "eu central", "AWS_REGION"),
        ({}, S3Options(endpoint_url="nonsense"), "nonsense", "S3_ENDPOINT_URL"),
    ],
)
def test_what_boto3_refuses_before_it_asks_anybody_is_said_in_words(
    more: dict[str, str], options: S3Options, words: str, fix: str, moto: MotoServer, tmp_path: Path
):
    (tmp_path / "config").write_text(PROFILES)
    nobodys = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    environment = {**nobodys, **more, "AWS_CONFIG_FILE": str(tmp_path / "config")}
    with in_environment(environment), pytest.raises(StorageError, match=words) as caught:
        open_store("s3://bucket/raw", options).exists()
    assert type(caught.value) is StorageError
    assert fix in caught.value.fix


@pytest.mark.usefixtures("aws")
def test_a_server_that_is_not_there_is_worth_another_try(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    options = S3Options(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(TransientStorageError, match="the connection failed"):
        open_store("s3://bucket/raw", options).exists()


# Reading in pieces


def test_a_connection_that_is_cut_is_gone_on_with(lake: S3Store, aws: MotoServer):
    lake.write("a.bin", bytes(range(256)) * 1000)
    for times in (1, 3):
        with aws.faults.answering(cut(), method="GET", to="a.bin", times=times):
            assert lake.fingerprint("a.bin") == sha256(bytes(range(256)) * 1000)


def test_an_object_that_is_overwritten_while_it_is_read_is_no_mixture(lake: S3Store):
    lake.write("a.bin", b"a" * 300_000)
    with lake.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        lake.write("a.bin", b"b" * 300_000)
        with pytest.raises(TransientStorageError, match="overwritten meanwhile"):
            stream.read()


def test_an_object_that_goes_while_it_is_read_is_not_found(lake: S3Store):
    lake.write("a.bin", b"a" * 300_000)
    with lake.open("a.bin") as stream:
        lake.delete("a.bin")
        with pytest.raises(FileNotFoundError):
            stream.read()


# One object among many


def taken(lake: S3Store, home: Path) -> RawZoneScan:
    write(home / "feeds" / "ledger.yaml", LEDGER)
    register = Register(LocalStore(home / "processed"))
    return scan_raw_zone(lake, register, load_feed_set(home / "feeds"), settings(), at=NOON, run_id="run")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (slow_down(), "S3 returned SlowDown"),
        (cut(), "the connection failed"),
        (denied(), "no permission"),
        (says("404 Not Found", "NoSuchKey"), "there is no such object"),
    ],
    ids=["throttled", "cut", "denied", "gone between list and read"],
)
def test_one_object_that_cannot_be_had_stops_no_other_and_the_next_run_takes_it(
    broken: Broken, words: str, lake: S3Store, aws: MotoServer, tmp_path: Path
):
    for number in (1, 2, 3):
        lake.write(f"ledger_{number}.csv", ROWS.replace("100.00", f"{number}").encode())
    with aws.faults.answering(broken, method="GET", to="ledger_2"):
        found = taken(lake, tmp_path)
    assert [event.object_key for event in found.events] == ["ledger_1.csv", "ledger_3.csv"]
    (problem,) = found.problems
    assert (problem.where, problem.feed) == ("ledger_2.csv", "ledger")
    assert words in problem.message
    assert problem.fix
    healed = taken(lake, tmp_path)
    assert ([event.object_key for event in healed.events[2:]], healed.problems) == (["ledger_2.csv"], [])


def test_what_the_storage_did_not_give_just_now_stays_news(lake: S3Store, aws: MotoServer, tmp_path: Path):
    lake.write("ledger_1.csv", ROWS.encode())
    first = taken(lake, tmp_path)
    lake.write("ledger_1.csv", ROWS.replace("100.00", "7.00").encode())
    lake.write("ledger_2.csv", ROWS.encode())
    with aws.faults.answering(slow_down(), method="GET", to="ledger_"):
        found = taken(lake, tmp_path)
    assert found.unavailable == ["ledger_1.csv", "ledger_2.csv"]
    assert dict(found.etags) == dict(first.etags), "the next look finds both as new as they were"
    assert (found.present, found.vanished) == (first.present, [])


@pytest.mark.parametrize("broken", [expired(), denied(), says("404 Not Found", "NoSuchBucket"), elsewhere("us-west-2")])
def test_what_stops_every_object_stops_the_look_and_enters_nothing(
    broken: Broken, lake: S3Store, aws: MotoServer, tmp_path: Path
):
    lake.write("ledger_1.csv", ROWS.encode())
    with aws.faults.answering(broken), pytest.raises(StorageError):
        taken(lake, tmp_path)
    assert Register(LocalStore(tmp_path / "processed")).events() == []


def outcome_of(batches: Sequence[pa.RecordBatch]) -> tuple[Any, Any]:
    last = batches[-1].to_pylist()[-1]
    return last["outcome"], last["reasons"]


def read(lake: S3Store) -> list[pa.RecordBatch]:
    wanted = FileToRead("id", "ledger_1.csv", "ledger", sha256(ROWS.encode()))
    return list(read_file("ledger", feed(LEDGER), lake, wanted))


def test_a_raw_file_on_s3_is_asked_for_once_and_read_as_on_disk(lake: S3Store, aws: MotoServer, tmp_path: Path):
    lake.write("ledger_1.csv", ROWS.encode())
    before = len(aws.faults.seen)
    found = read(lake)
    assert len(aws.faults.seen) - before == 1
    write(tmp_path / "ledger_1.csv", ROWS)
    wanted = FileToRead("id", "ledger_1.csv", "ledger", sha256(ROWS.encode()))
    assert found == list(read_file("ledger", feed(LEDGER), LocalStore(tmp_path), wanted))
    assert outcome_of(found)[0] == MEASURED


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (slow_down(), "S3 returned SlowDown"),
        (cut(), "the connection failed"),
        (denied(), "no permission"),
        (says("404 Not Found", "NoSuchKey"), "there is no such object"),
        (gives(ROWS.replace("100.00", "999.00"), {"ETag": '"1"'}), "the file was overwritten before it was read"),
    ],
    ids=["throttled", "cut", "denied", "gone", "overwritten"],
)
def test_a_raw_file_that_cannot_be_read_is_said_to_be_unread_and_no_row_of_it_is_kept(
    broken: Broken, reason: str, lake: S3Store, aws: MotoServer
):
    lake.write("ledger_1.csv", ROWS.encode())
    with aws.faults.answering(broken, method="GET", to="ledger_1"):
        outcome, said = outcome_of(read(lake))
    assert outcome == NOT_OPENED
    assert reason in said
    assert outcome_of(read(lake))[0] == MEASURED


def test_expired_credentials_stop_the_reading_of_all_files(lake: S3Store, aws: MotoServer):
    lake.write("ledger_1.csv", ROWS.encode())
    with aws.faults.answering(expired()), pytest.raises(StorageError, match="have expired"):
        read(lake)


# The command line


def on_s3(bucket: str, tmp_path: Path) -> Any:
    return settings(home=tmp_path, raw_uri=f"s3://{bucket}/raw/", processed_uri=f"s3://{bucket}/processed")


def test_a_home_whose_raw_zone_is_on_s3_is_there_without_a_folder(bucket: str, tmp_path: Path):
    found = on_s3(bucket, tmp_path)
    assert require_raw_zone(found) == found
    with pytest.raises(StorageError, match="there is no bucket"):
        require_raw_zone(on_s3("never-made", tmp_path))


def test_an_object_may_be_named_by_its_address(tmp_path: Path):
    found = on_s3("lake", tmp_path)
    assert (
        object_key(found, "s3://lake/raw/council/a b.csv") == object_key(found, "council/a b.csv") == "council/a b.csv"
    )
