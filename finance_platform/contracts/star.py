"""The star schema: four dimensions, one fact table, the load's ledger, movements and statuses, the reports' tables.

Belongs here: contracts of warehouse tables. Their first columns are those of the original specification, in its order.
Does not belong here: DDL (`sql/ddl`, compared with these by a test).
"""

from __future__ import annotations

from finance_platform.contracts.model import MONEY, Column, Contract, Reference

EXACT_MONEY = "decimal(38,10)"
"""Money as delivered, before it is rounded to cents."""

WHOLE_TABLE = "all"
"""The slice name of a table that is built as a whole."""

DIM_DATE = Contract(
    name="dim_date",
    table="DimDate",
    grain="One calendar day; whole calendar years around the data.",
    natural_key=("full_date",),
    surrogate_key="date_key",
    columns=(
        Column("date_key", "integer", "The day as yyyymmdd."),
        Column("full_date", "date", "The day."),
        Column("year", "integer", "Calendar year."),
        Column("quarter", "integer", "Calendar quarter, 1 to 4."),
        Column("month", "integer", "Calendar month, 1 to 12."),
        Column("day", "integer", "Day of the month."),
        Column("week_of_year", "integer", "ISO 8601 week; belongs with IsoYear."),
        Column("day_of_week", "varchar(9)", "English name of the weekday."),
        Column("iso_year", "integer", "ISO 8601 year of the week."),
        Column("month_name", "varchar(9)", "English name of the month."),
        Column("year_month", "varchar(7)", "Accounting period, YYYY-MM."),
        Column("fiscal_year", "integer", "Fiscal year, named by the calendar year in which it ends."),
        Column("fiscal_quarter", "integer", "Quarter of the fiscal year, 1 to 4."),
        Column("fiscal_period", "integer", "Month of the fiscal year, 1 to 12."),
        Column("is_month_end", "boolean", "True on the last day of a month."),
    ),
)

DIM_DEPARTMENT = Contract(
    name="dim_department",
    table="DimDepartment",
    grain="One department.",
    natural_key=("department_code",),
    surrogate_key="department_key",
    columns=(
        Column("department_key", "bigint", "48-bit hash of the folded department code."),
        Column("department_name", "varchar(256)", "Name; the code where none was given."),
        Column("department_code", "varchar(128)", "Code as the source writes it."),
        Column("business_unit", "varchar(256)", "Business unit, or Unknown."),
        Column("parent_department_code", "varchar(128)", "Code of the department above, if any.", nullable=True),
        Column("is_inferred", "boolean", "True when no reference file has this department."),
    ),
)

PROFIT_SIGNS = {"Revenue": 1, "Expense": -1}
"""By account type, the sign with which it counts in profit; 0 for any other."""

DIM_ACCOUNT = Contract(
    name="dim_account",
    table="DimAccount",
    grain="One account.",
    natural_key=("account_number",),
    surrogate_key="account_key",
    columns=(
        Column("account_key", "bigint", "48-bit hash of the folded account number."),
        Column("account_name", "varchar(256)", "Name; the number where none was given."),
        Column("account_number", "varchar(128)", "Number as the source writes it, leading zeros kept."),
        Column("account_type", "varchar(16)", "Revenue, Expense, Asset, Liability, Equity, Statistical or Unknown."),
        Column("category", "varchar(256)", "Category, or Unknown; CapEx is a category of Asset accounts."),
        Column("profit_sign", "integer", "Revenue 1, Expense -1, else 0: profit is SUM(Amount * ProfitSign)."),
        Column("is_monetary", "boolean", "False for Statistical accounts, which are not money."),
        Column("measure", "varchar(8)", "flow, or balance: a balance is never summed over periods."),
        Column("parent_account_number", "varchar(128)", "Number of the account above, if any.", nullable=True),
        Column("is_inferred", "boolean", "True when no reference file has this account."),
    ),
)

FIRST_PERIOD, LAST_PERIOD = "0001-01", "9999-12"
"""The bounds of spans that begin or end with no change."""

_SPAN = (
    Column("valid_from", "varchar(7)", "First period of the span, YYYY-MM; 0001-01 for the beginning."),
    Column("valid_to", "varchar(7)", "Last period of the span; 9999-12 for the last one."),
    Column("is_current", "boolean", "True for the last span, which the dimension has too."),
)

DEPARTMENT_HISTORY = Contract(
    name="department_history",
    table="DepartmentHistory",
    grain="One span of periods of a department whose attributes changed; departments without a change have none.",
    natural_key=("department_key", "valid_from"),
    columns=(
        Column("department_key", "bigint", "The department."),
        *_SPAN,
        Column(
            "department_class_key",
            "bigint",
            "The same in all spans with the same business unit; DepartmentKey if that is the first one.",
        ),
        *(DIM_DEPARTMENT.column(name) for name in ("department_name", "business_unit", "parent_department_code")),
    ),
)

SHARE = "decimal(7,6)"
"""A part of a whole, from 0 to 1."""

INTERVAL_END = "decimal(13,12)"
"""The end of an interval of shares: products of several shares, rounded."""

DEPARTMENT_REORGANISATION = Contract(
    name="department_reorganisation",
    table="DepartmentReorganisation",
    grain="One department that takes over another one, in whole or in part, from a period on.",
    natural_key=("valid_from", "department_key", "predecessor_key"),
    columns=(
        Column("valid_from", "varchar(7)", "Period of the reorganisation, YYYY-MM."),
        Column("department_key", "bigint", "The department that takes over."),
        Column("predecessor_key", "bigint", "The department that it replaces."),
        Column("predecessor_code", "varchar(128)", "Its code."),
        Column(
            "share", SHARE, "Part of the predecessor's earlier amounts that belongs to the department: 0.6 is 60 %."
        ),
        Column(
            "origin_share",
            SHARE,
            "Part of the department's later amounts that belongs to the predecessor; 0 if no file says.",
        ),
    ),
)

DEPARTMENT_MAPPING = Contract(
    name="department_mapping",
    table="DepartmentMapping",
    grain="One structure, department, span of periods of its amounts, and department that shows a part of them.",
    natural_key=("structure_from", "department_key", "valid_from", "shown_as_key"),
    columns=(
        Column(
            "structure_from",
            "varchar(7)",
            "The period of a reorganisation, from which the structure holds; 0001-01 for the one before the first.",
        ),
        Column("department_key", "bigint", "The department whose amounts they are."),
        *_SPAN[:2],
        Column("shown_as_key", "bigint", "The department that shows them in the structure."),
        Column("share_from", INTERVAL_END, "Begin of its part in the interval from 0 to 1."),
        Column("share_to", INTERVAL_END, "End of its part; the parts of a department adjoin."),
    ),
)

ACCOUNT_HISTORY = Contract(
    name="account_history",
    table="AccountHistory",
    grain="One span of periods of an account whose attributes changed; accounts without a change have none.",
    natural_key=("account_key", "valid_from"),
    columns=(
        Column("account_key", "bigint", "The account."),
        *_SPAN,
        Column(
            "account_class_key",
            "bigint",
            "The same in all spans with the same type, category and measure; AccountKey if these are the first ones.",
        ),
        *(
            DIM_ACCOUNT.column(name)
            for name in (
                "account_name",
                "account_type",
                "category",
                "profit_sign",
                "is_monetary",
                "measure",
                "parent_account_number",
            )
        ),
    ),
)

CREDIT_TYPES = ("Revenue", "Liability", "Equity")
"""Account types whose natural sign is credit: under debit-positive feeds their lines are flipped."""

DIM_SCENARIO = Contract(
    name="dim_scenario",
    table="DimScenario",
    grain="One scenario.",
    natural_key=("scenario_name",),
    surrogate_key="scenario_key",
    columns=(
        Column("scenario_key", "bigint", "48-bit hash of the folded scenario name."),
        Column("scenario_name", "varchar(128)", "Actual, Budget, Budget Q1, Forecast and so on."),
        Column("scenario_type", "varchar(8)", "Actual, Budget or Forecast."),
        Column("is_baseline", "boolean", "True for the scenario that the others are compared with."),
    ),
)

FACT_FINANCIALS = Contract(
    name="fact_financials",
    table="FactFinancials",
    grain="One row per day, department, account and scenario.",
    natural_key=("date_key", "department_key", "account_key", "scenario_key"),
    sliced_by_period=True,
    references=(
        Reference("date_key", "dim_date", "date_key"),
        Reference("department_key", "dim_department", "department_key"),
        Reference("account_key", "dim_account", "account_key"),
        Reference("scenario_key", "dim_scenario", "scenario_key"),
    ),
    columns=(
        Column("date_key", "integer", "Day inside the accounting period, yyyymmdd."),
        Column("department_key", "bigint", "The department."),
        Column("account_key", "bigint", "The account."),
        Column("scenario_key", "bigint", "The scenario that Amount belongs to."),
        Column("amount", MONEY, "Amount of the row's scenario, in the home's currency, natural sign."),
        Column(
            "budget_amount",
            MONEY,
            "The baseline for the same cell, booked on the period's first day; means nothing below a period.",
        ),
        Column("variance", MONEY, "Amount - BudgetAmount; means nothing below a period."),
        Column("transaction_date", "date", "The day of DateKey."),
        Column("load_timestamp", "timestamp", "When the row was loaded, UTC.", set_by_load=True),
        Column("transaction_count", "bigint", "Number of ledger lines that the row sums."),
    ),
)

LOAD_LEDGER = Contract(
    name="load_ledger",
    table="LoadLedger",
    grain="One slice in one load; the row with the highest LoadNumber is the published version.",
    natural_key=("load_number", "table_name", "slice"),
    columns=(
        Column("load_number", "bigint", "Number of the load, rising by one."),
        Column("table_name", "varchar(64)", "The table."),
        Column("slice", "varchar(16)", "Period YYYY-MM, or all."),
        Column("version", "varchar(64)", "Version of the slice that this load published."),
        Column(
            "is_removed", "boolean", "True when the slice was removed because no delivery contributes to it any more."
        ),
        Column("row_count", "bigint", "Rows published."),
        Column("amount", MONEY, "SUM(Amount) published; 0 for dimensions."),
        Column("run_id", "varchar(64)", "The run that loaded it."),
        Column("loaded_at", "timestamp", "When, UTC."),
    ),
)

MOVEMENTS = Contract(
    name="movements",
    table="Movements",
    grain=(
        "One cell (measure, scenario, period, department, account) of a published period whose amount, lines or "
        "attribute one load changed."
    ),
    natural_key=(
        "load_number",
        "kind",
        "measure",
        "period",
        "scenario_key",
        "department_key",
        "account_key",
        "attribute",
    ),
    columns=(
        Column("load_number", "bigint", "The load that caused it; see LoadLedger."),
        Column(
            "kind",
            "varchar(16)",
            "movement: the amount differs, or lines came or went without changing it; publication: a scenario's first "
            "amounts in a published period; reclassification: another attribute; rename: another name.",
        ),
        Column("measure", "varchar(12)", "The measure of FactFinancials: Amount or BudgetAmount."),
        Column("period", "varchar(7)", "Accounting period, YYYY-MM."),
        Column("scenario_key", "bigint", "The scenario."),
        Column("department_key", "bigint", "The department."),
        Column("account_key", "bigint", "The account."),
        Column(
            "attribute",
            "varchar(16)",
            "What changed apart from the amount: an attribute such as AccountType or ParentAccount, or Lines: their "
            "number, or none and some in a cell without an amount; else null.",
            nullable=True,
        ),
        Column("old_value", "varchar(256)", "The attribute before.", nullable=True),
        Column("new_value", "varchar(256)", "The attribute after.", nullable=True),
        Column("old_amount", MONEY, "Amount published before, under the old value; 0 where none was."),
        Column("new_amount", MONEY, "Amount published by this load, under the new value; 0 where none is."),
        Column(
            "difference",
            MONEY,
            "NewAmount - OldAmount; add it up over Kind movement and publication, never over the others.",
        ),
        Column("is_restatement", "boolean", "True when the period was closed at the load; never for a rename."),
        Column(
            "old_version",
            "varchar(64)",
            "Version before the load of the slice that caused it: the period's, or the dimension's if an attribute "
            "changed; null if it was not published.",
            nullable=True,
        ),
        Column(
            "new_version", "varchar(64)", "Version of that slice after the load; null if it was removed.", nullable=True
        ),
        Column("cause", "varchar(4096)", "Changes in the inputs of the slice, if known.", nullable=True),
        Column("run_id", "varchar(64)", "The run that loaded it."),
        Column("loaded_at", "timestamp", "When, UTC."),
        Column(
            "scenario_name",
            "varchar(128)",
            "The scenario's name before the load, since it may go with its last movement.",
            nullable=True,
        ),
        Column("department_code", "varchar(128)", "The department's code, likewise.", nullable=True),
        Column("account_number", "varchar(128)", "The account's number, likewise.", nullable=True),
    ),
)

PERIOD_STATUS = Contract(
    name="period_status",
    table="PeriodStatus",
    grain="One accounting period of the fact table.",
    natural_key=("period",),
    columns=(
        Column("period", "varchar(7)", "Accounting period, YYYY-MM."),
        Column(
            "is_complete",
            "boolean",
            "True if the period is closed or has its usual number of Actual lines; totals leave out the others.",
        ),
        Column("is_closed", "boolean", "True if a person closed the period."),
        Column("line_count", "bigint", "Number of ledger lines of Actual."),
        Column("usual_departments", "integer", "Number of departments that usually have lines."),
        Column(
            "missing_departments", "integer", "Number of those that have less than half of their usual number of lines."
        ),
    ),
)

SCENARIO_PERIOD = Contract(
    name="scenario_period",
    table="ScenarioPeriod",
    grain="One scenario and accounting period in which it has lines; of Actual, also a gap that a setting covers.",
    natural_key=("period", "scenario_key"),
    columns=(
        Column("period", "varchar(7)", "Accounting period, YYYY-MM."),
        Column("scenario_key", "bigint", "The scenario."),
        Column("line_count", "bigint", "Number of ledger lines of the scenario."),
        Column(
            "is_covered",
            "boolean",
            "True if the scenario is compared in the period: always for a plan, for Actual through its last complete "
            "period.",
        ),
    ),
)

WAITING_CHANGE = Contract(
    name="waiting_change",
    table="WaitingChange",
    grain="One closed period in which changes wait for a decision.",
    natural_key=("period",),
    columns=(
        Column("period", "varchar(7)", "Accounting period, YYYY-MM."),
        Column("change_count", "integer", "Number of held files and other changes that wait."),
    ),
)

STATEMENT_MAPPING = Contract(
    name="statement_mapping",
    table="StatementMapping",
    grain="One account or category that a file of the home maps to a line of the statement.",
    natural_key=("account_key", "category"),
    columns=(
        Column("account_key", "bigint", "The account; null if the row maps a category.", nullable=True),
        Column(
            "category",
            "varchar(256)",
            "The category, in any case; null if the row maps an account, which comes first.",
            nullable=True,
        ),
        Column("section", "varchar(32)", "Revenue, Cost of Sales, Operating Expense or Non-operating."),
        Column("line", "varchar(256)", "Name of the line."),
        Column("line_order", "integer", "Order of the line within its section."),
    ),
)

COMMENTARY = Contract(
    name="commentary",
    table="Commentary",
    grain="One accounting period, department and account whose variance a person explains.",
    natural_key=("period", "department_key", "account_key"),
    columns=(
        Column("period", "varchar(7)", "The as-of period of the variance, YYYY-MM."),
        Column("department_key", "bigint", "The department."),
        Column("account_key", "bigint", "The account."),
        Column("owner", "varchar(256)", "Who answers for the variance.", nullable=True),
        Column("comment", "varchar(4096)", "The explanation, written for readers of reports.", nullable=True),
        Column("nature", "varchar(16)", "timing or permanent.", nullable=True),
    ),
)

DELIVERED_BALANCE = Contract(
    name="delivered_balance",
    table="DeliveredBalance",
    grain="One accounting period and account of the trial balances that were delivered.",
    natural_key=("period", "account_key"),
    columns=(
        Column("period", "varchar(7)", "The accounting period, YYYY-MM."),
        Column("account_key", "bigint", "The account."),
        Column(
            "opening_balance",
            MONEY,
            "Balance before the period, debit less credit, home currency; null if a file does not have it.",
            nullable=True,
        ),
        Column("closing_balance", MONEY, "Balance at the end of the period, debit less credit, home currency."),
    ),
)

MATERIALITY = Contract(
    name="materiality",
    table="Materiality",
    grain="One account, or the home, and the variance from which an explanation is expected.",
    natural_key=("account_key",),
    columns=(
        Column("account_key", "bigint", "The account; null for the home's default.", nullable=True),
        Column("minimum_amount", MONEY, "Smallest material variance, home currency."),
        Column("minimum_percent", "decimal(9,2)", "The same in per cent of the reference: 3.00 is 3 %."),
    ),
)

FEED_TERM = Contract(
    name="feed_term",
    table="FeedTerm",
    grain="One feed, scenario, unit and term of the reconciliation other than what is in the warehouse.",
    natural_key=("feed", "scenario_name", "unit", "term"),
    columns=(
        Column("feed", "varchar(128)", "The feed."),
        Column("scenario_name", "varchar(128)", "The scenario, or (no scenario) where it is not valid."),
        Column("unit", "varchar(16)", "The home's currency, a foreign currency, or statistical."),
        Column("term", "varchar(16)", "rejected, duplicate, skipped, superseded, held, withdrawn or rounding."),
        Column("file_count", "bigint", "Number of files with such rows."),
        Column("row_count", "bigint", "Number of candidate lines."),
        Column("unpriced_row_count", "bigint", "Number of those whose amount is not valid."),
        Column("net_amount", EXACT_MONEY, "Their sum in the unit, as delivered, before rounding."),
        Column("gross_amount", EXACT_MONEY, "Sum of their absolute amounts in the unit."),
    ),
)

REJECTED_FILE = Contract(
    name="rejected_file",
    table="RejectedFile",
    grain="One file, scenario and unit that has rejected rows; beyond 1,000 files, the others of a feed are one row.",
    natural_key=("feed", "file_name", "scenario_name", "unit"),
    columns=(
        Column("feed", "varchar(128)", "The feed."),
        Column("file_name", "varchar(1024)", "The file in the raw zone, or (other files)."),
        Column("scenario_name", "varchar(128)", "The scenario, or (no scenario) where it is not valid."),
        Column("unit", "varchar(16)", "The home's currency, a foreign currency, or statistical."),
        Column("file_count", "bigint", "Number of files; 1 but for (other files)."),
        Column("row_count", "bigint", "Number of rejected candidate lines."),
        Column("unpriced_row_count", "bigint", "Number of those whose amount is not valid."),
        Column("net_amount", EXACT_MONEY, "Their sum in the unit, as delivered, before rounding."),
        Column("gross_amount", EXACT_MONEY, "Sum of their absolute amounts in the unit."),
    ),
)

FEED_PERIOD = Contract(
    name="feed_period",
    table="FeedPeriod",
    grain="One feed with lines of Actual, and one accounting period from its first one on.",
    natural_key=("feed", "period"),
    columns=(
        Column("feed", "varchar(128)", "The feed."),
        Column("period", "varchar(7)", "Accounting period, YYYY-MM."),
        Column("file_count", "bigint", "Number of live files with lines of the period."),
        Column("line_count", "bigint", "Number of their accepted lines."),
        Column(
            "usual_line_count",
            "bigint",
            "Median of the twelve periods before; null with fewer than three.",
            nullable=True,
        ),
    ),
)

DECISION_AMOUNT = Contract(
    name="decision_amount",
    table="DecisionAmount",
    grain="One decision of a person, and one scenario, account type and unit of the money that it is about.",
    natural_key=("event_number", "scenario_name", "account_type", "unit"),
    columns=(
        Column("event_number", "bigint", "Number of the decision's event in the register."),
        Column("decided_at", "timestamp", "When, UTC."),
        Column("action", "varchar(16)", "accepted, withdrawn, reinstated, closed, reopened, or what was proposed."),
        Column("is_proposal", "boolean", "True if another person had to decide the same afterwards."),
        Column("object_key", "varchar(1024)", "The file; null for a period.", nullable=True),
        Column("period", "varchar(7)", "The period, YYYY-MM; null for a file.", nullable=True),
        Column("delivery_id", "varchar(64)", "The delivery of the file.", nullable=True),
        Column("decided_by", "varchar(256)", "Who decided."),
        Column(
            "identified_by",
            "varchar(16)",
            "How the person is known: os, the operating system's user; sts, the caller that AWS names; or unverified.",
        ),
        Column("prepared_by", "varchar(256)", "Who proposed it, if two people decide.", nullable=True),
        Column("reason", "varchar(4096)", "Why, in the person's words."),
        Column(
            "waived",
            "varchar(4096)",
            "Of a closing, the gates that the person waived, with what contradicted each; null without one.",
            nullable=True,
        ),
        Column(
            "opening_of",
            "varchar(7)",
            "Of a closing that came with the home's first one, the period of that; else null.",
            nullable=True,
        ),
        Column(
            "late_periods",
            "varchar(1024)",
            "The periods of a decision about late lines, while the rest of the file counts; null for a whole file.",
            nullable=True,
        ),
        Column(
            "booked_in",
            "varchar(7)",
            "Of an acceptance, the period in which lines of closed periods are booked instead; else null.",
            nullable=True,
        ),
        Column("scenario_name", "varchar(128)", "The scenario; null if no money is known.", nullable=True),
        Column("account_type", "varchar(16)", "The accounts' type; null if unknown.", nullable=True),
        Column("unit", "varchar(16)", "The home's currency, a foreign currency, or statistical.", nullable=True),
        Column("row_count", "bigint", "Number of lines of a file, or of cells of a period.", nullable=True),
        Column(
            "net_amount",
            EXACT_MONEY,
            "Their sum in the unit, sign as delivered for a file, of the star for a period.",
            nullable=True,
        ),
        Column("gross_amount", EXACT_MONEY, "Sum of the lines' absolute amounts, if known.", nullable=True),
    ),
)

SIGNED_CLOSE = Contract(
    name="signed_close",
    table="SignedClose",
    grain="One close of a period that signed its figures; a period that was closed again has several.",
    natural_key=("period", "close_number"),
    columns=(
        Column("period", "varchar(7)", "The period, YYYY-MM."),
        Column("close_number", "bigint", "1 for the period's first signed close."),
        Column("event_number", "bigint", "Number of the close's event in the register."),
        Column("closed_at", "timestamp", "When, UTC."),
        Column("closed_by", "varchar(256)", "Who closed it."),
        Column(
            "opening_of",
            "varchar(7)",
            "The period whose close closed this one as the home's opening; else null.",
            nullable=True,
        ),
        Column("is_latest", "boolean", "True if the period was not signed again."),
        Column("load_number", "bigint", "The last load that it signed."),
    ),
)

RESTATEMENT_STEP = Contract(
    name="restatement_step",
    table="RestatementStep",
    grain="One step from the signed figures of a close to the published ones, and one group of its money.",
    natural_key=(
        "period",
        "close_number",
        "step_number",
        "measure",
        "scenario_name",
        "account_type",
        "category",
        "business_unit",
    ),
    columns=(
        Column("period", "varchar(7)", "The period, YYYY-MM."),
        Column("close_number", "bigint", "1 for the period's first signed close."),
        Column("step_number", "bigint", "0 for the signed figures; the last one has those of now."),
        Column(
            "cause",
            "varchar(16)",
            "signed; late, corrected, withdrawn, reclassified, baseline, coverage, unexplained; now.",
        ),
        Column("object_key", "varchar(1024)", "The file that caused it, if one did.", nullable=True),
        Column("detail", "varchar(1024)", "What it changed, in a clause.", nullable=True),
        Column(
            "decision_number",
            "bigint",
            "Event of the decision that allowed it; null if none did, as with CLOSED_PERIODS=publish.",
            nullable=True,
        ),
        Column("decided_by", "varchar(256)", "Who decided.", nullable=True),
        Column("reason", "varchar(4096)", "Why, in the person's words.", nullable=True),
        Column("measure", "varchar(12)", "Amount, or BudgetAmount: the budget beside Actual."),
        Column("scenario_name", "varchar(128)", "The scenario."),
        Column("account_type", "varchar(16)", "The accounts' type, as signed or as published."),
        Column("category", "varchar(256)", "Their category.", nullable=True),
        Column("business_unit", "varchar(256)", "The departments' business unit.", nullable=True),
        Column("amount", MONEY, "The amount, sign of the star."),
        Column("profit_effect", MONEY, "What it adds to profit."),
    ),
)

SCHEMA_VERSION = Contract(
    name="schema_version",
    table="SchemaVersion",
    grain="One change of the warehouse's tables and views; the row with the highest Version is the current state.",
    natural_key=("version",),
    columns=(
        Column("version", "bigint", "Number of the change, rising by one."),
        Column("fingerprint", "varchar(64)", "Hash of the definitions after the change."),
        Column("changes", "varchar(4096)", "Objects that were created, added, widened or replaced."),
        Column("applied_at", "timestamp", "When, UTC."),
    ),
)

STAR: tuple[Contract, ...] = (DIM_DATE, DIM_DEPARTMENT, DIM_ACCOUNT, DIM_SCENARIO, FACT_FINANCIALS)
"""Dimensions first, then facts: the order in which they are loaded."""

REPORTING: tuple[Contract, ...] = (
    DEPARTMENT_HISTORY,
    ACCOUNT_HISTORY,
    DEPARTMENT_REORGANISATION,
    DEPARTMENT_MAPPING,
    SCENARIO_PERIOD,
    WAITING_CHANGE,
    STATEMENT_MAPPING,
    COMMENTARY,
    MATERIALITY,
    DELIVERED_BALANCE,
    FEED_TERM,
    REJECTED_FILE,
    FEED_PERIOD,
    SIGNED_CLOSE,
    DECISION_AMOUNT,
    RESTATEMENT_STEP,
)
"""Small tables that the views join to the star."""

WAREHOUSE: tuple[Contract, ...] = (*STAR, LOAD_LEDGER, MOVEMENTS, PERIOD_STATUS, *REPORTING, SCHEMA_VERSION)
"""Every table of the star's schema in the warehouse."""
