"""What people must know of a table before they use its numbers: the prose of the asset pages.

Belongs here: the rules of each table in words, and its grain as a tag.
Does not belong here: columns and their descriptions (see `contracts`), how a page is put together (see `specs`).
It is no part of the contracts, because their source is hashed into every slice's version: a better sentence there
would rebuild all periods.
"""

from __future__ import annotations

from collections.abc import Mapping

_LINES = """\
- One typed line of money: text became date, code and amount once, and nothing later reads text again.
- `amount` keeps the sign as delivered; where `is_debit_positive`, Revenue, Liability and Equity accounts are
  flipped when the star is built, not here.
- The lines of **every** delivery that was read are kept; which of them count (held, withdrawn, superseded, hidden
  by a later key or period) is decided from the register, and figures on this page speak of those that count.
- `source_file` and `source_row` are the line that an editor shows; `finance-platform trace` follows it.
"""
_MEMBERS = """\
- A member that ledger lines mention and no reference file describes is **inferred**: it is here, `is_inferred` is
  true, its attributes are `Unknown`, and a check counts it. Nothing is dropped for want of a master record.
- The latest delivery of a reference file decides; where it is silent, the first ledger line that mentions the
  member.
- The key is a 48-bit hash of the folded code: the same on every engine and after every rebuild.
"""
_FACT = """\
- **`Amount`** is what the row's scenario says, natural sign: revenue earned and money spent are both positive,
  contra entries negative.
- **`BudgetAmount`** is the baseline for the same cell. A period's budget is booked on the period's first day, so
  **below a period `BudgetAmount` and `Variance` mean nothing**.
- **`Variance`** is `Amount - BudgetAmount` on every row.
- **What may be added up**: within one scenario and one account type `SUM(Amount)`, `SUM(BudgetAmount)` and
  `SUM(Variance)`, by period and coarser. Never over scenarios; never a balance over periods. Profit is
  `SUM(Amount * ProfitSign)`.
- A budgeted cell without actuals has a row (`Amount` 0, `TransactionCount` 0); an actual without a budget has one
  (`BudgetAmount` 0). On the baseline's own rows `BudgetAmount = Amount`.
- **Coverage**: a scenario is compared in the periods in which it has lines (Actual, where `ACTUALS_THROUGH` is set,
  in every period through that one). Future months of a budget make no Actual rows.
- The way in for reports is the view `ActualVsBudget`: Actual, monetary flows, by period, with `no budget` told from
  zero.
"""

RULES: Mapping[str, str] = {
    "transactions": _LINES,
    "budget": _LINES
    + """\
- Every plan scenario is here: budgets and forecasts. A plan line is booked on its period's first day.
""",
    "departments": """\
- As delivered: the same department may stand here once per delivery; the dimension has it once.
- Codes keep their leading zeros, and match whatever their case and white space.
""",
    "accounts": """\
- As delivered: the same account may stand here once per delivery; the dimension has it once.
- Types are Revenue, Expense, Asset, Liability, Equity and Statistical; another one rejects the row.
- Numbers keep their leading zeros.
""",
    "rejected_rows": """\
- **Why a row is here**: `rejected` (it broke a rule; `rules` names it, `reasons` says what was expected and found),
  `duplicate` (its key repeats in the file, all else equal) or `skipped` (the descriptor says that it is no data:
  blank, a total).
- delivered = accepted + rejected + duplicate + skipped, in rows and in money, for each file; a file whose sides
  differ never counts.
- `finance-platform rejected` lists them with the row as delivered. This page does not show that text: it may name
  people.
""",
    "dim_date": """\
- Whole calendar years around the lines' posting dates.
- `WeekOfYear` is ISO 8601 and belongs with `IsoYear`, not with `Year`.
- The fiscal year is named by the calendar year in which it ends; its first month is a setting.
""",
    "dim_department": _MEMBERS,
    "dim_account": _MEMBERS
    + """\
- `ProfitSign` is 1 for Revenue, -1 for Expense, else 0; `IsMonetary` is false for Statistical accounts, which are
  kept out of every money view. A `balance` is never summed over periods.
""",
    "dim_scenario": """\
- Actual, and plans whose names begin with Budget or Forecast or whose feed declares them.
- Exactly the scenarios that have live lines; the one with `IsBaseline` is what the others are compared with.
""",
    "fact_financials": _FACT,
    "variance_report": """\
- Actual is the whole year's. Variance compares like with like: `ActualWithBudget` and `Budget` are those of the
  periods that have a budget.
- `no budget` is not zero: it stands where no period of the year has one.
- Natural sign: a positive variance is more than planned, which is good for Revenue and bad for Expense.
""",
}
"""By table, the rules that matter: a list in Markdown."""

GRAINS: Mapping[str, str] = {
    "transactions": "ledger-line",
    "budget": "ledger-line",
    "departments": "department-by-delivery",
    "accounts": "account-by-delivery",
    "rejected_rows": "candidate-line",
    "dim_date": "day",
    "dim_department": "department",
    "dim_account": "account",
    "dim_scenario": "scenario",
    "fact_financials": "day-department-account-scenario",
    "variance_report": "year-account-type",
}
"""By table, the grain in the letters that a tag may have."""
