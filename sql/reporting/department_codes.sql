-- Grain: one department.

SELECT DepartmentKey, DepartmentCode
FROM DimDepartment
ORDER BY DepartmentCode;
