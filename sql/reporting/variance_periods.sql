-- Grain: one row per accounting period of ActualVsBudget.

SELECT DISTINCT FiscalYear, Period, IsComplete, HasBudget
FROM ActualVsBudget
ORDER BY FiscalYear, Period;
