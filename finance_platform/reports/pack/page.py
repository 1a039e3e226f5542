"""A pack as one HTML file that needs no network.

Belongs here: the file, its tables that no filter changes, its security policy. Does not belong here: figures (see
`model`), what a filter changes (see `web/scripts`).

The policy allows the file's own two scripts and its style, by their hashes, and nothing else: no address, no inline
handler, no code from text. Texts are escaped by the template; documents inside a script have no `<`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from finance_platform.contracts.dictionary import dictionary
from finance_platform.contracts.views import PRIOR_YEAR
from finance_platform.count_text import pluralize
from finance_platform.money_text import grouped_money, plain_money
from finance_platform.reports.pack.accounts import PackAccounts
from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.browser_data import browser_data, guarded_texts, texts_of
from finance_platform.reports.pack.forecast_gap import find_forecast_gap
from finance_platform.reports.pack.javascript import WEB, chart_library, content_hash, page_script
from finance_platform.reports.pack.model import ACTUAL, Pack, PackPeriod, RejectedTotal
from finance_platform.reports.restatements import profits
from finance_platform.reports.status import no_types
from finance_platform.safe_text import printable_line, spreadsheet_cell

if TYPE_CHECKING:
    from jinja2 import Template

_ROWS_SHOWN = 200
_GAPS_NAMED = 3


@dataclass(frozen=True)
class StaticCell:
    """A cell of a table that no filter changes; `csv` is what a spreadsheet gets, if that differs from the text."""

    text: str
    csv: str | None = None
    order: str | None = None
    is_number: bool = False


@dataclass(frozen=True)
class StaticTable:
    """A table that no filter changes; `hidden` rows were left out."""

    id: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[StaticCell]]
    empty: str
    hidden: int = 0


@dataclass(frozen=True)
class Gate:
    """One answer to "Can I rely on it": good, note or bad, and a sentence of a few words."""

    state: str
    text: str


def render(pack: Pack, *, written_at: datetime) -> str:
    """Return the file's text; the same pack gives the same text but for the time.

    Args:
        pack: the figures.
        written_at: when it is written; UTC.
    """
    tables = static_tables(pack)
    data = browser_data(pack)
    # The amounts, a hundred thousand numbers, have no text.
    texts = [
        *texts_of({**data, "series": ()}),
        *(cell.text for table in tables.values() for row in table.rows for cell in row),
    ]
    data["guarded"] = guarded_texts(texts)
    style = (WEB / "style.css").read_text("utf-8")
    scripts = [chart_library(), page_script()]
    policy = (
        f"default-src 'none'; script-src {' '.join(content_hash(script) for script in scripts)}; "
        f"style-src {content_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    template = page_template()
    return (
        template.render(
            pack=pack,
            entity=printable_line(pack.entity),
            as_of=printable_line(pack.as_of),
            unit_name=data["unitName"],
            written_at=f"{written_at:%Y-%m-%d %H:%M} UTC",
            gates=gates(pack),
            tables=tables,
            policy=policy,
            style=style,
            scripts=scripts,
            data=script_json(data),
            charts=script_json(_charts()),
        )
        + "\n"
    )


def script_json(document: object) -> str:
    """Return a document as JSON that is safe inside a script element: no `<`, and no line separator."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def gates(pack: Pack) -> list[Gate]:
    """Return what a reader must know first; of the pack of one business unit, only what concerns its periods."""
    period = pack.period
    found = (
        [_period_gate(period), *_close_gates(pack), *_order_gate(pack), *_forecast_gate(pack)]
        if period and pack.choice.scenario == ACTUAL
        else []
    )
    state = pack.reliability
    if state is None:
        return found
    amounts = "; ".join(_rejected_amount(total) for total in state.rejected[:1])
    return [
        *found,
        *_feeds_gate(pack),
        Gate("bad", f"held: {pluralize(len(state.waiting), 'file')}") if state.waiting else Gate("good", "held: none"),
        Gate("note", f"rejected: {pluralize(state.rejected_rows, 'row')}{f'; {amounts}' if amounts else ''}")
        if state.rejected_rows
        else Gate("good", "rejected: none"),
        *_unclassified_gate(pack),
        _restated_gate(pack, state.restated),
        Gate("bad", f"not reconciled: {', '.join(state.unexplained)}")
        if state.unexplained
        else Gate("good", "every delivered row and cent is accounted for"),
    ]


def _rejected_amount(total: RejectedTotal) -> str:
    amount = f"gross {grouped_money(total.gross)} {total.unit}"
    return f"{printable_line(total.scenario)}: {pluralize(total.rows, 'row')}, {amount}"


def _period_gate(period: PackPeriod) -> Gate:
    if period.is_closed:
        return Gate("good", f"{period.name} is closed")
    if period.is_complete:
        return Gate("note", f"{period.name} is complete, not closed")
    if not period.has_actual:
        return Gate("bad", f"{period.name} has no actuals yet")
    missing = f"{_missing_departments(period)} departments are missing"
    return Gate("bad", f"{period.name} is incomplete: {missing}")


def _close_gates(pack: Pack) -> list[Gate]:
    """Return who closed the period and what they waived; of an open one, the gates of its close, if they are known."""
    closing = pack.closing
    if closing is not None:
        opening = f", as the opening of {closing.opening_of}" if closing.opening_of else ""
        text = f"closed by {printable_line(closing.who)} on {closing.at:%Y-%m-%d}{opening}"
        if closing.waived:
            return [Gate("note", f"{text}; waived: {printable_line(closing.waived)}")]
        return [Gate("good", text if opening else f"{text}; every gate was green")]
    if pack.red_gates is None:
        return []
    red = [Gate("bad", f"gate {printable_line(text)}") for text in pack.red_gates]
    return red or [Gate("good", f"every gate of the close of {pack.choice.period} is green")]


def _order_gate(pack: Pack) -> list[Gate]:
    """Return the open periods before closed ones, whose figures are in totals of the year."""
    verb = "is" if len(pack.open_before_closed) == 1 else "are"
    text = f"{pack.open_text} {verb} open, and a later period is closed"
    return [Gate("bad", text)] if pack.open_before_closed else []


def _forecast_gate(pack: Pack) -> list[Gate]:
    """Return what the forecast of the outlook lacks, which the full year counts as zero."""
    gap = find_forecast_gap(pack)
    if gap is None:
        return []
    named = ", ".join(map(printable_line, gap.places[:_GAPS_NAMED]))
    more = f" and {len(gap.places) - _GAPS_NAMED} more" if len(gap.places) > _GAPS_NAMED else ""
    amount = f"{grouped_money(gap.amount)} of {printable_line(gap.plan)}"
    return [Gate("note", f"{printable_line(gap.forecast)} has nothing for {named}{more}, against {amount}")]


def _restated_gate(pack: Pack, cells: int) -> Gate:
    """Return what changed since closing, with the profit of the choice's period as signed and now."""
    of_period = [one for one in pack.restatements if one.period == pack.choice.period and one.is_latest]
    signed = profits(of_period)
    text = f"; profit of {pack.choice.period} {_effect(signed[1] - signed[0])} since it was signed" if signed else ""
    if not cells and not pack.restatements:
        return Gate("good", "restated since closing: none")
    periods = len({one.period for one in pack.restatements})
    of_periods = f" ({pluralize(periods, 'signed period differs', 'signed periods differ')})" if periods else ""
    return Gate("note", f"restated since closing: {pluralize(cells, 'cell')}{of_periods}{text}")


def _effect(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{grouped_money(amount)}" if amount else "unchanged"


def _feeds_gate(pack: Pack) -> list[Gate]:
    """Return whether each feed has what it usually has; nothing if no feed has enough earlier periods to know."""
    expected = [one for one in pack.feeds if one.usual is not None]
    late = [one for one in expected if not one.is_as_usual]
    lines = ", ".join(f"{printable_line(one.feed)} has {one.lines:,} of some {one.usual:,} lines" for one in late)
    if late:
        return [Gate("bad", f"files are missing: {lines}")]
    return [Gate("good", "all expected files are in")] if expected else []


def _unclassified_gate(pack: Pack) -> list[Gate]:
    accounts = PackAccounts.of(pack.accounts).of_type("Unknown").keys
    if not accounts:
        return [Gate("good", "unclassified: none")]
    if len(accounts) == len(pack.accounts):
        return [Gate("note", f"unclassified: {no_types(len(accounts))}")]
    year = next((one.fiscal_year for one in pack.periods if one.name == pack.choice.period), None)
    names = {one.name for one in pack.periods if one.fiscal_year == year and one.name <= pack.choice.period}
    scenarios = [one.key for one in pack.scenarios if one.name == pack.choice.scenario][:1]
    amounts = Amounts.of(pack.cells).select(scenarios, accounts, names)
    if not len(amounts):
        return [Gate("good", "unclassified: none this year")]
    untyped = pluralize(len(accounts), "account")
    total = f"{grouped_money(amounts.total())} {pack.currency} year to date"
    return [Gate("note", f"unclassified: {total}, {untyped} without a type")]


def static_tables(pack: Pack) -> dict[str, StaticTable]:
    """Return the tables that no filter changes, by the name that the template has for them."""
    tables = [_exact_statement(pack), _periods(pack), _mapping(pack), _inferred(pack), *_home_tables(pack)]
    tables += _dictionary_tables()
    return {table.id: table for table in tables}


def _home_tables(pack: Pack) -> list[StaticTable]:
    state = pack.reliability
    if state is None:
        return []
    waiting = [[_text(one.file), _text(one.reason), _text(one.fix)] for one in state.waiting]
    rejected = [
        [
            _text(one.scenario),
            _text(one.unit),
            _number(one.rows),
            _money(one.gross),
        ]
        for one in state.rejected
    ]
    rules = [[_text(one.rule.replace("_", " ")), _number(one.rows)] for one in state.rules]
    moved = [
        [
            _text(one.period),
            _text(one.kind),
            _text(one.scenario),
            _text(one.measure),
            _number(one.cells),
            _money(one.difference),
            _money(one.moved),
            _text("yes" if one.is_restatement else ""),
            _text(one.cause),
        ]
        for one in pack.movements
    ]
    columns = ("Period", "Kind", "Scenario", "Measure", "Cells", "Net", "Gross", "Restatement", "Cause")
    return [
        _table("waiting", "Files that are held", ("File", "Reason", "Fix"), waiting, "No file is held."),
        _table(
            "rejected", "Rejected rows", ("Scenario", "Unit", "Rows", "Gross amount"), rejected, "No row is rejected."
        ),
        _table("rules", "Broken rules and skipped rows", ("Rule", "Rows"), rules, "No row breaks a rule."),
        _table(
            "movements",
            f"What load {pack.stamp.number} changed",
            columns,
            moved,
            "The latest load changed no figure that was published before.",
        ),
        _signed_to_now(pack),
        _decisions(pack),
    ]


def _signed_to_now(pack: Pack) -> StaticTable:
    """Return the steps from signed figures to those of now; account types are never added up."""
    rows = [
        [
            _text(f"{one.period}#{one.close_number}"),
            _text("budget beside Actual" if one.measure == "BudgetAmount" else one.scenario),
            _text(one.account_type),
            _text(f"{one.cause} ({one.detail})" if one.detail else one.cause),
            _text(one.object_key or ""),
            _money(one.amount),
            _money(one.profit_effect),
            _text(one.decided_by or ""),
            _text(one.reason or ""),
        ]
        for one in pack.restatements
    ]
    columns = ("Close", "Scenario", "Account type", "Step", "File", "Amount", "Effect on profit", "Allowed by", "Why")
    caption = "From signed to now: what changed since each close"
    return _table("signed", caption, columns, rows, f"{pack.signing}.")


def _decisions(pack: Pack) -> StaticTable:
    rows = [
        [
            _text(f"{one.at:%Y-%m-%d %H:%M}"),
            _text(one.words),
            _text(f"{one.subject}, as the opening of {one.opening_of}" if one.opening_of else one.subject),
            _text(f"{one.who}, prepared by {one.prepared_by}" if one.prepared_by else one.who),
            _text(one.why),
            _text(one.money),
            _text(one.waived),
        ]
        for one in pack.decisions
    ]
    columns = ("Time (UTC)", "Decision", "File or period", "Who", "Why", "Net amounts", "Waived gates")
    return _table("decisions", "Decisions, the newest first", columns, rows, "Nothing was decided yet.")


def _exact_statement(pack: Pack) -> StaticTable:
    """Return the statement of the choice to the cent, as the warehouse's views have it."""
    reference = pack.choice.reference or PRIOR_YEAR
    shown = ("month", "year to date", "full year")
    rows = []
    for row in pack.statement:
        cells = [_text(row.label)]
        for horizon in shown:
            figure = pack.figure(horizon, reference, row.order)
            amounts = (figure.amount, figure.reference, figure.impact) if figure else (None, None, None)
            cells += [_money(amount) if amount is not None else _text("") for amount in amounts]
        rows.append(cells)
    columns = ["Line"]
    for horizon in shown:
        columns += [f"{pack.choice.scenario} {horizon}", f"{reference} {horizon}", f"Effect {horizon}"]
    caption = f"Profit and loss of {pack.choice.period} to the cent, {pack.currency}"
    return _table("exact", caption, columns, rows, "No account is revenue, expense or unclassified.")


def _periods(pack: Pack) -> StaticTable:
    rows = [
        [
            _text(one.name),
            _text(f"FY {one.fiscal_year}, month {one.fiscal_period}"),
            _text("yes" if one.is_complete else "no"),
            _text("yes" if one.is_closed else "no"),
            _text("" if pack.choice.unit or not one.usual_departments else _missing_departments(one)),
        ]
        for one in reversed(pack.periods)
    ]
    columns = ("Period", "Fiscal calendar", "Complete", "Closed", "Departments missing")
    return _table("calendar", "Periods", columns, rows, "Nothing was loaded yet.")


def _missing_departments(period: PackPeriod) -> str:
    return f"{period.missing_departments} of {period.usual_departments}"


def _mapping(pack: Pack) -> StaticTable:
    labels = {row.order: row.label for row in pack.statement}
    rows = [
        [
            _text(one.number),
            _text(one.name),
            _text(one.type),
            _text(one.category),
            _text(labels.get(one.line or 0, "not on the statement")),
            _text("mapping file" if one.is_mapped else "category"),
        ]
        for one in pack.accounts[:_ROWS_SHOWN]
    ]
    columns = ("Account", "Name", "Type", "Category", "Line", "By")
    total = len(pack.accounts)
    return _table("mapping", "Accounts and their lines", columns, rows, "No account has an amount.", total)


def _inferred(pack: Pack) -> StaticTable:
    used = Amounts.of(pack.cells).used_departments
    accounts = PackAccounts.of(pack.accounts).inferred()
    departments = [one for one in pack.departments if one.is_inferred and one.key in used]
    codes = [("Account", one.number) for one in accounts[:_ROWS_SHOWN]]
    codes += [("Department", one.code) for one in departments]
    rows = [[_text(kind), _text(code)] for kind, code in codes[:_ROWS_SHOWN]]
    total = len(accounts) + len(departments)
    empty = "Every account and department is in a reference file."
    return _table("inferred", "Codes that no reference file has", ("Kind", "Code"), rows, empty, total)


def _dictionary_tables() -> list[StaticTable]:
    """Return the data dictionary: what a row of each table and view is, and what each column means."""
    entries = dictionary()
    rows = [
        [_text(entry.name), _text(entry.kind), _text(entry.grain), _text(", ".join(entry.fix))] for entry in entries
    ]
    columns = [
        [_text(f"{entry.name}.{column.name}"), _text(column.type), _text(column.description)]
        for entry in entries
        for column in entry.columns
    ]
    return [
        _table("dictionary", "Tables and views", ("Name", "Kind", "One row is", "Fix before summing"), rows, ""),
        StaticTable("columns", "Columns", ("Column", "Type", "Meaning"), columns, ""),
    ]


def _table(
    name: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[StaticCell]],
    empty: str,
    total: int | None = None,
) -> StaticTable:
    """Return a table of the first rows; with a total, the caller has made cells of these alone."""
    total = len(rows) if total is None else total
    return StaticTable(name, caption, columns, rows[:_ROWS_SHOWN], empty, max(0, total - _ROWS_SHOWN))


def _text(text: str) -> StaticCell:
    shown = printable_line(text)
    safe = spreadsheet_cell(shown)
    return StaticCell(shown, None if safe == shown else safe)


def _number(number: int) -> StaticCell:
    return StaticCell(f"{number:,}", str(number), str(number), is_number=True)


def _money(amount: Decimal) -> StaticCell:
    shown = f"({grouped_money(-amount)})" if amount < 0 else grouped_money(amount)
    return StaticCell(shown, plain_money(amount), plain_money(amount), is_number=True)


def _charts() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((WEB / "charts").glob("*.json"))}


@cache  # else each pack compiles the template again
def page_template() -> Template:
    """Return the template of the page, compiled once in a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(WEB), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.jinja")
