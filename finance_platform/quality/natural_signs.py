"""Signs that contradict the types of accounts: revenue that is negative, or costs that are.

Belongs here: finding the periods in which most accounts of a type have the other sign, and the sentence about them.
Does not belong here: amounts that are unusual for one account (see `account_months`), SQL.

Amounts have their natural sign: revenue earned and money spent are both positive. A file that was exported with other
signs loads without a fault, and profit is revenue plus costs. The same is wrong in each month, so no history shows it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.cent_columns import Numbers, amount_of, exact_sum
from finance_platform.money_text import grouped_money
from finance_platform.quality.month_columns import AccountMonths

_REVENUE, _COSTS = 1, -1
_LEAST_ACCOUNTS = {_REVENUE: 1, _COSTS: 2}
"""A company may have one account of revenue; a credit note may make one account of costs negative.

An only account must be negative in half of its months at least: a month may have nothing but a credit note.
"""

_LEAST_SHARE = Decimal("0.1")
"""Of the amounts of all accounts of profit and loss, below which corrections may be more than what they correct."""


@dataclass(frozen=True)
class WrongSigns:
    """Accounts of one type that have the other sign in a period.

    Attributes:
        period: YYYY-MM.
        is_revenue: whether they are accounts of revenue; else of costs.
        is_budget: whether the amounts are those of the baseline; else of Actual.
        negative: how many of the accounts are negative.
        accounts: how many have amounts.
        amount: the sum of all of them.
    """

    period: str
    is_revenue: bool
    is_budget: bool
    negative: int
    accounts: int
    amount: Decimal

    @property
    def sentence(self) -> str:
        """The finding as one sentence."""
        figure = "revenue is" if self.is_revenue else "costs are"
        scenario = "the budget" if self.is_budget else "Actual"
        accounts = "the only account is" if self.accounts == 1 else f"{self.negative} of {self.accounts} accounts are"
        return (
            f"{figure} {grouped_money(self.amount)} in {scenario} of {self.period}: {accounts} negative, "
            f"although {'revenue earned' if self.is_revenue else 'money spent'} is positive"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        sign = "debit_positive" if self.is_revenue else "credit_positive"
        meaning = "debit less credit" if self.is_revenue else "credit less debit, so that spending is negative"
        own = "revenue" if self.is_revenue else "costs"
        return (
            f"if the amounts are {meaning}, write sign: {sign} in the descriptor of their feed and run; else send "
            f"{own} without a minus"
        )


def find_wrong_signs(with_lines: AccountMonths, periods: Collection[str]) -> tuple[WrongSigns, ...]:
    """Return the types of accounts whose amounts have the other sign in a period, the newest period first.

    Most accounts of the type must be negative, their sum too, and by more than corrections usually are.

    Args:
        with_lines: the months that have lines.
        periods: those that are evaluated.
    """
    months = with_lines.of_profit()
    found = []
    for period in sorted(periods, reverse=True):
        of_period = months.of_period(period)
        accounts = months.accounts[of_period]
        signs = months.signs[accounts]
        for is_budget, column in ((False, months.amounts), (True, months.budgets)):
            values = column[of_period]
            turnover = amount_of(exact_sum(abs(values)))
            for of_type in (_REVENUE, _COSTS):
                is_own = (signs == of_type) & (values != 0)
                own = values[is_own]
                total, negative = amount_of(exact_sum(own)), int((own < 0).sum())
                is_most = len(own) >= _LEAST_ACCOUNTS[of_type] and 3 * negative >= 2 * len(own)
                if len(own) == 1:
                    is_most &= _is_mostly_negative(column[months.accounts == accounts[is_own][0]])
                if is_most and -total >= _LEAST_SHARE * turnover > 0:
                    found.append(WrongSigns(period, of_type == _REVENUE, is_budget, negative, len(own), total))
    return tuple(found)


def _is_mostly_negative(amounts: Numbers) -> bool:
    return 2 * int((amounts < 0).sum()) >= int((amounts != 0).sum())
