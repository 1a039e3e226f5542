-- Grain: one row per day, department, account and scenario that FactFinancials has more than once; none is a pass.

SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, COUNT(*) AS RowCount
FROM FactFinancials
GROUP BY DateKey, DepartmentKey, AccountKey, ScenarioKey
HAVING COUNT(*) > 1
ORDER BY DateKey, DepartmentKey, AccountKey, ScenarioKey;
