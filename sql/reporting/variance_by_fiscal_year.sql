-- Grain: one row per fiscal year and account type that scenario Actual covers; other types than profit by category.
--
-- CapEx is not a deposit, and a loan is not deferred income.
--
-- Amounts are of complete periods; ActualIncomplete is what the others have. Variance compares Budget with
-- ActualWithBudget, which covers the complete periods with a budget. Each is NULL without such a period in the group.

SELECT
    FiscalYear,
    AccountType,
    CASE WHEN AccountType IN ('Revenue', 'Expense', 'Unknown') THEN '' ELSE Category END AS Category,
    MAX(ProfitSign) AS ProfitSign,
    CAST(SUM(CASE WHEN IsComplete THEN Actual END) AS DECIMAL(38, 2)) AS Actual,
    CAST(SUM(CASE WHEN IsComplete AND HasBudget THEN Actual END) AS DECIMAL(38, 2)) AS ActualWithBudget,
    CAST(SUM(CASE WHEN IsComplete THEN Budget END) AS DECIMAL(38, 2)) AS Budget,
    CAST(SUM(CASE WHEN IsComplete THEN Variance END) AS DECIMAL(38, 2)) AS Variance,
    CAST(SUM(CASE WHEN NOT IsComplete THEN Actual END) AS DECIMAL(38, 2)) AS ActualIncomplete
FROM ActualVsBudget
GROUP BY
    FiscalYear,
    AccountType,
    CASE WHEN AccountType IN ('Revenue', 'Expense', 'Unknown') THEN '' ELSE Category END
ORDER BY FiscalYear, AccountType, Category;
