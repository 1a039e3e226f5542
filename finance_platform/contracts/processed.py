"""The processed zone: ledger lines, reference rows, rejected rows, members.

Belongs here: contracts of tables that exist only as Parquet in the processed zone. A large delivery has files of its
own, small ones share files, so every row names its delivery.
Does not belong here: the star's tables (see `star`).
"""

from __future__ import annotations

from finance_platform.contracts.model import MONEY, Column, Contract

_LINEAGE = (
    Column("delivery_id", "varchar", "The delivery that contains the row."),
    Column("feed", "varchar", "The feed that the delivery belongs to."),
    Column("source_file", "varchar", "Object key in the raw zone."),
    Column("source_sheet", "varchar", "Sheet of a workbook.", nullable=True),
    Column("source_row", "bigint", "Line number in an editor, counted from 1."),
    Column("source_column", "varchar", "Header of the cell, where a row gives several lines.", nullable=True),
)

_LEDGER_LINE = (
    *_LINEAGE,
    Column("scenario", "varchar", "Scenario as declared."),
    Column("scenario_type", "varchar", "Actual, Budget or Forecast."),
    Column("scenario_key", "bigint", "Surrogate key of the scenario."),
    Column("period", "varchar", "Accounting period, YYYY-MM."),
    Column("document_date", "date", "The date in the source."),
    Column("posting_date", "date", "The day in the period that the line is booked on; the first, for plan lines."),
    Column("department_code", "varchar", "Department, as delivered, white space folded."),
    Column("department_key", "bigint", "Surrogate key of the department."),
    Column("account_number", "varchar", "Account, as delivered, white space folded."),
    Column("account_key", "bigint", "Surrogate key of the account."),
    Column("amount", MONEY, "Amount in the home's currency, sign as delivered."),
    Column("is_debit_positive", "boolean", "True when the feed's sign is debit minus credit."),
    Column(
        "line_key",
        "varchar",
        "The feed's key, length-prefixed; null for feeds without one.",
        nullable=True,
        is_personal=True,  # a key may include the description
    ),
    Column(
        "scope_key",
        "varchar",
        "The scope that the delivery replaces within the period, length-prefixed; null for feeds without a scope.",
        nullable=True,
    ),
    Column("transaction_id", "varchar", "Identifier in the source.", nullable=True),
    Column("description", "varchar", "Free text of the source.", nullable=True, is_personal=True),
    # Last, so that files of an earlier release have their columns in the same places.
    Column(
        "reverses_transaction_id",
        "varchar",
        "Identifier in the source of the line that the line reverses.",
        nullable=True,
    ),
)

TRANSACTIONS = Contract(
    name="transactions",
    table="",
    grain="One ledger line of scenario Actual.",
    natural_key=("delivery_id", "source_sheet", "source_row", "source_column", "period"),
    columns=_LEDGER_LINE,
)

BUDGET = Contract(
    name="budget",
    table="",
    grain="One ledger line of a plan scenario: a budget or a forecast.",
    natural_key=("delivery_id", "source_sheet", "source_row", "source_column", "period"),
    columns=_LEDGER_LINE,
)

DEPARTMENTS = Contract(
    name="departments",
    table="",
    grain="One department from a period on, and predecessor, as described by one delivery of a reference file.",
    natural_key=("delivery_id", "department_key", "valid_from", "predecessor_department_code"),
    columns=(
        *_LINEAGE,
        Column("department_key", "bigint", "Surrogate key of the department."),
        Column("department_code", "varchar", "Code."),
        Column("department_name", "varchar", "Name.", nullable=True),
        Column("business_unit", "varchar", "Business unit.", nullable=True),
        Column("parent_department_code", "varchar", "Code of the department above.", nullable=True),
        Column(
            "valid_from",
            "varchar",
            "Period from which the row describes the department, YYYY-MM; null for the default.",
            nullable=True,
        ),
        Column(
            "predecessor_department_code",
            "varchar",
            "Code of a department that the department replaces, in whole or in part, from that period on.",
            nullable=True,
        ),
        Column(
            "predecessor_share",
            "varchar",
            "Part of the predecessor's amounts that the department takes over, above 0 to 1, as text; null for 1.",
            nullable=True,
        ),
        Column(
            "origin_share",
            "varchar",
            "Part of the department's later amounts that belongs to the predecessor, 0 to 1, as text; null for the "
            "default.",
            nullable=True,
        ),
        Column("valid_to", "varchar", "Last period of the department, YYYY-MM; null if it goes on.", nullable=True),
    ),
)

ACCOUNTS = Contract(
    name="accounts",
    table="",
    grain="One account from a period on, as described by one delivery of a reference file.",
    natural_key=("delivery_id", "account_key", "valid_from"),
    columns=(
        *_LINEAGE,
        Column("account_key", "bigint", "Surrogate key of the account."),
        Column("account_number", "varchar", "Number."),
        Column("account_name", "varchar", "Name.", nullable=True),
        Column("account_type", "varchar", "Type.", nullable=True),
        Column("category", "varchar", "Category.", nullable=True),
        Column("measure", "varchar", "flow or balance.", nullable=True),
        Column("parent_account_number", "varchar", "Number of the account above.", nullable=True),
        Column(
            "valid_from",
            "varchar",
            "Period from which the row describes the account, YYYY-MM; null for the default.",
            nullable=True,
        ),
        Column("valid_to", "varchar", "Last period of the account, YYYY-MM; null if it goes on.", nullable=True),
    ),
)

LOOKUP_FIELDS = (
    *("date", "department", "account", "scenario", "period", "transaction_id", "currency"),
    *("department_name", "business_unit", "account_name", "account_type", "account_category", "description"),
)
"""The fields that lines may take from the rows of another feed."""

LOOKUP_ROWS = Contract(
    name="lookup_rows",
    table="",
    grain="One key of a lookup feed, as described by one delivery.",
    natural_key=("delivery_id", "line_key"),
    columns=(
        *_LINEAGE,
        Column("lookup_key", "varchar", "The key, as delivered."),
        *(Column(name, "varchar", "As delivered; days and periods ISO.", nullable=True) for name in LOOKUP_FIELDS),
        Column("line_key", "varchar", "The key, folded.", nullable=True, is_personal=True),
    ),
)

COMMENT_FIELDS = ("period", "department", "account", "owner", "comment", "nature")
"""The fields of a comment on a variance."""

COMMENTS = Contract(
    name="comments",
    table="",
    grain="One comment on the variance of a period, department and account, as given by one delivery.",
    natural_key=("delivery_id", "period", "department_key", "account_key"),
    columns=(
        *_LINEAGE,
        Column("period", "varchar", "The period that the variance is seen from, YYYY-MM."),
        Column("department_code", "varchar", "Department, as delivered, white space folded."),
        Column("department_key", "bigint", "Surrogate key of the department."),
        Column("account_number", "varchar", "Account, as delivered, white space folded."),
        Column("account_key", "bigint", "Surrogate key of the account."),
        Column("owner", "varchar", "Who answers for the variance.", nullable=True, is_personal=True),
        Column("comment", "varchar", "The explanation.", nullable=True, is_personal=True),
        Column("nature", "varchar", "timing or permanent.", nullable=True),
    ),
)

STATEMENT_LINE_FIELDS = ("account", "category", "section", "line", "order")
"""The fields of a row that maps accounts to a line of the statement."""

STATEMENT_LINES = Contract(
    name="statement_lines",
    table="",
    grain="One account, beginning of account numbers or category and its line of the statement, as given by one "
    "delivery.",
    natural_key=("delivery_id", "account", "category"),
    columns=(
        *_LINEAGE,
        Column("account", "varchar", "Number of the account, or its beginning and `*`.", nullable=True),
        Column("category", "varchar", "The category, where the row maps one.", nullable=True),
        Column("section", "varchar", "Section of the statement."),
        Column("line", "varchar", "Line of the statement."),
        Column("line_order", "bigint", "Order of the line within the section, where the row gives it.", nullable=True),
    ),
)

BALANCE_FIELDS = ("period", "account", "department", "opening", "balance")
"""The fields of a row of a trial balance."""

BALANCES = Contract(
    name="balances",
    table="",
    grain="One account, or account and department, of the trial balance of a period, as given by one delivery.",
    natural_key=("delivery_id", "period", "account_key", "department_code"),
    columns=(
        *_LINEAGE,
        Column("period", "varchar", "The period at whose end the balance is, YYYY-MM."),
        Column("account_number", "varchar", "Account, as delivered, white space folded."),
        Column("account_key", "bigint", "Surrogate key of the account."),
        Column("department_code", "varchar", "Department, where the file has one for each row.", nullable=True),
        Column("opening", MONEY, "Balance before the period, debit less credit.", nullable=True),
        Column("balance", MONEY, "Balance at the end of the period, debit less credit."),
    ),
)

REJECTED_ROWS = Contract(
    name="rejected_rows",
    table="",
    grain="One candidate line that did not become a ledger line or a reference row.",
    natural_key=("delivery_id", "source_sheet", "source_row", "source_column"),
    columns=(
        *_LINEAGE,
        Column("outcome", "varchar", "rejected, duplicate or skipped."),
        Column("rules", "varchar", "Names of the rules that the row broke, comma-separated."),
        Column(
            "reasons",
            "varchar",
            "Why, a JSON list with an object per broken rule: rule, column, value (as delivered) and words.",
            is_personal=True,  # a reason quotes the cell
        ),
        Column("scenario", "varchar", "Scenario, where it is declared.", nullable=True),
        Column("period", "varchar", "Accounting period, where the row has one.", nullable=True),
        Column("account_key", "bigint", "Surrogate key of the account, where the row has one.", nullable=True),
        Column("currency", "varchar", "Currency of the amount; null for the home's own.", nullable=True),
        Column("amount", MONEY, "The row's amount, where it parses, in the currency of the row.", nullable=True),
        Column(
            "raw_row",
            "varchar",
            "The row as delivered, a JSON object of its cells; as typed, if the file was overwritten meanwhile.",
            is_personal=True,
        ),
    ),
)

MEMBERS = Contract(
    name="members",
    table="",
    grain="One department or account as mentioned by the ledger lines of one delivery.",
    natural_key=("delivery_id", "dimension", "member_key"),
    columns=(
        Column("delivery_id", "varchar", "The delivery whose lines mention the member."),
        Column("dimension", "varchar", "department or account."),
        Column("member_key", "bigint", "Surrogate key of the member."),
        Column("code", "varchar", "Department code or account number."),
        Column("name", "varchar", "First name given in the delivery.", nullable=True),
        Column("business_unit", "varchar", "First business unit given.", nullable=True),
        Column("account_type", "varchar", "First account type given.", nullable=True),
        Column("category", "varchar", "First category given.", nullable=True),
    ),
)

ACCOUNT_COUNTS = Contract(
    name="account_counts",
    table="",
    grain="The candidate lines of one delivery with one account, in one scenario, currency, period and term.",
    natural_key=("delivery_id", "account_key", "scenario", "currency", "period", "term"),
    columns=(
        Column("delivery_id", "varchar", "The delivery whose lines are counted."),
        Column("account_key", "bigint", "Surrogate key of the account."),
        Column("scenario", "varchar", "Scenario; blank where it is not declared."),
        Column("currency", "varchar", "Foreign currency of the amounts; blank for the home's own."),
        Column("period", "varchar", "Accounting period of accepted lines; blank for the others."),
        Column("term", "varchar", "accepted, rejected, duplicate or skipped; rounding: exact less rounded."),
        Column("row_count", "bigint", "Number of lines; 0 for rounding."),
        Column("unpriced", "bigint", "Lines without a valid amount."),
        Column("amount", "varchar", "Exact sum of their amounts, as text."),
        Column("absolute", "varchar", "Exact sum of their absolute amounts, as text."),
    ),
)

MEMBER_ATTRIBUTES = Contract(
    name="member_attributes",
    table="",
    grain="One combination of attributes that the ledger lines of one delivery give a member in a scenario and period.",
    natural_key=(
        *("delivery_id", "dimension", "member_key", "scenario", "period"),
        *("name", "business_unit", "account_type", "category"),
    ),
    columns=(
        Column("delivery_id", "varchar", "The delivery whose lines give the attributes."),
        Column("dimension", "varchar", "department or account."),
        Column("member_key", "bigint", "Surrogate key of the member."),
        Column("scenario", "varchar", "Scenario of the lines."),
        Column("period", "varchar", "Accounting period of the lines."),
        Column("name", "varchar", "Name given.", nullable=True),
        Column("business_unit", "varchar", "Business unit given.", nullable=True),
        Column("account_type", "varchar", "Account type given.", nullable=True),
        Column("category", "varchar", "Category given.", nullable=True),
        Column("code", "varchar", "Department code or account number, as one of the lines spells it."),
        Column("first_row", "bigint", "The first of the lines."),
        Column("row_count", "bigint", "Number of lines."),
        Column("gross_amount", "varchar", "Exact sum of the lines' absolute amounts, as text."),
    ),
)
"""Written only for feeds whose lines give attributes."""

LINE_CONTRACTS = (TRANSACTIONS, BUDGET)
LINE_TABLES = tuple(contract.name for contract in LINE_CONTRACTS)
"""The tables of ledger lines."""

PROCESSED: tuple[Contract, ...] = (TRANSACTIONS, BUDGET, DEPARTMENTS, ACCOUNTS, REJECTED_ROWS)
"""The tables of the processed zone that are assets."""
