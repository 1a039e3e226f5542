"""The views of the warehouse: what one row is, which columns to fix before a sum, what each column means.

Belongs here: contracts of `sql/views`, in the order in which they can be created. Comments in both warehouses, the data
dictionary and the lists of `finance-platform tables` are generated from them.
Does not belong here: SQL (`sql/views`, compared with these by a test), tables (see `star`).
"""

from __future__ import annotations

from dataclasses import dataclass

MONEY_SUM = "decimal(38,2)"
"""Money of several cells: a sum may have more digits than one amount."""


@dataclass(frozen=True)
class ViewColumn:
    """One column of a view.

    Attributes:
        name: the name in SQL.
        type: as in `model.Column`; sums of money are decimal(38,2).
        description: one sentence for the analyst, with its unit.
    """

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class ViewContract:
    """One view.

    Attributes:
        name: the name in SQL.
        grain: one sentence that describes one row.
        key: the columns that identify a row.
        fix: the columns that need one value each before a measure is summed; else money is counted twice, or money of
            different kinds is added.
        measures: the columns that can be summed once the columns of `fix` have one value.
        columns: in the order of the view.
        note: what a reader should know beyond the grain; may be empty.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    fix: tuple[str, ...]
    measures: tuple[str, ...]
    columns: tuple[ViewColumn, ...]
    note: str = ""

    def column(self, name: str) -> ViewColumn:
        """Return the column called `name`.

        Raises:
            KeyError: there is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def comment(self) -> str:
        """Grain, the columns to fix before a sum, and the note, as one text."""
        fix = f"Fix before summing: {', '.join(self.fix)}." if self.fix else ""
        return " ".join(part for part in (self.grain, fix, self.note) if part)


PRIOR_YEAR = "Prior Year"
"""The reference that is the same scenario twelve months before."""

HORIZONS = ("month", "year to date", "rest of year", "full year")
"""The values of Horizon, in the order of HorizonOrder, from 1."""

SECTIONS = ("Revenue", "Cost of Sales", "Operating Expense", "Non-operating")
"""The sections of the statement that a mapping may name, in order. Unclassified money has a section of its own."""

_c = ViewColumn

_PERIOD = (_c("Period", "varchar(7)", "Accounting period, YYYY-MM."),)
_FISCAL = (
    _c("FiscalYear", "integer", "Fiscal year of the period, named by the calendar year in which it ends."),
    _c("FiscalQuarter", "integer", "Quarter of the fiscal year, 1 to 4."),
    _c("FiscalPeriod", "integer", "Month of the fiscal year, 1 to 12."),
)
_FISCAL_YEAR = _FISCAL[:1]
_BUSINESS_UNIT = (_c("BusinessUnit", "varchar(256)", "Business unit, or Unknown."),)
_DEPARTMENT = (
    _c("DepartmentKey", "bigint", "The department; see DimDepartment."),
    _c("DepartmentCode", "varchar(128)", "Code of the department."),
    _c("DepartmentName", "varchar(256)", "Name of the department."),
    *_BUSINESS_UNIT,
)
_ACCOUNT = (
    _c("AccountKey", "bigint", "The account; see DimAccount."),
    _c("AccountNumber", "varchar(128)", "Number of the account."),
    _c("AccountName", "varchar(256)", "Name of the account."),
    _c(
        "AccountType",
        "varchar(16)",
        "Revenue, Expense, Asset, Liability, Equity, Statistical or Unknown (no type yet).",
    ),
    _c("Category", "varchar(256)", "Category, or Unknown; CapEx is a category of Asset accounts."),
    _c("ProfitSign", "integer", "Revenue 1, Expense -1, else 0: profit is SUM(Amount * ProfitSign)."),
)
_LINE = (
    _c("Section", "varchar(32)", "Section of the statement; null for an account that is not on it."),
    _c("Line", "varchar(256)", "Line of the statement; null for an account that is not on it."),
    _c("LineOrder", "integer", "Order of the line on the statement; null for an account that is not on it."),
)
_STATEMENT_LINE = (
    _c("LineOrder", "integer", "Order of the line on the statement, from the top; identifies the line."),
    _c("Section", "varchar(32)", "Section of the statement, or Unclassified, or Subtotal."),
    _c("Line", "varchar(256)", "Name of the line, such as Payroll, or of the subtotal, such as Gross profit."),
    _c("IsSubtotal", "boolean", "True for a subtotal, which repeats the money of other lines."),
    _c("LineSign", "integer", "1 if more of the line raises profit, -1 if it lowers it."),
)
_PAIR = (
    _c("ScenarioName", "varchar(128)", "The scenario: Actual, Budget, Forecast 2025-06 and so on."),
    _c(
        "ReferenceName",
        "varchar(128)",
        "What it is compared with: another scenario, or Prior Year, the same scenario twelve months before.",
    ),
)
_SCENARIO = (
    _c("ScenarioName", "varchar(128)", "Actual, Budget, Forecast 2025-06 and so on."),
    _c("ScenarioType", "varchar(8)", "Actual, Budget or Forecast."),
    _c("IsBaseline", "boolean", "True for the scenario that ActualVsBudget compares with."),
)
_IS_COMPLETE = _c(
    "IsComplete", "boolean", "True if Actual is complete in the period, see PeriodStatus; totals leave out the others."
)
_IS_COVERED = _c(
    "IsCovered", "boolean", "True if both have lines in the period; Actual through its last complete period."
)
_PAIR_IS_COMPLETE = _c("IsComplete", "boolean", "False if one side is Actual and its period is incomplete.")
_AS_OF = (
    _c("AsOfPeriod", "varchar(7)", "The period that the horizon is seen from, YYYY-MM."),
    *_FISCAL_YEAR,
    _c("Horizon", "varchar(16)", "month, year to date, rest of year or full year."),
    _c("HorizonOrder", "integer", "1 to 4, in the order of the horizons above."),
)
_HORIZON_AMOUNTS = (
    _c("Amount", MONEY_SUM, "The scenario over the horizon, home currency; for Actual, with its outlook."),
    _c("ReferenceAmount", MONEY_SUM, "The reference over the horizon, home currency; null if it has no period of it."),
    _c("ComparedAmount", MONEY_SUM, "The part of Amount in the periods that both cover, home currency."),
    _c("ComparedReference", MONEY_SUM, "The part of ReferenceAmount in those periods, home currency."),
    _c(
        "Variance",
        MONEY_SUM,
        "ComparedAmount - ComparedReference, home currency; null if no period is covered by both.",
    ),
)
_HORIZON_PERIODS = (
    _c("Periods", "integer", "Number of periods of the horizon in which the scenario has amounts."),
    _c("OutlookPeriods", "integer", "Number of those that are an outlook rather than actuals; 0 for a plan."),
    _c("ComparedPeriods", "integer", "Number of periods of the horizon that scenario and reference cover."),
    _c("IsComplete", "boolean", "False for the month if Actual, on either side, is incomplete in it; else true."),
)
_COMPARED = ("Amount", "ReferenceAmount", "ComparedAmount", "ComparedReference", "Variance", "Impact")

_SPAN = (
    _c("ValidFrom", "varchar(7)", "First period of the span, YYYY-MM; 0001-01 for the beginning."),
    _c("ValidTo", "varchar(7)", "Last period of the span; 9999-12 for the last one."),
    _c("IsCurrent", "boolean", "True for the last span, which the dimension has."),
)
_DEPARTMENT_CLASS = _c(
    "DepartmentClassKey", "bigint", "The department with the business unit of the row; see DepartmentClass."
)
_ACCOUNT_CLASS = _c(
    "AccountClassKey", "bigint", "The account with the type, category and measure of the row; see AccountClass."
)
_CLASSES = (_DEPARTMENT_CLASS, _ACCOUNT_CLASS)
_CLASS_IS_CURRENT = _c("IsCurrent", "boolean", "True for the classification that the dimension has.")
_MONETARY = (
    _c("IsMonetary", "boolean", "False for Statistical accounts, which are not money."),
    _c("Measure", "varchar(8)", "flow, or balance: a balance is never summed over periods."),
)

DEPARTMENT_SPAN = ViewContract(
    name="DepartmentSpan",
    grain="One department and span of periods in which its attributes are the same.",
    key=("DepartmentKey", "ValidFrom"),
    fix=("ValidFrom",),
    measures=(),
    note="Join it by key and by a period between ValidFrom and ValidTo: the attributes as they were.",
    columns=(
        _DEPARTMENT[0],
        *_SPAN,
        _DEPARTMENT_CLASS,
        *_DEPARTMENT[1:],
        _c("ParentDepartmentCode", "varchar(128)", "Code of the department above; null if there is none."),
    ),
)

ACCOUNT_SPAN = ViewContract(
    name="AccountSpan",
    grain="One account and span of periods in which its attributes are the same.",
    key=("AccountKey", "ValidFrom"),
    fix=("ValidFrom",),
    measures=(),
    note="Join it by key and by a period between ValidFrom and ValidTo: the attributes as they were.",
    columns=(
        _ACCOUNT[0],
        *_SPAN,
        _ACCOUNT_CLASS,
        *_ACCOUNT[1:],
        *_MONETARY,
        _c("ParentAccountNumber", "varchar(128)", "Number of the account above; null if there is none."),
    ),
)

DEPARTMENT_CLASS = ViewContract(
    name="DepartmentClass",
    grain="One department and business unit that it has or had.",
    key=("DepartmentClassKey",),
    fix=("DepartmentClassKey",),
    measures=(),
    note="Views over several periods have a row for each.",
    columns=(_DEPARTMENT_CLASS, _DEPARTMENT[0], _CLASS_IS_CURRENT, *_DEPARTMENT[1:]),
)

ACCOUNT_CLASS = ViewContract(
    name="AccountClass",
    grain="One account, and type, category and measure that it has or had.",
    key=("AccountClassKey",),
    fix=("AccountClassKey",),
    measures=(),
    note="Views over several periods have a row for each.",
    columns=(_ACCOUNT_CLASS, _ACCOUNT[0], _CLASS_IS_CURRENT, *_ACCOUNT[1:], *_MONETARY),
)

ACTUAL_VS_BUDGET = ViewContract(
    name="ActualVsBudget",
    grain="One accounting period, department and account that Actual covers, for monetary flows.",
    key=("Period", "DepartmentKey", "AccountKey"),
    fix=("AccountType",),
    measures=("Actual", "Budget", "Variance", "FavourableVariance", "TransactionCount"),
    note="A period without a budget has NULL in Budget, which is not zero. Filter by IsComplete before adding periods.",
    columns=(
        *_PERIOD,
        _c("Year", "integer", "Calendar year of the period."),
        _c("Quarter", "integer", "Calendar quarter, 1 to 4."),
        _c("Month", "integer", "Calendar month, 1 to 12."),
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        _c("Actual", "decimal(18,2)", "Amount of Actual, home currency, natural sign."),
        _c("Budget", "decimal(18,2)", "The baseline of the same cell, home currency; null in a period without one."),
        _c("Variance", "decimal(18,2)", "Actual - Budget, home currency; null in a period without a budget."),
        _c(
            "FavourableVariance",
            "decimal(18,2)",
            "Effect of the variance on profit, home currency; null for accounts outside of profit.",
        ),
        _IS_COMPLETE,
        _c("HasBudget", "boolean", "True if the baseline has lines in the period."),
        _c("TransactionCount", "bigint", "Number of ledger lines of Actual."),
    ),
)

PERIOD_CALENDAR = ViewContract(
    name="PeriodCalendar",
    grain="One accounting period of the fact table, with its fiscal calendar and status.",
    key=("Period",),
    fix=(),
    measures=("LineCount",),
    columns=(
        *_PERIOD,
        *_FISCAL,
        _c("MonthName", "varchar(9)", "English name of the month."),
        _c("FirstDay", "date", "First day of the period."),
        _c("LastDay", "date", "Last day of the period."),
        _c("HasActual", "boolean", "True if Actual has lines in the period."),
        _IS_COMPLETE,
        _c("IsClosed", "boolean", "True if a person closed the period."),
        _c("IsPreliminary", "boolean", "True if the period is complete and not closed."),
        _c("IsLastComplete", "boolean", "True for the last complete period: the default of reports."),
        _c(
            "IsInYearToDate",
            "boolean",
            "True for the complete periods of the last complete period's fiscal year.",
        ),
        _c("LineCount", "bigint", "Number of ledger lines of Actual."),
        _c("UsualDepartments", "integer", "Number of departments that usually have lines."),
        _c("MissingDepartments", "integer", "Number of those with less than half of their usual number of lines."),
        _c(
            "WaitingChanges",
            "integer",
            "Number of changes of a closed period that wait for a decision: held files, attributes, settings, a "
            "mapping; `status` names them.",
        ),
    ),
)

COMPARABLE_PERIOD = ViewContract(
    name="ComparablePeriod",
    grain="One accounting period, scenario and reference: whether they can be compared.",
    key=("Period", "ScenarioName", "ReferenceName"),
    fix=(),
    measures=(),
    note="A scenario that is itself called Prior Year is no reference.",
    columns=(
        *_PERIOD,
        _c("ScenarioKey", "bigint", "The scenario; see DimScenario."),
        _c("ScenarioName", "varchar(128)", "The scenario: Actual, Budget, Forecast 2025-06 and so on."),
        _c("ScenarioType", "varchar(8)", "Actual, Budget or Forecast."),
        _c("ReferenceKey", "bigint", "The scenario that the reference's amounts belong to; see DimScenario."),
        _PAIR[1],
        _c("ReferenceType", "varchar(8)", "Actual, Budget or Forecast."),
        _c("ReferencePeriod", "varchar(7)", "The reference's period, YYYY-MM: the same, or twelve months before."),
        _IS_COVERED,
        _PAIR_IS_COMPLETE,
    ),
)

STATEMENT_LINE = ViewContract(
    name="StatementLine",
    grain="One account, as classified, and line of the statement to which it contributes: its own line, and each "
    "subtotal below it.",
    key=("AccountClassKey", "LineOrder"),
    fix=("IsSubtotal",),
    measures=(),
    note="Lines are categories unless the home maps accounts to lines. An account without a type is Unclassified, a "
    "cost below operating profit. Accounts outside of profit are not on the statement. "
    "Join it by AccountClassKey.",
    columns=(
        *_ACCOUNT[:4],
        *_STATEMENT_LINE,
        _c("Factor", "integer", "The line's amount is SUM(Amount * Factor)."),
        _c("IsMapped", "boolean", "True if a file of the home maps the account, false if its category does."),
        _ACCOUNT_CLASS,
    ),
)

PERIOD_AMOUNT = ViewContract(
    name="PeriodAmount",
    grain="One accounting period, department, account and scenario that has lines; the base of the other views.",
    key=("Period", "DepartmentKey", "AccountKey", "ScenarioKey"),
    fix=("ScenarioName", "AccountType", "Measure"),
    measures=("Amount", "TransactionCount"),
    note="Fix the Period too for Measure balance. Statistical accounts (IsMonetary false) are not money. "
    "Attributes are those of the period.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_MONETARY,
        *_LINE,
        _c("ScenarioKey", "bigint", "The scenario; see DimScenario."),
        *_SCENARIO,
        _c("Amount", "decimal(18,2)", "Amount of the scenario, home currency (units if not monetary), natural sign."),
        _c("TransactionCount", "bigint", "Number of ledger lines."),
        _IS_COMPLETE,
        *_CLASSES,
    ),
)

STRUCTURE_AMOUNT = ViewContract(
    name="StructureAmount",
    grain="One structure of the departments, accounting period, department of that structure, account and scenario.",
    key=("StructureFrom", "Period", "DepartmentKey", "AccountKey", "ScenarioName"),
    fix=("StructureFrom", "ScenarioName", "AccountType", "Measure"),
    measures=("Amount", "MovedAmount"),
    note="PeriodAmount as if departments that were split or merged had been organised in every period as from "
    "StructureFrom on. IsCurrentStructure is today's structure, StructureFrom 0001-01 that before the first "
    "reorganisation. Fix the Period too for Measure balance.",
    columns=(
        _c("StructureFrom", "varchar(7)", "Period of the reorganisation that made the structure; 0001-01 before any."),
        _c("IsCurrentStructure", "boolean", "True for the structure after the last reorganisation."),
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_MONETARY,
        *_LINE,
        *_SCENARIO,
        _c(
            "Amount",
            MONEY_SUM,
            "Amount of the department in that structure, home currency (units if not monetary), natural sign.",
        ),
        _c("MovedAmount", MONEY_SUM, "The part of Amount that other departments booked, home currency, natural sign."),
        _IS_COMPLETE,
    ),
)

SCENARIO_COMPARISON = ViewContract(
    name="ScenarioComparison",
    grain="One accounting period, department, account, scenario and reference, for monetary flows; a cell of one side "
    "only has 0 on the other.",
    key=("Period", "DepartmentClassKey", "AccountClassKey", "ScenarioName", "ReferenceName"),
    fix=("ScenarioName", "ReferenceName", "AccountType"),
    measures=("Amount", "ReferenceAmount", "Variance", "Impact"),
    note="Variance is NULL in a period that one side does not cover. Filter by IsCovered and IsComplete before adding "
    "periods.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        *_PAIR,
        _c("Amount", MONEY_SUM, "The scenario, home currency, natural sign; 0 if it has no lines in the cell."),
        _c("ReferenceAmount", MONEY_SUM, "The reference, home currency; 0 if it has no lines in the cell."),
        _c("Variance", MONEY_SUM, "Amount - ReferenceAmount, home currency; null unless IsCovered."),
        _c(
            "Impact",
            MONEY_SUM,
            "Effect of the variance on profit, home currency; null unless IsCovered, and outside of profit.",
        ),
        _IS_COVERED,
        _PAIR_IS_COMPLETE,
        _c("IsUnbudgeted", "boolean", "True if only the scenario has lines in a cell of a covered period."),
        _c("IsUnspent", "boolean", "True if only the reference has lines in a cell of a covered period."),
        *_CLASSES,
    ),
)

UNBUDGETED_ACTUAL = ViewContract(
    name="UnbudgetedActual",
    grain="One accounting period, department, account and plan, where Actual has lines and the plan, which covers the "
    "period, has none.",
    key=("Period", "DepartmentKey", "AccountKey", "ReferenceName"),
    fix=("ReferenceName", "AccountType"),
    measures=("Amount", "Impact"),
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        _c("ReferenceName", "varchar(128)", "The plan that has no lines in the cell."),
        _c("Amount", MONEY_SUM, "Actual without a plan, home currency, natural sign."),
        _c("Impact", MONEY_SUM, "Its effect on profit, home currency; null for accounts outside of profit."),
        _IS_COMPLETE,
    ),
)

UNSPENT_BUDGET = ViewContract(
    name="UnspentBudget",
    grain="One accounting period, department, account and plan, where the plan has lines and Actual, which covers the "
    "period, has none.",
    key=("Period", "DepartmentKey", "AccountKey", "ReferenceName"),
    fix=("ReferenceName", "AccountType"),
    measures=("ReferenceAmount", "Impact"),
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        _c("ReferenceName", "varchar(128)", "The plan of which nothing was spent or earned."),
        _c("ReferenceAmount", MONEY_SUM, "The planned amount, home currency, natural sign."),
        _c("Impact", MONEY_SUM, "Effect on profit of having none of it, home currency; null outside of profit."),
        _IS_COMPLETE,
    ),
)

OUTLOOK_SOURCE = ViewContract(
    name="OutlookSource",
    grain="One accounting period that is complete or has a plan: the scenario that its outlook comes from.",
    key=("Period",),
    fix=(),
    measures=(),
    note="Actual in a complete period; else the forecast that covers most of the fiscal year's periods without "
    "actuals, of more than one the last by name; of a period that it lacks, the next one by the same order; else the "
    "baseline.",
    columns=(
        *_PERIOD,
        *_FISCAL_YEAR,
        _c("ScenarioKey", "bigint", "The scenario; see DimScenario."),
        _c("ScenarioName", "varchar(128)", "Its name."),
        _c("Source", "varchar(8)", "actual, forecast or budget."),
    ),
)

OUTLOOK = ViewContract(
    name="Outlook",
    grain="One accounting period, department and account: the actuals of a complete period, else the latest forecast "
    "that covers the rest of the fiscal year, else the baseline; monetary flows.",
    key=("Period", "DepartmentKey", "AccountKey"),
    fix=("FiscalYear", "AccountType"),
    measures=("Amount",),
    note="OutlookSource has the scenario of each period.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        _c("Source", "varchar(8)", "actual, forecast or budget."),
        _c("ScenarioName", "varchar(128)", "The scenario that the amount comes from."),
        _c("Amount", MONEY_SUM, "The expected or actual amount, home currency, natural sign."),
    ),
)

HORIZON_PERIOD = ViewContract(
    name="HorizonPeriod",
    grain="One as-of period, horizon, scenario, reference and accounting period of the horizon.",
    key=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName", "Period"),
    fix=(),
    measures=(),
    note="Year to date and rest of year add up to the full year; periods in which Actual is incomplete belong to the "
    "rest of the year.",
    columns=(
        *_AS_OF,
        *_PAIR,
        *_PERIOD,
        _c("ReferencePeriod", "varchar(7)", "The reference's period, YYYY-MM: the same, or twelve months before."),
        _c("AmountKey", "bigint", "The scenario that the amounts come from, with the outlook; null if there are none."),
        _c("ReferenceAmountKey", "bigint", "The same for the reference."),
        _c("IsOutlook", "boolean", "True if the amounts of Actual are a plan's."),
        _c("IsCompared", "boolean", "True if both sides have amounts that can be compared."),
        _c("IsComplete", "boolean", "False for the month if Actual, on either side, is incomplete in it; else true."),
    ),
)

HORIZON_SPAN = ViewContract(
    name="HorizonSpan",
    grain="One as-of period, horizon, scenario and reference: how many periods it has.",
    key=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName"),
    fix=(),
    measures=(),
    columns=(
        *_AS_OF,
        *_PAIR,
        *_HORIZON_PERIODS[:2],
        _c("ReferencePeriods", "integer", "Number of periods of the horizon in which the reference has amounts."),
        *_HORIZON_PERIODS[2:],
    ),
)

VARIANCE_BY_HORIZON = ViewContract(
    name="VarianceByHorizon",
    grain="One as-of period, horizon, department, account, scenario and reference, for monetary flows.",
    key=("AsOfPeriod", "Horizon", "DepartmentClassKey", "AccountClassKey", "ScenarioName", "ReferenceName"),
    fix=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName", "AccountType"),
    measures=_COMPARED,
    note="Year to date leaves out incomplete periods; rest of year has them, so that both add up to the full year. "
    "There Actual is its Outlook: actuals of complete periods and a plan for the others (OutlookPeriods).",
    columns=(
        *_AS_OF,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        *_PAIR,
        *_HORIZON_AMOUNTS,
        _c(
            "Impact", MONEY_SUM, "Effect of the variance on profit, home currency; null for accounts outside of profit."
        ),
        *_HORIZON_PERIODS,
        *_CLASSES,
    ),
)

PROFIT_AND_LOSS = ViewContract(
    name="ProfitAndLoss",
    grain="One accounting period, business unit, line of the statement and scenario; subtotals are lines too.",
    key=("Period", "BusinessUnit", "LineOrder", "ScenarioName"),
    fix=("LineOrder", "ScenarioName"),
    measures=("Amount",),
    note="Sum over periods and business units within one line. A subtotal (IsSubtotal) repeats the lines above it.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_BUSINESS_UNIT,
        *_STATEMENT_LINE,
        *_SCENARIO,
        _c("Amount", MONEY_SUM, "Amount of the line, home currency: costs are positive, subtotals are profit."),
        _IS_COMPLETE,
    ),
)

PROFIT_AND_LOSS_BY_HORIZON = ViewContract(
    name="ProfitAndLossByHorizon",
    grain="One as-of period, horizon, business unit, line of the statement, scenario and reference; subtotals are "
    "lines too.",
    key=("AsOfPeriod", "Horizon", "BusinessUnit", "LineOrder", "ScenarioName", "ReferenceName"),
    fix=("AsOfPeriod", "Horizon", "LineOrder", "ScenarioName", "ReferenceName"),
    measures=_COMPARED,
    note="Horizons as in VarianceByHorizon. A subtotal (IsSubtotal) repeats the lines above it.",
    columns=(
        *_AS_OF,
        *_BUSINESS_UNIT,
        *_STATEMENT_LINE,
        *_PAIR,
        *_HORIZON_AMOUNTS,
        _c("Impact", MONEY_SUM, "Effect of the variance on profit, home currency: Variance * LineSign."),
        *_HORIZON_PERIODS,
    ),
)

KPI = ViewContract(
    name="Kpi",
    grain="One as-of period, horizon, business unit, key figure, scenario and reference.",
    key=("AsOfPeriod", "Horizon", "BusinessUnit", "KpiName", "ScenarioName", "ReferenceName"),
    fix=("AsOfPeriod", "Horizon", "KpiName", "ScenarioName", "ReferenceName"),
    measures=(
        "Numerator",
        "Denominator",
        "ComparedNumerator",
        "ComparedDenominator",
        "ReferenceNumerator",
        "ReferenceDenominator",
    ),
    note="Sum numerator and denominator over business units first, then divide. A figure in money has no denominator. "
    "Compare the compared numerators with the reference's: both are of the periods that both sides cover.",
    columns=(
        *_AS_OF,
        *_BUSINESS_UNIT,
        _c("KpiOrder", "integer", "Order of the key figures, from 1."),
        _c(
            "KpiName",
            "varchar(32)",
            "Revenue, Gross margin, Opex ratio, Operating profit, Operating margin, Profit or CapEx.",
        ),
        _c("KpiSign", "integer", "1 if more is favourable, -1 if less is."),
        *_PAIR,
        _c("Numerator", MONEY_SUM, "Home currency: the figure itself, or the upper part of a ratio."),
        _c("Denominator", MONEY_SUM, "Home currency: revenue for a ratio; null for a figure in money."),
        _c("ComparedNumerator", MONEY_SUM, "Numerator in the periods that both cover; null if there is none."),
        _c("ComparedDenominator", MONEY_SUM, "Denominator in those periods; null if there is none."),
        _c("ReferenceNumerator", MONEY_SUM, "The reference's numerator in those periods; null if there is none."),
        _c("ReferenceDenominator", MONEY_SUM, "The reference's denominator in those periods; null if there is none."),
        *_HORIZON_PERIODS,
    ),
)

VARIANCE_BRIDGE = ViewContract(
    name="VarianceBridge",
    grain="One as-of period, horizon, scenario, reference, step from the reference's profit to the scenario's, and "
    "business unit.",
    key=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName", "StepOrder", "BusinessUnit"),
    fix=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName", "StepKind"),
    measures=("Impact",),
    note="start plus all steps is end, to the cent, for each business unit; unclassified money is a step of its own, a "
    "cost. Periods that both cover only.",
    columns=(
        *_AS_OF,
        *_PAIR,
        _c("StepKind", "varchar(8)", "start (profit of the reference), step (one line), end (profit of the scenario)."),
        _c("StepOrder", "integer", "Order of the step; identifies it."),
        _c("Step", "varchar(256)", "The line of the statement, or the name of the scenario or reference."),
        *_BUSINESS_UNIT,
        _c("Impact", MONEY_SUM, "Profit after unclassified at start and end; else effect on profit, home currency."),
        *_HORIZON_PERIODS,
    ),
)

TOP_VARIANCE = ViewContract(
    name="TopVariance",
    grain="One as-of period, horizon, department, account, scenario and reference with a variance, with owner and "
    "comment.",
    key=("AsOfPeriod", "Horizon", "DepartmentClassKey", "AccountClassKey", "ScenarioName", "ReferenceName"),
    fix=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName"),
    measures=("Impact",),
    note="Order by ImpactRank. A material variance (IsMaterial) needs a comment (NeedsComment). A sum of effects on "
    "profit leaves out AccountType Asset: CapEx is ranked among costs, and is none.",
    columns=(
        *_AS_OF,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        *_PAIR,
        _c("Amount", MONEY_SUM, "The scenario in the compared periods, home currency."),
        _c("ReferenceAmount", MONEY_SUM, "The reference in those periods, home currency."),
        _c("Variance", MONEY_SUM, "Amount - ReferenceAmount, home currency."),
        _c(
            "Impact",
            MONEY_SUM,
            "Effect on profit, home currency; CapEx over plan and unclassified money count as a cost; null for others.",
        ),
        _c(
            "ImpactRank",
            "bigint",
            "1 for the largest effect without its sign, per as-of period, horizon, scenario and reference.",
        ),
        _c(
            "IsMaterial",
            "boolean",
            "True if the variance has an Impact and reaches the account's thresholds, or the home's.",
        ),
        _c("NeedsComment", "boolean", "True if it is material and has no comment."),
        _c("Owner", "varchar(256)", "Who answers for the variance; null if no comment names one."),
        _c("Comment", "varchar(4096)", "The explanation; null if there is none."),
        _c("Nature", "varchar(16)", "timing or permanent; null if not stated."),
        *_CLASSES,
    ),
)

CAPEX_VS_PLAN = ViewContract(
    name="CapExVsPlan",
    grain="One as-of period, horizon, department, account, scenario and reference, for Asset accounts of the category "
    "CapEx.",
    key=("AsOfPeriod", "Horizon", "DepartmentClassKey", "AccountClassKey", "ScenarioName", "ReferenceName"),
    fix=("AsOfPeriod", "Horizon", "ScenarioName", "ReferenceName"),
    measures=("Amount", "ReferenceAmount", "ComparedAmount", "ComparedReference", "OverPlan"),
    note="CapEx over plan is unfavourable. Horizons as in VarianceByHorizon.",
    columns=(
        *_AS_OF,
        *_DEPARTMENT,
        *_ACCOUNT[:3],
        *_PAIR,
        *_HORIZON_AMOUNTS[:-1],
        _c("OverPlan", MONEY_SUM, "ComparedAmount - ComparedReference, home currency: positive is unfavourable."),
        *_HORIZON_PERIODS,
        *_CLASSES,
    ),
)

FORECAST_ACCURACY = ViewContract(
    name="ForecastAccuracy",
    grain="One forecast, complete accounting period, department and account with a forecast or actuals, for monetary "
    "flows.",
    key=("ForecastName", "Period", "DepartmentKey", "AccountKey"),
    fix=("ForecastName", "AccountType"),
    measures=("Forecast", "Actual", "ForecastError", "AbsoluteError"),
    columns=(
        _c("ForecastName", "varchar(128)", "The forecast."),
        *_PERIOD,
        *_FISCAL,
        _c(
            "MonthsAhead",
            "integer",
            "Months from the month in the forecast's name to the period; null for a name without one.",
        ),
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        _c("Forecast", MONEY_SUM, "The forecast, home currency, natural sign."),
        _c("Actual", MONEY_SUM, "The actual amount, home currency, natural sign."),
        _c("ForecastError", MONEY_SUM, "Actual - Forecast, home currency: its sum shows a bias."),
        _c("AbsoluteError", MONEY_SUM, "ForecastError without its sign, home currency: its sum shows the accuracy."),
    ),
)

UNCLASSIFIED = ViewContract(
    name="Unclassified",
    grain="One accounting period, department, account without a type, and scenario, for monetary flows.",
    key=("Period", "DepartmentKey", "AccountKey", "ScenarioName"),
    fix=("ScenarioName",),
    measures=("Amount", "TransactionCount"),
    note="Its direction is unknown; the statement takes it as a cost. A type in the accounts file classifies it.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT[:3],
        *_SCENARIO,
        _c("Amount", "decimal(18,2)", "Amount, home currency, as delivered."),
        _c("TransactionCount", "bigint", "Number of ledger lines."),
        _IS_COMPLETE,
    ),
)

DEPARTMENT_TREE = ViewContract(
    name="DepartmentTree",
    grain="One department and a department at or below it, at any depth.",
    key=("AncestorKey", "DescendantKey"),
    fix=("AncestorKey",),
    measures=(),
    note="Join DescendantKey to DepartmentKey and fix the ancestor: the sum is the whole branch. Departments above "
    "each other in a circle are all below each other, and one of them is the top.",
    columns=(
        _c("AncestorKey", "bigint", "The upper department."),
        _c("AncestorCode", "varchar(128)", "Its code."),
        _c("AncestorName", "varchar(256)", "Its name."),
        _c("DescendantKey", "bigint", "The department at or below it."),
        _c("DescendantCode", "varchar(128)", "Its code."),
        _c("DescendantName", "varchar(256)", "Its name."),
        _c("Depth", "integer", "Steps between them; 0 for the department itself; at most 32."),
        _c(
            "IsTop",
            "boolean",
            "True if no department is above the upper one: filter by it to add every department once.",
        ),
    ),
)

ACCOUNT_TREE = ViewContract(
    name="AccountTree",
    grain="One account and an account at or below it, at any depth.",
    key=("AncestorKey", "DescendantKey"),
    fix=("AncestorKey",),
    measures=(),
    note="Join DescendantKey to AccountKey and fix the ancestor: the sum is the whole branch. Accounts that are above "
    "each other in a circle are all below each other, and one of them is the top.",
    columns=(
        _c("AncestorKey", "bigint", "The upper account."),
        _c("AncestorNumber", "varchar(128)", "Its number."),
        _c("AncestorName", "varchar(256)", "Its name."),
        _c("DescendantKey", "bigint", "The account at or below it."),
        _c("DescendantNumber", "varchar(128)", "Its number."),
        _c("DescendantName", "varchar(256)", "Its name."),
        _c("Depth", "integer", "Steps between them; 0 for the account itself; at most 32."),
        _c("IsTop", "boolean", "True if no account is above the upper one: filter by it to add every account once."),
    ),
)

PLAN_VERSION = ViewContract(
    name="PlanVersion",
    grain="One planning scenario, version, accounting period, department and account, for monetary flows.",
    key=("ScenarioName", "VersionNumber", "Period", "DepartmentKey", "AccountKey"),
    fix=("ScenarioName", "VersionNumber", "AccountType"),
    measures=("Amount",),
    note="A version is the plan as a load left it: IsOriginal is the first, IsCurrent what is published now.",
    columns=(
        *_SCENARIO,
        _c("VersionNumber", "integer", "Number of the version within the scenario, from 1."),
        _c("LoadNumber", "bigint", "The load that published the version; see LoadLedger."),
        _c("LoadedAt", "timestamp", "When, UTC."),
        _c("IsOriginal", "boolean", "True for the first version."),
        _c("IsCurrent", "boolean", "True for the version that is published now."),
        *_PERIOD,
        *_FISCAL,
        *_DEPARTMENT,
        *_ACCOUNT,
        *_LINE,
        _c("Amount", MONEY_SUM, "The planned amount in that version, home currency, natural sign."),
    ),
)

TRIAL_BALANCE = ViewContract(
    name="TrialBalance",
    grain="One accounting period with actuals and one monetary account, from the account's first period on.",
    key=("Period", "AccountKey"),
    fix=("Period",),
    measures=("OpeningBalance", "Movement", "ClosingBalance", "DeliveredOpening", "DeliveredBalance", "Difference"),
    note="Balances are debit less credit. Accounts of profit and loss begin each fiscal year at zero; others carry "
    "forward the balance of the last delivered trial balance, or what was booked before.",
    columns=(
        *_PERIOD,
        *_FISCAL,
        *_ACCOUNT,
        _c("OpeningBalance", MONEY_SUM, "Balance carried forward into the period, debit less credit, home currency."),
        _c("Movement", MONEY_SUM, "Lines of Actual in the period, debit less credit, home currency."),
        _c("ClosingBalance", MONEY_SUM, "OpeningBalance + Movement, home currency."),
        _c(
            "DeliveredOpening",
            MONEY_SUM,
            "Opening balance of the delivered trial balance, home currency; null without one.",
        ),
        _c(
            "DeliveredBalance",
            MONEY_SUM,
            "Closing balance of the delivered trial balance, home currency; 0 for an account that it leaves out; null "
            "without one.",
        ),
        _c("Difference", MONEY_SUM, "DeliveredBalance - ClosingBalance, home currency; null without a delivered one."),
        _IS_COMPLETE,
    ),
)

REJECTED_MONEY = ViewContract(
    name="RejectedMoney",
    grain="One file, scenario and unit that has rejected rows; beyond 1,000 files, the others of a feed are one row.",
    key=("Feed", "FileName", "ScenarioName", "Unit"),
    fix=("Unit",),
    measures=("FileCount", "RowCount", "UnpricedRowCount", "NetAmount", "GrossAmount"),
    note=(
        "The term rejected of the reconciliation in `status`; FeedTerm has the other terms. "
        "`rejected --by reason` adds it up by rule; a row that breaks several rules is in each of them."
    ),
    columns=(
        _c("Feed", "varchar(128)", "The feed."),
        _c("FileName", "varchar(1024)", "The file in the raw zone, or (other files)."),
        _c("ScenarioName", "varchar(128)", "The scenario, or (no scenario) where it is not valid."),
        _c("Unit", "varchar(16)", "The home's currency, a foreign currency, or statistical."),
        _c("FileCount", "bigint", "Number of files; 1 but for (other files)."),
        _c("RowCount", "bigint", "Number of rejected candidate lines."),
        _c("UnpricedRowCount", "bigint", "Number of those whose amount is not valid; they have no money."),
        _c("NetAmount", "decimal(38,10)", "Sum of their amounts in the unit, as delivered, before rounding."),
        _c("GrossAmount", "decimal(38,10)", "Sum of their absolute amounts in the unit: the money at stake."),
    ),
)

FEED_COMPLETENESS = ViewContract(
    name="FeedCompleteness",
    grain="One feed with lines of Actual and accounting period, from the feed's first period on.",
    key=("Feed", "Period"),
    fix=(),
    measures=("LineCount",),
    note="A feed whose lines are expected and that never had a file has rows of the open periods.",
    columns=(
        _c("Feed", "varchar(128)", "The feed."),
        *_PERIOD,
        *_FISCAL,
        _c("FileCount", "bigint", "Number of live files with lines of the period."),
        _c("LineCount", "bigint", "Number of their accepted lines, superseded ones too."),
        _c("UsualLineCount", "bigint", "Median of the twelve periods before; null with fewer than three."),
        _c("IsAsUsual", "boolean", "True if the feed has lines, at least half of the usual number."),
        _IS_COMPLETE,
    ),
)

DECISION_LOG = ViewContract(
    name="DecisionLog",
    grain="One decision of a person, and one scenario, account type and unit of the money that it is about.",
    key=("EventNumber", "ScenarioName", "AccountType", "Unit"),
    fix=("EventNumber", "Unit"),
    measures=("RowCount", "NetAmount", "GrossAmount"),
    note="A decision reaches the view with the run after it; `history` shows it at once.",
    columns=(
        _c("EventNumber", "bigint", "Number of the decision's event in the register."),
        _c("DecidedAt", "timestamp", "When, UTC."),
        _c("Action", "varchar(16)", "accepted, withdrawn, reinstated, closed, reopened, or what was proposed."),
        _c("IsProposal", "boolean", "True if another person had to decide the same afterwards."),
        _c("ObjectKey", "varchar(1024)", "The file; null for a period."),
        _c("Period", "varchar(7)", "The period, YYYY-MM; null for a file."),
        _c("DeliveryId", "varchar(64)", "The delivery of the file."),
        _c("DecidedBy", "varchar(256)", "Who decided."),
        _c("IdentifiedBy", "varchar(16)", "How the person is known: os, sts or unverified."),
        _c("PreparedBy", "varchar(256)", "Who proposed it, if two people decide."),
        _c("Reason", "varchar(4096)", "Why, in the person's words."),
        _c("Waived", "varchar(4096)", "Of a closing, the gates that were waived, with what contradicted each."),
        _c("OpeningOf", "varchar(7)", "Of a closing that came with the home's first one, the period of that."),
        _c("LatePeriods", "varchar(1024)", "The periods of a decision about late lines; null for a whole file."),
        _c("BookedIn", "varchar(7)", "Of an acceptance, the period in which late lines are booked instead."),
        _c("ScenarioName", "varchar(128)", "The scenario; null if no money is known."),
        _c("AccountType", "varchar(16)", "The accounts' type; null if unknown."),
        _c("Unit", "varchar(16)", "The home's currency, a foreign currency, or statistical."),
        _c("RowCount", "bigint", "Number of lines of a file, or of cells of a period."),
        _c("NetAmount", "decimal(38,10)", "Their sum, sign as delivered for a file, of the star for a period."),
        _c("GrossAmount", "decimal(38,10)", "Sum of the lines' absolute amounts, if known."),
    ),
)

SIGNED_AMOUNT = ViewContract(
    name="SignedAmount",
    grain="One signed close of a period, measure, scenario, department and account with money, signed or published.",
    key=("Period", "CloseNumber", "Measure", "ScenarioKey", "DepartmentKey", "AccountKey"),
    fix=("CloseNumber", "Measure", "ScenarioName", "AccountType"),
    measures=("SignedAmount", "PublishedAmount", "Difference"),
    note="Names and types are those of now; `--as-of close:PERIOD` shows everything as signed.",
    columns=(
        _PERIOD[0],
        _c("CloseNumber", "bigint", "1 for the period's first signed close."),
        _c("IsLatest", "boolean", "True if the period was not signed again."),
        _c("ClosedAt", "timestamp", "When it was closed, UTC."),
        _c("ClosedBy", "varchar(256)", "Who closed it."),
        _c("Measure", "varchar(12)", "Amount or BudgetAmount."),
        _c("ScenarioKey", "bigint", "The scenario."),
        _c("ScenarioName", "varchar(128)", "Name of the scenario."),
        _c("DepartmentKey", "bigint", "The department."),
        _c("DepartmentCode", "varchar(128)", "Code of the department."),
        _c("BusinessUnit", "varchar(256)", "Its business unit."),
        _c("AccountKey", "bigint", "The account."),
        _c("AccountNumber", "varchar(128)", "Number of the account."),
        _c("AccountType", "varchar(16)", "Its type."),
        _c("SignedAmount", MONEY_SUM, "The amount that was signed."),
        _c("PublishedAmount", MONEY_SUM, "The amount that is published now."),
        _c("Difference", MONEY_SUM, "PublishedAmount less SignedAmount: what loads since the close moved."),
    ),
)

RESTATEMENT = ViewContract(
    name="Restatement",
    grain="One step from the signed figures of a close to the published ones, and one group of its money.",
    key=(
        "Period",
        "CloseNumber",
        "StepNumber",
        "Measure",
        "ScenarioName",
        "AccountType",
        "Category",
        "BusinessUnit",
    ),
    fix=("Period", "CloseNumber", "StepNumber", "Measure", "ScenarioName", "AccountType"),
    measures=("Amount", "ProfitEffect"),
    note=(
        "All steps but the last one, now, add up to the last one, in every group. A close whose figures are published "
        "as it signed them has no rows. A close or decision reaches the view with the run after it."
    ),
    columns=(
        _PERIOD[0],
        _c("CloseNumber", "bigint", "1 for the period's first signed close."),
        _c("IsLatest", "boolean", "True if the period was not signed again."),
        _c("ClosedAt", "timestamp", "When it was closed, UTC."),
        _c("ClosedBy", "varchar(256)", "Who closed it."),
        _c("StepNumber", "bigint", "0 for the signed figures; the last one has those of now."),
        _c(
            "Cause",
            "varchar(16)",
            "signed; late, corrected, withdrawn, reclassified, baseline, coverage, unexplained; now.",
        ),
        _c("ObjectKey", "varchar(1024)", "The file that caused it, if one did."),
        _c("Detail", "varchar(1024)", "What it changed, in a clause."),
        _c("DecisionNumber", "bigint", "EventNumber in DecisionLog of the decision that allowed it; null if none did."),
        _c("DecidedBy", "varchar(256)", "Who decided."),
        _c("Reason", "varchar(4096)", "Why, in the person's words."),
        _c("Measure", "varchar(12)", "Amount, or BudgetAmount: the budget beside Actual."),
        _c("ScenarioName", "varchar(128)", "Name of the scenario."),
        _c("AccountType", "varchar(16)", "The accounts' type, as signed or as published."),
        _c("Category", "varchar(256)", "Their category."),
        _c("BusinessUnit", "varchar(256)", "The departments' business unit."),
        _c("Amount", "decimal(18,2)", "The amount, sign of the star."),
        _c("ProfitEffect", "decimal(18,2)", "What it adds to profit."),
    ),
)

VIEWS: tuple[ViewContract, ...] = (
    DEPARTMENT_SPAN,
    ACCOUNT_SPAN,
    DEPARTMENT_CLASS,
    ACCOUNT_CLASS,
    ACTUAL_VS_BUDGET,
    PERIOD_CALENDAR,
    COMPARABLE_PERIOD,
    STATEMENT_LINE,
    PERIOD_AMOUNT,
    STRUCTURE_AMOUNT,
    SCENARIO_COMPARISON,
    UNBUDGETED_ACTUAL,
    UNSPENT_BUDGET,
    OUTLOOK_SOURCE,
    OUTLOOK,
    HORIZON_PERIOD,
    HORIZON_SPAN,
    VARIANCE_BY_HORIZON,
    PROFIT_AND_LOSS,
    PROFIT_AND_LOSS_BY_HORIZON,
    KPI,
    VARIANCE_BRIDGE,
    TOP_VARIANCE,
    CAPEX_VS_PLAN,
    FORECAST_ACCURACY,
    UNCLASSIFIED,
    DEPARTMENT_TREE,
    ACCOUNT_TREE,
    PLAN_VERSION,
    TRIAL_BALANCE,
    REJECTED_MONEY,
    FEED_COMPLETENESS,
    DECISION_LOG,
    SIGNED_AMOUNT,
    RESTATEMENT,
)
"""Every view of the warehouse; each reads only tables and views before it."""
