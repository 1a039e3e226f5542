-- Grain: one department; the code of the one above it, and whether that one exists.

SELECT
    Child.DepartmentCode AS Code,
    Child.ParentDepartmentCode AS ParentCode,
    Parent.DepartmentCode AS FoundCode
FROM DimDepartment AS Child
LEFT JOIN DimDepartment AS Parent ON LOWER(Parent.DepartmentCode) = LOWER(Child.ParentDepartmentCode)
WHERE NOT Child.IsInferred
ORDER BY Child.DepartmentCode;
