"""Counts what a refresh asks of S3 by the number of deliveries: requests by kind, and memory.

Belongs here: a home on profile aws on substitutes, whole commands on it, and what their requests would take on S3.
Does not belong here: measuring processes (see `process_monitor`), homes on disk (see `many_files`).

`python benchmarks/s3_requests.py` measures 50 and 2,000 one-line files; name other numbers after it. It needs what
the tests need. `--prepared` makes each home in memory, and only a first run on the substitute, which loads it: 20,000
files take ten minutes instead of an hour. After the first run, each answer of the substitute takes as long as one of S3
usually does, so the seconds of a command are those of requests as the platform sends them, one after another or not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from many_files import write_file, write_references
from moto.glue.responses import GlueResponse
from prepared_home import prepare
from process_monitor import PRODUCT, Measurement, compile_product, measure
from rich.console import Console
from rich.table import Table
from s3_server import SECONDS_OF_S3, answer_slowly, fill, s3_server, take_counts

from finance_platform_tests.aws.fake_glue import fake_glue
from finance_platform_tests.aws.fake_redshift import fake_redshift
from finance_platform_tests.aws.fakes import Deployment, Fakes, deploy
from finance_platform_tests.aws.moto_server import in_environment, moto_server

COUNTS = (50, 2_000)
AIM_SECONDS, AIM_BYTES = 60, 1 << 30
_PAGE_OF_GLUE = 1000
FIRST, ONE_MORE = "first run", "one more delivery"


@dataclass(frozen=True)
class Case:
    """One command on a home of so many deliveries.

    Attributes:
        deliveries: the files in the raw zone before it.
        name: what had happened before it.
        cost: its seconds and memory here.
        requests: by kind and folder, such as `GET register`.
    """

    deliveries: int
    name: str
    cost: Measurement
    requests: Counter[str]

    def of_kind(self, kind: str) -> int:
        """Return the number of requests of a kind."""
        return sum(count for name, count in self.requests.items() if name.split()[0] == kind)

    @property
    def seconds_one_by_one(self) -> float:
        """What the requests take on S3 if each waits for the one before."""
        return sum(self.of_kind(kind) * seconds for kind, seconds in SECONDS_OF_S3.items())

    @property
    def is_in_the_aim(self) -> bool:
        """Whether it stays within a minute and a gigabyte."""
        return self.cost.seconds <= AIM_SECONDS and (self.cost.peak_bytes or 0) <= AIM_BYTES


def _get_partitions(self: GlueResponse) -> str:
    """Answer as Glue does: pages of a thousand, segments, no columns if they are not wanted. moto sends all at once."""
    values = self.parameters
    found = self.glue_backend.get_partitions(values["DatabaseName"], values["TableName"], values.get("Expression", ""))
    if segment := values.get("Segment"):
        found = found[segment["SegmentNumber"] :: segment["TotalSegments"]]
    first = int(values.get("NextToken") or 0)
    last = first + int(values.get("MaxResults") or _PAGE_OF_GLUE)
    partitions = []
    for one in found[first:last]:
        storage = one.partition_input.get("StorageDescriptor", {})
        if values.get("ExcludeColumnSchema"):
            storage = {name: value for name, value in storage.items() if name != "Columns"}
        created = {"CreationTime": one.creation_time.timestamp(), "StorageDescriptor": storage}
        partitions.append({**one.as_dict(), **created})
    token = {"NextToken": str(last)} if last < len(found) else {}
    return json.dumps({"Partitions": partitions, **token}, default=str)


def main() -> None:
    """Measure every number of deliveries and print the tables."""
    parser = argparse.ArgumentParser(description="Count the requests of a refresh to S3 by the number of deliveries.")
    parser.add_argument("deliveries", nargs="*", type=int, default=COUNTS, help="numbers of deliveries, ascending")
    parser.add_argument("--without-catalog", action="store_true", help="register no tables: deliveries may share files")
    parser.add_argument("--prepared", action="store_true", help="make the homes in memory, and finish them by a run")
    arguments = parser.parse_args()
    # A job that builds from 20,000 deliveries is large enough for Glue, whose substitute the measured command has not.
    settings = {"glue_from_bytes": str(1 << 50), **({"data_catalog_database": ""} if arguments.without_catalog else {})}
    compile_product()
    setattr(GlueResponse, "get_partitions", _get_partitions)  # noqa: B010  moto's server runs in this process
    console = Console() if sys.stdout.isatty() else Console(width=160)
    cases: list[Case] = []
    for count in arguments.deliveries:
        with (
            tempfile.TemporaryDirectory(prefix="s3-requests-") as folder,
            s3_server() as s3,
            moto_server() as aws,
            fake_redshift(s3) as redshift,
            fake_glue(Path(folder), aws) as glue,
            in_environment({**aws.environment, "AWS_ENDPOINT_URL_S3": s3}),
        ):
            deployment = deploy(Fakes(aws, glue, redshift), s3_endpoint_url=s3, **settings)
            cases += _measure(deployment, s3, Path(folder), count, is_prepared=arguments.prepared)
        console.print(_table(cases))
        console.print(_by_folder(cases))


def _measure(deployment: Deployment, s3: str, folder: Path, count: int, *, is_prepared: bool) -> Iterator[Case]:
    """Run the cases of one number of deliveries in order."""
    home, files = folder / "home", folder / "files"
    home.mkdir()
    files.mkdir()
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in deployment.settings.items()))
    write_references(files)
    for number in range(count):
        write_file(files, number)
    if is_prepared:
        objects = folder / "objects"
        prepare(home, files, objects)
        fill(s3, objects)
        objects.unlink()
        shutil.rmtree(files)
        files.mkdir()
    else:
        _deliver(deployment, files)

    def run(name: str, *command: str) -> Case:
        take_counts(s3)
        cost = measure([*PRODUCT, *command, "--home", str(home)], home)
        requests = take_counts(s3)
        case = Case(count, name, cost, requests)
        Console(stderr=True, width=160).print(
            f"{count:,} deliveries: {name}: {sum(requests.values()):,} requests, {cost.seconds:.0f} s here, "
            f"{cost.processor_seconds:.1f} processor s, {_mib(cost.peak_bytes)}; most: {requests.most_common(6)}"
        )
        return case

    yield run(FIRST, "run")
    answer_slowly(s3, is_slow=True)
    yield run("nothing new", "run")
    for number in range(2):  # the first one after many also writes checkpoints
        write_file(files, count + number)
        _deliver(deployment, files)
        yield run(ONE_MORE, "run")
    yield run("status", "status")


def _deliver(deployment: Deployment, files: Path) -> None:
    """Move files into the raw zone."""
    for file in sorted(files.iterdir()):
        deployment.deliver(file)
        file.unlink()


def _table(cases: list[Case]) -> Table:
    table = Table(title="Requests to S3", box=None, title_justify="left", header_style="bold")
    kinds = list(SECONDS_OF_S3)
    for column in (
        "deliveries",
        "case",
        "requests",
        *kinds,
        "processor s",
        "seconds",
        "requests one by one",
        "peak memory",
        "in the aim",
    ):
        table.add_column(column, justify="left" if column == "case" else "right")
    for case in cases:
        table.add_row(
            f"{case.deliveries:,}",
            case.name,
            f"{sum(case.requests.values()):,}",
            *(f"{case.of_kind(kind):,}" for kind in kinds),
            f"{case.cost.processor_seconds:.1f}",
            f"{case.cost.seconds:.0f}" if case.name != FIRST else "",
            f"{case.seconds_one_by_one:.0f}",
            _mib(case.cost.peak_bytes),
            "" if case.name != ONE_MORE else "yes" if case.is_in_the_aim else "no",
        )
    return table


def _by_folder(cases: list[Case]) -> Table:
    """Return the requests of one more delivery by folder, a column for each number of deliveries before it."""
    table = Table(title="One more delivery, by folder", box=None, title_justify="left", header_style="bold")
    last = {case.deliveries: case for case in cases if case.name == ONE_MORE}
    table.add_column("requests", no_wrap=True)
    for deliveries in last:
        table.add_column(f"after {deliveries:,}", justify="right")
    for name in sorted(set().union(*(case.requests for case in last.values()))):
        table.add_row(name, *(f"{case.requests[name]:,}" for case in last.values()))
    return table


def _mib(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**20:,.0f} MiB"


if __name__ == "__main__":
    main()
