"""Repeated lines: those that another file has already, all of its lines of a scenario and period.

Belongs here: finding them under load mode append, which adds the lines of every file, under keys that have
lost zeros, in corrected copies, and in files of two feeds or systems.
Does not belong here: files with the same bytes (see `hold_reasons`), lines with one key (see `overlaps`), what is done
about them (see `acceptance`).

A file that is exported or saved again has other bytes: another order of rows, other ends of lines, another format. A
file that begins with the months of the one before has their lines too, and so has an export of the month to date.
Under `append` such lines would count twice, and nothing else shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, takewhile

from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.live_lines import Cell, LiveLines, claimed_cells
from finance_platform.deliveries.overlaps import NO_OVERLAPS, compute_overlaps
from finance_platform.deliveries.state import LiveDelivery, replaces_periods
from finance_platform.deliveries.verdicts.cell_hashes import (
    LEAST_CONTAINED,
    LEAST_NEARLY,
    OTHERS,
    CellHashes,
    CellLines,
)
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

_MAX_COMPARED, _MAX_LOOKED_AT = 4, 50
"""Smaller files whose lines are read, and of which the days are compared, for each scenario and period."""

_MAX_NEAR, _MAX_SIMILAR = 8, 200
"""Files that may be corrected by another one: as long and of the same days and codes, and as long alone."""


@dataclass(frozen=True)
class RepeatedLines:
    """The lines of a delivery in one scenario and period that another file has too.

    Attributes:
        object_key: the other file.
        scenario: as the delivery spells it.
        period: YYYY-MM.
        rows: how many lines.
        gross: the sum of their absolute amounts.
        has_others: whether the delivery has more lines there, beside all of the other file.
        feed: that of the other file, if it is another one; else empty.
        has_other_keys: whether their keys differ, by zeros alone, so that neither file supersedes the other.
        has_other_codes: whether their departments or accounts differ.
        has_lost_zeros: whether these differ by zeros alone.
        is_nearly: whether these are nearly all lines of both, as of a corrected copy.
        others: how many lines of the delivery the other file does not have, if these are nearly all.
        has_sums: whether the lines of one are sums of those of the other, by account.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    gross: Decimal
    has_others: bool = False
    feed: str = ""
    has_other_keys: bool = False
    has_other_codes: bool = False
    has_lost_zeros: bool = False
    is_nearly: bool = False
    others: int = 0
    has_sums: bool = False


def find_repeated_lines(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines of a delivery that another live file has too, by scenario and period.

    Equal are day, department, account, amount, number and text of each line, in any order; of numbers, zeros before
    them do not matter, which a spreadsheet takes away. Where the delivery has as
    many lines as the other file, the hashes in the commits are compared first, so that files are read only where these
    agree. Where it has more, it may have all of the other file's, as an export of the month to date has. Lines of zero
    change nothing and do not count.

    Under load mode upsert, a line supersedes that of the same key, so only files are compared that share fewer keys.

    A file of another feed is compared whatever the load modes, which concern one feed, and without numbers and texts;
    it must have three lines or more that the delivery has, and all of a scenario and period.

    Also found are corrected copies under other names, which have nearly all lines of an appended file, and lines of
    which another file has all days and amounts under departments or accounts that differ in zeros alone or, of actual
    lines, altogether.

    Args:
        hashes: those of the lines that are read.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger":
        return []
    of_feed: Iterable[RepeatedLines] = ()
    if candidate.event.load_mode == "append":
        of_feed = _repeated(hashes, live, candidate)
    elif candidate.event.load_mode == "upsert":
        of_feed = _with_other_keys(hashes, live, candidate)
    return [*of_feed, *_of_other_feeds(hashes, live, candidate), *_of_other_systems(hashes, live, candidate)]


def find_files_counted_twice(processed: ObjectStore, object_key: str) -> list[str]:
    """Return the files that count and have lines of an object that counts too; none if it is one line alone.

    A person may have decided so. After a decision, these are named, since a verdict names only what a run judges.

    Args:
        processed: the processed zone.
        object_key: the raw object.
    """
    live = read_state(processed).effective
    own = [one for one in live if one.event.object_key == object_key]
    # Only keys supersede single lines; the lines of other files all count.
    has_keys = any(one.event.load_mode == "upsert" for one in own)
    overlaps = compute_overlaps(processed, live) if has_keys else NO_OVERLAPS
    others = LiveDeliveries((one for one in live if one.event.object_key != object_key), overlaps)
    hashes = CellHashes(processed, LiveLines(processed, NO_OVERLAPS))
    rows: Counter[str] = Counter()
    for repeated in (lines for one in own for lines in find_repeated_lines(hashes, others, one)):
        rows[repeated.object_key] += repeated.rows
    larger = (one for one in others.in_order if any(_is_part(hashes, part, one) for part in own))
    return sorted({name for name, count in rows.items() if count > 1} | {one.event.object_key for one in larger})


def _is_part(hashes: CellHashes, part: LiveDelivery, whole: LiveDelivery) -> bool:
    """Return whether a delivery has all lines that a smaller one of its feed has in a scenario and period."""
    if part.event.feed != whole.event.feed or not {part.event.load_mode, whole.event.load_mode} <= {"append"}:
        return False
    return any(
        _may_contain(whole, part, cell) and hashes.contained(part, whole, cell)
        for cell in sorted(claimed_cells(part) & claimed_cells(whole))
        if cell[1] in part.portion and cell[1] in whole.portion
        if _rows(whole, cell) > _rows(part, cell)
    )


def _repeated(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    similar = _similar(live, candidate)
    for cell in sorted(claimed_cells(candidate)):
        if others := similar.get(cell, []):
            own, *of_others = hashes.of([candidate, *others], cell)
            other = next((one for one, lines in zip(others, of_others, strict=True) if lines == own), None)
            if own.rows and other:
                yield RepeatedLines(other.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross)
                continue
        if cell[1] not in candidate.portion:
            continue
        contained = list(_contained(hashes, live, candidate, cell))
        for other, lines in contained:
            yield RepeatedLines(
                other.event.object_key, scenarios[cell[0]], cell[1], lines.rows, lines.gross, has_others=True
            )
        nearly = None if contained else _nearly_the_same(hashes, live, candidate, cell)
        if nearly:
            other, lines = nearly
            yield RepeatedLines(
                *(other.event.object_key, scenarios[cell[0]], cell[1], lines.rows, lines.gross),
                is_nearly=True,
                others=_rows(candidate, cell) - lines.rows,
            )


def _with_other_keys(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    """Yield the lines that another file has too under keys without their zeros, of which a spreadsheet made numbers."""
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    for cell in sorted(claimed_cells(candidate)):
        rows = _rows(candidate, cell)
        if rows < LEAST_CONTAINED or cell[1] not in candidate.portion:
            continue  # thousands of files may have two lines of the same money
        similar = live.same_money_of_feed(candidate, cell)
        others = [one for one in similar if live.shared_lines(candidate, one, cell) < rows][:_MAX_LOOKED_AT]
        if others:
            own, *of_others = hashes.of([candidate, *others], cell)
            other = next((one for one, lines in zip(others, of_others, strict=True) if lines == own), None)
            if own.rows and other:
                yield RepeatedLines(
                    other.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross, has_other_keys=True
                )


def _of_other_feeds(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines that a file of another feed has too: a source that is read by two descriptors counts twice."""
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    found: list[RepeatedLines] = []
    for cell in sorted(claimed_cells(candidate)):
        others = live.same_money_of_other_feeds(candidate, cell) if cell[1] in candidate.portion else []
        if others:
            own, *of_others = hashes.of([candidate, *others], cell)
            found += [
                RepeatedLines(
                    one.event.object_key, scenarios[cell[0]], cell[1], own.rows, own.gross, feed=one.event.feed
                )
                for one, lines in zip(others, of_others, strict=True)
                if lines.places == own.places
            ]
    rows: Counter[str] = Counter()
    for one in found:
        rows[one.object_key] += one.rows
    return [one for one in found if rows[one.object_key] >= LEAST_CONTAINED]


def _of_other_systems(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    """Yield the lines that another file has too under other departments or accounts, of this feed or another one."""
    scenarios = {fold(one.scenario): one.scenario for one in candidate.commit.periods}
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] not in candidate.portion or _rows(candidate, cell) < LEAST_CONTAINED:
            continue
        of_feed: list[LiveDelivery] = []
        if not replaces_periods(candidate):  # of a file that replaces departments, others count beside it
            similar = live.same_money_of_feed(candidate, cell)
            of_feed = [one for one in similar if not live.shared_lines(candidate, one, cell)]
        others = [*of_feed, *live.same_money_of_other_feeds(candidate, cell)]
        if _rows(candidate, cell) < LEAST_NEARLY:
            # Few lines are compared for zeros alone, and thousands of small files may have the same money: the members
            # of those with the same codes are equal. A file that is only checked has no hash of them.
            own = candidate.commit.members_hash
            others = [one for one in others if not own or one.commit.members_hash != own]
        for other, lines, has_lost_zeros in _with_other_codes(hashes, candidate, others, cell):
            feed = other.event.feed if other.event.feed != candidate.event.feed else ""
            yield RepeatedLines(
                *(other.event.object_key, scenarios[cell[0]], cell[1], lines.rows, lines.gross),
                feed=feed,
                has_other_codes=True,
                has_lost_zeros=has_lost_zeros,
            )


def _contained(
    hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery, cell: Cell
) -> Iterator[tuple[LiveDelivery, CellLines]]:
    """Yield the live deliveries all of whose lines in a cell the candidate has beside others.

    Not those that a version of the candidate's own object contains, beside which they count already.
    """
    looked_at = islice(live.smaller(candidate, cell), _MAX_LOOKED_AT)
    enough = takewhile(lambda one: _rows(one, cell) >= LEAST_CONTAINED, looked_at)
    others = [one for one in enough if _may_contain(candidate, one, cell)]
    earlier = [one for one in live.earlier(candidate) if cell[1] in one.portion]
    for other in others[:_MAX_COMPARED]:
        lines = hashes.contained(other, candidate, cell)
        if lines and not any(
            _rows(one, cell) >= _rows(other, cell) and hashes.contained(other, one, cell) for one in earlier
        ):
            yield other, lines


def _may_contain(larger: LiveDelivery, smaller: LiveDelivery, cell: Cell) -> bool:
    """Return whether the lines of a smaller delivery may all be among those of a larger one, by what commits say."""
    if _rows(smaller, cell) < LEAST_CONTAINED:
        return False
    if count_in_cell(smaller, cell).absolute > count_in_cell(larger, cell).absolute:
        return False
    # A day outside of the period may be one of other lines.
    first, last = smaller.commit.first_day, smaller.commit.last_day
    begins_before = first[:7] == cell[1] and first < larger.commit.first_day
    ends_after = last[:7] == cell[1] and last > larger.commit.last_day
    return not (begins_before or (ends_after and bool(larger.commit.last_day)))


def _rows(delivery: LiveDelivery, cell: Cell) -> int:
    return count_in_cell(delivery, cell).rows


def _similar(live: LiveDeliveries, candidate: LiveDelivery) -> dict[Cell, list[LiveDelivery]]:
    """Return the deliveries that may have the candidate's lines, by cell.

    Without those that have only one line in common: thousands of files of one line may well be alike, and would all be
    opened.
    """
    similar: dict[Cell, list[LiveDelivery]] = {}
    rows: Counter[str] = Counter()
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] in candidate.portion:
            similar[cell] = live.same_lines(candidate, cell)
            for other in similar[cell]:
                rows[other.event.object_key] += count_in_cell(candidate, cell).rows
    shared = {cell: [one for one in others if rows[one.event.object_key] > 1] for cell, others in similar.items()}
    return {cell: others for cell, others in shared.items() if others}


def _nearly_the_same(
    hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery, cell: Cell
) -> tuple[LiveDelivery, CellLines] | None:
    """Return the live delivery that has nearly all lines of the candidate in a cell, and these lines.

    The one with the closest money, of the same departments, accounts and first or last day, is compared, since a
    correction changes few lines. Of many such files, such as those of vouchers, the closest is that by chance, so none
    is. None if a version of the candidate's own object counts: it is corrected, or a person has accepted it.
    """
    rows, net = _rows(candidate, cell), count_in_cell(candidate, cell).amount
    if rows < LEAST_NEARLY or any(cell[1] in one.portion for one in live.earlier(candidate)):
        return None
    of_candidate = candidate.commit
    similar = [
        one
        for one in live.with_about_as_many_lines(candidate, cell, rows // OTHERS, _MAX_SIMILAR)
        if one.event.load_mode == "append"
        # A file that is only checked has neither.
        if not of_candidate.first_day
        or one.commit.first_day == of_candidate.first_day
        or one.commit.last_day == of_candidate.last_day
        if not of_candidate.members_hash or one.commit.members_hash == of_candidate.members_hash
    ]
    if len(similar) > _MAX_NEAR:
        return None
    closest = min(similar, key=lambda one: abs(count_in_cell(one, cell).amount - net), default=None)
    lines = closest and hashes.nearly(candidate, closest, cell)
    return (closest, lines) if closest and lines else None


def _with_other_codes(
    hashes: CellHashes, candidate: LiveDelivery, others: Sequence[LiveDelivery], cell: Cell
) -> Iterator[tuple[LiveDelivery, CellLines, bool]]:
    """Yield deliveries that have the same days and amounts as the candidate, with the lines, and whether zeros differ.

    Two systems have other departments and accounts for one ledger. Plans of two departments may well be equal, and so
    may a journal of sales and one of the cash, which are two sides of the same postings. Departments `0460` and `460`
    that are equal in every line are one, of which a spreadsheet made a number; of a plan, whose lines have no days,
    only if there are many.
    """
    is_actual = any(
        count.scenario_type == "Actual" for count in candidate.commit.periods if fold(count.scenario) == cell[0]
    )
    compared = others[:_MAX_COMPARED]
    if not compared:
        return
    own, *of_others = hashes.of([candidate, *compared], cell)
    if own.different_days < (LEAST_CONTAINED if is_actual else LEAST_NEARLY):
        return
    for one, lines in zip(compared, of_others, strict=True):
        if lines.days != own.days or lines.places == own.places:
            continue
        if hashes.differ_in_zeros(candidate, one, cell):
            yield one, own, True
        elif is_actual and own.different_days >= LEAST_NEARLY and hashes.has_other_codes(candidate, one, cell):
            yield one, own, False
