-- Grain: one row per account and span of periods in which its attributes are the same.
-- Columns to fix before summing: one period between ValidFrom and ValidTo.
--
-- Joined by key and period, the attributes as they were; DimAccount has them as they are. AccountClassKey is the same
-- in all spans with the same type, category and measure; that of the first one is AccountKey.

CREATE OR REPLACE VIEW AccountSpan AS
SELECT
    DimAccount.AccountKey,
    COALESCE(AccountHistory.ValidFrom, '0001-01') AS ValidFrom,
    CAST('9999-12' AS VARCHAR(7)) AS ValidTo,
    TRUE AS IsCurrent,
    COALESCE(AccountHistory.AccountClassKey, DimAccount.AccountKey) AS AccountClassKey,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    DimAccount.AccountType,
    DimAccount.Category,
    DimAccount.ProfitSign,
    DimAccount.IsMonetary,
    DimAccount.Measure,
    DimAccount.ParentAccountNumber
FROM DimAccount
LEFT JOIN AccountHistory ON AccountHistory.AccountKey = DimAccount.AccountKey AND AccountHistory.IsCurrent

UNION ALL

SELECT
    AccountHistory.AccountKey,
    AccountHistory.ValidFrom,
    AccountHistory.ValidTo,
    FALSE AS IsCurrent,
    AccountHistory.AccountClassKey,
    DimAccount.AccountNumber,
    AccountHistory.AccountName,
    AccountHistory.AccountType,
    AccountHistory.Category,
    AccountHistory.ProfitSign,
    AccountHistory.IsMonetary,
    AccountHistory.Measure,
    AccountHistory.ParentAccountNumber
FROM AccountHistory
INNER JOIN DimAccount ON DimAccount.AccountKey = AccountHistory.AccountKey
WHERE NOT AccountHistory.IsCurrent;
