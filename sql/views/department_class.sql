-- Grain: one row per department and business unit that it has or had.
-- Columns to fix before summing: DepartmentClassKey.
--
-- What views over several periods group by, so that a department whose business unit changed has a row for each. The
-- name is the current one.

CREATE OR REPLACE VIEW DepartmentClass AS
SELECT
    DimDepartment.DepartmentKey AS DepartmentClassKey,
    DimDepartment.DepartmentKey,
    TRUE AS IsCurrent,
    DimDepartment.DepartmentCode,
    DimDepartment.DepartmentName,
    DimDepartment.BusinessUnit
FROM DimDepartment

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
WHERE DepartmentHistory.DepartmentClassKey <> DepartmentHistory.DepartmentKey;
