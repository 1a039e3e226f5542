-- Grain: one row per accounting period and account type that scenario Actual covers; other types than profit by category.
--
-- CapEx is not a deposit, and a loan is not deferred income. Budget and Variance are NULL in a period without a budget.
-- HasNonOperating: whether the statement has lines below operating profit, so that all revenue and expense is more.

WITH Mapping AS (
    SELECT COUNT(*) > 0 AS HasNonOperating
    FROM StatementMapping
    WHERE Section = 'Non-operating'
)

SELECT
    FiscalYear,
    Period,
    IsComplete,
    HasBudget,
    AccountType,
    CASE WHEN AccountType IN ('Revenue', 'Expense', 'Unknown') THEN '' ELSE Category END AS Category,
    MAX(ProfitSign) AS ProfitSign,
    CAST(SUM(Actual) AS DECIMAL(38, 2)) AS Actual,
    CAST(SUM(Budget) AS DECIMAL(38, 2)) AS Budget,
    CAST(SUM(Variance) AS DECIMAL(38, 2)) AS Variance,
    HasNonOperating
FROM ActualVsBudget
CROSS JOIN Mapping
GROUP BY
    FiscalYear,
    Period,
    IsComplete,
    HasBudget,
    HasNonOperating,
    AccountType,
    CASE WHEN AccountType IN ('Revenue', 'Expense', 'Unknown') THEN '' ELSE Category END
ORDER BY FiscalYear, AccountType, Category, Period;
