"""Whatever somebody changes behind the platform's back, `verify` names it, in every kind of file that it keeps.

Does not belong here: changes of the register's events one by one (see `unit/test_event_chain`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
from finance_platform.deliveries.checkpoints import drop_checkpoints
from finance_platform.deliveries.register import DOCUMENTS, Register
from finance_platform.refresh.verify import Verifier
from finance_platform.settings import load_settings
from finance_platform.storage import immutable_documents
from finance_platform.storage.checkpoints import CheckpointedDocument, write_checkpoint
from finance_platform.storage.local import LocalStore
from finance_platform_tests.damage.damages import DERIVED
from finance_platform_tests.end_to_end.home import Home


def verify(home: Home, period: str | None = None) -> list[str]:
    immutable_documents.forget_documents()
    settings = load_settings(home=home.path)
    verifier = Verifier(raw_zone(settings), processed_zone(settings), open_warehouse(settings), period)
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


def edit_the_record_of_a_load(home: Home) -> None:
    path = home.path / "processed/loads/000000000001.json"
    change_document(path, lambda document: document["ledger"][0].update(row_count=1_000_000))


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
    edit_the_load_ledger: "published figures: slice FactFinancials 2024-03: the load ledger says",
    edit_the_record_of_a_load: "loads: LoadLedger of load 1: 1 of its",
    lose_the_end_of_the_register: "is missing: load 1 names it with the hash",
    forge_a_checkpoint: "register: document 1: is not what a checkpoint has of it",
}


def test_an_untouched_home_has_no_findings_and_is_not_changed(home: Home):
    before = {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}
    assert verify(home) == []
    assert {path: path.stat().st_mtime_ns for path in home.path.rglob("*")} == before


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_a_file_is_named(home: Home, change: Callable[[Home], None]):
    change(home)
    found = verify(home)
    assert any(CHANGES[change] in one for one in found), found


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
