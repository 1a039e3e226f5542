-- Grain: one row of FactFinancials whose Variance is not Amount - BudgetAmount; none is a pass.
--
-- Of the days :first_date_key to :last_date_key, bound so that an engine finds their blocks.

SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance
FROM FactFinancials
WHERE DateKey BETWEEN :first_date_key AND :last_date_key AND Variance <> Amount - BudgetAmount
ORDER BY DateKey, DepartmentKey, AccountKey, ScenarioKey;
