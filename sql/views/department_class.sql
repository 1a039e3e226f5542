-- Grain: one row per department and business unit that it has or had.
-- Columns to fix before summing: DepartmentClassKey.
--
-- What views over several periods group by, so that a department whose business unit changed has a row for each. The
-- name is the current one.

CREATE OR REPLACE VIEW DepartmentClass AS
SELECT
    COALESCE(DepartmentHistory.DepartmentClassKey, DimDepartment.DepartmentKey) AS DepartmentClassKey,
    DimDepartment.DepartmentKey,
    TRUE AS IsCurrent,
    DimDepartment.DepartmentCode,
    DimDepartment.DepartmentName,
    DimDepartment.BusinessUnit
FROM DimDepartment
LEFT JOIN DepartmentHistory ON DepartmentHistory.DepartmentKey = DimDepartment.DepartmentKey AND DepartmentHistory.IsCurrent

UNION ALL

SELECT DISTINCT
    DepartmentHistory.DepartmentClassKey,
    DepartmentHistory.DepartmentKey,
    FALSE AS IsCurrent,
    DimDepartment.DepartmentCode,
    DimDepartment.DepartmentName,
    DepartmentHistory.BusinessUnit
FROM DepartmentHistory
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = DepartmentHistory.DepartmentKey
INNER JOIN DepartmentHistory AS Latest ON Latest.DepartmentKey = DepartmentHistory.DepartmentKey AND Latest.IsCurrent
WHERE DepartmentHistory.DepartmentClassKey <> Latest.DepartmentClassKey;
