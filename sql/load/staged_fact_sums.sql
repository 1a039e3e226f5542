-- Grain: one row per period and scenario in the stage table of FactFinancials, to compare with the slices' totals.

WITH StagedDay AS (
    SELECT
        CAST(DateKey AS VARCHAR(8)) AS DayDigits,
        ScenarioKey,
        COUNT(*) AS RowCount,
        SUM(Amount) AS Amount,
        SUM(BudgetAmount) AS BudgetAmount
    FROM StageFactFinancials
    GROUP BY DateKey, ScenarioKey
)

SELECT
    SUBSTRING(DayDigits, 1, 4) || '-' || SUBSTRING(DayDigits, 5, 2) AS Slice,
    ScenarioKey,
    CAST(SUM(RowCount) AS BIGINT) AS RowCount,
    CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(BudgetAmount) AS DECIMAL(38, 2)) AS BudgetAmount
FROM StagedDay
GROUP BY SUBSTRING(DayDigits, 1, 4) || '-' || SUBSTRING(DayDigits, 5, 2), ScenarioKey;
