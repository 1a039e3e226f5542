-- Grain: one cell (scenario, period, department, account) published in a period that this load replaces or removes.
--
-- Of the days :first_date_key to :last_date_key. DateKey is compared with bound values, so that Redshift reads the blocks
-- of these days only.

INSERT INTO StagePublishedCell (
    PeriodNumber, ScenarioKey, DepartmentKey, AccountKey, IsLoaded, OldAmount, OldBudgetAmount, OldCount, HadBudget
)
SELECT
    StageSlice.PeriodNumber,
    FactFinancials.ScenarioKey,
    FactFinancials.DepartmentKey,
    FactFinancials.AccountKey,
    TRUE AS IsLoaded,
    CAST(SUM(FactFinancials.Amount) AS DECIMAL(18, 2)) AS OldAmount,
    CAST(SUM(FactFinancials.BudgetAmount) AS DECIMAL(18, 2)) AS OldBudgetAmount,
    CAST(SUM(FactFinancials.TransactionCount) AS BIGINT) AS OldCount,
    MAX(CASE WHEN FactFinancials.BudgetAmount <> 0 THEN 1 ELSE 0 END) AS HadBudget
FROM FactFinancials
INNER JOIN StageSlice
    ON StageSlice.PeriodNumber = CAST(FactFinancials.DateKey AS INTEGER) / CAST(100 AS INTEGER)
WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key AND StageSlice.IsLoaded
GROUP BY
    StageSlice.PeriodNumber, FactFinancials.ScenarioKey, FactFinancials.DepartmentKey, FactFinancials.AccountKey;
