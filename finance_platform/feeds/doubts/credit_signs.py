"""Which sign the amounts of a column of credits have: some systems print them with a minus, others without.

Belongs here: counting signs over the tables of a file, and the words that hold the delivery. Does not belong here:
debit less credit (see `ledger_lines`).

Debit less credit of a credit that has its minus adds the credit, and nothing else would say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE, SUM_OF_MONEY_TYPE
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.amounts import EXACT, ParsedAmounts
from finance_platform.feeds.violations import ACCEPTED
from finance_platform.money_text import sum_of_amounts


@dataclass
class CreditSigns:
    """The signs of the debits and credits of a file's accepted lines.

    Attributes:
        debits: how many debits are positive, and how many are negative.
        credits: the same of credits.
        total: the sum of the credits.
    """

    debits: tuple[int, int] = (0, 0)
    credits: tuple[int, int] = (0, 0)
    total: Decimal = Decimal(0)

    def add(self, parsed: ParsedAmounts, outcomes: pa.Array) -> None:
        """Add a batch of lines; amounts in one column have no sides."""
        if not parsed.sides:
            return
        is_accepted = pc.equal(outcomes, ACCEPTED)
        of_debits, of_credits = (pc.filter(side.values, is_accepted) for side in parsed.sides)
        self.debits = _added(self.debits, of_debits)
        self.credits = _added(self.credits, of_credits)
        self.total = EXACT.add(self.total, pc.sum(of_credits.cast(SUM_OF_MONEY_TYPE)).as_py() or Decimal(0))

    def doubts(self, rule: FieldRule) -> dict[str, str]:
        """Return why the file may have the other signs than its descriptor says, with what to do about it."""
        positive, negative = self.credits
        if rule.credit is None or rule.is_signed is False:
            return {}
        column, count = repr(rule.credit), positive + negative
        amounts = f"its {sum_of_amounts(count, self.total)}"
        pair = f"{{debit: {rule.debit}, credit: {rule.credit}, signed:"
        if not rule.is_signed and self.debits[1] and not self.debits[0] and positive and not negative:
            return {
                f"every amount of the column {rule.debit!r} has a minus and none of {column} has, so that debit less "
                f"credit subtracts both; the credits' {sum_of_amounts(count, self.total)}": (
                    f"if both have their signs, as in the statement of a bank, write from: {pair} true}} in the "
                    "descriptor, which adds them; if these lines reverse debits, accept the file, or write "
                    f"{pair} false}}"
                )
            }
        if self.debits[1] > self.debits[0]:
            return {}
        if not rule.is_signed and negative and not positive:
            return {
                f"every amount of the column {column} has a minus, so that debit less credit adds it; {amounts}": (
                    f"if the minus marks a credit, write from: {pair} true}} in the descriptor; "
                    f"if these lines reverse credits, accept the file, or write {pair} false}}"
                )
            }
        if rule.is_signed and positive and not negative:
            return {
                f"no amount of the column {column} has a minus, although the descriptor has signed: true, so that it "
                f"is added to the debits; {amounts}": (
                    f"if the file's credits have no sign any more, write from: {pair} false}} in the descriptor; if "
                    "these lines reverse credits, accept the file"
                )
            }
        return {}


def _added(counts: tuple[int, int], values: pa.Array) -> tuple[int, int]:
    zero = pa.scalar(Decimal(0), MONEY_TYPE)  # made here, because Arrow imports pandas for its first scalar
    positive, negative = (pc.sum(compare(values, zero)).as_py() or 0 for compare in (pc.greater, pc.less))
    return counts[0] + positive, counts[1] + negative
