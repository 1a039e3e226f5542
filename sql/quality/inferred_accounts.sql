-- Grain: one account that ledger lines mention and no reference file describes; none is a pass.

SELECT
    DimAccount.AccountNumber,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS Lines
FROM DimAccount
INNER JOIN FactFinancials ON FactFinancials.AccountKey = DimAccount.AccountKey
WHERE DimAccount.IsInferred
GROUP BY DimAccount.AccountNumber
ORDER BY DimAccount.AccountNumber;
