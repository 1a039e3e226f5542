-- Grain: one account that a reference file describes without a type, and scenario in which it has lines; none is a pass.
--
-- Monetary flows only: neither revenue nor expense, they are in no profit. Gross is that of the rows of the fact.

SELECT
    DimAccount.AccountNumber,
    DimScenario.ScenarioName AS Scenario,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS Lines,
    CAST(SUM(ABS(FactFinancials.Amount)) AS DECIMAL(38, 2)) AS Gross
FROM DimAccount
INNER JOIN FactFinancials ON FactFinancials.AccountKey = DimAccount.AccountKey
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
WHERE
    DimAccount.AccountType = 'Unknown'
    AND NOT DimAccount.IsInferred
    AND DimAccount.IsMonetary
    AND DimAccount.Measure = 'flow'
GROUP BY DimAccount.AccountNumber, DimScenario.ScenarioName
HAVING SUM(FactFinancials.TransactionCount) > 0
ORDER BY SUM(ABS(FactFinancials.Amount)) DESC, DimAccount.AccountNumber, DimScenario.ScenarioName;
