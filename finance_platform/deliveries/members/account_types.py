"""The types of accounts, as the dimension will have them, and the deliveries that need types which are missing.

Belongs here: reading the few small files that give an account's type, and which one counts. The versions of slices
under debit-positive feeds depend on it, so it must be known before the dimension is built; a test compares it with
`transforms.dim_account`. Does not belong here: any other attribute.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNTS, MEMBER_ATTRIBUTES, MEMBERS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.storage.immutable_documents import derive_once
from finance_platform.storage.port import ObjectStore

UNKNOWN = "Unknown"
STATISTICAL = "Statistical"


class AccountTypes:
    """The types that deliveries give to accounts; each delivery's files are read once."""

    def __init__(self, processed: ObjectStore) -> None:
        self._processed = processed
        self._mentioned: dict[str, Mapping[int, tuple[str, str]]] = {}
        self._described: dict[str, Mapping[int, str]] = {}

    def mentioned(self, delivery: LiveDelivery) -> Mapping[int, tuple[str, str]]:
        """Return number and type, which may be blank, by key of the accounts that a delivery's lines mention."""
        if delivery.delivery_id not in self._mentioned:
            columns = ["dimension", "member_key", "code", "account_type"]
            mentioned: dict[int, tuple[str, str]] = {}
            for rows in _tables(self._processed, delivery, "members", columns):
                accounts = rows.filter(pc.equal(rows["dimension"], "account"))
                pairs = zip(accounts["code"].to_pylist(), _texts(accounts["account_type"]), strict=True)
                mentioned.update(zip(accounts["member_key"].to_pylist(), pairs, strict=True))
            self._mentioned[delivery.delivery_id] = mentioned
        return self._mentioned[delivery.delivery_id]

    def described(self, delivery: LiveDelivery) -> Mapping[int, str]:
        """Return the type, which may be blank, by key of the accounts of a reference delivery: that of the last row."""
        if delivery.delivery_id not in self._described:
            columns = ["account_key", "account_type", "valid_from"]
            rows: list[tuple[int, str, str]] = []
            for table in _tables(self._processed, delivery, "accounts", columns):
                keys, types, starts = table["account_key"], _texts(table["account_type"]), _texts(table["valid_from"])
                rows += zip(keys.to_pylist(), types, starts, strict=True)
            rows.sort(key=itemgetter(2))
            self._described[delivery.delivery_id] = {key: account_type for key, account_type, _ in rows}
        return self._described[delivery.delivery_id]

    def types(self, live: Sequence[LiveDelivery], keys: Collection[int] | None = None) -> dict[int, str]:
        """Return the type of accounts by key.

        The latest reference delivery that has the account gives its type. If that type is blank, or if no reference
        delivery has the account, the first ledger delivery with a type for it does.

        Args:
            live: the deliveries that count, in order.
            keys: the accounts; None for every account that one of the deliveries mentions.
        """
        described: dict[int, str] = {}
        for delivery in live:
            if delivery.event.kind == "accounts":
                described |= self.described(delivery)
        if keys is None:
            mentioned = {key for delivery in live for key in self.mentioned(delivery)}
            keys = mentioned | described.keys()
        types = {key: described.get(key) or UNKNOWN for key in keys}
        missing = {key for key in keys if not described.get(key)}
        for delivery in live:
            if not missing:
                break
            own = self.mentioned(delivery)
            given = {key: own[key][1] for key in missing & own.keys() if own[key][1]}
            types |= given
            missing -= given.keys()
        return types

    def untyped(
        self, live: Sequence[LiveDelivery], needing: Iterable[LiveDelivery] | None = None
    ) -> dict[str, set[str]]:
        """Return the account numbers that lack a type, by object key of the debit-positive delivery that needs it.

        Args:
            live: the deliveries that count, in order.
            needing: the deliveries to look at; None for all that count.
        """
        flipped = [delivery for delivery in (live if needing is None else needing) if delivery.commit.is_debit_positive]
        types = self.types(live, {key for delivery in flipped for key in self.mentioned(delivery)})
        untyped: dict[str, set[str]] = {}
        for delivery in flipped:
            numbers = {number for key, (number, _) in self.mentioned(delivery).items() if types[key] == UNKNOWN}
            if numbers:
                untyped[delivery.event.object_key] = numbers
        return untyped

    def newly_untyped(
        self,
        before: Sequence[LiveDelivery],
        after: Sequence[LiveDelivery],
        difference: tuple[Sequence[LiveDelivery], Sequence[LiveDelivery]] | None = None,
    ) -> dict[str, set[str]]:
        """Return what `untyped` returns for `after` and not for `before`.

        Args:
            before: the deliveries that count, in order.
            after: those that would count, in order.
            difference: the deliveries of `before` that are not in `after`, and the reverse, where they are known.
        """
        removed, added = difference or (_missing(before, after), _missing(after, before))
        is_type_lost = any(one.event.kind == "accounts" for one in added) or any(
            one.event.kind == "accounts" or self._gives_types(one) for one in removed
        )
        # A ledger file that only adds lines takes no type away, so what the others mention need not be read.
        needing = [one for one in (after if is_type_lost else added) if one.commit.is_debit_positive]
        untyped = self.untyped(after, needing)
        if not untyped:
            return {}
        gone = {delivery.delivery_id for delivery in removed}
        unchanged = [one for one in before if one.delivery_id not in gone and one.event.object_key in untyped]
        known = self.untyped(before, unchanged)
        new = {key: numbers - known.get(key, set()) for key, numbers in untyped.items()}
        return {key: numbers for key, numbers in new.items() if numbers}

    def _gives_types(self, delivery: LiveDelivery) -> bool:
        return any(account_type for _, account_type in self.mentioned(delivery).values())


def _missing(deliveries: Iterable[LiveDelivery], others: Iterable[LiveDelivery]) -> list[LiveDelivery]:
    """Return the deliveries that are not among others."""
    ids = {other.delivery_id for other in others}
    return [delivery for delivery in deliveries if delivery.delivery_id not in ids]


def statistical_accounts(processed: ObjectStore, live: Sequence[LiveDelivery]) -> frozenset[int]:
    """Return the keys of the accounts whose amounts are not money; only deliveries that give types are read."""

    def derive(live: Sequence[LiveDelivery]) -> frozenset[int]:
        giving = [one for one in live if one.event.kind == "accounts" or one.commit.files.get(MEMBER_ATTRIBUTES.name)]
        keys: set[int] = set()
        for delivery in giving:
            for table, key in ((ACCOUNTS.name, "account_key"), (MEMBERS.name, "member_key")):
                for rows in _tables(processed, delivery, table, [key, "account_type"]):
                    keys.update(rows[key].filter(pc.equal(rows["account_type"], STATISTICAL)).to_pylist())
        types = AccountTypes(processed).types(giving, keys) if keys else {}
        return frozenset(key for key, account_type in types.items() if account_type == STATISTICAL)

    return derive_once(f"statistical accounts of {processed.root}", (live,), derive)


def account_types(processed: ObjectStore, state: DeliveryState) -> dict[int, str]:
    """Return the type of every account that a live delivery mentions or describes."""
    return AccountTypes(processed).types(state.live)


def accounts_mentioned(processed: ObjectStore, delivery: LiveDelivery) -> dict[int, str]:
    """Return the account number by key of the accounts that a delivery's lines mention."""
    return {key: number for key, (number, _) in AccountTypes(processed).mentioned(delivery).items()}


def account_keys(processed: ObjectStore, commit: DeliveryCommit) -> frozenset[int]:
    """Return the keys of the accounts that a delivery's lines mention, of one that no longer counts too."""
    keys: set[int] = set()
    for rows in read_rows(
        processed, commit.delivery_id, commit.files.get(MEMBERS.name, ()), ["dimension", "member_key"]
    ):
        keys.update(rows.filter(pc.equal(rows["dimension"], "account"))["member_key"].to_pylist())
    return frozenset(keys)


def _tables(processed: ObjectStore, delivery: LiveDelivery, table: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    return read_rows(processed, delivery.delivery_id, delivery.commit.files.get(table, ()), columns)


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Return the texts of a column, blank for null; equal ones are one object."""
    return [text or "" for text in _shared(column)]


def _shared(column: pa.ChunkedArray) -> Iterator[str | None]:
    for chunk in column.chunks:
        encoded = chunk.dictionary_encode()
        values = encoded.dictionary.to_pylist()
        yield from (None if index is None else values[index] for index in encoded.indices.to_pylist())
