"""Trial balances: a draft of kind `balances` where no column has money of a period, and what is asked where one may.

Belongs here: recognizing them by titles and by the names of their columns. Does not belong here: comparing balances
with the ledger (see `quality.books`), balances among the lines of a ledger (see `other_rows`).

A trial balance with totals since the beginning of the year is never one of lines, whatever a person decides. Nor is one
whose columns are called by the last days of months, or whose opening balances and movements add up to its closing
balances: the draft says how its movements are read as lines in a home that has no others. One with debits and credits
of the period alone may be either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import Any

from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, describe_days, is_code
from finance_platform.feeds.draft.dates_of_names import month_of_name
from finance_platform.feeds.draft.debit_credit_pairs import find_pair
from finance_platform.feeds.draft.money_columns import is_money, marks_in_yaml
from finance_platform.feeds.draft.period_columns import read_header
from finance_platform.feeds.draft.proved_balances import OPENING, ProvedBalances, prove_balances
from finance_platform.feeds.draft.values import DATE_FORMATS, guess_amounts, is_date, read_day
from finance_platform.feeds.values.header_words import WORDS, plain_name

_TRIAL_BALANCE = re.compile(
    r" (?:trial ?balance|tb|su ?sa|summen und saldenliste|saldenliste|balance generale|balance des comptes"
    r"|balance de comprobacion|balance de sumas y saldos|bilancio di verifica|saldibalans|proefbalans|balancete"
    r"|balance ?sheet|statement of financial position|balansrapport|stato patrimoniale|balance de situacion) "
)
_SIDES = ("debit", "credit")
_CLOSING = {"closing", "ending", "endsaldo", "schlusssaldo", "eindsaldo"}
_FIELDS_OF_WORDS = {"opening": OPENING, "balance": _CLOSING}
_AS_OF = re.compile(r"(?i)^(?:as (?:of|at)|at|per|zum|au|al) ")
"""What may be before a day of balances."""
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


def is_trial_balance(file: str, titles: Sequence[str], sheet: str) -> bool:
    """Return whether a file's name, a title or the name of its sheet says that it has balances."""
    texts = [PurePosixPath(file).stem, *titles, sheet]
    return any(_TRIAL_BALANCE.search(f" {plain_name(text)} ") for text in texts)


def draft_trial_balance(
    draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str], *, is_named: bool
) -> bool:
    """Draft a trial balance in which every amount is a balance, or whose rows prove it; return whether the file is one.

    Args:
        draft: gets the fields.
        columns: those of the file.
        file: its name.
        titles: the texts above the header.
        is_named: whether the file says that it is a trial balance.
    """
    codes = [one for one in columns if is_code(one) and not one.blanks]
    account = best_column(["account", "account_name", *(["number", "code"] if is_named else [])], codes)
    if account is None:
        return False
    department = best_column(["department"], [one for one in codes if one is not account])
    money = [one for one in columns if one is not account and is_money(one)]
    days = days_of_balances(money) if is_named else {}
    balances: dict[str, Any] | None = _balance_of_last(days) if days else None
    if balances is None and is_named:
        balances = _only_balances(money)
    # Movements by department are lines of a month, unless the file says what it is.
    if balances is None and (is_named or department is None) and len(set(account.texts)) == len(account.texts):
        proved = prove_balances(money)
        if proved is not None:
            balances = _proved_sources(proved)
            draft.decisions.append(_describe_movements(proved, money))
    if balances is None:
        return False
    draft.kind = "balances"
    of_name = month_of_name(file)
    if days:
        _take_last_day(draft, days)
    elif of_name:
        draft.fields["period"] = FieldDraft(*of_name)
    else:
        draft.decide_constant(
            "period",
            "The period is not in the file's name. Give it in constants.period, such as 2025-03"
            f"{describe_days(titles)}. If each month has a file of its own, give it a name with its month, such as "
            "trial_balance_2025-03, and draft again: the draft then reads the month from the name.",
        )
    draft.fields["account"] = FieldDraft({"from": account.name})
    if department is not None:
        draft.fields["department"] = FieldDraft({"from": department.name})
    for name, source in balances.items():
        found = [one for one in money if one.name in (source.values() if isinstance(source, dict) else [source])]
        guess = guess_amounts([text for one in found for text in (*one.texts, *one.totals)])
        values = {"from": source, **(marks_in_yaml(guess) if guess else {})}
        comment = "at the end of the period, debit less credit; compared with the ledger, and never added to it"
        draft.fields[name] = FieldDraft(values, comment if name == "balance" else "")
    return True


def describe_trial_balance(columns: Sequence[Column]) -> str:
    """Return what a person decides about a trial balance whose amounts may be those of a month."""
    named = {name: [one.name for one in columns if _says(one.name, words)] for name, words in _FIELDS_OF_WORDS.items()}
    written = [f"{name}: {found[0]!r}" for name, found in named.items() if len(found) == 1]
    fields = f" ({', '.join(written)})" if written else ""
    return (
        "This seems to be a trial balance or a balance sheet. If its amounts are balances at the end of a period, or "
        "totals since the beginning of the year, they are no lines of a month: write kind: balances, with the fields "
        f"period, account and balance{fields}, and the file is compared with the ledger (Trial balances in "
        "docs/feeds.md). Amounts of one month alone may be read as lines."
    )


def days_of_balances(columns: Sequence[Column]) -> dict[str, date]:
    """Return the day of each column of amounts, if each is named by the last day of a month; nothing if one is not."""
    days: dict[str, date] = {}
    for column in filter(is_money, columns):
        day = read_day(_AS_OF.sub("", column.name), DATE_FORMATS)
        if day is None or (day + timedelta(1)).day != 1:
            return {}
        days[column.name] = day
    return days


def _balance_of_last(days: Mapping[str, date]) -> dict[str, str]:
    """Return the source of the balance: the column of the last day."""
    return {"balance": max(days, key=lambda name: days[name])}


def _take_last_day(draft: FieldsDraft, days: Mapping[str, date]) -> None:
    """Take the period of the last of some days, which a file of the next month has too, as the day before its own."""
    name = _balance_of_last(days)["balance"]
    draft.constants["period"] = f"{days[name]:%Y-%m}"
    draft.decisions.append(
        f"The balances are those of {name!r}, the last day of the file, and constants.period is its month. The file of "
        "another month has a column of another name: give each file a descriptor of its own, with its whole name in "
        "path, or export one day under a header that stays, such as Balance."
    )


def _only_balances(money: Sequence[Column]) -> dict[str, Any] | None:
    """Return the source of the balance, and of the opening one if there is one; None if an amount may be of a period.

    Balances of another day, such as those of the year before, have its date or its year as their header.
    """
    compared = [one for one in money if is_date(one.name) or read_header(one.name) or _YEAR.fullmatch(one.name)]
    opening = [one for one in money if _says(one.name, OPENING)]
    found = [one for one in money if one not in compared and one not in opening]
    is_sure = all(states_totals(one.name) or _says(one.name, _CLOSING) for one in found)
    if not (found and is_sure and len(opening) <= 1):
        return None
    sides = [[one.name for one in found if _has_side(side, one.name)] for side in _SIDES]
    if len(found) == 1 and not any(sides):
        balance: Any = found[0].name
    elif len(found) == len(_SIDES) and all(len(one) == 1 for one in sides):
        balance = dict(zip(_SIDES, (one[0] for one in sides), strict=True))
    else:
        return None
    is_pair = any(_has_side(side, one.name) for one in opening for side in _SIDES)
    return {"balance": balance} | ({"opening": opening[0].name} if opening and not is_pair else {})


def _proved_sources(proved: ProvedBalances) -> dict[str, Any]:
    """Return the source of the balance, and of the opening one if it is a column and of the same period."""
    is_opening_read = proved.is_complete and len(proved.movements) == 1 and len(proved.opening.columns) == 1
    return {"balance": proved.closing.source} | ({"opening": proved.opening.source} if is_opening_read else {})


def _describe_movements(proved: ProvedBalances, money: Sequence[Column]) -> str:
    """Return how a person has the movements of a proved trial balance read as lines, where no other file has them."""
    pair = find_pair(money)
    columns = pair[:2] if pair else proved.movements[-1].columns
    names = [repr(one.name) for one in columns if not states_totals(one.name)]
    source = f" from {' and '.join(names)}" if names else ""
    return (
        "In each row, the opening balance and the movements add up to the closing balance, so this is a trial balance: "
        "it is compared with the ledger, and adds no lines to it (Trial balances in docs/feeds.md). Only if the home "
        "gets no journal lines, and such a file each month: write kind: ledger, with the fields date, department, "
        f"account and amount{source}, so that the movements of the month are the lines."
    )


def _says(header: str, words: set[str]) -> bool:
    return bool(words & set(plain_name(header).split()))


def _has_side(side: str, header: str) -> bool:
    return bool({word for word in WORDS[side] if " " not in word} & set(plain_name(header).split()))
