-- Grain: one row per account and accounting period in which scenario Actual has lines, or was moved recently.
--
-- Monetary flows only: statistical accounts are not money, and a balance does not belong to one month. Moved is the
-- change of the amount after its first publication, in the three months up to the last load, so that the result does
-- not depend on the clock. :actuals_through is the last period that Actual covers, 9999-12 without a setting.

WITH BookedOrMoved AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.AccountKey,
        FactFinancials.Amount,
        FactFinancials.TransactionCount,
        CAST(0 AS DECIMAL(18, 2)) AS Moved,
        FactFinancials.BudgetAmount
    FROM FactFinancials
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    WHERE DimScenario.ScenarioType = 'Actual' AND DimDate.YearMonth <= :actuals_through

    UNION ALL

    SELECT
        Movements.Period AS YearMonth,
        Movements.AccountKey,
        CAST(0 AS DECIMAL(18, 2)) AS Amount,
        0 AS TransactionCount,
        Movements.Difference AS Moved,
        CAST(0 AS DECIMAL(18, 2)) AS BudgetAmount
    FROM Movements
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = Movements.ScenarioKey
    WHERE
        DimScenario.ScenarioType = 'Actual'
        AND Movements.Kind = 'movement'
        AND Movements.Measure = 'Amount'
        AND Movements.Period <= :actuals_through
        AND Movements.LoadedAt > (SELECT MAX(LoadedAt) - INTERVAL '92 days' FROM LoadLedger)
),

-- One group for each month of an account: with many accounts there are millions, each with what it groups by.
AccountMonth AS (
    SELECT
        YearMonth,
        AccountKey,
        SUM(Amount) AS Amount,
        SUM(TransactionCount) AS Lines,
        SUM(Moved) AS Moved,
        SUM(BudgetAmount) AS BudgetAmount
    FROM BookedOrMoved
    GROUP BY YearMonth, AccountKey
    HAVING SUM(TransactionCount) > 0 OR SUM(Moved) <> 0
)

SELECT
    AccountMonth.YearMonth AS Period,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    CAST(AccountMonth.Amount AS DECIMAL(38, 2)) AS Amount,
    CAST(AccountMonth.Lines AS BIGINT) AS Lines,
    CAST(AccountMonth.Moved AS DECIMAL(38, 2)) AS Moved,
    DimAccount.ProfitSign,
    CAST(AccountMonth.BudgetAmount AS DECIMAL(38, 2)) AS Budget
FROM AccountMonth
INNER JOIN DimAccount ON DimAccount.AccountKey = AccountMonth.AccountKey
WHERE DimAccount.IsMonetary AND DimAccount.Measure = 'flow'
ORDER BY AccountMonth.YearMonth, DimAccount.AccountNumber;
