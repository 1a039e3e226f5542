-- Grain: one row per scenario: its name, the number of its ledger lines in FactFinancials, and their money.

SELECT
    COALESCE(s.ScenarioName, '') AS ScenarioName,
    CAST(SUM(f.TransactionCount) AS BIGINT) AS Lines,
    CAST(SUM(f.Amount) AS DECIMAL(38, 2)) AS Amount
FROM FactFinancials AS f
LEFT JOIN DimScenario AS s ON s.ScenarioKey = f.ScenarioKey
GROUP BY s.ScenarioName;
