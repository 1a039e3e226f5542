-- Grain: one dimension, with its members that no file describes, that have one above them, or that lack a type.
--
-- Those that no file describes are not counted among those that lack a type.
--
-- Small tables: where there is none, the lines of such members need not be looked for.

SELECT
    'dim_department' AS TableName,
    CAST(COUNT(CASE WHEN IsInferred THEN DepartmentKey END) AS BIGINT) AS Inferred,
    CAST(COUNT(ParentDepartmentCode) AS BIGINT) AS WithParent,
    CAST(0 AS BIGINT) AS Untyped
FROM DimDepartment

UNION ALL

SELECT
    'dim_account' AS TableName,
    CAST(COUNT(CASE WHEN IsInferred THEN AccountKey END) AS BIGINT) AS Inferred,
    CAST(COUNT(ParentAccountNumber) AS BIGINT) AS WithParent,
    CAST(COUNT(CASE WHEN AccountType = 'Unknown' AND NOT IsInferred THEN AccountKey END) AS BIGINT) AS Untyped
FROM DimAccount;
