-- Grain: one row per department and span of periods in which its attributes are the same.
-- Columns to fix before summing: one period between ValidFrom and ValidTo.
--
-- Joined by key and period, the attributes as they were; DimDepartment has them as they are. DepartmentClassKey is the same in
-- all spans with the same business unit: that of the first one is DepartmentKey.

CREATE OR REPLACE VIEW DepartmentSpan AS
SELECT
    DimDepartment.DepartmentKey,
    COALESCE(DepartmentHistory.ValidFrom, '0001-01') AS ValidFrom,
    CAST('9999-12' AS VARCHAR(7)) AS ValidTo,
    TRUE AS IsCurrent,
    COALESCE(DepartmentHistory.DepartmentClassKey, DimDepartment.DepartmentKey) AS DepartmentClassKey,
    DimDepartment.DepartmentCode,
    DimDepartment.DepartmentName,
    DimDepartment.BusinessUnit,
    DimDepartment.ParentDepartmentCode
FROM DimDepartment
LEFT JOIN DepartmentHistory ON DepartmentHistory.DepartmentKey = DimDepartment.DepartmentKey AND DepartmentHistory.IsCurrent

UNION ALL

SELECT
    DepartmentHistory.DepartmentKey,
    DepartmentHistory.ValidFrom,
    DepartmentHistory.ValidTo,
    FALSE AS IsCurrent,
    DepartmentHistory.DepartmentClassKey,
    DimDepartment.DepartmentCode,
    DepartmentHistory.DepartmentName,
    DepartmentHistory.BusinessUnit,
    DepartmentHistory.ParentDepartmentCode
FROM DepartmentHistory
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = DepartmentHistory.DepartmentKey
WHERE NOT DepartmentHistory.IsCurrent;
