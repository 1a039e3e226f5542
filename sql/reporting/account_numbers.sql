-- Grain: one account.

SELECT AccountKey, AccountNumber, AccountType
FROM DimAccount
ORDER BY AccountNumber;
