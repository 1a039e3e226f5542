"""`deliveries.account_types`: the types that are read before the dimension is built are those of the dimension."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, MEMBER_ATTRIBUTES, MEMBERS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.members.account_types import STATISTICAL, account_types, statistical_accounts
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.values.codes import ACCOUNT_TYPES
from finance_platform.storage.local import LocalStore
from finance_platform.transforms.dim_account import dim_account
from finance_platform_tests.transforms.rows import Row, few_examples, member, staged_account, table_of
from finance_platform_tests.unit.factories import in_period, live_in, state_of

NUMBERS = ("4000", "5000", "0010")
account_types_given = st.dictionaries(st.sampled_from(NUMBERS), st.none() | st.sampled_from(ACCOUNT_TYPES))
deliveries = st.lists(st.tuples(st.booleans(), account_types_given), max_size=5)
"""Deliveries in order: whether it is a reference file or a ledger, and its account types by number."""


def account_rows(name: str, types: dict[str, str | None], *, is_reference: bool) -> list[Row]:
    if is_reference:
        return [staged_account(code, delivery_id=name, account_type=kind) for code, kind in types.items()]
    return [member("account", code, delivery_id=name, account_type=kind) for code, kind in types.items()]


def state_on_disk(root: Path, sent: list[tuple[bool, dict[str, str | None]]]) -> DeliveryState:
    """Return the state of a zone with these deliveries as files."""
    pairs: list[Any] = []
    for number, (is_reference, types) in enumerate(sent):
        contract = ACCOUNTS if is_reference else MEMBERS
        kind = "accounts" if is_reference else "ledger"
        rows = account_rows(f"{number}.csv@v1", types, is_reference=is_reference)
        files = {contract.name: (written(root, f"{number}.parquet", contract, rows),)}
        if not is_reference and any(types.values()):
            files[MEMBER_ATTRIBUTES.name] = files[contract.name]  # only whether it exists matters
        periods = () if is_reference else (in_period("2025-01"),)
        pairs.append(
            live_in(
                *periods, key=f"{number}.csv", kind=kind, modified_at=f"2025-05-{number + 1:02d}", commit_files=files
            )
        )
    return state_of(*pairs)


def written(root: Path, key: str, contract: Contract, rows: list[Row]) -> DataFile:
    pq.write_table(table_of(contract, rows), root / key)
    return DataFile(key, (root / key).stat().st_size)


@few_examples
@given(deliveries)
def test_the_types_that_versions_depend_on_are_those_of_the_dimension(
    sent: list[tuple[bool, dict[str, str | None]]],
) -> None:
    """For any reference files and ledgers in any order, some of them without a type."""
    names = [f"{number}.csv@v1" for number in range(len(sent))]
    described = [
        r for n, (ref, types) in zip(names, sent, strict=True) if ref for r in account_rows(n, types, is_reference=True)
    ]
    mentioned = [
        r
        for n, (ref, types) in zip(names, sent, strict=True)
        if not ref
        for r in account_rows(n, types, is_reference=False)
    ]
    built = dim_account(table_of(ACCOUNTS, described), table_of(MEMBERS, mentioned), names)
    of_dimension = {row["account_key"]: row["account_type"] for row in built.to_pylist()}
    with tempfile.TemporaryDirectory() as folder:
        state = state_on_disk(Path(folder), sent)
        assert account_types(LocalStore(folder), state) == of_dimension
        statistical = {key for key, account_type in of_dimension.items() if account_type == STATISTICAL}
        assert statistical_accounts(LocalStore(folder), state.live) == statistical
