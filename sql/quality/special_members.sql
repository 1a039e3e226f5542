-- Grain: one dimension, how many of its members no reference file describes, and how many have one above them.
--
-- Small tables: where there is none, the lines of such members need not be looked for.

SELECT
    'dim_department' AS TableName,
    CAST(COUNT(CASE WHEN IsInferred THEN DepartmentKey END) AS BIGINT) AS Inferred,
    CAST(COUNT(ParentDepartmentCode) AS BIGINT) AS WithParent
FROM DimDepartment

UNION ALL

SELECT
    'dim_account' AS TableName,
    CAST(COUNT(CASE WHEN IsInferred THEN AccountKey END) AS BIGINT) AS Inferred,
    CAST(COUNT(ParentAccountNumber) AS BIGINT) AS WithParent
FROM DimAccount;
