"""The tables of a job that runs on this machine: on disk until they are sent, and then in the zone as they were."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.deliveries.commits import DataFile
from finance_platform.spark_jobs.gathered_files import files_to_gather
from finance_platform.spark_jobs.output_on_disk import OutputOnDisk, output_of_job
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore

_FOLDER = "members/attempt/ledger"
_KEY = f"{_FOLDER}/split_by=a/part.parquet"


class Zone(LocalStore):
    """A folder with an address on S3, and what was asked of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.written: list[str] = []

    @property
    def root(self) -> str:
        return "s3://processed"

    def write(self, key: str, data: bytes) -> None:
        self.written.append(key)
        super().write(key, data)


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "zone")


@pytest.fixture
def output(zone: Zone, tmp_path: Path) -> OutputOnDisk:
    output = output_of_job(zone, LocalStore(tmp_path / "disk"), "staging/attempt")
    assert isinstance(output, OutputOnDisk)
    return output


def _write_as_spark(output: OutputOnDisk) -> bytes:
    path = Path(output.write_uri(_FOLDER)) / "split_by=a" / "part.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"line": [1]}), path)
    return path.read_bytes()


def test_what_spark_writes_is_in_the_zone_only_after_it_is_sent_and_once(output: OutputOnDisk, zone: Zone) -> None:
    data = _write_as_spark(output)
    assert [(item.key, item.size) for item in output.list_objects(_FOLDER)] == [(_KEY, len(data))]
    assert not list(zone.list_objects())
    output.sync([_KEY])
    output.sync([_KEY])
    assert zone.written == [_KEY]
    assert zone.read(_KEY) == data


def test_it_is_listed_read_and_hashed_on_disk(output: OutputOnDisk, zone: Zone) -> None:
    data = _write_as_spark(output)
    output.sync([_KEY])
    zone.delete(_KEY)  # so that what follows cannot come from there
    assert output.read(_KEY) == data
    with output.open(_KEY) as stream:
        assert stream.read() == data
    assert output.fingerprint(_KEY)
    found = output.find(_KEY)
    assert found
    assert found.size == len(data)
    assert Path(output.uri(_KEY)).read_bytes() == data


def test_everything_else_is_that_of_the_zone(output: OutputOnDisk, zone: Zone) -> None:
    _write_as_spark(output)
    output.write("deliveries/a.json", b"1")
    zone.write("transactions/attempt/ledger-lines/a.parquet", b"2")
    assert zone.read("deliveries/a.json") == output.read("deliveries/a.json") == b"1"
    assert output.uri("deliveries/a.json") == zone.uri("deliveries/a.json")
    assert output.root == zone.root
    (lines,) = output.list_objects("transactions")
    assert output.fingerprint(lines.key) == zone.fingerprint(lines.key)
    output.sync([lines.key])


def test_a_folder_without_rows_is_empty_though_spark_has_not_made_it(output: OutputOnDisk) -> None:
    output.write_uri("rejected_rows/attempt/ledger")
    assert list(output.list_objects("rejected_rows/attempt/ledger")) == []


def test_a_file_that_cannot_be_sent_fails_the_job_before_its_commit(
    output: OutputOnDisk, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_as_spark(output)

    def fail(*_: object) -> None:
        raise OSError("the zone is not reachable")

    monkeypatch.setattr(zone, "write", fail)
    with pytest.raises(OSError, match="not reachable"):
        output.sync([_KEY])
    monkeypatch.undo()
    output.sync([_KEY])
    assert zone.written == [_KEY]


@pytest.mark.parametrize("temporary", ["zone", "disk"])
def test_a_zone_on_disk_and_a_cluster_are_written_as_they_are(zone: Zone, temporary: str, tmp_path: Path) -> None:
    stores: dict[str, ObjectStore] = {"zone": zone, "disk": LocalStore(tmp_path)}
    assert output_of_job(zone, zone, "staging/attempt") is zone
    assert output_of_job(stores["disk"], stores[temporary], "staging/attempt") is stores["disk"]


def test_a_single_file_of_the_zone_is_gathered_on_disk_and_none_that_is_there(output: OutputOnDisk, zone: Zone) -> None:
    _write_as_spark(output)
    files = [DataFile(_KEY, 9), DataFile("transactions/a.parquet", 9)]
    assert files_to_gather(output, files, LocalStore(".")) == {"transactions/a.parquet"}
    assert files_to_gather(output, files, zone) == set()
