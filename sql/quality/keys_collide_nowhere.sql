-- Grain: one row per surrogate or natural key that a dimension has more than once; none is a pass.
--
-- Codes and names are compared case-insensitively, as they are matched when lines are read.

SELECT
    'DimDate' AS TableName,
    'DateKey' AS ColumnName,
    CAST(DateKey AS VARCHAR(256)) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimDate
GROUP BY DateKey
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimDate' AS TableName,
    'FullDate' AS ColumnName,
    CAST(FullDate AS VARCHAR(256)) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimDate
GROUP BY FullDate
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimDepartment' AS TableName,
    'DepartmentKey' AS ColumnName,
    CAST(DepartmentKey AS VARCHAR(256)) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimDepartment
GROUP BY DepartmentKey
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimDepartment' AS TableName,
    'DepartmentCode' AS ColumnName,
    UPPER(DepartmentCode) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimDepartment
GROUP BY UPPER(DepartmentCode)
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimAccount' AS TableName,
    'AccountKey' AS ColumnName,
    CAST(AccountKey AS VARCHAR(256)) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimAccount
GROUP BY AccountKey
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimAccount' AS TableName,
    'AccountNumber' AS ColumnName,
    UPPER(AccountNumber) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimAccount
GROUP BY UPPER(AccountNumber)
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimScenario' AS TableName,
    'ScenarioKey' AS ColumnName,
    CAST(ScenarioKey AS VARCHAR(256)) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimScenario
GROUP BY ScenarioKey
HAVING COUNT(*) > 1

UNION ALL

SELECT
    'DimScenario' AS TableName,
    'ScenarioName' AS ColumnName,
    UPPER(ScenarioName) AS KeyValue,
    COUNT(*) AS RowCount
FROM DimScenario
GROUP BY UPPER(ScenarioName)
HAVING COUNT(*) > 1

ORDER BY TableName, ColumnName, KeyValue;
