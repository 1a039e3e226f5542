"""The check on reversals: each cancels the line that it names, and no more than that.

Belongs here: the outcome, the words about each reversal that does not, and its fix. Does not belong here: the rules
(see `deliveries.verdicts.reversals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from finance_platform.count_text import pluralize
from finance_platform.deliveries.verdicts.broken_reversals import (
    BrokenReversal,
    BrokenReversals,
    OtherReversals,
    ReversalLine,
    total,
)
from finance_platform.deliveries.verdicts.reversals import find_broken_reversals
from finance_platform.feeds.cells import describe_place
from finance_platform.money_text import grouped_money
from finance_platform.quality.checks import EVIDENCE_ROWS, REVERSALS_CANCEL, Outcome
from finance_platform.safe_text import quote_name
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore

_NAMES = 3
"""How many lines or files a sentence names."""

MOST_NAMED = 20
"""How many reversals of a file that need the same fix have a sentence each."""

_ADVICE = {
    "own": "correct the number of the reversed line in the source and send the file again",
    "missing": "send the file that has the line, and the warning ends; or correct the number in the source and send "
    "the file again: a spreadsheet may have removed its leading zeros",
    "elsewhere": "correct the department, the account or the number in the source and send the file again",
    "sign": "correct the amount, its sign or the number in the source and send the file again",
    "excess": "remove the reversal that is too much, or correct the amount, in the source and send the file again; of "
    "two files with the same reversal, withdraw one",
}


def check_reversals(snapshot: Snapshot, processed: ObjectStore) -> Outcome:
    """Check that every reversal cancels the line that it names."""
    broken = find_broken_reversals(processed, snapshot.state, snapshot.overlaps)
    if not broken:
        return Outcome.from_evidence(REVERSALS_CANCEL, (), "every reversal cancels the line that it names")
    count = _count(
        broken.first,
        broken.others,
        "reversal does not cancel the line that it names",
        "reversals do not cancel their lines",
    )
    evidence = [_evidence_row(one) for one in broken.first[:EVIDENCE_ROWS]]
    return Outcome.from_evidence(REVERSALS_CANCEL, evidence, count)


def warn_of_reversals(broken: BrokenReversals) -> Iterator[tuple[str, str, str]]:
    """Yield file, sentence and fix: of a file and a rule, the first few reversals one by one and all others at once."""
    by_place: dict[tuple[str, str], list[BrokenReversal]] = {}
    for one in broken.first:
        file = one.reversals[-1].file
        of_place = by_place.setdefault((file, advise_reversal(one)), [])
        of_place.append(one)
        if len(of_place) <= MOST_NAMED:
            yield file, describe_reversal(one), advise_reversal(one)
    added_up: dict[tuple[str, str], list[OtherReversals]] = {}
    for sum_ in broken.others:
        added_up.setdefault((sum_.file, advise_reversal(sum_)), []).append(sum_)
    for (file, fix), of_place in by_place.items():
        rest, sums = of_place[MOST_NAMED:], added_up.get((file, fix), ())
        if rest or sums:
            count = _count(
                rest, sums, "more reversal does not cancel its line", "more reversals do not cancel their lines"
            )
            yield file, f"{quote_name(file)}: {count}", fix


def _count(broken: Iterable[BrokenReversal], others: Iterable[OtherReversals], one_reversal: str, several: str) -> str:
    """Return how many reversals there are, and their money by scenario."""
    gross: dict[str, Decimal] = {}
    amounts = [(line.scenario, 1, abs(line.amount)) for one in broken for line in one.reversals]
    amounts += [(one.scenario, one.count, one.gross) for one in others]
    for scenario, _, amount in amounts:
        gross[scenario] = gross.get(scenario, Decimal("0.00")) + amount
    money = ", ".join(f"{scenario} {grouped_money(amount)}" for scenario, amount in sorted(gross.items()))
    return f"{pluralize(sum(count for _, count, _ in amounts), one_reversal, several)}, gross: {money}"


def describe_reversal(broken: BrokenReversal) -> str:
    """Return what is wrong with reversals, in a sentence with their places and amounts."""
    first = broken.reversals[0]
    number = repr(first.names)
    together = "together " if len(broken.reversals) > 1 else ""
    reversals = f"{_places(broken.reversals)}, {together}{grouped_money(broken.amount)}"
    verb = "names" if len(broken.reversals) == 1 else "name"
    reverses = "reverses" if len(broken.reversals) == 1 else "reverse"
    match broken.rule:
        case "own":
            return f"{reversals}: {verb} {number}, which is its own number"
        case "missing" if broken.waiting:
            return f"{reversals}: {reverses} {number}, which waits in {_files(broken)}"
        case "missing":
            return f"{reversals}: {reverses} {number}, and no line of {first.scenario} that counts has this number"
        case "elsewhere":
            other = broken.named[0]
            return (
                f"{reversals}, of department {first.department} and account {first.account}: {reverses} {number}, "
                f"which is of department {other.department} and account {other.account} in {_places(broken.named)}"
            )
    line = f"{number}, {grouped_money(total(broken.named))} in {_places(broken.named)}"
    if broken.rule == "sign":
        return f"{reversals}: {reverses} {line}, and {'does' if verb == 'names' else 'do'} not have the opposite sign"
    taken_back = f", {grouped_money(broken.taken_back)} reverses them again" if broken.taken_back else ""
    return f"{reversals}: {reverses} {line}{taken_back}; {grouped_money(broken.excess)} too much"


def advise_reversal(broken: BrokenReversal | OtherReversals) -> str:
    """Return what to do about reversals that do not cancel the line that they name."""
    if broken.waiting:
        return f"decide about {_files(broken)}: {broken.waiting[0].fix}"
    return _ADVICE[broken.rule]


def _evidence_row(broken: BrokenReversal) -> dict[str, Any]:
    # Of a line that is reversed twice, the last reversal is the one to look at first.
    line = broken.reversals[-1 if broken.rule == "excess" else 0]
    return {
        "what": describe_reversal(broken),
        "fix": advise_reversal(broken),
        "file": line.file,
        "row": line.row,
        "period": line.period,
        "scenario": line.scenario,
        "amount": str(line.amount),
    }


def _places(lines: Sequence[ReversalLine]) -> str:
    """Return file and line of a few lines."""
    places = [f"{quote_name(line.file)} {describe_place(line.sheet or None, line.row)}" for line in lines[:_NAMES]]
    more = f" and {len(lines) - _NAMES:,} more" if len(lines) > _NAMES else ""
    return f"{', '.join(places)}{more}"


def _files(broken: BrokenReversal | OtherReversals) -> str:
    names = list(dict.fromkeys(quote_name(one.event.object_key) for one in broken.waiting))
    return ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else "")
