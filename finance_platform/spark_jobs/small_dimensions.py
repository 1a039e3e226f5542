"""Dimensions of few members, which this process derives, so that no plan of Spark's is worth starting (249).

Belongs here: which members are few, reading them, their codes. Does not belong here: the rows of a dimension
(see `transforms.dimension_tables`), dimensions of many members and facts (see `build_star_job`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.gathered_files import under_contract
from finance_platform.spark_jobs.requests import BuildRequest
from finance_platform.spark_jobs.small_batches import runs_here
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.dimension_tables import account_rows, department_rows

MOST_MEMBERS = 20_000
"""The members, and the rows about them in small files, that Python derives as fast as Spark plans it."""

SMALL_BYTES = 1 << 20
"""The bytes of all files with descriptions of members."""

_DESCRIBED = {
    DIM_DEPARTMENT.name: (DEPARTMENTS, "department", "department_code"),
    DIM_ACCOUNT.name: (ACCOUNTS, "account", "account_number"),
}
"""What describes the members of a dimension, what its key is named after, and the column of their codes."""


def has_few_members(arguments: JobArguments, request: BuildRequest, members: Callable[[], pa.Table]) -> bool:
    """Return whether this process derives the dimensions of a build itself.

    Args:
        arguments: of the job.
        request: of the job.
        members: returns the members that lines mention.
    """
    names = (ACCOUNTS.name, DEPARTMENTS.name)
    size = sum(source.file.size for source in request.files if source.table in names)
    return runs_here(arguments) and size <= SMALL_BYTES and len(members()) <= MOST_MEMBERS


class SmallDimensions:
    """The departments and accounts of one build."""

    def __init__(self, processed: ObjectStore, request: BuildRequest, members: pa.Table) -> None:
        """Derive nothing yet.

        Args:
            processed: the processed zone, as the job writes it.
            request: of the job.
            members: the members that lines mention.
        """
        self._processed, self._request, self._members = processed, request, members
        self._references: dict[str, pa.Table] = {}
        self._ranks = {name: rank for rank, name in enumerate(request.deliveries)}

    @cached_property
    def departments(self) -> pa.Table:
        """The rows of `dim_department`."""
        return department_rows(self._reference(DEPARTMENTS), self._members, self._ranks)

    @cached_property
    def accounts(self) -> pa.Table:
        """The rows of `dim_account`."""
        return account_rows(self._reference(ACCOUNTS), self._members, self._ranks)

    def account_types(self) -> list[tuple[int, str | None]]:
        """Return key and type of each account."""
        return list(zip(*(self.accounts[name].to_pylist() for name in ("account_key", "account_type")), strict=True))

    def codes(self, table: str) -> Iterator[tuple[int, str]]:
        """Yield surrogate key and code of each row about a member of a dimension."""
        contract, dimension, code = _DESCRIBED[table]
        mentioned = self._members.filter(pc.equal(self._members["dimension"], dimension))
        described = self._reference(contract).select([f"{dimension}_key", code])
        for rows in (described, mentioned.select(["member_key", "code"])):
            yield from zip(*(column.to_pylist() for column in rows.columns), strict=True)

    def _reference(self, contract: Contract) -> pa.Table:
        """Return what live deliveries describe, without rows of earlier readings in shared files."""
        if contract.name not in self._references:
            self._references[contract.name] = self._read(contract)
        return self._references[contract.name]

    def _read(self, contract: Contract) -> pa.Table:
        sources = [source for source in self._request.files if source.table == contract.name]
        contents = find_many(self._processed, [source.file.key for source in sources])
        tables = [arrow_schema(contract.columns).empty_table()]
        for source, data in zip(sources, contents, strict=True):
            rows = under_contract(source.file.key, data, contract.columns)
            if source.file.is_shared:
                counting = [self._request.deliveries[place] for place in source.deliveries]
                rows = rows.filter(pc.is_in(rows["delivery_id"], pa.array(counting, pa.string())))
            tables.append(rows)
        return pa.concat_tables(tables)
