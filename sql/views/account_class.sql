-- Grain: one row per account, and type, category and measure that it has or had.
-- Columns to fix before summing: AccountClassKey.
--
-- What views over several periods group by, so that an account whose type, category or measure changed has a row for
-- each. The name is the current one.

CREATE OR REPLACE VIEW AccountClass AS
SELECT
    COALESCE(AccountHistory.AccountClassKey, DimAccount.AccountKey) AS AccountClassKey,
    DimAccount.AccountKey,
    TRUE AS IsCurrent,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    DimAccount.AccountType,
    DimAccount.Category,
    DimAccount.ProfitSign,
    DimAccount.IsMonetary,
    DimAccount.Measure
FROM DimAccount
LEFT JOIN AccountHistory ON AccountHistory.AccountKey = DimAccount.AccountKey AND AccountHistory.IsCurrent

UNION ALL

SELECT DISTINCT
    AccountHistory.AccountClassKey,
    AccountHistory.AccountKey,
    FALSE AS IsCurrent,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    AccountHistory.AccountType,
    AccountHistory.Category,
    AccountHistory.ProfitSign,
    AccountHistory.IsMonetary,
    AccountHistory.Measure
FROM AccountHistory
INNER JOIN DimAccount ON DimAccount.AccountKey = AccountHistory.AccountKey
INNER JOIN AccountHistory AS Latest ON Latest.AccountKey = AccountHistory.AccountKey AND Latest.IsCurrent
WHERE AccountHistory.AccountClassKey <> Latest.AccountClassKey;
