-- Grain: one account of monetary flows, as classified: a row more for each classification that it had.

SELECT
    AccountClass.AccountClassKey,
    AccountClass.AccountNumber,
    AccountClass.AccountName,
    AccountClass.AccountType,
    AccountClass.Category,
    AccountClass.ProfitSign,
    DimAccount.IsInferred
FROM AccountClass
INNER JOIN DimAccount ON DimAccount.AccountKey = AccountClass.AccountKey
WHERE AccountClass.IsMonetary AND AccountClass.Measure = 'flow'
ORDER BY AccountClass.AccountNumber, AccountClass.AccountClassKey;
