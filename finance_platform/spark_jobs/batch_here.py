"""A batch whose tables this process writes, from staged rows that it has read.

Belongs here: the order of the steps, as `batch_by_spark` has it for Spark. Does not belong here: staged rows and their
tables in Arrow (see `small_batches`), rows that repeat a key (see `staged_repeats`).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNT_COUNTS, LINE_CONTRACTS, MEMBER_ATTRIBUTES, REJECTED_ROWS
from finance_platform.contracts.schemas import MENTIONED, STAGED_ROWS
from finance_platform.feeds.lines.delivered_cells import make_cell_reader
from finance_platform.spark_jobs.arguments import staging_folder
from finance_platform.spark_jobs.delivery_batch import DeliveryBatch, measured_ids, order_of
from finance_platform.spark_jobs.delivery_results import DeliveryResult, enter_account_counts
from finance_platform.spark_jobs.small_batches import (
    StagedRows,
    is_read_here,
    lines_of_members,
    rows_of_table,
    rows_with,
    write_by_delivery,
)
from finance_platform.spark_jobs.staged_repeats import LateRows, StagedRepeats, columns_to_compare
from finance_platform.spark_jobs.written_lines import WrittenLines
from finance_platform.transforms.key_comparison import PLACE, compared_columns


class BatchHere(DeliveryBatch):
    """Deliveries whose staged rows this process reads, and whose tables it writes if these rows are few."""

    @property
    def is_read_here(self) -> bool:
        """Whether this process reads the files."""
        return is_read_here(self.arguments, self.deliveries, self._written_by_reader)

    def read(self) -> StagedRows:
        """Read the files once into staged rows."""
        folder = f"{staging_folder(self.arguments.attempt)}/{self.folder}"
        rows, read = StagedRows(STAGED_ROWS[self.kind], self.arguments.temporary, f"{folder}/rows"), self._reader()
        rows.fill([read([pa.RecordBatch.from_pylist([file])]) for file in self._files()], self._readers())
        return rows

    def is_written_here(self, staged: StagedRows) -> bool:
        """Return whether this process writes the tables; Spark does if rows that become lines may be too many."""
        are_many = staged.is_on_disk and len(self._written_by_reader) < len(self.deliveries)
        return not are_many and not self._has_vouchers() and MEMBER_ATTRIBUTES not in self._tables()

    def write(self, staged: StagedRows) -> dict[str, DeliveryResult]:
        """Write the tables in this process, rejected rows a part at a time."""
        results = {summary["delivery_id"]: DeliveryResult(summary) for summary in staged.summaries}
        written, processed = WrittenLines.of(results), self.processed
        repeats = self._repeats_here(staged, written, results)
        rows = self._write_rejected_here(staged, repeats, results)
        self._count_lines(written.data_files, results)
        lines = lines_of_members(processed, written.data_files) if written.is_reduced else None
        for contract in self._tables():
            if contract is REJECTED_ROWS:
                continue
            then_by = "period" if contract in LINE_CONTRACTS else None
            of_table = rows_of_table(contract, rows, lines)
            own = write_by_delivery(of_table, processed, self._folder_of(contract), order_of(contract), then_by)
            for name in [*written.of_table(contract.name), *own]:
                of_reader = written.of_table(contract.name).get(name, [])
                results[name].files[contract.name] = [*of_reader, *own.get(name, ())]
            self._count(contract, [file for of_delivery in own.values() for file in of_delivery], results)
        if self.kind == "ledger":
            enter_account_counts(processed, self._folder_of(ACCOUNT_COUNTS), results, {})
        return results

    def _repeats_here(
        self, staged: StagedRows, written: WrittenLines, results: Mapping[str, DeliveryResult]
    ) -> StagedRepeats | None:
        """Return the rows that repeat a key; lines that the reader wrote leave their files if others reject them."""
        if not any(result.summary["may_repeat"] for result in results.values()):
            return None
        compared, arguments = compared_columns(self.kind), self.arguments
        parts = staged.parts(columns_to_compare(compared))
        repeats = StagedRepeats.find(parts, measured_ids(results), compared)
        if written.may_repeat:
            written.remove(self.processed, repeats.rejected())
        read = make_cell_reader(self._feeds(), arguments.raw_uri, arguments.raw_options)
        repeats.read_again(read, self._files())
        return repeats

    def _write_rejected_here(
        self, staged: StagedRows, repeats: StagedRepeats | None, results: Mapping[str, DeliveryResult]
    ) -> pa.Table:
        """Write the rejected rows of each part of the staged rows; return all other rows of readable files."""
        others, measured, parts, late = [], measured_ids(results), 0, LateRows(())
        if repeats and staged.is_on_disk:
            repeats, of_written = repeats.apart()
            wanted = staged.parts(wanted=of_written.positions)
            late = LateRows(of_written.take_out(part, start)[1] for start, part in wanted)
        for start, part in staged.parts():
            rows, of_repeats = repeats.take_out(part, start) if repeats else (part, None)
            rows = rows.filter(pc.is_in(rows["delivery_id"], measured))
            rejected = [rows_of_table(REJECTED_ROWS, rows), *([] if of_repeats is None else [of_repeats])]
            rejected.append(late.before(pa.concat_tables(rejected)))
            self._write_rejected_part(pa.concat_tables(rejected), parts, results)
            others.append(rows_with(rows, ["accepted", MENTIONED]))
            parts += 1
        self._write_rejected_part(late.rest(), parts, results)
        files = [file for result in results.values() for file in result.files.get(REJECTED_ROWS.name, ())]
        self._count(REJECTED_ROWS, files, results)
        return pa.concat_tables(others)

    def _write_rejected_part(self, rows: pa.Table, number: int, results: Mapping[str, DeliveryResult]) -> None:
        folder = self._folder_of(REJECTED_ROWS)
        own = write_by_delivery(rows, self.processed, f"{folder}-part-{number:05}", PLACE)
        for name, of_delivery in own.items():
            results[name].files.setdefault(REJECTED_ROWS.name, []).extend(of_delivery)
