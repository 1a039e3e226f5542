-- Grain: one row: how many accounts have lines, and how many of them have no type. Monetary accounts only.

SELECT
    COUNT(DISTINCT DimAccount.AccountNumber) AS Accounts,
    COUNT(DISTINCT CASE WHEN DimAccount.AccountType = 'Unknown' THEN DimAccount.AccountNumber END) AS Untyped
FROM DimAccount
INNER JOIN FactFinancials ON FactFinancials.AccountKey = DimAccount.AccountKey
WHERE DimAccount.IsMonetary;
