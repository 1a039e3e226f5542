-- Grain: one row per accounting period, department, account and scenario that has lines.
-- Columns to fix before summing: ScenarioName, AccountType, Measure; the Period too for Measure balance.
--
-- The base of the other views. Attributes are those of the period (see AccountSpan); join DimAccount or DimDepartment
-- by key for those of now. IsComplete is that of the period, for plans too: filter by it before adding up periods.

CREATE OR REPLACE VIEW PeriodAmount AS
WITH Cell AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        FactFinancials.ScenarioKey,
        CAST(SUM(FactFinancials.Amount) AS DECIMAL(18, 2)) AS Amount,
        CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS TransactionCount
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    WHERE FactFinancials.TransactionCount > 0
    GROUP BY
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        FactFinancials.ScenarioKey
),

-- Joined to sums, since each further column of a group is compared for each of a million facts.
CalendarMonth AS (
    SELECT DISTINCT
        YearMonth,
        FiscalYear,
        FiscalQuarter,
        FiscalPeriod
    FROM DimDate
)

SELECT
    Cell.YearMonth AS Period,
    CalendarMonth.FiscalYear,
    CalendarMonth.FiscalQuarter,
    CalendarMonth.FiscalPeriod,
    DepartmentSpan.DepartmentKey,
    DepartmentSpan.DepartmentCode,
    DepartmentSpan.DepartmentName,
    DepartmentSpan.BusinessUnit,
    AccountSpan.AccountKey,
    AccountSpan.AccountNumber,
    AccountSpan.AccountName,
    AccountSpan.AccountType,
    AccountSpan.Category,
    AccountSpan.ProfitSign,
    AccountSpan.IsMonetary,
    AccountSpan.Measure,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    DimScenario.ScenarioKey,
    DimScenario.ScenarioName,
    DimScenario.ScenarioType,
    DimScenario.IsBaseline,
    Cell.Amount,
    Cell.TransactionCount,
    COALESCE(PeriodStatus.IsComplete, FALSE) AS IsComplete,
    DepartmentSpan.DepartmentClassKey,
    AccountSpan.AccountClassKey
FROM Cell
INNER JOIN CalendarMonth ON CalendarMonth.YearMonth = Cell.YearMonth
INNER JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = Cell.DepartmentKey
        AND Cell.YearMonth BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
INNER JOIN AccountSpan
    ON
        AccountSpan.AccountKey = Cell.AccountKey
        AND Cell.YearMonth BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountClassKey = AccountSpan.AccountClassKey AND NOT OwnLine.IsSubtotal
LEFT JOIN PeriodStatus ON PeriodStatus.Period = Cell.YearMonth;
