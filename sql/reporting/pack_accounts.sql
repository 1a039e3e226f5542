-- Grain: one account of monetary flows.

SELECT AccountKey, AccountNumber, AccountName, AccountType, Category, ProfitSign, IsInferred
FROM DimAccount
WHERE IsMonetary AND Measure = 'flow'
ORDER BY AccountNumber, AccountKey;
