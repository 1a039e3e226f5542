"""The words of reasons to hold a delivery, for people who have its file open.

Belongs here: clauses and their parts. Does not belong here: whether there is a reason (see `hold_reasons`,
`commit_reasons`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from finance_platform.count_text import pluralize
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.attribute_conflicts import AttributeConflict
from finance_platform.deliveries.verdicts.moved_documents import MovedDocuments
from finance_platform.deliveries.verdicts.removals import OtherLines, SmallerPeriod
from finance_platform.deliveries.verdicts.repeated_lines import RepeatedLines
from finance_platform.deliveries.verdicts.returning_lines import ReturningLines
from finance_platform.feeds.violations import quoted
from finance_platform.money_text import grouped_money
from finance_platform.safe_text import quote_name

_MAX_NAMES = 5


def words_of_signs(*, is_debit_positive: bool) -> str:
    """Return what to add to amounts of lines whose signs are not those of the figures; nothing if they are."""
    return " (debit less credit)" if is_debit_positive else ""


def untyped_accounts(numbers: Collection[str]) -> str:
    """Return that accounts of a file with debits and credits have no type."""
    verb = "has" if len(numbers) == 1 else "have"
    return f"{name_accounts(numbers)} {verb} no type, which the sign of its debits and credits depends on"


def name_accounts(numbers: Collection[str]) -> str:
    """Return accounts by number, a few of many."""
    return f"{'account' if len(numbers) == 1 else 'accounts'} {shorten(sorted(numbers))}"


def describe_contradiction(conflict: AttributeConflict, candidate: LiveDelivery) -> str:
    """Return the two types of an account and where they are, for a reader who has the candidate's file open."""
    places = [
        f"{source.value!r} in line {source.line}"
        + (f" of {quote_name(source.object_key)}" if source.delivery_id != candidate.delivery_id else "")
        for source in (conflict.given, conflict.counted)
    ]
    return f"account {conflict.code} has the type {places[0]} and {places[1]}"


def describe_others(scenario: str, others: OtherLines) -> str:
    """Return that keys name other lines than before, and why that may be."""
    return (
        f"{others.lines:,} of {others.replaced:,} lines of {scenario} {others.cell[1]} that it replaces by key, gross "
        f"{grouped_money(others.gross)}, have another account and another amount in it, as if numbers of two companies "
        "or years were the same; give each of them a feed of its own, or add a field that distinguishes them to "
        "load.key"
    )


def describe_smaller(scenario: str, smaller: SmallerPeriod) -> str:
    """Return how much less a scenario and period has, as a clause that is true before and after the change."""
    now = f"{smaller.lines:,} lines, gross {grouped_money(smaller.gross)}"
    before = f"{smaller.before:,} lines, gross {grouped_money(smaller.gross_before)}"
    return f"{scenario} {smaller.cell[1]} has {now}, in place of {before}"


def describe_repeated(object_key: str, repeated: Sequence[RepeatedLines]) -> str:
    """Return which lines of a delivery another file has too."""
    lines = [f"{one.scenario} {one.period}, lines {one.rows:,}, gross {grouped_money(one.gross)}" for one in repeated]
    feed = f" of the feed {repeated[0].feed}" if repeated[0].feed else ""
    has, beside = "has the same lines as", ""
    if any(one.has_others for one in repeated):
        has, beside = "has all lines of", ", beside others"
    elif any(one.is_nearly for one in repeated):
        others = sum(one.others for one in repeated)
        has, beside = "has nearly all lines of", f", beside {pluralize(others, 'other')}" if others else ""
    elif any(one.has_lost_zeros for one in repeated):
        has, beside = "has the same lines as", ", under departments or accounts that differ in their zeros"
    elif any(one.has_other_codes for one in repeated):
        has, beside = "has the same days and amounts as", ", under other departments or accounts"
    elif any(one.has_sums for one in repeated):  # equal lines have equal sums, too
        has = "has the same sums by account as the lines of"
    keys = " under keys that differ in their zeros" if any(one.has_other_keys for one in repeated) else ""
    return f"{has} {quote_name(object_key)}{feed}{keys}, which counts already{beside}: {shorten(lines, '; ')}"


def describe_moved(moved: MovedDocuments) -> str:
    """Return which documents another file has under another key."""
    more = f" and {moved.documents - 1:,} more" if moved.documents > 1 else ""
    return (
        f"{quote_name(moved.object_key)} has the document {quoted(moved.number)}{more} with the same amount and "
        f"another {moved.field}, which is in the key of the feed, so both would count: gross "
        f"{grouped_money(moved.gross)}"
    )


def returning_money(lines: ReturningLines) -> str:
    """Return the lines that would count again, and their money."""
    return f"lines {lines.rows:,}, gross {grouped_money(lines.gross)}"


def shorten(names: Sequence[str], separator: str = ", ") -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - _MAX_NAMES
    return separator.join(names[:_MAX_NAMES]) + (f" and {more:,} more" if more > 0 else "")
