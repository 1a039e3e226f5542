-- Grain: one row per account of the trial balance of the period :period, and of the one before it that has balances.
--
-- Money is debit less credit.

SELECT
    Period,
    FiscalYear,
    AccountKey,
    AccountNumber,
    AccountName,
    AccountType,
    OpeningBalance,
    Movement,
    DeliveredOpening,
    DeliveredBalance
FROM TrialBalance
WHERE
    Period <= :period
    AND Period >= (
        SELECT COALESCE(MAX(Earlier.Period), :period)
        FROM TrialBalance AS Earlier
        WHERE Earlier.Period < :period
    )
ORDER BY Period, AccountNumber;
