-- Grain: one row per accounting period, department and account that scenario Actual covers, for monetary flows.
--
-- The documented way to compare with the budget. A period has a budget if the baseline scenario has any row in it and
-- Actual covers it, so that the baseline is booked on Actual's rows; otherwise Budget and Variance are NULL, which
-- means "no budget", not zero.
-- IsComplete is false in a period without its usual number of Actual lines (see PeriodStatus): filter by it before
-- adding up periods, because an open month looks like a miss.
-- FavourableVariance is positive if profit is better than planned; it is NULL for accounts that are neither Revenue nor
-- Expense.

CREATE OR REPLACE VIEW ActualVsBudget AS
WITH DaySum AS (
    SELECT
        DateKey,
        ScenarioKey,
        SUM(ABS(Amount)) AS Amount,
        SUM(ABS(BudgetAmount)) AS BudgetAmount
    FROM FactFinancials
    GROUP BY DateKey, ScenarioKey
),

PeriodBudget AS (
    SELECT
        DimDate.YearMonth,
        MAX(CASE WHEN DimScenario.IsBaseline THEN 1 ELSE 0 END) AS HasBaseline,
        SUM(CASE WHEN DimScenario.IsBaseline THEN DaySum.Amount ELSE 0 END) AS Planned,
        SUM(CASE WHEN DimScenario.ScenarioType = 'Actual' THEN DaySum.BudgetAmount ELSE 0 END) AS Booked
    FROM DaySum
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = DaySum.ScenarioKey
    INNER JOIN DimDate ON DimDate.DateKey = DaySum.DateKey
    GROUP BY DimDate.YearMonth
),

BudgetedPeriod AS (
    SELECT YearMonth
    FROM PeriodBudget
    WHERE HasBaseline = 1 AND (Booked > 0 OR Planned = 0)
),

ActualCell AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey,
        CAST(SUM(FactFinancials.Amount) AS DECIMAL(18, 2)) AS Amount,
        CAST(SUM(FactFinancials.BudgetAmount) AS DECIMAL(18, 2)) AS BudgetAmount,
        CAST(SUM(FactFinancials.Variance) AS DECIMAL(18, 2)) AS Variance,
        CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS TransactionCount
    FROM FactFinancials
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    WHERE DimScenario.ScenarioType = 'Actual'
    GROUP BY
        DimDate.YearMonth,
        FactFinancials.DepartmentKey,
        FactFinancials.AccountKey
),

-- Joined to sums, since each further column of a group is compared for each of a million facts.
CalendarMonth AS (
    SELECT DISTINCT
        YearMonth,
        Year,
        Quarter,
        Month,
        FiscalYear,
        FiscalQuarter,
        FiscalPeriod
    FROM DimDate
)

SELECT
    ActualCell.YearMonth AS Period,
    CalendarMonth.Year,
    CalendarMonth.Quarter,
    CalendarMonth.Month,
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
    ActualCell.Amount AS Actual,
    CAST(
        CASE WHEN BudgetedPeriod.YearMonth IS NOT NULL THEN ActualCell.BudgetAmount END AS DECIMAL(18, 2)
    ) AS Budget,
    CAST(
        CASE WHEN BudgetedPeriod.YearMonth IS NOT NULL THEN ActualCell.Variance END AS DECIMAL(18, 2)
    ) AS Variance,
    CAST(
        CASE WHEN BudgetedPeriod.YearMonth IS NOT NULL THEN ActualCell.Variance * NULLIF(AccountSpan.ProfitSign, 0) END
        AS DECIMAL(18, 2)
    ) AS FavourableVariance,
    COALESCE(PeriodStatus.IsComplete, FALSE) AS IsComplete,
    BudgetedPeriod.YearMonth IS NOT NULL AS HasBudget,
    ActualCell.TransactionCount
FROM ActualCell
INNER JOIN CalendarMonth ON CalendarMonth.YearMonth = ActualCell.YearMonth
INNER JOIN DepartmentSpan
    ON
        DepartmentSpan.DepartmentKey = ActualCell.DepartmentKey
        AND ActualCell.YearMonth BETWEEN DepartmentSpan.ValidFrom AND DepartmentSpan.ValidTo
INNER JOIN AccountSpan
    ON
        AccountSpan.AccountKey = ActualCell.AccountKey
        AND ActualCell.YearMonth BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
LEFT JOIN BudgetedPeriod ON BudgetedPeriod.YearMonth = ActualCell.YearMonth
LEFT JOIN PeriodStatus ON PeriodStatus.Period = ActualCell.YearMonth
WHERE AccountSpan.IsMonetary AND AccountSpan.Measure = 'flow';
