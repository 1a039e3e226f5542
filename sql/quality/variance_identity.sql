-- Grain: one row of FactFinancials whose Variance is not Amount - BudgetAmount; none is a pass.

SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance
FROM FactFinancials
WHERE Variance <> Amount - BudgetAmount
ORDER BY DateKey, DepartmentKey, AccountKey, ScenarioKey;
