"""The reconciliation for people: sentences after a run, tables of a status.

Belongs here: which terms are shown, and how. Does not belong here: figures (see `reports.statement`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from finance_platform.cli.console import SafeConsole, colored
from finance_platform.cli.rendering import new_table
from finance_platform.deliveries.commits import DELIVERED, Count
from finance_platform.money_text import exact_money
from finance_platform.reports.statement import TERMS, Line, Reconciliation, sides
from finance_platform.safe_text import printable_line, quote_name

_LABELS = {"in_warehouse": "in the warehouse", **{name: name.replace("_", " ") for name in TERMS[1:]}}


def print_sentences(console: SafeConsole, reconciliation: Reconciliation) -> None:
    """Print the equation in rows, and in money by scenario and unit."""
    rows = [(name, f"{reconciliation.rows(name):,}") for name in (DELIVERED, *TERMS) if reconciliation.rows(name)]
    console.print(f"Rows: {_sentence(dict(rows))}")
    for line in reconciliation.by_scenario:
        shown = [name for name in (DELIVERED, *TERMS) if name in line.terms]
        for measure, amount_of in _measures(line):
            amounts = {name: amount_of(line.term(name)) + _unpriced(name, line.term(name), measure) for name in shown}
            console.print(f"{line.scenario} {line.unit} {measure}: {_sentence(amounts)}")
    _print_sides_of_feeds(console, reconciliation)
    _print_unexplained(console, reconciliation)


def _print_sides_of_feeds(console: SafeConsole, reconciliation: Reconciliation) -> None:
    """Print debits and credits of a feed that shares its scenario with feeds that have none."""
    shown = {(line.scenario, line.unit) for line in reconciliation.by_scenario if line.has_sides}
    for line in reconciliation.by_feed:
        if line.feed and line.has_sides and (line.scenario, line.unit) not in shown:
            terms = [name for name in (DELIVERED, *TERMS) if name in line.terms]
            for measure, amount_of in _measures(line):
                if measure in {"debit", "credit"}:
                    place = f"{line.feed}, {line.scenario} {line.unit} {measure}"
                    sentence = _sentence({name: amount_of(line.term(name)) for name in terms})
                    console.print(f"{place}: {sentence}")


def print_tables(
    console: SafeConsole, reconciliation: Reconciliation, title: str = "Reconciliation", *, by_file: bool = False
) -> None:
    """Print the equation by scenario, by feed if there are several, and by file if asked.

    Where each scenario and unit comes from one feed, both would show the same figures: one table names the feeds.
    """
    by_scenario, by_feed = reconciliation.by_scenario, reconciliation.by_feed
    has_feeds = len({line.feed for line in by_feed}) > 1
    is_shared = len(by_feed) > len(by_scenario)
    if by_scenario:
        _print_table(console, by_feed if has_feeds and not is_shared else by_scenario, title)
    if has_feeds and is_shared:
        _print_table(console, by_feed, f"{title} by feed")
    if by_file:
        _print_table(console, reconciliation.lines, f"{title} by file")
    _print_unexplained(console, reconciliation)


def _print_table(console: SafeConsole, lines: Sequence[Line], title: str) -> None:
    has_sides = any(line.has_sides for line in lines)
    has_feeds, has_files = any(line.feed for line in lines), any(line.file for line in lines)
    names = [*(["feed"] if has_feeds else []), *(["file"] if has_files else []), "scenario", "unit", "term"]
    columns = (*names, "rows", "net", "gross", *(("debit", "credit") if has_sides else ()), "")
    table = new_table(*columns, title=title, numbers_from=len(names))
    table.columns[-1].justify = "left"
    for line in lines:
        for nth, name in enumerate(name for name in (DELIVERED, *TERMS) if name in line.terms):
            owner = [
                *([line.feed or "-"] if has_feeds else []),
                *([quote_name(line.file) if line.file else "-"] if has_files else []),
            ]
            place = [*owner, line.scenario, line.unit]
            sign = "" if name == DELIVERED else "= " if nth == 1 else "+ "
            count = line.term(name)
            amounts = [amount_of(count) for _, amount_of in _measures(line)]
            padding = [""] * (4 - len(amounts)) if has_sides else []
            note = f"{count.unpriced:,} without an amount" if count.unpriced else ""
            term = sign + _LABELS.get(name, name)
            table.add_row(*map(printable_line, place), term, f"{count.rows:,}", *amounts, *padding, note)
    console.print(table)


def _print_unexplained(console: SafeConsole, reconciliation: Reconciliation) -> None:
    """Print what the equation leaves unexplained, if anything."""
    for line in reconciliation.unexplained:
        lost = line.difference
        text = f"not explained: {line.scenario} {line.unit} {lost.rows:,} rows, {_money(lost.amount)}"
        console.print(colored((text, "red")))


def _measures(line: Line) -> Iterator[tuple[str, Callable[[Count], str]]]:
    """Yield the names of a line's measures, and the text of each for a count."""
    yield "net", lambda count: _money(count.amount)
    yield "gross", lambda count: _money(count.absolute)
    if line.has_sides:
        yield "debit", lambda count: _money(sides(count)[0])
        yield "credit", lambda count: _money(sides(count)[1])


def _sentence(texts: dict[str, str]) -> str:
    """Return the terms as one equation; without any term, nothing is in the warehouse."""
    terms = {name: text for name, text in texts.items() if name != DELIVERED} or {"in_warehouse": "0"}
    explained = " + ".join(f"{_LABELS[name]} {text}" for name, text in terms.items())
    return f"delivered {texts.get(DELIVERED, '0')} = {explained}"


def _unpriced(name: str, count: Count, measure: str) -> str:
    return f" (unpriced {count.unpriced:,})" if name == "rejected" and count.unpriced and measure == "net" else ""


def _money(amount: Decimal) -> str:
    return exact_money(amount, grouping=",")
