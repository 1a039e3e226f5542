-- Grain: one accounting period of the fiscal year: the profit that the outlook expects; :unit blank for all.

SELECT
    Period,
    CAST(SUM(CASE WHEN AccountType = 'Revenue' THEN Amount ELSE -Amount END) AS DECIMAL(38, 2)) AS Profit
FROM Outlook
WHERE
    FiscalYear = :fiscal_year
    AND AccountType IN ('Revenue', 'Expense', 'Unknown')
    AND (:unit = '' OR BusinessUnit = :unit)
GROUP BY Period
ORDER BY Period;
