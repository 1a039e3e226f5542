-- Grain: one row per accounting period, department, account and scenario that has lines.
-- Columns to fix before summing: ScenarioName, AccountType, Measure; the Period too for Measure balance.
--
-- The base of the other views. IsComplete is that of the period, for plans too: filter by it before adding up periods.

CREATE OR REPLACE VIEW PeriodAmount AS
WITH Cell AS (
    SELECT
        DimDate.YearMonth,
        DimDate.FiscalYear,
        DimDate.FiscalQuarter,
        DimDate.FiscalPeriod,
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
        DimDate.FiscalYear,
        DimDate.FiscalQuarter,
        DimDate.FiscalPeriod,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        FactFinancials.ScenarioKey
)

SELECT
    Cell.YearMonth AS Period,
    Cell.FiscalYear,
    Cell.FiscalQuarter,
    Cell.FiscalPeriod,
    DimDepartment.DepartmentKey,
    DimDepartment.DepartmentCode,
    DimDepartment.DepartmentName,
    DimDepartment.BusinessUnit,
    DimAccount.AccountKey,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    DimAccount.AccountType,
    DimAccount.Category,
    DimAccount.ProfitSign,
    DimAccount.IsMonetary,
    DimAccount.Measure,
    OwnLine.Section,
    OwnLine.Line,
    OwnLine.LineOrder,
    DimScenario.ScenarioKey,
    DimScenario.ScenarioName,
    DimScenario.ScenarioType,
    DimScenario.IsBaseline,
    Cell.Amount,
    Cell.TransactionCount,
    COALESCE(PeriodStatus.IsComplete, FALSE) AS IsComplete
FROM Cell
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = Cell.DepartmentKey
INNER JOIN DimAccount ON DimAccount.AccountKey = Cell.AccountKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = Cell.ScenarioKey
LEFT JOIN StatementLine AS OwnLine ON OwnLine.AccountKey = Cell.AccountKey AND NOT OwnLine.IsSubtotal
LEFT JOIN PeriodStatus ON PeriodStatus.Period = Cell.YearMonth;
