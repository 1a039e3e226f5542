"""The job `build_star`: live ledger lines become dimensions and fact slices, as Parquet.

Belongs here: the order of the steps and the commits at the end. Does not belong here: rules (see `transforms`).

Request: see `BuildRequest`. Result: `{"built": [[table, slice, version]]}`; the slice commits have the figures.
"""

from __future__ import annotations

import io
import logging
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Column
from finance_platform.contracts.processed import LINE_TABLES, MEMBERS
from finance_platform.contracts.schemas import FACT_CELLS
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.lines_checkpoint import COLUMNS as STAR_LINES
from finance_platform.deliveries.lines_checkpoint import (
    lines_checkpoint,
    list_lines_checkpoints,
    period_with_checkpoint,
)
from finance_platform.deliveries.members_checkpoint import MembersFile, read_members
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import first_day
from finance_platform.slices.commits import ScenarioSum, SliceCommit, SupersededLines, write_slice
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs.arguments import JobArguments, staging_folder
from finance_platform.spark_jobs.batches import largest_first, task_count
from finance_platform.spark_jobs.control_totals import (
    PERIOD_LINE_SUMS,
    PERIOD_STAR_SUMS,
    PeriodControl,
    compare,
    control_sums,
    star_sums,
    superseded_sums,
)
from finance_platform.spark_jobs.gathered_files import files_to_gather, gather_files
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.member_dimensions import read_accounts, read_departments
from finance_platform.spark_jobs.output_on_disk import output_of_job
from finance_platform.spark_jobs.period_files import ORDERS, RESULTS, build_here, from_rows, make_period_builder, to_row
from finance_platform.spark_jobs.period_orders import CLUSTER_PERIOD_BYTES, orders_of
from finance_platform.spark_jobs.requests import BuildRequest, CountedLines, SourceFile
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.small_batches import runs_here, write_file
from finance_platform.spark_jobs.tables import collect_table, delivery_ids, read_files, write_split, write_whole
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.dim_date import dim_date
from finance_platform.transforms.dim_scenario import dim_scenario
from finance_platform.transforms.fact_financials import fact_cells, fact_financials
from finance_platform.transforms.live_lines import counted_lines, live_lines, superseded_lines, with_natural_sign
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_log = logging.getLogger(__name__)

PART_LINES = 1_100_000
"""The ledger lines that one machine turns into fact rows at once, which takes some hundred bytes of memory for each."""

_DELIVERY = Column("delivery_id", "varchar", "The delivery.")
_TYPE_SPANS = (
    Column("account_key", "bigint", "An account whose type changes."),
    Column("since", "varchar", "The first period of a type; blank for the beginning."),
    Column("until", "varchar", "The first period of the next type, if there is one.", nullable=True),
    Column("account_type", "varchar", "The type."),
)
_COUNTED = (
    _DELIVERY,
    Column("period", "varchar", "The period."),
    Column("scenario", "varchar", "The scenario whose lines count."),
)
_ACCOUNT_TYPES = tuple(column for column in DIM_ACCOUNT.columns if column.name in ("account_key", "account_type"))


@dataclass
class _Build:
    """One run of the job: the session, the stores, the request, and the slices built so far."""

    spark: SparkSession
    processed: ObjectStore
    temporary: ObjectStore
    request: BuildRequest
    attempt: str
    built: list[list[str]] = field(default_factory=list)

    @property
    def staging(self) -> str:
        """The folder of this attempt's interim results."""
        return staging_folder(self.attempt)

    @cached_property
    def accounts(self) -> pa.Table:
        """The rows of `dim_account`, which facts need for the signs of their amounts."""
        return read_accounts(self.processed, self.request, self.members)

    @cached_property
    def members(self) -> pa.Table:
        """The members of every live delivery, without those that only repeat what an earlier one says of a member.

        This process reads them: most are in a checkpoint, and each plan of Spark would look at every file.
        """
        files = [
            MembersFile(source.file, source.deliveries) for source in self.request.files if source.table == MEMBERS.name
        ]
        return read_members(self.processed, files, self.request.deliveries)

    def read_lines(
        self, deliveries: set[int], periods: Iterable[str], name: str, columns: Sequence[Column] = STAR_LINES
    ) -> DataFrame:
        """Return the ledger lines of some deliveries in some periods, with those of others that share their files.

        Args:
            deliveries: as places in the request's deliveries.
            periods: the periods.
            name: a name for the interim result.
            columns: the columns to return, the period among them.
        """
        files = [
            source
            for source in self.request.files
            if source.table in LINE_TABLES and not deliveries.isdisjoint(source.deliveries)
        ]
        lines = self._read_files(files, columns, name, sorted(periods))
        return lines.where(F.col("period").isin(*periods))

    def _read_files(
        self, files: Sequence[SourceFile], columns: Sequence[Column], name: str, periods: Sequence[str] = ()
    ) -> DataFrame:
        """Return the rows of files without those of deliveries that were read again, and have them in another file.

        Args:
            files: the files.
            columns: their columns to return.
            name: a name for the interim result, if small files are gathered.
            periods: those whose rows are needed; all if empty. Rows of others may be returned as well.
        """
        small = files_to_gather(self.processed, [source.file for source in files], self.temporary)
        others = [source for source in files if source.file.key not in small]
        outdated = self._outdated(others, files)
        parts = [self._read_by_spark([key], columns, deliveries) for key, deliveries in outdated.items()]
        if whole := [source.file.key for source in others if source.file.key not in outdated]:
            parts.append(self._read_by_spark(whole, columns))
        if gathered := self._gather([one for one in files if one.file.key in small], columns, name, periods):
            parts.append(read_files(self.spark, self.temporary, gathered, columns))
        # Without a part for no files, since Sail fails on some plans that have one.
        return reduce(lambda one, other: one.unionByName(other), parts) if parts else self._read_by_spark([], columns)

    def _read_by_spark(
        self, keys: Sequence[str], columns: Sequence[Column], without: Collection[str] = ()
    ) -> DataFrame:
        """Return the rows of files, without those of some deliveries."""
        rows = read_files(self.spark, self.processed, keys, columns)
        return rows.where(~F.col("delivery_id").isin(sorted(without))) if without else rows

    def _gather(
        self, files: Sequence[SourceFile], columns: Sequence[Column], name: str, periods: Sequence[str]
    ) -> list[str]:
        """Put the rows of small files together in this process and return the interim files; see `_read_files`.

        Of a shared file, these are the rows that count. Which rows are outdated depends on the file, so they are left
        out before they meet those of other files.
        """
        names = pa.array(self.request.deliveries, pa.string())
        wanted = pa.array(periods, pa.string())
        places = {source.file.key: source.deliveries for source in files}

        def select(file: DataFile, rows: pa.Table) -> pa.Table:
            if len(wanted):
                rows = rows.filter(pc.is_in(rows["period"], wanted))
            if file.is_shared:
                counting = names.take(pa.array(places[file.key], pa.int64()))
                rows = rows.filter(pc.is_in(rows["delivery_id"], counting))
            return rows

        small = [source.file for source in files]
        by_period = {period: [one for one in small if period_with_checkpoint(one) == period] for period in periods}
        in_checkpoints = {one.key for of_period in by_period.values() for one in of_period}
        return gather_files(
            self.processed,
            [one for one in small if one.key not in in_checkpoints],
            columns,
            self.temporary,
            f"{self.staging}/{name}",
            select,
            self._checkpointed({period: of_period for period, of_period in by_period.items() if of_period}),
        )

    def _checkpointed(self, files: Mapping[str, Sequence[DataFile]]) -> Iterator[pa.Table]:
        """Yield the lines of files of one period each, most of them from the checkpoints of these periods."""
        listed = list_lines_checkpoints(self.processed) if files else {}
        for period, of_period in files.items():
            yield from lines_checkpoint(period).read_rows(self.processed, of_period, listed.get(period, ()))

    def _outdated(self, files: Sequence[SourceFile], together_with: Sequence[SourceFile]) -> dict[str, set[str]]:
        """Return, by shared file, the deliveries whose rows in it are of an earlier reading.

        Args:
            files: the files to look at.
            together_with: all files that are read; the later reading may be in any of them.
        """
        if len({source.file.key.split("/")[1] for source in together_with}) < 2:
            return {}
        names = self.request.deliveries
        requested = {names[place] for source in together_with for place in source.deliveries}
        outdated = {}
        for source in files:
            if source.file.is_shared:
                present = requested.intersection(delivery_ids(self.processed, source.file.key))
                if earlier := present.difference(names[place] for place in source.deliveries):
                    outdated[source.file.key] = earlier
        return outdated

    def store_interim(self, rows: DataFrame, columns: Sequence[Column], name: str) -> DataFrame:
        """Write rows to the temporary store and return them as read from there, so that Spark computes them once."""
        files = write_whole(rows, columns, self.temporary, f"{self.staging}/{name}")
        return read_files(self.spark, self.temporary, [file.key for file in files], columns)

    def store_names(self, names: pa.Table, columns: Sequence[Column], name: str) -> DataFrame:
        """Write rows of this process to the temporary store and return them as read from there.

        A plan that contains the rows themselves is copied for every use of them: with thousands of deliveries that
        takes more memory than the lines.
        """
        key = f"{self.staging}/{name}.parquet"
        buffer = io.BytesIO()
        pq.write_table(names, buffer)
        self.temporary.write(key, buffer.getvalue())
        return read_files(self.spark, self.temporary, [key], columns)

    def commit(
        self,
        target: TargetSlice,
        files: Sequence[DataFile],
        sums: Sequence[ScenarioSum],
        rows: int,
        control: PeriodControl | None = None,
        superseded: Sequence[SupersededLines] = (),
    ) -> None:
        """Make one built slice visible; a slice of the fact table with its control totals and superseded lines."""
        control = control or PeriodControl()
        commit = SliceCommit(
            table=target.table,
            slice=target.slice,
            version=target.version,
            row_count=rows,
            files=files,
            sums=sums,
            hidden_lines=control.superseded_lines,
            hidden_amount=control.superseded_amount,
            superseded=superseded,
            accounts_compared=control.accounts_compared,
            differences=control.differences,
            inputs=target.inputs,
            attempt=self.attempt,
            built_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )
        write_slice(self.processed, commit)
        self.built.append([commit.table, commit.slice, commit.version])


def build_star(arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Build the requested slices."""
    with spark_session(arguments.spark_engine, arguments.s3_options, arguments.spark_master) as spark:
        return build_slices(spark, arguments, BuildRequest.from_json(request))


def build_slices(spark: SparkSession, arguments: JobArguments, request: BuildRequest) -> dict[str, Any]:
    """Build the requested slices, dimensions first, and commit each; return the job's result."""
    output = output_of_job(arguments.processed, arguments.temporary, staging_folder(arguments.attempt))
    build = _Build(spark, output, arguments.temporary, request, arguments.attempt)
    for target in request.slices:
        if target.table != FACT_FINANCIALS.name:
            _build_dimension(build, target)
    periods = {target.slice: target for target in request.slices if target.table == FACT_FINANCIALS.name}
    for name in _build_periods(build, arguments, periods):
        del periods[name]
    keys = _superseded_keys(build) if periods else None
    # A cluster has memory for all, and spreads few lines over few of its machines.
    most = sys.maxsize if arguments.is_on_cluster else PART_LINES
    for number, part in enumerate(in_parts(periods, request.counted, most)):
        _build_fact(build, {period: periods[period] for period in part}, keys, f"part-{number}")
    build.temporary.delete_folder(build.staging)
    return {"built": build.built}


def _build_dimension(build: _Build, target: TargetSlice) -> None:
    """Write a dimension into a new folder and commit it with the number of rows that were read back."""
    _log.info("building %s", target.table)
    file = write_file(_dimension(build, target), build.processed, f"{target.table}/{build.attempt}")
    written = pq.ParquetFile(pa.BufferReader(build.processed.read(file.key))).read(use_threads=False)
    build.processed.sync([file.key])
    build.commit(target, [file], (), len(written))


def _dimension(build: _Build, target: TargetSlice) -> pa.Table:
    """Return the rows of a dimension.

    Raises:
        ValueError: the table is no dimension that this job builds.
    """
    match target.table:
        case DIM_DATE.name:
            inputs = target.inputs
            return dim_date(inputs["first_year"], inputs["last_year"], inputs["fiscal_start"])
        case DIM_SCENARIO.name:
            scenarios = [(surrogate_key(name), name, scenario_type) for name, scenario_type in build.request.scenarios]
            return dim_scenario(scenarios, surrogate_key(build.request.baseline_scenario))
        case DIM_DEPARTMENT.name:
            return read_departments(build.processed, build.request, build.members)
        case DIM_ACCOUNT.name:
            return build.accounts
    raise ValueError(f"{target.table!r} is not a dimension that this job builds")


def in_parts(periods: Iterable[str], counted: Sequence[CountedLines], most: int) -> Iterator[list[str]]:
    """Yield periods in parts of at most so many lines, which are built one after the other.

    Memory then grows with the lines of a part, and with those of one period where these are more.
    """
    lines: Counter[str] = Counter()
    for of_cell in counted:
        lines[of_cell.period] += of_cell.lines
    part: list[str] = []
    filled = 0
    for period in sorted(periods):
        if part and filled + lines[period] > most:
            yield part
            part, filled = [], 0
        part.append(period)
        filled += lines[period]
    if part:
        yield part


def _build_periods(build: _Build, arguments: JobArguments, periods: Mapping[str, TargetSlice]) -> list[str]:
    """Build and commit the periods that one task each can build; return them."""
    covers = {name: target.inputs["actual_covers"] for name, target in periods.items()}
    most_bytes = CLUSTER_PERIOD_BYTES if arguments.is_on_cluster else None
    listed = list_lines_checkpoints(build.processed)
    reads_again = not is_remote(arguments.processed_uri)
    orders = orders_of(build.request, covers, most_bytes, listed, reads_again=reads_again)
    if not orders:
        return []
    _log.info("building %d periods of the fact table, each in a task", len(orders))
    types = zip(*(build.accounts[column.name].to_pylist() for column in _ACCOUNT_TYPES), strict=True)
    builder = make_period_builder(
        arguments.processed_uri,
        arguments.s3_options,
        folder=f"{FACT_FINANCIALS.name}/{build.attempt}/periods",
        types=list(types),
        type_spans=build.request.type_spans,
        baseline_key=surrogate_key(build.request.baseline_scenario),
        actual_key=surrogate_key("Actual"),
    )
    tasks = task_count([order.size for order in orders], arguments.cores)
    orders = largest_first(orders, lambda order: order.size)
    if runs_here(arguments):
        built = from_rows(build_here(builder, orders, tasks, by_one=reads_again))
    else:
        listing = build.spark.createDataFrame([to_row(order) for order in orders], ORDERS).repartition(tasks)
        built = from_rows(listing.mapInArrow(builder, RESULTS).collect())
    build.processed.sync(file.key for period in built.values() for file in period.files)
    for name in sorted(built):
        _commit_fact(build, periods[name], built[name].files, built[name].control, built[name].superseded)
    return list(built)


def _build_fact(build: _Build, periods: Mapping[str, TargetSlice], keys: DataFrame | None, part: str) -> None:
    """Build and commit some periods of the fact table.

    Args:
        build: the run of the job.
        periods: the slices by period.
        keys: see `_superseded_keys`.
        part: a name for the interim results of these periods.
    """
    _log.info("building %d periods of the fact table", len(periods))
    counted = _counted(build, list(periods), part)
    scopes = _superseded_scopes(build)
    types = build.accounts.select([column.name for column in _ACCOUNT_TYPES])
    accounts = build.store_names(types, _ACCOUNT_TYPES, f"{part}/account_types")
    spans = _type_spans(build, part)
    lines = with_natural_sign(live_lines(counted, keys, scopes), accounts, spans)
    # The fact table reads its cells five times.
    cells = build.store_interim(fact_cells(lines), FACT_CELLS, f"{part}/cells")
    coverage = build.spark.createDataFrame(
        [(name, first_day(name), target.inputs["actual_covers"]) for name, target in periods.items()],
        "period string, first_day date, actual_covers boolean",
    )
    baseline_key = surrogate_key(build.request.baseline_scenario)
    rows = fact_financials(cells, coverage, baseline_key, surrogate_key("Actual"))
    columns, order = FACT_FINANCIALS.stored_columns, ("scenario_key", "date_key", "department_key", "account_key")
    folder = f"{FACT_FINANCIALS.name}/{build.attempt}/{part}"
    files = write_split(rows, columns, build.processed, folder, "period", order)
    keys_of_files = [file.key for of_period in files.values() for file in of_period]
    written = read_files(build.spark, build.processed, keys_of_files, columns)
    replaced = superseded_lines(counted, keys, scopes)
    superseded = superseded_sums(replaced, accounts) if replaced is not None else {}
    control = control_sums(counted, replaced, accounts, spans)
    compared = compare(collect_table(control, PERIOD_LINE_SUMS), collect_table(star_sums(written), PERIOD_STAR_SUMS))
    build.processed.sync(keys_of_files)
    for name, target in sorted(periods.items()):
        _commit_fact(build, target, files.get(name, []), compared.get(name, PeriodControl()), superseded.get(name, ()))
    build.temporary.delete_folder(f"{build.staging}/{part}")


def _commit_fact(
    build: _Build,
    target: TargetSlice,
    files: Sequence[DataFile],
    control: PeriodControl,
    superseded: Sequence[SupersededLines],
) -> None:
    names = {surrogate_key(name): name for name, _ in build.request.scenarios}
    sums = [
        ScenarioSum(
            key,
            names[key],
            figures.rows,
            figures.lines,
            figures.amount,
            figures.budget_amount,
            control.delivered[key],
            control.absolute[key],
        )
        for key, figures in control.star.items()
    ]
    rows = sum(scenario_sum.row_count for scenario_sum in sums)
    build.commit(target, files, sorted(sums, key=lambda scenario_sum: scenario_sum.scenario), rows, control, superseded)


def _counted(build: _Build, periods: Sequence[str], part: str) -> DataFrame:
    counted = [lines for lines in build.request.counted if lines.period in periods]
    places = [place for lines in counted for place in lines.deliveries]
    named = pa.array(build.request.deliveries, pa.string()).take(pa.array(places, pa.int64()))
    rows = pa.table(
        {
            "delivery_id": named,
            "period": pa.array([lines.period for lines in counted for _ in lines.deliveries], pa.string()),
            "scenario": pa.array([lines.scenario for lines in counted for _ in lines.deliveries], pa.string()),
        }
    )
    lines = build.read_lines(set(places), periods, f"{part}/lines")
    return counted_lines(lines, build.store_names(rows, _COUNTED, f"{part}/counted"))


def _type_spans(build: _Build, part: str) -> DataFrame | None:
    """Return the types by period of accounts whose type changes; None if there are none."""
    spans = build.request.type_spans
    if not spans:
        return None
    following = [after[1] if after[0] == span[0] else None for span, after in pairwise([*spans, (0, "", "")])]
    keys, since, types = zip(*spans, strict=True)
    columns = (pa.array(keys, pa.int64()), pa.array(since), pa.array(following, pa.string()), pa.array(types))
    names = [column.name for column in _TYPE_SPANS]
    return build.store_names(pa.table(dict(zip(names, columns, strict=True))), _TYPE_SPANS, f"{part}/type_spans")


def _superseded_keys(build: _Build) -> DataFrame | None:
    """Return delivery_id, line_key of the keys that a later delivery has too."""
    pairs = build.request.superseded_keys
    if not pairs:
        return None
    # By period too: a file that corrects a few lines of last month supersedes only those, not by all its other keys.
    later_periods = build.spark.createDataFrame(
        [(pair.delivery_id, pair.superseded_by, period) for pair in pairs for period in pair.periods],
        "delivery_id string, superseded_by string, period string",
    )
    periods = {period for pair in pairs for period in pair.periods}
    by = {pair.superseded_by for pair in pairs}
    places = {place for place, name in enumerate(build.request.deliveries) if name in by}
    keys_only = [column for column in STAR_LINES if column.name in ("delivery_id", "period", "line_key")]
    later = build.read_lines(places, periods, "superseding_lines", keys_only)
    keys = (
        later.select(F.col("delivery_id").alias("superseded_by"), "period", "line_key")
        .join(F.broadcast(later_periods), on=["superseded_by", "period"], how="inner")
        .select("delivery_id", "line_key")
        .distinct()
    )
    columns = (_DELIVERY, Column("line_key", "varchar", "The superseded key."))
    return build.store_interim(keys, columns, "superseded_keys")


def _superseded_scopes(build: _Build) -> DataFrame | None:
    if not build.request.superseded_scopes:
        return None
    return build.spark.createDataFrame(
        list(map(tuple, build.request.superseded_scopes)),
        "delivery_id string, scenario string, period string, scope_key string",
    )


if __name__ == "__main__":
    run_job("build_star", build_star)
