-- Grain: one row per day, department, account and scenario that FactFinancials has more than once; none is a pass.
--
-- Of the days :first_date_key to :last_date_key, bound so that an engine finds their blocks.

SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, COUNT(*) AS RowCount
FROM FactFinancials
WHERE DateKey BETWEEN :first_date_key AND :last_date_key
GROUP BY DateKey, DepartmentKey, AccountKey, ScenarioKey
HAVING COUNT(*) > 1
ORDER BY DateKey, DepartmentKey, AccountKey, ScenarioKey;
