"""Descriptions: what a table is, and what a reader must know about it before using its numbers.

Belongs here: a sentence on each table, and its rules as Markdown. Does not belong here: columns (see `contracts`),
labels (see `asset_labels`), how a page is put together (see `table_specs`).
They are not part of the contracts, which say what a column is and not how to read a table's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "transactions": "Ledger lines of Actual, of every file.",
    "budget": "Ledger lines of budgets and forecasts, of every file.",
    "departments": "Departments as reference files describe them.",
    "accounts": "Accounts as reference files describe them.",
    "rejected_rows": "Rows that became no line, each with the reason.",
    "dim_date": "Days, with months, quarters, ISO weeks, fiscal years.",
    "dim_department": "Departments with name, business unit and parent.",
    "dim_account": "Accounts with name, type, category and parent.",
    "dim_scenario": "Actual, and each budget and forecast that has lines.",
    "fact_financials": "Amounts by day, department, account and scenario.",
}
"""By table, a sentence without Markdown: lists of assets show the beginning of a description as it is written, 54
characters in a window of 1440 pixels."""

_LINES = """\
- Each row is one typed ledger line: dates, codes and amounts are parsed once, and no later step parses text.
- `amount` keeps the sign as delivered. If `is_debit_positive` is true, Revenue, Liability and Equity accounts are
  flipped when the star is built, not here.
- The table keeps the lines of **every** delivery that was read. The register decides which of them count: not those
  that are held, withdrawn, or superseded by a later file, key or period. The figures on this page are of lines that
  count.
- `source_file` and `source_row` point to the line as an editor shows it; `finance-platform trace` follows it.
"""
_MEMBERS = """\
- A member that ledger lines mention and no reference file describes is **inferred**: it has a row with `is_inferred`
  true and `Unknown` attributes, and a check counts it. No line is dropped for missing master data.
- The latest delivery of a reference file decides the attributes; the first ledger line that gives an attribute fills
  the ones that the reference file leaves blank.
- The key is a 48-bit hash of the folded code: the same on every engine and after every rebuild.
- `codes_keep_their_zeros` names inferred members whose code is that of another one but for zeros.
"""
_FACT = """\
- **`Amount`** is the amount of the row's scenario in natural sign: revenue and expenses are both positive, contra
  entries negative.
- **`BudgetAmount`** is the baseline for the same cell. A period's budget is booked on the period's first day, so
  **below a period `BudgetAmount` and `Variance` mean nothing**.
- **What may be added up**: within one scenario and one account type `SUM(Amount)`, `SUM(BudgetAmount)` and
  `SUM(Variance)`, by period and coarser. Never add up scenarios, and never add up a balance over periods. Profit is
  `SUM(Amount * ProfitSign)`.
- A budgeted cell without actuals has a row (`Amount` 0, `TransactionCount` 0); an actual without a budget has one
  (`BudgetAmount` 0). On the baseline's own rows `BudgetAmount = Amount`.
- **Coverage**: a scenario is compared in the periods in which it has lines (Actual, if `ACTUALS_THROUGH` is set, in
  every period up to that one). The future months of a budget create no Actual rows.
- Reports should read the view `ActualVsBudget`: Actual, monetary flows, by period, with `no budget` distinct from
  zero, and `IsComplete` false in a period that has not its usual lines yet.
"""

RULES: Mapping[str, str] = {
    "transactions": _LINES,
    "budget": _LINES
    + """\
- The table has every plan scenario: budgets and forecasts. A plan line is booked on its period's first day.
""",
    "departments": """\
- Rows are as delivered: a department may appear once per delivery; the dimension has it once.
- Codes keep their leading zeros, and match regardless of case and white space.
""",
    "accounts": """\
- Rows are as delivered: an account may appear once per delivery; the dimension has it once.
- Types are Revenue, Expense, Asset, Liability, Equity and Statistical; any other type rejects the row.
- Numbers keep their leading zeros.
""",
    "rejected_rows": """\
- **Why a row is here**: `rejected` (it broke a rule; `rules` names it, `reasons` has column and cell),
  `duplicate` (its key repeats in the file, all else equal) or `skipped` (every cell is blank).
- For each file, delivered = accepted + rejected + duplicate + skipped, in rows and, after rounding to cents, in money
  of the home's currency; a file that does not reconcile never counts. A foreign amount is always rejected, and counts
  in its own currency only.
- `finance-platform rejected` lists them with the row as delivered, or writes them into a workbook. This page hides
  that text, because it may name people.
- `headers_are_unchanged` names the columns that came or went since a feed's last delivery.
""",
    "dim_date": """\
- Whole calendar years around the posting dates of the lines.
- `WeekOfYear` is ISO 8601 and belongs with `IsoYear`, not with `Year`.
- The fiscal year is named after the calendar year in which it ends; its first month is a setting.
""",
    "dim_department": _MEMBERS,
    "dim_account": _MEMBERS
    + """\
- `ProfitSign` is 1 for Revenue, -1 for Expense, else 0. `IsMonetary` is false for Statistical accounts, which no
  money view includes. Never add up a `balance` over periods.
""",
    "dim_scenario": """\
- Actual, and plans whose names begin with Budget or Forecast or whose feed declares them.
- Exactly the scenarios that have live lines; the one with `IsBaseline` is what the others are compared with.
""",
    "fact_financials": _FACT,
    "variance_report": """\
- Amounts are of **complete** periods: closed ones, and those with the usual number of Actual lines. The others are
  named in `IncompletePeriods`, with their money in `ActualIncomplete`; `Months` says how many months a year has.
- Variance compares like with like: `ActualWithBudget` and `Budget` cover the complete periods that have a budget.
- `no budget` is not zero: it means that no complete period of the year has a budget.
- Operating profit is Revenue less Expense; if the statement has lines of the section Non-operating, that is Net profit.
  Money on accounts without a type is `Unclassified`; `Profit after unclassified` takes it as a cost.
- Natural sign: a positive variance is more than planned. `Effect` says whether that is good: it is for Revenue and
  profit, not for Expense and CapEx.
""",
    "report_pack": """\
- It shows the last complete period, against the baseline, or the prior year where the baseline has no such months; its
  filters change period, reference and business unit. `finance-platform report` writes others, of one unit too.
- It is PRELIMINARY until its period is closed, and while a file is held.
- Every figure is a sum of the amounts of `PeriodAmount`, on the lines of `StatementLine`.
- A run writes the workbook of up to 30,000 amounts; of more, `finance-platform report` writes it.
""",
}
"""By table, its rules as a Markdown list."""
