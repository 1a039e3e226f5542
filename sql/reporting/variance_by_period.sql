-- Grain: one row per accounting period and account type that scenario Actual covers; other types than profit by category.
--
-- CapEx is not a deposit, and a loan is not deferred income. Budget and Variance are NULL in a period without a budget.

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
    CAST(SUM(Variance) AS DECIMAL(38, 2)) AS Variance
FROM ActualVsBudget
GROUP BY
    FiscalYear,
    Period,
    IsComplete,
    HasBudget,
    AccountType,
    CASE WHEN AccountType IN ('Revenue', 'Expense', 'Unknown') THEN '' ELSE Category END
ORDER BY FiscalYear, AccountType, Category, Period;
