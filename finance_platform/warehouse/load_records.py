"""The audit trail of the warehouse in the processed zone: what each load published and moved, so that it survives.

Belongs here: the records of loads, writing them in a load's commit protocol, reading them. Does not belong here: the
load (see `load`), filling a warehouse that was lost (see `refresh.steps.restore`).

A record is written before the load's transaction commits, and confirmed after it. A record that is not confirmed
belongs to a load that was rolled back, or to a process that ended in between: then the warehouse has it, and the next
run confirms it. The number of a load that was rolled back is used again, and so is its record's.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import MONEY, Contract, SliceName
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.documents import parse_document, read_parquet
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import CONTRACT_NAMES
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import select_between

FOLDER = "loads"
CONFIRMED = f"{FOLDER}/confirmed.json"
"""The note of the last load that is known to be published."""

Row = dict[str, Any]


@dataclass(frozen=True)
class LoadRecord:
    """What one load published and moved.

    Attributes:
        number: of the load.
        ledger: its rows of LoadLedger.
        movements: its rows of Movements.
        register_head: the end of the register's chain at the load; empty if it is not known.
    """

    number: int
    ledger: Sequence[Row]
    movements: Sequence[Row]
    register_head: str = ""


@dataclass(frozen=True)
class LoadRecords:
    """The records of loads of one processed zone.

    Attributes:
        processed: the processed zone.
        register_head: the end of the register's chain, for the records that are written.
    """

    processed: ObjectStore
    register_head: str = ""

    def confirmed(self) -> int:
        """Return the number of the last load that is known to be published; 0 if there is none."""
        try:
            return self._noted()
        except (FileNotFoundError, DamagedObjectError):
            # A record is written only after the load before it was published.
            return max(max(self.numbers(), default=0) - 1, 0)

    def find_changed_note(self, last: int) -> DamagedObjectError | None:
        """Return what is wrong with the note of the last published load; None if it is as the platform left it.

        A process that ended right after a load's commit has not noted it, and the next run does.

        Args:
            last: the number of the warehouse's last load.
        """
        try:
            noted = self._noted()
        except FileNotFoundError:
            return DamagedObjectError(CONFIRMED, "it is missing") if last > 1 else None
        except DamagedObjectError as error:
            return error
        newest = max([last, *self.numbers()])
        if last - 1 <= noted <= newest:
            return None
        return DamagedObjectError(CONFIRMED, f"it says that load {noted} was published last, and load {newest} was")

    def _noted(self) -> int:
        """Return the number in the note of the last published load.

        Raises:
            FileNotFoundError, DamagedObjectError: there is no note, or none that can be read.
        """
        return parse_document(CONFIRMED, self.processed.read(CONFIRMED), lambda values: _parse_number(values["number"]))

    def numbers(self) -> list[int]:
        """Return the numbers of the loads that have a record, in order."""
        names = (item.key.removeprefix(f"{FOLDER}/") for item in self.processed.list_objects(FOLDER))
        return sorted(int(name.removesuffix(".json")) for name in names if name.removesuffix(".json").isdigit())

    def write(self, source: Queryable, number: int) -> None:
        """Write the record of a load from the warehouse, or from the transaction that is about to publish it."""
        ledger = rows_of_load(source, LOAD_LEDGER, number)
        movements = _movements_of_load(source, number, {row["loaded_at"] for row in ledger})
        file, digest = "", ""
        if movements:
            buffer = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(movements, schema=arrow_schema(MOVEMENTS.columns)), buffer)
            digest = hashlib.sha256(buffer.getvalue()).hexdigest()
            file = f"{FOLDER}/{number:012d}-{digest[:16]}.parquet"
            self.processed.write(file, buffer.getvalue())
        document = {
            "number": number,
            "register_head": self.register_head,
            "ledger": ledger,
            "movements": {"file": file, "sha256": digest, "rows": len(movements)},
        }
        self.processed.write(_key(number), json.dumps(document, indent=1, default=str).encode())

    def confirm(self, number: int) -> None:
        """Note that a load is published."""
        self.processed.write(CONFIRMED, json.dumps({"number": number}).encode())

    def catch_up(self, source: Queryable, last: int) -> None:
        """Write and confirm the records that are missing: of a release without them, or of a process that ended.

        A note of more loads than the warehouse has is corrected: the caller knows that there are no records of them.

        Args:
            source: the warehouse.
            last: the number of its last load.
        """
        confirmed = self.confirmed()
        if last == confirmed:
            return
        existing = set(self.numbers())
        for number in range(confirmed + 1, last + 1):
            # The record of a load that was rolled back may have the number of one that was published.
            if number not in existing or not self._is_of(source, number):
                self.write(source, number)
        self.confirm(last)

    def read(self, number: int) -> LoadRecord:
        """Return a record.

        Raises:
            DamagedObjectError: it is missing, damaged or was changed.
        """
        key = _key(number)
        try:
            document = parse_document(key, self.processed.read(key), dict[str, Any])
        except FileNotFoundError:
            raise DamagedObjectError(key, "it is missing") from None
        try:
            ledger = [_parse_row(LOAD_LEDGER, row) for row in document["ledger"]]
            moved, head = document["movements"], str(document.get("register_head", ""))
            movements = self._read_movements(moved["file"], moved["sha256"]) if moved["file"] else []
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise DamagedObjectError(key, f"it has other keys or values than expected: {error}") from None
        if (document.get("number"), moved.get("rows")) != (number, len(movements)):
            raise DamagedObjectError(key, "it says another number of the load, or of its movements, than it has")
        return LoadRecord(number, ledger, movements, head)

    def versions_since(self, number: int) -> dict[SliceName, str]:
        """Return the version of each slice that loads after a number have published last; empty of a removed one.

        Raises:
            DamagedObjectError: a record is missing or damaged.
        """
        versions: dict[SliceName, str] = {}
        for later in range(number + 1, self.confirmed() + 1):
            for row in self.read(later).ledger:
                version = "" if row["is_removed"] else str(row["version"])
                versions[CONTRACT_NAMES[row["table_name"]], row["slice"]] = version
        return versions

    def _read_movements(self, key: str, digest: str) -> list[Row]:
        try:
            data = self.processed.read(key)
        except FileNotFoundError:
            raise DamagedObjectError(key, "it is missing") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise DamagedObjectError(key, "its content is not what the load wrote")
        rows: list[Row] = read_parquet(key, data, MOVEMENTS.column_names).to_pylist()
        return rows

    def _is_of(self, source: Queryable, number: int) -> bool:
        try:
            return sort_rows(self.read(number).ledger) == sort_rows(rows_of_load(source, LOAD_LEDGER, number))
        except DamagedObjectError:
            return False


def rows_of_load(source: Queryable, contract: Contract, number: int) -> list[Row]:
    """Return the rows of LoadLedger or Movements that a load wrote."""
    names = contract.column_names
    rows = source.query(select_between(contract, names, "load_number"), {"first": number, "last": number}).rows
    return [dict(zip(names, row, strict=True)) for row in rows]


def _movements_of_load(source: Queryable, number: int, times: Collection[datetime]) -> list[Row]:
    """Return the movements of a load by its time, which Movements is sorted by: other loads' are not read."""
    names = MOVEMENTS.column_names
    query = select_between(MOVEMENTS, names, "loaded_at")
    rows = (
        dict(zip(names, row, strict=True))
        for at in times
        for row in source.query(query, {"first": at, "last": at}).rows
    )
    return [row for row in rows if row["load_number"] == number]


def sort_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return rows as texts in an order, for a comparison; a number is the same with more zeros behind its point."""
    return sorted(tuple(_text(row[name]) for name in sorted(row)) for row in rows)


def _text(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _parse_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not the number of a load")
    return value


def _parse_row(contract: Contract, row: Mapping[str, Any]) -> Row:
    types = {column.name: column.type for column in contract.columns}
    return {name: _parse_value(types[name], value) for name, value in row.items()}


def _parse_value(its_type: str, value: Any) -> Any:
    if its_type == MONEY:
        return Decimal(value)
    return datetime.fromisoformat(value) if its_type == "timestamp" else value


def _key(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"


def read_all(records: LoadRecords, last: int) -> Iterator[LoadRecord | DamagedObjectError]:
    """Yield the records of the loads up to the last one that was published; of a damaged one, what is wrong with it."""
    for number in range(1, last + 1):
        try:
            yield records.read(number)
        except DamagedObjectError as error:
            yield error
