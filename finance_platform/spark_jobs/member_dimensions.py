"""The dimensions of members, departments and accounts, which the job's own process derives on every engine (590).

Belongs here: reading what describes members, comparing their codes. Does not belong here: the rows of a dimension (see
`transforms.dim_members`), facts (see `build_star_job`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.errors import JobError
from finance_platform.feeds.values.codes import fold
from finance_platform.spark_jobs.gathered_files import under_contract
from finance_platform.spark_jobs.requests import BuildRequest
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.dim_account import dim_account
from finance_platform.transforms.dim_department import dim_department

_ORDER = ("delivery_id", "valid_from", "source_sheet", "source_row")
"""The columns that decide which description of a member is the latest."""


def read_departments(processed: ObjectStore, request: BuildRequest, members: pa.Table) -> pa.Table:
    """Return the rows of `dim_department`.

    Args:
        processed: the processed zone, as the job writes it.
        request: of the job.
        members: the members that lines mention.

    Raises:
        JobError: two codes have one surrogate key.
    """
    described = _read_descriptions(processed, request, DEPARTMENTS, DIM_DEPARTMENT)
    refuse_collisions(_codes(described, members, "department", "department_code"))
    return dim_department(described, members, request.deliveries)


def read_accounts(processed: ObjectStore, request: BuildRequest, members: pa.Table) -> pa.Table:
    """Return the rows of `dim_account`; for the arguments and errors see `read_departments`."""
    described = _read_descriptions(processed, request, ACCOUNTS, DIM_ACCOUNT)
    refuse_collisions(_codes(described, members, "account", "account_number"))
    return dim_account(described, members, request.deliveries)


def refuse_collisions(members: Iterable[tuple[int, str]]) -> None:
    """Refuse two codes that do not match and share a surrogate key: they would become one member.

    Args:
        members: surrogate key and code.

    Raises:
        JobError: names the codes.
    """
    codes: dict[int, dict[str, str]] = {}
    for key, code in members:
        codes.setdefault(key, {})[fold(code)] = code
    collisions = [sorted(spellings.values()) for spellings in codes.values() if len(spellings) > 1]
    if collisions:
        raise JobError(
            f"the codes {' and '.join(map(repr, collisions[0]))} have one surrogate key, {len(collisions)} such keys",
            fix="rename one of the codes in the source; nothing was built",
        )


def _codes(described: pa.Table, members: pa.Table, dimension: str, code: str) -> Iterator[tuple[int, str]]:
    """Yield each code that files describe or lines mention whose surrogate key another code has too, after the key."""
    mentioned = members.filter(pc.equal(members["dimension"], dimension)).select(["member_key", "code"])
    names = [f"{dimension}_key", code]
    rows = pa.concat_tables([described.select(names), mentioned.rename_columns(names)])
    pairs = rows.group_by(names, use_threads=False).aggregate([])
    # Nearly all keys have one spelling of one code, which nothing needs to fold.
    spellings = pairs[names[0]].value_counts()
    several = spellings.filter(pc.greater(spellings.field("counts"), 1)).field("values")
    pairs = pairs.filter(pc.is_in(pairs[names[0]], value_set=several))
    yield from zip(*(pairs[name].to_pylist() for name in names), strict=True)


def _read_descriptions(processed: ObjectStore, request: BuildRequest, table: Contract, dimension: Contract) -> pa.Table:
    """Return what live deliveries describe, without rows of earlier readings in shared files."""
    columns = [column for column in table.columns if column.name in (*_ORDER, *dimension.column_names)]
    sources = [source for source in request.files if source.table == table.name]
    contents = find_many(processed, [source.file.key for source in sources])
    tables = [arrow_schema(columns).empty_table()]
    for source, data in zip(sources, contents, strict=True):
        rows = under_contract(source.file.key, data, columns)
        if source.file.is_shared:
            counting = [request.deliveries[place] for place in source.deliveries]
            rows = rows.filter(pc.is_in(rows["delivery_id"], pa.array(counting, pa.string())))
        tables.append(rows)
    return pa.concat_tables(tables)
