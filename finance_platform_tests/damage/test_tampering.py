"""Whatever somebody changes behind the platform's back, `verify` names it, in every kind of file that it keeps.

Does not belong here: changes of the register's events one by one (see `unit/deliveries/test_event_chain`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import WAREHOUSE
from finance_platform.data_catalog.delta_log import sync_open_tables
from finance_platform.data_catalog.open_tables import open_tables
from finance_platform.deliveries.checkpoints import drop_checkpoints
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.register import DOCUMENTS, Register
from finance_platform.refresh.steps.small_tables import small_tables
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.refresh.verification.verify_records import OpenTables, find_changed_open_tables
from finance_platform.refresh.verification.verify_tables import COMPARED_ELSEWHERE, SMALL_TABLES
from finance_platform.settings import StarSettings, load_settings
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.storage import immutable_documents
from finance_platform.storage.checkpoints import CheckpointedDocument, store_checkpoint, write_checkpoint
from finance_platform.storage.local import LocalStore
from finance_platform_tests.damage.damages import DERIVED
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import current_profile


def verify(home: Home, period: str | None = None) -> list[str]:
    immutable_documents.forget_documents()
    settings = load_settings(home=home.path)
    verifier = Verifier(
        raw_zone(settings), processed_zone(settings), open_warehouse(settings), period, settings=settings
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(immutable_documents, "FEWEST_NEW", 1)  # so that checkpoints are read
        return [f"{one.part}: {one.subject}: {one.why}" for one in verifier.verify().findings]


def change_document(path: Path, change: Callable[[Any], object]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def change_rows(path: Path, values: Mapping[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]) -> None:
    table = pq.read_table(path)
    for name, change in values.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(name), change(table[name]).cast(table.schema.field(name).type)
        )
    pq.write_table(table, path)


def change_warehouse(home: Home, sql: str) -> None:
    with duckdb.connect(str(home.path / "warehouse.duckdb")) as connection:
        connection.execute(f"SET search_path = 'finance'; {sql}")


def one_cent_more(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.add(column, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2)))


def edit_an_event(home: Home) -> None:
    path = home.path / "processed/register/000000000001.json"
    change_document(path, lambda document: document["events"][0].update(tolerated_share="1"))


def edit_a_raw_file(home: Home) -> None:
    path = home.path / "raw/transactions_2.csv"
    path.write_bytes(path.read_bytes().replace(b"77.00", b"78.00"))


def remove_a_raw_file(home: Home) -> None:
    (home.path / "raw/transactions_2.csv").unlink()


def edit_a_delivery(home: Home) -> None:
    def change(document: dict[str, Any]) -> None:
        document["periods"][0]["amount"] = "1000000.00"

    change_document(DERIVED["commit of a ledger delivery"](home), change)


def name_another_file_in_a_delivery(home: Home) -> None:
    change_document(
        DERIVED["commit of a ledger delivery"](home), lambda document: document.update(fingerprint="0" * 64)
    )


def edit_ledger_lines(home: Home) -> None:
    change_rows(DERIVED["ledger lines"](home), {"amount": one_cent_more})


def damage_a_delivery(home: Home) -> None:
    name = home.commits()["budget.csv"].delivery_id
    change_document(
        home.path / f"processed/deliveries/{name}.json", lambda document: document["read"].update(rows=None)
    )


def edit_the_counts_of_a_delivery(home: Home) -> None:
    def change(document: dict[str, Any]) -> None:
        document["outcomes"]["accepted"]["rows"] += 1

    name = home.commits()["departments.csv"].delivery_id
    change_document(home.path / f"processed/deliveries/{name}.json", change)


def edit_the_size_of_a_file(home: Home) -> None:
    def change(document: dict[str, Any]) -> None:
        document["files"]["departments"][0]["size"] += 1

    name = home.commits()["departments.csv"].delivery_id
    change_document(home.path / f"processed/deliveries/{name}.json", change)


def edit_master_data(home: Home) -> None:
    """Change the types of accounts, and take the hash of the file out of its record."""
    path = DERIVED["master data"](home)
    change_rows(path, {"account_type": lambda column: pa.chunked_array([["Asset"] * len(column)])})
    name = home.commits()["accounts.csv"].delivery_id
    change_document(
        home.path / f"processed/deliveries/{name}.json",
        lambda document: document["files"]["accounts"][0].update(sha256="", size=path.stat().st_size),
    )


def edit_the_dates_of_ledger_lines(home: Home) -> None:
    days = DERIVED["ledger lines"](home)
    change_rows(days, {"document_date": lambda column: pc.add(column, pa.scalar(timedelta(days=1)))})


def remove_members(home: Home) -> None:
    (file,) = home.commits()["transactions_2.csv"].files["members"]  # the record of the other one is damaged
    (home.path / "processed" / file.key).unlink()


def edit_the_counts_by_account(home: Home) -> None:
    change_rows(DERIVED["counts by account"](home), {"row_count": lambda column: pc.add(column, 1)})


def edit_the_overlaps(home: Home) -> None:
    """Remove what was found, and make the hash of the rest, as a forger can."""
    path = DERIVED["overlaps"](home)
    document = json.loads(path.read_bytes())
    content = json.dumps({**document, "shared": []} | {"sha256": None}).partition(", ")[2].encode()
    path.write_bytes(b'{"sha256": "%b", %b' % (hashlib.sha256(content).hexdigest().encode(), content))


def edit_what_a_slice_was_built_from(home: Home) -> None:
    change_document(
        DERIVED["commit of a fact slice"](home), lambda document: document["inputs"].update(baseline="forecast")
    )


def edit_the_settings_in_force(home: Home) -> None:
    path = home.path / "processed/settings/published.json"
    change_document(path, lambda document: document.update(baseline_scenario="Forecast"))


def edit_a_slice(home: Home) -> None:
    def change(document: dict[str, Any]) -> None:
        document["sums"][0]["amount"] = "1000000.00"

    change_document(DERIVED["commit of a fact slice"](home), change)


def edit_rows_of_a_slice(home: Home) -> None:
    change_rows(DERIVED["rows of a fact slice"](home), {"amount": one_cent_more})


def edit_rows_of_a_dimension(home: Home) -> None:
    path = DERIVED["rows of a dimension"](home)
    change_rows(path, {"business_unit": lambda column: pa.chunked_array([["Elsewhere"] * len(column)])})


def edit_a_published_cell(home: Home) -> None:
    change_warehouse(home, "UPDATE FactFinancials SET Amount = Amount + 1 WHERE DateKey = 20240309")


def delete_a_published_cell(home: Home) -> None:
    change_warehouse(home, "DELETE FROM FactFinancials WHERE DateKey = 20240309")


def edit_a_published_account(home: Home) -> None:
    change_warehouse(home, "UPDATE DimAccount SET AccountType = 'Revenue' WHERE AccountNumber = '6000'")


def edit_the_time_of_a_load(home: Home) -> None:
    change_warehouse(home, "UPDATE FactFinancials SET LoadTimestamp = '2024-01-01' WHERE DateKey = 20240309")


def edit_the_load_ledger(home: Home) -> None:
    change_warehouse(home, "UPDATE LoadLedger SET Amount = 1 WHERE Slice = '2024-03'")


def forge_a_checkpoint(home: Home) -> None:
    """Write a whole checkpoint, with the right name, in which an event says something else."""
    store = LocalStore(home.path / "processed")
    path = home.path / "processed/register/000000000001.json"
    before, etag = path.read_bytes(), store.find("register/000000000001.json")
    assert etag
    other = LocalStore(home.path / "other")
    change_document(path, lambda document: document["events"][0].update(tolerated_share="1"))
    other.write("register/000000000001.json", path.read_bytes())
    path.write_bytes(before)
    item = store.find("register/000000000001.json")
    assert item
    assert DOCUMENTS.record_type
    forged = CheckpointedDocument("register/000000000001.json", item.etag, Register(other).events())
    drop_checkpoints(store)
    write_checkpoint(store, "register", DOCUMENTS.record_type, [forged])


def forge_the_members(home: Home) -> None:
    """Write a whole checkpoint of the members, with the right name, in which a code is another one."""
    (path,) = (home.path / "processed/checkpoints/members").iterdir()
    change_rows(path, {"code": lambda codes: pa.chunked_array([pa.array(["9999", *codes.to_pylist()[1:]])])})
    data = path.read_bytes()
    path.unlink()
    store_checkpoint(LocalStore(home.path / "processed"), "members", data)


def forge_the_lines(home: Home) -> None:
    """Write a whole checkpoint of the lines of a period, with the right name, with a cent more in each line."""
    path = min((home.path / "processed/checkpoints/lines").glob("*/*"))
    change_rows(path, {"amount": one_cent_more})
    data = path.read_bytes()
    path.unlink()
    store_checkpoint(LocalStore(home.path / "processed"), f"lines/{path.parent.name}", data)


def edit_the_record_of_a_load(home: Home) -> None:
    path = home.path / "processed/loads/000000000001.json"
    change_document(path, lambda document: document["ledger"][0].update(row_count=1_000_000))


def edit_the_head_in_the_record_of_a_load(home: Home) -> None:
    path = home.path / "processed/loads/000000000001.json"
    change_document(path, lambda document: document.update(register_head="none"))


def note_more_loads(home: Home) -> None:
    change_document(home.path / "processed/loads/confirmed.json", lambda document: document.update(number=10**12))


def lose_the_counts_of_lines(home: Home) -> None:
    def change(document: dict[str, Any]) -> None:
        for columns in document.values():
            columns["lines"] = [0 for _ in columns["lines"]]

    change_document(home.path / "processed/audits/line_counts.json", change)


def audit_tomorrow(home: Home) -> None:
    path = home.path / "processed/audits/full.json"
    change_document(path, lambda document: document.update(at="2999-01-01T00:00:00+00:00"))


def lose_the_end_of_the_register(home: Home) -> None:
    max((home.path / "processed/register").iterdir()).unlink()


CHANGES: dict[Callable[[Home], None], str] = {
    edit_an_event: "register: document 1, event 1: was edited",
    edit_a_raw_file: "raw files: transactions_2.csv: has other bytes than those that were read",
    remove_a_raw_file: "raw files: transactions_2.csv: is no longer in the raw zone",
    edit_a_delivery: "published figures: transactions.csv: Actual 2024-01: its ledger lines are",
    name_another_file_in_a_delivery: "is the record of another file than the register names",
    edit_ledger_lines: "its ledger lines are",
    edit_a_slice: "published figures: slice FactFinancials 2024-01: its files have",
    edit_rows_of_a_slice: "in its slice, and its ledger lines are",
    edit_rows_of_a_dimension: "business_unit was loaded as Elsewhere and is",
    edit_a_published_cell: "2024-03-09 Actual, department D100, account 4000: amount was loaded as 77.00 and is 78.00",
    delete_a_published_cell: "department D100, account 4000: was loaded, and is not in the warehouse",
    edit_a_published_account: "published figures: DimAccount 6000: account_type was loaded as Expense and is Revenue",
    edit_the_time_of_a_load: "loads: FactFinancials: has 1 row with a LoadTimestamp at which nothing was loaded",
    edit_the_load_ledger: "published figures: slice FactFinancials 2024-03: the load ledger says",
    edit_the_record_of_a_load: "loads: LoadLedger of load 1: 1 of its",
    lose_the_end_of_the_register: "is missing: load 1 names it with the hash",
    forge_a_checkpoint: "register: document 1: is not what a checkpoint has of it",
    forge_the_members: "has other members than the files that it names: somebody wrote it",
    forge_the_lines: "has other lines than the files that it names: somebody wrote it",
}

AT_ONCE = (
    edit_a_raw_file,
    edit_a_delivery,
    edit_a_slice,
    edit_rows_of_a_dimension,
    edit_a_published_cell,
    edit_a_published_account,
    edit_the_load_ledger,
    forge_the_members,
    forge_the_lines,
)
"""Changes of which none hides another one; by default they come together."""

RECORDS: dict[Callable[[Home], None], str] = {
    damage_a_delivery: "; the next run reads the delivery again",
    edit_the_counts_of_a_delivery: "accounts for 3 rows, and 2 were read; remove it, and a run",
    edit_the_size_of_a_file: "has another size than its record says (departments.csv); remove it",
    edit_master_data: "is not the file that the platform wrote: its SHA-256 differs (accounts.csv); remove it",
    edit_the_dates_of_ledger_lines: "is not the file that the platform wrote: its SHA-256 differs (transactions",
    remove_members: "is missing (transactions_2.csv)",
    edit_the_counts_by_account: "is not the file that the platform wrote: its SHA-256 differs (",
    edit_the_overlaps: "processed files: overlaps/transactions.key.json: does not say which lines deliveries share",
    edit_what_a_slice_was_built_from: "names other deliveries, settings or members than those that its version is",
    edit_the_settings_in_force: "settings/published.json: says that baseline_scenario is forecast, and budget is",
    edit_the_head_in_the_record_of_a_load: "loads: load 1: its record names no head of the register",
    note_more_loads: "loads: loads/confirmed.json: it says that load 1000000000000 was published last, and load 1 was",
    lose_the_counts_of_lines: "processed files: audits/line_counts.json: it has other numbers of lines than the slice",
    audit_tomorrow: "processed files: audits/full.json: it says that every slice was audited at 2999-01-01",
}
"""Changes that no published cell shows; each concerns another file."""


def test_an_untouched_home_has_no_findings_and_is_not_changed(home: Home):
    before = {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}
    assert verify(home) == []
    assert {path: path.stat().st_mtime_ns for path in home.path.rglob("*")} == before


def test_published_figures_that_are_changed_with_their_records_are_all_named(home: Home):
    for change in AT_ONCE:
        change(home)
    found = verify(home)
    assert [change.__name__ for change in AT_ONCE if not any(CHANGES[change] in one for one in found)] == [], found


@pytest.mark.parametrize(
    "change",
    [*CHANGES, *RECORDS] if current_profile().is_exhaustive else [one for one in CHANGES if one not in AT_ONCE],
    ids=lambda change: change.__name__,
)
def test_a_change_of_a_file_is_named(home: Home, change: Callable[[Home], None]):
    change(home)
    found = verify(home)
    assert any({**CHANGES, **RECORDS}[change] in one for one in found), found


def test_changes_of_many_files_at_once_are_all_named_and_a_run_derives_what_is_removed(home: Home, refresh: Refresher):
    tables = home.tables()
    for change in RECORDS:
        change(home)
    found = verify(home)
    assert [change.__name__ for change in RECORDS if not any(RECORDS[change] in one for one in found)] == [], found
    for part, name, _ in (one.split(": ", 2) for one in found):
        if part == "processed files":
            (home.path / "processed" / name).unlink(missing_ok=True)
    refresh(home)
    assert verify(home) == [one for one in found if one.startswith("loads: load 1: ")]
    assert home.tables() == tables


def foreign_row(contract: Contract) -> str:
    """Return the SQL that adds a row of plain values to a table."""
    texts = [
        {"boolean": "true", "timestamp": "'2024-01-01'"}.get(column.type, "'zz'" if "char" in column.type else "0")
        for column in contract.columns
    ]
    return f"INSERT INTO {contract.table} VALUES ({', '.join(texts)})"


def test_every_table_of_the_warehouse_is_compared_with_something(home: Home):
    targets = small_tables(home.processed, open_warehouse(load_settings(home=home.path)), load_settings(home=home.path))
    assert set(targets) == set(SMALL_TABLES)
    assert {*SMALL_TABLES, *COMPARED_ELSEWHERE} == set(WAREHOUSE)


def test_a_change_of_each_table_beside_the_star_is_named_and_a_run_stores_it_again(home: Home, refresh: Refresher):
    change_warehouse(home, "; ".join(foreign_row(contract) for contract in SMALL_TABLES))
    change_warehouse(home, "INSERT INTO FeedTerm SELECT * FROM FeedTerm LIMIT 1; DELETE FROM SchemaVersion")
    found = verify(home)
    named = {one.split(": ")[1] for one in found if one.startswith("tables beside the star: ")}
    assert named == {contract.table for contract in SMALL_TABLES}
    assert any("1 are not in the processed zone (zz); the next run stores the right rows" in one for one in found)
    assert "views: SchemaVersion: says that tables and views are those of another release" in " ".join(found)
    refresh(home)
    assert verify(home) == []


def test_a_row_that_is_there_twice_is_named_and_goes_with_the_next_run(home: Home, refresh: Refresher):
    change_warehouse(home, "INSERT INTO FeedPeriod SELECT * FROM FeedPeriod LIMIT 1")
    (found,) = verify(home)
    assert "FeedPeriod: 0 of its" in found
    refresh(home)
    assert verify(home) == []


def test_rows_of_the_star_that_are_there_twice_or_in_another_period_are_named(home: Home):
    change_warehouse(home, "INSERT INTO DimAccount SELECT * FROM DimAccount WHERE AccountNumber = '6000'")
    change_warehouse(
        home, "INSERT INTO FactFinancials SELECT * REPLACE (20241224 AS DateKey) FROM FactFinancials LIMIT 1"
    )
    assert [one for one in verify(home) if one.startswith("published figures")] == [
        "published figures: DimAccount: 1 row of the warehouse repeats the key of another one",
        "published figures: 2024-12: the warehouse has rows there (1), and nothing was published",
    ]


@pytest.mark.usefixtures("opens_readers")  # DuckDB lets no reader of this process be open while it writes the file
def test_what_another_release_left_is_no_finding_until_this_one_has_run(home: Home):
    assert home.command("run").returncode in {0, 1}
    change_warehouse(home, "UPDATE FeedPeriod SET LineCount = LineCount + 1; DELETE FROM SchemaVersion")
    assert len(verify(home)) == 2, "this release left other rows and views"
    change_document(home.path / "processed/looks/complete.json", lambda document: document.update(platform="older"))
    assert len(verify(home)) == 2, "this release has published since"
    change_document(home.path / "processed/audits/full.json", lambda document: document.update(platform="older"))
    home.write("processed/audits/line_counts.json", '{"file": [[1, 2, 3]]}')
    upgraded = home.command("verify")
    assert upgraded.returncode == 0
    assert "processed files: 5 deliveries, not compared: audits/line_counts.json" in upgraded.stdout
    assert "tables beside the star: 17 tables, not compared: FeedPeriod" in upgraded.stdout
    assert "views: 35 views, not compared: all of them" in upgraded.stdout
    assert "whether somebody changed them is not known" in upgraded.stderr
    edit_a_published_cell(home)
    assert len(verify(home)) == 1, "figures are the same in every release"
    assert home.command("run", "--rebuild").returncode in {0, 1}
    again = home.command("verify")
    assert (again.returncode, again.stderr) == (0, "")
    assert "not compared" not in again.stdout


@pytest.mark.usefixtures("opens_readers")
def test_a_setting_that_no_run_has_followed_is_no_finding(home: Home):
    assert home.command("close", "2024-01", "--why", "done").returncode == 0
    assert home.command("run").returncode in {0, 1}
    for settings in ("FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH=7\n", "\n"):  # it waits, and then it is set back
        home.write(".env", settings)
        changed = home.command("verify")
        assert changed.returncode == 0, changed.stderr
        assert "tables beside the star: 17 tables, not compared: WaitingChange" in changed.stdout
        assert home.command("run").returncode in {0, 1}
        assert verify(home) == []
    change_warehouse(home, "INSERT INTO WaitingChange VALUES ('2024-03', 1)")
    assert [one.split(": ")[1] for one in verify(home)] == ["WaitingChange"]


@pytest.mark.usefixtures("opens_readers")
def test_what_another_release_left_is_known_without_the_record_of_a_complete_run(home: Home):
    assert home.command("run").returncode in {0, 1}
    change_warehouse(home, "UPDATE FeedPeriod SET LineCount = LineCount + 1; DELETE FROM SchemaVersion")
    (home.path / "processed/looks/complete.json").unlink()
    assert len(verify(home)) == 2, "the last audit of every slice was of this release"
    change_document(home.path / "processed/audits/full.json", lambda document: document.update(platform="older"))
    assert verify(home) == []
    (home.path / "processed/audits/full.json").unlink()
    assert len(verify(home)) == 2, "nothing says that another release left them"


@pytest.mark.usefixtures("opens_readers")
def test_forged_figures_in_the_record_of_a_run_are_named(home: Home):
    assert home.command("run").returncode in {0, 1}
    path = home.path / "processed/looks/complete.json"
    change_document(path, lambda document: document["variance"][0].update(actual="1.00"))
    (found,) = verify(home)
    assert found.startswith("processed files: looks/complete.json: has other figures of Actual against Budget than the")


@pytest.mark.parametrize("command", [("verify",), ("report",), ("close", "2024-03", "--dry-run")], ids=" ".join)
def test_a_warehouse_that_lacks_a_table_of_this_release_needs_a_run(home: Home, command: tuple[str, ...]):
    change_warehouse(home, "DROP TABLE AccountHistory CASCADE; DROP TABLE DeliveredBalance CASCADE")
    result = home.command(*command)
    assert result.returncode == 2
    assert "the warehouse lacks a table or view of this release: run `finance-platform run --home" in result.stderr


@pytest.mark.parametrize("schema", ["main", "finance"])
def test_a_macro_in_place_of_a_function_is_named_and_one_with_a_name_of_its_own_is_not(home: Home, schema: str):
    """The text of no view changes, and the figures of many do."""
    change_warehouse(
        home,
        f"CREATE MACRO {schema}.Abs(x) AS 0; CREATE MACRO {schema}.our_rate(x) AS x; CREATE SCHEMA other; "
        "CREATE MACRO other.lower(x) AS x",
    )
    (found,) = [one for one in verify(home) if one.startswith("views: ")]
    assert found.lower().startswith(f"views: {schema}.abs: is a macro, which every view and query uses")
    assert "move the file of DuckDB away and run" in found


def test_a_change_of_a_view_is_named_with_what_to_do(home: Home):
    change_warehouse(
        home,
        "CREATE VIEW OfAnother AS SELECT 1 AS One; DROP VIEW Kpi; "
        "CREATE OR REPLACE VIEW Restatement AS SELECT * REPLACE (0.00 AS Amount) FROM Restatement; "
        "CREATE OR REPLACE VIEW main.DimDate AS SELECT 1 AS DateKey",
    )
    found = [one for one in verify(home) if one.startswith("views: ")]
    assert [one.split(": ")[1] for one in found] == ["Kpi", "Restatement", "main.DimDate"]
    assert "is missing; move the file of DuckDB away and run" in found[0]
    assert "has another definition than this release gives it" in found[1]


@pytest.mark.usefixtures("opens_readers")  # DuckDB lets no reader of this process be open while it writes the file
def test_a_decision_since_the_last_run_is_no_finding(home: Home):
    assert home.command("withdraw", "budget.csv", "--why", "wrong plan").returncode == 0
    assert home.command("close", "2024-01", "--waive", "unclassified", "--why", "done").returncode in {0, 1}
    assert verify(home) == []
    change_warehouse(home, "UPDATE FeedPeriod SET LineCount = LineCount + 1")
    assert [one.split(": ")[1] for one in verify(home)] == ["FeedPeriod"]


def test_a_lost_record_of_the_published_settings_is_named(home: Home):
    path = home.path / "processed/settings/published.json"
    for text in ("{", None):
        path.write_text(text) if text else path.unlink()
        assert any("settings/published.json: is missing or damaged" in one for one in verify(home))


def test_a_log_of_an_open_table_that_names_other_files_is_named(home: Home):
    snapshot = read_snapshot(home.processed, StarSettings.of(load_settings(home=home.path)))
    tables = open_tables(snapshot)
    sync_open_tables(home.processed, tables, {})
    assert list(find_changed_open_tables(home.processed, OpenTables(tables, {}))) == []
    (log,) = (home.path / "processed/dim_account/_delta_log").glob("*.json")
    lines = log.read_text().splitlines()
    log.write_text("\n".join(line for line in lines if '"add"' not in line))
    (home.path / "processed/dim_date/_delta_log/00000000000000000000.json").write_text("{}")
    assert dict(find_changed_open_tables(home.processed, OpenTables(tables, {}))).keys() == {
        "dim_account/_delta_log",
        "dim_date/_delta_log",
    }
    verified = home.command("verify", "--format", "json")
    named = {row["subject"]: row["finding"] for row in json.loads(verified.stdout)}
    assert verified.returncode == 1
    assert named["dim_account/_delta_log"].startswith("does not name the files of the table: ")


def test_a_log_of_an_open_table_that_says_something_else_of_a_file_is_named(home: Home):
    tables = open_tables(read_snapshot(home.processed, StarSettings.of(load_settings(home=home.path))))
    sync_open_tables(home.processed, tables, {})
    (log,) = (home.path / "processed/fact_financials/_delta_log").glob("*.json")
    written = log.read_text()
    for old, new in (
        ('"slice":"2024-01"', '"slice":"2024-02"'),
        (r"{\"numRecords\": ", r"{\"numRecords\": 1"),
        (r"{\"numRecords\": ", r"{\"minValues\": {\"amount\": 1.0}, \"numRecords\": "),
        (r"\"name\":\"amount\"", r"\"name\":\"amounts\""),
    ):
        assert old in written
        log.write_text(written.replace(old, new))
        found = dict(find_changed_open_tables(home.processed, OpenTables(tables, {})))
        assert [*found] == ["fact_financials/_delta_log"], new
    log.write_text(written)
    assert dict(find_changed_open_tables(home.processed, OpenTables(tables, {}))) == {}


@pytest.mark.usefixtures("opens_readers")
def test_a_log_that_describes_another_state_is_named_or_said_to_be_left_out(home: Home):
    assert home.command("run").returncode in {0, 1}
    logs = home.path / "processed/fact_financials/_delta_log"
    last = max(logs.glob("*.json"))
    last.write_text(re.sub(r'(?<="finance_platform_version":")[0-9a-f]{4}', "abcd", last.read_text()))
    assert "fact_financials/_delta_log  is of another state than the published one" in home.command("verify").stdout
    change_document(home.path / "processed/looks/complete.json", lambda document: document.update(platform="older"))
    upgraded = home.command("verify")
    assert upgraded.returncode == 0
    assert "open tables: 13 logs, not compared: fact_financials" in upgraded.stdout
    assert "open tables (fact_financials)" in upgraded.stderr


@pytest.mark.usefixtures("opens_readers")  # DuckDB lets no reader of this process be open while it writes the file
def test_a_deleted_file_of_master_data_is_named_and_every_other_part_is_compared(home: Home, refresh: Refresher):
    dated = "account_number,account_name,account_type,valid_from\n6000,Rent,Asset,2024-02-01\n"
    home.write("raw/accounts_dated.csv", dated)
    refresh(home)
    (file,) = home.commits()["accounts_dated.csv"].files["accounts"]
    (home.path / "processed" / file.key).unlink()
    edit_a_published_cell(home)
    verified = home.command("verify", "--format", "json")
    assert verified.returncode == 1, verified.stderr
    rows = json.loads(verified.stdout)
    named = {(row["part"], row["subject"]) for row in rows}
    assert ("processed files", file.key) in named
    assert any(part == "published figures" and "2024-03-09" in subject for part, subject in named)
    assert {part for part, _ in named} >= {"tables beside the star", "open tables"}
    (logs,) = [row["finding"] for row in rows if row["part"] == "open tables"]
    assert logs.startswith("cannot be compared: ")
    assert file.key in logs


def test_a_record_that_is_gone_is_named_whatever_its_file_has_and_the_next_run_reads_it_again(
    home: Home, refresh: Refresher
):
    home.write("raw/budget_2.csv", "period,department_code,account_number,budget_amount\n2024-03,D100,4000,?\n")
    assert [*refresh(home).held()] == ["budget_2.csv"]
    records = {commit.object_key: name for name, commit in read_commits(home.processed).items()}
    for file in ("accounts.csv", "departments.csv", "budget_2.csv"):
        (home.path / f"processed/deliveries/{records[file]}.json").unlink()
    found = [one for one in verify(home) if one.startswith("processed files: deliveries/")]
    again = "the next run reads the delivery again, if the raw zone has its content"
    assert sorted(found) == sorted(
        f"processed files: deliveries/{records[file]}.json: is missing ({file}); {again}"
        for file in ("accounts.csv", "departments.csv", "budget_2.csv")
    )
    home.write("raw/departments_2.csv", "department_code,department_name\nD900,New\n")
    refresh(home)
    assert verify(home) == []


def test_a_period_that_nobody_touched_has_no_findings(home: Home):
    edit_a_published_cell(home)
    assert verify(home, "2024-01") == []
    assert len(verify(home, "2024-03")) == 1


def test_the_command_exits_with_1_for_a_finding_and_a_kept_head_that_is_gone(home: Home):
    head = home.command("verify", "--print-head").stdout.strip()
    clean = home.command("verify", "--head", head)
    assert (
        clean.returncode,
        f"Head of the register, to keep elsewhere and give to --head later: {head}" in clean.stdout,
    ) == (0, True)
    other = f"{head.partition(':')[0]}:{'0' * 64}"
    tampered = home.command("verify", "--head", other, "--format", "json")
    assert tampered.returncode == 1
    assert json.loads(tampered.stdout)[0]["finding"].startswith("is not the event that the head given to --head names")
    assert home.command("verify", "2024-13").returncode == 2
    assert home.command("verify", "--head", "abc").returncode == 2
