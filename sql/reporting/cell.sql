-- Grain: one row per scenario that has rows in one period, department and account; DateKeys bound both ends.

SELECT
    FactFinancials.ScenarioKey,
    DimScenario.ScenarioName,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS Lines,
    CAST(SUM(FactFinancials.Amount) AS DECIMAL(18, 2)) AS Amount,
    CAST(SUM(FactFinancials.BudgetAmount) AS DECIMAL(18, 2)) AS BudgetAmount
FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
WHERE
    FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key
    AND FactFinancials.DepartmentKey = :department_key
    AND FactFinancials.AccountKey = :account_key
GROUP BY FactFinancials.ScenarioKey, DimScenario.ScenarioName
ORDER BY DimScenario.ScenarioName;
