"""What to do about a held delivery, by the kinds of its reasons, for a run and for `feed check`.

Belongs here: the sentences, and which one counts. Does not belong here: the reasons (see `hold_reasons`), the verdict
(see `acceptance`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from finance_platform.deliveries.hold_kinds import (
    BOOKED_KEY,
    CONFLICT,
    CONTROL_TOTAL,
    MOVED,
    NOTHING_ACCEPTED,
    OTHER_LOAD,
    OVERFLOW,
    SHARED_KEY,
    TOLERANCE,
    UNTYPED,
)
from finance_platform.deliveries.live_lines import claimed_cells
from finance_platform.deliveries.state import LiveDelivery, has_effect
from finance_platform.deliveries.verdicts.hold_reasons import REMOVAL, REPEATED, RESTATEMENT, RETURNING, HoldReasons
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.safe_text import quote_name

_ACCEPT = "`finance-platform accept {key} --why TEXT` takes it as it is, `withdraw` drops it"
_LATE = (
    "`finance-platform accept {key} --why TEXT` publishes these lines too,{or_books_them} and `finance-platform "
    "withdraw --late-lines {key} --why TEXT` drops them; `accept --dry-run` shows what would move, --period PERIOD "
    "selects"
)
_BOOKS_THEM = " with --in-next-open-period it books them there,"
_RESTATES = (
    "`finance-platform accept {key} --why TEXT` publishes it,{or_books_it} with --dry-run it shows what would move; "
    "`withdraw` drops it"
)
_BOOKS_IT = " with --in-next-open-period it books what would change closed periods there,"
_MAKE_ROOM = (
    "; a run books it once a file with other lines of these sums is corrected or withdrawn, or a later period is the "
    "next open one"
)
_DROPS = "`finance-platform withdraw {key} --why TEXT` drops the delivery"
_DROPS_LINES = "`finance-platform withdraw --late-lines {key} --why TEXT` drops these lines"
_BOOKED_KEY = "send these lines in the file that has them, or withdraw that file; the hold then ends by itself. {drops}"
_CORRECT = "correct the file and send it again, or widen `tolerance` in the descriptor; " + _ACCEPT
_SEND_AGAIN = "correct the file and send it again; `finance-platform withdraw {key} --why TEXT` drops it"
_TOO_LARGE = (
    "correct the amounts and send the file again, or withdraw another file with lines in the same place. {drops}"
)
_OTHER_CODE = (
    "give one of these codes another one by `map` in `columns` of its feed's descriptor, or withdraw the other file; "
    "their amounts could not be separated. {drops}"
)
_DESCRIBE = (
    "give these accounts a type in an accounts file, such as accounts.csv with account_number, account_name and "
    "account_type, or by types_by_prefix in the descriptor; the hold then ends by itself. {drops}"
)
_GIVE_TYPE = (
    "correct the file and send it again, or give the account its type in an accounts file; the hold then ends by "
    "itself. `finance-platform accept {key} --why TEXT` takes it as it is: the type of the first line counts; "
    "`withdraw` drops it"
)
_PARTIAL = (
    "; if each file has only a part of a period, such as one department or entity, set "
    "`load: {{mode: replace_period, scope: [...]}}` or `mode: append` in the descriptor"
)
_REPEATS = (
    "if this file replaces the other one, withdraw that one and then accept this one; if files of the feed have "
    "earlier lines too, set `load: {{mode: replace_period}}`, or `mode: upsert` with a key, in the descriptor. While "
    "both files count, `finance-platform accept {key} --why TEXT` counts these lines twice; `withdraw` drops the "
    "delivery"
)
_REPEATS_ANOTHER = (
    "if this file replaces the other one, withdraw that one and then accept this one; if both come from one ledger "
    "each month, take the files of one of both out of the raw zone: no load mode replaces lines of another feed, or "
    "under other codes. While both files count, `finance-platform accept {key} --why TEXT` counts these lines twice; "
    "`withdraw` drops the delivery"
)
_REPEATS_WITHOUT_ZEROS = (
    "if this file replaces the other one, withdraw that one and then accept this one; set `columns.<field>.pad` in the "
    "descriptor of the feed that has the shorter codes, so that both files have the same ones. While both files count, "
    "`finance-platform accept {key} --why TEXT` counts these lines twice; `withdraw` drops the delivery"
)
_REPEATS_SUMS = (
    "if both are one plan, such as by month and by quarter, one of them is enough; if not, leave the amounts of Actual "
    "out of the file that has their sums, such as a forecast with the months before it: "
    "remove their columns from measures or unpivot and name them in ignore_columns, or skip their rows by a rule with "
    "may_hold_money: true; a trial balance belongs to a feed of kind: balances, which compares it. To keep this file "
    "in place of the other one, withdraw that one and then accept this one. While both count, "
    "`finance-platform accept {key} --why TEXT` counts these amounts twice; `withdraw` drops the delivery"
)
_TWICE = "; accepted beside the other file, it counts the repeated lines twice"
_MOVED = (
    "if the other file has the document as it was before, send that file again without it, or withdraw that file; the "
    "hold then ends by itself. If a number names one line, set `load: {{mode: upsert, key: [transaction_id]}}` in the "
    "descriptor, and a line replaces it wherever it was. `finance-platform accept {key} --why TEXT` counts both; "
    "`withdraw` drops the delivery"
)
_RETURNS = (
    "withdraw each file of which no line may count again, twice if `withdraw` says that the version before counts, and "
    "accept the others; if only some of a file's lines may not, set `load` in the descriptor as it was, or, if the "
    "feed is another one, put the file that is gone back. `finance-platform accept {key} --why TEXT` lets these lines "
    "count"
)
_OTHER_LOADS = (
    "decide about these files first: accept or withdraw those that are held, put those that are gone back into the raw "
    "zone; the next run then judges this one again. `finance-platform accept {key} --why TEXT` lets it count beside "
    "them; `withdraw` drops the delivery"
)
_LATE_REPEATS = (
    "`finance-platform withdraw --late-lines {key} --why TEXT` drops these lines; send any that the other file lacks "
    "in a file of their own. `finance-platform accept {key} --why TEXT` counts the others twice, unless the other file "
    "is withdrawn before"
)


_FIRST = {BOOKED_KEY: _BOOKED_KEY, SHARED_KEY: _OTHER_CODE, UNTYPED: _DESCRIBE, OVERFLOW: _TOO_LARGE}
"""Of deliveries that cannot be accepted, or need not be."""

_STRONGER = {TOLERANCE: _CORRECT, CONFLICT: _GIVE_TYPE}
"""About the content of a file, before what it does to others."""

_WEAKER = {MOVED: _MOVED, RETURNING: _RETURNS, OTHER_LOAD: _OTHER_LOADS, RESTATEMENT: _RESTATES}


def fix_of_hold(candidate: LiveDelivery, kinds: Collection[str], live: LiveDeliveries, reasons: HoldReasons) -> str:
    """Return what to do about a held delivery, with a place for its name; `accept` only if it can be accepted."""
    is_whole_period = candidate.event.load_mode == "replace_period" and not candidate.event.is_scoped
    cells = claimed_cells(candidate) if REMOVAL in kinds and is_whole_period else ()
    is_of_others = any(live.others(candidate, cell) for cell in cells)
    return _fix_by_kind(candidate, kinds, live, reasons) + (_PARTIAL if is_of_others else "")


def _fix_by_kind(candidate: LiveDelivery, kinds: Collection[str], live: LiveDeliveries, reasons: HoldReasons) -> str:
    if first := _first_of(_FIRST, kinds):
        return first
    if NOTHING_ACCEPTED in kinds and not has_effect(candidate, live.by_id.values()):
        return _SEND_AGAIN
    totals = candidate.commit.findings.control_totals
    stronger = f"{totals.fix}; {_ACCEPT}" if CONTROL_TOTAL in kinds else _first_of(_STRONGER, kinds)
    if stronger:
        return f"{stronger}{_TWICE}" if REPEATED in kinds else stronger
    if REPEATED in kinds:
        return _fix_of_repeated(candidate, reasons)
    return _first_of(_WEAKER, kinds) or _ACCEPT


def _first_of(fixes: Mapping[str, str], kinds: Collection[str]) -> str:
    return next((fix for kind, fix in fixes.items() if kind in kinds), "")


def _fix_of_repeated(candidate: LiveDelivery, reasons: HoldReasons) -> str:
    if reasons.repeats_own_feed(candidate):
        return _REPEATS
    if reasons.repeats_without_zeros(candidate):
        return _REPEATS_WITHOUT_ZEROS
    return _REPEATS_SUMS if reasons.repeats_sums(candidate) else _REPEATS_ANOTHER


def fix_of_late_lines(kinds: Collection[str]) -> str:
    """Return what to do about lines that wait while the rest of their delivery counts; empty if that is not enough."""
    if {RESTATEMENT, REMOVAL}.issuperset(kinds):
        return _LATE
    return _LATE_REPEATS if {RESTATEMENT, REMOVAL, REPEATED}.issuperset(kinds) else ""


def may_book(fix: str) -> bool:
    """Return whether a fix can name the booking of lines in an open period."""
    return "{or_books" in fix


def name_file(
    fix: str,
    object_key: str,
    *,
    is_bookable: bool = False,
    is_too_large: bool = False,
    is_of_late_lines: bool = False,
) -> str:
    """Return a fix with the name of the file, and with the booking in an open period if that is possible.

    Args:
        fix: with places for these.
        object_key: the raw object.
        is_bookable: whether a person may book the lines.
        is_too_large: whether the run would book them if sums of the open period had room for them.
        is_of_late_lines: whether only lines wait, and their delivery counts.
    """
    key = quote_name(object_key)
    named = fix.format(
        key=key,
        drops=(_DROPS_LINES if is_of_late_lines else _DROPS).format(key=key),
        or_books_them=_BOOKS_THEM if is_bookable else "",
        or_books_it=_BOOKS_IT if is_bookable else "",
    )
    return named + _MAKE_ROOM if is_too_large else named
