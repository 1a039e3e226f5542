-- Grain: one row per key of FactFinancials that its dimension does not have; none is a pass.
--
-- Of the days :first_date_key to :last_date_key, bound so that an engine finds their blocks.

SELECT 'DateKey' AS ColumnName, CAST(FactFinancials.DateKey AS BIGINT) AS MissingKey, COUNT(*) AS RowCount
FROM FactFinancials
LEFT JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key AND DimDate.DateKey IS NULL
GROUP BY FactFinancials.DateKey

UNION ALL

SELECT 'DepartmentKey' AS ColumnName, FactFinancials.DepartmentKey AS MissingKey, COUNT(*) AS RowCount
FROM FactFinancials
LEFT JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key AND DimDepartment.DepartmentKey IS NULL
GROUP BY FactFinancials.DepartmentKey

UNION ALL

SELECT 'AccountKey' AS ColumnName, FactFinancials.AccountKey AS MissingKey, COUNT(*) AS RowCount
FROM FactFinancials
LEFT JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key AND DimAccount.AccountKey IS NULL
GROUP BY FactFinancials.AccountKey

UNION ALL

SELECT 'ScenarioKey' AS ColumnName, FactFinancials.ScenarioKey AS MissingKey, COUNT(*) AS RowCount
FROM FactFinancials
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
WHERE FactFinancials.DateKey BETWEEN :first_date_key AND :last_date_key AND DimScenario.ScenarioKey IS NULL
GROUP BY FactFinancials.ScenarioKey

ORDER BY ColumnName, MissingKey;
