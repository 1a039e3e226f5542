-- Grain: one row per accounting period, scenario, and account type Revenue or Expense, which are never added to each other.
--
-- The facts of PeriodAmount, summed at once: its groups by department and account would be nearly as many as the facts.
-- Of each fact, only numbers are compared: spans of periods are spans of DateKey, and periods follow from few sums of days.

WITH TypeSpan AS (
    SELECT
        AccountKey,
        AccountType,
        CAST(REPLACE(ValidFrom, '-', '') AS INTEGER) * 100 + 1 AS FirstDateKey,
        CAST(REPLACE(ValidTo, '-', '') AS INTEGER) * 100 + 31 AS LastDateKey
    FROM AccountSpan
    WHERE AccountType IN ('Revenue', 'Expense') AND Measure = 'flow'
),

DayTotal AS (
    SELECT
        FactFinancials.DateKey,
        FactFinancials.ScenarioKey,
        TypeSpan.AccountType,
        SUM(FactFinancials.Amount) AS Amount
    FROM FactFinancials
    INNER JOIN TypeSpan
        ON
            TypeSpan.AccountKey = FactFinancials.AccountKey
            AND FactFinancials.DateKey BETWEEN TypeSpan.FirstDateKey AND TypeSpan.LastDateKey
    WHERE FactFinancials.TransactionCount > 0
    GROUP BY FactFinancials.DateKey, FactFinancials.ScenarioKey, TypeSpan.AccountType
)

SELECT
    DimDate.YearMonth AS Period,
    DimScenario.ScenarioName,
    DayTotal.AccountType,
    SUM(DayTotal.Amount) AS Amount
FROM DayTotal
INNER JOIN DimDate ON DimDate.DateKey = DayTotal.DateKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = DayTotal.ScenarioKey
GROUP BY DimDate.YearMonth, DimScenario.ScenarioName, DayTotal.AccountType
ORDER BY Period, DimScenario.ScenarioName, DayTotal.AccountType;
