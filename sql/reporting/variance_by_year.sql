-- Grain: one row per calendar year and account type that scenario Actual covers.
--
-- Actual covers the whole year. Variance compares Budget with ActualWithBudget, which covers the periods with a budget.
-- All three are NULL in a year without any budget.

SELECT
    Year,
    AccountType,
    CAST(SUM(Actual) AS DECIMAL(18, 2)) AS Actual,
    CAST(SUM(CASE WHEN HasBudget THEN Actual END) AS DECIMAL(18, 2)) AS ActualWithBudget,
    CAST(SUM(Budget) AS DECIMAL(18, 2)) AS Budget,
    CAST(SUM(Variance) AS DECIMAL(18, 2)) AS Variance
FROM ActualVsBudget
GROUP BY Year, AccountType
ORDER BY Year, AccountType;
