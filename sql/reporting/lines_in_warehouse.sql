-- Grain: one row per scenario: its name, the number of its ledger lines in FactFinancials, and their money.

WITH ScenarioSum AS (
    SELECT
        ScenarioKey,
        SUM(TransactionCount) AS Lines,
        SUM(Amount) AS Amount
    FROM FactFinancials
    GROUP BY ScenarioKey
)

SELECT
    COALESCE(s.ScenarioName, '') AS ScenarioName,
    CAST(SUM(f.Lines) AS BIGINT) AS Lines,
    CAST(SUM(f.Amount) AS DECIMAL(38, 2)) AS Amount
FROM ScenarioSum AS f
LEFT JOIN DimScenario AS s ON s.ScenarioKey = f.ScenarioKey
GROUP BY s.ScenarioName;
