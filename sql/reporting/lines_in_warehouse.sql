-- Grain: one row: the number of ledger lines in FactFinancials, and their money over all scenarios.

SELECT
    CAST(COALESCE(SUM(TransactionCount), 0) AS BIGINT) AS Lines,
    CAST(COALESCE(SUM(Amount), 0) AS DECIMAL(18, 2)) AS Amount
FROM FactFinancials;
