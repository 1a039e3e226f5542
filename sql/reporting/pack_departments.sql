-- Grain: one department of a business unit; a row more for each business unit that it had. :unit blank for all.

SELECT
    DepartmentClass.DepartmentClassKey,
    DepartmentClass.DepartmentCode,
    DepartmentClass.DepartmentName,
    DepartmentClass.BusinessUnit,
    DimDepartment.ParentDepartmentCode,
    DimDepartment.IsInferred
FROM DepartmentClass
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = DepartmentClass.DepartmentKey
WHERE :unit = '' OR DepartmentClass.BusinessUnit = :unit
ORDER BY DepartmentClass.DepartmentCode, DepartmentClass.DepartmentClassKey;
