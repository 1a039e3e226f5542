-- Grain: one row per account and accounting period in which scenario Actual has lines, or was moved recently.
--
-- Monetary flows only: statistical accounts are not money, and a balance does not belong to one month. Moved is the
-- change of the amount after its first publication, in the three months up to the last load, so that the result does
-- not depend on the clock. :actuals_through is the last period that Actual covers, 9999-12 without a setting.

WITH BookedOrMoved AS (
    SELECT
        DimDate.YearMonth,
        FactFinancials.AccountKey,
        SUM(FactFinancials.Amount) AS Amount,
        SUM(FactFinancials.TransactionCount) AS Lines,
        CAST(0 AS DECIMAL(18, 2)) AS Moved,
        SUM(FactFinancials.BudgetAmount) AS BudgetAmount
    FROM FactFinancials
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    WHERE DimScenario.ScenarioType = 'Actual' AND DimDate.YearMonth <= :actuals_through
    GROUP BY DimDate.YearMonth, FactFinancials.AccountKey

    UNION ALL

    SELECT
        Movements.Period AS YearMonth,
        Movements.AccountKey,
        CAST(0 AS DECIMAL(18, 2)) AS Amount,
        0 AS Lines,
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
)

SELECT
    BookedOrMoved.YearMonth AS Period,
    DimAccount.AccountNumber,
    DimAccount.AccountName,
    CAST(SUM(BookedOrMoved.Amount) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(BookedOrMoved.Lines) AS BIGINT) AS Lines,
    CAST(SUM(BookedOrMoved.Moved) AS DECIMAL(38, 2)) AS Moved,
    DimAccount.ProfitSign,
    CAST(SUM(BookedOrMoved.BudgetAmount) AS DECIMAL(38, 2)) AS Budget
FROM BookedOrMoved
INNER JOIN DimAccount ON DimAccount.AccountKey = BookedOrMoved.AccountKey
WHERE DimAccount.IsMonetary AND DimAccount.Measure = 'flow'
GROUP BY BookedOrMoved.YearMonth, DimAccount.AccountNumber, DimAccount.AccountName, DimAccount.ProfitSign
HAVING SUM(BookedOrMoved.Lines) > 0 OR SUM(BookedOrMoved.Moved) <> 0
ORDER BY BookedOrMoved.YearMonth, DimAccount.AccountNumber;
