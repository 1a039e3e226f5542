-- Grain: one row per accounting period, scenario, and account type Revenue or Expense, which are never added to each other.
--
-- The facts of PeriodAmount, summed at once: its groups by department and account would be nearly as many as the facts.

SELECT
    DimDate.YearMonth AS Period,
    DimScenario.ScenarioName,
    AccountSpan.AccountType,
    SUM(FactFinancials.Amount) AS Amount
FROM FactFinancials
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
INNER JOIN AccountSpan
    ON
        AccountSpan.AccountKey = FactFinancials.AccountKey
        AND DimDate.YearMonth BETWEEN AccountSpan.ValidFrom AND AccountSpan.ValidTo
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
WHERE
    FactFinancials.TransactionCount > 0
    AND AccountSpan.AccountType IN ('Revenue', 'Expense')
    AND AccountSpan.Measure = 'flow'
GROUP BY DimDate.YearMonth, DimScenario.ScenarioName, AccountSpan.AccountType
ORDER BY Period, DimScenario.ScenarioName, AccountSpan.AccountType;
