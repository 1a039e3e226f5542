-- Grain: stated at each query. Questions of a finance team, in the dialect of both warehouses.
--
-- Run one with:  finance-platform query "SELECT COUNT(*) FROM DimDate"
-- Use ActualVsBudget to compare with the budget; FactFinancials also has the planning scenarios and the days.
-- IsComplete leaves out a month that does not have its usual lines yet: without it, an open month looks like a miss.

-- How many rows does each table have? One row each.
SELECT COUNT(*) FROM DimDate;

SELECT COUNT(*) FROM DimDepartment;

SELECT COUNT(*) FROM DimAccount;

SELECT COUNT(*) FROM DimScenario;

SELECT COUNT(*) FROM FactFinancials;

-- What did each department spend, month by month? One row per period and department.
SELECT
    Period,
    DepartmentName,
    SUM(Actual) AS Spend,
    SUM(Budget) AS PlannedSpend
FROM ActualVsBudget
WHERE AccountType = 'Expense'
GROUP BY Period, DepartmentName
ORDER BY Period, Spend DESC;

-- Is capital expenditure within its plan? One row per period and department; a positive OverPlan is unfavourable.
SELECT
    Period,
    DepartmentName,
    SUM(Actual) AS CapEx,
    SUM(Budget) AS PlannedCapEx,
    SUM(Variance) AS OverPlan
FROM ActualVsBudget
WHERE AccountType = 'Asset' AND Category = 'CapEx'
GROUP BY Period, DepartmentName
ORDER BY Period, DepartmentName;

-- Which cells hurt profit most against the budget? The ten worst of the last period with a budget; one row per cell.
SELECT
    Period,
    DepartmentName,
    AccountName,
    Actual,
    Budget,
    FavourableVariance
FROM ActualVsBudget
WHERE
    Period = (SELECT MAX(Period) FROM ActualVsBudget WHERE HasBudget AND IsComplete)
    AND FavourableVariance < 0
ORDER BY FavourableVariance, DepartmentName, AccountName
LIMIT 10;

-- What is the profit of each fiscal year, and how far is it from the budget? One row per fiscal year.
-- Both cover its complete periods; the variance those of them that have a budget.
SELECT
    FiscalYear,
    COUNT(DISTINCT Period) AS Months,
    SUM(Actual * ProfitSign) AS Profit,
    SUM(FavourableVariance) AS BetterThanBudget
FROM ActualVsBudget
WHERE IsComplete
GROUP BY FiscalYear
ORDER BY FiscalYear;

-- What would a year cost at the rate of the last three complete periods? One row per department; three months times four.
WITH LastPeriod AS (
    SELECT DISTINCT Period
    FROM ActualVsBudget
    WHERE IsComplete
    ORDER BY Period DESC
    LIMIT 3
)

SELECT
    ActualVsBudget.DepartmentName,
    SUM(ActualVsBudget.Actual) * 4 AS AnnualRunRate
FROM ActualVsBudget
INNER JOIN LastPeriod ON LastPeriod.Period = ActualVsBudget.Period
WHERE ActualVsBudget.AccountType = 'Expense'
GROUP BY ActualVsBudget.DepartmentName
ORDER BY AnnualRunRate DESC;

-- How good were the forecasts? One row per forecast, period and account type that has both a forecast and actuals.
WITH ScenarioTotal AS (
    SELECT
        DimScenario.ScenarioName,
        DimScenario.ScenarioType,
        DimDate.YearMonth,
        DimAccount.AccountType,
        SUM(FactFinancials.Amount) AS Amount
    FROM FactFinancials
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
    WHERE DimAccount.IsMonetary AND DimAccount.Measure = 'flow'
    GROUP BY DimScenario.ScenarioName, DimScenario.ScenarioType, DimDate.YearMonth, DimAccount.AccountType
)

SELECT
    Forecasted.ScenarioName,
    Forecasted.YearMonth AS Period,
    Forecasted.AccountType,
    Forecasted.Amount AS Forecast,
    Actuals.Amount AS Actual,
    Actuals.Amount - Forecasted.Amount AS ForecastError
FROM ScenarioTotal AS Forecasted
INNER JOIN ScenarioTotal AS Actuals
    ON Actuals.YearMonth = Forecasted.YearMonth
    AND Actuals.AccountType = Forecasted.AccountType
WHERE Forecasted.ScenarioType = 'Forecast' AND Actuals.ScenarioType = 'Actual'
ORDER BY Forecasted.ScenarioName, Forecasted.YearMonth, Forecasted.AccountType;

-- What share of its budget has each department spent this fiscal year? One row per department that has a budget.
-- Both sides of a division are cast: without casts the two warehouses return different types.
SELECT
    DepartmentName,
    SUM(Actual) AS Spend,
    SUM(Budget) AS PlannedSpend,
    CAST(
        100 * (CAST(SUM(Actual) AS DOUBLE PRECISION) / CAST(NULLIF(SUM(Budget), 0) AS DOUBLE PRECISION))
        AS DECIMAL(9, 1)
    ) AS PercentSpent
FROM ActualVsBudget
WHERE
    AccountType = 'Expense'
    AND HasBudget
    AND IsComplete
    AND FiscalYear = (SELECT MAX(FiscalYear) FROM ActualVsBudget WHERE HasBudget AND IsComplete)
GROUP BY DepartmentName
ORDER BY DepartmentName;

-- Which periods are complete, and which departments are missing in the others? One row per period with Actual lines.
SELECT Period, IsComplete, LineCount, UsualDepartments, MissingDepartments
FROM PeriodStatus
WHERE LineCount > 0
ORDER BY Period;

-- Which accounts or departments do the facts mention that no reference file has? One row per inferred member.
SELECT 'Department' AS Dimension, DepartmentCode AS Code, DepartmentName AS Name
FROM DimDepartment
WHERE IsInferred

UNION ALL

SELECT 'Account' AS Dimension, AccountNumber AS Code, AccountName AS Name
FROM DimAccount
WHERE IsInferred
ORDER BY Dimension, Code;

-- When was each period last loaded, and with what total? One row per slice and load, latest first.
SELECT LoadedAt, TableName, Slice, RowCount, Amount, IsRemoved, RunId
FROM LoadLedger
ORDER BY LoadNumber DESC, TableName, Slice;

-- Which published amounts moved since a day? One row per load, period, scenario and measure; times are UTC, and a
-- restatement is a movement in a closed period.
SELECT
    Movements.LoadedAt,
    Movements.Period,
    DimScenario.ScenarioName,
    Movements.Measure,
    COUNT(*) AS Cells,
    SUM(Movements.Difference) AS Difference,
    Movements.IsRestatement,
    Movements.Cause
FROM Movements
INNER JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
WHERE Movements.Kind = 'movement' AND Movements.LoadedAt >= DATE '2025-01-01'
GROUP BY
    Movements.LoadedAt,
    Movements.Period,
    DimScenario.ScenarioName,
    Movements.Measure,
    Movements.IsRestatement,
    Movements.Cause
ORDER BY Movements.LoadedAt, Movements.Period, DimScenario.ScenarioName, Movements.Measure;
