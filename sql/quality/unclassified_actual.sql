-- Grain: one row per account without a type that has Actual in the period :period. Monetary flows only.

SELECT
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    CAST(SUM(FactFinancials.Amount) AS DECIMAL(38, 2)) AS Amount
FROM FactFinancials
INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
WHERE
    DimDate.YearMonth = :period
    AND DimScenario.ScenarioType = 'Actual'
    AND DimAccount.AccountType = 'Unknown'
    AND DimAccount.IsMonetary
    AND DimAccount.Measure = 'flow'
GROUP BY DimAccount.AccountNumber, DimAccount.AccountName
HAVING SUM(FactFinancials.TransactionCount) > 0
ORDER BY ABS(SUM(FactFinancials.Amount)) DESC, DimAccount.AccountNumber;
