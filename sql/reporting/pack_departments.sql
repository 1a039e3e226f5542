-- Grain: one department, of one business unit or (:unit blank) of all.

SELECT DepartmentKey, DepartmentCode, DepartmentName, BusinessUnit, ParentDepartmentCode, IsInferred
FROM DimDepartment
WHERE :unit = '' OR BusinessUnit = :unit
ORDER BY DepartmentCode, DepartmentKey;
