"""A second column of accounts that nothing reads: a row that books two accounts, of which one is read.

Belongs here: contra accounts. Does not belong here: the account that is read (see `ledger_lines`).

In a list of the lines of accounts, the contra account only explains a line, since it has a line of its own. In a batch
of bookings it has none, and the amounts of that account are missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.doubts.unread_column import UnreadColumn
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers

CREDITED = {
    *("credit account", "account credit", "cr account", "credit acct", "compte credit", "compte credite"),
    *("habenkonto", "konto haben", "haben konto", "kthaben", "habenkto", "haben kto", "kto haben", "conto avere"),
}
DEBITED = {
    *("debit account", "account debit", "dr account", "debit acct", "compte debit", "compte debite"),
    *("sollkonto", "konto soll", "soll konto", "ktsoll", "sollkto", "soll kto", "kto soll", "conto dare"),
}

CONTRA_ACCOUNTS = {
    *("contra account", "contra account no", "contra", "offset account", "offsetting account", "offsetting acct"),
    *("balancing account", "bal account no", "counter account", "counterpart account"),
    *("gegenkonto", "gegenkonto ohne bu schlussel", "gegenkontonummer", "gegenkto", "compte de contrepartie"),
    *("contrepartie", "contrapartida", "cuenta contrapartida", "contropartita", "tegenrekening"),
    *CREDITED,
    *DEBITED,
}
"""Headers of a second account."""

_OF_BATCHES = {"gegenkonto ohne bu schlussel"}
"""Headers that only batches of bookings have: in DATEV's format, each row books both accounts."""

_LEAST = 2
_MAX_TEXTS = 10_000
_DAY = np.uint64(0x9E3779B97F4A7C15)
_SHARE = 10
"""One line in so many may lack the line of its contra account, such as one that was rejected."""


@dataclass
class ContraAccounts(UnreadColumn):
    """The contra accounts that are accounts of other lines of the file, and have no line of the same day."""

    _accounts: list[Numbers] = field(default_factory=list)
    _contras: list[Numbers] = field(default_factory=list)
    _days: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    _amounts: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _texts: dict[int, str] = field(default_factory=dict)

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        self.lines += len(texts)
        if self.lines > MAX_LINES:
            return
        contras = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
        if len(self._texts) < _MAX_TEXTS:
            distinct = pc.unique(contras)
            self._texts.update(zip(place_numbers([distinct]).tolist(), distinct.to_pylist(), strict=True))
        self._accounts.append(place_numbers([columns["account_number"]]))
        self._contras.append(
            np.where(pc.equal(contras, "").to_numpy(zero_copy_only=False), 0, place_numbers([contras]))
        )
        days = columns["posting_date"].cast(pa.int32()).fill_null(0)
        self._days.append(days.to_numpy().astype(np.uint64))
        self._amounts.append(cents(columns["amount"]))

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery."""
        if not self._accounts or self.lines > MAX_LINES:
            return {}
        accounts, contras, days = map(np.concatenate, (self._accounts, self._contras, self._days))
        amounts = np.concatenate(self._amounts)
        is_pair = (contras != 0) & (amounts != 0) & (contras != accounts)
        if not self._is_named_pair:
            is_pair &= np.isin(contras, accounts)
        is_alone = is_pair & ~np.isin(contras + days * _DAY, accounts + days * _DAY)
        if self._is_named_pair:
            is_alone = is_pair
        rows = int(is_alone.sum())
        if rows and (self._is_named_pair or (rows >= _LEAST and rows * _SHARE > int(is_pair.sum()))):
            sample = next((self._texts[one] for one in contras[is_alone].tolist() if one in self._texts), "")
            self.found = Counter({clean(sample): rows})
            self.total = Decimal(int(amounts[is_alone].sum())).scaleb(-2)
        return super().doubts()

    @property
    def _is_named_pair(self) -> bool:
        """Whether the columns are called accounts of debit and credit, or of a batch, so that each row books both."""
        read = {plain_name(name) for name in self.rules.fields.get("account", FieldRule()).sources}
        name = plain_name(self.name)
        is_other_side = (name in CREDITED and bool(read & DEBITED)) or (name in DEBITED and bool(read & CREDITED))
        return is_other_side or name in _OF_BATCHES

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        which = "a second account" if self._is_named_pair else "an account of other lines that has no line of that day"
        reason = f"names {which} in {self.count}, such as {self.texts}, so the amounts of these accounts are missing"
        fix = (
            "send a list of the lines of all accounts, in which a booking has a row for each of its accounts, in place "
            "of the batch of bookings; if the column only explains lines that are complete"
        )
        return f"{reason}; {self.money}", fix
