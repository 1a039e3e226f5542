"""The Glue job `build_star`: live ledger lines become dimensions and fact slices, as Parquet.

Belongs here: the order of the steps and the commits at the end. Does not belong here: rules (`transforms`).

Request: see `BuildRequest`. Result: `{"built": [[table, slice, version]]}`; the slice commits carry the figures.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from finance_platform.contracts.model import Column
from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, MEMBERS, TRANSACTIONS
from finance_platform.contracts.schemas import CELLS
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import JobError
from finance_platform.feeds.codes import fold, surrogate_key
from finance_platform.feeds.dates import first_day
from finance_platform.slices.commits import ScenarioSum, SliceCommit, write_slice
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.control_totals import PeriodControl, compare, control_sums, star_sums
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.tables import read_files, write_split, write_whole
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.dim_account import dim_account
from finance_platform.transforms.dim_date import dim_date
from finance_platform.transforms.dim_department import dim_department
from finance_platform.transforms.dim_scenario import dim_scenario
from finance_platform.transforms.fact_financials import fact_cells, fact_financials
from finance_platform.transforms.live_lines import counted_lines, hidden_lines, live_lines, with_natural_sign

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildRequest:
    """What `build_star` is asked for.

    Attributes:
        deliveries: every live delivery in the defined order: delivery_id, feed, kind, and files by table.
        slices: the slices to build: table, slice, version, inputs.
        counted: delivery_id, period, scenario: whose lines count in the wanted periods.
        hiders: delivery, the later delivery that hides lines of it by key, the periods in which that one has the keys.
        hidden_scopes: delivery_id, scenario, period, scope_key: lines that a later delivery replaces.
        scenarios: name and type of every live scenario.
        baseline_scenario: the scenario that the others are compared with.
    """

    deliveries: Sequence[Mapping[str, Any]] = ()
    slices: Sequence[Mapping[str, Any]] = ()
    counted: Sequence[tuple[str, str, str]] = ()
    hiders: Sequence[tuple[str, str, Sequence[str]]] = ()
    hidden_scopes: Sequence[tuple[str, str, str, str]] = ()
    scenarios: Sequence[tuple[str, str]] = ()
    baseline_scenario: str = ""


@dataclass
class _Build:
    """One run of the job: the session, the zones, the request, and what was built so far."""

    spark: SparkSession
    lake: ObjectStore
    temporary: ObjectStore
    request: BuildRequest
    attempt: str
    built: list[list[str]] = field(default_factory=list)

    def files(self, table: str, delivery_ids: Iterable[str] | None = None) -> list[str]:
        """Return the keys of a table's files, of all live deliveries or of some."""
        wanted = None if delivery_ids is None else set(delivery_ids)
        return [
            file["key"]
            for delivery in self.request.deliveries
            if wanted is None or delivery["delivery_id"] in wanted
            for file in delivery["files"].get(table, [])
        ]

    def read(self, table: str, columns: Sequence[Column]) -> DataFrame:
        """Return a table's rows of every live delivery."""
        return read_files(self.spark, self.lake, self.files(table), columns)

    def ranks(self) -> DataFrame:
        """Return delivery_id and rank, the defined order."""
        rows = [(delivery["delivery_id"], rank) for rank, delivery in enumerate(self.request.deliveries)]
        return self.spark.createDataFrame(rows, "delivery_id string, rank bigint")

    def commit(
        self,
        wanted: Mapping[str, Any],
        files: Sequence[DataFile],
        sums: Sequence[ScenarioSum],
        rows: int,
        control: PeriodControl | None = None,
    ) -> None:
        """Make one built slice visible; a slice of the fact table with what its control sums gave."""
        control = control or PeriodControl()
        commit = SliceCommit(
            table=wanted["table"],
            slice=wanted["slice"],
            version=wanted["version"],
            row_count=rows,
            files=files,
            sums=sums,
            hidden_lines=control.hidden_lines,
            hidden_amount=control.hidden_amount,
            accounts_compared=control.accounts_compared,
            differences=control.differences,
            inputs=wanted["inputs"],
            attempt=self.attempt,
            built_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )
        write_slice(self.lake, commit)
        self.built.append([commit.table, commit.slice, commit.version])


def build_star(arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Start Spark, build the wanted slices."""
    with spark_session(arguments.spark_engine, arguments.s3_options) as spark:
        return build_slices(spark, arguments, request)


def build_slices(spark: SparkSession, arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Build the wanted slices, dimensions first, and commit each."""
    build = _Build(spark, arguments.processed, arguments.temporary, BuildRequest(**request), arguments.attempt)
    wanted = {(item["table"], item["slice"]): item for item in build.request.slices}
    periods = {name: item for (table, name), item in wanted.items() if table == FACT_FINANCIALS.name}
    for (table, _), item in wanted.items():
        if table != FACT_FINANCIALS.name:
            _write_dimension(build, item, _dimension(build, item))
    if periods:
        _build_fact(build, periods)
    return {"built": build.built}


def _dimension(build: _Build, wanted: Mapping[str, Any]) -> DataFrame:
    match wanted["table"]:
        case DIM_DATE.name:
            return _dates(build, wanted["inputs"])
        case DIM_DEPARTMENT.name:
            reference = build.read(DEPARTMENTS.name, DEPARTMENTS.columns)
            mentioned = build.read(MEMBERS.name, MEMBERS.columns)
            of_department = mentioned.where(F.col("dimension") == "department").select("member_key", "code")
            refuse_collisions(reference.select("department_key", "department_code").union(of_department))
            return dim_department(reference, mentioned, build.ranks())
        case DIM_ACCOUNT.name:
            return _accounts(build)
        case DIM_SCENARIO.name:
            return _scenarios(build)
    raise ValueError(f"no dimension is called {wanted['table']!r}")


def _dates(build: _Build, inputs: Mapping[str, Any]) -> DataFrame:
    days = (date(inputs["last_year"] + 1, 1, 1) - date(inputs["first_year"], 1, 1)).days
    return dim_date(build.spark.range(days), inputs["first_year"], inputs["fiscal_start"])


def _accounts(build: _Build) -> DataFrame:
    reference = build.read(ACCOUNTS.name, ACCOUNTS.columns)
    mentioned = build.read(MEMBERS.name, MEMBERS.columns)
    of_account = mentioned.where(F.col("dimension") == "account").select("member_key", "code")
    refuse_collisions(reference.select("account_key", "account_number").union(of_account))
    return dim_account(reference, mentioned, build.ranks())


def refuse_collisions(members: DataFrame) -> None:
    """Stop where two codes that do not match share a surrogate key: they would become one member.

    Raises:
        JobError: names the codes.
    """
    codes: dict[int, dict[str, str]] = {}
    for key, code in members.distinct().collect():
        codes.setdefault(key, {})[fold(code)] = code
    collisions = [sorted(spellings.values()) for spellings in codes.values() if len(spellings) > 1]
    if collisions:
        raise JobError(
            f"the codes {' and '.join(map(repr, collisions[0]))} have one surrogate key, {len(collisions)} such keys",
            fix="rename one of the codes in the source; nothing was built",
        )


def _scenarios(build: _Build) -> DataFrame:
    rows = [(surrogate_key(name), name, its_type) for name, its_type in build.request.scenarios]
    schema = "scenario_key bigint, scenario_name string, scenario_type string"
    return dim_scenario(build.spark.createDataFrame(rows, schema), surrogate_key(build.request.baseline_scenario))


_COLUMNS = {contract.name: contract.columns for contract in (DIM_DATE, DIM_DEPARTMENT, DIM_ACCOUNT, DIM_SCENARIO)}


def _write_dimension(build: _Build, wanted: Mapping[str, Any], rows: DataFrame) -> None:
    table = wanted["table"]
    _log.info("building %s", table)
    files = write_whole(rows.coalesce(1), _COLUMNS[table], build.lake, f"{table}/{build.attempt}")
    written = read_files(build.spark, build.lake, [file.key for file in files], _COLUMNS[table])
    build.commit(wanted, files, (), written.count())


def _build_fact(build: _Build, periods: Mapping[str, Mapping[str, Any]]) -> None:
    _log.info("building %d periods of the fact table", len(periods))
    counted = _counted(build, list(periods))
    keys, scopes = _hidden_keys(build), _hidden_scopes(build)
    dim_account = _accounts(build)
    cells = _written_cells(build, with_natural_sign(live_lines(counted, keys, scopes), dim_account))
    coverage = build.spark.createDataFrame(
        [(name, first_day(name), item["inputs"]["actual_covers"]) for name, item in periods.items()],
        "period string, first_day date, actual_covers boolean",
    )
    baseline_key = surrogate_key(build.request.baseline_scenario)
    rows = fact_financials(cells, coverage, baseline_key, surrogate_key("Actual"))
    order = ("scenario_key", "date_key", "department_key", "account_key")
    folder = f"{FACT_FINANCIALS.name}/{build.attempt}"
    files = write_split(rows, FACT_FINANCIALS.stored_columns, build.lake, folder, "period", order)
    names = [file.key for of_period in files.values() for file in of_period]
    written = read_files(build.spark, build.lake, names, FACT_FINANCIALS.stored_columns)
    control = control_sums(counted, hidden_lines(counted, keys, scopes), dim_account)
    compared = compare(control.collect(), star_sums(written).collect())
    for name, item in sorted(periods.items()):
        _commit_fact(build, item, files.get(name, []), compared.get(name, PeriodControl()))
    build.temporary.delete_folder(_staging(build))


def _written_cells(build: _Build, lines: DataFrame) -> DataFrame:
    """Add the lines up once: the fact table looks at its cells five times, and Spark would begin at the files each."""
    files = write_whole(fact_cells(lines), CELLS, build.temporary, f"{_staging(build)}/cells")
    return read_files(build.spark, build.temporary, [file.key for file in files], CELLS)


def _staging(build: _Build) -> str:
    return f"staging/{build.attempt}"


def _commit_fact(build: _Build, wanted: Mapping[str, Any], files: Sequence[DataFile], control: PeriodControl) -> None:
    names = {surrogate_key(name): name for name, _ in build.request.scenarios}
    sums = [
        ScenarioSum(key, names[key], one.rows, one.lines, one.amount, one.budget_amount, control.delivered[key])
        for key, one in control.star.items()
    ]
    rows = sum(one.row_count for one in sums)
    build.commit(wanted, files, sorted(sums, key=lambda one: one.scenario), rows, control)


def _counted(build: _Build, periods: Sequence[str]) -> DataFrame:
    counted = build.spark.createDataFrame(
        [tuple(item) for item in build.request.counted], "delivery_id string, period string, scenario string"
    )
    return counted_lines(_lines(build, {item[0] for item in build.request.counted}, periods), counted)


def _lines(build: _Build, delivery_ids: Iterable[str], periods: Iterable[str]) -> DataFrame:
    wanted = set(delivery_ids)
    keys = [*build.files("transactions", wanted), *build.files("budget", wanted)]
    lines = read_files(build.spark, build.lake, keys, TRANSACTIONS.columns)
    return lines.where(F.col("period").isin(*periods))


def _hidden_keys(build: _Build) -> DataFrame | None:
    """Return delivery_id, line_key of the keys that a later delivery has too."""
    if not build.request.hiders:
        return None
    # By period too: a file that corrects a few lines of the month before hides those alone, not by all its other keys.
    pairs = build.spark.createDataFrame(
        [(delivery, hider, period) for delivery, hider, periods in build.request.hiders for period in periods],
        "delivery_id string, hider string, period string",
    )
    periods = {period for _, _, of_hider in build.request.hiders for period in of_hider}
    later = _lines(build, {hider for _, hider, _ in build.request.hiders}, periods)
    keys = later.select(F.col("delivery_id").alias("hider"), "period", "line_key")
    found = keys.join(F.broadcast(pairs), on=["hider", "period"]).select("delivery_id", "line_key").distinct()
    columns = (Column("delivery_id", "varchar", "The delivery."), Column("line_key", "varchar", "The hidden key."))
    files = write_whole(found, columns, build.temporary, f"{_staging(build)}/hidden_keys")
    return read_files(build.spark, build.temporary, [file.key for file in files], columns)


def _hidden_scopes(build: _Build) -> DataFrame | None:
    if not build.request.hidden_scopes:
        return None
    return build.spark.createDataFrame(
        [tuple(item) for item in build.request.hidden_scopes],
        "delivery_id string, scenario string, period string, scope_key string",
    )


if __name__ == "__main__":
    run_job("build_star", build_star)
