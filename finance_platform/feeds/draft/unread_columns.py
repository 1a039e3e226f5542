"""Columns that a draft does not read: totals beside periods, contra accounts, and what a person must decide.

Belongs here: which of them there are, and the keys of the draft that name them. Does not belong here: which headers
name periods (see `period_columns`), what the reader does with such columns (see `doubts.unread_months`).

A column between two months may be a month that is written in a way that is not known. Without a decision its money
would be lost in silence, so the draft is refused until a person has made it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.doubts.unread_accounts import CONTRA_ACCOUNTS
from finance_platform.feeds.draft.columns import Column, FieldsDraft
from finance_platform.feeds.draft.money_columns import (
    find_sums,
    is_difference,
    is_money,
    is_of_year_before,
    is_percentage,
    listed,
    may_be_money,
)
from finance_platform.feeds.draft.other_rows import is_balance_text
from finance_platform.feeds.draft.period_columns import read_header
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.month_names import is_total_name
from finance_platform.safe_text import quote_name

_MAX_SHOWN = 4


def draft_unread(draft: FieldsDraft, columns: Sequence[Column], used: Collection[str]) -> None:
    """Name the totals beside columns of periods, and leave other columns of numbers there to a person.

    Args:
        draft: with every field that was found.
        columns: the columns of the file, in their order.
        used: the headers that the draft uses.
    """
    cells = list(draft.unpivot["columns"]) if draft.unpivot else list(draft.measures)
    sums = find_sums(
        [column for column in columns if column.amounts and (column.name in cells or column.name not in used)]
    )
    # Of whole numbers, a person may decide that they are codes.
    codes = {column.name for column in columns if UNDECIDED in draft.constants.values() and not is_money(column)}
    for column in _beside(columns, cells, {*used, *draft.ignored, *draft.unclear, *codes}):
        is_total = column.name in sums or is_total_name(column.name) or states_totals(column.name)
        is_total = is_total or is_balance_text(column.name) or is_total_name(column.month)
        if is_total or is_percentage(column) or is_difference(column) or is_of_year_before(column):
            draft.ignored.append(column.name)
        else:
            draft.unclear.append(column.name)
    draft.ignored = [column.name for column in columns if column.name in draft.ignored]
    draft.unclear = [column.name for column in columns if column.name in draft.unclear]
    parts = [draft.rows_comment] if draft.rows_comment else []
    if draft.ignored:
        what = "totals, differences or percentages of these columns, or of the year before"
        parts.append(f"not read, as {what}: {listed(draft.ignored)}")
    if draft.unclear:
        parts.append(
            f"decide: {listed(draft.unclear)} beside these columns: which period is it{_ask(draft)}? If it is none, "
            "remove it from here and from the map, and name it in ignore_columns"
        )
    draft.rows_comment = "; ".join(parts)


def _beside(columns: Sequence[Column], cells: Collection[str], used: Collection[str]) -> list[Column]:
    """Return the unused columns with amounts that are between two columns of periods, or next to one.

    Beside years, others than years are usual, such as a change in percent.
    """
    places = [place for place, column in enumerate(columns) if column.name in cells]
    first, last = min(places), max(places)
    free = [column.name not in used and (is_money(column) or may_be_money(column)) for column in columns]
    header = read_header(next(iter(cells)))
    if header is not None and header.unit != "year":
        while first > 0 and free[first - 1]:
            first -= 1
        while last + 1 < len(columns) and free[last + 1]:
            last += 1
    return [columns[place] for place in range(first, last + 1) if free[place] and columns[place].amounts]


def _ask(draft: FieldsDraft) -> str:
    """Take the columns into the draft with a period that a person gives; return the form of the period."""
    if not draft.unpivot:
        draft.measures |= {name: {"date": UNDECIDED, "scenario": UNDECIDED} for name in draft.unclear}
        return ""
    draft.unpivot["columns"] = [*draft.unpivot["columns"], *draft.unclear]
    values = draft.fields["date"].values
    formats = values["formats"]
    form = formats[0]
    header = read_header(draft.unpivot["columns"][0])
    if header is not None and header.has_year and header.unit == "month":
        form = "yyyy-MM"
        values["formats"] = list(dict.fromkeys([*formats, form]))
    values["map"] = values.get("map", {}) | dict.fromkeys(draft.unclear, UNDECIDED)
    return f", in the form {form}"


def describe_contra_account(draft: FieldsDraft, columns: Sequence[Column], unread: Sequence[Column]) -> list[str]:
    """Return what a person decides about a file in which each row may be a booking of two accounts, as in DATEV's.

    Args:
        draft: has the account.
        columns: those of the file.
        unread: those that no field uses.
    """
    contra = next((one for one in unread if plain_name(one.name) in CONTRA_ACCOUNTS), None)
    source = draft.fields["account"].values.get("from") if "account" in draft.fields else None
    account = next((one for one in columns if one.name == source), None)
    if contra is None or account is None:
        return []
    others = [text for text in dict.fromkeys(contra.texts) if text not in account.texts]
    shown = ", ".join(map(quote_name, others[:_MAX_SHOWN])) + (" …" if len(others) > _MAX_SHOWN else "")
    why = (
        f"{contra.name!r} has accounts without a row of their own here: {shown}. If each row books both accounts, as "
        "in a batch of bookings, the amounts of these are missing, such as the revenue of an invoice whose account is "
        "the customer: export the lines of the accounts, such as a journal or account sheets."
    )
    return [why] if others else []
