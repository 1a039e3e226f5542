-- Grain: one row per scenario and accounting period of FactFinancials, to compare with the built slices to the cent.
--
-- The period is derived from DateKey, not joined, so that a row with an unknown date is still counted.
-- Of the days :first_date_key to :last_date_key, bound so that an engine finds their blocks.

WITH LoadedDay AS (
    SELECT
        CAST(DateKey AS VARCHAR(8)) AS DayDigits,
        ScenarioKey,
        COUNT(*) AS RowCount,
        SUM(Amount) AS Amount,
        SUM(BudgetAmount) AS BudgetAmount
    FROM FactFinancials
    WHERE DateKey BETWEEN :first_date_key AND :last_date_key
    GROUP BY DateKey, ScenarioKey
)

SELECT
    ScenarioKey,
    SUBSTRING(DayDigits, 1, 4) || '-' || SUBSTRING(DayDigits, 5, 2) AS Period,
    CAST(SUM(RowCount) AS BIGINT) AS RowCount,
    CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(BudgetAmount) AS DECIMAL(38, 2)) AS BudgetAmount
FROM LoadedDay
GROUP BY ScenarioKey, SUBSTRING(DayDigits, 1, 4) || '-' || SUBSTRING(DayDigits, 5, 2)
ORDER BY ScenarioKey, Period;
